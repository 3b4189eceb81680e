"""Records of several kinds in one file, as after exports of two boards were laid end to end: each kind has its own mapping.

A kind is told by the keys that have values. Files of one kind, some of whose keys are seldom filled, are left as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import polars as pl

from gangwei.formats.chunk import Chunk, frame_of
from gangwei.formats.headers import Headers
from gangwei.formats.sampling import KEPT, spaced
from gangwei.formats.table import Table
from gangwei.mapping.recognise import JOBS, Match, said

OWN = 3
"""Keys that a kind has and another has not, each of them."""
ALIKE = 0.5
"""Share of the keys of the one with fewer from which two are of one kind."""
PATTERNS = 200
RIVALS = ("title", "company", "city", "pay", "education", "experience")
FEW = 2
SHOWN = 60


@dataclass
class Kind:
    """Keys of the records of a kind, and their mapping."""

    keys: set[str]
    match: Match

    def fits(self, keys: set[str]) -> bool:
        """Whether records with these keys are of the kind."""
        return _alike(self.keys, keys)


class Kinds:
    """Chunks of records in order, parted by kind; each part comes with its own mapping, which `mapping` finds."""

    def __init__(self, match: Match, table: Table, mapping: Callable[[Table], Match | None]) -> None:
        self.match, self.table, self.mapping = match, table, mapping
        self.known: list[Kind] = []

    def parts(self, chunk: Chunk) -> Iterator[tuple[Chunk, Match]]:
        """The parts of a chunk; the bad rows are in the first."""
        groups = _groups(chunk.rows, self.table.format != "json")
        if len(groups) <= 1 and not self.known and self._is_first(chunk.rows):
            yield chunk, self.match
            return
        if not groups:
            yield chunk, self._mapping(set(chunk.rows.columns), chunk.rows)
        for keys, rows in groups:
            part = replace(chunk, rows=chunk.rows[rows], numbers=chunk.numbers[rows])
            yield part, self._mapping(keys, part.rows)
            chunk = replace(chunk, bad=[], notes=[])

    def _is_first(self, rows: pl.DataFrame) -> bool:
        """Rows of the table as its first rows and those of its sample are."""
        return not rows.height or (_alike(set(self.match.names), set(rows.columns)) and self._told(set(rows.columns)))

    def _told(self, keys: set[str]) -> bool:
        """The mapping of the table tells titles or texts of records with these keys."""
        fields = self.match.source.fields
        return any(f in fields and keys & set(fields[f].columns) for f in ("title", "description"))

    def _mapping(self, keys: set[str], rows: pl.DataFrame) -> Match:
        """The mapping of a kind: its own, where that fills more fields than the one of the whole table does."""
        kind = next((k for k in self.known if k.fits(keys)), None)
        if kind is not None:
            kind.keys |= keys
            return kind.match
        names = tuple(n for n in rows.columns if n in keys)
        body = [[c or "" for c in r] for r in rows.select(names).rows()]
        own = self.mapping(
            replace(self.table, columns=names, head=body[:SHOWN], sample=lambda: spaced(body[SHOWN:], KEPT))
        )
        match = own if own is not None and self._is_better(own, keys) else self._without_texts(keys)
        self.known.append(Kind(set(keys), match))
        return match

    def _without_texts(self, keys: set[str]) -> Match:
        """The mapping of the table; one that finds no ads where it tells but texts beside records that have titles and pay."""
        source, told = self.match.source, said(self.match, keys)
        if (
            "description" not in told
            or told & {"title", *JOBS}
            or not ("title" in source.fields and JOBS & said(self.match))
        ):
            return self.match
        fields = {f: s for f, s in source.fields.items() if f != "description"}
        return replace(self.match, source=replace(source, fields=fields))

    def _is_better(self, own: Match, keys: set[str]) -> bool:
        """A mapping of a kind fills more fields than the one of the table. Where that one tells no ad of the kind, it is of jobs;
        a definition of the table stands wherever it tells one."""
        if self._told(keys):
            return self.match.sniffed and len(said(own)) > len(said(self.match, keys))
        return "title" in said(own) and bool(JOBS & said(own) or not JOBS & said(self.match))


def joined(match: Match, table: Table, headers: Headers) -> bool:
    """A table that was joined from several, with the columns of each: two fields or more have several columns by their headers,
    and its first rows and those of its sample are of several kinds."""
    claims = Counter(c.field for n in match.names if (c := headers.claim(n)) is not None)
    if not match.sniffed or sum(claims[f] > 1 for f in RIVALS) < FEW:
        return False
    n = len(match.names)
    rows = [r for r in (*table.head[match.skip :], *table.sample()) if len(r) == n]
    return len(_groups(frame_of(match.names, rows), True)) > 1


def _groups(rows: pl.DataFrame, blank: bool) -> list[tuple[set[str], list[int]]]:
    """Keys and rows of each kind of record, in the order of their first rows; [] where all are of one. Cells may be `blank`."""
    if blank:
        rows = rows.with_columns(pl.when(pl.all() != "").then(pl.all()))
    partly = [s.name for s in rows if 0 < s.null_count() < rows.height]
    if len(partly) < 2 * OWN:
        return []
    full = {s.name for s in rows if not s.null_count()}
    masks = rows.select(pl.col(partly).is_null()).with_row_index("\0row")
    found = masks.group_by(partly, maintain_order=True).agg("\0row").sort(pl.col("\0row").list.len(), descending=True)
    kinds: list[tuple[set[str], list[int]]] = []
    for *empty, at in found.rows():
        keys = full | {n for n, e in zip(partly, empty) if not e}
        own = next((k for k in kinds if _alike(k[0], keys)), None)
        if own is None and len(kinds) < PATTERNS:
            kinds.append((keys, list(at)))
        else:
            own = own or kinds[0]
            own[0].update(keys)
            own[1].extend(at)
    return sorted(((keys, sorted(at)) for keys, at in kinds), key=lambda k: k[1]) if len(kinds) > 1 else []


def _alike(some: set[str], others: set[str]) -> bool:
    """Most keys of the one with fewer are keys of the other, or one of them has hardly any of its own."""
    shared = len(some & others)
    least = min(len(some), len(others))
    return shared >= ALIKE * least or least - shared < OWN
