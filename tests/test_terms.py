"""The matcher: folding, boundaries, leftmost-longest, layers, and agreement with a plain search."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from gangwei.codebook import Codebook
from gangwei.kernels.ai.folded import fold_text
from gangwei.kernels.ai.terms import compile_terms, scan

CASES = yaml.safe_load((Path(__file__).parent / "cases" / "ai_terms.yaml").read_text("utf-8"))


def found(text: str, terms: list[str]) -> list[str]:
    return [text[a:b] for _, _, a, b in scan(pl.Series([text]), compile_terms(terms, [0] * len(terms)))]


@pytest.fixture(scope="module")
def packaged() -> tuple[Any, list[dict[str, str]]]:
    rows = [r for r in Codebook().rows("ai/terms.csv") if not r["section"]]
    return compile_terms([r["term"] for r in rows], [0] * len(rows)), rows


@pytest.mark.parametrize("case", CASES, ids=[str(c["text"])[:20] for c in CASES])
def test_packaged_terms(case: dict[str, Any], packaged: tuple[Any, list[dict[str, str]]]) -> None:
    lexicon, rows = packaged
    from gangwei.kernels.clean.text import clean, compile_text

    text = clean(pl.Series([case["text"]]), compile_text(Codebook())).text[0]
    hits = [rows[t]["concept"] for _, t, _, _ in scan(pl.Series([text]), lexicon)]
    assert hits == case["find"]


def test_term_base_is_large_and_whole() -> None:
    rows = Codebook().rows("ai/terms.csv")
    assert len(rows) >= 1500
    assert len({r["id"] for r in rows}) == len(rows)
    assert {r["lang"] for r in rows} == {"zh", "en"}
    assert all(r["reason"] and r["added_in"] and r["tier"] for r in rows)


@pytest.mark.parametrize(
    ("text", "terms", "want"),
    [
        ("C++ and C", ["c++", "c#"], ["C++"]),
        ("AIS AI ai5 5ai", ["ai"], ["AI"]),
        ("AI++", ["ai"], []),
        ("机器学习算法", ["机器学习", "机器学习算法", "学习"], ["机器学习算法"]),
        ("大 模 型", ["大模型"], ["大 模 型"]),
        ("natural\nlanguage", ["natural language"], ["natural\nlanguage"]),
        ("naturallanguage", ["natural language"], []),
        ("深度学习" * 3, ["深度学习"], ["深度学习"] * 3),
        ("🤖AI🤖", ["ai"], ["AI"]),
        ("\x00AI", ["ai"], ["AI"]),
    ],
)
def test_rules(text: str, terms: list[str], want: list[str]) -> None:
    assert found(text, terms) == want


def test_layers_do_not_hide_each_other() -> None:
    lexicon = compile_terms(["机器学习优先", "优先"], [0, 1])
    assert scan(pl.Series(["机器学习优先"]), lexicon)[:, 1].tolist() == [0, 1]


@pytest.mark.parametrize("terms", [["a"], ["AI", "ai"]])
def test_refuses(terms: list[str]) -> None:
    with pytest.raises(ValueError, match="term"):
        compile_terms(terms, [0] * len(terms))


def test_agrees_with_plain_search() -> None:
    rng = random.Random(7)
    terms = ["甲乙", "甲乙丙", "乙丙", "丙丁甲乙", "丁丁"]
    lexicon = compile_terms(terms, [0] * len(terms))
    texts = ["".join(rng.choice("甲乙丙丁") for _ in range(40)) for _ in range(300)]

    def plain(text: str) -> list[str]:
        out, i = [], 0
        while i < len(text):
            hit = max((t for t in terms if text.startswith(t, i)), key=len, default="")
            out += [hit] if hit else []
            i += len(hit) or 1
        return out

    got: dict[int, list[str]] = {}
    for r, _, a, b in scan(pl.Series(texts), lexicon):
        got.setdefault(r, []).append(texts[r][a:b])
    assert [got.get(i, []) for i in range(len(texts))] == [plain(t) for t in texts]


def test_null_empty_and_huge() -> None:
    lexicon = compile_terms(["机器学习"], [0])
    assert scan(pl.Series([None, "", "x"], dtype=pl.String), lexicon).shape == (0, 4)
    assert len(scan(pl.Series(["机器学习" * 300_000]), lexicon, cap=100)) == 100
    assert fold_text("ＡＩ－x")[:2].tolist() == [ord("a"), ord("i")]
