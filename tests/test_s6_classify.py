"""Tiers, evidence and flags on synthetic ads, and robustness of the whole stage."""

from __future__ import annotations

import io
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml

from gangwei.codebook import Codebook
from gangwei.kernels.ai import hits
from gangwei.stage_tables import CLASSIFIED, RAW
from gangwei.stages import s2_clean, s6_classify

CASES = yaml.safe_load((Path(__file__).parent / "cases" / "ai_tiers.yaml").read_text("utf-8"))


@pytest.fixture(scope="module")
def rules() -> s6_classify.Rules:
    return s6_classify.compile_rules(Codebook())


@pytest.fixture(scope="module")
def cleaner() -> s2_clean.Rules:
    return s2_clean.compile_rules(Codebook())


def classify(ads: list[tuple[str, str]], rules: s6_classify.Rules, cleaner: s2_clean.Rules) -> pl.DataFrame:
    raw = RAW.conform(pl.DataFrame({"title": [t for t, _ in ads], "description": [d for _, d in ads]}))
    clean = s2_clean.run(raw, cleaner)
    return pl.concat([clean.select("title", "text"), s6_classify.run(clean, rules)], how="horizontal")


@pytest.mark.parametrize("case", CASES, ids=[str(c["title"]) + str(i) for i, c in enumerate(CASES)])
def test_cases(case: dict[str, Any], rules: s6_classify.Rules, cleaner: s2_clean.Rules) -> None:
    row = classify([(case["title"], case["text"])], rules, cleaner).row(0, named=True)
    assert row["ai_tier"] == case["tier"], row["hits"]
    for key, column in (
        ("mention", "ai_mention"),
        ("surveillance", "surveillance_job"),
        ("defence", "defence_signal"),
        ("role", "ai_role"),
    ):
        if key in case:
            assert row[column] == case[key], key
    assert set(case.get("subfields", [])) <= set(row["ai_subfields"])


@pytest.mark.parametrize(
    ("asked", "tier"),
    [
        ("1、熟练使用SQL。2、有机器学习项目经验，熟悉TensorFlow。（加分项）", "user"),  # said of what stands before it
        ("1、英语流利。（加分项）2、有机器学习项目经验，熟悉TensorFlow。", "builder"),  # not of what comes next
        ("\n1、熟练使用SQL。\n（加分项）\n1、有机器学习项目经验，熟悉TensorFlow。", "user"),  # a heading
        ("1、熟练使用SQL。2、有机器学习经验最好。", "user"),
        ("\n1、熟练使用SQL。\n具备以下任一条件者优先录用：\n1、有机器学习项目经验，熟悉TensorFlow。", "user"),
    ],
)
def test_wishes(asked: str, tier: str, rules: s6_classify.Rules, cleaner: s2_clean.Rules) -> None:
    text = f"岗位职责：负责业务数据分析与报表。\n任职要求：{asked}"
    assert classify([("数据分析师", text)], rules, cleaner)["ai_tier"][0] == tier


def test_schema_offsets_and_order(rules: s6_classify.Rules, cleaner: s2_clean.Rules) -> None:
    ads = [(c["title"], c["text"]) for c in CASES]
    out = classify(ads + ads[::-1], rules, cleaner)
    assert out.select(list(CLASSIFIED.polars)).schema == CLASSIFIED.empty().schema
    assert out[: len(ads)].equals(out[len(ads) :].reverse())
    terms = {r["id"]: r["term"] for r in Codebook().rows("ai/terms.csv")}
    for row in out.iter_rows(named=True):
        assert 0 <= row["ai_score"] <= 1
        assert bool(row["ai_subfields"]) == (row["ai_tier"] in ("builder", "adjacent"))
        for h in row["hits"]:
            if h["decision"] == "ai_term":
                span = row[h["field"]][h["start"] : h["end"]]
                assert span.lower().replace("-", " ") == terms[h["rule_id"]].lower().replace("-", " ")
        if row["ai_tier"] != "none":
            assert any(h["decision"] == "ai_term" for h in row["hits"])
            assert any(h["decision"] == "ai_feature" for h in row["hits"])


