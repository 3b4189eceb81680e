"""Pages to read: definitions with their history, the method, the quality of the data, and the interface description."""

from __future__ import annotations

import hashlib
from itertools import takewhile
from typing import Any

import polars as pl
from fastapi import Request
from fastapi.responses import JSONResponse, Response

from gangwei.codebook import PACKAGED
from gangwei.explore.ads import visible
from gangwei.explore.openapi import document
from gangwei.explore.query import COMMON, MAX_PAGE, Asked
from gangwei.explore.site import Missing, Site, View

STATIC = PACKAGED.parent / "static"
ROWS = 200
DOWNLOADED = 10_000
UNKNOWN = (
    ("place_status", ("none", "ambiguous")), ("pay_status", ("none", "unclear", "negotiable", "unknown")), ("education", ("unknown",)),
    ("experience", ("unknown",)), ("occupation", ("unknown",)), ("industry", ("unknown",)), ("date_precision", ("none", "unknown")),
)  # fmt: skip
DATED = ("added_in", "edition", "date", "year", "valid_from", "from")


def add(site: Site) -> None:
    """Register the pages."""
    book = site.ds.codebook

    @site.get("/definitions", "Definition files, their rows and their history.", suffixes=("html", "json"),
              query=("file", "find", "page", *COMMON))  # fmt: skip
    def definitions(asked: Asked) -> View:
        name, sought = asked.given.get("file"), asked.given.get("find", "").strip()
        files = files_of(site)
        changes = [r for r in book.rows("history.csv") if name is None or name.startswith(r["file"])]
        rows: list[dict[str, str]] = []
        text = ""
        if name and name.endswith(".csv"):
            rows = [r for r in book.rows(name) if not sought or any(sought.lower() in v.lower() for v in r.values())]
        elif name:
            text = book.path(name).read_text("utf-8")
        start = (asked.page - 1) * ROWS
        values = {
            "files": files, "file": name, "rows": rows[start : start + ROWS], "text": text, "total": len(rows), "find": sought,
            "page": asked.page, "pages": max(1, -(-len(rows) // ROWS)), "changes": changes, "said": next((f["said"] for f in files if f["file"] == name), ""),
            "editions": editions(rows), "same": book.version == site.ds.definitions_version, "now": book.version,
        }  # fmt: skip
        return View(
            "definitions.j2",
            values,
            data=lambda: {"files": files, "file": name, "rows": rows, "text": text, "history": changes},
        )

    @site.get("/method", "How the figures are made.")
    def method(asked: Asked) -> View:
        return View("method.j2", {"known": site.known})

    @site.get("/quality", "What was read, kept and rejected, and the issues log.", suffixes=("html", "json"))
    def quality(asked: Asked) -> View:
        manifest = site.ds.manifest
        steps = site.figure("ads-per-opening", asked) if "ads-per-opening" in site.known else None
        unknown = [(dim, missing(site, asked, dim, gone)) for dim, gone in UNKNOWN]
        values = {"manifest": manifest, "counts": manifest.get("counts") or {}, "steps": steps, "unknown": unknown}
        return View(
            "quality.j2",
            values,
            data=lambda: {
                "counts": manifest.get("counts"),
                "inputs": manifest.get("inputs"),
                "issues": manifest.get("issues"),
            },
        )

    @site.get("/rejects", "Rows that were read and not kept, each with its reason: pages of 200, or up to 10,000 as JSON or CSV.",
              suffixes=("html", "json", "csv"), query=("reason", "input", "page", *COMMON))  # fmt: skip
    def rejects(asked: Asked) -> View:
        return rejected(site, asked, ROWS if asked.suffix == "html" else DOWNLOADED)

    @site.app.get("/static/{name}", include_in_schema=False)
    def static(name: str) -> Response:
        if name != "explore.css":
            raise Missing("no such file", name)
        return Response((STATIC / name).read_bytes(), media_type="text/css", headers={"Cache-Control": "max-age=3600"})

    @site.app.get("/openapi.json", include_in_schema=False)
    def interface(request: Request) -> Response:
        return JSONResponse(document(site))


def rejected(site: Site, asked: Asked, limit: int) -> View:
    """Rows that were not kept, as they were read; contacts are out of them since they were published."""
    reason, read = asked.given.get("reason"), asked.given.get("input")
    within = "($1 IS NULL OR file = $1 OR starts_with(file, $1 || '#'))"  # the sheets of a workbook are parts of it
    counted = dict(
        site.ds.rows(f"SELECT reason_id, count(*) FROM rejects WHERE {within} GROUP BY 1 ORDER BY 2 DESC, 1", [read])
    )
    found = site.ds.rows(
        f"SELECT source_id, file, row, reason_id, raw FROM rejects WHERE {within} AND ($2 IS NULL OR reason_id = $2)"
        " ORDER BY file, row, reason_id LIMIT $3 OFFSET $4",
        [read, reason, limit, (asked.page - 1) * limit],
    )
    columns = ("source_id", "file", "row", "reason_id", "raw")
    rows = [dict(zip(columns, (visible(v) if isinstance(v, str) else v for v in r))) for r in found]
    total = counted.get(reason, 0) if reason else sum(counted.values())
    values = {
        "reason": reason, "input": read, "counted": counted, "total": total, "rows": rows, "page": asked.page, "most": DOWNLOADED,
        "pages": min(MAX_PAGE, max(1, -(-total // ROWS))),
    }  # fmt: skip
    return View(
        "rejects.j2", values, name="rejects", rows=lambda: pl.DataFrame(rows, schema=columns, infer_schema_length=None),
        data=lambda: {"reason_id": reason, "file": read, "total": total, "shown": len(rows), "rows": rows},
    )  # fmt: skip


def missing(site: Site, asked: Asked, dim: str, gone: tuple[str, ...]) -> float:
    """Share of openings whose value of a dimension is one of `gone`."""
    rows = site.figure("openings-mix", asked, dim).rows.filter(pl.col("id").is_in(gone))
    return float(rows["value"].sum())


def files_of(site: Site) -> list[dict[str, Any]]:
    """Definition files with what they say of themselves, their size in rows and the first digits of their hash."""
    out = []
    for name, data in site.ds.codebook.files():
        if name.endswith((".csv", ".toml", ".md")):
            mark = hashlib.sha256(data).hexdigest()[:12]
            out.append({"file": name, "said": said(data.decode("utf-8")), "lines": data.count(b"\n"), "hash": mark})
    return out


def said(text: str) -> str:
    """The comment at the head of a definition file."""
    head = takewhile(lambda line: line.startswith("#"), text.splitlines())
    return " ".join(line.lstrip("# ") for line in head)


def editions(rows: list[dict[str, str]]) -> list[tuple[str, str, int]]:
    """How many rows came in with each edition or version: (column, value, rows)."""
    out: list[tuple[str, str, int]] = []
    for column in DATED:
        if rows and column in rows[0]:
            counted: dict[str, int] = {}
            for r in rows:
                counted[r[column]] = counted.get(r[column], 0) + 1
            out += [(column, v or "–", n) for v, n in sorted(counted.items())]
            break
    return out[:40]
