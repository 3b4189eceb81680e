"""Concepts and skills that the population names together, and the matcher's own sensitivity: from tables beside the ads."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from gangwei import intervals
from gangwei.intervals import Z95, Estimate
from gangwei.kernels.codes import Array, together
from gangwei.measures.found import EMPTY, Finding, frame, regroup, row, run
from gangwei.measures.scan import scan

if TYPE_CHECKING:
    from gangwei.measures.answer import Scope
    from gangwei.vocabulary import Query

SHOWN = 200
# AI concepts: the classifier's evidence outside the blurb. Skills: what the ad asks for by skills.csv.
_CONCEPTS = "SELECT o.row_no, o.emp_no, t.term FROM ad_term t JOIN o ON o.row_no = t.row_no"
_SKILLS = "SELECT o.row_no, o.emp_no, s.skill_id AS term FROM ad_skill s JOIN o ON o.row_no = s.row_no"


@dataclass(frozen=True)
class Held:
    """One group of openings: of how many employers, and sums over employers of its squares and of its products with all."""

    openings: int
    employers: int
    squares: float
    products: float


@dataclass(frozen=True)
class Whole:
    """All openings, the sum over employers of their squares, and the employers."""

    openings: float
    squares: float
    employers: int

    def share(self, h: Held) -> Estimate:
        """Share of the openings that are in a group."""
        return intervals.cluster_share(h.openings, self.openings, h.squares, h.products, self.squares, self.employers)


# Groups of h: openings, employers, and the sums of `Held`; o holds the population.
_SUMS = (
    "SELECT {g}, CAST(sum(g.n) AS BIGINT), count(*), CAST(sum(g.n * g.n) AS DOUBLE), CAST(sum(g.n * t.n) AS DOUBLE) "
    "FROM g JOIN (SELECT emp_no, count(*) AS n FROM o GROUP BY 1) t USING (emp_no) GROUP BY {g} ORDER BY sum(g.n) DESC, {g} LIMIT {n}"
)
_BY_TERM = ", g AS (SELECT term, emp_no, count(*) AS n FROM h GROUP BY 1, 2) " + _SUMS.format(g="term", n=SHOWN)
_BY_PAIR = (
    ", g AS (SELECT a.term AS one, b.term AS two, a.emp_no, count(*) AS n FROM h a JOIN h b ON a.row_no = b.row_no AND a.term < b.term "
    "GROUP BY 1, 2, 3) " + _SUMS.format(g="one, two", n=SHOWN)
)
_WHOLE = (
    "SELECT coalesce(sum(n), 0), coalesce(sum(n * n), 0), count(*) FROM (SELECT count(*) AS n FROM o GROUP BY emp_no)"
)


def _named(ask: Scope, named: str, tail: str) -> tuple[str, dict[str, Any], list[tuple[Any, ...]], Whole]:
    q = ask.restrict(regroup(ask, None).query())
    openings, squares, employers = run(ask, _statement(q, named, _WHOLE), q)[0]
    sql = _statement(q, named, tail)
    return sql, q.params, run(ask, sql, q), Whole(float(openings), float(squares), int(employers))


def _statement(q: Query, named: str, tail: str) -> str:
    return f"WITH o AS (SELECT DISTINCT f.row_no, f.emp_no {q.source()}), h AS ({named}) {tail}"


def _line(ask: Scope, id_: str, whole: Whole, h: Held) -> dict[str, Any]:
    n = h.openings
    return row(ask, id_, whole.share(h), float(n), whole.openings, n, h.employers, weak=False)


def terms(ask: Scope) -> Finding:
    """Share of the population that names each AI concept in title, duties or requirements."""
    ask.ds.terms()
    sql, params, got, whole = _named(ask, _CONCEPTS, _BY_TERM)
    rows = [_line(ask, str(g), whole, Held(*sums)) for g, *sums in got]
    return Finding(frame(rows), EMPTY, whole.openings, whole.openings, sql, params)


def pairs(ask: Scope) -> Finding:
    """Share of the population that asks for two skills together; `lift` = that share over the product of both shares."""
    ask.ds.skills()
    q = ask.restrict(regroup(ask, None).query())
    if (kept := scan(q, {"row_no": "f.row_no", "emp_no": "f.emp_no"})) is not None:
        sql, params = _statement(q, _SKILLS, _BY_PAIR), q.params
        got, single, whole = _counted(q, kept)
    else:
        sql, params, found, whole = _named(ask, _SKILLS, _BY_PAIR)
        got = [(a, b, Held(*sums)) for a, b, *sums in found]
        single = dict(_named(ask, _SKILLS, "SELECT term, count(*) FROM h GROUP BY 1")[2])
    rows = [
        _line(ask, f"{a} + {b}", whole, h) | {"lift": h.openings * whole.openings / (single[a] * single[b])}
        for a, b, h in got
    ]
    return Finding(frame(rows, {"lift": pl.Float64}), EMPTY, whole.openings, whole.openings, sql, params)


def _counted(q: Query, kept: dict[str, Array]) -> tuple[list[tuple[str, str, Held]], dict[str, int], Whole]:
    """(pairs with what holds them, openings of each skill, all openings) from the kept codes."""
    new = np.r_[True, kept["row_no"][1:] != kept["row_no"][:-1]][: len(kept["row_no"])]
    codes, names = q.ds.codes(q.table), q.ds.skill_ids
    start, stop, values = codes.skills()
    at = codes.places[kept["row_no"][new]]
    rows, employers, squares, products, of, clusters = together(
        start[at], stop[at], values, kept["emp_no"][new], len(names)
    )
    alone = dict(zip(names, np.diagonal(rows).tolist()))
    np.fill_diagonal(rows, 0)
    a, b = np.nonzero(rows)
    order = np.lexsort((b, a, -rows[a, b]))[:SHOWN]
    found = [
        (names[x], names[y], Held(int(rows[x, y]), int(employers[x, y]), float(squares[x, y]), float(products[x, y])))
        for x, y in zip(a[order].tolist(), b[order].tolist())
    ]
    return found, alone, Whole(float(len(at)), float(of), int(clusters))


def _of_sample(value: float, error: float, n: float, spells: bool) -> Estimate:
    """A figure of a sample of employers with its standard error: Wilson's interval of a share, none below one spell an opening."""
    if not error > 0:
        return Estimate(value, math.nan, math.nan, n, "none")
    if spells:
        half = Z95 * error
        return Estimate(value, min(max(value - half, 1.0), value), value + half, n, "employer_delta")
    if 0 < value < 1:  # more than the ads of the sample when few employers are left out
        n = value * (1 - value) / error**2
    return Estimate(value, *intervals.wilson(value, n), n, "employer_delta")


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
        e = _of_sample(num / den if den else math.nan, spells_error if spells else repeats_error, float(den), spells)
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
