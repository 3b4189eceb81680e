"""Shares with labels: stratified prediction-powered inference with power tuning (PPI++: Angelopoulos, Duchi and Zrnic 2023;
prediction-powered inference within strata: Fisch et al. 2024)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gangwei.intervals import Z95, Estimate, Floats, jeffreys, kish


@dataclass(frozen=True)
class Stratum:
    """One stratum of a labelled sample.

    Attributes:
        size: units in the population. predicted: the sum of the classifier's predictions over them (known exactly).
        labels, predictions: arrays over the labelled units: 0/1 (or what share of readers said yes), and the prediction, 0..1.
        weights: how many units of its frame each labelled one stands for; None: a simple random sample.
        borrowed: the labels come from elsewhere, so labelling more of them would not exhaust this stratum.
    """

    size: float
    predicted: float
    labels: Floats
    predictions: Floats
    weights: Floats | None = None
    borrowed: bool = False


def _stratum(s: Stratum, z: float) -> tuple[float, float, float, float]:
    """(estimate, low, high, variance) of the positive share of one stratum."""
    y, f = s.labels.astype(float), s.predictions.astype(float)
    w = np.ones(len(y)) if s.weights is None else s.weights.astype(float)
    n = kish(w)
    w = w / w.sum()
    lam = 0.0
    centred_f = f - w @ f
    if n > 2 and (spread := float(w @ centred_f**2)) > 0:
        lam = float(w @ (centred_f * (y - w @ y))) / spread * (n - 2) / n
        lam = min(max(lam, 0.0), 1.0)
    rest = y - lam * f
    mean = float(w @ rest)
    variance = float(w @ (rest - mean) ** 2)
    value = lam * s.predicted / s.size + mean if y.min() < y.max() else float(y[0])
    # Labels of this stratum exhaust it in the end; labels from elsewhere leave open how its own units fell out.
    left = 1 + n / s.size if s.borrowed else max(1 - len(y) / s.size, 0.0)
    if left == 0:
        return value, value, value, 0.0
    plain = float(w @ y)
    # Tuning by predictions shrinks the binomial variance of the labels by this factor, n grows by its inverse. Labels that
    # all agree have none to shrink (rounding of the weights would leave a trace of it).
    gain = min(variance / (plain * (1 - plain)), 1.0) if y.min() < y.max() else 1.0
    n_eff = n / max(gain * left, 1e-12)
    low, high = jeffreys(min(max(value, 0.0), 1.0), n_eff, z)
    return value, min(low, value), max(high, value), (variance / (n - 1) if n > 1 else 0.25) * left


@dataclass(frozen=True)
class Between:
    """A stratum without labels whose share is only known to lie between bounds; `value` is the classifier's guess."""

    size: float
    value: float
    low: float
    high: float


def stratum_share(s: Stratum | Between, z: float = Z95) -> tuple[float, float, float, float]:
    """(estimate, low, high, variance) of one stratum."""
    if isinstance(s, Between):
        return s.value, s.low, s.high, ((s.high - s.low) / (2 * z)) ** 2
    return _stratum(s, z)


def ppi_share(strata: Sequence[Stratum | Between], z: float = Z95) -> Estimate:
    """Share of true positives in a population from predictions on all and labels on a stratified sample.

    In each stratum: lambda * mean prediction + mean(label - lambda * prediction), lambda tuned to the least variance and
    shrunk when labels are few (PPI++ within strata; with predictions constant in a stratum this is the stratified mean of
    labels). Each stratum has a Jeffreys interval on its effective size, so that a stratum whose labels agree perfectly is not
    taken as known; the ends are combined by the square-and-add rule (Zou and Donner 2008). Bounds of strata without labels are no
    errors that cancel: they add up. Where a large stratum holds very
    few positives the interval is conservative: no label can tell few from none.
    """
    total = float(sum(s.size for s in strata))
    if total <= 0 or any(isinstance(s, Stratum) and len(s.labels) == 0 and s.size > 0 for s in strata):
        return Estimate(math.nan, math.nan, math.nan, 0.0, "none")
    value = below = above = variance = 0.0
    lowest = highest = 0.0
    for s in strata:
        if s.size == 0:
            continue
        w = s.size / total
        r, low, high, v = stratum_share(s, z)
        value += s.size * r
        if isinstance(s, Between):
            lowest, highest = lowest + w * (r - low), highest + w * (high - r)
            continue
        below += (w * (r - low)) ** 2
        above += (w * (high - r)) ** 2
        variance += w * w * v
    value = min(max(value / total, 0.0), 1.0)
    variance += ((lowest + highest) / (2 * z)) ** 2
    labelled = float(sum(len(s.labels) for s in strata if isinstance(s, Stratum)))
    n_eff = value * (1 - value) / variance if variance > 0 else labelled
    return Estimate(
        value,
        max(0.0, value - math.sqrt(below) - lowest),
        min(1.0, value + math.sqrt(above) + highest),
        n_eff,
        "ppi_stratified",
    )
