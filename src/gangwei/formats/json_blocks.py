"""The quick way through plain JSON lines: blocks of whole lines, parsed by Arrow with the types of their first objects.

Whatever is not plain (an unknown key, another type, nesting, a broken or empty line) is refused here and read line by
line instead, so both ways give the same rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import orjson
import polars as pl
import pyarrow as pa
import pyarrow.json as pj

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
