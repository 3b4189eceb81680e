"""Counties that stand alone, as a crawl of one city keeps them: together they tell the city that each by itself leaves open."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from gangwei.mapping.values import Values

KINDS = ("", "区", "县", "市", "旗")
BEHIND = re.compile(r"\s*[-–—·/\s]\s*.*$", re.S)


def of_one_city(mine: Sequence[str], values: Values) -> dict[str, str] | None:
    """A rewrite that puts the city before counties of a name that several cities have.

    Args:
        mine: values of the only column of places, with or without a quarter behind (鼓楼, 鼓楼区-湖南路).
        values: have the names of counties and the prefectures, or municipalities, that have one.

    Returns:
        Pattern and replacement where one city alone has all the counties, more than a few; else None.
    """
    counties = values.counties
    names = {BEHIND.sub("", v.strip()) for v in mine}
    if (quarters := _quarters(names, values)) is not None:
        return quarters
    held = [cities for n in names if (cities := cities_with(n, counties))]
    if len(held) < values.cut.few_values or len(held) < values.cut.nearly_all * len(names):
        return None
    common = frozenset.intersection(*held)
    if len(common) != 1:
        return None
    (city,) = common
    shared = sorted({n for n in names if len(cities_with(n, counties)) > 1} | _of(city, counties))
    return {"pattern": rf"^\s*({'|'.join(shared)})(\s*[-–—·/\s].*)?\s*$", "replace": f"{city}$1$2"} if shared else None


def _quarters(names: set[str], values: Values) -> dict[str, str] | None:
    """The same where all counties with their kind, more than a few, are of one city, and the other names are of its quarters: those
    that would be a county of another city (沙河 beside 天河区)."""
    counties = values.counties
    full = [counties[n] for n in names if n in counties and n.endswith(KINDS[1:])]
    bare = {n for n in names if n not in counties and not n.endswith(KINDS[1:])}
    common = frozenset.intersection(*full) if len(full) >= values.cut.few_values else frozenset[str]()
    if len(common) != 1 or not bare:
        return None
    (city,) = common
    shared = sorted({n for n in bare if (of := cities_with(n, counties)) and city not in of} | _of(city, counties))
    return {"pattern": rf"^\s*({'|'.join(shared)})(\s*[-–—·/\s].*)?\s*$", "replace": f"{city}$1$2"} if shared else None


def cities_with(name: str, counties: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Cities that have a county of the name, with or without its kind (鼓楼, 鼓楼区)."""
    return (
        frozenset().union(*(counties.get(name + kind, frozenset()) for kind in KINDS)) if len(name) > 1 else frozenset()
    )


def _of(city: str, counties: Mapping[str, frozenset[str]]) -> set[str]:
    """Counties of the city whose name another city has, too."""
    return {n for n, cities in counties.items() if city in cities and len(cities) > 1}
