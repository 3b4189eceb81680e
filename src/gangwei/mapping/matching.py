"""The mapping of each table of a file: known shapes, then headers and values, then what the names of the file and its sheets tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gangwei.formats.table import Table
from gangwei.mapping.guess import Knowledge
from gangwei.mapping.recognise import (
    Match,
    better,
    of_jobs,
    of_page,
    placed_by_name,
    placed_by_title,
    recognise,
    sniff,
    told_by_path,
)
from gangwei.mapping.source import Source


@dataclass(frozen=True)
class Matching:
    """How the tables of one file are mapped: by `known` definitions and, unless they are all there is, by headers and values."""

    file: str
    known: Sequence[Source]
    know: Knowledge
    known_only: bool = False

    def of(self, tables: Sequence[Table], page: bool) -> list[tuple[Table, Match]]:
        """The tables that hold ads, each with its mapping; those of a web page have to look like a list of ads."""
        matches = [(t, recognise(t, self.file, self.known)) for t in tables]
        if not self.known_only:
            matches = [(t, self._told(t, m)) for t, m in self._guessed(matches)]
        return [(t, m) for t, m in matches if m is not None and (not page or of_page(t, m.skip, m.source))]

    def below(self, table: Table) -> Match | None:
        """The mapping of a table that begins below another."""
        own = recognise(table, self.file, self.known)
        own = own if self.known_only else better(table, own, self.know) or sniff(table, self.know)
        return told_by_path(placed_by_name(own, self.file, self.know), self.file, self.know)

    def _guessed(self, matches: list[tuple[Table, Match | None]]) -> list[tuple[Table, Match | None]]:
        """Mappings by headers and values where no definition fits, or where they fill more."""
        matches = [(t, better(t, m, self.know)) for t, m in matches]
        alone = not any(m for _, m in matches)
        matches = [(t, m or (sniff(t, self.know) if alone or t.format == "excel" else None)) for t, m in matches]
        return of_jobs(matches, self.know) if alone else matches

    def _told(self, table: Table, match: Match | None) -> Match | None:
        """A mapping with what the title of the table and the names of its file and sheet tell."""
        name = f"{self.file}#{table.label}"
        match = placed_by_title(told_by_path(match, name, self.know), table, self.know)
        return placed_by_name(match, name, self.know)
