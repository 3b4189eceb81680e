"""Invariants of a published dataset. A build that breaks one is not published."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import polars as pl


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


def verify(folder: Path, files: Sequence[dict[str, Any]], engine: Sets) -> None:
    """Check a published folder.

    Raises:
        CheckError: the first invariant that does not hold.
    """
    for name, tables, query in INVARIANTS:
        broken = int(engine.sql(query, **{t: [folder / f"{t}.parquet"] for t in tables})["n"][0])
        if broken:
            raise CheckError(f"check failed: {name} ({broken} rows break it)")
    for f in files:
        if f["kept"] + sum(f["rejected"].values()) != f["read"]:
            raise CheckError(
                f"check failed: {f['file']}: kept {f['kept']} + rejected {f['rejected']} is not read {f['read']}"
            )
    kept = int(engine.sql("SELECT count(*) AS n FROM ads", ads=[folder / "ads.parquet"])["n"][0])
    if kept != sum(f["kept"] for f in files):
        raise CheckError(f"check failed: {kept} ads published, {sum(f['kept'] for f in files)} kept by the readers")
    weights = engine.sql(
        "SELECT count(*) AS n FROM (SELECT ad_id, sum(weight) AS w FROM p GROUP BY ad_id) x WHERE w < 0.999 OR w > 1.001",
        p=[folder / "ad_places.parquet"],
    )
    if int(weights["n"][0]):
        raise CheckError(f"check failed: place weights of {int(weights['n'][0])} ads do not sum to 1")
