"""Tables one below the other on a sheet or in a file: a later row of other headers begins a table of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import polars as pl

from gangwei.formats import end_to_end
from gangwei.formats.chunk import RAW_CHARS, BadRow, Chunk, unique_names
from gangwei.formats.sampling import KEPT, spaced
from gangwei.formats.table import Table
from gangwei.mapping.guess import Knowledge
from gangwei.mapping.recognise import Match

SHOWN = 60
LATIN = r"^\s*[A-Za-z][A-Za-z_ .-]*$"
ASKED = ("title", "company", "city")


class Below:
    """Chunks of one table in order, cut where another begins; each part comes with its own mapping, which `mapping` finds."""

    def __init__(self, match: Match, table: Table, know: Knowledge, mapping: Callable[[Table], Match | None]) -> None:
        self.match, self.first, self.table, self.know, self.mapping = match, match, table, know, mapping
        self.words = list(know.headers.words)
        self.begun = self.lost = False
        """Whether a table has begun of which no row was met, and whether nothing is known of the present one."""

    def parts(self, chunk: Chunk) -> Iterator[tuple[Chunk, Match]]:
        """The parts of a chunk; rows of headers, and a heading above them, are among the bad rows of the part they begin."""
        self.begun |= chunk.begins
        if self.begun and chunk.rows.height:
            self.begun = False
            names = tuple(chunk.rows.columns)
            found = self.first if names == self.first.names else self._found(names, chunk.rows)
            self.lost, self.match = found is None, found or self.match
        if self.lost:
            yield self._refused(chunk), self.match
            return
        rows = _named(chunk.rows, self.match.names) if chunk.rows.height else chunk.rows
        starts, bad, start = self._starts(rows), list(chunk.bad), 0
        for at, end in zip(starts, [*starts[1:], rows.height]):
            names = tuple(unique_names([c or "" for c in rows.row(at)]))
            found = self._found(names, rows[at + 1 : end]) if end > at + 1 else None
            if found is None:
                continue
            heading = at > start and _filled(rows.row(at - 1)) <= 1
            yield (
                replace(chunk, rows=rows[start : at - heading], numbers=chunk.numbers[start : at - heading], bad=bad),
                self.match,
            )
            bad = [
                BadRow(chunk.numbers[i], "repeated_header", "|".join(c or "" for c in rows.row(i))[:RAW_CHARS])
                for i in range(at - heading, at + 1)
            ]
            rows, start, self.match = _named(rows, names), at + 1, found
        yield replace(chunk, rows=rows[start:], numbers=chunk.numbers[start:], bad=bad), self.match

    def _found(self, names: tuple[str, ...], rows: pl.DataFrame) -> Match | None:
        """The mapping of a table that begins with these rows."""
        body = [[c or "" for c in r] for r in rows.rows()]
        return self.mapping(
            replace(self.table, columns=names, head=body[:SHOWN], sample=lambda: spaced(body[SHOWN:], KEPT), label="")
        )

    def _refused(self, chunk: Chunk) -> Chunk:
        """The chunk with all its rows among the bad ones."""
        raw = ("|".join(c or "" for c in r)[:RAW_CHARS] for r in chunk.rows.rows())
        bad = [BadRow(n, "no_title_no_description", r) for n, r in zip(chunk.numbers, raw)]
        return replace(chunk, rows=chunk.rows.clear(), numbers=chunk.numbers.clear(), bad=[*chunk.bad, *bad])

    def _starts(self, rows: pl.DataFrame) -> list[int]:
        """Rows most of whose cells are words of headers, and not those of this table."""
        fields = self.match.source.fields
        asked = list(dict.fromkeys(c for f in ASKED if f in fields for c in fields[f].columns[:1] if c in rows.columns))
        if not asked or not rows.height:
            return []
        first, *others = asked
        said = [c.is_in(self.words).fill_null(False) for c in (pl.col(first).str.strip_chars(), *map(pl.col, others))]
        hits = rows.select(pl.any_horizontal(said).alias("x"))["x"]
        latin = rows[first].str.contains(LATIN).fill_null(False)
        if latin.any():
            hits |= latin & rows[asked[-1]].str.contains(LATIN).fill_null(False)
        return [i for i in hits.arg_true() if self._is_header(rows.row(i), rows.columns)]

    def _is_header(self, row: tuple[str | None, ...], own: list[str]) -> bool:
        cells = [c or "" for c in row]
        return end_to_end.is_header(cells, self.know.headers) and not end_to_end.same(cells, own)


def _named(rows: pl.DataFrame, names: tuple[str, ...]) -> pl.DataFrame:
    return rows.rename(dict(zip(rows.columns, names))) if tuple(rows.columns) != names else rows


def _filled(row: tuple[str | None, ...]) -> int:
    return sum(bool(c and c.strip()) for c in row)
