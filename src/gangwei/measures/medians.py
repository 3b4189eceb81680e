"""Medians of pay and duration, the pay premium over matched openings, and the stock of live openings."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from gangwei import intervals
from gangwei import vocabulary as vocab
from gangwei.frame.columns import CODES
from gangwei.intervals import Estimate, Floats
from gangwei.kernels.match.cluster_sums import Array, histogram, up_to
from gangwei.measures import grouping
from gangwei.measures.found import EMPTY, Finding, frame, order, regroup, row, run, unplaced
from gangwei.measures.sums import Sum, fetch, fixed, numbered, tally

if TYPE_CHECKING:
    from gangwei.measures.answer import Scope
    from gangwei.vocabulary import Query

AT_ONCE = 512


def median(ask: Scope) -> Finding:
    """Median of a money column in yuan with Woodruff's interval, in groups and over all."""
    number = f"f.{numbers_of(ask)}"
    return _medians(ask, number, f"{number} IS NOT NULL", np.asarray(ask.ds.pay_values, np.float64) / 100)


def numbers_of(ask: Scope) -> str:
    """The column of numbers into `Dataset.pay_values` beside a money column."""
    return str(ask.measure.column).removesuffix("_fen") + "_no"


def _medians(ask: Scope, number: str, held: str, values: Floats | None) -> Finding:
    """Medians of `values` by the number of each row, in groups and over all; no values: the number is the value."""
    q = ask.restrict(ask.query())
    code = grouping.coded(q, ask.by)
    q.clauses.append(held)
    fetched = fetch(q, code, v=f"CAST({number} AS INTEGER)")
    got, sql = fetched.columns, fetched.sql
    got["w"] = got["w"] / q.unit if "w" in got else np.ones(len(got["g"]))
    values = np.arange(int(got["v"].max(initial=-1)) + 1, dtype=np.float64) if values is None else values
    total, whole = EMPTY, None
    found: dict[str, tuple[Estimate, Sum]] = {}
    if len(got["g"]):
        everyone = np.zeros(len(got["g"]), np.int32)
        total, whole = medians(got, everyone, [""], (), values)[""]
        if ask.by is not None:
            g, ids = numbered(ask, code, ask.by, fetched)
            found = medians(got, g, ids, code.bits, values)
    weak = total.n_eff < ask.settings["minimum_n_eff"]
    weight = whole.d if whole is not None else 0.0
    if ask.by is None:
        rows = [_row(ask, "", total, whole)] if whole is not None else []
        return Finding(frame(rows).drop("id"), EMPTY if weak else total, weight, weight, sql, q.params, weak)
    table = frame(order(ask, [_row(ask, i, e, s) for i, (e, s) in found.items()]))
    if repeated(ask.by):
        return replace(_medians(regroup(ask, None), number, held, values), rows=table, sql=sql, params=q.params)
    return Finding(table, EMPTY if weak else total, weight, weight, sql, q.params, weak, unplaced(ask))


def repeated(by: str | None) -> bool:
    """True where the rows of a question are repeated for each of their groups, so that the whole needs rows of its own."""
    return by == "skill"


def _row(ask: Scope, id_: str, e: Estimate, s: Sum) -> dict[str, Any]:
    return row(ask, id_, e, s.d, s.d, s.rows, s.employers, weak=True)


def medians(
    got: dict[str, Array], g: Array, ids: Sequence[str], bits: Sequence[int], values: Floats
) -> dict[str, tuple[Estimate, Sum]]:  # fmt: skip
    """Median of each group of rows (columns emp_no, v = number of the value, w) with Woodruff's interval, and its sums.

    The weights of each value are counted, so that no row is sorted; what is below the median is summed by employer.
    """
    out: dict[str, tuple[Estimate, Sum]] = {}
    for kept, numbers, names in _parts(g, ids, bits):
        v, w = (got["v"], got["w"]) if kept is None else (got["v"][kept], got["w"][kept])
        number, v = fixed(numbers), fixed(v)
        table = histogram(number, v, fixed(w), len(names), len(values))
        middles = np.array([intervals.counted_quantile(values, t, 0.5) for t in table])
        below = up_to(number, v, np.searchsorted(values, middles, side="right") - 1)
        who = got["emp_no"] if kept is None else got["emp_no"][kept]
        found = tally({"emp_no": who, "hit": below, "w": w}, numbers, names)
        for n, name in enumerate(names):
            if name in found.groups:
                s = found.groups[name]
                out[name] = intervals.woodruff(values, table[n], middles[n], s.share(1.0)), s
    return out


