"""Search: employers and titles over all ads, texts over AI openings or, with an index, over all openings.

Chinese is written without spaces, so a word is any run of characters. Openings stand in one fixed order, AI openings first,
then the most recent: a page is a range of that order.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

from gangwei.explore_ads import visible
from gangwei.explore_index import TextIndex
from gangwei.explore_query import MAX_PAGE, SEARCHED, Asked
from gangwei.explore_rows import fetch
from gangwei.explore_site import Site, View
from gangwei.frame import Dataset

PAGE_ROWS = 50
MOST_WORDS = 6
TITLES = "SELECT o.row_no, t.title, NULL AS url FROM find_order o LEFT JOIN find_title t ON t.t = o.t WHERE o.row_no IN ({held})"
TABLES = {
    "find_title": (
        "SELECT CAST(row_number() OVER (ORDER BY title) AS INTEGER) AS t, title, lower(title) AS low FROM (SELECT DISTINCT title FROM ads WHERE title <> '') ORDER BY t"
    ),
    "find_order": (
        "SELECT CAST(row_number() OVER (ORDER BY (f.tier = 'none') NULLS LAST, f.last_date DESC NULLS LAST, f.opening_id) AS INTEGER) AS n, "
        "f.row_no, f.opening_id, f.ad_id, t.t FROM fact f JOIN ads a ON a.file_row_number = f.row_no LEFT JOIN find_title t ON t.title = a.title "
        "WHERE f.is_first ORDER BY n"
    ),
    "find_held": (
        "SELECT DISTINCT f.t, o.n FROM ads a JOIN find_title f ON f.title = a.title JOIN find_order o ON o.opening_id = a.opening_id ORDER BY f.t, o.n"
    ),
    "find_employer": (
        "SELECT e.employer_id, e.name, lower(e.name) AS low, e.kind, e.defence, coalesce(c.openings, 0) AS openings FROM employers e "
        "JOIN employer_no n ON n.employer_id = e.employer_id LEFT JOIN (SELECT emp_no, count(*) AS openings FROM fact WHERE is_first GROUP BY 1) c "
        "ON c.emp_no = n.emp_no WHERE e.kind IS DISTINCT FROM 'person' ORDER BY openings DESC, e.employer_id"
    ),
    "find_text": (
        "SELECT o.n, lower(t.text) AS low FROM (SELECT n, ad_id FROM find_order WHERE row_no IN (SELECT row_no FROM fact WHERE tier <> 'none')) o "
        "JOIN texts t ON t.ad_id = o.ad_id ORDER BY o.n"
    ),
}
NEEDS = {
    "title": ("find_title", "find_order", "find_held"),
    "employer": ("find_employer",),
    "text": ("find_title", "find_order", "find_text"),
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
            return Hits(total, self._openings("ad_id", ids), exact)
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
            return Hits(len(found), self._openings("n", found.slice(offset, limit).to_list()))
        finally:
            cur.close()

    def _openings(self, key: str, wanted: list[Any]) -> list[dict[str, Any]]:
        """Openings by a column of `find_order` (n or ad_id), AI openings and recent ones first."""
        if not wanted:
            return []
        self.prepare("title")
        cur = self.ds.cursor()
        try:
            sql = f"SELECT row_no FROM find_order WHERE list_contains($wanted, {key}) ORDER BY n"
            numbers = cur.execute(sql, {"wanted": wanted}).pl()["row_no"].to_list()
        finally:
            cur.close()
        return fetch(self.ds, numbers, TITLES).to_dicts()


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
