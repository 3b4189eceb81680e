"""Rows that hold several ads side by side (岗位1, 月薪1, 岗位2, 月薪2): one ad for each numbered group of columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from gangwei.formats.chunk import Chunk
from gangwei.formats.headers import Headers

TELLING = {"pay", "pay_min", "pay_max", "headcount", "education", "experience"}
NUMBERED = re.compile(r"^(.*\D)([1-9]\d?)$")


def groups_of(names: Sequence[str], title: str, headers: Headers) -> list[dict[str, str]]:
    """For each further group its columns and those of the first group that they stand for; none where `title` is in no group.

    The header must ask for a title, and each group needs another column whose header says that it is of a job: title1 and text1 of scrapers are none.
    """
    cut = {n: (m[1], int(m[2])) for n in names if (m := NUMBERED.match(n))}
    if title not in cut or _field(title, headers) != "title":
        return []
    stem, first = cut[title]
    own = {s: n for n, (s, k) in cut.items() if k == first}
    further = sorted(k for s, k in cut.values() if s == stem and k > first)
    found = [{n: own[s] for n, (s, at) in cut.items() if at == k and s in own} for k in further]
    return found if all(any(_field(n, headers) in TELLING for n in g) for g in found) else []


def _field(name: str, headers: Headers) -> str:
    claim = headers.claim(name)
    return claim.field if claim else ""


def spread(chunk: Chunk, groups: list[dict[str, str]], title: str) -> Chunk:
    """The chunk with a row for every group of a row that has a title; what stands outside the groups is said of all."""
    rows, numbers = chunk.rows, chunk.numbers
    parts = [rows.with_columns(numbers.alias("\0row"), pl.lit(0).alias("\0group"))]
    inside = {n for g in groups for n in g.values()}
    for k, group in enumerate(groups, 1):
        if not set(group) <= set(rows.columns):
            continue
        shared = [c for c in rows.columns if c not in inside and c not in group]
        part = rows.select(*shared, *(pl.col(n).alias(to) for n, to in group.items()))
        part = part.with_columns(numbers.alias("\0row"), pl.lit(k).alias("\0group"))
        parts.append(part.filter(pl.col(title).str.strip_chars().fill_null("") != ""))
    found = pl.concat(parts, how="diagonal").sort("\0row", "\0group", maintain_order=True)
    return replace(chunk, rows=found.drop("\0row", "\0group"), numbers=found["\0row"])
