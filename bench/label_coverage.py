"""Do the intervals of `gangwei evaluate` hold weighted precision, recall and F1? Simulation, printed as a table for METHODOLOGY.md.

    python bench/label_coverage.py [--runs 2000] [--seed 1] [--only NAME]

A finite population of ads with a classifier of known recall and false positives; labels are drawn from its strata without
replacement and weighed by stratum_population / stratum_sample; the truth is the figure of the whole population. *By score*: three
strata of what the classifier called, its near misses and the rest. *By class*: the six classes of `gangwei label`, half of the labels
from the last. *By words*: strata of words of the ad, which the classifier does not follow. *Copies*: texts that several ads share, all
drawn together. Beside each coverage: that of percentiles of 500 bootstrap draws within the strata, as was shown until 2026-11-30.
The Monte Carlo error of a coverage is sqrt(c (1 - c) / runs).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from interval_coverage import asked

from gangwei.label_scores import Design, figures, score

DRAWS = 500


@dataclass(frozen=True)
class Setting:
    """Ads and the part of them that is AI; recall and precision of the classifier; how labels are drawn, and how many of each stratum."""

    name: str
    share: float
    recall: float
    precision: float
    design: str
    labels: tuple[int, ...]
    copies: int = 1
    size: int = 60_000


SETTINGS = (
    Setting("by score, 1,000 labels, recall 90 %, precision 90 %", 0.05, 0.9, 0.9, "score", (334, 333, 333)),
    Setting("by score, 220 labels", 0.05, 0.9, 0.9, "score", (74, 73, 73)),
    Setting("by score, 1,000 labels, recall 70 %, precision 70 %", 0.05, 0.7, 0.7, "score", (334, 333, 333)),
    Setting("by class, 300 labels, recall 80 %, precision 90 %", 0.05, 0.8, 0.9, "class", (30, 30, 30, 30, 30, 150)),
    Setting("by class, 600 labels, recall 80 %, precision 90 %", 0.05, 0.8, 0.9, "class", (60, 60, 60, 60, 60, 300)),
    Setting("by class, 300 labels, recall 95 %, precision 95 %", 0.05, 0.95, 0.95, "class", (30, 30, 30, 30, 30, 150)),
    Setting("by words, 400 labels, recall 90 %, precision 90 %", 0.05, 0.9, 0.9, "words", (100, 100, 100, 100)),
    Setting("by words, 400 labels, recall 75 %, precision 80 %", 0.05, 0.75, 0.8, "words", (100, 100, 100, 100)),
    Setting("by words, 400 labels, 1 % AI", 0.01, 0.85, 0.85, "words", (100, 100, 100, 100)),
    Setting("by words, 1,600 labels", 0.05, 0.9, 0.9, "words", (400, 400, 400, 400)),
    Setting("one stratum, 300 labels, 20 % AI", 0.20, 0.8, 0.9, "one", (300,)),
    Setting("by words, 130 texts of three ads in each stratum", 0.05, 0.9, 0.9, "words", (390, 390, 390, 390), 3),
)


def population(s: Setting, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(truth, said, stratum, copies' text) of each ad."""
    n = s.size // s.copies
    truth = rng.random(n) < s.share
    said = truth & (rng.random(n) < s.recall)
    false = round(int(said.sum()) * (1 / s.precision - 1))
    said[rng.choice(np.flatnonzero(~truth), false, replace=False)] = True
    near, alike = rng.random(n), rng.random(n)
    if s.design == "score":  # 70 % of the misses are near the cut, with 8 % of the others
        stratum = np.select([said, near < np.where(truth, 0.7, 0.08)], [0, 1], 2)
    elif s.design == "class":
        user, mention = alike < np.where(truth, 0.35, 0.01), alike < np.where(truth, 0.7, 0.05)
        close = near < np.where(truth, 0.7, 0.05)
        stratum = np.select([said & (near < 0.75), said, user, mention, close], [0, 1, 2, 3, 4], 5)
    elif s.design == "words":  # in a title, in the text, weak words, none; what is said leans on them
        seen = 0.6 * truth + 0.35 * said
        chance = np.stack([0.004 + 0.6 * seen, 0.03 + 0.30 * seen, np.full(n, 0.14)]).cumsum(axis=0)
        chance[2] = np.maximum(chance[2], np.where(truth | said, 0.99, 0.0))
        stratum = (near > chance).sum(axis=0)
    else:
        stratum = np.zeros(n, np.int64)
    return (
        np.repeat(truth, s.copies),
        np.repeat(said, s.copies),
        np.repeat(stratum, s.copies),
        np.repeat(np.arange(n), s.copies),
    )


def sample(
    s: Setting, stratum: np.ndarray, text: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """(rows drawn, weight of each): whole texts within each stratum."""
    rows, weights = [], []
    for h, n in enumerate(s.labels):
        at = np.flatnonzero(stratum == h)
        texts = np.unique(text[at])
        pick = rng.choice(texts, min(n // s.copies, len(texts)), replace=False)
        drawn = at[np.isin(text[at], pick)]
        rows.append(drawn)
        weights.append(np.full(len(drawn), len(at) / max(len(drawn), 1)))
    return np.concatenate(rows), np.concatenate(weights)


def percentiles(
    truth: np.ndarray, said: np.ndarray, weight: np.ndarray, design: Design, rng: np.random.Generator
) -> list[tuple[float, float]]:
    """Middle 95 % of bootstrap draws of whole texts within strata: precision, recall, F1."""
    drawn = np.zeros((DRAWS, len(truth)))
    for h in np.unique(design.stratum):
        rows = np.flatnonzero(design.stratum == h)
        texts, inside = np.unique(design.cluster[rows], return_inverse=True)
        drawn[:, rows] = rng.multinomial(len(texts), np.full(len(texts), 1 / len(texts)), DRAWS)[:, inside.reshape(-1)]
    w = drawn * weight
    both, true, told = w @ (truth & said), w @ truth, w @ said
    out = []
    for part, whole in ((both, told), (both, true), (2 * both, true + told)):
        kept = whole > 0
        low, high = np.percentile(part[kept] / whole[kept], [2.5, 97.5]) if kept.any() else (0.0, 1.0)
        out.append((float(low), float(high)))
    return out


def main() -> None:
    """Run every setting and print the table."""
    runs, seed, only = asked(__doc__)
    print(
        "| setting | precision | recall | F1 | mean width, points | bootstrap: precision | recall | F1 | mean width |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for number, s in enumerate(SETTINGS):
        if only not in s.name:
            continue
        rng = np.random.default_rng([seed, number])
        held, wide = np.zeros((2, 3)), np.zeros((2, 3))
        for _ in range(runs):
            truth, said, stratum, text = population(s, rng)
            at, weight = sample(s, stratum, text, rng)
            design = Design(stratum[at], text[at])
            mine = score("", "", truth[at], said[at], weight, design)
            ends = [
                (mine.precision_low, mine.precision_high),
                (mine.recall_low, mine.recall_high),
                (mine.f1_low, mine.f1_high),
            ]
            true = figures(truth, said, np.ones(len(truth)))
            for kind, found in enumerate((ends, percentiles(truth[at], said[at], weight, design, rng))):
                for i, ((low, high), t) in enumerate(zip(found, true)):
                    held[kind, i] += low <= t <= high
                    wide[kind, i] += high - low
        cells = [
            f"{' | '.join(f'{c:.1%}' for c in held[k] / runs)} | {', '.join(f'{x:.0f}' for x in wide[k] / runs * 100)}"
            for k in (0, 1)
        ]
        print(f"| {s.name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
