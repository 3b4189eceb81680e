"""The lists behind figures hold what the figures count."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest

from gangwei import measures as m
from gangwei import vocabulary as vocab
from gangwei.codebook import Codebook
from gangwei.labels import LANGS, Labels
from published_fixture import Spec, write

IDS = tuple(m.load(Codebook()))


@pytest.mark.parametrize("measure_id", IDS)
def test_every_measure_answers_and_lists_what_it_counts(ds: m.Dataset, measure_id: str) -> None:
    r = m.measure(ds, measure_id)
    json.dumps(r.record())
    if r.value is not None and r.low is not None and r.high is not None:
        assert r.low <= r.value <= r.high
    if r.measure.kind in ("count", "share", "mix", "rank", "lq", "median") and "id" in r.rows.columns:
        for row in r.rows.head(4).to_dicts():
            n, page = m.ads_behind(ds, measure_id, r.by, row["id"], limit=100_000)
            assert n == row["openings"] == page.height, (measure_id, row["id"])
            assert page["ad_id"].n_unique() == page.height
    elif r.measure.kind in ("count", "share"):
        n, _ = m.ads_behind(ds, measure_id, limit=1)
        assert n == r.numerator


@pytest.mark.parametrize("measure_id", ("repeat-sensitivity", "spell-sensitivity"))
def test_no_list_stands_behind_a_figure_of_a_sample(ds: m.Dataset, measure_id: str) -> None:
    with pytest.raises(vocab.UnknownParameter, match=measure_id):
        m.ads_behind(ds, measure_id)


@pytest.mark.parametrize("by", ("county", "city", "employer"))
@pytest.mark.parametrize("measure_id", ("openings", "repeat-rate"))
def test_the_list_behind_the_whole_holds_those_in_no_group(ds: m.Dataset, measure_id: str, by: str) -> None:
    r = m.measure(ds, measure_id, by)
    assert m.ads_behind(ds, measure_id, by, limit=1)[0] == r.numerator == m.measure(ds, measure_id).numerator


@pytest.mark.parametrize("by", vocab.BY)
def test_every_dimension_groups_and_drills(ds: m.Dataset, by: str) -> None:
    r = m.measure(ds, "ai-openings", by=by)
    for row in r.rows.head(3).to_dicts():
        n, _ = m.ads_behind(ds, "ai-openings", by, row["id"], limit=1)
        assert n == row["openings"], row["id"]
        if by != "definition":
            filtered = m.measure(ds, "ai-openings", where={by: row["id"]})
            assert filtered.value == pytest.approx(row["numerator"])


def test_pages_do_not_overlap(ds: m.Dataset) -> None:
    n, first = m.ads_behind(ds, "ai-openings", limit=40)
    _, second = m.ads_behind(ds, "ai-openings", limit=40, offset=40)
    assert n > 80 and not set(first["ad_id"]) & set(second["ad_id"])


def test_a_stock_goes_by_month_and_lists_what_is_live(ds: m.Dataset) -> None:
    r = m.measure(ds, "ai-stock")
    for g in r.rows.filter(pl.col("openings") < 5000).tail(3).to_dicts():
        n, page = m.ads_behind(ds, "ai-stock", None, g["id"], limit=10_000)
        first = dt.date.fromisoformat(f"{g['id']}-01")
        after = (first + dt.timedelta(days=32)).replace(day=1)
        assert n == g["openings"] and page["first_date"].max() < after and page["last_date"].min() >= first
    with pytest.raises(m.UnknownParameter, match="month"):
        m.measure(ds, "ai-stock", "province")
    for group in ("unknown", "0000-01", "2024"):
        with pytest.raises(m.UnknownParameter, match="value of month"):
            m.ads_behind(ds, "ai-stock", None, group)


def test_a_share_without_a_board_lists_what_is_left(ds: m.Dataset) -> None:
    r = m.measure(ds, "ai-share-without-board")
    for row in r.rows.to_dicts():
        assert m.ads_behind(ds, "ai-share-without-board", None, row["id"], limit=1)[0] == row["numerator"]


def test_durations_and_spells_list_what_they_count(ds: m.Dataset) -> None:
    n, page = m.ads_behind(ds, "vacancy-days", limit=10_000)
    assert n == m.measure(ds, "vacancy-days").numerator and (page["last_date"] > page["first_date"]).all()
    assert m.ads_behind(ds, "spells-per-opening", limit=1)[0] == m.measure(ds, "spells-per-opening").denominator


@pytest.mark.parametrize("measure_id", ["defence-tiers", "ai-subfields", "employer-sectors", "missing", "ai-skills"])
def test_overlapping_groups_count_each_opening_once(ds: m.Dataset, measure_id: str) -> None:
    r = m.measure(ds, measure_id)
    groups = [g for g in r.rows["id"].to_list() if g != "T5"]
    held: set[str] = set()
    for g in groups:
        held |= set(m.ads_behind(ds, measure_id, r.by, g, limit=10_000)[1]["ad_id"])
    assert r.numerator == len(held) <= r.rows["numerator"].sum()
    n, page = m.ads_behind(ds, measure_id, limit=10_000)
    assert n == len(held) and set(page["ad_id"]) == held
    assert r.value == pytest.approx(len(held) / r.denominator) and "groups_overlap" in r.notes


@pytest.mark.parametrize("by", ["terms", "term"])
def test_concepts_go_by_their_names(ds: m.Dataset, by: str) -> None:
    for lang in LANGS:
        assert not any("_" in label for label in Labels(ds, lang).group_values(by, ds.concepts))
    assert Labels(ds, "zh").group_values(by, ["deep_learning"]) == ["深度学习"]


@pytest.mark.parametrize("measure_id", IDS)
def test_every_measure_groups_by_what_it_has_by_default(ds: m.Dataset, measure_id: str) -> None:
    found = m.load(ds.codebook)[measure_id]
    assert found.default_by is None or found.default_by in found.groups


def test_an_opening_is_not_live_between_its_spells(tmp_path: Path) -> None:
    """Each opening has a spell in February and one in September: the months between hold none, whatever is counted."""
    write(tmp_path, Spec(ads=300))
    out = tmp_path / "published"
    openings, spells = pl.read_parquet(out / "openings.parquet"), pl.read_parquet(out / "spells.parquet")
    first, last = dt.date(2024, 2, 3), dt.date(2024, 9, 20)
    openings.with_columns(first_date=first, last_date=last).write_parquet(out / "openings.parquet")
    early = spells.with_columns(first_date=first, last_date=dt.date(2024, 2, 9))
    later = spells.with_columns(
        spell_id=pl.col("spell_id") + "b", ordinal=pl.lit(2, pl.Int32), first_date=dt.date(2024, 9, 1), last_date=last
    )
    pl.concat([early, later]).write_parquet(out / "spells.parquet")
    ds = m.open_dataset(tmp_path)
    live = openings.filter(pl.col("ai_tier").is_in(["builder", "adjacent"])).height
    for where in ({}, {"grain": "spell"}):
        rows = m.measure(ds, "ai-stock", where=where).rows
        assert dict(rows.select("id", "value").iter_rows()) == {"2024-02": live, "2024-09": live}
        assert [m.ads_behind(ds, "ai-stock", None, g, where)[0] for g in ("2024-02", "2024-05")] == [live, 0]


def test_openings_in_several_cities_stand_once_behind_a_concentration(ds: m.Dataset) -> None:
    assert m.measure(ds, "city-hhi").rows["openings"][0] == m.ads_behind(ds, "city-hhi", "city", limit=1)[0]


def test_employers_that_hide_rank_as_none(tmp_path: Path) -> None:
    """Openings behind a name that hides are those of no employer: neither in the ranking nor in what it is out of."""
    write(tmp_path, Spec(ads=600))
    path = tmp_path / "published/employers.parquet"
    told = m.measure(m.open_dataset(tmp_path), "employer-rank").rows
    first = told["id"][0]
    employers = pl.read_parquet(path)
    employers.with_columns(is_anonymous=pl.col("employer_id") == first).write_parquet(path)
    ds = m.open_dataset(tmp_path)
    rows = m.measure(ds, "employer-rank").rows
    assert first not in rows["id"].to_list()
    assert rows["denominator"][0] == told["denominator"][0] - told["numerator"][0]
    assert m.ads_behind(ds, "employer-rank", "employer", limit=1)[0] == rows["denominator"][0]


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [(0.0, None, "0"), (0.00003, None, "<0.01"), (0.0009, 0, "<1"), (0.9998, 0, ">99"), (0.99996, None, ">99.9"),
     (1.0, None, "100"), (1 - 1e-15, None, "100"), (0.0009, None, "0.09"), (0.9994, None, "99.9"), (0.0, 0, "0"),
     (-0.00003, None, ">-0.01"), (-0.453, None, "-45.3"), (-0.0045, None, "-0.45"), (1.00004, None, "100.0")],
)  # fmt: skip
def test_a_share_that_is_not_quite_none_or_all_is_not_shown_so(
    ds: m.Dataset, value: float, digits: int | None, shown: str
) -> None:
    assert Labels(ds, "zh").share(value, digits) == f"{shown}%"
