"""The interface description against the explorer itself: what it promises is what is answered, and nothing breaks it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from explore_fixture import serving
from gangwei import vocabulary
from gangwei.explore.server import create


@pytest.fixture(scope="module")
def client(explored: Path) -> TestClient:
    return TestClient(create(explored))


def test_the_vocabulary_is_closed_in_the_description(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    given = {p["name"]: p for p in paths["/m/{measure_id}.json"]["get"]["parameters"]}
    assert set(given["by"]["schema"]["enum"]) == {"", *vocabulary.BY}
    closed, *opened = given["where"]["schema"]["items"]["anyOf"]
    assert "education=master" in closed["enum"] and "province=440000" in closed["enum"]
    assert {re.match(r"\^(\w+)=", o["pattern"])[1] for o in opened} == {"year", "month", "employer"}  # type: ignore[index]
    assert "ai-share" in given["measure_id"]["schema"]["enum"]


def test_every_path_of_the_description_answers(client: TestClient, explored: Path) -> None:
    import polars as pl

    ads = pl.read_parquet(explored / "published" / "ads.parquet")
    parts = {
        "measure_id": "ai-share", "adcode": "440300", "employer_id": ads["employer_id"].drop_nulls()[0], "ad_id": ads["ad_id"][0],
        "code": ads["occupation_code"].drop_nulls()[0], "skill_id": "python", "concept": "deep_learning",
    }  # fmt: skip
    paths = client.get("/openapi.json").json()["paths"]
    assert len(paths) > 25
    for path, methods in paths.items():
        answer = client.get(path.format(**parts))
        assert answer.status_code == 200, (path, answer.text[:300])
        promised = next(iter(methods["get"]["responses"]["200"]["content"]))
        assert answer.headers["content-type"].startswith(promised), path


@pytest.mark.slow
def test_schemathesis_finds_nothing(explored: Path) -> None:
    schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed (pip install -e '.[dev]')")
    from hypothesis import HealthCheck, given, settings
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks

    asked = (
        not_a_server_error, checks.status_code_conformance, checks.content_type_conformance,
        checks.response_schema_conformance, checks.negative_data_rejection,
    )  # fmt: skip
    with serving(create(explored)) as address:
        schema = schemathesis.openapi.from_url(f"{address}/openapi.json")
        tried = 0
        for found in schema.get_all_operations():
            operation = found.ok()
            for mode in schemathesis.GenerationMode:

                @given(case=operation.as_strategy(generation_mode=mode))
                @settings(
                    max_examples=15,
                    deadline=None,
                    database=None,
                    derandomize=True,
                    suppress_health_check=list(HealthCheck),
                )
                def run(case: object) -> None:
                    nonlocal tried
                    tried += 1
                    case.call_and_validate(checks=asked)  # type: ignore[attr-defined]

                run()
        assert tried > 300


def test_a_standing_date_and_lists_hold_where_an_address_names_none(explored: Path) -> None:
    from gangwei import measures
    from gangwei.vocabulary import UnknownParameter

    ds = measures.open_dataset(explored)
    with TestClient(create(explored, as_of="2019-01-01", lists="us_1260h")) as client:
        given = client.get("/m/defence-tiers.json").json()
        assert (given["as_of"], given["lists"]) == ("2019-01-01", ["us_1260h"])
        same = measures.measure(ds, "defence-tiers", as_of="2019-01-01", lists="us_1260h")
        assert given["permalink"] == same.permalink and "as_of=2019-01-01&lists=us_1260h" in same.permalink
        assert same.command.endswith("--as-of 2019-01-01 --lists us_1260h")
        assert client.get(same.permalink.replace("?", ".json?").replace("2019", "2020")).json()["as_of"] == "2020-01-01"
    assert "as_of" not in measures.measure(ds, "defence-tiers", as_of=ds.as_of).permalink
    with pytest.raises(UnknownParameter, match="lists"):
        create(explored, lists="nothing")
