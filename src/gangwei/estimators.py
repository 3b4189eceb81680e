"""How each kind of measure is computed: one statement over `fact` that sums integers, then ratios and intervals at the end."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from gangwei import intervals
from gangwei import vocabulary as vocab
from gangwei.intervals import Estimate, Floats, Ints

if TYPE_CHECKING:
    from gangwei.measures import Scope
    from gangwei.vocabulary import Query

EMPTY = Estimate(math.nan, math.nan, math.nan, 0.0, "none")
COLUMNS: dict[str, type[pl.DataType]] = {
    "id": pl.String, "numerator": pl.Float64, "denominator": pl.Float64, "value": pl.Float64, "low": pl.Float64,
    "high": pl.Float64, "n_eff": pl.Float64, "openings": pl.Int64, "employers": pl.Int64, "suppressed": pl.Boolean,
}  # fmt: skip


@dataclass
class Finding:
    """What an estimator found: rows by group, the whole, and the statement that was run."""

    rows: pl.DataFrame
    total: Estimate
    numerator: float
    denominator: float
    sql: str
    params: dict[str, Any]
    suppressed: bool = False
    unplaced: float = 0.0
    notes: tuple[str, ...] = field(default_factory=tuple)


def _run(ask: Scope, sql: str, q: Query) -> list[tuple[Any, ...]]:
    return ask.ds.rows(sql, q.params)


def _frame(rows: list[dict[str, Any]], extra: dict[str, type[pl.DataType]] | None = None) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=COLUMNS | (extra or {}))


def _row(ask: Scope, id_: str, e: Estimate, num: float, den: float, openings: int, employers: int, weak: bool) -> dict[str, Any]:
    hide = weak and (e.n_eff < ask.settings["minimum_n_eff"] or employers < ask.settings["minimum_employers"])
    gone = hide or not math.isfinite(e.value)
    return {
        "id": id_, "numerator": num, "denominator": den, "value": None if gone else e.value,
        "low": None if gone or not math.isfinite(e.low) else e.low, "high": None if gone or not math.isfinite(e.high) else e.high,
        "n_eff": e.n_eff, "openings": openings, "employers": employers, "suppressed": hide,
    }  # fmt: skip


def _unplaced(ask: Scope) -> float:
    """Openings of the population that no row of a place dimension holds (nationwide, remote, ambiguous, unknown)."""
    if ask.by not in vocab.PLACES:
        return 0.0
    q = ask.restrict(ask.query())
    if q.by_place:
        return 0.0
    located = ask.restrict(ask.query())
    vocab.group(located, ask.by)
    whole = _run(ask, f"SELECT count(*) {q.source()}", q)[0][0]
    held = _run(ask, f"SELECT CAST(sum({located.weight}) AS HUGEINT) {located.source()}", located)[0][0]
    return float(whole) - float(held or 0) / located.unit


def _order(ask: Scope, rows: list[dict[str, Any]], key: str = "numerator") -> list[dict[str, Any]]:
    """Ordered codes keep their order, dates go by date, all else by size."""
    from gangwei.frame import CODES, DEFENCE_RUNGS

    fixed = {"defence_tier": DEFENCE_RUNGS, "definition": tuple(vocab.DEFINITIONS)} | {
        k: v for k, (_, v) in CODES.items() if k in ("education", "experience", "seniority", "tier")
    }
    if ask.by in fixed:
        place = {v: i for i, v in enumerate(fixed[ask.by])}
        return sorted(rows, key=lambda r: (place.get(r["id"], len(place)), r["id"]))
    if ask.by in vocab.DATES:
        return sorted(rows, key=lambda r: (r["id"] == "unknown", r["id"]))
    return sorted(rows, key=lambda r: (r["id"] == "unknown", -(r[key] or 0), r["id"]))


def _employer_ids(ask: Scope, raw: list[Any]) -> dict[Any, str]:
    if ask.by != "employer":
        return {}
    found = ask.ds.rows("SELECT emp_no, employer_id FROM employer_no WHERE list_contains($ids, emp_no)", {"ids": raw})
    return dict(found)


def share(ask: Scope) -> Finding:
    """Numerator over denominator in each group, and over all."""
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
    got = _run(ask, sql, q)
    ids = _employer_ids(ask, [r[0] for r in got])
    rows = []
    for g_, n, d, nn, nd, dd, rows_n, _, employers in got:
        e = intervals.cluster_share(float(n), float(d), float(nn), float(nd), float(dd), int(employers), q.unit)
        id_ = ids.get(g_) or vocab.group_id(ask.by, g_)
        rows.append(_row(ask, id_, e, float(n) / q.unit, float(d) / q.unit, int(rows_n), int(employers), weak=ask.by != "employer"))
    if ask.by is None:
        r = rows[0] if rows else None
        total = intervals.cluster_share(*(float(x) for x in got[0][1:6]), int(got[0][8]), q.unit) if got else EMPTY
        weak = bool(r and r["suppressed"])
        return Finding(_frame(rows).drop("id"), total, r["numerator"] if r else 0.0, r["denominator"] if r else 0.0, sql, q.params, weak)
    whole = share(_whole(ask))
    return Finding(_frame(_order(ask, rows, "denominator")), whole.total, whole.numerator, whole.denominator, sql, q.params, whole.suppressed, _unplaced(ask))


def _whole(ask: Scope) -> Scope:
    from dataclasses import replace

    return replace(ask, by=None)


def _cells(ask: Scope, q: Query, g: str, sums: str = "") -> str:
    return f"SELECT {g} AS g, f.emp_no AS emp_no, CAST(sum({q.weight}) AS HUGEINT) AS n, count(*) AS k{sums} {q.source()} GROUP BY 1, 2"


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
        f"WITH e AS ({_cells(ask, q, g)}), whole AS ({whole_sql}), "
        "t AS (SELECT sum(t) AS total, sum(t * t) AS tt, count(*) AS employers FROM whole) "
        "SELECT e.g, sum(e.n), any_value(t.total), sum(e.n * e.n), sum(e.n * w.t), any_value(t.tt), sum(e.k), count(*), any_value(t.employers) "
        "FROM e JOIN whole w ON w.emp_no = e.emp_no CROSS JOIN t GROUP BY e.g"
    )
    got = ask.ds.rows(sql, base.params)
    ids = _employer_ids(ask, [r[0] for r in got])
    rows, total = [], 0.0
    n_eff = 0.0
    for g_, n, t, nn, nt, tt, k, employers, all_employers in got:
        e = intervals.cluster_share(float(n), float(t), float(nn), float(nt), float(tt), int(all_employers), q.unit)
        total, n_eff = float(t) / q.unit, float(t) ** 2 / float(tt)
        id_ = ids.get(g_) or vocab.group_id(ask.by, g_)
        rows.append(_row(ask, id_, e, float(n) / q.unit, float(t) / q.unit, int(k), int(employers), weak=False))
    head = EMPTY
    if ask.by == "cluster" and total > 0:
        outside = next((r for r in rows if r["id"] == "outside"), None)
        out, low, high = (outside["value"], outside["low"], outside["high"]) if outside else (0.0, *intervals.wilson(0.0, n_eff))
        head = Estimate(1 - out, 1 - high, 1 - low, outside["n_eff"] if outside else n_eff, "employer_wilson")
    inside = sum(r["numerator"] for r in rows if r["id"] != "outside")
    return Finding(_frame(_order(ask, rows)), head, inside, total, sql, base.params, False, _unplaced(ask))


def _retag(sql: str) -> str:
    import re

    return re.sub(r"\$p(\d+)", r"$t_p\1", sql)


def count(ask: Scope) -> Finding:
    """Openings, in groups or all."""
    q = ask.restrict(ask.query())
    g = vocab.group(q, ask.by)
    sql = f"WITH e AS ({_cells(ask, q, g)}) SELECT g, sum(n), sum(n * n), sum(k), count(*) FROM e GROUP BY g"
    got = _run(ask, sql, q)
    ids = _employer_ids(ask, [r[0] for r in got])
    rows = []
    for g_, n, nn, k, employers in got:
        e = intervals.cluster_count(float(n), float(nn), q.unit)
        rows.append(_row(ask, ids.get(g_) or vocab.group_id(ask.by, g_), e, e.value, e.value, int(k), int(employers), weak=False))
    if ask.by is None:
        total = intervals.cluster_count(float(got[0][1]), float(got[0][2]), q.unit) if got else Estimate(0, 0, 0, 0, "employer_count")
        return Finding(_frame(rows).drop("id"), total, total.value, total.value, sql, q.params)
    whole = count(_whole(ask))
    return Finding(_frame(_order(ask, rows)), whole.total, whole.numerator, whole.denominator, sql, q.params, False, _unplaced(ask))


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
        return np.bincount(self.group, self.weight, len(self.ids))

    def count_rows(self) -> Ints:
        """Counted rows by group."""
        return np.bincount(self.group, self.rows, len(self.ids)).astype(np.int64)

    def employers(self) -> Ints:
        """Distinct employers by group."""
        return np.bincount(self.group, minlength=len(self.ids)).astype(np.int64)

    def draws(self, replicates: int) -> Floats:
        """Bootstrap totals, (replicates, groups)."""
        return intervals.bootstrap_totals(self.cluster, self.group, self.weight, len(self.ids), replicates)


def cells(ask: Scope) -> Cells:
    """Fetch the population by (employer, group), ordered so that equal data give equal draws."""
    q = ask.restrict(ask.query())
    g = vocab.group(q, ask.by)
    sql = f"WITH e AS ({_cells(ask, q, g)}) SELECT g, emp_no, n, k FROM e WHERE g IS NOT NULL ORDER BY emp_no, g"
    got = _run(ask, sql, q)
    raw = sorted({r[0] for r in got})
    at = {g_: i for i, g_ in enumerate(raw)}
    names = _employer_ids(ask, raw)
    return Cells(
        [names.get(g_) or vocab.group_id(ask.by, g_) for g_ in raw],
        np.array([at[r[0]] for r in got], dtype=np.int64),
        np.array([r[1] for r in got], dtype=np.int64),
        np.array([float(r[2]) / q.unit for r in got], dtype=np.float64),
        np.array([r[3] for r in got], dtype=np.int64),
        sql,
        q.params,
    )


def _rank_rows(ask: Scope, c: Cells, k: int) -> tuple[list[dict[str, Any]], Floats]:
    observed, draws = c.observed, c.draws(ask.settings["replicates"])
    total = observed.sum()
    spread = intervals.ranks(observed, draws, k)
    sums = draws.sum(axis=1, keepdims=True)
    shares = np.divide(draws, sums, out=np.full_like(draws, np.nan), where=sums > 0)
    rows_n, employers = c.count_rows(), c.employers()
    rows = []
    for i in np.argsort(spread.rank):
        value = float(observed[i] / total) if total else math.nan
        low, high = intervals.percentile(shares[:, i], value)
        e = Estimate(value, low, high, float(employers[i]), "employer_bootstrap")
        row = _row(ask, c.ids[i], e, float(observed[i]), float(total), int(rows_n[i]), int(employers[i]), weak=False)
        rows.append(row | {"rank": int(spread.rank[i]), "rank_low": int(spread.low[i]), "rank_high": int(spread.high[i]), "in_top": float(spread.in_top[i])})
    return rows, draws


RANK_COLUMNS: dict[str, type[pl.DataType]] = {"rank": pl.Int64, "rank_low": pl.Int64, "rank_high": pl.Int64, "in_top": pl.Float64}


def rank(ask: Scope) -> Finding:
    """Groups by size, with the spread of their rank and the probability of being among the k largest."""
    c = cells(ask)
    rows, _ = _rank_rows(ask, c, int(ask.settings["top_k"]))
    head = Estimate(rows[0]["value"], rows[0]["low"], rows[0]["high"], rows[0]["n_eff"], "employer_bootstrap") if rows and rows[0]["value"] is not None else EMPTY
    total = float(c.observed.sum())
    return Finding(_frame(rows, RANK_COLUMNS), head, rows[0]["numerator"] if rows else 0.0, total, c.sql, c.params, False, _unplaced(ask))


def top(ask: Scope) -> Finding:
    """Share of the k largest groups; rows as for ranks, only those k."""
    c = cells(ask)
    k = int(ask.settings["top_k"])
    rows, draws = _rank_rows(ask, c, k)
    total = float(c.observed.sum())
    if total <= 0:
        return Finding(_frame([], RANK_COLUMNS), EMPTY, 0.0, 0.0, c.sql, c.params)
    value = sum(r["numerator"] for r in rows[:k]) / total
    low, high = intervals.centred(intervals.top_share(draws, k), value)
    e = Estimate(value, low, high, float(len(np.unique(c.cluster))), "employer_bootstrap")
    return Finding(_frame(rows[:k], RANK_COLUMNS), e, value * total, total, c.sql, c.params, False, _unplaced(ask))


def hhi(ask: Scope) -> Finding:
    """Herfindahl-Hirschman index of the groups."""
    c = cells(ask)
    total = float(c.observed.sum())
    if total <= 0:
        return Finding(_frame([]).drop("id"), EMPTY, 0.0, 0.0, c.sql, c.params)
    value = float(intervals.herfindahl(c.observed[None, :])[0])
    low, high = intervals.centred(intervals.herfindahl(c.draws(ask.settings["replicates"])), value)
    e = Estimate(value, low, high, float(len(np.unique(c.cluster))), "employer_bootstrap")
    row = _row(ask, "", e, total, total, int(c.rows.sum()), len(np.unique(c.cluster)), weak=False)
    return Finding(_frame([row]).drop("id"), e, total, total, c.sql, c.params, False, _unplaced(ask))


def coverage(ask: Scope) -> Finding:
    """Groups with at least one opening: at least those that two employers hold, at most Chao's estimate with the unseen."""
    c = cells(ask)
    employers = c.employers()
    seen = len(c.ids)
    once, twice = int((employers == 1).sum()), int((employers == 2).sum())
    unseen = once * (once - 1) / (2 * (twice + 1))
    cap = sum(1 for p in ask.ds.places.values() if p.level == 2) + 7 if ask.by == "city" and ask.ds.places else math.inf
    e = Estimate(float(seen), float(seen - once), float(min(seen + unseen, max(cap, seen))), float(len(np.unique(c.cluster))), "support_range")
    observed, rows_n = c.observed, c.count_rows()
    rows = [
        _row(ask, c.ids[i], Estimate(float(observed[i]), math.nan, math.nan, float(employers[i]), "none"), float(observed[i]), float(observed[i]), int(rows_n[i]), int(employers[i]), weak=False)
        for i in range(seen)
    ]
    return Finding(_frame(_order(ask, rows)), e, float(seen), float(seen), c.sql, c.params, False, _unplaced(ask))


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
    got = _run(ask, sql, q)
    ids = _employer_ids(ask, [r[0] for r in got])
    for g_, a, b, aa, ab, bb, k, employers, ta, tb in got:
        a, b, ta, tb = float(a), float(b), float(ta or 0), float(tb or 0)
        id_ = ids.get(g_) or vocab.group_id(ask.by, g_)
        n_eff = (a + b) ** 2 / (float(aa) + 2 * float(ab) + float(bb)) if a + b else 0.0
        if a <= 0 or b <= 0 or ta <= 0 or tb <= 0:
            value = 0.0 if a <= 0 and b > 0 and ta > 0 else math.nan
            rows.append(_row(ask, id_, Estimate(value, math.nan, math.nan, n_eff, "employer_delta"), a / q.unit, b / q.unit, int(k), int(employers), weak=True))
            continue
        value = (a / ta) / (b / tb)
        variance = max(float(aa) / (a * a) - 2 * float(ab) / (a * b) + float(bb) / (b * b), 0.0)
        half = intervals.Z95 * math.sqrt(variance)
        e = Estimate(value, value * math.exp(-half), value * math.exp(half), n_eff, "employer_delta")
        rows.append(_row(ask, id_, e, a / q.unit, b / q.unit, int(k), int(employers), weak=True))
    rows.sort(key=lambda r: (r["value"] is None, -(r["value"] or 0), r["id"]))
    total = sum(r["numerator"] for r in rows)
    return Finding(_frame(rows), EMPTY, total, sum(r["denominator"] for r in rows), sql, q.params, False, _unplaced(ask))


