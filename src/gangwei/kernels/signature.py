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

from gangwei.kernels.lean import lean
from gangwei.kernels.strings import string_spans
from gangwei.schema import SECTION_KINDS

GRAM = 4
FULL = 128
MAX_RATE = 8
CAP = 256
MAX_BYTES = 200_000
BUCKET_BITS = 7
LEFT_OUT = {"blurb": 2**31 - 1, "contact": 200, "tags": 2**31 - 1}  # longest span of each kind that is left out
LONGEST = np.array([LEFT_OUT.get(k, -1) for k in SECTION_KINDS])  # the same by kind; -1 = never


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


@lean  # type: ignore[untyped-decorator]
def _place_sorted(grams: Any, m: Any, shift: Any, bucket: Any, out: Any, pos: Any) -> Any:
    """Write the m evenly spread hashes sorted and distinct to out[pos:], at most CAP of them; returns how many. Indexes are
    unsigned, so that no negative one is looked for."""
    one = np.uint64(1)
    for b in range(np.uint64(bucket.size)):
        bucket[b] = 0
    for x in range(m):
        bucket[(np.uint64(grams[x]) >> shift) + one] += one
    before = np.uint64(0)
    for b in range(one, np.uint64(bucket.size)):
        before += bucket[b]
        bucket[b] = before
    size = min(m, np.uint64(CAP))
    for x in range(m):
        g = grams[x]
        b = np.uint64(g) >> shift
        at = bucket[b]
        bucket[b] = at + one
        if at < size:
            out[pos + at] = g
    for x in range(one, size):
        g = out[pos + x]
        y = pos + x
        while y > pos and out[y - one] > g:
            out[y] = out[y - one]
            y -= one
        out[y] = g
    kept, last = np.uint64(size > 0), out[pos]
    for x in range(one, size):
        g = out[pos + x]
        out[pos + kept] = g
        kept += np.uint64(g != last)
        last = g
    return np.int64(kept)


@lean  # type: ignore[untyped-decorator]
def sketch(units: Any, size: Any, grams: Any, bucket: Any, out: Any, pos: Any) -> Any:
    """Sampled hashes of units[:size], folded and without zeros, sorted and distinct, to out[pos:]: how many they are (at most
    CAP), the rate in bits and the hash of all units; zeros where there is no 4-gram."""
    total = size - GRAM + 1
    bits = np.int64(0)
    if total <= 0:
        return np.int64(0), bits, np.uint64(0)
    while (total >> bits) > FULL and bits < MAX_RATE:
        bits += 1
    limit = np.uint64(1) << np.uint64(32 - bits)
    before = np.uint64(GRAM - 1)
    w = np.uint64(0)
    for x in range(before):
        w = (w << np.uint64(16)) | np.uint64(units[x])
    whole = np.uint64(size)
    m = np.uint64(0)
    for x in range(before, np.uint64(size)):
        w = (w << np.uint64(16)) | np.uint64(units[x])
        h = w * np.uint64(0x9E3779B97F4A7C15)
        h ^= h >> np.uint64(32)
        h *= np.uint64(0xD6E8FEB86659FD93)
        whole += h * (x + x + np.uint64(1))
        g = h >> np.uint64(32)
        grams[m] = g
        m += np.uint64(g < limit)
    kept = _place_sorted(grams, m, np.uint64(32 - bits - BUCKET_BITS), bucket, out, np.uint64(pos))
    return kept, bits, mix64(whole) | np.uint64(1)


@lean  # type: ignore[untyped-decorator]
def folded_outside(
    text: Any, size: Any, kinds: Any, starts: Any, ends: Any, first: Any, m: Any, longest: Any, table: Any, units: Any
) -> Any:
    """Fold the code points text[:size] outside the spans first..m that `longest` leaves out to `units`; how many are kept. The
    text may be lower-cased where it is NFKC: the letters of such a text fold like the small ones."""
    at, to = np.uint64(0), np.uint64(0)
    for j in range(first, m + 1):
        if j < m and ends[j] - starts[j] > longest[kinds[j]]:
            continue
        stop = np.uint64(min(starts[j], size) if j < m else size)
        while at < stop:
            c = text[at]
            v = table[c] if c < 0x10000 else np.uint16(0)
            units[to] = v
            to += np.uint64(v != 0)
            at += np.uint64(1)
        if j < m:
            at = np.uint64(ends[j])
    return np.int64(to)


@lean  # type: ignore[untyped-decorator]
def readable(data: Any, start: Any, end: Any, size: Any) -> Any:
    """How many of the `size` characters of data[start:end] begin in its first 200,000 bytes."""
    if end - start <= MAX_BYTES:
        return size
    n = np.int64(0)
    for i in range(start, start + MAX_BYTES):
        n += np.int64(data[i] & 0xC0 != 0x80)
    return n


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _sample(
    data: Any, span: Any, drops: Any, starts: Any, ends: Any, table: Any, out: Any, ptr: Any, rate: Any, whole: Any
) -> Any:
    """Sample the hashes of each row into `out`, `ptr`, `rate` and `whole` (see `sample_grams`); returns how many."""
    n = len(span)
    longest = 0
    for r in range(n):
        longest = max(longest, min(span[r, 1] - span[r, 0], MAX_BYTES))
    units = np.empty(longest + 4, np.uint16)
    grams = np.empty(longest + 4, np.uint32)
    bucket = np.empty((1 << BUCKET_BITS) + 1, np.uint64)
    pos = np.int64(0)  # a literal would compile the callee once more
    for r in range(n):
        i, end = span[r, 0], span[r, 1]
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
        kept, bits, whole[r] = sketch(units, size, grams, bucket, out, pos)
        pos += kept
        rate[r] = bits
        ptr[r + 1] = pos
    return pos


Sampled = tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64], npt.NDArray[np.uint8], npt.NDArray[np.uint64]]


def sample_grams(
    text: pl.Series, drops: npt.NDArray[np.int64], starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]
) -> Sampled:
    """Sampled 4-gram hashes of each text outside the dropped spans.

    Args:
        text: strings; at most the first 200,000 bytes of each are read.
        drops: row pointers into the spans, shape (n + 1,).
        starts: first character of each dropped span, in order within a row.
        ends: character after the last of each dropped span.

    Returns:
        Flat hashes, sorted and distinct within a row; row pointers (n + 1); rate of each row in bits; hash of
        the whole folded text (0 = shorter than a 4-gram).
    """
    out, ptr, rate, whole = room(len(text))
    size = _sample(*string_spans(text), drops, starts, ends, fold_table(), out, ptr, rate, whole)
    return out[:size].copy(), ptr, rate, whole


def room(rows: int) -> Sampled:
    """Arrays for what is sampled of so many texts."""
    ptr, rate = np.zeros(rows + 1, np.int64), np.zeros(rows, np.uint8)
    return np.empty(rows * CAP + 8, np.uint32), ptr, rate, np.zeros(rows, np.uint64)
