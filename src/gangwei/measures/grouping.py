"""How a dimension of the vocabulary groups rows: as SQL values, as integer codes, and what many-valued ones have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gangwei.frame.columns import CODES, DEFENCE_RUNGS, MUNICIPAL, OPEN_CODES
from gangwei.frame.tables import cluster_names
from gangwei.vocabulary import (
    BY,
    DEFINITIONS,
    FLAG_NAMES,
    MASKS,
    OUTSIDE,
    Query,
    UnknownParameter,
    definition_sql,
    join_cluster,
    mask_values,
    missing_mask,
    rung_sql,
)

NAMED = "f.emp_no >= 0 AND NOT coalesce(f.is_anonymous, false)"
"""Rows whose employer is known by name: one that hides behind 某知名企业 or a trade may be many, and ranks as none."""


def group(q: Query, by: str | None) -> str:
    """SQL of the group of a row (NULL = unknown), adding joins; '' groups all."""
    if by is None:
        return "''"
    if by in CODES or by in OPEN_CODES:
        return f"f.{by}"
    if by in FLAG_NAMES:
        return f"f.{FLAG_NAMES[by]}"
    if by in MASKS:
        names, bits = mask_values(q.ds, by)
        if by == "board":
            q.joins.append("JOIN board_no g ON (f.board_mask & g.bit) <> 0")
            return "g.board"
        q.joins.append(
            f"JOIN (SELECT unnest({q.bind(list(names))}) AS v, unnest({q.bind(list(bits))}) AS bit) g ON (f.{MASKS[by]} & g.bit) <> 0"
        )
        return "g.v"
    if by == "missing":
        names, bits = mask_values(q.ds, by)
        mask = missing_mask(q)
        q.joins.append(
            f"JOIN (SELECT unnest({q.bind(list(names))}) AS v, unnest({q.bind(list(bits))}) AS bit) g ON ({mask} & g.bit) <> 0"
        )
        return "g.v"
    if by == "skill":
        q.joins.append(f"JOIN {q.ds.skills()} g ON g.row_no = f.row_no")
        return "g.skill_id"
    if by == "province":
        q.by_place = True
        q.clauses.append("f.province IS NOT NULL")
        return "f.province"
    if by == "city":
        q.by_place = True
        q.clauses.append(f"(f.adcode % 10000 <> 0 OR f.adcode IN {MUNICIPAL})")
        return q.city
    if by == "county":
        q.by_place = True
        q.clauses.append("f.county IS NOT NULL")
        return "f.county"
    if by == "cluster":
        join_cluster(q)
        return f"coalesce(c.cluster, '{OUTSIDE}')"
    if by == "year":
        return "f.year_no"
    if by == "month":
        return "f.month_no"
    if by == "employer":
        q.clauses.append(NAMED)
        return "f.emp_no"
    if by == "defence_tier":
        q.need_tiers()
        cases = ", ".join(f"CASE WHEN {rung_sql(r)} THEN '{r}' END" for r in DEFENCE_RUNGS)
        q.joins.append(f"CROSS JOIN LATERAL (SELECT unnest([{cases}]) AS v) g")
        q.clauses.append("g.v IS NOT NULL")
        return "g.v"
    if by == "definition":
        cases = ", ".join(f"CASE WHEN {definition_sql(d)} THEN '{d}' END" for d in DEFINITIONS)
        q.joins.append(f"CROSS JOIN LATERAL (SELECT unnest([{cases}]) AS v) g")
        q.clauses.append("g.v IS NOT NULL")
        return "g.v"
    raise UnknownParameter("dimension", by, BY)


def group_id(by: str | None, raw: Any) -> str:
    """The id of a group value as the vocabulary writes it."""
    if by in FLAG_NAMES:
        return "unknown" if raw is None else ("yes" if raw else "no")
    if raw is None:
        return "unknown"
    if by == "month":
        return f"{raw // 12:04}-{raw % 12 + 1:02}"
    return str(raw)


@dataclass(frozen=True)
class Coded:
    """The group of a row as an integer, -1 where it is unknown.

    `ids` are the groups by code; where a row may stand in several, its code is a mask and `bits` says the bit of each id.
    Without `ids` the codes are what they are, and `name` spells them.
    """

    sql: str
    ids: tuple[str, ...] = ()
    bits: tuple[int, ...] = ()
    name: Callable[[int], str] = str


def coded(q: Query, by: str | None) -> Coded:
    """The group of a row as an integer, adding the joins and clauses of `group`."""
    if by is None:
        return Coded("0", ("",))
    if by in MASKS or by == "missing":
        names, bits = mask_values(q.ds, by)
        names, bits = (names, bits) if names else (("",), (1,))  # no ad names a board: no row has the bit
        sql = missing_mask(q) if by == "missing" else f"f.{MASKS[by]}"
        return Coded(sql, names, tuple(b.bit_length() - 1 for b in bits))
    if by in ("defence_tier", "definition"):
        if by == "defence_tier":
            q.need_tiers()
        rules = (
            [(r, rung_sql(r)) for r in DEFENCE_RUNGS]
            if by == "defence_tier"
            else [(d, definition_sql(d)) for d in DEFINITIONS]
        )
        bits_sql = " + ".join(f"CASE WHEN {sql} THEN {1 << i} ELSE 0 END" for i, (_, sql) in enumerate(rules))
        return Coded(bits_sql, tuple(r for r, _ in rules), tuple(range(len(rules))))
    sql = group(q, by)
    if by in CODES or by in OPEN_CODES:
        values = CODES[by][1] if by in CODES else q.ds.open_values[by]
        return Coded(f"coalesce(enum_code({sql}), -1)", values)
    if by in FLAG_NAMES:
        return Coded(f"coalesce(CAST({sql} AS TINYINT), -1)", ("no", "yes"))
    if by == "skill":
        return Coded("g.no", q.ds.skill_ids)
    if by == "cluster":
        names = (*cluster_names(q.ds.clusters), OUTSIDE)
        return Coded(f"coalesce(c.no, {len(names) - 1})", names)
    return Coded(f"coalesce({sql}, -1)", name=lambda code: group_id(by, code))


def in_a_group(q: Query, by: str) -> str:
    """Condition that a row stands in at least one group of a many-valued dimension; joins what it needs."""
    if by in MASKS:
        return f"f.{MASKS[by]} <> 0"
    if by == "missing":
        return f"{missing_mask(q)} <> 0"
    if by == "skill":
        return f"f.row_no IN (SELECT row_no FROM {q.ds.skills()})"
    if by == "defence_tier":
        q.need_tiers()
        return rung_sql("T1-T4")  # T5 is a signal in the ad, no affiliation of its employer
    return "(" + " OR ".join(definition_sql(d) for d in DEFINITIONS) + ")"


def many_valued(by: str | None) -> bool:
    """True where one opening may stand in several groups, so that groups do not add up."""
    return by in MASKS or by in ("missing", "skill", "defence_tier", "definition")
