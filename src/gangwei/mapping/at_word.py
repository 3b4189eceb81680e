"""Tables that have all columns of a plain table, each under a listed header: they are taken at their word, whatever their values."""

from __future__ import annotations

from collections.abc import Sequence

from gangwei.formats.headers import EXACT, Headers

PLAIN = (
    "source_key", "title", "company", "city", "district", "address", "pay", "education", "experience", "description",
)  # fmt: skip
"""Fields of a plain table."""


def plain_columns(names: Sequence[str], headers: Headers) -> dict[str, str]:
    """Column to field of a plain table; none where one of its fields has no listed header, or two. Of two that ask for the city
    (城市, 区域) where none asks for the district the less telling one is the district."""
    asked = [(c.rank, n, c.field) for n in names if (c := headers.claim(n)) is not None and c.strength == EXACT]
    found = {n: f for _, n, f in sorted(asked) if f in PLAIN}
    cities = [n for n, f in found.items() if f == "city"]
    if len(cities) == 2 and "district" not in found.values():
        found[cities[1]] = "district"
    return found if sorted(found.values()) == sorted(PLAIN) else {}


def at_their_word(plain: dict[str, str], placed: dict[str, str]) -> dict[str, str]:
    """Column to field as placed, but for the columns of a plain table and other columns that took their fields."""
    taken = set(plain.values()) if plain else set()
    return {**{n: f for n, f in placed.items() if n not in plain and f not in taken}, **plain}
