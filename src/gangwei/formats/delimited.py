"""Delimited text: any delimiter and quoting, embedded newlines; a bad quote or a wrong field count costs one row only."""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import BinaryIO, cast

import polars as pl

from gangwei.formats import csv_blocks, end_to_end
from gangwei.formats.chunk import RAW_CHARS, BadRow, Chunk, Limits, Note, chunk_of
from gangwei.formats.delimited_records import DELIMITERS, DOUBLE, Records, Shape
from gangwei.formats.headers import Headers
from gangwei.formats.sampling import spaced, whole_lines

RARE = ("｜", "│", "#", "~")
SPACED = 4  # words on every line that make a table without another delimiter
PART_ROWS = 20
TOP = 8
TABS = 3
QUOTED_BY_BLANKS = re.compile(r'"[^"]*"(?: (?:"[^"]*"|[-\w.]+))+\s*$')
SINGLE = "'"
WRAPPED = 2


def text_lines(stream: BinaryIO, encoding: str, limits: Limits) -> Iterator[str | None]:
    """Lines with their ends; None stands for a line longer than the limit."""
    wrapper = io.TextIOWrapper(stream, encoding=encoding, errors="replace", newline="")
    limit = limits.max_line_bytes
    while line := wrapper.readline(limit):
        if len(line) >= limit and line[-1] not in "\r\n":
            while (more := wrapper.readline(1 << 20)) and more[-1] not in "\r\n":
                pass
            yield None
        else:
            yield line


def guess_delimiter(lines: Sequence[str]) -> str:
    """The delimiter that cuts most records of a sample into the same number (> 1) of fields; a rare one where no other does. Where one
    cuts all of them so, none that leaves the first record whole, as marks within a column do."""
    best, best_score = ",", 0.0
    spaced = sum(QUOTED_BY_BLANKS.match(x) is not None for x in lines) * 10 >= len(lines) * 9 > 0
    cut = {}
    for d in (*DELIMITERS, *((" ",) if spaced else ()), *RARE):
        with contextlib.suppress(csv.Error):
            cut[d] = [len(r) for r in csv.reader(lines, delimiter=d) if r]
    even = any(d not in RARE and d != " " and len(set(counts)) == 1 < counts[0] for d, counts in cut.items() if counts)
    for d, counts in cut.items():
        if d in RARE and best_score and best not in RARE:
            break
        if not counts or (even and counts[0] == 1):
            continue
        mode = max(sorted(set(counts)), key=counts.count)
        score = counts.count(mode) / len(counts) * min(mode, 12) if mode > 1 else 0.0
        if d == "\t" and mode > TABS and counts.count(mode) * 10 >= len(counts) * 9:
            score = 12.0  # commas may stand within values, tabs do not
        if score > best_score * 1.05:
            best, best_score = d, score
    parts = {len(x.rstrip("\r\n").split(" ")) for x in lines if x.strip()}
    return " " if not best_score and len(lines) > 1 and len(parts) == 1 and min(parts) >= SPACED else best


def guess_quote(lines: Sequence[str], delimiter: str) -> str:
    """The single quote where every value of a column stands in such and no value begins with a double one."""
    rows = list(csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE))
    widths = [len(r) for r in rows if r]
    width = max(sorted(set(widths)), key=widths.count, default=0)
    rows = [r for r in rows if len(r) == width]
    cells = [c for r in rows for c in r]
    if any(c.startswith(DOUBLE) or (c.startswith(SINGLE) and not _wrapped(c)) for c in cells):
        return DOUBLE
    columns = ([c for c in column if c] for column in zip(*rows[1:]))
    return SINGLE if any(len(c) >= WRAPPED and all(map(_wrapped, c)) for c in columns) else DOUBLE


def _wrapped(cell: str) -> bool:
    return len(cell) > 1 and cell[0] == cell[-1] == SINGLE


def peek(
    lines: Iterator[str | None], delimiter: str | None, rows: int = 60, headers: Headers | None = None
) -> tuple[str, str, list[list[str]]]:
    """Delimiter, quote and the first rows of the first table; blank ones only at its top, where rows are counted to the header."""
    sample: list[str] = []
    size = 0
    for line in lines:
        if line is not None:
            sample.append(line)
            size += len(line)
        if len(sample) >= 400 or size > 1 << 20:
            break
    csv.field_size_limit(1 << 30)
    sample = list(end_to_end.first_table(sample, headers)) if headers else sample
    d = delimiter or guess_delimiter(sample)
    out: list[list[str]] = []
    quote = DOUBLE
    try:
        quote = guess_quote(sample, d)
        blank = 0
        for record in csv.reader(sample, delimiter=d, quotechar=quote):
            if record or len(out) < blank + TOP:
                out.append(record)
                blank += not any(c.strip() for c in record) and blank == len(out) - 1
            if len(out) >= rows + blank:
                break
    except csv.Error:
        pass
    return d, quote, out if any(out) else []


