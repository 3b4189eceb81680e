"""Definitions: data files beside the code, each overridable by a file of the same name in `--definitions DIR`."""

from __future__ import annotations

import csv
import hashlib
import io
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache, cached_property
from importlib import resources
from pathlib import Path
from typing import Any

import polars as pl

PACKAGED = Path(str(resources.files("gangwei"))) / "definitions"
SUFFIXES = (".csv", ".toml")
FURTHER = ("lists", "measures", "sources")  # folders of which every file is read
OWN = "definitions"  # beside the tables of a dataset: the files that replaced packaged ones when it was built


class DefinitionError(ValueError):
    """A definition file is missing or malformed; the message names the file and what to do."""


class _Given(dict[str, Any]):
    """A table of a file that replaces a packaged one: what it lacks is named with the file."""

    where = ""

    def __missing__(self, key: str) -> Any:
        raise DefinitionError(f"{self.where} has no {key}; begin the file with a copy of the packaged one")


def _given(value: Any, where: str) -> Any:
    """A value of such a file with its tables as `_Given`."""
    if isinstance(value, list):
        return [_given(v, where) for v in value]
    if not isinstance(value, dict):
        return value
    table = _Given({k: _given(v, f"{where} [{k}]") for k, v in value.items()})
    table.where = where
    return table


