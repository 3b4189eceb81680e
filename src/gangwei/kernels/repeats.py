"""Which rows say the same as an earlier row, byte for byte, without hashing whole texts.

A row is looked up by its lengths and a few bytes of each column, and compared in full with the rows found there. Rows that
share those bytes and differ elsewhere are compared a few times only: a repeat may then stay unnoticed, which costs time
and changes no answer.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from gangwei.kernels.strings import Texts

PROBES = 8
SAMPLES = 8


@njit(nogil=True, cache=True)
def _key(data, a, b, h):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Mix the length and some bytes of data[a:b] into h."""
    size = b - a
    h = (h ^ np.uint64(size)) * np.uint64(0x9E3779B97F4A7C15)
    step = max(np.int64(1), size // SAMPLES)
    i = a
    while i < b:
        h = ((h << np.uint64(9)) | (h >> np.uint64(55))) ^ (np.uint64(data[i]) * np.uint64(0xD6E8FEB86659FD93))
        i += step
    return h


@njit(nogil=True, cache=True)
def _same(data, a, b, size):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Whether two runs of bytes are equal; blocks of 64 without a branch inside."""
    i = 0
    while i + 64 <= size:
        left = data[a + i : a + i + 64]
        right = data[b + i : b + i + 64]
        differ = np.uint8(0)
        for j in range(64):
            differ |= left[j] ^ right[j]
        if differ:
            return False
        i += 64
    while i < size:
        if data[a + i] != data[b + i]:
            return False
        i += 1
    return True


@njit(nogil=True, cache=True)
def _first(columns):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """`first_rows` by a table of hashes with open addresses; equal hashes are compared byte by byte."""
    rows = len(columns[0][1])
    slots = 16
    while slots < 2 * rows:
        slots *= 2
    table = np.full(slots, -1, np.int64)
    keys = np.empty(rows, np.uint64)
    first = np.empty(rows, np.int64)
    for r in range(rows):
        h = np.uint64(0)
        for data, span in columns:
            h = _key(data, span[r, 0], span[r, 1], h)
        h ^= h >> np.uint64(29)
        keys[r] = h
        slot = np.int64((h * np.uint64(0x9E3779B97F4A7C15)) & np.uint64(slots - 1))
        first[r] = r
        tried = 0
        while table[slot] >= 0:
            q = table[slot]
            if keys[q] == h and tried < PROBES:
                tried += 1
                equal = True
                for data, span in columns:
                    size = span[r, 1] - span[r, 0]
                    if size != span[q, 1] - span[q, 0] or not _same(data, span[r, 0], span[q, 0], size):
                        equal = False
                        break
                if equal:
                    first[r] = q
                    break
            elif tried >= PROBES:
                break
            slot = (slot + 1) & (slots - 1)
        if first[r] == r and table[slot] < 0:
            table[slot] = r
    return first


def first_rows(*columns: Texts) -> NDArray[np.int64]:
    """For each row the first row with the same bytes in all columns, itself where there is none."""
    out: NDArray[np.int64] = _first(columns)
    return out
