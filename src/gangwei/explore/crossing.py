"""A figure by two dimensions as a page: the groups of one down, the values of another across, each cell with its interval."""

from __future__ import annotations

from typing import Any

from gangwei import measures, vocabulary
from gangwei.explore.query import QUESTION, Asked
from gangwei.explore.site import Site, View
from gangwei.measures import Measure
from gangwei.vocabulary import UnknownParameter

ROWS = 60
"""Groups shown; files hold all of them."""
FIRST = ("city", "province", "role", "year")
SECOND = ("year", "definition", "province", "role")

WHOLE = ("hhi",)
"""Kinds of measures that are one number whatever their groups."""


def add(site: Site, choices: Any) -> None:
    """Register the page; `choices` lists the filters that can be added to a figure."""
    known = site.known

    @site.get("/m/{measure_id}/across", "One measure by two dimensions: the groups of `by` within each value of `across`.",
              suffixes=("html", "json", "csv", "parquet"), query=(*QUESTION, "across"), parts={"measure_id": {"enum": list(known)}})  # fmt: skip
    def page(asked: Asked) -> View:
        m = site.measure(asked)
        by, across = dimensions(m, asked, site.grammar.table["across"].values)
        given = asked.given
        rows = measures.crossed(
            site.ds, m.id, by, across, asked.where, as_of=given.get("as_of") or None, lists=given.get("lists") or None, lang=asked.lang,
        )  # fmt: skip
        result = site.figure(m.id, asked, by)
        cells = {(r["id"], r[across]): r for r in rows.to_dicts()}
        columns = dict(rows.select(across, f"{across}_label").unique(maintain_order=True).iter_rows())
        groups = result.rows.to_dicts()
        values = {
            "r": result, "across": across, "columns": columns, "cells": cells, "rows": groups[:ROWS], "given": given, "linked": not m.of_sample,
            "more_rows": max(0, len(groups) - ROWS), "by_options": m.groups, "choices": choices(site, result), "definitions": tuple(vocabulary.DEFINITIONS),
            "across_options": [d for d in site.grammar.table["across"].values if d in m.groups and d not in asked.where],
        }  # fmt: skip
        return View(
            "crossed.j2", values, rows=lambda: rows, name=f"{m.id}-{by}-{across}",
            data=lambda: {"measure": m.id, "by": by, "across": across, "where": dict(asked.where), "rows": rows.to_dicts()},
        )  # fmt: skip


def second(m: Measure, asked: Asked, by: str | None) -> str:
    """The dimension that is offered beside `by`; '' where there is none."""
    if m.kind in WHOLE:
        return ""
    return next((d for d in SECOND if by and by in m.groups and d in m.groups and d != by and d not in asked.where), "")


def dimensions(m: Measure, asked: Asked, values: tuple[str, ...]) -> tuple[str, str]:
    """The two dimensions asked for; where an address names none, the first that the measure has and no filter holds.

    Raises:
        UnknownParameter: the measure has no two such dimensions.
    """
    free = [d for d in m.groups if d not in asked.where]
    by = asked.given.get("by") or m.default_by or next((d for d in FIRST if d in free), "")
    across = asked.given.get("across") or second(m, asked, by)
    if not by or across not in free or across == by:
        raise UnknownParameter("second dimension", across, [d for d in values if d in free and d != by])
    return by, across
