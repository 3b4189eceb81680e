"""Openings as lists show them, fetched by their row numbers: no column of the ads is read but in the few pages it needs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import duckdb
import numpy as np
import polars as pl

from gangwei import measures
from gangwei.explore.ads import safe_url, visible
from gangwei.frame.dataset import FACT, Dataset
from gangwei.kernels.codes import Array, marked
from gangwei.measures.scan import scan

BY_NUMBER = 1_000
COLUMNS = (
    "opening_id",
    "ad_id",
    "title",
    "employer",
    "employer_id",
    "adcode",
    "board",
    "ai_tier",
    "first_date",
    "last_date",
    "n_ads",
    "url",
)


FACTS = ("adcode", "board", "tier", "first_date", "last_date", "n_ads", "month_no", "year_no")
SEEN = (
    pl.col("first_date").cast(pl.String),
    pl.format("{}-{}", pl.col("month_no") // 12, (pl.col("month_no") % 12 + 1).cast(pl.String).str.zfill(2)),
    pl.col("year_no").cast(pl.String),
)
"""When an opening was first seen, by the closest its ads say: a day, a month or a year."""
TITLES = "SELECT file_row_number AS row_no, ad_id, opening_id, title, url FROM ads WHERE file_row_number IN ({held})"


def fetch(ds: Dataset, numbers: Sequence[int], titles: str | None = None) -> pl.DataFrame:
    """The openings of some row numbers (at most `BY_NUMBER`), in the order given: the columns of `COLUMNS`, and `seen`.

    `titles` is the statement that finds row_no, ad_id, opening_id, title and url of all of them.
    """
    order = pl.DataFrame({"row_no": list(numbers)}, schema={"row_no": pl.Int64}).with_row_index("at")
    cur = ds.cursor()
    try:
        held = ", ".join(str(int(n)) for n in numbers) or "-1"
        facts = _facts(ds, cur, order["row_no"].to_numpy())
        texts = ds.ads_rows(numbers, ("ad_id", "opening_id", "title", "url")) if titles is None else None
        if texts is None:
            texts = cur.execute(titles or TITLES.format(held=held)).pl()
    finally:
        cur.close()
    who = facts["emp_no"].to_list()
    facts = facts.with_columns(
        employer=pl.Series(ds.employers.names_of(who), dtype=pl.String),
        employer_id=pl.Series(ds.employers.ids_of(who), dtype=pl.String),
    )
    found = order.join(facts, on="row_no", how="inner").join(texts, on="row_no", how="left")
    return clean(found.sort("at").rename({"tier": "ai_tier"}).select(*COLUMNS, pl.coalesce(*SEEN).alias("seen")))


def prepare(ds: Dataset) -> None:
    """Make ready what the first list would wait for."""
    fetch(ds, [0])


def _facts(ds: Dataset, cur: duckdb.DuckDBPyConnection, numbers: Array) -> pl.DataFrame:
    """`FACTS`, emp_no and row_no of those openings among the row numbers; of many rows from the codes of their columns."""
    codes = ds.codes(FACT)
    columns = [codes.column(c) for c in FACTS] if codes.rows >= ds.codes_from else [None]
    if any(c is None for c in columns):
        text = ", ".join(f"CAST({c} AS VARCHAR) AS {c}" if c in ("board", "tier") else c for c in FACTS)
        held = ", ".join(str(int(n)) for n in numbers) or "-1"
        return cur.execute(f"SELECT row_no, {text}, emp_no FROM {FACT} WHERE row_no IN ({held}) AND is_first").pl()
    places = codes.places
    numbers = numbers[numbers < len(places)]
    at = places[numbers]
    numbers, at = numbers[at >= 0], at[at >= 0]
    said = {n: [c.values[k] for k in c.codes[at].tolist()] for n, c in zip(FACTS, columns) if c is not None}
    out = pl.DataFrame({"row_no": numbers} | said | {"emp_no": codes.employers()[at]})
    return out.cast(
        {
            "row_no": pl.Int32,
            "adcode": pl.Int32,
            "n_ads": pl.Int32,
            "month_no": pl.Int32,
            "year_no": pl.Int32,
            "first_date": pl.Date,
            "last_date": pl.Date,
        }
    )


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
