"""What every format reader yields: string columns as the file names them, row numbers, and the rows it could not read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

RAW_CHARS = 500
"""Characters of a refused row that are kept with its reason."""
EXACT = 2.0**53
"""Floats below it hold whole numbers exactly: a number of a spreadsheet or of Parquet is written without a decimal point."""


class Unreadable(Exception):
    """A whole file cannot be read; `reason_id` is a stable code, the message one line for a person."""

    def __init__(self, reason_id: str, message: str, row: int | None = None) -> None:
        super().__init__(message)
        self.reason_id = reason_id
        self.row = row


@dataclass(frozen=True)
class Limits:
    """What a file may cost. Sizes are bytes after decompression; rows are records."""

    max_expanded_bytes: int = 20 << 30
    max_ratio: int = 200
    ratio_from_bytes: int = 100 << 20
    max_line_bytes: int = 16 << 20
    max_empty_rows: int = 10_000
    max_cell_chars: int = 8 << 20
    max_document_bytes: int = 1 << 30
    max_sheet_cells: int = 30_000_000
    max_columns: int = 2_000
    batch_rows: int = 65_536


@dataclass(frozen=True)
class BadRow:
    """One row that could not be read: its number, a reason code and the row as found."""

    row: int
    reason_id: str
    raw: str


@dataclass(frozen=True)
class Note:
    """Something a person should know about the file that does not stop it."""

    reason_id: str
    message: str
    row: int | None = None


@dataclass(frozen=True)
class Chunk:
    """Rows of one file in order. `rows` has String columns only; `numbers` is Int64, one for each row."""

    rows: pl.DataFrame
    numbers: pl.Series
    bad: list[BadRow] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    begins: bool = False
    """The first rows of a further table with columns of its own."""


def unique_names(names: Sequence[str]) -> list[str]:
    """Column names made unique: a repeated or empty name gets its position."""
    seen: set[str] = set()
    out = []
    for i, raw in enumerate(names):
        name = raw.strip().lstrip("\ufeff") or f"column{i}"
        if name in seen:
            name = f"{name}#{i}"
        seen.add(name)
        out.append(name)
    return out


def frame_of(names: Sequence[str], rows: Sequence[Sequence[str | None]]) -> pl.DataFrame:
    """A frame of String columns from rows of equal length."""
    columns: Sequence[Any] = list(zip(*rows)) if rows else [[] for _ in names]
    return pl.DataFrame({n: pl.Series(n, c, dtype=pl.String) for n, c in zip(names, columns)})


def chunk_of(
    names: Sequence[str],
    rows: Sequence[Sequence[str | None]],
    numbers: Sequence[int],
    bad: list[BadRow],
    notes: list[Note] | None = None,
    begins: bool = False,
) -> Chunk:
    """A chunk from Python rows."""
    return Chunk(frame_of(names, rows), pl.Series("row", numbers, dtype=pl.Int64), bad, notes or [], begins)
