"""Compact signatures of text: UTF-8 decoding, folding and sampled 4-gram hashes, fused in one pass.

A text is folded to letters and digits (full width to half width, upper to lower case, one code unit a character) and
every run of four becomes a hash. A hash is kept when its high bits are zero: the *rate* (number of bits) grows with
the length, so that about a hundred hashes stand for any text. Two texts of different rates are compared at the
coarser one, since the hashes of a coarse rate are the smallest ones of every finer rate.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from numba import njit

from gangwei.kernels.hashing import string_buffers
from gangwei.schema import SECTION_KINDS

GRAM = 4
FULL = 128
MAX_RATE = 8
CAP = 256
MAX_BYTES = 200_000
BUCKET_BITS = 7
LEFT_OUT = {"blurb": 2**31 - 1, "contact": 200, "tags": 2**31 - 1}  # longest span of each kind that is left out
_LONGEST = np.array([LEFT_OUT.get(k, -1) for k in SECTION_KINDS])


@cache
def fold_table() -> npt.NDArray[np.uint16]:
    """Code unit (BMP) to folded code unit; 0 = dropped (space, punctuation, symbols). + and # stay (C++, C#)."""
    table = np.zeros(65536, np.uint16)
    for c in range(1, 65536):
        if 0xD800 <= c < 0xE000:
            continue
        folded = unicodedata.normalize("NFKC", chr(c)).lower()
        ch = folded if len(folded) == 1 else chr(c)
        if (unicodedata.category(ch)[0] in "LN" or ch in "+#") and ord(ch) < 65536:
            table[c] = ord(ch)
    return table


@njit(forceinline=True)  # type: ignore[untyped-decorator]
def mix64(h: Any) -> Any:
    """A 64-bit scramble."""
    h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return h ^ (h >> np.uint64(31))


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _place_sorted(grams: Any, m: Any, shift: Any, bucket: Any, out: Any, pos: Any) -> Any:
    """Write the m evenly spread hashes sorted and distinct to out[pos:], at most CAP of them; returns how many."""
    bucket[:] = 0
    for x in range(m):
        bucket[(grams[x] >> np.uint32(shift)) + 1] += 1
    for b in range(1, bucket.size):
        bucket[b] += bucket[b - 1]
    size = min(m, CAP)
    for x in range(m):
        g = grams[x]
        at = bucket[g >> np.uint32(shift)]
        bucket[g >> np.uint32(shift)] += 1
        if at < size:
            out[pos + at] = g
    for x in range(1, size):
        g = out[pos + x]
        y = x - 1
        while y >= 0 and out[pos + y] > g:
            out[pos + y + 1] = out[pos + y]
            y -= 1
        out[pos + y + 1] = g
    kept = 0
    for x in range(size):
        g = out[pos + x]
        if kept == 0 or out[pos + kept - 1] != g:
            out[pos + kept] = g
            kept += 1
    return kept


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _sample(
    off: Any, data: Any, drops: Any, starts: Any, ends: Any, table: Any, out: Any, ptr: Any, rate: Any, whole: Any
) -> Any:
    n = off.size - 1
    longest = 0
    for r in range(n):
        longest = max(longest, min(off[r + 1] - off[r], MAX_BYTES))
    units = np.empty(longest + 4, np.uint16)
    grams = np.empty(longest + 4, np.uint32)
    bucket = np.empty((1 << BUCKET_BITS) + 1, np.int32)
    pos = np.int64(0)  # a literal would compile the callee once more
    for r in range(n):
        i, end = off[r], off[r + 1]
        if end - i > MAX_BYTES:
            end = i + MAX_BYTES
        d, d_end = drops[r], drops[r + 1]
        size = 0
        at = 0
        while i < end:  # stretches that are kept or dropped as a whole
            while d < d_end and at >= ends[d]:
                d += 1
            keep = d >= d_end or at < starts[d]
            until = at + (end - i) if d >= d_end else (starts[d] if keep else ends[d])
            while not keep and i < end and at < until:
                c = data[i]
                i += 1 + (c >= 0xC0) + (c >= 0xE0) + (c >= 0xF0)
                at += 1
            while keep and i < end and at < until:
                c = data[i]
                if c < 0x80:
                    cp = np.uint32(c)
                    i += 1
                elif c < 0xE0:
                    cp = (np.uint32(c & 0x1F) << np.uint32(6)) | np.uint32(data[i + 1] & 0x3F)
                    i += 2
                elif c < 0xF0:
                    cp = (
                        (np.uint32(c & 0x0F) << np.uint32(12))
                        | (np.uint32(data[i + 1] & 0x3F) << np.uint32(6))
                        | np.uint32(data[i + 2] & 0x3F)
                    )
                    i += 3
                else:
                    cp = np.uint32(0)
                    i += 4
                at += 1
                v = table[cp]
                units[size] = v
                size += v != 0
        total = size - GRAM + 1
        ptr[r + 1] = pos
        rate[r] = 0
        if total <= 0:
            continue
        bits = np.int64(0)
        while (total >> bits) > FULL and bits < MAX_RATE:
            bits += 1
        limit = np.uint64(1) << np.uint64(32 - bits)
        w = np.uint64(0)
        whole_text = np.uint64(size)
        m: Any = np.int64(0)
        for x in range(size):
            w = (w << np.uint64(16)) | np.uint64(units[x])
            if x >= GRAM - 1:
                h = w * np.uint64(0x9E3779B97F4A7C15)
                h ^= h >> np.uint64(32)
                h *= np.uint64(0xD6E8FEB86659FD93)
                whole_text += h * np.uint64(2 * x + 1)
                g = np.uint32(h >> np.uint64(32))
                grams[m] = g
                m += np.int64(np.uint64(g) < limit)
        kept = _place_sorted(grams, m, 32 - bits - BUCKET_BITS, bucket, out, pos)
        pos += kept
        rate[r] = bits
        whole[r] = mix64(whole_text) | np.uint64(1)
        ptr[r + 1] = pos
    return pos


