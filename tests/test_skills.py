"""Skills: words of skills.csv in the parts of an ad that ask, with public identifiers."""

from __future__ import annotations

import polars as pl
import pytest

from gangwei import schema
from gangwei.codebook import Codebook
from gangwei.kernels.job.skills import SkillRules, asked, compile_skills, skill_rows, skills_of


@pytest.fixture(scope="module")
def rules() -> SkillRules:
    return compile_skills(Codebook())


def test_words(rules: SkillRules) -> None:
    texts = pl.Series(["熟悉python与pytorch，了解c++", "负责javanese翻译", "", "会用ps、cdr，普通话标准"])
    got = skills_of(texts, rules)
    by_row = {r: set(got.filter(pl.col("row") == r)["skill_id"]) for r in range(4)}
    assert {"python", "pytorch", "c++"} <= by_row[0]
    assert "java" not in by_row[1] and not by_row[2]
    assert {"photoshop", "coreldraw", "mandarin"} <= by_row[3]


def _ads(text: str, spans: list[tuple[str, int, int]], tier: str = "builder", tags: str | None = None) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "ad_id": ["a1"], "title": ["算法工程师"], "tags": [tags], "text": [text], "ai_tier": [tier], "ai_mention": [False],
            "sections": [[{"kind": k, "start": a, "end": b} for k, a, b in spans]],
        },
        schema_overrides={"sections": schema.SECTIONS, "tags": pl.String},
    )  # fmt: skip


def test_the_blurb_asks_for_nothing(rules: SkillRules) -> None:
    text = "我们用Java做平台。要求：熟悉PyTorch"
    cut = text.index("要求")
    ads = _ads(text, [("blurb", 0, cut), ("requirements", cut, len(text))], tags="Docker")
    assert asked(ads).to_list() == ["算法工程师\ndocker\n要求：熟悉pytorch"]
    got = skill_rows(ads, rules)
    assert got["skill_id"].to_list() == ["docker", "pytorch"] and set(got["ad_id"]) == {"a1"}
    assert schema.SKILLS.conform(got).columns == ["ad_id", "skill_id", "scheme", "identifier"]


def test_only_ai_ads_are_read(rules: SkillRules) -> None:
    assert skill_rows(_ads("熟悉PyTorch", [("other", 0, 9)], tier="none"), rules).is_empty()
    assert skill_rows(_ads("", []), rules).is_empty()


def test_identifiers_are_public() -> None:
    for r in Codebook().rows("skills.csv"):
        assert (r["scheme"] in ("esco", "lightcast")) == bool(r["identifier"]), r["id"]
