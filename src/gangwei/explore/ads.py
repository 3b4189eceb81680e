"""One ad with the words that decided, its duplicates and its original row; one employer with its names and lists."""

from __future__ import annotations

import re
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow.parquet as pq

from gangwei.explore.site import Missing
from gangwei.frame.dataset import Dataset
from gangwei.kernels.clean import contacts
from gangwei.lineage import SAME, original

BIDI = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f]")


NAMES_SHOWN = 50
Hashed = tuple[npt.NDArray[np.uint64], npt.NDArray[np.int32]]


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


def told_day(ad: dict[str, Any]) -> str:
    """The day, month or year that an ad claims to be posted on; '' where it claims none."""
    size = {"year": 4, "month": 7}.get(ad["date_precision"], 10)
    return str(ad["posted_date"] or "")[:size]


def segments(text: str, spans: list[tuple[int, int, str]]) -> list[tuple[str, str]]:
    """`text` cut into (piece, label) where overlapping spans join; unmarked pieces have an empty label."""
    clean = [(max(0, a), min(len(text), b), n) for a, b, n in spans if a is not None and b is not None and a < b]
    cuts = sorted({0, len(text), *(x for a, b, _ in clean for x in (a, b))})
    out: list[tuple[str, str]] = []
    for a, b in pairwise(cuts):
        label = ", ".join(dict.fromkeys(n for s, e, n in clean if s <= a and e >= b))
        out.append((text[a:b], label))
    return out


