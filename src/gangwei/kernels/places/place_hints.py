"""Where the job is when the city field names no place: a labelled place in the text, else a city set off in the title.

The employer's name is never asked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from gangwei.kernels.places.gazetteer import PREFECTURE
from gangwei.kernels.places.place import Place, Resolver
from gangwei.kernels.places.place_fields import FIELD_LIMIT

if TYPE_CHECKING:
    from gangwei.codebook import Codebook

SILENT = ("blank", "unspecified", "elsewhere")
"""Kinds of city fields that leave the question open."""
OPEN = tuple(f"city.{kind}" for kind in SILENT)
"""Rules of such fields where neither district nor address decided."""
TEXT_LIMIT = 20_000


@dataclass(frozen=True)
class HintRules:
    """Patterns of `places/grammar.toml` [hints] and the city fields that leave the question open."""

    label: str
    ends: re.Pattern[str]
    bracket: re.Pattern[str]
    dash: re.Pattern[str]
    words: frozenset[str]
    silent: frozenset[str]


def compile_hints(book: Codebook) -> HintRules:
    """Rules from `places/grammar.toml` and `places/nonplaces.csv`."""
    table = book.toml("places/grammar.toml")["hints"]
    silent = {r["name"].lower() for r in book.rows("places/nonplaces.csv") if r["kind"] in SILENT}
    return HintRules(
        table["label"],
        re.compile("|".join(table["ends"])),
        re.compile(table["bracket"]),
        re.compile(table["dash"]),
        frozenset(table["words"]),
        frozenset(silent),
    )


def from_text(city: pl.Series, text: pl.Series, rules: HintRules) -> pl.Series:
    """What stands behind a label such as 工作地点: in the texts of ads whose `city` leaves the question open; else null.

    Row-aligned; of each text the first 20,000 characters are read.
    """
    field = city.fill_null("").str.slice(0, FIELD_LIMIT).str.strip_chars().str.to_lowercase()
    asked = (field == "") | field.is_in(rules.silent)
    out = pl.Series("place_hint", [None], dtype=pl.String).new_from_index(0, len(city))
    if not asked.any():
        return out
    rows = asked.arg_true()
    return out.scatter(rows, text.gather(rows).str.slice(0, TEXT_LIMIT).str.extract(rules.label))


def of_hint(hint: str, rules: HintRules, resolver: Resolver) -> Place | None:
    """The place of what stands behind a label of the text."""
    said = rules.ends.split(hint, maxsplit=1)[0]
    place = resolver.resolve(said, None, None)
    if place.status in ("ok", "none"):  # one place or an address
        place = resolver.resolve(None, None, said)
    return place._replace(rule="text.label") if place.status in ("ok", "multi") else None


def of_title(title: str, rules: HintRules, resolver: Resolver) -> Place | None:
    """The cities that fill a bracket of a title or, behind a dash, its end; prefectures and provinces, or full names."""
    names = resolver.gaz.names

    def named(part: str) -> bool:
        entry = names.get(part)
        return entry is not None and part not in rules.words and (entry.level <= PREFECTURE or entry.full)

    def listed(hint: str) -> bool:
        parts = [p for p in resolver.gaz.words.several.split(hint) if p]
        return bool(parts) and all(map(named, parts))

    said = [("title.bracket", inner) for inner in rules.bracket.findall(title[:FIELD_LIMIT])]
    head = [p.strip() for p in rules.dash.split(title[:FIELD_LIMIT]) if p.strip()]
    tail: list[str] = []
    while len(head) > 1 and listed(head[-1]):
        tail.insert(0, head.pop())
    if tail and not any(named(head[-1][-n:]) for n in (2, 3, 4)):  # else the list begins further left, unseparated
        said.append(("title.tail", "-".join(tail)))
    for rule, hint in said:
        if rule == "title.tail" or listed(hint):
            place = resolver.resolve(hint, None, None)
            if place.status in ("ok", "multi"):
                return place._replace(rule=rule)
    return None
