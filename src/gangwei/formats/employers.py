"""Employers, titles, places and levels in tables of their own: a database names in each job only the number of its employer, title,
city or level of education."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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


@dataclass
class Employers:
    """The table of employers (or titles) and its columns by field, the column of the jobs that refers to it, and its rows by their
    key, which stands at `key`."""

    table: str
    by: str
    columns: dict[str, int]
    key: int = 0
    holder: str = "employer"
    rows: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns that a job is given."""
        return tuple(f"{self.holder}.{f}" for f in self.columns)

    def add(self, row: Sequence[str | None]) -> None:
        """One row of the table of employers."""
        if (key := row[self.key]) and len(self.rows) <= MOST:
            self.rows.setdefault(key, tuple(row[i] or "" for i in self.columns.values()))

    def of(self, key: str) -> tuple[str, ...]:
        """What is told of an employer, in the order of `names`."""
        nothing = ("",) * len(self.columns)
        return self.rows.get(key, nothing) if len(self.rows) <= MOST else nothing

    def add_all(self, chunks: Iterator[Chunk]) -> None:
        """All rows of the table of employers."""
        for c in chunks:
            for row in c.rows.iter_rows():
                self.add(row)

    def joined(self, chunks: Iterator[Chunk], names: Sequence[str]) -> Iterator[Chunk]:
        """Jobs with their employers in the last of the columns `names`."""
        for c in chunks:
            told = [self.of(k or "") for k in c.rows[self.by]]
            new = [pl.Series(n, [t[i] for t in told], pl.String) for i, n in enumerate(names[-len(self.names) :])]
            yield Chunk(c.rows.with_columns(new), c.numbers, c.bad, c.notes)


def employers_of(
    jobs: str,
    tables: Mapping[str, Sequence[str]],
    remarks: Mapping[str, Mapping[str, str]],
    headers: Headers,
    keys: Mapping[str, tuple[str, str]],
    titled: bool = False,
) -> Employers | None:
    """The table whose key a table of jobs without employers holds, where it names employers and no jobs.

    Args:
        keys: columns of the jobs that refer to another table by its definition: its name and column, '' for the first.
        titled: the titles of the jobs stand in a table of their own.
    """
    own = _said(tables[jobs], remarks.get(jobs, {}), headers)
    own = {f: i for f, i in own.items() if f != "company" or tables[jobs][i] not in keys}
    if "company" in own or (not titled and "title" not in own and len(OF_JOBS & set(own)) < 2):
        return None
    if (declared := _declared(keys, tables, remarks, headers, own, set(tables[jobs]))) is not None:
        return declared
    for name, columns in tables.items():
        said = _said(columns, remarks.get(name, {}), headers)
        said = _named(name, columns, said, headers, SIZED & set(said) or _of_employers(name, headers))
        if name == jobs or "company" not in said or OF_JOBS & set(said):
            continue
        keyed = normal(columns[0]) != "id"
        called = (name, _single(name, headers), _single(_own_name(name, jobs), headers))
        by = (normal(columns[0]),) if keyed else tuple(f"{normal(n)}id" for n in called)
        column = next((c for c in tables[jobs][1:] if any(_refers(normal(c), key) for key in by)), None)
        if column is not None:
            return Employers(name, column, _told(said, own))
    return None


def titles_of(
    jobs: str,
    tables: Mapping[str, Sequence[str]],
    remarks: Mapping[str, Mapping[str, str]],
    headers: Headers,
    keys: Mapping[str, tuple[str, str]],
) -> Employers | None:
    """The table of titles whose key a table of jobs that tell their pay, but no title, holds.

    Args:
        keys: columns of the jobs that refer to another table by its definition: its name and column, '' for the first.
    """
    own = set(_said(tables[jobs], remarks.get(jobs, {}), headers))
    if "title" in own or not own & PAID or not own & BESIDE_PAY:
        return None
    referred = {table: (by, key) for by, (table, key) in keys.items() if by in tables[jobs]}
    for name, columns in tables.items():
        at = _title_at(name, columns, remarks.get(name, {}), headers)
        if name == jobs or at is None:
            continue
        by, key = referred.get(name, ("", ""))
        ids = {f"{normal(n)}id" for n in (name, _single(name, headers))}
        by = by or next((c for c in tables[jobs][1:] if normal(c) in ids), "")
        if by and (not key or key in columns):
            return Employers(name, by, {"title": at}, _key_at(columns, key, by, _single(name, headers)), "job")
    return None


