"""Job facts of each ad: pay, education, experience, level, headcount, contract, occupation and industry put together."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from gangwei.kernels.job.occupation import TITLE_CHARS, OccupationRules, compile_occupations, industry_of, occupation_of
from gangwei.kernels.job.pay import parse_pay
from gangwei.kernels.job.pay_rules import PayRules, compile_pay
from gangwei.kernels.job.requirements import (
    RequirementRules,
    compile_requirements,
    education_one,
    experience_one,
    fresh_in,
    headcount_one,
    per_distinct,
)
from gangwei.kernels.memo import Memo, encode
from gangwei.kernels.shapeless import SHAPELESS

if TYPE_CHECKING:
    from gangwei.codebook import Codebook

SEPARATOR = "|"
_REASONS = ("pay_reasons", "education_reason", "experience_reason", "headcount_reason")


@dataclass(frozen=True)
class TitleRule:
    """One pattern over lower-cased titles (or fields) and the value it stands for."""

    pattern: str
    unless: str
    value: str
    field: str


@dataclass(frozen=True)
class Memos:
    """What was decided before, by what it was decided on."""

    title: Memo = dataclasses.field(default_factory=Memo)
    field: Memo = dataclasses.field(default_factory=Memo)
    pay: Memo = dataclasses.field(default_factory=Memo)
    industry: Memo = dataclasses.field(default_factory=Memo)
    employer: Memo = dataclasses.field(default_factory=Memo)
    occupation: Memo = dataclasses.field(default_factory=Memo)


@dataclass(frozen=True)
class FactRules:
    """Everything that `parse` needs, compiled from the definitions."""

    pay: PayRules
    requirements: RequirementRules
    occupations: OccupationRules
    seniority: tuple[TitleRule, ...]
    employment: tuple[TitleRule, ...]
    yielding: tuple[str, ...]
    """Kinds of contract of a field that give way to the title."""
    pay_kinds: tuple[TitleRule, ...]
    memos: Memos = dataclasses.field(default_factory=Memos, compare=False)


def compile_rules(book: Codebook) -> FactRules:
    """Compile pay.toml, education.csv, experience.toml, headcount.toml, seniority.csv, employment.csv and the word lists."""

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
        yielding=tuple(sorted({r["type"] for r in book.rows("employment.csv") if r["yields"] == "yes"})),
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


def _of_titles(distinct: pl.DataFrame, rules: FactRules) -> pl.DataFrame:
    """seniority, contract kind, pay kind, pay phrase, headcount and occupation of titles."""
    low, words = pl.col("low"), rules.requirements
    field_free = tuple(r for r in rules.employment if r.field == "any")
    out = distinct.select(pl.col("title").fill_null("")).with_columns(
        pl.col("title").str.slice(0, TITLE_CHARS).str.to_lowercase().alias("low")
    )
    out = out.with_columns(
        first_rule(low, rules.seniority).alias("seniority"),
        first_rule(low, field_free).alias("t_type"),
        first_rule(low, rules.pay_kinds).fill_null("").alias("t_kind"),
        pl.when(low.str.contains(r"\d")).then(low.str.extract(rules.pay.in_title, 1)).alias("t_pay"),
        pl.when(low.str.contains(r"\d")).then(low.str.extract(words.headcount.in_title, 1)).alias("t_heads"),
        *occupation_of(out["title"], rules.occupations).rename(lambda c: f"t_{c}").iter_columns(),
    )
    heads = per_distinct(
        out["t_heads"],
        lambda v: headcount_one(v, words),
        {"t_headcount": pl.Int32(), "t_headcount_reason": pl.String()},
    )
    return pl.concat([out.drop("title", "low", "t_heads"), heads], how="horizontal")


def _empty(name: str) -> pl.Expr:
    """True where a field holds nothing but marks of written-out lists."""
    return pl.col(name).is_null() | (pl.col(name).str.strip_chars("[]'\" |") == "")


def _of_pay(frame: pl.DataFrame, rules: FactRules) -> pl.DataFrame:
    """Pay columns; a pay phrase in the title counts only where the field is empty. pay_type: a contract kind in the field."""
    from_title = frame.select(_empty("pay") & pl.col("t_pay").is_not_null()).to_series()
    values = frame.select(pl.when(from_title).then("t_pay").otherwise("pay")).to_series()
    pay = parse_pay(values, frame["board"], frame["pay_unit_hint"], frame["pay_scale_hint"], frame["t_kind"], rules.pay)
    word = pl.col("pay").is_in(rules.pay.contract)
    pay_type = frame.select(pl.when(word).then(first_rule(pl.col("pay"), rules.employment)).alias("pay_type"))
    reasons = pl.concat_list("pay_reasons", pl.when(from_title).then(pl.lit("pay_from_title"))).list.drop_nulls()
    joined = pl.when(reasons.list.len() > 0).then(reasons.list.join(SEPARATOR))
    return pay.with_columns(joined.alias("pay_reasons"), pay_type["pay_type"])


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
    """Bounds in months and the reason of each row, from its field; students and graduates (应届生) also from that of education."""
    schema: dict[str, pl.DataType] = {
        "experience_min_months": pl.Int32(),
        "experience_max_months": pl.Int32(),
        "experience_reason": pl.String(),
    }
    words = rules.requirements
    own = per_distinct(frame["experience"], lambda v: experience_one(v, words), schema)
    called = per_distinct(frame["education"], lambda v: (fresh_in(v, words),), {"fresh": pl.Boolean()})["fresh"]
    fresh = called.fill_null(False) & own["experience_min_months"].is_null() & (own["experience_max_months"].is_null())
    return own.with_columns(
        pl.when(fresh).then(0).otherwise(name).cast(pl.Int32).alias(name)
        for name in ("experience_min_months", "experience_max_months")
    ).with_columns(
        pl.when(fresh)
        .then(pl.lit("experience_from_education"))
        .otherwise("experience_reason")
        .alias("experience_reason")
    )


def _of_fields(frame: pl.DataFrame, rules: FactRules) -> pl.DataFrame:
    """What the fields of education, experience, headcount and contract say. headcount: own field, then 招N人 in education
    or experience; `stated` where one of them speaks. field_type: own field; attendance: a weekly attendance asked for."""
    words = rules.requirements
    stated = frame.select(
        pl.when(~_empty("headcount"))
        .then("headcount")
        .otherwise(
            pl.coalesce(
                pl.col("education").str.extract(words.headcount.in_field, 1),
                pl.col("experience").str.extract(words.headcount.in_field, 1),
            )
        )
    ).to_series()
    headcount = per_distinct(
        stated, lambda v: headcount_one(v, words), {"headcount": pl.Int32(), "headcount_reason": pl.String()}
    )
    others = frame.select(
        first_rule(pl.col("employment_type").str.replace_all(SHAPELESS, "").str.to_lowercase(), rules.employment).alias(
            "field_type"
        ),
        pl.col("experience").str.contains(words.in_term).fill_null(False).alias("attendance"),
        stated.is_not_null().alias("stated"),
    )
    return pl.concat([_education(frame, rules), _experience(frame, rules), headcount, others], how="horizontal")


def _industry(frame: pl.DataFrame, rules: FactRules) -> list[pl.Expr]:
    """Section of the industry field, else of the employer's name, and which of them said so."""
    nothing = pl.Series([None], dtype=pl.String)

    def of_field(keys: pl.DataFrame) -> pl.DataFrame:
        no_names = nothing.new_from_index(0, keys.height)
        return pl.DataFrame({"code": industry_of(keys["industry"], no_names, rules.occupations)})

    def of_name(keys: pl.DataFrame) -> pl.DataFrame:
        no_fields = nothing.new_from_index(0, keys.height)
        return pl.DataFrame({"code": industry_of(no_fields, keys["company"], rules.occupations)})

    field = rules.memos.industry(frame.select("industry"), of_field)["code"]
    name = rules.memos.employer(frame.select("company"), of_name)["code"]
    return [
        pl.coalesce(field, name).alias("industry_code"),
        _first_that_spoke({"industry_field": field, "employer_name": name}).alias("industry_method"),
    ]