def _parts(g: Array, ids: Sequence[str], bits: Sequence[int]) -> Iterator[tuple[Array | None, Array, Sequence[str]]]:
    """Groups to count at once: (rows, number of the group of each, ids); overlapping ones come one by one."""
    if bits:
        for id_, b in zip(ids, bits):
            kept = np.flatnonzero((g >> b) & 1)
            yield kept, np.zeros(len(kept), np.int32), [id_]
        return
    names = ids if "unknown" in ids else [*ids, "unknown"]  # `defence` has a code of its own for it
    numbers = np.where(g < 0, np.int32(names.index("unknown")), g)
    if len(names) <= AT_ONCE:
        yield None, numbers, names
        return
    order = np.argsort(numbers, kind="stable")
    edges = np.searchsorted(numbers[order], np.arange(0, len(names) + AT_ONCE, AT_ONCE))
    for n, (a, b) in enumerate(pairwise(edges)):
        first = n * AT_ONCE
        kept = np.sort(order[a:b])
        yield kept, numbers[kept] - first, names[first : first + AT_ONCE]


def cell_sql() -> str:
    """The province, education and experience of an opening as one number."""
    levels = len(CODES["education"][1]) + 1, len(CODES["experience"][1]) + 1
    return (
        f"CAST((coalesce(f.province // 10000, 0) * {levels[0]} + coalesce(enum_code(f.education), {levels[0] - 1})) * {levels[1]} "
        f"+ coalesce(enum_code(f.experience), {levels[1] - 1}) AS INTEGER)"
    )


def matched(ask: Scope, q: Query, others: Query) -> str:
    """Condition on the rows of `q` that some non-AI opening of `others` is like them and states pay."""
    others.clauses += [f"f.{numbers_of(ask)} IS NOT NULL", f"NOT ({vocab.definition_sql(ask.definition)})"]
    cells = ask.ds.rows(f"SELECT DISTINCT {cell_sql()} {others.source()} ORDER BY 1", others.params)
    return f"list_contains({q.bind([c for (c,) in cells])}, {cell_sql()})"


def premium(ask: Scope) -> Finding:
    """Median pay of AI openings over that of non-AI openings reweighted to the same province, education and experience."""
    q = ask.query()
    number, hit = f"f.{numbers_of(ask)}", vocab.definition_sql(ask.definition)
    code = grouping.coded(q, ask.by)
    q.clauses.append(f"{number} IS NOT NULL")
    lanes = {"v": f"CAST({number} AS INTEGER)", "ai": f"CAST(({hit}) AS BOOLEAN)", "cell": cell_sql()}
    fetched = fetch(q, code, **lanes)
    got, values = fetched.columns, np.asarray(ask.ds.pay_values, np.float64)
    got["w"] = got["w"] / q.unit if "w" in got else np.ones(len(got["g"]))
    e, line = _premium(ask, "", got, values)
    weak = bool(line["suppressed"])
    head = Finding(
        frame([line]).drop("id"),
        EMPTY if weak else e,
        line["numerator"],
        line["denominator"],
        fetched.sql,
        q.params,
        weak,
    )
    if ask.by is None:
        return head
    lines = []
    g, ids = numbered(ask, code, ask.by, fetched)
    with_ai = np.unique(g[got["ai"]])
    for kept, numbers, names in _parts(g, ids, code.bits):
        rows = got if kept is None else {k: v[kept] for k, v in got.items()}
        for n, name in enumerate(names):
            wanted = numbers == n
            if (code.bits or wanted.any()) and (kept is not None or n in with_ai or name == "unknown"):
                found = _premium(ask, name, {k: v[wanted] for k, v in rows.items()}, values)[1]
                lines += [found] if found["numerator"] else []
    return replace(head, rows=frame(order(ask, lines)), unplaced=unplaced(ask))