@pytest.mark.parametrize(
    ("plain", "changed"),
    [
        (
            "负责机器学习算法研发，精通深度学习框架TensorFlow",
            "负责机器\u200b学习算法研发，精通深度\n学习框架ＴｅｎｓｏｒＦｌｏｗ",
        ),
        ("负责AI算法研发与模型训练", "負責ＡＩ算法研發與模型訓練"),
    ],
)
def test_same_answer_as_the_clean_form(
    plain: str, changed: str, rules: s6_classify.Rules, cleaner: s2_clean.Rules
) -> None:
    a, b = (
        classify([("工程师", plain), ("工程师", changed)], rules, cleaner)
        .select("ai_tier", "ai_mention", "ai_terms")
        .rows()
    )
    assert a == b


def test_hostile_input(rules: s6_classify.Rules, cleaner: s2_clean.Rules) -> None:
    texts = [
        "",
        "AI",
        "🤖" * 1000,
        "\x00" * 50,
        "机器学习" * 260_000,
        "a" * 1_000_000,
        "<script>AI</script>",
        "؟ עברית AI ไทย",
        "\ud83d",
    ]
    out = classify([("工程师", t.encode("utf-8", "replace").decode()) for t in texts], rules, cleaner)
    assert out.height == len(texts)
    assert out["hits"].list.len().max() < 2000


def test_nulls_no_rows_and_no_sections(rules: s6_classify.Rules) -> None:
    schema = {"title": pl.String, "text": pl.String, "tags": pl.String, "sections": s6_classify_sections()}
    assert s6_classify.run(pl.DataFrame(schema=schema), rules).height == 0
    out = s6_classify.run(
        pl.DataFrame(
            {
                "title": [None, "算法工程师"],
                "text": [None, "负责深度学习模型训练"],
                "tags": [None, None],
                "sections": [None, None],
            },
            schema=schema,
        ),
        rules,
    )
    assert out["ai_tier"].to_list() == ["none", "builder"]


def s6_classify_sections() -> pl.DataType:
    from gangwei.schema import SECTIONS

    return SECTIONS


def test_threads_agree(rules: s6_classify.Rules, cleaner: s2_clean.Rules) -> None:
    ads = [(c["title"], c["text"]) for c in CASES]
    alone = classify(ads, rules, cleaner)
    with ThreadPoolExecutor(4) as pool:
        assert all(r.equals(alone) for r in pool.map(lambda _: classify(ads, rules, cleaner), range(8)))


def test_unknown_terms_keep_the_other_weights(tmp_path: Path, cleaner: s2_clean.Rules) -> None:
    folder = tmp_path / "ai"
    folder.mkdir()
    text = Codebook().path("ai/terms.csv").read_text("utf-8")
    (folder / "terms.csv").write_text(
        text + "aaa_new.001,aaa_new,zh,量子智脑算法,builder_strong,ml,,,,2027.1,a new word\n", "utf-8"
    )
    rules = s6_classify.compile_rules(Codebook(tmp_path))
    out = classify(
        [("量子智脑算法工程师", "负责量子智脑算法研发与训练"), *[(c["title"], c["text"]) for c in CASES]],
        rules,
        cleaner,
    )
    assert out["ai_terms"][0].to_list()[0] == "aaa_new.001"
    assert out["ai_tier"][1:].to_list() == [c["tier"] for c in CASES]


def test_a_term_counts_in_the_sections_that_its_row_names(tmp_path: Path, cleaner: s2_clean.Rules) -> None:
    folder = tmp_path / "ai"
    folder.mkdir()
    text = Codebook().path("ai/terms.csv").read_text("utf-8")
    row = "aaa_new.001,aaa_new,zh,量子智脑算法,builder_strong,ml,{},,,2027.1,a new word\n"
    ads = [("量子智脑算法工程师", "负责平台开发"), ("工程师", "负责量子智脑算法研发与训练")]
    found = {}
    for section in ("", "title", "duties|requirements|other"):
        (folder / "terms.csv").write_text(text + row.format(section), "utf-8")
        out = classify(ads, s6_classify.compile_rules(Codebook(tmp_path)), cleaner)
        found[section] = ["aaa_new.001" in terms for terms in out["ai_terms"].to_list()]
    assert found == {"": [True, True], "title": [True, False], "duties|requirements|other": [False, True]}
    (folder / "terms.csv").write_text(text + row.format("footer"), "utf-8")
    with pytest.raises(ValueError, match=r"aaa_new\.001 names the unknown section 'footer'"):
        s6_classify.compile_rules(Codebook(tmp_path))