def _first_that_spoke(said: dict[str, pl.Series]) -> pl.Expr:
    """The name of the first series that is not null, else none."""
    out = pl.lit("none")
    for method in reversed(said):
        out = pl.when(said[method].is_not_null()).then(pl.lit(method)).otherwise(out)
    return out


_NO_OCCUPATION = pl.DataFrame(schema={"code": pl.String, "isco08": pl.String, "agreed": pl.Boolean})


def _occupation(frame: pl.DataFrame, title: pl.DataFrame, rules: FactRules) -> list[pl.Expr]:
    """Occupation of the title, else of the board's own category where the field is one."""

    def decide(keys: pl.DataFrame) -> pl.DataFrame:
        return occupation_of(keys["board"], rules.occupations)

    own = frame["occupation_is_code"]
    if own.any():
        board = rules.memos.occupation(frame.select(pl.when(own).then("occupation").alias("board")), decide)
    else:
        board = _NO_OCCUPATION.clear(frame.height)
    by_title = title["t_code"].is_not_null()
    agreed = pl.when(by_title).then(title["t_agreed"]).otherwise(board["agreed"])
    return [
        pl.coalesce(title["t_code"], board["code"]).alias("occupation_code"),
        _first_that_spoke({"title_rule": title["t_code"], "board_code": board["code"]}).alias("occupation_method"),
        pl.when(agreed)
        .then(pl.lit("high"))
        .when(agreed.is_not_null())
        .then(pl.lit("low"))
        .alias("occupation_confidence"),
        pl.when(by_title).then(title["t_isco08"]).otherwise(board["isco08"]).alias("isco08_code"),
    ]


