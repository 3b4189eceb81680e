"""Education, experience and headcount: grammars over distinct strings, each with a reason where a value is refused."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from gangwei.kernels.job.pay import CHINESE, tens
from gangwei.kernels.mojibake import unmojibake
from gangwei.kernels.shapeless import visible

if TYPE_CHECKING:
    from gangwei.codebook import Codebook

LEVELS = ("none", "junior_secondary", "secondary", "vocational", "college", "bachelor", "master", "doctor")
_CHINESE_YEARS = re.compile(
    r"(?<![十百])[一二两三四五六七八九](?=\s*(?:年|[-~至到]\s*[一二两三四五六七八九十]{1,3}\s*年|个月))"
)
_TENS = re.compile(
    r"([一二三四五六七八九])?十([一二三四五六七八九])?(?=\s*(?:年|[-~至到]\s*[一二三四五六七八九十]{1,3}\s*年|个月))"
)
_AND_HALF = re.compile(r"(?<!\d)(\d{1,2})\s*年半")


@dataclass(frozen=True)
class HeadcountRules:
    """Compiled headcount.toml."""

    number: re.Pattern[str]
    open: re.Pattern[str]
    most: int
    in_title: str
    in_field: str
    instead: re.Pattern[str]


@dataclass(frozen=True)
class RequirementRules:
    """Compiled education.csv, experience.toml and headcount.toml."""

    words: re.Pattern[str]
    level: dict[str, int]
    alone: dict[str, int]
    open: re.Pattern[str]
    graduation: re.Pattern[str]
    fresh: re.Pattern[str]
    refused: re.Pattern[str]
    others: re.Pattern[str]
    code: re.Pattern[str]
    attendance: re.Pattern[str]
    in_term: str
    in_term_type: str
    empty: frozenset[str]
    years: dict[str, re.Pattern[str]]
    max_months: int
    open_top: int
    headcount: HeadcountRules


def compile_requirements(book: Codebook) -> RequirementRules:
    """Compile the definitions of education, experience and headcount."""
    level: dict[str, int] = {}
    alone: dict[str, int] = {}
    for r in book.rows("education.csv"):
        for word in r["pattern"].lower().split("|"):
            (alone if r["alone"] else level)[word] = LEVELS.index(r["level"])
    e: dict[str, Any] = book.toml("experience.toml")
    h: dict[str, Any] = book.toml("headcount.toml")
    ordered = sorted(level, key=lambda w: (-len(w), w))
    return RequirementRules(
        words=re.compile("|".join(map(re.escape, ordered))),
        level=level,
        alone=alone,
        open=re.compile("|".join(e["open"]["patterns"])),
        graduation=re.compile(e["fresh"]["year"]),
        fresh=re.compile("|".join(e["fresh"]["patterns"])),
        refused=re.compile(e["fresh"]["refused"]),
        others=re.compile(e["fresh"]["others"]),
        code=re.compile(e["refuse"]["code"]),
        attendance=re.compile(e["refuse"]["attendance"]),
        in_term=e["refuse"]["in_term"],
        in_term_type=e["refuse"]["in_term_type"],
        empty=frozenset(e["empty"]["values"]),
        years={k: re.compile(v) for k, v in e["years"].items()},
        max_months=int(e["bounds"]["max_years"]) * 12,
        open_top=int(e["bounds"]["open_top"]),
        headcount=HeadcountRules(
            re.compile(h["number"]),
            re.compile(h["open"]),
            h["most"],
            f"({h['in_title']})",
            f"({h['in_field']})",
            re.compile(h["instead"]),
        ),
    )


def _clean(value: str) -> str:
    s = unicodedata.normalize("NFKC", visible(unmojibake(value[:200]))).strip().lower()
    return s.strip("[]'\" |").strip()


def education_one(value: str, rules: RequirementRules) -> tuple[str | None, str | None]:
    """(level, reason): the lowest level named; a reason when the string is not empty and names none."""
    s = _clean(value)
    if s in rules.empty:
        return None, None
    if s in rules.alone:
        return LEVELS[rules.alone[s]], None
    found = [rules.level[m.group(0)] for m in rules.words.finditer(s)]
    if found:
        return LEVELS[min(found)], None
    if re.fullmatch(r"\d{1,2}(?:\.0)?", s):
        return None, "education_code_unknown"
    return None, "education_not_stated" if rules.headcount.instead.search(s) else "education_not_understood"


def _months(text: str | None) -> int:
    return round(float(text or 0) * 12)


def experience_one(value: str, rules: RequirementRules) -> tuple[int | None, int | None, str | None]:
    """(minimum months, maximum months, reason)."""
    s = _clean(value)
    if s in rules.empty:
        return None, None, None
    if rules.code.search(s):
        return None, None, "experience_code_unknown"
    if rules.attendance.search(s):
        return None, None, "experience_is_attendance"
    s = _CHINESE_YEARS.sub(lambda m: m[0].translate(CHINESE), s)
    s = _TENS.sub(tens, s)
    worked = rules.graduation.sub("", s)
    low, high = _years(_AND_HALF.sub(r"\1.5年", worked).replace("半年", "6个月"), rules)
    if low is None:
        if rules.open.search(s) and worked == s:
            return 0, None, None
        if (worked != s or rules.fresh.search(s)) and not rules.refused.search(s):
            return 0, None if rules.others.search(s) else 0, None
        if re.fullmatch(r"-?\d+(?:\.\d+)?", s):
            return None, None, "experience_implausible"
        return None, None, "experience_not_stated"
    if high is not None and high < low:
        low, high = high, low
    if high is not None and high >= rules.open_top * 12:
        high = None
    if low > rules.max_months:
        return None, None, "experience_implausible"
    return low, high, None


def fresh_in(value: str, rules: RequirementRules) -> bool:
    """A field of another name calls students or graduates, nobody else, and no years of work."""
    s = _clean(value)
    called = rules.fresh.search(s) is not None or rules.graduation.search(s) is not None
    alone = rules.refused.search(s) is None and rules.others.search(s) is None
    return called and alone and experience_one(value, rules)[:2] == (0, 0)


def _years(s: str, rules: RequirementRules) -> tuple[int | None, int | None]:
    y = rules.years
    if m := y["range"].search(s) or y["bare_range"].search(s):
        return _months(m.group(1)), _months(m.group(2))
    if m := y["above"].search(s):
        return _months(m.group(1) or m.group(2) or m.group(3)), None
    if m := y["below"].search(s):
        return 0, _months(m.group(1) or m.group(2))
    if m := y["single"].search(s) or y["bare"].search(s):
        return _months(m.group(1)), None
    if m := y["months"].search(s):
        return int(m.group(1)), None
    return None, None


def headcount_one(value: str, rules: RequirementRules) -> tuple[int | None, str | None]:
    """(openings, reason): '招3人', '3', '3名', '2-3人' (the most); '若干' is open and gives null without a reason."""
    s, h = _clean(value), rules.headcount
    if s in rules.empty or h.open.search(s):
        return None, None
    m = h.number.search(s)
    if not m:
        return None, "headcount_not_understood"
    n = int(next(g for g in m.group(2, 1, 4, 3, 5) if g))
    return (n, None) if 0 < n <= h.most else (None, "headcount_implausible")


def per_distinct(
    values: pl.Series, decide: Callable[[str], tuple[Any, ...]], schema: dict[str, pl.DataType]
) -> pl.DataFrame:
    """Decide each distinct string once and join back, row-aligned; null and '' give a row of nulls.

    Args:
        values: strings.
        decide: one string to one tuple in the order of `schema`.
        schema: names and types of the columns that come out.
    """
    keys = pl.DataFrame({"k": values.cast(pl.String)})
    distinct = keys.filter(pl.col("k").is_not_null() & (pl.col("k") != "")).unique(maintain_order=True)
    rows = [decide(k) for k in distinct["k"]]
    columns = [pl.Series(n, [r[i] for r in rows], dtype=t) for i, (n, t) in enumerate(schema.items())]
    decided = distinct.with_columns(columns)
    return keys.join(decided, on="k", how="left", maintain_order="left").select(list(schema))
