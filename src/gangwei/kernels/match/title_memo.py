"""Titles are read once: what was said by a title is kept between batches, up to a bound, for each thread apart."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from gangwei.kernels.hash_lists import gather, hashes
from gangwei.kernels.hashing import hash_strings
from gangwei.kernels.lookup import find_rows, set_rows
from gangwei.kernels.match.title import TitleRules, title_frame

COLUMNS = ("title_key", "level", "heads", "functions", "place", "code")


class TitleMemo:
    """`title_frame` for any titles; `bag` is binary, 32 bits a token."""

    def __init__(self, rules: TitleRules, limit: int = 1 << 18) -> None:
        """`limit`: distinct titles kept before all are forgotten."""
        self.rules, self.limit, self.own = rules, limit, threading.local()

    def of(self, titles: pl.Series) -> dict[str, Any]:
        """Columns of `title_frame`, row i for title i."""
        asked = hash_strings(titles)
        known: _Known | None = getattr(self.own, "known", None)
        if known is None or known.size > self.limit:
            known = self.own.known = _Known()
        rows = find_rows(asked, known.keys, known.row)
        missing = np.flatnonzero(rows < 0)
        if missing.size or not known.columns:
            keys, first = np.unique(asked[missing], return_index=True)
            known.add(keys, title_frame(titles[missing[first]], self.rules))
            rows = find_rows(asked, known.keys, known.row)
        values, ends = gather(known.bag, known.ptr, rows)
        return {**{c: known.columns[c][rows] for c in COLUMNS}, "bag": hashes(values, ends)}


class _Known:
    """Rows of titles by hash."""

    def __init__(self) -> None:
        self.size = 0
        self.keys = np.zeros(0, np.uint64)
        self.row = np.full(16, -1, np.int64)
        self.columns: dict[str, npt.NDArray[Any]] = {}
        self.bag, self.ptr = np.zeros(0, np.uint32), np.zeros(1, np.int64)

    def add(self, keys: npt.NDArray[np.uint64], frame: pl.DataFrame) -> None:
        """Append rows that are not known yet."""
        self.keys = np.concatenate([self.keys, keys])
        fresh = {c: frame[c].to_numpy() for c in COLUMNS}
        self.columns = {c: np.concatenate([self.columns[c], v]) if self.size else v for c, v in fresh.items()}
        self.bag = np.concatenate([self.bag, frame["bag"].explode(empty_as_null=False).to_numpy().astype(np.uint32)])
        ends = frame["bag"].list.len().cum_sum().to_numpy().astype(np.int64)
        self.ptr = np.concatenate([self.ptr, self.ptr[-1] + ends])
        begin, self.size = self.size, self.keys.size
        if self.row.size < 2 * self.size:
            self.row, begin = np.full(1 << (4 * self.size).bit_length(), -1, np.int64), 0
        set_rows(self.keys, begin, self.row)
