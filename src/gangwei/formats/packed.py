"""Columns that hold more than one value: several fields, lists, objects, pay behind the title; and what a whole column tells."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gangwei.formats.charset import written_out
from gangwei.formats.headers import normal
from gangwei.formats.values import Values, places_of

if TYPE_CHECKING:
    from gangwei.codebook import Codebook

LONG_TEXT = 80
SHORT_TEXT = 24
MOST_SURE = 3  # more fields than these may stand in longer values
DATES = ("posted", "captured")
INDUSTRIES = 0.3
OTHER = 0.4
SMALL_ROWS = 5
MARKS = 2
OF_EMPLOYERS = {"company_size", "company_nature"}
PAY_PARTS = ("pay_min", "pay_max", "pay_months")
PACKED = (
    "company",
    "city",
    "pay",
    "experience",
    "education",
    "company_size",
    "company_nature",
    "headcount",
    "posted",
    "employment_type",
)


@dataclass(frozen=True)
class Packed:
    """Patterns of `packed.toml`."""

    split: str
    other_splits: tuple[str, ...]
    glued: tuple[tuple[tuple[str, ...], str], ...]
    """(fields, pattern with a group for each) of values that hold several fields with no sure mark between them"""
    stage: str
    """Words on the financing of an employer"""
    object: str
    list: re.Pattern[str]
    items: re.Pattern[str]
    title_pay: str
    small_pay: re.Pattern[str]
    either_order: dict[str, str]
    """(told, pattern, day_first, month_first: see `date_order`)"""
    traditional: re.Pattern[str]
    simplified: re.Pattern[str]
    preferred: str
    intro: re.Pattern[str]
    edges: str
    edges_around: str
    """Empty items at the ends of a list that is joined"""
    markup: re.Pattern[str]
    markup_around: str
    table_words: re.Pattern[str]
    link: str
    pay_bounds: tuple[dict[str, str], ...]
    """(pattern, replace) of bounds of pay that are written as an object or a list"""
    company_tail: str
    page_title: str
    title_below: str
    highlight: str
    short_name: re.Pattern[str]
    county: re.Pattern[str]
    hosts: dict[str, str]
    marks: dict[str, str]
    owners: dict[str, str]
    boards: dict[str, str]
    nulls: tuple[str, ...]
    picture: re.Pattern[str]
    note: str
    """Titles of rows that are totals, notes or headings within the table"""
    units: tuple[tuple[str, str], ...]
    """(pattern of a written unit of pay, unit)"""
    bare: dict[str, str]
    """(word of several fields, and the patterns of these fields without it)"""
    months_behind: tuple[dict[str, str], ...]
    """Rules for months that stand behind written pay"""
    exp_months: dict[str, str]
    """(header, and the pattern and replacement of values) of experience in months"""
    hints: tuple[tuple[re.Pattern[str], str, str | int], ...]
    """(header pattern, name of the hint, value)"""


def load_packed(book: Codebook) -> Packed:
    """Patterns of `packed.toml`."""
    data, places = book.toml("packed.toml"), places_of(book)
    hints = [(re.compile(r["pattern"]), "pay_unit_hint", r["unit"]) for r in data["pay_unit"]]
    hints += [(re.compile(r["pattern"]), "pay_scale_hint", r["scale"]) for r in data["pay_scale"]]
    return Packed(
        split=data["split"],
        other_splits=tuple(data["other_splits"]),
        glued=tuple((tuple(r["fields"]), r["pattern"].replace("{places}", places)) for r in data["glued"]),
        stage=data["stage"],
        object=data["object"],
        list=re.compile(data["list"]),
        items=re.compile(data["items"]),
        bare=data["bare"],
        title_pay=rf"^(.*[^\s\[(（【])(?:\s+|\s*[\[(（【]\s*)({data['end_pay']})\s*[\])）】]?\s*$",
        small_pay=re.compile(data["small_pay"]),
        either_order=data["either_order"],
        traditional=re.compile(data["traditional"]),
        simplified=re.compile(data["simplified"]),
        preferred=data["preferred"],
        intro=re.compile(data["intro"]),
        edges=data["edges"],
        edges_around=data["edges_around"],
        markup=re.compile(data["markup"]),
        markup_around=data["markup_around"],
        table_words=re.compile(data["table_words"]),
        link=data["link"],
        pay_bounds=tuple(data["pay_bounds"]),
        company_tail=data["company_tail"],
        page_title=data["page_title"],
        title_below=data["title_below"],
        highlight=data["highlight"],
        short_name=re.compile(data["short_name"]),
        county=re.compile(data["county"]),
        hosts=data["hosts"],
        marks={normal(k): v for k, v in data["marks"].items()},
        owners=data["owners"],
        boards=data["board_names"],
        nulls=tuple(data["nulls"]),
        picture=re.compile(data["picture"]),
        note=data["note"],
        units=tuple((r["pattern"], r["unit"]) for r in data["unit_words"]),
        months_behind=tuple(data["months_behind"]),
        exp_months=data["experience_months"],
        hints=tuple(hints),
    )


def unpack(
    placed: dict[str, str],
    by_value: frozenset[str],
    cells: dict[str, list[str]],
    values: Values,
    packed: Packed,
) -> tuple[dict[str, str], frozenset[str], dict[str, list[dict[str, Any]]], dict[str, str]]:
    """Rules for values that hold several fields, written-out lists or objects, or pay behind the title.

    Args:
        placed: column to field.
        by_value: columns placed by their values alone.
        cells: column to its first filled values, every column of the table in order.

    Returns:
        `placed` and `by_value` with the columns that hold several fields, rules of a source by kind, and fields that are read
        from the column of another field (field to column).
    """
    placed, told = dict(placed), set(by_value)
    rules = _always(placed, packed)
    shared: dict[str, str] = {}
    for name, mine in cells.items():
        if not mine or placed.get(name) == "ignore" or (median(mine) > LONG_TEXT and not _words(mine, packed)):
            continue
        taken = {f for n, f in placed.items() if n != name and not _weak(f, cells[n], values)}
        at, good = packed.split, fields_inside(mine, packed.split, taken, values)
        sure = len(good) > 1
        fits = name in placed and name not in told and (values.share(placed[name], mine) or 0.0) >= 0.6
        if not sure and not fits:
            tries = [(p, fields_inside(mine, p, taken, values)) for p in packed.other_splits]
            best = max(tries, key=lambda t: len(t[1]))
            least = 1 if median(mine) <= SHORT_TEXT else MOST_SURE
            at, good = best if len(best[1]) > max(least, len(good)) else (at, good)
        room = sorted(len(re.split(at, plain(v))) for v in mine)[
            len(mine) // 2
        ]  # more fields than parts: some are in one
        least = min(len(good), room) + sure
        if (found := _glued(name, mine, placed, told, shared, packed, values, least)) is not None:
            rules.setdefault("rewrite", []).extend(found)
            continue
        if good and set(good) <= OF_EMPLOYERS:  # one about the employer told, fewer values tell the other
            more = fields_inside(mine, at, taken, values, OTHER)
            good += [f for f in more if f in OF_EMPLOYERS and f not in good]
        if len(good) > 1 or (good and (name not in placed or name in told)):
            placed = {n: f for n, f in placed.items() if n == name or f not in good}
            home = placed[name] if placed.get(name) in good else good[0]
            placed[name] = home
            told.add(name)
            rule = {"from": [home], "separator": at, "into": _steps(good, values, packed)}
            if set(good) <= OF_EMPLOYERS and "industry" not in taken:
                if sum(bool(re.search(packed.stage, v)) for v in mine) * 5 >= len(mine):
                    at = rule["separator"] = f"{at}|{packed.stage}"
                rule.update(_left(mine, at, good, values, "tags" not in placed.values()))
            elif "tags" not in placed.values() and _words(mine, packed):
                rule["rest"] = "tags"
            rules.setdefault("split", []).append(rule)
    for name, target in placed.items():
        mine = cells[name]
        if not mine or target == "ignore":
            continue
        if target == "description":
            if sum(bool(packed.list.search(v)) for v in mine) * 2 >= len(mine):
                rules.setdefault("unwrap", []).append({"columns": [name], "separator": "\n"})
            elif sum(v.count("|") >= MARKS and "\n" not in v for v in mine) * 2 >= len(mine):
                rules.setdefault("rewrite", []).append({"field": target, "pattern": r"\|", "replace": "\n"})
            continue
        names = {"company": (packed.company_tail,), "title": (packed.page_title, packed.title_below)}.get(target, ())
        for tail in names:
            if sum(bool(re.search(tail, v)) for v in mine) * 5 >= len(mine) * 4:
                rules.setdefault("rewrite", []).append({"field": target, "pattern": tail, "replace": "$1"})
        if names and any(re.search(packed.highlight, v) for v in mine):
            rules.setdefault("rewrite", []).append(
                {"field": target, "pattern": packed.highlight, "replace": "$1$2$3$4$5"}
            )
        for bounds in packed.pay_bounds if target == "pay" else ():
            if any(re.search(bounds["pattern"], v) for v in mine):
                rules.setdefault("rewrite", []).append({"field": "pay", **bounds})
        if target == "education" and any(re.search(packed.preferred, v) for v in mine):
            rules.setdefault("rewrite", []).append({"field": target, "pattern": packed.preferred, "replace": ""})
        if target != "tags" and sum(bool(re.search(packed.edges, v)) for v in mine) * 2 >= len(mine):
            rules.setdefault("rewrite", []).append({"field": target, "pattern": packed.edges_around, "replace": "$1"})
        if target != "tags" and sum(bool(packed.markup.search(v)) for v in mine) * 2 >= len(mine):
            rules.setdefault("rewrite", []).append({"field": target, "pattern": packed.markup_around, "replace": "$1"})
        if target != "url" and sum(bool(re.search(packed.link, v)) for v in mine) * 2 >= len(mine):
            rules.setdefault("rewrite", []).append({"field": target, "pattern": packed.link, "replace": "$1$2"})
        if target in DATES and (order := date_order(target, mine, packed)) is not None:
            rules.setdefault("rewrite", []).append(order)
        if target == "tags" and sum(bool(packed.items.search(v)) for v in mine) * 2 >= len(mine):
            rules.setdefault("unwrap", []).append({"columns": [name], "item": packed.items.pattern})
        elif sum(bool(re.search(packed.object, v)) for v in mine) * 5 >= len(mine) * 4:
            rules.setdefault("rewrite", []).append({"field": target, "pattern": packed.object, "replace": "$1"})
        elif sum(bool(packed.list.search(v)) for v in mine) * 2 >= len(mine):
            rules.setdefault("unwrap", []).append({"columns": [name]})
    title = _column("title", placed, cells)
    known = {*placed.values(), *(i["field"] for r in rules.get("split", ()) for i in r["into"])}
    if title and not {"pay", *PAY_PARTS} & known:
        ends = packed.title_pay
        if sum(bool(re.search(ends, v)) for v in title) * 2 >= len(title):
            shared["pay"] = next(n for n, f in placed.items() if f == "title")
            rules.setdefault("rewrite", []).insert(0, {"field": "pay", "pattern": f"{ends}|^.*$", "replace": "$2"})
            rules["rewrite"].insert(1, {"field": "title", "pattern": ends, "replace": "$1"})
    return placed, frozenset(told), rules, shared


def _words(mine: list[str], packed: Packed) -> bool:
    """Written-out lists of short items, however many they are."""
    items = [i for v in mine for i in plain(v).split("|")]
    return sum(bool(packed.list.search(v)) for v in mine) * 2 >= len(mine) and median(items) <= SHORT_TEXT


def _left(mine: list[str], at: str, good: list[str], values: Values, free: bool) -> dict[str, str]:
    """Where the parts about an employer go that are none of `good`: the last is the industry, where most look like one."""
    own = [re.compile(values.pattern(f)) for f in good]
    left = [[p for p in re.split(at, plain(v)) if p.strip() and not any(o.search(p) for o in own)] for v in mine]
    ends = [p[-1] for p in left if p]
    if (values.share("industry", ends) or 0.0) < INDUSTRIES:
        return {}
    return {"last": "industry"} | ({"rest": "tags"} if free and any(len(p) > 1 for p in left) else {})


def _glued(
    name: str,
    mine: list[str],
    placed: dict[str, str],
    told: set[str],
    shared: dict[str, str],
    packed: Packed,
    values: Values,
    least: int,
) -> list[dict[str, Any]] | None:
    """Rewrites for a column most of whose values are several fields in one, at least `least`; it and what it shares are noted."""
    for fields, pattern in packed.glued:
        own = placed.get(name)
        if (
            len(fields) < least
            or (own is not None and own not in fields and name not in told)
            or 5 * sum(bool(re.match(pattern, v)) for v in mine) < 3 * len(mine)
        ):
            continue
        others = {f for n, f in placed.items() if n != name} | set(shared)
        free = [f for f in fields if f not in others]
        if fields[0] == "company" and not _has_employers(mine, pattern, free, own, values):
            continue
        if "title" in fields and not _has_titles(mine, pattern, fields, free, own, values):
            continue
        told_apart = "city" in fields and ("city" in free or "title" in fields)  # what is no town belongs to the title
        towns = [m[1 + fields.index("city")] for m in (re.match(pattern, v) for v in mine) if m] if told_apart else []
        if not free or (towns and (values.share("city", towns) or 0.0) < 0.6):
            continue
        home = own if own in free else free[0]
        placed[name] = home
        told.add(name)
        shared.update({f: name for f in free if f != home})
        rest = {f: "" if f == home else r"|(?s:^.*$)" for f in free}  # what does not fit is the home's alone
        return [{"field": f, "pattern": pattern + rest[f], "replace": f"${1 + fields.index(f)}"} for f in free]
    return None


def _has_employers(mine: list[str], pattern: str, free: list[str], own: str | None, values: Values) -> bool:
    """What stands first are names of employers, which no other column has."""
    names = [m[1] for m in (re.match(pattern, v) for v in mine) if m]
    return "company" in free and (own == "company" or (values.share("company", names) or 0.0) >= 0.5)


def _has_titles(
    mine: list[str], pattern: str, fields: tuple[str, ...], free: list[str], own: str | None, values: Values
) -> bool:
    """The title may come from this column, as its header or what stands there says; a place alone may stand without it."""
    if "title" not in free or ("company" in fields and "company" not in free):
        return False
    titles = [m[1 + fields.index("title")] for m in (re.match(pattern, v) for v in mine) if m]
    return own == "title" or (values.share("title", titles) or 0.0) >= 0.4


def date_order(target: str, mine: list[str], packed: Packed) -> dict[str, Any] | None:
    """The rule that reads 05/01/2024 in a column whose other values tell whether the day or the month stands first."""
    told = re.compile(packed.either_order["told"])
    numbers = [(int(m[1]), int(m[2])) for m in map(told.match, mine) if m]
    day_first, month_first = any(a > 12 for a, _ in numbers), any(b > 12 for _, b in numbers)
    if day_first == month_first:
        return None
    replace = packed.either_order["day_first" if day_first else "month_first"]
    return {"field": target, "pattern": packed.either_order["pattern"], "replace": replace}


def _steps(good: list[str], values: Values, packed: Packed) -> list[dict[str, str]]:
    """Field and pattern, in the order in which the parts are given away."""
    open_ = [f for f in good if f in packed.bare]
    own = {f: "." if f == "title" else values.pattern(f) for f in good}  # a title is what nothing else is
    if len(open_) < 2:
        return [{"field": f, "pattern": own[f]} for f in good]
    good = sorted(good, key=lambda f: f == "title")
    first = [{"field": f, "pattern": packed.bare.get(f, own[f])} for f in good]
    return [*first, *({"field": f, "pattern": packed.bare["pattern"]} for f in open_)]


def _always(placed: dict[str, str], packed: Packed) -> dict[str, list[dict[str, Any]]]:
    """Rules for every table: words that programs write for nothing, names of boards, written units of pay."""
    rules: dict[str, list[dict[str, Any]]] = {"nulls": [{"values": list(packed.nulls)}]}
    if {"pay", "pay_months"} <= set(placed.values()):
        rules["rewrite"] = [dict(r) for r in packed.months_behind]
    if "board" in placed.values():
        rules["recode"] = [{"field": "board", "values": packed.boards}]
    if "pay_unit" in placed.values():
        rules["hints"] = [
            {"field": "pay_unit_hint", "pattern": pattern, "set": {"pay_unit_hint": unit}}
            for pattern, unit in packed.units
        ]
    own = next((n for n, f in placed.items() if f == "experience"), "")
    if re.search(packed.exp_months["header"], own):
        rules.setdefault("rewrite", []).append(
            {"field": "experience", **{k: packed.exp_months[k] for k in ("pattern", "replace")}}
        )
    return rules


def _weak(target: str, mine: list[str], values: Values) -> bool:
    """A column that its header placed and hardly a value speaks for (codes of the board)."""
    if target not in PACKED:
        return False
    share = values.share(target, mine) if mine else 0.0
    return share is not None and share < 0.2


def constants_of(placed: dict[str, str], cells: dict[str, list[str]], packed: Packed) -> dict[str, Any]:
    """What a whole column tells: unit and scale of pay, the board, a board of traditional characters."""
    out: dict[str, Any] = {}
    pay = next((n for n, f in placed.items() if f in ("pay", "pay_min")), "")
    bounds = [v for n, f in placed.items() if n == pay or f == "pay_max" for v in cells[n]]
    for pattern, hint, value in packed.hints:
        if pattern.search(pay):
            out.setdefault(hint, value)
    if (
        pay
        and out.get("pay_unit_hint", "month") == "month"
        and "pay_scale_hint" not in out
        and _paid_by_month(_column("pay_unit", placed, cells), packed)
        and _in_thousands(bounds, packed.small_pay, 1 if "pay_unit_hint" in out else SMALL_ROWS)
    ):
        out = {"pay_unit_hint": "month", **out, "pay_scale_hint": 1000}
    urls = _column("url", placed, cells)
    if "board" not in placed.values() and (
        board := board_of(cells, placed, packed) or ("" if urls else _marked(cells, packed))
    ):
        out["board"] = board
        if board in packed.owners and "company" not in placed.values():
            out["company"] = packed.owners[board]
    title = _column("title", placed, cells)
    headers = sum(bool(packed.traditional.search(n)) for n in cells)
    mainland = sum(bool(packed.simplified.search(v)) for v in title) * 3 >= max(len(title), 3)
    if (headers > 1 and not mainland) or sum(bool(packed.traditional.search(v)) for v in title) * 2 > max(
        len(title), 3
    ):
        out["language_hint"] = "zh_hant"
    return out


def _column(target: str, placed: dict[str, str], cells: dict[str, list[str]]) -> list[str]:
    """Values of the column that is placed as `target`."""
    return next((cells[n] for n, f in placed.items() if f == target), [])


def board_of(cells: dict[str, list[str]], placed: dict[str, str], packed: Packed) -> str | None:
    """The board that four of five addresses of the ads belong to; paths without a host say nothing."""
    urls = [u for u in _column("url", placed, cells) if not re.match(r"/(?!/)", u)]
    found = Counter(
        b
        for u in urls
        for h, b in packed.hosts.items()
        if h in u and re.search(rf"(?://|^)(?:[\w-]+\.)*{re.escape(h)}(?:[/:?]|$)", u)
    )
    board, n = found.most_common(1)[0] if found else ("", 0)
    return board if n * 5 >= len(urls) * 4 and n else None


def _marked(names: Iterable[str], packed: Packed) -> str:
    """The board whose own names of fields a table has."""
    found = {packed.marks[k] for n in names if (k := normal(n.rpartition(".")[2])) in packed.marks}
    return found.pop() if len(found) == 1 else ""


def _paid_by_month(units: list[str], packed: Packed) -> bool:
    """No column of units, or one that names the month more often than not."""
    named = [next((u for p, u in packed.units if re.search(p, v)), "") for v in units]
    return 2 * named.count("month") >= len(named)


def _in_thousands(mine: list[str], small: re.Pattern[str], least: int) -> bool:
    """A whole column of small bare numbers (15, 15-25, 22.5), `least` or more, is pay in thousand yuan a month."""
    return len(mine) >= least and sum(bool(small.fullmatch(v.strip())) for v in mine) * 10 >= len(mine) * 9


def fields_inside(mine: list[str], split: str, taken: set[str], values: Values, wanted: float = 0.7) -> list[str]:
    """Fields that parts of most values look like, where most values have several parts."""
    parts = [[p.strip() for p in re.split(split, plain(v)) if p.strip()] for v in mine]
    several = [p for p in parts if len(p) > 1]
    if len(several) * 5 < len(parts) * 3:
        return []
    out: list[str] = []
    for target in (*PACKED, "title"):
        if target == "title" and ("title" in taken or len(out) < 2):
            continue
        pattern = re.compile(values.pattern(target))
        if target not in taken and sum(any(map(pattern.search, p)) for p in several) >= wanted * len(several):
            out.append(target)
    return out


def median(mine: list[str]) -> int:
    """Median length of values, blanks in a row counted as one."""
    return sorted(len(" ".join(v.split())) for v in mine)[len(mine) // 2]


def plain(value: str) -> str:
    """A written-out list as its items joined with '|', as the mapping will see it."""
    if not value.lstrip().startswith("["):
        return value
    return written_out(value).strip(" []'\"").replace("', '", "|").replace('", "', "|")
