"""Sections: cases, invariants of the spans, what the text hash ignores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from gangwei.codebook import Codebook
from gangwei.kernels.clean.sections import SectionRules, compile_sections, split
from gangwei.schema import SECTION_KINDS, SECTIONS

CASES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "cases" / "sections.yaml").read_text("utf-8"))


@pytest.fixture(scope="module")
def rules() -> SectionRules:
    return compile_sections(Codebook())


def spans(text: str, rules: SectionRules) -> list[dict[str, Any]]:
    out, _ = split(pl.Series([text]), rules)
    assert out.dtype == SECTIONS
    found: list[dict[str, Any]] = out.to_list()[0]
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda c: c["id"])
def test_cases(case: dict[str, Any], rules: SectionRules) -> None:
    text = case["text"]
    got = [[s["kind"], text[s["start"] : s["end"]].lstrip()] for s in spans(text, rules)]
    assert [kind for kind, _ in got] == [kind for kind, _ in case["sections"]], got
    for (_, part), (_, start) in zip(got, case["sections"], strict=True):
        assert part.startswith(start), got


def check(text: str, found: list[dict[str, Any]]) -> None:
    at = 0
    for s in found:
        assert s["start"] == at and s["end"] > s["start"]
        assert s["kind"] in SECTION_KINDS
        at = s["end"]
    assert at == len(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "好",
        "\n",
        ":::",
        "1、",
        "岗位职责",
        "【】",
        "👨‍💻岗位职责:𠮷",
        "负责" * 5000,
        "岗位职责:" * 3000,
        "\n".join("1234567890"),
    ],
)
def test_spans_cover_the_text(text: str, rules: SectionRules) -> None:
    check(text, spans(text, rules))


def test_null_and_empty_have_no_section_and_no_hash(rules: SectionRules) -> None:
    out, hashes = split(pl.Series([None, "", "!!", "负责训练"], dtype=pl.String), rules)
    assert out.list.len().to_list() == [0, 0, 1, 1]
    assert [h == 0 for h in hashes] == [True, True, True, False]


BASE = "岗位职责:\n1、负责机器学习模型训练与部署;\n2、参与NLP研究\n任职要求:\n本科及以上学历"


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (BASE.replace("\n", " "), True),
        (BASE.replace(";", "。").replace("NLP", "nlp"), True),
        (BASE + "\n联系方式:〔联系方式〕", True),
        (BASE + "\n职能类别:算法工程师关键字:AI", True),
        ("公司简介:\n某某科技是一家上市公司\n" + BASE, True),
        (BASE.replace("训练", "评测"), False),
        (BASE.replace("本科", "硕士"), False),
    ],
)
def test_text_hash(other: str, same: bool, rules: SectionRules) -> None:
    _, hashes = split(pl.Series([BASE, other]), rules)
    assert bool(hashes[0] == hashes[1]) == same


def test_hostile_text_ends(rules: SectionRules) -> None:
    split(pl.Series(["x"]), rules)
    for raw in ("岗位职责" * 50_000, "1、" * 100_000, ":" * 200_000, "负责人" * 66_000, "(" * 200_000, "\n" * 200_000):
        check(raw, spans(raw, rules))
