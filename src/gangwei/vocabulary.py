"""The closed vocabulary of dimensions and filters, and how each becomes SQL with bound parameters.

A dimension groups (`by`) or filters (`where`). Nothing a reader types is ever put into SQL text: values are bound, and
names come from the tables of this module.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any

from gangwei import schema
from gangwei.frame.check import DatasetError
from gangwei.frame.columns import CODES, DEFENCE_RUNGS, FLAGS, MASK_BITS, MISSING, MUNICIPAL, OPEN_CODES, SECTORS, UNIT
from gangwei.frame.dataset import Dataset
from gangwei.frame.tables import TEXT_BIT

DEFINITIONS: dict[str, tuple[str, ...]] = {
    "strict": ("builder",),
    "related": ("builder", "adjacent"),
    "broad": ("builder", "adjacent", "user"),
    "mention": (),
}
GRAINS = ("opening", "ad", "exact", "spell", "campaign")
GRAINS_OF_ADS = ("ad", "exact")
# An opening in several cities counts in parts, in the first it names, wholly in each, or not at all.
MULTI_CITY = ("fractional", "first", "all", "exclude")
# Whether a county-level city (昆山) counts in its prefecture or for itself.
ROLL_UP = ("prefecture", "county")
SWITCHES = ("definition", "scope", "grain", "multi_city", "roll_up")
YES_NO = ("yes", "no", "unknown")
FLAG_NAMES = {"agency": "is_agency", "anonymous": "is_anonymous"} | {f: f for f in FLAGS if not f.startswith("is_")}
MASKS: dict[str, str] = {"subfield": "subfield_mask", "sector": "sector_mask", "board": "board_mask"}
PLACES = ("province", "city", "cluster", "county")
DATES = ("year", "month")
BY = (
    *CODES,
    *OPEN_CODES,
    *FLAG_NAMES,
    *MASKS,
    *PLACES,
    *DATES,
    "missing",
    "skill",
    "defence_tier",
    "employer",
    "definition",
)
WHERE = (*BY, "scope", "without_board", "grain", "multi_city", "roll_up", "term")
OUTSIDE = "outside"
SINGLE = (*SWITCHES, "without_board")
"""Filters that choose how to count, so that two values of one say nothing; any of several values of the others will do."""
# Filters whose values are not listed: the pattern of one value, and how it is written.
OPEN = {
    "year": (r"\d{4}|unknown", "YYYY"),
    "month": (r"\d{4}-(?:0[1-9]|1[0-2])|unknown", "YYYY-MM"),
    "employer": (r"[\w.:-]{1,80}", "an employer_id"),
}


class UnknownParameter(DatasetError):
    """A name or value outside the vocabulary; `allowed` lists what would do."""

    def __init__(self, what: str, given: str, allowed: Iterable[str]) -> None:
        self.what, self.given, self.allowed = what, given, tuple(allowed)
        shown = ", ".join(self.allowed[:60]) + (" …" if len(self.allowed) > 60 else "")
        super().__init__(f"unknown {what} {given[:80]!r}; allowed: {shown or 'none'}")


def government_lists(ds: Dataset) -> list[str]:
    """Lists that a question may choose among: those of the definitions and those that make T3 in the dataset. The other tiers
    are not by list."""
    held = ds.rows("SELECT DISTINCT list_id FROM affiliation WHERE tier = 'T3' AND list_id IS NOT NULL")
    return sorted({r[0] for r in held} | {Path(n).stem for n in ds.codebook.names("lists", ".csv")})


@dataclass
class Query:
    """The parts of one statement over `fact`, and its bound parameters."""

    ds: Dataset
    as_of: dt.date | None = None
    lists: Sequence[str] | None = None
    params: dict[str, Any] = field(default_factory=dict)
    joins: list[str] = field(default_factory=list)
    clauses: list[str] = field(default_factory=list)
    by_place: bool = False
    grain: str = "opening"
    scope: str = ""
    multi_city: str = MULTI_CITY[0]
    roll_up: str = ROLL_UP[0]
    has_tiers: bool = False
    ai_only: bool = False

    def bind(self, value: Any) -> str:
        """Bind a value; returns its name in the SQL text."""
        name = f"p{len(self.params)}"
        self.params[name] = value
        return f"${name}"

    @property
    def weight(self) -> str:
        """SQL of the integer weight of one row (an opening = `unit`)."""
        base = ("f.w" if self.multi_city == "fractional" else str(UNIT)) if self.by_place else "1"
        return f"{base} * f.n_spells" if self.grain == "spell" else base

    @property
    def unit(self) -> int:
        """The weight of one whole opening."""
        return UNIT if self.by_place else 1

    @property
    def table(self) -> str:
        """The fact table that holds the rows of the grain."""
        return self.ds.fact(self.grain, self.ai_only)

    def conditions(self) -> list[str]:
        """What a row must meet, all of it."""
        clauses = list(self.clauses)
        placed = {"first": "f.w > 0 AND f.is_first", "exclude": f"f.w = {UNIT}"}.get(self.multi_city, "f.w > 0")
        clauses.append(placed if self.by_place else "f.is_first")
        if self.grain == "exact":
            clauses.append("NOT f.is_exact_copy")
        if self.grain == "campaign":
            clauses.append("NOT f.is_campaign_copy")
        return clauses

    def source(self) -> str:
        """FROM and WHERE."""
        return f"FROM {self.table} f {' '.join(self.joins)} WHERE {' AND '.join(self.conditions())}"

    @property
    def city(self) -> str:
        """SQL of the city of a row."""
        return (
            "CASE WHEN f.county % 100 > 80 THEN f.county ELSE f.adcode END" if self.roll_up == "county" else "f.adcode"
        )

    def need_tiers(self) -> None:
        """Join the evidence tiers of employers that hold on the as-of date and lists."""
        if self.has_tiers:
            return
        self.has_tiers = True
        inner = ["true"]
        day = self.as_of or self.ds.as_of
        if day is not None:
            d = self.bind(day)
            inner.append(f"(valid_from IS NULL OR valid_from <= {d}) AND (valid_to IS NULL OR valid_to >= {d})")
        if self.lists:
            inner.append(f"(tier <> 'T3' OR list_contains({self.bind(list(self.lists))}, list_id))")
        self.joins.append(
            f"LEFT JOIN (SELECT emp_no, bit_or(bit) AS rungs FROM affiliation WHERE {' AND '.join(inner)} GROUP BY 1) t ON t.emp_no = f.emp_no"
        )


def rung_sql(rung: str) -> str:
    """Condition that an opening stands on an evidence rung (T1..T4 by employer; T5 is a signal in the ad's own text)."""
    if rung == "T5":
        return "(coalesce(f.defence_signal, false) OR (coalesce(t.rungs, 0) & 16) <> 0)"
    top = int(rung[-1])
    bits = (1 << top) - 1 if "-" in rung else 1 << (top - 1)
    return f"(coalesce(t.rungs, 0) & {bits}) <> 0"


def definition_sql(name: str) -> str:
    """Condition that an opening is an AI opening by a definition."""
    if name not in DEFINITIONS:
        raise UnknownParameter("definition", name, DEFINITIONS)
    if name == "mention":
        return "(coalesce(f.mention, false) OR coalesce(f.tier <> 'none', false))"
    tiers = ", ".join(f"CAST('{t}' AS e_tier)" for t in DEFINITIONS[name])
    return f"coalesce(f.tier IN ({tiers}), false)"


def mask_values(ds: Dataset, key: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Values of a many-valued dimension and the bit of each."""
    if key == "board":
        return ds.boards, tuple(ds.board_bit(b) for b in ds.boards)
    names = {"subfield": schema.AI_SUBFIELDS, "sector": SECTORS, "missing": tuple(MISSING)}[key]
    return names, tuple(1 << i for i in range(len(names)))


def allowed(ds: Dataset, key: str) -> tuple[str, ...]:
    """The values a filter takes; empty where the vocabulary is open (employer, year, month) and checked otherwise."""
    if key in CODES:
        return tuple(dict.fromkeys((*CODES[key][1], "unknown")))
    if key in OPEN_CODES:
        return (*ds.open_values[key], "unknown")
    if key in FLAG_NAMES:
        return YES_NO
    if key in MASKS or key == "missing":
        return mask_values(ds, key)[0]
    if key == "skill":
        return tuple(r["id"] for r in ds.codebook.rows("skills.csv"))
    if key == "without_board":
        return ds.boards
    if key == "definition":
        return tuple(DEFINITIONS)
    if key == "grain":
        return GRAINS
    if key == "defence_tier":
        return DEFENCE_RUNGS
    if key == "term":
        return ds.concepts
    if key in ("province", "city", "county"):
        if key not in ds.open_values:
            ds.open_values[key] = _units(ds, key)
        return ds.open_values[key]
    if key == "scope":
        return ds.scopes
    if key == "multi_city":
        return MULTI_CITY
    if key == "roll_up":
        return ROLL_UP
    if key == "cluster":
        return (*dict.fromkeys(c for s in ds.clusters.values() for c in s if c != "unclear"), OUTSIDE)
    return ()


def years(ds: Dataset) -> tuple[str, ...]:
    """The years that openings of the dataset name, and that of those without one."""
    if "year" not in ds.open_values:
        found = ds.rows(f"SELECT DISTINCT year_no FROM {ds.fact('opening')} WHERE year_no IS NOT NULL ORDER BY 1")
        ds.open_values["year"] = (*(str(r[0]) for r in found), "unknown")
    return ds.open_values["year"]


def _units(ds: Dataset, key: str) -> tuple[str, ...]:
    level = {"province": 1, "city": 2, "county": 3}[key]
    return tuple(str(c) for c, u in ds.places.items() if u.level == level or (key == "city" and c in MUNICIPAL))


def check(ds: Dataset, key: str, value: str) -> None:
    """Raise UnknownParameter unless `key=value` is in the vocabulary."""
    if key not in WHERE:
        raise UnknownParameter("filter", key, WHERE)
    if key in OPEN:
        pattern, written = OPEN[key]
        if not re.fullmatch(pattern, value, re.ASCII):
            raise UnknownParameter(f"value of {key}", value, (written,))
        return
    values = allowed(ds, key)
    if value not in values:
        raise UnknownParameter(f"value of {key}", value, values)


def _either(bits: Iterable[int]) -> int:
    return reduce(or_, bits, 0)


def _one(q: Query, key: str, values: Sequence[str]) -> str:
    """The SQL condition of one filter: any of `values`."""
    known = [v for v in values if v != "unknown"]
    null = len(known) < len(values)
    if key in CODES or key in OPEN_CODES:
        parts = [f"f.{key} IN ({', '.join(f'CAST({q.bind(v)} AS e_{key})' for v in known)})"] if known else []
        has_unknown = key in CODES and "unknown" in CODES[key][1]
        if null:
            parts.append("f.defence = 'unknown'" if has_unknown else f"f.{key} IS NULL")
        return "(" + " OR ".join(parts) + ")"
    if key in FLAG_NAMES:
        column = f"f.{FLAG_NAMES[key]}"
        parts = [{"yes": column, "no": f"NOT {column}", "unknown": f"{column} IS NULL"}[v] for v in values]
        return "(" + " OR ".join(f"coalesce({p}, false)" if "NULL" not in p else p for p in parts) + ")"
    if key in MASKS:
        bits = dict(zip(*mask_values(q.ds, key)))
        return f"(f.{MASKS[key]} & {q.bind(_either(bits[v] for v in values))}) <> 0"
    if key == "missing":
        bits = dict(zip(*mask_values(q.ds, key)))
        return f"({missing_mask(q)} & {q.bind(_either(bits[v] for v in values))}) <> 0"
    if key == "skill":
        return f"f.row_no IN (SELECT row_no FROM {q.ds.skills()} WHERE skill_id IN ({', '.join(map(q.bind, values))}))"
    if key == "without_board":
        mask = _either(map(q.ds.board_bit, values))
        return f"(f.board_mask = 0 OR (f.board_mask & {q.bind(((1 << MASK_BITS) - 1) & ~mask)}) <> 0)"
    if key == "defence_tier":
        q.need_tiers()
        return "(" + " OR ".join(rung_sql(v) for v in values) + ")"
    if key == "definition":
        return definition_sql(values[0])
    if key in ("province", "city", "county"):
        q.by_place = True
        column = {"province": "f.province", "city": q.city, "county": "f.county"}[key]
        return f"list_contains({q.bind([int(v) for v in values])}, {column})"
    if key == "cluster":
        join_cluster(q)
        return f"list_contains({q.bind(list(values))}, coalesce(c.cluster, '{OUTSIDE}'))"
    if key == "term":
        return f"f.row_no IN (SELECT row_no FROM {q.ds.terms()} WHERE term IN ({', '.join(map(q.bind, values))}))"
    if key == "employer":
        return f"f.emp_no IN (SELECT emp_no FROM employer_no WHERE employer_id IN ({', '.join(map(q.bind, values))}))"
    if key == "year":
        parts = [f"list_contains({q.bind([int(v) for v in known])}, f.year_no)"] if known else []
    else:
        months = [int(v[:4]) * 12 + int(v[5:]) - 1 for v in known]
        parts = [f"list_contains({q.bind(months)}, f.month_no)"] if known else []
    if null:
        parts.append(f"f.{key}_no IS NULL")
    return "(" + " OR ".join(parts) + ")"


def missing_mask(q: Query) -> str:
    """SQL of what an ad does not say, as bits; joins the ads that have a text."""
    if q.grain in ("ad", "exact"):
        return "f.missing_mask"
    q.ds.need_texts()
    join = "LEFT JOIN has_text x ON x.row_no = f.row_no"
    if join not in q.joins:
        q.joins.append(join)
    return f"(f.missing_mask | CASE WHEN x.row_no IS NULL THEN {TEXT_BIT} ELSE 0 END)"


def join_cluster(q: Query) -> None:
    """Join the clusters of the query's scope; rows that only name a province split by it are left out."""
    q.by_place = True
    join = f"LEFT JOIN cluster_member c ON c.adcode = f.adcode AND c.scope = '{q.scope}'"
    if any(j.startswith("LEFT JOIN cluster_member") for j in q.joins):
        return
    if q.scope not in q.ds.scopes:
        raise UnknownParameter("scope", q.scope, q.ds.scopes)
    q.joins.append(join)
    q.clauses.append("f.adcode IS NOT NULL AND coalesce(c.cluster, '') <> 'unclear'")


def _county_city(code: str) -> bool:
    return bool(re.fullmatch(r"\d{6}", code)) and int(code) % 100 > 80


def several(ds: Dataset, key: str, text: str) -> list[str]:
    """Values with commas between them; a board or another name of the dataset that holds a comma itself stands alone."""
    if "," in text and key in ("board", "without_board", *OPEN_CODES) and text in allowed(ds, key):
        return [text]
    return [v.strip() for v in text.split(",")]


def apply(q: Query, where: Mapping[str, str]) -> None:
    """Add filters to a query; the `SWITCHES` are read by the measure and skipped here."""
    for key in sorted(where):
        values = several(q.ds, key, where[key])
        for v in values:
            check(q.ds, "county" if key == "city" and q.roll_up == "county" and _county_city(v) else key, v)
        if key in SWITCHES:
            if len(values) > 1:
                raise UnknownParameter(f"value of {key}", where[key], allowed(q.ds, key))
            continue
        q.clauses.append(_one(q, key, values))
