"""Occupation groups and industry sections."""

from __future__ import annotations

import csv
import math
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from gangwei.codebook import Codebook
from gangwei.kernels.job.occupation import OccupationRules, compile_occupations, industry_of, occupation_of

HERE = Path(__file__).parent / "cases"


def cases(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load((HERE / f"{name}.yaml").read_text("utf-8")))


@pytest.fixture(scope="module")
def rules() -> OccupationRules:
    return compile_occupations(Codebook())


@pytest.mark.parametrize("case", cases("occupation"), ids=lambda c: c["title"])
def test_occupation(case: dict[str, Any], rules: OccupationRules) -> None:
    assert occupation_of(pl.Series([case["title"]]), rules)["code"].to_list() == [case["code"]]


@pytest.mark.parametrize(
    ("title", "agreed"),
    [
        ("Java开发工程师", True),
        ("在家办公/兼职/游戏开发", False),  # one word of an office, one of development
        ("新人奖3500急招外卖配送员", False),  # 外卖 and 配送员 name two groups
        ("叉车司机", True),  # 司机 lies inside 叉车司机
        ("（护士）", False),  # the core is silent, the brackets speak
        ("安排面试", None),
        ("", None),
    ],
)
def test_words_that_disagree_lower_the_confidence(title: str, agreed: bool | None, rules: OccupationRules) -> None:
    found = occupation_of(pl.Series([title]), rules).row(0, named=True)
    assert found["agreed"] is agreed
    assert (found["code"] is None) == (agreed is None)
    assert found["isco08"] is None or (len(found["isco08"]) == 4 and found["isco08"].isdigit())


@pytest.mark.parametrize("case", cases("industry"), ids=lambda c: f"{c['industry']}-{c['company']}")
def test_industry(case: dict[str, Any], rules: OccupationRules) -> None:
    got = industry_of(
        pl.Series([case["industry"]], dtype=pl.String), pl.Series([case["company"]], dtype=pl.String), rules
    )
    assert got.to_list() == [case["section"]]


def test_definitions_are_sound() -> None:
    book = Codebook()
    codes = {r["code"] for r in book.rows("occupations.csv")}
    assert all(len(c) == 4 and c[1] == "-" for c in codes)
    assert len({r["id"] for r in book.rows("skills.csv")}) == len(book.rows("skills.csv")) >= 250
    assert {r["section"] for r in book.rows("industries.csv")} == set("ABCDEFGHIJKLMNOPQRST")
    groups = {r["id"]: r["title"] for r in book.rows("isco08.csv")}
    assert all(re.fullmatch(r"\d{4}", code) and title for code, title in groups.items())
    assert {r["isco08"] for r in book.rows("occupations.csv")} - {""} == set(groups)
    for name in ("occupations.csv", "industries.csv", "skills.csv"):
        assert all(r["source"] for r in book.rows(name))


@pytest.mark.shared
def test_accuracy_on_public_titles(shared: Path, rules: OccupationRules) -> None:
    """Share of public test titles whose sub-major group is right (their labels are noisy)."""
    path = shared / "reference" / "csco" / "testcases.csv"
    rows = [r for r in csv.DictReader(path.open(encoding="utf-8")) if r["expected_code"]]
    got = occupation_of(pl.Series([r["job_name"] for r in rows]), rules)["code"].to_list()
    p = sum(g == r["expected_code"][:4] for g, r in zip(got, rows)) / len(rows)
    half = 1.96 * math.sqrt(p * (1 - p) / len(rows))
    print(f"occupation sub-major group: {p:.3f} +- {half:.3f} (n = {len(rows)})")
    assert p >= 0.62


def test_words_stand_for_their_isco_group() -> None:
    groups: dict[str, list[str]] = yaml.safe_load((HERE / "isco08.yaml").read_text("utf-8"))
    words = [(word, None if code == "none" else code) for code, said in groups.items() for word in said]
    found = occupation_of(pl.Series([w for w, _ in words]), compile_occupations(Codebook()))
    assert {w: (c, f) for (w, c), f in zip(words, found["isco08"]) if c != f} == {}
