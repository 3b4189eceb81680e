"""The plan of the synthetic ads: what ad i is, from (seed, i) alone, so that any chunking gives the same ads.

Ads come in cells of 64 that share a few employers; the slot within the cell says whether an ad is a first posting, a repeat,
a sibling, part of a campaign, an agency copy or a single. A fixed stride shuffles the cells over the whole run.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gangwei.synth import pay as synth_pay
from gangwei.synth.draws import I64, U64, Mask, below, chance, mix, unit
from gangwei.synth.text import (
    BLURB_AI,
    BLURB_DEFENCE,
    CONTACT,
    DEFENCE,
    DUTY,
    EDIT,
    EMPLOYER,
    ENGLISH,
    FAM,
    FURNITURE,
    HTML_LAYOUTS,
    LAYOUT,
    LAYOUTS,
    LEAD,
    ML,
    N_PARAMETERS,
    NEED,
    STOCK,
    TITLE,
    TRADITIONAL,
    TRAP,
    USER,
)
from gangwei.synth.words import FORMS, STYLES, Words

CELL = 64
KINDS = (
    *("base", "recapture", "light_edit", "other_board", "contact_changed", "salary_tweak", "repost", "sibling_role"),
    *("sibling_level", "campaign", "agency_copy", "anonymous_copy", "stock"),
)
K = {k: i for i, k in enumerate(KINDS)}
# opening, kind, employer of the cell, opening whose text it shares
_SLOTS: tuple[tuple[int, str, int, int], ...] = (
    *((0, "base", 0, 0), (0, "recapture", 0, 0), (0, "light_edit", 0, 0), (0, "other_board", 0, 0)),
    *((1, "base", 0, 1), (1, "contact_changed", 0, 1), (2, "base", 0, 2), (2, "salary_tweak", 0, 2)),
    *((3, "base", 0, 3), (3, "repost", 0, 3), (4, "sibling_role", 0, 4), (5, "sibling_level", 0, 0)),
    *((6, "campaign", 0, 6), (7, "campaign", 0, 6), (8, "campaign", 0, 6)),
    *((9, "base", 1, 9), (9, "agency_copy", 1, 9), (10, "base", 1, 10), (10, "anonymous_copy", 1, 10)),
    *((11, "stock", 2, 11), (12, "stock", 3, 11), (13, "base", 1, 13), (13, "other_board", 1, 13)),
    *((14, "base", 2, 14), (14, "recapture", 2, 14), (15, "base", 3, 15), (15, "light_edit", 3, 15)),
    *((16, "base", 3, 16), (16, "repost", 3, 16), (16, "contact_changed", 3, 16)),
    *((17, "base", 4, 17), (17, "recapture", 4, 17), (17, "recapture", 4, 17), (18, "base", 5, 18)),
    *((18, "recapture", 5, 18), (18, "repost", 5, 18), (19, "base", 6, 19), (19, "other_board", 6, 19)),
    *((19, "recapture", 6, 19), (20, "base", 7, 20), (20, "recapture", 7, 20)),
    *((21 + i, "base", i % 12, 21 + i) for i in range(23)),
)
assert len(_SLOTS) == CELL
DAYS = 700
PLAIN_TAILS = 6  # the first tails of the list say nothing about the work
FIRST_DAY = "2023-01-01"


@dataclass(frozen=True)
class Size:
    """What depends on the number of ads: the stride of the shuffle and the number of employers."""

    ads: int
    stride: int
    shift: int
    employers: int

    @staticmethod
    def of(ads: int, seed: int) -> Size:
        """Sizes for a run of `ads`."""
        stride = max(1, int(ads * 0.6180339887)) | 1
        while gcd(stride, ads) != 1:
            stride += 2
        return Size(ads, stride, (seed * 7919) % ads, max(40, ads // 20))


@dataclass(frozen=True)
class Plan:
    """Columns of one chunk; one entry an ad."""

    number: I64
    kind: I64
    opening: I64
    campaign: I64
    employer: I64
    named: Mask
    agency: I64
    anonymous: I64
    family: I64
    level: I64
    title: I64
    title_tail: I64
    place: I64
    city: I64
    board: I64
    pay: I64
    education: I64
    experience: I64
    posted: I64
    captured: I64
    posted_form: I64
    name_form: I64
    address: I64
    tags: I64
    english: Mask
    traditional: Mask
    parameters: I64


@dataclass(frozen=True)
class Tables:
    """Cumulative weights and per-family ranges that the plan looks up."""

    families: npt.NDArray[np.float64]
    cities: npt.NDArray[np.float64]
    ai_cities: npt.NDArray[np.float64]
    place_forms: npt.NDArray[np.float64]
    ai: Mask
    style: I64
    pay: I64
    edu: I64
    pay_forms: npt.NDArray[np.float64]
    day_start: int
    hour_start: int
    defence: Mask


def _cumulative(weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(np.cumsum(weights) / weights.sum())


PLACE_WEIGHTS = {
    "plain": 52, "dash": 15, "split": 9, "full": 7, "county": 6, "multi": 3, "ambiguous": 2, "none": 3, "dot": 3,
}  # fmt: skip


def tables(words: Words) -> Tables:
    """Look-up tables from the word lists."""
    _, starts = synth_pay.pay_table()
    grid = np.array(synth_pay.GRID)
    pay = np.array([[np.searchsorted(grid, v) for v in f["pay"]] for f in words.families], np.int64)
    forms = np.array([[synth_pay.HABITS[b].get(f, 0) for f in synth_pay.FORMS] for b in synth_pay.BOARDS], np.float64)
    return Tables(
        families=_cumulative(words.family_weights),
        cities=_cumulative(np.array([float(c["weight"]) for c in words.cities])),
        ai_cities=_cumulative(np.array([float(c["ai_weight"]) for c in words.cities])),
        place_forms=_cumulative(np.array([float(PLACE_WEIGHTS[f]) for f in FORMS])),
        ai=np.array([f.get("tier", "none") != "none" for f in words.families]),
        style=np.array([STYLES.index(f.get("style", "office")) for f in words.families], np.int64),
        pay=np.minimum(pay, len(grid) - 1),
        edu=np.array([f["edu"] for f in words.families], np.int64),
        pay_forms=np.cumsum(forms, axis=1) / forms.sum(axis=1, keepdims=True),
        day_start=starts["day"],
        hour_start=starts["hour"],
        defence=np.array([e["defence"] not in ("", "none", "university") for e in words.employers]),
    )


def real_employer(employer: I64, count: int) -> I64:
    """Index of the real employer behind an entity number, or -1 for an invented one (about 4 % are real)."""
    return np.where(employer % 24 == 5, (employer // 24) % count, -1)


class _Draw(NamedTuple):
    """Where each ad of a chunk stands, and the seeds of its cell, opening, shared text, own words and employer."""

    kind: I64
    op: I64
    cell: I64
    family: I64
    style: I64
    root: np.uint64
    by_cell: U64
    by_opening: U64
    by_text: U64
    by_ad: U64
    by_employer: U64

    def of(self, kind: str) -> Mask:
        """The ads of a kind."""
        return np.asarray(self.kind == K[kind])

    def among(self, *kinds: str) -> Mask:
        """The ads of any of the kinds."""
        return np.isin(self.kind, [K[k] for k in kinds])

    def seed(self, n: I64, salt: int) -> U64:
        """The seeds of things by their number."""
        return mix(n.astype(np.uint64) ^ self.root, salt)


def plan(first: int, count: int, seed: int, size: Size, words: Words, look: Tables) -> Plan:
    """Plan the ads first..first+count-1 of a run."""
    number = np.arange(first, first + count, dtype=np.int64)
    logical = (number * size.stride + size.shift) % size.ads
    cell, slot = logical // CELL, logical % CELL
    table = np.array([(o, K[k], e, t) for o, k, e, t in _SLOTS], np.int64)
    op, kind, local, text_op = (table[slot, i] for i in range(4))
    root = np.uint64((seed * 0x2545F4914F6CDD1D + 0x632BE59BD9B4E019) & 0xFFFFFFFFFFFFFFFF)
    opening = cell * CELL + op
    by_cell = mix(cell.astype(np.uint64) ^ root, 1)
    o, t = (mix((cell * CELL + x).astype(np.uint64) ^ root, 2) for x in (op, text_op))
    a = mix(logical.astype(np.uint64) ^ root, 3)
    employer = (unit(mix(by_cell, 4) + local.astype(np.uint64), 5) ** 1.7 * size.employers).astype(np.int64)
    e = mix(employer.astype(np.uint64) ^ root, 6)
    family = np.searchsorted(look.families, unit(t, 10), side="right").astype(np.int64)
    draw = _Draw(kind, op, cell, family, look.style[family], root, by_cell, o, t, a, e)
    real = real_employer(employer, len(words.employers))
    defence = (real >= 0) & look.defence[np.maximum(real, 0)]

    level = _levels(draw)
    english = chance(t, 12, 0.01) & ~draw.of("stock")
    traditional = chance(t, 13, 0.005) & ~english
    city, place, form = _places(draw, words, look)
    board = _boards(draw)
    education, experience = _requirements(draw, level, look)
    posted, captured = _days(draw)
    p = _parameters(draw, board, english, traditional, defence, words, look)
    edited = draw.among("light_edit", "agency_copy")
    tail = np.where(chance(o, 62, 0.22), below(o, 63, words.lists["titles_tail"][1]), -1)
    tail = np.where(edited, np.where(tail >= 0, -1, below(a, 63, PLAIN_TAILS)), tail)
    return Plan(
        number=number, kind=kind, opening=opening,
        campaign=np.where(draw.of("campaign"), cell, -1),
        employer=employer,
        named=~chance(o, 64, 0.12),
        agency=np.where(draw.of("agency_copy"), below(a, 65, 5000), -1),
        anonymous=np.where(draw.of("anonymous_copy"), below(a, 66, words.lists["anonymous"][1]), -1),
        family=family, level=np.where(english & ~draw.of("sibling_level"), 0, level), title=p[:, TITLE],
        title_tail=np.where(english, -1, tail),
        place=place, city=city, board=board,
        pay=_pay(draw, level, board, look),
        education=education, experience=experience,
        posted=posted, captured=captured,
        posted_form=np.searchsorted(np.cumsum([0.84, 0.05, 0.03, 0.03, 0.05]), unit(a, 67)).clip(0, 4),
        name_form=np.searchsorted(np.cumsum([0.84, 0.06, 0.04, 0.03, 0.03]), unit(o, 68)).clip(0, 4),
        address=np.where(chance(o, 69, 0.4) & (form < 5), below(o, 70, 1 << 30), -1),
        tags=np.where(chance(e, 71, 0.5), below(e, 72, 1 << 30), -1),
        english=english, traditional=traditional, parameters=p,
    )  # fmt: skip


def _levels(draw: _Draw) -> I64:
    """The level that a title names; 0 = none."""
    sibling = draw.of("sibling_level")
    seed = np.where(sibling, draw.by_opening, draw.by_text).astype(np.uint64)
    level = np.searchsorted(np.cumsum([0.72, 0.08, 0.12, 0.05, 0.03]), unit(seed, 11)).clip(0, 4).astype(np.int64)
    level = np.where(sibling, 2, np.where(draw.op == 0, 0, level))
    return np.where((draw.style > 0) & ~sibling, 0, level)


def _places(draw: _Draw, words: Words, look: Tables) -> tuple[I64, I64, I64]:
    """City, the writing of it, and the form of that writing."""
    op = draw.op
    shared = np.where(np.isin(op, (4, 5)), 0, np.where(np.isin(op, (7, 8)), 6, op))
    c = draw.seed(draw.cell * CELL + shared, 7)
    city = np.where(
        look.ai[draw.family],
        np.searchsorted(look.ai_cities, unit(c, 1), side="right"),
        np.searchsorted(look.cities, unit(c, 1), side="right"),
    )
    city = (city + np.where(op == 7, 3, np.where(op == 8, 11, 0))) % len(words.cities)
    form = np.searchsorted(look.place_forms, unit(c, 2), side="right")
    form = np.where(draw.of("campaign"), FORMS.index("plain"), form)
    runs = words.place_runs[city, form]
    return city, runs[:, 0] + below(c, 3, runs[:, 1]), form


def _boards(draw: _Draw) -> I64:
    """The board that carries the ad."""
    own = np.where(draw.of("campaign"), draw.by_text, draw.by_opening).astype(np.uint64)
    seed = np.where(draw.of("agency_copy"), draw.by_ad, own).astype(np.uint64)
    first = below(own, 20, len(synth_pay.BOARDS))
    another = (first + 1 + below(draw.by_ad, 20, 4)) % len(synth_pay.BOARDS)
    return np.where(draw.of("other_board"), another, below(seed, 20, 5))


def _days(draw: _Draw) -> tuple[I64, I64]:
    """Days of posting and of capture, counted from FIRST_DAY."""
    o, a = draw.by_opening, draw.by_ad
    first = below(o, 30, DAYS)
    edited = draw.among("light_edit", "contact_changed", "salary_tweak", "other_board")
    later = np.select([draw.of("repost"), edited], [61 + below(a, 32, 90), 1 + below(a, 32, 25)], 0)
    captured = first + below(o, 31, 20) + later + np.where(draw.of("recapture"), 7 + below(a, 33, 40), 0)
    return first + np.where(draw.among("repost", "other_board"), later, 0), captured


def _parameters(
    draw: _Draw, board: I64, english: Mask, traditional: Mask, defence: Mask, words: Words, look: Tables
) -> I64:
    """What the text is written from, shape (ads, N_PARAMETERS); see synth.text."""
    t, a, e, family = draw.by_text, draw.by_ad, draw.by_employer, draw.family
    stock, chinese = draw.of("stock"), ~english & ~draw.of("stock")
    p = np.full((len(family), N_PARAMETERS), -1, np.int64)
    p[:, FAM] = family
    p[:, DUTY] = mix(t, 41).view(np.int64)
    p[:, NEED] = (
        np.where(draw.of("sibling_level"), mix(draw.by_opening, 42), mix(t, 42)).astype(np.uint64).view(np.int64)
    )
    p[:, EMPLOYER] = e.view(np.int64)
    p[:, EDIT] = np.where(draw.among("light_edit", "agency_copy"), mix(a, 43).view(np.int64), 0)
    layout = np.where(draw.among("other_board", "agency_copy"), a, t).astype(np.uint64)
    page = below(layout, 44, 100)
    plain_layouts, html_layouts = np.array([i for i in range(LAYOUTS) if i not in HTML_LAYOUTS]), np.array(HTML_LAYOUTS)
    p[:, LAYOUT] = np.where(
        page < 17, html_layouts[below(layout, 45, 3)], plain_layouts[below(layout, 45, len(plain_layouts))]
    )
    contact = np.where(draw.of("contact_changed"), a, t).astype(np.uint64)
    has_contact = chance(t, 46, 0.13) | draw.of("contact_changed")
    p[:, CONTACT] = np.where(has_contact, (mix(contact, 47) | np.uint64(1)).view(np.int64), 0)
    p[:, FURNITURE] = np.where(board == 0, np.where(chance(layout, 48, 0.5), 1, 0), np.where(page >= 96, 2, 0))
    office = (draw.style == 0) & chinese
    user = office & ~look.ai[family] & chance(t, 49, 0.018)
    p[:, USER] = np.where(user, below(t, 50, words.lists["need_user"][1]), -1)
    traps = words.fam[family, 7]
    p[:, TRAP] = np.where((traps > 0) & chance(t, 51, 0.25) & chinese, below(t, 52, traps), -1)
    arms = (defence & chance(t, 53, 0.5)) | chance(t, 54, 0.003)
    p[:, DEFENCE] = np.where(arms & office, below(t, 55, words.lists["need_defence"][1]), -1)
    p[:, BLURB_AI] = chance(e, 56, 0.07)
    p[:, BLURB_DEFENCE] = defence & chance(e, 57, 0.6)
    p[:, LEAD] = np.where(draw.of("agency_copy"), below(a, 58, words.lists["agency_lead"][1]), -1)
    p[:, STOCK] = np.where(stock, below(draw.by_cell, 59, words.lists["stock"][1]), -1)
    p[:, ENGLISH] = english
    p[:, TRADITIONAL] = traditional
    p[:, ML] = english & chance(t, 60, 0.04)
    p[:, TITLE] = np.where(
        english,
        words.lists["english_titles"][0] + _english_title(t, p[:, ML]),
        words.fam[family, 0] + below(t, 61, words.fam[family, 1]),
    )
    return p


def _english_title(t: U64, ml: I64) -> I64:
    """The third English title is the machine-learning one."""
    others = np.array([0, 1, 3, 4, 5])
    return np.where(ml > 0, 2, others[below(t, 61, 5)])


def _requirements(draw: _Draw, level: I64, look: Tables) -> tuple[I64, I64]:
    """Row of the education table and of EXPERIENCE."""
    o, t = draw.by_opening, draw.by_text
    edu = look.edu[draw.family]
    step = edu[:, 0] + below(t, 14, edu[:, 1] - edu[:, 0] + 1)
    step = np.minimum(step + draw.of("sibling_level"), 6)
    starts = np.cumsum([0, *(len(x) for x in synth_pay.EDUCATION)])
    counts = np.array([len(x) for x in synth_pay.EDUCATION])
    education = starts[step] + below(o, 15, counts[step])
    experience = below(t, 16, 10)
    experience = np.where(level >= 2, np.where(level == 4, 10, 3), experience)
    return education, np.where(draw.style == 2, 10, experience)


def _pay(draw: _Draw, level: I64, board: I64, look: Tables) -> I64:
    """Row of the pay table."""
    o, style = draw.by_opening, draw.style
    low, high = look.pay[draw.family, 0], look.pay[draw.family, 1]
    step = low + below(o, 21, np.maximum((high - low) * 2 // 3, 1)) + (level == 2) * 3 + (level == 3) * 4 - (level == 1)
    step = np.clip(step + draw.of("salary_tweak"), 0, len(synth_pay.GRID) - 1)
    form_u = unit(np.where(draw.of("other_board"), draw.by_ad, o).astype(np.uint64), 22)
    form = (look.pay_forms[board] < form_u[:, None]).sum(axis=1).clip(0, len(synth_pay.FORMS) - 1)
    row = (form * len(synth_pay.GRID) + step) * len(synth_pay.RATIOS) + below(o, 23, len(synth_pay.RATIOS))
    by_day = ((style == 1) & chance(o, 24, 0.1)) | ((style == 2) & chance(o, 24, 0.9))
    by_hour = (style == 1) & chance(o, 25, 0.06)
    row = np.where(by_day, look.day_start + below(o, 26, len(synth_pay.DAY)), row)
    return np.where(by_hour, look.hour_start + below(o, 26, len(synth_pay.HOUR)), row)
