"""The state of a matching run: clusters of buckets, links between employers, the ledger, spells.

Every array is indexed by the position of an ad in canonical order, so that buckets may come in any order and the result
is the same for one bucket or many.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from numba import njit

from gangwei.kernels import cluster, links
from gangwei.kernels.hashing import mix
from gangwei.schema import MATCHED

NONE_DAY, LAST_DAY = -(2**31), 2**31 - 1
CHUNK = 65_536
_WHO = ("employer", "brand", "address", "trade")
_COLUMNS = (
    "city", "place", "level", "heads", "functions", "pay_lo", "pay_hi", "pay_kind", "education", "experience",
    "title_key", "text_hash", "job", "url", "flags", "code",
)  # fmt: skip
LINKED = ("pos", "ad_id", "first_day", *_WHO, *_COLUMNS, "bag", "grams", "rate")


@dataclass(frozen=True)
class Packed:
    """Signatures as arrays for the kernels."""

    facts: npt.NDArray[np.int64]
    who: npt.NDArray[np.uint64]
    bag: npt.NDArray[np.uint32]
    bag_ptr: npt.NDArray[np.int64]
    grams: npt.NDArray[np.uint32]
    ptr: npt.NDArray[np.int64]
    rate: npt.NDArray[np.uint8]


def _flat(column: pl.Series) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    ptr = np.zeros(len(column) + 1, np.int64)
    np.cumsum(column.list.len().to_numpy(), out=ptr[1:])
    flat = column.explode(empty_as_null=False) if len(column) else pl.Series([], dtype=pl.UInt32)
    return flat.drop_nulls().to_numpy(), ptr


def pack(s: pl.DataFrame) -> Packed:
    """Arrays of a frame of signatures."""
    facts = np.empty((s.height, len(_COLUMNS)), np.int64)
    for i, name in enumerate(_COLUMNS):
        values = s[name].to_numpy()
        facts[:, i] = values.view(np.int64) if values.dtype == np.uint64 else values
    who = np.ascontiguousarray(np.stack([s[c].to_numpy() for c in _WHO], axis=1))
    return Packed(facts, who, *_flat(s["bag"]), *_flat(s["grams"]), s["rate"].to_numpy())


def block_of(s: pl.DataFrame) -> npt.NDArray[np.uint64]:
    """Block of each ad: its employer, or title and city where it names none."""
    employer = np.asarray(s["employer"].to_numpy(), np.uint64)
    if (employer != 0).all():
        return employer
    unnamed = mix(s["title_key"].to_numpy(), s["city"].to_numpy()) | np.uint64(1)
    return np.where(employer == 0, unnamed, employer)


class Openings:
    """Openings of `n` ads while they are being found."""

    def __init__(self, n: int, params: npt.NDArray[np.float64], stock: int) -> None:
        self.params, self.stock = params, stock
        self.leader = np.arange(n, dtype=np.int64)
        self.reason = np.zeros(n, np.uint8)
        self.score = np.zeros(n, np.float32)
        self.campaign = np.full(n, -1, np.int64)
        self.first, self.last = np.full(n, NONE_DAY, np.int32), np.full(n, NONE_DAY, np.int32)
        self.flags = np.zeros(n, np.uint8)
        self.ad_id = np.zeros(n, np.uint64)
        self.source_key = np.zeros(n, np.uint64)

    def add(self, s: pl.DataFrame) -> pl.DataFrame:
        """Cluster one bucket.

        Args:
            s: signatures with `pos` (position in canonical order) and `ad_id`.

        Returns:
            What `link` needs of the bucket's representatives that have a text (columns LINKED).
        """
        pos = s["pos"].to_numpy()
        for name, column in (("first", "first_day"), ("last", "last_day"), ("flags", "flags"), ("ad_id", "ad_id")):
            getattr(self, name)[pos] = s[column].to_numpy()
        self.source_key[pos] = s["source_key"].to_numpy()
        key = pl.DataFrame(
            {
                "block": block_of(s),
                "rank": (s["city"] == 0).cast(pl.UInt8) * 2 + (s["text_hash"] == 0).cast(pl.UInt8),
                "day": s["first_day"].replace(NONE_DAY, LAST_DAY),
                "ad_id": s["ad_id"],
                "row": np.arange(s.height, dtype=np.int64),
            }
        ).sort("block", "rank", "day", "ad_id")
        block = key["block"].to_numpy()
        fresh = np.ones(s.height, bool)
        fresh[1:] = block[1:] != block[:-1]
        starts = np.append(np.flatnonzero(fresh), s.height)
        at, kept = 0, []
        while at < starts.size - 1:
            to = max(at + 1, int(np.searchsorted(starts, starts[at] + CHUNK, "right")) - 1)
            part = s[key["row"][int(starts[at]) : int(starts[to])]]
            kept.append(self._blocks(part, starts[at : to + 1] - starts[at]))
            at = to
        return pl.concat(kept) if kept else s.select(LINKED)

    def _blocks(self, s: pl.DataFrame, starts: npt.NDArray[np.int64]) -> pl.DataFrame:
        n, p = s.height, pack(s)
        pos = s["pos"].to_numpy()
        leader, reason = np.arange(n), np.zeros(n, np.uint8)
        score, campaign = np.zeros(n, np.float32), np.full(n, -1, np.int64)
        grams = p.grams.copy()
        cluster.cluster_blocks(
            np.arange(n), starts, p.facts, p.bag, p.bag_ptr, grams, p.ptr, p.rate, self.params, leader, reason, score,
            campaign,
        )  # fmt: skip
        self.leader[pos], self.reason[pos], self.score[pos] = pos[leader], reason, score
        self.campaign[pos] = np.where(campaign >= 0, pos[campaign], -1)
        return s.filter(pl.Series((leader == np.arange(n)) & (p.facts[:, cluster.TEXT] != 0))).select(LINKED)

    def judge(self, same: Iterable[tuple[int, int]], apart: Iterable[tuple[int, int]]) -> None:
        """Apply the ledger of source keys: `same` joins the opening of b to that of a, `apart` sets b on its own."""
        for a, b in same:
            for x in np.flatnonzero(self.source_key == np.uint64(a))[:1]:
                for y in np.flatnonzero(self.source_key == np.uint64(b)):
                    first, second = self.leader[x], self.leader[y]
                    if first != second:
                        self.leader[self.leader == second] = first
                        self.reason[second], self.score[second] = cluster.JUDGED, 1.0
        for a, b in apart:
            for x in np.flatnonzero(self.source_key == np.uint64(a))[:1]:
                for y in np.flatnonzero(self.source_key == np.uint64(b)):
                    if self.leader[x] == self.leader[y]:
                        lone = y if self.leader[y] != y else x
                        self.leader[lone], self.reason[lone], self.score[lone] = lone, cluster.ALONE, 0.0

    def link(self, candidates: pl.DataFrame) -> None:
        """Join representatives of hidden employers, agencies and brands to the opening they stand for."""
        if candidates.height < 2:
            return
        day = pl.col("first_day").replace(NONE_DAY, LAST_DAY)
        s = candidates.sort(day, "ad_id")
        s = s.filter(pl.Series(self.leader[s["pos"].to_numpy()] == s["pos"].to_numpy()))
        p, pos = pack(s), s["pos"].to_numpy()
        rows, to, why, score = links.link(
            np.arange(s.height), p.facts, p.who, p.bag, p.bag_ptr, p.grams, p.ptr, p.rate, self.params, self.stock
        )
        if rows.size == 0:
            return
        rows, to = pos[rows], pos[to]
        self.reason[rows], self.score[rows] = why, score
        heirs = (self.campaign[to] < 0) & (self.campaign[rows] >= 0)
        best = np.lexsort((self.ad_id[rows[heirs]], to[heirs]))
        self.campaign[to[heirs][best[::-1]]] = self.campaign[rows[heirs][best[::-1]]]
        moved = np.arange(self.leader.size)
        moved[rows] = to
        self.leader = moved[self.leader]

    def finish(self, ad_no: npt.NDArray[np.int64], window: int) -> pl.DataFrame:
        """schema.MATCHED columns and `ad_no` in order of position; `window`: days between two spells."""
        n = self.leader.size
        alone = self.leader == np.arange(n)
        size = np.bincount(self.leader, minlength=n) if n else np.zeros(0, np.int64)
        spell = self._spells(window)
        again = (spell >= 0) & (spell[self.leader] >= 0) & (spell != spell[self.leader])
        code = np.where(alone, 0, self.reason & (cluster.LOW - 1))
        linked = np.isin(code, (cluster.AGENCY, cluster.ADDRESS, cluster.UNNAMED, cluster.TWIN))
        relation = np.where(
            alone,
            np.where(size > 1, 0, 4),
            np.where(linked, 3, np.where(again, 2, 1)),
        )
        low = linked | (code == cluster.BRAND) | (~alone & (self.reason >= cluster.LOW))
        low |= (self.flags & (cluster.ANONYMOUS | cluster.NO_NAME)) != 0
        camp = self.campaign[self.leader]
        return pl.DataFrame(
            {
                "opening_no": ad_no[self.leader],
                "matched_no": _unless(ad_no[self.leader], alone),
                "match_relation": _word(
                    ("representative", "same_opening", "repost", "agency_copy", "unique"), relation
                ),
                "match_reason": _word(cluster.REASONS, code),
                "match_score": np.where(alone, 1.0, self.score).astype(np.float64).round(4),
                "match_confidence": _word(("high", "low"), low.astype(np.int64)),
                "spell_no": _unless(ad_no[np.maximum(spell, 0)], spell < 0),
                "campaign_no": _unless(ad_no[np.maximum(camp, 0)], camp < 0),
                "ad_no": ad_no,
            }
        ).select(*MATCHED.polars, "ad_no")

    def _spells(self, window: int) -> npt.NDArray[np.int64]:
        dated = np.flatnonzero(self.first != NONE_DAY)
        by = dated[np.lexsort((self.ad_id[dated], self.first[dated], self.leader[dated]))]
        out = np.empty(by.size, np.int64)
        _spell_starts(self.leader[by], self.first[by].astype(np.int64), self.last[by].astype(np.int64), by, window, out)
        spell = np.full(self.leader.size, -1, np.int64)
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


class Sieve:
    """Which representatives share a text key with some, but not with many: the only ones worth comparing."""

    def __init__(self, params: npt.NDArray[np.float64], bits: int = 27) -> None:
        self.params, self.seen = params, np.zeros(1 << bits, np.uint8)

    def _keys(self, s: pl.DataFrame) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        p, k = pack(s), int(self.params[cluster.KEYS])
        keys, who = np.empty(s.height * 2 * k, np.uint64), np.empty(s.height * 2 * k, np.int64)
        n = links.city_keys(np.arange(s.height), p.facts, p.grams, p.ptr, k, keys, who)
        return (keys[:n] & np.uint64(self.seen.size - 1)).astype(np.int64), who[:n]

    def count(self, s: pl.DataFrame) -> None:
        """Count the keys of a frame of representatives (columns LINKED)."""
        _count(self._keys(s)[0], self.seen)

    def pass_through(self, s: pl.DataFrame) -> pl.DataFrame:
        """The rows that share a key with at least one and at most `links.CROWD` - 1 others."""
        keys, who = self._keys(s)
        times = self.seen[keys]
        keep = np.zeros(s.height, bool)
        keep[who[(times >= 2) & (times <= links.CROWD)]] = True
        return s.filter(pl.Series(keep))


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _count(keys: Any, seen: Any) -> None:
    for i in range(keys.size):
        if seen[keys[i]] < 255:
            seen[keys[i]] += 1