def emerging(ask: Scope) -> Finding:
    """Cities that meet the stated rule of settings.toml: beyond the leaders, large enough, specialised, and growing."""
    rule = ask.settings["emerging"]
    quotients = lq(ask).rows
    q = ask.restrict(ask.query())
    g = vocab.group(q, ask.by)
    span = _run(ask, f"SELECT min(f.first_date), max(f.first_date), count(*) FILTER (f.first_date IS NOT NULL AND f.date_precision <> 'year'), count(*) {q.source()}", q)[0]
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
        growth = {vocab.group_id(ask.by, g_): (float(a) / q.unit, float(b) / q.unit) for g_, a, b in _run(ask, sql, q)}
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
    return Finding(_frame(rows, {"growth": pl.Float64}), e, hit, total, sql, q.params, False, _unplaced(ask), tuple(notes))


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
            part["v"].cast(pl.Float64).to_numpy(), part["w"].cast(pl.Float64).to_numpy() / q.unit, part["emp_no"].cast(pl.Int64).to_numpy()
        )

    rows = []
    if ask.by is not None:
        names = _employer_ids(ask, got["g"].unique().drop_nulls().to_list())
        for key, part in sorted(got.group_by("g"), key=lambda kv: str(kv[0][0])):
            e, w = one(part), float(part["w"].sum()) / q.unit
            id_ = names.get(key[0]) or vocab.group_id(ask.by, key[0])
            rows.append(_row(ask, id_, e, w, w, int(part["k"].sum()), part["emp_no"].n_unique(), weak=True))
    total, weight = one(got), float(got["w"].sum()) / q.unit
    weak = total.n_eff < ask.settings["minimum_n_eff"]
    if ask.by is None:
        rows = [_row(ask, "", total, weight, weight, int(got["k"].sum()), got["emp_no"].n_unique(), weak=True)] if weight else []
        return Finding(_frame(rows).drop("id"), EMPTY if weak else total, weight, weight, sql, q.params, weak)
    return Finding(_frame(_order(ask, rows)), EMPTY if weak else total, weight, weight, sql, q.params, weak, _unplaced(ask))


