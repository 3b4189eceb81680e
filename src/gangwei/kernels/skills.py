"""Skills that an ad asks for, by the words of `definitions/skills.csv`, with public identifiers where one exists.

Only AI ads are read (any tier, or an AI term anywhere): they are a few in a hundred, and skills of all ads would cost more
than the classifier. The company's blurb, its benefits and contacts ask for nothing and are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from gangwei.codebook import Codebook
from gangwei.kernels.occupation import WordRules, compile_words, find_words

ASKING = ("duties", "requirements", "tags", "other")


@dataclass(frozen=True)
class SkillRules:
    """Words of skills, and the scheme and identifier of each skill."""

    words: WordRules
    known: pl.DataFrame


def compile_skills(book: Codebook) -> SkillRules:
    """Compile skills.csv."""
    rows = book.rows("skills.csv")
    known = pl.DataFrame(
        {
            "skill_id": [r["id"] for r in rows],
            "scheme": [r["scheme"] or None for r in rows],
            "identifier": [r["identifier"] or None for r in rows],
        },
        schema={"skill_id": pl.String, "scheme": pl.String, "identifier": pl.String},
    )
    return SkillRules(compile_words([{"pattern": r["aliases"], "value": r["id"]} for r in rows], "value"), known)


def skills_of(texts: pl.Series, rules: SkillRules) -> pl.DataFrame:
    """row (UInt32) and skill_id of each distinct skill in each text, in the order of rows and ids."""
    hits = find_words(texts.fill_null("").str.to_lowercase(), rules.words)
    return hits.select("row", skill_id="value").unique().sort("row", "skill_id")


def asked(ads: pl.DataFrame) -> pl.Series:
    """What each ad asks for in words: title, tags, and the sections of its text that ask."""
    span = pl.col("end") - pl.col("start")
    pieces = (
        ads.with_row_index("row").select("row", "text", "sections").explode("sections").unnest("sections")
        .filter(pl.col("kind").is_in(ASKING))
        .with_columns(piece=pl.col("text").str.slice(pl.col("start"), span))
        .group_by("row", maintain_order=True).agg(pl.col("piece").str.join("\n"))
    )  # fmt: skip
    rows = ads.select("title", "tags").with_row_index("row").join(pieces, on="row", how="left", maintain_order="left")
    return rows.select(pl.concat_str("title", "tags", "piece", separator="\n", ignore_nulls=True)).to_series()


def skill_rows(ads: pl.DataFrame, rules: SkillRules) -> pl.DataFrame:
    """The table `skills` of a part: ad_id, skill_id, scheme, identifier.

    Args:
        ads: ad_id, title, tags, text, sections, ai_tier and ai_mention, row by row.
    """
    mine = ads.filter((pl.col("ai_tier") != "none") | pl.col("ai_mention"))
    found = skills_of(asked(mine), rules)
    named = found.with_columns(ad_id=mine["ad_id"].gather(found["row"]))
    return named.join(rules.known, on="skill_id", how="left", maintain_order="left").drop("row")
