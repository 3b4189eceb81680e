"""Medians of pay and duration, the pay premium over matched openings, and the stock of live openings."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from gangwei import intervals
from gangwei import vocabulary as vocab
from gangwei.intervals import Estimate
from gangwei.measures_found import EMPTY, Finding, employer_ids, frame, order, regroup, row, run, unplaced

if TYPE_CHECKING:
    from gangwei.measures import Scope


def median(ask: Scope) -> Finding:
    """Median of a money column with Woodruff's interval, in groups and over all."""
    column = f"f.{ask.measure.column}"
    q = ask.restrict(ask.query())
    g = vocab.group(q, ask.by)
    q.clauses.append(f"{column} IS NOT NULL")
    sql = f"SELECT {g} AS g, {column} AS v, f.emp_no, CAST(sum({q.weight}) AS BIGINT) AS w, count(*) AS k {q.source()} GROUP BY 1, 2, 3 ORDER BY 3, 2, 1"
    cur = ask.ds.cursor()
    got = cur.execute(sql, q.params).pl()
    cur.close()

    def one(part: pl.DataFrame) -> Estimate:
        return intervals.cluster_median(
            part["v"].cast(pl.Float64).to_numpy(),
            part["w"].cast(pl.Float64).to_numpy() / q.unit,
            part["emp_no"].cast(pl.Int64).to_numpy(),
        )

    rows = []
    if ask.by is not None:
        names = employer_ids(ask, got["g"].unique().drop_nulls().to_list())
        for key, part in sorted(got.group_by("g"), key=lambda kv: str(kv[0][0])):
            e, w = one(part), float(part["w"].sum()) / q.unit
            id_ = names.get(key[0]) or vocab.group_id(ask.by, key[0])
            rows.append(row(ask, id_, e, w, w, int(part["k"].sum()), part["emp_no"].n_unique(), weak=True))
    total, weight = one(got), float(got["w"].sum()) / q.unit
    weak = total.n_eff < ask.settings["minimum_n_eff"]
    if ask.by is None:
        rows = (
            [row(ask, "", total, weight, weight, int(got["k"].sum()), got["emp_no"].n_unique(), weak=True)]
            if weight
            else []
        )
        return Finding(frame(rows).drop("id"), EMPTY if weak else total, weight, weight, sql, q.params, weak)
    return Finding(
        frame(order(ask, rows)), EMPTY if weak else total, weight, weight, sql, q.params, weak, unplaced(ask)
    )


def premium(ask: Scope) -> Finding:
    """Median pay of AI openings over that of non-AI openings reweighted to the same province, education and experience."""
    column, hit = f"f.{ask.measure.column}", vocab.definition_sql(ask.definition)
    q = regroup(ask, None).query()
    q.clauses.append(f"{column} IS NOT NULL")
    sql = (
        f"SELECT CAST(coalesce(f.province, 0) AS VARCHAR) || '|' || coalesce(CAST(f.education AS VARCHAR), '') || '|' || coalesce(CAST(f.experience AS VARCHAR), '') AS cell, "
        f"{hit} AS ai, {column} AS v, f.emp_no, CAST(sum({q.weight}) AS BIGINT) AS w {q.source()} GROUP BY 1, 2, 3, 4 ORDER BY 4, 1, 3, 2"
    )
    cur = ask.ds.cursor()
    got = (
        cur.execute(sql, q.params)
        .pl()
        .with_columns(pl.col("w").cast(pl.Float64) / q.unit, pl.col("v").cast(pl.Float64))
    )
    cur.close()
    both = got.group_by("cell").agg(
        pl.col("w").filter(pl.col("ai")).sum().alias("wa"), pl.col("w").filter(~pl.col("ai")).sum().alias("wb")
    ).filter((pl.col("wa") > 0) & (pl.col("wb") > 0))  # fmt: skip
    data = got.join(both, on="cell", maintain_order="left")
    if data.is_empty():
        return Finding(frame([]).drop("id"), EMPTY, 0.0, 0.0, sql, q.params, True)
    ai = data["ai"].to_numpy()
    weight = np.where(ai, data["w"].to_numpy(), data["w"].to_numpy() * data["wa"].to_numpy() / data["wb"].to_numpy())
    v, who = data["v"].to_numpy(), data["emp_no"].cast(pl.Int64).to_numpy()
    a = intervals.cluster_median(v[ai], weight[ai], who[ai])
    b = intervals.cluster_median(v[~ai], weight[~ai], who[~ai])
    value = a.value / b.value if b.value else math.nan
    # Widths of the two medians combined on the log scale: employers of both sides overlap little.
    down = math.hypot(_log(a.value, a.low), _log(b.high, b.value))
    up = math.hypot(_log(a.high, a.value), _log(b.value, b.low))
    e = Estimate(value, value * math.exp(-down), value * math.exp(up), min(a.n_eff, b.n_eff), "woodruff")
    weak = e.n_eff < ask.settings["minimum_n_eff"]
    n = float(weight[ai].sum())
    others = float(data["w"].to_numpy()[~ai].sum())
    line = row(ask, "", e, n, others, round(n), len(np.unique(who)), weak=True)
    return Finding(frame([line]).drop("id"), EMPTY if weak else e, n, others, sql, q.params, weak)


