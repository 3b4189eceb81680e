"""The openings behind a figure: the same filter that counts also lists, exactly those of the numerator."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import polars as pl

from gangwei import vocabulary as vocab
from gangwei.frame.dataset import Dataset
from gangwei.measures import grouping
from gangwei.measures.answer import ask_of, defined, load, turns_on_definition
from gangwei.measures.medians import live, matched
from gangwei.vocabulary import Query, UnknownParameter

_BEHIND = (
    "f.row_no, f.n_ads, f.first_date, f.last_date, CAST(f.tier AS VARCHAR) AS ai_tier, "
    "CAST(f.board AS VARCHAR) AS board"
)
_DRAWN = (
    "(CAST(row_no AS BIGINT) * 2654435761) % 4294967296"  # a permutation of the row numbers that scatters neighbours
)
# Kinds whose rows are those of a filter, though the question has no dimension.
_ROWS_OF = {"terms": "term", "pairs": "skill", "without_board": "without_board"}


def behind_query(
    ds: Dataset,
    measure_id: str,
    by: str | None = None,
    group: str | None = None,
    where: Mapping[str, str] | None = None,
    *,
    as_of: dt.date | str | None = None,
    lists: Sequence[str] | str | None = None,
) -> Query:
    """The filter of a figure's numerator, narrowed to one group of `by`.

    Raises:
        UnknownParameter: as `measure`, a group where the figure has none, or a figure of a sample.
    """
    ask = ask_of(ds, measure_id, by, where, as_of, lists)
    if ask.measure.of_sample:
        raise UnknownParameter("measure", measure_id, (m.id for m in load(ds.codebook).values() if not m.of_sample))
    if group is not None and turns_on_definition(ask):
        vocab.check(ds, "definition", group)
        ask, group = defined(ask, group), None
    if group is not None and ask.by is None and ask.measure.kind not in _ROWS_OF:
        raise UnknownParameter("group", group, ())
    q = ask.restrict(ask.query())
    hit = ask.hit(q)
    if hit != "true":
        q.clauses.append(hit)
    if ask.measure.column:
        q.clauses.append(f"f.{ask.measure.column} IS NOT NULL")
    if ask.measure.kind == "duration":
        q.clauses.append("f.last_date > f.first_date")
    if ask.measure.kind == "per_opening":
        q.clauses.append("f.has_spell")
    if ask.measure.kind == "stock" and group is not None:
        first = q.bind(_month(group))
        q.clauses.append(live("f", first))
        if q.grain not in vocab.GRAINS_OF_ADS:
            spells = f"SELECT s.row_no FROM {ds.spells()} s WHERE {live('s', first)}"
            q.clauses.append(f"(f.n_spells = 1 OR f.row_no IN ({spells}))")
        return q
    if group is None and ask.measure.kind == "mix" and ask.by is not None and grouping.many_valued(ask.by):
        q.clauses.append(grouping.in_a_group(q, ask.by))
    if group is not None and ask.by is None:
        for part in group.split(" + ") if ask.measure.kind == "pairs" else [group]:
            vocab.apply(q, {_ROWS_OF[ask.measure.kind]: part})
    if group is not None and ask.by is not None:
        vocab.apply(q, {ask.by: group}) if ask.by != "definition" else q.clauses.append(vocab.definition_sql(group))
    if group is None and ask.measure.kind in ("count", "share"):
        return q  # these count openings without a place or an employer as well
    if ask.by in vocab.PLACES:
        held = grouping.group(q, ask.by)
        if group is None and ask.measure.kind == "mix" and ask.by == "cluster":
            q.clauses.append(f"{held} <> '{vocab.OUTSIDE}'")
    elif ask.by == "employer":
        q.clauses.append(grouping.NAMED)
    if ask.measure.kind == "premium":
        others = ask.query({ask.by: group} if ask.by and group is not None else None)
        if ask.by in vocab.PLACES:
            grouping.group(others, ask.by)
        q.clauses.append(matched(ask, q, others))
    return q


def _month(group: str) -> dt.date:
    """The first day of a month as groups write it."""
    try:
        return dt.date.fromisoformat(f"{group}-01")
    except ValueError:
        raise UnknownParameter("value of month", group, ("YYYY-MM",)) from None


def ads_behind(
    ds: Dataset,
    measure_id: str,
    by: str | None = None,
    group: str | None = None,
    where: Mapping[str, str] | None = None,
    *,
    limit: int | None = 50,
    offset: int = 0,
    as_of: dt.date | str | None = None,
    lists: Sequence[str] | str | None = None,
    drawn: bool = False,
) -> tuple[int, pl.DataFrame]:
    """The openings of a numerator: (how many, one page of them in a fixed order).

    `limit`: at most 10,000; all where it is None. `drawn`: in an order that looks like chance and is the same each time, so that a few stand for all.

    Returns:
        count of rows, and columns opening_id, ad_id, title, employer, employer_id, adcode, board, ai_tier, first_date, last_date, n_ads, url.
    """
    q = behind_query(ds, measure_id, by, group, where, as_of=as_of, lists=lists)
    source = q.source()
    cur = ds.cursor()
    distinct = f"SELECT DISTINCT ON (f.row_no) {_BEHIND}, f.emp_no, f.adcode {source} ORDER BY f.row_no, f.adcode"
    order = _DRAWN if drawn else "row_no"
    if drawn:
        distinct = f"SELECT * FROM ({distinct}) ORDER BY {order}"
    count = cur.execute(f"SELECT count(DISTINCT f.row_no) {source}", q.params).fetchone()
    q.params |= {"lim": None if limit is None else max(0, min(limit, 10_000)), "off": max(0, offset)}
    page = cur.execute(
        f"WITH p AS MATERIALIZED ({distinct} LIMIT $lim OFFSET $off) "
        "SELECT a.opening_id, a.ad_id, a.title, CASE WHEN e.kind = 'person' THEN NULL ELSE e.name END AS employer, n.employer_id, p.adcode, p.board, p.ai_tier, p.first_date, p.last_date, p.n_ads, a.url "
        "FROM p JOIN ads a ON a.file_row_number = p.row_no LEFT JOIN employer_no n ON n.emp_no = p.emp_no "
        f"LEFT JOIN employers e ON e.employer_id = n.employer_id ORDER BY {order}",
        q.params,
    ).pl()
    cur.close()
    return int(count[0]) if count else 0, page
