"""Corrections as data: one input value replaced by another, as long as it still reads as expected."""

from __future__ import annotations

import polars as pl


def apply(raw: pl.DataFrame, corrections: pl.DataFrame) -> pl.DataFrame:
    """`raw` with the rows of corrections.csv applied.

    Args:
        raw: stage_tables.RAW rows.
        corrections: source_id, source_key, column, expect, value (strings; an empty `expect` or `value` means null).

    Raises:
        ValueError: a correction names a column that raw does not have as text.
    """
    if corrections.is_empty():
        return raw
    for column, rows in corrections.sort("column").group_by("column", maintain_order=True):
        name = str(column[0])
        if raw.schema.get(name) != pl.String:
            raise ValueError(f"corrections.csv: {name!r} is not a text column of the raw table")
        keyed = rows.select(
            "source_id", "source_key", pl.col("expect").replace("", None), pl.col("value").replace("", None),
            pl.lit(True).alias("corrected"),
        )  # fmt: skip
        joined = raw.select("source_id", "source_key", name).join(
            keyed, on=["source_id", "source_key"], how="left", maintain_order="left"
        )
        hit = joined["corrected"].fill_null(False) & joined[name].eq_missing(joined["expect"])
        raw = raw.with_columns(pl.when(hit).then(joined["value"]).otherwise(pl.col(name)).alias(name))
    return raw
