"""s1: files, folders, patterns and archives in; raw rows, rejects and issues out.

Every row of a file is kept or rejected with a reason (kept + rejected = read). A file that cannot be read is one issue
with a one-line message; the others go on. What a board's files look like is data: `definitions/sources/`.
"""

from __future__ import annotations

import glob
import hashlib
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from gangwei import schema
from gangwei.formats import archive
from gangwei.formats.chunk import Chunk, Limits, Unreadable
from gangwei.formats.guess import Knowledge, load_knowledge
from gangwei.formats.mapping import Audit, map_chunk
from gangwei.formats.pages import compile_pages
from gangwei.formats.recognise import Match, better, of_page, recognise, sniff
from gangwei.formats.source import Source, load_sources
from gangwei.formats.tables import Layout, Opened, Table, opened

if TYPE_CHECKING:
    from gangwei.codebook import Codebook

__all__ = ["Batch", "FileReport", "Input", "Issue", "Limits", "ReadError", "discover", "read"]

SUFFIXES = (
    ".csv", ".tsv", ".txt", ".tab", ".psv", ".json", ".jsonl", ".ndjson", ".xls", ".xlsx", ".xlsm", ".xlsb", ".ods", ".sql",
    ".parquet", ".pq", ".zip", ".gz", ".html", ".htm", ".mhtml", ".xml", ".rss",
    ".db", ".db3", ".sqlite", ".sqlite3",
)  # fmt: skip
EXAMPLES = 5


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


@dataclass(frozen=True)
class Batch:
    """Some rows of a file in order: `raw` conforms to stage_tables.RAW, `rejects` to schema.REJECTS."""

    raw: pl.DataFrame
    rejects: pl.DataFrame
    rows_read: int


@dataclass
class FileReport:
    """What became of one file; complete when `read` is exhausted. kept + sum(rejected) = read."""

    input: Input
    source_id: str | None = None
    encoding: str | None = None
    read: int = 0
    kept: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    boards: Counter[str] = field(default_factory=Counter)
    issues: list[Issue] = field(default_factory=list)
    seconds: float = 0.0

    def note(self, reason_id: str, message: str, row: int | None = None, n: int = 1) -> None:
        """Add an issue about this file."""
        self.issues.append(Issue(self.input.name, row, reason_id, message, n))

    def as_dict(self) -> dict[str, Any]:
        """Plain values, in a stable order."""
        return {
            "file": self.input.name,
            "sha256": self.input.sha256,
            "size": self.input.size,
            "source_id": self.source_id,
            "encoding": self.encoding,
            "read": self.read,
            "kept": self.kept,
            "rejected": dict(sorted(self.rejected.items())),
            "boards": dict(sorted(self.boards.items())),
            "issues": [i.as_dict() for i in self.issues],
            "seconds": round(self.seconds, 3),
        }


def discover(paths: Sequence[str | Path], limits: Limits) -> tuple[list[Input], list[Issue]]:
    """All inputs under the given files, folders and patterns, sorted by (name, sha256), whatever order they came in.

    Raises:
        ReadError: a path does not exist, a pattern fits nothing, or a folder holds no file that could hold ads.
    """
    named: dict[Path, str] = {}
    issues: list[Issue] = []
    for given in paths:
        for name, path in _expand(str(given), issues):
            old = named.get(path.resolve())
            if old is None or name < old:
                named[path.resolve()] = name
    inputs: list[Input] = []
    for path, name in named.items():
        try:
            inputs += _inputs(name, path, limits)
        except Unreadable as e:
            issues.append(Issue(name, e.row, e.reason_id, str(e)))
        except OSError as e:
            issues.append(
                Issue(name, None, "unreadable", f"cannot be opened: {e.strerror or e}; check its permissions")
            )
    inputs.sort(key=lambda i: (i.name, i.sha256))
    first: dict[str, str] = {}
    counts = Counter(i.name for i in inputs)
    out = []
    for i in inputs:
        name = i.name if counts[i.name] == 1 else f"{i.name}~{i.sha256[:8]}"
        if i.sha256 in first and i.size:
            issues.append(
                Issue(name, None, "same_content", f"the same content as {first[i.sha256]}; its rows count as repeats")
            )
        first.setdefault(i.sha256, name)
        out.append(Input(name, i.path, i.member, i.size, i.sha256))
    issues.sort(key=lambda i: (i.file, i.row or 0, i.reason_id, i.message))
    return out, issues


