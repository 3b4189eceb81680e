"""Sums by group over employers in one pass over rows that stand sorted by employer."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[Any]
N, M, NN, NM, MM, N_ALL_N, N_ALL_M, M_ALL_N, M_ALL_M, ROWS_HIT, ROWS, EMPLOYERS, ALONE = range(13)
FIELDS = 13


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _close(
    out: Array, touched: Array, t: int, n: Array, m: Array, h: Array, r: Array, all_n: float, all_m: float, all_r: int
) -> None:  # fmt: skip
    """Add the sums of one employer to those of the groups it stands in, and clear them."""
    for k in range(t):
        g = touched[k]
        row = out[g]
        row[N] += n[g]
        row[M] += m[g]
        row[NN] += n[g] * n[g]
        row[NM] += n[g] * m[g]
        row[MM] += m[g] * m[g]
        row[N_ALL_N] += n[g] * all_n
        row[N_ALL_M] += n[g] * all_m
        row[M_ALL_N] += m[g] * all_n
        row[M_ALL_M] += m[g] * all_m
        row[ROWS_HIT] += h[g]
        row[ROWS] += r[g]
        row[EMPLOYERS] += 1
        row[ALONE] += r[g] == all_r
        n[g] = m[g] = h[g] = r[g] = 0


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def group_sums(employer: Array, group: Array, hit: Array, weight: Array, groups: int) -> Array:
    """Sums over employers by group, (groups + 2, `FIELDS`): the last but one of rows without a group, the last of all rows.

    Args:
        employer: int32 numbers in order. group: int32, -1 none. hit: int8, 1 where the numerator takes a row's weight, empty
            for everywhere. weight: float64, empty for 1 each.

    Returns:
        n, m: sums of weights with and without a hit; nn, nm, mm: of their products over employers; n_all_n … m_all_m: of
        their products with those of the whole employer; rows with a hit, rows, employers, employers all of whose rows are
        in the group.
    """
    out = np.zeros((groups + 2, FIELDS))
    n, m = np.zeros(groups + 1), np.zeros(groups + 1)
    h, r = np.zeros(groups + 1, np.int64), np.zeros(groups + 1, np.int64)
    touched = np.empty(groups + 1, np.int64)
    one_n, one_m = np.zeros(1), np.zeros(1)
    one_h, one_r, first = np.zeros(1, np.int64), np.zeros(1, np.int64), np.zeros(1, np.int64)
    t, rows = 0, len(employer)
    weighed, split = len(weight) > 0, len(hit) > 0
    for i in range(rows):
        g = group[i] if group[i] >= 0 else groups
        if r[g] == 0:
            touched[t] = g
            t += 1
        r[g] += 1
        w = weight[i] if weighed else 1.0
        if split and hit[i] == 0:
            m[g] += w
        else:
            n[g] += w
            h[g] += 1
        if i + 1 == rows or employer[i + 1] != employer[i]:
            all_n, all_m, all_h, all_r = 0.0, 0.0, 0, 0
            for k in range(t):
                g = touched[k]
                all_n += n[g]
                all_m += m[g]
                all_h += h[g]
                all_r += r[g]
            one_n[0], one_m[0], one_h[0], one_r[0] = all_n, all_m, all_h, all_r
            _close(out, touched, t, n, m, h, r, all_n, all_m, all_r)
            _close(out[groups + 1 :], first, 1, one_n, one_m, one_h, one_r, all_n, all_m, all_r)
            t = 0
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def mask_sums(employer: Array, group: Array, hit: Array, weight: Array, groups: int) -> Array:
    """As `group_sums` for rows that stand in several groups: `group` is int64 with the bits of the groups of a row."""
    out = np.zeros((groups + 2, FIELDS))
    n, m = np.zeros(groups + 1), np.zeros(groups + 1)
    h, r = np.zeros(groups + 1, np.int64), np.zeros(groups + 1, np.int64)
    touched = np.empty(groups + 1, np.int64)
    one_n, one_m = np.zeros(1), np.zeros(1)
    one_h, one_r, first = np.zeros(1, np.int64), np.zeros(1, np.int64), np.zeros(1, np.int64)
    t, rows = 0, len(employer)
    for i in range(rows):
        w = weight[i] if len(weight) else 1.0
        is_hit = len(hit) == 0 or hit[i] != 0
        a = w if is_hit else 0.0
        one_n[0] += a
        one_m[0] += w - a
        one_h[0] += is_hit
        one_r[0] += 1
        bits, g = group[i], 0
        while bits:
            if bits & 1:
                if r[g] == 0:
                    touched[t] = g
                    t += 1
                n[g] += a
                m[g] += w - a
                h[g] += is_hit
                r[g] += 1
            bits >>= 1
            g += 1
        if i + 1 == rows or employer[i + 1] != employer[i]:
            all_n, all_m, all_r = one_n[0], one_m[0], one_r[0]
            _close(out, touched, t, n, m, h, r, all_n, all_m, all_r)
            _close(out[groups + 1 :], first, 1, one_n, one_m, one_h, one_r, all_n, all_m, all_r)
            t = 0
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def cells(employer: Array, group: Array, weight: Array, groups: int) -> tuple[Array, Array, Array, Array]:
    """Rows by (employer, group): the employer, the group, the sum of weights, the rows; in the order of employer and group.

    Args:
        employer: int32 numbers in order. group: number under `groups`, rows below 0 are left out. weight: float64, empty for 1 each.
    """
    n, k = np.zeros(groups), np.zeros(groups, np.int64)
    touched = np.empty(groups, np.int64)
    found, t = 0, 0
    rows = len(employer)
    out_e, out_g = np.empty(rows, np.int64), np.empty(rows, np.int64)
    out_n, out_k = np.empty(rows), np.empty(rows, np.int64)
    for i in range(rows):
        g = group[i]
        if g >= 0:
            if k[g] == 0:
                touched[t] = g
                t += 1
            n[g] += weight[i] if len(weight) else 1.0
            k[g] += 1
        if t and (i + 1 == rows or employer[i + 1] != employer[i]):
            for g in np.sort(touched[:t]):
                out_e[found], out_g[found], out_n[found], out_k[found] = employer[i], g, n[g], k[g]
                n[g], k[g] = 0.0, 0
                found += 1
            t = 0
    return out_e[:found], out_g[:found], out_n[:found], out_k[:found]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def histogram(group: Array, value: Array, weight: Array, groups: int, values: int) -> Array:
    """Weights by group and number of the value, (groups, values); rows in int32, weights in float64."""
    out = np.zeros((groups, values))
    for i in range(len(group)):
        out[group[i], value[i]] += weight[i]
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def up_to(group: Array, value: Array, last: Array) -> Array:
    """1 for the rows whose number of a value is at most `last` of their group, int8."""
    out = np.empty(len(group), np.int8)
    for i in range(len(group)):
        out[i] = value[i] <= last[group[i]]
    return out
