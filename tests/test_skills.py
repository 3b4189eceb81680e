"""Skills: words of skills.csv in the parts of an ad that ask, with public identifiers."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from gangwei import schema
from gangwei.codebook import Codebook
from gangwei.kernels.job.skills import (
    SkillRules,
    asked,
    compile_skills,
    identifiers,
    skill_lists,
    skill_rows,
    skills_of,
)


@pytest.fixture(scope="module")
def rules() -> SkillRules:
    return compile_skills(Codebook())


def test_words(rules: SkillRules) -> None:
    texts = pl.Series(["熟悉python与pytorch，了解c++", "负责javanese翻译", "", "会用ps、cdr，普通话标准"])
    rows, ids = skills_of(texts, rules)
    by_row = {r: set(ids.filter(pl.Series(rows == r))) for r in range(4)}
    assert {"python", "pytorch", "c++"} <= by_row[0]
    assert "java" not in by_row[1] and not by_row[2]
    assert {"photoshop", "coreldraw", "mandarin"} <= by_row[3]


def _ads(text: str, spans: list[tuple[str, int, int]], tags: str | None = None) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "ad_id": ["a1"], "title": ["算法工程师"], "tags": [tags], "text": [text],
            "sections": [[{"kind": k, "start": a, "end": b} for k, a, b in spans]],
        },
        schema_overrides={"sections": schema.SECTIONS, "tags": pl.String},
    )  # fmt: skip


def test_the_blurb_asks_for_nothing(rules: SkillRules) -> None:
    text = "我们用Java做平台。要求：熟悉PyTorch"
    cut = text.index("要求")
    ads = _ads(text, [("blurb", 0, cut), ("requirements", cut, len(text))], tags="Docker")
    assert asked(ads).to_list() == ["算法工程师\ndocker\n要求：熟悉pytorch"]
    lists = skill_lists(ads, np.array([True]), rules)
    assert lists.to_list() == [["docker", "pytorch"]]
    got = skill_rows(ads.with_columns(skills=lists), identifiers(Codebook()))
    assert got["skill_id"].to_list() == ["docker", "pytorch"] and set(got["ad_id"]) == {"a1"}
    assert schema.SKILLS.conform(got).columns == ["ad_id", "skill_id", "scheme", "identifier"]


def test_only_ads_that_are_asked_for_are_read(rules: SkillRules) -> None:
    ads = pl.concat([_ads("熟悉PyTorch", [("other", 0, 9)]), _ads("", []), _ads("熟悉Spark", [("other", 0, 7)])])
    assert skill_lists(ads, np.array([False, True, True]), rules).to_list() == [[], [], ["spark"]]
    assert skill_lists(ads[:0], np.zeros(0, np.bool_), rules).is_empty()


def test_identifiers_are_public() -> None:
    for r in Codebook().rows("skills.csv"):
        assert (r["scheme"] in ("esco", "lightcast")) == bool(r["identifier"]), r["id"]
