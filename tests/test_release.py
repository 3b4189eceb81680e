"""release.py: a package that checks out, and cells that no spreadsheet runs."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import shlex
import shutil
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from build_fixture import ADS, build, write_csv
from gangwei import measures, release, schema
from gangwei.cli import main
from gangwei.codebook import PACKAGED, Codebook
from gangwei.explore.server import create
from gangwei.lineage import explain
from gangwei.spreadsheet import neutral
from gangwei.status import status
from gangwei.store import StoreError, read_json


def test_formulas_are_neutralised_and_lists_joined() -> None:
    frame = pl.DataFrame(
        {
            "t": ["=HYPERLINK(1)", "-1+2", "@x", "+86", "ok", None, "＝1+1", "\x00=1", "\ufeff@x"],
            "l": [["a", "b"], [], None, ["=x"], [], [], [], [], []],
            "n": [1, -2, 3, 4, 5, 6, 7, 8, 9],
        }
    )
    out = neutral(frame)
    assert out["t"].to_list() == [
        "'=HYPERLINK(1)",
        "'-1+2",
        "'@x",
        "'+86",
        "ok",
        None,
        "'＝1+1",
        "'\x00=1",
        "'\ufeff@x",
    ]
    assert out["l"].to_list() == ["a;b", "", None, "'=x", "", "", "", "", ""]
    assert out["n"].to_list() == list(frame["n"])


def test_a_release_checks_out_and_says_what_changed(tmp_path: Path) -> None:
    out = tmp_path / "out"
    build(out, write_csv(tmp_path / "in" / "one.csv", ADS[:3]))
    first = release.write(out, "2026.1")
    for line in (first / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((first / name).read_bytes()).hexdigest() == digest, name
    for r in read_json(first / "datapackage.json")["resources"]:
        assert (first / r["path"]).stat().st_size == r["bytes"]
    assert pl.read_csv(first / "data" / "ads.csv").height == 3
    assert {r["@id"] for r in read_json(first / "croissant.json")["recordSet"]} >= {"ads", "openings", "texts"}
    build(out, write_csv(tmp_path / "in" / "two.csv", ADS[3:]), add=True)
    second = release.write(out, "2026.2", texts=False)
    assert "| ads | 3 | 5 |" in (second / "CHANGES.md").read_text()
    assert "input added: two.csv" in (second / "CHANGES.md").read_text()
    assert "- ads added: 2; removed: 0" in (second / "CHANGES.md").read_text()
    assert "| openings |" in (second / "CHANGES.md").read_text()
    assert "- table left out: texts" in (second / "CHANGES.md").read_text()
    shutil.copytree(first, out / "releases" / ".2026.9.new.tmp")  # of a run that was killed
    os.utime(out / "releases" / ".2026.9.new.tmp" / "manifest.json")
    third = release.write(out, "2026.3", texts=False)
    assert "Against release 2026.2." in (third / "CHANGES.md").read_text()
    assert (
        "No figure changed." in (third / "CHANGES.md").read_text() and "|---" not in (third / "CHANGES.md").read_text()
    )
    assert (
        read_json(second / "figures.json")["openings"]["value"]
        == measures.measure(measures.open_dataset(out), "openings").value
    )
    assert (
        pl.read_parquet(second / "data" / "rejects.parquet")["raw"].null_count()
        == pl.read_parquet(second / "data" / "rejects.parquet").height
    )
    assert not (second / "data" / "texts.parquet").exists()
    with pytest.raises(StoreError, match="never overwritten"):
        release.write(out, "2026.2")
    with pytest.raises(StoreError, match="not a version name"):
        release.write(out, "../x")


def test_an_opening_under_another_name_has_not_changed(tmp_path: Path) -> None:
    """A build of all files names an opening by its first ad, which may be a new one: its ads are together as before."""
    out, one = tmp_path / "out", tmp_path / "in" / "one.csv"
    build(out, write_csv(one, ADS))
    release.write(out, "1")
    build(out, write_csv(one, [*ADS, *((f"b{n}", *ADS[0][1:]) for n in range(60))]))
    said = (release.write(out, "2") / "CHANGES.md").read_text()
    assert "- of 5 ads in both: 0 changed tier, 0 changed opening (2 bear another opening_id), 0 changed city" in said


FRICTIONLESS = {"string", "number", "integer", "boolean", "date", "array"}


def test_a_colleague_makes_the_release_again_by_its_readme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands in README.md, typed as they stand, give the same bytes."""
    write_csv(tmp_path / "in" / "one.csv", ADS[:3])
    write_csv(tmp_path / "in" / "two.csv", ADS[3:])
    (tmp_path / "mine" / "ai").mkdir(parents=True)
    terms = (PACKAGED / "ai" / "terms.csv").read_text("utf-8")
    (tmp_path / "mine" / "ai" / "terms.csv").write_text(
        terms + "own.001,own,zh,会计,adjacent,data,,,,2026.1,my own\n", "utf-8"
    )
    asked = ["--definitions", str(tmp_path / "mine"), "--window", "90", "--threshold", "0.7", "--no-texts"]
    runner = CliRunner()
    built = runner.invoke(main, ["build", str(tmp_path / "in"), "--out", str(tmp_path / "out"), *asked])
    assert built.exit_code == 0, built.output
    first = release.write(tmp_path / "out", "2026.1")
    shutil.copytree(first, tmp_path / "copy")
    (tmp_path / "copy" / "INPUTS").mkdir()
    for name in ("one.csv", "two.csv"):
        shutil.copy(tmp_path / "in" / name, tmp_path / "copy" / "INPUTS")
    monkeypatch.chdir(tmp_path / "copy")
    said = (first / "README.md").read_text("utf-8")
    typed = [shlex.split(x) for x in said.splitlines() if x.startswith("    gangwei ")]
    assert len(typed) == 2 and "one.csv" in said and "--window 90" in said
    for command in typed:
        files = [str(p) for p in sorted(Path("INPUTS").iterdir())]
        given = [a for word in command[1:] for a in (files if word == "INPUTS/*" else [word])]
        done = runner.invoke(main, given)
        assert done.exit_code == 0, done.output
    again = Path("again/releases/2026.1")
    every = sorted(p.relative_to(first) for p in first.rglob("*") if p.is_file())
    assert [p for p in every if (first / p).read_bytes() != (again / p).read_bytes()] == []


