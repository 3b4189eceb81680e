"""Employers that stand once above several jobs: sheets whose merged cells came apart, each group of rows with one number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

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


def filled(table: Table, headers: Headers) -> Table:
    """The table with what it tells of an employer in all rows of its group, where groups are numbered 1, 2, 3 and the name of
    the employer stands in the rows with a number only; else as it is."""
    found = next((f for c in range(COLUMNS) if (f := _groups(table.head, c, headers)) is not None), None)
    if found is None:
        return table
    number, columns, first = found

    def read(layout: Layout) -> Iterator[Chunk]:
        last = dict.fromkeys(columns, "")
        for chunk in table.read(layout):
            names = layout.names
            if max(number, *columns) < len(names) and {names[i] for i in (number, *columns)} <= set(chunk.rows.columns):
                last = dict.fromkeys(columns, "") if chunk.begins else last
                yield _carried(chunk, names[number], {c: names[c] for c in columns}, last)
            else:
                yield chunk

    return replace(table, head=_down(table.head, number, columns, first), read=read)


def _carried(chunk: Chunk, number: str, names: Mapping[int, str], last: dict[int, str]) -> Chunk:
    """A chunk with the cells of these columns carried down within their groups, from `last` on, which then holds what goes on in
    the next chunk; nothing is carried past a row that could not be read, for a group may begin there."""
    lost = pl.Series(sorted(b.row for b in chunk.bad if b.reason_id != "empty_row"), dtype=pl.Int64)
    bare = _blank(number)
    rows = chunk.rows.with_columns(lost.search_sorted(chunk.numbers).cast(pl.Int64).alias(LOST))
    group = pl.when(~bare).then(pl.col(LOST)).forward_fill().fill_null(0)
    held = rows.select(
        group.alias(LOST),
        *(
            pl.when(pl.col(LOST) != group)
            .then(pl.lit(""))
            .otherwise(pl.when(~bare).then(pl.col(n).fill_null("")).forward_fill().fill_null(last[c]))
            .alias(str(c))
            for c, n in names.items()
        ),
    )
    new = [pl.when(bare & _blank(n)).then(held[str(c)]).otherwise(pl.col(n)).alias(n) for c, n in names.items()]
    for c in names:
        cut = (held[LOST][-1] if held.height else 0) != len(lost)
        last[c] = "" if cut else held[str(c)][-1] if held.height else last[c]
    return replace(chunk, rows=chunk.rows.with_columns(new))


def _blank(name: str) -> pl.Expr:
    return pl.col(name).fill_null("").str.strip_chars() == ""


def _groups(head: Sequence[Sequence[str]], number: int, headers: Headers) -> tuple[int, list[int], int] | None:
    """The column of numbers, those that stand once in a group and the first row; None where the rows are not so."""
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
    return (number, list(asked), first) if "company" in asked.values() else None


def _asked(head: Sequence[Sequence[str]], first: int, column: int, headers: Headers) -> Claim | None:
    """The field that the nearest row above the first asks for in a column."""
    cells = (r[column] for r in reversed(head[max(0, first - ABOVE) : first]) if len(r) > column and r[column].strip())
    cell = next(cells, "")
    return headers.claim(cell) if cell else None


def _down(head: Sequence[Sequence[str]], number: int, columns: Sequence[int], first: int) -> list[list[str]]:
    """The first rows with the cells of these columns carried down within their groups."""
    out = [list(r) for r in head[:first]]
    held: dict[int, str] = {}
    for row in head[first:]:
        cells = list(row)
        if len(cells) > max(number, *columns):
            of_group = not cells[number].strip()
            for c in columns:
                if of_group and not cells[c].strip():
                    cells[c] = held.get(c, "")
                elif not of_group:
                    held[c] = cells[c]
        out.append(cells)
    return out
