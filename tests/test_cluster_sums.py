"""Sums by group over employers against sums made without the kernel."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from gangwei.measures.medians import medians
from gangwei.measures.sums import Sum, tally

ROWS, GROUPS = 4000, 7


def _rows(seed: int, masked: bool) -> tuple[dict[str, np.ndarray], np.ndarray]:
    rng = np.random.default_rng(seed)
    got = {
        "emp_no": np.sort(rng.integers(-400, 300, ROWS)).astype(np.int32),
        "hit": rng.integers(0, 2, ROWS).astype(np.int8),
        "w": rng.integers(1, 5, ROWS).astype(np.float64),
    }
    return got, rng.integers(0, 1 << GROUPS, ROWS) if masked else rng.integers(-1, GROUPS, ROWS).astype(np.int32)


def _plain(got: dict[str, np.ndarray], kept: np.ndarray) -> tuple[float, ...]:
    """n, d, nn, nd, dd, n x all, rows with a hit, rows, employers of some rows, by data frames."""
    frame = pl.DataFrame(got).with_columns(n=pl.col("w") * pl.col("hit"), kept=pl.Series(kept))
    every = frame.group_by("emp_no").agg(t=pl.col("w").sum())
    part = frame.filter("kept").group_by("emp_no").agg(
        pl.col("n").sum(), d=pl.col("w").sum(), h=pl.col("hit").cast(pl.Int64).sum(), r=pl.len()
    ).join(every, on="emp_no")  # fmt: skip
    n, d = part["n"], part["d"]
    return tuple(float(x) for x in (n.sum(), d.sum(), n.dot(n), n.dot(d), d.dot(d), n.dot(part["t"]), part["h"].sum(), part["r"].sum(), part.height))  # fmt: skip


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("seed", [1, 2])
def test_sums_are_those_of_employers(seed: int, masked: bool) -> None:
    got, g = _rows(seed, masked)
    found = tally(got, g, [str(i) for i in range(GROUPS)], tuple(range(GROUPS)) if masked else ())
    groups = {str(i): (g >> i) & 1 == 1 if masked else g == i for i in range(GROUPS)}
    groups |= {} if masked else {"unknown": g == -1}
    assert set(found.groups) == set(groups)
    for id_, kept in [*groups.items(), (None, np.ones(ROWS, bool))]:
        s: Sum = found.whole if id_ is None else found.groups[id_]
        assert (s.n, s.d, s.nn, s.nd, s.dd, s.n_all, s.rows_n, s.rows, s.employers) == _plain(got, kept), id_


def test_no_rows_give_no_groups() -> None:
    nothing = {"emp_no": np.zeros(0, np.int32)}
    found = tally(nothing, np.zeros(0, np.int32), ["a"])
    assert found.groups == {} and found.whole.rows == 0


@pytest.mark.parametrize("groups", [3, 1500])
def test_medians_are_those_of_sorted_rows(groups: int) -> None:
    rng = np.random.default_rng(groups)
    got = {"emp_no": np.arange(9000, dtype=np.int32), "v": rng.integers(0, 50, 9000), "w": np.ones(9000)}
    g = rng.integers(-1, groups, 9000)
    values = np.cumsum(rng.integers(1, 9, 50)).astype(np.float64)
    found = medians(got, g, [str(i) for i in range(groups)], (), values)
    for i in range(groups):
        if (g == i).any():
            e, s = found[str(i)]
            assert e.value == np.median(values[got["v"][g == i]]) and e.low <= e.value <= e.high
            assert s.rows == (g == i).sum()
    masks = np.where(g >= 0, g % 4, 0)
    for id_, (e, _) in medians(got, masks, ["a", "b"], (0, 1), values).items():
        assert e.value == np.median(values[got["v"][(masks >> "ab".index(id_)) & 1 == 1]])
