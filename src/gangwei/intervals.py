"""Intervals that respect how job ads come: many from one employer, classified by an imperfect reader, in small cells.

Shares use the Wilson interval on an effective sample size, whose design effect comes from employer totals (linearised
cluster variance of a ratio); ranks and concentration use a Poisson bootstrap over employers. Shares with labels:
`measures.ppi`. All numbers are deterministic for a given seed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse, special

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

Z95 = 1.959963984540054
REPLICATES = 400
SEED = 20170720
_BLOCK = 16_384


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval; `n_eff` is the size of a simple random sample that would be as informative."""

    value: float
    low: float
    high: float
    n_eff: float
    method: str
    z: float = Z95
    """The normal quantile, or Student's, that the ends were computed with."""


def wilson(p: float, n: float, z: float = Z95) -> tuple[float, float]:
    """Wilson score interval of a share `p` seen in `n` (effective) trials; (0, 1) when there is no trial."""
    if n <= 0:
        return 0.0, 1.0
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(max(p * (1 - p) / n + z * z / (4 * n * n), 0.0))
    return max(0.0, centre - half), min(1.0, centre + half)


def jeffreys(p: float, n: float, z: float = Z95) -> tuple[float, float]:
    """Jeffreys interval of a share `p` seen in `n` (effective) trials: its ends are 0 and 1 at p = 0 and 1."""
    if n <= 0:
        return 0.0, 1.0
    tail = float(special.ndtr(-z))
    low = float(special.betaincinv(p * n + 0.5, (1 - p) * n + 0.5, tail)) if p > 0 else 0.0
    high = float(special.betaincinv(p * n + 0.5, (1 - p) * n + 0.5, 1 - tail)) if p < 1 else 1.0
    return low, high


def effective_n(p: float, variance: float, n: float, kish: float) -> float:
    """n_eff = p (1 - p) / variance, at most `n`; the Kish number when the share is 0 or 1 or the variance vanishes."""
    if 0 < p < 1 and variance > 0:
        return min(n, p * (1 - p) / variance)
    return min(n, kish)


def _student(freedom: float) -> float:
    """Two-sided 95 % quantile of Student's t (Cornish-Fisher expansion; exact to 0.5 % from 3 degrees of freedom)."""
    if freedom < 3:
        return float(special.stdtrit(freedom, 0.975))
    z = Z95
    a = (z**3 + z) / 4
    b = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    c = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + a / freedom + b / freedom**2 + c / freedom**3


def kish_of(total: float, squares: float) -> float:
    """Employers of equal weight that sums over employers are worth: `total` squared over the sum of squares."""
    return total * total / squares if squares > 0 else 0.0


ALONE = 2.5
"""Employers of equal weight below which one of them holds most of a figure (about two thirds or more)."""

SEEN = 2.0
"""Employers added to those of a part (a city, the AI openings): what was seen of a small part tells little of its own spread."""


def reach(total: float, squares: float, unit: float, more: float = SEEN) -> float:
    """Two-sided 95 % quantile for a variance that rests on the sizes of the employers behind a sum over them.

    Student's t, as far as the spread comes from employers with more than one opening, of which few employers tell little. Degrees of freedom from the employers of
    equal weight: one less when few, a sixth when many, found by simulation (bench/interval_coverage.py).

    Args:
        total, squares: the sum over employers and that of its squares. unit: weight of one opening in these sums.
    """
    if total <= 0 or squares <= 0:
        return Z95
    employers = kish_of(total, squares) + more
    student = _student(max(employers / 6, min(employers - 1, 8.0), 2.0))
    spread = 1 - unit * total / squares + SEEN / math.sqrt(employers)
    return Z95 + min(max(spread, 0.0), 1.0) * (student - Z95)


