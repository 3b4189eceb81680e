"""Stage 3: clean -> located. Place fields to codes, distinct strings once; row-aligned with clean."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa

from gangwei.kernels.gazetteer import Gazetteer, compile_gazetteer
from gangwei.kernels.memo import Memo
from gangwei.kernels.place import Place, Resolver
from gangwei.kernels.place_fields import FIELD_LIMIT
from gangwei.schema import LOCATED

if TYPE_CHECKING:
    from gangwei.codebook import Codebook

KEYS = ["city", "district", "address"]
TITLE_BRACKET = r"[(\[【（]\s*([一-鿿]{2,8})\s*[)\]】）]"
TITLE_TAIL = r"[-—_/·|]\s*([一-鿿]{2,6})\s*$"
TEXT_LABEL = r"(?:工作|上班|办公)(?:地点|地址|城市)\s*[:：]\s*([^\n。；;]{2,60})"


@dataclass(frozen=True)
class Rules:
    """The compiled gazetteer with its caches; build once a process, share between threads."""

    gazetteer: Gazetteer
    resolver: Resolver
    memo: Memo = field(default_factory=Memo, compare=False)


def compile_rules(book: Codebook) -> Rules:
    """Rules from `definitions/places/`."""
    gazetteer = compile_gazetteer(book)
    return Rules(gazetteer, Resolver(gazetteer))


def _columns(places: list[Place]) -> pl.DataFrame:
    """The columns of LOCATED for a list of places, one row each; equal places are made once."""
    order: dict[Place, int] = {}
    index = [order.setdefault(p, len(order)) for p in places]
    pairs = [pair for p in order for pair in p.places]
    codes, weights = pa.array([c for c, _ in pairs], pa.string()), pa.array([w for _, w in pairs], pa.float64())
    ends = pa.array(np.cumsum([0, *(len(p.places) for p in order)]), pa.int32())
    lists = pa.ListArray.from_arrays(ends, pa.StructArray.from_arrays([codes, weights], ["adcode", "weight"]))
    once = pl.DataFrame(
        {
            "place_status": pl.Series([p.status for p in order], dtype=pl.String),
            "adcode": pl.Series([p.adcode for p in order], dtype=pl.String),
            "county_adcode": pl.Series([p.county_adcode for p in order], dtype=pl.String),
            "places": pl.Series("places", pl.from_arrow(lists), dtype=LOCATED.polars["places"]),
            "place_rule": pl.Series([p.rule for p in order], dtype=pl.String),
        }
    )
    return once[pl.Series(index, dtype=pl.UInt32)]


def _weak(clean: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Rows without any place field: a labelled place in the text, else a city set off in the title.

    The employer's name is never asked. Input: the rows with their `row` number; output: `row` and LOCATED's columns
    of the rows that were decided.
    """
    hints = clean.select(
        "row",
        label=pl.col("text").str.slice(0, 20_000).str.extract(TEXT_LABEL),
        bracket=pl.col("title").str.slice(0, FIELD_LIMIT).str.extract(TITLE_BRACKET),
        tail=pl.col("title").str.slice(0, FIELD_LIMIT).str.extract(TITLE_TAIL),
    ).filter(pl.any_horizontal(pl.col("label", "bracket", "tail").is_not_null()))
    rows, places = [], []
    for row, label, bracket, tail in hints.iter_rows():
        for hint, rule in ((label, "text.label"), (bracket, "title.bracket"), (tail, "title.tail")):
            if hint is None:
                continue
            place = rules.resolver.resolve(hint, None, None)
            named = rules.gazetteer.names.get(hint)
            if rule != "text.label" and (named is None or named.level > 2):
                continue
            if rule == "text.label" and place.status != "multi":
                place = rules.resolver.resolve(None, None, hint)
            if place.status in ("ok", "multi"):
                rows.append(row)
                places.append(place._replace(rule=rule))
                break
    return _columns(places).insert_column(0, pl.Series("row", rows, dtype=pl.UInt32))


def run(clean: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Locate the ads of one part.

    `clean`: at least city, district, address; title and text are weaker evidence for rows whose place fields are all
    empty. Returns the columns of LOCATED, row-aligned. Time and memory are bounded by the distinct fields, of which
    the first 200 characters are read.
    """
    fields = clean.select(pl.col(k).str.slice(0, FIELD_LIMIT) for k in KEYS)
    resolve = rules.resolver.resolve
    located = rules.memo(fields, lambda keys: _columns([resolve(c, d, a) for c, d, a in keys.iter_rows()]))
    if {"title", "text"} <= set(clean.columns):
        numbered = clean.select("title", "text").with_row_index("row")
        empty = numbered.filter(located["place_rule"] == "city.blank")
        if empty.height:
            weak = _weak(empty, rules)
            if weak.height:
                numbered = located.with_row_index("row")
                located = numbered.update(weak, on="row", how="left", maintain_order="left").drop("row")
    return LOCATED.conform(located)
