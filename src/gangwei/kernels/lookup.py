"""Rows of distinct strings by hash: one table for a whole run, read by many threads."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from numba import njit

from gangwei.kernels.hashing import hash_strings


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def set_rows(keys: Any, begin: Any, row: Any) -> None:
    """Enter keys[begin:] into the open table `row`, a power of two of positions in `keys`, -1 where free."""
    mask = np.uint64(row.size - 1)
    for i in range(begin, keys.size):
        p = keys[i] & mask
        while row[p] >= 0 and keys[row[p]] != keys[i]:
            p = (p + np.uint64(1)) & mask
        row[p] = i


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def find_rows(asked: Any, keys: Any, row: Any) -> Any:
    """Position in `keys` of each hash, -1 where it is not entered."""
    mask, out = np.uint64(row.size - 1), np.empty(asked.size, np.int64)
    for i in range(asked.size):
        p = asked[i] & mask
        while row[p] >= 0 and keys[row[p]] != asked[i]:
            p = (p + np.uint64(1)) & mask
        out[i] = row[p]
    return out


class Lookup:
    """Where each of the distinct `values` stands."""

    def __init__(self, values: pl.Series) -> None:
        self.keys = hash_strings(values)
        self.row = np.full(1 << max(4, (2 * len(values)).bit_length()), -1, np.int64)
        set_rows(self.keys, 0, self.row)

    def find(self, values: pl.Series) -> npt.NDArray[np.int64]:
        """Row of each value, -1 where it is not known or null."""
        found: npt.NDArray[np.int64] = find_rows(hash_strings(values), self.keys, self.row)
        if values.null_count():
            found[values.is_null().to_numpy()] = -1
        return found