def premium(ask: Scope) -> Finding:
    """Median pay of AI openings over that of non-AI openings reweighted to the same province, education and experience."""
    from dataclasses import replace

    column, hit = f"f.{ask.measure.column}", vocab.definition_sql(ask.definition)
    q = replace(ask, by=None).query()
    q.clauses.append(f"{column} IS NOT NULL")
    sql = (
        f"SELECT CAST(coalesce(f.province, 0) AS VARCHAR) || '|' || coalesce(CAST(f.education AS VARCHAR), '') || '|' || coalesce(CAST(f.experience AS VARCHAR), '') AS cell, "
        f"{hit} AS ai, {column} AS v, f.emp_no, CAST(sum({q.weight}) AS BIGINT) AS w {q.source()} GROUP BY 1, 2, 3, 4 ORDER BY 4, 1, 3, 2"
    )
    cur = ask.ds.cursor()
    got = cur.execute(sql, q.params).pl().with_columns(pl.col("w").cast(pl.Float64) / q.unit, pl.col("v").cast(pl.Float64))
    cur.close()
    both = got.group_by("cell").agg(
        pl.col("w").filter(pl.col("ai")).sum().alias("wa"), pl.col("w").filter(~pl.col("ai")).sum().alias("wb")
    ).filter((pl.col("wa") > 0) & (pl.col("wb") > 0))  # fmt: skip
    data = got.join(both, on="cell", maintain_order="left")
    if data.is_empty():
        return Finding(_frame([]).drop("id"), EMPTY, 0.0, 0.0, sql, q.params, True)
    ai = data["ai"].to_numpy()
    weight = np.where(ai, data["w"].to_numpy(), data["w"].to_numpy() * data["wa"].to_numpy() / data["wb"].to_numpy())
    v, who = data["v"].to_numpy(), data["emp_no"].cast(pl.Int64).to_numpy()
    a = intervals.cluster_median(v[ai], weight[ai], who[ai])
    b = intervals.cluster_median(v[~ai], weight[~ai], who[~ai])
    value = a.value / b.value if b.value else math.nan
    # Widths of the two medians combined on the log scale: employers of both sides overlap little.
    half = [math.hypot(math.log(x.value / y) if y > 0 else 0.0, math.log(z / w) if w > 0 else 0.0) for x, y, z, w in ((a, a.low, b.high, b.value), (a, a.value, b.value, b.low))]
    up = math.hypot(math.log(a.high / a.value), math.log(b.value / b.low)) if a.value and b.low else half[1]
    e = Estimate(value, value * math.exp(-half[0]), value * math.exp(up), min(a.n_eff, b.n_eff), "woodruff")
    weak = e.n_eff < ask.settings["minimum_n_eff"]
    n = float(weight[ai].sum())
    row = _row(ask, "", e, n, float(data["w"].to_numpy()[~ai].sum()), int(round(n)), len(np.unique(who)), weak=True)
    return Finding(_frame([row]).drop("id"), EMPTY if weak else e, n, row["denominator"], sql, q.params, weak)


