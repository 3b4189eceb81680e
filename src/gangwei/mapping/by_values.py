"""Which field a column is by its values alone, for columns whose header says nothing or that have none."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from gangwei.mapping.packed import PAY_PARTS, median
from gangwei.mapping.placing import share_of
from gangwei.mapping.values import Values, reaching

LONG = ("address", "description")
PLACES = {"city", "district", "province", "address"}
CITY, COUNTY = re.compile(r"^\s*\d{2}(?!0000)\d{4}"), re.compile(r"^\s*\d{4}(?!00)\d{2}")
YEAR = re.compile(r"^\s*((?:19|20)\d\d[-/.]\d{1,2}[-/.]\d{1,2})(?:\D|$)")
NO_YEAR = re.compile(r"^\s*\d{1,2}\s*[-/月.]\s*\d{1,2}")
AMOUNT = re.compile(r"^[1-9]\d{0,2},?[05]00(\.0+)?$")


def titles_aside(cells: dict[str, list[str]], placed: dict[str, str], values: Values) -> dict[str, str]:
    """The column of titles that its header calls those of the person who hires (bossTitle), in a table without any other: its
    values are titles of jobs, and few are of those who hire."""
    if "title" in placed.values():
        return {}
    for name, target in placed.items():
        mine = cells[name]
        called = target == "ignore" and mine and values.tells.of_titles.search(name)
        if (
            called
            and values.like("title", mine) >= values.cut.clear
            and share_of(values.tells.hires, mine) < 1 - values.cut.clear
        ):
            return {name: "title"}
    return {}


def columns(
    names: Sequence[str],
    rows: list[list[str]],
    cells: dict[str, list[str]],
    placed: dict[str, str],
    values: Values,
    barred: set[tuple[str, str]],
    intro: re.Pattern[str],
) -> dict[str, str]:
    """Columns placed by their values alone, of several texts one that says least about the employer (`intro`); `barred` has columns with the fields that they cannot be."""
    cut = values.cut
    taken = set(placed.values()) | ({"pay"} if set(placed.values()) & set(PAY_PARTS) else set())
    if not any(cells[n] for n, f in placed.items() if f == "description"):
        taken -= {"description"}  # columns of texts that nobody fills
    scores = []
    links = {n for n in names if cells[n] and values.like("url", cells[n]) >= cut.most}
    for order, (target, pattern, wanted) in enumerate(values.rules):
        for name in names:
            mine = cells[name]
            if (
                name in placed
                or (name in links and target != "url")
                or (name, target) in barred
                or not mine
                or len(mine) < min(3, len(rows))
                or 3 * len(mine) < len(rows)
            ):
                continue
            length = median(mine)
            if (
                length <= cut.plain_text
                if target == "description"
                else target != "url" and length > (cut.long_text if target in LONG else cut.short_value)
            ):
                continue
            share = reaching(wanted, pattern, mine)
            if target == "company" and share >= wanted:  # 上市公司 is no name
                share -= values.like("company_nature", mine)
            if share >= wanted:
                share -= share_of(intro, mine) if target == "description" else 0.0
                share -= _dated_badly(mine, values) if target == "posted" else 0.0
                share -= values.like("company", mine) + _of_provinces(mine, values) if target == "city" else 0.0
                scores.append((-share, order, name, target))
    scores = _varied_title(scores, cells)
    if not {"title", "description"} & (taken | {s[3] for s in scores}):
        free = {n: cells[n] for n in names if n not in placed and (n, "title") not in barred}
        scores += _long_titles(free, len(rows) / 2, values)
    out: dict[str, str] = {}
    for share, _, name, target in sorted(scores, key=lambda s: s[:2]):
        more = target == "tags" or (target == "description" and not placed and -share >= cut.most)
        if name not in out and (target not in taken or more):
            out[name] = target
            taken.add(target)
    return out


def _dated_badly(mine: list[str], values: Values) -> float:
    """What speaks against a column of dates as that of the ads: no years, or more so one day in all rows, that of the capture."""
    return 0.1 if _one_day(mine, values) else share_of(NO_YEAR, mine) / 100


def _of_provinces(mine: list[str], values: Values) -> float:
    """What speaks against a column of places as that of the cities: names of provinces, beside which another may name the cities."""
    return 0.1 * sum(v.strip() in values.provinces for v in mine) / len(mine)


def _one_day(mine: list[str], values: Values) -> bool:
    days = [m[1] for m in map(YEAR.match, mine) if m]
    return len(days) == len(mine) >= values.cut.few_rows and len(set(days)) == 1


def captures(cells: dict[str, list[str]], placed: dict[str, str], values: Values) -> dict[str, str]:
    """The column of one day in all rows, beside the dates of the ads or the time since when they stand (2天前, 10:19)."""
    if "posted" not in placed.values() or "captured" in placed.values():
        return {}
    day = next(n for n, f in placed.items() if f == "posted")
    since = next(
        (n for n, mine in cells.items() if n not in placed and share_of(values.tells.since, mine) >= values.cut.most),
        None,
    )
    if since is not None and _one_day(cells[day], values):
        return {day: "captured", since: "posted"}
    name = next((n for n, mine in cells.items() if n not in placed and _one_day(mine, values)), None)
    return {} if name is None else {name: "captured"}


def _varied_title(
    scores: list[tuple[float, int, str, str]], cells: dict[str, list[str]]
) -> list[tuple[float, int, str, str]]:
    """Of several columns that may be the title, those that say much less of the rows come last: classes of jobs beside the jobs."""
    titles = {n: len(set(cells[n])) / len(cells[n]) for *_, n, target in scores if target == "title"}
    most = max(titles.values(), default=0.0)
    return [(s / 4 if t == "title" and titles[n] * 2 < most else s, o, n, t) for s, o, n, t in scores]


def _long_titles(free: dict[str, list[str]], least: float, values: Values) -> list[tuple[float, int, str, str]]:
    """Columns with more than `least` values that may be titles with all that is on offer behind them, for want of shorter ones."""
    cut = values.cut
    long = {
        n: mine for n, mine in free.items() if len(mine) > least and cut.short_value < median(mine) <= cut.long_text
    }
    fits = [(values.like("title", mine), n) for n, mine in long.items()]
    return [(-share, len(values.rules), n, "title") for share, n in fits if share >= cut.some]


def texts(cells: dict[str, list[str]], placed: dict[str, str], values: Values) -> dict[str, str]:
    """The column in which some values are texts of duties, long or of several lines, where crawlers kept a line of the others."""
    cut = values.cut
    if "description" in placed.values():
        return {}
    for name, mine in cells.items():
        long = [v for v in mine if len(v) > cut.long_text or "\n" in v.strip()]
        if (
            name not in placed
            and len(long) > 1
            and len(long) / len(mine) >= cut.weak
            and values.like("description", long) >= cut.most
        ):
            return {name: "description"}
    return {}


def amounts(names: Sequence[str], rows: list[list[str]], placed: dict[str, str], values: Values) -> dict[str, str]:
    """Two neighbours without a telling header whose amounts are of monthly pay, the first never above the second."""
    if {"pay", *PAY_PARTS} & set(placed.values()) or len(rows) < values.cut.few_rows:
        return {}
    for i, (low, high) in enumerate(itertools.pairwise(names)):
        pairs = [(r[i].strip(), r[i + 1].strip()) for r in rows if r[i].strip() and r[i + 1].strip()]
        if low in placed or high in placed or 2 * len(pairs) < len(rows) or len(set(pairs)) < 3:
            continue
        if all(AMOUNT.match(a) and AMOUNT.match(b) and _number(a) <= _number(b) for a, b in pairs) and any(
            a != b for a, b in pairs
        ):
            return {low: "pay_min", high: "pay_max"}
    return {}


def districts(
    cells: dict[str, list[str]], placed: dict[str, str], county: re.Pattern[str], values: Values
) -> dict[str, str]:
    """The column of names of counties beside that of the cities."""
    if "city" not in placed.values() or "district" in placed.values():
        return {}
    free = (n for n, mine in cells.items() if n not in placed and len(mine) >= values.cut.few_values)
    name = next((n for n in free if share_of(county, cells[n]) >= values.cut.most), None)
    return {} if name is None else {name: "district"}


def addresses(names: Sequence[str], rows: list[list[str]], placed: dict[str, str], values: Values) -> dict[str, str]:
    """The column whose values begin with the city of their row and go on, where no other column tells the district."""
    cut = values.cut
    at = next((i for i, n in enumerate(names) if placed.get(n) == "city"), None)
    if at is None or {"district", "address"} & set(placed.values()) or len(rows) < cut.few_values:
        return {}
    for i, name in enumerate(names):
        pairs = [(r[at].strip().removesuffix("市"), r[i].strip()) for r in rows if r[at].strip() and r[i].strip()]
        if name in placed or 2 * len(pairs) < len(rows) or values.like("company", [v for _, v in pairs]) >= cut.few:
            continue
        longer = sum(v.startswith(town) and len(v) - len(town) > cut.behind_city for town, v in pairs)
        if longer >= cut.most * len(pairs):
            return {name: "address"}
    return {}


def codes(cells: dict[str, list[str]], placed: dict[str, str], values: Values) -> dict[str, str]:
    """The column of national codes that tells most, where nothing else tells the place."""
    if PLACES & set(placed.values()):
        return {}
    free = [
        n for n, mine in cells.items() if placed.get(n, "ignore") == "ignore" and len(mine) >= values.cut.few_values
    ]
    coded = [n for n in free if values.coded(cells[n]) >= values.cut.nearly_all]
    finest = max(coded, key=lambda n: (share_of(COUNTY, cells[n]), share_of(CITY, cells[n])), default=None)
    return {} if finest is None or not share_of(CITY, cells[finest]) else {finest: "city"}


def _number(amount: str) -> float:
    return float(amount.replace(",", ""))


def trade_for_title(
    placed: dict[str, str], by_value: dict[str, str], cells: dict[str, list[str]], values: Values
) -> dict[str, str]:
    """The class of the job stands for its title where nothing else does (工种 of lists of manual work)."""
    name = next((n for n, f in placed.items() if f == "occupation"), None)
    if name is None or "title" in {*placed.values(), *by_value.values()} or not cells[name]:
        return placed
    varied = len(set(cells[name])) > 1 or len(cells[name]) == 1
    return {**placed, name: "title"} if varied and median(cells[name]) <= values.cut.short_value else placed
