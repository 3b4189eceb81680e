"""Ranks, concentration and coverage of groups, with a bootstrap over employers; cities that emerge."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from gangwei import intervals
from gangwei import vocabulary as vocab
from gangwei.frame.columns import MUNICIPAL
from gangwei.intervals import Estimate, Floats, Ints
from gangwei.kernels.match.cluster_sums import Array
from gangwei.kernels.match.cluster_sums import cells as cells_of
from gangwei.measures import grouping
from gangwei.measures.found import COLUMNS, EMPTY, Finding, employer_ids, frame, order, row, run, unplaced
from gangwei.measures.shares import lq
from gangwei.measures.sums import NO_WEIGHTS, fetch, fixed, numbered

if TYPE_CHECKING:
    from gangwei.measures.answer import Scope


HEAD = 300
SAME = 1e-9


@dataclass
class Cells:
    """Population by (employer, group) as arrays; weights in openings."""

    ids: list[str]
    group: Ints
    cluster: Ints
    weight: Floats
    rows: Ints
    sql: str
    params: dict[str, Any]

    @property
    def observed(self) -> Floats:
        """Openings by group."""
        return np.bincount(self.group, self.weight, len(self.ids)).astype(np.float64)

    def count_rows(self) -> Ints:
        """Counted rows by group."""
        return np.bincount(self.group, self.rows, len(self.ids)).astype(np.int64)

    def employers(self) -> Ints:
        """Distinct employers by group."""
        return np.bincount(self.group, minlength=len(self.ids)).astype(np.int64)

    def head(self) -> Cells:
        """The same cells with all but the `HEAD` largest groups pooled into one last group, '' (when there are more)."""
        if len(self.ids) <= HEAD:
            return self
        order = np.lexsort((np.arange(len(self.ids)), -self.observed))
        place = np.full(len(self.ids), HEAD, dtype=np.int64)
        place[order[:HEAD]] = np.arange(HEAD)
        names = [self.ids[i] for i in order[:HEAD]] + [""]
        return Cells(names, place[self.group], self.cluster, self.weight, self.rows, self.sql, self.params)

    def draws(self, replicates: int) -> Floats:
        """Shares by group in bootstrap draws, (replicates, groups); draws without an opening are left out."""
        totals = intervals.bootstrap_totals(self.cluster, self.group, self.weight, len(self.ids), replicates)
        sums = totals.sum(axis=1, keepdims=True)
        drawn = sums[:, 0] > 0
        return np.asarray(totals[drawn] / sums[drawn])

    def shares(self) -> list[Estimate]:
        """Share of each group, with the employer-cluster interval that `mix` gives it."""
        _, who = np.unique(self.cluster, return_inverse=True)
        of = np.bincount(who, self.weight)
        n, total, tt = self.observed, float(self.weight.sum()), float(of @ of)
        nn = np.bincount(self.group, self.weight * self.weight, len(self.ids))
        nt = np.bincount(self.group, self.weight * of[who], len(self.ids))
        sums = zip(n.tolist(), nn.tolist(), nt.tolist())
        return [intervals.cluster_share(a, total, aa, at, tt, len(of)) for a, aa, at in sums]


def cells(ask: Scope) -> Cells:
    """Fetch the population by (employer, group), ordered so that equal data give equal draws."""
    q = ask.restrict(ask.query())
    code = grouping.coded(q, ask.by)
    fetched = fetch(q, code)
    g, ids = numbered(ask, code, None, fetched)
    got = fetched.columns
    if code.bits:
        rows, g = _each_bit(g, code.bits)
        got = {k: v[rows] for k, v in got.items()}
    who, held, n, k = cells_of(fixed(got["emp_no"]), fixed(g), fixed(got.get("w", NO_WEIGHTS)), len(ids))
    present, place = np.unique(held, return_inverse=True)
    names = np.array(ids, dtype=object)[present]
    # By name, so that the draws do not depend on how a dimension is coded.
    order = np.argsort(names, kind="stable") if code.ids else np.arange(len(names))
    return Cells(
        names[order].tolist(), np.argsort(order)[place].astype(np.int64), who, n / q.unit, k, fetched.sql, q.params
    )


def named(ask: Scope, ids: list[str]) -> list[str]:
    """Ids of groups; employers stand in cells by their number."""
    if ask.by != "employer":
        return ids
    names = employer_ids(ask, [int(i) for i in ids])
    return [names[int(i)] for i in ids]


def _each_bit(masks: Array, bits: Sequence[int]) -> tuple[Array, Array]:
    """(row, group) for each bit of the masks, in the order of the rows."""
    found = [np.flatnonzero((masks >> b) & 1) for b in bits]
    rows = np.concatenate(found)
    groups = np.repeat(np.arange(len(bits), dtype=np.int32), [len(f) for f in found])
    order = np.argsort(rows, kind="stable")
    return rows[order], groups[order]


RANK_COLUMNS: dict[str, type[pl.DataType]] = {
    "rank": pl.Int64,
    "rank_low": pl.Int64,
    "rank_high": pl.Int64,
    "in_top": pl.Float64,
}


def _rank_rows(ask: Scope, cells_: Cells, k: int) -> tuple[list[dict[str, Any]], Floats, Floats]:
    """Rows of the `HEAD` largest groups, their shares and those in bootstrap draws, (replicates, groups)."""
    c = cells_.head()
    n = min(len(c.ids), HEAD)
    total = float(c.observed.sum())
    estimates = c.shares()[:n]
    observed, draws = np.array([e.value for e in estimates]), c.draws(ask.settings["replicates"])[:, :n]
    spread = intervals.ranks(observed, draws, k)
    names = named(ask, c.ids[:n])
    openings, rows_n, employers = c.observed, c.count_rows(), c.employers()
    single = ask.by == "employer"
    rows = []
    for i in np.argsort(spread.rank):
        # Employers are what the bootstrap draws, so it cannot say how far one employer's own share would move.
        e = replace(estimates[i], low=math.nan, high=math.nan) if single else estimates[i]
        line = row(ask, names[i], e, float(openings[i]), total, int(rows_n[i]), int(employers[i]), weak=False)
        rows.append(
            line
            | {
                "rank": int(spread.rank[i]),
                "rank_low": None if single else int(spread.low[i]),
                "rank_high": None if single else int(spread.high[i]),
                "in_top": None if single else float(spread.in_top[i]),
            }
        )
    return rows, observed, draws


def rank(ask: Scope) -> Finding:
    """Groups by size, with the spread of their rank and the probability of being among the k largest."""
    c = cells(ask)
    rows, _, _ = _rank_rows(ask, c, int(ask.settings["top_k"]))
    head = (
        Estimate(rows[0]["value"], rows[0]["low"], rows[0]["high"], rows[0]["n_eff"], "employer_wilson")
        if rows and rows[0]["value"] is not None
        else EMPTY
    )
    total = float(c.observed.sum())
    return Finding(
        frame(rows, RANK_COLUMNS),
        head,
        rows[0]["numerator"] if rows else 0.0,
        total,
        c.sql,
        c.params,
        False,
        unplaced(ask),
    )


def _drawn(value: float, low: float, high: float, c: Cells, power: int = 1) -> Estimate:
    """An estimate whose interval comes from drawing employers; one that holds most says hardly more than one opening.

    Where every draw is the same (all openings in the groups that are counted) Wilson's interval on the employers: others might
    be elsewhere. `power`: of the share that the figure is at least (2 for the index of concentration).
    """
    _, who = np.unique(c.cluster, return_inverse=True)
    n = float(who.max() + 1)
    held = intervals.kish(np.bincount(who, c.weight).astype(np.float64))
    if held < intervals.ALONE:
        ends, n = intervals.wilson(value, held), held
        low, high = (min(low, ends[0]), max(high, ends[1])) if held > 1 and low <= high else ends
    elif high - low < SAME:
        low, high = intervals.wilson(value, n)
        low **= power
    return Estimate(value, min(low, value), max(high, value), n, "employer_bootstrap")


def top(ask: Scope) -> Finding:
    """Share of the k largest groups; rows as for ranks, only those k."""
    c = cells(ask)
    k = int(ask.settings["top_k"])
    rows, observed, draws = _rank_rows(ask, c, k)
    total = float(c.observed.sum())
    if total <= 0:
        return Finding(frame([], RANK_COLUMNS), EMPTY, 0.0, 0.0, c.sql, c.params)
    held = float(sum(r["numerator"] for r in rows[:k]))
    value = held / total
    if ask.by == "employer":
        low, high = intervals.centred(intervals.top_share(draws, k), value)
    else:
        low, high = intervals.top_interval(observed, draws, k)
    e = _drawn(value, low, high, c)
    return Finding(frame(rows[:k], RANK_COLUMNS), e, held, total, c.sql, c.params, False, unplaced(ask))


def _once_each(ask: Scope, c: Cells) -> int:
    """Openings of all groups, each once, though it lie in several cities."""
    if ask.by not in vocab.PLACES:
        return int(c.rows.sum())
    q = ask.restrict(ask.query())
    grouping.group(q, ask.by)
    return int(run(ask, f"SELECT count(DISTINCT f.row_no) {q.source()}", q)[0][0])


def hhi(ask: Scope) -> Finding:
    """Herfindahl-Hirschman index of the groups."""
    c = cells(ask)
    total = float(c.observed.sum())
    if total <= 0:
        return Finding(frame([]).drop("id"), EMPTY, 0.0, 0.0, c.sql, c.params)
    share = c.observed / total
    value = float(share @ share)
    # The pooled small groups count as one in the draws and in what they are compared with.
    short = c.head()
    draws = intervals.herfindahl(short.draws(ask.settings["replicates"]))
    gap = value - float(intervals.herfindahl(short.observed[None, :] / total)[0])
    if ask.by == "employer":
        low, high = intervals.centred(draws, value)
    else:
        largest = max(short.shares(), key=lambda e: e.value)
        low, high = intervals.unbiased(draws + gap, value, largest.z)
    e = _drawn(value, low, high, c, 2)
    line = row(ask, "", e, total, total, _once_each(ask, c), len(np.unique(c.cluster)), weak=False)
    return Finding(frame([line]).drop("id"), e, total, total, c.sql, c.params, False, unplaced(ask))


def coverage(ask: Scope) -> Finding:
    """Groups with at least one opening: at least those that two employers hold, at most Chao's estimate with the unseen."""
    c = cells(ask)
    employers = c.employers()
    seen = len(c.ids)
    once, twice = int((employers == 1).sum()), int((employers == 2).sum())
    unseen = once * (once - 1) / (2 * (twice + 1))
    known = ask.ds.places and ask.by == "city" and ask.where.get("roll_up") != "county"
    cap = sum(1 for p in ask.ds.places.values() if p.level == 2) + len(MUNICIPAL) if known else math.inf
    e = Estimate(
        float(seen),
        float(seen - once),
        float(min(seen + unseen, max(cap, seen))),
        float(len(np.unique(c.cluster))),
        "support_range",
    )
    observed, rows_n, names = c.observed, c.count_rows(), named(ask, c.ids)
    rows = [
        row(
            ask,
            names[i],
            Estimate(float(observed[i]), math.nan, math.nan, float(employers[i]), "none"),
            float(observed[i]),
            float(observed[i]),
            int(rows_n[i]),
            int(employers[i]),
            weak=False,
        )
        for i in range(seen)
    ]
    return Finding(frame(order(ask, rows)), e, float(seen), float(seen), c.sql, c.params, False, unplaced(ask))