def grains(ask: Scope) -> Finding:
    """The population counted at the four grains."""
    from dataclasses import replace

    rows, sql = [], ""
    for grain in ("ad", "exact", "opening", "spell"):
        found = count(replace(ask, grain=grain, by=None))
        sql = sql or found.sql
        rows.append(_row(ask, grain, found.total, found.numerator, found.numerator, int(found.numerator), 0, weak=False))
    ads, openings = rows[0]["numerator"], rows[2]["numerator"]
    e = Estimate(ads / openings, math.nan, math.nan, openings, "none") if openings else EMPTY
    return Finding(_frame(rows), e, ads, openings, sql, {})


def stock(ask: Scope) -> Finding:
    """Openings live in each month: first seen no later than its last day, last seen no earlier than its first."""
    q = ask.restrict(replace_by(ask, None).query())
    span = _run(ask, f"SELECT min(f.first_date), max(f.last_date) {q.source()}", q)[0]
    if span[0] is None:
        return Finding(_frame([]), EMPTY, 0.0, 0.0, "", q.params, notes=("no_dates",))
    first, last = max(span[0], dt.date(1995, 1, 1)).replace(day=1), span[1]
    months = q.bind(first), q.bind(last)
    sql = (
        f"WITH m AS (SELECT CAST(unnest(generate_series({months[0]}::DATE, {months[1]}::DATE, INTERVAL 1 MONTH)) AS DATE) AS d), "
        f"o AS (SELECT f.emp_no, f.first_date AS a, f.last_date AS b, {q.weight} AS w {q.source()} AND f.first_date IS NOT NULL) "
        "SELECT strftime(m.d, '%Y-%m'), CAST(sum(o.w) AS HUGEINT), count(*), count(DISTINCT o.emp_no) FROM m JOIN o ON o.a < m.d + INTERVAL 1 MONTH AND o.b >= m.d GROUP BY 1 ORDER BY 1"
    )
    rows = [
        _row(ask, str(g), Estimate(float(w) / q.unit, math.nan, math.nan, float(e), "none"), float(w) / q.unit, float(w) / q.unit, int(k), int(e), weak=False)
        for g, w, k, e in _run(ask, sql, q)
    ]
    peak = max((r["numerator"] for r in rows), default=0.0)
    return Finding(_frame(rows), Estimate(peak, math.nan, math.nan, 0.0, "none"), peak, peak, sql, q.params)