def test_descriptors_describe_what_is_there(tmp_path: Path) -> None:
    out = tmp_path / "out"
    build(out, write_csv(tmp_path / "in" / "one.csv", ADS))
    made = release.write(out, "v1")
    package = read_json(made / "datapackage.json")
    assert package["profile"] == "data-package" and re.fullmatch(r"[a-z0-9._/-]+", package["name"])
    names = [r["name"] for r in package["resources"]]
    assert len(set(names)) == len(names) and all(re.fullmatch(r"[a-z0-9._-]+", n) for n in names)
    assert {r["path"] for r in package["resources"]} == {
        p.relative_to(made).as_posix() for p in (made / "data").iterdir()
    }
    for r in package["resources"]:
        path, fields = made / r["path"], r["schema"]["fields"]
        assert r["hash"] == "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
        assert {f["type"] for f in fields} <= FRICTIONLESS and all(f["description"] for f in fields)
        if path.suffix == ".csv":
            header = path.read_text("utf-8-sig").splitlines()[0]
            assert header.split(",") == [f["name"] for f in fields], r["name"]
            cells = pl.read_csv(path, infer_schema=False)
            for f in fields:  # an array in a CSV is JSON
                if f["type"] == "array":
                    assert all(isinstance(json.loads(x), list) for x in cells[f["name"]].drop_nulls()), f["name"]
        else:
            frame = pl.read_parquet(path)
            assert frame.columns == [f["name"] for f in fields]
            key = r["schema"].get("primaryKey")
            assert not key or frame.select(key).is_unique().all(), r["name"]
    croissant = read_json(made / "croissant.json")
    assert (
        croissant["conformsTo"].startswith("http://mlcommons.org/croissant/1.")
        and croissant["license"]
        and croissant["citeAs"]
    )
    files = {d["@id"]: d for d in croissant["distribution"]}
    for d in files.values():
        assert hashlib.sha256((made / d["contentUrl"]).read_bytes()).hexdigest() == d["sha256"]
        assert {"name", "encodingFormat"} <= set(d)
    ids = [x["@id"] for s in croissant["recordSet"] for x in (s, *s["field"])]
    assert len(set(ids)) == len(ids)
    for s in croissant["recordSet"]:
        columns = pl.read_parquet_schema(made / "data" / f"{s['name']}.parquet")
        for f in s["field"]:
            assert f["source"]["fileObject"]["@id"] in files and f["source"]["extract"]["column"] in columns
            assert f["dataType"].startswith("sc:") and f["description"]
    boards = pl.read_parquet(made / "data" / "ads.parquet")["board"].drop_nulls().unique()
    assert all(f"| {b} |" in (made / "LICENCES.md").read_text() for b in boards)
    assert {t.name for t in schema.PUBLISHED_TABLES} == {s["name"] for s in croissant["recordSet"]}


