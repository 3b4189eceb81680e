"""Sums of rows of a table of weights, with one order of additions whatever the machine."""

from __future__ import annotations

import numpy as np

from gangwei.kernels.lean import lean

WIDE = 16  # lanes of a row of weights: one line of the cache


@lean
def add_rows(idx, val, a, b, weights, base, sums):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Add the rows idx[a:b] - base of `weights` (rows, WIDE), val[a:b] times, to sums[:WIDE] in this order.

    Four rows at a time, so that the sums are read and written a quarter as often.
    """
    i = np.uint64(a)
    end = np.uint64(b)
    one = np.uint64(1)
    while i + np.uint64(4) <= end:
        f = np.uint64(idx[i] - base)
        g = np.uint64(idx[i + one] - base)
        h = np.uint64(idx[i + np.uint64(2)] - base)
        q = np.uint64(idx[i + np.uint64(3)] - base)
        t, u, v, w = val[i], val[i + one], val[i + np.uint64(2)], val[i + np.uint64(3)]
        for k in range(WIDE):
            s = sums[k]
            s += t * weights[f, k]
            s += u * weights[g, k]
            s += v * weights[h, k]
            s += w * weights[q, k]
            sums[k] = s
        i += np.uint64(4)
    while i < end:
        f = np.uint64(idx[i] - base)
        for k in range(WIDE):
            sums[k] += val[i] * weights[f, k]
        i += one
