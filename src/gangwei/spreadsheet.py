"""Tables as a spreadsheet may open them: lists joined, and no cell that would run."""

from __future__ import annotations

import json
from typing import Any

import polars as pl

FORMULA = r"^(?:[\t\r\n]|[\x00-\x1f\u{200b}\u{feff}]*[=+\-@＝＋－＠])"  # East Asian spreadsheets read the full-width signs alike


def neutral(frame: pl.DataFrame) -> pl.DataFrame:
    """`frame` for CSV: lists joined, and text that a spreadsheet would run as a formula prefixed with an apostrophe."""
    out = []
    for name, kind in frame.schema.items():
        column = pl.col(name)
        if isinstance(kind, pl.List):
            flat = kind.inner == pl.String
            column = column.list.join(";") if flat else column.map_elements(_json, return_dtype=pl.String)
        if isinstance(kind, pl.List) or kind == pl.String:
            column = pl.when(column.str.contains(FORMULA)).then(pl.concat_str(pl.lit("'"), column)).otherwise(column)
        out.append(column.alias(name))
    return frame.select(out)


def _json(value: Any) -> str:
    return json.dumps(value.to_list() if isinstance(value, pl.Series) else value, ensure_ascii=False)
