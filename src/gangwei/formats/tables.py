"""Find out what a file is and open its tables: one for text formats, one for each sheet or SQL table."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import polars as pl

from gangwei.formats import (
    archive,
    blocks,
    charset,
    delimited,
    documents,
    excel,
    grouped,
    json_text,
    line_ends,
    literals,
    markdown,
    models,
    object_text,
    parquet,
    printed,
    python_text,
    sqldump,
    sqlite,
)
from gangwei.formats.chunk import Chunk, Limits, Note, Unreadable
from gangwei.formats.delimited_records import Shape
from gangwei.formats.employers import Employers, Schema
from gangwei.formats.headers import Headers
from gangwei.formats.pages import Pages
from gangwei.formats.related import joined, told_of, with_employers
from gangwei.formats.sampling import KEPT, spaced
from gangwei.formats.table import Layout, Reader, Table, of_records, of_rows

COMPONENT = re.compile(r"\s*<template\b[^<>]*>")
XML = re.compile(r"\s*<[A-Za-z_][\w:.-]*(\s[^<>]*)?>\s*<")
CONTROL = re.compile(r"[\x02-\x08\x0b\x0c\x0e-\x1f]")
SMALL = 32 << 20  # a document up to this size is looked through for its columns


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
            yield _excel(stack, blob, limits, headers, kind)
        elif kind == "sqlite":
            yield _sqlite(stack, blob, limits, headers)
        elif kind == "gzip":
            raise Unreadable("nested_archive", "packed more than once; unpack it first")
        elif kind == "packed":
            raise Unreadable("binary_file", "a rar, 7z, xz or bz2 archive; unpack it first")
        elif head.startswith(b"%PDF-"):
            raise Unreadable("not_a_data_file", "a PDF; copy its tables into a workbook or a text file")
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


def _sqlite(stack: ExitStack, blob: archive.Blob, limits: Limits, headers: Headers) -> Opened:
    db = sqlite.Database(stack.enter_context(blob.seekable()), limits)
    stack.callback(db.close)
    schema = Schema(db.tables, headers, {name: db.keys(name) for name in db.tables})
    tables = []
    for name, columns in db.tables.items():
        told = told_of(name, schema)
        for t in told:
            t.add_all(db.chunks(t.table, db.tables[t.table], limits))
            t.doubt(r[columns.index(t.by)] for r in db.head(name))

        def read(layout: Layout, name: str = name, told: list[Employers] = told) -> Iterator[Chunk]:
            return joined(told, layout.names, lambda own: db.chunks(name, own, limits))

        tables.append(with_employers(name, columns, db.head(name), partial(db.sample, name), read, {}, told))
    return Opened("sqlite", tables, db.notes)


def _excel(stack: ExitStack, blob: archive.Blob, limits: Limits, headers: Headers, kind: str) -> Opened:
    """One table a sheet; a workbook that is a zip is looked at for bombs first.

    Raises:
        Unreadable: no sheet has a cell, or the workbook is broken or too large.
    """
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

        table = Table(name, "excel", None, book.head(name), read, sample=partial(book.sample, name))
        tables.append(grouped.filled(table, headers))
    return Opened("excel", tables)


def _text(blob: archive.Blob, limits: Limits, pages: Pages, headers: Headers, head: bytes) -> Opened:
    """A text file, by what its start looks like: a page, XML, a program, Markdown, JSON, SQL, blocks of labels, else delimited.

    Raises:
        Unreadable: a page without ads, no text at all, or a kind of text that holds no table.
    """
    blob = line_ends.single(blob, head)
    with blob.stream() as f:
        found = charset.survey(f)
    if isinstance(blob, line_ends.SingleEnds):
        head = line_ends.without_surplus(head)
    sample = head.decode(found.name, "replace").lstrip("\ufeff")
    refused = pages.refuse(sample)
    if refused is None and COMPONENT.match(sample) and (written := documents.html(blob, limits, found.name, headers)):
        return Opened(found.name, written)
    if (refused is not None and refused.reason_id == "xml_file") or (refused is None and XML.match(sample)):
        return Opened(f"{found.name}, XML", documents.xml(blob, limits, found.name))
    if refused is not None:
        found_tables = documents.html(blob, limits, found.name, headers) if refused.reason_id == "saved_page" else []
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
        and (written := documents.program(blob, limits, encoding, headers, True))
    ):
        return Opened(encoding, written, notes)
    if (
        not wrapped
        and literals.OPENING.match(sample)
        and (written := documents.program(blob, limits, encoding, headers))
    ):
        return Opened(encoding, written, notes)
    if (
        markdown.HEADING.match(sample)
        or (start not in ("{", "[") and markdown.holds_data(sample) and not markdown.headed(sample, headers))
    ) and (written := documents.markdown(blob, limits, encoding, headers)):
        return Opened(encoding, written, notes, Unreadable("no_records", "a text without a table of ads in it"))
    if printed.is_printed(sample):
        return Opened(encoding, of_records(blob, limits, printed.records, encoding), notes)
    if object_text.is_printed(sample, headers) and not markdown.headed(sample, headers):
        return Opened(encoding, of_records(blob, limits, object_text.records, encoding), notes)
    of_json = start in ("{", "[") and not _looks_delimited(sample)
    if wrapped or json_text.SHELL.match(sample) or of_json or json_text.tabled(sample):
        try:
            tables = _json(blob, limits, found, sample, headers)
        except Unreadable:
            if not wrapped or not (tables := documents.program(blob, limits, encoding, headers)):
                raise
    elif sqldump.is_dump(sample):
        tables = _sql(blob, limits, encoding, headers)
    elif labels := blocks.labels_of(sample, headers):
        tables = of_records(blob, limits, partial(blocks.chunks, labels=labels), encoding)
    else:
        tables = _delimited(blob, limits, found, headers)
    mojibake = charset.is_mojibake(sample[:200_000])
    if mojibake:
        encoding += ", GBK read as Latin-1"
        tables = [replace(t, mojibake=True) for t in tables]
    return Opened(encoding, tables, notes)


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
    return [of_rows("", numbered, broken)]


def _json(blob: archive.Blob, limits: Limits, found: charset.Charset, sample: str, headers: Headers) -> list[Table]:
    """The one table of a JSON file, whichever way its records are written: lines, an array, objects end to end, a document.

    Raises:
        Unreadable: not one object could be read.
    """
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

    if several := models.tables(pl.concat([*head[:1], more], how="diagonal"), partial(read, None), headers):
        return several

    def sampled() -> list[list[str]]:
        return [[v or "" for v in r] for r in spaced(rest.rows(), KEPT)]

    return [Table("", "json", columns, [[v or "" for v in r] for r in first.rows()], read, sample=sampled)]


def _sql(blob: archive.Blob, limits: Limits, encoding: str, headers: Headers) -> list[Table]:
    """Tables of an SQL dump that have rows; jobs with their titles and employers from other tables.

    Raises:
        Unreadable: no INSERT that can be read.
    """
    remarks: dict[str, dict[str, str]] = {}
    keys: dict[str, dict[str, tuple[str, str]]] = {}
    with blob.stream() as f:
        found = sqldump.heads(f, encoding, limits, remarks, keys)
    if not found:
        raise Unreadable("no_rows", "the SQL dump has no INSERT statement that can be read; export it with data")
    columns_of = {name: columns for name, (columns, *_) in found.items()}
    schema = Schema(columns_of, headers, keys, remarks)
    tables = []
    for name, (columns, rows, more) in found.items():
        told = told_of(name, schema)
        for t in told:
            with blob.stream() as f:
                t.add_all(sqldump.chunks(f, encoding, t.table, columns_of[t.table], limits))
            t.doubt(r[columns.index(t.by)] for r in (*rows, *more.kept) if len(r) == len(columns))

        def read(layout: Layout, name: str = name, told: list[Employers] = told) -> Iterator[Chunk]:
            with blob.stream() as f:
                yield from joined(told, layout.names, lambda own: sqldump.chunks(f, encoding, name, own, limits))

        said = remarks.get(name, {})
        tables.append(with_employers(name, columns, rows, partial(list, more.kept), read, said, told))
    return tables


def _delimited(blob: archive.Blob, limits: Limits, found: charset.Charset, headers: Headers) -> list[Table]:
    """The one table of a delimited text, its delimiter and quote as its first lines tell.

    Raises:
        Unreadable: a line is too long, or a row has too many fields.
    """
    encoding = found.name
    with blob.stream() as f:
        delimiter, quote, head = delimited.peek(delimited.text_lines(f, encoding, limits), None, headers=headers)
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
        shape = Shape(delimiter, layout.skip, layout.names, layout.anchors, quote, headers)  # type: ignore[arg-type]
        with blob.stream() as f:
            yield from delimited.chunks(f, encoding, shape, limits)

    width = Counter(map(len, head)).most_common(1)[0][0]
    sample = partial(delimited.sample, found.slices, encoding, delimiter, width, quote)
    return [grouped.filled(Table("", "csv", None, head, read, sample=sample), headers)]