def sample(slices: Sequence[bytes], encoding: str, delimiter: str, width: int, quote: str = DOUBLE) -> list[list[str]]:
    """Rows of `width` fields from parts of a file; a part that is cut within quotes gives none."""
    out: list[list[str]] = []
    for part in slices:
        lines = whole_lines(part.decode(encoding.removesuffix("-sig"), "replace"))
        try:
            found = [r for r in csv.reader(lines, delimiter=delimiter, quotechar=quote) if r]
        except csv.Error:
            continue
        fitting = [r for r in found if len(r) == width]
        if len(fitting) * 10 >= len(found) * 9:
            out += spaced(fitting, PART_ROWS)
    return out


def align(
    fields: Sequence[str], n: int, delimiter: str, anchors: Sequence[tuple[int, re.Pattern[str]]]
) -> list[str] | None:
    """Join neighbours so that `fields` becomes `n` columns and every anchor column matches its pattern.

    Returns None when there is no way, or when a row without anchors has more fields than columns (a guess would move
    values into the wrong columns).
    """
    extra = len(fields) - n
    if extra < 0 or extra > 8:
        return None
    if extra and all(not f.strip() for f in fields[n:]):
        return list(fields[:n])
    if not anchors:
        return list(fields) if extra == 0 else None
    rules = dict(anchors)
    best: dict[tuple[int, int], tuple[int, tuple[int, ...]]] = {(0, 0): (0, ())}
    for column in range(n):
        for used in range(extra + 1):
            state = best.get((column, used))
            if state is None:
                continue
            at = column + used
            for take in range(1, extra - used + 2):
                value = delimiter.join(fields[at : at + take])
                rule = rules.get(column)
                if rule is not None and not rule.search(value):
                    continue
                cost = state[0] + (take - 1) * (3 if rule is not None else 1) + (take > 1)
                key = (column + 1, used + take - 1)
                if key not in best or cost < best[key][0]:
                    best[key] = (cost, (*state[1], take))
    end = best.get((n, extra))
    if end is None:
        return None
    out, at = [], 0
    for take in end[1]:
        out.append(delimiter.join(fields[at : at + take]))
        at += take
    return out


@dataclass
class _Count:
    """Records seen so far, the empty ones since the last other (none when no other follows), whether the rest is left
    unread, whether more text follows, the record at the end that goes on in it, the shape of the table that began last, and that
    of the one before it, which may go on."""

    number: int = 0
    empty: list[BadRow] = field(default_factory=list)
    stopped: bool = False
    more: bool = False
    begun: str = ""
    shape: Shape | None = None
    outer: Shape | None = None


def chunks(stream: BinaryIO, encoding: str, shape: Shape, limits: Limits) -> Iterator[Chunk]:
    """Read a delimited file in bounded memory. Row numbers count records from 1, header and blank rows included."""
    count = _Count()
    if encoding not in ("utf-8", "utf-8-sig", "gb18030", "gb18030-sig"):
        yield from tolerant(stream, encoding, shape, limits, count)
        return
    blocks = csv_blocks.Blocks(stream, quote=shape.quote)
    for block in blocks:
        frame = None
        if isinstance(block, bytes):
            data = block.removeprefix(codecs.BOM_UTF8) if count.number == 0 else block
            frame = csv_blocks.parse(data, shape.names, shape.delimiter, encoding.removesuffix("-sig"), shape.quote)
        if frame is None:
            source = cast(BinaryIO, io.BytesIO(block)) if isinstance(block, bytes) else block
            plain = encoding if count.number == 0 else encoding.removesuffix("-sig")
            count.more = not blocks.ended
            yield from tolerant(source, plain, shape, limits, count)
            if count.stopped:
                return
            shape = count.shape or shape
            blocks.quote = shape.quote.encode()
            blocks.rest = count.begun.encode(encoding.removesuffix("-sig")) + blocks.rest
            count.begun = ""
            continue
        first = count.number + 1
        count.number += frame.height
        if count.empty:
            yield chunk_of(shape.names, [], [], count.empty)
            count.empty = []
        numbers = pl.int_range(first, first + frame.height, dtype=pl.Int64, eager=True).alias("row")
        skipped = max(0, shape.skip - first + 1)
        for at in range(skipped, max(frame.height, skipped + 1), limits.batch_rows):
            yield Chunk(frame.slice(at, limits.batch_rows), numbers.slice(at, limits.batch_rows))