def _expand(given: str, issues: list[Issue]) -> Iterator[tuple[str, Path]]:
    path = Path(given)
    if path.is_file():
        yield path.name, path
    elif path.is_dir():
        found = 0
        for p in sorted(q for q in path.rglob("*") if q.is_file()):
            relative = p.relative_to(path)
            if any(part.startswith((".", "~$")) or part == "__MACOSX" for part in relative.parts):
                continue
            if p.suffix.lower() in SUFFIXES:
                found += 1
                yield relative.as_posix(), p
            else:
                issues.append(
                    Issue(
                        relative.as_posix(),
                        None,
                        "not_a_data_file",
                        "left out: not a CSV, JSON, Excel, SQL, SQLite, XML, Parquet, zip or gz file",
                    )
                )
        if not found:
            raise ReadError(
                f"{path.name or given}: the folder holds no CSV, JSON, Excel, SQL, SQLite, XML, Parquet, zip or gz file; name a folder with ads"
            )
    elif glob.has_magic(given):
        hits = sorted(p for p in map(Path, glob.glob(given, recursive=True)))
        if not hits:
            raise ReadError(f"{given}: no file fits this pattern; check the folder and the pattern")
        base = _glob_base(given)
        for p in hits:
            if p.is_file():
                yield p.relative_to(base).as_posix() if base in p.parents else p.name, p
    else:
        raise ReadError(f"{given}: no such file or folder; check the path")


def _glob_base(pattern: str) -> Path:
    parts: list[str] = []
    for part in Path(pattern).parts:
        if glob.has_magic(part):
            break
        parts.append(part)
    return Path(*parts)


def _inputs(name: str, path: Path, limits: Limits) -> Iterator[Input]:
    members = archive.members(path, limits) if path.stat().st_size else None
    if members is None:
        blob = archive.Blob(path, None, limits)
        yield Input(name, path, None, *_digest(blob))
        return
    for member in members:
        yield Input(f"{name}#{member}", path, member, *_digest(archive.Blob(path, member, limits)))


def _digest(blob: archive.Blob) -> tuple[int, str]:
    h, size = hashlib.sha256(), 0
    with blob.stream() as f:
        while data := f.read(1 << 20):
            h.update(data)
            size += len(data)
    return size, h.hexdigest()


def read(
    input: Input,
    book: Codebook,
    limits: Limits | None = None,
    report: FileReport | None = None,
    *,
    sources: Sequence[Source] | None = None,
) -> Iterator[Batch]:
    """Batches of one input, in bounded memory; `report` is filled on the way. Never raises for a bad file.

    `sources` replaces the known definitions and switches the mapping by header words off (to test one definition).
    """
    limits = limits or Limits()
    report = report if report is not None else FileReport(input)
    began = time.monotonic()
    known = load_sources(book) if sources is None else list(sources)
    pages = compile_pages(book)
    try:
        with opened(archive.Blob(input.path, input.member, limits), limits, pages) as found:
            report.encoding = found.encoding
            for n in found.notes:
                report.note(n.reason_id, n.message, n.row)
            matches = [(t, recognise(t, input.name, known)) for t in found.tables]
            if sources is None:
                know = load_knowledge(book)
                matches = [(t, better(t, m, know)) for t, m in matches]
                if not any(m for _, m in matches):
                    matches = [(t, sniff(t, know)) for t, _ in matches]
            if found.page is not None:
                matches = [(t, m if m and of_page(m.skip, m.source) else None) for t, m in matches]
                if not any(m for _, m in matches):
                    raise found.page
            taken = [(t, m) for t, m in matches if m is not None]
            _say_unknown(found, taken, report)
            for table, match in taken:
                label = input.name if table is taken[0][0] else f"{input.name}#{table.label}"
                yield from _read_table(table, match, label, pages.row, limits, report, load_knowledge(book))
    except Unreadable as e:
        report.note(e.reason_id, str(e), e.row)
    except (OSError, MemoryError, pl.exceptions.PolarsError, UnicodeError) as e:
        what = (str(e).splitlines() or [""])[0][:160] or type(e).__name__
        report.note("unreadable", f"reading stopped after {report.read:,} rows: {what}", report.read or None)
    report.seconds = time.monotonic() - began


def _say_unknown(found: Opened, taken: list[tuple[Table, Match]], report: FileReport) -> None:
    chosen = {id(t) for t, _ in taken}
    for table in found.tables:
        if id(table) in chosen:
            continue
        names = list(table.columns) if table.columns is not None else (table.head[0] if table.head else [])
        shown = ", ".join(repr(n[:40]) for n in names[:8]) + (", …" if len(names) > 8 else "")
        where = f"{table.label}: " if table.label else ""
        report.note(
            "unknown_columns",
            f"{where}no title or text column among {len(names)} columns ({shown});"
            " name them id, title, company, city, salary, description, or describe the file: gangwei sources sniff FILE",
            1,
        )


