"""Ids: 64-bit keys of ads, openings, spells and campaigns, and their 16-digit names."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from numba import njit

U64 = npt.NDArray[np.uint64]


def mix(values: U64, salt: int) -> U64:
    """A bijective scramble of 64-bit keys (splitmix64 finaliser); `salt` keeps families of ids apart."""
    h = values ^ np.uint64(salt * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF)
    h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    out: U64 = h ^ (h >> np.uint64(31))
    return out


def ad_keys(content: U64) -> U64:
    """Unique 64-bit keys of ads: the content hash mixed with the ordinal among identical rows, in canonical order.

    Args:
        content: content hashes of all ads, shape (n,).
    """
    order = np.argsort(content, kind="stable")
    ranked = content[order]
    fresh = np.ones(ranked.size, bool)
    fresh[1:] = ranked[1:] != ranked[:-1]
    position = np.arange(ranked.size)
    ordinal = position - np.maximum.accumulate(np.where(fresh, position, 0))
    keys = np.empty_like(content)
    keys[order] = mix(ranked + ordinal.astype(np.uint64) * np.uint64(0xD6E8FEB86659FD93), 1)
    return keys


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _digits(keys: Any, out: Any) -> None:
    for i in range(keys.size):
        k = keys[i]
        for x in range(16):
            d = np.uint8((k >> np.uint64(60 - 4 * x)) & np.uint64(15))
            out[16 * i + x] = d + np.uint8(48) if d < 10 else d + np.uint8(87)


def hex_names(keys: U64) -> pl.Series:
    """16 lower-case hexadecimal digits for each key, as a string series."""
    digits = np.empty(16 * keys.size, np.uint8)
    _digits(keys, digits)
    offsets = pa.py_buffer(np.arange(0, 16 * keys.size + 1, 16, dtype=np.int64))
    series = pl.from_arrow(pa.LargeStringArray.from_buffers(keys.size, offsets, pa.py_buffer(digits)))
    assert isinstance(series, pl.Series)
    return series
