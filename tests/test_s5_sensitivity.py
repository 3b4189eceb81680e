"""s5_sensitivity.py: the matcher's counts at other thresholds and windows, on whole employers."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from gangwei.stages import s5_match, s5_sensitivity
from match_fixture import many, rules


def sampled(whole: pl.DataFrame, size: int, rows: int = 110) -> pl.DataFrame:
    sample, at = s5_sensitivity.Sample(whole["ad_id"].to_numpy(), size), 0
    for part in whole.drop("ad_no", "ad_id").iter_slices(rows):
        sample.add(part.to_arrow(compat_level=pl.CompatLevel.oldest()), at)
        at += part.height
    return sample.frame()


def test_counts_at_other_thresholds_and_windows() -> None:
    whole = many(300)
    everything = sampled(whole, 1000)
    assert everything["ad_id"].to_list() == whole["ad_id"].to_list()
    rows = s5_sensitivity.sensitivity(everything, 300, rules(), 60, None).to_dicts()
    asked = [(r["threshold"], r["window_days"], r["is_base"]) for r in rows]
    assert asked == [(0.75, 60, True), (0.7, 60, False), (0.8, 60, False), (0.75, 30, False), (0.75, 90, False)]
    matched = s5_match.match(whole, rules())
    assert rows[0]["openings"] == matched["opening_no"].n_unique()
    assert rows[0]["spells"] == matched["spell_no"].drop_nulls().n_unique()
    assert rows[0]["sample_share"] == 1 and all(r["repeats_error"] == r["spells_error"] == 0 for r in rows)
    assert all(abs(r["openings"] - rows[0]["openings"]) <= 0.2 * rows[0]["openings"] for r in rows)
    assert rows[3]["spells"] >= rows[0]["spells"] >= rows[4]["spells"]


def test_a_sample_holds_whole_employers_and_says_how_far_it_may_be_off() -> None:
    whole = many(300)
    half = sampled(whole, 150)
    assert 0 < half.height < 300 and half.equals(sampled(whole, 150, 7))
    taken = set(half["employer"].to_list()) - {0}
    assert half.filter(half["employer"] != 0).height == whole.filter(whole["employer"].is_in(list(taken))).height
    rows = s5_sensitivity.sensitivity(half, 300, rules(), 60, None).to_dicts()
    assert all(0 < r["repeats_error"] < 0.2 and r["sample_share"] == half.height / 300 for r in rows)
    assert s5_sensitivity.sensitivity(half[:0], 0, rules(), 60, None).is_empty()


def test_error_of_a_ratio() -> None:
    part, of = np.array([1.0, 2.0, 6.0]), np.array([2.0, 4.0, 6.0])
    assert s5_sensitivity._error(part, of, 0.0) == 0
    apart = part - 0.75 * of
    assert s5_sensitivity._error(part, of, 0.5) == pytest.approx(float(np.sqrt(0.5 * 1.5 * (apart**2).sum()) / 12))
