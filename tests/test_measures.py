"""Measures against counts made without them, and against each other."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gangwei import intervals, schema
from gangwei import measures as m
from gangwei import vocabulary as vocab
from gangwei.codebook import Codebook
from gangwei.frame.check import DatasetError, SchemaMismatch
from gangwei.labels import LANGS, Labels
from gangwei.measures import ranks
from published_fixture import Spec, open_truth, write

IDS = tuple(m.load(Codebook()))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, float]]:
    d = tmp_path_factory.mktemp("made")
    return d, write(d)


@pytest.fixture(scope="module")
def ds(made: tuple[Path, dict[str, float]]) -> m.Dataset:
    return m.open_dataset(made[0])


def test_definitions_count_what_they_say(ds: m.Dataset, made: tuple[Path, dict[str, float]]) -> None:
    for d in ("strict", "related", "broad"):
        assert m.measure(ds, "ai-openings", where={"definition": d}).value == made[1][d]
    assert m.measure(ds, "openings").value == made[1]["openings"]
    share = m.measure(ds, "ai-share")
    assert share.value == pytest.approx(made[1]["related"] / made[1]["openings"])
    assert share.low is not None and share.high is not None and share.low < (share.value or 0) < share.high


@pytest.mark.parametrize(
    "by", ["province", "city", "cluster", "role", "education", "tier", "seniority", "year", "month"]
)
def test_groups_add_up(ds: m.Dataset, by: str) -> None:
    r = m.measure(ds, "ai-openings", by=by)
    assert r.rows["numerator"].sum() + r.unplaced == pytest.approx(m.measure(ds, "ai-openings").value)


def test_provinces_are_their_cities(ds: m.Dataset) -> None:
    provinces = dict(m.measure(ds, "ai-openings", by="province").rows.select("id", "numerator").iter_rows())
    cities = (
        m.measure(ds, "ai-openings", by="city")
        .rows.with_columns(pl.col("id").str.head(2).alias("p"))
        .group_by("p")
        .agg(pl.col("numerator").sum())
    )
    for p, n in cities.iter_rows():
        assert provinces[f"{p}0000"] == pytest.approx(n)


def test_several_cities_share_an_opening(ds: m.Dataset, made: tuple[Path, dict[str, float]]) -> None:
    t = open_truth(made[0]).filter(pl.col("ai_tier").is_in(["builder", "adjacent"]))
    whole = t.filter(pl.col("adcode") == "310000").height
    parts = t.filter(pl.col("place_status") == "multi").height * 0.5
    got = m.measure(ds, "ai-openings", where={"city": "310000"})
    assert got.value == pytest.approx(whole + parts)


def test_several_cities_by_each_rule(ds: m.Dataset, made: tuple[Path, dict[str, float]]) -> None:
    t = open_truth(made[0])
    multi = t.filter(pl.col("place_status") == "multi").height
    single = t.filter(pl.col("adcode").is_not_null()).height
    assert multi > 20
    places = pl.read_parquet(made[0] / "published/ad_places.parquet")
    first = places.group_by("ad_id", maintain_order=True).first().join(t.select("ad_id"), on="ad_id")
    for rule, total in (
        ("fractional", single + multi),
        ("first", single + multi),
        ("all", single + 2 * multi),
        ("exclude", single),
    ):
        r = m.measure(ds, "openings", by="city", where={"multi_city": rule})
        assert r.rows["numerator"].sum() == pytest.approx(total), rule
        assert r.unplaced == m.measure(ds, "openings").numerator - (single + multi if rule != "exclude" else single)
        n, _ = m.ads_behind(ds, "openings", "city", "310000", {"multi_city": rule}, limit=1)
        assert n == r.rows.filter(pl.col("id") == "310000")["openings"][0]
        if rule == "first":
            assert (
                r.rows.filter(pl.col("id") == "310000")["numerator"][0]
                == first.filter(pl.col("adcode") == "310000").height
            )


def test_county_cities_roll_up_or_stand_apart(tmp_path: Path) -> None:
    write(tmp_path, Spec(ads=600, cities=("320500", "310000")))
    path = tmp_path / "published/ads.parquet"
    ads = pl.read_parquet(path)
    at = pl.int_range(pl.len()) % 3
    suzhou = pl.when(at == 0).then(pl.lit("320583")).when(at == 1).then(pl.lit("320506"))
    ads.with_columns(county_adcode=pl.when(pl.col("adcode") == "320500").then(suzhou)).write_parquet(path)
    ds = m.open_dataset(tmp_path)
    rolled = dict(m.measure(ds, "openings", by="city").rows.select("id", "numerator").iter_rows())
    apart = m.measure(ds, "openings", by="city", where={"roll_up": "county"}).rows
    split = dict(apart.select("id", "numerator").iter_rows())
    assert set(split) == {"310000", "320500", "320583", "440300"} and set(split) - set(rolled) == {"320583"}
    assert split["320500"] + split["320583"] == rolled["320500"]
    assert apart.filter(pl.col("id") == "320583")["label"][0] == "Kunshan"
    counties = dict(m.measure(ds, "openings", by="county").rows.select("id", "numerator").iter_rows())
    assert set(counties) == {"320583", "320506"} and counties["320583"] == split["320583"]
    one = m.measure(ds, "openings", where={"roll_up": "county", "city": "320583"})
    assert one.numerator == split["320583"]
    with pytest.raises(m.UnknownParameter):
        m.measure(ds, "openings", where={"city": "320583"})


@pytest.mark.parametrize(
    ("where", "truth"),
    [
        ({"education": "master,doctor"}, pl.col("education").is_in(["master", "doctor"])),
        ({"education": "unknown"}, pl.col("education").is_null()),
        ({"sector": "defence"}, pl.col("defence").is_in(["group", "subsidiary", "university"])),
        (
            {"surveillance_company": "yes", "seniority": "senior"},
            pl.col("surveillance_company") & (pl.col("seniority") == "senior"),
        ),
        ({"month": "2024-03"}, None),
        ({"defence": "unknown"}, pl.col("defence").fill_null("unknown") == "unknown"),
        ({"pay_status": "ok"}, pl.col("pay_status") == "ok"),
    ],
)
def test_filters_filter(
    ds: m.Dataset, made: tuple[Path, dict[str, float]], where: dict[str, str], truth: pl.Expr | None
) -> None:
    got = m.measure(ds, "openings", where=where)
    if truth is not None:
        assert got.value == open_truth(made[0]).filter(truth).height
    else:
        assert 0 < (got.value or 0) < 3000


def test_boards(ds: m.Dataset, made: tuple[Path, dict[str, float]]) -> None:
    ads = pl.read_parquet(made[0] / "published/ads.parquet")
    for b in ds.boards:
        carried = ads.filter(pl.col("board") == b)["opening_id"].n_unique()
        others = ads.filter(pl.col("board") != b)["opening_id"].n_unique()
        assert m.measure(ds, "openings", where={"board": b}).value == carried
        assert m.measure(ds, "openings", where={"without_board": b}).value == others

    rows = m.measure(ds, "ai-share-without-board").rows
    assert rows["id"].to_list() == list(ds.boards)
    for r in rows.to_dicts():
        assert r["value"] == m.measure(ds, "ai-share", where={"without_board": r["id"]}).value


def test_staff_and_spells(ds: m.Dataset, made: tuple[Path, dict[str, float]]) -> None:
    staff = pl.read_parquet(made[0] / "published/employer_sizes.parquet")
    t = (
        open_truth(made[0])
        .filter(pl.col("ai_tier").is_in(["builder", "adjacent"]))
        .join(staff, on="employer_id", how="left")
    )
    got = dict(m.measure(ds, "employer-sizes").rows.select("id", "numerator").iter_rows())
    assert got == dict(t.group_by(pl.col("size_band").fill_null("unknown")).len().iter_rows())
    assert m.measure(ds, "spells-per-opening").value == 1.0


def test_spells_for_each_opening_do_not_weigh_openings_by_their_spells(tmp_path: Path) -> None:
    write(tmp_path, Spec(ads=400))
    opening = pl.read_parquet(tmp_path / "published/openings.parquet")["opening_id"]
    spells = pl.DataFrame({"opening_id": [opening[0]] * 9, "ordinal": range(1, 10)})
    spells = pl.concat([schema.SPELLS.conform(spells.with_columns(spell_id=pl.lit("s")))])
    spells.write_parquet(tmp_path / "published/spells.parquet")
    want = (len(opening) + 8) / len(opening)
    for grain in ("opening", "spell"):
        got = m.measure(m.open_dataset(tmp_path), "spells-per-opening", where={"grain": grain})
        assert got.value == pytest.approx(want), grain


def test_four_grains(ds: m.Dataset, made: tuple[Path, dict[str, float]]) -> None:
    rows = dict(m.measure(ds, "ads-per-opening").rows.select("id", "numerator").iter_rows())
    assert rows["ad"] == 4000 and rows["opening"] == made[1]["openings"]
    assert rows["ad"] > rows["exact"] > rows["opening"]


@pytest.mark.parametrize("texts", [True, False])
def test_exact_copies_have_one_employer_title_place_pay_and_text(tmp_path: Path, texts: bool) -> None:
    """Whatever the matcher joined them by: an ad is an exact copy when all of it was there before."""
    write(tmp_path)
    path = tmp_path / "published/texts.parquet"
    ads = pl.read_parquet(tmp_path / "published/ads.parquet")
    layout = pl.struct(
        kind=pl.lit("duties"), start=pl.lit(0, pl.Int32), end=(pl.int_range(pl.len()) % 2 + 8).cast(pl.Int32)
    )
    told = ads.with_columns(text=pl.lit("x" * 9), sections=pl.concat_list(layout)).select(*schema.TEXTS.polars)
    if texts:
        told.write_parquet(path)
    else:  # as `build --no-texts` leaves it
        path.unlink()
    alike = ["opening_id", "employer_id", "title", "adcode", "pay_min_fen", "pay_max_fen"]
    want = ads.join(told, on="ad_id").select(*alike, "sections") if texts else ads.select(*alike, "match_score")
    rows = dict(m.measure(m.open_dataset(tmp_path), "ads-per-opening").rows.select("id", "numerator").iter_rows())
    assert rows["exact"] == want.unique().height
    assert rows["ad"] > rows["exact"] > rows["opening"]


def test_spells_are_those_of_dated_openings(tmp_path: Path) -> None:
    """Of two openings one is dated: the row of spells counts that one, out of the dated ones."""
    write(tmp_path, Spec(ads=400))
    path = tmp_path / "published/openings.parquet"
    openings = pl.read_parquet(path).with_columns(
        first_date=pl.when(pl.int_range(pl.len()) % 2 == 0).then("first_date"),
        last_date=pl.when(pl.int_range(pl.len()) % 2 == 0).then("last_date"),
    )
    openings.write_parquet(path)
    rows = {r["id"]: r for r in m.measure(m.open_dataset(tmp_path), "ads-per-opening").rows.to_dicts()}
    dated = openings["first_date"].count()
    assert rows["opening"]["numerator"] == openings.height > dated
    assert (rows["spell"]["numerator"], rows["spell"]["denominator"]) == (dated, dated)


def test_figures_by_definition_are_those_of_each_definition(ds: m.Dataset) -> None:
    """A wider definition is not cut to the openings of the default one, and no share is that of itself."""
    for measure_id in ("ai-openings", "ai-share", "pay-median", "ai-repeat-rate"):
        rows = m.measure(ds, measure_id, "definition").rows.to_dicts()
        assert [r["id"] for r in rows] == list(vocab.DEFINITIONS)
        for r in rows:
            one = m.measure(ds, measure_id, where={"definition": r["id"]})
            assert (r["value"], r["low"], r["high"], r["numerator"]) == (one.value, one.low, one.high, one.numerator)
            n, _ = m.ads_behind(ds, measure_id, "definition", r["id"], limit=1)
            assert n == r["openings"] or (measure_id == "ai-share" and n == r["numerator"])


def test_tiers_cumulate_and_obey_the_day(ds: m.Dataset) -> None:
    rows = dict(m.measure(ds, "defence-tiers").rows.select("id", "numerator").iter_rows())
    assert rows["T1-T4"] == rows["T1"] + rows["T2"] + rows["T3"] + rows["T4"]
    before = dict(m.measure(ds, "defence-tiers", as_of="2019-01-01").rows.select("id", "numerator").iter_rows())
    assert before["T1"] == rows["T1"] and "T2" not in before and "T3" not in before
    assert (
        dict(m.measure(ds, "defence-tiers", lists="1260H").rows.select("id", "numerator").iter_rows())["T3"]
        == rows["T3"]
    )
    with pytest.raises(m.UnknownParameter):
        m.measure(ds, "defence-tiers", lists="nothing")


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


@pytest.mark.parametrize(
    ("measure_id", "by", "where"),
    [
        ("nothing", None, {}), ("ai-share", "nothing", {}), ("ai-share", None, {"nothing": "1"}), ("ai-share", None, {"province": "999999"}),
        ("ai-share", None, {"definition": "strict' OR 1=1 --"}), ("ai-share", None, {"year": "2024; DROP TABLE fact"}), ("ai-share", None, {"grain": "x"}),
        ("ai-share", None, {"board": ""}), ("ai-share", None, {"scope": "x"}), ("ai-share", None, {"employer": "x' OR 1"}), ("ai-share", "cluster", {"scope": "x"}), ("ai-share", "city", {"multi_city": "half"}), ("ai-share", "city", {"roll_up": "x"}),
    ],
)  # fmt: skip
def test_unknown_parameters_are_refused(ds: m.Dataset, measure_id: str, by: str | None, where: dict[str, str]) -> None:
    with pytest.raises(m.UnknownParameter) as e:
        m.measure(ds, measure_id, by, where)
    assert e.value.allowed is not None


def test_connection_reads_nothing_else(ds: m.Dataset, tmp_path: Path) -> None:
    import duckdb

    other = tmp_path / "other.csv"
    other.write_text("a\n1\n")
    with pytest.raises((duckdb.Error, DatasetError)):
        ds.rows(f"SELECT * FROM read_csv('{other}')")
    with pytest.raises((duckdb.Error, DatasetError)):
        ds.rows("SET enable_external_access=true")


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


@pytest.mark.parametrize("measure_id", ["openings", "ads-per-opening", "repeat-sensitivity"])
def test_a_group_of_a_figure_that_lists_none_is_refused(ds: m.Dataset, measure_id: str) -> None:
    with pytest.raises(m.UnknownParameter, match="unknown group"):
        m.ads_behind(ds, measure_id, None, "ad")


def test_a_share_without_a_board_lists_what_is_left(ds: m.Dataset) -> None:
    r = m.measure(ds, "ai-share-without-board")
    for row in r.rows.to_dicts():
        assert m.ads_behind(ds, "ai-share-without-board", None, row["id"], limit=1)[0] == row["numerator"]


def test_durations_and_spells_list_what_they_count(ds: m.Dataset) -> None:
    n, page = m.ads_behind(ds, "vacancy-days", limit=10_000)
    assert n == m.measure(ds, "vacancy-days").numerator and (page["last_date"] > page["first_date"]).all()
    assert m.ads_behind(ds, "spells-per-opening", limit=1)[0] == m.measure(ds, "spells-per-opening").denominator


def test_units_of_the_whole_and_of_groups() -> None:
    known = m.load(Codebook())
    assert known["emerging-cities"].unit == "share" and known["emerging-cities"].row_unit == "ratio"
    assert known["ads-per-opening"].unit == "count" and known["ads-per-opening"].head_unit == "ratio"


def test_one_employer_has_no_interval_of_its_count(ds: m.Dataset) -> None:
    r = m.measure(ds, "ai-openings", "employer")
    assert r.rows["low"].null_count() == r.rows.height
    one = m.measure(ds, "ai-openings", where={"employer": r.rows["id"][0]})
    assert one.value == r.rows["value"][0] and one.low is None


def test_one_employer_says_little_of_concentration(ds: m.Dataset) -> None:
    employer = m.measure(ds, "ai-openings", "employer").rows["id"][0]
    for name in ("city-top-share", "city-hhi"):
        r = m.measure(ds, name, where={"employer": employer})
        assert r.value is not None and r.low is not None and r.high is not None
        assert r.high - r.low > 0.5 and r.low <= r.value <= r.high


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


def test_skills_and_pairs(ds: m.Dataset, made: tuple[Path, dict[str, float]]) -> None:
    asks = pl.read_parquet(made[0] / "published/skills.parquet")
    ai = open_truth(made[0]).filter(pl.col("ai_tier").is_in(["builder", "adjacent"])).select("ad_id")
    mine = asks.join(ai, on="ad_id").group_by("ad_id").agg("skill_id")
    r = m.measure(ds, "ai-skills")
    assert dict(r.rows.select("id", "numerator").iter_rows()) == {
        s: mine.filter(pl.col("skill_id").list.contains(s)).height for s in ("python", "pytorch", "sql")
    }
    assert r.rows["label"].to_list()[0] == "Python" and "skills_ai_only" in r.notes
    assert r.rows["value"][0] == pytest.approx(r.rows["numerator"][0] / ai.height)
    pair = m.measure(ds, "ai-skill-pairs").rows.to_dicts()[0]
    both = mine.filter(pl.col("skill_id").list.contains("python") & pl.col("skill_id").list.contains("sql")).height
    assert (pair["id"], pair["label"], pair["numerator"]) == ("python + sql", "Python + SQL", both)
    assert m.ads_behind(ds, "ai-skill-pairs", None, "python + sql", limit=1)[0] == both
    who = (
        open_truth(made[0])
        .filter(pl.col("ai_tier").is_in(["builder", "adjacent"]))
        .select("ad_id", who=pl.coalesce("employer_id", "ad_id"))
    )
    hit = mine.select(
        "ad_id", h=(pl.col("skill_id").list.contains("python") & pl.col("skill_id").list.contains("sql")).cast(pl.Int64)
    )
    sums = who.join(hit, on="ad_id", how="left").group_by("who").agg(pl.len().alias("t"), pl.col("h").sum())
    h, t = (sums[c].to_numpy().astype(float) for c in ("h", "t"))
    e = intervals.cluster_share(h.sum(), t.sum(), h @ h, h @ t, t @ t, len(t))
    assert (pair["low"], pair["high"], pair["n_eff"]) == pytest.approx((e.low, e.high, e.n_eff))
    assert (
        m.measure(ds, "ai-openings", where={"skill": "python,sql"}).value
        == mine.filter(pl.col("skill_id").list.contains("python") | pl.col("skill_id").list.contains("sql")).height
    )


def test_repeats_and_what_is_missing_by_board(ds: m.Dataset, made: tuple[Path, dict[str, float]]) -> None:
    ads = pl.read_parquet(made[0] / "published/ads.parquet")
    reps = pl.read_parquet(made[0] / "published/openings.parquet")["ad_id"]
    r = m.measure(ds, "repeat-rate", by="board").rows
    for row in r.to_dicts():
        mine = ads.filter(pl.col("board") == row["id"])
        assert row["denominator"] == mine.height
        assert row["numerator"] == mine.filter(~pl.col("ad_id").is_in(reps.implode())).height
    board = ds.boards[0]
    mine = ads.filter(pl.col("board") == board)
    got = dict(m.measure(ds, "missing", where={"board": board}).rows.select("id", "numerator").iter_rows())
    assert got["pay"] == mine.filter(pl.col("pay_status") != "ok").height
    assert got["education"] == mine["education"].null_count()
    assert got["city"] == mine.filter(pl.col("place_status") == "none").height
    assert got["text"] == mine.height and "date" not in got
    assert m.ads_behind(ds, "missing", "missing", "pay", {"board": board}, limit=1)[0] == got["pay"]


def test_other_thresholds_and_campaigns(ds: m.Dataset, made: tuple[Path, dict[str, float]], tmp_path: Path) -> None:
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


def test_python_api(ds: m.Dataset) -> None:
    r = m.measure(ds, "ai-share", by="province", where={"sector": "defence"}, lang="zh")
    assert r.arrow().num_rows == r.polars().height
    assert r.permalink == "/m/ai-share?by=province&where=sector%3Ddefence"
    assert r.command == "gangwei measure DIR ai-share --by province --where sector=defence"


@pytest.mark.parametrize(
    "spec",
    [
        Spec(ads=0, employers=0),
        Spec(ads=300, ai=0.0),
        Spec(ads=300, cities=("310000",)),
        Spec(ads=300, dates=False),
        Spec(ads=40, employers=1),
    ],
)
def test_odd_datasets_answer(tmp_path: Path, spec: Spec) -> None:
    write(tmp_path, spec)
    ds = m.open_dataset(tmp_path)
    for id_ in IDS:
        json.dumps(m.measure(ds, id_).record(), allow_nan=False)
        m.ads_behind(ds, id_, limit=2)


def test_refuses_what_it_cannot_read(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such directory"):
        m.open_dataset(tmp_path / "none")
    with pytest.raises(DatasetError, match="not a dataset"):
        m.open_dataset(tmp_path)
    (tmp_path / "stages").mkdir()
    with pytest.raises(DatasetError, match="half built"):
        m.open_dataset(tmp_path)
    write(tmp_path, Spec(ads=50, schema_version=99))
    with pytest.raises(SchemaMismatch, match="99"):
        m.open_dataset(tmp_path)


@pytest.mark.parametrize("harm", ["missing", "garbage", "short", "no_column", "no_manifest", "bad_json"])
def test_refuses_a_harmed_dataset(tmp_path: Path, harm: str) -> None:
    write(tmp_path, Spec(ads=50))
    out = tmp_path / "published"
    path = out / "openings.parquet"
    if harm == "missing":
        path.unlink()
    elif harm == "garbage":
        path.write_bytes(b"PAR1 nothing PAR1")
    elif harm == "short":
        path.write_bytes(path.read_bytes()[:200])
    elif harm == "no_column":
        pl.read_parquet(path).drop("n_ads").write_parquet(path)
    elif harm == "no_manifest":
        (out / "manifest.json").unlink()
    else:
        (out / "datapackage.json").write_text("{")
    with pytest.raises(DatasetError) as e:
        m.open_dataset(tmp_path)
    said, advice = {
        "missing": ("openings.parquet is missing", "run the same `gangwei build` again"),
        "garbage": ("openings.parquet is corrupted", "run `gangwei build` again"),
        "short": ("openings.parquet is corrupted", "run `gangwei build` again"),
        "no_column": ("openings.parquet lacks the columns n_ads", "build the dataset again"),
        "no_manifest": ("manifest.json is missing", "run the same `gangwei build` again"),
        "bad_json": ("datapackage.json: cannot be read as JSON", "run `gangwei build` again"),
    }[harm]
    assert said in str(e.value) and str(e.value).endswith(advice)


@pytest.mark.parametrize(
    ("measure_id", "by"),
    [("ads-per-opening", "province"), ("ai-skill-pairs", "role"), ("ai-concepts", "city"), ("ai-share-without-board", "month"),
     ("repeat-sensitivity", "board"), ("emerging-cities", "role"), ("cities-with-ai", "skill"), ("city-rank", "employer"),
     ("employer-rank", "province"), ("pay-premium", "employer"), ("ai-stock", "province")],
)  # fmt: skip
def test_a_group_that_a_measure_does_not_have_is_refused(ds: m.Dataset, measure_id: str, by: str) -> None:
    with pytest.raises(m.UnknownParameter, match=measure_id) as e:
        m.measure(ds, measure_id, by=by)
    assert by not in e.value.allowed and set(e.value.allowed) <= set(vocab.BY)


@pytest.mark.parametrize("by", ["terms", "term"])
def test_concepts_go_by_their_names(ds: m.Dataset, by: str) -> None:
    for lang in LANGS:
        assert not any("_" in label for label in Labels(ds, lang).group_values(by, ds.concepts))
    assert Labels(ds, "zh").group_values(by, ["deep_learning"]) == ["深度学习"]


@pytest.mark.parametrize("measure_id", IDS)
def test_every_measure_groups_by_what_it_has_by_default(ds: m.Dataset, measure_id: str) -> None:
    found = m.load(ds.codebook)[measure_id]
    assert found.default_by is None or found.default_by in found.groups


@pytest.mark.parametrize("by", ["province", "role", "education", "board", "defence_tier"])
def test_a_premium_of_a_group_is_that_of_its_filter(ds: m.Dataset, by: str) -> None:
    grouped = m.measure(ds, "pay-premium", by=by)
    assert grouped.rows.height > 0
    for r in grouped.rows.filter(pl.col("id") != "unknown").head(3).to_dicts():
        alone = m.measure(ds, "pay-premium", where={by: r["id"]})
        assert (r["value"], r["low"], r["high"]) == (alone.value, alone.low, alone.high), r["id"]
        n, _ = m.ads_behind(ds, "pay-premium", by, r["id"], limit=1)
        assert r["numerator"] <= n < r["numerator"] + max(1.0, 0.2 * n)
        if by != "province":
            assert n == r["numerator"] == alone.numerator


def test_medians_of_pay_are_in_yuan(ds: m.Dataset) -> None:
    middle = (pl.col("pay_min_fen") + pl.col("pay_max_fen")) / 200
    monthly = (pl.col("pay_status") == "ok") & (pl.col("pay_unit") == "month")
    paid = pl.read_parquet(ds.published / "ads.parquet").filter(monthly).select(middle).to_series()
    found = m.measure(ds, "pay-median-all")
    assert found.value is not None and paid.min() <= found.value <= paid.max()  # type: ignore[operator]
    assert Labels(ds, "en").quantity(found.value, found.measure.unit) == f"¥{round(found.value, -1):,.0f}"


@pytest.mark.parametrize("measure_id", ["pay-median", "vacancy-days"])
def test_a_median_by_skill_is_of_each_opening_once(ds: m.Dataset, measure_id: str) -> None:
    whole, by_skill = m.measure(ds, measure_id), m.measure(ds, measure_id, by="skill")
    assert (by_skill.value, by_skill.low, by_skill.numerator) == (whole.value, whole.low, whole.numerator)
    n, _ = m.ads_behind(ds, measure_id, "skill", limit=1)
    assert n == whole.numerator


def test_months_and_years_count_what_names_no_day(tmp_path: Path) -> None:
    write(tmp_path, Spec(ads=3000))
    published = tmp_path / "published"
    ads = pl.read_parquet(published / "ads.parquet")
    of = pl.col("opening_id").rank("dense") % 4
    rough = of.replace_strict({0: "day", 1: "month", 2: "year", 3: "none"}, return_dtype=pl.String)
    seen = pl.coalesce("posted_date", "captured_date")
    start = pl.when(rough == "month").then(seen.dt.truncate("1mo")).when(rough == "year").then(seen.dt.truncate("1y"))
    ads = ads.with_columns(
        posted_date=pl.when(rough == "day").then(seen).otherwise(start), date_precision=rough,
        captured_date=pl.lit(None, pl.Date),
    )  # fmt: skip
    ads.write_parquet(published / "ads.parquet")
    dated = ads.group_by("opening_id").agg(
        day=(pl.col("posted_date").filter(pl.col("date_precision") == "day")).min(), any=pl.col("posted_date").min(),
        precision=pl.col("date_precision").first(),
    )  # fmt: skip
    openings = pl.read_parquet(published / "openings.parquet").join(dated, on="opening_id", maintain_order="left")
    openings.with_columns(first_date="day", last_date="day").drop("day", "any", "precision").write_parquet(
        published / "openings.parquet"
    )
    ds = m.open_dataset(tmp_path)
    for by, form, known in (("month", "%Y-%m", ["day", "month"]), ("year", "%Y", ["day", "month", "year"])):
        r = m.measure(ds, "ai-mix", by, {"definition": "broad"})
        found = dict(r.rows.select("id", "numerator").iter_rows())
        when = (
            pl.when(pl.col("precision").is_in(known)).then(pl.col("any").dt.strftime(form)).otherwise(pl.lit("unknown"))
        )
        wanted = dict(openings.filter(pl.col("ai_tier") != "none").group_by(when.alias("id")).len().iter_rows())
        assert {k: int(v) for k, v in found.items() if v} == wanted, by
        for group, n in wanted.items():
            assert m.ads_behind(ds, "ai-openings", where={"definition": "broad", by: group}, limit=1)[0] == n
        of_ads = m.measure(ds, "openings", by, {"grain": "ad"}).rows
        whole = dict(ads.group_by(pl.when(pl.col("date_precision").is_in(known)).then(pl.col("posted_date").dt.strftime(form)).otherwise(pl.lit("unknown")).alias("id")).len().iter_rows())  # fmt: skip
        assert {k: int(v) for k, v in of_ads.select("id", "numerator").iter_rows()} == whole, by


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


@pytest.mark.parametrize("by", ["defence", "sector", "state_owned", "education"])
def test_the_median_of_a_group_is_that_of_its_filter(ds: m.Dataset, by: str) -> None:
    groups = m.measure(ds, "pay-median-all", by=by).rows
    assert by != "defence" or "unknown" in groups["id"]
    for r in groups.iter_rows(named=True):
        alone = m.measure(ds, "pay-median-all", where={by: r["id"]})
        if not r["suppressed"]:
            assert (r["value"], r["low"], r["high"]) == (alone.value, alone.low, alone.high)


def test_the_numerator_of_the_largest_is_the_sum_of_their_rows(ds: m.Dataset) -> None:
    for by in ("city", "employer"):
        r = m.measure(ds, f"{by}-top-share", by)
        assert r.numerator == sum(r.rows["numerator"])
