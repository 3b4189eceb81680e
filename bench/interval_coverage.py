"""Do 95 % intervals cover? Simulation on synthetic truth, printed as a table for METHODOLOGY.md.

    python bench/interval_coverage.py [--runs 2000] [--seed 1] [--only NAME]

Four families. *Labels*: a finite population with a classifier of known recall and precision, a stratified probability sample
of labels as `gangwei label` draws it (strata by score and near-miss), the stratified prediction-powered interval. *Employers*:
openings drawn by employer from a superpopulation, no labels, the employer-cluster interval of a share. *Measured*: the very
path of `gangwei measure ai-share` (`labelled.strata_of`): six classes, equal samples of each (or half of it from the last
one, or a foreign design that weighs them up), the whole, one city with labels of its own, and one that borrows them. *Places*: openings of employers that each have a
home city and openings elsewhere; share, count, location quotient and rank of a city, share of the ten largest, concentration. Each
setting also shows the plain interval that ignores the problem (for the last two families: openings taken as independent, or the
percentiles of the bootstrap draws). The Monte Carlo error of a coverage is sqrt(c (1 - c) / runs).
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import cache

import numpy as np

from gangwei import intervals as iv
from gangwei.frame.columns import LABEL_CLASSES
from gangwei.measures import ppi
from gangwei.measures.labelled import ClassLabels, strata_of


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


@dataclass(frozen=True)
class Measured:
    """A setting of the measured path: recall, labels in each class, the figure asked for, and how the city differs.

    `figure`: whole, city (one with labels of its own) or small (a city too small to hold any). `odd`: the odds of the
    classifier missing or inventing AI in that city, times those elsewhere. `foreign`: labels drawn by strata that are not the classes.
    """

    name: str
    recall: float
    each: int
    figure: str
    odd: float = 1.0
    foreign: bool = False
    rest: int | None = None  # labels of the last class, where they differ in number


MEASURED = (
    Measured("measure: whole, 6 x 250 labels, recall 80 %", 0.80, 250, "whole"),
    Measured("measure: whole, 6 x 50 labels, recall 80 %", 0.80, 50, "whole"),
    Measured("measure: whole, 5 x 30 labels and 150 of the rest, recall 80 %", 0.80, 30, "whole", rest=150),
    Measured("measure: whole, labels of a foreign design, recall 80 %", 0.80, 250, "whole", foreign=True),
    Measured("measure: a large city with labels of its own, recall 80 %", 0.80, 250, "city"),
    Measured("measure: a small city that borrows, errors as elsewhere, recall 80 %", 0.80, 250, "small"),
    Measured("measure: a small city that borrows, odds of error doubled there, recall 80 %", 0.80, 250, "small", 2.0),
)


@dataclass(frozen=True)
class Places:
    """Openings by city: employers, cities whose shares fall as rank to the power `-fall`, spread of employers' sizes, the figure.

    `figure`: a word of `FIGURES`, and the true rank of the city that it is of, where it is of one.
    """

    employers: int
    cities: int
    fall: float
    shape: float
    figure: str
    city: int = 1

    @property
    def name(self) -> str:
        """For the table."""
        of = f" of city {self.city}" if self.figure not in ("top ten", "HHI") else ""
        fall = ", nearly even" if self.fall < 0.7 else ""
        return f"places: {self.figure}{of}, {self.employers:,} employers, {self.cities} cities{fall}"


FIGURES = (("share", 1), ("share", 20), ("top ten", 1), ("HHI", 1), ("rank", 10), ("count", 20), ("quotient", 20))
FEW = (("share", 1), ("share", 5), ("top ten", 1), ("HHI", 1), ("rank", 5), ("count", 5), ("quotient", 5))
PLACES = tuple(
    Places(*size, figure, city)
    for size, figures in (
        ((3000, 120, 1.1, 2.5), FIGURES),
        ((3000, 120, 0.5, 2.5), FIGURES),
        ((300, 60, 1.0, 2.5), FEW),
        ((60, 30, 0.8, 2.5), FEW),
    )
    for figure, city in figures
)


@dataclass(frozen=True)
class Largest:
    """Share of the ten largest employers: how many employers there are and the spread of their sizes."""

    name: str
    employers: int
    shape: float


LARGEST = (
    Largest("ten largest of 60 employers", 60, 2.5),
    Largest("ten largest of 3,000 employers", 3000, 2.2),
    Largest("ten largest of 3,000 employers, a few of them huge", 3000, 1.5),
)


@dataclass(frozen=True)
class Medians:
    """Values (pay, in steps of 0.5) that differ as much between employers as within."""

    name: str
    employers: int
    shape: float = 2.5


MEDIANS = (Medians("median, 25 employers", 25), Medians("median, 150 employers", 150))


@cache
def _mean_size(shape: float) -> float:
    """Mean openings of an employer."""
    return float(np.ceil(np.random.default_rng(0).pareto(shape, 4_000_000) * 4 + 0.5).mean())


@cache
def _true_median() -> float:
    """Of many openings."""
    return float(np.median(_pay(np.arange(1_000_000), 1_000_000, np.random.default_rng(0))))


def _pay(who: np.ndarray, employers: int, rng: np.random.Generator) -> np.ndarray:
    """Pay of each opening."""
    return np.round(np.exp(rng.normal(0, 0.3, employers)[who] + rng.normal(0, 0.3, len(who))) * 30) / 2


def drawn(s: Places, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(true shares, employer, city, openings of each cell): four of five openings are in the employer's home city."""
    share = 1 / np.arange(1, s.cities + 1) ** s.fall
    share /= share.sum()
    employers = rng.poisson(s.employers)
    size = np.ceil(rng.pareto(s.shape, employers) * 4 + 0.5).astype(int)
    who = np.repeat(np.arange(employers), size)
    home = rng.choice(s.cities, employers, p=share)
    city = np.where(rng.random(len(who)) < 0.8, home[who], rng.choice(s.cities, len(who), p=share))
    cell, openings = np.unique(who * s.cities + city, return_counts=True)
    return share, cell // s.cities, cell % s.cities, openings.astype(float)


