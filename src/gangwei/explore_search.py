"""Search: employers and titles over all ads, texts over AI openings or, with an index, over all openings.

Chinese is written without spaces, so a word is any run of characters. Openings stand in one fixed order, AI openings first,
then the most recent: a page is a range of that order.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

import polars as pl

from gangwei.explore_ads import visible
from gangwei.explore_index import TextIndex
from gangwei.explore_query import MAX_PAGE, SEARCHED, Asked
from gangwei.explore_site import Site, View
from gangwei.frame import Dataset

PAGE_ROWS = 50
MOST_WORDS = 6
TABLES = {
    "find_order": (
        "SELECT CAST(row_number() OVER (ORDER BY (o.ai_tier = 'none') NULLS LAST, o.last_date DESC NULLS LAST, o.opening_id) AS INTEGER) AS n, "
        "o.opening_id, o.ad_id FROM openings o ORDER BY n"
    ),
    "find_title": (
        "SELECT CAST(row_number() OVER (ORDER BY low) AS INTEGER) AS t, low FROM (SELECT DISTINCT lower(title) AS low FROM ads WHERE title <> '')"
    ),
    "find_held": (
        "SELECT DISTINCT f.t, o.n FROM ads a JOIN find_title f ON f.low = lower(a.title) JOIN find_order o ON o.opening_id = a.opening_id ORDER BY f.t, o.n"
    ),
    "find_employer": (
        "SELECT e.employer_id, e.name, lower(e.name) AS low, e.kind, e.defence, count(o.opening_id) AS openings FROM employers e "
        "LEFT JOIN openings o ON o.employer_id = e.employer_id WHERE e.kind IS DISTINCT FROM 'person' GROUP BY ALL ORDER BY openings DESC, e.employer_id"
    ),
    "find_text": (
        "SELECT o.n, lower(t.text) AS low FROM find_order o JOIN openings p ON p.opening_id = o.opening_id JOIN texts t ON t.ad_id = o.ad_id "
        "WHERE p.ai_tier <> 'none' ORDER BY o.n"
    ),
}
NEEDS = {
    "title": ("find_order", "find_title", "find_held"),
    "employer": ("find_employer",),
    "text": ("find_order", "find_text"),
}


@dataclass(frozen=True)
class Hits:
    """What was found: how many (an upper bound unless exact) and one page of rows."""

    total: int
    rows: list[dict[str, Any]]
    exact: bool = True


class Search:
    """Finds openings and employers; its tables are made once, at the first search or before it."""

    def __init__(self, ds: Dataset, index: TextIndex | None = None) -> None:
        self.ds, self.index, self.lock, self.made = ds, index, threading.Lock(), dict[str, float]()

    def prepare(self, kind: str) -> None:
        """Make the tables of one kind of search."""
        with self.lock:
            for table in NEEDS[kind]:
                if table not in self.made:
                    begun = time.monotonic()
                    cur = self.ds.connection.cursor()
                    cur.execute(f"CREATE TABLE {table} AS {TABLES[table]}")
                    cur.close()
                    self.made[table] = time.monotonic() - begun

    def search(self, words: str, kind: str, limit: int, offset: int) -> Hits:
        """Employers, or openings any of whose ads hold every word, in the fixed order."""
        terms = words.lower().split()[:MOST_WORDS]
        if not terms:
            return Hits(0, [])
        if kind == "text" and self.index is not None and any(len(t) > 1 for t in terms):
            ids, total, exact = self.index.search(terms, limit, offset)
            return Hits(total, self._openings(pl.Series(ids, dtype=pl.String)), exact)
        self.prepare(kind)
        params: dict[str, Any] = {f"t{i}": t for i, t in enumerate(terms)}
        match = " AND ".join(f"contains(low, $t{i})" for i in range(len(terms)))
        cur = self.ds.cursor()
        try:
            if kind == "employer":
                hits = cur.execute(
                    f"SELECT * EXCLUDE (low) FROM find_employer WHERE {match} ORDER BY rowid", params
                ).pl()
                page = hits.slice(offset, limit).to_dicts()
                return Hits(hits.height, [e | {"name": visible(e["name"])} for e in page])
            sql = (
                f"SELECT n FROM find_text WHERE {match} ORDER BY n"
                if kind == "text"
                else f"SELECT DISTINCT h.n FROM find_held h JOIN (SELECT t FROM find_title WHERE {match}) f ON f.t = h.t ORDER BY 1"
            )
            found = cur.execute(sql, params).pl()["n"]
            wanted = found.slice(offset, limit).to_list()
            page_ids = cur.execute(
                "SELECT ad_id FROM find_order WHERE list_contains($n, n) ORDER BY n", {"n": wanted}
            ).pl()
            return Hits(len(found), self._openings(page_ids["ad_id"]))
        finally:
            cur.close()

    def _openings(self, ad_ids: pl.Series) -> list[dict[str, Any]]:
        """Openings by their representative ads, in the order given."""
        if ad_ids.is_empty():
            return []
        cur = self.ds.cursor()
        try:
            found = cur.execute(
                "SELECT o.opening_id, o.ad_id, o.title, CASE WHEN e.kind = 'person' THEN NULL ELSE e.name END AS employer, o.employer_id, "
                "TRY_CAST(o.adcode AS INTEGER) AS adcode, o.ai_tier, o.first_date, o.last_date, o.n_ads FROM openings o "
                "LEFT JOIN employers e ON e.employer_id = o.employer_id WHERE list_contains($ids, o.ad_id)", {"ids": ad_ids.to_list()},
            ).pl()  # fmt: skip
        finally:
            cur.close()
        by_id = {r["ad_id"]: r for r in found.to_dicts()}
        rows = [by_id[i] for i in ad_ids if i in by_id]
        return [r | {"title": visible(r["title"]), "employer": visible(r["employer"]) or None} for r in rows]


def add(site: Site, finder: Search) -> None:
    """Register the search page."""

    @site.get(
        "/search", "Search employers, titles or texts.", suffixes=("html", "json"), query=("q", "in", "page", "lang")
    )
    def search(asked: Asked) -> View:
        kind, words = asked.given.get("in", SEARCHED[0]), asked.given.get("q", "").strip()
        hits = finder.search(words, kind, PAGE_ROWS, (asked.page - 1) * PAGE_ROWS)
        values = {
            "q": words, "kind": kind, "kinds": SEARCHED, "hits": hits, "page": asked.page, "indexed": finder.index,
            "pages": min(MAX_PAGE, max(1, -(-hits.total // PAGE_ROWS))),
        }  # fmt: skip
        return View("search.j2", values, data=lambda: {"q": words, "in": kind, "total": hits.total, "exact": hits.exact, "page": asked.page,
                                                       "rows": hits.rows})  # fmt: skip