def names_of(
    jobs: str,
    tables: Mapping[str, Sequence[str]],
    remarks: Mapping[str, Mapping[str, str]],
    headers: Headers,
    keys: Mapping[str, tuple[str, str]],
) -> list[Employers]:
    """Small tables of keys and names called after fields of jobs (cities: id, name), whose keys a table of jobs holds (city_id) where
    no other column of it asks for the field.

    Args:
        keys: columns of the jobs that refer to another table by its definition: its name and column, '' for the first.
    """
    own = tables[jobs]
    if len((OF_JOBS | PAID) & set(_said(own, remarks.get(jobs, {}), headers))) < 2:
        return []
    referred = {table: (by, key) for by, (table, key) in keys.items() if by in own}
    out = []
    for name, columns in tables.items():
        single = normal(_single(name, headers))
        claim = headers.claim(_single(name, headers))
        at = next((i for i, c in enumerate(columns) if normal(c) in ("name", f"{single}name")), None)
        if name == jobs or len(columns) > FEW_COLUMNS or at is None or claim is None or claim.field not in NUMBERED:
            continue
        by, key = referred.get(name, ("", ""))
        by = by or next((c for c in own if normal(c) in (f"{normal(name)}id", f"{single}id")), "")
        others = _said([c for c in own if c != by], remarks.get(jobs, {}), headers)
        if by and claim.field not in others and (not key or key in columns):
            out.append(Employers(name, by, {claim.field: at}, _key_at(columns, key, by, single), "job"))
    return out


def _key_at(columns: Sequence[str], key: str, by: str, single: str) -> int:
    """Where the key of a table of names stands that the jobs hold in the column `by`: as defined, under its own name (id, city_id
    or cid of cities, whatever key of another table stands before it), or first."""
    if key:
        return columns.index(key)
    names = [normal(c) for c in columns]
    return next((names.index(n) for n in (normal(by), "id", f"{single[:1].lower()}id") if n in names), 0)


def _title_at(table: str, columns: Sequence[str], remarks: Mapping[str, str], headers: Headers) -> int | None:
    """Where a small table of keys and titles has the titles: by its header or remark, or the bare name in a table called after jobs."""
    said = _said(columns, remarks, headers)
    if len(columns) > FEW_COLUMNS or said.keys() & (OF_JOBS | set(TOLD)) - {"title"}:
        return None
    at = said.get("title", next((i for i, c in enumerate(columns) if normal(c) == "name"), None))
    if at is None or not headers.tells.name_of.search(columns[at]):
        return at
    told = [headers.claim(_single(table, headers)), headers.listed(remarks.get(columns[at], ""))]
    fields = {c.field for c in told if c is not None}
    return at if fields == {"title"} else None


def _named(
    table: str, columns: Sequence[str], said: dict[str, int], headers: Headers, of_employers: object
) -> dict[str, int]:
    """Fields of a table of which the bare name (name, or ename of enterprises) is an employer's, as in one of employers."""
    bare = {"name", f"{_single(table, headers)[:1].lower()}name"}
    at = next((i for i, c in enumerate(columns) if normal(c) in bare), None)
    if at is None or "company" in said or not of_employers:
        return said
    return {**{f: i for f, i in said.items() if i != at}, "company": at}


def _of_employers(table: str, headers: Headers) -> bool:
    """A table is called after employers."""
    claim = headers.claim(_single(table, headers))
    return claim is not None and claim.field == "company"


def _told(said: Mapping[str, int], own: Mapping[str, int]) -> dict[str, int]:
    """What of the employers is told of a job: where they are only if the job tells no place."""
    fields = TOLD if set(PLACES) & set(own) else (*TOLD, *PLACES)
    return {f: said[f] for f in fields if f in said}


def _declared(
    keys: Mapping[str, tuple[str, str]],
    tables: Mapping[str, Sequence[str]],
    remarks: Mapping[str, Mapping[str, str]],
    headers: Headers,
    own: Mapping[str, int],
    columns_of_jobs: set[str],
) -> Employers | None:
    """The table of employers that a column of the jobs refers to by definition; a bare name in it is theirs.

    Args:
        own: fields of the jobs.
    """
    for by, (table, key) in keys.items():
        columns = tables.get(table, ())
        inside = {c: f"{_single(table, headers)}.{c}" if headers.tells.name_of.search(c) else c for c in columns}
        told = {inside.get(c, c): r for c, r in remarks.get(table, {}).items()}
        said = _said(list(inside.values()), told, headers)
        said = _named(table, columns, said, headers, headers.tells.employers.search(table))
        if by in columns_of_jobs and "company" in said and not OF_JOBS & set(said) and (not key or key in columns):
            return Employers(table, by, _told(said, own), columns.index(key) if key else 0)
    return None


def _single(table: str, headers: Headers) -> str:
    """What one row of a table is (companies, tb_company, company_info: company)."""
    bare = headers.tells.around_tables.sub("", table)
    return headers.tells.plural.sub(lambda m: "y" if len(m[0]) > 1 else "", bare)


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
