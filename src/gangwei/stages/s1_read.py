"""s1: files, folders, patterns and archives in; raw rows, rejects and issues out.

Every row of a file is kept or rejected with a reason (kept + rejected = read). A file that cannot be read is one issue
with a one-line message; the others go on. What a board's files look like is data: `definitions/sources/`.
"""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from gangwei import schema
from gangwei.formats import archive, wide
from gangwei.formats.charset import repair_text
from gangwei.formats.chunk import RAW_CHARS, BadRow, Chunk, Limits, Unreadable, chunk_of
from gangwei.formats.headers import NAMES
from gangwei.formats.inputs import Input, Issue, ReadError, discover, disk_needed
from gangwei.formats.pages import compile_pages
from gangwei.formats.table import Layout, Table
from gangwei.formats.tables import Opened, opened
from gangwei.mapping.apply import Audit, map_chunk
from gangwei.mapping.below import Below
from gangwei.mapping.guess import Knowledge, load_knowledge
from gangwei.mapping.header_rows import rows_of_data
from gangwei.mapping.kinds import Kinds, joined
from gangwei.mapping.matching import Matching
from gangwei.mapping.recognise import Match
from gangwei.mapping.source import Source, load_sources

if TYPE_CHECKING:
    from gangwei.codebook import Codebook

__all__ = ["Batch", "FileReport", "Input", "Issue", "Limits", "ReadError", "discover", "disk_needed", "read"]

EXAMPLES = 5
COLUMNS = 40


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
    pages, know = compile_pages(book), load_knowledge(book)
    known = load_sources(book) if sources is None else list(sources)
    matching = Matching(input.name, known, know, known_only=sources is not None)
    file = _File(limits, report, know, matching, pages.row)
    try:
        with opened(archive.Blob(input.path, input.member, limits), limits, pages, know.headers) as found:
            report.encoding = found.encoding
            for n in found.notes:
                report.note(n.reason_id, n.message, n.row)
            taken = matching.of(found.tables, page=found.page is not None)
            if found.page is not None and not taken:
                raise found.page
            _say_unknown(found, taken, report)
            for table, match in taken:
                yield from file.batches(
                    table, match, input.name if table is taken[0][0] else f"{input.name}#{table.label}"
                )
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
        names = list(table.columns) if table.columns is not None else next((r for r in table.head if r), [])
        shown = ", ".join(repr(n[:40]) for n in names[:8]) + (", …" if len(names) > 8 else "")
        where = f"{table.label}: " if table.label else ""
        report.note(
            "unknown_columns",
            f"{where}no title or text column among {len(names)} columns ({shown});"
            " name them id, title, company, city, salary, description, or describe the file: gangwei sources sniff FILE",
            1,
        )


@dataclass
class _File:
    """What the tables of one file are read with."""

    limits: Limits
    report: FileReport
    know: Knowledge
    matching: Matching
    captcha_row: str

    def batches(self, table: Table, match: Match, label: str) -> Iterator[Batch]:
        """Batches of one table under its match; what is wrong with it is noted in the report."""
        source, report, headers = match.source, self.report, self.know.headers
        report.source_id = source.id
        at = {n: i for i, n in enumerate(match.names)}
        anchors = tuple((at[n], p) for n, p in source.anchors.items() if n in at)
        several = table.format == "json" or joined(match, table, headers)
        kinds = Kinds(match, table, self.matching.below) if several else None
        wanted = frozenset(source.used) if table.format == "parquet" and kinds is None else None
        audit = Audit()
        unmapped: dict[str, None] = {}
        _say_guessed(match, report)
        title = source.fields["title"].columns[0] if match.sniffed and "title" in source.fields else ""
        groups = wide.groups_of(match.names, title, headers)
        unmapped |= _unmapped([n for n in match.names if not any(n in g for g in groups)], match)
        parted: Below | Kinds | None = kinds
        if table.columns is None and kinds is None:
            parted = Below(match, table, self.know, self.matching.below)
        used = set[str]()
        above = _above(table, match, self.know)
        for chunk in itertools.chain(above, table.read(Layout(match.skip, match.names, wanted, anchors))):
            for n in chunk.notes:
                report.note(n.reason_id, n.message, n.row)
            batches = []
            for part, own in parted.parts(chunk) if parted else [(chunk, match)]:
                if own is not match:
                    unmapped |= _unmapped(own.names, own)
                    used |= own.source.used
                elif kinds is not None:
                    unmapped |= _unmapped(part.rows.columns, match)
                ads = wide.spread(part, groups, title) if groups and own is match else part
                batches.append(self._batch(ads, own, label, table.mojibake, audit))
            yield from [_in_order(batches)] if isinstance(parted, Kinds) and len(batches) > 1 else batches
        _say_unmapped([n for n in unmapped if n not in used], report)
        _say_audit(audit, match, report)

    def _batch(self, chunk: Chunk, match: Match, label: str, mojibake: bool, audit: Audit) -> Batch:
        """One chunk mapped, with its rejects counted and noted in the report."""
        source, report = match.source, self.report
        mapped = map_chunk(chunk, source, label, self.captcha_row, self.limits, mojibake, audit, self.know)
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


