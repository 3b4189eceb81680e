"""Pay strings: range, unit, months paid, open bounds, and a reason wherever a value was repaired or refused."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import polars as pl

from gangwei.kernels.job.pay_rules import PayRules
from gangwei.kernels.mojibake import unmojibake
from gangwei.kernels.shapeless import visible

MAX_DIGITS = 12
_SPLIT = re.compile(r"^(?:([\d.]*)\s*\||\[\s*([\d.]+)\s*,)\s*([\d.]*)\s*\]?\s*(?:\|\s*(.*?)\s*)?$")
_DASHES = str.maketrans("〜∼‐−―", "~~---")
CHINESE = str.maketrans("零一二两三四五六七八九", "01223456789")
_CHINESE_TENS = re.compile(
    r"(?<![数几百])([一二两三四五六七八九])?十([一二三四五六七八九])?(?=\s*(?:[万萬]|(?:个月)?薪))"
)
_CHINESE_NUMBER = re.compile(r"(?<![\d.])[一二两三四五六七八九](?=\s*[千万萬百])")
_CHINESE_TAIL = re.compile(r"([一二两三四五六七八九])([万萬千])([一二两三四五六七八九])(?![十百千万萬])")
_DIGIT_TAIL = re.compile(r"(\d)\s*([万萬千])\s*(\d)(?:[千百](?!\d))?(?![\d.万萬千k])")
_GLYPH = re.compile("[\ue000-\uf8ff]")
_BOUNDS = re.compile(
    r"^(\d[\d.]*\s*[kw千万]?\s*元?(?:\s*/\s*\S{1,2})?)\s*\|\s*(\d[\d.]*\s*[kw千万]?\s*元?(?:\s*/\s*\S{1,2})?)\s*(?:\|\s*(\d*)\D*)?$"
)
_SLASHED = re.compile(
    r"(\d{3,}(?:\.\d+)?|\d+(?:\.\d+)?(?=[kw千万]))([kw千万])?元?\s*/\s*(\d{3,}(?:\.\d+)?|\d+(?:\.\d+)?(?=[kw千万]))([kw千万])?元?(\s*/\s*[^\d\s/]{1,3})?"
)
WAN = 10_000
_PAIR = re.compile(r"\[\s*[\d.]+\s*,\s*[\d.]+\s*\]")
_MISSING = re.compile(r"(^|\|)\s*-1(?:\.0+)?\s*(?=\||$)")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")

PAY_COLUMNS: dict[str, pl.DataType] = {
    "pay_status": pl.String(),
    "pay_min_fen": pl.Int64(),
    "pay_max_fen": pl.Int64(),
    "pay_unit": pl.String(),
    "pay_months": pl.Int32(),
    "pay_censored": pl.String(),
    "pay_reasons": pl.List(pl.String()),
}


@dataclass(frozen=True)
class Pay:
    """One parsed pay string; bounds in yuan of `unit`."""

    status: str
    low: Decimal | None = None
    high: Decimal | None = None
    unit: str | None = None
    months: int | None = None
    censored: str | None = None
    reasons: tuple[str, ...] = ()


def tens(m: re.Match[str]) -> str:
    """Digits of 十, 十五, 二十 or 二十五, by the characters before and behind 十."""
    return f"{m[1] or '一'}{m[2] or '零'}".translate(CHINESE)


def _too_long(number: str) -> bool:
    """More digits before the point than any pay has."""
    return len(number.partition(".")[0]) > MAX_DIGITS


def _yuan(number: str, unit: str | None, rules: PayRules) -> Decimal:
    return Decimal(number) * rules.multipliers.get(unit or "", 1)


def _unit_by_size(
    low: Decimal, high: Decimal, board: str, kind: str, months: int | None, rules: PayRules
) -> str | None:
    """The unit of a bare range, from its size, the board and whether the title says part-time or piece work."""
    b = rules.bands
    if low >= b["month_top"] and months is None:
        return None
    if high >= b["month_from"] or (low >= b["month_low_from"] and low != high):
        return "month"
    if low >= b["day_from"] and high <= b["day_top"]:
        return "day"
    hourly = board in b["hourly_boards"]
    if low >= b["day_low_from"] and high > b["day_from"] and high <= b["day_top"] and not hourly:
        return "day"
    if (
        low >= b["hour_from"]
        and high <= b["hour_top"]
        and (
            (hourly and high <= low * Decimal(str(b["hour_ratio"])) and low < b["day_low_from"]) or kind == "part_time"
        )
    ):
        return "hour"
    if kind == "piece" and high < b["hour_from"] + 1:
        return "piece"
    return None


def _finish(
    low: Decimal | None,
    high: Decimal | None,
    unit: str | None,
    months: int | None,
    censored: str | None,
    reasons: list[str],
    rules: PayRules,
) -> Pay:
    """Swap reversed bounds, test plausibility and settle the status."""
    if low is not None and high is not None and low > high:
        low, high = high, low
        reasons.append("pay_swapped")
    if months is not None and not rules.bounds["months"][0] <= months <= rules.bounds["months"][1]:
        months = None
    known = [v for v in (low, high) if v is not None]
    if unit is None:
        return Pay("unclear", low, high, None, months, censored, (*reasons, "pay_unit_unknown"))
    least, most = (Decimal(str(v)) for v in rules.bounds[unit])
    wide = low is not None and high is not None and low > 0 and high > low * rules.bounds["ratio"]
    if all(v == 0 for v in known):
        return Pay("none", months=months, reasons=(*reasons, "pay_zero"))
    if wide or any(v > most or (v < least and v > 0) for v in known):
        return Pay("unclear", None, None, None, months, None, (*reasons, "pay_implausible"))
    return Pay("ok", low, high, unit, months, censored, tuple(reasons))


def _parse_split(
    match: re.Match[str], board: str, hint: str | None, scale: int, kind: str, rules: PayRules
) -> Pay | None:
    """'min|max|months' fields without words; None when the third field holds the pay itself."""
    a, b, rest = match.group(1) or match.group(2) or "", match.group(3), match.group(4) or ""
    if rest and not re.fullmatch(r"\d+(?:\.0+)?", rest):
        return None
    if _too_long(a) or _too_long(b):
        return Pay("unclear", reasons=("pay_implausible",))
    try:
        low = Decimal(a) if a.strip(".") else None
        high = Decimal(b) if b.strip(".") else None
    except ArithmeticError:
        return Pay("unclear", reasons=("pay_not_understood",))
    least, most = rules.bounds["months"]
    months = int(float(rest)) if rest and least <= float(rest) <= most else None
    if high is None and low is None:
        return Pay("none", months=months)
    return _bare(low, high, board, hint, scale, kind, months, rules)


def _bare(
    low: Decimal | None,
    high: Decimal | None,
    board: str,
    hint: str | None,
    scale: int,
    kind: str,
    months: int | None,
    rules: PayRules,
) -> Pay:
    """Numbers without unit and multiplier."""
    censored: str | None = None
    if not low and not high:
        return Pay("none", months=months, reasons=("pay_zero",))
    if low is not None and low == 0:
        low, censored = None, "min"
    elif low is None:
        low = high
    elif high is None or high == 0:
        high = low
    a, b = (low if low is not None else high), (high if high is not None else low)
    assert a is not None and b is not None
    if scale == 1 and hint is None and months is not None and max(a, b) <= rules.bands["thousand_top"]:
        scale = 1000
    if scale > 1 and max(a, b) < 1000:
        low, high = (v * scale if v is not None else None for v in (low, high))
        return _finish(low, high, hint or "month", months, censored, ["pay_scaled"], rules)
    unit = hint or _unit_by_size(min(a, b), max(a, b), board, kind, months, rules)
    if unit is None and censored and b >= rules.bands["month_low_from"]:
        unit = "month"  # the lowest band of a menu, from nothing up
    return _finish(low, high, unit, months, censored, [], rules)


def parse_one(value: str, board: str, hint: str | None, scale: int | None, kind: str, rules: PayRules) -> Pay:
    """Parse one pay string.

    `hint` is a unit for values without one; `scale` the yuan per written unit for small bare numbers; `kind` is
    'part_time', 'internship', 'piece' or '' from the title. Never raises.
    """
    shown = value[:200].translate(rules.glyphs)
    shown = value[:200] if _GLYPH.search(shown) else shown  # of another font
    s = rules.keys.sub(r"\1", unicodedata.normalize("NFKC", visible(unmojibake(shown))).strip().lower())
    s = (
        rules.currency.sub(" ", s)
        if not s.startswith("[") or not ("|" in s or _PAIR.fullmatch(s))
        else s.replace("'", "")
    )
    s = _THOUSANDS.sub("", s).translate(_DASHES).strip()
    s = _CHINESE_TENS.sub(tens, s)
    open_to_talk = any(w in s for w in rules.negotiable)
    if open_to_talk and not rules.stated.search(s):
        return Pay("negotiable")
    if not any(c.isdigit() for c in s) and not _CHINESE_NUMBER.search(s):
        return Pay("none", reasons=() if s in rules.nothing else ("pay_not_stated",))
    if s == "-1" or s.startswith(rules.untold):
        return Pay("none", reasons=("pay_not_stated",))
    if board in rules.foreign_boards or any(w in s for w in rules.foreign):
        return Pay("unclear", reasons=("pay_foreign_currency",))
    split = _SPLIT.match(_MISSING.sub(r"\1", s) if "|" in s else s)
    if split:
        pay = _parse_split(split, board, hint, scale or 1, kind, rules)
        if pay is not None:
            return pay
        s = split.group(4) or s
    elif "|" in s and (bounds := _BOUNDS.match(s)):  # a unit in each bound
        s = f"{bounds[1]}-{bounds[2]}" + (f"·{bounds[3]}薪" if bounds[3] else "")
    return _parse_words(s, board, hint, scale or 1, kind, rules)


def _parse_words(s: str, board: str, hint: str | None, scale: int, kind: str, rules: PayRules) -> Pay:
    """A pay phrase: amounts with optional multiplier, unit words, months, open bounds."""
    months: int | None = None
    paid = rules.months.search(s)
    if paid:
        months = int(float(paid.group(1) or paid.group(2))) if not rules.months_range.search(s) else None
        s = rules.months_range.sub(" ", s)
        s = rules.months.sub(" ", s)
    s = _CHINESE_TAIL.sub(lambda m: f"{m[1].translate(CHINESE)}.{m[3].translate(CHINESE)}{m[2]}", s)
    s = _CHINESE_NUMBER.sub(lambda m: m.group(0).translate(CHINESE), s)
    s = _DIGIT_TAIL.sub(r"\1.\3\2", s)
    s = rules.trial.sub(" ", rules.not_pay.sub(" ", s))
    s = _slashed(s, rules)
    match = rules.amount.search(s)
    if match is None:
        return Pay("none", months=months, reasons=("pay_not_stated",))
    n1, m1, n2, m2 = match.groups()
    if _too_long(n1) or _too_long(n2 or ""):
        return Pay("unclear", reasons=("pay_implausible",))
    unit = _unit_named(rules.settled.sub("", s), rules)
    settled = _unit_named(s, rules) if unit is None else None
    head, tail = s[: match.start()], s[match.end() : match.end() + 12]
    above = rules.above.search(tail) or rules.above_head.search(head) or rules.plus.match(tail)
    below = rules.below.search(tail) or rules.below.search(head) or (not above and rules.below_head.search(head))
    bare = m1 is None and m2 is None
    if n2 is None:
        low: Decimal | None = _yuan(n1, m1, rules)
        high: Decimal | None = low
    else:
        if m1 is None and m2 is not None and Decimal(n1) < 1000:
            m1 = m2
        low, high = _yuan(n1, m1, rules), _yuan(n2, m2, rules)
        if m1 is not None and m2 is None and Decimal(n2) < 1000:
            high = _yuan(n2, m1, rules)
    assert low is not None and high is not None
    if settled != "piece" or max(low, high) < rules.bands["month_from"]:
        unit = unit or settled  # piece work with an amount of a month is paid that much a month
    if bare and unit is None:
        if scale > 1 or n2 is not None or not (above or below):
            pay = _bare(low, high if n2 is not None else None, board, hint, scale, kind, months, rules)
            if n2 is None and low is not None and pay.status == "unclear" and low >= rules.bands["month_low_from"]:
                return _finish(low, low, "month", months, None, [], rules)
            return pay
        unit = hint or "month"
    if unit is None:
        unit = hint or "month"
        in_wan = WAN in (rules.multipliers.get(m1 or ""), rules.multipliers.get(m2 or ""))
        if not hint and min(low, high) >= _year_from(board, in_wan, months, rules):
            unit = "year"
    censored: str | None = None
    if n2 is None:
        if below:
            low, censored = None, "min"
        elif above and rules.commission not in s:
            high, censored = None, "max"
    return _finish(low, high, unit, months, censored, [], rules)


def _unit_named(s: str, rules: PayRules) -> str | None:
    return next((unit for unit, pattern in rules.units if pattern.search(s)), None)


def _slashed(s: str, rules: PayRules) -> str:
    """A lower and a higher bound with a slash between them, and at most a unit (8000/10000/月), as a range; others as they are."""
    m = _SLASHED.fullmatch(s.strip())
    if m is None or _yuan(m[1], m[2], rules) >= _yuan(m[3], m[4], rules):
        return s
    return f"{m[1]}{m[2] or ''}-{m[3]}{m[4] or ''}{m[5] or ''}"


def _year_from(board: str, in_wan: bool, months: int | None, rules: PayRules) -> Any:
    """Yuan from which bounds without a unit are of a year on a board; with months paid a year only those in 万 can be."""
    if board in rules.bands["monthly_boards"] or (months is not None and not in_wan):
        return float("inf")
    if months is not None:
        return rules.bands["months_year_from"]
    return rules.bands["yearly_from" if in_wan and board in rules.bands["yearly_boards"] else "wan_year_from"]


def _fen(value: Decimal | None) -> int | None:
    return None if value is None else int((value * 100).to_integral_value())


def parse_pay(
    values: pl.Series,
    boards: pl.Series,
    unit_hints: pl.Series,
    scale_hints: pl.Series,
    kinds: pl.Series,
    rules: PayRules,
) -> pl.DataFrame:
    """Parse pay, row-aligned; each distinct (value, board class, hint, scale, kind) is decided once.

    Args:
        values: pay as written, split fields joined 'min|max|months'.
        boards: board ids.
        unit_hints: unit where the source leaves it out, or null.
        scale_hints: yuan per written unit (1, 1000 or 10000), or null.
        kinds: 'part_time', 'internship', 'piece' or '' from the title.

    Returns:
        A frame with the columns of PAY_COLUMNS; bounds in fen.
    """
    n = len(values)
    own = ("monthly_boards", "hourly_boards", "yearly_boards")
    special = sorted({*rules.foreign_boards, *(b for kind in own for b in rules.bands[kind])})
    keys = pl.DataFrame(
        {
            "v": values.cast(pl.String).fill_null(""),
            "b": boards.cast(pl.String).fill_null(""),
            "h": unit_hints.cast(pl.String),
            "s": scale_hints.cast(pl.Int32),
            "k": kinds.cast(pl.String).fill_null(""),
        }
    ).with_columns(pl.when(pl.col("b").is_in(special)).then(pl.col("b")).otherwise(pl.lit("")))
    distinct = keys.unique(maintain_order=True)
    rows = [parse_one(v, b, h, s, k, rules) for v, b, h, s, k in distinct.iter_rows()]
    parsed = pl.DataFrame(
        {
            "pay_status": [r.status for r in rows],
            "pay_min_fen": [_fen(r.low) for r in rows],
            "pay_max_fen": [_fen(r.high) for r in rows],
            "pay_unit": [r.unit for r in rows],
            "pay_months": [r.months for r in rows],
            "pay_censored": [r.censored for r in rows],
            "pay_reasons": [list(r.reasons) for r in rows],
        },
        schema=PAY_COLUMNS,
    )
    joined = keys.join(
        pl.concat([distinct, parsed], how="horizontal"),
        on=["v", "b", "h", "s", "k"],
        how="left",
        nulls_equal=True,
        maintain_order="left",
    )
    assert len(joined) == n
    return joined.select(list(PAY_COLUMNS))
