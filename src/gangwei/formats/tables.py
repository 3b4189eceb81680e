"""Find out what a file is and open its tables: one for text formats, one for each sheet or SQL table."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

import polars as pl

from gangwei.formats import (
    archive,
    blocks,
    cards,
    charset,
    delimited,
    excel,
    html_table,
    json_text,
    line_ends,
    literals,
    markdown,
    page_data,
    parquet,
    printed,
    python_text,
    sqldump,
    sqlite,
    xml_text,
)
from gangwei.formats.chunk import BadRow, Chunk, Limits, Note, Unreadable, chunk_of
from gangwei.formats.employers import Employers, employers_of
from gangwei.formats.headers import Headers
from gangwei.formats.json_records import chunk_of_records
from gangwei.formats.pages import Pages
from gangwei.formats.sampling import KEPT, spaced

COMPONENT = re.compile(r"\s*<template\b[^<>]*>")
XML = re.compile(r"\s*<[A-Za-z_][\w:.-]*(\s[^<>]*)?>\s*<")
CONTROL = re.compile(r"[\x02-\x08\x0b\x0c\x0e-\x1f]")
WHOLE = 16 << 20  # bytes; programs and Markdown up to this size are looked through for ads
SMALL = 32 << 20  # a document up to this size is looked through for its columns

Reader = Callable[[BinaryIO, str, Limits], Iterator[Chunk]]


@dataclass(frozen=True)
class Layout:
    """Rows before the data, the column names, the columns wanted (None = all) and the anchors for repairs."""

    skip: int
    names: tuple[str, ...]
    wanted: frozenset[str] | None = None
    anchors: tuple[tuple[int, object], ...] = ()


@dataclass(frozen=True)
class Table:
    """One table of a file. `columns` is set where the format itself names them; else `head` may start with headers."""

    label: str
    format: str
    columns: tuple[str, ...] | None
    head: list[list[str]]
    read: Callable[[Layout], Iterator[Chunk]]
    mojibake: bool = False
    sample: Callable[[], list[list[str]]] = list
    """Rows from all over the table, read when they are asked for."""
    remarks: Mapping[str, str] = field(default_factory=dict)
    """What the definition of the table says of its columns."""

    def top(self, rows: int) -> list[tuple[int, list[str]]]:
        """The first rows of `head` with their positions, where a header may be: of blank ones above all others the last counts."""
        at = next((i for i, row in enumerate(self.head) if any(c.strip() for c in row)), 0)
        return list(enumerate(self.head))[max(0, at - 1) : max(at - 1, 0) + rows]


@dataclass(frozen=True)
class Opened:
    """A file with its encoding, tables and notes; `page` says why it is refused when none of its tables holds ads."""

    encoding: str
    tables: list[Table]
    notes: list[Note] = field(default_factory=list)
    page: Unreadable | None = None


@contextmanager
def opened(blob: archive.Blob, limits: Limits, pages: Pages, headers: Headers) -> Iterator[Opened]:
    """Open a file; it stays open inside the block. `headers` tell what is an ad among the objects of JSON.

    Raises:
        Unreadable: the file holds no table that can be read; the message says what it is and what to do.
    """
    with blob.stream() as f:
        head = f.read(1 << 20)
    if not head:
        raise Unreadable("empty_file", "the file has zero bytes; fetch it again")
    with ExitStack() as stack:
        kind = archive.kind_of(head)
        if kind == "parquet":
            yield _parquet(stack, blob, limits)
        elif kind in ("zip", "xls"):
            yield _excel(stack, blob, limits, kind)
        elif kind == "sqlite":
            yield _sqlite(stack, blob, limits)
        elif kind == "gzip":
            raise Unreadable("nested_archive", "packed more than once; unpack it first")
        else:
            yield _text(blob, limits, pages, headers, head)


def _parquet(stack: ExitStack, blob: archive.Blob, limits: Limits) -> Opened:
    file = parquet.open_file(stack.enter_context(blob.seekable()))
    names = parquet.names(file)
    if not file.metadata.num_rows:
        raise Unreadable("no_rows", "the Parquet file has no rows")

    def read(layout: Layout) -> Iterator[Chunk]:
        return parquet.chunks(file, [n for n in names if layout.wanted is None or n in layout.wanted], limits)

    return Opened(
        "parquet", [Table("", "parquet", names, parquet.head(file), read, sample=partial(parquet.sample, file))]
    )


def _sqlite(stack: ExitStack, blob: archive.Blob, limits: Limits) -> Opened:
    db = sqlite.Database(stack.enter_context(blob.seekable()), limits)
    stack.callback(db.close)
    tables = []
    for name, columns in db.tables.items():

        def read(layout: Layout, name: str = name) -> Iterator[Chunk]:
            return db.chunks(name, layout.names, limits)

        tables.append(Table(name, "sql", columns, db.head(name), read, sample=partial(db.sample, name)))
    return Opened("sqlite", tables, db.notes)


def _excel(stack: ExitStack, blob: archive.Blob, limits: Limits, kind: str) -> Opened:
    source = stack.enter_context(blob.seekable())
    if kind == "zip":
        size = source.stat().st_size if isinstance(source, Path) else source.seek(0, 2)
        if not isinstance(source, Path):
            source.seek(0)
        excel.guard(source, size, limits)
    if not isinstance(source, Path):
        source.seek(0)
    book = excel.Workbook(source)
    if not book.sheets:
        raise Unreadable("no_rows", "no sheet of the workbook has a cell")
    tables = []
    for name in book.sheets:

        def read(layout: Layout, name: str = name) -> Iterator[Chunk]:
            return book.chunks(name, layout.names, layout.skip, limits)

        tables.append(Table(name, "excel", None, book.head(name), read, sample=partial(book.sample, name)))
    return Opened("excel", tables)


def _text(blob: archive.Blob, limits: Limits, pages: Pages, headers: Headers, head: bytes) -> Opened:
    blob = line_ends.single(blob, head)
    with blob.stream() as f:
        found = charset.survey(f)
    if isinstance(blob, line_ends.SingleEnds):
        head = line_ends.without_surplus(head)
    sample = head.decode(found.name, "replace").lstrip("\ufeff")
    refused = pages.refuse(sample)
    if refused is None and COMPONENT.match(sample) and (written := _html(blob, limits, found.name, headers)):
        return Opened(found.name, written)
    if (refused is not None and refused.reason_id == "xml_file") or (refused is None and XML.match(sample)):
        return Opened(f"{found.name}, XML", _xml(blob, limits, found.name))
    if refused is not None:
        found_tables = _html(blob, limits, found.name, headers) if refused.reason_id == "saved_page" else []
        if not found_tables:
            raise refused
        return Opened(f"{found.name}, tables of a page", found_tables, [], refused)
    if not sample.strip("\x00 \t\r\n"):
        raise Unreadable("empty_file", "the file has only blanks or NUL characters; fetch it again")
    if len(CONTROL.findall(sample, 0, 65536)) * 20 > len(sample[:65536]):
        raise Unreadable("binary_file", "not text, Excel or Parquet; export the ads as CSV, JSON, Excel or Parquet")
    notes = []
    if found.errors:
        notes.append(
            Note("encoding_errors", f"{found.errors:,} characters do not decode as {found.name}; they show as \ufffd")
        )
    if found.nul:
        notes.append(Note("nul_bytes", f"{found.nul:,} NUL characters in the file"))
    encoding = found.name
    start = sample.lstrip()[:1]
    wrapped = json_text.WRAPPER.match(sample) is not None
    if (
        not wrapped
        and python_text.OPENING.match(sample)
        and (written := _program(blob, limits, encoding, headers, True))
    ):
        return Opened(encoding, written, notes)
    if not wrapped and literals.OPENING.match(sample) and (written := _program(blob, limits, encoding, headers)):
        return Opened(encoding, written, notes)
    if markdown.HEADING.match(sample) and (written := _markdown(blob, limits, encoding, headers)):
        return Opened(encoding, written, notes, Unreadable("no_records", "a text without a table of ads in it"))
    if printed.is_printed(sample):
        return Opened(encoding, _of_records(blob, limits, printed.records, encoding), notes)
    of_json = start in ("{", "[") and not _looks_delimited(sample)
    if wrapped or json_text.SHELL.match(sample) or of_json or json_text.tabled(sample):
        try:
            tables = _json(blob, limits, found, sample, headers)
        except Unreadable:
            if not wrapped or not (tables := _program(blob, limits, encoding, headers)):
                raise
    elif sqldump.is_dump(sample):
        tables = _sql(blob, limits, encoding, headers)
    elif labels := blocks.labels_of(sample, headers):
        tables = _of_records(blob, limits, partial(blocks.chunks, labels=labels), encoding)
    else:
        tables = _delimited(blob, limits, found)
    mojibake = charset.is_mojibake(sample[:200_000])
    if mojibake:
        encoding += ", GBK read as Latin-1"
        tables = [replace(t, mojibake=True) for t in tables]
    return Opened(encoding, tables, notes)


def _html(blob: archive.Blob, limits: Limits, encoding: str, headers: Headers) -> list[Table]:
    with blob.stream() as f:
        data = f.read(limits.max_line_bytes + 1)
    if len(data) > limits.max_line_bytes:
        return []
    page = data.decode(encoding, "replace")
    found = [
        _of_rows(f"table{i}", list(enumerate(rows, 1))) for i, rows in enumerate(html_table.tables(page, limits), 1)
    ]
    written = (ads for script in page_data.programs(page) if (ads := literals.records(script, headers)))
    if ads := page_data.records(page) or next(written, []) or cards.records(page, headers):
        chunk = chunk_of_records(ads, range(1, len(ads) + 1), [])
        found.append(_of_records(blob, limits, lambda *_: iter([chunk]), encoding)[0])
    return found


def _program(
    blob: archive.Blob, limits: Limits, encoding: str, headers: Headers, of_python: bool = False
) -> list[Table]:
    text = _whole(blob, encoding)
    if text is None:
        return []
    if ads := (python_text if of_python else literals).records(text, headers):
        chunk = chunk_of_records(ads, range(1, len(ads) + 1), [])
        return _of_records(blob, limits, lambda *_: iter([chunk]), encoding)
    return [] if of_python else [_of_rows("", list(enumerate(rows, 1)))] if (rows := literals.rows(text)) else []


def _markdown(blob: archive.Blob, limits: Limits, encoding: str, headers: Headers) -> list[Table]:
    text = _whole(blob, encoding)
    if text is None:
        return []
    found = markdown.tables(text)
    if "<table" in text.casefold():
        found += [list(enumerate(rows, 1)) for rows in html_table.tables(text, limits)]
    lists = (ads for block in markdown.quoted(text) if (ads := literals.records(block, headers)))
    chunks = (chunk_of_records(ads, range(1, len(ads) + 1), []) for ads in lists)
    quoted = [_of_records(blob, limits, lambda *_, c=chunk: iter([c]), encoding)[0] for chunk in chunks]
    written = [_of_rows(f"table{i}", rows) for i, rows in enumerate(found, 1)]
    return [*written, *(replace(t, label=f"block{i}") for i, t in enumerate(quoted, 1))]


def _whole(blob: archive.Blob, encoding: str) -> str | None:
    """The text of a file up to the size of `WHOLE`; None for a larger one."""
    with blob.stream() as f:
        data = f.read(WHOLE + 1)
    return data.decode(encoding, "replace") if len(data) <= WHOLE else None


def _xml(blob: archive.Blob, limits: Limits, encoding: str) -> list[Table]:
    with blob.stream() as f:
        path = xml_text.record_path(f, encoding, limits)
    if path[-1] == xml_text.CELLS[0]:
        with blob.stream() as f:
            return [_of_rows("", xml_text.sheet_rows(f, encoding, path, limits))]

    return _of_records(blob, limits, partial(xml_text.records, path=path), encoding)


def _of_records(blob: archive.Blob, limits: Limits, reader: Reader, encoding: str) -> list[Table]:
    """A table of records with names; the first of them tell its columns."""

    def read(layout: Layout | None) -> Iterator[Chunk]:
        with blob.stream() as f:
            yield from reader(f, encoding, limits)

    with blob.stream() as f:
        frame = next(iter(reader(f, encoding, replace(limits, batch_rows=1000)))).rows
    rows = [[v or "" for v in r] for r in frame.rows()]
    return [Table("", "json", tuple(frame.columns), rows[:60], read, sample=partial(spaced, rows, KEPT))]


def _looks_delimited(sample: str) -> bool:
    """A CSV whose first header or cell starts with a bracket: the second character is not JSON."""
    text = sample.lstrip()
    body = text[1:200].lstrip()
    of_json = '{}[]"-0123456789tfn' + ("'" if text.startswith("{") else "")
    return bool(body) and body[0] not in of_json and not body.startswith("\ufffd")


def _json_rows(blob: archive.Blob, limits: Limits, encoding: str) -> list[Table]:
    with blob.stream() as f:
        numbered, broken = json_text.rows(f, encoding, limits)
    if not numbered:
        raise Unreadable("broken_json", "no row of cells could be read; fetch the file again")
    return [_of_rows("", numbered, broken)]


def _of_rows(label: str, numbered: list[tuple[int, list[str]]], broken: Sequence[BadRow] = ()) -> Table:
    """A table of rows that are held; short rows are filled up. `broken` are rows that could not be read."""
    rows = [r for _, r in numbered]

    def read(layout: Layout) -> Iterator[Chunk]:
        n = len(layout.names)
        body = numbered[layout.skip :]
        good = [(at, r + [""] * (n - len(r))) for at, r in body if len(r) <= n]
        bad = [BadRow(at, "field_count", "|".join(r)[:500]) for at, r in body if len(r) > n]
        yield chunk_of(layout.names, [r for _, r in good], [at for at, _ in good], [*bad, *broken])

    return Table(label, "excel", None, rows[:60], read, sample=partial(spaced, rows, KEPT))


def _json(blob: archive.Blob, limits: Limits, found: charset.Charset, sample: str, headers: Headers) -> list[Table]:
    encoding = found.name
    if json_text.tabled(sample):
        return _json_rows(blob, limits, encoding)
    if shell := json_text.SHELL.match(sample) is not None:
        sample = json_text.plain_of_shell(sample)
    kind = "document" if json_text.WRAPPER.match(sample) else json_text.layout(sample.encode())
    if encoding.startswith("utf-16") and kind == "lines":
        kind = "objects"
    readers: dict[str, Reader] = {
        "lines": json_text.lines, "array": json_text.array, "objects": json_text.objects,
        "document": partial(json_text.document, headers=headers),
    }  # fmt: skip
    reader = readers[kind]
    if kind != "document" and json_text.holds_answers(sample, headers):
        reader = partial(json_text.answers, headers=headers, kind=kind)
    if shell:
        reader = partial(json_text.of_shell, reader=reader)

    def read(layout: Layout | None) -> Iterator[Chunk]:
        with blob.stream() as f:
            yield from reader(f, encoding, limits)

    small = Limits(batch_rows=1000, max_document_bytes=limits.max_document_bytes, max_line_bytes=limits.max_line_bytes)
    head: list[pl.DataFrame] = []
    with blob.stream() as f:
        for chunk in reader(f, encoding, small):
            if chunk.rows.width:
                head.append(chunk.rows.gather_every(max(1, chunk.rows.height // KEPT)) if head else chunk.rows)
            if head and (found.size > SMALL or kind == "lines"):
                break
    if not head:
        raise Unreadable("broken_json", "no JSON object could be read; fetch the file again")
    if kind == "lines" and reader is json_text.lines:
        head.append(json_text.sample(found.slices, encoding))
    more = pl.concat(head[1:], how="diagonal") if len(head) > 1 else pl.DataFrame()
    columns = tuple(dict.fromkeys((*head[0].columns, *more.columns)))
    first = pl.concat([head[0].head(60), more.clear()], how="diagonal").select(columns)
    rest = pl.concat(
        [first.clear(), head[0].gather_every(max(1, head[0].height // KEPT)), more], how="diagonal"
    ).select(columns)

    def sampled() -> list[list[str]]:
        return [[v or "" for v in r] for r in spaced(rest.rows(), KEPT)]

    return [Table("", "json", columns, [[v or "" for v in r] for r in first.rows()], read, sample=sampled)]


def _sql(blob: archive.Blob, limits: Limits, encoding: str, headers: Headers) -> list[Table]:
    remarks: dict[str, dict[str, str]] = {}
    keys: dict[str, dict[str, tuple[str, str]]] = {}
    with blob.stream() as f:
        found = sqldump.heads(f, encoding, limits, remarks, keys)
    if not found:
        raise Unreadable("no_rows", "the SQL dump has no INSERT statement that can be read; export it with data")
    columns_of = {name: columns for name, (columns, *_) in found.items()}
    tables = []
    for name, (columns, rows, more) in found.items():
        told = employers_of(name, columns_of, remarks, headers, keys.get(name, {}))
        if told is not None:
            with blob.stream() as f:
                told.add_all(sqldump.chunks(f, encoding, told.table, columns_of[told.table], limits))

        def read(layout: Layout, name: str = name, told: Employers | None = told) -> Iterator[Chunk]:
            with blob.stream() as f:
                if told is None:
                    yield from sqldump.chunks(f, encoding, name, layout.names, limits)
                else:
                    own = layout.names[: -len(told.names)]
                    yield from told.joined(sqldump.chunks(f, encoding, name, own, limits), layout.names)

        said = remarks.get(name, {})
        tables.append(_with_employers(name, columns, rows, more.kept, read, said, told))
    return tables


def _with_employers(
    name: str,
    columns: list[str],
    rows: list[list[str]],
    kept: list[list[str]],
    read: Callable[[Layout], Iterator[Chunk]],
    remarks: Mapping[str, str],
    told: Employers | None,
) -> Table:
    """A table of a dump; jobs have what is told of their employers behind them."""
    if told is not None:
        at = columns.index(told.by)
        rows, kept = ([[*r, *told.of(r[at])] for r in part] for part in (rows, kept))
        columns = [*columns, *told.names]
    return Table(name, "sql", tuple(columns), rows, read, sample=partial(list, kept), remarks=remarks)


def _delimited(blob: archive.Blob, limits: Limits, found: charset.Charset) -> list[Table]:
    encoding = found.name
    with blob.stream() as f:
        delimiter, quote, head = delimited.peek(delimited.text_lines(f, encoding, limits), None)
    if not head:
        raise Unreadable(
            "line_too_long",
            f"no line of the file is shorter than {limits.max_line_bytes >> 20} MB; it is not a table of ads",
            1,
        )
    if max(len(r) for r in head) > limits.max_columns:
        raise Unreadable(
            "too_many_columns", f"a row of more than {limits.max_columns:,} fields; it is not a table of ads", 1
        )

    def read(layout: Layout) -> Iterator[Chunk]:
        shape = delimited.Shape(delimiter, layout.skip, layout.names, layout.anchors, quote)  # type: ignore[arg-type]
        with blob.stream() as f:
            yield from delimited.chunks(f, encoding, shape, limits)

    width = Counter(map(len, head)).most_common(1)[0][0]
    return [
        Table(
            "",
            "csv",
            None,
            head,
            read,
            sample=partial(delimited.sample, found.slices, encoding, delimiter, width, quote),
        )
    ]
