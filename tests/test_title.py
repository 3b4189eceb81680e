"""Title cores: cases that anyone may extend, and what must not matter."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml

from gangwei.codebook import Codebook
from gangwei.kernels.match import judging
from gangwei.kernels.match.title import FUNCTIONS, HEADS, TitleRules, compile_titles, folded, title_frame

CASES: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "cases" / "titles.yaml").read_text("utf-8"))


@cache
def rules() -> TitleRules:
    return compile_titles(Codebook())


def relation(a: str, b: str) -> int:
    frame = title_frame(pl.Series([a, b]), rules())
    facts = np.zeros((2, len(judging.FACTS)), np.int64)
    facts[:, judging.KEY] = frame["title_key"].to_numpy().view(np.int64)
    facts[:, judging.HEADS], facts[:, judging.FUNCTIONS] = frame["heads"], frame["functions"]
    ends = np.concatenate([[0], np.cumsum(frame["bag"].list.len().to_numpy())]).astype(np.int64)
    bag = frame["bag"].explode(empty_as_null=False).to_numpy()
    forward, back = (int(judging.title_relation(facts, bag, ends, i, 1 - i)) for i in (0, 1))
    assert forward == back
    return forward


@pytest.mark.parametrize("titles", CASES["same"], ids=lambda t: t[0])
def test_same(titles: list[str]) -> None:
    assert {t: relation(titles[0], t) for t in titles} == dict.fromkeys(titles, 3)


@pytest.mark.parametrize(("kind", "want"), [("shorter", 2), ("generic", 1), ("apart", 0)])
def test_pairs(kind: str, want: int) -> None:
    got = {f"{a} | {b}": relation(a, b) for a, b in CASES[kind]}
    assert got == dict.fromkeys(got, want)


@pytest.mark.parametrize("case", CASES["parts"], ids=lambda c: c["title"])
def test_parts(case: dict[str, Any]) -> None:
    row = title_frame(pl.Series([case["title"]]), rules()).row(0, named=True)
    for name, names in (("heads", HEADS), ("functions", FUNCTIONS)):
        if name in case:
            assert {n for i, n in enumerate(names) if row[name] >> i & 1} == set(case[name])
    if "level" in case:
        assert row["level"] == case["level"]
    if "place" in case:
        assert (row["place"] != 0) == case["place"]
    if "empty" in case:
        assert row["title_key"] == 0


def test_rows_do_not_depend_on_each_other() -> None:
    titles = [t for group in CASES["same"] for t in group]
    whole = title_frame(pl.Series(titles), rules())
    one_by_one = pl.concat([title_frame(pl.Series([t]), rules()) for t in titles])
    assert whole.equals(one_by_one)


def test_hostile_titles_are_bounded() -> None:
    titles = [
        None,
        "",
        "\x00" * 50,
        "高" * 1_000_000,
        "a b " * 100_000,
        "<script>alert(1)</script>",
        "𝒥𝒶𝓋𝒶",
        "🙂",
        "한국어 개발자",
    ]
    frame = title_frame(pl.Series(titles), rules())
    assert frame.height == len(titles)
    assert frame["bag"].list.len().max() <= 24


def test_patterns_match_only_titles_that_hold_what_they_need() -> None:
    def strings(value: Any) -> list[str]:
        inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
        return [value] if isinstance(value, str) else [s for v in inside for s in strings(v)]

    more = [
        "保安月休四天",
        "三年以上工作经验会计",
        "星河招聘专员",
        "前台(job id)",
        "会计编号:ab",
        "12:30上班保安",
        "['会计']",
    ]
    titles = folded(pl.Series([*strings(CASES), *more]))
    for row in Codebook().rows("openings/title_patterns.csv"):
        hits = titles.filter(titles.str.contains(row["pattern"]))
        needs = row["needs"].replace("digit", " ".join("0123456789")).split()
        assert needs and hits.str.contains_any(needs).all(), (row["id"], hits.to_list())
