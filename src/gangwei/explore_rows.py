"""Openings as lists show them, fetched by their row numbers: no column of the ads is read but in the few pages it needs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import duckdb
import numpy as np
import polars as pl

from gangwei import measures
from gangwei.explore_ads import safe_url, visible
from gangwei.frame import FACT, Dataset
from gangwei.kernels.codes import marked
from gangwei.measures_scan import scan

BY_NUMBER = 1_000
COLUMNS = (
    "opening_id",
    "ad_id",
    "title",
    "employer",
    "adcode",
    "board",
    "ai_tier",
    "first_date",
    "last_date",
    "n_ads",
    "url",
)


TITLES = "SELECT file_row_number AS row_no, ad_id, opening_id, title, url FROM ads WHERE file_row_number IN ({held})"


def fetch(ds: Dataset, numbers: Sequence[int], titles: str = TITLES) -> pl.DataFrame:
    """The openings of some row numbers (at most `BY_NUMBER`), in the order given: the columns of `COLUMNS`.

    `titles` is the statement that finds ad_id, opening_id, title and url.
    """
    order = pl.DataFrame({"row_no": list(numbers)}, schema={"row_no": pl.Int64}).with_row_index("at")
    cur = ds.cursor()
    try:
        held = ", ".join(str(int(n)) for n in numbers) or "-1"
        facts = cur.execute(
            "SELECT f.row_no, f.adcode, CAST(f.board AS VARCHAR) AS board, CAST(f.tier AS VARCHAR) AS ai_tier, "
            f"f.first_date, f.last_date, f.n_ads, f.emp_no FROM {FACT} f WHERE f.row_no IN ({held}) AND f.is_first"
        ).pl()
        texts = cur.execute(titles.format(held=held)).pl()
        names = named(ds, cur, facts["emp_no"].unique().to_list())
    finally:
        cur.close()
    found = (
        order.join(facts, on="row_no", how="inner")
        .join(texts, on="row_no", how="left")
        .join(names, on="emp_no", how="left")
    )
    return clean(found.sort("at").select(COLUMNS))


def named(ds: Dataset, cur: duckdb.DuckDBPyConnection, emp_nos: Sequence[int]) -> pl.DataFrame:
    """Names of employers by number; a person has none."""
    held = ", ".join(str(int(n)) for n in emp_nos if n >= 0) or "-1"
    return cur.execute(
        f"WITH n AS MATERIALIZED (SELECT emp_no, employer_id FROM employer_no WHERE emp_no IN ({held})) "
        "SELECT n.emp_no, CASE WHEN e.kind = 'person' THEN NULL ELSE e.name END AS employer FROM employers e JOIN n ON n.employer_id = e.employer_id"
    ).pl()


def behind(
    ds: Dataset, measure_id: str, by: str | None, group: str | None, where: Mapping[str, str], *, limit: int, offset: int = 0,
    as_of: dt.date | str | None = None, lists: str | None = None,
) -> tuple[int, pl.DataFrame]:  # fmt: skip
    """The openings of a figure's numerator: (how many, one page), as `measures.ads_behind` gives them."""
    if (
        limit > BY_NUMBER
        or (where.get("grain") or measures.load(ds.codebook)[measure_id].where.get("grain")) is not None
    ):
        total, rows = measures.ads_behind(
            ds, measure_id, by, group, where, limit=limit, offset=offset, as_of=as_of, lists=lists
        )
        return total, clean(rows)
    q = measures.behind_query(ds, measure_id, by, group, where, as_of=as_of, lists=lists)
    if (kept := scan(q, {"row_no": "f.row_no"})) is not None:
        held = kept["row_no"]
        ends = np.arange(len(held) + 1)
        numbers = marked(ends[:-1], ends[1:], held, int(held.max(initial=-1)) + 1)
    else:
        cur = ds.cursor()
        try:
            found = cur.execute(f"SELECT DISTINCT f.row_no {q.source()} ORDER BY 1", q.params).pl()
            numbers = found["row_no"].to_numpy()
        finally:
            cur.close()
    return len(numbers), fetch(ds, numbers[offset : offset + limit].tolist())


def clean(rows: pl.DataFrame) -> pl.DataFrame:
    """Titles and employers with direction-changing characters made harmless; only plain web addresses."""
    texts = [c for c in ("title", "employer") if c in rows.columns]
    out = rows.with_columns(pl.Series(c, [visible(v) if v else v for v in rows[c]], dtype=pl.String) for c in texts)
    return out.with_columns(pl.Series("url", [safe_url(u) for u in rows["url"]], dtype=pl.String))