def tolerant(stream: BinaryIO, encoding: str, shape: Shape, limits: Limits, count: _Count) -> Iterator[Chunk]:
    """Record by record, mending what can be mended; about 100,000 rows a second."""
    n = len(shape.names)
    records = Records(text_lines(stream, encoding, limits), shape, limits)
    rows: list[list[str]] = []
    numbers: list[int] = []
    bad: list[BadRow] = []
    notes: list[Note] = []
    size, fresh = 0, False
    while not count.stopped:
        try:
            fields, reason = records.next()
        except StopIteration:
            break
        if records.ended and count.more:
            count.begun = "".join(records.lines)
            break
        count.number += 1
        if count.number <= shape.skip:
            continue
        begin = n != len(fields or ()) and end_to_end.begins(fields, records, count.more, count.outer)
        if begin is True:
            count.begun, count.number = records.rest(), count.number - 1
            break
        if begin:
            if begin.before is not None:
                rows.append(begin.before)
                numbers.append(count.number)
            bad += count.empty
            count.empty = []
            if rows or bad or notes:
                yield chunk_of(shape.names, rows, numbers, bad, notes, fresh)
            rows, numbers, bad, notes, size, fresh = [], [], [], [], 0, True
            if begin.goes_on and count.outer is not None and fields is not None:
                rows, numbers, shape = [fields], [count.number], count.outer
                count.outer = None
            else:
                bad = [BadRow(count.number, "repeated_header", shape.delimiter.join(fields or ())[-RAW_CHARS:])]
                count.outer, shape = shape, _shape_of(begin, shape, records)
            count.shape, n = shape, len(shape.names)
            records.under(shape)
            continue
        if fields is None or len(fields) != n or len(records.lines) >= 200 or _holds_rows(records.lines, shape):
            fields, reason = _mend(fields, reason, records, shape)
        elif not any(fields):
            fields, reason = None, "empty_row"
        if fields is None:
            refused = BadRow(count.number, reason, "".join(records.lines)[:RAW_CHARS].rstrip("\r\n"))
            (count.empty if reason == "empty_row" else bad).append(refused)
            if reason == "empty_row" and len(count.empty) <= limits.max_empty_rows:
                continue
        if count.empty:
            bad += count.empty
            count.stopped = reason == "empty_row"
            count.empty = []
        if count.stopped:
            message = f"more than {limits.max_empty_rows:,} empty rows in a row; the rest was not read"
            notes.append(Note("too_many_empty_rows", message, count.number))
        if fields is not None:
            rows.append(fields)
            numbers.append(count.number)
            size += records.size
        if len(rows) + len(bad) >= limits.batch_rows or size > 256 << 20:
            yield chunk_of(shape.names, rows, numbers, bad, notes, fresh)
            rows, numbers, bad, notes, size, fresh = [], [], [], [], 0, False
    if rows or bad or notes:
        yield chunk_of(shape.names, rows, numbers, bad, notes, fresh)


def _shape_of(begin: end_to_end.Begin, shape: Shape, records: Records) -> Shape:
    """The shape of a table that begins below one of another shape."""
    lines = [line for line in records.ahead(end_to_end.AHEAD) if line is not None]
    quote = guess_quote(lines, begin.delimiter)
    return replace(shape, delimiter=begin.delimiter, names=begin.names, anchors=(), quote=quote)


def _holds_rows(lines: Sequence[str], shape: Shape) -> bool:
    """Rows that a stray quote joined: each line has as many delimiters as a row, and text follows behind a closing quote."""
    rest = len(shape.names) - 1
    if len(lines) < 2 or rest < 2 or any(line.count(shape.delimiter) != rest for line in lines):
        return False
    try:
        next(csv.reader(lines, delimiter=shape.delimiter, quotechar=shape.quote, strict=True))
    except csv.Error:
        return True
    return False


def _mend(fields: list[str] | None, reason: str, records: Records, shape: Shape) -> tuple[list[str] | None, str]:
    if fields is None:
        return None, reason
    if not fields or not any(f.strip() for f in fields):
        return None, "empty_row"
    n = len(shape.names)
    if len(records.lines) > 1 or records.ended:
        first = records.lines[0].rstrip("\r\n").split(shape.delimiter)
        alone = align(first, n, shape.delimiter, shape.anchors) if len(first) == n else None
        if alone is not None and (len(fields) != n or _holds_rows(records.lines, shape)):
            records.push_back(1)
            return alone, ""
    fixed = align(fields, n, shape.delimiter, shape.anchors)
    return (fixed, "") if fixed is not None else (None, "field_count")
