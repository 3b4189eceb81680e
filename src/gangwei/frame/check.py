"""What makes a directory a dataset that this program reads; anything else is refused with what to do about it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from gangwei import schema

OPTIONAL = frozenset(
    {
        "texts", "issues", "campaigns", "spells", "decisions", "rejects", "affiliations", "employer_names", "skills", "employer_sizes",
        "match_sensitivity",
    }
)  # fmt: skip


class DatasetError(ValueError):
    """The directory cannot be read as a dataset; the message says what is wrong and what to do."""


class SchemaMismatch(DatasetError):
    """The dataset was written by another schema version, or lacks columns of this one."""


def _load_json(path: Path) -> dict[str, Any]:
    try:
        out = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as e:
        raise DatasetError(f"{path.name}: cannot be read as JSON ({e}); run `gangwei build` again") from None
    if not isinstance(out, dict):
        raise DatasetError(f"{path.name}: not a JSON object; run `gangwei build` again")
    return out


def find(directory: Path) -> Path:
    """The folder of published tables in a build's output, or that folder itself.

    Raises:
        DatasetError: there is none.
    """
    if not directory.exists():
        raise DatasetError(f"{directory}: no such directory; make one with `gangwei build FILES --out {directory}`")
    if (directory / "published").is_dir():
        return directory / "published"
    if (directory / "ads.parquet").is_file():
        return directory
    if (directory / "stages").is_dir():
        raise DatasetError(
            f"{directory}: half built, or no ad was found (stages/ but no published/); run the same `gangwei build` again"
        )
    raise DatasetError(f"{directory}: not a dataset (no published/ inside); make one with `gangwei build`")


def of_this_schema(directory: Path) -> Path:
    """The folder of published tables, as `find`; its schema version is checked, its files are not.

    Raises:
        DatasetError: there is none.
        SchemaMismatch: another schema version.
    """
    published = find(directory)
    if (package := published / "datapackage.json").is_file():
        _refuse_version(_load_json(package).get("schema_version"))
    return published


def _refuse_version(version: Any) -> None:
    if version != schema.SCHEMA_VERSION:
        raise SchemaMismatch(
            f"the dataset has schema_version {version}, this program reads {schema.SCHEMA_VERSION}; "
            "build it again from the raw files (`gangwei build FILES --out DIR`)"
        )


def check(published: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Validate versions, files and columns; return (datapackage, manifest)."""
    package: dict[str, Any] = {}
    manifest: dict[str, Any] = {}
    for name in ("datapackage.json", "manifest.json"):
        places = [published / name, published.parent / name]
        found = next((p for p in places if p.is_file()), None)
        if found is None:
            raise DatasetError(f"{published}: half built ({name} is missing); run the same `gangwei build` again")
        if name.startswith("data"):
            package = _load_json(found)
        else:
            manifest = _load_json(found)
    _refuse_version(package.get("schema_version"))
    for table in schema.PUBLISHED_TABLES:
        path = published / f"{table.name}.parquet"
        if not path.is_file():
            if table.name in OPTIONAL:
                continue
            raise DatasetError(f"half built: {path.name} is missing; run the same `gangwei build` again")
        try:
            names = set(pq.read_schema(path).names)
        except Exception as e:
            line = str(e).splitlines()[0]
            raise DatasetError(f"{path.name} is corrupted ({line}); run `gangwei build` again") from None
        if missing := [c.name for c in table.columns if c.name not in names]:
            raise SchemaMismatch(f"{path.name} lacks the columns {', '.join(missing)}; build the dataset again")
    return package, manifest
