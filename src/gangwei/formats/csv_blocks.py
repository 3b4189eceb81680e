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


class Blocks:
    """Blocks that end at a line end with an even number of quotes before it; the rest as a stream when there is none.

    After a stray quote such a line end may lie within a record: whoever reads the block puts what it began back in `rest`,
    before the block that follows, unless `ended`.
    """

    def __init__(self, stream: BinaryIO, size: int = BLOCK, quote: str = '"') -> None:
        self.stream, self.size, self.quote = stream, size, quote.encode()
        self.rest, self.ended = b"", False

    def __iter__(self) -> Iterator[bytes | BinaryIO]:
        while not self.ended:
            data = self.stream.read(self.size)
            buffer = self.rest + data
            end = _boundary(buffer, self.quote) if data else len(buffer)
            self.rest, self.ended = buffer[end:], not data or end == 0
            if data and end == 0:
                yield cast(BinaryIO, io.BufferedReader(Joined(buffer, self.stream), 1 << 20))
            elif buffer:
                yield buffer[:end]


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
    """All records of a block as String columns, or None when one of them is not plain, may be several or may go on."""
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
    odd = _has_empty_row(frame) or _is_cut(frame) or _holds_rows(frame, block, delimiter)
    return None if odd else frame


def _has_empty_row(frame: pl.DataFrame) -> bool:
    """Arrow reads an empty line as a row of empty strings; the tolerant reader must count those."""
    empty = frame.to_series(0) == ""
    if not empty.any():
        return False
    return frame.filter(empty).select(pl.all_horizontal(pl.all() == "").any()).item() is True


def _is_cut(frame: pl.DataFrame) -> bool:
    """The last value ends with a line end, as one does whose quotes are still open; few others do."""
    return bool(frame.height) and str(frame.item(-1, -1))[-1:] in ("\n", "\r")


def _holds_rows(frame: pl.DataFrame, block: bytes, delimiter: str) -> bool:
    """Every line of a record has as many delimiters as a row: a stray quote may have joined rows."""
    rest = frame.width - 1
    if rest < 2 or block.count(b"\n") + (not block.endswith(b"\n")) <= frame.height:
        return False
    within, delimiters = (
        pl.sum_horizontal(pl.all().str.count_matches(c, literal=True)).alias(n)
        for n, c in (("\0w", "\n"), ("\0d", delimiter))
    )
    found = frame.select(within, delimiters)
    several = frame.filter((found["\0w"] > 0) & (found["\0d"] == found["\0w"] * rest))
    lines = (delimiter.join(row).split("\n") for row in several.iter_rows())
    return any(all(line.count(delimiter) == rest for line in found) for found in lines)
