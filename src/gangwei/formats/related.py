"""Tables of one database: jobs with their titles and what is told of their employers, places and levels by the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from gangwei.formats.chunk import Chunk
from gangwei.formats.employers import Employers, Schema, employers_of, names_of, titles_of
from gangwei.formats.table import Layout, Table


def told_of(name: str, schema: Schema) -> list[Employers]:
    """Tables of a database that tell titles, employers, places and levels of the jobs in the table `name`."""
    titles = titles_of(name, schema)
    employers = employers_of(name, schema, titles is not None)
    return [t for t in (titles, employers, *names_of(name, schema)) if t is not None]


def joined(
    told: list[Employers], names: Sequence[str], jobs: Callable[[Sequence[str]], Iterator[Chunk]]
) -> Iterator[Chunk]:
    """Jobs, read under the first of `names`, with their titles and employers in the others."""
    own = len(names) - sum(len(t.names) for t in told)
    chunks = jobs(names[:own])
    for t in told:
        own += len(t.names)
        chunks = t.joined(chunks, names[:own])
    return chunks


def with_employers(
    name: str,
    columns: Sequence[str],
    rows: list[list[str]],
    sample: Callable[[], list[list[str]]],
    read: Callable[[Layout], Iterator[Chunk]],
    remarks: Mapping[str, str],
    told: list[Employers],
) -> Table:
    """A table of a database; jobs have their titles and what is told of their employers behind them, where other tables have those."""
    ats = [(t, columns.index(t.by)) for t in told]

    def with_told(some: list[list[str]]) -> list[list[str]]:
        return [[*r, *(v for t, at in ats for v in t.of(r[at]))] for r in some]

    all_columns = (*columns, *(n for t in told for n in t.names))
    return Table(name, "sql", all_columns, with_told(rows), read, sample=lambda: with_told(sample()), remarks=remarks)
