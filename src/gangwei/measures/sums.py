"""Sums by group over employers: what every interval of a share, a count or a quotient rests on, in one pass over the rows.

The database filters and hands over narrow columns; they come sorted by employer, so that the sums of one employer are a run
of rows. Sums of weights are exact; those of squares are doubles added up in a fixed order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gangwei import intervals
from gangwei.intervals import Estimate
from gangwei.kernels.match.cluster_sums import EMPLOYERS, N_ALL_M, N_ALL_N, ROWS, ROWS_HIT, Array, group_sums, mask_sums
from gangwei.measures import grouping
from gangwei.measures.found import employer_ids
from gangwei.measures.scan import HALVED, POOL, scan

if TYPE_CHECKING:
    from gangwei.frame.dataset import Dataset
    from gangwei.measures.answer import Scope
    from gangwei.vocabulary import Query

MANY = 1000
"""Of more groups than this only those with rows are named."""
NO_HITS, NO_WEIGHTS = np.zeros(0, np.int8), np.zeros(0)


@dataclass(frozen=True)
class Sum:
    """The sums of one group, or of all: numerator n and denominator d in units of weight, their squares over employers."""

    n: float
    d: float
    nn: float
    nd: float
    dd: float
    n_all: float
    rows_n: int
    rows: int
    employers: int
    raw: Array

    @classmethod
    def of(cls, raw: Array) -> Sum:
        """From a line of `cluster_sums`."""
        n, m, nn, nm, mm = (float(x) for x in raw[:5])
        n_all = float(raw[N_ALL_N] + raw[N_ALL_M])
        rows_n, rows, employers = (int(x) for x in raw[ROWS_HIT : EMPLOYERS + 1])
        return cls(n, n + m, nn, nn + nm, nn + 2 * nm + mm, n_all, rows_n, rows, employers, raw)

    def share(self, unit: float) -> Estimate:
        """Numerator over denominator."""
        return intervals.cluster_share(self.n, self.d, self.nn, self.nd, self.dd, self.employers, unit)


@dataclass(frozen=True)
class Sums:
    """Sums by group id (those with rows), of all rows, and of the rows in no group; the statement that fetched the rows."""

    groups: dict[str, Sum]
    whole: Sum
    sql: str
    params: dict[str, Any]


@dataclass(frozen=True)
class Fetched:
    """Rows of a question in the order of `emp_no`: the statement, its columns, and the groups where they are numbered already."""

    sql: str
    columns: dict[str, Array]
    held: Array | None = None


def fetch(q: Query, code: grouping.Coded, **more: str) -> Fetched:
    """Columns group g, employer, weight w where it is not one for all, and `more`: integers without nulls, or flags.

    The kept codes answer where they can, else the database does.
    """
    weight = {} if q.weight == "1" else {"w": f"CAST({q.weight} AS DOUBLE)"}
    kind = "BIGINT" if code.bits else "INTEGER"
    number = {"row_no": "f.row_no"} if q.by_place else {}  # an opening may have several places in a group
    lanes = {"g": f"CAST({code.sql} AS {kind})", "emp_no": "f.emp_no", **number, **weight, **more}
    sql = f"SELECT {', '.join(f'{e} AS {n}' for n, e in lanes.items())} {q.source()}"
    held: list[Array] = []
    kept = scan(q, lanes, None if code.ids else held)
    return Fetched(sql, _asked(q.ds, sql, q.params)) if kept is None else Fetched(sql, kept, held[0] if held else None)


def _asked(ds: Dataset, sql: str, params: dict[str, Any]) -> dict[str, Array]:
    cur = ds.cursor()
    try:
        table = cur.execute(sql, params).to_arrow_table()
    finally:
        cur.close()
    out = {n: np.asarray(table.column(n).combine_chunks().to_numpy(zero_copy_only=False)) for n in table.column_names}
    who = out["emp_no"]
    if "row_no" in out:
        order = np.lexsort((out["row_no"], who))
        out = {k: v[order] for k, v in out.items()}
    elif len(who) and not bool((who[1:] >= who[:-1]).all()):
        order = np.argsort(who, kind="stable")
        out = {k: v[order] for k, v in out.items()}
    return out


def numbered(ask: Scope, code: grouping.Coded, by: str | None, got: Fetched) -> tuple[Array, list[str]]:
    """(numbers or masks of the groups of rows, ids by number); an opening is one row of each of its groups from here on."""
    _merge(got.columns, ask.where.get("multi_city") == "all")
    g = got.columns["g"]
    if code.ids:
        return g, list(code.ids)
    held = got.held
    if held is None:
        held, g = np.unique(g, return_inverse=True) if by == "employer" else _looked_up(g)
    elif len(held) > MANY:
        present, g = _looked_up(g)
        held = held[present]
    values = held.tolist()
    names = employer_ids(ask, values) if by == "employer" else {}
    return g.astype(np.int32, copy=False), [names.get(v) or code.name(v) for v in values]


def _merge(columns: dict[str, Array], whole: bool) -> None:
    """Make one row of the rows of one opening that stand in one group, as two cities of a province do: the weights are added up,
    or `whole` ones counted once.

    The rows of an opening stand side by side.
    """
    number = columns.pop("row_no", None)
    if number is None or len(number) < 2:
        return
    beside = number[1:] == number[:-1]
    some = np.flatnonzero(np.append(beside, False) | np.insert(beside, 0, False))
    if not len(some):
        return
    keys = [*(columns[c][some] for c in ("cell", "hit", "g") if c in columns), number[some]]
    order = np.lexsort(keys)
    new = np.logical_or.reduce([np.insert(k[order][1:] != k[order][:-1], 0, True) for k in keys])
    first, of = order[new], np.empty(len(order), np.int64)
    of[order] = np.cumsum(new) - 1
    kept = np.ones(len(number), np.bool_)
    kept[some] = False
    kept[some[first]] = True
    for name, values in list(columns.items()):
        one = values[kept]
        if values.dtype == np.float64 and not whole:
            one[(np.cumsum(kept) - 1)[some[first]]] = np.bincount(of, values[some])
        columns[name] = one


def _looked_up(g: Array) -> tuple[Array, Array]:
    """Distinct codes in order and the place of each row's; -1 stays."""
    there = np.zeros(int(g.max(initial=-1)) + 2, np.bool_)
    there[g] = True
    there[-1] = False
    present = np.flatnonzero(there)
    place = np.full(len(there), -1, np.int32)
    place[present] = np.arange(len(present), dtype=np.int32)
    return present, place[g]


