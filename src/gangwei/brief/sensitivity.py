"""Does a claim survive another definition, another way of counting, other clusters, or the loss of a board?

Each variant changes one thing; the last two change one of each kind together: all that lower the figure most, and all that
raise it most. What is followed is what the sentence states: the figure, a group of it, or the places it names.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from gangwei.claims import Answers, Claim, fact_key, facts, named
from gangwei.frame.columns import UNIT
from gangwei.frame.dataset import FACT
from gangwei.labels import Labels
from gangwei.measures.answer import Result
from gangwei.vocabulary import DEFINITIONS, GRAINS, MULTI_CITY, PLACES

MAX_BOARDS = 12
_ROW = re.compile(r"row(\d+)\.(\w+)")


@dataclass(frozen=True)
class Variant:
    """One other way to compute a claim."""

    kind: str
    label: str
    where: Mapping[str, str]
    value: float | None
    names: tuple[str, ...]
    survives: bool | None


@dataclass(frozen=True)
class Tornado:
    """All variants of a claim; `survives` is None when there was nothing to test."""

    claim: Claim
    unit: str
    base: float | None
    base_names: tuple[str, ...]
    variants: tuple[Variant, ...]
    survives: bool | None

    @property
    def low(self) -> float | None:
        """Smallest value of any variant or the base."""
        return min(self._values, default=None)

    @property
    def high(self) -> float | None:
        """Largest value of any variant or the base."""
        return max(self._values, default=None)

    @property
    def _values(self) -> list[float]:
        return [v for v in (self.base, *(v.value for v in self.variants)) if v is not None]


def _places(claim: Claim) -> bool:
    return claim.track == "all" or claim.track.startswith("top")


def _names(claim: Claim, result: Result) -> tuple[str, ...]:
    if not _places(claim):
        return ()
    k = len(named(result)) if claim.track == "all" else int(claim.track.removeprefix("top"))
    return tuple(r["id"] for r in named(result)[:k])


def _group(track: str, base: Result) -> str:
    """What is followed, `row1.value` as the value of the group that stands first: a variant may put another one there."""
    found, rows = _ROW.fullmatch(track), named(base)
    if found is None or len(rows) < int(found[1]):
        return track
    return f"is_{fact_key(rows[int(found[1]) - 1]['id'])}.{found[2]}"


def _tracked(claim: Claim, result: Result, labels: Labels, base_names: tuple[str, ...]) -> float | None:
    """The value that the tornado draws: the stated fact, or the joint share of the places that the claim names."""
    if not _places(claim):
        return result.value if claim.track == "value" else facts(result, labels)[0].get(claim.track)
    if not base_names:
        return None
    shares = {r["id"]: r for r in result.rows.to_dicts()}
    if claim.track == "all":
        return float(sum(1 for n in base_names if n in shares))
    if result.measure.kind == "lq":
        value: float | None = shares[base_names[0]]["value"] if base_names[0] in shares else None
        return value
    total = result.denominator
    return sum(shares[n]["numerator"] for n in base_names if n in shares) / total if total else None


def variants(answers: Answers, labels: Labels, claim: Claim) -> list[tuple[str, str, dict[str, str]]]:
    """(kind, label, filters) of every variant that the vocabulary allows for a claim."""
    ds, base = answers.ds, answers.ask(claim.question)
    apart = ds.codebook.toml("measures/settings.toml")["scopes_apart"]
    out = []
    if "definition" not in claim.skip:
        out += [
            ("definition", labels.code("definition", d), {"definition": d}) for d in DEFINITIONS if d != base.definition
        ]
    if "grain" not in claim.skip:
        out += [("grain", labels.code("grain", g), {"grain": g}) for g in GRAINS if g != base.grain]
    if base.by in PLACES and ds.rows(f"SELECT count(*) FROM {FACT} f WHERE f.w > 0 AND f.w < {UNIT}")[0][0]:
        out += [("place", labels.code("multi_city", r), {"multi_city": r}) for r in MULTI_CITY[1:]]
    if base.by == "city" and ds.rows(f"SELECT count(*) FROM {FACT} f WHERE f.county % 100 > 80")[0][0]:
        out.append(("place", labels.code("roll_up", "county"), {"roll_up": "county"}))
    if base.by == "cluster" or "cluster" in base.where:
        out += [("scope", labels.code("scope", s), {"scope": s}) for s in ds.scopes if s not in {base.scope, *apart}]
    if len(ds.boards) > 1 and "board" not in claim.skip:
        sizes = ds.rows("SELECT board, count(*) FROM ads WHERE board IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1")
        largest = sorted(b for b, _ in sizes[:MAX_BOARDS])
        out += [
            ("board", labels.text("without").format(board=labels.code("board", b)), {"without_board": b})
            for b in largest
        ]
    return out


def tornado(answers: Answers, labels: Labels, claim: Claim, settings: Mapping[str, Any]) -> Tornado:
    """Compute every variant of a claim and its verdict by the stated margin."""
    base = answers.ask(claim.question)
    stated = claim
    claim = replace(claim, track=_group(claim.track, base))
    names = _names(claim, base)
    value = _tracked(claim, base, labels, names)
    unit = base.measure.unit
    if _places(claim):
        unit = "places" if claim.track == "all" else unit if base.measure.kind == "lq" else "share"
    elif claim.track.endswith(".count"):
        unit = "openings"

    nothing = value is None or not math.isfinite(value) or base.numerator == 0

    def one(kind: str, label: str, where: dict[str, str]) -> Variant:
        r = answers.ask(claim.question, where)
        other, other_names = _tracked(claim, r, labels, names), _names(claim, r)
        same = set(names) == set(other_names) if _places(claim) else _near(value, other, settings)
        return Variant(kind, label, where, other, other_names, None if nothing else same)

    found = [one(*v) for v in variants(answers, labels, claim)]
    for key, pick in (("joint_low", min), ("joint_high", max)):
        ends = [
            pick(
                (v for v in found if v.kind == kind and v.value is not None),
                key=lambda v: (v.value or 0.0, v.label),
                default=None,
            )
            for kind in dict.fromkeys(v.kind for v in found)
        ]
        moved = [v for v in ends if v is not None and v.value is not None and value is not None and v.value != value]
        moved = [v for v in moved if (v.value < value) == (pick is min)]  # type: ignore[operator]
        if len(moved) > 1:
            together = {k: x for v in moved for k, x in v.where.items()}
            found.append(one("joint", labels.text(key), together))
    tested = [v.survives for v in found if v.survives is not None]
    return Tornado(stated, unit, value, names, tuple(found), None if nothing or not tested else all(tested))


def _near(base: float | None, other: float | None, settings: Mapping[str, Any]) -> bool:
    return base is not None and other is not None and abs(other - base) <= settings["survive_margin"] * abs(base)
