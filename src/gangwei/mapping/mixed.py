"""Tables without a definition that hold rows of several sources: each row is looked at by itself.

Text of some rows may have been read in the wrong character set, and values of some written out as lists of a program. What
fits most rows of a column is told by `guess`; here are the others.
"""

from __future__ import annotations

import polars as pl

from gangwei.formats.charset import HAN, LATIN, repair_series, repair_text
from gangwei.mapping.source import BYTE_FOR_BYTE, TEXT_FIELDS

LEAST = 2  # Chinese characters that a repaired value has, so that a few accents are no Chinese
LIST_ITEM = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
WRITTEN_BLANKS = r"\\xa0|\\u3000|\\u200b|\\ufeff"
WRITTEN_LIST = rf"^\s*\[\s*(?:{LIST_ITEM})(?:\s*,\s*(?:{LIST_ITEM}))*\s*\]\s*$"
LONG = ("description", "tags")  # lists there are read where texts are cleaned


def unwrapped(column: pl.Expr, item: str | None = None, separator: str = "|") -> pl.Expr:
    """A Python list literal as its items joined; `item` is a pattern with one group for lists of objects."""
    if item is not None:
        items = column.str.extract_all(item).list.eval(pl.element().str.extract(item, 1))
    else:
        items = column.str.extract_all(LIST_ITEM).list.eval(pl.element().str.slice(1, pl.element().str.len_chars() - 2))
    joined = items.list.join(separator).str.replace_all(WRITTEN_BLANKS, " ")
    is_list = column.str.contains(r"^\s*\[[\s\S]*\]\s*$")
    return pl.when(is_list).then(pl.when(joined != "").then(joined)).otherwise(column)


def mended(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows with one column a field: garbled ones repaired, written-out lists as their items."""
    fields = [f for f in TEXT_FIELDS if f in frame.columns and f not in BYTE_FOR_BYTE]
    return _listed(_repaired(frame, fields), [f for f in fields if f not in LONG])


def _repaired(frame: pl.DataFrame, fields: list[str]) -> pl.DataFrame:
    """The rows whose title, or text where there is none, is Chinese that was read as Latin-1, with all their fields repaired."""
    tells = [f for f in ("title", "description") if f in fields]
    if not tells:
        return frame
    told = frame.select(pl.coalesce(tells).alias("t")).to_series()
    odd = told.filter(told.str.contains(f"{LATIN}{{2}}").fill_null(False)).unique().to_list()
    garbled = [v for v in odd if len(HAN.findall(repair_text(v))) >= LEAST and not HAN.search(v)]
    if not garbled:
        return frame
    where = told.is_in(garbled).fill_null(False)
    return frame.with_columns(frame[f].zip_with(~where, repair_series(frame[f].set(~where, None))) for f in fields)


def _listed(frame: pl.DataFrame, fields: list[str]) -> pl.DataFrame:
    """Values that are lists of a program, as their items."""
    some = [f for f in fields if frame[f].str.starts_with("[").any()]
    return frame.with_columns(
        pl.when(pl.col(f).str.contains(WRITTEN_LIST)).then(unwrapped(pl.col(f))).otherwise(pl.col(f)).alias(f)
        for f in some
    )
