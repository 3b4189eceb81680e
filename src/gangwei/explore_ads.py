"""Ads for the explorer: search, one ad with the words that decided, one employer."""

from __future__ import annotations

import re
import threading
import time
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

import polars as pl

from gangwei.frame import Dataset
from gangwei.kernels import contacts
from gangwei.lineage import original

KINDS = ("title", "employer", "text")
BIDI = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f]")
HIDDEN = ("lat", "lon")


class Missing(Exception):
    """Nothing of that name in this dataset."""


def visible(text: str | None) -> str:
    """`text` with direction-changing characters made harmless, length unchanged so that offsets hold."""
    return BIDI.sub("\ufffd", text or "")


def safe_url(url: str | None) -> str | None:
    """`url` when it is plain http(s), else None."""
    if not url:
        return None
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return None
    return url.strip() if parts.scheme in ("http", "https") and parts.netloc else None


def segments(text: str, spans: list[tuple[int, int, str]]) -> list[tuple[str, str]]:
    """`text` cut into (piece, label) where overlapping spans join; unmarked pieces have an empty label."""
    clean = [(max(0, a), min(len(text), b), n) for a, b, n in spans if a is not None and b is not None and a < b]
    cuts = sorted({0, len(text), *(x for a, b, _ in clean for x in (a, b))})
    out: list[tuple[str, str]] = []
    for a, b in pairwise(cuts):
        label = ", ".join(dict.fromkeys(n for s, e, n in clean if s <= a and e >= b))
        out.append((text[a:b], label))
    return out


