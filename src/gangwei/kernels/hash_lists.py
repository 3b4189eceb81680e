"""Lists of 32-bit hashes, one a row: a binary column outside, flat values and row pointers inside kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from numba import njit

U32 = npt.NDArray[np.uint32]
I64 = npt.NDArray[np.int64]


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def gather(values: Any, ptr: Any, rows: Any) -> Any:
    """(values, row pointers) of the given rows, in that order."""
    ends = np.zeros(rows.size + 1, np.int64)
    for i in range(rows.size):
        ends[i + 1] = ends[i] + ptr[rows[i] + 1] - ptr[rows[i]]
    out = np.empty(ends[-1], np.uint32)
    for i in range(rows.size):
        a, at = ptr[rows[i]], ends[i]
        for x in range(ends[i + 1] - at):
            out[at + x] = values[a + x]
    return out, ends


def flat(column: pa.ChunkedArray) -> tuple[U32, I64]:
    """(values, row pointers) of a binary column of 32-bit hashes; the inverse of `hashes`."""
    array = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    if len(array) == 0:
        return np.zeros(0, np.uint32), np.zeros(1, np.int64)
    wide = pa.types.is_large_binary(array.type)
    _, offsets, data = array.buffers()
    kind, width = (np.int64, 8) if wide else (np.int32, 4)
    off = np.frombuffer(offsets, kind, len(array) + 1, width * array.offset).astype(np.int64)
    if data is None or off[0] == off[-1]:
        return np.zeros(0, np.uint32), np.zeros(len(array) + 1, np.int64)
    return np.frombuffer(data, np.uint8)[off[0] : off[-1]].view(np.uint32), (off - off[0]) // 4


def hashes(values: U32, ends: I64) -> pl.Series:
    """A binary column of 32-bit hashes; row i holds values[ends[i]:ends[i + 1]]."""
    offsets = pa.py_buffer(np.ascontiguousarray(ends * 4, np.int64))
    data = pa.py_buffer(np.ascontiguousarray(values))
    series = pl.from_arrow(pa.Array.from_buffers(pa.large_binary(), ends.size - 1, [None, offsets, data]))
    assert isinstance(series, pl.Series)
    return series