def share_of(part: np.ndarray, who: np.ndarray, n: np.ndarray) -> iv.Estimate:
    """Share of some cells in all openings."""
    sizes, hits = np.bincount(who, n), n[part]
    of = sizes[who[part]]
    return iv.cluster_share(hits.sum(), n.sum(), hits @ hits, hits @ of, sizes @ sizes, int((sizes > 0).sum()))


def placed(s: Places, rng: np.random.Generator) -> tuple[float, iv.Estimate, tuple[float, float]]:
    """(true figure, estimate, interval that ignores the problem)."""
    share, who, city, n = drawn(s, rng)
    at = s.city - 1
    here = city == at
    if s.figure == "quotient":
        rate = np.clip(0.15 * (1 + 0.8 * np.cos(np.arange(s.cities))), 0.02, 0.6)
        lean = 2 * rng.beta(2, 2, who.max() + 1)
        ai = rng.binomial(n.astype(int), np.clip(rate[city] * lean[who], 0, 1)).astype(float)
        a, b = ai[here], (n - ai)[here]
        true = rate[at] * (1 - rate @ share) / ((1 - rate[at]) * (rate @ share))
        all_a, all_b = np.bincount(who, ai), np.bincount(who, n - ai)
        mine, of_all = (iv.Pair(x.sum(), y.sum(), x @ x, x @ y, y @ y) for x, y in ((a, b), (all_a, all_b)))
        own = all_a[who[here]], all_b[who[here]]
        e = iv.quotient(mine, of_all, (a @ own[0], a @ own[1], b @ own[0], b @ own[1]))
        half = iv.Z95 * np.sqrt(1 / max(a.sum(), 1) + 1 / max(b.sum(), 1))
        return float(true), e, (e.value * np.exp(-half), e.value * np.exp(half))
    if s.figure == "count":
        e = iv.cluster_count(float(n[here].sum()), float(n[here] @ n[here]))
        half = iv.Z95 * np.sqrt(e.value)
        return float(s.employers * _mean_size(s.shape) * share[at]), e, (e.value - half, e.value + half)
    observed = np.bincount(city, n, s.cities) / n.sum()
    if s.figure == "share":
        e = share_of(here, who, n)
        return float(share[at]), e, iv.wilson(e.value, float(n.sum()))
    totals = iv.bootstrap_totals(who, city, n, s.cities)
    draws = totals / totals.sum(axis=1, keepdims=True)
    if s.figure == "rank":
        r = iv.ranks(observed, draws, 10)
        position = (np.argsort(np.argsort(-draws, axis=1, kind="stable"), axis=1, kind="stable") + 1)[:, at]
        plain = np.quantile(position, [0.025, 0.975], method="inverted_cdf")
        return float(s.city), iv.Estimate(float(r.rank[at]), r.low[at], r.high[at], 0.0, ""), (plain[0], plain[1])
    if s.figure == "HHI":
        found, value, true = iv.herfindahl(draws), float(observed @ observed), float(share @ share)
        z = share_of(city == observed.argmax(), who, n).z
        low, high = iv.unbiased(found, value, z)
    else:
        found, value, true = (
            np.sort(draws, axis=1)[:, -10:].sum(axis=1),
            float(np.sort(observed)[-10:].sum()),
            float(share[:10].sum()),
        )
        low, high = iv.top_interval(observed, draws, 10)
    plain = np.quantile(found, [0.025, 0.975])
    return true, iv.Estimate(value, low, high, 0.0, ""), (plain[0], plain[1])


