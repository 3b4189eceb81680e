"""The quick way through plain JSON lines and arrays of objects: blocks of whole lines or objects, parsed by Arrow with the
types of their first objects.

Whatever is not plain (an unknown key, another type, nesting, a broken or empty line) is refused here and read line by
line or object by object instead, so both ways give the same rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
import orjson
import polars as pl
import pyarrow as pa
import pyarrow.json as pj

from gangwei.formats.chunk import BadRow, Chunk
from gangwei.formats.json_records import BROKEN, chunk_of_records, load
from gangwei.kernels.json_objects import on_lines

BLOCK = 16 << 20
FIRST = 200


def blocks(stream: BinaryIO, limit: int, size: int = BLOCK) -> Iterator[bytes]:
    """Blocks of whole lines. A line longer than `limit` comes alone, cut at the limit, its rest dropped."""
    carry = b""
    while data := stream.read(size):
        buffer = carry + data
        end = buffer.rfind(b"\n") + 1
        if end:
            yield buffer[:end]
            carry = buffer[end:]
        elif len(buffer) <= limit:
            carry = buffer
        else:
            yield buffer[: limit + 1]
            carry = b""
            while data := stream.read(size):
                at = data.find(b"\n")
                if at >= 0:
                    carry = data[at + 1 :]
                    break
    if carry:
        yield carry


def parse(block: bytes) -> pl.DataFrame | None:
    """All objects of a block as String columns, or None when one of them is not plain."""
    schema = _schema(block)
    if schema is None or not schema.names:
        return None
    try:
        table = pj.read_json(
            pa.py_buffer(block),
            read_options=pj.ReadOptions(use_threads=False, block_size=len(block) + 1),
            parse_options=pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error"),
        )
        table.validate(full=True)
    except (pa.ArrowException, ValueError):
        return None
    if table.num_rows != block.count(b"\n") + (not block.endswith(b"\n")):
        return None
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame.with_columns(pl.all().cast(pl.String))


def _schema(block: bytes) -> pa.Schema | None:
    """Types of the fields of the first records of a block of lines; None where they are no objects that Arrow reads alike."""
    kinds: dict[str, set[type[Any]]] = {}
    start = 0
    for _ in range(FIRST):
        end = block.find(b"\n", start)
        line = block[start : end if end >= 0 else len(block)]
        if not line:
            break
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError:
            return None
        if not isinstance(record, dict) or not record:
            return None
        for key, value in record.items():
            kinds.setdefault(key, set()).add(type(value))
        if end < 0:
            break
        start = end + 1
    fields = []
    for key, seen in kinds.items():
        plain = seen - {type(None)}
        if plain - {str} and plain - {int}:
            return None
        fields.append(pa.field(key, pa.int64() if plain == {int} else pa.string()))
    return pa.schema(fields)


class Objects:
    """The objects at the head of a stream, block by block; `number` of them were read, `rest` was not."""

    def __init__(self, stream: BinaryIO, begun: bytes, size: int) -> None:
        self.stream, self.rest, self.size, self.number = stream, begun, size, 0

    def chunks(self, limit: int) -> Iterator[Chunk]:
        """Chunks up to the first block that holds something broken, something else than objects or one longer than `limit`."""
        data = self.rest
        while data and len(self.rest) <= limit + self.size:
            lines, used, foreign = on_lines(np.frombuffer(self.rest, np.uint8))
            chunk = _chunk(lines.tobytes(), self.number) if used else None
            if used and chunk is None:
                return
            if chunk:
                self.number += chunk.rows.height + len(chunk.bad)
                self.rest = self.rest[used:]
                yield chunk
            if foreign:
                return
            data = self.stream.read(self.size)
            self.rest += data


def _chunk(block: bytes, number: int) -> Chunk | None:
    """The objects of a block with one on each line, or None where one is broken; `number` came before."""
    frame = parse(block)
    if frame is not None:
        return Chunk(
            frame, pl.int_range(number + 1, number + 1 + frame.height, dtype=pl.Int64, eager=True).alias("row")
        )
    try:
        values = [load(line) for line in block.splitlines()]
    except BROKEN:
        return None
    good = [i for i, v in enumerate(values) if v]
    bad = [BadRow(number + i + 1, "not_an_object", "{}") for i, v in enumerate(values) if not v]
    return chunk_of_records([values[i] for i in good], [number + i + 1 for i in good], bad)