def test_names_of_sole_traders_stay_at_home(tmp_path: Path) -> None:
    rows = [
        ADS[0],
        ("p1", "算法工程师", "宁波市张三服饰商行", *ADS[0][3:]),
        ("p2", "司机", "李四工作室(个体工商户)", *ADS[0][3:]),
    ]
    build(tmp_path / "out", write_csv(tmp_path / "in" / "one.csv", rows))
    made = release.write(tmp_path / "out", "v1")
    before, after = (pl.read_parquet(d / "employers.parquet") for d in (tmp_path / "out" / "published", made / "data"))
    persons = before.filter(pl.col("kind") == "person")
    assert len(persons) == 2 and before.drop("name").equals(after.drop("name"))
    assert after.filter(pl.col("name").is_null())["employer_id"].equals(persons["employer_id"])
    assert pl.read_parquet(made / "data" / "employer_names.parquet")["name_raw"].to_list() == [ADS[0][2]]
    for path in (made / "data").glob("*.csv"):
        assert "张三服饰" not in path.read_text("utf-8-sig") and "李四工作室" not in path.read_text("utf-8-sig"), (
            path.name
        )
    assert "李四工作室" in explain(tmp_path / "out", "p2")["employer"]["name"]


def test_no_cell_of_a_release_runs(tmp_path: Path) -> None:
    rows = [(f"x{i}", f"{c}HYPERLINK 算法工程师", f"{c}某某科技有限公司", *ADS[0][3:]) for i, c in enumerate("=+-@")]
    build(tmp_path / "out", write_csv(tmp_path / "in" / "one.csv", rows))
    made = release.write(tmp_path / "out", "v1")
    for path in (made / "data").glob("*.csv"):
        with path.open(encoding="utf-8-sig", newline="") as f:
            for line in csv.reader(f):
                assert not any(cell[:1] in ("=", "+", "@") for cell in line), (path.name, line)


def test_a_dataset_carries_the_definitions_it_was_built_with(tmp_path: Path) -> None:
    def clusters(out: Path) -> set[str]:
        return {r["en"] for r in measures.open_dataset(out).codebook.rows("places/clusters.csv")}

    own, out = tmp_path / "mine", tmp_path / "out"
    (own / "places").mkdir(parents=True)
    rows = (PACKAGED / "places" / "clusters.csv").read_text("utf-8")
    (own / "places" / "clusters.csv").write_text(rows + "prd_mine,prd,我的,Mine,2024,330100,the test,\n", "utf-8")
    (own / ".hidden").write_text("not a definition")
    one = write_csv(tmp_path / "in" / "one.csv", ADS)
    build(out, one)
    assert "Mine" not in clusters(out) and not (out / "published" / "definitions").exists()
    build(out, one, definitions=own)
    ds = measures.open_dataset(out)
    assert "Mine" in clusters(out) and ds.codebook.version == ds.definitions_version
    assert [p.name for p in (out / "published" / "definitions").rglob("*") if p.is_file()] == ["clusters.csv"]
    page = TestClient(create(out)).get("/definitions?file=places/clusters.csv")
    assert page.status_code == 200 and "prd_mine" in page.text
    assert "definitions/places/clusters.csv" in (release.write(out, "1") / "SHA256SUMS").read_text()
    build(out, one)
    assert "Mine" not in clusters(out)
    (tmp_path / "rules" / "measures").mkdir(parents=True)
    settings = (PACKAGED / "measures" / "settings.toml").read_text("utf-8")
    (tmp_path / "rules" / "measures" / "settings.toml").write_text(settings + "# changed\n", "utf-8")
    changed = {s: why for s, why in status(out, Codebook(tmp_path / "rules"))["stages"].items() if why}
    assert changed == {"s7_publish": ["definitions changed"]}


def test_the_original_row_is_shown_by_the_rules_of_the_dataset(tmp_path: Path) -> None:
    own = tmp_path / "mine" / "text"
    own.mkdir(parents=True)
    rules = (PACKAGED / "text" / "contacts.toml").read_text("utf-8")
    (own / "contacts.toml").write_text(rules.replace('mark = "〔联系方式〕"', 'mark = "〔gone〕"', 1), "utf-8")
    row = (*ADS[0][:-1], f"{ADS[0][-1]} 联系电话13800138000")
    one = write_csv(tmp_path / "in" / "one.csv", [row])
    build(tmp_path / "out", one, definitions=own.parent)
    found = explain(tmp_path / "out", row[0])
    assert "〔gone〕" in found["text"]["text"]
    assert "〔gone〕" in found["original"]["description"] and "138001" not in str(found)
