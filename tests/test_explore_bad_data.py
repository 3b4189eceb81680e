"""The explorer over data that are empty, poor, old, half made or broken: each page and command says what is wrong."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

import published_fixture as fixture
from gangwei import measures
from gangwei.cli import main
from gangwei.explore.server import create
from gangwei.frame.check import DatasetError, SchemaMismatch
from published_fixture import Spec

PAGES = (
    "/", "/measures", "/profiles", "/m/ai-share", "/m/ai-share?by=province", "/m/ai-openings?by=city", "/m/city-rank", "/m/ai-flow",
    "/m/ai-openings/ads", "/compare", "/search", "/search?q=x", "/search?q=x&in=text", "/search?q=x&in=employer", "/regions/440300",
    "/skills/python", "/concepts/deep_learning", "/definitions", "/method", "/quality", "/overview.json", "/m/ai-share.csv?by=province",
    "/m/ai-share.svg?by=province",
)  # fmt: skip


def open_pages(directory: Path) -> TestClient:
    client = TestClient(create(directory))
    every = [f"/m/{m}" for m in measures.load(measures.open_dataset(directory).codebook)]
    for path in (*PAGES, *every):
        answer = client.get(path)
        assert answer.status_code == 200, (path, answer.text[-500:])
        assert ">nan" not in answer.text and ">None<" not in answer.text, path
    return client


@pytest.mark.parametrize("lang", ["en", pytest.param("zh", marks=pytest.mark.slow)])
def test_no_ads(tmp_path: Path, lang: str) -> None:
    fixture.write(tmp_path, Spec(ads=0, employers=0))
    client = open_pages(tmp_path)
    said = {"en": "holds no openings", "zh": "没有任何职位"}[lang]
    assert said in client.get(f"/?lang={lang}").text


def test_no_ai_ads(tmp_path: Path) -> None:
    fixture.write(tmp_path, Spec(ads=400, ai=0.0))
    client = open_pages(tmp_path)
    assert "holds no AI opening" in client.get("/").text
    assert "no opening that this figure is about" in client.get("/m/defence-share").text


@pytest.mark.slow
def test_one_city_and_no_dates(tmp_path: Path) -> None:
    fixture.write(tmp_path, Spec(ads=400, cities=("440300",), dates=False))
    client = open_pages(tmp_path)
    assert "Shenzhen" in client.get("/m/ai-openings?by=city").text
    assert client.get("/m/ai-flow").status_code == 200


def made(tmp_path: Path, **change: int) -> Path:
    fixture.write(tmp_path, Spec(ads=300, **change))
    return tmp_path


def refused(directory: Path) -> str:
    """What the command says; it ends with 1 and shows no traceback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    answer = CliRunner().invoke(main, ["explore", str(directory), "--port", port])
    assert answer.exit_code == 1, answer.output
    assert "Traceback" not in answer.output
    return answer.stderr


def test_an_older_schema(tmp_path: Path) -> None:
    made(tmp_path, schema_version=0)
    with pytest.raises(SchemaMismatch, match="schema_version 0"):
        create(tmp_path)
    assert "build it again" in refused(tmp_path)


def test_missing_columns(tmp_path: Path) -> None:
    path = made(tmp_path) / "published" / "ads.parquet"
    pl.read_parquet(path).drop("ai_tier", "board").write_parquet(path)
    with pytest.raises(SchemaMismatch, match="ai_tier"):
        create(tmp_path)
    assert "lacks the columns" in refused(tmp_path)


@pytest.mark.parametrize("gone", ["openings.parquet", "manifest.json", "datapackage.json"])
def test_half_built(tmp_path: Path, gone: str) -> None:
    (made(tmp_path) / "published" / gone).unlink()
    with pytest.raises(DatasetError, match="half built"):
        create(tmp_path)
    assert "run the same" in refused(tmp_path)


def test_stages_without_a_publication_and_nothing_at_all(tmp_path: Path) -> None:
    (tmp_path / "stages").mkdir()
    assert "half built" in refused(tmp_path)
    assert "no such directory" in refused(tmp_path / "nowhere")


def test_a_table_that_is_no_parquet(tmp_path: Path) -> None:
    (made(tmp_path) / "published" / "employers.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(DatasetError, match=r"employers\.parquet"):
        create(tmp_path)
    assert "corrupted" in refused(tmp_path)


def test_a_table_damaged_inside(tmp_path: Path) -> None:
    path = made(tmp_path) / "published" / "ads.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 8 : len(data) // 2] = bytes(len(data) // 2 - len(data) // 8)
    path.write_bytes(data)
    assert "a table of published/ cannot be read" in refused(tmp_path)


def test_a_table_damaged_while_open(explored: Path, tmp_path: Path) -> None:
    shutil.copytree(explored / "published", tmp_path / "published")
    client = TestClient(create(tmp_path), raise_server_exceptions=False)
    path = tmp_path / "published" / "decisions.parquet"
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 3])
    answer = client.get("/m/ai-concepts")
    assert answer.status_code == 500 and "cannot be read" in answer.text and "Traceback" not in answer.text
    as_data = client.get("/m/ai-concepts.json")
    assert as_data.status_code == 500 and "build" in as_data.json()["error"]
    assert client.get("/m/ai-share?by=role").status_code == 200, "what is not damaged goes on"


def test_without_texts_and_decisions(explored: Path, tmp_path: Path) -> None:
    shutil.copytree(explored / "published", tmp_path / "published")
    for name in ("texts", "decisions", "issues", "spells", "employer_names", "skills"):
        (tmp_path / "published" / f"{name}.parquet").unlink(missing_ok=True)
    client = open_pages(tmp_path)
    ad = pl.read_parquet(tmp_path / "published" / "ads.parquet")["ad_id"][0]
    assert "This ad has no text" in client.get(f"/ads/{ad}").text
    assert "original row cannot be shown" in client.get(f"/ads/{ad}").text


def test_a_manifest_without_counts(tmp_path: Path) -> None:
    path = made(tmp_path) / "published" / "manifest.json"
    facts = json.loads(path.read_text())
    path.write_text(json.dumps({k: v for k, v in facts.items() if k not in ("counts", "inputs", "issues")}))
    open_pages(tmp_path)
