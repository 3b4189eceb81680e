"""Employers that stand once above several jobs: sheets whose merged cells came apart, each group of rows with one number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import polars as pl

from gangwei.formats.chunk import Chunk
from gangwei.formats.headers import Claim, Headers
from gangwei.formats.table import Layout, Table

OF_EMPLOYER = frozenset(
    {"company", "company_nature", "company_size", "industry", "province", "city", "district", "address"}
)
COLUMNS, NUMBERS, WITHOUT, CELLS, ABOVE = 3, 3, 2, 2, 2
"""The first columns, in which numbers stand; the numbers and rows without one that make groups; other cells of such a row; rows
of headers above."""
LOST = "\x1flost"


class Groups(NamedTuple):
    """Positions of the column of numbers, of the employer's name and of all that stands once in a group; the first row."""

    number: int
    employer: int
    columns: list[int]
    first: int


def filled(table: Table, headers: Headers) -> Table:
    """The table with what it tells of an employer in all rows of its group, where groups are numbered 1, 2, 3 and the name of
    the employer stands in the rows with a number only; else as it is."""
    found = next((f for c in range(COLUMNS) if (f := _groups(table.head, c, headers)) is not None), None)
    if found is None:
        return table
    note = headers.tells.note.pattern

    def read(layout: Layout) -> Iterator[Chunk]:
        last = dict.fromkeys(found.columns, "")
        names = layout.names
        for chunk in table.read(layout):
            if max(found.number, *found.columns) < len(names) and set(names) <= set(chunk.rows.columns):
                last = dict.fromkeys(found.columns, "") if chunk.begins else last
                yield _carried(chunk, names, found, note, last)
            else:
                yield chunk

    return replace(table, head=_down(table.head, found, note), read=read)


def _carried(chunk: Chunk, names: Sequence[str], found: Groups, note: str, last: dict[int, str]) -> Chunk:
    """A chunk with the cells of these columns carried down within their groups, from `last` on, which then holds what goes on in
    the next chunk; nothing is carried past a row that could not be read, for a group may begin there, or into a note."""
    lost = pl.Series(sorted(b.row for b in chunk.bad if b.reason_id != "empty_row"), dtype=pl.Int64)
    goes_on = _blank(names[found.number]) & _blank(names[found.employer])
    rows = chunk.rows.with_columns(lost.search_sorted(chunk.numbers).cast(pl.Int64).alias(LOST))
    group = pl.when(~goes_on).then(pl.col(LOST)).forward_fill().fill_null(0)
    held = rows.select(
        group.alias(LOST),
        *(
            pl.when(pl.col(LOST) != group)
            .then(pl.lit(""))
            .otherwise(pl.when(~goes_on).then(pl.col(names[c]).fill_null("")).forward_fill().fill_null(last[c]))
            .alias(str(c))
            for c in found.columns
        ),
    )
    takes = goes_on & _of_job(names, note)
    new = [
        pl.when(takes & _blank(names[c])).then(held[str(c)]).otherwise(pl.col(names[c])).alias(names[c])
        for c in found.columns
    ]
    for c in found.columns:
        cut = (held[LOST][-1] if held.height else 0) != len(lost)
        last[c] = "" if cut else held[str(c)][-1] if held.height else last[c]
    return replace(chunk, rows=chunk.rows.with_columns(new))


def _blank(name: str) -> pl.Expr:
    return pl.col(name).fill_null("").str.strip_chars() == ""


def _of_job(names: Sequence[str], note: str) -> pl.Expr:
    """A row with several cells, of which none is a note or a total where there are not more."""
    cells = pl.sum_horizontal([(~_blank(n)).cast(pl.Int32) for n in names])
    notes = pl.any_horizontal([pl.col(n).str.contains(note).fill_null(False) for n in names])
    return (cells > CELLS) | ((cells == CELLS) & ~notes)


def _groups(head: Sequence[Sequence[str]], number: int, headers: Headers) -> Groups | None:
    """Where groups stand; None where the rows are not so."""
    first = next((i for i, r in enumerate(head) if i and len(r) > number and r[number].strip() == "1"), None)
    if first is None:
        return None
    width = len(head[first])
    numbered: list[Sequence[str]] = []
    without: list[Sequence[str]] = []
    for row in head[first:]:
        own = row[number].strip() if len(row) == width else "?"
        if own == str(len(numbered) + 1):
            numbered.append(row)
        elif own:
            break
        elif sum(bool(c.strip()) for c in row) >= CELLS:
            without.append(row)
    if len(numbered) < NUMBERS or len(without) < WITHOUT:
        return None
    once = [
        i
        for i in range(width)
        if i != number and all(r[i].strip() for r in numbered) and not any(r[i].strip() for r in without)
    ]
    asked = {i: c.field for i in once if (c := _asked(head, first, i, headers)) is not None and c.field in OF_EMPLOYER}
    employer = next((i for i, f in asked.items() if f == "company"), None)
    return None if employer is None else Groups(number, employer, list(asked), first)


def _asked(head: Sequence[Sequence[str]], first: int, column: int, headers: Headers) -> Claim | None:
    """The field that the nearest row above the first asks for in a column."""
    cells = (r[column] for r in reversed(head[max(0, first - ABOVE) : first]) if len(r) > column and r[column].strip())
    cell = next(cells, "")
    return headers.claim(cell) if cell else None


def _down(head: Sequence[Sequence[str]], found: Groups, note: str) -> list[list[str]]:
    """The first rows with the cells of these columns carried down within their groups."""
    body = head[found.first :]
    width = max(map(len, body))
    names = [str(i) for i in range(width)]
    frame = pl.DataFrame([[*r, *[""] * (width - len(r))] for r in body], names, orient="row")
    chunk = Chunk(frame, pl.Series(range(len(body)), dtype=pl.Int64))
    rows = _carried(chunk, names, found, note, dict.fromkeys(found.columns, "")).rows.rows()
    return [*map(list, head[: found.first]), *(list(r[: len(own)]) for r, own in zip(rows, body))]
