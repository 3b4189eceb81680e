"""Measures against counts made without them, and against each other."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from gangwei import intervals, schema
from gangwei import measures as m
from gangwei import vocabulary as vocab
from gangwei.codebook import Codebook
from gangwei.labels import Labels
from published_fixture import Spec, open_truth, write

IDS = tuple(m.load(Codebook()))


def test_definitions_count_what_they_say(ds: m.Dataset, known: tuple[Path, dict[str, float]]) -> None:
    for d in ("strict", "related", "broad"):
        assert m.measure(ds, "ai-openings", where={"definition": d}).value == known[1][d]
    assert m.measure(ds, "openings").value == known[1]["openings"]
    share = m.measure(ds, "ai-share")
    assert share.value == pytest.approx(known[1]["related"] / known[1]["openings"])
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


def test_several_cities_share_an_opening(ds: m.Dataset, known: tuple[Path, dict[str, float]]) -> None:
    t = open_truth(known[0]).filter(pl.col("ai_tier").is_in(["builder", "adjacent"]))
    whole = t.filter(pl.col("adcode") == "310000").height
    parts = t.filter(pl.col("place_status") == "multi").height * 0.5
    got = m.measure(ds, "ai-openings", where={"city": "310000"})
    assert got.value == pytest.approx(whole + parts)


def test_several_cities_by_each_rule(ds: m.Dataset, known: tuple[Path, dict[str, float]]) -> None:
    t = open_truth(known[0])
    multi = t.filter(pl.col("place_status") == "multi").height
    single = t.filter(pl.col("adcode").is_not_null()).height
    assert multi > 20
    places = pl.read_parquet(known[0] / "published/ad_places.parquet")
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


@pytest.mark.parametrize(("measure_id", "column"), [("openings", "numerator"), ("ai-share", "denominator")])
def test_an_opening_counts_once_in_each_province(tmp_path: Path, measure_id: str, column: str) -> None:
    """An opening in two cities of a province stands in both of them, and once in the province."""
    write(tmp_path, Spec(ads=600))
    path = tmp_path / "published/ad_places.parquet"
    apart = pl.col("weight").eq(0.5) & pl.col("adcode").eq("310000")
    pl.read_parquet(path).with_columns(
        adcode=pl.when(apart).then(pl.lit("440100")).otherwise(pl.col("adcode"))
    ).write_parquet(path)
    ds = m.open_dataset(tmp_path)
    t = open_truth(tmp_path)
    multi = t.filter(pl.col("place_status") == "multi").height
    shenzhen = t.filter(pl.col("adcode") == "440300").height
    single = t.filter(pl.col("adcode").str.starts_with("44")).height
    every = {"multi_city": "all"}
    n = dict(m.measure(ds, measure_id, "province", every).rows.select("id", column).iter_rows())
    assert multi > 0 and n["440000"] == single + multi
    cities = dict(m.measure(ds, measure_id, "city", every).rows.select("id", column).iter_rows())
    assert (
        cities["440100"] - t.filter(pl.col("adcode") == "440100").height == multi
        and cities["440300"] == shenzhen + multi
    )
    assert getattr(m.measure(ds, measure_id, where=every | {"province": "440000"}), column) == single + multi


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
    ds: m.Dataset, known: tuple[Path, dict[str, float]], where: dict[str, str], truth: pl.Expr | None
) -> None:
    got = m.measure(ds, "openings", where=where)
    if truth is not None:
        assert got.value == open_truth(known[0]).filter(truth).height
    else:
        assert 0 < (got.value or 0) < 3000


def test_boards(ds: m.Dataset, known: tuple[Path, dict[str, float]]) -> None:
    ads = pl.read_parquet(known[0] / "published/ads.parquet")
    for b in ds.boards:
        carried = ads.filter(pl.col("board") == b)["opening_id"].n_unique()
        others = ads.filter(pl.col("board") != b)["opening_id"].n_unique()
        assert m.measure(ds, "openings", where={"board": b}).value == carried
        assert m.measure(ds, "openings", where={"without_board": b}).value == others

    rows = m.measure(ds, "ai-share-without-board").rows
    assert rows["id"].to_list() == list(ds.boards)
    for r in rows.to_dicts():
        assert r["value"] == m.measure(ds, "ai-share", where={"without_board": r["id"]}).value


def test_staff_and_spells(ds: m.Dataset, known: tuple[Path, dict[str, float]]) -> None:
    staff = pl.read_parquet(known[0] / "published/employer_sizes.parquet")
    t = (
        open_truth(known[0])
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


def test_four_grains(ds: m.Dataset, known: tuple[Path, dict[str, float]]) -> None:
    rows = dict(m.measure(ds, "ads-per-opening").rows.select("id", "numerator").iter_rows())
    assert rows["ad"] == 4000 and rows["opening"] == known[1]["openings"]
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
    held = {r[0] for r in ds.rows("SELECT DISTINCT list_id FROM affiliation WHERE tier <> 'T3'")}
    with pytest.raises(m.UnknownParameter) as refused:  # lists of the other tiers would change nothing but T3
        m.measure(ds, "defence-tiers", lists=sorted(held)[0])
    assert held.isdisjoint(refused.value.allowed) and {"1260H", "us_entity_list"} <= set(refused.value.allowed)


def test_skills_and_pairs(ds: m.Dataset, known: tuple[Path, dict[str, float]]) -> None:
    asks = pl.read_parquet(known[0] / "published/skills.parquet")
    ai = open_truth(known[0]).filter(pl.col("ai_tier").is_in(["builder", "adjacent"])).select("ad_id")
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
        open_truth(known[0])
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


def test_repeats_and_what_is_missing_by_board(ds: m.Dataset, known: tuple[Path, dict[str, float]]) -> None:
    ads = pl.read_parquet(known[0] / "published/ads.parquet")
    reps = pl.read_parquet(known[0] / "published/openings.parquet")["ad_id"]
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