class Finder:
    """Looks up ads and employers; the tables for search are made once, at the first search."""

    def __init__(self, ds: Dataset) -> None:
        self.ds, self.lock, self.made = ds, threading.Lock(), dict[str, float]()
        self.contacts = contacts.compile_contacts(ds.codebook)

    def _index(self, kind: str) -> None:
        with self.lock:
            if kind in self.made:
                return
            begun = time.monotonic()
            cur = self.ds.cursor()
            if kind == "title":
                cur.execute(
                    "CREATE TABLE find_title AS SELECT o.ad_id, lower(o.title) AS low FROM openings o ORDER BY o.opening_id"
                )
            elif kind == "text":
                cur.execute(
                    "CREATE TABLE find_text AS SELECT o.ad_id, lower(t.text) AS low FROM openings o JOIN texts t ON t.ad_id = o.ad_id "
                    "WHERE o.ai_tier <> 'none' ORDER BY o.opening_id"
                )
            cur.close()
            self.made[kind] = time.monotonic() - begun

    def search(self, words: str, kind: str, limit: int, offset: int) -> tuple[int, list[dict[str, Any]]]:
        """Openings (or employers) that hold every word: (how many, one page in a fixed order)."""
        terms = [w.lower() for w in words.split()][:6]
        params: dict[str, Any] = {f"t{i}": t for i, t in enumerate(terms)}
        page = {"lim": limit, "off": offset}
        cur = self.ds.cursor()
        try:
            if kind == "employer":
                match = " AND ".join(f"contains(lower(name), $t{i})" for i in range(len(terms)))
                row = cur.execute(f"SELECT count(*) FROM employers WHERE {match}", params).fetchone()
                found = cur.execute(
                    f"SELECT e.employer_id, e.name, e.kind, e.defence, count(o.opening_id) AS openings FROM employers e "
                    f"LEFT JOIN openings o ON o.employer_id = e.employer_id WHERE {match.replace('lower(name)', 'lower(e.name)')} "
                    "GROUP BY ALL ORDER BY openings DESC, e.employer_id LIMIT $lim OFFSET $off", params | page,
                ).pl()  # fmt: skip
                return int(row[0]) if row else 0, found.to_dicts()
            self._index(kind)
            table = f"find_{kind}"
            match = " AND ".join(f"contains(low, $t{i})" for i in range(len(terms)))
            row = cur.execute(f"SELECT count(*) FROM {table} WHERE {match}", params).fetchone()
            found = cur.execute(
                f"WITH p AS MATERIALIZED (SELECT ad_id, rowid AS n FROM {table} WHERE {match} ORDER BY rowid LIMIT $lim OFFSET $off) "
                "SELECT o.opening_id, o.ad_id, o.title, e.name AS employer, o.employer_id, TRY_CAST(o.adcode AS INTEGER) AS adcode, "
                "o.ai_tier, o.first_date, o.last_date, o.n_ads "
                "FROM p JOIN openings o ON o.ad_id = p.ad_id LEFT JOIN employers e ON e.employer_id = o.employer_id ORDER BY p.n",
                params | page,
            ).pl()
            return int(row[0]) if row else 0, found.to_dicts()
        finally:
            cur.close()

    def _all(self, sql: str, **params: Any) -> list[dict[str, Any]]:
        cur = self.ds.cursor()
        try:
            return cur.execute(sql, params).pl().to_dicts()
        finally:
            cur.close()

    def employer(self, employer_id: str) -> dict[str, Any]:
        """One employer with its names and affiliations.

        Raises:
            Missing: no such employer.
        """
        found = self._all("SELECT * FROM employers WHERE employer_id = $i", i=employer_id)
        if not found:
            raise Missing(f"no employer {employer_id[:40]!r}")
        names = self._all(
            "SELECT name_raw, rule_id FROM employer_names WHERE employer_id = $i ORDER BY name_raw LIMIT 50",
            i=employer_id,
        )
        lists = self._all("SELECT * FROM affiliations WHERE employer_id = $i ORDER BY ALL", i=employer_id)
        shown = contacts.strip(pl.Series([n["name_raw"] for n in names], dtype=pl.String), self.contacts)
        names = [n | {"name_raw": visible(s)} for n, s in zip(names, shown)]
        return {**found[0], "name": visible(found[0]["name"]), "names": names, "affiliations": lists}

    def ad(self, ad_id: str) -> dict[str, Any]:
        """One ad with text segments, decisions, duplicates and the original row without contacts.

        Raises:
            Missing: no such ad.
        """
        found = self._all("SELECT *, file_row_number AS number FROM ads WHERE ad_id = $i", i=ad_id)
        if not found:
            raise Missing(f"no ad {ad_id[:40]!r}")
        ad = found[0]
        number = ad.pop("number")
        text = self._all("SELECT text, sections FROM texts WHERE ad_id = $i", i=ad_id)
        decisions = self._all("SELECT * FROM decisions WHERE ad_id = $i ORDER BY stage, field, start, rule_id", i=ad_id)
        fields = {"title": visible(ad["title"]), "text": visible(text[0]["text"]) if text else ""}
        for d in decisions:
            shown = fields.get(d["field"] or "", "")
            d["words"] = shown[d["start"] : d["end"]] if d["start"] is not None else ""
        spans = {
            f: [(d["start"], d["end"], d["rule_id"]) for d in decisions if d["field"] == f and d["start"] is not None]
            for f in fields
        }
        same = self._all(
            "SELECT ad_id, board, title, captured_date, posted_date, match_relation, match_reason, match_score FROM ads "
            "WHERE opening_id = $o AND ad_id <> $i ORDER BY captured_date, ad_id LIMIT 50", o=ad["opening_id"], i=ad_id,
        )  # fmt: skip
        employer = self.employer(ad["employer_id"]) if ad["employer_id"] else None
        return {
            "ad": ad | {"title": fields["title"], "url": safe_url(ad["url"])},
            "title_segments": segments(fields["title"], spans["title"]),
            "text_segments": segments(fields["text"], spans["text"]),
            "sections": text[0]["sections"] if text else [],
            "decisions": decisions,
            "places": self._all(
                "SELECT adcode, weight FROM ad_places WHERE ad_id = $i ORDER BY weight DESC, adcode", i=ad_id
            ),
            "employer": employer,
            "same_opening": same,
            "original": self._original(number),
        }

    def _original(self, number: int) -> dict[str, Any] | None:
        """The raw row, without the fields that may hold contacts (they are shown in their clean form)."""
        root = self.ds.published.parent
        if not (root / "build.json").exists():
            return None
        row = original(root, number)
        if row is None:
            return None
        kept = (
            "file",
            "row",
            "source_id",
            "board",
            "city",
            "district",
            "pay",
            "education",
            "experience",
            "headcount",
            "posted",
            "captured",
        )
        return {k: visible(str(row[k])) for k in kept if row.get(k) not in (None, "")}