class Codebook:
    """A read-only view of the definition files.

    `overlay` is a directory whose files replace the packaged files of the same relative name; files that exist only
    there (a new source, a new list) are added.
    """

    def __init__(self, overlay: Path | None = None) -> None:
        if overlay is not None and not overlay.is_dir():
            raise DefinitionError(f"{overlay}: no such directory of definitions")
        self.roots = [PACKAGED] if overlay is None else [overlay, PACKAGED]

    def path(self, name: str) -> Path:
        """The file that holds the definition `name` (relative, forward slashes)."""
        for root in self.roots:
            if (root / name).is_file():
                return root / name
        raise DefinitionError(f"no definition file {name}")

    def names(self, folder: str, suffix: str) -> list[str]:
        """Relative names of all definition files under `folder` that end in `suffix`, sorted."""
        found = {
            p.relative_to(root).as_posix()
            for root in self.roots
            for p in (root / folder).rglob(f"*{suffix}")
            if p.is_file()
        }
        return sorted(found)

    def text(self, name: str) -> str:
        """A file as text; a byte order mark is left out."""
        try:
            return self.path(name).read_text("utf-8-sig")
        except UnicodeDecodeError:
            raise DefinitionError(f"{name}: is not UTF-8; save it as UTF-8 (Excel: CSV UTF-8)") from None

    def toml(self, name: str) -> dict[str, Any]:
        """A TOML file as a dictionary; a key that a file of the overlay lacks raises DefinitionError."""
        try:
            table = tomllib.loads(self.text(name))
        except tomllib.TOMLDecodeError as e:
            raise DefinitionError(f"{name}: {e}") from None
        replaces = len(self.roots) > 1 and (self.roots[0] / name).is_file()
        return _given(table, name) if replaces else table

    def rows(self, name: str) -> list[dict[str, str]]:
        """A CSV file (UTF-8, header, '#' lines are comments) as dictionaries of strings; empty cells are ''."""
        reader = csv.DictReader(line for line in io.StringIO(self.text(name)) if not line.startswith("#"))
        out = []
        for row in reader:
            if None in row or None in row.values():
                raise DefinitionError(f"{name} line {reader.line_num}: wrong number of cells: {row}")
            out.append({k: v.strip() for k, v in row.items()})
        return out

    def without_columns(self) -> list[str]:
        """What to say of each CSV of the overlay that lacks columns of the packaged file: its rows would be lost or misread."""
        out = []
        for name in Codebook.names(self, ".", ".csv") if len(self.roots) > 1 else ():
            if (self.roots[0] / name).is_file() and (PACKAGED / name).is_file():
                missing = [c for c in Codebook().columns(name) if c not in self.columns(name)]
                if missing:
                    out.append(
                        f"{name}: has no column {', '.join(missing)}; begin it with the header of the packaged file"
                    )
        return out

    def unread(self) -> list[str]:
        """Files of the overlay that replace none and stand in no folder that takes further ones."""
        own = self.roots[0]
        paths = (p for p in own.rglob("*") if p.suffix in SUFFIXES) if len(self.roots) > 1 else ()
        names = (p.relative_to(own).as_posix() for p in paths)
        return sorted(n for n in names if not (PACKAGED / n).is_file() and n.split("/")[0] not in FURTHER)

    def own(self) -> list[tuple[str, int, int]]:
        """Files of the overlay that differ from the packaged ones: name, lines that only they have, lines that they lack."""
        out = []
        for name, data in self.files() if len(self.roots) > 1 else ():
            if (self.roots[0] / name).is_file():
                kept = (PACKAGED / name).read_bytes() if (PACKAGED / name).is_file() else b""
                mine, packaged = (Counter(x for x in d.splitlines() if x.strip()) for d in (data, kept))
                if mine != packaged:
                    out.append((name, (mine - packaged).total(), (packaged - mine).total()))
        return out

    def columns(self, name: str) -> list[str]:
        """The header of a CSV file."""
        lines = (line for line in io.StringIO(self.text(name)) if not line.startswith("#"))
        return next(csv.reader(lines), [])

    def frame(self, name: str) -> pl.DataFrame:
        """A CSV file as a frame of strings; empty cells are ''."""
        rows = self.rows(name)
        return pl.DataFrame(rows, infer_schema_length=None) if rows else pl.DataFrame()

    def files(self, prefix: str = "") -> Iterator[tuple[str, bytes]]:
        """(relative name, content) of every definition file, hidden ones apart, under `prefix` ('./': of the top folder alone), by name."""
        for name in self.names(".", ""):
            within = "/" not in name if prefix == "./" else name.startswith(prefix)
            if within and not any(part.startswith((".", "__")) for part in name.split("/")):
                yield name, self.path(name).read_bytes()

    def keep(self, folder: Path) -> None:
        """Copy the overlay to `folder`, so that a dataset carries what it was built with; without one nothing is written."""
        for name, data in self.files() if len(self.roots) > 1 else ():
            if (self.roots[0] / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(data)

    def digest(self, *prefixes: str) -> str:
        """Hash of the files under the given prefixes (all files when none is given)."""
        h = hashlib.sha256()
        for prefix in prefixes or ("",):
            for name, data in self.files(prefix):
                h.update(name.encode() + b"\0" + hashlib.sha256(data).digest())
        return h.hexdigest()[:16]

    @cached_property
    def version(self) -> str:
        """Hash of all definitions: the `definitions_version` of every decision."""
        return self.digest()


class Remembering(Codebook):
    """Definitions of which each file is read once, for readers that ask often; what they get is shared and not to be changed."""

    @cache  # noqa: B019
    def toml(self, name: str) -> dict[str, Any]:
        """A TOML file as a dictionary."""
        return super().toml(name)

    @cache  # noqa: B019
    def names(self, folder: str, suffix: str) -> list[str]:
        """Relative names of all definition files under `folder` that end in `suffix`, sorted."""
        return super().names(folder, suffix)

    @cache  # noqa: B019
    def rows(self, name: str) -> list[dict[str, str]]:
        """A CSV file as dictionaries of strings."""
        return super().rows(name)

    @cache  # noqa: B019
    def digest(self, *prefixes: str) -> str:
        """Hash of the files under the given prefixes (all files when none is given)."""
        return super().digest(*prefixes)


def carried_by(published: Path) -> Remembering:
    """The definitions that a dataset was built with: the packaged ones and those it carries in their place."""
    own = published / OWN
    return Remembering(own if own.is_dir() else None)
