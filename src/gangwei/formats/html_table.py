"""Tables of a web page: what older programs save as .xls."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import groupby, islice

from gangwei.formats.chunk import Limits

CELLS = ("td", "th")
WIDE = 3
MOST = 100  # columns that one cell may take
ABOVE = 4  # lines above the first table that may say who hires
LINES = ("title", "h1", "h2", "h3", "p", "div", "br", "body")
Cell = tuple[str, int, int]
"""The text of a cell, and how many rows and columns it takes."""


class _Tables(HTMLParser):
    """Rows of each table, inner ones first; of a cell with a table in it the text is left out."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[list[list[str]]] = []
        self.open: list[list[list[Cell]]] = []
        self.cell: list[str] | None = None
        self.taken = (1, 1)
        self.silent = 0
        self.above: list[str] = []

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
            told = dict(attrs)
            self.taken = _number(told.get("rowspan")), min(_number(told.get("colspan")), MOST)
        elif tag in ("br", "p", "div", "li") and self.cell:
            self.cell.append("\n")
        elif tag in LINES and not self.open and not self.tables:
            self.above.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in CELLS or tag == "tr":
            self._close()
        elif tag in ("script", "style"):
            self.silent = max(0, self.silent - 1)
        elif tag == "table" and self.open:
            self._close()
            self.tables.append(_spread(self.open.pop()))

    def handle_data(self, data: str) -> None:
        if self.cell is not None and not self.silent:
            self.cell.append(data)
        elif not self.open and not self.tables and not self.silent:
            self.above.append(data.replace("\n", " "))

    def end(self) -> None:
        """Close what a page that was cut off left open."""
        self._close()
        self.tables += map(_spread, self.open)

    def _close(self) -> None:
        if self.cell is not None and self.open and self.open[-1]:
            self.open[-1][-1].append(("".join(self.cell).strip(), *self.taken))
        self.cell = None


def _number(written: str | None) -> int:
    return int(written) if written and written.isdecimal() and len(written) < 6 and int(written) else 1


def _spread(rows: list[list[Cell]]) -> list[list[str]]:
    """Rows of texts; a cell over several rows stands in each, one over several columns in the first of them."""
    out: list[list[str]] = []
    held: dict[int, tuple[int, str]] = {}  # column: rows that it goes on for, text
    for row in rows:
        cells: dict[int, str] = {}
        goes_on, at, end = {}, 0, 0
        for column, (more, text) in held.items():
            end = max(end, column + 1)
            cells[column] = text
            if more > 1:
                goes_on[column] = more - 1, text
        for text, down, across in row:
            while at in cells:
                at += 1
            end = max(end, at + 1)
            for column in range(at, at + across):
                cells[column] = text if column == at else ""
                if down > 1:
                    goes_on[column] = down - 1, cells[column]
            at += across
        held = goes_on
        if row:
            out.append([cells.get(column, "") for column in range(end)])
    return out


def _joined(tables: list[list[list[str]]]) -> Iterator[list[list[str]]]:
    """The tables of a page; several of one width with one row each, or a second of one cell, are one table."""
    for (width, single), run in groupby(tables, lambda t: (len(t[0]), len(t) == 1 or (len(t) == 2 and len(t[1]) == 1))):
        group = list(run)
        if single and width >= WIDE and len(group) > WIDE:
            yield [[*t[0], *(t[1] if len(t) > 1 else [""])] for t in group]
        else:
            yield from group


def page(text: str, limits: Limits) -> tuple[list[list[list[str]]], tuple[str, ...]]:
    """Tables of at least two rows and three columns, rows of cells; tables wider than the limit are left out. And the first lines
    above the first of them."""
    parser = _Tables()
    parser.feed(text)
    parser.close()
    parser.end()
    wide = [(t, max(map(len, t))) for t in _joined([t for t in parser.tables if t]) if len(t) > 1]
    lines = (line.strip() for line in "".join(parser.above).split("\n"))
    return [t for t, n in wide if WIDE <= n <= limits.max_columns], tuple(islice(filter(None, lines), ABOVE))


def tables(text: str, limits: Limits) -> list[list[list[str]]]:
    """The tables of `page`."""
    return page(text, limits)[0]
