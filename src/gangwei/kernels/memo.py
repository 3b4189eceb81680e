"""What was decided on distinct values, kept from batch to batch: the work is done once a value, not once a row or batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from gangwei.kernels.hashing import NULL_HASH, hash_strings, mix
from gangwei.kernels.lookup import find_rows, set_rows

LIMIT = 1 << 18  # distinct rows kept; a full memo starts anew
RECENT = 4096  # distinct rows, and a quarter of the older ones, that are entered before all are put together


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


def _hashes(keys: pl.DataFrame) -> NDArray[np.uint64]:
    """64 bits that stand for the values of each row."""
    out = np.zeros(keys.height, np.uint64)
    for column in keys:
        if column.null_count() == keys.height:
            values = np.full(keys.height, NULL_HASH)
        elif column.dtype == pl.String():
            values = hash_strings(column)
        elif column.dtype.is_float() or column.dtype.is_nested():
            raise TypeError(f"{column.name}: a key of {column.dtype} cannot be remembered; give text or whole numbers")
        else:
            values = column.to_physical().cast(pl.Int64).fill_null(0).to_numpy().view(np.uint64)
            if column.null_count():
                values = np.where(column.is_null().to_numpy(), NULL_HASH, values)
        out = mix(out, values)
    return out


@dataclass(frozen=True)
class _Kept:
    """Answers by the hash of what was asked."""

    keys: NDArray[np.uint64]
    row: NDArray[np.int64]
    answers: pl.DataFrame

    def and_these(self, keys: NDArray[np.uint64], answers: pl.DataFrame) -> _Kept:
        """These answers behind the ones kept."""
        both = np.concatenate([self.keys, keys])
        row = np.full(1 << max(4, (2 * both.size).bit_length()), -1, np.int64)
        set_rows(both, 0, row)
        return _Kept(both, row, pl.concat([self.answers, answers], rechunk=True) if self.keys.size else answers)

    def find(self, asked: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Row of each hash, -1 where it is not kept."""
        found: NDArray[np.int64] = find_rows(asked, self.keys, self.row)
        return found


def _rows(frames: list[pl.DataFrame], at: NDArray[np.int64]) -> pl.DataFrame:
    """Rows of the frames put together; of each frame only the rows that are asked for, once, are put there."""
    if len(frames) == 1:
        return frames[0][at]
    cuts = np.cumsum([0, *(f.height for f in frames)])
    asked = np.zeros(cuts[-1], np.bool_)
    asked[at] = True
    pieces = [f[np.flatnonzero(asked[a:b])] for f, a, b in zip(frames, cuts, cuts[1:])]
    return pl.concat(pieces, rechunk=True)[(np.cumsum(asked) - 1)[at]]


_NOTHING = _Kept(np.zeros(0, np.uint64), np.full(16, -1, np.int64), pl.DataFrame())


class Memo:
    """Answers of one pure decision, by 64-bit hashes of the values it was made on.

    Threads may share it. What comes out does not depend on what is kept: a decision on a row is a function of that row.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept = (_NOTHING, _NOTHING)  # most of the answers, and recent ones

    def __call__(self, keys: pl.DataFrame, decide: Callable[[pl.DataFrame], pl.DataFrame]) -> pl.DataFrame:
        """The answers of `decide` (frame to frame, row by row) for every row of `keys`."""
        asked = _hashes(keys)
        with self._lock:
            old, recent = self._kept
        at = old.find(asked)
        missing = np.flatnonzero(at < 0)
        if missing.size and recent.keys.size:
            found = recent.find(asked[missing])
            at[missing] = np.where(found < 0, -1, found + old.keys.size)
            missing = missing[found < 0]
        frames = [k.answers for k in (old, recent) if k.keys.size]
        if missing.size or not frames:
            fresh, first, back = np.unique(asked[missing], return_index=True, return_inverse=True)
            new = decide(keys[missing[first]])
            with self._lock:
                self._keep(fresh, new)
            at[missing] = old.keys.size + recent.keys.size + back
            frames.append(new)
        return _rows(frames, at)

    def _keep(self, keys: NDArray[np.uint64], answers: pl.DataFrame) -> None:
        old, recent = self._kept
        if old.keys.size + recent.keys.size + keys.size > LIMIT:
            old = recent = _NOTHING
            keys, answers = keys[:LIMIT], answers.head(LIMIT)
        recent = recent.and_these(keys, answers)
        if recent.keys.size > max(RECENT, old.keys.size // 4):
            old, recent = old.and_these(recent.keys, recent.answers), _NOTHING
        self._kept = old, recent
