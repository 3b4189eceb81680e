"""One number, whoever says it: the library, the command line, the brief, the explorer in every format, the release."""

from __future__ import annotations

import html
import io
import json
import re
import shlex
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

import gangwei
from gangwei import measures
from gangwei.brief import report
from gangwei.brief.writer import Writer
from gangwei.cli import main
from gangwei.codebook import Codebook
from gangwei.explore.server import create
from gangwei.labels import Labels
from published_fixture import Spec, write

IDS = tuple(measures.load(Codebook()))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    d = tmp_path_factory.mktemp("made")
    write(d, Spec(ads=2500))
    return d


@pytest.fixture(scope="module")
def client(made: Path) -> TestClient:
    return TestClient(create(made))


@pytest.mark.parametrize("measure_id", IDS)
def test_every_door_gives_the_same_rows(made: Path, client: TestClient, measure_id: str) -> None:
    api = gangwei.open(made).measure(measure_id)
    want = json.loads(json.dumps(api.record(), default=str))
    said = json.loads(CliRunner().invoke(main, ["measure", str(made), measure_id, "--json"]).stdout)
    assert said == want
    page = client.get(f"/m/{measure_id}.json").json()
    for key in ("value", "low", "high", "numerator", "denominator", "rows", "unit"):
        assert page[key] == want[key], key
    frame = api.polars()
    assert pl.read_parquet(io.BytesIO(client.get(f"/m/{measure_id}.parquet").content)).equals(frame)
    if frame.height:
        lines = CliRunner().invoke(main, ["measure", str(made), measure_id, "--csv"]).stdout
        web = client.get(f"/m/{measure_id}.csv").content
        for text in (lines.encode(), web):
            got = pl.read_csv(text, infer_schema_length=None)
            assert got.columns == frame.columns
            assert got["numerator"].cast(pl.Float64).to_list() == pytest.approx(frame["numerator"].to_list())


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_brief_says_what_the_measures_say(made: Path, tmp_path: Path, lang: str) -> None:
    heads = {h["id"]: h for h in report.write_from(made, tmp_path / "b.html", lang=lang)}
    page = (tmp_path / "b.html").read_text("utf-8")
    ds = measures.open_dataset(made)
    words = Labels(ds, lang)
    for claim, measure_id in (
        ("cluster_share", "cluster-share"),
        ("top_ten", "city-top-share"),
        ("cities_with_ai", "cities-with-ai"),
    ):
        r = measures.measure(ds, measure_id)
        shown = words.integer(r.value) if r.measure.unit == "places" else words.share(r.value)
        assert heads[claim]["value"] == shown and shown in page
        assert words.interval(r.low, r.high, r.measure.unit) in heads[claim]["interval"]
    defence = measures.measure(ds, "defence-share")
    said = Writer(ds, lang).bracketed(words.share(defence.value), words.integer(defence.numerator))
    assert said in heads["affiliated"]["value"]


@pytest.mark.parametrize("definition", ["strict", "related", "broad", "mention"])
def test_provinces_clusters_and_cities_sum_to_the_nation(made: Path, definition: str) -> None:
    ds = measures.open_dataset(made)
    where = {"definition": definition}
    nation = measures.measure(ds, "ai-openings", where=where).numerator
    for by in ("province", "city", "cluster"):
        r = measures.measure(ds, "ai-openings", by=by, where=where)
        assert r.rows["numerator"].sum() + r.unplaced == pytest.approx(nation), by
    for by in ("board", "subfield"):
        r = measures.measure(ds, "ai-mix", by=by, where=where)
        assert r.denominator == pytest.approx(nation), by


@pytest.mark.parametrize("measure_id", IDS)
def test_the_ads_behind_a_figure_are_as_many_as_it_says(made: Path, client: TestClient, measure_id: str) -> None:
    ds = measures.open_dataset(made)
    r = measures.measure(ds, measure_id)
    if r.measure.kind not in (
        "count",
        "share",
        "mix",
        "rank",
        "top",
        "lq",
        "median",
        "pairs",
        "emerging",
        "coverage",
        "stock",
        "terms",
    ):
        return
    for row in r.rows.head(2).to_dicts() if "id" in r.rows.columns else []:
        n, page = measures.ads_behind(ds, measure_id, r.by, row["id"], limit=10_000)
        assert n == page.height == row["openings"], row["id"]
    if r.by is not None:
        row = r.rows.to_dicts()[0]
        asked = {"by": r.by, "group": row["id"]}
        assert client.get(f"/m/{measure_id}/ads.json", params=asked).json()["total"] == row["openings"]