def _say_guessed(match: Match, report: FileReport) -> None:
    """Note the mapping of a file that no definition is known for."""
    if not match.sniffed or not (match.unplaced or match.by_value):
        return
    fields = match.source.fields
    pairs = ", ".join(f"{f} = {'|'.join(c for c in s.columns if c)}" for f, s in fields.items())
    pairs += f", city = {match.source.constants['city']} by its name" if "city" in match.source.constants else ""
    report.note("sniffed_mapping", f"no definition of this file; mapped by its headers and values: {pairs}")


def _above(table: Table, match: Match, know: Knowledge) -> list[Chunk]:
    """Rows of data that stand above the header, as a chunk: ads with a title or an employer like others, and rows to be refused."""
    top = table.head[: max(match.skip - 1, 0)] if table.columns is None else []
    shown = [[repair_text(c) for c in r] for r in top] if table.mojibake else top
    fields = {c: f for f, s in match.source.fields.items() for c in s.columns}
    found = rows_of_data(shown, match.names, fields, know.headers, know.values)
    named = [(i, f) for i, n in enumerate(match.names) if (f := fields.get(n)) in NAMES]
    shows_how = [k for k in found if any(map(know.headers.tells.example.search, shown[k]))]
    ads = [k for k in found if k not in shows_how and any(know.values.like(f, [shown[k][i]]) for i, f in named)]
    bad = [BadRow(k + 1, "table_note", "|".join(top[k])[:RAW_CHARS]) for k in found if k not in ads]
    return [chunk_of(match.names, [top[k] for k in ads], [k + 1 for k in ads], bad)] if found else []


def _in_order(batches: list[Batch]) -> Batch:
    """Parts of a chunk whose rows take turns, as one batch."""
    raw, rejects = (
        pl.concat(frames).sort("row", maintain_order=True) for frames in zip(*((b.raw, b.rejects) for b in batches))
    )
    return Batch(raw, rejects, sum(b.rows_read for b in batches))


def _unmapped(names: Sequence[str], match: Match) -> dict[str, None]:
    """Columns that no field is read from and that the source does not leave out by name, in order."""
    used = match.source.used
    return dict.fromkeys(n for n in names if n not in used and not match.source.ignored(n))


def _say_unmapped(names: Sequence[str], report: FileReport) -> None:
    if not names:
        return
    shown = ", ".join(repr(n[:60]) for n in names[:COLUMNS]) + (", …" if len(names) > COLUMNS else "")
    what, they = (f"column {shown} is", "it") if len(names) == 1 else (f"{len(names):,} columns ({shown}) are", "them")
    report.note(
        "unmapped_column",
        f"{what} not mapped and not kept; add {they} to the source definition or to its [ignore]",
        n=len(names),
    )


def _say_audit(audit: Audit, match: Match, report: FileReport) -> None:
    """Note what the definition did not foresee: unknown values and sub-sources, bounds that are missed."""
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
