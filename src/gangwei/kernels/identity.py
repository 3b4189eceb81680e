"""Ids: 64-bit keys of ads, openings, spells and campaigns, and their 16-digit names."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

U64 = npt.NDArray[np.uint64]
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)


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


def hex_names(keys: U64) -> pl.Series:
    """16 lower-case hexadecimal digits for each key, as a string series."""
    big = keys.astype(">u8").view(np.uint8).reshape(-1, 8)
    digits = np.empty((keys.size, 16), np.uint8)
    digits[:, 0::2] = _HEX[big >> 4]
    digits[:, 1::2] = _HEX[big & 15]
    offsets = pa.py_buffer(np.arange(0, 16 * keys.size + 1, 16, dtype=np.int64))
    array = pa.LargeStringArray.from_buffers(keys.size, offsets, pa.py_buffer(np.ascontiguousarray(digits)))
    series = pl.from_arrow(array)
    assert isinstance(series, pl.Series)
    return series
