"""SQLite files, table by table, read only; views, virtual tables and what SQLite keeps for itself are left alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

from gangwei.formats.chunk import Chunk, Limits, Note, Unreadable, chunk_of
from gangwei.formats.sampling import KEPT, SLICES

TABLES = "SELECT name, sql LIKE 'CREATE VIRTUAL%' FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"


class Database:
    """An open file: `tables` names those that hold a row, in the order they were made, each with its columns.

    Raises:
        Unreadable: damaged, encrypted, without a row, or packed and too large to unpack in memory.
    """

    def __init__(self, source: Path | BinaryIO, limits: Limits) -> None:
        self.notes: list[Note] = []
        try:
            self.db = self._open(source, limits)
            self.db.text_factory = lambda data: data.decode("utf-8", "replace")
            self.db.execute("PRAGMA trusted_schema = OFF")
            found = self.db.execute(TABLES).fetchall()
            virtual = [f"{name}_" for name, is_virtual in found if is_virtual]
            own = [name for name, is_virtual in found if not is_virtual and not name.startswith(tuple(virtual))]
            self.tables = {name: self._columns(name) for name in own if self._rows(name, ["1"], "LIMIT 1").fetchone()}
        except sqlite3.Error as e:
            raise Unreadable(
                "broken_sqlite", f"not a readable SQLite file ({str(e)[:80]}); copy it while nothing writes to it"
            ) from None
        if not self.tables:
            raise Unreadable("no_rows", "no table of the SQLite file has a row")

    def _open(self, source: Path | BinaryIO, limits: Limits) -> sqlite3.Connection:
        if isinstance(source, Path):
            log = source.with_name(source.name + "-wal")
            if log.is_file() and log.stat().st_size:
                self.notes.append(
                    Note(
                        "unmerged_changes",
                        f"changes in {log.name} are not read; close what writes to the file, or run PRAGMA wal_checkpoint",
                    )
                )
            # immutable: neither locks nor files beside it
            return sqlite3.connect(
                f"file:{quote(str(source.resolve()))}?mode=ro&immutable=1", uri=True, check_same_thread=False
            )
        data = source.read(limits.max_document_bytes + 1)
        if len(data) > limits.max_document_bytes:
            raise Unreadable(
                "too_large", f"a packed SQLite file of more than {limits.max_document_bytes >> 20} MB; unpack it"
            )
        db = sqlite3.connect(":memory:", check_same_thread=False)
        db.deserialize(data)
        return db

    def _columns(self, table: str) -> tuple[str, ...]:
        return tuple(r[1] for r in self.db.execute(f"PRAGMA table_info({_quoted(table)})"))

    def _rows(self, table: str, columns: Sequence[str], rest: str = "") -> sqlite3.Cursor:
        return self.db.execute(f"SELECT {', '.join(columns)} FROM {_quoted(table)} {rest}")

    def _each(self, table: str, rest: str = "") -> Iterator[Sequence[Any]]:
        yield from self._rows(table, list(map(_quoted, self.tables[table])), rest)

    def keys(self, table: str) -> dict[str, tuple[str, str]]:
        """Columns that refer to another table by definition: its name and column, '' for its key."""
        found = self.db.execute(f"PRAGMA foreign_key_list({_quoted(table)})").fetchall()
        return {r[3]: (r[2], r[4] or "") for r in found}

    def head(self, table: str, rows: int = 60, start: int = 0) -> list[list[str]]:
        """Some rows as text, fewer where the file is damaged: `chunks` says where."""
        out: list[list[str]] = []
        with suppress(sqlite3.Error):
            for r in self._each(table, f"LIMIT {rows} OFFSET {start}"):
                out.append([_text(v) or "" for v in r])
        return out

    def sample(self, table: str) -> list[list[str]]:
        """Rows from all over the table."""
        n, each = 0, KEPT // SLICES
        with suppress(sqlite3.Error):
            n = self._rows(table, ["count(*)"]).fetchone()[0]
        starts = sorted({i * max(n - each, 0) // (SLICES - 1) for i in range(SLICES)})
        return [r for start in starts for r in self.head(table, each, start)]

    def chunks(self, table: str, names: Sequence[str], limits: Limits) -> Iterator[Chunk]:
        """All rows under the given names, as text. Row numbers count from 1.

        Raises:
            Unreadable: the file is damaged from a row on.
        """
        done, broken = 0, None
        found = self._each(table)
        while broken is None:
            rows: list[list[str | None]] = []
            try:
                for r in islice(found, limits.batch_rows):
                    rows.append([_text(v) for v in r])
            except sqlite3.Error as e:
                broken = e
            if not rows and broken is None:
                return
            if rows:
                yield chunk_of(names, rows, range(done + 1, done + len(rows) + 1), [])
                done += len(rows)
        raise Unreadable("broken_sqlite", f"the SQLite file is damaged after row {done:,} ({str(broken)[:80]})", done)

    def close(self) -> None:
        """Let the file go."""
        self.db.close()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: Any) -> str | None:
    if value is None or value.__class__ is str:
        return value
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