Sampled = tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64], npt.NDArray[np.uint8], npt.NDArray[np.uint64]]


def left_out(
    kinds: npt.NDArray[np.int8], starts: npt.NDArray[np.int32], ends: npt.NDArray[np.int32], off: npt.NDArray[np.int32]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The sections (kinds as positions in SECTION_KINDS) that are not compared: row pointers, starts and ends."""
    out = ends - starts <= _LONGEST[kinds]
    before = np.zeros(out.size + 1, np.int64)
    np.cumsum(out, out=before[1:])
    return before[off], starts[out].astype(np.int64), ends[out].astype(np.int64)


def sample_grams(
    text: pl.Series, drops: npt.NDArray[np.int64], starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]
) -> Sampled:
    """`sample_buffers` of a string series."""
    return sample_buffers(*string_buffers(text), drops, starts, ends)


def sample_buffers(
    data: npt.NDArray[np.uint8],
    off: npt.NDArray[np.int64],
    drops: npt.NDArray[np.int64],
    starts: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
) -> Sampled:
    """Sampled 4-gram hashes of each text outside the dropped spans.

    Args:
        data, off: UTF-8 bytes and n + 1 offsets; at most the first 200,000 bytes of each text are read.
        drops: row pointers into the spans, shape (n + 1,).
        starts: first character of each dropped span, in order within a row.
        ends: character after the last of each dropped span.

    Returns:
        Flat hashes, sorted and distinct within a row; row pointers (n + 1); rate of each row in bits; hash of
        the whole folded text (0 = shorter than a 4-gram).
    """
    n = off.size - 1
    out = np.empty(n * CAP + 8, np.uint32)
    ptr, rate = np.zeros(n + 1, np.int64), np.zeros(n, np.uint8)
    whole = np.zeros(n, np.uint64)
    size = _sample(off, data, drops, starts, ends, fold_table(), out, ptr, rate, whole)
    return out[:size].copy(), ptr, rate, whole
