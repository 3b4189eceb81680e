"""Figures of labels against what was said: design-weighted precision, recall and F1 with intervals, calibration, thresholds.

Every labelled ad stands for `weight` ads of the frame it was drawn from. Intervals are percentile bootstraps: strata keep
their sizes and whole duplicate groups are drawn, so copies do not make an interval look tight; where no draw errs, Wilson's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gangwei import intervals

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
REPLICATES = 500
SEED = 20170720
SAME = 1e-9


@dataclass(frozen=True)
class Score:
    """One line of the table: figures are design-weighted, `f1_plain` counts each labelled ad once."""

    group: str
    value: str
    n: int
    positives: int
    precision: float
    recall: float
    f1: float
    f1_low: float
    f1_high: float
    f1_plain: float
    precision_low: float
    precision_high: float
    recall_low: float
    recall_high: float


def figures(truth: Bools, said: Bools, weight: Floats) -> tuple[float, float, float]:
    """(precision, recall, F1), weighted; 0 where undefined."""
    both = float(weight[truth & said].sum())
    t, s = float(weight[truth].sum()), float(weight[said].sum())
    return both / s if s else 0.0, both / t if t else 0.0, 2 * both / (t + s) if t + s else 0.0


def resamples(
    stratum: NDArray[np.int64], cluster: NDArray[np.int64], replicates: int = REPLICATES
) -> NDArray[np.int64]:
    """(replicates, ads) multiplicities: clusters drawn with replacement inside each stratum."""
    rng = np.random.default_rng(SEED)
    out = np.zeros((replicates, len(stratum)), np.int64)
    for s in np.unique(stratum):
        rows = np.flatnonzero(stratum == s)
        names, inside = np.unique(cluster[rows], return_inverse=True)
        drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=replicates)
        out[:, rows] = drawn[:, inside.reshape(-1)]
    return out


def score(group: str, value: str, truth: Bools, said: Bools, weight: Floats, draws: NDArray[np.int64]) -> Score:
    """One line with its bootstrap intervals."""
    p, r, f = figures(truth, said, weight)
    w = draws * weight
    both, true, told = w @ (truth & said), w @ truth, w @ said
    p_low, p_high = _middle(both, told, weight[said])
    r_low, r_high = _middle(both, true, weight[truth])
    # F1 = 2 J / (1 + J), J = what is both true and said of what is either
    f_low, f_high = (2 * j / (1 + j) for j in _middle(both, true + told - both, weight[truth | said]))
    plain = figures(truth, said, np.ones(len(truth)))[2]
    ends = (p_low, p_high, r_low, r_high)
    return Score(group, value, len(truth), int(truth.sum()), p, r, f, f_low, f_high, plain, *ends)


def _middle(part: Floats, whole: Floats, weight: Floats) -> tuple[float, float]:
    """The middle 95 % of part / whole over draws that have any; (0, 1) where none has.

    Where all draws agree (no error among few labels) Wilson's interval on the effective number of ads of the whole.
    """
    drawn = whole > 0
    if not drawn.any():
        return 0.0, 1.0
    low, high = (float(x) for x in np.percentile(part[drawn] / whole[drawn], [2.5, 97.5]))
    return intervals.wilson(low, intervals.kish(weight)) if high - low < SAME else (low, high)


def calibration_curve(truth: Bools, p: Floats, weight: Floats) -> list[dict[str, float]]:
    """Ten equal-width bins of the predicted probability: mean predicted, weighted share observed, ads."""
    out = []
    for i in range(10):
        rows = (p >= i / 10) & ((p < (i + 1) / 10) | (i == 9))
        if rows.any():
            mean, seen = np.average(p[rows], weights=weight[rows]), np.average(truth[rows], weights=weight[rows])
            out.append({"predicted": float(mean), "observed": float(seen), "n": float(rows.sum())})
    return out


def threshold_curve(truth: Bools, p: Floats, weight: Floats) -> list[dict[str, float]]:
    """Precision, recall and F1 of builder or adjacent when the probability is cut at 0.05, 0.10, ... 0.95."""
    curve = []
    for cut in np.arange(0.05, 1.0, 0.05):
        precision, recall, f = figures(truth, p >= cut, weight)
        curve.append({"cut": round(float(cut), 2), "precision": precision, "recall": recall, "f1": f})
    return curve
