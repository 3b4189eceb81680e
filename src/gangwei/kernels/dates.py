"""Posting and capture dates from whatever boards write; each distinct combination is parsed once.

Forms: ISO with and without time or zone, 2019年12月10日, 12-17, 5月13日更新, 今天 11:33, 3天前, `Sat Feb 22 22:58:03 2020`,
10-Oct-2019, Excel serial days, epoch seconds and milliseconds, a month alone. Days count in China standard time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from gangwei.codebook import Codebook

IMPOSSIBLE = "date_impossible"
UNREADABLE = "date_unreadable"
AFTER_CAPTURE = "date_after_capture"
NO_YEAR = "date_without_year"
NO_CAPTURE = "date_needs_capture"
BAD_CAPTURE = {"date_impossible": "capture_date_impossible"}
ODD_CAPTURE = "capture_date_unreadable"

ISO = r"^\s*(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})(?:日|[ T]\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?(?:\+08:?00)?)?\s*$"
_EXCEL = date(1899, 12, 30)


@dataclass(frozen=True)
class Reading:
    """One date as read: what it knows (day, month, year, none) and the reason when it is not usable."""

    day: date | None
    precision: str = "none"
    issue: str | None = None


@dataclass(frozen=True)
class DateRules:
    """Bounds and words of definitions/dates.toml, with a cache of what was parsed."""

    earliest: date
    latest: date
    slack: int
    zone: timezone
    words: dict[str, int]
    units: dict[str, int]
    months: dict[str, int]
    empty: frozenset[str]
    cache: dict[tuple[str, date | None, int | None], Reading] = field(default_factory=dict, compare=False)


def compile_dates(book: Codebook) -> DateRules:
    """Rules from definitions/dates.toml."""
    d = book.toml("dates.toml")
    return DateRules(
        d["earliest"], d["latest"], int(d["days_after_capture"]), timezone(timedelta(hours=d["utc_offset_hours"])),
        d["words"], d["units"], d["months"], frozenset(d["empty"]["values"]),
    )  # fmt: skip


_BRACKETS = re.compile(r"""^[\s\['"(]+|[\s\]'")]+$""")
_LABEL = re.compile(
    r"^(?:发布|更新|刷新|投递|截止)?(?:于|时间|日期)?\s*[:：]?\s*|\s*(?:发布|更新|刷新|前投递|投递)$|^(?:posted|updated)\s*(?:on)?:?\s*",
    re.I,
)
_YMD = re.compile(
    r"^(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?(?:[\sT]+(\d{1,2}):(\d{1,2})(?::(\d{1,2}))?(?:[.,]\d+)?\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2})?)?$",
    re.I,
)
_YM = re.compile(r"^(\d{4})\s*[-/.年]\s*(\d{1,2})\s*月?$")
_MD = re.compile(r"^(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*[日号]?(?:\s+\d{1,2}:\d{2}(?::\d{2})?)?$")
_MONTH = re.compile(r"^(\d{1,2})\s*月份?$")
_CLOCK = re.compile(r"^\d{1,2}:\d{2}(?::\d{2})?$")
_CTIME = re.compile(
    r"^(?:[a-z]{3,9},?\s+)?([a-z]{3})[a-z]*\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?(?:\s+\d{1,2}:\d{2}(?::\d{2})?(?:\s*(?:[a-z]{3,4}|[+-]\d{4}))?)?,?\s+(\d{4})$",
    re.I,
)
_DMY = re.compile(
    r"^(?:[a-z]{3,9},?\s+)?(\d{1,2})[\s-]+([a-z]{3})[a-z]*\.?,?[\s-]+(\d{4})(?:\s+\d{1,2}:\d{2}(?::\d{2})?(?:\s*(?:[a-z]{3,4}|[+-]\d{4}))?)?$",
    re.I,
)
_DMY_NUM = re.compile(r"^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})$")
_AGO = re.compile(
    r"^(\d+|几|半|一|两|三)\s*\+?\s*(秒|分钟|分|小时|时|天|日|周|星期|个月|月|minute|hour|day|week|month|d|h)s?\s*(?:钟)?(?:以?前|之前|ago|\+)?(?:更新|发布|活跃|内)?$",
    re.I,
)
_NUMBER = re.compile(r"^\d+(?:\.0+)?$")
_COUNTS = {"几": 3, "半": 0, "一": 1, "两": 2, "三": 3}


def _on(year: int, month: int, day: int, rules: DateRules) -> Reading:
    try:
        found = date(year, month, day)
    except ValueError:
        return Reading(None, issue=IMPOSSIBLE)
    if not rules.earliest <= found < rules.latest:
        return Reading(None, issue=IMPOSSIBLE)
    return Reading(found, "day")


def _month(year: int, month: int, rules: DateRules) -> Reading:
    found = _on(year, month, 1, rules)
    return Reading(found.day, "month") if found.day else found


def _yearless(month: int, day: int, captured: date | None, year: int | None, rules: DateRules) -> Reading:
    if not 1 <= month <= 12 or not 1 <= day <= 31:
        return Reading(None, issue=IMPOSSIBLE)
    if captured is not None:
        for y in range(captured.year, captured.year - 9, -1):
            try:
                found = date(y, month, day)
            except ValueError:
                continue  # 29 February
            if found <= captured:
                return Reading(found, "day")
        return Reading(None, issue=IMPOSSIBLE)
    if year is not None:
        return Reading(date(year, 1, 1), "year", NO_YEAR)
    return Reading(None, issue=NO_YEAR)


def _ago(days: int, captured: date | None, year: int | None, rules: DateRules) -> Reading:
    if captured is None:
        return Reading(date(year, 1, 1), "year", NO_CAPTURE) if year is not None else Reading(None, issue=NO_CAPTURE)
    return _bounded(captured - timedelta(days=min(days, 20_000)), rules)


def _number(value: int, text: str, captured: date | None, year: int | None, rules: DateRules) -> Reading:
    digits = len(text)
    if digits <= 2:
        if not 1 <= value <= 12:
            return Reading(None, issue=UNREADABLE)
        if year is not None:
            return _month(year, value, rules)
        if captured is not None:
            return _month(captured.year if value <= captured.month else captured.year - 1, value, rules)
        return Reading(None, issue=NO_YEAR)
    if digits == 4:
        found = _on(value, 1, 1, rules)
        return Reading(found.day, "year") if found.day else Reading(None, issue=UNREADABLE)
    if digits == 5:
        return _bounded(_EXCEL + timedelta(days=value), rules)
    if digits == 6 and text[:2] in {"19", "20"}:
        return _month(value // 100, value % 100, rules)
    if digits in {8, 14} and text[:2] in {"19", "20"}:
        return _on(int(text[:4]), int(text[4:6]), int(text[6:8]), rules)
    if 9 <= digits <= 13:
        seconds = value / 1000 if digits >= 12 else value
        return _bounded(datetime.fromtimestamp(seconds, rules.zone).date(), rules)
    return Reading(None, issue=UNREADABLE if value else IMPOSSIBLE)


def _bounded(found: date, rules: DateRules) -> Reading:
    ok = rules.earliest <= found < rules.latest
    return Reading(found, "day") if ok else Reading(None, issue=IMPOSSIBLE)


def read(raw: str, captured: date | None, year: int | None, rules: DateRules) -> Reading:
    """One date string; `captured` and `year` fill what it leaves out."""
    text = _BRACKETS.sub("", raw[:80].strip()).strip()
    if text.lower() in rules.empty:
        return Reading(None)
    text = _LABEL.sub("", text).strip()
    low = text.lower()
    if m := _YMD.match(text):
        y, mo, d = int(m[1]), int(m[2]), int(m[3])
        found = _on(y, mo, d, rules)
        if found.day and m[7] and m[4]:
            sign = m[7].upper()
            hours = 0.0 if sign in {"Z", "UTC", "GMT"} else int(sign[:3]) + int(sign[0] + sign[-2:]) / 60
            if int(m[4]) > 23 or int(m[5]) > 59 or abs(hours) > 23:
                return found
            moment = datetime(y, mo, d, int(m[4]), int(m[5]), tzinfo=timezone(timedelta(hours=hours)))
            return _bounded(moment.astimezone(rules.zone).date(), rules)
        return found
    if m := _YM.match(text):
        return _month(int(m[1]), int(m[2]), rules)
    if m := _MD.match(text):
        return _yearless(int(m[1]), int(m[2]), captured, year, rules)
    if m := _MONTH.match(text):
        return _number(int(m[1]), m[1], captured, year, rules)
    if _NUMBER.match(text):
        whole = text.split(".")[0]
        return _number(int(whole), whole, captured, year, rules)
    if _CLOCK.match(text):
        return _ago(0, captured, year, rules)
    for word, days in rules.words.items():
        if low.startswith(word):
            return _ago(days, captured, year, rules)
    if m := _AGO.match(low):
        count = _COUNTS[m[1]] if m[1] in _COUNTS else int(m[1][:6])
        return _ago(count * rules.units[m[2].lower()], captured, year, rules)
    if (m := _CTIME.match(text)) and m[1].lower() in rules.months:
        return _on(int(m[3]), rules.months[m[1].lower()], int(m[2]), rules)
    if (m := _DMY.match(text)) and m[2].lower() in rules.months:
        return _on(int(m[3]), rules.months[m[2].lower()], int(m[1]), rules)
    if m := _DMY_NUM.match(text):
        a, b, y = int(m[1]), int(m[2]), int(m[3])
        return (
            _on(y, b, a, rules)
            if a > 12
            else _on(y, a, b, rules)
            if b > 12 or a == b
            else Reading(None, issue=UNREADABLE)
        )
    return Reading(None, issue=UNREADABLE)


def _cached(raw: str, captured: date | None, year: int | None, rules: DateRules) -> Reading:
    key = (raw, captured, year)
    found = rules.cache.get(key)
    if found is None:
        if len(rules.cache) > 200_000:
            rules.cache.clear()
        found = rules.cache[key] = read(raw, captured, year, rules)
    return found


def parse(posted: pl.Series, captured: pl.Series, year_hint: pl.Series, rules: DateRules) -> pl.DataFrame:
    """Dates of a batch.

    Args:
        posted, captured: strings as written. year_hint: year of the source (integer or null).

    Returns:
        row-aligned `captured_date`, `posted_date`, `date_precision`, `date_issue` (reason id or null).
    """
    frame = pl.DataFrame(
        {"posted": posted.cast(pl.String), "captured": captured.cast(pl.String), "year": year_hint.cast(pl.Int32)}
    )
    days = _plain_days(frame, "captured", rules)
    frame = frame.with_columns(cap=days)
    odd = frame.filter(pl.col("cap").is_null() & pl.col("captured").is_not_null())["captured"].unique(
        maintain_order=True
    )
    bad_capture = pl.lit(None, pl.String)
    if len(odd):
        seen = [_cached(s, None, None, rules) for s in odd]
        table = pl.DataFrame(
            {
                "captured": odd,
                "cap2": [s.day if s.precision == "day" else None for s in seen],
                "cap_issue": [BAD_CAPTURE.get(s.issue, ODD_CAPTURE) if s.issue else None for s in seen],
            },
            schema={"captured": pl.String, "cap2": pl.Date, "cap_issue": pl.String},
        )
        frame = frame.join(table, on="captured", how="left", maintain_order="left")
        frame = frame.with_columns(cap=pl.coalesce("cap", "cap2"))
        bad_capture = pl.col("cap_issue")
    frame = frame.with_columns(bad_capture.alias("bad"), day=_plain_days(frame, "posted", rules))
    rest = frame.filter(pl.col("day").is_null()).select("posted", "cap", "year").unique(maintain_order=True)
    if rest.height:
        readings = [
            _cached(p, c, y, rules) if p is not None and p.strip().lower() not in rules.empty else _absent(c, y)
            for p, c, y in rest.iter_rows()
        ]
        rest = rest.with_columns(
            pl.Series("day2", [r.day for r in readings], pl.Date),
            pl.Series("precision", [r.precision for r in readings], pl.String),
            pl.Series("issue", [r.issue for r in readings], pl.String),
        )
        frame = frame.join(rest, on=["posted", "cap", "year"], how="left", nulls_equal=True, maintain_order="left")
    else:
        frame = frame.with_columns(
            day2=pl.lit(None, pl.Date), precision=pl.lit(None, pl.String), issue=pl.lit(None, pl.String)
        )
    late = (pl.coalesce("day", "day2") > pl.col("cap").dt.offset_by(f"{rules.slack}d")) & (
        pl.col("day").is_not_null() | (pl.col("precision") == "day")
    )
    late = late.fill_null(False)
    return frame.select(
        captured_date="cap",
        posted_date=pl.when(~late).then(pl.coalesce("day", "day2")),
        date_precision=pl.when(late)
        .then(pl.lit("none"))
        .when(pl.col("day").is_not_null())
        .then(pl.lit("day"))
        .otherwise(pl.col("precision").fill_null("none")),
        date_issue=pl.when(late).then(pl.lit(AFTER_CAPTURE)).otherwise(pl.coalesce("issue", "bad")),
    )


def _absent(captured: date | None, year: int | None) -> Reading:
    """No posting date: the year of the source is all there is, unless a capture date says more."""
    if captured is None and year is not None:
        return Reading(date(year, 1, 1), "year")
    return Reading(None)


def _plain_days(frame: pl.DataFrame, column: str, rules: DateRules) -> pl.Series:
    """The common written-out forms in one vectorised step; everything else, and every impossible date, is null."""
    groups = pl.col(column).str.extract_groups(ISO)
    parts = [groups.struct.field(str(i)).cast(pl.Int32, strict=False) for i in (1, 2, 3)]
    fine = parts[1].is_between(1, 12) & parts[2].is_between(1, 28 + 3)
    text = pl.format("{}-{}-{}", *(p.cast(pl.String).str.zfill(w) for p, w in zip(parts, (4, 2, 2), strict=True)))
    day = text.str.to_date("%Y-%m-%d", strict=False)
    plain = pl.when(fine & (day >= rules.earliest) & (day < rules.latest)).then(day)
    distinct = frame.select(pl.col(column).drop_nulls().unique(maintain_order=True)).with_columns(plain.alias("day"))
    return frame.select(column).join(distinct, on=column, how="left", maintain_order="left")["day"].alias(column)
