"""Intervals against known results and against each other."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gangwei import intervals as iv
from gangwei.measures import ppi


def test_wilson_known_value() -> None:
    low, high = iv.wilson(0.1, 100)
    assert low == pytest.approx(0.0552, abs=2e-4)
    assert high == pytest.approx(0.1744, abs=2e-4)
    assert iv.wilson(0.5, 0) == (0.0, 1.0)


def test_share_of_lone_employers_is_plain_wilson() -> None:
    e = iv.cluster_share(30, 200, 30, 30, 200, 200)
    assert e.value == 0.15
    assert e.n_eff == pytest.approx(199, rel=0.01)
    assert (e.low, e.high) == pytest.approx(iv.wilson(0.15, e.n_eff), abs=0.005)


def test_share_of_few_large_employers_is_wider() -> None:
    # 10 employers of 20 openings, three of them all AI.
    e = iv.cluster_share(60, 200, 3 * 400, 3 * 400, 10 * 400, 10)
    assert e.n_eff == pytest.approx(9, rel=0.01)
    assert e.high - e.low > 0.4


def test_no_hits_and_one_employer() -> None:
    e = iv.cluster_share(0, 500, 0, 0, 500, 500)
    assert e.value == 0 and e.low == 0 and 0 < e.high < 0.01
    assert iv.cluster_share(5, 10, 25, 50, 100, 1).n_eff <= 1
    assert math.isnan(iv.cluster_share(0, 0, 0, 0, 0, 0).value)


def test_linearised_share_agrees_with_the_bootstrap() -> None:
    rng = np.random.default_rng(3)
    size = rng.integers(1, 30, 400)
    hit = rng.binomial(size, rng.beta(1, 4, 400))
    e = iv.cluster_share(hit.sum(), size.sum(), (hit * hit).sum(), (hit * size).sum(), (size * size).sum(), 400)
    who = np.arange(400)
    both = iv.bootstrap_totals(
        np.r_[who, who], np.r_[np.zeros(400, int), np.ones(400, int)], np.r_[hit, size - hit].astype(float), 2, 2000
    )
    draws = both[:, 0] / both.sum(axis=1)
    low, high = np.quantile(draws, [0.025, 0.975])
    assert e.low == pytest.approx(low, abs=0.01)
    assert e.high == pytest.approx(high, abs=0.01)


def test_bootstrap_is_deterministic_and_unbiased() -> None:
    rng = np.random.default_rng(1)
    cluster, group = rng.integers(0, 30_000, 50_000), rng.integers(0, 5, 50_000)
    weight = np.ones(50_000)
    a = iv.bootstrap_totals(cluster, group, weight, 5, 300)
    b = iv.bootstrap_totals(cluster, group, weight, 5, 300)
    assert np.array_equal(a, b)
    assert a.mean(axis=0) == pytest.approx(np.bincount(group), rel=0.01)


def _shares(group: np.ndarray, groups: int) -> tuple[np.ndarray, np.ndarray]:
    """Shares of one opening an employer, and those in draws."""
    draws = iv.bootstrap_totals(np.arange(len(group)), group, np.ones(len(group)), groups)
    return np.bincount(group, minlength=groups) / len(group), draws / draws.sum(axis=1, keepdims=True)


def test_share_that_rests_on_few_employers_reaches_further() -> None:
    # 40 AI openings of 4,000, of 40 employers and of 2.
    wide = iv.cluster_share(40, 4000, 2 * 400, 2 * 400, 4000 + 2 * 400, 3602)
    even = iv.cluster_share(40, 4000, 40, 40, 4000, 4000)
    assert even.z < 2.1 and wide.z > 2.7
    assert wide.high - wide.low > 4 * (even.high - even.low)


def _quotient(ai: np.ndarray, others: np.ndarray, here: np.ndarray) -> iv.Estimate:
    """Of the employers that are `here`, each with its openings."""
    a, b = ai[here], others[here]
    part, whole = (iv.Pair(x.sum(), y.sum(), x @ x, x @ y, y @ y) for x, y in ((a, b), (ai, others)))
    return iv.quotient(part, whole, (a @ a, a @ b, b @ a, b @ b))


def test_quotient() -> None:
    ai, others = np.repeat([1.0, 0.0], [1000, 4000]), np.repeat([0.0, 1.0], [1000, 4000])
    here = (np.arange(5000) >= 950) & (np.arange(5000) < 1100)  # 50 AI openings, 100 others
    e = _quotient(ai, others, here)
    assert e.value == 2 and e.low < 2 < e.high
    apart = math.sqrt(1 / 50 + 1 / 100 - 1 / 1000 - 1 / 4000)
    assert e.high / e.value == pytest.approx(math.exp(e.z * apart))
    none = _quotient(ai, others, np.arange(5000) > 4990)
    assert none.value == 0 and math.isnan(none.low)
    assert math.isnan(_quotient(ai, others, np.arange(5000) < 9).value)


def test_quotient_of_all_is_one() -> None:
    e = _quotient(np.array([3.0, 1, 7]), np.array([2.0, 5, 1]), np.ones(3, bool))
    assert (e.low, e.value, e.high) == pytest.approx((1, 1, 1))


def test_quotient_knows_how_uncertain_the_whole_is() -> None:
    # A hundred employers here, as many elsewhere, one of which offers half of all AI openings.
    ai, others = np.ones(200), np.full(200, 9.0)
    ai[150] = 200
    here = np.arange(200) < 100
    giant = _quotient(ai, others, here)
    assert giant.high / giant.low > 5 * 1.2


def test_an_employer_that_holds_most_leaves_a_share_open() -> None:
    # 200 employers of two openings and one of 1,600: whatever it offers, the share lies close to it.
    rng = np.random.default_rng(4)
    held = 0
    for _ in range(200):
        size = np.r_[np.full(200, 2.0), 1600.0]
        hit = rng.binomial(size.astype(int), rng.beta(1, 4, 201)).astype(float)
        e = iv.cluster_share(hit.sum(), size.sum(), hit @ hit, hit @ size, size @ size, 201)
        held += e.low <= 0.2 <= e.high
        assert e.n_eff < 2
    assert held >= 190


def test_ranks_know_what_is_sure() -> None:
    observed, draws = _shares(np.repeat([0, 1, 2, 3], [500, 260, 235, 5]), 4)
    r = iv.ranks(observed, draws, 2)
    assert r.rank.tolist() == [1, 2, 3, 4]
    assert (r.low[0], r.high[0]) == (1, 1)
    assert (r.low[1], r.high[1]) == (r.low[2], r.high[2]) == (2, 3)
    assert (r.low[3], r.high[3]) == (4, 4)
    assert r.in_top[0] == 1 and 0.6 < r.in_top[1] < 0.99 and r.in_top[3] == 0


def test_equal_groups_may_hold_any_rank() -> None:
    rng = np.random.default_rng(5)
    observed, draws = _shares(rng.integers(0, 12, 240), 12)
    r = iv.ranks(observed, draws, 3)
    first = int(np.flatnonzero(r.rank == 1)[0])
    assert r.low[first] == 1 and r.high[first] >= 6


def test_one_group_and_none() -> None:
    r = iv.ranks(np.ones(1), np.ones((400, 1)), 10)
    assert (r.rank[0], r.low[0], r.high[0], r.in_top[0]) == (1, 1, 1, 1)
    assert len(iv.ranks(np.zeros(0), np.zeros((400, 0)), 10).rank) == 0
    assert math.isnan(iv.top_interval(np.zeros(0), np.zeros((400, 0)), 10)[0])


def test_share_of_the_largest_knows_that_they_were_chosen() -> None:
    # 40 equal cities: the ten largest hold a quarter, those that seem so in 400 openings hold more.
    held = wide = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        observed, draws = _shares(rng.integers(0, 40, 400), 40)
        low, high = iv.top_interval(observed, draws, 10)
        value = np.sort(observed)[-10:].sum()
        assert low <= value <= high
        held += low <= 0.25
        wide += high - low < 0.25
    assert held >= 32 and wide == 40  # percentiles of the draws: 0


def test_concentration() -> None:
    assert iv.herfindahl(np.array([[0.5, 0.3, 0.2]]))[0] == pytest.approx(0.38)
    # Draws lie 0.1 above the value, as the value does above the truth.
    low, high = iv.unbiased(np.array([0.45, 0.5, 0.55]), 0.4)
    assert low == pytest.approx(0.3 - 0.0475) and high == pytest.approx(0.4)
    assert math.isnan(iv.unbiased(np.array([math.nan]), 0.4)[0])
    assert iv.centred(np.array([0.5, 0.6, 0.7]), 0.4) == pytest.approx((0.305, 0.495))
    assert iv.top_share(np.array([[0.5, 0.3, 0.2]]), 2)[0] == 0.8


def _median(v: np.ndarray, employer: np.ndarray) -> iv.Estimate:
    values, counts = np.unique(v, return_counts=True)
    middle = iv.counted_quantile(values, counts.astype(float), 0.5)
    _, at = np.unique(employer, return_inverse=True)
    hits, totals = np.bincount(at, v <= middle), np.bincount(at).astype(float)
    below = iv.cluster_share(hits.sum(), totals.sum(), hits @ hits, hits @ totals, totals @ totals, len(totals))
    return iv.woodruff(values, counts.astype(float), middle, below)


def test_median_and_its_interval() -> None:
    rng = np.random.default_rng(2)
    v = rng.lognormal(9, 0.5, 3000)
    e = _median(v, np.arange(3000))
    assert e.value == pytest.approx(np.median(v), rel=1e-6)
    assert e.low < math.exp(9) < e.high
    few = _median(np.sort(v), np.arange(3000) // 150)
    assert few.high - few.low > e.high - e.low
    assert math.isnan(iv.counted_quantile(np.zeros(0), np.zeros(0), 0.5))


def _strata(rng: np.random.Generator, sizes: tuple[int, ...] = (1000, 300, 700)) -> tuple[list[ppi.Stratum], float]:
    population = (60_000, 3_000, 1_500)
    rates = ((0.001, 0.0), (0.15, 0.3), (0.9, 0.97))
    out, truth = [], 0.0
    for n, size, (p, f) in zip(sizes, population, rates):
        y = rng.random(size) < p
        guess = np.where(y, rng.random(size) < (0.8 if f else 0.0), rng.random(size) < f * 0.3)
        truth += y.sum()
        pick = rng.choice(size, n, replace=False)
        out.append(ppi.Stratum(size, float(guess.sum()), y[pick].astype(float), guess[pick].astype(float)))
    return out, truth / sum(population)


def test_ppi_corrects_a_biased_classifier() -> None:
    strata, truth = _strata(np.random.default_rng(5))
    e = ppi.ppi_share(strata)
    assert e.low < truth < e.high
    raw = sum(s.predicted for s in strata) / sum(s.size for s in strata)
    assert abs(e.value - truth) < abs(raw - truth)


def test_ppi_covers() -> None:
    rng = np.random.default_rng(11)
    hits = 0
    for _ in range(200):
        strata, truth = _strata(rng)
        e = ppi.ppi_share(strata)
        hits += e.low <= truth <= e.high
    assert hits >= 182


def test_ppi_without_labels_says_nothing() -> None:
    assert math.isnan(ppi.ppi_share([ppi.Stratum(10, 1.0, np.zeros(0), np.zeros(0))]).value)
    assert math.isnan(ppi.ppi_share([]).value)


@pytest.mark.parametrize("weight", [1.0, 30.0, 1.7])
@pytest.mark.parametrize("said", [0.0, 1.0])
def test_labels_that_agree_leave_a_stratum_open(said: float, weight: float) -> None:
    """However many labels agree, whatever their weights: a stratum of 300 is known no better than so many trials tell."""
    for n in range(2, 60):
        labels, predictions = np.full(n, said), np.where(np.arange(n) % 2, 0.97, 0.99) * said
        s = ppi.Stratum(300, 300 * 0.98 * said, labels, predictions, np.full(n, weight))
        _, low, high, _ = ppi.stratum_share(s)
        assert high - low > 1 / (n + 2) * (1 - n / 300), n


def test_bounds_of_strata_without_labels_add_up() -> None:
    parts = [ppi.Between(100, 0.1, 0.0, 0.3)] * 4
    e = ppi.ppi_share(parts)
    assert (e.low, e.value, e.high) == pytest.approx((0.0, 0.1, 0.3))


@pytest.mark.parametrize("said", [0.0, 1.0])
def test_a_population_that_is_all_one_is_held(said: float) -> None:
    rng = np.random.default_rng(3)
    for n in (7, 41, 60):
        strata = [
            ppi.Stratum(k, k / 2, np.full(n, said), rng.random(n), np.full(n, k / n)) for k in (501, 733, 97, 1009)
        ]
        e = ppi.ppi_share(strata)
        assert e.value == said and e.low <= said <= e.high
