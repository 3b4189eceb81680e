"""Counties that stand alone, as a crawl of one city keeps them: together they tell the city that each by itself leaves open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

FEW = 3
SHARE = 0.9


def of_one_city(mine: Sequence[str], counties: Mapping[str, frozenset[str]]) -> dict[str, str] | None:
    """A rewrite that puts the city before counties of a name that several cities have.

    Args:
        mine: values of the only column of places.
        counties: names of counties and the prefectures, or municipalities, that have one.

    Returns:
        Pattern and replacement where one city alone has all the counties, three or more; else None.
    """
    names = {v.strip() for v in mine}
    held = [counties[n] for n in names if n in counties]
    if len(held) < FEW or len(held) < SHARE * len(names):
        return None
    common = frozenset.intersection(*held)
    if len(common) != 1:
        return None
    (city,) = common
    shared = sorted(n for n, cities in counties.items() if city in cities and len(cities) > 1)
    return {"pattern": rf"^\s*({'|'.join(shared)})\s*$", "replace": f"{city}$1"} if shared else None
