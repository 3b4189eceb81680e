"""Corrections as data: one input value replaced by another, as long as it still reads as expected."""

from __future__ import annotations

import polars as pl


def apply(raw: pl.DataFrame, corrections: pl.DataFrame) -> pl.DataFrame:
    """`raw` with the rows of corrections.csv applied.

    Args:
        raw: stage_tables.RAW rows.
        corrections: source_id, source_key, column, expect, value (strings; an empty `expect` or `value` means null); of
            several for one value of a cell the last.

    Raises:
        ValueError: a correction names a column that raw does not have as text.
    """
    if corrections.is_empty():
        return raw
    for column, rows in corrections.sort("column").group_by("column", maintain_order=True):
        name = str(column[0])
        if raw.schema.get(name) != pl.String:
            raise ValueError(f"corrections.csv: {name!r} is not a text column of the raw table")
        cell = ["source_id", "source_key", name]
        keyed = rows.select(
            "source_id", "source_key", pl.col("expect").replace("", None).alias(name), pl.col("value").replace("", None),
            corrected=True,
        ).unique(cell, keep="last", maintain_order=True)  # fmt: skip
        joined = raw.select(cell).join(keyed, on=cell, how="left", nulls_equal=True, maintain_order="left")
        hit = joined["corrected"].fill_null(False)
        raw = raw.with_columns(pl.when(hit).then(joined["value"]).otherwise(pl.col(name)).alias(name))
    return raw
