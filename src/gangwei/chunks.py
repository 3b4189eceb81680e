"""Column chunks that lie compressed in one Parquet file, put into another as they are.

A chunk is a run of bytes that the footer tells of (https://parquet.apache.org/docs/file-format/): the bytes are copied, and what
the footer says of their place is moved. Footers are Thrift structures in compact form, read and written here field by field, so
that nothing that the writer said of a chunk is lost.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

TRUE, FALSE, BYTE, DOUBLE, BINARY, LIST, STRUCT = 1, 2, 3, 7, 8, 9, 12
INTEGERS = (4, 5, 6)
MAGIC = b"PAR1"
# fields of the footer, of a row group, of a column chunk and of what is said of its data
ROWS, GROUPS = 3, 4
COLUMNS, SIZE, GROUP_ROWS, BEGIN, PACKED, ORDINAL = 1, 2, 3, 5, 6, 7
DATA = 3
NAMES, DATA_SIZE, DATA_PACKED, FIRST_PAGE, DICTIONARY = 3, 6, 7, 9, 11

Fields = dict[int, tuple[int, Any]]
"""Fields of a Thrift structure: type and value by number; a list is (type of its items, items)."""


class _Reader:
    """Thrift in compact form."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def varint(self) -> int:
        out = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            out |= (byte & 0x7F) << shift
            if byte < 0x80:
                return out
            shift += 7

    def zigzag(self) -> int:
        n = self.varint()
        return (n >> 1) ^ -(n & 1)

    def take(self, size: int) -> bytes:
        self.at += size
        return self.data[self.at - size : self.at]

    def value(self, kind: int) -> Any:
        if kind in (TRUE, FALSE):  # in a list; of a field the type is the value
            return self.take(1) == b"\x01"
        if kind == BYTE:
            return self.take(1)
        if kind in INTEGERS:
            return self.zigzag()
        if kind == DOUBLE:
            return self.take(8)
        if kind == BINARY:
            return self.take(self.varint())
        if kind == LIST:
            head = self.take(1)[0]
            size = head >> 4 if head >> 4 < 15 else self.varint()
            return head & 15, [self.value(head & 15) for _ in range(size)]
        if kind == STRUCT:
            return self.fields()
        raise ValueError(f"a Thrift type that Parquet does not use: {kind}")

    def fields(self) -> Fields:
        out: Fields = {}
        number = 0
        while head := self.take(1)[0]:
            kind = head & 15
            number = number + (head >> 4) if head >> 4 else self.zigzag()
            out[number] = kind, kind == TRUE if kind in (TRUE, FALSE) else self.value(kind)
        return out


def _varint(n: int) -> bytes:
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def _value(kind: int, value: Any) -> bytes:
    if kind in (TRUE, FALSE):
        return b"\x01" if value else b"\x02"
    if kind in INTEGERS:
        return _varint(value << 1 if value >= 0 else (-value << 1) - 1)
    if kind == BINARY:
        data: bytes = value
        return _varint(len(data)) + data
    if kind == LIST:
        item, items = value
        head = bytes([len(items) << 4 | item]) if len(items) < 15 else bytes([0xF0 | item]) + _varint(len(items))
        return head + b"".join(_value(item, v) for v in items)
    return _fields(value) if kind == STRUCT else bytes(value)


def _fields(fields: Fields) -> bytes:
    out, before = [], 0
    for number, (kind, value) in sorted(fields.items()):
        near = 0 < number - before < 16
        out.append(bytes([number - before << 4 | kind]) if near else bytes([kind]) + _value(INTEGERS[0], number))
        if kind not in (TRUE, FALSE):
            out.append(_value(kind, value))
        before = number
    return b"".join(out) + b"\x00"


def footer(file: BinaryIO) -> Fields:
    """The footer of a Parquet file.

    Raises:
        ValueError: it is no Parquet file.
    """
    file.seek(-8, 2)
    size, magic = struct.unpack("<i4s", file.read(8))
    if magic != MAGIC:
        raise ValueError("not a Parquet file, or one that was cut")
    file.seek(-8 - size, 2)
    return _Reader(file.read(size)).fields()


def _group(file: BinaryIO, number: int) -> tuple[Fields, dict[bytes, Fields]]:
    """A row group and its column chunks by name."""
    group: Fields = footer(file)[GROUPS][1][1][number]
    return group, {b".".join(c[DATA][1][NAMES][1][1]): c for c in group[COLUMNS][1][1]}


class Copying:
    """A Parquet file that takes some columns from other files, a row group at a time; `options` are those of pyarrow's writer.

    Its bytes are those that pyarrow would write if the other files were written with the same options.
    """

    def __init__(self, path: Path, schema: pa.Schema, options: dict[str, Any]) -> None:
        self.schema, self.options = schema, options
        empty = self._written(schema.empty_table())
        self.whole = footer(empty)
        names = pq.ParquetFile(empty).schema
        self.names = [names.column(i).path.encode() for i in range(len(names))]
        self.groups: list[Fields] = []
        self.rows = 0
        self.file = path.open("wb")
        self.file.write(MAGIC)

    def _written(self, table: pa.Table) -> BytesIO:
        out = BytesIO()
        with pq.ParquetWriter(out, table.schema, **self.options) as writer:
            if table.num_rows:
                writer.write_table(table, row_group_size=table.num_rows)
        return BytesIO(out.getvalue())

    def write(self, own: pa.Table, others: Sequence[tuple[Path, int]]) -> None:
        """Append a row group: the columns of `own`, and all others from row groups of other files, of each from the first that
        has it."""
        mine = self._written(own)
        group, chunks = _group(mine, 0)
        found: dict[bytes, tuple[BinaryIO, Fields]] = {name: (mine, chunk) for name, chunk in chunks.items()}
        with ExitStack() as files:
            for path, number in others:
                theirs = files.enter_context(path.open("rb"))
                kept, copied = _group(theirs, number)
                if kept[GROUP_ROWS] != group[GROUP_ROWS]:
                    raise ValueError(f"{path.name}: {kept[GROUP_ROWS][1]} rows for {own.num_rows}")
                found |= {name: (theirs, chunk) for name, chunk in copied.items() if name not in found}
            begin = self.file.tell()
            columns = [self._copied(*found[name]) for name in self.names]
        sizes = {at: sum(c[DATA][1][of][1] for c in columns) for at, of in ((SIZE, DATA_SIZE), (PACKED, DATA_PACKED))}
        changed = {COLUMNS: (STRUCT, columns), BEGIN: begin, ORDINAL: len(self.groups), **sizes}
        self.groups.append({n: (kind, changed.get(n, value)) for n, (kind, value) in group.items()})
        self.rows += own.num_rows

    def _copied(self, source: BinaryIO, chunk: Fields) -> Fields:
        """Copy the bytes of a column chunk; returns it with its new place."""
        data: Fields = chunk[DATA][1]
        first = min(data[n][1] for n in (FIRST_PAGE, DICTIONARY) if n in data)
        moved = self.file.tell() - first
        source.seek(first)
        self.file.write(source.read(data[DATA_PACKED][1]))
        places = {n: (data[n][0], data[n][1] + moved) for n in (FIRST_PAGE, DICTIONARY) if n in data}
        return {**chunk, DATA: (STRUCT, {**data, **places})}

    def close(self) -> None:
        """Finish the file."""
        end = _fields({**self.whole, ROWS: (self.whole[ROWS][0], self.rows), GROUPS: (LIST, (STRUCT, self.groups))})
        self.file.write(end + struct.pack("<i4s", len(end), MAGIC))
        self.file.close()