def cluster_share(
    hits: float, total: float, hh: float, ht: float, tt: float, clusters: int, unit: float = 1.0
) -> Estimate:
    """A ratio of sums over employers, from integer sums made in SQL.

    An employer that holds most of the openings drags the share with it, so the spread about the share cannot show how far off
    it is: then as many openings are known as there are employers of equal weight.

    Args:
        hits, total: sums of numerator and denominator; `hh`, `ht`, `tt`: sums over employers of their squares and product.
        clusters: employers in the denominator. unit: weight of one opening in these sums.
    """
    if total <= 0:
        return Estimate(math.nan, math.nan, math.nan, 0.0, "none")
    p = hits / total
    correction = clusters / (clusters - 1) if clusters > 1 else 1.0
    variance = max(hh - 2 * p * ht + p * p * tt, 0.0) / (total * total) * correction
    employers = kish_of(total, tt)
    n = effective_n(p, variance, total / unit, employers)
    if employers < ALONE:
        n = min(n, employers)
    # The variance rests on the largest employers: of all, of the numerator, of what is outside it.
    z = max(reach(total, tt, unit, 0.0), reach(hits, hh, unit), reach(total - hits, tt - 2 * ht + hh, unit))
    low, high = wilson(p, n, z)
    return Estimate(p, min(low, p), max(high, p), n, "employer_wilson", z)


def cluster_count(total: float, tt: float, unit: float = 1.0) -> Estimate:
    """A count of openings when employers are drawn anew: total +- t * sqrt(sum of squares), on the log scale.

    One employer says nothing of how far its own number would move, none nothing of how many others might have: no interval.
    """
    if total <= 0:
        return Estimate(0.0, math.nan, math.nan, 0.0, "employer_count")
    if tt >= total * total * (1 - 1e-12):
        return Estimate(total / unit, math.nan, math.nan, 1.0, "employer_count")
    n_eff = kish_of(total, tt)
    z = reach(total, tt, unit)
    half = z * math.sqrt(tt) / total
    value = total / unit
    return Estimate(value, value * math.exp(-half), value * math.exp(half), n_eff, "employer_count", z)


@dataclass(frozen=True)
class Pair:
    """Two sums a and b of a group, and sums over employers of their squares and product."""

    a: float
    b: float
    aa: float
    ab: float
    bb: float

    @property
    def spread(self) -> float:
        """Variance of log(a / b) when employers are drawn anew."""
        return self.aa / self.a**2 - 2 * self.ab / (self.a * self.b) + self.bb / self.b**2


def quotient(part: Pair, whole: Pair, crossed: tuple[float, float, float, float], unit: float = 1.0) -> Estimate:
    """(a / b of a group) / (a / b of all), with a log-scale employer-cluster interval; NaN without an end where a or b is none.

    The group is part of the whole and moves with it: a quotient of all openings is 1 whatever is drawn.

    Args:
        crossed: sums over employers of the products a A, a B, b A, b B of the group (a, b) and the whole (A, B). unit: weight of
            one opening in these sums.
    """
    a, b = part.a, part.b
    n_eff = kish_of(a + b, part.aa + 2 * part.ab + part.bb)
    if not (a > 0 and b > 0):
        known = a <= 0 < b and whole.a > 0 and whole.b > 0
        return Estimate(0.0 if known else math.nan, math.nan, math.nan, n_eff, "employer_delta")
    value = a / b / (whole.a / whole.b)
    aa, ab, ba, bb = crossed
    z = max(
        reach(a, part.aa, unit), reach(whole.a - a, whole.aa - 2 * aa + part.aa, unit),
        reach(b, part.bb, unit), reach(whole.b - b, whole.bb - 2 * bb + part.bb, unit),
    )  # fmt: skip
    shared = aa / (a * whole.a) - ab / (a * whole.b) - ba / (b * whole.a) + bb / (b * whole.b)
    half = z * math.sqrt(max(part.spread + whole.spread - 2 * shared, 0.0))
    return Estimate(value, value * math.exp(-half), value * math.exp(half), n_eff, "employer_delta", z)


def poisson_weights(
    clusters: int, replicates: int = REPLICATES, seed: int = SEED
) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
    """Poisson(1) weights by blocks of clusters: yields (first cluster, array of shape (block, replicates)).

    Drawn by table from 16-bit integers: the chance of each count is exact to 1/65536.
    """
    steps = np.cumsum([math.exp(-1) / math.factorial(k) for k in range(12)])
    table = np.searchsorted(steps, (np.arange(65536) + 0.5) / 65536).astype(np.float32)
    rng = np.random.Generator(np.random.PCG64(seed))
    for start in range(0, clusters, _BLOCK):
        size = min(_BLOCK, clusters - start)
        yield start, table[rng.integers(0, 65536, size=(size, replicates), dtype=np.uint16)]