def _log(a: float, b: float) -> float:
    return math.log(a / b) if a > 0 and b > 0 else 0.0


def stock(ask: Scope) -> Finding:
    """Openings live in each month: first seen no later than its last day, last seen no earlier than its first."""
    q = ask.restrict(regroup(ask, None).query())
    span = run(ask, f"SELECT min(f.first_date), max(f.last_date) {q.source()}", q)[0]
    if span[0] is None:
        return Finding(frame([]), EMPTY, 0.0, 0.0, "", q.params, notes=("no_dates",))
    first, last = max(span[0], dt.date(1995, 1, 1)).replace(day=1), span[1]
    months = q.bind(first), q.bind(last)
    sql = (
        f"WITH m AS (SELECT CAST(unnest(generate_series({months[0]}::DATE, {months[1]}::DATE, INTERVAL 1 MONTH)) AS DATE) AS d), "
        f"o AS (SELECT f.emp_no, f.first_date AS a, f.last_date AS b, {q.weight} AS w {q.source()} AND f.first_date IS NOT NULL) "
        "SELECT strftime(m.d, '%Y-%m'), CAST(sum(o.w) AS HUGEINT), count(*), count(DISTINCT o.emp_no) FROM m JOIN o ON o.a < m.d + INTERVAL 1 MONTH AND o.b >= m.d GROUP BY 1 ORDER BY 1"
    )
    rows = [
        row(
            ask,
            str(g),
            Estimate(float(w) / q.unit, math.nan, math.nan, float(e), "none"),
            float(w) / q.unit,
            float(w) / q.unit,
            int(k),
            int(e),
            weak=False,
        )
        for g, w, k, e in run(ask, sql, q)
    ]
    peak = max((r["numerator"] for r in rows), default=0.0)
    return Finding(frame(rows), Estimate(peak, math.nan, math.nan, 0.0, "none"), peak, peak, sql, q.params)


def duration(ask: Scope) -> Finding:
    """Median days between first and last sight, openings seen on more than one day."""
    q = ask.restrict(ask.query())
    g = vocab.group(q, ask.by)
    q.clauses.append("f.last_date > f.first_date")
    sql = f"SELECT {g} AS g, f.emp_no, date_diff('day', f.first_date, f.last_date) AS v, CAST(sum({q.weight}) AS BIGINT) AS w {q.source()} GROUP BY 1, 2, 3 ORDER BY 2, 3, 1"
    cur = ask.ds.cursor()
    got = cur.execute(sql, q.params).pl()
    cur.close()
    rows = []
    for key, part in sorted(got.group_by("g"), key=lambda kv: str(kv[0][0])):
        w = part["w"].cast(pl.Float64).to_numpy() / q.unit
        e = intervals.cluster_median(part["v"].cast(pl.Float64).to_numpy(), w, part["emp_no"].cast(pl.Int64).to_numpy())
        rows.append(
            row(
                ask,
                vocab.group_id(ask.by, key[0]),
                e,
                float(w.sum()),
                float(w.sum()),
                int(w.sum()),
                part["emp_no"].n_unique(),
                weak=True,
            )
        )
    w = got["w"].cast(pl.Float64).to_numpy() / q.unit
    total = intervals.cluster_median(got["v"].cast(pl.Float64).to_numpy(), w, got["emp_no"].cast(pl.Int64).to_numpy())
    weak = total.n_eff < ask.settings["minimum_n_eff"]
    lines = frame(order(ask, rows)) if ask.by else frame(rows).drop("id")
    return Finding(
        lines,
        EMPTY if weak else total,
        float(w.sum()),
        float(w.sum()),
        sql,
        q.params,
        weak,
    )