def _read_table(
    table: Table, match: Match, label: str, captcha_row: str, limits: Limits, report: FileReport, know: Knowledge
) -> Iterator[Batch]:
    source = match.source
    report.source_id = source.id
    at = {n: i for i, n in enumerate(match.names)}
    anchors = tuple((at[n], p) for n, p in source.anchors.items() if n in at)
    wanted = frozenset(source.used) if table.format == "parquet" else None
    audit = Audit()
    said: set[str] = set()
    if match.sniffed and (match.unplaced or match.by_value):
        pairs = ", ".join(f"{f} = {'|'.join(c for c in s.columns if c)}" for f, s in source.fields.items())
        report.note("sniffed_mapping", f"no definition of this file; mapped by its headers and values: {pairs}")
    _say_unmapped(match.names, match, said, report)
    for chunk in table.read(Layout(match.skip, match.names, wanted, anchors)):
        if table.format == "json":
            _say_unmapped(chunk.rows.columns, match, said, report)
        for n in chunk.notes:
            report.note(n.reason_id, n.message, n.row)
        yield _batch(chunk, table, match, label, captcha_row, limits, report, audit, know)
    _say_audit(audit, match, report)


def _batch(
    chunk: Chunk,
    table: Table,
    match: Match,
    label: str,
    captcha_row: str,
    limits: Limits,
    report: FileReport,
    audit: Audit,
    know: Knowledge,
) -> Batch:
    source = match.source
    mapped = map_chunk(chunk, source, label, captcha_row, limits, table.mojibake, audit, know)
    rejects = mapped.rejects
    if chunk.bad:
        bad = pl.DataFrame(
            {
                "source_id": [source.id] * len(chunk.bad),
                "file": [label] * len(chunk.bad),
                "row": [b.row for b in chunk.bad],
                "reason_id": [b.reason_id for b in chunk.bad],
                "raw": [b.raw for b in chunk.bad],
            },
            schema=schema.REJECTS.polars,
        )
        rejects = pl.concat([rejects, bad]).sort("row", maintain_order=True)
    read_rows = chunk.rows.height + len(chunk.bad)
    report.read += read_rows
    report.kept += mapped.raw.height
    report.rejected.update(dict(rejects.group_by("reason_id").len().iter_rows()))
    report.boards.update({b or "": n for b, n in mapped.raw.group_by("board").len().iter_rows()})
    return Batch(mapped.raw, rejects, read_rows)


def _say_unmapped(names: Sequence[str], match: Match, said: set[str], report: FileReport) -> None:
    used = match.source.used
    for n in names:
        if n not in used and n not in said and not match.source.ignored(n):
            said.add(n)
            report.note(
                "unmapped_column",
                f"column {n[:60]!r} is not mapped and not kept; add it to the source definition or to its [ignore]",
            )


def _say_audit(audit: Audit, match: Match, report: FileReport) -> None:
    source, bounds = match.source, match.source.bounds
    for name, values in audit.lookups.items():
        shown = ", ".join(
            f"{v[:30]!r} ({n:,})" for v, n in sorted(values.items(), key=lambda x: (-x[1], x[0]))[:EXAMPLES]
        )
        report.note(
            "unknown_value",
            f"{name}: {len(values):,} values are not in the lookup and stay as they are: {shown}",
            n=values.total(),
        )
    if source.known_subs:
        for sub in sorted(set(audit.subs) - source.known_subs):
            report.note(
                "unknown_subsource",
                f"sub-source {sub!r} is not described in {source.id}; its rows are read by what its values look like",
                n=audit.subs[sub],
            )
    low, high = bounds.get("min_rows"), bounds.get("max_rows")
    if low is not None and audit.rows < low:
        report.note("bound_missed", f"{audit.rows:,} ads kept, at least {low:,} expected for {source.id}")
    if high is not None and audit.rows > high:
        report.note("bound_missed", f"{audit.rows:,} ads kept, at most {high:,} expected for {source.id}")
    for name, share in bounds.get("fill", {}).items():
        got = audit.filled[name] / audit.rows if audit.rows else 1.0
        if got < share:
            report.note(
                "bound_missed",
                f"{name} is filled in {got:.1%} of the ads, at least {share:.1%} expected for {source.id}",
            )
