"""One table of a file: how it is read, and tables of records or rows that are held already."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import BinaryIO

from gangwei.formats import archive
from gangwei.formats.chunk import BadRow, Chunk, Limits, chunk_of
from gangwei.formats.sampling import KEPT, spaced

Reader = Callable[[BinaryIO, str, Limits], Iterator[Chunk]]


@dataclass(frozen=True)
class Layout:
    """Rows before the data, the column names, the columns wanted (None = all) and the anchors for repairs."""

    skip: int
    names: tuple[str, ...]
    wanted: frozenset[str] | None = None
    anchors: tuple[tuple[int, object], ...] = ()


@dataclass(frozen=True)
class Table:
    """One table of a file. `columns` is set where the format itself names them; else `head` may start with headers."""

    label: str
    format: str
    columns: tuple[str, ...] | None
    head: list[list[str]]
    read: Callable[[Layout], Iterator[Chunk]]
    mojibake: bool = False
    sample: Callable[[], list[list[str]]] = list
    """Rows from all over the table, read when they are asked for."""
    remarks: Mapping[str, str] = field(default_factory=dict)
    """What the definition of the table says of its columns."""
    above: tuple[str, ...] = ()
    """Lines of its document above it, which may say who hires."""

    def top(self, rows: int) -> list[tuple[int, list[str]]]:
        """The first rows of `head` with their positions, where a header may be: of blank ones above all others the last counts."""
        at = next((i for i, row in enumerate(self.head) if any(c.strip() for c in row)), 0)
        return list(enumerate(self.head))[max(0, at - 1) : max(at - 1, 0) + rows]


def of_records(blob: archive.Blob, limits: Limits, reader: Reader, encoding: str) -> list[Table]:
    """A table of records with names; the first of them tell its columns."""

    def read(layout: Layout | None) -> Iterator[Chunk]:
        with blob.stream() as f:
            yield from reader(f, encoding, limits)

    with blob.stream() as f:
        frame = next(iter(reader(f, encoding, replace(limits, batch_rows=1000)))).rows
    rows = [[v or "" for v in r] for r in frame.rows()]
    return [Table("", "json", tuple(frame.columns), rows[:60], read, sample=partial(spaced, rows, KEPT))]


def of_rows(label: str, numbered: list[tuple[int, list[str]]], broken: Sequence[BadRow] = ()) -> Table:
    """A table of rows that are held; short rows are filled up. `broken` are rows that could not be read."""
    rows = [r for _, r in numbered]

    def read(layout: Layout) -> Iterator[Chunk]:
        n = len(layout.names)
        body = numbered[layout.skip :]
        good = [(at, r + [""] * (n - len(r))) for at, r in body if len(r) <= n]
        bad = [BadRow(at, "field_count", "|".join(r)[:500]) for at, r in body if len(r) > n]
        yield chunk_of(layout.names, [r for _, r in good], [at for at, _ in good], [*bad, *broken])

    return Table(label, "excel", None, rows[:60], read, sample=partial(spaced, rows, KEPT))
