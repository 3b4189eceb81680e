"""Tables one below the other on a sheet or in a file: a later row of other headers begins a table of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import polars as pl

from gangwei.formats.chunk import BadRow, Chunk, unique_names
from gangwei.formats.table import Table
from gangwei.mapping.guess import Knowledge
from gangwei.mapping.recognise import Match, sniff

HEADERS = 3
SHOWN = 60
RAW_CHARS = 500


class Below:
    """Chunks of one table in order, cut where another begins; each part comes with its own mapping."""

    def __init__(self, match: Match, know: Knowledge) -> None:
        self.match, self.know = match, know
        self.words = list(know.headers.words)

    def parts(self, chunk: Chunk) -> Iterator[tuple[Chunk, Match]]:
        """The parts of a chunk; rows of headers, and a heading above them, are among the bad rows of the part they begin."""
        rows = _named(chunk.rows, self.match.names)
        starts, bad, start = self._starts(rows), list(chunk.bad), 0
        for at, end in zip(starts, [*starts[1:], rows.height]):
            names = tuple(unique_names([c or "" for c in rows.row(at)]))
            body = [[c or "" for c in r] for r in rows[at + 1 : min(end, at + 1 + SHOWN)].rows()]
            found = sniff(Table("", "excel", names, body, lambda _: iter(())), self.know) if body else None
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

    def _starts(self, rows: pl.DataFrame) -> list[int]:
        """Rows most of whose cells are words of headers, and not those of this table."""
        spec = self.match.source.fields.get("title")
        if spec is None or spec.columns[0] not in rows.columns:
            return []
        said = rows[spec.columns[0]].str.strip_chars().str.to_lowercase().is_in(self.words).fill_null(False)
        return [i for i in said.arg_true() if self._is_header(rows.row(i), rows.columns)]

    def _is_header(self, row: tuple[str | None, ...], own: list[str]) -> bool:
        filled = [c for c in row if c and c.strip()]
        listed = sum(self.know.headers.listed(c) is not None for c in filled)
        same = sum(c is not None and c.strip() == n for c, n in zip(row, own))
        return listed >= HEADERS and 2 * listed > len(filled) and same * 2 < len(filled)


def _named(rows: pl.DataFrame, names: tuple[str, ...]) -> pl.DataFrame:
    return rows.rename(dict(zip(rows.columns, names))) if tuple(rows.columns) != names else rows


def _filled(row: tuple[str | None, ...]) -> int:
    return sum(bool(c and c.strip()) for c in row)