def in_the_ten(s: Places, runs: int, seed: int) -> list[str]:
    """How often cities with a said chance of being among the ten largest are among them, by bands of that chance."""
    rng = np.random.default_rng([seed, s.employers, s.cities])
    said, true = [], []
    for _ in range(runs):
        _, who, city, n = drawn(s, rng)
        totals = iv.bootstrap_totals(who, city, n, s.cities)
        draws = totals / totals.sum(axis=1, keepdims=True)
        said.append(iv.ranks(np.bincount(city, n, s.cities) / n.sum(), draws, 10).in_top)
        true.append(np.arange(s.cities) < 10)
    chance, is_in = np.concatenate(said), np.concatenate(true)
    band = np.digitize(chance, (0.05, 0.25, 0.5, 0.75, 0.95))
    return [f"{is_in[band == i].mean():.0%}" if (band == i).any() else "-" for i in range(6)]


@cache
def _mean_share(employers: int, shape: float) -> float:
    """Mean share of the ten largest in new samples of as many employers."""
    rng = np.random.default_rng(0)
    size = np.ceil(rng.pareto(shape, (4000, employers)) * 4 + 0.5)
    return float((np.sort(size, axis=1)[:, -10:].sum(axis=1) / size.sum(axis=1)).mean())


def largest(s: Largest, rng: np.random.Generator) -> tuple[float, iv.Estimate, tuple[float, float]]:
    """(mean share of the ten largest in such samples, estimate, percentiles of the draws)."""
    size = np.ceil(rng.pareto(s.shape, s.employers) * 4 + 0.5)
    who = np.arange(s.employers)
    totals = iv.bootstrap_totals(who, who, size, s.employers)
    found = iv.top_share(totals / totals.sum(axis=1, keepdims=True), 10)
    value = float(np.sort(size)[-10:].sum() / size.sum())
    plain = np.quantile(found, [0.025, 0.975])
    return (
        _mean_share(s.employers, s.shape),
        iv.Estimate(value, *iv.centred(found, value), 0.0, ""),
        (plain[0], plain[1]),
    )


def middle(s: Medians, rng: np.random.Generator) -> tuple[float, iv.Estimate, tuple[float, float]]:
    """(true median, estimate, interval that takes openings as independent)."""
    size = np.ceil(rng.pareto(s.shape, s.employers) * 4 + 0.5).astype(int)
    who = np.repeat(np.arange(s.employers), size)
    v = _pay(who, s.employers, rng)
    values, number = np.unique(v, return_inverse=True)
    weights = np.bincount(number).astype(float)
    value = iv.counted_quantile(values, weights, 0.5)
    hit = np.bincount(who, v <= value, s.employers)
    below = iv.cluster_share(hit.sum(), size.sum(), hit @ hit, hit @ size, float(size @ size), s.employers)
    low, high = iv.wilson(0.5, float(size.sum()))
    plain = iv.counted_quantile(values, weights, low), iv.counted_quantile(values, weights, high)
    return _true_median(), iv.woodruff(values, weights, value, below), plain


