"""What s4 asks of all ads, before names are told apart: the days on which they were seen, and the distinct names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from gangwei.engines import Engine


def days(engine: Engine, clean: Sequence[Path]) -> pl.DataFrame:
    """How many ads each source has of each day (source_id, day, ads): the later of capture and posting that is not after the capture."""
    return engine.sql(
        "SELECT source_id, day, count(*) AS ads FROM (SELECT source_id, CASE WHEN captured_date IS NULL"
        " OR posted_date > captured_date THEN posted_date ELSE captured_date END AS day FROM clean) AS d"
        " GROUP BY source_id, day",
        clean=clean,
    )


def names(engine: Engine, clean: Sequence[Path]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Distinct names of employers: with the nature that ads state (name_raw, company_nature, n_ads), and with a second name beside
    them (name_raw, second_name, n_ads)."""
    stated = engine.sql(
        "SELECT company AS name_raw, company_nature, count(*) AS n_ads FROM clean WHERE company IS NOT NULL"
        " GROUP BY company, company_nature",
        clean=clean,
    )
    seconds = engine.sql(
        "SELECT company AS name_raw, company_other AS second_name, count(*) AS n_ads FROM clean"
        " WHERE company IS NOT NULL AND company_other IS NOT NULL GROUP BY company, company_other",
        clean=clean,
    )
    return stated, seconds
