"""Tables of a web page: what older programs save as .xls."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import groupby

from gangwei.formats.chunk import Limits

CELLS = ("td", "th")
WIDE = 3


class _Tables(HTMLParser):
    """Rows of each table that holds no other table."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[list[list[str]]] = []
        self.open: list[list[list[str]]] = []
        self.cell: list[str] | None = None
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.open.append([])
            self.cell = None
        elif tag in ("script", "style"):
            self.silent += 1
        elif tag == "tr" and self.open:
            self._close()
            self.open[-1].append([])
        elif tag in CELLS and self.open and self.open[-1]:
            self._close()
            self.cell = []
        elif tag in ("br", "p", "div", "li") and self.cell:
            self.cell.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in CELLS or tag == "tr":
            self._close()
        elif tag in ("script", "style"):
            self.silent = max(0, self.silent - 1)
        elif tag == "table" and self.open:
            self._close()
            self.tables.append([r for r in self.open.pop() if r])

    def handle_data(self, data: str) -> None:
        if self.cell is not None and not self.silent:
            self.cell.append(data)

    def end(self) -> None:
        """Close what a page that was cut off left open."""
        self._close()
        self.tables += [[r for r in t if r] for t in self.open]

    def _close(self) -> None:
        if self.cell is not None and self.open and self.open[-1]:
            self.open[-1][-1].append("".join(self.cell).strip())
        self.cell = None


def _joined(tables: list[list[list[str]]]) -> Iterator[list[list[str]]]:
    """The tables of a page; several of one width with one row each, or a second of one cell, are one table."""
    for (width, single), run in groupby(tables, lambda t: (len(t[0]), len(t) == 1 or (len(t) == 2 and len(t[1]) == 1))):
        group = list(run)
        if single and width >= WIDE and len(group) > WIDE:
            yield [[*t[0], *(t[1] if len(t) > 1 else [""])] for t in group]
        else:
            yield from group


def tables(text: str, limits: Limits) -> list[list[list[str]]]:
    """Tables of at least two rows and three columns, rows of cells; tables wider than the limit are left out."""
    parser = _Tables()
    parser.feed(text)
    parser.close()
    parser.end()
    wide = [(t, max(map(len, t))) for t in _joined([t for t in parser.tables if t]) if len(t) > 1]
    return [t for t, n in wide if WIDE <= n <= limits.max_columns]
