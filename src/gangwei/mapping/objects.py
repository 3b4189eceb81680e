"""Columns of written-out objects ({'name': '某某公司', 'size': '100人'}) or labelled facts (月薪：8-10k|经验：3-5年|学历：本科, also with
blanks between them): their keys are read like columns of their own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from gangwei.mapping.packed import median, plain

OBJECT = re.compile(r"(?s)^\s*\{\s*['\"].*\}\s*$")
PAIR = re.compile(r"""['"](\w+)['"]\s*:\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|(-?\d+(?:\.\d+)?))""")
VALUE = r"""\s*:\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|(-?[\d.]+))"""
TEXT = 20  # characters
LABEL = r"[^\W\d_a-zA-Z]{2,8}\s*[:：]"
LABELLED = re.compile(r"(?:^|\|)\s*([^\W\d_a-zA-Z]{2,8})\s*[:：]\s*([^|]*[^|\s])")
BLANKS = re.compile(rf"(?<!\s)\s+(?={LABEL})")
PART = re.compile(r"[^|]+")
LONG, SHORT, FEW = 10_000, 24, 3
BOUNDS = ("pay_min", "pay_max")
YEARS = ("experience", "experience_max")


class Key(NamedTuple):
    """A key within a column, its values, and whether nothing but labels stands between the facts of the column."""

    column: str
    key: str
    held: list[str]
    close: bool


def keys_of(names: Sequence[str], cells: dict[str, list[str]], labels: str) -> dict[str, Key]:
    """'column.key' to the column, the key and its values, for columns of which four of five values are objects or short facts.

    Args:
        labels: words before facts that tell them apart where nothing else stands between them (地点：北京经验：1-3年).
    """
    out: dict[str, Key] = {}
    for name in names:
        mine = cells[name]
        if not mine or median(mine) > LONG:
            continue
        found: dict[str, list[str]] = {}
        pairs, close = _pairs(mine), False
        if not pairs:
            pairs, close = _pairs(mine, re.compile(rf"({labels})(?=\s*[:：])")), True
        for key, *parts in pairs:
            found.setdefault(key, []).extend(p for p in parts if p.strip())
        out |= {f"{name}.{key}": Key(name, key, held, close) for key, held in found.items() if held}
    return out


def _pairs(mine: list[str], label: re.Pattern[str] | None = None) -> list[tuple[str, ...]]:
    """Key and value (one of several groups), where four of five values are objects or most parts of them are labelled, with a
    `label` also parts with nothing before it."""
    objects = [v for v in mine if OBJECT.match(v)]
    if 5 * len(objects) >= 4 * len(mine):
        return [p for v in objects for p in PAIR.findall(v)]
    parts = [BLANKS.sub("|", plain(v)) for v in mine]
    if label:  # a text with labels somewhere in it is none of facts
        parts = [label.sub(r"|\1", p) if label.match(p.lstrip()) else "" for p in parts]
    facts = [LABELLED.findall(v) for v in parts]
    several = sum(len(f) >= FEW and len(f) * 2 > len(PART.findall(v)) for f, v in zip(facts, parts))
    pairs = [p for f in facts for p in f] if 5 * several >= 4 * len(mine) else []
    return pairs if pairs and median([value for _, value in pairs]) <= SHORT else []


def rules_of(placed: dict[str, str], keys: dict[str, Key], labels: str) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Field to the column that it is read from, and the rewrites that take it out of the object.

    Args:
        placed: 'column.key' to field. keys, labels: as `keys_of` gives and takes them.
    """
    longest = sorted(
        placed, key=lambda n: median(keys[n][2]) if placed[n] == "description" else 0
    )  # of several texts the last counts
    at = {f: keys[n] for f, n in ((placed[n], n) for n in longest)}
    shared: dict[str, str] = {}
    rewrites: list[dict[str, Any]] = []
    if set(BOUNDS) <= set(at) and at["pay_min"][0] == at["pay_max"][0]:
        column = shared["pay"] = at["pay_min"][0]
        low, high = (rf"['\"]{re.escape(at[b][1])}['\"]{VALUE}" for b in BOUNDS)
        rewrites.append({"field": "pay", "pattern": f"(?s)^.*?{low}.*?{high}.*$|^.*$", "replace": "$1$2$3|$4$5$6|"})
        at = {f: v for f, v in at.items() if f != "pay" or v[0] != column}
    if set(YEARS) <= set(at) and at["experience"][0] == at["experience_max"][0]:
        shared["experience"] = at["experience"][0]
        rewrites += _years(at["experience"][1], at["experience_max"][1])
        at = {f: v for f, v in at.items() if f not in YEARS}
    for target, (column, key, held, together) in at.items():
        if target in ("ignore", "source_key", "province", "experience_max", "tags") or target.startswith("pay_"):
            continue
        if target == "description" and median(held) <= TEXT:
            continue
        shared[target] = column
        own = re.escape(key)
        fact = rf"^(?:.*[|\s])?{own}\s*[:：]\s*([^|]*?)(?:\s+{LABEL}.*|\|.*)?$"
        close = rf"^.*?{own}\s*[:：]\s*((?:[^|:：]|\d[:：]\d)*?)\s*(?:(?:{labels})\s*[:：].*)?$"
        plain_facts = "" if own.isascii() else f"|{close}|{fact}" if together else f"|{fact}"
        pattern = rf"(?s)['\"]{own}['\"]{VALUE}{plain_facts}"
        rewrites.append({"field": target, "pattern": pattern, "take": True})
    return shared, rewrites


def _years(least: str, most: str) -> list[dict[str, Any]]:
    """Rewrites of an object of years, of which the upper bound may be missing ({'from': 3, 'to': None}), to a range or one number."""
    low, high = (rf"['\"]{re.escape(k)}['\"]{VALUE}" for k in (least, most))
    whole = rf"(?s)^.*?{low}.*?{high}.*$|^.*?{low}.*$|^.*$"
    rules = ((whole, "$1$2$3$7$8$9-$4$5$6"), (r"^([\d.]*)-$", "$1"))
    return [{"field": "experience", "pattern": pattern, "replace": replace} for pattern, replace in rules]
