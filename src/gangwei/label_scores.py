"""Figures of labels against what was said: design-weighted precision, recall and F1 with intervals, calibration, thresholds.

Every labelled ad stands for `weight` ads of the frame it was drawn from. Each figure is what is right over what is right or
wrong: in each stratum both have a Jeffreys interval on its effective number of labels, so that a stratum in which no label met an
error is not taken to hold none, and the ends are put together by the recovery of variances (Zou and Donner 2008; Donner and
Zou 2012). Copies of one text count as one label. `bench/label_coverage.py` tests what the intervals hold.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gangwei import intervals

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
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


@dataclass(frozen=True)
class Design:
    """How labelled ads were drawn, an entry for each ad: its `stratum`, and the `cluster` that copies of one text share."""

    stratum: NDArray[np.int64]
    cluster: NDArray[np.int64]

    def of(self, rows: Bools) -> Design:
        """The design of some of the ads."""
        return Design(self.stratum[rows], self.cluster[rows])


def score(group: str, value: str, truth: Bools, said: Bools, weight: Floats, design: Design) -> Score:
    """One line with its intervals."""
    p, r, f = figures(truth, said, weight)
    precision = _ends(truth & said, said & ~truth, said, weight, design)
    recall = _ends(truth & said, truth & ~said, ~said, weight, design)
    # F1 = 2 J / (1 + J), J = what is both true and said of what is either
    joint = _ends(truth & said, truth ^ said, np.ones_like(said), weight, design)
    f_low, f_high = (2 * j / (1 + j) for j in joint)
    plain = figures(truth, said, np.ones(len(truth)))[2]
    return Score(
        group, value, len(truth), int(truth.sum()), p, r, f, min(f_low, f), max(f_high, f), plain, *precision, *recall
    )


def _ends(right: Bools, wrong: Bools, may_be_wrong: Bools, weight: Floats, design: Design) -> tuple[float, float]:
    """95 % interval of the weight of `right` over that of `right` or `wrong`; (0, 1) where there is neither.

    A stratum with no ad among those that may be wrong is taken to hold none that is. No finite-population correction: weights
    do not tell whether a stratum was read to its end. Ads that stand for none tell nothing.
    """
    on = weight > 0
    right, wrong, may_be_wrong, weight, design = right[on], wrong[on], may_be_wrong[on], weight[on], design.of(on)
    if not (right | wrong).any():
        return 0.0, 1.0
    a = e = down_a = up_a = down_e = up_e = low_cross = high_cross = 0.0
    for s in np.unique(design.stratum):
        at = design.stratum == s
        size, w, copies = float(weight[at].sum()), weight[at], design.cluster[at]
        p, p_low, p_high = _share(right[at], w, copies)
        q, q_low, q_high = _share(wrong[at], w, copies) if may_be_wrong[at].any() else (0.0, 0.0, 0.0)
        # Two classes of one sample: the more of one, the fewer of the other.
        tied = -math.sqrt(p * q / ((1 - p) * (1 - q))) if p < 1 and q < 1 else 0.0
        a, e = a + size * p, e + size * q
        down_a, up_a = down_a + (size * (p - p_low)) ** 2, up_a + (size * (p_high - p)) ** 2
        down_e, up_e = down_e + (size * (q - q_low)) ** 2, up_e + (size * (q_high - q)) ** 2
        low_cross += tied * size * size * (p - p_low) * (q_high - q)
        high_cross += tied * size * size * (p_high - p) * (q - q_low)
    low, high = _odds(a, e, down_a, up_e, low_cross, -1), _odds(a, e, up_a, down_e, high_cross, 1)
    ends = tuple(1.0 if math.isinf(x) else x / (1 + x) for x in (low, high))
    if ends[1] - ends[0] < SAME:
        return intervals.wilson(a / (a + e), intervals.kish(weight[right | wrong]))
    return min(ends[0], a / (a + e)), max(ends[1], a / (a + e))


def _share(of: Bools, weight: Floats, cluster: NDArray[np.int64]) -> tuple[float, float, float]:
    """(share, low, high) of the weight of some ads of a stratum: Jeffreys on the number of labels that tell as much."""
    inside = np.unique(cluster, return_inverse=True)[1].reshape(-1)
    part, whole = np.bincount(inside, weight * of).astype(float), np.bincount(inside, weight).astype(float)
    p, n = float(part.sum() / whole.sum()), len(whole)
    spread = float(((part - p * whole) ** 2).sum()) / float(whole.sum()) ** 2 * n / max(n - 1, 1)
    n_eff = intervals.effective_n(p, spread, n, intervals.kish(whole))
    low, high = intervals.jeffreys(p, n_eff)
    return p, min(low, p), max(high, p)


def _odds(a: float, e: float, square_a: float, square_e: float, cross: float, side: int) -> float:
    """The end of a / e on one side (-1 low, 1 high), from the squared distances of the ends of a and of e.

    The odds x at which a - x e is as far from 0 as its own end: a root of (a - x e)^2 = square_a + x^2 square_e - 2 x cross.
    """
    lead, half, rest = e * e - square_e, a * e - cross, a * a - square_a
    root = math.sqrt(max(half * half - lead * rest, 0.0))
    if side < 0:
        return max(rest, 0.0) / (half + root) if half + root > 0 else math.inf if rest > 0 else 0.0
    return (half + root) / lead if lead > 0 else math.inf


def calibration_curve(truth: Bools, p: Floats, weight: Floats) -> list[dict[str, float]]:
    """Ten equal-width bins of the predicted probability: mean predicted and share observed, weighted, and ads; none whose ads all have weight 0."""
    out = []
    for i in range(10):
        rows = (p >= i / 10) & ((p < (i + 1) / 10) | (i == 9))
        if weight[rows].sum() > 0:
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
