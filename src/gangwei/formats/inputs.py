"""Files, folders, patterns and archives that a build is given, as its inputs in one order, whatever order they came in.

What gangwei itself wrote beside the ads (a dataset, a release, a brief) is no input.
"""

from __future__ import annotations

import glob
import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from gangwei.formats import archive
from gangwei.formats.chunk import Limits, Unreadable

SUFFIXES = (
    ".csv", ".tsv", ".txt", ".tab", ".psv", ".json", ".jsonl", ".jl", ".ndjson", ".har", ".xls", ".xlsx", ".xlsm", ".xlsb", ".ods", ".sql",
    ".parquet", ".pq", ".zip", ".gz", ".tar", ".tgz", ".html", ".htm", ".mhtml", ".xml", ".rss",
    ".db", ".db3", ".sqlite", ".sqlite3",
)  # fmt: skip
# in the folder of a dataset
OWN = {"stages", "published", "labels", "releases", "text_index", "synth", "build.json", "opinions.csv", "brief.html"}
OPENINGS = (
    "openings.parquet",
    "data/openings.parquet",
)  # beside the datapackage.json of a published folder, of a release
KINDS = "CSV, JSON, Excel, SQL, SQLite, XML, Parquet, zip, tar or gz file"


class ReadError(Exception):
    """The input as a whole cannot be read; one line: file, row, what is wrong, what to do."""


@dataclass(frozen=True)
class Issue:
    """Something to know about a file: a stable reason code and a one-line message."""

    file: str
    row: int | None
    reason_id: str
    message: str
    n: int = 1

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Input:
    """One file or archive member. `name` is relative to what the user gave, '#member' behind it; never a machine path."""

    name: str
    path: Path
    member: str | None
    size: int
    sha256: str


# Bytes of the run directory for each byte of input, measured; texts lie twice there, in a stage and published.
DISK_FACTOR = {".parquet": 10.0, ".xlsx": 10.0, ".gz": 12.0}
DISK_FACTOR_PLAIN = 4.0


def disk_needed(items: Iterable[Input]) -> int:
    """Bytes of disk that a build of these files is likely to take."""
    return int(sum(i.size * DISK_FACTOR.get(Path(i.name).suffix.lower(), DISK_FACTOR_PLAIN) for i in items))


def discover(paths: Sequence[str | Path], limits: Limits) -> tuple[list[Input], list[Issue]]:
    """All inputs under the given files, folders and patterns, sorted by (name, sha256), whatever order they came in.

    Raises:
        ReadError: a path does not exist, a pattern fits nothing, or a folder holds no file that could hold ads.
    """
    named: dict[Path, str] = {}
    issues: list[Issue] = []
    for given in paths:
        for found, path in _expand(str(given), issues):
            name = _shown(found)
            old = named.get(path.resolve())
            if old is None or name < old:
                named[path.resolve()] = name
    inputs: list[Input] = []
    for path, name in named.items():
        inputs += _inputs(name, path, limits, issues)
    inputs.sort(key=lambda i: (i.name, i.sha256))
    first: dict[str, str] = {}
    counts, told = Counter(i.name for i in inputs), Counter[str]()
    out = []
    for i in inputs:
        name = i.name if counts[i.name] == 1 else f"{i.name}~{i.sha256[:8]}"
        told[name] += 1
        name = name if told[name] == 1 else f"{name}~{told[name]}"
        if i.sha256 in first and i.size:
            issues.append(
                Issue(name, None, "same_content", f"the same content as {first[i.sha256]}; its rows count as repeats")
            )
        first.setdefault(i.sha256, name)
        out.append(Input(name, i.path, i.member, i.size, i.sha256))
    issues = [replace(i, file=_shown(i.file)) for i in issues]
    issues.sort(key=lambda i: (i.file, i.row or 0, i.reason_id, i.message))
    return out, issues


def _shown(name: str) -> str:
    """A name as it is written down: one that an archive of a Chinese system left in GBK is read as such."""
    return archive.decoded(os.fsencode(name)) or os.fsencode(name).decode("utf-8", "replace")


