"""Rules for a sub-source that its definition does not know, from its first values: the wrong character set, written-out
lists, words for nothing, several fields in one, pay behind the title, amounts in thousands."""

from __future__ import annotations

import re
from typing import Any

import polars as pl

from gangwei.formats import charset
from gangwei.mapping.guess import Knowledge
from gangwei.mapping.packed import median
from gangwei.mapping.source import BYTE_FOR_BYTE, TEXT_FIELDS
from gangwei.mapping.unpacking import DATES, date_order, fields_inside

ROWS = 600
FEW = 5
INNER = ("tags", "industry", "experience", "education", "company_size", "company_nature")
TAKEN = ("company_size", "company_nature", "headcount", "education", "experience")
SHORT = 120


def learn(sub: str, rows: pl.DataFrame, know: Knowledge) -> dict[str, list[dict[str, Any]]]:
    """Rules of a source by kind, each for `sub` alone.

    Args:
        rows: rows of the sub-source, one column a field, as the definition maps them.
    """
    packed = know.packed
    fields = [f for f in TEXT_FIELDS if f in rows.columns]
    sample = rows.select(fields).gather_every(max(1, rows.height // ROWS))
    rules: dict[str, list[dict[str, Any]]] = {"nulls": [{"values": list(packed.nulls)}]}
    repaired = [f for f in fields if f not in BYTE_FOR_BYTE]
    titles: list[str] = sample["title"].drop_nulls().to_list() if "title" in fields else []
    garbled = [v for v in titles if charset.SUSPECT.search(v) and not charset.HAN.search(v)]
    if len(garbled) > FEW and sum(charset.repair_text(v) != v for v in garbled) * 10 >= 9 * len(garbled):
        rules["mojibake"] = [{"fields": repaired}]
        sample = sample.with_columns(charset.repair_series(sample[f]) for f in repaired)
    cells = {f: [v for v in sample[f].drop_nulls() if v not in packed.nulls] for f in fields}
    cells = {f: mine for f, mine in cells.items() if mine}
    lists = [f for f, mine in cells.items() if f not in BYTE_FOR_BYTE and _most(packed.list, mine)]
    objects = [f for f, mine in cells.items() if f not in BYTE_FOR_BYTE and _most(packed.items, mine)]
    rules["unwrap"] = [{"fields": [f], "item": packed.items.pattern} for f in objects]
    if plain := [f for f in lists if f not in objects]:
        rules["unwrap"].append({"fields": plain})
    rules["split"] = _splits(cells, know)
    title, pay = cells.get("title", []), cells.get("pay", [])
    if _most(re.compile(packed.title_pay), title):
        whole = [] if pay else [{"field": "pay", "pattern": f"{packed.title_pay}|^.*$", "replace": "$2"}]
        rules["rewrite"] = [*whole, {"field": "title", "pattern": packed.title_pay, "replace": "$1"}]
    orders = [date_order(f, cells[f], packed) for f in DATES if f in cells]
    rules["rewrite"] = [*rules.get("rewrite", []), *(o for o in orders if o is not None)]
    small = sum(bool(packed.small_pay.fullmatch(v)) for v in pay)
    if small * 5 >= len(pay) > 0 and sum(
        bool(packed.small_pay.fullmatch(v)) or "k" in v.lower() for v in pay
    ) * 10 >= 9 * len(pay):
        pattern = f"^(?:{packed.small_pay.pattern})$"
        rules["hints"] = [
            {"field": "pay", "pattern": pattern, "set": {"pay_scale_hint": 1000, "pay_unit_hint": "month"}}
        ]
    return {kind: [{"subs": [sub], **rule} for rule in found] for kind, found in rules.items()}


def _splits(cells: dict[str, list[str]], know: Knowledge) -> list[dict[str, Any]]:
    """Fields that stand within another and have no column of their own."""
    out = []
    free = [f for f in TAKEN if f not in cells]
    for field in INNER:
        mine = cells.get(field, [])
        if not mine or median(mine) > SHORT:
            continue
        found = [f for f in fields_inside(mine, know.packed.split, set(TAKEN) - set(free), know.values) if f in free]
        if found:
            into = [{"field": f, "pattern": know.values.pattern(f)} for f in found]
            out.append({"from": [field], "separator": know.packed.split, "into": into, "rest": field})
            free = [f for f in free if f not in found]
    return out


def _most(pattern: re.Pattern[str], mine: list[str]) -> bool:
    return 2 * sum(bool(pattern.search(v)) for v in mine) >= len(mine) > 0
