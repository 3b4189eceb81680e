"""Columns that hold more than one value: several fields, lists, objects, pay behind the title."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from gangwei.mapping.counties import cities_with
from gangwei.mapping.packed import PAY_PARTS, Packed, column, median, plain
from gangwei.mapping.values import Values

MOST_SURE = 3  # more fields than these may stand in longer values
DATES = ("posted", "captured")
MARKS = 2
DAYS = 4  # of one month, which tell it from the day
BOUNDS = re.compile(r"^[\d.\s]*(?:\|[\d.\s]*)+$")
"""Bounds of pay and months, joined: the mark at either end is an empty part (8000|12000|, ||12)."""
OF_EMPLOYERS = {"company_size", "company_nature"}
PACKED = (
    "company", "city", "pay", "experience", "education", "company_size", "company_nature", "headcount", "posted", "employment_type",
)  # fmt: skip


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
    cut = values.cut
    placed, told = dict(placed), set(by_value)
    rules = _always(placed, packed)
    shared: dict[str, str] = {}
    for name, mine in cells.items():
        if (
            not mine
            or placed.get(name) == "ignore"
            or (median(mine) > cut.long_text and not _words(mine, values, packed))
        ):
            continue
        taken = {f for n, f in placed.items() if n != name and not _weak(f, cells[n], values)}
        at, good = packed.split, fields_inside(mine, packed.split, taken, values)
        sure = len(good) > 1
        fits = name in placed and name not in told and values.like(placed[name], mine) >= cut.clear
        if not sure and not fits:
            tries = [(p, fields_inside(mine, p, taken, values)) for p in packed.other_splits]
            best = max(tries, key=lambda t: len(t[1]))
            least = 1 if median(mine) <= cut.short_text else MOST_SURE
            at, good = best if len(best[1]) > max(least, len(good)) else (at, good)
        room = sorted(len(re.split(at, plain(v))) for v in mine)[
            len(mine) // 2
        ]  # more fields than parts: some are in one
        least = min(len(good), room) + sure
        if (found := _glued(name, mine, placed, told, shared, packed, values, least)) is not None:
            rules.setdefault("rewrite", []).extend(found)
            continue
        if good and set(good) <= OF_EMPLOYERS:  # one about the employer told, fewer values tell the other
            more = fields_inside(mine, at, taken, values, cut.some)
            good += [f for f in more if f in OF_EMPLOYERS and f not in good]
        if len(good) > 1 or (good and (name not in placed or name in told)):
            placed = {n: f for n, f in placed.items() if n == name or f not in good}
            home = placed[name] if placed.get(name) in good else good[0]
            placed[name] = home
            told.add(name)
            rule = {"from": [home], "separator": at, "into": _steps(good, values, packed)}
            if order := _order(mine, at, good, values):
                rule["order"] = order
            if set(good) <= OF_EMPLOYERS and "industry" not in taken:
                at = rule["separator"] = f"{at}|{packed.stage}" if _many(packed.stage, mine, 1, 5) else at
                rule |= _left(mine, at, good, values, "tags" not in placed.values())
                rule |= {} if "company" in taken else _first(name, mine, at, good, values, packed)
            elif "tags" not in placed.values() and _words(mine, values, packed):
                rule["rest"] = "tags"
            rules.setdefault("split", []).append(rule)
    for name, target in placed.items():
        for kind, rule in (
            _written(name, target, cells[name], values, packed) if cells[name] and target != "ignore" else ()
        ):
            rules.setdefault(kind, []).append(rule)
    known = {*placed.values(), *(i["field"] for r in rules.get("split", ()) for i in r["into"])}
    title = next((n for n, f in placed.items() if f == "title"), None)
    if (
        title is not None
        and not {"pay", *PAY_PARTS} & known
        and _many(packed.title_pay, column("title", placed, cells))
    ):
        shared["pay"] = title
        pay, rest = ("pay", f"{packed.title_pay}|^.*$", "$2"), ("title", packed.title_pay, "$1")
        behind = [dict(zip(("field", "pattern", "replace"), rule)) for rule in (pay, rest)]
        rules["rewrite"] = [*behind, *rules.get("rewrite", ())]
    return placed, frozenset(told), rules, shared


def _many(pattern: str | re.Pattern[str], mine: list[str], part: int = 1, whole: int = 2) -> bool:
    """The pattern is found in at least `part` of `whole` of the values, and there are some."""
    return bool(mine) and whole * sum(bool(re.search(pattern, v)) for v in mine) >= part * len(mine)


def _written(
    name: str, target: str, mine: list[str], values: Values, packed: Packed
) -> Iterator[tuple[str, dict[str, Any]]]:
    """(kind, rule) for what programs and pages write around or between the values of one field."""

    def rewrite(pattern: str, replace: str, field: str = target) -> tuple[str, dict[str, Any]]:
        return "rewrite", {"field": field, "pattern": pattern, "replace": replace}

    if target != "source_key" and _many(packed.formula, mine):
        part = target in PAY_PARTS
        yield rewrite(packed.formula_within if part else packed.formula, "$1", "pay" if part else target)
    if target == "description":
        if _many(packed.list, mine):
            yield "unwrap", {"columns": [name], "separator": "\n"}
        elif 2 * sum(v.count("|") >= MARKS and "\n" not in v for v in mine) >= len(mine):
            yield "rewrite", {"field": target, "pattern": r"\|", "replace": "\n", "all": True}
        return
    if target == "title" and _headed(mine, values, packed):
        yield rewrite(packed.title_head, "$1")
    around_titles = (packed.page_title, packed.title_below, packed.title_place)
    tails = {"company": (packed.company_tail,), "title": around_titles}.get(target, ())
    yield from (rewrite(tail, "$1") for tail in tails if _many(tail, mine, 4, 5))
    if tails and any(re.search(packed.highlight, v) for v in mine):
        yield rewrite(packed.highlight, "$1$2$3$4$5")
    for bounds in packed.pay_bounds if target == "pay" else ():
        if any(re.search(bounds["pattern"], v) for v in mine):
            yield "rewrite", {"field": "pay", **bounds}
    if target == "education" and any(re.search(packed.preferred, v) for v in mine):
        yield rewrite(packed.preferred, "")
    if target != "tags" and _many(packed.edges, [v for v in mine if target != "pay" or not BOUNDS.match(v)]):
        yield rewrite(packed.edges_around, "$1")
    if target != "tags" and _many(packed.markup, mine):
        yield rewrite(packed.markup_around, "$1")
    if target != "url" and _many(packed.link, mine):
        yield rewrite(packed.link, "$1$2")
    if target in DATES and (order := date_order(target, mine, packed)) is not None:
        yield "rewrite", order
    if target == "tags" and _many(packed.items, mine):
        yield "unwrap", {"columns": [name], "item": packed.items.pattern}
    elif _many(packed.object, mine, 4, 5):
        yield rewrite(packed.object, "$1")
    elif _many(packed.list, mine):
        yield "unwrap", {"columns": [name]}


def _headed(mine: list[str], values: Values, packed: Packed) -> bool:
    """Every title begins with the word of the page before it (招聘会计), hardly one with that of a trade (招聘专员)."""
    jobs = [m[1] for m in (re.match(packed.title_head, v) for v in mine) if m]
    return (
        len(set(jobs)) >= values.cut.few_values
        and len(jobs) == len(mine)
        and sum(map(bool, map(packed.hiring.match, jobs))) / len(jobs) <= values.cut.weak
    )


def _words(mine: list[str], values: Values, packed: Packed) -> bool:
    """Written-out lists of short items, however many they are."""
    items = [i for v in mine for i in plain(v).split("|")]
    return sum(bool(packed.list.search(v)) for v in mine) * 2 >= len(mine) and median(items) <= values.cut.short_text


def _left(mine: list[str], at: str, good: list[str], values: Values, free: bool) -> dict[str, str]:
    """Where the parts about an employer go that are none of `good`: the last is the industry, where most look like one."""
    own = [re.compile(values.pattern(f)) for f in good]
    left = [[p for p in re.split(at, plain(v)) if p.strip() and not any(o.search(p) for o in own)] for v in mine]
    ends = [p[-1] for p in left if p]
    if values.like("industry", ends) < values.cut.few:
        return {}
    return {"last": "industry"} | ({"rest": "tags"} if free and any(len(p) > 1 for p in left) else {})


def _first(name: str, mine: list[str], at: str, good: list[str], values: Values, packed: Packed) -> dict[str, str]:
    """Under the header of the employer its name stands before what is said of it, where each value begins with a short name of its
    own and something else is left behind it."""
    own = [re.compile(values.pattern(f)) for f in good]
    left = [[p for p in re.split(at, plain(v)) if p.strip() and not any(o.search(p) for o in own)] for v in mine]
    firsts, cut = [p[0].strip() for p in left if len(p) > 1], values.cut
    named = sum(bool(packed.short_name.search(f)) for f in firsts)
    asked = values.tells.of_employers.search(name) is not None and len(firsts) >= cut.few_values
    varied = 2 * len(set(firsts)) > len(firsts) and values.like("industry", firsts) < cut.few
    return {"first": "company"} if asked and varied and named >= cut.nearly_all * len(mine) else {}


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
            or sum(bool(re.match(pattern, v)) for v in mine) / len(mine) < values.cut.clear
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
        if not free or (towns and values.like("city", towns) < values.cut.clear):
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
    return "company" in free and (own == "company" or values.like("company", names) >= values.cut.half)


def _has_titles(
    mine: list[str], pattern: str, fields: tuple[str, ...], free: list[str], own: str | None, values: Values
) -> bool:
    """The title may come from this column, as its header or what stands there says. A place behind it stays with the title where
    another column tells the place."""
    if (
        "title" not in free
        or ("company" in fields and "company" not in free)
        or (free == [own] and fields == ("title", "city"))
    ):
        return False
    titles = [m[1 + fields.index("title")] for m in (re.match(pattern, v) for v in mine) if m]
    if "district" in fields:  # as many heads again are counties or towns, not departments or kinds of contract
        heads = [m[1] for m in (re.match(pattern, v) for v in mine) if m]
        places = sum(h in values.towns or bool(cities_with(h, values.counties)) for h in heads)
        return 2 * places >= len(heads) and values.like("title", titles) >= values.cut.some
    return own == "title" or values.like("title", titles) >= values.cut.some


def date_order(target: str, mine: list[str], packed: Packed) -> dict[str, Any] | None:
    """The rule that reads 05/01/2024 in a column whose other values tell whether the day or the month stands first."""
    for order in packed.either_order:
        numbers = [tuple(map(int, m.groups())) for v in mine if (m := re.match(order["told"], v))]
        firsts, seconds, years = ({n[i] for n in numbers} for i in range(3))
        day_first, month_first = any(a > 12 for a in firsts), any(b > 12 for b in seconds)
        if not day_first and not month_first and len(years) == 1:
            day_first, month_first = _one_month(seconds, firsts), _one_month(firsts, seconds)
        replace = order.get("day_first" if day_first else "month_first")
        if day_first != month_first and replace:
            return {"field": target, "pattern": order["pattern"], "replace": replace}
    return None


def _one_month(months: set[int], days: set[int]) -> bool:
    """One month on several days rather than one day of several months, as the first day may be."""
    return len(months) == 1 and months != {1} and len(days) >= DAYS


def _steps(good: list[str], values: Values, packed: Packed) -> list[dict[str, str]]:
    """Field and pattern, in the order in which the parts are given away."""
    open_ = [f for f in good if f in packed.bare]
    own = {f: "." if f == "title" else values.pattern(f) for f in good}  # a title is what nothing else is
    if len(open_) < 2:
        return [{"field": f, "pattern": own[f]} for f in good]
    good = sorted(good, key=lambda f: f == "title")
    first = [{"field": f, "pattern": packed.bare.get(f, own[f])} for f in good]
    return [*first, *({"field": f, "pattern": packed.bare["pattern"]} for f in open_)]


def _order(mine: list[str], at: str, good: list[str], values: Values) -> list[str] | None:
    """The fields in the order in which nearly all values have them, the title where nothing else stands; None without one."""
    rows = [[p.strip() for p in re.split(at, plain(v)) if p.strip()] for v in mine]
    whole = [r for r in rows if len(r) == len(good)]
    cuts = values.cut
    if "title" not in good or min(len(good), len(whole)) < cuts.few_values or len(whole) < cuts.nearly_all * len(rows):
        return None
    order = ["title"] * len(good)
    for field in (f for f in good if f != "title"):
        pattern = re.compile(values.pattern(field))
        found = [sum(bool(pattern.search(r[i])) for r in whole) for i in range(len(good))]
        best = found.index(max(found))
        if order[best] != "title" or found[best] < cuts.clear * len(whole):
            return None
        order[best] = field
    return order


def _always(placed: dict[str, str], packed: Packed) -> dict[str, list[dict[str, Any]]]:
    """Rules for every table: words that programs write for nothing, names of boards, written units of pay."""
    rules: dict[str, list[dict[str, Any]]] = {"nulls": [dict(r) for r in packed.null_rules]}
    if {"pay", "pay_months"} <= set(placed.values()):
        rules["rewrite"] = [dict(r) for r in packed.months_behind]
    if "board" in placed.values():
        rules["recode"] = [{"field": "board", "boards": packed.boards}]
    if "pay_unit" in placed.values():
        rules["hints"] = [
            {"field": "pay_unit_hint", "pattern": pattern, "set": {"pay_unit_hint": unit}}
            for pattern, unit in packed.units
        ]
        rules["hints"] += [
            {"field": "pay_unit_hint", "pattern": pattern, "set": {"pay_scale_hint": scale}}
            for pattern, scale in packed.unit_scales
        ]
    own = next((n for n, f in placed.items() if f == "experience"), "")
    if rule := next((r for r in packed.exp_headers if re.search(r["header"], own)), None):
        rules.setdefault("rewrite", []).append({"field": "experience", **{k: rule[k] for k in ("pattern", "replace")}})
    return rules


def _weak(target: str, mine: list[str], values: Values) -> bool:
    """A column that its header placed and hardly a value speaks for (codes of the board)."""
    if target not in PACKED:
        return False
    share = values.share(target, mine) if mine else 0.0
    return share is not None and share < values.cut.weak


def fields_inside(
    mine: list[str], split: str, taken: set[str], values: Values, wanted: float | None = None
) -> list[str]:
    """Fields that parts of most values look like, where most values have several parts."""
    parts = [[p.strip() for p in re.split(split, plain(v)) if p.strip()] for v in mine]
    several = [p for p in parts if len(p) > 1]
    wanted = values.cut.usual if wanted is None else wanted
    if not parts or len(several) / len(parts) < values.cut.clear:
        return []
    out: list[str] = []
    for target in (*PACKED, "title"):
        if target == "title" and ("title" in taken or len(out) < 2):
            continue
        pattern = re.compile(values.pattern(target))
        if target not in taken and sum(any(map(pattern.search, p)) for p in several) >= wanted * len(several):
            out.append(target)
    return out
