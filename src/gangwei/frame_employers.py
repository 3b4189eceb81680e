"""Employers by their number: ids in order, and names as lists show them, looked up without a query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import polars as pl

NOBODY = -1
"""The number of what is no known employer; so is every negative one."""


@dataclass(frozen=True)
class Employers:
    """`ids` ascending, as their numbers are given by `employer_no`; `names` in the same order, null for a person."""

    ids: pl.Series
    names: pl.Series

    @classmethod
    def read(cls, con: duckdb.DuckDBPyConnection) -> Employers:
        """Read both from the tables of a dataset."""
        cur = con.cursor()
        try:
            got = cur.execute(
                "SELECT n.employer_id, CASE WHEN e.kind = 'person' THEN NULL ELSE e.name END AS employer "
                "FROM employer_no n JOIN employers e ON e.employer_id = n.employer_id ORDER BY n.emp_no"
            ).pl()
        finally:
            cur.close()
        return cls(got["employer_id"].rechunk(), got["employer"].rechunk())

    def ids_of(self, numbers: Sequence[int]) -> list[str | None]:
        """Ids of numbers; None for nobody."""
        return self._taken(self.ids, numbers)

    def names_of(self, numbers: Sequence[int]) -> list[str | None]:
        """Shown names of numbers; None for nobody and for a person."""
        return self._taken(self.names, numbers)

    def numbers_of(self, ids: Sequence[str]) -> list[int]:
        """Numbers of ids; `NOBODY` for those that are not among them."""
        at = self.ids.search_sorted(pl.Series(ids, dtype=pl.String)).to_list() if len(ids) else []
        return [n if self._taken(self.ids, [n])[0] == i else NOBODY for n, i in zip(at, ids)]

    def _taken(self, values: pl.Series, numbers: Sequence[int]) -> list[str | None]:
        known = pl.Series([n if 0 <= n < len(values) else None for n in numbers], dtype=pl.UInt32)
        out: list[str | None] = values.gather(known).to_list()
        return out