def grouped(ask: Scope, q: Query, by: str | None, hit: str = "") -> tuple[grouping.Coded, dict[str, Array], Sums]:
    """The groups of a question by a dimension, its rows, and their sums; `hit`: SQL condition of the numerator, '' for all."""
    code = grouping.coded(q, by)
    got = fetch(q, code, **({"hit": f"CAST(({hit}) AS TINYINT)"} if hit else {}))
    g, ids = numbered(ask, code, by, got)
    return code, got.columns, tally(got.columns, g, ids, code.bits, got.sql, q.params)


def sums(ask: Scope, q: Query, by: str | None, hit: str = "") -> Sums:
    """As `grouped`, the sums alone."""
    return grouped(ask, q, by, hit)[2]


def tally(
    got: dict[str, Array],
    g: Array,
    ids: Sequence[str],
    bits: Sequence[int] = (),
    sql: str = "",
    params: dict[str, Any] | None = None,
) -> Sums:
    """Sums of fetched rows by the groups `g` (numbers, or masks with the bit of each id)."""
    size = max(bits) + 1 if bits else len(ids)
    given = (got["emp_no"], g, got.get("hit", NO_HITS), got.get("w", NO_WEIGHTS))
    raw = _in_halves(mask_sums if bits else group_sums, [fixed(x) for x in given], size)
    found = {id_: Sum.of(raw[i]) for id_, i in zip(ids, bits or range(len(ids))) if raw[i, ROWS]}
    if raw[size, ROWS]:
        found["unknown"] = Sum.of(raw[size])
    return Sums(found, Sum.of(raw[size + 1]), sql, params or {})


def _in_halves(kernel: Callable[..., Array], given: list[Array], size: int) -> Array:
    """Sums of all rows; many rows are cut between two employers and summed by two threads."""
    who = given[0]
    if len(who) < HALVED:
        return kernel(*given, size)
    cut = int(np.searchsorted(who, who[len(who) // 2]))
    parts = (slice(0, cut), slice(cut, None))
    first, second = POOL.map(lambda p: kernel(*(x[p] if len(x) else x for x in given), size), parts)
    return first + second


def fixed(values: Array) -> Array:
    """The same values as a read-only array: one kind of array, one compilation."""
    out = np.ascontiguousarray(values).view()
    out.flags.writeable = False
    return out
