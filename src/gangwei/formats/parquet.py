"""Parquet, batch by batch, only the columns that are wanted; any type becomes text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from gangwei.formats.chunk import Chunk, Limits, Unreadable

GROUP_BYTES = 512 << 20


def open_file(source: Path | BinaryIO) -> pq.ParquetFile:
    """An open Parquet file.

    Raises:
        Unreadable: damaged, cut off or encrypted.
    """
    try:
        return pq.ParquetFile(source, memory_map=isinstance(source, Path))
    except (pa.ArrowException, OSError, ValueError) as e:
        raise Unreadable(
            "broken_parquet", f"not a readable Parquet file ({str(e).splitlines()[0][:80]}); write it again"
        ) from None


def head(file: pq.ParquetFile, rows: int = 60) -> list[list[str]]:
    """First rows as text."""
    names = file.schema_arrow.names
    for chunk in chunks(file, names, Limits(batch_rows=rows)):
        return [[v or "" for v in r] for r in chunk.rows.head(rows).rows()]
    return []


def chunks(file: pq.ParquetFile, wanted: Sequence[str], limits: Limits) -> Iterator[Chunk]:
    """The wanted columns as String columns. Row numbers count from 1."""
    start = 1
    columns = [n for n in file.schema_arrow.names if n in set(wanted)]
    try:
        for table in _groups(file, columns, limits):
            frame = pl.from_arrow(table)
            assert isinstance(frame, pl.DataFrame)
            for part in frame.iter_slices(limits.batch_rows):
                numbers = pl.int_range(start, start + part.height, dtype=pl.Int64, eager=True).alias("row")
                start += part.height
                yield Chunk(part.select(_text(part, c) for c in columns), numbers)
    except (pa.ArrowException, OSError) as e:
        what = str(e).splitlines()[0][:80]
        raise Unreadable(
            "broken_parquet", f"the Parquet file is damaged after row {start - 1:,} ({what})", start
        ) from None


def _groups(file: pq.ParquetFile, columns: list[str], limits: Limits) -> Iterator[pa.Table]:
    """Row groups as tables; one that is too large to hold comes in batches (four times slower)."""
    for g in range(file.num_row_groups):
        group = file.metadata.row_group(g)
        if group.total_byte_size <= GROUP_BYTES and group.num_rows <= 4 * limits.batch_rows:
            yield file.read_row_group(g, columns=columns, use_threads=False)
            continue
        for batch in file.iter_batches(limits.batch_rows, row_groups=[g], columns=columns, use_threads=False):
            yield pa.Table.from_batches([batch])


def _text(frame: pl.DataFrame, name: str) -> pl.Expr:
    column, dtype = pl.col(name), frame.schema[name]
    if dtype == pl.String:
        return column
    if dtype == pl.Binary:
        texts = [None if b is None else bytes(b).decode("utf-8", "replace") for b in frame[name].to_list()]
        return pl.lit(pl.Series(name, texts, dtype=pl.String)).alias(name)
    if isinstance(dtype, pl.List):
        inner = column.list.eval(pl.element().cast(pl.String)) if not dtype.inner.is_nested() else None
        if inner is not None:
            return inner.list.join("|").alias(name)
    if dtype.is_nested():
        return pl.lit(
            pl.Series(name, [None if v is None else str(v) for v in frame[name].to_list()], dtype=pl.String)
        ).alias(name)
    if dtype.is_float():
        whole = (column == column.round(0)) & (column.abs() < 1e15)
        return (
            pl.when(whole)
            .then(column.cast(pl.Int64, strict=False).cast(pl.String))
            .otherwise(column.cast(pl.String))
            .alias(name)
        )
    return column.cast(pl.String)
