"""Measures refuse what they do not know, and datasets that are harmed."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from gangwei import measures as m
from gangwei import vocabulary as vocab
from gangwei.codebook import Codebook
from gangwei.frame.check import DatasetError, SchemaMismatch
from published_fixture import Spec, write

MEASURES = m.load(Codebook())


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


@pytest.mark.parametrize("measure_id", ["openings", "ads-per-opening"])
def test_a_group_of_a_figure_that_lists_none_is_refused(ds: m.Dataset, measure_id: str) -> None:
    with pytest.raises(m.UnknownParameter, match="unknown group"):
        m.ads_behind(ds, measure_id, None, "ad")


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
    for id_, one in MEASURES.items():
        json.dumps(m.measure(ds, id_).record(), allow_nan=False)
        if not one.of_sample:  # no openings stand behind figures of the matcher's sample
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
