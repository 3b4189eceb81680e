"""Keys under which openings of one city are looked up to be linked: made, thinned out and sorted."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from gangwei.kernels.lean import lean
from gangwei.kernels.match.judging import CITY, TEXT
from gangwei.kernels.signature import mix64

CROWD = 64
"""Rows of one key beyond which it is that of a template and links nothing."""


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def city_keys(rows: Any, F: Any, S: Any, ptr: Any, k: Any, short: Any, out: Any, who: Any) -> Any:
    """Keys under which a row is looked up: its text, its k smallest hashes and their neighbours, each with its city."""
    n = 0
    for x in range(rows.size):
        r = rows[x]
        if F[r, TEXT] == 0 or ptr[r + 1] - ptr[r] < short:
            continue
        city = mix64(np.uint64(F[r, CITY]))
        out[n] = mix64(np.uint64(F[r, TEXT]) ^ city)
        who[n] = x
        n += 1
        last = min(ptr[r] + k, ptr[r + 1])
        for i in range(ptr[r], last):
            out[n] = mix64(np.uint64(S[i]) ^ city)
            who[n] = x
            n += 1
            if i + 1 < last:
                out[n] = mix64((np.uint64(S[i]) << np.uint64(32)) ^ np.uint64(S[i + 1]) ^ city)
                who[n] = x
                n += 1
    return n


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def shared(keys: Any, who: Any, seen: Any) -> Any:
    """Keep, in place, the keys that may occur more than once (`seen`: zeros, a power of two long); returns how many."""
    mask = np.uint64(seen.size - 1)
    for i in range(keys.size):
        p = keys[i] & mask
        seen[p] = min(seen[p] + 1, 2)
    n = 0
    for i in range(keys.size):
        if seen[keys[i] & mask] > 1:
            keys[n], who[n] = keys[i], who[i]
            n += 1
    return n


@lean  # type: ignore[untyped-decorator]
def _crowd(keys: Any, start: Any, end: Any) -> Any:
    """The key of more than CROWD and of most of keys[start:end], or 0."""
    if end - start <= CROWD:
        return np.uint64(0)
    key, ahead = keys[start], 0
    for x in range(start, end):
        if ahead == 0:
            key = keys[x]
        ahead += 1 if keys[x] == key else -1
    n = 0
    for x in range(start, end):
        n += keys[x] == key
    return key if n > CROWD else np.uint64(0)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def by_key(keys: Any, who: Any) -> Any:
    """(keys, who) sorted by key, then `who`: by the leading bits of the keys, which are hashes, then inside each bucket.

    Most keys of more than CROWD rows, which link nothing, are left out unsorted.
    """
    n = keys.size
    bits = 1
    while 1 << bits < n // 2:
        bits += 1
    shift = np.uint64(64 - bits)
    ends = np.zeros((1 << bits) + 1, np.int64)
    for i in range(n):
        ends[(keys[i] >> shift) + np.uint64(1)] += 1
    for b in range(1, ends.size):
        ends[b] += ends[b - 1]
    out, out_who = np.empty(n, np.uint64), np.empty(n, np.int64)
    for i in range(n):
        b = keys[i] >> shift
        out[ends[b]], out_who[ends[b]] = keys[i], who[i]
        ends[b] += 1
    start = kept = 0
    for b in range(1 << bits):
        first, end = kept, ends[b]
        crowd = _crowd(out, start, end)
        for x in range(start, end):
            out[kept], out_who[kept] = out[x], out_who[x]
            kept += not crowd or out[x] != crowd
        start, end = first, kept
        gap = 1
        while gap < (end - start) // 8:
            gap = 3 * gap + 1
        while gap > 0:
            for x in range(start + gap, end):
                key, w, y = out[x], out_who[x], x - gap
                while y >= start and (out[y] > key or (out[y] == key and out_who[y] > w)):
                    out[y + gap], out_who[y + gap] = out[y], out_who[y]
                    y -= gap
                out[y + gap], out_who[y + gap] = key, w
            gap //= 3
        start = ends[b]
    return out[:kept], out_who[:kept]
