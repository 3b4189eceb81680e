"""Stage 3: clean -> located. Place fields to codes, distinct strings once; row-aligned with clean."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa

from gangwei.kernels.memo import Memo
from gangwei.kernels.places.gazetteer import Gazetteer, compile_gazetteer
from gangwei.kernels.places.place import Place, Resolver
from gangwei.kernels.places.place_fields import FIELD_LIMIT
from gangwei.kernels.places.place_hints import OPEN, HintRules, compile_hints, of_hint, of_title
from gangwei.stage_tables import LOCATED

if TYPE_CHECKING:
    from gangwei.codebook import Codebook

KEYS = ["city", "district", "address"]
HINTS = ["title", "place_hint"]
COLUMNS = [*KEYS, "board", *HINTS]
"""What `run` reads."""
CODE = r"^\s*0*([1-9]\d{2,8})(?:\.0)?\s*$"
NATIONAL = r"^\s*([1-8]\d{5})(?:\d{3}|\d{6})?(?:\.0)?\s*$"
"""A national code of six digits, alone or before those of a town (GB/T 10114) and a village."""


@dataclass(frozen=True)
class Rules:
    """The compiled gazetteer with its caches; build once a process, share between threads."""

    gazetteer: Gazetteer
    resolver: Resolver
    hints: HintRules
    codes: pl.DataFrame
    """(board, code without leading zeros, name) of the numbers that boards write for a city"""
    national: dict[str, str]
    """National code (GB/T 2260) of six digits to the name of the unit behind those of the units above it"""
    memo: Memo = field(default_factory=Memo, compare=False)


def compile_rules(book: Codebook) -> Rules:
    """Rules from `definitions/places/`."""
    gazetteer = compile_gazetteer(book)
    rows = book.rows("places/board_codes.csv")
    codes = pl.DataFrame(
        [(r["board"], r["code"].lstrip("0"), r["name"]) for r in rows],
        schema=dict.fromkeys(("board", "code", "name"), pl.String), orient="row",
    )  # fmt: skip
    return Rules(gazetteer, Resolver(gazetteer), compile_hints(book), codes, _national(book))


def _national(book: Codebook) -> dict[str, str]:
    units = {r["id"]: r for r in book.rows("places/units.csv")}
    above = {c: (f"{c[:2]}0000", r["parent"], c) for c, r in units.items()}
    return {c: "".join(units[a]["name"] for a in dict.fromkeys(up) if a in units) for c, up in above.items()}


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


def _weak(asked: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """The rows of `asked` (row, title, place_hint) that text or title decide: `row` and the columns of LOCATED."""
    rows, places = [], []
    for row, title, hint in asked.iter_rows():
        place = of_hint(hint, rules.hints, rules.resolver) if hint else None
        place = place or of_title(title or "", rules.hints, rules.resolver)
        if place is not None:
            rows.append(row)
            places.append(place)
    return _columns(places).insert_column(0, pl.Series("row", rows, dtype=pl.UInt32))


def _named(fields: pl.DataFrame, board: pl.Series, codes: pl.DataFrame) -> pl.DataFrame:
    """The fields with the name of the city where it is a number of its board."""
    city = fields["city"]
    at = city.str.contains(CODE).fill_null(False).arg_true()
    if not len(at):
        return fields
    asked = pl.DataFrame({"board": board.gather(at), "code": city.gather(at).str.extract(CODE)})
    names = asked.join(codes, on=["board", "code"], how="left", maintain_order="left")["name"]
    return fields.with_columns(city.scatter(at.filter(names.is_not_null()), names.drop_nulls()))


def _coded(fields: pl.DataFrame, rules: Rules, board: pl.Series | None) -> pl.DataFrame:
    """The fields with the name of the unit where the city is its national code, unless the board writes numbers of its own."""
    city = fields["city"]
    at = city.str.contains(NATIONAL).fill_null(False)
    if board is not None:
        at &= ~board.is_in(rules.codes["board"].unique().implode()).fill_null(False)
    if not at.any():
        return fields
    codes = city.filter(at).str.extract(NATIONAL)
    names = codes.replace_strict(rules.national, default=None, return_dtype=pl.String)
    return fields.with_columns(city.scatter(at.arg_true(), names.fill_null(city.filter(at))))


def run(clean: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Locate the ads of one part.

    `clean`: at least city, district, address; a number in city is read where board says whose it is, or as a national code; title and place_hint
    are asked where these name no place and do not say that there is none. Returns the columns of LOCATED, row-aligned.
    Time and memory are bounded by the distinct fields, of which the first 200 characters are read.
    """
    fields = clean.select(pl.col(k).str.slice(0, FIELD_LIMIT) for k in KEYS)
    if not rules.gazetteer.numbered:  # then 8号 and 12号 of a street are one decision
        fields = fields.with_columns(pl.col("address").str.replace_all("[1-9]", "0"))
    if "board" in clean.columns:
        fields = _named(fields, clean["board"], rules.codes)
    fields = _coded(fields, rules, clean["board"] if "board" in clean.columns else None)
    resolve = rules.resolver.resolve
    located = rules.memo(fields, lambda keys: _columns([resolve(c, d, a) for c, d, a in keys.iter_rows()]))
    if set(HINTS) <= set(clean.columns):
        asked = clean.select("title", "place_hint").with_row_index("row").filter(located["place_rule"].is_in(OPEN))
        weak = _weak(asked, rules)
        if weak.height:
            numbered = located.with_row_index("row")
            located = numbered.update(weak, on="row", how="left", maintain_order="left").drop("row")
    return LOCATED.conform(located)
