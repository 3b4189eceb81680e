"""Job facts of each ad: pay, education, experience, level, headcount, contract, occupation and industry put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from gangwei.kernels.occupation import OccupationRules, compile_occupations, industry_of, occupation_of
from gangwei.kernels.pay import PayRules, compile_pay, parse_pay
from gangwei.kernels.requirements import (
    RequirementRules,
    compile_requirements,
    education_one,
    experience_one,
    headcount_one,
    per_distinct,
)

if TYPE_CHECKING:
    from gangwei.codebook import Codebook

_TITLE_PAY = (
    r"(?i)((?:年薪|月薪|时薪|日薪|底薪)\s*\d+(?:\.\d+)?\s*[千万kw]?(?:\s*[-~至到]\s*\d+(?:\.\d+)?\s*[千万kw]?)?"
    r"|\d+(?:\.\d+)?\s*[千万kw]?\s*[-~]\s*\d+(?:\.\d+)?\s*(?:[千万kw]|元?\s*[/每]\s*(?:天|日|时|小时|月|年|周|次))(?:\s*[·*]\s*\d\d薪)?"
    r"|\d+(?:\.\d+)?\s*元\s*[/每]\s*(?:天|日|时|小时|月|年|周|次|单))"
)
_TITLE_HEADCOUNT = r"(?:招聘?\s*\d{1,4}\s*(?:人|名|位)|\d{1,4}\s*(?:名|位)(?:$|[)）】\]\s]))"
_FIELD_HEADCOUNT = r"招\s*(?:\d{1,5})\s*人"


@dataclass(frozen=True)
class TitleRule:
    """One pattern over lower-cased titles (or fields) and the value it stands for."""

    pattern: str
    unless: str
    value: str
    field: str


@dataclass(frozen=True)
class FactRules:
    """Everything that `parse` needs, compiled from the definitions."""

    pay: PayRules
    requirements: RequirementRules
    occupations: OccupationRules
    seniority: tuple[TitleRule, ...]
    employment: tuple[TitleRule, ...]
    pay_kinds: tuple[TitleRule, ...]


def compile_rules(book: Codebook) -> FactRules:
    """Compile pay.toml, education.csv, experience.toml, seniority.csv, employment.csv and the word lists."""

    def rules(name: str, value: str) -> tuple[TitleRule, ...]:
        rows = sorted(book.rows(name), key=lambda r: int(r["order"]))
        return tuple(TitleRule(r["pattern"], r["except"], r[value], r.get("field", "any")) for r in rows)

    kinds = book.toml("pay.toml")["title_kinds"]
    return FactRules(
        pay=compile_pay(book),
        requirements=compile_requirements(book),
        occupations=compile_occupations(book),
        seniority=rules("seniority.csv", "level"),
        employment=rules("employment.csv", "type"),
        pay_kinds=tuple(TitleRule(pattern, "", kind, "any") for kind, pattern in kinds.items()),
    )


def first_rule(text: pl.Expr, rules: tuple[TitleRule, ...]) -> pl.Expr:
    """The value of the first rule whose pattern occurs in the text and whose exception does not, or null."""
    out = pl.lit(None, dtype=pl.String())
    for rule in reversed(rules):
        hit = text.str.contains(rule.pattern)
        if rule.unless:
            hit = hit & ~text.str.contains(rule.unless)
        out = pl.when(hit).then(pl.lit(rule.value)).otherwise(out)
    return out


def seniority_of(titles: pl.Series, rules: FactRules) -> pl.Series:
    """Level that a title states, or null."""
    return pl.select(first_rule(pl.lit(titles.fill_null("").str.to_lowercase()), rules.seniority)).to_series()


def _of_titles(titles: pl.Series, rules: FactRules) -> pl.DataFrame:
    """seniority, contract kind, pay kind, occupation, headcount and pay phrase of each title, decided once per title."""
    keys = pl.DataFrame({"title": titles.cast(pl.String).fill_null("")})
    distinct = keys.unique(maintain_order=True)
    low = pl.col("low")
    distinct = distinct.with_columns(pl.col("title").str.slice(0, 120).str.to_lowercase().alias("low"))
    field_free = tuple(r for r in rules.employment if r.field == "any")
    distinct = distinct.with_columns(
        first_rule(low, rules.seniority).alias("seniority"),
        first_rule(low, field_free).alias("t_type"),
        first_rule(low, rules.pay_kinds).fill_null("").alias("t_kind"),
        pl.when(low.str.contains(r"\d")).then(low.str.extract(_TITLE_PAY, 1)).alias("t_pay"),
        pl.when(low.str.contains(r"\d")).then(low.str.extract(f"({_TITLE_HEADCOUNT})", 1)).alias("t_heads"),
        occupation_of(distinct["title"], rules.occupations).alias("occupation_code"),
    ).drop("low")
    return keys.join(distinct, on="title", how="left", maintain_order="left")


def _empty(name: str) -> pl.Expr:
    return pl.col(name).is_null() | (pl.col(name).str.strip_chars("[]'\" |") == "")


def _pay(frame: pl.DataFrame, rules: FactRules) -> pl.DataFrame:
    """Pay columns; a pay phrase in the title counts only where the field is empty."""
    from_title = frame.select(_empty("pay") & pl.col("t_pay").is_not_null()).to_series()
    values = frame.select(pl.when(from_title).then("t_pay").otherwise("pay")).to_series()
    pay = parse_pay(values, frame["board"], frame["pay_unit_hint"], frame["pay_scale_hint"], frame["t_kind"], rules.pay)
    return pay.with_columns(
        pl.when(from_title)
        .then(pl.concat_list("pay_reasons", pl.lit("pay_from_title")))
        .otherwise("pay_reasons")
        .alias("pay_reasons")
    )


def _education(frame: pl.DataFrame, rules: FactRules) -> pl.DataFrame:
    """education, education_reason: from its field, else from a combined experience field."""
    schema: dict[str, pl.DataType] = {"education": pl.String(), "education_reason": pl.String()}
    words = rules.requirements
    own = per_distinct(frame["education"], lambda v: education_one(v, words), schema)
    other = per_distinct(frame["experience"], lambda v: _combined_education(v, words), schema)
    return own.with_columns(
        pl.coalesce("education", other["education"]).alias("education"),
        pl.when(pl.col("education").is_null() & other["education"].is_not_null())
        .then(pl.lit("education_from_experience"))
        .otherwise("education_reason")
        .alias("education_reason"),
    )


def _combined_education(value: str, rules: RequirementRules) -> tuple[str | None, str | None]:
    """Education inside another field: level words only, never a bare 不限."""
    if not rules.words.search(value.lower()):
        return None, None
    level, _ = education_one(value, rules)
    return level, None


def _experience(frame: pl.DataFrame, rules: FactRules) -> pl.DataFrame:
    schema: dict[str, pl.DataType] = {
        "experience_min_months": pl.Int32(),
        "experience_max_months": pl.Int32(),
        "experience_reason": pl.String(),
    }
    return per_distinct(frame["experience"], lambda v: experience_one(v, rules.requirements), schema)


def _headcount(frame: pl.DataFrame) -> pl.DataFrame:
    """headcount, headcount_reason: own field, then 招N人 in education or experience, then the title."""
    stated = frame.select(
        pl.when(~_empty("headcount"))
        .then("headcount")
        .otherwise(
            pl.coalesce(
                pl.col("education").str.extract(f"({_FIELD_HEADCOUNT})", 1),
                pl.col("experience").str.extract(f"({_FIELD_HEADCOUNT})", 1),
                pl.col("t_heads"),
            )
        )
    ).to_series()
    return per_distinct(stated, headcount_one, {"headcount": pl.Int32(), "headcount_reason": pl.String()})


def _employment(frame: pl.DataFrame, rules: FactRules) -> pl.Series:
    """Contract kind: own field, then the title, then a word for full time left in the pay field, then a weekly attendance."""
    field = first_rule(pl.col("employment_type").str.to_lowercase(), rules.employment)
    attendance = pl.col("experience").str.contains(r"\d\s*天\s*/\s*周")
    pay_field = pl.col("pay").is_in(["全职", "兼职", "实习"])
    return frame.select(
        pl.coalesce(
            pl.when(field != "full_time").then(field),
            pl.col("t_type"),
            field,
            pl.when(pay_field).then(first_rule(pl.col("pay"), rules.employment)),
            pl.when(attendance).then(pl.lit("internship")),
        ).alias("employment_type")
    ).to_series()


def _occupation(frame: pl.DataFrame, rules: FactRules) -> pl.DataFrame:
    """occupation_code and occupation_method: the board's own category where it is one, else the title."""
    coded = frame["occupation_is_code"].fill_null(False)
    board = frame.select(pl.when(coded).then("occupation")).to_series()
    codes = occupation_of(board, rules.occupations) if coded.any() else pl.Series([None] * len(frame), dtype=pl.String)
    return pl.select(
        pl.coalesce(frame["occupation_code"], codes).alias("occupation_code"),
        pl.when(frame["occupation_code"].is_not_null())
        .then(pl.lit("title_rule"))
        .when(codes.is_not_null())
        .then(pl.lit("board_code"))
        .otherwise(pl.lit("none"))
        .alias("occupation_method"),
    )