def _premium(ask: Scope, id_: str, got: dict[str, Array], values: Floats) -> tuple[Estimate, dict[str, Any]]:
    """The premium of some rows, and its line."""
    ai, cells, w = got["ai"], got["cell"], got["w"]
    of_ai, of_others = (np.bincount(cells, w * side, minlength=1) for side in (ai, ~ai))
    both = (of_ai > 0) & (of_others > 0)
    kept = both[cells]
    if not kept.any():
        return EMPTY, row(ask, id_, EMPTY, 0.0, 0.0, 0, 0, weak=True)
    # Non-AI openings stand for the AI openings of their cell.
    weight = np.where(ai, w, w * np.divide(of_ai, of_others, out=np.zeros_like(of_ai), where=of_others > 0)[cells])
    rows = {"emp_no": got["emp_no"][kept], "v": got["v"][kept], "w": weight[kept]}
    sides = np.where(ai[kept], np.int32(0), np.int32(1))
    found = medians(rows, sides, ["ai", "others"], (), values)
    (a, s), (b, _) = found["ai"], found["others"]
    value = a.value / b.value if b.value else math.nan
    # Widths of the two medians combined on the log scale: employers of both sides overlap little.
    down = math.hypot(_log(a.value, a.low), _log(b.high, b.value))
    up = math.hypot(_log(a.high, a.value), _log(b.value, b.low))
    e = Estimate(value, value * math.exp(-down), value * math.exp(up), min(a.n_eff, b.n_eff), "woodruff")
    others, employers = float(w[kept & ~ai].sum()), int(np.count_nonzero(np.diff(rows["emp_no"]))) + 1
    return e, row(ask, id_, e, s.d, others, round(s.d), employers, weak=True)


def _log(a: float, b: float) -> float:
    return math.log(a / b) if a > 0 and b > 0 else 0.0


def stock(ask: Scope) -> Finding:
    """Openings live in each month, which hold a day of one of their spells in it; ads between their own two dates."""
    q = ask.restrict(regroup(ask, None).query())
    span = run(ask, f"SELECT min(f.first_date), max(f.last_date) {q.source()}", q)[0]
    if span[0] is None:
        return Finding(frame([]), EMPTY, 0.0, 0.0, "", q.params, notes=("no_dates",))
    first, last = max(span[0], ask.ds.codebook.toml("dates.toml")["earliest"]).replace(day=1), span[1]
    months = q.bind(first), q.bind(last)
    # An opening of one spell stands in its own dates; the gaps of the others are left out, and spells count each for itself.
    apart, each = "false", "1"
    if q.grain not in vocab.GRAINS_OF_ADS:
        apart, each = "o.n_spells > 1", "coalesce(l.n, 1)" if q.grain == "spell" else "1"
    sql = (
        f"WITH m AS (SELECT CAST(unnest(generate_series({months[0]}::DATE, {months[1]}::DATE, INTERVAL 1 MONTH)) AS DATE) AS d), "
        f"l AS (SELECT s.row_no, m.d, count(*) AS n FROM m JOIN {ask.ds.spells()} s ON {live('s')} GROUP BY 1, 2), "
        f"o AS (SELECT f.row_no, f.emp_no, f.first_date, f.last_date, f.n_spells, {replace(q, grain='opening').weight} AS w {q.source()} AND f.first_date IS NOT NULL) "
        f"SELECT strftime(m.d, '%Y-%m'), CAST(sum(o.w * {each}) AS HUGEINT), count(DISTINCT o.row_no), count(DISTINCT o.emp_no) "
        f"FROM m JOIN o ON {live('o')} LEFT JOIN l ON l.row_no = o.row_no AND l.d = m.d WHERE NOT ({apart}) OR l.n > 0 GROUP BY 1 ORDER BY 1"
    )
    rows = []
    for g, w, k, employers in run(ask, sql, q):
        n = float(w) / q.unit
        e = Estimate(n, math.nan, math.nan, float(employers), "none")
        rows.append(row(ask, str(g), e, n, n, int(k), int(employers), weak=False))
    peak = max((r["numerator"] for r in rows), default=0.0)
    return Finding(frame(rows), Estimate(peak, math.nan, math.nan, 0.0, "none"), peak, peak, sql, q.params)


def live(of: str, day: str = "m.d") -> str:
    """Condition that the dates of the rows `of` hold a day of the month that begins with `day`."""
    return f"{of}.first_date < {day} + INTERVAL 1 MONTH AND {of}.last_date >= {day}"


def duration(ask: Scope) -> Finding:
    """Median days between first and last sight, openings seen on more than one day."""
    return _medians(ask, "date_diff('day', f.first_date, f.last_date)", "f.last_date > f.first_date", None)