def bootstrap_totals(
    cluster: Ints, group: Ints, weight: Floats, groups: int, replicates: int = REPLICATES, seed: int = SEED
) -> Floats:
    """Totals by group of `replicates` Poisson bootstraps over clusters; shape (replicates, groups).

    Args:
        cluster, group, weight: parallel arrays, one entry for each (employer, group) cell; groups are 0..groups-1.
    """
    out = np.zeros((groups, replicates))
    if len(cluster) == 0:
        return out.T
    _, cluster_no, cells = np.unique(cluster, return_inverse=True, return_counts=True)
    # Clusters of one cell with the same group and weight move together: the sum of k Poisson(1) draws is one of Poisson(k).
    alone = cells[cluster_no] == 1
    sizes, size_no = np.unique(weight[alone], return_inverse=True)
    kind = group[alone] * len(sizes) + size_no
    counts = np.bincount(kind, minlength=1)
    rng = np.random.Generator(np.random.PCG64(seed + 1))
    for both in np.flatnonzero(counts > 1).tolist():
        out[both // len(sizes)] += sizes[both % len(sizes)] * rng.poisson(counts[both], replicates)
    left = ~alone
    left[alone] = counts[kind] == 1
    ids, cluster_no = np.unique(cluster[left], return_inverse=True)
    matrix = sparse.csr_matrix((weight[left], (cluster_no, group[left])), shape=(len(ids), groups), dtype=np.float64)
    for start, weights in poisson_weights(len(ids), replicates, seed):
        out += matrix[start : start + len(weights)].T @ weights
    return out.T


def unbiased(draws: Floats, value: float, z: float = Z95) -> tuple[float, float]:
    """95 % interval of a figure whose draws are biased, from 0 to 1, widened to hold `value`.

    A resampled population is more concentrated than the one it came from, as that is than the one it was drawn from: the
    draws show how far (the bias, their mean less `value`). Percentiles of the draws about their mean are put about `value` less
    the bias, and stretched to the quantile `z`. NaN draws are left out.
    """
    good = draws[~np.isnan(draws)]
    if len(good) == 0:
        return math.nan, math.nan
    mean = float(good.mean())
    low, high = (np.quantile(good, [0.025, 0.975]) - mean) * (z / Z95) + 2 * value - mean
    return max(0.0, min(float(low), value)), min(1.0, max(float(high), value))


def centred(draws: Floats, value: float) -> tuple[float, float]:
    """95 % interval of the concentration of employers, from 0 to 1: percentiles of draws shifted so that their median is `value`.

    An employer drawn twice is one of twice the size, so draws are more concentrated than a new sample of employers would be.
    NaN draws are left out.
    """
    good = draws[~np.isnan(draws)]
    if len(good) == 0:
        return math.nan, math.nan
    low, high = np.quantile(good, [0.025, 0.975]) - np.median(good) + value
    return max(0.0, float(low)), min(1.0, float(high))


def top_share(shares: Floats, k: int) -> Floats:
    """Share of the k largest groups in each row of shares."""
    k = min(k, shares.shape[1])
    return np.asarray(np.partition(shares, shares.shape[1] - k, axis=1)[:, shares.shape[1] - k :].sum(axis=1))


def top_interval(observed: Floats, draws: Floats, k: int) -> tuple[float, float]:
    """95 % interval of the share of the k largest groups, from 0 to 1, widened to hold the observed share.

    The k groups were chosen by the same data that measure them. The draws show by how much the share of a chosen set exceeds
    what the set has in the data it was drawn from (the optimism), and how much the share of the largest k grows by drawing.
    Low end: the percentile of the chosen set, less the optimism. High end: the percentile of that set, less the growth.

    Args:
        observed: shares by group. draws: shares in bootstrap draws, (replicates, groups).
    """
    k = min(k, draws.shape[1])
    if k == 0 or len(draws) == 0:
        return math.nan, math.nan
    chosen = np.argsort(-observed, kind="stable")[:k]
    value = float(observed[chosen].sum())
    largest = np.argpartition(-draws, k - 1, axis=1)[:, :k]
    top = np.take_along_axis(draws, largest, axis=1).sum(axis=1)
    optimism = float((top - observed[largest].sum(axis=1)).mean())
    low, high = np.quantile(draws[:, chosen].sum(axis=1), [0.025, 0.975])
    growth = float(top.mean()) - value
    return max(0.0, min(float(low) - optimism, value)), min(1.0, max(float(high) - growth, value))


def herfindahl(shares: Floats) -> Floats:
    """Herfindahl-Hirschman index (0..1) of each row of shares."""
    return np.asarray((shares * shares).sum(axis=1))


@dataclass(frozen=True)
class Ranks:
    """By group: rank (1 = largest), its 95 % interval and the probability of being among the k largest."""

    rank: Ints
    low: Ints
    high: Ints
    in_top: Floats


APART = 1.645
"""Standard errors between two groups from which the order of the two is taken as known: ranks then cover 95 % or more."""


def ranks(observed: Floats, draws: Floats, k: int) -> Ranks:
    """Ranks of groups with their bootstrap spread; ties are broken by position.

    From one more than the groups that are surely larger, to all but those that are surely smaller: pairs are judged by the
    difference of their shares over its standard error in the draws (after Mogstad, Romano, Shaikh and Wilhelm 2024). The ranks of
    the draws themselves lie where a second drawing puts them: too low for groups near the top.

    Args:
        observed: shares by group. draws: shares in bootstrap draws, (replicates, groups).
    """
    order = np.lexsort((np.arange(len(observed)), -observed))
    rank = np.empty(len(observed), dtype=np.int64)
    rank[order] = np.arange(1, len(observed) + 1)
    if draws.shape[1] == 0 or len(draws) < 2:
        return Ranks(rank, rank, rank, np.zeros(len(observed)))
    spread = np.cov(draws, rowvar=False).reshape(len(observed), len(observed))
    own = spread.diagonal()
    error = np.sqrt(np.maximum(own[:, None] + own[None, :] - 2 * spread, 0.0))
    ahead = observed[None, :] - observed[:, None]
    sure = (np.abs(ahead) > APART * error) & (error > 0)
    low = 1 + (sure & (ahead > 0)).sum(axis=1)
    high = len(observed) - (sure & (ahead < 0)).sum(axis=1)
    position = np.argsort(np.argsort(-draws, axis=1, kind="stable"), axis=1, kind="stable") + 1
    return Ranks(rank, np.minimum(low, rank), np.maximum(high, rank), (position <= k).mean(axis=0))


def counted_quantile(values: Floats, weights: Floats, q: float) -> float:
    """The smallest value at which the cumulated weight reaches the share `q`; the midpoint when it hits it exactly.

    `values` ascending and distinct; some may have no weight.
    """
    cumulated = np.cumsum(weights)
    if len(values) == 0 or cumulated[-1] <= 0:
        return math.nan
    target, slack = q * cumulated[-1], 1e-9 * cumulated[-1]
    i = int(np.searchsorted(cumulated, target - slack))
    if abs(cumulated[i] - target) <= slack and (above := np.flatnonzero(weights[i + 1 :] > 0)[:1]).size:
        return float((values[i] + values[i + 1 + int(above[0])]) / 2)
    return float(values[i])


def woodruff(values: Floats, weights: Floats, value: float, below: Estimate, q: float = 0.5) -> Estimate:
    """A quantile with Woodruff's interval: the share below it has its employer-cluster variance (`below`), then inverted.

    `values` ascending and distinct, `weights` of each.
    """
    n = max(below.n_eff, 1.0)
    low_q, high_q = wilson(q, n, below.z)
    low, high = counted_quantile(values, weights, low_q), counted_quantile(values, weights, high_q)
    return Estimate(value, min(low, value), max(high, value), n, "woodruff")


def kish(weights: Floats) -> float:
    """How many equally weighted units are as informative as these."""
    return kish_of(float(weights.sum()), float(weights @ weights))
