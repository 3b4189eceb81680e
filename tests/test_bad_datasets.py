"""Datasets that are empty, one-sided, old, half built or harmed: every reader says what is wrong and what to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result
from starlette.testclient import TestClient

from gangwei import schema
from gangwei.cli import main
from gangwei.explore.server import create
from gangwei.frame.check import DatasetError
from published_fixture import Spec, write

COMMANDS: dict[str, Callable[[Path], list[str]]] = {
    "measure": lambda d: ["measure", str(d), "ai-share"],
    "report": lambda d: ["report", str(d), "--out", str(d / "b.html")],
    "release": lambda d: ["release", str(d), "v1"],
}


def run(command: str, d: Path) -> Result:
    return CliRunner().invoke(main, COMMANDS[command](d))


def flip(path: Path) -> None:
    """Harm the pages of a Parquet file; its footer stays whole."""
    data = bytearray(path.read_bytes())
    for i in range(8, min(len(data) - 2000, 4000)):
        data[i] ^= 0xA5
    path.write_bytes(bytes(data))


HARMS: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "no column": (lambda p: pl.read_parquet(p / "ads.parquet").drop("ai_tier").write_parquet(p / "ads.parquet"), ("ads.parquet lacks", "ai_tier", "build")),
    "older schema": (
        lambda p: (p / "datapackage.json").write_text(json.dumps({"schema_version": 0, "resources": []})),
        ("schema_version 0", f"reads {schema.SCHEMA_VERSION}", "gangwei build"),
    ),
    "no table": (lambda p: (p / "openings.parquet").unlink(), ("half built", "openings.parquet", "gangwei build")),
    "no footer": (lambda p: (p / "ads.parquet").write_bytes(b"PAR1"), ("ads.parquet is corrupted", "gangwei build")),
    "harmed pages": (lambda p: flip(p / "ads.parquet"), ("cannot be read", "gangwei build")),
    "half built": (lambda p: (p.rename(p.parent / "gone"), (p.parent / "stages").mkdir()), ("half built", "gangwei build")),
    "nothing": (lambda p: p.rename(p.parent / "gone"), ("not a dataset", "gangwei build")),
}  # fmt: skip


@pytest.mark.parametrize("command", [*COMMANDS, "explore"])
@pytest.mark.parametrize("harm", HARMS)
def test_harm_is_said_in_one_line(tmp_path: Path, command: str, harm: str) -> None:
    write(tmp_path, Spec(ads=600))
    do, words = HARMS[harm]
    do(tmp_path / "published")
    if command == "explore":
        with pytest.raises(DatasetError) as e:
            create(tmp_path)
        said = str(e.value)
    else:
        result = run(command, tmp_path)
        assert result.exit_code == 1 and isinstance(result.exception, SystemExit)
        said = result.output + (result.stderr if result.stderr_bytes else "")
    flat = " ".join(said.split())
    assert all(w in flat for w in words), flat
    assert "Traceback" not in said and not (tmp_path / "releases" / "v1").exists()


SPECS = {
    "no ads": (Spec(ads=0, employers=0), "openings"),
    "no AI": (Spec(ads=300, ai=0.0), "AI"),
    "one city": (Spec(ads=300, cities=("310000",)), "one place"),
    "no dates": (Spec(ads=300, dates=False), "dates"),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", SPECS)
def test_odd_data_is_answered(tmp_path: Path, case: str) -> None:
    spec, word = SPECS[case]
    write(tmp_path, spec)
    for command in COMMANDS:
        result = run(command, tmp_path)
        assert result.exit_code == 0, (command, result.output, result.exception)
    assert word in (tmp_path / "b.html").read_text("utf-8")
    figures = json.loads((tmp_path / "releases/v1/figures.json").read_text())
    if not spec.ads or not spec.ai:
        assert not figures["ai-openings"]["value"]
    client = TestClient(create(tmp_path))
    for path in (
        "/",
        "/m/ai-share",
        "/m/ai-share?by=city",
        "/m/city-rank",
        "/m/ai-flow",
        "/m/ai-skills",
        "/quality",
        "/method",
    ):
        assert client.get(path).status_code == 200, path


def test_a_harmed_table_stops_what_needs_it_alone(tmp_path: Path) -> None:
    write(tmp_path, Spec(ads=3000))
    flip(tmp_path / "published/skills.parquet")
    assert run("measure", tmp_path).exit_code == 0
    result = CliRunner().invoke(main, ["measure", str(tmp_path), "ai-skills"])
    assert result.exit_code == 1 and "cannot be read" in " ".join((result.output + result.stderr).split())


def test_a_harmed_text_stops_the_release_alone(tmp_path: Path) -> None:
    write(tmp_path, Spec(ads=600))
    path = tmp_path / "published/texts.parquet"
    pl.DataFrame(
        {"ad_id": ["a"] * 4000, "text": [f"x{i}" * 20 for i in range(4000)], "sections": [None] * 4000},
        schema=schema.TEXTS.polars,
    ).write_parquet(path)
    flip(path)
    assert run("measure", tmp_path).exit_code == 0
    result = run("release", tmp_path)
    assert result.exit_code == 1 and "texts.parquet" in " ".join((result.output + result.stderr).split())
    assert not (tmp_path / "releases/v1").exists()
    assert CliRunner().invoke(main, ["release", str(tmp_path), "v2", "--no-texts"]).exit_code == 0


def test_tables_may_be_links_into_a_store(tmp_path: Path) -> None:
    write(tmp_path / "made", Spec(ads=200))
    store, linked = tmp_path / "store", tmp_path / "linked"
    published = next((tmp_path / "made").rglob("ads.parquet")).parent
    store.mkdir()
    linked.mkdir()
    for n, path in enumerate(sorted(published.iterdir())):
        (store / f"object{n}").write_bytes(path.read_bytes())
        (linked / path.name).symlink_to(store / f"object{n}")
    plain, through = run("measure", published), run("measure", linked)
    assert plain.exit_code == through.exit_code == 0, through.output
    assert plain.output.replace(str(published), str(linked)) == through.output
    assert TestClient(create(linked)).get("/m/ai-share").status_code == 200
