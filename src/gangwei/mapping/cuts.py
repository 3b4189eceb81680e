"""From where on the values of a column decide what it is: `sources/cuts.csv`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from gangwei.codebook import DefinitionError

if TYPE_CHECKING:
    from gangwei.codebook import Codebook


@dataclass(frozen=True)
class Cuts:
    """The value of each row by its id; what each means says its reason. Shares are from 0 to 1, lengths in characters."""

    nearly_all: float
    most: float
    usual: float
    clear: float
    half: float
    some: float
    few: float
    trades: float
    weak: float
    hardly: float
    stray: float
    long_text: float
    benefits: float
    short_value: float
    short_text: float
    plain_text: float
    street: float
    button: float
    bare_place: float
    town: float
    behind_city: float
    few_values: float
    few_rows: float
    many_posts: float
    many_people: float


def load_cuts(book: Codebook) -> Cuts:
    """Read `sources/cuts.csv`.

    Raises:
        DefinitionError: an id is missing or unknown, or a value is no number.
    """
    rows = book.rows("sources/cuts.csv")
    if other := {r["id"] for r in rows} ^ {f.name for f in fields(Cuts)}:
        raise DefinitionError(
            f"sources/cuts.csv: {', '.join(sorted(other))}: every cut that is asked for must stand here once, and no other"
        )
    for r in rows:
        if not r["value"].replace(".", "", 1).isdecimal():
            raise DefinitionError(f"sources/cuts.csv: {r['id']}: {r['value']!r} is no number")
    return Cuts(**{r["id"]: float(r["value"]) for r in rows})