def parse(raw: pl.DataFrame, titles: pl.Series, rules: FactRules) -> pl.DataFrame:
    """All job facts, row-aligned with `raw`.

    Args:
        raw: a frame with the columns of schema.RAW (values as found).
        titles: clean titles, as many as rows of `raw`.
        rules: from `compile_rules`.

    Returns:
        The columns of schema.FACTS in their order, plus facts_issues: list of reason ids (pay_*, education_*, experience_*,
        headcount_*), empty where nothing was repaired or refused.
    """
    frame = raw.select(
        *("board", "pay", "pay_unit_hint", "pay_scale_hint", "education", "experience", "headcount", "employment_type"),
        *("industry", "company", "occupation", "occupation_is_code"),
    ).with_columns(_of_titles(titles, rules))
    pay = _pay(frame, rules)
    education, experience, headcount = _education(frame, rules), _experience(frame, rules), _headcount(frame)
    out = pl.concat([pay, education, experience, headcount, _occupation(frame, rules)], how="horizontal")
    return out.with_columns(
        frame["seniority"],
        _employment(frame, rules),
        industry_of(frame["industry"], frame["company"], rules.occupations).alias("industry_code"),
        pl.concat_list(
            "pay_reasons",
            pl.concat_list("education_reason", "experience_reason", "headcount_reason").list.drop_nulls(),
        ).alias("facts_issues"),
    ).select(
        *("pay_status", "pay_min_fen", "pay_max_fen", "pay_unit", "pay_months", "pay_censored"),
        *("education", "experience_min_months", "experience_max_months", "seniority", "headcount", "employment_type"),
        *("occupation_code", "occupation_method", "industry_code", "facts_issues"),
    )