def replace_by(ask: Scope, by: str | None) -> Scope:
    """The same question with another group."""
    from dataclasses import replace

    return replace(ask, by=by)


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
        rows.append(_row(ask, vocab.group_id(ask.by, key[0]), e, float(w.sum()), float(w.sum()), int(w.sum()), part["emp_no"].n_unique(), weak=True))
    w = got["w"].cast(pl.Float64).to_numpy() / q.unit
    total = intervals.cluster_median(got["v"].cast(pl.Float64).to_numpy(), w, got["emp_no"].cast(pl.Int64).to_numpy())
    weak = total.n_eff < ask.settings["minimum_n_eff"]
    frame = _frame(_order(ask, rows) if ask.by else rows)
    return Finding(frame if ask.by else frame.drop("id"), EMPTY if weak else total, float(w.sum()), float(w.sum()), sql, q.params, weak)


_TERMS = (
    "WITH o AS (SELECT f.ad_id, f.emp_no {source}), "
    "h AS (SELECT DISTINCT o.ad_id, o.emp_no, split_part(d.rule_id, '.', 1) AS term FROM decisions d JOIN o ON o.ad_id = d.ad_id "
    "WHERE d.decision = 'ai_term' AND d.rule_id IS NOT NULL AND NOT suffix(coalesce(d.reason_id, ''), '@blurb')) "
)


