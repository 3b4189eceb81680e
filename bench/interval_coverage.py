"""Do 95 % intervals cover? Simulation on synthetic truth, printed as a table for METHODOLOGY.md.

    python bench/interval_coverage.py [--runs 2000] [--seed 1]

Two families. *Labels*: a finite population with a classifier of known recall and precision, a stratified probability sample
of labels as `gangwei label` draws it (strata by score and near-miss), the stratified prediction-powered interval. *Employers*:
openings drawn by employer from a superpopulation, no labels, the employer-cluster interval of a share. Each setting also
shows the plain interval that ignores the problem. The Monte Carlo error of a coverage is sqrt(c (1 - c) / runs).
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np

from gangwei import intervals as iv


@dataclass(frozen=True)
class Labels:
    """A setting with labels: population size, true share, recall, false positives per true positive, sample by stratum."""

    name: str
    size: int
    share: float
    recall: float
    false_per_true: float
    near: float
    sample: tuple[int, int, int]


@dataclass(frozen=True)
class Employers:
    """A setting without labels: employers, spread of their sizes (Pareto shape), mean share, precision of the share."""

    name: str
    employers: int
    shape: float
    share: float
    concentration: float


LABELS = (
    Labels("good classifier (recall 95 %, precision 95 %), 1 % AI", 200_000, 0.01, 0.95, 0.05, 0.04, (500, 400, 400)),
    Labels("recall 80 %, precision 90 %, 1 % AI", 200_000, 0.01, 0.80, 0.11, 0.04, (500, 400, 400)),
    Labels("recall 80 %, precision 70 %, 5 % AI", 200_000, 0.05, 0.80, 0.43, 0.08, (500, 400, 400)),
    Labels("recall 80 %, 20 % AI (one cluster or city)", 20_000, 0.20, 0.80, 0.10, 0.15, (200, 150, 150)),
    Labels(
        "recall 80 %, near-miss signal absent (misses hide anywhere)", 200_000, 0.05, 0.80, 0.11, 0.0, (1500, 0, 500)
    ),
    Labels("recall 60 %, precision 60 %, 5 % AI", 200_000, 0.05, 0.60, 0.67, 0.08, (500, 400, 400)),
)
EMPLOYERS = (
    Employers("even employers, share 20 %", 2000, 3.0, 0.20, 5.0),
    Employers("skewed employers, share 5 %", 2000, 2.2, 0.05, 3.0),
    Employers("few employers (150), share 20 %", 150, 2.5, 0.20, 3.0),
    Employers("a small cell (25 employers), share 20 %", 25, 2.5, 0.20, 5.0),
    Employers("rare class 0.9 %, 5,000 employers", 5000, 2.5, 0.009, 20.0),
)


def labelled(s: Labels, rng: np.random.Generator) -> tuple[float, iv.Estimate, tuple[float, float]]:
    """(true share, estimate with labels, interval that takes the classifier at its word)."""
    y = rng.random(s.size) < s.share
    guess = y & (rng.random(s.size) < s.recall)
    n_false = int(guess.sum() * s.false_per_true)
    guess[rng.choice(np.flatnonzero(~y), n_false, replace=False)] = True
    # The near-miss stratum holds 85 % of what the classifier misses, among look-alikes; the far stratum the rest.
    near = (
        ~guess & np.where(y, rng.random(s.size) < 0.85, rng.random(s.size) < s.near)
        if s.near
        else np.zeros(s.size, bool)
    )
    strata = []
    for where, n in ((~guess & ~near, s.sample[0]), (near, s.sample[1]), (guess, s.sample[2])):
        at = np.flatnonzero(where)
        if len(at) == 0:
            continue
        pick = rng.choice(at, min(n, len(at)), replace=False)
        strata.append(iv.Stratum(len(at), float(guess[at].sum()), y[pick].astype(float), guess[pick].astype(float)))
    return float(y.mean()), iv.ppi_share(strata), iv.wilson(float(guess.mean()), s.size)


def clustered(s: Employers, rng: np.random.Generator) -> tuple[float, iv.Estimate, tuple[float, float]]:
    """(share of the superpopulation, estimate, interval that takes openings as independent)."""
    size = np.ceil(rng.pareto(s.shape, s.employers) * 4 + 0.5).astype(int)
    rate = rng.beta(s.share * s.concentration, (1 - s.share) * s.concentration, s.employers)
    hit = rng.binomial(size, rate)
    e = iv.cluster_share(hit.sum(), size.sum(), float(hit @ hit), float(hit @ size), float(size @ size), s.employers)
    return s.share, e, iv.wilson(e.value, float(size.sum()))


def main() -> None:
    """Run every setting and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    runs, seed = (a := parser.parse_args()).runs, a.seed
    print(
        "| setting | runs | coverage | Monte Carlo error | below / above | mean width (points) | bias (points) | ignoring the problem covers |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for number, s in enumerate((*LABELS, *EMPLOYERS)):
        rng = np.random.default_rng([seed, number])
        cover, naive, low, width, bias = 0, 0, 0, 0.0, 0.0
        for _ in range(runs):
            truth, e, plain = labelled(s, rng) if isinstance(s, Labels) else clustered(s, rng)
            cover += e.low <= truth <= e.high
            low += truth < e.low
            naive += plain[0] <= truth <= plain[1]
            width += e.high - e.low
            bias += e.value - truth
        c = cover / runs
        error = np.sqrt(c * (1 - c) / runs)
        print(
            f"| {s.name} | {runs} | {c:.1%} | {error:.2%} | {low / runs:.1%} / {abs(1 - c - low / runs):.1%} | {width / runs * 100:.2f} | "
            f"{bias / runs * 100:+.3f} | {naive / runs:.1%} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
