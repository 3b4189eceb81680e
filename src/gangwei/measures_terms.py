"""Concepts and skills that the population names together, and the matcher's own sensitivity: from tables beside the ads."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from gangwei import intervals
from gangwei.intervals import Z95, Estimate
from gangwei.kernels.codes import Array, together
from gangwei.measures_found import EMPTY, Finding, frame, regroup, row, run
from gangwei.measures_scan import scan

if TYPE_CHECKING:
    from gangwei.measures import Scope
    from gangwei.vocabulary import Query

SHOWN = 200
# AI concepts: the classifier's evidence outside the blurb. Skills: what the ad asks for by skills.csv.
_CONCEPTS = "SELECT o.row_no, o.emp_no, t.term FROM ad_term t JOIN o ON o.row_no = t.row_no"
_SKILLS = "SELECT o.row_no, o.emp_no, s.skill_id AS term FROM ad_skill s JOIN o ON o.row_no = s.row_no"


def _named(ask: Scope, named: str, tail: str) -> tuple[str, dict[str, Any], list[tuple[Any, ...]], float]:
    q = ask.restrict(regroup(ask, None).query())
    whole = float(run(ask, f"SELECT count(DISTINCT f.row_no) {q.source()}", q)[0][0])
    sql = _statement(q, named, tail)
    return sql, q.params, run(ask, sql, q), whole


def _statement(q: Query, named: str, tail: str) -> str:
    return f"WITH o AS (SELECT DISTINCT f.row_no, f.emp_no {q.source()}), h AS ({named}) {tail}"


def _estimate(n: float, whole: float, employers: int) -> Estimate:
    low, high = intervals.wilson(n / whole, min(whole, max(employers, 1)))
    return Estimate(n / whole, min(low, n / whole), max(high, n / whole), float(employers), "employer_wilson")


def terms(ask: Scope) -> Finding:
    """Share of the population that names each AI concept in title, duties or requirements."""
    tail = f"SELECT term, count(*), count(DISTINCT emp_no) FROM h GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {SHOWN}"
    ask.ds.terms()
    sql, params, got, whole = _named(ask, _CONCEPTS, tail)
    rows = [row(ask, str(g), _estimate(n, whole, k), float(n), whole, int(n), int(k), weak=False) for g, n, k in got]
    return Finding(frame(rows), EMPTY, whole, whole, sql, params)


def pairs(ask: Scope) -> Finding:
    """Share of the population that asks for two skills together; `lift` = that share over the product of both shares."""
    ask.ds.skills()
    tail = (
        "SELECT a.term, b.term, count(*), count(DISTINCT a.emp_no) FROM h a JOIN h b ON a.row_no = b.row_no AND a.term < b.term "
        f"GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT {SHOWN}"
    )
    q = ask.restrict(regroup(ask, None).query())
    if (kept := scan(q, {"row_no": "f.row_no", "emp_no": "f.emp_no"})) is not None:
        sql, params = _statement(q, _SKILLS, tail), q.params
        got, single, whole = _counted(q, kept)
    else:
        sql, params, got, whole = _named(ask, _SKILLS, tail)
        single = dict(_named(ask, _SKILLS, "SELECT term, count(*) FROM h GROUP BY 1")[2])
    rows = []
    for a, b, n, k in got:
        e = _estimate(n, whole, k)
        line = row(ask, f"{a} + {b}", e, float(n), whole, int(n), int(k), weak=False)
        rows.append(line | {"lift": n * whole / (single[a] * single[b])})
    return Finding(frame(rows, {"lift": pl.Float64}), EMPTY, whole, whole, sql, params)


def _counted(q: Query, kept: dict[str, Array]) -> tuple[list[tuple[str, str, int, int]], dict[str, int], float]:
    """(pairs with their openings and employers, openings of each skill, openings in all) from the kept codes."""
    new = np.r_[True, kept["row_no"][1:] != kept["row_no"][:-1]][: len(kept["row_no"])]
    codes, names = q.ds.codes(q.table), q.ds.skill_ids
    start, stop, values = codes.skills()
    at = codes.places[kept["row_no"][new]]
    rows, employers = together(start[at], stop[at], values, kept["emp_no"][new], len(names))
    alone = dict(zip(names, np.diagonal(rows).tolist()))
    np.fill_diagonal(rows, 0)
    a, b = np.nonzero(rows)
    order = np.lexsort((b, a, -rows[a, b]))[:SHOWN]
    found = zip(a[order].tolist(), b[order].tolist())
    return [(names[x], names[y], int(rows[x, y]), int(employers[x, y])) for x, y in found], alone, float(len(at))


def _again(ask: Scope, spells: bool) -> Finding:
    ask.query()  # the sample knows no filter, but an unknown one is refused as everywhere
    sql = (
        "SELECT threshold, window_days, is_base, ads, openings, dated_openings, spells, repeats_error, spells_error FROM match_sensitivity "
        "ORDER BY is_base DESC, threshold, window_days"
    )
    got = ask.ds.rows(sql)
    base = next((r for r in got if r[2]), None)
    rows, head = [], EMPTY
    for threshold, window, is_base, ads, openings, dated, n_spells, repeats_error, spells_error in got:
        if base is None or (not is_base and (window != base[1]) != spells):
            continue
        num, den = (n_spells, dated) if spells else (ads - openings, ads)
        value, error = num / den if den else math.nan, Z95 * (spells_error if spells else repeats_error)
        low, high = (value - error, value + error) if error > 0 else (math.nan, math.nan)
        e = Estimate(value, low, high, float(den), "employer_delta" if error > 0 else "none")
        id_ = f"spell_window:{window}" if spells else f"match_threshold:{threshold:.2f}"
        rows.append(row(ask, id_, e, float(num), float(den), int(num), 0, weak=False))
        head = e if is_base else head
    rows.sort(key=lambda r: float(str(r["id"]).partition(":")[2]))
    notes = (*(() if got else ("no_match_sensitivity",)), *(("whole_sample",) if ask.where else ()))
    n, of = next(((r["numerator"], r["denominator"]) for r in rows if r["value"] == head.value), (0.0, 0.0))
    return Finding(frame(rows), head, n, of, sql, {}, notes=notes)


def match_sensitivity(ask: Scope) -> Finding:
    """Repeats among ads when the matcher's threshold is another, from a sample of employers."""
    return _again(ask, spells=False)


def spell_sensitivity(ask: Scope) -> Finding:
    """Vacancy spells for each dated opening when the window is another, from a sample of employers."""
    return _again(ask, spells=True)
