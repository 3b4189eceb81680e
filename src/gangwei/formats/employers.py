"""Employers, titles, places and levels in tables of their own: a database names in each job only the number of its employer, title,
city or level of education."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from gangwei.formats.chunk import Chunk
from gangwei.formats.headers import Headers, normal

TOLD = ("company", "company_size", "company_nature", "industry")
PLACES = ("province", "city", "district", "address")
SIZED = {"company_size", "company_nature"}
OF_JOBS = {"title", "pay", "education", "experience"}
PAID = {"pay", "pay_min", "pay_max"}
BESIDE_PAY = {"description", "education", "experience", "city", "address", "headcount"}
NUMBERED = ("province", "city", "district", "education", "experience", "occupation", "employment_type")
"""Fields of which a job may hold the number alone."""
FEW_COLUMNS = 4
"""Columns of a table of names: a key, the name and little more."""
MOST = 200_000
"""Employers beyond which the jobs stay without them."""
COUNTED = -1
"""The place of a key that no column holds."""


@dataclass(frozen=True)
class Schema:
    """Tables of one database: the columns of each, what its definition remarks of them, and the columns of each that refer to another
    table: its name and column, '' for the first."""

    tables: Mapping[str, Sequence[str]]
    headers: Headers
    keys: Mapping[str, Mapping[str, tuple[str, str]]] = field(default_factory=dict)
    remarks: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def said(self, table: str, without: str = "") -> dict[str, int]:
        """Field to the first column of a table that asks for it; with `without` of the table that lacks this column."""
        columns = [c for c in self.tables[table] if c != without] if without else self.tables[table]
        return _said(columns, self.remarks.get(table, {}), self.headers)

    def single(self, table: str) -> str:
        """What one row of a table is (companies, tb_company, company_info: company)."""
        bare = self.headers.tells.around_tables.sub("", table)
        return self.headers.tells.plural.sub(lambda m: "y" if len(m[0]) > 1 else "", bare)

    def keys_of(self, jobs: str) -> Mapping[str, tuple[str, str]]:
        """Columns of the jobs that refer to another table by its definition."""
        return self.keys.get(jobs, {})


@dataclass
class Employers:
    """The table of employers (or titles) and its columns by field, the column of the jobs that refers to it, and its rows by their
    key, which stands at `key`; at COUNTED no column of the table has it: the database counts the rows from 1."""

    table: str
    by: str
    columns: dict[str, int]
    key: int = 0
    holder: str = "employer"
    rows: dict[str, tuple[str, ...]] = field(default_factory=dict)
    seen: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns that a job is given."""
        return tuple(f"{self.holder}.{f}" for f in self.columns)

    def add(self, row: Sequence[str | None]) -> None:
        """One row of the table of employers."""
        self.seen += 1
        if (key := str(self.seen) if self.key == COUNTED else row[self.key]) and len(self.rows) <= MOST:
            told = tuple(row[i] or "" for i in self.columns.values())
            if self.rows.setdefault(key, told) != told and self.key > 0:  # a user with two employers
                self.rows[key] = ("",) * len(told)

    def of(self, key: str) -> tuple[str, ...]:
        """What is told of an employer, in the order of `names`."""
        nothing = ("",) * len(self.columns)
        return self.rows.get(key, nothing) if len(self.rows) <= MOST else nothing

    def add_all(self, chunks: Iterator[Chunk]) -> None:
        """All rows of the table of employers; none where rows that the database counts cannot all be read."""
        for c in chunks:
            for row in c.rows.iter_rows():
                self.add(row)
            if c.bad and self.key == COUNTED:
                self.rows.clear()
                return

    def doubt(self, jobs: Iterable[str]) -> None:
        """None of the employers that the database counts where one of the keys in these jobs is not among them: rows were deleted,
        or it counts from another number."""
        if self.key == COUNTED and any(k and k not in self.rows for k in jobs):
            self.rows.clear()

    def joined(self, chunks: Iterator[Chunk], names: Sequence[str]) -> Iterator[Chunk]:
        """Jobs with their employers in the last of the columns `names`."""
        for c in chunks:
            told = [self.of(k or "") for k in c.rows[self.by]]
            new = [pl.Series(n, [t[i] for t in told], pl.String) for i, n in enumerate(names[-len(self.names) :])]
            yield Chunk(c.rows.with_columns(new), c.numbers, c.bad, c.notes)


