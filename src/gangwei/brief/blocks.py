"""The blocks a brief is made of: tables, figures, headlines and samples of ads, as ready words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from gangwei.brief.sensitivity import Tornado


@dataclass
class Table:
    """A table: headers, rows of ready words, which columns are numbers or ids, anchors of rows."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: Sequence[int] = ()
    anchors: Sequence[str] = ()
    codes: Sequence[int] = ()


@dataclass
class Figure:
    """A chart (trusted SVG) with its caption, table and caveats."""

    id: str
    title: str
    svg: str
    table: Table
    caveats: Sequence[str] = ()
    wide: bool = False


@dataclass
class Headline:
    """One of the eight figures."""

    id: str
    label: str
    value: str
    parts: Sequence[tuple[str, str]]
    interval: str
    published: str
    compares: str
    verdict: str
    survives: bool | None


@dataclass
class Statement:
    """A claim in words with its interval, the range of its variants, its verdict, and where the page shows more."""

    id: str
    text: str
    interval: str
    spread: str
    verdict: str
    survives: bool | None
    sensitivity: str
    evidence: str


@dataclass
class Evidence:
    """A sample of the openings of a claim's numerator, and how to get all of them."""

    id: str
    label: str
    n: str
    table: Table
    command: str
    permalink: str
    others: Sequence[tuple[str, str, str]] = ()
    """Other numbers of the same sentence: what each is with its value, command and path."""


@dataclass
class Brief:
    """All blocks, in order."""

    lang: str
    date: str
    empty: str
    facts: str
    subtitle: str
    headlines: list[Headline]
    said: dict[str, list[Statement]]
    figures: dict[str, list[Figure]]
    tables: dict[str, list[Table]]
    tornados: list[tuple[Tornado, str, str, Table]]
    others: Table | None
    evidence: list[Evidence]
    notes: dict[str, list[str]]
    versions: list[tuple[str, str]]
    cite: str
    sensitivity: str
    verdict_note: str
    published: str
    years: str
    maps: list[tuple[str, str]] = field(default_factory=list)
    method: list[str] = field(default_factory=list)
    limits: list[str] = field(default_factory=list)
