"""Counts, shares, mixes, location quotients: sums of integers by employer in one statement, then the interval."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from gangwei import intervals
from gangwei import vocabulary as vocab
from gangwei.intervals import Estimate
from gangwei.labelled import corrected, label_notes, with_columns
from gangwei.measures_found import (
    COLUMNS,
    EMPTY,
    Finding,
    cells_sql,
    employer_ids,
    frame,
    order,
    regroup,
    row,
    run,
    unplaced,
)

if TYPE_CHECKING:
    from gangwei.measures import Scope


def share(ask: Scope) -> Finding:
    """Numerator over denominator in each group, and over all; corrected by labels where the dataset has them."""
    q = ask.query()
    if ask.measure.population == "ai":
        ask.restrict(q)
    hit, g = ask.hit(q), vocab.group(q, ask.by)
    sql = (
        f"WITH r AS (SELECT {g} AS g, f.emp_no, f.row_no, {q.weight} AS w, ({hit}) AS hit {q.source()}), "
        "e AS (SELECT g, emp_no, CAST(sum(w) AS HUGEINT) AS d, CAST(sum(CASE WHEN hit THEN w ELSE 0 END) AS HUGEINT) AS n, "
        "count(*) AS rows_d, count(*) FILTER (hit) AS rows_n FROM r GROUP BY g, emp_no) "
        "SELECT g, sum(n), sum(d), sum(n * n), sum(n * d), sum(d * d), sum(rows_n), sum(rows_d), count(*) FROM e GROUP BY g"
    )
    got = run(ask, sql, q)
    ids = employer_ids(ask, [r[0] for r in got])
    fixed = corrected(ask)
    names = {g_: ids.get(g_) or vocab.group_id(ask.by, g_) for g_ in (r[0] for r in got)}
    rows = []
    last = EMPTY
    for g_, n, d, nn, nd, dd, rows_n, _, employers in got:
        last = e = intervals.cluster_share(float(n), float(d), float(nn), float(nd), float(dd), int(employers), q.unit)
        num, den = float(n) / q.unit, float(d) / q.unit
        rows.append(row(ask, names[g_], e, num, den, int(rows_n), int(employers), weak=ask.by != "employer"))
    notes = label_notes(fixed)
    if ask.by is None:
        r = rows[0] if rows else {"suppressed": False, "numerator": 0.0, "denominator": 0.0}
        whole = next(iter(fixed.values()), None)
        one = frame(rows).drop("id")
        return Finding(
            with_columns(one, [""], {"": whole}) if whole else one, last, r["numerator"], r["denominator"], sql, q.params,
            bool(r["suppressed"]), notes=notes, corrected=whole,
        )  # fmt: skip
    whole_ = share(regroup(ask, None))
    table = frame(order(ask, rows, "denominator"))
    if fixed:
        table = with_columns(table, table["id"].to_list(), {names[g_]: c for g_, c in fixed.items() if g_ in names})
    return Finding(
        table, whole_.total, whole_.numerator, whole_.denominator, sql, q.params, whole_.suppressed, unplaced(ask),
        notes, whole_.corrected,
    )  # fmt: skip


def mix(ask: Scope) -> Finding:
    """Share of the population in each group; groups of many-valued dimensions do not add up to one."""
    q = ask.restrict(ask.query())
    g = vocab.group(q, ask.by)
    base = q
    if vocab.many_valued(ask.by):
        base = ask.restrict(ask.query())
        base.params = q.params | {f"t_{k}": v for k, v in base.params.items()}
        whole_sql = _retag(f"SELECT f.emp_no, CAST(sum({base.weight}) AS HUGEINT) AS t {base.source()} GROUP BY 1")
    else:
        whole_sql = "SELECT emp_no, sum(n) AS t FROM e GROUP BY 1"
    sql = (
        f"WITH e AS ({cells_sql(ask, q, g)}), whole AS ({whole_sql}), "
        "t AS (SELECT sum(t) AS total, sum(t * t) AS tt, count(*) AS employers FROM whole) "
        "SELECT e.g, sum(e.n), any_value(t.total), sum(e.n * e.n), sum(e.n * w.t), any_value(t.tt), sum(e.k), count(*), any_value(t.employers) "
        "FROM e JOIN whole w ON w.emp_no = e.emp_no CROSS JOIN t GROUP BY e.g"
    )
    got = ask.ds.rows(sql, base.params)
    ids = employer_ids(ask, [r[0] for r in got])
    rows, total = [], 0.0
    n_eff = 0.0
    for g_, n, t, nn, nt, tt, k, employers, all_employers in got:
        e = intervals.cluster_share(float(n), float(t), float(nn), float(nt), float(tt), int(all_employers), q.unit)
        total, n_eff = float(t) / q.unit, float(t) ** 2 / float(tt)
        id_ = ids.get(g_) or vocab.group_id(ask.by, g_)
        rows.append(row(ask, id_, e, float(n) / q.unit, float(t) / q.unit, int(k), int(employers), weak=False))
    head = EMPTY
    if ask.by == "cluster" and total > 0:
        outside = next((r for r in rows if r["id"] == "outside"), None)
        out, low, high = (
            (outside["value"], outside["low"], outside["high"]) if outside else (0.0, *intervals.wilson(0.0, n_eff))
        )
        head = Estimate(1 - out, 1 - high, 1 - low, outside["n_eff"] if outside else n_eff, "employer_wilson")
    inside = sum(r["numerator"] for r in rows if r["id"] != "outside")
    notes: tuple[str, ...] = ()
    if vocab.many_valued(ask.by):
        union = in_any(ask)
        head, inside, notes = union.total, union.numerator, ("groups_overlap",)
    return Finding(frame(order(ask, rows)), head, inside, total, sql, base.params, False, unplaced(ask), notes)


def in_any(ask: Scope) -> Finding:
    """Share of the population that stands in at least one group of a many-valued dimension: its groups do not add up."""
    q = ask.restrict(ask.query())
    hit = vocab.in_a_group(q, ask.by or "")
    sql = (
        f"WITH e AS (SELECT f.emp_no AS emp_no, CAST(sum({q.weight}) AS HUGEINT) AS d, "
        f"CAST(sum(CASE WHEN {hit} THEN {q.weight} ELSE 0 END) AS HUGEINT) AS n {q.source()} GROUP BY 1) "
        "SELECT coalesce(sum(n), 0), coalesce(sum(d), 0), sum(n * n), sum(n * d), sum(d * d), count(*) FROM e"
    )
    n, d, nn, nd, dd, employers = (float(x or 0) for x in run(ask, sql, q)[0])
    e = intervals.cluster_share(n, d, nn, nd, dd, int(employers), q.unit)
    return Finding(frame([]), e, n / q.unit, d / q.unit, sql, q.params)


def _retag(sql: str) -> str:

    return re.sub(r"\$p(\d+)", r"$t_p\1", sql)


def count(ask: Scope) -> Finding:
    """Openings, in groups or all."""
    q = ask.restrict(ask.query())
    g = vocab.group(q, ask.by)
    sql = f"WITH e AS ({cells_sql(ask, q, g)}) SELECT g, sum(n), sum(n * n), sum(k), count(*) FROM e GROUP BY g"
    got = run(ask, sql, q)
    ids = employer_ids(ask, [r[0] for r in got])
    rows = []
    for g_, n, nn, k, employers in got:
        e = intervals.cluster_count(float(n), float(nn), q.unit)
        rows.append(
            row(ask, ids.get(g_) or vocab.group_id(ask.by, g_), e, e.value, e.value, int(k), int(employers), weak=False)
        )
    if ask.by is None:
        total = (
            intervals.cluster_count(float(got[0][1]), float(got[0][2]), q.unit)
            if got
            else Estimate(0, 0, 0, 0, "employer_count")
        )
        return Finding(frame(rows).drop("id"), total, total.value, total.value, sql, q.params)
    whole = count(regroup(ask, None))
    return Finding(
        frame(order(ask, rows)), whole.total, whole.numerator, whole.denominator, sql, q.params, False, unplaced(ask)
    )


def grains(ask: Scope) -> Finding:
    """The population counted at the four grains."""
    rows, sql = [], ""
    for grain in ("ad", "exact", "opening", "spell"):
        found = count(replace(ask, grain=grain, by=None))
        sql = sql or found.sql
        rows.append(row(ask, grain, found.total, found.numerator, found.numerator, int(found.numerator), 0, weak=False))
    ads, openings = rows[0]["numerator"], rows[2]["numerator"]
    e = Estimate(ads / openings, math.nan, math.nan, openings, "none") if openings else EMPTY
    return Finding(frame(rows), e, ads, openings, sql, {})


def without_board(ask: Scope) -> Finding:
    """The share over all but one board, for each board in turn; the total is that of all boards."""
    whole = share(regroup(ask, None))
    rows = []
    for board in ask.ds.boards:
        left = share(replace(ask, by=None, where={**ask.where, "without_board": board}))
        line = left.rows.to_dicts()[0] if left.rows.height else None
        if line is not None:
            rows.append({"id": board, **{k: v for k, v in line.items() if k in COLUMNS}})
    return Finding(
        frame(rows), whole.total, whole.numerator, whole.denominator, whole.sql, whole.params, whole.suppressed
    )


def per_opening(ask: Scope) -> Finding:
    """Vacancy spells for each opening that carries a full date."""
    q = ask.restrict(ask.query())
    g = vocab.group(q, ask.by)
    q.clauses.append("f.has_spell")
    sql = (
        f"WITH e AS (SELECT {g} AS g, f.emp_no AS emp_no, CAST(sum({q.weight} * f.n_spells) AS HUGEINT) AS n, "
        f"CAST(sum({q.weight}) AS HUGEINT) AS d, count(*) AS k {q.source()} GROUP BY 1, 2) "
        "SELECT g, sum(n), sum(d), sum(k), count(*) FROM e GROUP BY g"
    )
    got = run(ask, sql, q)
    ids = employer_ids(ask, [r[0] for r in got])
    rows = [
        row(ask, ids.get(g_) or vocab.group_id(ask.by, g_), Estimate(float(n) / float(d), math.nan, math.nan, float(of), "none"),
            float(n) / q.unit, float(d) / q.unit, int(k), int(of), weak=False)
        for g_, n, d, k, of in got
    ]  # fmt: skip
    n, d = sum(float(r[1]) for r in got) / q.unit, sum(float(r[2]) for r in got) / q.unit
    total = Estimate(n / d, math.nan, math.nan, d, "none") if d else EMPTY
    if ask.by is not None and vocab.many_valued(ask.by):
        whole = per_opening(regroup(ask, None))
        n, d, total = whole.numerator, whole.denominator, whole.total
    table = frame(rows).drop("id") if ask.by is None else frame(order(ask, rows, "denominator"))
    return Finding(table, total, n, d, sql, q.params, False, unplaced(ask))


def lq(ask: Scope) -> Finding:
    """(AI in the group / AI) over (non-AI in the group / non-AI), with a log-scale employer-cluster interval."""
    q = ask.query()
    hit, g = vocab.definition_sql(ask.definition), vocab.group(q, ask.by)
    sql = (
        f"WITH e AS (SELECT {g} AS g, f.emp_no AS emp_no, CAST(sum(CASE WHEN {hit} THEN {q.weight} ELSE 0 END) AS HUGEINT) AS a, "
        f"CAST(sum(CASE WHEN {hit} THEN 0 ELSE {q.weight} END) AS HUGEINT) AS b, count(*) FILTER ({hit}) AS k {q.source()} GROUP BY 1, 2), "
        "t AS (SELECT sum(a) AS ta, sum(b) AS tb FROM e) "
        "SELECT e.g, sum(a), sum(b), sum(a * a), sum(a * b), sum(b * b), sum(k), count(*), any_value(ta), any_value(tb) FROM e CROSS JOIN t GROUP BY e.g"
    )
    rows = []
    got = run(ask, sql, q)
    ids = employer_ids(ask, [r[0] for r in got])
    for g_, a_, b_, aa, ab, bb, k, employers, ta_, tb_ in got:
        a, b, ta, tb = float(a_), float(b_), float(ta_ or 0), float(tb_ or 0)
        id_ = ids.get(g_) or vocab.group_id(ask.by, g_)
        n_eff = (a + b) ** 2 / (float(aa) + 2 * float(ab) + float(bb)) if a + b else 0.0
        if a <= 0 or b <= 0 or ta <= 0 or tb <= 0:
            value = 0.0 if a <= 0 and b > 0 and ta > 0 else math.nan
            rows.append(
                row(
                    ask,
                    id_,
                    Estimate(value, math.nan, math.nan, n_eff, "employer_delta"),
                    a / q.unit,
                    b / q.unit,
                    int(k),
                    int(employers),
                    weak=True,
                )
            )
            continue
        value = (a / ta) / (b / tb)
        variance = max(float(aa) / (a * a) - 2 * float(ab) / (a * b) + float(bb) / (b * b), 0.0)
        half = intervals.Z95 * math.sqrt(variance)
        e = Estimate(value, value * math.exp(-half), value * math.exp(half), n_eff, "employer_delta")
        rows.append(row(ask, id_, e, a / q.unit, b / q.unit, int(k), int(employers), weak=True))
    rows.sort(key=lambda r: (r["value"] is None, -(r["value"] or 0), r["id"]))
    total = sum(r["numerator"] for r in rows)
    return Finding(frame(rows), EMPTY, total, sum(r["denominator"] for r in rows), sql, q.params, False, unplaced(ask))