def test_a_term_says_nothing_of_the_subfield_where_it_does_not_count(tmp_path: Path, cleaner: s2_clean.Rules) -> None:
    folder = tmp_path / "ai"
    folder.mkdir()
    text = Codebook().path("ai/terms.csv").read_text("utf-8")
    raw = RAW.conform(pl.DataFrame({"title": ["工程师"], "description": ["负责天穹九章与深度学习的研发"]}))
    ad = s2_clean.run(raw, cleaner)
    found = []
    for row in ("", "aaa_new.001,aaa_new,zh,天穹九章,builder_strong,speech,title,,,2027.1,a new word\n"):
        (folder / "terms.csv").write_text(text + row, "utf-8")
        rules = s6_classify.compile_rules(Codebook(tmp_path))
        columns = (ad["title"], ad["text"], ad["tags"], ad["sections"])
        found.append(s6_classify.read(*columns, rules, s6_classify.blank_model(), keep=True).fields)
    assert found[0].any()
    assert np.array_equal(found[0], found[1])


def test_model_is_refused_when_broken(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"model\.npz"):
        s6_classify.load_model(b"not a model", [])


@pytest.mark.parametrize("older", ["field", "width", "lanes"])
def test_model_of_an_older_layout_says_what_to_do(older: str) -> None:
    with np.load(Codebook().path("ai/model.npz")) as z:
        arrays = {name: z[name] for name in z.files if name != older}
    meta = json.loads(str(arrays["meta"]))
    if older in meta:
        meta[older] = meta[older][:-1] if older == "lanes" else meta[older] // 2
    out = io.BytesIO()
    np.savez(out, **arrays | {"meta": np.array(json.dumps(meta))})
    with pytest.raises(ValueError, match=r"^ai/model\.npz: made for another layout; run `gangwei train`$"):
        s6_classify.load_model(out.getvalue(), [])


def test_model_card_names_the_model() -> None:
    import hashlib

    book = Codebook()
    data = book.path("ai/model.npz").read_bytes()
    assert len(data) < s6_classify.MODEL_BYTES
    assert hashlib.sha256(data).hexdigest() in book.path("ai/model_card.md").read_text("utf-8")


def test_terms_of_the_tags_are_evidence_without_characters(rules: s6_classify.Rules, cleaner: s2_clean.Rules) -> None:
    raw = RAW.conform(pl.DataFrame({"title": ["数据分析工程师"] * 2, "tags": ["机器学习|深度学习|图像算法", None]}))
    tagged, bare = s6_classify.run(s2_clean.run(raw, cleaner), rules).iter_rows(named=True)
    assert tagged["ai_tier"] == "builder"
    named = [h for h in tagged["hits"] if h["field"] == "tags"]
    assert {h["rule_id"].split(".")[0] for h in named} >= {"machine_learning", "deep_learning"}
    assert all(h["decision"] == "ai_term" and h["start"] is None and h["end"] is None for h in named)
    assert all(h["reason_id"].endswith("@tags") for h in named)
    assert tagged["ai_terms"] == [] and not [h for h in bare["hits"] if h["field"] == "tags"]


def test_every_section_and_context_has_words() -> None:
    words = Codebook().toml("labels/explore.toml")
    page = next(v for v in (words, *words.values()) if isinstance(v, dict) and "context_plain" in v)
    assert {f"context_{x}" for x in (*hits.LOCATIONS, *hits.CONTEXTS)} <= set(page)
