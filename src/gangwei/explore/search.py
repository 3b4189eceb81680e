"""Search: employers and titles over all ads, texts over AI openings or, with an index, over all openings.

Chinese is written without spaces, so a word is any run of characters. Openings stand in one fixed order, AI openings first,
then the most recent: a page is a range of that order.
"""

from __future__ import annotations

import re
import threading
import time
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from gangwei.explore.ads import visible
from gangwei.explore.index import TextIndex
from gangwei.explore.query import MAX_PAGE, SEARCHED, Asked
from gangwei.explore.rows import fetch
from gangwei.explore.site import Site, View
from gangwei.explore.snippet import snippet
from gangwei.frame.dataset import FACT, Dataset
from gangwei.kernels.codes import Array, marked

PAGE_ROWS = 50
MOST_WORDS = 6
EMPLOYERS_BESIDE = 5
"""Employers of that name shown above openings found by other fields."""
TITLES = (
    "SELECT o.row_no, o.ad_id, o.opening_id, t.title, NULL AS url FROM held.find_order o LEFT JOIN held.find_title t ON t.t = o.t "
    "WHERE o.n IN ({held})"
)
"""Openings of a page by their place in the order: those of one page stand near each other, so little of the table is read."""
TABLES = {
    "find_title": (
        "SELECT CAST(row_number() OVER (ORDER BY title) AS INTEGER) AS t, title, lower(title) AS low FROM (SELECT DISTINCT title FROM ads WHERE title <> '') ORDER BY t"
    ),
    "find_order": (
        "SELECT CAST(row_number() OVER (ORDER BY (f.tier = 'none') NULLS LAST, f.last_date DESC NULLS LAST, f.row_no) AS INTEGER) AS n, "
        f"f.row_no, t.t, a.ad_id, a.opening_id FROM {FACT} f JOIN ads a ON a.file_row_number = f.row_no LEFT JOIN held.find_title t ON t.title = a.title "
        "WHERE f.is_first ORDER BY n"
    ),
    # Titles of all ads of an opening: its own, and those of its repeats.
    "find_held": (
        "SELECT t, n FROM (SELECT t, n FROM held.find_order WHERE t IS NOT NULL UNION SELECT f.t, r.n FROM ads x "
        "ANTI JOIN held.find_order o ON o.row_no = x.file_row_number JOIN held.find_title f ON f.title = x.title "
        "JOIN (SELECT a.opening_id, o.n FROM held.find_order o JOIN ads a ON a.file_row_number = o.row_no) r ON r.opening_id = x.opening_id) ORDER BY t"
    ),
    "find_employer": (
        "SELECT e.employer_id, e.name, lower(e.name) AS low, e.kind, e.defence, coalesce(c.openings, 0) AS openings FROM employers e "
        f"JOIN employer_no n ON n.employer_id = e.employer_id LEFT JOIN (SELECT emp_no, count(*) AS openings FROM {FACT} WHERE is_first GROUP BY 1) c "
        "ON c.emp_no = n.emp_no WHERE e.kind IS DISTINCT FROM 'person' ORDER BY openings DESC, e.employer_id"
    ),
    "find_text": (
        "SELECT o.n, t.text FROM (SELECT n, row_no FROM held.find_order WHERE row_no IN (SELECT row_no FROM "
        f"{FACT} WHERE tier <> 'none')) o JOIN (SELECT ad_id, file_row_number AS row_no FROM ads) a ON a.row_no = o.row_no JOIN texts t ON t.ad_id = a.ad_id ORDER BY o.n"
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
        self.held: tuple[Array, Array] | None = None
        self.texts: tuple[Array, pl.Series] | None = None

    def prepare(self, kind: str) -> None:
        """Make the tables of one kind of search."""
        with self.lock:
            for table in NEEDS[kind]:
                if table not in self.made:
                    begun = time.monotonic()
                    cur = self.ds.connection.cursor()
                    if table == "find_held":
                        self.held = _runs(cur.execute(TABLES[table]).to_arrow_table(), self._titles())
                    elif table == "find_text":
                        got = cur.execute(TABLES[table]).pl()
                        self.texts = got["n"].to_numpy(), got["text"].rechunk()
                    else:
                        cur.execute(f"CREATE TABLE held.{table} AS {TABLES[table]}")
                        self.ds.pack()
                    cur.close()
                    self.made[table] = time.monotonic() - begun

    def _titles(self) -> int:
        return int(self.ds.rows("SELECT count(*) FROM held.find_title")[0][0])

    def search(self, words: str, kind: str, limit: int, offset: int) -> Hits:
        """Employers, or openings any of whose ads hold every word, in the fixed order."""
        terms = unicodedata.normalize("NFKC", words).lower().split()[:MOST_WORDS]
        if not terms:
            return Hits(0, [])
        if kind == "text" and self.index is not None and any(len(t) > 1 for t in terms):
            found, total, exact = self.index.search(terms, limit, offset)
            return Hits(total, self._openings("row_no", [n for n, _ in found], terms, dict(found)), exact)
        self.prepare(kind)
        if kind == "text":
            numbers, texts = self._texts(terms)
            shown = numbers[offset : offset + limit].tolist()
            beside = dict(zip(shown, texts.slice(offset, limit)))
            return Hits(len(numbers), self._openings("n", shown, terms, beside))
        params: dict[str, Any] = {f"t{i}": t for i, t in enumerate(terms)}
        match = " AND ".join(f"contains(low, $t{i})" for i in range(len(terms)))
        cur = self.ds.cursor()
        try:
            if kind == "employer":
                hits = cur.execute(
                    f"SELECT * EXCLUDE (low) FROM held.find_employer WHERE {match} ORDER BY rowid", params
                ).pl()
                page = hits.slice(offset, limit).to_dicts()
                return Hits(hits.height, [e | {"name": visible(e["name"])} for e in page])
            titles = cur.execute(f"SELECT t FROM held.find_title WHERE {match} ORDER BY t", params).pl()["t"].to_numpy()
        finally:
            cur.close()
        assert self.held is not None
        ends, held = self.held
        numbers = marked(ends[titles - 1], ends[titles], held, int(held.max(initial=-1)) + 1)
        return Hits(len(numbers), self._openings("n", numbers[offset : offset + limit].tolist()))

    def _texts(self, terms: list[str]) -> tuple[Array, pl.Series]:
        """The AI openings whose text holds every word, in order, with their texts."""
        assert self.texts is not None
        numbers, texts = self.texts
        for term in terms:
            at = texts.str.contains(f"(?i){re.escape(term)}").arg_true()  # an ad without a text holds nothing
            numbers, texts = numbers[at.to_numpy()], texts.gather(at)
        return numbers, texts

    def _openings(
        self, key: str, wanted: list[int], terms: Sequence[str] = (), texts: Mapping[int, str] | None = None
    ) -> list[dict[str, Any]]:
        """Openings by a column of `find_order` (n or row_no), AI openings and recent ones first.

        Where their texts are given, by the same column, each has the words around the first word found.
        """
        if not wanted:
            return []
        self.prepare("title")
        held = ", ".join(str(int(w)) for w in wanted)
        found = self.ds.rows(f"SELECT n, row_no, {key}, ad_id FROM held.find_order WHERE {key} IN ({held}) ORDER BY n")
        places = ", ".join(str(f[0]) for f in found) or "-1"
        rows = fetch(self.ds, [f[1] for f in found], TITLES.format(held=places)).to_dicts()
        if texts is None:
            return rows
        said = {ad_id: snippet(texts[k], terms) for _, _, k, ad_id in found}
        return [r | {"snippet": [{"text": t, "match": m} for t, m in said[r["ad_id"]]]} for r in rows]


def _runs(held: pa.Table, titles: int) -> tuple[Array, Array]:
    """(ends, openings): the openings n that title t stands at are `openings[ends[t - 1]:ends[t]]`; `held` goes by t."""
    t, n = (held.column(c).to_numpy() for c in ("t", "n"))
    return np.cumsum(np.bincount(t, minlength=titles + 1)), n.astype(np.int32)


def add(site: Site, finder: Search) -> None:
    """Register the search page."""

    @site.get(
        "/search", "Search employers, titles or texts.", suffixes=("html", "json"), query=("q", "in", "page", "lang")
    )
    def search(asked: Asked) -> View:
        kind, words = asked.given.get("in", SEARCHED[0]), asked.given.get("q", "").strip()
        hits = finder.search(words, kind, PAGE_ROWS, (asked.page - 1) * PAGE_ROWS)
        also = (
            Hits(0, [])
            if kind == "employer" or asked.page > 1
            else finder.search(words, "employer", EMPLOYERS_BESIDE, 0)
        )
        say = site.words.speaker(asked.lang)
        named = [
            {"path": path, "dimension": dim, "name": say.whole(dim, code)}
            for path, dim, code in site.words.named.get(words.casefold(), ())
        ]
        values = {
            "q": words, "kind": kind, "kinds": SEARCHED, "hits": hits, "named": named, "also": also, "page": asked.page, "indexed": finder.index,
            "pages": min(MAX_PAGE, max(1, -(-hits.total // PAGE_ROWS))),
        }  # fmt: skip
        return View("search.j2", values, data=lambda: {"q": words, "in": kind, "total": hits.total, "exact": hits.exact, "page": asked.page, "pages": named,
                                                       "rows": hits.rows})  # fmt: skip
