"""One number, whoever says it: the library, the command line, the brief, the explorer in every format, the release."""

from __future__ import annotations

import io
import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

import gangwei
from gangwei import measures
from gangwei.brief import report
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
    assert f"{words.share(defence.value)} ({words.integer(defence.numerator)})" in heads["affiliated"]["value"]


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
