"""Employers by their number: what is known of each, the names in the ads, and the lists; looked up without a query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import polars as pl

NOBODY = -1
"""The number of what is no known employer; so is every negative one."""


@dataclass(frozen=True)
class Employers:
    """What a dataset holds of employers, numbered as `employer_no` numbers them: by their ids, ascending.

    `known` has a row for each; `shown` are names as lists show them, null for a person; `written` holds (name_raw, rule_id), those
    of employer n in the rows `ends[n]` to `ends[n + 1]`; `lists` are the affiliations.
    """

    known: pl.DataFrame
    shown: pl.Series
    written: pl.DataFrame
    ends: npt.NDArray[np.int64]
    lists: pl.DataFrame

    @classmethod
    def read(cls, con: duckdb.DuckDBPyConnection) -> Employers:
        """Read them from the tables of a dataset."""
        cur = con.cursor()
        try:
            joined = "JOIN employer_no n ON n.employer_id = e.employer_id ORDER BY n.emp_no"
            known = cur.execute(f"SELECT e.* FROM employers e {joined}").pl().rechunk()
            names = cur.execute(
                f"SELECT n.emp_no, e.name_raw, e.rule_id FROM employer_names e {joined}, e.name_raw"
            ).pl()
            lists = cur.execute("SELECT * FROM affiliations ORDER BY ALL").pl()
        finally:
            cur.close()
        shown = known.select(pl.when(pl.col("kind") != "person").then("name")).to_series()
        ends = np.searchsorted(names["emp_no"].to_numpy(), np.arange(len(known) + 1))
        return cls(known, shown, names.drop("emp_no").rechunk(), ends, lists)

    def ids_of(self, numbers: Sequence[int]) -> list[str | None]:
        """Ids of numbers; None for nobody."""
        return _taken(self.known["employer_id"], numbers)

    def names_of(self, numbers: Sequence[int]) -> list[str | None]:
        """Shown names of numbers; None for nobody and for a person."""
        return _taken(self.shown, numbers)

    def numbers_of(self, ids: Sequence[str]) -> list[int]:
        """Numbers of ids; `NOBODY` for those that are not among them."""
        at = self.known["employer_id"].search_sorted(pl.Series(ids, dtype=pl.String)).to_list() if len(ids) else []
        return [n if found == i else NOBODY for n, found, i in zip(at, self.ids_of(at), ids)]

    def one(self, id_: str, most: int) -> tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]] | None:
        """(what is known, at most `most` names in the ads with the rule that led from each, affiliations); None for nobody."""
        (n,) = self.numbers_of([id_])
        if n == NOBODY:
            return None
        names = self.written[int(self.ends[n]) : int(self.ends[n + 1])].head(most)
        return (
            self.known.row(n, named=True),
            names.to_dicts(),
            self.lists.filter(pl.col("employer_id") == id_).to_dicts(),
        )


def _taken(values: pl.Series, numbers: Sequence[int]) -> list[str | None]:
    at = pl.Series([n if 0 <= n < len(values) else None for n in numbers], dtype=pl.UInt32)
    out: list[str | None] = values.gather(at).to_list()
    return out
