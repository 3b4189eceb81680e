"""Hashed character n-grams of a title, a text, and the phrases of a text that hold an AI term, and where they lie among the
features of an ad: behind those that `evidence` makes.

The n-grams of the whole text tell what job it is; those of the phrases tell what is to be done with AI (build, know, wish
for, sell).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from gangwei.kernels.ai import evidence
from gangwei.kernels.ai import hits as h
from gangwei.kernels.lean import lean

TITLE_BITS = 13
TEXT_BITS = 15
NEAR_BITS = 14
AT_TITLE = evidence.AT_END
AT_TEXT = AT_TITLE + (1 << TITLE_BITS)
AT_NEAR = AT_TEXT + (1 << TEXT_BITS)
WIDTH = AT_NEAR + (1 << NEAR_BITS)
COMMA = 44
DAMPED = 64
SHORT, LEAST_SAID = 16, 4


@njit(nogil=True, forceinline=True)
def gram_hash(h, c):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Next state of the rolling hash of an n-gram."""
    h = (h ^ np.uint64(c)) * np.uint64(0x9E3779B97F4A7C15)
    return h ^ (h >> np.uint64(29))


@njit(nogil=True, cache=True)
def damped_counts():  # type: ignore[no-untyped-def]  # pragma: no cover
    """1 + log count of the counts below DAMPED (0 for none)."""
    count = np.arange(DAMPED).astype(np.float32)
    out = np.zeros(DAMPED, np.float64)
    for i in range(1, DAMPED):
        out[i] = 1 + np.log(count[i])
    return out


@lean
def grams(chars, n, low, high, bits, base, scale, damped, hashes, stamp, mark, idx, val, p):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Append the hashed n-grams low..high of chars[:n], digits alike, 1 + log count, unit length times `scale`; return the new p.

    `damped` comes from `damped_counts`; `hashes` is scratch of (high + 1) n numbers. `stamp` holds for each bucket `mark`
    plus the place in idx where it was last put; a caller raises `mark` past all places of earlier calls, so nothing is
    cleared. Hashes come first and without a branch: they take the most time.
    """
    start = p
    state = hashes[:n]
    state[:] = 0
    for k in range(high):
        ahead = chars[k:n]
        for i in range(ahead.size):
            c = ahead[i]
            state[i] = gram_hash(state[i], 48 if 48 <= c <= 57 else c)
        if k + 1 >= low:
            bucket = hashes[(k + 1) * n : (k + 2) * n]
            for i in range(ahead.size):
                bucket[i] = (state[i] * np.uint64(0xD6E8FEB86659FD93)) >> np.uint64(64 - bits)
    for i in range(n):
        for k in range(low - 1, min(high, n - i)):
            f = hashes[np.uint64((k + 1) * n + i)]
            seen = stamp[f] - mark
            if seen >= start:
                val[np.uint64(seen)] += 1
            else:
                stamp[f] = mark + p
                idx[np.uint64(p)] = base + np.int64(f)
                val[np.uint64(p)] = 1
                p += 1
    if p > start:
        norm = 0.0
        for j in range(start, p):
            v = damped[np.uint64(val[j])] if val[j] < DAMPED else 1 + np.log(val[j])
            val[j] = v
            norm += v * v
        norm = scale / np.sqrt(norm)
        for j in range(start, p):
            val[j] *= norm
    return p


@lean
def told(chars, n):  # type: ignore[no-untyped-def]  # pragma: no cover
    """n, or 0 where chars[:n] are fewer than LEAST_SAID letters and digits beside signs and emoji: such a text says nothing."""
    if n >= SHORT:
        return n
    said = 0
    for i in range(n):
        c = chars[i]
        if 48 <= c <= 57 or 97 <= c <= 122 or 0xC0 <= c < 0x2000 or 0x3040 <= c < 0xFFFD:
            said += 1
    return n if said >= LEAST_SAID else 0


@lean
def phrases(chars, n, pos, ends, hits, a, b, layer, out):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Copy the phrases (between commas and clause ends) of chars[:n] that hold an AI term to `out`; return the length.

    hits[a:b] are the matches of the text; those in the employer's story, in tags or without a tier do not count.
    """
    size = 0
    done = 0
    for j in range(a, b):
        if (
            layer[hits[j, h.TERM]] != h.AI
            or not 0 <= hits[j, h.COUNTED] <= evidence.LAST_BARE
            or h.IN_BLURB <= hits[j, h.LOCATION] <= h.IN_TAGS
        ):
            continue
        i = np.searchsorted(pos[:n], hits[j, h.START])
        if i < done:
            continue
        clause = hits[j, h.CLAUSE]
        low = ends[clause - 1] if clause else 0
        start = i
        while start > low and chars[start - 1] != COMMA:
            start -= 1
        end = i
        while end < ends[clause] and chars[end] != COMMA:
            end += 1
        for k in range(max(start, done), end):
            out[size] = chars[k]
            size += 1
        out[size] = COMMA
        size += 1
        done = end
    return size