def measured(s: Measured, rng: np.random.Generator) -> tuple[float, iv.Estimate, tuple[float, float]]:
    """(true share of the figure, its estimate on the path of the measure, interval at the classifier's word)."""
    size = 60_000
    city = rng.choice(3, size, p=(0.745, 0.25, 0.005))
    asked = {"whole": np.ones(size, bool), "city": city == 1, "small": city == 2}[s.figure]
    y = rng.random(size) < 0.06
    wrong = np.where(asked & (s.figure == "small"), s.odd, 1.0)
    recall = s.recall / (s.recall + (1 - s.recall) * wrong)
    guess = np.where(y, rng.random(size) < recall, rng.random(size) < 0.006 * wrong)
    adjacent, look_alike, near = rng.random(size) < 0.2, rng.random(size), rng.random(size)
    user = ~guess & (look_alike < np.where(y, 0.35, 0.01))
    mention = ~guess & ~user & (look_alike < np.where(y, 0.75, 0.05))
    close = ~guess & ~user & ~mention & (near < np.where(y, 0.7, 0.08))
    class_ = np.select([guess & ~adjacent, guess & adjacent, user, mention, close], [0, 1, 2, 3, 4], 5)
    score = np.clip(np.array([0.95, 0.8, 0.3, 0.15, 0.08, 0.005])[class_] + rng.normal(0, 0.03, size) + 0.04 * y, 0, 1)
    design = np.digitize(score + rng.normal(0, 0.05, size), (0.03, 0.12, 0.5)) if s.foreign else class_
    weight, drawn = np.zeros(size), []
    for h in np.unique(design):
        at = np.flatnonzero(design == h)
        each = s.rest if s.rest and h == len(LABEL_CLASSES) - 1 else s.each
        pick = rng.choice(at, min(each, len(at)), replace=False)
        weight[pick] = len(at) / len(pick)
        drawn.append(pick)
    sample = np.concatenate(drawn)

    def by_class(rows: np.ndarray) -> dict[str, ClassLabels]:
        of = {c: rows[class_[rows] == i] for i, c in enumerate(LABEL_CLASSES)}
        return {c: ClassLabels(y[r].astype(float), score[r], weight[r]) for c, r in of.items() if len(r)}

    inside = [asked & (class_ == i) for i in range(6)]
    classes = {c: (float(k.sum()), float(score[k].sum())) for c, k in zip(LABEL_CLASSES, inside) if k.any()}
    minimum = 0 if s.figure == "whole" else 30
    strata, _ = strata_of(classes, by_class(sample[asked[sample]]), by_class(sample), minimum)
    return float(y[asked].mean()), ppi.ppi_share(strata), iv.wilson(float(guess[asked].mean()), float(asked.sum()))


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
        strata.append(ppi.Stratum(len(at), float(guess[at].sum()), y[pick].astype(float), guess[pick].astype(float)))
    return float(y.mean()), ppi.ppi_share(strata), iv.wilson(float(guess.mean()), s.size)


def clustered(s: Employers, rng: np.random.Generator) -> tuple[float, iv.Estimate, tuple[float, float]]:
    """(share of the superpopulation, estimate, interval that takes openings as independent)."""
    size = np.ceil(rng.pareto(s.shape, s.employers) * 4 + 0.5).astype(int)
    rate = rng.beta(s.share * s.concentration, (1 - s.share) * s.concentration, s.employers)
    hit = rng.binomial(size, rate)
    e = iv.cluster_share(hit.sum(), size.sum(), float(hit @ hit), float(hit @ size), float(size @ size), s.employers)
    return s.share, e, iv.wilson(e.value, float(size.sum()))


RUN = {Labels: labelled, Employers: clustered, Measured: measured, Places: placed, Largest: largest, Medians: middle}


def asked(about: str | None) -> tuple[int, int, str]:
    """Runs a setting, seed and what the names of settings must hold, as the command line says."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--only", default="", help="settings whose name holds this")
    parser.add_argument("--seed", type=int, default=1)
    a = parser.parse_args()
    return a.runs, a.seed, a.only


def main() -> None:
    """Run every setting and print the table."""
    runs, seed, only = asked(__doc__)
    print(
        "| setting | runs | coverage | Monte Carlo error | below / above | mean width (points) | bias (points) | ignoring the problem covers |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for number, s in enumerate((*LABELS, *EMPLOYERS, *MEASURED, *PLACES, *LARGEST, *MEDIANS)):
        if only not in s.name:
            continue
        rng = np.random.default_rng([seed, number])
        cover, naive, low, none, width, bias = 0, 0, 0, 0, 0.0, 0.0
        for _ in range(runs):
            truth, e, plain = RUN[type(s)](s, rng)  # type: ignore[index,operator]
            if not e.low <= e.high:
                none += 1  # too little was seen: no interval is given
                continue
            cover += e.low <= truth <= e.high
            low += truth < e.low
            naive += plain[0] <= truth <= plain[1]
            width += e.high - e.low
            bias += e.value - truth
        given = max(runs - none, 1)
        c = cover / given
        error = np.sqrt(c * (1 - c) / given)
        print(
            f"| {s.name} | {given} | {c:.1%} | {error:.2%} | {low / given:.1%} / {abs(1 - c - low / given):.1%} | {width / given * 100:.2f} | "
            f"{bias / given * 100:+.3f} | {naive / given:.1%} |",
            flush=True,
        )
    if "ten largest".startswith(only):
        print(
            "\n| chance of being among the ten largest, said | 0-5 % | 5-25 % | 25-50 % | 50-75 % | 75-95 % | 95-100 % |"
        )
        print("|---|---|---|---|---|---|---|")
        for s in PLACES:
            if s.figure == "top ten":
                print(
                    f"| {s.name.removeprefix('places: top ten, ')} | {' | '.join(in_the_ten(s, runs // 4, seed))} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
