"""Patterns of what tables without a definition pack into their columns (`packed.toml`), and small helpers on such values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from gangwei.formats.charset import written_out
from gangwei.formats.headers import normal
from gangwei.kernels.shapeless import visible
from gangwei.mapping.boards import Boards, load_boards
from gangwei.mapping.source import TEXT_FIELDS
from gangwei.mapping.values import places_of

if TYPE_CHECKING:
    from gangwei.codebook import Codebook

PAY_PARTS = ("pay_min", "pay_max", "pay_months")
AS: dict[Any, Callable[[Any], Any]] = {
    "str": str,
    "re.Pattern[str]": re.compile,
    "dict[str, str]": dict,
    "tuple[str, ...]": tuple,
    "tuple[dict[str, str], ...]": tuple,
}
"""How a key of `packed.toml` becomes the field of its name, by the type of the field"""


@dataclass(frozen=True)
class Packed:
    """Patterns of `packed.toml`."""

    split: str
    other_splits: tuple[str, ...]
    glued: tuple[tuple[tuple[str, ...], str], ...]
    """(fields, pattern with a group for each) of values that hold several fields with no sure mark between them"""
    stage: str
    """Words on the financing of an employer"""
    object: str
    list: re.Pattern[str]
    labels: str
    """Words before facts of one cell"""
    items: re.Pattern[str]
    title_pay: str
    small_pay: re.Pattern[str]
    either_order: tuple[dict[str, str], ...]
    """(told, pattern, day_first, month_first: see `date_order`)"""
    traditional: re.Pattern[str]
    simplified: re.Pattern[str]
    preferred: str
    intro: re.Pattern[str]
    edges: str
    edges_around: str
    """Empty items at the ends of a list that is joined"""
    formula: str
    """A text that is written as a formula"""
    formula_within: str
    """One of several that are joined"""
    markup: re.Pattern[str]
    markup_around: str
    table_words: re.Pattern[str]
    persons: re.Pattern[str]
    """Normalised headers and remarks of columns that only records of persons have"""
    with_resumes: re.Pattern[str]
    """The same of those that tell of an application or of a person's past beside the key of a résumé"""
    accounts: re.Pattern[str]
    link: str
    pay_bounds: tuple[dict[str, str], ...]
    """(pattern, replace) of bounds of pay that are written as an object or a list"""
    company_tail: str
    page_title: str
    title_below: str
    title_place: str
    title_head: str
    hiring: re.Pattern[str]
    """What follows 招聘 in titles of those who hire"""
    taken_from_text: re.Pattern[str]
    """Headers of what a model or a program took from the text"""
    highlight: str
    short_name: re.Pattern[str]
    trade_name: re.Pattern[str]
    county: re.Pattern[str]
    department: re.Pattern[str]
    hosts: dict[str, str]
    marks: dict[str, str]
    daily: frozenset[str]
    """Boards whose small bare numbers are of a day, and what these look like"""
    daily_pay: re.Pattern[str]
    owners: dict[str, str]
    boards: Boards
    nulls: tuple[str, ...]
    null_rules: tuple[dict[str, Any], ...]
    """Rules for what stands where there is no value"""
    picture: re.Pattern[str]
    town: str
    """Titles of rows that are headings where nothing else stands beside them: names of towns"""
    title_town: re.Pattern[str]
    title_employer: re.Pattern[str]
    named_for: re.Pattern[str]
    units: tuple[tuple[str, str], ...]
    """(pattern of a written unit of pay, unit)"""
    unit_scales: tuple[tuple[str, int], ...]
    """(pattern of a written unit of pay, yuan per unit of bare amounts beside it)"""
    bare: dict[str, str]
    """(word of several fields, and the patterns of these fields without it)"""
    months_behind: tuple[dict[str, str], ...]
    """Rules for months that stand behind written pay"""
    exp_headers: tuple[dict[str, str], ...]
    """(header, and the pattern and replacement of values) of experience whose bare numbers are no years"""
    hints: tuple[tuple[re.Pattern[str], str, str | int], ...]
    """(header pattern, name of the hint, value)"""


def load_packed(book: Codebook) -> Packed:
    """Patterns of `packed.toml`."""
    data, places = book.toml("packed.toml"), places_of(book)
    hints = [(re.compile(r["pattern"]), "pay_unit_hint", r["unit"]) for r in data["pay_unit"]]
    hints += [(re.compile(r["pattern"]), "pay_scale_hint", r["scale"]) for r in data["pay_scale"]]
    made: dict[str, Any] = {
        "glued": tuple((tuple(r["fields"]), r["pattern"].replace("{places}", places)) for r in data["glued"]),
        "title_pay": rf"^(.*[^\s\[(（【])(?:\s+|\s*[\[(（【]\s*)({data['end_pay']})\s*[\])）】]?\s*$",
        "marks": {normal(k): v for k, v in data["marks"].items()},
        "daily": frozenset(data["daily"]["boards"]),
        "daily_pay": re.compile(data["daily"]["pay"]),
        "boards": load_boards(data),
        "null_rules": _nulls(data),
        "town": data["town"].replace("{places}", places),
        "named_for": re.compile(data["named_for"].replace("{cities}", places_of(book, cities=True))),
        "title_town": re.compile(data["title_town"].replace("{places}", places)),
        "title_place": data["title_place"].replace("{places}", places),
        "units": tuple((r["pattern"], r["unit"]) for r in data["unit_words"]),
        "unit_scales": tuple((r["pattern"], r["scale"]) for r in data["unit_scales"]),
        "exp_headers": tuple(data["experience_header"]),
        "hints": tuple(hints),
    }
    return Packed(**made, **{f.name: AS[f.type](data[f.name]) for f in fields(Packed) if f.name not in made})


def _nulls(data: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """What programs write for nothing in any field, and what people write in fields where it is no value."""
    fielded = [f for f in data["missing"]["fields"] if f in TEXT_FIELDS]
    everywhere, said = data["nulls"], data["missing"]["words"]
    others = [f for f in TEXT_FIELDS if f not in fielded]
    return {"fields": others, "values": everywhere}, {"fields": fielded, "values": [*everywhere, *said]}


def column(target: str, placed: dict[str, str], cells: dict[str, list[str]]) -> list[str]:
    """Values of the column that is placed as `target`."""
    return next((cells[n] for n, f in placed.items() if f == target), [])


def median(mine: list[str]) -> int:
    """Median length of values, blanks in a row counted as one."""
    return sorted(len(" ".join(v.split())) for v in mine)[len(mine) // 2]


def plain(value: str) -> str:
    """A value without characters that have no shape; a written-out list as its items joined with '|', as the mapping will see it."""
    value = visible(value)
    if not value.lstrip().startswith("["):
        return value
    return written_out(value).strip(" []'\"").replace("', '", "|").replace('", "', "|")