def test_the_commands_of_the_brief_list_its_openings(made: Path, tmp_path: Path) -> None:
    report.write_from(made, tmp_path / "b.html", lang="en")
    page = (tmp_path / "b.html").read_text("utf-8")
    evidence = re.findall(r'class="n">\(([\d,]+)\)</span></h4>\s*<p class="links"><code>([^<]+)</code>', page)
    assert len(evidence) > 15
    for n, command in evidence:
        args = [str(made) if a == "DIR" else a for a in shlex.split(html.unescape(command))[1:]]
        said = json.loads(CliRunner().invoke(main, [*args, "--json"]).stdout)
        assert said["n"] == len(said["openings"]) == int(n.replace(",", "")), command


def test_the_command_line_lists_the_openings_of_a_group(made: Path) -> None:
    row = measures.measure(measures.open_dataset(made), "ai-openings", by="province").rows.to_dicts()[0]
    args = ["measure", str(made), "ai-openings", "--by", "province", "--ads", "--group", row["id"]]
    listed = pl.read_csv(CliRunner().invoke(main, [*args, "--csv"]).stdout.encode(), infer_schema_length=None)
    assert listed.height == row["openings"] and listed["ad_id"].n_unique() == listed.height
    shown = CliRunner().invoke(main, args, env={"COLUMNS": "100"}).stdout
    assert listed["ad_id"][0] in shown and "more: --csv" in shown
    assert CliRunner().invoke(main, [*args[:-2], "--group", "nowhere"]).exit_code == 2
    assert CliRunner().invoke(main, ["measure", str(made), "ai-openings", "--group", "x"]).exit_code == 2


def test_openings_drawn_for_the_brief_are_the_same_each_time_and_spread_over_the_dataset(made: Path) -> None:
    ds = measures.open_dataset(made)
    n, every = measures.ads_behind(ds, "ai-openings", limit=None)
    assert every.height == n > 100
    _, drawn = measures.ads_behind(ds, "ai-openings", limit=50, drawn=True)
    _, again = measures.ads_behind(ds, "ai-openings", limit=25, offset=25, drawn=True)
    assert drawn[25:].equals(again)
    places = [every["ad_id"].to_list().index(a) for a in drawn["ad_id"]]
    assert min(places) < n / 5 and max(places) > n * 4 / 5 and places != sorted(places)


@pytest.mark.parametrize("page", [{"limit": -1}, {"offset": -5}])
def test_openings_before_the_first_are_refused(made: Path, page: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="0 or more"):
        gangwei.open(made).ads("ai-openings", **page)


@pytest.mark.parametrize(
    ("by", "across"), [("province", "education"), ("education", "board"), ("subfield", "definition")]
)
def test_a_figure_by_two_dimensions_is_that_of_each_filter(made: Path, by: str, across: str) -> None:
    data = gangwei.open(made)
    rows = data.crossed("ai-share", by, across)
    for value in data.measure("ai-share", across).polars()["id"]:
        want = data.measure("ai-share", by, {across: value}).polars()
        assert rows.filter(pl.col(across) == value).drop(across, f"{across}_label").equals(want), value
    args = ["measure", str(made), "ai-share", "--by", by, "--across", across]
    printed = pl.read_csv(CliRunner().invoke(main, [*args, "--csv"]).stdout.encode(), infer_schema_length=None)
    assert printed.height == rows.height and printed.columns == rows.columns
    assert len(json.loads(CliRunner().invoke(main, [*args, "--json"]).stdout)["rows"]) == rows.height
    assert CliRunner().invoke(main, args).exit_code == 0


def test_a_second_dimension_needs_a_first_and_another_one(made: Path) -> None:
    for more in (["--across", "year"], ["--by", "year", "--across", "year"], ["--by", "city", "--across", "x"],
                 ["--by", "city", "--across", "year", "--ads"], ["--by", "city", "--across", "year", "--where", "year=2024"]):  # fmt: skip
        assert CliRunner().invoke(main, ["measure", str(made), "ai-share", *more]).exit_code == 2, more
