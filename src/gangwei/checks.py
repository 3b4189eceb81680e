"""Invariants of a published dataset. A build that breaks one is not published."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from gangwei.kernels.hashing import hash_strings
from gangwei.store import read_frame, read_groups

U64 = npt.NDArray[np.uint64]


class CheckError(Exception):
    """An invariant does not hold; the message names it with both numbers."""


class Sets(Protocol):
    """The part of an engine that checks use."""

    def sql(self, query: str, **tables: Any) -> pl.DataFrame:
        """Run a query over Parquet tables."""
        ...


# (what must hold, tables it reads, query that counts what breaks it)
INVARIANTS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    (
        "ad_id is unique",
        ("ads",),
        "SELECT count(*) AS n FROM (SELECT ad_id FROM ads GROUP BY ad_id HAVING count(*) > 1) d",
    ),
    (
        "every ad belongs to a published opening, and an opening counts all its ads",
        ("ads", "openings"),
        """SELECT count(*) AS n FROM (SELECT opening_id, count(*) AS k FROM ads GROUP BY opening_id) a
           FULL JOIN openings o ON a.opening_id = o.opening_id
           WHERE a.opening_id IS NULL OR o.opening_id IS NULL OR a.k <> o.n_ads""",
    ),
    (
        "every employer of an ad is published",
        ("ads", "employers"),
        """SELECT count(*) AS n FROM (SELECT DISTINCT employer_id FROM ads WHERE employer_id IS NOT NULL) a
           LEFT JOIN employers e ON a.employer_id = e.employer_id WHERE e.employer_id IS NULL""",
    ),
    (
        "employer_id is unique",
        ("employers",),
        "SELECT count(*) AS n FROM (SELECT employer_id FROM employers GROUP BY employer_id HAVING count(*) > 1) d",
    ),
    (
        "an adcode is given exactly when the place is decided",
        ("ads",),
        "SELECT count(*) AS n FROM ads WHERE adcode IS NOT NULL AND place_status <> 'ok'",
    ),
    ("a tier is given to every ad", ("ads",), "SELECT count(*) AS n FROM ads WHERE ai_tier IS NULL"),
    (
        "bounds of pay are in order",
        ("ads",),
        "SELECT count(*) AS n FROM ads WHERE pay_min_fen > pay_max_fen OR pay_min_fen < 0 OR pay_max_fen < 0",
    ),
)


WEIGHTS = """SELECT count(*) AS n FROM (SELECT ad_id, sum(weight) AS w FROM p GROUP BY ad_id) x
             WHERE w < 0.999 OR w > 1.001"""
IDS = ("ad_id", "opening_id", "employer_id")
OTHERS = ("adcode", "place_status", "ai_tier", "pay_min_fen", "pay_max_fen")


def verify(folder: Path, files: Sequence[dict[str, Any]], engine: Sets) -> None:
    """Check a published folder: by hashes of the ids first, by the database where these do not settle it.

    Raises:
        CheckError: the first invariant that does not hold.
    """
    sound, kept, weighed = _sound(folder)
    for (name, tables, query), holds in zip(INVARIANTS, sound, strict=True):
        broken = 0 if holds else int(engine.sql(query, **{t: [folder / f"{t}.parquet"] for t in tables})["n"][0])
        if broken:
            raise CheckError(f"check failed: {name} ({broken} rows break it)")
    for f in files:
        if f["kept"] + sum(f["rejected"].values()) != f["read"]:
            raise CheckError(
                f"check failed: {f['file']}: kept {f['kept']} + rejected {f['rejected']} is not read {f['read']}"
            )
    if kept != sum(f["kept"] for f in files):
        raise CheckError(f"check failed: {kept} ads published, {sum(f['kept'] for f in files)} kept by the readers")
    if not weighed:
        broken = int(engine.sql(WEIGHTS, p=[folder / "ad_places.parquet"])["n"][0])
        if broken:
            raise CheckError(f"check failed: place weights of {broken} ads do not sum to 1")


def _sound(folder: Path) -> tuple[tuple[bool, ...], int, bool]:
    """Whether each of INVARIANTS is seen to hold, the number of ads, and whether weights of places do: columns side by side."""
    with ThreadPoolExecutor(len(IDS) + 2) as pool:
        weighed, rows = pool.submit(_weighed, folder), pool.submit(_rows_hold, folder)
        ads = folder / "ads.parquet"
        ad, opening, employer = (pool.submit(_ranked_ids, ads, c, c == "employer_id") for c in IDS)
        openings = read_frame(folder / "openings.parquet", ["opening_id", "n_ads"])
        keys, sizes = hash_strings(openings["opening_id"]), openings["n_ads"].to_numpy()
        order = np.argsort(keys)
        employers = _ranked_ids(folder / "employers.parquet", "employer_id")
        found, counts = _counted(opening.result())
        counted = np.array_equal(found, keys[order]) and np.array_equal(counts, sizes[order])
        named, known = (_counted(e)[0] for e in (employer.result(), employers))
        every = np.intersect1d(named, known, assume_unique=True).size == named.size
        holds = (_distinct(ad.result()), counted, every, _distinct(employers), *rows.result())
        return holds, int(ad.result().size), weighed.result()


def _ranked_ids(path: Path, column: str, named: bool = False) -> U64:
    """Sorted hashes of a column; only of what is not null with `named`."""
    groups = (g[column] for g in read_groups(path, [column]))
    return _ranked([hash_strings(ids.drop_nulls() if named else ids) for ids in groups])


def _rows_hold(folder: Path) -> tuple[bool, bool, bool]:
    """Whether the invariants of single ads hold: place, tier, pay."""
    placed, tiered, paid = True, True, True
    for ads in read_groups(folder / "ads.parquet", list(OTHERS)):
        low, high = ads["pay_min_fen"], ads["pay_max_fen"]
        placed &= not (ads["adcode"].is_not_null() & (ads["place_status"] != "ok")).any()
        tiered &= not ads["ai_tier"].null_count()
        paid &= not ((low > high) | (low < 0) | (high < 0)).any()
    return placed, tiered, paid


def _weighed(folder: Path) -> bool:
    """Whether the places of each ad stand together with weights that sum to 1."""
    ads: list[U64] = []
    for places in read_groups(folder / "ad_places.parquet", ["ad_id", "weight"]):
        keys = hash_strings(places["ad_id"])
        starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
        total = np.add.reduceat(places["weight"].to_numpy(), starts)
        if (np.abs(total - 1) > 0.0009).any():
            return False
        ads.append(keys[starts])
    return _distinct(_ranked(ads))


def _ranked(hashes: list[U64]) -> U64:
    out = np.concatenate(hashes) if hashes else np.zeros(0, np.uint64)
    out.sort()
    return out


def _distinct(ranked: U64) -> bool:
    return bool((ranked[1:] != ranked[:-1]).all())


def _counted(ranked: U64) -> tuple[U64, npt.NDArray[np.int64]]:
    """The distinct values of a sorted array and how often each occurs."""
    starts = (
        np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]])) if ranked.size else np.zeros(0, np.int64)
    )
    return ranked[starts], np.diff(np.append(starts, ranked.size))
