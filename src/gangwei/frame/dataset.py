"""Open a dataset directory and lay out its openings for counting.

`Dataset` holds one in-memory DuckDB connection that can read the published Parquet files and nothing else. Two narrow
tables are made from them: `held.fact`, one row for each opening and place (the grain of almost every figure), and
`held.fact_ads`, the same for every ad, made when first asked for. Places split an opening into shares that sum to `UNIT`.
The catalog `held` keeps its tables compressed.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import duckdb
import numpy as np
import polars as pl
import pyarrow.parquet as pq

from gangwei import schema
from gangwei.codebook import Codebook, carried_by
from gangwei.frame import check
from gangwei.frame import places as frame_places
from gangwei.frame import tables as frame_tables
from gangwei.frame.check import DatasetError
from gangwei.frame.codes import Array, Codes
from gangwei.frame.columns import MASK_BITS
from gangwei.frame.employers import Employers
from gangwei.frame.places import Place

log = logging.getLogger("gangwei.frame")
FACT = "held.fact"
CODES_FROM = 400_000
"""Fact tables with fewer rows are asked in the database: it is as quick there."""


MOST_GROUPS = 16
"""Rows that stand in more row groups than this are fetched by the database."""


def quote(path: Path) -> str:
    """A path as an SQL string literal."""
    return "'" + str(path).replace("'", "''") + "'"


@contextmanager
def _harm_is_told() -> Iterator[None]:
    """A damaged file of a table becomes a DatasetError that says so."""
    try:
        yield
    except duckdb.Error as e:
        if type(e) not in (duckdb.Error, duckdb.IOException, duckdb.InvalidInputException):
            raise
        line = str(e).splitlines()[0]
        raise DatasetError(f"a table of published/ cannot be read ({line}); run `gangwei build` again") from None


@dataclass
class Dataset:
    """A published dataset opened for reading; use `Dataset.open`."""

    directory: Path
    published: Path
    package: dict[str, Any]
    manifest: dict[str, Any]
    codebook: Codebook
    connection: duckdb.DuckDBPyConnection
    boards: tuple[str, ...]
    open_values: dict[str, tuple[str, ...]]
    places: dict[int, Place]
    clusters: dict[str, dict[str, frozenset[int]]]
    label_file: Path | None = None
    label_readers: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    tables_made: set[str] = field(default_factory=set)
    codes_from: int = CODES_FROM
    codes_kept: dict[str, Codes] = field(default_factory=dict)

    @classmethod
    def open(
        cls, directory: Path | str, codebook: Codebook | None = None, *, labels: Path | None = None, threads: int = 2,
        memory: str = "4GB",
    ) -> Self:  # fmt: skip
        """Check and open `directory` (a build's output, or its published/ folder).

        `codebook` is by default the definitions that the dataset carries, and the packaged ones. `labels` is a file of labels
        that corrects shares; without it those that `gangwei label` left in the directory do.

        Raises:
            DatasetError: nothing readable there (missing, half built, corrupted).
            SchemaMismatch: another schema version.
        """
        directory = Path(directory).resolve()
        published = check.find(directory)
        package, manifest = check.check(published)
        book = codebook or carried_by(published)
        spill = str(Path(tempfile.gettempdir()) / f"gangwei-{os.getpid()}")
        con = duckdb.connect(":memory:", config={"threads": threads, "memory_limit": memory, "temp_directory": spill})
        con.execute("SET disabled_optimizers='join_filter_pushdown'")
        con.execute("ATTACH ':memory:' AS held (COMPRESS)")
        # A table may be a link into a store of large files: the file it leads to is opened, and nothing beside it.
        paths = {t.name: (published / f"{t.name}.parquet").resolve() for t in schema.PUBLISHED_TABLES}
        con.execute(f"SET allowed_paths=[{', '.join(quote(p) for p in paths.values())}]")
        try:
            for table in schema.PUBLISHED_TABLES:
                path = paths[table.name]
                if path.is_file():
                    numbered = ", file_row_number=true" if table.name in ("ads", "ad_places") else ""
                    con.execute(f"CREATE VIEW {table.name} AS SELECT * FROM read_parquet({quote(path)}{numbered})")
                else:
                    columns = ", ".join(f"NULL::{frame_tables.sql_type(c)} AS {c.name}" for c in table.columns)
                    con.execute(f"CREATE VIEW {table.name} AS SELECT {columns} WHERE false")
            boards = tuple(
                r[0]
                for r in con.execute("SELECT DISTINCT board FROM ads WHERE board IS NOT NULL ORDER BY 1").fetchall()
            )
            con.execute("SET enable_external_access=false")
            con.execute("SET lock_configuration=true")
            places = frame_places.places_of(book)
            clusters = frame_places.clusters_of(book, places)
            out = cls(directory, published, package, manifest, book, con, boards, {}, places, clusters, labels)
            out._layout()
        except duckdb.Error as e:
            line = str(e).splitlines()[0]
            raise DatasetError(
                f"a table of {published.name}/ cannot be read ({line}); run `gangwei build` again"
            ) from None
        return out

    def need_build(self) -> None:
        """Refuse a folder of tables alone: what is written stands beside it, and the next build replaces it.

        Raises:
            DatasetError: it is one.
        """
        if self.published == self.directory:
            raise DatasetError(f"{self.directory}: give the directory of the build, not its published/ folder")

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection for one thread; it sees the same tables."""
        return self.connection.cursor()

    def rows(self, sql: str, params: dict[str, Any] | list[Any] | None = None) -> list[tuple[Any, ...]]:
        """Run one query on a cursor of its own."""
        cur = self.cursor()
        try:
            with _harm_is_told():
                return cur.execute(sql, params or None).fetchall()
        finally:
            cur.close()

    @property
    def as_of(self) -> dt.date | None:
        """The manifest's as-of date, else the latest date of any ad, else None."""
        value = self.manifest.get("as_of")
        if isinstance(value, str):
            try:
                return dt.date.fromisoformat(value[:10])
            except ValueError:
                return None
        row = self.rows(
            "SELECT max(greatest(coalesce(captured_date, posted_date), coalesce(posted_date, captured_date))) FROM ads"
        )
        latest: dt.date | None = row[0][0]
        return latest

    @property
    def definitions_version(self) -> str:
        """Hash of the definitions the dataset was built with."""
        return str(self.manifest.get("definitions_version") or self.codebook.version)

    @property
    def told(self) -> dict[str, Any]:
        """What a figure of the dataset is quoted with: its ads and the versions of program, definitions and build."""
        m = self.manifest
        return {
            "ads": m.get("counts", {}).get("kept"), "gangwei_version": m.get("gangwei_version"),
            "definitions_version": self.definitions_version, "build_key": m.get("build_key"),
        }  # fmt: skip

    @property
    def scopes(self) -> tuple[str, ...]:
        """Ids of the cluster scopes."""
        return tuple(self.clusters)

    def board_bit(self, board: str) -> int:
        """The bit of a board in `board_mask`; boards beyond the 61st share the last bit."""
        return 1 << min(self.boards.index(board), MASK_BITS - 1)

    def fact(self, grain: str, ai: bool = False) -> str:
        """The table that holds the rows of a grain, made when first asked for; `ai` allows one without the non-AI rows."""
        if grain in ("opening", "spell", "campaign"):
            if ai:
                self._once(
                    "fact_ai", f"CREATE TABLE held.fact_ai AS SELECT * FROM {FACT} WHERE tier <> 'none' OR mention"
                )
                return "held.fact_ai"
            return FACT
        self.need_texts()
        with self.lock:
            if "fact_ads" not in self.tables_made:
                with _harm_is_told():
                    texts = (self.published / "texts.parquet").is_file()
                    frame_tables.make_fact(self.cursor(), "held.fact_ads", every_ad=True, texts=texts)
                self.pack()
                self.tables_made.add("fact_ads")
        return "held.fact_ads"

    @cached_property
    def ads_file(self) -> tuple[pq.FileMetaData, Array]:
        """The footer of the table of ads, read once, and the row after the last of each of its row groups."""
        meta = pq.read_metadata(self.published / "ads.parquet")
        return meta, np.cumsum([meta.row_group(i).num_rows for i in range(meta.num_row_groups)], dtype=np.int64)

    def ads_rows(self, numbers: Sequence[int], columns: Sequence[str]) -> pl.DataFrame | None:
        """`columns` and row_no of ads by their row numbers; None where they stand in more than `MOST_GROUPS` row groups."""
        meta, ends = self.ads_file
        wanted = np.unique(np.asarray(numbers, np.int64))
        wanted = wanted[wanted < meta.num_rows]
        parts = np.searchsorted(ends, wanted, side="right")
        groups = np.unique(parts).tolist()
        if not 0 < len(groups) <= MOST_GROUPS:
            return None
        path = self.published / "ads.parquet"

        def rows(mine_of: list[int]) -> list[pl.DataFrame]:
            file, found = pq.ParquetFile(path, metadata=meta), []
            for part in mine_of:
                mine = wanted[parts == part]
                held = pl.DataFrame(file.read_row_group(part, columns=list(columns), use_threads=False))
                begin = ends[part - 1] if part else 0
                found.append(held[(mine - begin).tolist()].with_columns(row_no=pl.Series(mine)))
            return found

        half = -(-len(groups) // 2)
        with ThreadPoolExecutor(2) as pool:
            both = pool.map(rows, [p for p in (groups[:half], groups[half:]) if p])
            out: pl.DataFrame = pl.concat([frame for found in both for frame in found])
        return out

    def codes(self, table: str) -> Codes:
        """The columns of a fact table as small integers, each read when first asked for."""
        with self.lock:
            return self.codes_kept.setdefault(table, Codes(table, self.connection))

    def _once(self, name: str, sql: str) -> None:
        """Run the statement that makes a table, the first time it is needed."""
        with self.lock:
            if name not in self.tables_made:
                con = self.connection.cursor()
                with _harm_is_told():
                    con.execute(sql)
                con.close()
                self.tables_made.add(name)
                if "held." in sql:
                    self.pack()

    def pack(self) -> None:
        """Compress what was added to `held`; while another table is being written it waits for the next time."""
        con = self.connection.cursor()
        try:
            con.execute("CHECKPOINT held")
        except duckdb.TransactionException as e:
            log.debug("not compressed yet: %s", e)
        finally:
            con.close()

    def need_texts(self) -> None:
        """Make the table `has_text` (row_no of the ads with a text, a hash of where its sections lie) when first asked for.

        Ads of one opening with the same sections at the same characters have one text but for 0.1 % (no text is read).
        """
        self._once(
            "has_text",
            "CREATE TABLE has_text AS SELECT CAST(a.file_row_number AS INTEGER) AS row_no, hash(t.sections) AS shape FROM texts t JOIN ads a ON a.ad_id = t.ad_id "
            "WHERE len(t.sections) > 0",
        )

    def skills(self) -> str:
        """The table of (row_no, skill_id, no): skills that ads ask for, `no` being the place in `skill_ids`."""
        self._once(
            "ad_skill",
            "CREATE TABLE ad_skill AS SELECT CAST(a.file_row_number AS INTEGER) AS row_no, s.skill_id, "
            "CAST(list_position((SELECT list(skill_id ORDER BY skill_id) FROM (SELECT DISTINCT skill_id FROM skills)), s.skill_id) - 1 AS SMALLINT) AS no "
            "FROM skills s JOIN ads a ON a.ad_id = s.ad_id ORDER BY skill_id, row_no",
        )
        return "ad_skill"

    def spells(self) -> str:
        """The table of (row_no, first_date, last_date): spells of openings with several, by the row of the describing ad."""
        self._once(
            "spell_of",
            "CREATE TABLE spell_of AS SELECT CAST(a.file_row_number AS INTEGER) AS row_no, s.first_date, s.last_date FROM spells s "
            "JOIN openings o ON o.opening_id = s.opening_id JOIN ads a ON a.ad_id = o.ad_id "
            "WHERE s.opening_id IN (SELECT opening_id FROM spells WHERE ordinal > 1)",
        )
        return "spell_of"

    @cached_property
    def employers(self) -> Employers:
        """Employers with their names and lists by their number, read when first asked for."""
        return Employers.read(self.connection)

    @cached_property
    def skill_ids(self) -> tuple[str, ...]:
        """Skills that any ad asks for, in order."""
        return tuple(r[0] for r in self.rows("SELECT DISTINCT skill_id FROM skills ORDER BY 1"))

    @cached_property
    def pay_values(self) -> tuple[int, ...]:
        """Amounts in fen by their number in the columns pay_*_no, ascending."""
        return tuple(r[0] for r in self.rows("SELECT fen FROM pay_no ORDER BY no"))

    def terms(self) -> str:
        """The table of (row_no, term): concepts that titles and texts name outside the employer's blurb, made when first asked for."""
        self._once(
            "ad_term",
            "CREATE TABLE ad_term AS SELECT DISTINCT CAST(a.file_row_number AS INTEGER) AS row_no, split_part(d.rule_id, '.', 1) AS term "
            "FROM decisions d JOIN ads a ON a.ad_id = d.ad_id WHERE d.decision = 'ai_term' AND d.rule_id IS NOT NULL "
            "AND NOT suffix(coalesce(d.reason_id, ''), '@blurb') AND coalesce(d.field, '') <> 'tags' ORDER BY term, row_no",
        )
        return "ad_term"

    @cached_property
    def concepts(self) -> tuple[str, ...]:
        """Concepts of the AI terms, in order."""
        if not any(n == "ai/terms.csv" for n in self.codebook.names("ai", ".csv")):
            return ()
        return tuple(sorted({r["concept"] for r in self.codebook.rows("ai/terms.csv")}))

    def _layout(self) -> None:
        bits = {b: self.board_bit(b) for b in self.boards}
        self.open_values.update(frame_tables.lay_out(self.connection, bits, self.clusters))
        frame_tables.make_fact(self.connection, FACT, every_ad=False)
        self.pack()


def open_dataset(directory: Path | str, codebook: Codebook | None = None, labels: Path | None = None) -> Dataset:
    """Open a dataset directory; see `Dataset.open`."""
    return Dataset.open(directory, codebook, labels=labels)
