"""Strings as compiled code reads and writes them: bytes, and where in them each string lies.

Polars keeps a string of up to 12 bytes within its view (16 bytes: length, then the string, or its first four bytes, the number
of a buffer and the place in it) and a longer one in one of several buffers (the layout of Arrow's string views). A kernel
reads both where they lie, so that nothing is copied: its bytes are all memory between the first and the last of the buffers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

Texts = tuple[NDArray[np.uint8], NDArray[np.int64]]
"""Bytes, and the first byte and the one after the last of each string, shape (n, 2)."""

WITHIN = 12  # bytes of a string that its view holds


class _Memory:
    """Bytes at an address as numpy asks for them; whoever holds the array holds what it lies in."""

    def __init__(self, address: int, size: int, owner: pa.Array) -> None:
        self.owner = owner
        self.__array_interface__ = {"data": (address, True), "shape": (size,), "typestr": "|u1", "version": 3}


def string_spans(series: pl.Series) -> Texts:
    """UTF-8 bytes of a string series and where each string lies in them, not copied; a null reads as an empty string.

    The bytes are memory of which only what the spans name may be read.
    """
    array = series.to_arrow(compat_level=pl.CompatLevel.newest())
    n = len(array)
    spans = np.zeros((n, 2), np.int64)
    if n == 0 or series.null_count() == n:
        return sealed(np.zeros(0, np.uint8)), sealed(spans)
    _, views, *buffers = array.buffers()
    lie = [(b.address, b.size) for b in buffers if b.size] + [(views.address, views.size)]
    low = min(address for address, _ in lie)
    bases = np.array([b.address - low for b in buffers] or [0], np.int64)
    valid = series.is_not_null().to_numpy() if series.null_count() else np.ones(0, np.bool_)
    words = np.frombuffer(views, np.uint32, count=4 * n, offset=16 * array.offset)
    _fill(words, bases, views.address + 16 * array.offset - low, valid, spans)
    return np.asarray(_Memory(low, max(a + size for a, size in lie) - low, array)), sealed(spans)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _fill(words: Any, bases: Any, at: Any, valid: Any, spans: Any) -> None:
    """The spans of n views, four words each, that begin at byte `at`; `valid` is empty where no string is null."""
    for r in range(spans.shape[0]):
        if valid.size and not valid[r]:
            continue
        size = np.int64(words[4 * r])
        start = at + 16 * r + 4 if size <= WITHIN else bases[words[4 * r + 2]] + np.int64(words[4 * r + 3])
        spans[r, 0], spans[r, 1] = start, start + size


def sealed(array: NDArray[Any]) -> NDArray[Any]:
    """The array, read-only whatever made it: kernels are compiled for one kind of argument."""
    array.flags.writeable = False
    return array


def from_buffers(
    name: str, data: NDArray[np.uint8], off: NDArray[np.int64], null: pl.Series | None = None
) -> pl.Series:
    """A string series from UTF-8 bytes and n + 1 offsets; rows where `null` is true become null."""
    array = pa.LargeStringArray.from_buffers(len(off) - 1, pa.py_buffer(off), pa.py_buffer(data))
    out = pl.Series(name, pl.from_arrow(array), dtype=pl.String)
    if null is None or not null.any():
        return out
    return pl.select(pl.when(~null).then(out)).to_series().alias(name)


def listed(values: pl.Series, counts: NDArray[np.int64]) -> pl.Series:
    """`values` as lists of `counts` each; strings stay as they are, which is what the newest level is for."""
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    array = values.to_arrow(compat_level=pl.CompatLevel.newest())
    out = pl.from_arrow(pa.LargeListArray.from_arrays(pa.array(offsets), array))
    assert isinstance(out, pl.Series)
    return out
