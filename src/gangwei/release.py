"""A data package others can cite: Parquet and CSV, descriptors, checksums, a licence note per board, and a diff."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import polars as pl

from gangwei import schema
from gangwei.store import StoreError, read_groups, read_json, swapped, write_json, write_text

FORMULA = r"^[=+\-@\t\r]"
NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,40}")
CROISSANT_TYPES = {"String": "sc:Text", "Boolean": "sc:Boolean", "Date": "sc:Date", "List": "sc:Text"}


def neutral(frame: pl.DataFrame) -> pl.DataFrame:
    """`frame` for CSV: lists joined, and text that a spreadsheet would run as a formula prefixed with an apostrophe."""
    out = []
    for name, kind in frame.schema.items():
        column = pl.col(name)
        if isinstance(kind, pl.List):
            flat = kind.inner == pl.String
            column = column.list.join(";") if flat else column.map_elements(_json, return_dtype=pl.String)
        if isinstance(kind, pl.List) or kind == pl.String:
            column = pl.when(column.str.contains(FORMULA)).then(pl.concat_str(pl.lit("'"), column)).otherwise(column)
        out.append(column.alias(name))
    return frame.select(out)


def _json(value: Any) -> str:
    return json.dumps(value.to_list() if isinstance(value, pl.Series) else value, ensure_ascii=False)


def _write_csv(source: Path, target: Path) -> int:
    rows = 0
    with target.open("wb") as f:
        f.write(b"\xef\xbb\xbf")
        for n, frame in enumerate(read_groups(source)):
            neutral(frame).write_csv(f, include_header=n == 0)
            rows += frame.height
        if not rows:
            names = pl.scan_parquet(source).collect_schema().names()
            f.write((",".join(names) + "\n").encode())
    return rows


def _sha256(path: Path) -> str:
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def croissant(version: str, tables: list[schema.Table], sums: dict[str, str]) -> dict[str, Any]:
    """A Croissant 1.1 descriptor of the released tables."""
    return {
        "@context": {
            "@vocab": "https://schema.org/", "sc": "https://schema.org/", "cr": "http://mlcommons.org/croissant/",
            "dct": "http://purl.org/dc/terms/", "conformsTo": "dct:conformsTo", "recordSet": "cr:recordSet",
            "field": "cr:field", "source": "cr:source", "fileObject": "cr:fileObject", "extract": "cr:extract",
            "column": "cr:column", "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
        },
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": "gangwei-dataset",
        "version": version,
        "description": "Job ads, openings, places, employers and AI tiers with their evidence.",
        "distribution": [
            {
                "@type": "cr:FileObject", "@id": f"{t.name}.parquet", "name": f"{t.name}.parquet",
                "contentUrl": f"data/{t.name}.parquet", "encodingFormat": "application/vnd.apache.parquet",
                "sha256": sums[f"data/{t.name}.parquet"],
            }
            for t in tables
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet", "@id": t.name, "name": t.name, "description": t.doc,
                "field": [
                    {
                        "@type": "cr:Field", "@id": f"{t.name}/{c.name}", "name": c.name, "description": c.doc,
                        "dataType": CROISSANT_TYPES.get(type(c.type).__name__, "sc:Float" if c.type.is_float() else "sc:Integer"),
                        "source": {"fileObject": {"@id": f"{t.name}.parquet"}, "extract": {"column": c.name}},
                    }
                    for c in t.columns
                ],
            }
            for t in tables
        ],
    }  # fmt: skip


def _diff(before: dict[str, Any] | None, now: dict[str, Any], version: str) -> str:
    lines = [f"# What changed in {version}", ""]
    if before is None:
        return "\n".join([*lines, "The first release of this dataset.", ""])
    lines += ["| figure | before | now |", "|---|---:|---:|"]
    for key in sorted(set(before["counts"]) | set(now["counts"])):
        a, b = before["counts"].get(key), now["counts"].get(key)
        if a != b:
            lines.append(f"| {key} | {a if a is None else f'{a:,}'} | {b if b is None else f'{b:,}'} |")
    for key in ("definitions_version", "as_of", "schema_version", "gangwei_version"):
        if before.get(key) != now.get(key):
            lines.append(f"| {key} | {before.get(key)} | {now.get(key)} |")
    old, new = ({i["file"] for i in m["inputs"]} for m in (before, now))
    lines += [
        "",
        *(f"- input added: {f}" for f in sorted(new - old)),
        *(f"- input removed: {f}" for f in sorted(old - new)),
    ]
    return "\n".join([*lines, ""])


def _licences(manifest: dict[str, Any]) -> str:
    boards = sorted({b for i in manifest["inputs"] for b in (i.get("boards") or {})})
    lines = [
        "# What may be passed on",
        "",
        "Derived facts (codes, dates, counts, tiers) are released under CC-BY-4.0. Texts and titles belong to employers",
        "and boards; before you pass them on, check each board's terms, or release with `--no-texts`.",
        "",
        "| board | licence of its texts |",
        "|---|---|",
        *(f"| {b} | none known; all rights presumed reserved |" for b in boards),
        "",
    ]
    return "\n".join(lines)


def write(directory: Path, version: str, texts: bool = True) -> Path:
    """Write `directory/releases/<version>/` whole or not at all; returns it.

    Raises:
        StoreError: a bad version name, a release of that name, or no published dataset.
    """
    if not NAME.fullmatch(version):
        raise StoreError(f"{version!r} is not a version name: letters, digits, dot, dash and underscore")
    target = directory / "releases" / version
    if target.exists():
        raise StoreError(f"{target}: exists; a release is never overwritten, choose another version")
    published = directory / "published"
    manifest = read_json(published / "manifest.json")
    earlier = sorted((p for p in (directory / "releases").glob("*/manifest.json")), key=lambda p: p.stat().st_mtime_ns)
    before = read_json(earlier[-1]) if earlier else None
    tables = [
        t
        for t in schema.PUBLISHED_TABLES
        if (published / f"{t.name}.parquet").exists() and (texts or t.name != "texts")
    ]
    target.parent.mkdir(parents=True, exist_ok=True)
    with swapped(target) as tmp:
        (tmp / "data").mkdir()
        for t in tables:
            shutil.copy(published / f"{t.name}.parquet", tmp / "data" / f"{t.name}.parquet")
            _write_csv(published / f"{t.name}.parquet", tmp / "data" / f"{t.name}.csv")
        sums = {p.relative_to(tmp).as_posix(): _sha256(p) for p in sorted((tmp / "data").iterdir())}
        package = read_json(published / "datapackage.json")
        package["version"] = version
        package["resources"] = [
            {**r, "name": r["name"] if kind == "parquet" else f"{r['name']}-csv", "path": f"data/{r['name']}.{kind}",
             "format": kind, "mediatype": "text/csv" if kind == "csv" else r["mediatype"],
             "hash": "sha256:" + sums[f"data/{r['name']}.{kind}"], "bytes": (tmp / "data" / f"{r['name']}.{kind}").stat().st_size}
            for r in package["resources"] if any(t.name == r["name"] for t in tables) for kind in ("parquet", "csv")
        ]  # fmt: skip
        write_json(tmp / "datapackage.json", package)
        write_json(tmp / "croissant.json", croissant(version, tables, sums))
        write_json(tmp / "manifest.json", manifest)
        write_text(tmp / "LICENCES.md", _licences(manifest))
        write_text(tmp / "CHANGES.md", _diff(before, manifest, version))
        every = [p for p in sorted(tmp.rglob("*")) if p.is_file() and not p.name.startswith(".")]
        write_text(tmp / "SHA256SUMS", "".join(f"{_sha256(p)}  {p.relative_to(tmp).as_posix()}\n" for p in every))
    return target
