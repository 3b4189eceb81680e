"""The quick way through well-formed delimited text: blocks that end outside quotes, parsed by Arrow.

Whatever is not plain (a stray quote, a wrong field count, an empty line, a NUL, bytes that do not decode) is refused
here and read by the tolerant reader instead, so both ways give the same rows.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO, cast

import polars as pl
import pyarrow as pa
import pyarrow.csv as pc

BLOCK = 16 << 20
BACKWARD = 2_000


class Joined(io.RawIOBase):
    """Bytes already read, then the rest of a stream."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        super().__init__()
        self.head, self.rest = io.BytesIO(head), rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = cast(memoryview, buffer)
        data = self.head.read(len(view)) or self.rest.read(len(view))
        view[: len(data)] = data
        return len(data)


def blocks(stream: BinaryIO, size: int = BLOCK, quote: str = '"') -> Iterator[bytes | BinaryIO]:
    """Blocks that end at a line end with an even number of quotes before it; the rest as a stream when there is none."""
    carry = b""
    while True:
        data = stream.read(size)
        buffer = carry + data
        if not data:
            if buffer:
                yield buffer
            return
        end = _boundary(buffer, quote.encode())
        if end == 0:
            yield cast(BinaryIO, io.BufferedReader(Joined(buffer, stream), 1 << 20))
            return
        yield buffer[:end]
        carry = buffer[end:]


def _boundary(buffer: bytes, quote: bytes) -> int:
    end = buffer.rfind(b"\n") + 1
    odd = buffer.count(quote, 0, end) % 2
    for _ in range(BACKWARD):
        if not odd or end == 0:
            return end
        before = buffer.rfind(b"\n", 0, end - 1) + 1
        odd ^= buffer.count(quote, before, end) % 2
        end = before
    return 0


def parse(block: bytes, names: tuple[str, ...], delimiter: str, encoding: str, quote: str = '"') -> pl.DataFrame | None:
    """All records of a block as String columns, or None when one of them is not plain."""
    if 0 in block:
        return None
    if encoding == "gb18030":
        try:
            block = block.decode("gb18030").encode("utf-8")
        except UnicodeDecodeError:
            return None
    try:
        table = pc.read_csv(
            pa.py_buffer(block),
            read_options=pc.ReadOptions(use_threads=False, block_size=len(block) + 1, column_names=list(names)),
            parse_options=pc.ParseOptions(
                delimiter=delimiter, quote_char=quote, newlines_in_values=True, ignore_empty_lines=False
            ),
            convert_options=pc.ConvertOptions(
                column_types=dict.fromkeys(names, pa.large_string()), strings_can_be_null=False, check_utf8=True
            ),
        )
    except (pa.ArrowException, ValueError):
        return None
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return None if _has_empty_row(frame) else frame


def _has_empty_row(frame: pl.DataFrame) -> bool:
    """Arrow reads an empty line as a row of empty strings; the tolerant reader must count those."""
    empty = frame.to_series(0) == ""
    if not empty.any():
        return False
    return frame.filter(empty).select(pl.all_horizontal(pl.all() == "").any()).item() is True
