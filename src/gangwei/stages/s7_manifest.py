"""The manifest, the issues log and the data package descriptor of a published dataset."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl

from gangwei import schema
from gangwei.kernels.clean import contacts
from gangwei.stages.s7_source import Source
from gangwei.store import write_frames, write_json
from gangwei.version import __version__


def metadata(
    source: Source,
    tmp: Path,
    counts: dict[str, int],
    repairs: dict[tuple[str | None, str], int],
    noticed: list[dict[str, Any]],
) -> None:
    """Write the issues log, datapackage.json and manifest.json.

    Args:
        counts: rows of each table. repairs: ads by source and reason of a repair. noticed: further rows of the log.
    """
    log = [
        *({"n": 1} | i for i in source.issues),
        *(
            {"stage": "s2_clean", "source_id": s, "reason_id": r, "n": n}
            for (s, r), n in sorted(repairs.items(), key=str)
        ),
        *noticed,
    ]
    rows = [{c: i.get(c) for c in schema.ISSUES.polars} for i in log]
    rules = contacts.compile_contacts(source.book)
    issues = pl.DataFrame(rows, schema=schema.ISSUES.polars)
    issues = issues.with_columns(contacts.strip_raw(issues[c], rules) for c in ("file", "message"))
    write_frames(tmp / "issues.parquet", schema.ISSUES, [issues], compression="zstd")
    tables = [t for t in schema.PUBLISHED_TABLES if (tmp / f"{t.name}.parquet").exists()]
    write_json(tmp / "datapackage.json", datapackage(tables))
    read = sum(f["read"] for f in source.files)
    write_json(
        tmp / "manifest.json",
        {
            "gangwei_version": __version__,
            "schema_version": schema.SCHEMA_VERSION,
            "build_key": source.build_key,
            "as_of": source.parameters["as_of"],
            "definitions_version": source.definitions_version,
            "parameters": source.parameters,
            "stages": source.keys,
            "inputs": [_input(f, rules) for f in source.files],
            "counts": {
                "files": len(source.files),
                "read": read,
                "kept": counts["ads"],
                "rejected": counts["rejects"],
                **{k: v for k, v in counts.items() if k not in ("ads", "rejects")},
                "ads": counts["ads"],
            },
            "issues": issues.select("stage", "source_id", "file", "row", "reason_id", "n", "message").to_dicts(),
        },
    )


def _input(file: dict[str, Any], rules: contacts.ContactRules) -> dict[str, Any]:
    """What the manifest says of one file: its name, boards and messages may hold contacts, so these go."""
    kept = {k: v for k, v in file.items() if k not in ("key", "parts", "seconds")}
    boards: dict[str, int] = {}
    for name, n in zip(_shown(file["boards"], rules), file["boards"].values()):
        boards[name] = boards.get(name, 0) + n
    messages = _shown([i["message"] for i in file["issues"]], rules)
    issues = [
        i | ({"file": n} if "file" in i else {}) | {"message": m}
        for i, n, m in zip(file["issues"], _shown([i.get("file") for i in file["issues"]], rules), messages)
    ]
    return kept | {"file": _shown([file["file"]], rules)[0], "boards": boards, "issues": issues}


def _shown(texts: Iterable[str | None], rules: contacts.ContactRules) -> list[str]:
    return contacts.strip_raw(pl.Series(list(texts), dtype=pl.String), rules).to_list()


def datapackage(tables: list[schema.Table]) -> dict[str, Any]:
    """A Frictionless data package descriptor of the published tables."""
    kinds = {"String": "string", "Boolean": "boolean", "Date": "date", "List": "array"}

    def kind(t: pl.DataType) -> str:
        name = type(t).__name__
        return kinds.get(name, "number" if name.startswith("Float") else "integer")

    return {
        "profile": "data-package",
        "name": "gangwei-dataset",
        "schema_version": schema.SCHEMA_VERSION,
        "resources": [
            {
                "name": t.name,
                "path": f"{t.name}.parquet",
                "format": "parquet",
                "mediatype": "application/vnd.apache.parquet",
                "description": t.doc,
                "schema": {
                    "fields": [
                        {"name": c.name, "type": kind(c.type), "description": c.doc}
                        | ({"constraints": {"enum": list(c.enum)}} if c.enum else {})
                        for c in t.columns
                    ],
                    **({"primaryKey": list(t.key)} if t.key else {}),
                },
            }
            for t in tables
        ],
    }
