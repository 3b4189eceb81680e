"""What the values of a column look like: patterns by field, with the share of values that must fit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gangwei.formats.tells import Tells, load_tells
from gangwei.mapping.cuts import Cuts, load_cuts

if TYPE_CHECKING:
    from gangwei.codebook import Codebook


NATIONAL = re.compile(r"^\s*([1-8]\d{5})(?:\d{3}|\d{6})?(?:\.0)?\s*$")


def reaching(wanted: float, pattern: re.Pattern[str], values: Sequence[str]) -> float:
    """Share of values (at least one) that a pattern is found in; 0 as soon as `wanted` cannot be reached."""
    fit = n = len(values)
    for v in values:
        if not pattern.search(v):
            fit -= 1
            if fit / n < wanted:
                return 0.0
    return fit / n


@dataclass(frozen=True)
class Values:
    """Patterns that values of a field fit, the share of values that must, and what suffices where the header asks for it."""

    rules: tuple[tuple[str, re.Pattern[str], float], ...]
    enough: dict[str, re.Pattern[str]]
    city_numbers: re.Pattern[str]
    """Numbers that boards write for cities; a column of them is one of cities only where its header asks for that."""
    national: frozenset[str]
    """National codes of places, six digits"""
    towns: frozenset[str]
    """Short names of provinces, prefectures and county-level cities"""
    provinces: frozenset[str]
    """Names of provinces, long and short, without the municipalities"""
    counties: dict[str, frozenset[str]]
    """Names of counties of today and the prefectures or municipalities that have one"""
    tells: Tells
    cut: Cuts

    def share(self, target: str, values: Sequence[str]) -> float | None:
        """Share of values that look like the field; None where nothing is known about the field."""
        for name, pattern, _ in self.rules:
            if name == target:
                return sum(bool(pattern.search(v)) for v in values) / len(values) if values else 0.0
        return None

    def like(self, target: str, values: Sequence[str]) -> float:
        """The same with 0 where nothing is known about the field."""
        return self.share(target, values) or 0.0

    def plausible(self, target: str, values: Sequence[str]) -> float | None:
        """Share of values that may stand in the field; None where nothing is known about it."""
        pattern = self.enough.get(target)
        return sum(bool(pattern.search(v)) for v in values) / max(len(values), 1) if pattern else None

    def coded(self, values: Sequence[str]) -> float:
        """Share of values that are national codes of places, alone or with the digits of a town or village behind them."""
        found = [m[1] for m in map(NATIONAL.match, values) if m]
        return sum(c in self.national for c in found) / max(len(values), 1)

    def pattern(self, target: str) -> str:
        """The pattern of a field."""
        return next(p.pattern for n, p, _ in self.rules if n == target)


def places_of(book: Codebook, *, cities: bool = False) -> str:
    """Names of provinces, prefectures and county-level cities, longest first, as alternatives of a pattern; or of `cities` above
    counties alone."""
    now = [r for r in book.rows("places/units.csv") if not r["to"]]
    if cities:
        towns = {
            r["short"] or r["name"]
            for r in now
            if r["level"] == "2" or (r["level"] == "1" and r["name"].endswith("市"))
        }
    else:
        towns = {r["short"] or r["name"] for r in now if r["level"] in ("1", "2") or r["name"].endswith("市")}
    return "|".join(sorted((t for t in towns if len(t) > 1), key=lambda t: (-len(t), t)))


def latin_of(book: Codebook) -> str:
    """Other names of places in Latin letters, longest first, as alternatives of a pattern."""
    names = {r["name"] for r in book.rows("places/aliases.csv") if r["use"] == "latin"}
    return "|".join(map(re.escape, sorted(names, key=lambda n: (-len(n), n))))


def counties_of(book: Codebook) -> dict[str, frozenset[str]]:
    """Names of counties of today and the names of the units that have one."""
    now = [r for r in book.rows("places/units.csv") if not r["to"]]
    above, out = {r["id"]: r["name"] for r in now}, dict[str, set[str]]()
    for r in now:
        city = above.get(r["parent"]) or above.get(f"{r['parent'][:2]}0000")  # districts of a municipality
        if r["level"] == "3" and city:
            out.setdefault(r["name"], set()).add(city)
    return {name: frozenset(cities) for name, cities in out.items()}


def load_values(book: Codebook) -> Values:
    """`sources/values.csv` (id, field, share, pattern, plausible, reason); {places} and {latin} in a pattern stand for names of places."""
    national = frozenset(r["id"] for r in book.rows("places/units.csv"))
    places, latin = places_of(book), latin_of(book)
    rows = book.rows("sources/values.csv")
    rules = [
        (r["field"], re.compile(r["pattern"].replace("{places}", places).replace("{latin}", latin)), float(r["share"]))
        for r in rows
        if r["pattern"]
    ]
    codes = "|".join(sorted({r["code"].lstrip("0") for r in book.rows("places/board_codes.csv")}))
    numbers = re.compile(rf"^\s*0*(?:{codes})(?:\.0)?\s*$")
    enough = {r["field"]: re.compile(r["plausible"]) for r in rows if r["plausible"]}
    towns = frozenset(places.split("|"))
    above = [r for r in book.rows("places/units.csv") if r["level"] == "1" and not r["name"].endswith("市")]
    provinces = frozenset(n for r in above for n in (r["name"], r["short"]) if n)
    told = (towns, provinces, counties_of(book), load_tells(book), load_cuts(book))
    return Values(tuple(rules), enough, numbers, national, *told)
