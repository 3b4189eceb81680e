"""What employers of a list are affiliated with: group, tiers of evidence on a day, surveillance."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from gangwei.frame.dataset import Dataset
from gangwei.frame.employers import NOBODY
from gangwei.measures import Result

ASKED = ("defence", "defence_group", "defence_tier", "sector", "surveillance_company")
"""Filters that make a reader of employers ask for the evidence."""


@dataclass(frozen=True)
class Affiliation:
    """Of one employer: its defence group, the tiers that hold on the day, and whether it is a surveillance company."""

    group: str | None
    tiers: tuple[str, ...]
    surveillance: bool


def affiliations(ds: Dataset, ids: Sequence[str], day: dt.date | None, lists: Sequence[str]) -> dict[str, Affiliation]:
    """The affiliations of employers; those without any are left out. `lists` are the government lists that count, all where empty."""
    known = ds.employers
    held = known.lists.filter(pl.col("employer_id").is_in(list(ids)))
    if day is not None:
        held = held.filter(pl.col("valid_from").fill_null(day) <= day, pl.col("valid_to").fill_null(day) >= day)
    if lists:
        held = held.filter((pl.col("tier") != "T3") | pl.col("list_id").is_in(list(lists)))
    tiers = {i: tuple(sorted(set(t))) for i, t in held.group_by("employer_id").agg("tier").iter_rows()}
    out = {}
    for id_, n in zip(ids, known.numbers_of(ids)):
        if n == NOBODY:
            continue
        row = known.known.row(n, named=True)
        found = Affiliation(row["defence_group"], tiers.get(id_, ()), bool(row["surveillance_company"]))
        if found.group or found.tiers or found.surveillance:
            out[id_] = found
    return out


def shown(ds: Dataset, result: Result, ids: Sequence[str]) -> dict[str, Affiliation]:
    """The affiliations that the page of a figure shows beside its employers: where a filter asks for them."""
    if result.by != "employer" or not any(k in result.where for k in ASKED):
        return {}
    return affiliations(ds, ids, result.as_of, result.lists)
