"""Counts, shares, mixes, location quotients: sums by group over employers, then the interval."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from gangwei import intervals
from gangwei import vocabulary as vocab
from gangwei.intervals import Estimate
from gangwei.kernels.match.cluster_sums import (
    ALONE,
    EMPLOYERS,
    M_ALL_M,
    M_ALL_N,
    MM,
    N_ALL_M,
    N_ALL_N,
    NM,
    NN,
    Array,
    M,
    N,
)
from gangwei.measures import grouping
from gangwei.measures.found import EMPTY, Finding, employer_ids, frame, order, regroup, row, unplaced
from gangwei.measures.labelled import corrected, label_notes, with_columns
from gangwei.measures.sums import Sum, fetch, grouped, numbered, sums, tally

if TYPE_CHECKING:
    from gangwei.measures.answer import Scope


def share(ask: Scope) -> Finding:
    """Numerator over denominator in each group, and over all; corrected by labels where the dataset has them."""
    q = ask.query()
    if ask.measure.population == "ai":
        ask.restrict(q)
    found = sums(ask, q, ask.by, ask.hit(q))
    fixed = corrected(ask)
    notes = label_notes(fixed)
    weak = ask.by != "employer"
    rows = [_share_row(ask, i, s, q.unit, weak) for i, s in found.groups.items()]
    if ask.by is None:
        r = rows[0] if rows else {"suppressed": False, "numerator": 0.0, "denominator": 0.0}
        whole = next(iter(fixed.values()), None)
        one = frame(rows).drop("id")
        return Finding(
            with_columns(one, [""], {"": whole}) if whole else one, found.whole.share(q.unit) if rows else EMPTY, r["numerator"],
            r["denominator"], found.sql, q.params, bool(r["suppressed"]), notes=notes, corrected=whole,
        )  # fmt: skip
    if fixed or apart(ask):
        whole_ = share(regroup(ask, None))
        total, line = whole_.total, {k: getattr(whole_, k) for k in ("numerator", "denominator", "suppressed")}
        whole = whole_.corrected
    else:
        line, whole = _share_row(ask, "", found.whole, q.unit, True), None
        total = found.whole.share(q.unit) if found.whole.rows else EMPTY
    table = frame(order(ask, rows, "denominator"))
    if fixed:
        ids = employer_ids(ask, list(fixed))
        named = {ids.get(g) or grouping.group_id(ask.by, g): c for g, c in fixed.items()}
        table = with_columns(table, table["id"].to_list(), {i: c for i, c in named.items() if i in found.groups})
    return Finding(
        table, total, line["numerator"], line["denominator"], found.sql, q.params, bool(line["suppressed"]),
        unplaced(ask, found.whole.d / q.unit), notes, whole,
    )  # fmt: skip


def apart(ask: Scope) -> bool:
    """True where the groups of a dimension do not hold just the rows of the whole: those without a place, an employer."""
    return ask.by in (*vocab.PLACES, "employer", "skill")


def _share_row(ask: Scope, id_: str, s: Sum, unit: float, weak: bool) -> dict[str, Any]:
    return row(ask, id_, s.share(unit), s.n / unit, s.d / unit, s.rows_n, s.employers, weak)


def mix(ask: Scope) -> Finding:
    """Share of the population in each group; groups of many-valued dimensions do not add up to one."""
    q = ask.restrict(ask.query())
    many = grouping.many_valued(ask.by) and ask.by != "skill"
    code, got, found = grouped(ask, q, ask.by, grouping.in_a_group(q, str(ask.by)) if many else "")
    whole, union, crossed, notes = found.whole, found.whole if many else None, None, tuple[str, ...]()
    if ask.by == "skill":
        union, crossed = _with_skills(ask, got)
        whole = union
    total = whole.d / q.unit
    rows = []
    for id_, s in found.groups.items():
        if id_ == "unknown" and grouping.many_valued(ask.by):
            continue
        n_all = s.n_all if crossed is None else float(crossed[code.ids.index(id_)])
        e = intervals.cluster_share(s.d, whole.d, s.dd, n_all, whole.dd, whole.employers, q.unit)
        rows.append(row(ask, id_, e, s.d / q.unit, total, s.rows, s.employers, weak=False))
    head = EMPTY
    inside = total
    if ask.by == "cluster" and total > 0:
        none = intervals.cluster_share(0.0, total * q.unit, 0.0, 0.0, whole.dd, whole.employers, q.unit)
        outside = next((r for r in rows if r["id"] == vocab.OUTSIDE), None) or vars(none)
        head = Estimate(
            1 - outside["value"], 1 - outside["high"], 1 - outside["low"], outside["n_eff"], "employer_wilson"
        )
        inside = sum(r["numerator"] for r in rows if r["id"] != vocab.OUTSIDE)
    if union is not None:
        head = union.share(q.unit) if union.rows else EMPTY
        inside, notes = union.n / q.unit, ("groups_overlap",)
    return Finding(
        frame(order(ask, rows)), head, inside, total, found.sql, q.params, False, unplaced(ask, total), notes
    )


def _with_skills(ask: Scope, got: dict[str, Array]) -> tuple[Sum, Array]:
    """The part of the population that names any skill; by skill, the products with the sums of whole employers.

    `got` has a row for each opening and skill, so it cannot say what an employer has in all.
    """
    q = ask.restrict(ask.query())
    _, every, union = grouped(ask, q, None, grouping.in_a_group(q, "skill"))
    who, first = np.unique(every["emp_no"], return_index=True)
    weight = every.get("w", np.ones(len(every["emp_no"])))
    totals = np.add.reduceat(weight, first) if len(first) else weight
    mine = got.get("w", np.ones(len(got["g"]))) * totals[np.searchsorted(who, got["emp_no"])]
    return union.whole, np.bincount(got["g"], mine, len(ask.ds.skill_ids))


def count(ask: Scope) -> Finding:
    """Openings, in groups or all."""
    q = ask.restrict(ask.query())
    found = sums(ask, q, ask.by)
    rows = []
    for id_, s in found.groups.items():
        e = intervals.cluster_count(s.d, s.dd, q.unit)
        rows.append(row(ask, id_, e, e.value, e.value, s.rows, s.employers, weak=False))
    if ask.by is None:
        total = intervals.cluster_count(found.whole.d, found.whole.dd, q.unit)
        return Finding(frame(rows).drop("id"), total, total.value, total.value, found.sql, q.params)
    if apart(ask):
        total = count(regroup(ask, None)).total
    else:
        total = intervals.cluster_count(found.whole.d, found.whole.dd, q.unit)
    placed = unplaced(ask, found.whole.d / q.unit)
    return Finding(frame(order(ask, rows)), total, total.value, total.value, found.sql, q.params, False, placed)


def grains(ask: Scope) -> Finding:
    """The population counted at the four grains; spells are those of openings with a full date, the denominator of their row."""
    rows, sql = [], ""
    for grain in ("ad", "exact", "opening"):
        found = count(replace(ask, grain=grain, by=None))
        sql = sql or found.sql
        rows.append(row(ask, grain, found.total, found.numerator, found.numerator, int(found.numerator), 0, weak=False))
    q = ask.restrict(replace(ask, grain="spell", by=None).query())
    q.clauses.append("f.has_spell")
    whole = sums(ask, q, None).whole
    spells = intervals.cluster_count(whole.d, whole.dd, q.unit)
    rows.append(row(ask, "spell", spells, spells.value, whole.rows, int(spells.value), 0, weak=False))
    ads, openings = rows[0]["numerator"], rows[2]["numerator"]
    e = Estimate(ads / openings, math.nan, math.nan, openings, "none") if openings else EMPTY
    return Finding(frame(rows), e, ads, openings, sql, {})


def without_board(ask: Scope) -> Finding:
    """The share over all but one board, for each board in turn; the total is that of all boards.

    An opening is lost with a board when it stands on no other: what is left is the whole less those openings.
    """
    q = ask.query()
    hit = ask.hit(q)
    bits = {ask.ds.board_bit(b): i for i, b in reversed(list(enumerate(ask.ds.boards)))}
    cases = " ".join(f"WHEN {bit} THEN {i}" for bit, i in sorted(bits.items()))
    group = f"CASE f.board_mask {cases} ELSE -1 END" if bits else "-1"
    got = fetch(q, grouping.Coded(group, ask.ds.boards), hit=f"CAST(({hit}) AS TINYINT)")
    found = tally(got.columns, got.columns["g"], ask.ds.boards)
    whole, rows = found.whole, []
    for board in ask.ds.boards:
        s = found.groups.get(ask.ds.boards[bits[ask.ds.board_bit(board)]])
        left = whole if s is None else Sum.of(_without(whole.raw, s.raw))
        if left.rows:
            rows.append(_share_row(ask, board, left, q.unit, True))
    total = whole.share(q.unit) if whole.rows else EMPTY
    line = _share_row(ask, "", whole, q.unit, True)
    return Finding(
        frame(rows), total, line["numerator"], line["denominator"], got.sql, q.params, bool(line["suppressed"])
    )


def _without(whole: Array, part: Array) -> Array:
    """The sums of the rows of `whole` that are not in `part`: products over employers by (a - b)(c - d)."""
    out = whole - part
    out[NN] = whole[NN] - 2 * part[N_ALL_N] + part[NN]
    out[NM] = whole[NM] - part[N_ALL_M] - part[M_ALL_N] + part[NM]
    out[MM] = whole[MM] - 2 * part[M_ALL_M] + part[MM]
    out[EMPLOYERS] = whole[EMPLOYERS] - part[ALONE]
    return out


def per_opening(ask: Scope) -> Finding:
    """Vacancy spells for each opening that carries a full date, whatever the grain: it is a figure of openings."""
    ask = replace(ask, grain="opening")
    q = ask.restrict(ask.query())
    code = grouping.coded(q, ask.by)
    q.clauses.append("f.has_spell")
    got = fetch(q, code, d=f"CAST({q.weight} AS DOUBLE)", n=f"CAST({q.weight} * f.n_spells AS DOUBLE)")
    g, ids = numbered(ask, code, ask.by, got)
    who = got.columns["emp_no"]
    openings, spells = (tally({"emp_no": who, "w": got.columns[k]}, g, ids, code.bits) for k in ("d", "n"))

    def line(id_: str, d: Sum, n: Sum) -> dict[str, Any]:
        e = Estimate(n.d / d.d, math.nan, math.nan, float(d.employers), "none")
        return row(ask, id_, e, n.d / q.unit, d.d / q.unit, d.rows, d.employers, weak=False)

    many = grouping.many_valued(ask.by)
    groups = {i: s for i, s in openings.groups.items() if not (many and i == "unknown")}
    rows = [line(i, s, spells.groups[i]) for i, s in groups.items()]
    n, d = spells.whole.d / q.unit, openings.whole.d / q.unit
    total = Estimate(n / d, math.nan, math.nan, d, "none") if d else EMPTY
    if ask.by == "skill":
        whole = per_opening(regroup(ask, None))
        n, d, total = whole.numerator, whole.denominator, whole.total
    table = frame(rows).drop("id") if ask.by is None else frame(order(ask, rows, "denominator"))
    return Finding(table, total, n, d, got.sql, q.params, False, unplaced(ask))


def lq(ask: Scope) -> Finding:
    """(AI in the group / AI) over (non-AI in the group / non-AI), with a log-scale employer-cluster interval."""
    q = ask.query()
    found = sums(ask, q, ask.by, vocab.definition_sql(ask.definition))
    whole = _pair(found.whole)
    rows = []
    for id_, s in found.groups.items():
        aa, ab, ba, bb = s.raw[[N_ALL_N, N_ALL_M, M_ALL_N, M_ALL_M]].tolist()
        part = _pair(s)
        e = intervals.quotient(part, whole, (aa, ab, ba, bb), q.unit)
        rows.append(row(ask, id_, e, part.a / q.unit, part.b / q.unit, s.rows_n, s.employers, weak=True))
    rows.sort(key=lambda r: (r["value"] is None, -(r["value"] or 0), r["id"]))
    total = sum(r["numerator"] for r in rows)
    placed = unplaced(ask, whole.a / q.unit)
    return Finding(frame(rows), EMPTY, total, sum(r["denominator"] for r in rows), found.sql, q.params, False, placed)


def _pair(s: Sum) -> intervals.Pair:
    """AI and other openings of some rows."""
    return intervals.Pair(*s.raw[[N, M, NN, NM, MM]].tolist())
