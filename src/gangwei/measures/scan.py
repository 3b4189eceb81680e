"""Rows of a question from the kept codes of its columns: the database judges each value once, and a pass looks the rows up.

Every condition, group and weight is SQL over a few columns. It is put to the table of their distinct values (and to the
joins it names) in place of the rows, so that what it means is said in one place only.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gangwei.kernels.codes import Array, crossed, narrow, passing, said, said_by, spread

if TYPE_CHECKING:
    from gangwei.frame.codes import Column
    from gangwei.vocabulary import Query

MOST_CROSSED = 1 << 20
AS_IT_STANDS = frozenset({"emp_no", "row_no"})
MOST_KEPT = 1 << 18
"""The rows that pass are kept for the next figure of a page where they are no more than these."""
HALVED = 1_000_000
"""Tables from this many rows on are passed over by two threads."""
HAS_TEXT = "LEFT JOIN has_text x ON x.row_no = f.row_no"
HAS_SKILL = "f.row_no IN (SELECT row_no FROM ad_skill)"
"""Two questions about an ad that the codes hold as columns of their own."""
HELD = re.compile(r"f\.row_no IN \((SELECT row_no FROM \w+ WHERE \w+ IN \([^()]+\))\)")
"""A condition that the row is one of some: the ads that ask for a skill, or name a concept."""
SKILLS = "JOIN ad_skill g ON g.row_no = f.row_no"
"""The join that gives a row for each skill of an opening."""
POOL = ThreadPoolExecutor(2, thread_name_prefix="scan")
COLUMN, BOUND = re.compile(r"\b([a-z])\.(\w+)"), re.compile(r"\$(p\d+)\b")
_JOIN = re.compile(r"(\w+) ON ")
JOINED_BY = {"c": "adcode", "t": "emp_no", "x": "has_text"}
"""Joins that give a row at most one partner, by the column they join on: clusters by place, evidence tiers by employer, texts."""


@dataclass(frozen=True)
class Judged:
    """Rows as codes of some columns together, and what each expression over these columns is for each code."""

    codes: Array
    is_: dict[str, Array]


def scan(q: Query, lanes: Mapping[str, str], held: list[Array] | None = None) -> dict[str, Array] | None:
    """Columns of the rows that pass, in the order of the table; None where the database has to look at rows.

    Args:
        lanes: SQL by name; `emp_no` and `row_no` are taken as they stand.
        held: is given the values of lane g that occur in the table, ascending; g is then the number of the value, -1 stays.
    """
    joins = {m[1] if (m := _JOIN.search(j)) else "": j for j in q.joins}
    skills = joins.get("g") == SKILLS and bool(joins.pop("g"))
    if joins.get("x") == HAS_TEXT:
        joins["x"] = "LEFT JOIN (SELECT 0 AS row_no) x ON f.has_text"
    kept = q.ds.codes(q.table)
    if not joins.keys() <= JOINED_BY.keys() or kept.rows < q.ds.codes_from:
        return None
    among: list[re.Match[str]] = []
    others: list[str] = []
    for c in q.conditions():
        if m := HELD.fullmatch(c):
            among.append(m)
        else:
            others.append(c)
    conditions = {f"_{i}": f"coalesce(({c}), false)" for i, c in enumerate(others)}
    asked: dict[tuple[str, ...], dict[str, str]] = defaultdict(dict)
    for name, written in {**lanes, **conditions}.items():
        if name in AS_IT_STANDS or (skills and name == "g"):
            continue
        sql = written.replace(HAS_SKILL, "f.has_skill")
        asked[tuple(sorted({JOINED_BY.get(a, c) for a, c in COLUMN.findall(sql)}))][name] = sql
    judged = []
    for together, expressions in asked.items():
        found = _judge(q, together, expressions, joins)
        if found is None:
            return None
        judged.append(found)
    looked = {n: (j.codes, j.is_[n]) for j in judged for n in lanes.keys() & j.is_.keys()}
    if held is not None and "g" in looked:
        looked["g"] = looked["g"][0], _numbered(looked["g"][1], held)
    plain = {n: kept.employers() if n == "emp_no" else kept.numbers for n in AS_IT_STANDS & lanes.keys()}
    runs = kept.skills() if skills else None

    def part(rows: slice, passed: Array | None) -> dict[str, Array]:
        out = {n: v[rows] if passed is None else v[rows][passed] for n, v in plain.items()}
        for n, (codes, values) in looked.items():
            out[n] = said(codes[rows], values) if passed is None else said_by(codes[rows], passed, values)
        if runs is not None:
            ends = (e[rows] if passed is None else e[rows][passed] for e in runs[:2])
            parents, g = spread(*ends, runs[2])
            out = {n: v[parents] for n, v in out.items()} | {"g": g}
        return out

    def filters() -> list[tuple[Array, Array]]:
        rows_of = [(_bound(q, m[1]), m[1], {p: q.params[p] for p in BOUND.findall(m[1])}) for m in among]
        return _filters(judged, conditions) + [(kept.held(*r), np.array([False, True])) for r in rows_of]

    passed = _passed(q, filters)
    parts = [part(*p) for p in passed] if len(passed) == 1 else list(POOL.map(lambda p: part(*p), passed))
    return {n: np.concatenate([p[n] for p in parts]) if len(parts) > 1 else v for n, v in parts[0].items()}


def _passed(q: Query, filters: Callable[[], list[tuple[Array, Array]]]) -> list[tuple[slice, Array | None]]:
    """The rows in one part, or where there are many in two for two threads, and the numbers within it of those that pass.

    Few numbers are kept: the next figure of a page often asks for the same rows.
    """
    kept = q.ds.codes(q.table)
    name = ("passed", *sorted(_bound(q, c) for c in (*q.conditions(), *q.joins)))
    every = slice(0, kept.rows)
    if (found := kept.judged.get(name)) is not None:
        return [(every, found)]
    use = filters()
    halves = [every] if kept.rows < HALVED else [slice(0, kept.rows // 2), slice(kept.rows // 2, kept.rows)]
    numbers = list(POOL.map(lambda rows: _passing(use, rows), halves))
    some = [n + np.int32(p.start) for n, p in zip(numbers, halves) if n is not None]
    if len(some) < len(halves) or sum(map(len, some)) > MOST_KEPT:
        return list(zip(halves, numbers))
    found = np.concatenate(some)
    kept.remember(name, found)
    return [(every, found)]


def _bound(q: Query, sql: str) -> str:
    """A piece of SQL with its bound values put in, to be told from others."""
    return BOUND.sub(lambda m: repr(q.params[m[1]]), sql)


def _numbered(values: Array, held: list[Array]) -> Array:
    """Values by their number in order, int32, -1 stays; `held` takes the values."""
    there = values != -1
    some = values[there]
    numbers = np.full(len(values), -1, np.int32)
    if (some[1:] > some[:-1]).all():
        held.append(some)
        numbers[there] = np.arange(len(some), dtype=np.int32)
    else:
        present, place = np.unique(some, return_inverse=True)
        held.append(present)
        numbers[there] = place
    return numbers


def _filters(judged: list[Judged], conditions: Mapping[str, str]) -> list[tuple[Array, Array]]:
    """(codes, which of them are allowed) of the conditions that leave rows out."""
    out = []
    for j in judged:
        allowed = np.logical_and.reduce([v for n, v in j.is_.items() if n in conditions] or [np.ones(1, np.bool_)])
        if not allowed.all():
            out.append((j.codes, allowed))
    return out


def _passing(filters: list[tuple[Array, Array]], part: slice) -> Array | None:
    """Numbers within the part of the rows that meet all conditions; None for all rows."""
    if not filters:
        return None
    if not all(allowed.any() for _, allowed in filters):
        return np.zeros(0, np.int32)
    passes = said(filters[0][0][part], filters[0][1])
    for codes, allowed in filters[1:]:
        narrow(passes, codes[part], allowed)
    return passing(passes)  # type: ignore[no-any-return]


def _judge(
    q: Query, columns: tuple[str, ...], expressions: Mapping[str, str], joins: Mapping[str, str]
) -> Judged | None:
    """Put expressions over `columns` to the table of their values; None where there are too many of them."""
    kept = q.ds.codes(q.table)
    parts = []
    for name in columns:
        column = kept.column(name)
        if column is None:
            return None
        parts.append((name, column))
    size = math.prod(c.size for _, c in parts)
    if len(parts) > 1 and size > MOST_CROSSED:
        return None
    mine = [j for alias, j in joins.items() if JOINED_BY[alias] in columns]
    given = " ".join(mine)
    keys = {
        n: (columns, e, given, *(repr(q.params[p]) for p in BOUND.findall(e + given))) for n, e in expressions.items()
    }
    is_ = {n: v for n, k in keys.items() if (v := kept.judged.get(k)) is not None}
    new = {n: e for n, e in expressions.items() if n not in is_}
    if new:
        got = _ask(q, parts, new, given)
        order = got.column("code").to_numpy()
        if len(order) != size:
            return None
        for name in new:
            column = got.column(name)
            is_[name] = np.empty(size, column.type.to_pandas_dtype())
            is_[name][order] = pc.fill_null(column, False if pa.types.is_boolean(column.type) else 0).to_numpy()
            kept.remember(keys[name], is_[name])
    return Judged(_together([c for _, c in parts], kept.rows), is_)


def _ask(q: Query, parts: list[tuple[str, Column]], expressions: Mapping[str, str], joins: str) -> pa.Table:
    """Expressions for each combination of values: (code, one column each)."""
    code, step = "0", 1
    for name, c in reversed(parts):
        code, step = f"{code} + {name}_.code * {step}", step * c.size
    inner = ", ".join([f"{code} AS code", *(f"{name}_.{name}" for name, _ in parts)])
    tables = ", ".join(f"{c.table} {name}_" for name, c in parts)
    sql = ", ".join(["f.code", *(f"{e} AS {n}" for n, e in expressions.items())])
    text = f"SELECT {sql} FROM (SELECT {inner} {'FROM ' + tables if tables else ''}) f {joins}"
    cur = q.ds.cursor()
    try:
        return cur.execute(text, {k: q.params[k] for k in set(BOUND.findall(text))}).to_arrow_table()
    finally:
        cur.close()


def _together(parts: list[Column], rows: int) -> Array:
    """One code a row of the codes of some columns."""
    if not parts:
        return np.zeros(rows, np.uint8)
    codes = parts[0].codes
    for c in parts[1:]:
        codes = crossed(codes, c.codes, c.size)
    return codes
