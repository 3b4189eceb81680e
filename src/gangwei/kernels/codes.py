"""Rows of columns kept as codes: which rows pass, and what a code stands for. Each kernel is one pass without a branch on values."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[Any]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def said(codes: Array, values: Array) -> Array:
    """`values[codes]`: what each row's code stands for."""
    out = np.empty(len(codes), values.dtype)
    for i in range(len(codes)):
        out[i] = values[codes[i]]
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def said_by(codes: Array, rows: Array, values: Array) -> Array:
    """`values[codes[rows]]`."""
    out = np.empty(len(rows), values.dtype)
    for i in range(len(rows)):
        out[i] = values[codes[rows[i]]]
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def narrow(passes: Array, codes: Array, allowed: Array) -> None:
    """Keep of `passes` the rows whose code is allowed."""
    for i in range(len(codes)):
        passes[i] &= allowed[codes[i]]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def crossed(first: Array, second: Array, size: int) -> Array:
    """One int32 code of two: `first * size + second`, `size` the number of codes of the second."""
    out = np.empty(len(first), np.int32)
    for i in range(len(first)):
        out[i] = np.int32(first[i]) * np.int32(size) + np.int32(second[i])
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def passing(passes: Array) -> Array:
    """Numbers of the rows that pass, int32."""
    n = 0
    for i in range(len(passes)):
        n += passes[i]
    out = np.empty(n, np.int32)
    n = 0
    for i in range(len(passes)):
        if passes[i]:
            out[n] = i
            n += 1
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def spread(start: Array, stop: Array, values: Array) -> tuple[Array, Array]:
    """(row, value) for each value of each row, int32: those of row i are `values[start[i]:stop[i]]`."""
    n = 0
    for i in range(len(start)):
        n += stop[i] - start[i]
    rows, out = np.empty(n, np.int32), np.empty(n, np.int32)
    n = 0
    for i in range(len(start)):
        for k in range(start[i], stop[i]):
            rows[n], out[n] = i, values[k]
            n += 1
    return rows, out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def mark_rows(out: Array, held: Array, places: Array, numbers: Array) -> None:
    """Set `out` to 1 where `numbers` (those that are equal follow each other) is one of `held`.

    `places` says where the first row of a number stands, -1 for none; larger numbers have none.
    """
    for h in held:
        at = places[h] if h < len(places) else -1
        while 0 <= at < len(numbers) and numbers[at] == h:
            out[at] = 1
            at += 1


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def together(
    start: Array, stop: Array, values: Array, employer: Array, size: int
) -> tuple[Array, Array, Array, Array, float, int]:
    """(rows, employers) that hold both of two values, int32 (size, size) at [lesser, greater]; [v, v] is of one value alone.

    Then, float64: the sums over employers of the squares of those rows, and of their products with all rows of the employer;
    last the sum of the squares of all rows of an employer, and the employers.

    The values of row i are `values[start[i]:stop[i]]`, ascending; rows of one employer follow each other.
    """
    rows, employers = np.zeros((size, size), np.int32), np.zeros((size, size), np.int32)
    squares, products = np.zeros((size, size)), np.zeros((size, size))
    held = np.zeros((size, size), np.int64)
    last = np.full((size, size), -1, np.int64)
    run, total, of, clusters = 0, 0, 0.0, 0
    for i in range(len(start)):
        if i == 0 or employer[i] != employer[i - 1]:
            run, total = i, 1
            while i + total < len(start) and employer[i + total] == employer[i]:
                total += 1
            of += float(total) * total
            clusters += 1
        for x in range(start[i], stop[i]):
            for y in range(x, stop[i]):
                a, b = values[x], values[y]
                if last[a, b] != run:
                    employers[a, b] += 1
                    last[a, b] = run
                    held[a, b] = 0
                rows[a, b] += 1
                squares[a, b] += 2 * held[a, b] + 1
                products[a, b] += total
                held[a, b] += 1
    return rows, employers, squares, products, of, clusters


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def marked(start: Array, stop: Array, values: Array, size: int) -> Array:
    """The distinct ones of `values[start[i]:stop[i]]` for all i, ascending, int32; all are under `size`."""
    there = np.zeros(size, np.bool_)
    for i in range(len(start)):
        for k in range(start[i], stop[i]):
            there[values[k]] = True
    out: Array = passing(there)
    return out
