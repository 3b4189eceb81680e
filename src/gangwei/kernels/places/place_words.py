"""Words around the names of places: `places/grammar.toml` as patterns."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gangwei.codebook import Codebook


@dataclass(frozen=True)
class PlaceWords:
    """Patterns and words; made by `compile_place_words`."""

    borrowed: re.Pattern[str]
    """Matches behind a name that a road, village or building bears."""
    borrowed_in_city: re.Pattern[str]
    """The same at the beginning of a city field."""
    employer: re.Pattern[str]
    """Matches behind a place that opens an employer's name."""
    own_road: re.Pattern[str]
    """Matches behind a zone that opens an address: its own numbered roads or the office that bears its name."""
    fillers: re.Pattern[str]
    """Matches words of code lists that name nothing (市辖区)."""
    placelike: re.Pattern[str]
    """Finds a word of place names."""
    also: re.Pattern[str]
    """Matches a word between places that are alternatives."""
    several: re.Pattern[str]
    """Finds a word or a mark between alternatives."""
    country: str
    label: re.Pattern[str]
    """Matches what stands before the place at the beginning of an address."""
    city: str
    """The class word that may belong to the name behind, too (济南市中区)."""
    usual: tuple[tuple[str, str, str], ...]
    """(end of an official name, class word of its usual form, level or '')."""
    latin_tails: tuple[str, ...]
    """Class words behind Latin names, letters alone; the first that fits is taken off."""
    latin_head: str
    latin_home: frozenset[str]
    """Names of the country, letters alone."""
    latin_country: re.Pattern[str]
    """Matches the country before a dash."""
    latin_alone: frozenset[str]
    """Names, letters alone, that take the place of what stands before them."""


def compile_place_words(book: Codebook) -> PlaceWords:
    """Read `places/grammar.toml`."""
    grammar = book.toml("places/grammar.toml")
    firm, latin, also = grammar["employer"], grammar["latin"], "|".join(grammar["several"]["words"])

    def behind(part: str) -> re.Pattern[str]:
        return re.compile(f"{grammar[part]['between']}(?:{'|'.join(grammar[part]['words'])})")

    return PlaceWords(
        borrowed=behind("borrowed"),
        borrowed_in_city=behind("borrowed_in_city"),
        employer=re.compile(f"[^{firm['stops']}]{{0,{firm['reach']}}}?(?:{'|'.join(firm['words'])})"),
        own_road=re.compile(grammar["zones"]["own_road"]),
        fillers=re.compile("|".join(grammar["fillers"]["words"])),
        placelike=re.compile("|".join(grammar["placelike"]["words"])),
        also=re.compile(also),
        several=re.compile(rf"{also}|[/,、;|&+\s]"),
        country=grammar["address"]["country"],
        label=re.compile(grammar["address"]["label"]),
        city=grammar["class_words"]["city"],
        usual=tuple((u["end"], u["word"], str(u.get("level", ""))) for u in grammar["class_words"]["usual"]),
        latin_tails=tuple(latin["tails"]),
        latin_head=latin["head"],
        latin_home=frozenset(latin["home"]),
        latin_country=re.compile(latin["country"]),
        latin_alone=frozenset(latin["alone"]),
    )
