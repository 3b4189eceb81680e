"""Posting and capture dates from whatever boards write; each distinct combination is parsed once.

Forms: ISO with and without time or zone, 2019年12月10日, 12-17, 5月13日更新, 今天 11:33, 3天前, 九小时前, `Sat Feb 22 22:58:03 2020`,
10-Oct-2019, May 2024, 民國113/05/01, 24-05-01, Excel serial days, epoch seconds and milliseconds, a month alone; else the first full
date in the text. Days count in China standard time.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from gangwei.kernels.memo import Memo
from gangwei.kernels.shapeless import visible

if TYPE_CHECKING:
    from gangwei.codebook import Codebook

IMPOSSIBLE = "date_impossible"
UNREADABLE = "date_unreadable"
AFTER_CAPTURE = "date_after_capture"
NO_YEAR = "date_without_year"
AMBIGUOUS = "date_ambiguous"
NO_CAPTURE = "date_needs_capture"
OPEN_END = "date_open_ended"
VAGUE = "date_vague"
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
    """Bounds and words of definitions/dates.toml, with what was read before."""

    earliest: date
    latest: date
    slack: int
    zone: timezone
    words: dict[str, tuple[int, int]]
    several: dict[str, tuple[int, int]]
    units: dict[str, int]
    months: dict[str, int]
    counts: dict[str, float]
    traditional: dict[int, str]
    ago: re.Pattern[str]
    label: re.Pattern[str]
    open: re.Pattern[str]
    within: str
    more: str
    empty: frozenset[str]
    captured: Memo = field(default_factory=Memo, compare=False)
    plain: Memo = field(default_factory=Memo, compare=False)
    odd: Memo = field(default_factory=Memo, compare=False)


def compile_dates(book: Codebook) -> DateRules:
    """Rules from definitions/dates.toml."""
    d = book.toml("dates.toml")
    around = d["around"]
    about, more, behind, ago, state = ("|".join(around[k]) for k in ("about", "more", "behind_unit", "ago", "state"))
    units = "|".join(sorted(d["units"], key=lambda u: (-len(u), u)))
    digits = "".join(c for c in d["counts"] if len(c) == 1 and not c.isascii())
    since = re.compile(
        rf"^(?:\D{{1,12}}\s)?(?:{about})?(\d+|[{digits}]+|an?)\s*[+{more}]?\s*({units})s?\s*(?:{behind})?\s*"
        rf"(?:{ago})?\+?\s*[(（]?(?:{state})?[)）]?$",
        re.I,
    )
    return DateRules(
        d["earliest"], d["latest"], int(d["days_after_capture"]), timezone(timedelta(hours=d["utc_offset_hours"])),
        {w: (n, n) if isinstance(n, int) else tuple(n) for w, n in d["words"].items()}, d["several"], d["units"], d["months"], d["counts"], str.maketrans(dict(d["traditional"])), since,
        re.compile(around["label"], re.I), re.compile(around["open"]), around["within"], around["more"], frozenset(d["empty"]["values"]),
    )  # fmt: skip


_BRACKETS = re.compile(r"""^[\s\['"(]+|[\s\]'")]+$""")
_YMD = re.compile(
    r"^(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?(?:[\sT]+(\d{1,2}):(\d{1,2})(?::(\d{1,2}))?(?:[.,]\d+)?\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2})?)?$",
    re.I,
)
_YM = re.compile(r"^(\d{4})\s*[-/.年]\s*(\d{1,2})\s*月?$")
_MD = re.compile(r"^(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*[日号]?(?:\s+\d{1,2}:\d{2}(?::\d{2})?)?$")
_MONTH = re.compile(r"^(\d{1,2})\s*月份?$")
_CLOCK = re.compile(r"^\d{1,2}:\d{2}(?::\d{2})?$")
_CTIME = re.compile(
    r"^(?:[a-z]{3,9},?\s+)?([a-z]{3})[a-z]*\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?(?:\s+(\d{1,2}):(\d{2})(?::\d{2})?(?:\s*([a-z]{3,4}|[+-]\d{4}))?)?,?\s+(\d{4})$",
    re.I,
)
_DMY = re.compile(
    r"^(?:[a-z]{3,9},?\s+)?(\d{1,2})[\s-]+([a-z]{3})[a-z]*\.?,?[\s-]+(\d{4}|\d\d)(?:\s+(\d{1,2}):(\d{2})(?::\d{2})?(?:\s*([a-z]{3,4}|[+-]\d{4}))?)?$",
    re.I,
)
_DMY_NUM = re.compile(r"^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(?:[\sT]+\d{1,2}:\d{2}(?::\d{2})?(?:\s*[ap]m)?)?$", re.I)
_NUMBER = re.compile(r"^\d+(?:\.0+)?$|^\d{5,}\.\d+$|^\d\.\d+e\+?\d{1,2}$", re.I)
_ROC = re.compile(
    r"^(?:民[国國]\s*(\d{2,3})|(1[0-2]\d))\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?(?:\s+[\d:]+)?$"
)
_SHORT_YEAR = re.compile(r"^([1-4]\d)[-/.](\d{1,2})[-/.](\d{1,2})(?:\s+[\d:]+)?$")
_MONTH_YEAR = re.compile(r"^([a-z]{3})[a-z]*\.?[\s,-]+(\d{4})$", re.I)
_YEAR_MONTH_DAY = re.compile(r"^(\d{4})[\s-]+([a-z]{3})[a-z]*\.?[\s-]+(\d{1,2})$", re.I)
_CLOSED = re.compile(r"^\W*(?:new\s+)?(?:\$?date|numberlong)\W+(?:\$?numberlong\W+)?(\w.*?)(?:[+-]\d{4})?[\W]*$", re.I)
_BASIC = re.compile(r"^(\d{8})T\d{4,6}")
_WITHIN = re.compile(r"(?<!\d)((?:19|20)\d\d)\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})(?!\d)")
_CTIME_WITHIN = re.compile(
    r"(?<![a-z])([a-z]{3})[a-z]*\.?\s+(\d{1,2}),?\s+(?:[\d:]+\s+)?(?:[a-z]{3,4}\s+)?(\d{4})(?!\d)", re.I
)
_OFFSET = re.compile(r"Z|UTC|GMT|([+-])(\d{2}):?(\d{2})", re.I)
_ROC_YEAR = 1911


def _on(year: int, month: int, day: int, rules: DateRules) -> Reading:
    try:
        found = date(year, month, day)
    except ValueError:
        return Reading(None, issue=IMPOSSIBLE)
    if not rules.earliest <= found < rules.latest:
        return Reading(None, issue=IMPOSSIBLE)
    return Reading(found, "day")


def _here(found: Reading, hour: str | None, minute: str, zone: str | None, rules: DateRules) -> Reading:
    """The day in China standard time of a time in a zone; as written without a time or a zone that is told by its letters."""
    offset = _OFFSET.fullmatch(zone or "")
    if found.day is None or hour is None or offset is None:
        return found
    hours = int(offset[1] + offset[2]) + int(offset[1] + offset[3]) / 60 if offset[1] else 0.0
    if int(hour) > 23 or int(minute) > 59 or abs(hours) > 23:
        return found
    moment = datetime.combine(found.day, time(int(hour), int(minute)), timezone(timedelta(hours=hours)))
    return _bounded(moment.astimezone(rules.zone).date(), rules)


def _month(year: int, month: int, rules: DateRules) -> Reading:
    found = _on(year, month, 1, rules)
    return Reading(found.day, "month") if found.day else found


def _yearless(month: int, day: int, captured: date | None, year: int | None, rules: DateRules) -> Reading:
    """The last such day before the capture, or so few days after it as time zones make."""
    if not 1 <= month <= 12 or not 1 <= day <= 31:
        return Reading(None, issue=IMPOSSIBLE)
    if captured is not None:
        last = captured + timedelta(days=rules.slack)
        for y in range(last.year, last.year - 9, -1):
            try:
                found = date(y, month, day)
            except ValueError:
                continue  # 29 February
            if found <= last:
                return Reading(found, "day")
        return Reading(None, issue=IMPOSSIBLE)
    if year is not None:
        return Reading(date(year, 1, 1), "year", NO_YEAR)
    return Reading(None, issue=NO_YEAR)


def _ago(days: int, captured: date | None, year: int | None, rules: DateRules) -> Reading:
    if captured is None:
        return Reading(date(year, 1, 1), "year", NO_CAPTURE) if year is not None else Reading(None, issue=NO_CAPTURE)
    return _bounded(captured - timedelta(days=min(days, 20_000)), rules)


def _between(least: int, most: int, captured: date | None, year: int | None, rules: DateRules) -> Reading:
    """So many days before the capture: the day, the month or the year that all of them share (2周前 names no day)."""
    last = _ago(least, captured, year, rules)
    first = last if most == least else _ago(most, captured, year, rules)
    if first == last or last.precision != "day" or first.day is None or last.day is None:
        return first
    if first.day.year != last.day.year:
        return Reading(None, issue=VAGUE)
    same = first.day.month == last.day.month
    return Reading(date(last.day.year, last.day.month if same else 1, 1), "month" if same else "year")


def _span(count: str, unit: int, text: str, rules: DateRules) -> tuple[int, int]:
    """Least and most days that `count` units are: 2周前 14 to 20, 3天前 3, 3天内 0 to 3, 20多天前 20 to 29."""
    if count in rules.several:
        low, high = rules.several[count]
        return int(low * unit), int(high * unit)
    n = _count(count, rules)
    if rules.within in text:
        return 0, int(n * unit)
    step = unit * min(n, 1.0) if unit > 1 else 10 if rules.more in text and unit else 1
    return int(n * unit), int(n * unit + max(step, 1)) - 1


def _number(value: int, text: str, captured: date | None, year: int | None, rules: DateRules) -> Reading:
    """A bare number as a date: a month, a year, a day of Excel, or year and month, by how many digits it has."""
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
    if digits in {8, 12, 14} and text[:2] in {"19", "20"}:
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
    text = _BRACKETS.sub("", visible(raw[:80]).strip()).strip()
    if text.lower() in rules.empty:
        return Reading(None)
    if closed := _CLOSED.match(text):
        text = closed[1]
    text = unicodedata.normalize("NFKC", text).translate(rules.traditional)
    text = rules.label.sub("", text).strip(" ,;")
    low = text.lower()
    if m := _YMD.match(text):
        return _here(_on(int(m[1]), int(m[2]), int(m[3]), rules), m[4], m[5], m[7], rules)
    if m := _YM.match(text):
        return _month(int(m[1]), int(m[2]), rules)
    if m := _MD.match(text):
        return _yearless(int(m[1]), int(m[2]), captured, year, rules)
    if m := _MONTH.match(text):
        return _number(int(m[1]), m[1], captured, year, rules)
    if _NUMBER.match(text):
        whole = str(int(float(text))) if "e" in low else text.split(".")[0]
        return _number(int(whole), whole, captured, year, rules)
    if _CLOCK.match(text):
        return _ago(0, captured, year, rules)
    for word, (least, most) in rules.words.items():
        if low.startswith(word):
            return _between(least, most, captured, year, rules)
    if m := rules.ago.match(low):
        if captured is not None and rules.open.search(low):
            return Reading(None, issue=OPEN_END)
        return _between(*_span(m[1], rules.units[m[2]], low, rules), captured, year, rules)
    if (m := _CTIME.match(text)) and m[1].lower() in rules.months:
        return _here(_on(int(m[6]), rules.months[m[1].lower()], int(m[2]), rules), m[3], m[4], m[5], rules)
    if (m := _DMY.match(text)) and m[2].lower() in rules.months:
        year_ = int(m[3]) + (2000 if len(m[3]) == 2 else 0)
        return _here(_on(year_, rules.months[m[2].lower()], int(m[1]), rules), m[4], m[5], m[6], rules)
    if m := _DMY_NUM.match(text):
        return _either_order(int(m[1]), int(m[2]), int(m[3]), rules)
    return _rarely(text, rules)


def _either_order(a: int, b: int, year: int, rules: DateRules) -> Reading:
    """05/01/2024: where both numbers may be the month only the year is known."""
    if a > 12:
        return _on(year, b, a, rules)
    if b > 12 or a == b:
        return _on(year, a, b, rules)
    known = _on(year, a, b, rules).day and _on(year, b, a, rules).day and _on(year, 1, 1, rules).day
    return Reading(known, "year", AMBIGUOUS) if known else Reading(None, issue=IMPOSSIBLE)


def _rarely(text: str, rules: DateRules) -> Reading:
    """Forms that few boards write, then the first full date within the text."""
    if m := _ROC.match(text):
        return _on(int(m[1] or m[2]) + _ROC_YEAR, int(m[3]), int(m[4]), rules)
    if m := _SHORT_YEAR.match(text):
        return _on(2000 + int(m[1]), int(m[2]), int(m[3]), rules)
    if (m := _MONTH_YEAR.match(text)) and m[1].lower() in rules.months:
        return _month(int(m[2]), rules.months[m[1].lower()], rules)
    if (m := _YEAR_MONTH_DAY.match(text)) and m[2].lower() in rules.months:
        return _on(int(m[1]), rules.months[m[2].lower()], int(m[3]), rules)
    if m := _BASIC.match(text):
        return _on(int(m[1][:4]), int(m[1][4:6]), int(m[1][6:]), rules)
    if m := _WITHIN.search(text):
        return _on(int(m[1]), int(m[2]), int(m[3]), rules)
    if (m := _CTIME_WITHIN.search(text)) and m[1].lower() in rules.months:
        return _on(int(m[3]), rules.months[m[1].lower()], int(m[2]), rules)
    return Reading(None, issue=UNREADABLE)


def _count(word: str, rules: DateRules) -> float:
    """A number in digits or words: 3, 九, 十五, 二十, 半, a."""
    if word.isdigit():
        return int(word[:6])
    if word in rules.counts:
        return rules.counts[word]
    tens, ten, ones = word.partition("十")
    values = [rules.counts.get(w, 1.0) if w else d for w, d in ((tens, 1.0), (ones, 0.0))]
    return values[0] * 10 + values[1] if ten else rules.counts.get(word[-1], 1.0)


def parse(posted: pl.Series, captured: pl.Series, year_hint: pl.Series, rules: DateRules) -> pl.DataFrame:
    """Dates of a batch.

    Args:
        posted, captured: strings as written. year_hint: year of the source (integer or null).

    Returns:
        row-aligned `captured_date`, `posted_date`, `date_precision`, `date_issue` (reason id or null).
    """
    n = len(posted)
    known = rules.captured(pl.DataFrame({"captured": captured.cast(pl.String)}), lambda keys: _captures(keys, rules))
    written = posted.cast(pl.String).alias("posted")
    day = rules.plain(written.to_frame(), lambda keys: keys.select(day=_plain_days(keys["posted"], rules)))["day"]
    precision = pl.Series("precision", ["day"], pl.String).new_from_index(0, n)
    issue = known["bad"]
    rest = np.flatnonzero(day.is_null().to_numpy())
    if len(rest):
        keys = pl.DataFrame(
            {
                "posted": written.gather(rest),
                "cap": known["cap"].gather(rest),
                "year": year_hint.cast(pl.Int32).gather(rest),
            }
        )
        odd = rules.odd(keys, lambda keys: _readings(keys, rules))
        day = day.clone().scatter(rest, odd["day"])
        precision = precision.scatter(rest, odd["precision"])
        issue = issue.clone().scatter(rest, pl.select(pl.coalesce(odd["issue"], issue.gather(rest))).to_series())
    frame = pl.DataFrame({"day": day, "cap": known["cap"], "precision": precision, "issue": issue})
    late = (pl.col("day") > pl.col("cap").dt.offset_by(f"{rules.slack}d")).fill_null(False)
    return frame.select(
        captured_date="cap",
        posted_date=pl.when(~late).then("day"),
        date_precision=pl.when(late).then(pl.lit("none")).otherwise("precision"),
        date_issue=pl.when(late).then(pl.lit(AFTER_CAPTURE)).otherwise("issue"),
    )


def _captures(keys: pl.DataFrame, rules: DateRules) -> pl.DataFrame:
    """cap: day of capture; bad: why there is none although one is written."""
    texts = keys["captured"]
    plain = _plain_days(texts, rules)
    seen = [
        Reading(d, "day") if d is not None or t is None else read(t, None, None, rules) for t, d in zip(texts, plain)
    ]
    return pl.DataFrame(
        {
            "cap": pl.Series([s.day if s.precision == "day" else None for s in seen], dtype=pl.Date),
            "bad": pl.Series(
                [BAD_CAPTURE.get(s.issue, ODD_CAPTURE) if s.issue else None for s in seen], dtype=pl.String
            ),
        }
    )


def _readings(keys: pl.DataFrame, rules: DateRules) -> pl.DataFrame:
    """Posting dates that are not plainly written out, with the capture date and the year of the source."""
    found = [
        read(p, c, y, rules) if p is not None and p.strip().lower() not in rules.empty else _absent(c, y)
        for p, c, y in keys.iter_rows()
    ]
    return pl.DataFrame(
        {
            "day": pl.Series([r.day for r in found], dtype=pl.Date),
            "precision": pl.Series([r.precision for r in found], dtype=pl.String),
            "issue": pl.Series([r.issue for r in found], dtype=pl.String),
        }
    )


def _absent(captured: date | None, year: int | None) -> Reading:
    """No posting date: the year of the source is all there is, unless a capture date says more."""
    if captured is None and year is not None:
        return Reading(date(year, 1, 1), "year")
    return Reading(None)


def _plain_days(texts: pl.Series, rules: DateRules) -> pl.Series:
    """The common written-out forms in one vectorised step; everything else, and every impossible date, is null."""
    column = texts.alias("text").to_frame()
    groups = pl.col("text").str.extract_groups(ISO)
    parts = [groups.struct.field(str(i)).cast(pl.Int32, strict=False) for i in (1, 2, 3)]
    fine = parts[1].is_between(1, 12) & parts[2].is_between(1, 28 + 3)
    text = pl.format("{}-{}-{}", *(p.cast(pl.String).str.zfill(w) for p, w in zip(parts, (4, 2, 2), strict=True)))
    day = text.str.to_date("%Y-%m-%d", strict=False)
    plain = pl.when(fine & (day >= rules.earliest) & (day < rules.latest)).then(day)
    return column.select(plain.alias("day")).to_series()