def summed(decisions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Decisions with the same words, rule and reason as one line, with how often they stand and their scores added up."""
    out: dict[tuple[Any, ...], dict[str, Any]] = {}
    for d in decisions:
        key = (d["words"], d["decision"], d["rule_id"], d["reason_id"], d["field"] == "tags")
        if key not in out:
            out[key] = {k: d[k] for k in ("words", "decision", "rule_id", "reason_id", "field", "score")} | {"n": 1}
            continue
        held = out[key]
        held["n"] += 1
        if d["score"] is not None:
            held["score"] = (held["score"] or 0.0) + d["score"]
    return list(out.values())


def table_row(path: Path, number: int) -> dict[str, Any]:
    """One row of a Parquet file by its number; {} beyond the end."""
    found = pl.scan_parquet(path, glob=False).slice(number, 1).collect().to_dicts()
    return found[0] if found else {}


def _weight(place: dict[str, Any]) -> tuple[float, str]:
    return -place["weight"], place["adcode"]


class Reader:
    """Reads one ad or one employer with all that is known of it."""

    def __init__(self, ds: Dataset) -> None:
        self.ds, self.following = ds, dict[str, bool]()
        self.contacts = contacts.compile_contacts(ds.codebook)

    def prepare(self) -> None:
        """Make ready what the first ad would wait for."""
        self.numbers, self.shared  # noqa: B018
        for table in ("decisions", "ad_places"):
            self._follows(table)

    @cached_property
    def numbers(self) -> Hashed:
        """Hashes of all ad ids in order, and the row of each: one ad is found without reading the column."""
        return self._hashed("ad_id")

    @cached_property
    def shared(self) -> Hashed:
        """The same of the opening ids that several ads share."""
        h, n = self._hashed("opening_id")
        again = h[1:] == h[:-1]
        kept = np.r_[False, again] | np.r_[again, False] if len(h) else np.zeros(0, np.bool_)
        return h[kept], n[kept]

    def _hashed(self, column: str) -> Hashed:
        cur = self.ds.connection.cursor()
        found = cur.execute(
            f"SELECT hash({column}) AS h, CAST(file_row_number AS INTEGER) AS n FROM ads"
        ).to_arrow_table()
        cur.close()
        h, n = found.column("h").to_numpy(), found.column("n").to_numpy()
        order = np.argsort(h, kind="stable")
        return h[order], n[order]

    def _rows(self, hashed: Hashed, id_: str) -> list[int]:
        """Rows whose id has the hash of `id_`."""
        keys, rows = hashed
        wanted = np.uint64(self._all("SELECT hash($i) AS h", i=id_)[0]["h"])
        low, high = (int(np.searchsorted(keys, wanted, side=s)) for s in ("left", "right"))
        return [int(n) for n in rows[low:high]]

    def _find(self, ad_id: str) -> tuple[int, dict[str, Any]]:
        """The row of an ad in the published table, and what it holds.

        Raises:
            Missing: no such ad.
        """
        for n in self._rows(self.numbers, ad_id):
            row = table_row(self.ds.published / "ads.parquet", n)
            if row["ad_id"] == ad_id:
                return n, row
        raise Missing(f"no ad {ad_id[:40]!r}", ad_id)

    def _of(self, table: str, ad_id: str, number: int) -> pl.DataFrame:
        """Rows of one ad: where a table follows the ads by row groups just one is read, else all are asked."""
        if self._follows(table):
            part = int(np.searchsorted(self.ds.ads_file[1], number, side="right"))
            rows = pl.DataFrame(pq.ParquetFile(self.ds.published / f"{table}.parquet").read_row_group(part))
            return rows.filter(pl.col("ad_id") == ad_id)
        return pl.DataFrame(self._all(f"SELECT * FROM {table} WHERE ad_id = $i", i=ad_id), infer_schema_length=None)

    def _follows(self, table: str) -> bool:
        """Whether a table follows the ads row group by row group; looked at once."""
        if table not in self.following:
            path = self.ds.published / f"{table}.parquet"
            self.following[table] = path.is_file() and self._aligned(pq.ParquetFile(path))
        return self.following[table]

    def _aligned(self, file: pq.ParquetFile) -> bool:
        """Whether each row group begins and ends with ads of the same row group of the ads."""
        if file.num_row_groups != len(self.ds.ads_file[1]):
            return False
        for part, (low, high) in enumerate(pairwise((0, *self.ds.ads_file[1].tolist()))):
            ids = file.read_row_group(part, columns=["ad_id"]).column(0)
            for id_ in [ids[0].as_py(), ids[-1].as_py()] if len(ids) else []:
                if not any(low <= n < high for n in self._rows(self.numbers, id_)):
                    return False
        return True

    def _same(self, ad_id: str, opening_id: str) -> list[dict[str, Any]]:
        """Other ads of an opening, at most 50."""
        numbers = self._rows(self.shared, opening_id)
        if not numbers:
            return []
        found = self.ds.ads_rows(numbers, [*SAME, "opening_id"])
        if found is None:
            return self._all(
                f"SELECT {', '.join(SAME)} FROM ads WHERE opening_id = $o AND ad_id <> $i ORDER BY captured_date, ad_id LIMIT 50",
                o=opening_id, i=ad_id,
            )  # fmt: skip
        others = found.filter((pl.col("opening_id") == opening_id) & (pl.col("ad_id") != ad_id))
        out: list[dict[str, Any]] = others.sort("captured_date", "ad_id", nulls_last=True).select(SAME)[:50].to_dicts()
        return out

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
        found = self.ds.employers.one(employer_id, NAMES_SHOWN)
        if found is None:
            raise Missing(f"no employer {employer_id[:40]!r}", employer_id)
        known, names, lists = found
        if known["kind"] == "person":
            return {**known, "name": None, "names": [], "affiliations": lists}
        shown = contacts.strip_raw(pl.Series([n["name_raw"] for n in names], dtype=pl.String), self.contacts)
        names = [n | {"name_raw": visible(s)} for n, s in zip(names, shown)]
        return {**known, "name": visible(known["name"]), "names": names, "affiliations": lists}

    def ad(self, ad_id: str) -> dict[str, Any]:
        """One ad with text segments, decisions, duplicates and the original row without contacts.

        Raises:
            Missing: no such ad.
        """
        number, ad = self._find(ad_id)
        text = self._text(ad_id, number)
        decisions = self._of("decisions", ad_id, number).to_dicts()
        decisions.sort(key=lambda d: [(d[k] is None, d[k]) for k in ("stage", "field", "start", "rule_id")])
        fields = {"title": visible(ad["title"]), "text": visible(text[0]["text"]) if text else ""}
        for d in decisions:
            shown = fields.get(d["field"] or "", "")
            d["words"] = shown[d["start"] : d["end"]] if d["start"] is not None else ""
        spans = {
            f: [(d["start"], d["end"], d["rule_id"]) for d in decisions if d["field"] == f and d["start"] is not None]
            for f in fields
        }
        places = self._of("ad_places", ad_id, number).to_dicts()
        employer = self.employer(ad["employer_id"]) if ad["employer_id"] else None
        return {
            "ad": ad | {"title": fields["title"], "url": safe_url(ad["url"]), "posted": told_day(ad)},
            "title_segments": segments(fields["title"], spans["title"]),
            "text_segments": segments(fields["text"], spans["text"]),
            "sections": text[0]["sections"] if text else [],
            "decisions": decisions,
            "summary": summed(decisions),
            "places": [{"adcode": p["adcode"], "weight": p["weight"]} for p in sorted(places, key=_weight)],
            "employer": employer,
            "same_opening": [
                d | {"title": visible(d["title"]), "posted": told_day(d)} for d in self._same(ad_id, ad["opening_id"])
            ],
            "original": self._original(number, named=employer is not None and employer["kind"] != "person"),
        }

    def _text(self, ad_id: str, number: int) -> list[dict[str, Any]]:
        """Text and sections of an ad: texts stand in the order of the ads; where they do not, they are looked for."""
        path = self.ds.published / "texts.parquet"
        if path.is_file():
            row = table_row(path, number)
            if row.get("ad_id") == ad_id:
                return [row]
        return self._all("SELECT text, sections FROM texts WHERE ad_id = $i", i=ad_id)

    def _original(self, number: int, named: bool) -> dict[str, Any] | None:
        """The raw row, without the fields that are shown above in their clean form; `named`: with the employer as the ad has it."""
        root = self.ds.published.parent
        if not (root / "build.json").exists():
            return None
        row = original(root, number, self.contacts)
        if row is None:
            return None
        kept = (
            "file",
            "row",
            "source_id",
            "board",
            *(("company",) if named else ()),
            "city",
            "district",
            "pay",
            "education",
            "experience",
            "headcount",
            "industry",
            "tags",
            "posted",
            "captured",
        )
        return {k: " ".join(visible(str(row[k])).split()) for k in kept if row.get(k) not in (None, "")}