def reason_lists(reasons: pl.DataFrame) -> pl.Series:
    """The reason ids of each row as one list, in the order of the columns; a cell may hold several, joined by SEPARATOR."""
    codes, first = encode(reasons)
    lists = pl.concat_str(pl.all(), separator=SEPARATOR, ignore_nulls=True).str.split(SEPARATOR)
    return reasons[first].select(lists.list.eval(pl.element().filter(pl.element() != ""))).to_series()[codes]


def _paid_elsewhere(raw: pl.DataFrame, rules: PayRules) -> pl.Series:
    """Ads of Hong Kong, Macau or Taiwan that name no yuan, on a board that does not pay in it wherever the job is."""
    known = raw["board"].is_in(list(rules.yuan_boards)).fill_null(value=False)
    if known.all():
        return ~known
    rows = (~known).arg_true()
    city = pl.when(_empty("city")).then("district").otherwise("city")
    named = [pl.col(c).str.contains(rules.yuan_named).fill_null(False) for c in ("pay", "title")]
    there = raw.select("city", "district", "pay", "title")[rows].select(
        city.str.contains(rules.elsewhere).fill_null(False)
        & ~city.str.contains(rules.mainland).fill_null(False)
        & ~pl.any_horizontal(named)
    )
    return (~known).scatter(rows, there.to_series())


def parse(raw: pl.DataFrame, titles: pl.Series, rules: FactRules, *notes: pl.Series) -> pl.DataFrame:
    """All job facts, row-aligned with `raw`.

    Args:
        raw: a frame with the columns of stage_tables.RAW (values as found).
        titles: clean titles, as many as rows of `raw`.
        rules: from `compile_rules`.
        notes: reason ids found before, or null; they come first in facts_issues.

    Returns:
        The columns of schema.FACTS in their order, plus facts_issues: list of reason ids (pay_*, education_*, experience_*,
        headcount_*), empty where nothing was repaired or refused.
    """
    memos = rules.memos
    title = memos.title(pl.DataFrame({"title": titles.cast(pl.String)}), lambda new: _of_titles(new, rules))
    field = memos.field(
        raw.select("education", "experience", "headcount", "employment_type"), lambda new: _of_fields(new, rules)
    )
    abroad = pl.col("language_hint").is_in(rules.pay.foreign_languages) | _paid_elsewhere(raw, rules.pay)
    board = pl.when(abroad).then(pl.lit(min(rules.pay.foreign_boards))).otherwise("board").alias("board")
    pay_keys = raw.select("pay", board, "pay_unit_hint", "pay_scale_hint").with_columns(title["t_pay"], title["t_kind"])
    pay = memos.pay(pay_keys, lambda new: _of_pay(new, rules))
    occupation = _occupation(raw, title, rules)
    out = pl.concat([title, field, pay], how="horizontal").select(
        *("pay_status", "pay_min_fen", "pay_max_fen", "pay_unit", "pay_months", "pay_censored"),
        *("education", "experience_min_months", "experience_max_months", "seniority"),
        pl.when("stated").then("headcount").otherwise("t_headcount").alias("headcount"),
        pl.coalesce(
            pl.when(~pl.col("field_type").is_in(rules.yielding)).then("field_type"),
            "t_type",
            "field_type",
            "pay_type",
            pl.when("attendance").then(pl.lit(rules.requirements.in_term_type)),
        ).alias("employment_type"),
        *occupation,
        *_industry(raw, rules),
        *("pay_reasons", "education_reason", "experience_reason"),
        pl.when("stated").then("headcount_reason").otherwise("t_headcount_reason").alias("headcount_reason"),
    )
    reasons = [n.alias(f"note{j}") for j, n in enumerate(notes)] + [out[c] for c in _REASONS]
    return out.drop(_REASONS).with_columns(reason_lists(pl.DataFrame(reasons)).alias("facts_issues"))
