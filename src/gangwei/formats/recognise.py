"""Which source a table belongs to: a known shape by its headers or values, else a mapping by header synonyms."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from gangwei.formats.chunk import unique_names
from gangwei.formats.source import RULES, FieldSpec, Source, patterns_hold
from gangwei.formats.tables import Table

if TYPE_CHECKING:
    from gangwei.codebook import Codebook

HEADER_DEPTH = 5
MANY = ("description", "tags")
PAY_PARTS = ("pay_min", "pay_max", "pay_months")


@dataclass(frozen=True)
class Match:
    """A source for a table: rows before the data, column names, and the columns nothing could place."""

    source: Source
    skip: int
    names: tuple[str, ...]
    unplaced: tuple[str, ...] = ()
    sniffed: bool = False


@dataclass(frozen=True)
class Synonyms:
    """Header words: normalised header to (rank, field). A lower rank wins when two columns claim one field."""

    words: dict[str, tuple[int, str]]

    def place(self, names: Sequence[str]) -> dict[str, str]:
        """Column to field for the columns that a synonym places; one column a field, except texts and tags."""
        claims = sorted(
            (self.words[k][0], i, n, self.words[k][1]) for i, n in enumerate(names) if (k := normal(n)) in self.words
        )
        taken: set[str] = set()
        out: dict[str, str] = {}
        for _, _, name, target in claims:
            if target in taken and target not in MANY and target != "ignore":
                continue
            if target == "pay" and taken & {"pay_min", "pay_max"}:
                continue
            taken.add(target)
            out[name] = target
        return {n: out[n] for n in names if n in out}


def normal(header: str) -> str:
    """A header for comparison: NFKC, lower case, letters and digits only."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", header).casefold())


def load_synonyms(book: Codebook) -> Synonyms:
    """`sources/headers.csv` (id, field, language, reason)."""
    words: dict[str, tuple[int, str]] = {}
    for rank, row in enumerate(book.rows("sources/headers.csv")):
        words.setdefault(normal(row["id"]), (rank, row["field"]))
    return Synonyms(words)


def recognise(table: Table, file: str, sources: Sequence[Source]) -> Match | None:
    """The best known source for a table, or None."""
    best: tuple[int, int, Match] | None = None
    for source in sources:
        if table.format not in source.formats:
            continue
        hint = any(
            fnmatchcase(part, g)
            for g in source.files
            for part in (file, file.rsplit("#", 1)[-1], file.rsplit("/", 1)[-1])
        )
        found = _fits(table, source)
        if found is None:
            continue
        score = (int(hint), len(source.headers) + len(source.patterns))
        if best is None or score > best[:2]:
            best = (*score, found)
    return best[2] if best else None


def _fits(table: Table, source: Source) -> Match | None:
    if source.table is not None and source.table != table.label:
        return None
    if table.columns is not None:
        if source.headers and not source.headers <= set(table.columns):
            return None
        names = source.names if source.names and len(source.names) == len(table.columns) else table.columns
        if not source.headers and source.columns != len(table.columns):
            return None
        return Match(source, 0, tuple(names)) if patterns_hold(source, names, table.head) else None
    if not source.header:
        width = Counter(len(r) for r in table.head).most_common(1)[0][0] if table.head else 0
        if width != source.columns:
            return None
        rows = [r for r in table.head if len(r) == width]
        return Match(source, 0, source.names) if patterns_hold(source, source.names, rows) else None
    for at, row in enumerate(table.head[:HEADER_DEPTH]):
        if not source.headers <= {c.strip().lstrip("\ufeff") for c in row} or not source.headers:
            continue
        names = tuple(unique_names(row))
        if patterns_hold(source, names, table.head[at + 1 :]):
            return Match(source, at + 1, names)
    return None


def sniff(table: Table, synonyms: Synonyms, source_id: str = "plain") -> Match | None:
    """A mapping by header synonyms; None when neither a title nor a text can be found."""
    best: tuple[int, int, tuple[str, ...], dict[str, str]] | None = None
    heads = (
        [(0, list(table.columns))]
        if table.columns is not None
        else [(i + 1, r) for i, r in enumerate(table.head[:HEADER_DEPTH])]
    )
    for skip, row in heads:
        names = tuple(unique_names(row))
        placed = synonyms.place(names)
        real = {f for f in placed.values() if f not in ("ignore", "source_key")}
        enough = len(real) >= 2 or (len(real) == 1 and len(names) <= 3)
        if real & {"title", "description"} and enough and (best is None or len(real) > best[0]):
            best = (len(real), skip, names, placed)
    if best is None:
        return None
    _, skip, names, placed = best
    return Match(source_of(placed, source_id), skip, names, tuple(n for n in names if n not in placed), True)


def source_of(placed: dict[str, str], source_id: str) -> Source:
    """A source from column -> field."""
    fields: dict[str, FieldSpec] = {}
    for target in dict.fromkeys(placed.values()):
        columns = tuple(c for c, f in placed.items() if f == target)
        if target == "ignore" or target in PAY_PARTS:
            continue
        if target in MANY:
            fields[target] = FieldSpec(columns, "list", "\n" if target == "description" else "|")
        else:
            fields[target] = FieldSpec(columns)
    parts = [next((c for c, f in placed.items() if f == p), "") for p in PAY_PARTS]
    if (parts[0] or parts[1]) and "pay" not in fields:
        fields["pay"] = FieldSpec(tuple(p for p in parts), "join")
    return Source(
        id=source_id, title="Plain table", boards=(), formats=("csv", "json", "excel", "sql", "parquet"), headers=frozenset(), files=(),
        columns=None, patterns={}, table=None, header=True, names=(), anchors={}, fields=fields,
        ignore={c: "by name" for c, f in placed.items() if f == "ignore"}, constants={}, lookups={}, subsource=None,
        known_subs=frozenset(), rules=dict.fromkeys(RULES, ()),
    )  # fmt: skip
