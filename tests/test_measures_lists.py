"""The lists behind figures hold what the figures count."""

from __future__ import annotations

import datetime as dt
import json

import polars as pl
import pytest

from gangwei import measures as m
from gangwei import vocabulary as vocab
from gangwei.codebook import Codebook
from gangwei.labels import LANGS, Labels

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
