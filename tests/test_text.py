"""Clean text: cases, metamorphic relations, hostile input."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from gangwei.codebook import Codebook
from gangwei.kernels.clean import fold, markup
from gangwei.kernels.clean.text import TextRules, clean, compile_text, language, strip_furniture

CASES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "cases" / "text.yaml").read_text("utf-8"))
SAMPLE = "岗位职责:\n1、负责机器学习(ML)模型训练;\n2、参与NLP研究,熟悉Python3。\n任职要求:\n本科及以上学历"


@pytest.fixture(scope="module")
def rules() -> TextRules:
    return compile_text(Codebook())


def one(raw: str | None, rules: TextRules, *, one_line: bool = False, south: bool = False) -> str | None:
    done = clean(pl.Series([raw], dtype=pl.String), rules, one_line=one_line, traditional=pl.Series([south]))
    out: str | None = strip_furniture(done.text, rules)[0]
    return out


@pytest.mark.parametrize("case", CASES, ids=lambda c: c["id"])
def test_cases(case: dict[str, Any], rules: TextRules) -> None:
    got = one(case["raw"], rules, one_line=case.get("one_line", False), south=case.get("south", False))
    assert got == case["clean"]


def test_null_stays_null_and_rows_stay_aligned(rules: TextRules) -> None:
    done = clean(pl.Series(["a", None, "<b>c</b>", None, "數據"]), rules)
    assert done.text.to_list() == ["a", None, "c", None, "数据"]


def test_clean_text_is_a_fixed_point(rules: TextRules) -> None:
    raws = pl.Series([c["raw"] for c in CASES if "twice" not in c["id"]])
    once = clean(raws, rules).text
    assert clean(once, rules).text.to_list() == once.to_list()


def full_width(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if 0x21 <= ord(c) < 0x7F else c for c in text)


@pytest.mark.parametrize(
    "change",
    [
        full_width,
        lambda t: t.replace("\n", "\r\n"),
        lambda t: t.replace("\n", "<br>"),
        lambda t: t.replace("\n", "\n\n \n"),
        "\u200b".join,
        lambda t: t.replace("机器学习", "機器學習").replace("负责", "負責").replace("训练", "訓練"),
        lambda t: "<div><p>" + t + "</p></div>",
        lambda t: t.replace("\n", "_x000d_\n"),
    ],
    ids=["full_width", "crlf", "br", "blank_lines", "zero_width", "traditional", "wrapped", "excel"],
)
def test_same_text_in_another_dress(change: Any, rules: TextRules) -> None:
    assert one(change(SAMPLE), rules) == SAMPLE


def test_input_is_not_touched(rules: TextRules) -> None:
    raw = pl.Series(["數據<br>", "cafe\u0301", "x"])
    clean(raw, rules)
    assert raw.to_list() == ["數據<br>", "cafe\u0301", "x"]


@pytest.mark.parametrize(
    "raw",
    ["<" * 1_000_000, "<a " * 300_000, '<a "' * 300_000, "&" * 1_000_000, "&#" * 500_000, "<!--" * 250_000, "人" * 1_700_000,
     "_x000" * 200_000, "\u0301" * 500_000, "<script>" * 120_000, "\ufdfa" * 300_000],
    ids=["lt", "open_tags", "open_quotes", "amp", "refs", "comments", "five_mb", "escapes", "marks", "scripts", "expand"],
)  # fmt: skip
def test_hostile_text_ends_and_is_capped(raw: str, rules: TextRules) -> None:
    clean(pl.Series(["x"]), rules)
    done = clean(pl.Series([raw]), rules)
    assert done.text.str.len_chars()[0] <= rules.max_text + markup.TAG_SPAN


def test_long_text_says_that_it_was_cut(rules: TextRules) -> None:
    done = clean(pl.Series(["人" * 250_000, "短"]), rules)
    assert done.text.str.len_chars().to_list() == [rules.max_text, 1]
    assert [bool(f & fold.CAPPED) for f in done.flags] == [True, False]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("负责机器学习模型训练", "zh"),
        ("負責機器學習模型訓練與維護", "zh_hant"),
        ("Develop machine learning models", "en"),
        ("熟悉并使用Python, TensorFlow, PyTorch, Linux", "zh"),
        ("機械学習エンジニアのしごとをさがしています", "other"),
        ("12345", "other"),
        ("", "other"),
    ],
)
def test_language(text: str, expected: str, rules: TextRules) -> None:
    assert language(clean(pl.Series([text]), rules).stats, rules)[0] == expected
