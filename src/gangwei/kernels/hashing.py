"""64-bit hashes of strings and rows: stable across machines, versions, threads and batch cuts.

The hash of a string is a function of its UTF-8 bytes alone: eight bytes at a time, little-endian, multiply and
xor-shift, finished with the splitmix64 finaliser (Steele, Lea and Flood 2014, doi:10.1145/2660193.2660195). It is not
cryptographic. Two of n distinct strings collide with probability about n^2 / 2^65 (3e-6 for ten million).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
from numba import njit
from numpy.typing import NDArray

from gangwei.kernels.strings import string_spans

U64 = np.uint64
NULL_HASH = U64(0x6E756C6C6E756C6C)
_K = U64(0x9DDFEA08EB382D69)
_GOLD = U64(0x9E3779B97F4A7C15)


@njit(forceinline=True)  # type: ignore[untyped-decorator]
def finish(h: np.uint64) -> np.uint64:
    """The splitmix64 finaliser."""
    h ^= h >> U64(30)
    h *= U64(0xBF58476D1CE4E5B9)
    h ^= h >> U64(27)
    h *= U64(0x94D049BB133111EB)
    return h ^ (h >> U64(31))


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def hash_bytes(data: NDArray[np.uint8], start: int, end: int) -> np.uint64:
    """Hash of data[start:end]. Indexes are unsigned, so that no negative one is looked for and eight bytes are one load."""
    h = U64(end - start) * _GOLD + U64(1)
    i, stop = U64(start), U64(end)
    while i + U64(8) <= stop:
        w = (
            U64(data[i])
            | (U64(data[i + U64(1)]) << U64(8))
            | (U64(data[i + U64(2)]) << U64(16))
            | (U64(data[i + U64(3)]) << U64(24))
            | (U64(data[i + U64(4)]) << U64(32))
            | (U64(data[i + U64(5)]) << U64(40))
            | (U64(data[i + U64(6)]) << U64(48))
            | (U64(data[i + U64(7)]) << U64(56))
        )
        h = (h ^ w) * _K
        h ^= h >> U64(29)
        i += U64(8)
    w = U64(0)
    shift = U64(0)
    while i < stop:
        w |= U64(data[i]) << shift
        shift += U64(8)
        i += U64(1)
    return finish((h ^ w) * _K)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _hash_rows(data: NDArray[np.uint8], span: NDArray[np.int64]) -> NDArray[np.uint64]:
    out = np.empty(len(span), np.uint64)
    for r in range(len(span)):
        out[r] = hash_bytes(data, span[r, 0], span[r, 1])
    return out


def hash_strings(series: pl.Series) -> NDArray[np.uint64]:
    """One 64-bit hash a row; every null has the same hash, which differs from that of the empty string."""
    out: NDArray[np.uint64] = _hash_rows(*string_spans(series))
    if series.null_count():
        out[series.is_null().to_numpy()] = NULL_HASH
    return out


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _hash_addresses(data: NDArray[np.uint8], span: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Hash of what names one ad in each address of the web: its path where that has four digits in a row, else path and the first
    value of the query with three; 0 where neither stands there."""
    out = np.zeros(len(span), np.uint64)
    for r in range(out.size):
        start, end = span[r, 0], span[r, 1]
        plain = True
        for i in range(start, span[r, 1]):
            if data[i] == 10:
                plain = False
            elif (data[i] == 63 or data[i] == 35) and i < end:
                end = i
        if not plain:
            continue
        scheme = b"https://"
        skip, i = 0, 0  # bytes of a scheme: http:// or https://
        while i < 8 and start + i < end and data[start + i] == scheme[i]:
            i += 1
        if i == 8:
            skip = 8
        elif i == 4 and start + 7 <= end and data[start + 4] == 58 and data[start + 5] == 47 and data[start + 6] == 47:
            skip = 7
        begin, digits, slash = start + skip, 0, False
        for i in range(begin, end):
            slash = slash or data[i] == 47
            digits = digits + 1 if slash and 48 <= data[i] <= 57 else 0
            if digits == 4:
                break
        if digits == 4:
            out[r] = hash_bytes(data, begin, end)
            continue
        i = end
        while slash and i < span[r, 1]:
            i += 1
            if data[i - 1] != 61:
                continue
            value, digits, most = i, 0, 0
            while i < span[r, 1] and (
                48 <= data[i] <= 57 or 65 <= data[i] <= 90 or 97 <= data[i] <= 122 or data[i] == 45 or data[i] == 95
            ):
                digits = digits + 1 if data[i] <= 57 and data[i] != 45 else 0
                most = max(most, digits)
                i += 1
            if most >= 3:
                out[r] = finish(hash_bytes(data, begin, end) ^ hash_bytes(data, value, i))
                break
    return out


def hash_addresses(series: pl.Series) -> NDArray[np.uint64]:
    """One hash of what names an ad in its web address; 0 where nothing does.

    That is the path, without the scheme, if it carries a number of four digits; else the path and the first value of the
    query with three digits. Other parts of a query are traces of a visit.
    """
    out: NDArray[np.uint64] = _hash_addresses(*string_spans(series))
    return out


def mix(a: NDArray[np.uint64], b: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """An order-dependent combination of two hash arrays: mix(a, b) differs from mix(b, a)."""
    out: NDArray[np.uint64] = _mix(_read_only(a), _read_only(b))
    return out


def _read_only(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """One kind of array for the compiler, whether the values come from numpy or Arrow."""
    view = np.ascontiguousarray(values, np.uint64).view()
    view.flags.writeable = False
    return view


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _mix(a: NDArray[np.uint64], b: NDArray[np.uint64]) -> NDArray[np.uint64]:
    out = np.empty(a.size, np.uint64)
    for i in range(a.size):
        out[i] = finish((a[i] + _GOLD) * _K ^ (b[i] + (a[i] << U64(6)) + (a[i] >> U64(2))))
    return out


def hash_rows(frame: pl.DataFrame, known: Mapping[str, NDArray[np.uint64]] | None = None) -> NDArray[np.uint64]:
    """One 64-bit hash a row over all columns of the frame in their order; values are compared as strings.

    `known`: `hash_strings` of columns that were hashed before.
    """
    known = known or {}
    out = np.zeros(frame.height, np.uint64)
    for column in frame:
        if column.null_count() == frame.height:
            out = mix(out, np.full(frame.height, NULL_HASH, np.uint64))
            continue
        hashes = known.get(column.name)
        if hashes is None:
            hashes = hash_strings(column if column.dtype == pl.String() else column.cast(pl.String))
        out = mix(out, hashes)
    return out