def emerging(ask: Scope) -> Finding:
    """Cities that meet the stated rule of settings.toml: beyond the leaders, large enough, specialised, and growing."""
    rule = ask.settings["emerging"]
    quotients = lq(ask).rows
    q = ask.restrict(ask.query())
    g = grouping.group(q, ask.by)
    span = run(
        ask,
        f"SELECT min(f.first_date), max(f.first_date), count(*) FILTER (f.first_date IS NOT NULL AND f.date_precision <> 'year'), count(*) {q.source()}",
        q,
    )[0]
    first, last, dated, of = span
    notes: list[str] = []
    growth: dict[str, tuple[float, float]] = {}
    middle = first + (last - first) / 2 if first and last else None
    sql = ""
    if middle is not None and (last - first).days >= 2 * rule["min_half_days"] and dated >= 0.5 * of:
        m = q.bind(middle)
        sql = (
            f"SELECT {g} AS g, sum(CASE WHEN f.first_date < {m} THEN {q.weight} ELSE 0 END), sum(CASE WHEN f.first_date >= {m} THEN {q.weight} ELSE 0 END) "
            f"{q.source()} AND f.first_date IS NOT NULL GROUP BY 1"
        )
        growth = {
            grouping.group_id(ask.by, g_): (float(a) / q.unit, float(b) / q.unit) for g_, a, b in run(ask, sql, q)
        }
    else:
        notes.append("emerging_without_growth")
    whole = [sum(v[i] for v in growth.values()) for i in (0, 1)]
    largest = quotients.sort(["numerator", "id"], descending=[True, False])
    leaders = set(largest["id"].head(int(rule.get("leaders", ask.settings["leading_k"]))).to_list())
    rows = []
    for r in largest.to_dicts():
        a, b = growth.get(r["id"], (math.nan, math.nan))
        # Growth of the city's share of all AI openings: collection effort differs between the halves.
        change = (b / whole[1]) / (a / whole[0]) - 1 if growth and a > 0 and min(whole) > 0 else math.nan
        ok = r["id"] not in leaders and r["numerator"] >= rule["min_openings"] and (r["value"] or 0) > rule["min_lq"]
        if growth:
            ok = ok and math.isfinite(change) and change > rule["min_growth"]
        if ok:
            rows.append({k: r[k] for k in COLUMNS} | {"growth": change if math.isfinite(change) else None})
    total = float(quotients["numerator"].sum())
    hit = sum(r["numerator"] for r in rows)
    e = Estimate(hit / total, math.nan, math.nan, math.nan, "none") if total else EMPTY
    return Finding(
        frame(rows, {"growth": pl.Float64}), e, hit, total, sql, q.params, False, unplaced(ask), tuple(notes)
    )
