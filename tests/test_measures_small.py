"""Figures of few openings or of one employer: intervals and what is suppressed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gangwei import measures as m
from gangwei.codebook import Codebook
from gangwei.measures import ranks
from published_fixture import Spec, write


def test_units_of_the_whole_and_of_groups() -> None:
    known = m.load(Codebook())
    assert known["emerging-cities"].unit == "share" and known["emerging-cities"].row_unit == "ratio"
    assert known["ads-per-opening"].unit == "count" and known["ads-per-opening"].head_unit == "ratio"


def test_one_employer_has_no_interval_of_its_count(ds: m.Dataset) -> None:
    r = m.measure(ds, "ai-openings", "employer")
    assert r.rows["low"].null_count() == r.rows.height
    one = m.measure(ds, "ai-openings", where={"employer": r.rows["id"][0]})
    assert one.value == r.rows["value"][0] and one.low is None


def test_a_count_of_few_employers_says_so(ds: m.Dataset, tmp_path: Path) -> None:
    """Its interval is of employers drawn anew, and may hold more openings than there are."""
    assert "few_employers" not in m.measure(ds, "ai-openings").notes
    write(tmp_path, Spec(ads=8, employers=6, ai=1.0))
    few = m.measure(m.open_dataset(tmp_path), "ai-openings")
    assert few.notes == ("few_employers",) and few.high is not None and few.high > few.numerator
    write(tmp_path / "more", Spec(ads=60, employers=6, ai=1.0))
    more = m.open_dataset(tmp_path / "more")
    by_board = m.measure(more, "ai-openings", "board")
    assert by_board.rows["low"].drop_nulls().len() and "few_in_groups" in by_board.notes
    assert "few_in_groups" not in m.measure(more, "ai-share", "board").notes
    assert "few_employers" not in m.measure(m.open_dataset(tmp_path), "ads-per-opening").notes


def test_one_employer_says_little_of_concentration(ds: m.Dataset) -> None:
    employer = m.measure(ds, "ai-openings", "employer").rows["id"][0]
    for name in ("city-top-share", "city-hhi"):
        r = m.measure(ds, name, where={"employer": employer})
        assert r.value is not None and r.low is not None and r.high is not None
        assert r.high - r.low > 0.5 and r.low <= r.value <= r.high


def test_other_thresholds_and_campaigns(ds: m.Dataset, known: tuple[Path, dict[str, float]], tmp_path: Path) -> None:
    rows = m.measure(ds, "repeat-sensitivity", lang="zh").rows
    assert rows["label"].to_list() == ["阈值 0.70", "阈值 0.75", "阈值 0.80"]
    spells = m.measure(ds, "spell-sensitivity").rows
    assert spells["id"].to_list() == ["spell_window:30", "spell_window:60", "spell_window:90"]
    assert spells["value"].is_sorted(descending=True)
    again = m.measure(ds, "repeat-sensitivity").rows.row(1, named=True)
    assert "whole_sample" in m.measure(ds, "repeat-sensitivity", None, {"tier": "builder"}).notes
    assert again["low"] < again["value"] < again["high"] and again["high"] - again["low"] < 0.005
    write(tmp_path, Spec(ads=300))
    path = tmp_path / "published/ads.parquet"
    reps = pl.read_parquet(tmp_path / "published/openings.parquet")["ad_id"].to_list()[:10]
    linked = pl.when(pl.col("ad_id").is_in(reps)).then(pl.lit("c1"))
    pl.read_parquet(path).with_columns(campaign_id=linked).write_parquet(path)
    odd = m.open_dataset(tmp_path)
    whole = m.measure(odd, "openings").numerator
    assert m.measure(odd, "openings", where={"grain": "campaign"}).numerator == whole - 9
    known = pl.read_parquet(tmp_path / "published/match_sensitivity.parquet")
    known.with_columns(repeats_error=0.4, spells_error=0.4).write_parquet(
        tmp_path / "published/match_sensitivity.parquet"
    )
    few = m.open_dataset(tmp_path)  # of a small sample
    shares, numbers = (m.measure(few, x).rows for x in ("repeat-sensitivity", "spell-sensitivity"))
    assert (shares["low"] >= 0).all() and (shares["high"] <= 1).all() and (shares["n_eff"] < 10).all()
    assert (numbers["low"] >= numbers["value"].clip(upper_bound=1.0)).all()
    (tmp_path / "published/match_sensitivity.parquet").unlink()
    (tmp_path / "published/skills.parquet").unlink()
    odd = m.open_dataset(tmp_path)
    assert "no_match_sensitivity" in m.measure(odd, "repeat-sensitivity").notes
    assert m.measure(odd, "ai-skills").rows.is_empty()


def test_small_cells_are_suppressed(ds: m.Dataset) -> None:
    r = m.measure(ds, "surveillance-cross", "surveillance_company").rows
    yes = r.filter(pl.col("id") == "yes").to_dicts()[0]
    assert yes["suppressed"] and yes["value"] is None and yes["employers"] == 2
    for by in (None, "province"):
        few = m.measure(ds, "surveillance-share", by, {"surveillance_company": "yes"})
        assert few.suppressed and few.value is few.low is few.high is few.corrected is None
        assert few.record()["value"] is None


def test_a_measure_names_the_interval_its_rows_have(ds: m.Dataset) -> None:
    words = ds.codebook.toml("labels/explore.toml")
    for id_, measure in m.load(ds.codebook).items():
        assert f"by_{measure.interval}" in str(words), id_
        rows = m.measure(ds, id_).rows
        assert measure.interval != "none" or rows["low"].is_null().all(), id_


def test_figures_at_their_edge_keep_an_interval(tmp_path: Path) -> None:
    """All openings in one city, or none that is AI: what was seen does not show that there are no others."""
    write(tmp_path, Spec(ads=120, cities=("110000",), employers=40))
    ds = m.open_dataset(tmp_path)
    share, index = m.measure(ds, "city-top-share"), m.measure(ds, "city-hhi")
    for r in (share, index):
        assert r.value == 1.0 == r.high and r.low is not None and 0.3 < r.low < 0.95
    assert share.low is not None and index.low is not None and index.low < share.low
    none = m.measure(ds, "ai-openings", where={"board": "board_a", "tier": "none"})
    assert (none.value, none.low, none.high) == (0.0, None, None)


def test_an_employer_that_holds_most_leaves_concentration_open() -> None:
    """200 employers with an opening in each of two of 40 cities, and one with 1,200 in one city."""
    who = np.r_[np.repeat(np.arange(200), 2), 200]
    city = np.r_[np.arange(400) % 40, 3]
    openings = np.r_[np.ones(400), 1200.0]
    c = ranks.Cells([str(i) for i in range(40)], city, who, openings, openings.astype(np.int64), "", {})
    share, index = ranks._drawn(0.82, 0.8, 0.85, c), ranks._drawn(0.57, 0.1, 0.99, c, 2)
    assert share.low < 0.225 and share.high > 0.85 and share.n_eff < 2
    assert (index.low, index.high) == (pytest.approx(0.1, abs=0.1), 0.99)