def _expand(given: str, issues: list[Issue]) -> Iterator[tuple[str, Path]]:
    """(label, path) of the files that one input names: a file, a folder, a pattern.

    Raises:
        ReadError: there is no such file, or a folder holds none of ours.
    """
    path = Path(given)
    if not given:
        raise ReadError("an input has an empty name; '.' is the current folder")
    if path.is_file():
        yield path.name, path
    elif path.is_dir():
        own = _Own(issues)
        found = list(_within(path, path, own, issues))
        if not found:
            what = "nothing but what gangwei wrote" if own.seen else f"no {KINDS}"
            raise ReadError(f"{path.name or given}: the folder holds {what}; name a folder with ads")
        yield from found
    elif glob.has_magic(given):
        hits = sorted(p for p in map(Path, glob.glob(given, recursive=True)))
        if not hits:
            raise ReadError(f"{given}: no file fits this pattern; check the folder and the pattern")
        base, own = _glob_base(given), _Own(issues)
        for p in hits:
            if p.is_file() and not (base in p.parents and own.holds(base, p.relative_to(base))):
                yield p.relative_to(base).as_posix() if base in p.parents else p.name, p
            elif p.is_dir() and "**" not in given:
                yield from _within(p, base if base in p.parents else p, own, issues)
    elif path.exists():
        raise ReadError(f"{given}: a pipe or device, which can be read once only; save it as a file first")
    else:
        raise ReadError(f"{given}: no such file or folder; check the path")


def _within(folder: Path, base: Path, own: _Own, issues: list[Issue]) -> Iterator[tuple[str, Path]]:
    """Files below a folder that may hold ads, named from `base` on; others are issues, hidden ones and locks are passed over."""
    for p in sorted(q for q in folder.rglob("*") if q.is_file()):
        relative = p.relative_to(base)
        if any(part.startswith((".", "~$")) or part == "__MACOSX" for part in p.relative_to(folder).parts):
            continue
        if own.holds(base, relative):
            continue
        if p.suffix.lower() in SUFFIXES:
            yield relative.as_posix(), p
        else:
            issues.append(Issue(relative.as_posix(), None, "not_a_data_file", f"left out: not a {KINDS}"))


class _Own:
    """What gangwei wrote among the files of a folder: the parts of a dataset, which lie beside its lock, are passed over as if
    they were not there, since a build may write into the folder that it reads; a release is told of once."""

    def __init__(self, issues: list[Issue]) -> None:
        self.issues, self.seen = issues, set[Path]()

    def holds(self, base: Path, relative: Path) -> bool:
        """True for a file that gangwei has written."""
        for n, part in enumerate(relative.parts):
            folder = base.joinpath(*relative.parts[:n])
            dataset = part in OWN and (folder / ".lock").is_file()
            package = (folder / "datapackage.json").is_file() and any((folder / o).is_file() for o in OPENINGS)
            if package and folder not in self.seen:
                name = folder.relative_to(base).as_posix()
                self.issues.append(Issue(name, None, "own_dataset", "left out: a dataset that gangwei wrote, not ads"))
            if dataset or package:
                self.seen.add(folder)
                return True
        return False


def _glob_base(pattern: str) -> Path:
    parts: list[str] = []
    for part in Path(pattern).parts:
        if glob.has_magic(part):
            break
        parts.append(part)
    return Path(*parts)


def _inputs(name: str, path: Path, limits: Limits, issues: list[Issue]) -> Iterator[Input]:
    """A file, or the members of an archive; what cannot be read is an issue, and the others go on."""
    with _told(name, issues):
        members = archive.members(path, limits) if path.stat().st_size else None
        for member in [None] if members is None else members:
            shown = name if member is None else f"{name}#{member}"
            with _told(shown, issues):
                yield Input(shown, path, member, *_digest(archive.Blob(path, member, limits)))


@contextmanager
def _told(name: str, issues: list[Issue]) -> Iterator[None]:
    """What goes wrong inside the block, as an issue of the file."""
    try:
        yield
    except Unreadable as e:
        issues.append(Issue(name, e.row, e.reason_id, str(e)))
    except OSError as e:
        issues.append(Issue(name, None, "unreadable", f"cannot be opened: {e.strerror or e}; check its permissions"))


def _digest(blob: archive.Blob) -> tuple[int, str]:
    h, size = hashlib.sha256(), 0
    with blob.stream() as f:
        while data := f.read(1 << 20):
            h.update(data)
            size += len(data)
    return size, h.hexdigest()
