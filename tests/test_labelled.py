"""Shares corrected by labels: the right number, an honest interval, borrowed labels said, bad files refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from gangwei import measures as m
from gangwei.brief import report
from gangwei.cli import main
from gangwei.frame.check import DatasetError
from gangwei.frame.columns import LABEL_CLASS_SQL
from gangwei.measures.labelled import ClassLabels, strata_of
from gangwei.measures.ppi import Between, Stratum, ppi_share
from published_fixture import write

WRONG = 0.25  # the part of the classifier's AI openings that the made readers call none


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A dataset and the truth of its openings: the classifier with a quarter of its AI openings taken away."""
    d = tmp_path_factory.mktemp("made")
    write(d)
    ds = m.open_dataset(d)
    rows = ds.rows(
        f"SELECT a.ad_id, a.ai_tier, {LABEL_CLASS_SQL} FROM openings o JOIN ads a ON a.ad_id = o.ad_id ORDER BY 1"
    )
    rng = np.random.default_rng(1)
    truth = {ad: "none" if rng.random() < WRONG else tier for ad, tier, _ in rows}
    return d, truth


def label(d: Path, truth: dict[str, str], each: int, reader: str = "ann") -> None:
    """Write labels as `gangwei label` does: a simple random sample of `each` openings of every class."""
    ds = m.open_dataset(d)
    rows = ds.rows(f"SELECT a.ad_id, {LABEL_CLASS_SQL} FROM openings o JOIN ads a ON a.ad_id = o.ad_id ORDER BY 1")
    rng = np.random.default_rng(2)
    lines: list[dict[str, Any]] = []
    for name in sorted({c for _, c in rows}):
        ids = [a for a, c in rows if c == name]
        for i in rng.choice(len(ids), min(each, len(ids)), replace=False):
            lines.append(
                {
                    "ad_id": ids[i],
                    "reader": reader,
                    "ai_tier": truth[ids[i]],
                    "stratum": name,
                    "stratum_population": len(ids),
                    "stratum_sample": min(each, len(ids)),
                }
            )
    (d / "labels").mkdir(exist_ok=True)
    (d / "labels" / f"{reader}.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lines))


def test_all_labelled_is_the_truth(made: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    d, truth = made
    label(d, truth, 10**6)
    r = m.measure(m.open_dataset(d), "ai-share")
    assert r.corrected is not None
    real = sum(t in ("builder", "adjacent") for t in truth.values()) / len(truth)
    assert r.corrected.estimate.value == pytest.approx(real)
    assert r.corrected.estimate.low == pytest.approx(real) == r.corrected.estimate.high
    assert r.corrected.labels == len(truth) and r.corrected.borrowed == 0


def test_a_sample_corrects_every_cut(made: tuple[Path, dict[str, str]]) -> None:
    d, truth = made
    label(d, truth, 150)
    ds = m.open_dataset(d)
    real = sum(t in ("builder", "adjacent") for t in truth.values()) / len(truth)
    whole = m.measure(ds, "ai-share")
    assert whole.corrected is not None and whole.corrected.estimate.low < real < whole.corrected.estimate.high
    assert abs(whole.corrected.estimate.value - real) < abs((whole.value or 0) - real)
    assert "corrected_by_labels" in whole.notes and "labels_borrowed" not in whole.notes
    rows = m.measure(ds, "ai-share", by="city").rows
    shown = rows.filter(~pl.col("suppressed"))
    assert shown["corrected"].null_count() == 0 and (shown["borrowed"] > 0).any()
    assert (shown["corrected_low"] <= shown["corrected"]).all() and (
        shown["corrected"] <= shown["corrected_high"]
    ).all()
    assert (shown["corrected"] < shown["value"]).mean() > 0.8
    assert rows.filter(pl.col("suppressed"))["corrected"].null_count() == rows["suppressed"].sum()
    record = m.measure(ds, "ai-share", by="cluster").record()
    assert record["corrected"]["labels"] == whole.corrected.labels and "labels_borrowed" in record["notes"]
    assert m.measure(ds, "ai-share", where={"definition": "mention"}).corrected is None
    assert m.measure(ds, "ai-share", where={"grain": "ad"}).corrected is None
    assert m.measure(ds, "defence-share").corrected is None


@pytest.mark.parametrize(
    ("lang", "words"), [("en", "corrected by"), pytest.param("zh", "个标注校正", marks=pytest.mark.slow)]
)
def test_brief_shows_both(made: tuple[Path, dict[str, str]], tmp_path: Path, lang: str, words: str) -> None:
    d, truth = made
    label(d, truth, 150)
    report.write_from(d, tmp_path / "b.html", lang=lang)
    assert words in (tmp_path / "b.html").read_text("utf-8")


def test_a_readers_own_file_is_read_as_the_folder_is(made: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    """Drawn from openings: no opening of many ads is weighed down, whether the folder or the file is named; whose labels it says."""
    d, truth = made
    label(d, truth, 40)
    folder = m.measure(m.open_dataset(d), "ai-share")
    file = m.measure(m.open_dataset(d, labels=d / "labels" / "ann.jsonl"), "ai-share")
    assert folder.corrected is not None and file.corrected is not None
    assert folder.corrected.estimate == file.corrected.estimate
    told = folder.record()["corrected"], file.record()["corrected"]
    assert [(x["readers"], x["file"]) for x in told] == [(1, None), (1, "ann.jsonl")]
    assert "--labels" not in folder.command and file.command.endswith("--labels ann.jsonl")
    said = CliRunner().invoke(main, ["measure", str(d), "ai-share"]).output
    assert "labels of 1 reader (labels/): " in said and f"gangwei measure {d} ai-share\n" in said
    path = d / "labels" / "ann.jsonl"
    assert (
        f"--labels {path}\n" in CliRunner().invoke(main, ["measure", str(d), "ai-share", "--labels", str(path)]).output
    )
    report.write_from(d, tmp_path / "b.html")
    assert "labels of 1 reader (labels/): " in (tmp_path / "b.html").read_text("utf-8")


def test_a_file_of_labels_of_ads(made: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    """Ads drawn at one rate: an opening of many ads is drawn more often and must not count for more."""
    d, truth = made
    ads = pl.read_parquet(d / "published/ads.parquet").join(
        pl.read_parquet(d / "published/openings.parquet").select("opening_id", rep="ad_id"), on="opening_id"
    )
    lines = [
        {"record_id": k, "ai_tier": truth[rep], "weight": 1.0} for k, rep in ads.select("source_key", "rep").rows()
    ]
    path = tmp_path / "gold.jsonl"
    path.write_text("".join(json.dumps(x) + "\n" for x in lines))
    r = m.measure(m.open_dataset(d, labels=path), "ai-share")
    real = sum(t in ("builder", "adjacent") for t in truth.values()) / len(truth)
    assert r.corrected is not None and r.corrected.estimate.value == pytest.approx(real)
    half = tmp_path / "half.csv"
    pl.DataFrame(lines[: len(lines) // 2]).write_csv(half)
    assert "labels_frame" in m.measure(m.open_dataset(d, labels=half), "ai-share").notes


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("x.jsonl", '{"ad_id": "a"}\n', "ai_tier"), ("x.jsonl", '{"ai_tier": "none"}\n', "record_id"),
        ("x.jsonl", '{"ai_tier": "none", "record_id": "q"}\n', "weight"), ("x.jsonl", "not json\n", "cannot be read"),
        ("x.csv", "record_id,ai_tier,weight\nzz,maybe,1\n", "unknown ai_tier maybe"),
        ("x.csv", "record_id,ai_tier,weight\nzz,none,1\n", "none of the 1 labelled ads"), ("gone.jsonl", None, "no such file"),
    ],
)  # fmt: skip
def test_bad_labels_are_refused(
    made: tuple[Path, dict[str, str]], tmp_path: Path, name: str, text: str | None, says: str
) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(DatasetError, match=says):
        m.measure(m.open_dataset(made[0], labels=path), "ai-share")


def test_a_class_without_labels_lies_between_its_neighbours() -> None:
    some = ClassLabels(np.r_[np.ones(5), np.zeros(45)], np.zeros(50), np.ones(50))
    none = ClassLabels(np.zeros(50), np.zeros(50), np.ones(50))
    strata, lent = strata_of(
        {"mention": (100, 10), "near": (100, 90), "none": (800, 0)}, {}, {"mention": some, "none": none}, 10
    )
    near = strata[1]
    assert isinstance(near, Between) and near.low == 0 and 0.1 < near.high < 0.25 and near.value == near.high
    assert lent == 1000 and all(isinstance(s, Stratum) and s.borrowed for s in (strata[0], strata[2]))
    e = ppi_share(strata)
    assert e.low < e.value < e.high
    # one label that stands for a hundred openings says nothing
    one = ClassLabels(np.ones(1), np.zeros(1), np.full(1, 100.0))
    every = {"mention": some, "near": one, "none": none}
    assert strata_of({"mention": (100, 10), "near": (100, 90), "none": (800, 0)}, every, every, 0)[0][1] == near
    alone = strata_of({"near": (1, 0)}, {}, {"near": ClassLabels(np.ones(1), np.zeros(1), np.ones(1))}, 0)[0]
    assert isinstance(alone[0], Stratum)


def test_a_class_with_few_labels_is_said(made: tuple[Path, dict[str, str]]) -> None:
    """Nothing is borrowed by the whole dataset: a class with too few labels lies between its neighbours, and a note says that."""
    d, truth = made
    label(d, truth, 30, "few")
    few = d / "labels" / "few.jsonl"
    lines = few.read_text().splitlines(keepends=True)
    rare = [x for x in lines if '"stratum": "mention"' in x]
    few.write_text("".join(x for x in lines if x not in rare[4:]))
    notes = m.measure(m.open_dataset(d, labels=few), "ai-share").notes
    few.unlink()
    assert "labels_few" in notes and "labels_borrowed" not in notes