def employers_of(jobs: str, schema: Schema, titled: bool = False) -> Employers | None:
    """The table whose key a table of jobs without employers holds, where it names employers and no jobs.

    Args:
        titled: the titles of the jobs stand in a table of their own.
    """
    columns_of_jobs, keys = schema.tables[jobs], schema.keys_of(jobs)
    own = {f: i for f, i in schema.said(jobs).items() if f != "company" or columns_of_jobs[i] not in keys}
    if "company" in own or (not titled and "title" not in own and len(OF_JOBS & set(own)) < 2):
        return None
    if (declared := _declared(jobs, schema, own)) is not None:
        return declared
    told = {}
    for name in schema.tables:
        said = schema.said(name)
        said = _named(name, schema, said, SIZED & set(said) or _of_employers(name, schema))
        if name != jobs and "company" in said and not OF_JOBS & set(said):
            told[name] = said
    likely = [name for name in told if _of_employers(name, schema)] or list(told)
    for name, said in told.items():
        if (found := _referring(jobs, name, schema, min(said.values()) == 0, likely == [name])) is not None:
            column, key = found
            return Employers(name, column, _told(said, own), key)
    return None


def _referring(jobs: str, name: str, schema: Schema, keyless: bool, alone: bool) -> tuple[str, int] | None:
    """The column of the jobs that holds the key of a table of employers, and where that key stands in it: called after its key, its
    name (company_id, whatever the database counts where no column of it is a key) or both (enterprise_user_id and the user_id of
    enterprise_profile), or remarked as the number of the employer (企业ID).

    Args:
        keyless: no key stands first in the table, but what it tells.
        alone: no other table of employers is as likely to be meant by a remark.
    """
    columns, own = schema.tables[name], schema.tables[jobs]
    names = [normal(c) for c in columns]
    called = {normal(n) for n in (name, schema.single(name), schema.single(_own_name(name, jobs)))}
    ids = tuple(f"{n}id" for n in called)
    by = (names[0],) if names[0] != "id" else ids
    column = next((c for c in own[1:] if any(_refers(normal(c), key) for key in by)), None)
    if column is not None:
        return column, 0
    for c in own[1:]:
        m = schema.headers.tells.employer_key.fullmatch(c)
        if m and m[1] and normal(m[1]) in names and any(n.startswith(normal(c[: m.start(1)])) for n in called):
            return c, names.index(normal(m[1]))
    remarks = schema.remarks.get(jobs, {})
    said = next((c for c in own[1:] if schema.headers.tells.employer_key.fullmatch(remarks.get(c, ""))), None)
    key = next((k for k in (normal(said), "id") if k in names), None) if said is not None and alone else None
    if said is not None and key is not None:
        return said, names.index(key)
    counted = next((c for c in own if normal(c) in ids), None)
    return (counted, COUNTED) if counted is not None and keyless and not {"id", *ids} & set(names) else None


def titles_of(jobs: str, schema: Schema) -> Employers | None:
    """The table of titles whose key a table of jobs that tell their pay, but no title, holds."""
    own = set(schema.said(jobs))
    if "title" in own or not own & PAID or not own & BESIDE_PAY:
        return None
    referred = _referred(jobs, schema)
    for name, columns in schema.tables.items():
        at = _title_at(name, schema)
        if name == jobs or at is None:
            continue
        by, key = referred.get(name, ("", ""))
        ids = {f"{normal(n)}id" for n in (name, schema.single(name))}
        by = by or next((c for c in schema.tables[jobs][1:] if normal(c) in ids), "")
        if by and (not key or key in columns):
            return Employers(name, by, {"title": at}, _key_at(columns, key, by, schema.single(name)), "job")
    return None


def names_of(jobs: str, schema: Schema) -> list[Employers]:
    """Small tables of keys and names called after fields of jobs (cities: id, name), whose keys a table of jobs holds (city_id) where
    no other column of it asks for the field."""
    if len((OF_JOBS | PAID) & set(schema.said(jobs))) < 2:
        return []
    referred = _referred(jobs, schema)
    out = []
    for name, columns in schema.tables.items():
        single = normal(schema.single(name))
        claim = schema.headers.claim(schema.single(name))
        at = next((i for i, c in enumerate(columns) if normal(c) in ("name", f"{single}name")), None)
        if name == jobs or len(columns) > FEW_COLUMNS or at is None or claim is None or claim.field not in NUMBERED:
            continue
        by, key = referred.get(name, ("", ""))
        by = by or next((c for c in schema.tables[jobs] if normal(c) in (f"{normal(name)}id", f"{single}id")), "")
        if by and claim.field not in schema.said(jobs, by) and (not key or key in columns):
            out.append(Employers(name, by, {claim.field: at}, _key_at(columns, key, by, single), "job"))
    return out


