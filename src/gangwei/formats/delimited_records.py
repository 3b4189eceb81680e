"""Records of delimited text with the lines that each was made of, so that a quote left open costs one line only."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from gangwei.formats.chunk import Limits
from gangwei.formats.headers import Headers

DELIMITERS = (",", "\t", ";", "|", "\x01", "^")
DOUBLE = '"'
RECORD_LINES = 5_000
QUOTE_FAILURES = 50


class _RunawayQuote(Exception):
    """A record spans more lines or characters than a row can have."""


@dataclass(frozen=True)
class Shape:
    """How a delimited file is laid out: delimiter, rows before the data, column names, anchors for repairs, quote."""

    delimiter: str
    skip: int
    names: tuple[str, ...]
    anchors: tuple[tuple[int, re.Pattern[str]], ...] = ()
    quote: str = DOUBLE
    headers: Headers | None = None
    """Tell where another table begins (see `end_to_end`)."""


class Records:
    """Records of a text stream. After each one, `lines` holds the lines it was made of."""

    def __init__(self, source: Iterator[str | None], shape: Shape, limits: Limits) -> None:
        self.source, self.shape, self.limits = source, shape, limits
        self.queue: list[str | None] = []
        self.lines: list[str] = []
        self.size = 0
        self.quoting: Literal[0, 3] = csv.QUOTE_MINIMAL
        self.failures = 0
        self.too_long = False
        self.ended = False
        """Whether the text ended within the record."""
        csv.field_size_limit(1 << 30)
        self.reader = self._make()

    def _make(self) -> Iterator[list[str]]:
        shape = self.shape
        return csv.reader(self._feed(), delimiter=shape.delimiter, quotechar=shape.quote, quoting=self.quoting)

    def _feed(self) -> Iterator[str]:
        while True:
            line = self.queue.pop() if self.queue else next(self.source, "")
            if line == "":
                self.ended = True
                return
            if line is None:
                self.too_long = True
                line = "\n"
            self.lines.append(line)
            self.size += len(line)
            if len(self.lines) > RECORD_LINES or self.size > self.limits.max_line_bytes:
                raise _RunawayQuote
            yield line

    def ahead(self, lines: int) -> list[str | None]:
        """The lines that follow, up to so many, without taking them."""
        while len(self.queue) < lines and (line := next(self.source, "")) != "":
            self.queue.insert(0, line)
        return self.queue[: -lines - 1 : -1]

    def rest(self) -> str:
        """The text of the record and of the lines looked at beyond it."""
        return "".join(self.lines) + "".join(line or "\n" for line in reversed(self.queue))

    def under(self, shape: Shape) -> None:
        """Read the lines that follow in another shape."""
        self.shape, self.quoting, self.failures = shape, csv.QUOTE_MINIMAL, 0
        self.reader = self._make()

    def push_back(self, keep: int) -> None:
        """Give back all lines of the record but the first `keep`."""
        self.queue += reversed(self.lines[keep:])
        del self.lines[keep:]
        self.failures += 1
        if self.failures > QUOTE_FAILURES:
            self.quoting = csv.QUOTE_NONE
        self.reader = self._make()

    def next(self) -> tuple[list[str] | None, str]:
        """(fields, '') or (None, reason); raises StopIteration at the end."""
        self.lines.clear()
        self.size = 0
        self.too_long = self.ended = False
        try:
            record = next(self.reader)
        except _RunawayQuote:
            self.push_back(1)
            return None, "unclosed_quote"
        except csv.Error:
            self.reader = self._make()
            return None, "broken_row"
        if self.too_long and len(self.lines) == 1:
            return None, "line_too_long"
        return record, ""
