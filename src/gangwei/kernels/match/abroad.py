"""Places abroad by one name each, however a field writes them: 东京, Tokyo, Japan and 日本东京 are one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from gangwei.codebook import Codebook

NO_LETTERS = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class Abroad:
    """Names in lower case, the one name of each, and which are of cities."""

    pattern: re.Pattern[str]
    same: dict[str, str]
    cities: frozenset[str]

    def _one(self, written: str) -> str:
        found = self.pattern.findall(written.lower())
        cities = sorted({self.same[n] for n in found if n in self.cities})
        left = NO_LETTERS.sub("", self.pattern.sub(" ", written.lower()))
        return ",".join(cities) or left or ",".join(sorted({self.same[n] for n in found}))

    def named(self, written: pl.Series) -> pl.Series:
        """One name for each field: its known cities, what it says beside countries, or the countries."""
        memo = {w: self._one(w) for w in written.drop_nulls().unique()}
        return pl.Series(written.name, [memo.get(w) for w in written], dtype=pl.String())


def compile_abroad(book: Codebook) -> Abroad:
    """From `places/abroad.csv`."""
    rows = book.rows("places/abroad.csv")
    same = {r["name"]: r["same"] for r in rows}
    names = sorted(same, key=lambda n: (-len(n), n))
    latin = "|".join(re.escape(n) for n in names if n.isascii())
    local = "|".join(n for n in names if not n.isascii())
    return Abroad(
        re.compile(rf"(?<![^\W_])(?:{latin})(?![^\W_])|{local}"),
        same,
        frozenset(r["name"] for r in rows if r["kind"] == "city"),
    )
