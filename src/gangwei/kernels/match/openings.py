"""The state of a matching run: clusters of buckets, links between employers, the ledger, spells.

Every array is indexed by the position of an ad in canonical order, so that buckets may come in any order and the result
is the same for one bucket or many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import pairwise
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from numba import njit

from gangwei.kernels.hashing import mix
from gangwei.kernels.match import judging, links
from gangwei.kernels.match.cluster import cluster_blocks
from gangwei.kernels.match.ledger import bound
from gangwei.kernels.match.packed import Packed
from gangwei.kernels.match.rarity import Rarity
from gangwei.kernels.strings import sealed
from gangwei.stage_tables import MATCHED

Positions = Mapping[int, npt.NDArray[np.int64]]
NONE_DAY, LAST_DAY = -(2**31), 2**31 - 1


def block_of(p: Packed) -> npt.NDArray[np.uint64]:
    """Block of each ad: its employer, or title and city where it names none."""
    employer = p.who[:, 0]
    if (employer != 0).all():
        return employer.copy()
    key, city = (p.facts[:, i].view(np.uint64) for i in (judging.KEY, judging.CITY))
    return np.where(employer == 0, mix(key, city) | np.uint64(1), employer)


class Openings:
    """Openings of ads while they are being found; `ad_id` names them, one unique key for each position."""

    def __init__(self, ad_id: npt.NDArray[np.uint64], params: npt.NDArray[np.float64], stock: int) -> None:
        n = ad_id.size
        self.ad_id, self.params, self.stock = ad_id, params, stock
        self.leader = np.arange(n, dtype=np.int64)
        self.moved: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]] = []
        self.apart: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]] = []
        self.reason = np.zeros(n, np.uint8)
        self.score = np.zeros(n, np.float32)
        self.campaign = np.full(n, -1, np.int64)
        self.first, self.last = np.full(n, NONE_DAY, np.int32), np.full(n, NONE_DAY, np.int32)
        self.flags = np.zeros(n, np.uint8)
        self.source_key = np.zeros(n, np.uint64)
        self.rarity = Rarity(n)
        self.counting = Lock()

    def note(self, table: pa.Table, at: int) -> None:
        """Keep what is asked of every ad later; `table` holds the signatures of the ads from position `at` on."""
        names = {"first": "first_day", "last": "last_day", "flags": "flags", "source_key": "source_key"}
        for name, column in names.items():
            getattr(self, name)[at : at + table.num_rows] = table.column(column).to_numpy()

    def cluster(self, p: Packed) -> npt.NDArray[np.int64]:
        """Cluster rows that hold whole blocks; returns the rows that became representatives and have a text.

        Several threads may do so at once with rows of different blocks, and `link` those of different cities.
        """
        city, text = p.facts[:, judging.CITY] == 0, p.facts[:, judging.TEXT] == 0
        rank = (city.astype(np.uint64) * np.uint64(2) + text.astype(np.uint64)) << np.uint64(33)
        block = block_of(p)
        order = np.argsort(block)
        starts = canonical(order, block, rank + self._age(p.pos), self.ad_id[p.pos])
        n = p.size
        leader, reason = np.arange(n), np.zeros(n, np.uint8)
        score, campaign = np.zeros(n, np.float32), np.full(n, -1, np.int64)
        cluster_blocks(
            order, starts, p.facts, p.bag, p.bag_ptr, sealed(p.grams.view()), p.ptr, p.rate, self.params, leader, reason, score,
            campaign,
        )  # fmt: skip
        pos = p.pos
        self.leader[pos], self.reason[pos], self.score[pos] = pos[leader], reason, score
        self.campaign[pos] = np.where(campaign >= 0, pos[campaign], -1)
        leads = np.flatnonzero((leader == np.arange(n)) & ~text)
        with self.counting:
            self.rarity.count(p, leads)
        return leads

    def _age(self, pos: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
        """Rank of the first day; ads without a day come last."""
        day = self.first[pos].astype(np.int64)
        return (np.where(day == NONE_DAY, LAST_DAY, day) - NONE_DAY).astype(np.uint64)

    def judge(self, same: Iterable[tuple[int, int]], apart: Iterable[tuple[int, int]]) -> None:
        """Apply the ledger of source keys: `same` joins the opening of b to that of a, `apart` takes b out of that of a.

        What is taken out takes along the ads that `same` binds to it: openings are parted as the rules made them, lest a join
        brings along more than was judged, and once more after the joins. No pair of `apart` may be bound by `same`. What is to
        stay apart is kept for `close`, since links come later.
        """
        same, apart = tuple(same), tuple((a, b) for a, b in apart if a != b)
        groups = bound(same)
        at = {k: np.flatnonzero(self.source_key == np.uint64(k)) for k in {k for pair in (*same, *apart) for k in pair}}
        self.apart += [(at[a], at[b]) for a, b in apart]
        self._part(apart, at, groups)
        for a, b in same:
            for x in at[a][:1]:
                for y in at[b]:
                    first, second = self.leader[x], self.leader[y]
                    if first != second:
                        self.leader[self.leader == second] = first
                        self.reason[second], self.score[second] = judging.JUDGED, 1.0
        self._part(apart, at, groups)

    def _part(self, apart: Iterable[tuple[int, int]], at: Positions, groups: Mapping[int, frozenset[int]]) -> None:
        """Part the openings that hold both keys of a pair."""
        for a, b in apart:
            for opening in np.intersect1d(self.leader[at[a]], self.leader[at[b]]):
                these, those = (np.concatenate([at[k] for k in groups.get(key, (key,))]) for key in (a, b))
                self._take_out(opening, these, those)

    def _take_out(self, opening: np.int64, these: npt.NDArray[np.int64], those: npt.NDArray[np.int64]) -> None:
        """Ads of one side leave an opening that holds both: `those`, or `these` where one of `those` leads it."""
        leaving = next(k for k in (those, these) if opening not in k)
        leaving = leaving[self.leader[leaving] == opening]
        lead = leaving[np.lexsort((self.ad_id[leaving], self._age(leaving)))[0]]
        self.leader[leaving] = lead
        self.reason[leaving], self.score[leaving] = judging.JUDGED, 1.0
        self.reason[lead], self.score[lead] = judging.ALONE, 0.0

    def link(self, p: Packed) -> None:
        """Join representatives of hidden employers, agencies and brands to the opening they stand for.

        `p` holds all representatives of some cities, when all ads are clustered; `close` ends the linking.
        """
        alive = self.leader[p.pos] == p.pos
        if not alive.all():
            p = p.take(np.flatnonzero(alive))
        rows, to, why, score = links.link(p, self._age(p.pos), self.ad_id[p.pos], self.params, self.stock, self.rarity)
        if rows.size == 0:
            return
        rows, to = p.pos[rows], p.pos[to]
        self.reason[rows], self.score[rows] = why, score
        self.moved.append((rows, to))

    def close(self) -> None:
        """Move the members of representatives that were linked, but for links that the ledger forbids."""
        if not self.moved:
            return
        moved = np.arange(self.leader.size)
        for rows, to in self.moved:
            moved[rows] = to
        for these, those in self.apart:
            self._unlink(moved, self.leader[these], self.leader[those])
        rows = np.concatenate([rows for rows, _ in self.moved])
        rows = rows[moved[rows] != rows]
        to = moved[rows]
        heirs = (self.campaign[to] < 0) & (self.campaign[rows] >= 0)
        best = np.lexsort((self.ad_id[rows[heirs]], to[heirs]))
        self.campaign[to[heirs][best[::-1]]] = self.campaign[rows[heirs][best[::-1]]]
        self.leader, self.moved = moved[self.leader], []

    def _unlink(self, moved: npt.NDArray[np.int64], these: Any, those: Any) -> None:
        """Undo links that would put one of the openings `these` and one of `those` together."""
        for y in np.unique(those):
            for x in np.unique(these):
                if x != y and moved[x] == moved[y]:
                    back = y if moved[y] != y else x
                    moved[back], self.reason[back], self.score[back] = back, judging.ALONE, 0.0

    def finish(
        self,
        ad_no: npt.NDArray[np.int64],
        window: int,
        cuts: npt.NDArray[np.int64] | None = None,
        each: Callable[[Callable[[slice], pl.DataFrame], Iterator[slice]], Iterator[pl.DataFrame]] = map,
    ) -> Iterator[pl.DataFrame]:
        """stage_tables.MATCHED columns and `ad_no` in order of position, one frame between each two `cuts`.

        Args:
            window: days between two spells.
            cuts: positions; the whole by default.
            each: what applies a function in order, as `map` does.
        """
        n = self.leader.size
        size = np.bincount(self.leader, minlength=n) if n else np.zeros(0, np.int64)
        spell = self._spells(window, size)
        self._leave_lone_campaigns(size)
        spans = (slice(int(a), int(b)) for a, b in pairwise(np.array([0, n]) if cuts is None else cuts))
        return each(partial(self._frame, ad_no, size, spell), spans)

    def _leave_lone_campaigns(self, size: npt.NDArray[np.int64]) -> None:
        """A campaign of which links or the ledger made one opening is none."""
        leads = np.flatnonzero((size > 0) & (self.campaign >= 0))
        lone = np.bincount(self.campaign[leads], minlength=size.size) == 1
        self.campaign[leads[lone[self.campaign[leads]]]] = -1

    def _frame(self, ad_no: Any, size: Any, spell: Any, rows: slice) -> pl.DataFrame:
        leader, own = self.leader[rows], spell[rows]
        alone = leader == np.arange(rows.start, rows.stop)
        again = (own >= 0) & (spell[leader] >= 0) & (own != spell[leader])
        code = np.where(alone, 0, self.reason[rows] & (judging.LOW - 1))
        linked = np.isin(code, (judging.AGENCY, judging.SITE, judging.UNNAMED, judging.TWIN))
        relation = np.where(
            alone,
            np.where(size[rows] > 1, 0, 4),
            np.where(linked, 3, np.where(again, 2, 1)),
        )
        low = linked | (code == judging.BRAND) | (~alone & (self.reason[rows] >= judging.LOW))
        low |= (self.flags[rows] & (judging.ANONYMOUS | judging.NO_NAME)) != 0
        camp = self.campaign[leader]
        return pl.DataFrame(
            {
                "opening_no": ad_no[leader],
                "matched_no": _unless(ad_no[leader], alone),
                "match_relation": _word(
                    ("representative", "same_opening", "repost", "agency_copy", "unique"), relation
                ),
                "match_reason": _word(judging.REASONS, code),
                "match_score": np.where(alone, 1.0, self.score[rows]).astype(np.float64).round(4),
                "match_confidence": _word(("high", "low"), low.astype(np.int64)),
                "spell_no": _unless(ad_no[np.maximum(own, 0)], own < 0),
                "campaign_no": _unless(ad_no[np.maximum(camp, 0)], camp < 0),
                "ad_no": ad_no[rows],
            }
        ).select(*MATCHED.polars, "ad_no")

    def _spells(self, window: int, size: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        dated = self.first != NONE_DAY
        spell = np.where(dated, np.arange(self.leader.size), -1)
        several = np.flatnonzero(dated & (size[self.leader] > 1))
        opening = self.leader[several].view(np.uint64)
        order = np.argsort(opening)
        canonical(order, opening, self._age(several), self.ad_id[several])
        by = several[order]
        out = np.empty(by.size, np.int64)
        _spell_starts(self.leader[by], self.first[by].astype(np.int64), self.last[by].astype(np.int64), by, window, out)
        spell[by] = out
        return spell


def _unless(values: npt.NDArray[np.int64], missing: npt.NDArray[np.bool_]) -> pl.Series:
    return pl.select(pl.when(pl.Series(~missing)).then(pl.Series(values))).to_series()


def _word(words: tuple[str, ...], index: npt.NDArray[Any]) -> pl.Series:
    return pl.Series(words)[pl.Series(index)]


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _spell_starts(opening: Any, first: Any, last: Any, ad: Any, window: Any, spell: Any) -> None:
    start, end = -1, 0
    for i in range(opening.size):
        if i == 0 or opening[i] != opening[i - 1] or first[i] - end > window:
            start, end = i, last[i]
        end = max(end, last[i])
        spell[i] = ad[start]


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def canonical(order: Any, block: Any, age: Any, ad_id: Any) -> Any:
    """Put rows that are sorted by block into canonical order inside each (age, ad_id), in place.

    Returns:
        First position of each block and the end.
    """
    n = order.size
    starts = np.empty(n + 1, np.int64)
    spare = np.empty(n, np.int64)
    blocks, s = 0, 0
    while s < n:
        e = s + 1
        while e < n and block[order[e]] == block[order[s]]:
            e += 1
        starts[blocks] = s
        blocks += 1
        for a in range(s, e, 16):
            for x in range(a + 1, min(a + 16, e)):
                r, y = order[x], x - 1
                while y >= a and (age[order[y]] > age[r] or (age[order[y]] == age[r] and ad_id[order[y]] > ad_id[r])):
                    order[y + 1] = order[y]
                    y -= 1
                order[y + 1] = r
        width = 16
        while width < e - s:
            for a in range(s, e, 2 * width):
                mid, end = min(a + width, e), min(a + 2 * width, e)
                i, j = a, mid
                for x in range(a, end):
                    left = j >= end
                    if i < mid and j < end:
                        q, r = order[i], order[j]
                        left = age[q] < age[r] or (age[q] == age[r] and ad_id[q] <= ad_id[r])
                    if left:
                        spare[x] = order[i]
                        i += 1
                    else:
                        spare[x] = order[j]
                        j += 1
            order[s:e] = spare[s:e]
            width *= 2
        s = e
    starts[blocks] = n
    return starts[: blocks + 1]
