"""What an estimator finds, and the parts that all of them share: rows, suppression, order, openings without a place."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import polars as pl

from gangwei import vocabulary as vocab
from gangwei.frame.columns import CODES, DEFENCE_RUNGS
from gangwei.intervals import Estimate
from gangwei.measures import grouping
from gangwei.measures.scan import scan

if TYPE_CHECKING:
    from gangwei.measures.answer import Scope
    from gangwei.measures.labelled import Corrected
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
    corrected: Corrected | None = None


def run(ask: Scope, sql: str, q: Query) -> list[tuple[Any, ...]]:
    """Rows of a statement with the bound parameters of `q`."""
    return ask.ds.rows(sql, q.params)


def frame(rows: list[dict[str, Any]], extra: dict[str, type[pl.DataType]] | None = None) -> pl.DataFrame:
    """Rows of groups as a frame; `extra` columns follow."""
    return pl.DataFrame(rows, schema=COLUMNS | (extra or {}))


def row(
    ask: Scope, id_: str, e: Estimate, num: float, den: float, openings: int, employers: int, weak: bool
) -> dict[str, Any]:
    """One group; `weak` = suppress it when its effective size or number of employers is under the stated minimum."""
    hide = weak and (e.n_eff < ask.settings["minimum_n_eff"] or employers < ask.settings["minimum_employers"])
    gone = hide or not math.isfinite(e.value)
    return {
        "id": id_, "numerator": num, "denominator": den, "value": None if gone else e.value,
        "low": None if gone or not math.isfinite(e.low) else e.low, "high": None if gone or not math.isfinite(e.high) else e.high,
        "n_eff": e.n_eff, "openings": openings, "employers": employers, "suppressed": hide,
    }  # fmt: skip


def unplaced(ask: Scope, placed: float | None = None) -> float:
    """Openings of the population that no row of a place dimension holds (nationwide, remote, ambiguous, unknown).

    `placed`: how many its rows hold, where the caller knows.
    """
    if ask.by not in vocab.PLACES:
        return 0.0
    if ask.where.get("multi_city") == "all":
        ask, placed = replace(ask, where={k: v for k, v in ask.where.items() if k != "multi_city"}), None
    q = _population(ask)
    if q.by_place:
        return 0.0
    whole = weighed(q)
    if placed is None:
        located = _population(ask)
        grouping.group(located, ask.by)
        placed = weighed(located) / located.unit
    return whole - placed


def weighed(q: Query) -> float:
    """Sum of the weights of the rows of a question."""
    if (kept := scan(q, {"emp_no": ""} if q.weight == "1" else {"w": f"CAST({q.weight} AS DOUBLE)"})) is not None:
        return float(kept["w"].sum() if "w" in kept else len(kept["emp_no"]))
    return float(q.ds.rows(f"SELECT CAST(sum({q.weight}) AS HUGEINT) {q.source()}", q.params)[0][0] or 0)


def _population(ask: Scope) -> Query:
    return ask.restrict(ask.query())


def order(ask: Scope, rows: list[dict[str, Any]], key: str = "numerator") -> list[dict[str, Any]]:
    """Ordered codes keep their order, dates go by date, all else by size."""

    fixed = {"defence_tier": DEFENCE_RUNGS, "definition": tuple(vocab.DEFINITIONS)} | {
        k: v for k, (_, v) in CODES.items() if k in ("education", "experience", "seniority", "tier", "employer_size")
    }
    if ask.by in fixed:
        place = {v: i for i, v in enumerate(fixed[ask.by])}
        return sorted(rows, key=lambda r: (place.get(r["id"], len(place)), r["id"]))
    if ask.by in vocab.DATES:
        return sorted(rows, key=lambda r: (r["id"] == "unknown", r["id"]))
    return sorted(rows, key=lambda r: (r["id"] == "unknown", -(r[key] or 0), r["id"]))


def employer_ids(ask: Scope, raw: list[Any]) -> dict[Any, str]:
    """Numbers of employers to their ids, where the group is the employer."""
    if ask.by != "employer":
        return {}
    return {n: i for n, i in zip(raw, ask.ds.employers.ids_of(raw)) if i is not None}


def regroup(ask: Scope, by: str | None) -> Scope:
    """The same question with another group."""
    return replace(ask, by=by)
