"""How many people an employer has, by the band that most of its ads state; from the raw field, once a distinct value."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from gangwei.codebook import Codebook
from gangwei.schema import EMPLOYER_SIZES
from gangwei.store import read_groups

RULES = "employers/sizes.toml"


def bands(stated: pl.Series, book: Codebook) -> pl.Series:
    """The band of each stated size; null where it says none."""
    rules = book.toml(RULES)
    text = pl.col("s").str.to_lowercase().str.replace_all(",", "")
    low = text.str.extract(rules["range"], 1).cast(pl.Float64)
    high = text.str.extract(rules["range"], 2).cast(pl.Float64)
    number = text.str.extract(rules["number"], 1).cast(pl.Float64)
    middle = (
        pl.when(low.is_not_null()).then((low.clip(1) * high).sqrt())
        .when(text.str.contains(rules["below"])).then(number / 2)
        .when(text.str.contains(rules["above"])).then(number)
    )  # fmt: skip
    band = pl.lit(None, pl.String)
    for b in rules["band"]:
        band = pl.when(middle >= b["from"]).then(pl.lit(b["id"])).otherwise(band)
    return pl.DataFrame({"s": stated}, schema={"s": pl.String}).select(band.alias("size_band")).to_series()


def sizes(raw: Sequence[Path], names: pl.DataFrame, book: Codebook) -> pl.DataFrame:
    """schema.EMPLOYER_SIZES.

    Args:
        raw: parts of stage_tables.RAW. names: name_raw and employer_id.
    """
    parts = [pl.DataFrame(schema={"company": pl.String, "company_size": pl.String, "n": pl.Int64})]
    for path in raw:
        for group in read_groups(path, ["company", "company_size"]):
            counted = group.drop_nulls().group_by("company", "company_size").agg(pl.len().cast(pl.Int64).alias("n"))
            parts.append(counted)
    stated = pl.concat(parts)
    distinct = stated["company_size"].unique()
    known = pl.DataFrame({"company_size": distinct, "size_band": bands(distinct, book)}).drop_nulls("size_band")
    order = {b["id"]: i for i, b in enumerate(book.toml(RULES)["band"])}
    return (
        stated.join(known, on="company_size").join(names.select("employer_id", company="name_raw"), on="company")
        .group_by("employer_id", "size_band").agg(pl.col("n").sum().alias("n_ads"))
        .with_columns(stated_n=pl.col("n_ads").sum().over("employer_id"))
        .sort("employer_id", "n_ads", pl.col("size_band").replace_strict(order, return_dtype=pl.Int32), descending=[False, True, True])
        .unique("employer_id", keep="first", maintain_order=True)
        .select(EMPLOYER_SIZES.polars.keys())
    )  # fmt: skip
