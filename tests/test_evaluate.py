"""Weighted figures against hand counts, and an evaluation of a small published dataset."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from gangwei import evaluate as ev
from gangwei import label_scores
from gangwei.cli import main
from gangwei.frame.check import DatasetError
from gangwei.store import StoreError
from gangwei.terminal_evaluation import table


def test_figures_by_hand() -> None:
    truth = np.array([True, True, False, False])
    said = np.array([True, False, True, False])
    assert label_scores.figures(truth, said, np.array([3.0, 1.0, 1.0, 9.0])) == (0.75, 0.75, 0.75)
    assert label_scores.figures(~truth & truth, said & ~said, np.ones(4)) == (0.0, 0.0, 0.0)


def test_copies_of_a_text_are_one_label() -> None:
    truth, said = np.arange(60) % 3 < 2, np.arange(60) % 2 == 0
    stratum, weight = np.arange(60) // 30, np.repeat([5.0, 50.0], 30)
    once = label_scores.score("", "", truth, said, weight, label_scores.Design(stratum, np.arange(60)))
    twice = [np.repeat(x, 2) for x in (truth, said, weight / 2, stratum, np.arange(60))]
    copied = label_scores.score("", "", *twice[:3], label_scores.Design(twice[3], twice[4]))
    ends = ("precision_low", "precision_high", "recall_low", "recall_high", "f1_low", "f1_high")
    assert [getattr(copied, e) for e in ends] == pytest.approx([getattr(once, e) for e in ends])


@pytest.mark.parametrize("weight", [[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]])
def test_labels_that_stand_for_no_ad_tell_nothing(weight: list[float]) -> None:
    """A stratum of which every label has the weight 0 counts as none."""
    truth, said = np.array([True, True, True, False]), np.array([True, False, True, False])
    design = label_scores.Design(np.array([0, 0, 1, 1]), np.arange(4))
    on = np.array(weight) > 0
    found = label_scores.score("tier", "x", truth, said, np.array(weight), design)
    alone = label_scores.score("tier", "x", truth[on], said[on], np.array(weight)[on], design.of(on))
    assert (found.recall_low, found.recall_high, found.f1_low) == (alone.recall_low, alone.recall_high, alone.f1_low)
    nothing = label_scores.score("tier", "x", truth, said, np.zeros(4), design)
    assert (nothing.recall_low, nothing.recall_high) == (0, 1)


def test_a_large_stratum_without_an_error_leaves_recall_open() -> None:
    """75 labels that each stand for 700 ads met no miss; up to one in thirty of them may be one."""
    truth = said = np.arange(150) < 75
    stratum = np.arange(150) // 75
    weight = np.where(stratum == 0, 40.0, 700.0)
    s = label_scores.score("", "", truth, said, weight, label_scores.Design(stratum, np.arange(150)))
    assert (s.recall, s.recall_high) == (1.0, 1.0)
    assert 0.6 < s.recall_low < 0.7
    assert s.recall_low < s.f1_low < s.precision_low < 1


@pytest.fixture
def dataset(tmp_path: Path) -> tuple[Path, Path]:
    n = 40
    tiers = ["builder", "adjacent", "user", "none"]
    said = [tiers[i % 4] for i in range(n)]
    published = tmp_path / "published"
    published.mkdir()
    ads = pl.DataFrame(
        {
            "ad_id": [f"a{i}" for i in range(n)],
            "source_id": ["s"] * n,
            "source_key": [f"k{i}" for i in range(n)],
            "board": ["b"] * n,
            "url": [f"https://b.example/{i}" for i in range(n)],
            "title": ["x"] * n,
            "ai_tier": said,
            "ai_mention": [t != "none" for t in said],
            "ai_score": [0.95 if t in ("builder", "adjacent") else 0.05 for t in said],
            "ai_role": ["technical"] * n,
            "ai_subfields": [["ml"] if t in ("builder", "adjacent") else [] for t in said],
            "surveillance_job": [False] * n,
            "defence_signal": [False] * n,
        }
    )
    ads.write_parquet(published / "ads.parquet")
    pl.DataFrame(
        {"ad_id": ads["ad_id"], "text": ["负责机器学习" if i % 4 == 0 else "负责打扫" for i in range(n)]}
    ).write_parquet(published / "texts.parquet")
    pl.DataFrame(
        {
            "ad_id": ["a0", "a0"],
            "decision": ["ai_term"] * 2,
            "reason_id": ["builder_weak/duty@duties", "builder_weak/plain@blurb"],
            "rule_id": ["t.1", "t.2"],
        }
    ).write_parquet(published / "decisions.parquet")
    raw = tmp_path / "stages" / "raw"
    raw.mkdir(parents=True)
    pl.DataFrame(
        {
            "source_id": ["other"] * n + ["s"] * n,  # keys of one source say nothing of another's
            "source_key": [*ads["source_key"], *ads["source_key"]],
            "occupation": ["司机"] * n + ["算法工程师" if i % 4 == 0 else "司机" for i in range(n)],
            "occupation_is_code": [i < 20 for i in range(n)] * 2,
        }
    ).write_parquet(raw / "a.parquet")
    labels = tmp_path / "labels.jsonl"
    with labels.open("w", encoding="utf-8") as f:
        for i in range(n):
            tier = "none" if i == 0 else said[i]
            f.write(
                json.dumps(
                    {
                        "record_id": f"k{i}",
                        "stratum": "s",
                        "stratum_population": 400,
                        "stratum_sample": n,
                        "ai_tier": tier,
                        "mention": tier != "none",
                        "role": "technical",
                        "subfields": ["ml"] if tier in ("builder", "adjacent") else [],
                    }
                )
                + "\n"
            )
        f.write(
            json.dumps(
                {
                    "record_id": "absent",
                    "stratum": "s",
                    "stratum_population": 400,
                    "stratum_sample": n,
                    "ai_tier": "none",
                }
            )
            + "\n"
        )
    return tmp_path, labels


def test_evaluate(dataset: tuple[Path, Path]) -> None:
    root, labels = dataset
    terms = root / "terms.txt"
    terms.write_text("机器学习\t機器學習\n大模型\n", "utf-8")
    out = ev.evaluate(root, labels, terms)
    assert (out.n, out.missing) == (40, 1)
    builder = next(s for s in out.scores if (s.group, s.value) == ("tier", "builder"))
    assert builder.precision == pytest.approx(0.9)
    assert builder.recall == 1.0
    assert builder.f1_low <= builder.f1 <= builder.f1_high <= 1
    assert [(e["ad_id"], e["url"]) for e in out.errors] == [("a0", "https://b.example/0")]
    presets = {s.value: s for s in out.presets}
    assert presets["terms_1"].recall == 0.0
    assert presets["term_list_1"].recall == 1.0
    assert (presets["board_code"].n, presets["board_code"].precision) == (20, pytest.approx(0.8))
    assert {s.value for s in out.scores if s.group == "subfield"} == {"ml"}
    assert any(s.group == "builder by board" for s in out.scores)
    assert json.loads(out.json())["n"] == 40
    shown = table(out)
    assert shown.startswith("40 labels of ads in this dataset; 1 more names no ad of it")
    said = CliRunner().invoke(main, ["evaluate", str(root), "--labels", str(labels), "--lang", "zh"]).output
    assert said.startswith("40 个标注") and "研发 AI+AI 周边" in said and "builder" not in said
    assert "builder+adjacent" in shown
    assert "https://b.example/0" in shown.split("errors")[1]
    assert {"cut", "precision", "recall", "f1"} <= set(out.thresholds[0])
    assert sum(b["n"] for b in out.calibration) == 40


def test_intervals_of_a_perfect_reading_stay_open() -> None:
    """Ten labels without an error do not show that there is none."""
    truth, weight = np.arange(20) < 10, np.full(20, 3.0)
    design = label_scores.Design(np.zeros(20, np.int64), np.arange(20))
    s = label_scores.score("tier", "builder", truth, truth, weight, design)
    assert (s.precision, s.recall, s.f1) == (1.0, 1.0, 1.0)
    assert s.precision_low == pytest.approx(0.795, abs=0.001)
    assert (s.recall_low, s.recall_high) == pytest.approx((s.precision_low, 1.0))
    assert s.precision_low < s.f1_low < 0.9
    every = label_scores.score("tier", "builder", truth | ~truth, truth | ~truth, weight, design)
    assert (every.precision_low, every.recall_low) == pytest.approx((0.895, 0.839), abs=0.001)
    none = label_scores.score("tier", "user", truth & ~truth, truth & ~truth, weight, design)
    assert (none.f1_low, none.f1_high) == (0.0, 1.0)


def test_labels_of_readers_name_the_ad_itself(dataset: tuple[Path, Path]) -> None:
    """Two files may number their ads alike; a corrected label replaces the first; strata weigh by what was read."""
    root, _ = dataset
    path = root / "published" / "ads.parquet"
    pl.read_parquet(path).with_columns(source_key=pl.lit("1")).write_parquet(path)
    tiers = pl.read_parquet(path)["ai_tier"].to_list()
    line = {"record_id": "1", "reader": "ana", "stratum": "all", "stratum_population": 400, "stratum_sample": 40}
    lines = [line | {"ad_id": "a1", "ai_tier": "none"}]
    lines += [line | {"ad_id": f"a{i}", "ai_tier": tiers[i]} for i in range(20)]
    own = root / "ana.jsonl"
    own.write_text("".join(json.dumps(x) + "\n" for x in lines), "utf-8")
    out = ev.evaluate(root, own)
    assert (out.n, out.missing, out.errors) == (20, 0, [])
    assert ev.read_labels(own)["weight"].to_list() == [20.0] * 20


@pytest.mark.parametrize("weight", ["", "x", "-1", "inf", "0"])
def test_weights_that_are_none(dataset: tuple[Path, Path], weight: str) -> None:
    root, _ = dataset
    path = root / "w.csv"
    path.write_text(f"record_id,ai_tier,weight\nk0,none,{weight}\nk1,none,{'0' if weight == '0' else '2'}\n", "utf-8")
    said = CliRunner().invoke(main, ["evaluate", str(root), "--labels", str(path)])
    assert said.exit_code == 1
    assert "weight" in said.output


def test_labels_with_gaps(dataset: tuple[Path, Path]) -> None:
    """Lines without a stratum or a role are read; the missing ones are no stratum and no role of their own."""
    root, labels = dataset
    lines = [json.loads(x) for x in labels.read_text("utf-8").splitlines()]
    gaps = [x | {"stratum": None, "role": None} if i % 2 else x for i, x in enumerate(lines)]
    labels.write_text("".join(json.dumps(x) + "\n" for x in gaps), "utf-8")
    out = ev.evaluate(root, labels)
    assert {s.value for s in out.scores if s.group == "role"} == {"technical"}


def test_json_is_not_a_quoted_string(dataset: tuple[Path, Path]) -> None:
    root, labels = dataset
    said = CliRunner().invoke(main, ["evaluate", str(root), "--labels", str(labels), "--json"])
    assert json.loads(said.output)["n"] == 40


def test_refusals(dataset: tuple[Path, Path], tmp_path: Path) -> None:
    root, labels = dataset
    with pytest.raises(DatasetError, match="build"):
        ev.evaluate(tmp_path / "nowhere", labels)
    other = tmp_path / "other.csv"
    other.write_text("record_id,ai_tier\nzz,none\n", "utf-8")
    with pytest.raises(ev.EvaluateError, match="none of the 1"):
        ev.evaluate(root, other)
    other.write_text("record_id,tier\nzz,none\n", "utf-8")
    with pytest.raises(ev.EvaluateError, match="ai_tier"):
        ev.evaluate(root, other)


@pytest.mark.shared
def test_shipped_model_on_the_dev_labels(shared: Path) -> None:
    """A floor, far below the measured figures: it guards against a broken model, not against noise."""
    from gangwei.codebook import Codebook
    from gangwei.stage_tables import RAW
    from gangwei.stages import s2_clean, s6_classify

    labels = ev.read_labels(shared / "gold" / "ai_dev.jsonl")
    wanted = pl.col("record_id").is_in(labels["record_id"].implode())
    ads = (
        pl.scan_parquet(shared / "data" / "postings_real.parquet")
        .select("record_id", "board", "title", "description", "tags_raw")
        .filter(wanted)
        .collect()
    )
    ads = labels.select("record_id").join(ads, on="record_id", maintain_order="left")
    book = Codebook()
    raw = RAW.conform(
        ads.select(source_key="record_id", board="board", title="title", description="description", tags="tags_raw")
    )
    clean = s2_clean.run(raw, s2_clean.compile_rules(book))
    said = pl.concat(
        [clean.select("board", "title", ad_id="source_key"), s6_classify.run(clean, s6_classify.compile_rules(book))],
        how="horizontal",
    )
    got = {s.value: s for s in ev.compare(said, labels).scores if s.group == "tier"}
    assert got["builder"].f1_plain > 0.88
    assert got["builder"].f1 > 0.80
    assert got["builder+adjacent"].f1_plain > 0.82


def test_flags_as_a_spreadsheet_writes_them(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("record_id,ai_tier,mention,defence_signal\nk0,builder,yes,1.0\nk1,none,No,0.0\nk2,none,,\n")
    labels = ev.read_labels(path)
    assert labels["mention"].to_list() == [True, False, None]
    assert labels["defence_signal"].to_list() == [True, False, None]
    path.write_text("record_id,ai_tier,mention\nk0,builder,maybe\n")
    with pytest.raises(StoreError, match="neither yes nor no"):
        ev.read_labels(path)


@pytest.mark.parametrize(
    ("name", "encoding", "separator"),
    [("a.csv", "gb18030", ","), ("a.CSV", "utf-8-sig", ";"), ("a.tsv", "utf-16", "\t"), ("a.txt", "utf-8", ",")],
)
def test_labels_as_a_spreadsheet_saves_them(
    dataset: tuple[Path, Path], tmp_path: Path, name: str, encoding: str, separator: str
) -> None:
    """Excel in China saves CSV in GB18030; a key that is a number keeps its zeros; letters of a tier may be large."""
    root, _ = dataset
    ads = root / "published" / "ads.parquet"
    pl.read_parquet(ads).with_columns(source_key=pl.format("00{}", "source_key")).write_parquet(ads)
    rows = pl.read_parquet(ads).select(record_id="source_key", ai_tier=pl.col("ai_tier").str.to_titlecase() + " ")
    path = tmp_path / name
    text = rows.with_columns(weight=pl.lit(2.0), 备注=pl.lit("看过")).write_csv(separator=separator)
    path.write_bytes(text.encode(encoding))
    out = ev.evaluate(root, path)
    assert (out.n, out.missing, out.errors, out.weighted) == (rows.height, 0, [], True)


@pytest.mark.parametrize("form", ["array", "mark"])
def test_json_of_other_programs(dataset: tuple[Path, Path], tmp_path: Path, form: str) -> None:
    root, labels = dataset
    lines = [json.loads(x) for x in labels.read_text("utf-8").splitlines()]
    path = tmp_path / "labels.json"
    text = json.dumps(lines) if form == "array" else "\ufeff" + labels.read_text("utf-8")
    path.write_text(text, "utf-8")
    assert ev.evaluate(root, path).scores == ev.evaluate(root, labels).scores


def test_an_ad_in_several_lines_counts_once(dataset: tuple[Path, Path], tmp_path: Path) -> None:
    root, labels = dataset
    twice = tmp_path / "twice.jsonl"
    lines = labels.read_text("utf-8").splitlines(keepends=True)
    twice.write_text("".join(lines + lines[:9]), "utf-8")
    one, two = ev.evaluate(root, labels), ev.evaluate(root, twice)
    was, now = ([x for s in e.scores[:5] for x in (s.precision, s.recall, s.f1)] for e in (one, two))
    assert now == pytest.approx(was)


def test_labels_without_record_ids_weights_or_both_halves_of_a_design(
    dataset: tuple[Path, Path], tmp_path: Path
) -> None:
    root, _ = dataset
    path = tmp_path / "labels.csv"
    path.write_text("ad_id,ai_tier\na0,none\na1,builder\n", "utf-8")
    out = ev.evaluate(root, path)
    assert (out.n, out.weighted) == (2, False)
    assert "without weights" in table(out)
    for text, says in (
        ("ad_id,ai_tier,stratum_population\na0,none,9\n", "stratum_population needs stratum_sample"),
        ("ad_id,ai_tier\na0,none\na1,\n", "1 of 2 lines have no ai_tier"),
        ("ad_id,ai_tier\na0,maybe\n", "unknown ai_tier maybe; allowed: builder"),
    ):
        path.write_text(text, "utf-8")
        with pytest.raises(StoreError, match=says):
            ev.evaluate(root, path)
    path.write_text("ad_id,ai_tier,weight\na0,none,0\nzz,none,1\n", "utf-8")
    with pytest.raises(ev.EvaluateError, match="every weight"):
        ev.evaluate(root, path)
    zero = np.zeros(2)
    assert label_scores.calibration_curve(np.array([True, False]), np.array([0.1, 0.9]), zero) == []
