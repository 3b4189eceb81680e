"""Tables laid end to end in one file (`cat a.csv b.csv`): a later row of other headers begins a table with columns of its own."""

from __future__ import annotations

import contextlib
import csv
import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from gangwei.formats.chunk import unique_names
from gangwei.formats.delimited_records import DELIMITERS, Records, Shape
from gangwei.formats.headers import Headers

MARK = "\ufeff"
LEAST, CHARS = 3, 60
LONGEST = 12
AHEAD, SHOWN = 400, 20
"""Lines that are looked at beyond a row of headers, and the first rows of them that are to fit it."""


class Begin(NamedTuple):
    """A table that begins: its delimiter and columns, and the cells of the row that the header was joined to, as after a file
    without an end of line. Or one that goes on with this row, behind another within one of its texts."""

    delimiter: str
    names: tuple[str, ...]
    before: list[str] | None = None
    goes_on: bool = False


def is_header(cells: Sequence[str], headers: Headers, least: int = LEAST) -> bool:
    """Most of the cells, `least` or more, are words of headers."""
    filled = [c for cell in cells if (c := cell.strip(" \t\r\n\"'" + MARK))]
    if len(filled) < least or max(map(len, filled)) > CHARS:
        return False
    listed, most = 0, (len(filled) - 1) // 2
    for at, cell in enumerate(filled):
        listed += headers.listed(cell) is not None
        if at + 1 - listed > most:
            return False
    return listed >= least


def same(cells: Sequence[str], names: Sequence[str]) -> bool:
    """Cells of a row are the names of the columns."""
    return unique_names([c.lstrip(MARK) for c in cells]) == list(names)


def second(rows: Sequence[Sequence[str]], headers: Headers) -> int | None:
    """The first row of other headers below a header with rows; None without one."""
    first: Sequence[str] | None = None
    held = 0
    for at, row in enumerate(rows):
        if not is_header(row, headers):
            held += first is not None and sum(bool(c.strip()) for c in row) > 1
        elif first is None or not held:
            first = row
        elif not same(row, unique_names(first)):
            return at
    return None


def first_table(lines: Sequence[str], headers: Headers) -> Sequence[str]:
    """The lines of the first table; a header that is joined to its last line is cut off."""
    rows = [line.rstrip("\r\n").split(max(DELIMITERS, key=line.count)) for line in lines]
    at = second(rows, headers)
    lines, rows = lines[:at], rows[:at]
    top = next((r for r in rows if is_header(r, headers)), None)
    for i, row in enumerate(rows):
        if top is not None and row is not top and (found := joined(row, unique_names(top), headers)):
            delimiter = max(DELIMITERS, key=lines[i].count)
            if not _follows(lines[i + 1 :], found._replace(delimiter=delimiter), len(top), delimiter, headers):
                continue
            head = found.names[0]
            cut = lines[i].rfind(head, 0, len(lines[i]) - sum(map(len, row[len(top) :])))
            return [*lines[:i], lines[i][:cut].rstrip(MARK) + "\n"]
    return lines


def joined(row: Sequence[str], names: Sequence[str], headers: Headers, delimiter: str = ",") -> Begin | None:
    """The header of a table behind the last cell of a row of another."""
    n = len(names)
    if len(row) < n + 2 or not is_header(row[n:], headers, LEAST - 1):
        return None
    last, rest = row[n - 1], row[n:]
    own, mark, head = last.rpartition(MARK)
    if not mark:
        sizes = range(min(LONGEST, len(last)), 0, -1)
        whole = [names[0]] if list(rest) == list(names[1:]) and last.endswith(names[0]) else []
        head = next((h for h in (*whole, *(last[-k:] for k in sizes if k > 1)) if headers.listed(h)), "")
        own = last.removesuffix(head)
    return Begin(delimiter, tuple(unique_names([head, *rest])), [*row[: n - 1], own]) if head else None


def begins(fields: list[str] | None, records: Records, more: bool, outer: Shape | None = None) -> Begin | bool:
    """The table that begins with a record of another number of cells, or the `outer` one, which was left and goes on; True where
    more text is needed to tell, False for none."""
    shape, headers = records.shape, records.shape.headers
    if headers is None or not fields or len(records.lines) > 1:
        return False
    if outer is not None and outer.delimiter == shape.delimiter and len(fields) == len(outer.names):
        following = records.ahead(SHOWN)
        if more and len(following) < SHOWN and None not in following:
            return True
        rows = [r for r in _rows(following, outer.delimiter) if any(c.strip() for c in r)]
        if 2 * sum(len(r) == len(fields) for r in rows) > len(rows) and not is_header(fields, headers):
            return Begin(outer.delimiter, outer.names, goes_on=True)
    found: Begin | None = None
    if is_header(fields, headers):
        found = Begin(shape.delimiter, tuple(unique_names(fields)))
    elif len(fields) > len(shape.names):
        found = joined(fields, shape.names, headers, shape.delimiter)
    else:
        for d in DELIMITERS:
            cells = next(csv.reader(records.lines, delimiter=d)) if records.lines[0].count(d) >= LEAST - 1 else []
            if d != shape.delimiter and is_header(cells, headers):
                found = Begin(d, tuple(unique_names(cells)))
                break
    if found is None:
        return False
    following = records.ahead(AHEAD)
    if more and len(following) < AHEAD and None not in following:
        return True
    return found if _follows(following, found, len(shape.names), shape.delimiter, headers) else False


def _follows(lines: Sequence[str | None], found: Begin, width: int, delimiter: str, headers: Headers) -> bool:
    """Most of the next rows fit the table that begins, and behind them do not come more rows of the one before, of `width` cells,
    as where the header stands in a text."""
    n = len(found.names)
    own = itertools.takewhile(lambda r: not _is_any_header(r, headers), _rows(lines, found.delimiter))
    rows = [r for r in own if any(c.strip() for c in r)]
    shown = rows[:SHOWN]
    fitting = sum(len(r) == n for r in shown)
    if not fitting or 2 * fitting < len(shown):
        return False
    rest = list(itertools.dropwhile(lambda r: len(r) == n, rows))
    if delimiter != found.delimiter:
        rest = [found.delimiter.join(r).split(delimiter) for r in rest]
    return not rest or len(rest[-1]) != width or 2 * sum(len(r) == width for r in rest) <= len(rest)


def _rows(lines: Sequence[str | None], delimiter: str) -> Iterator[list[str]]:
    """Rows of the lines, up to one that cannot be read; only as many as are asked for are made."""
    with contextlib.suppress(csv.Error):
        yield from csv.reader((line or "\n" for line in lines), delimiter=delimiter)


def _is_any_header(row: Sequence[str], headers: Headers) -> bool:
    """A header, also one with another delimiter."""
    return is_header(row, headers) or (len(row) == 1 and any(is_header(row[0].split(d), headers) for d in DELIMITERS))
