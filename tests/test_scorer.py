"""Feature layout, n-gram hashing and the score of the kernel against a plain sum."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from gangwei.codebook import Codebook
from gangwei.kernels.ai import evidence, fields, ngrams
from gangwei.kernels.ai.folded import fold_text
from gangwei.schema import SECTIONS
from gangwei.stages import s6_classify as s6


@pytest.fixture(scope="module")
def rules() -> s6.Rules:
    return s6.compile_rules(Codebook())


def column(values: list[str]) -> pl.Series:
    return pl.Series(values, dtype=pl.String)


def test_names_are_unique_and_cover_the_layout() -> None:
    names = evidence.feature_names(["a", "b"], ["x"])
    assert len(names) == evidence.AT_END == len(set(names))
    assert names[evidence.AT_CONCEPT] == "concept:a@title"
    assert names[evidence.AT_COUNT] == "count:distinct>=1"


def test_names_of_fields_are_unique_and_cover_the_layout() -> None:
    names = fields.feature_names(["图像"])
    assert len(names) == fields.WIDTH == len(set(names))
    assert names[fields.AT_TERMS].startswith("terms:")
    assert names[fields.AT_SHARES].startswith("words_share:")
    assert names[fields.AT_TERM_SHARES].startswith("terms_share:")
    assert names[fields.AT_WORDS : fields.AT_WORDS + 3] == ["word:图像@title", "word:图像@used", "word:图像@preferred"]


def test_grams_are_unit_length_and_count_repeats() -> None:
    chars = fold_text("算法算法")
    stamp = np.full(1 << 10, -1, np.int32)
    idx, val = np.empty(64, np.int64), np.empty(64, np.float32)
    p = ngrams.grams(
        chars, len(chars), 2, 2, 10, 100, 1.0, ngrams.damped_counts(), np.empty(64, np.uint64), stamp, 0, idx, val, 0
    )
    assert p == 2
    assert idx[:p].min() >= 100
    assert math.isclose(float((val[:p] ** 2).sum()), 1.0, rel_tol=1e-5)
    assert math.isclose(float(val[0] / val[1]), 1 + math.log(2), rel_tol=1e-5)
    again = ngrams.grams(
        chars, len(chars), 2, 2, 10, 100, 1.0, ngrams.damped_counts(), np.empty(64, np.uint64), stamp, p, idx, val, 0
    )
    assert again == p


def test_digits_are_alike() -> None:
    got = []
    for text in ("招3人", "招8人"):
        idx, val = np.empty(64, np.int64), np.empty(64, np.float32)
        chars, stamp = fold_text(text), np.full(1 << 13, -1, np.int32)
        p = ngrams.grams(
            chars, len(chars), 1, 3, 13, 0, 1.0, ngrams.damped_counts(), np.empty(64, np.uint64), stamp, 0, idx, val, 0
        )
        got.append(idx[:p].tolist())
    assert got[0] == got[1]


def test_phrases_are_those_that_hold_an_ai_term() -> None:
    chars = fold_text("负责打扫,熟悉机器学习优先,五险一金")
    hits = np.zeros((2, 8), np.int64)
    hits[0, :4], hits[0, 7] = (0, 7, 11, 2), 0
    hits[1, :4], hits[1, 7] = (0, 14, 16, 3), 0
    out = np.empty(64, np.uint16)
    pos, ends = np.arange(len(chars), dtype=np.int32), np.array([len(chars)], np.int32)
    n = ngrams.phrases(chars, len(chars), pos, ends, hits, 0, 2, np.zeros(1, np.int32), out)
    assert "".join(map(chr, out[:n])) == "熟悉机器学习优先,"


@pytest.mark.parametrize(
    "text", ["", "岗位职责：负责深度学习模型训练与推荐算法研发，精通PyTorch。有SLAM经验优先。", "负责打扫卫生"]
)
def test_score_is_the_sum_of_its_features(text: str, rules: s6.Rules) -> None:
    model = rules.model
    empty = pl.Series([None], dtype=SECTIONS)
    out = s6.read(column(["推荐算法工程师"]), column([text]), column([""]), empty, rules, model, keep=True)
    scores, indptr, idx, val = out.scores, out.indptr, out.idx, out.val
    v = 0 if out.facts[0, 6] else 1
    assert v == ("深度学习" not in text)  # a snippet without AI counts as no text
    want = model.bias[v].astype(np.float64).copy()
    for j in range(int(indptr[1])):
        f, w = int(idx[j]), float(val[j])
        if f >= ngrams.AT_NEAR:
            want += w * model.phrases[f - ngrams.AT_NEAR]
        elif f >= ngrams.AT_TEXT:
            want[:3] += w * model.grams[f - ngrams.AT_TEXT]
        else:
            want += w * model.weights[v, f]
    want[-fields.N_FIELDS :] += out.fields[0] @ model.fields[v]
    assert np.allclose(scores[0], want, atol=1e-3)


def field_names_of(title: str, text: str, rules: s6.Rules) -> dict[str, float]:
    empty = pl.Series([None], dtype=SECTIONS)
    out = s6.read(column([title]), column([text]), column([""]), empty, rules, rules.model, keep=True)
    names = rules.features[evidence.AT_END :]
    return {names[i]: float(out.fields[0, i]) for i in np.flatnonzero(out.fields[0])}


def test_words_of_a_field_count_by_spot(rules: s6.Rules) -> None:
    got = field_names_of("深度学习工程师(语音方向)", "负责图像数据与图像标注。有广告经验者优先。", rules)
    assert (
        got["words:speech@title"] == got["word:语音@title"] == got["word:图像@used"] == got["word:广告@preferred"] == 1
    )
    assert got["words:recsys@preferred"] == 1
    assert math.isclose(got["words:cv@duty"] + got.get("words:cv@asked", 0), math.log2(3), rel_tol=1e-5)
    assert got["terms:ml@title"] == 1
    assert math.isclose(sum(v for k, v in got.items() if k.startswith("words_share:")), 1, rel_tol=1e-5)


def test_words_of_a_field_in_another_meaning(rules: s6.Rules) -> None:
    got = field_names_of("深度学习工程师", "接受视频面试与内部推荐。", rules)
    assert not any(k.startswith("words") for k in got)


def test_subfields_are_scored_where_a_tier_may_be_said(rules: s6.Rules) -> None:
    empty = pl.Series([None] * 3, dtype=SECTIONS)
    titles = column(["图像算法工程师", "会计", "平面设计师"])
    texts = column(
        ["负责图像识别算法研发,精通深度学习与PyTorch。", "负责做账报税。", "负责海报与修图,会用ChatGPT者优先。"]
    )
    tags = column(["", "", ""])
    lazy = s6.read(titles, texts, tags, empty, rules, rules.model)
    whole = s6.read(titles, texts, tags, empty, rules, rules.model, whole=True)
    plain = len(s6.LANES) - fields.N_FIELDS
    assert np.array_equal(lazy.scores[:, :plain], whole.scores[:, :plain])
    assert np.array_equal(lazy.scores[0], whole.scores[0])
    bias = rules.model.bias[0, plain:]
    assert not np.array_equal(lazy.scores[0, plain:], bias)
    assert np.array_equal(lazy.scores[1:, plain:], np.stack([bias, bias]))
    assert np.array_equal(whole.scores[1, plain:], bias)
    assert not np.array_equal(whole.scores[2, plain:], bias)


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("负责机器学习模型研发", "duties", "tier:builder_weak@duties/duty"),
        ("熟悉机器学习", "requirements", "tier:builder_weak@requirements/asked"),
        ("有机器学习经验者优先", "requirements", "tier:builder_weak@requirements/preferred"),
        ("无需机器学习经验", "requirements", "tier:builder_weak@requirements/negated"),
        ("深耕机器学习多年", "blurb", "tier:builder_weak@blurb/plain"),
    ],
)
def test_section_and_context(text: str, kind: str, name: str, rules: s6.Rules) -> None:
    sections = pl.Series([[{"kind": kind, "start": 0, "end": len(text)}]], dtype=SECTIONS)
    out = s6.read(column(["职员"]), column([text]), column([""]), sections, rules, rules.model, keep=True)
    assert rules.features.index(name) in out.idx[: int(out.indptr[1])].tolist()


@pytest.mark.parametrize(
    ("text", "context"),
    [
        ("岗位要求：\n1、熟悉Java\n加分项：\n1、熟悉机器学习", "preferred"),
        ("1、熟悉Java；具备以下条件优先：2、熟悉机器学习", "preferred"),
        ("熟悉Java\n加分项\n熟悉机器学习", "preferred"),
        ("Java required.\nNice to have:\n- machine learning", "preferred"),
        ("加分项：\n1、英语流利\n任职要求：\n1、熟悉机器学习", "asked"),
        ("有Java经验者优先\n熟悉机器学习", "asked"),
        ("熟悉Java。优先:有英语基础;熟悉机器学习;本科", "preferred"),
        ("优先考虑：英语流利；会日语；熟悉机器学习", "preferred"),
        ("优先:有英语基础;会Java\n熟悉机器学习", "asked"),
        ("优先:有英语基础。熟悉机器学习", "asked"),
        ("优先:有英语基础;要求:熟悉机器学习", "asked"),
    ],
)
def test_a_heading_of_wishes_holds_for_its_list(text: str, context: str, rules: s6.Rules) -> None:
    sections = pl.Series([[{"kind": "requirements", "start": 0, "end": len(text)}]], dtype=SECTIONS)
    out = s6.read(column(["职员"]), column([text]), column([""]), sections, rules, rules.model, keep=True)
    name = f"tier:builder_weak@requirements/{context}"
    assert rules.features.index(name) in out.idx[: int(out.indptr[1])].tolist()


@pytest.mark.parametrize(
    ("text", "says"), [("", False), ("🔥🔥🔥", False), ("……见!", False), ("招聘算法", True), ("AI岗 3人", True)]
)
def test_a_text_of_signs_is_none(text: str, says: bool, rules: s6.Rules) -> None:
    out = s6.read(column(["职员"]), column([text]), column([""]), pl.Series([None], dtype=SECTIONS), rules, rules.model)
    assert bool(out.facts[0, 6]) == says


def test_evidence_grows_beyond_its_first_guess(rules: s6.Rules) -> None:
    text = "机器学习，深度学习，计算机视觉。" * 300
    out = s6.read(
        column([""] * 3),
        column([text] * 3),
        column([""] * 3),
        pl.Series([None] * 3, dtype=SECTIONS),
        rules,
        rules.model,
    )
    assert len(out.hits) == 3 * int(out.facts[0, 7]) > 1024
