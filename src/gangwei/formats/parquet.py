"""Parquet, batch by batch, only the columns that are wanted; any type becomes text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from gangwei.formats.chunk import EXACT, Chunk, Limits, Note, Unreadable
from gangwei.formats.sampling import KEPT, spaced

GROUP_BYTES = 512 << 20
SAMPLED_BYTES = 32 << 20
SAMPLED_GROUPS = 8
NO_TEXT = (pl.Duration, pl.Binary, pl.Object)  # types that polars does not write out


def open_file(source: Path | BinaryIO) -> pq.ParquetFile:
    """An open Parquet file.

    Raises:
        Unreadable: damaged, cut off or encrypted, or with several columns of one name.
    """
    try:
        file = pq.ParquetFile(source, memory_map=isinstance(source, Path))
        twice = [n for n, k in Counter(file.schema_arrow.names).items() if k > 1]
    except (pa.ArrowException, OSError, ValueError) as e:
        raise Unreadable(
            "broken_parquet", f"not a readable Parquet file ({str(e).splitlines()[0][:80]}); write it again"
        ) from None
    if twice:
        raise Unreadable("broken_parquet", f"several columns have the name '{twice[0]}'; write it with one name each")
    return file


def names(file: pq.ParquetFile) -> tuple[str, ...]:
    """Column names; the fields of an object are columns named 'outer.inner'."""
    return tuple(_unnested(pl.DataFrame(file.schema_arrow.empty_table())).columns)


def head(file: pq.ParquetFile, rows: int = 60) -> list[list[str]]:
    """First rows as text."""
    out: list[list[str]] = []
    try:
        for chunk in chunks(file, names(file), Limits(batch_rows=rows)):
            out += [[v or "" for v in r] for r in chunk.rows.head(rows - len(out)).rows()]
            if len(out) == rows:
                break
    except Unreadable:
        if not out:
            raise
    return out


def sample(file: pq.ParquetFile) -> list[list[str]]:
    """Rows from all over up to eight row groups, or more where they are tiny; of a large group its first rows."""
    out: list[list[str]] = []
    groups = _sampled_groups(file)
    for g in groups:
        group = file.metadata.row_group(g)
        each = KEPT // len(groups)
        size = each if group.total_byte_size > SAMPLED_BYTES else max(group.num_rows, 1)
        try:
            batch = next(file.iter_batches(size, row_groups=[g], use_threads=False), None)
            frame = _frame(pa.Table.from_batches([] if batch is None else [batch], file.schema_arrow))
        except (pa.ArrowException, OSError):  # reading says from which row on the file is damaged
            break
        frame = frame.gather_every(max(1, frame.height // each))
        out += [[v or "" for v in r] for r in frame.select(_text(frame, c, []) for c in frame.columns).rows()]
    return out


def _sampled_groups(file: pq.ParquetFile) -> list[int]:
    """Numbers of up to eight row groups, evenly spaced; of as many as hold about KEPT rows where the eight hold fewer."""
    every = list(range(file.num_row_groups))
    groups = spaced(every, SAMPLED_GROUPS)
    rows = sum(file.metadata.row_group(g).num_rows for g in groups)
    return groups if rows >= KEPT else spaced(every, min(KEPT, -(-KEPT * len(groups) // max(rows, 1))))


def chunks(file: pq.ParquetFile, wanted: Sequence[str], limits: Limits) -> Iterator[Chunk]:
    """The wanted columns as String columns. Row numbers count from 1."""
    start = 1
    outer = {w.partition(".")[0] for w in wanted} | set(wanted)
    read = [n for n in file.schema_arrow.names if n in outer]
    try:
        for table in _groups(file, read, limits):
            frame = _frame(table)
            columns = [n for n in frame.columns if n in set(wanted)]
            for part in frame.iter_slices(limits.batch_rows):
                numbers = pl.int_range(start, start + part.height, dtype=pl.Int64, eager=True).alias("row")
                broken: list[str] = []
                texts = part.select(_text(part, c, broken) for c in columns)
                yield Chunk(texts, numbers, notes=_lost(texts.select(broken), start))
                start += part.height
    except (pa.ArrowException, OSError) as e:
        what = str(e).splitlines()[0][:80]
        raise Unreadable(
            "broken_parquet", f"the Parquet file is damaged after row {start - 1:,} ({what})", start
        ) from None


def _frame(table: pa.Table) -> pl.DataFrame:
    """The table with its objects as columns and its texts as bytes: Parquet does not promise that a string is UTF-8.

    Raises:
        pa.ArrowInvalid: no UTF-8 in a list or object.
    """
    fields = []
    for field, column in zip(table.schema, table.columns):
        kind = field.type
        plain = kind.value_type if pa.types.is_dictionary(kind) else kind
        if pa.types.is_nested(kind):
            column.validate(full=True)
        if pa.types.is_string(plain) or pa.types.is_large_string(plain) or pa.types.is_string_view(plain):
            kind = pa.large_binary() if pa.types.is_large_string(plain) else pa.binary()
        fields.append(pa.field(field.name, kind))
    frame = pl.from_arrow(table.cast(pa.schema(fields)))
    assert isinstance(frame, pl.DataFrame)
    return _unnested(frame)


def _texts(column: pl.Series, broken: list[str]) -> pl.Series:
    """Bytes as text: UTF-8 where all of them are, else each value in UTF-8, in GB18030, or with marks for what is neither.

    The name of a column that is not all UTF-8 is put on `broken`.
    """
    try:
        return column.cast(pl.String)
    except pl.exceptions.ComputeError:
        broken.append(column.name)
        return pl.Series(column.name, [_decoded(b) for b in column.to_list()], dtype=pl.String)


def _lost(texts: pl.DataFrame, start: int) -> list[Note]:
    """A note on each column that holds marks for bytes of neither encoding; `start` is the number of its first row."""
    notes = []
    for column in texts:
        marked = column.str.contains("\ufffd", literal=True).arg_true()
        if len(marked):
            message = (
                f"{len(marked):,} values of '{column.name}' are neither UTF-8 nor GB18030; what is lost shows as \ufffd"
            )
            notes.append(Note("encoding_errors", message, start + int(marked[0])))
    return notes


def _decoded(value: bytes | None) -> str | None:
    if value is None:
        return None
    for encoding in ("utf-8", "gb18030"):
        try:
            return value.decode(encoding)
        except UnicodeDecodeError:
            continue
    return value.decode("utf-8", "replace")


def _unnested(frame: pl.DataFrame, depth: int = 3) -> pl.DataFrame:
    """Objects as columns named 'outer.inner'."""
    objects = [n for n, t in frame.schema.items() if isinstance(t, pl.Struct)]
    if not objects or not depth:
        return frame
    out: list[pl.Series] = []
    for name in frame.columns:
        fields = frame[name].struct.unnest() if name in objects else None
        out += [frame[name]] if fields is None else [s.alias(f"{name}.{s.name}") for s in fields]
    return _unnested(pl.DataFrame(out), depth - 1)


def _groups(file: pq.ParquetFile, columns: list[str], limits: Limits) -> Iterator[pa.Table]:
    """Row groups as tables; one that is too large to hold comes in batches."""
    for g in range(file.num_row_groups):
        group = file.metadata.row_group(g)
        if group.total_byte_size <= GROUP_BYTES and group.num_rows <= 4 * limits.batch_rows:
            yield file.read_row_group(g, columns=columns, use_threads=False)
            continue
        for batch in file.iter_batches(limits.batch_rows, row_groups=[g], columns=columns, use_threads=False):
            yield pa.Table.from_batches([batch])


def _text(frame: pl.DataFrame, name: str, broken: list[str]) -> pl.Expr:
    column, dtype = pl.col(name), frame.schema[name]
    if dtype == pl.String:
        return column
    if dtype == pl.Binary:
        return pl.lit(_texts(frame[name], broken)).alias(name)
    if isinstance(dtype, pl.List) and not dtype.inner.is_nested() and dtype.inner not in NO_TEXT:
        return column.list.eval(pl.element().cast(pl.String)).list.join("|").alias(name)
    if dtype.is_nested() or dtype in NO_TEXT:
        return pl.lit(
            pl.Series(name, [None if v is None else str(v) for v in frame[name].to_list()], dtype=pl.String)
        ).alias(name)
    if dtype.is_float():
        whole = (column == column.round(0)) & (column.abs() < EXACT)
        return (
            pl.when(whole)
            .then(column.cast(pl.Int64, strict=False).cast(pl.String))
            .otherwise(column.cast(pl.String))
            .alias(name)
        )
    return column.cast(pl.String)
