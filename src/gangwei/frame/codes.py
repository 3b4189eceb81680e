"""Columns of a fact table as small integers with a dictionary, so that a question asks the database once for each value.

A column is read when first asked for and then kept: one or two bytes a row. Its dictionary is a table of the database,
(code, the column), with the codes in the order of first appearance and null last. Numbers of employers are their own codes.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gangwei.kernels.codes import mark_rows

Array = npt.NDArray[Any]
REMEMBERED, ENTRY = 1 << 26, 1 << 10
"""Bytes of judged expressions that are kept, and what one of them costs beside its values."""
FLAGS_BY_ROW = {"has_text": "has_text", "has_skill": "ad_skill"}
"""Columns that say whether a table of the database (made before they are asked for) holds the row."""
MOST = 1 << 16
"""Columns with more values than this are left to the database (employers apart)."""


@dataclass(frozen=True)
class Column:
    """`codes` of the rows, all under `size`; `table` is the dictionary of (code, value), `values` the same in order (employers have none)."""

    codes: Array
    size: int
    table: str
    values: list[Any]


@dataclass
class Codes:
    """The columns of one fact table, in the order of its rows."""

    table: str
    con: duckdb.DuckDBPyConnection
    lock: threading.Lock = field(default_factory=threading.Lock)
    columns: dict[str, Column | None] = field(default_factory=dict)
    judged: dict[tuple[Any, ...], Array] = field(default_factory=dict)
    bytes: int = 0
    _skills: tuple[Array, Array, Array] | None = None

    @cached_property
    def rows(self) -> int:
        """Rows of the table."""
        return int(self.con.cursor().execute(f"SELECT count(*) FROM {self.table}").fetchall()[0][0])

    def remember(self, key: tuple[Any, ...], values: Array) -> None:
        """Keep what an expression is for each code; all is forgotten when there is too much of it."""
        self.bytes += values.nbytes + ENTRY
        if self.bytes > REMEMBERED:
            self.judged.clear()
            self.bytes = values.nbytes + ENTRY
        self.judged[key] = values

    def column(self, name: str) -> Column | None:
        """The codes of a column; None where it has too many values."""
        with self.lock:
            if name not in self.columns:
                cur = self.con.cursor()
                try:
                    self.columns[name] = (
                        self._employers(cur) if name == "emp_no"
                        else self._flag(cur, name) if name in FLAGS_BY_ROW
                        else self._read(cur, name)
                    )  # fmt: skip
                finally:
                    cur.close()
            return self.columns[name]

    def employers(self) -> Array:
        """`emp_no` as it stands, int32 in order."""
        self.column("emp_no")
        return self._who

    @cached_property
    def numbers(self) -> Array:
        """`row_no` of the rows, int32."""
        got = self.con.cursor().execute(f"SELECT row_no FROM {self.table}").to_arrow_table().column(0)
        return np.ascontiguousarray(got.to_numpy()).astype(np.int32, copy=False)

    @cached_property
    def places(self) -> Array:
        """Where the first row of each `row_no` stands, int32; -1 for those that have none."""
        out = np.full(int(self.numbers.max(initial=-1)) + 1, -1, np.int32)
        out[self.numbers[::-1]] = np.arange(self.rows - 1, -1, -1, dtype=np.int32)
        return out

    def held(self, name: str, sql: str, params: dict[str, Any]) -> Array:
        """Whether each row is among the row numbers that a statement selects, uint8; kept under `name`, a bit a row."""
        if (bits := self.judged.get(("held", name))) is not None:
            return np.unpackbits(bits, count=self.rows)
        cur = self.con.cursor()
        try:
            found = self._among(cur.execute(sql, params).to_arrow_table().column(0).to_numpy())
        finally:
            cur.close()
        self.remember(("held", name), np.packbits(found))
        return found

    def _among(self, held: Array) -> Array:
        out = np.zeros(self.rows, np.uint8)
        mark_rows(out, held, self.places, self.numbers)
        return out

    def skills(self) -> tuple[Array, Array, Array]:
        """(start, stop, numbers): the skills that row i asks for are `numbers[start[i]:stop[i]]` (needs the table ad_skill)."""
        with self.lock:
            if self._skills is None:
                cur = self.con.cursor()
                asked = cur.execute("SELECT row_no, no FROM ad_skill").to_arrow_table()
                cur.close()
                who, numbers = (asked.column(i).to_numpy() for i in (0, 1))
                order = np.lexsort((numbers, who))
                who = who[order]
                ends = (np.searchsorted(who, self.numbers, side).astype(np.int32) for side in ("left", "right"))
                self._skills = (*ends, numbers[order].astype(np.int16))
            return self._skills

    def _read(self, cur: duckdb.DuckDBPyConnection, name: str) -> Column | None:
        """A column as codes and values; None for the number of the row and where it has too many values."""
        if name == "row_no":
            return None
        got = cur.execute(f"SELECT {name} FROM {self.table}").to_arrow_table().column(0)
        if not pa.types.is_dictionary(got.type):
            got = got.dictionary_encode()
        whole = got.unify_dictionaries().combine_chunks()
        chunk = (
            whole
            if isinstance(whole, pa.DictionaryArray)
            else pa.DictionaryArray.from_arrays([], whole.type.value_type)
        )
        values = chunk.dictionary.to_pylist()
        if len(values) >= MOST:
            return None
        size = len(values) + 1
        kind = np.uint8 if size <= 1 << 8 else np.uint16
        codes = chunk.indices.fill_null(size - 1).to_numpy(zero_copy_only=False).astype(kind)
        table = f"code_{self.table.replace('.', '_')}_{name}"
        cur.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT 0 AS code, {name} FROM {self.table} LIMIT 0")
        cur.execute(
            f"INSERT INTO {table} SELECT unnest($1::INTEGER[]), unnest($2)", [list(range(size)), [*values, None]]
        )
        return Column(codes, size, table, [*values, None])

    def _flag(self, cur: duckdb.DuckDBPyConnection, name: str) -> Column:
        """Whether a table of row numbers holds the row."""
        held = cur.execute(f"SELECT DISTINCT row_no FROM {FLAGS_BY_ROW[name]}").to_arrow_table().column(0).to_numpy()
        cur.execute(
            f"CREATE TABLE IF NOT EXISTS code_{name} AS SELECT 0 AS code, false AS {name} UNION ALL SELECT 1, true"
        )
        return Column(self._among(held), 2, f"code_{name}", [False, True])

    def _employers(self, cur: duckdb.DuckDBPyConnection) -> Column:
        got = cur.execute(f"SELECT emp_no FROM {self.table}").to_arrow_table().column(0)
        self._who: Array = np.ascontiguousarray(got.to_numpy()).astype(np.int32, copy=False)
        n = int(cur.execute("SELECT count(*) FROM employer_no").fetchall()[0][0])
        table = "code_emp_no"
        cur.execute(
            f"CREATE TABLE IF NOT EXISTS {table} AS SELECT emp_no AS code, emp_no FROM employer_no UNION ALL SELECT {n}, -1"
        )
        return Column(np.where(self._who < 0, np.int32(n), self._who), n + 1, table, [])