def _referred(jobs: str, schema: Schema) -> dict[str, tuple[str, str]]:
    """Tables that the jobs refer to by their definition: the column of the jobs and that of the table."""
    return {table: (by, key) for by, (table, key) in schema.keys_of(jobs).items() if by in schema.tables[jobs]}


def _key_at(columns: Sequence[str], key: str, by: str, single: str) -> int:
    """Where the key of a table of names stands that the jobs hold in the column `by`: as defined, under its own name (id, city_id
    or cid of cities, whatever key of another table stands before it), or first."""
    if key:
        return columns.index(key)
    names = [normal(c) for c in columns]
    return next((names.index(n) for n in (normal(by), "id", f"{single[:1].lower()}id") if n in names), 0)


def _title_at(table: str, schema: Schema) -> int | None:
    """Where a small table of keys and titles has the titles: by its header or remark, or the bare name in a table called after jobs."""
    columns, said, headers = schema.tables[table], schema.said(table), schema.headers
    if len(columns) > FEW_COLUMNS or said.keys() & (OF_JOBS | set(TOLD)) - {"title"}:
        return None
    at = said.get("title", next((i for i, c in enumerate(columns) if normal(c) == "name"), None))
    if at is None or not headers.tells.name_of.search(columns[at]):
        return at
    told = [headers.claim(schema.single(table)), headers.listed(schema.remarks.get(table, {}).get(columns[at], ""))]
    fields = {c.field for c in told if c is not None}
    return at if fields == {"title"} else None


def _named(table: str, schema: Schema, said: dict[str, int], of_employers: object) -> dict[str, int]:
    """Fields of a table of which the bare name (name, or ename of enterprises) is an employer's, as in one of employers."""
    bare = {"name", f"{schema.single(table)[:1].lower()}name"}
    at = next((i for i, c in enumerate(schema.tables[table]) if normal(c) in bare), None)
    if at is None or "company" in said or not of_employers:
        return said
    return {**{f: i for f, i in said.items() if i != at}, "company": at}


def _of_employers(table: str, schema: Schema) -> bool:
    """A table is called after employers."""
    claim = schema.headers.claim(schema.single(table))
    return claim is not None and claim.field == "company"


def _told(said: Mapping[str, int], own: Mapping[str, int]) -> dict[str, int]:
    """What of the employers is told of a job: where they are only if the job tells no place."""
    fields = TOLD if set(PLACES) & set(own) else (*TOLD, *PLACES)
    return {f: said[f] for f in fields if f in said}


def _declared(jobs: str, schema: Schema, own: Mapping[str, int]) -> Employers | None:
    """The table of employers that a column of the jobs refers to by definition; a bare name in it is theirs.

    Args:
        own: fields of the jobs.
    """
    tells = schema.headers.tells
    for by, (table, key) in schema.keys_of(jobs).items():
        columns = schema.tables.get(table, ())
        inside = {c: f"{schema.single(table)}.{c}" if tells.name_of.search(c) else c for c in columns}
        told = {inside.get(c, c): r for c, r in schema.remarks.get(table, {}).items()}
        said = _said(list(inside.values()), told, schema.headers)
        said = _named(table, schema, said, tells.employers.search(table)) if columns else said
        if by in schema.tables[jobs] and "company" in said and not OF_JOBS & set(said) and (not key or key in columns):
            return Employers(table, by, _told(said, own), columns.index(key) if key else 0)
    return None


def _own_name(table: str, jobs: str) -> str:
    """The name of a table without the word that it begins with as that of the jobs does (jms_company beside jms_job: company)."""
    shared = f"{jobs.partition('_')[0]}_"
    return table.removeprefix(shared) if jobs.startswith(shared) else table


def _refers(column: str, key: str) -> bool:
    """A column that is named after the key of another table, with something before or behind it."""
    return key.endswith("id") and len(key) > 2 and (column.endswith(key) or column.startswith(key))


def _said(columns: Sequence[str], remarks: Mapping[str, str], headers: Headers) -> dict[str, int]:
    """Field to the first column that asks for it."""
    out: dict[str, int] = {}
    told = headers.remarked(remarks)
    for i, c in enumerate(columns):
        claim = headers.claim(told.get(c, c))
        if claim is not None:
            out.setdefault(claim.field, i)
    return out
