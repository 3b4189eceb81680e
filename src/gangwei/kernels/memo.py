"""What was decided on distinct values, kept from batch to batch: the work is done once a value, not once a row or batch."""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat
from threading import Lock
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

LIMIT = 100_000  # distinct rows kept; a full memo starts anew
LONG = 200  # characters of a key above which it is decided but not kept


def _numbered(values: pa.Array) -> tuple[NDArray[np.int64], int]:
    found = values.dictionary_encode(null_encoding="encode")
    return found.indices.to_numpy().astype(np.int64), len(found.dictionary)


def encode(frame: pl.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The combinations of values in a frame, numbered from 0 in order of first appearance: of every row its number, and of
    every combination its first row."""
    n = frame.height
    codes, span, columns = np.zeros(n, np.int64), min(n, 1), 0
    for column in frame:
        if column.null_count() == n:
            continue
        index, size = _numbered(column.to_arrow(compat_level=pl.CompatLevel.oldest()))
        if span * size >= 1 << 62:
            codes, span = _numbered(pa.array(codes))
        codes, span, columns = codes * size + index, span * size, columns + 1
    if columns > 1:
        codes, span = _numbered(pa.array(codes))
    first = np.zeros(span, np.int64)
    first[codes[::-1]] = np.arange(n - 1, -1, -1)
    return codes, first


def _length(key: Any) -> int:
    return sum(map(_length, key)) if isinstance(key, tuple) else len(key) if isinstance(key, str) else 0


class Memo:
    """Answers of one pure decision, by the combination of values it was made on.

    Threads may share it. What comes out does not depend on what is kept: a decision on a row is a function of that row.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._number: dict[Any, int] = {}
        self._answers: pl.DataFrame | None = None

    def __call__(self, keys: pl.DataFrame, decide: Callable[[pl.DataFrame], pl.DataFrame]) -> pl.DataFrame:
        """The answers of `decide` (frame to frame, row by row) for every row of `keys`."""
        codes, first = encode(keys)
        answers = self._of_distinct(keys[first], decide)
        return answers if len(first) == keys.height else answers[codes]

    def _of_distinct(self, keys: pl.DataFrame, decide: Callable[[pl.DataFrame], pl.DataFrame]) -> pl.DataFrame:
        rows: list[Any] = keys.to_series().to_list() if keys.width == 1 else keys.rows()
        with self._lock:
            get = self._number.get
            at = np.fromiter(map(get, rows, repeat(-1)), np.int64, len(rows))
            answers = self._answers
        fresh = np.flatnonzero(at < 0)
        if not len(fresh):
            return decide(keys) if answers is None else answers[at]
        new = decide(keys[fresh])
        with self._lock:
            self._keep([rows[i] for i in fresh], new)
        if answers is None or len(fresh) == len(rows):
            return new
        at[fresh] = answers.height + np.arange(len(fresh))
        return pl.concat([answers, new], rechunk=True)[at]

    def _keep(self, keys: list[Any], answers: pl.DataFrame) -> None:
        short = [i for i, key in enumerate(keys) if key not in self._number and _length(key) <= LONG]
        if len(short) < len(keys):
            answers = answers[short]
        if self._answers is None or self._answers.height + len(short) > LIMIT:
            self._number, self._answers = {}, answers.head(0)
            short = short[:LIMIT]
            answers = answers.head(LIMIT)
        start = self._answers.height
        self._number.update((keys[i], start + j) for j, i in enumerate(short))
        self._answers = pl.concat([self._answers, answers], rechunk=True)
