"""s5_sensitivity.py: the matcher's counts at other thresholds and windows, on whole employers."""

from __future__ import annotations

from pathlib import Path

import pytest

from gangwei.stages import s5_match, s5_sensitivity
from test_s5_match import many, rules


def test_counts_at_other_thresholds_and_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = many(300)
    keys = whole["ad_id"].to_numpy()
    parts = []
    for i, part in enumerate(whole.drop("ad_no", "ad_id").iter_slices(110)):
        parts.append(tmp_path / f"{i}.parquet")
        part.write_parquet(parts[-1])
    rows = s5_sensitivity.sensitivity(parts, keys, rules(), 60, None).to_dicts()
    asked = [(r["threshold"], r["window_days"], r["is_base"]) for r in rows]
    assert asked == [(0.75, 60, True), (0.7, 60, False), (0.8, 60, False), (0.75, 30, False), (0.75, 90, False)]
    assert (
        rows[0]["sample_share"] == 1 and rows[0]["openings"] == s5_match.match(whole, rules())["opening_no"].n_unique()
    )
    assert all(abs(r["openings"] - rows[0]["openings"]) <= 0.2 * rows[0]["openings"] for r in rows)
    assert rows[3]["spells"] >= rows[0]["spells"] >= rows[4]["spells"]
    half = s5_sensitivity.sampled(parts, keys, 150)
    assert 0 < half.height < 300
    taken = set(half["employer"].to_list()) - {0}
    assert half.filter(half["employer"] != 0).height == whole.filter(whole["employer"].is_in(list(taken))).height
    monkeypatch.setattr(s5_sensitivity, "LIMIT", 100)
    assert s5_sensitivity.sensitivity(parts, keys, rules(), 60, None).is_empty()
    assert s5_sensitivity.sensitivity([], keys[:0], rules(), 60, None).is_empty()