def _named(ask: Scope, tail: str) -> Finding:
    q = ask.restrict(replace_by(ask, None).query())
    whole = int(_run(ask, f"SELECT count(*) {q.source()}", q)[0][0])
    sql = _TERMS.format(source=q.source()) + tail
    rows = []
    for g, n, employers in _run(ask, sql, q):
        low, high = intervals.wilson(n / whole, min(whole, max(employers, 1)))
        e = Estimate(n / whole, min(low, n / whole), max(high, n / whole), float(employers), "employer_wilson")
        rows.append(_row(ask, str(g), e, float(n), float(whole), int(n), int(employers), weak=False))
    return Finding(_frame(rows), EMPTY, float(whole), float(whole), sql, q.params)


def terms(ask: Scope) -> Finding:
    """Share of the population that names each concept in title, duties or requirements, from the evidence rows."""
    return _named(ask, "SELECT term, count(*), count(DISTINCT emp_no) FROM h GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 200")


def pairs(ask: Scope) -> Finding:
    """Share of the population that names two concepts together."""
    return _named(
        ask,
        "SELECT a.term || ' + ' || b.term, count(*), count(DISTINCT a.emp_no) FROM h a JOIN h b ON a.ad_id = b.ad_id AND a.term < b.term "
        "GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 200",
    )


ESTIMATORS: dict[str, Callable[[Any], Finding]] = {
    "share": share, "mix": mix, "count": count, "rank": rank, "top": top, "hhi": hhi, "coverage": coverage, "lq": lq,
    "emerging": emerging, "median": median, "premium": premium, "grains": grains, "stock": stock, "duration": duration,
    "terms": terms, "pairs": pairs,
}  # fmt: skip
