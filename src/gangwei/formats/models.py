"""Records of several kinds in one list of JSON, as programs write out a whole database: each kind is a table of its own.

So do Django (`dumpdata`: {"model": "app.job", "pk": 1, "fields": {…}}) and Neo4j (nodes with labels and properties).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import polars as pl

from gangwei.formats.chunk import Chunk
from gangwei.formats.employers import Employers, Schema
from gangwei.formats.headers import Headers, normal
from gangwei.formats.related import joined, told_of, with_employers
from gangwei.formats.sampling import KEPT, spaced
from gangwei.formats.table import Layout, Table

LAYOUTS = (("model", "pk", "fields."), ("labels", "id", "properties."))
"""The column that tells the kind, the key, and what the names of the other columns begin with."""
KEY = "id"
SHOWN = 60
MOST_KINDS = 100
DIGITS = r"^\d+$"


@dataclass(frozen=True)
class _Kind:
    """One kind: its value in the column of kinds, and its columns under their own names and those of the file."""

    by: str
    value: str
    columns: dict[str, str]

    def of(self, chunk: Chunk) -> Chunk:
        """The records of the kind."""
        rows = chunk.rows
        if self.by not in rows.columns:
            empty = pl.DataFrame(schema=dict.fromkeys(self.columns, pl.String))
            return Chunk(empty, chunk.numbers.clear(), chunk.bad, chunk.notes)
        own = (rows[self.by] == self.value).fill_null(False)
        missing = [pl.lit(None, pl.String).alias(c) for c in self.columns.values() if c not in rows.columns]
        named = [pl.col(c).alias(n) for n, c in self.columns.items()]
        return Chunk(
            rows.filter(own).with_columns(missing).select(named), chunk.numbers.filter(own), chunk.bad, chunk.notes
        )


def tables(seen: pl.DataFrame, read: Callable[[], Iterator[Chunk]], headers: Headers) -> list[Table]:
    """A table for each kind, jobs with what the others tell of them; none where the records are of one kind.

    Args:
        seen: records from all over the file. read: all of them.
    """
    kinds = _kinds(seen)
    numbers = pl.Series("row", range(seen.height), dtype=pl.Int64)
    records = {name: kind.of(Chunk(seen, numbers)).rows for name, kind in kinds.items()}
    keys = {name: _keys(own, kinds) for name, own in records.items()}
    schema = Schema({name: list(kind.columns) for name, kind in kinds.items()}, headers, keys)
    out = []
    for name, kind in kinds.items():
        told = told_of(name, schema)
        for t in told:
            t.add_all(map(kinds[t.table].of, read()))

        def read_kind(layout: Layout, kind: _Kind = kind, told: list[Employers] = told) -> Iterator[Chunk]:
            names = (*kind.columns, *(n for t in told for n in t.names))
            return joined(told, names, lambda _: map(kind.of, read()))

        rows = [[v or "" for v in r] for r in records[name].rows()]
        sample = partial(spaced, rows, KEPT)
        out.append(with_employers(name, list(kind.columns), rows[:SHOWN], sample, read_kind, {}, told))
    return out


def _kinds(seen: pl.DataFrame) -> dict[str, _Kind]:
    """The kinds by the last part of their names; none for one kind, or where a column of the layout is missing."""
    for by, key, before in LAYOUTS:
        if by not in seen.columns or key not in seen.columns or not any(c.startswith(before) for c in seen.columns):
            continue
        values = seen[by].drop_nulls().unique(maintain_order=True).to_list()
        lasts = [v.rpartition(".")[2] for v in values]
        if not 1 < len(values) <= MOST_KINDS:
            continue
        out = {}
        for value, last in zip(values, lasts):
            own = seen.filter(pl.col(by) == value)
            filled = [c for c in own.columns if c != by and own[c].null_count() < own.height]
            bare = {c: KEY if c == key else c.removeprefix(before) for c in filled}
            names = list(bare.values())
            columns = {n if names.count(n) == 1 else c: c for c, n in bare.items()}
            out[last if lasts.count(last) == 1 else value] = _Kind(by, value, columns)
        return out
    return {}


def _keys(own: pl.DataFrame, kinds: dict[str, _Kind]) -> dict[str, tuple[str, str]]:
    """Columns called after another kind that hold its keys, and that kind and its key."""
    named = {normal(name): (name, KEY) for name in kinds}
    return {
        c: named[normal(c)]
        for c in own.columns
        if normal(c) in named and (values := own[c].drop_nulls()).len() and values.str.contains(DIGITS).all()
    }
