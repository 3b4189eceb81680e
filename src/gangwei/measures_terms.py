"""Concepts that the population names, alone and together, from the evidence rows of the classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gangwei import intervals
from gangwei.intervals import Estimate
from gangwei.measures_found import EMPTY, Finding, frame, regroup, row, run

if TYPE_CHECKING:
    from gangwei.measures import Scope


_TERMS = (
    "WITH o AS (SELECT f.ad_id, f.emp_no {source}), "
    "h AS (SELECT DISTINCT o.ad_id, o.emp_no, split_part(d.rule_id, '.', 1) AS term FROM decisions d JOIN o ON o.ad_id = d.ad_id "
    "WHERE d.decision = 'ai_term' AND d.rule_id IS NOT NULL AND NOT suffix(coalesce(d.reason_id, ''), '@blurb')) "
)


def _named(ask: Scope, tail: str) -> Finding:
    q = ask.restrict(regroup(ask, None).query())
    whole = int(run(ask, f"SELECT count(*) {q.source()}", q)[0][0])
    sql = _TERMS.format(source=q.source()) + tail
    rows = []
    for g, n, employers in run(ask, sql, q):
        low, high = intervals.wilson(n / whole, min(whole, max(employers, 1)))
        e = Estimate(n / whole, min(low, n / whole), max(high, n / whole), float(employers), "employer_wilson")
        rows.append(row(ask, str(g), e, float(n), float(whole), int(n), int(employers), weak=False))
    return Finding(frame(rows), EMPTY, float(whole), float(whole), sql, q.params)


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
