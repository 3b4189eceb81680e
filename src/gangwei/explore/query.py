"""The closed vocabulary of query strings: one table both checks a request and describes the interface (OpenAPI)."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request

from gangwei import vocabulary
from gangwei.frame.dataset import Dataset
from gangwei.labels import LANGS
from gangwei.vocabulary import UnknownParameter

MAX_PAGE = 2_000
MOST_WHERE = 24
MOST_ACROSS = 40
"""Values of a second dimension: each is a figure of its own."""
COMMON = ("lang",)
QUESTION = ("by", "where", "as_of", "lists", *COMMON)
SEARCHED = ("title", "employer", "text")


@dataclass(frozen=True)
class Parameter:
    """One name of the query string: what it means, and the values or the pattern it takes."""

    name: str
    said: str
    values: tuple[str, ...] = ()
    pattern: str = ""
    highest: int = 0
    length: int = 200
    many: bool = False
    date: bool = False

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the value."""
        if self.highest:
            return {"type": "integer", "minimum": 1, "maximum": self.highest}
        if self.date:
            return {"type": "string", "format": "date"}
        if self.many:
            one = "|".join(map(re.escape, self.values)) or "(?!)"
            return {"type": "string", "pattern": f"^(?:(?:{one})(?:,(?:{one}))*)?$"}
        if self.values:
            return {"type": "string", "enum": list(self.values)}
        if self.pattern:
            return {"type": "string", "pattern": f"^(?:{self.pattern})$", "maxLength": self.length}
        return {"type": "string", "maxLength": self.length}

    def check(self, value: str) -> None:
        """Refuse a value outside the vocabulary.

        Raises:
            UnknownParameter: it is.
        """
        if self.highest:
            if not (value.isascii() and value.isdigit() and 1 <= int(value[:9]) <= self.highest):
                raise UnknownParameter(f"value of {self.name}", value, (f"1..{self.highest}",))
        elif self.date:
            if value and not real_date(value):
                raise UnknownParameter(f"value of {self.name}", value, ("YYYY-MM-DD, a day of the calendar",))
        elif self.many:
            for one in value.split(",") if value else ():
                if one not in self.values:
                    raise UnknownParameter(
                        f"value of {self.name}", one, self.values or ("none: the dataset has no lists",)
                    )
        elif self.values:
            if value not in self.values:
                raise UnknownParameter(f"value of {self.name}", value, self.values)
        elif self.pattern:
            if not re.fullmatch(self.pattern, value, re.ASCII):
                raise UnknownParameter(f"value of {self.name}", value, (self.pattern,))
        elif len(value) > self.length or "\0" in value:
            raise UnknownParameter(
                f"length of {self.name}", value[:20] + "…", (f"at most {self.length} characters, none of them NUL",)
            )


def real_date(value: str) -> bool:
    """True where `value` is a day of the calendar, written YYYY-MM-DD."""
    try:
        return dt.date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


@dataclass(frozen=True)
class Asked:
    """One request, checked: its path, the suffix (format) and the values given."""

    path: str
    suffix: str
    parts: Mapping[str, str]
    given: Mapping[str, str]
    where: Mapping[str, str] = field(default_factory=dict)
    query: tuple[tuple[str, str], ...] = ()

    @property
    def lang(self) -> str:
        """Language of the page."""
        return self.given.get("lang", LANGS[0])

    @property
    def page(self) -> int:
        """Page number, from 1."""
        return int(self.given.get("page", "1"))


class Grammar:
    """The vocabulary over one dataset."""

    def __init__(
        self, ds: Dataset, measure_ids: Iterable[str], files: Iterable[str], standing: Mapping[str, str] | None = None
    ) -> None:  # fmt: skip
        """`standing`: values of parameters that hold where an address says nothing of them.

        Raises:
            UnknownParameter: one of them is outside its vocabulary.
        """
        self.ds = ds
        self.standing = {k: v for k, v in (standing or {}).items() if v}
        definitions = tuple(vocabulary.DEFINITIONS)
        listed = tuple(vocabulary.government_lists(ds))
        reasons = tuple(r[0] for r in ds.rows("SELECT DISTINCT reason_id FROM rejects ORDER BY 1"))
        inputs = tuple(f["file"] for f in ds.manifest.get("inputs", []) if f.get("rejected"))
        crossing = tuple(k for k in vocabulary.BY if k == "year" or 0 < len(vocabulary.allowed(ds, k)) <= MOST_ACROSS)
        table = (
            Parameter("lang", "Language of words and number formats.", LANGS),
            Parameter("by", "Dimension to group by; empty for the whole.", ("", *vocabulary.BY)),
            Parameter("across", "A second dimension: the groups of `by` within each of its values.", crossing),
            Parameter("as_of", "Day on which affiliations hold.", date=True),
            Parameter("lists", "Government lists that count, joined by commas.", listed, many=True),
            Parameter("group", "One group of the dimension `by`.", length=80),
            Parameter("page", "Page of the list.", highest=MAX_PAGE),
            Parameter("q", "Words that must all be found.", length=80),
            Parameter("in", "What to search: titles, employers or texts.", SEARCHED),
            Parameter("file", "A definition file.", tuple(files)),
            Parameter("find", "Show only rows that hold these words.", length=80),
            Parameter("reason", "Why rows were not kept.", reasons),
            Parameter("input", "A file of which rows were not kept.", inputs),
            Parameter("measure", "The measure to compare.", tuple(measure_ids)),
            Parameter("left", "Definition of an AI opening on the first side.", definitions),
            Parameter("right", "Definition of an AI opening on the second side.", definitions),
            Parameter("what", "Compare two definitions, or two datasets under one.", ("definitions", "datasets")),
        )  # fmt: skip
        self.table = {p.name: p for p in table}
        for name, value in self.standing.items():
            self.table[name].check(value)

    def read(self, request: Request, allowed: tuple[str, ...], parts: Mapping[str, str], suffix: str) -> Asked:
        """Check a request.

        Raises:
            UnknownParameter: a name outside `allowed`, a value outside its vocabulary, or one given twice.
        """
        given: dict[str, str] = {}
        where: dict[str, str] = {}
        filters = len(request.query_params.getlist("where")) if "where" in allowed else 0
        if filters > MOST_WHERE:
            raise UnknownParameter("filter", f"{filters} times where", (f"at most {MOST_WHERE}",))
        for key, value in request.query_params.multi_items():
            if key not in allowed:
                raise UnknownParameter("parameter", key, allowed)
            if key == "where":
                self._filters(value, where)
                continue
            if key in given:
                raise UnknownParameter("parameter given twice", key, allowed)
            self.table[key].check(value)
            given[key] = value
        given = self.standing | given
        return Asked(request.url.path, suffix, parts, given, where, tuple(request.query_params.multi_items()))

    def _filters(self, value: str, where: dict[str, str]) -> None:
        """Read `key=value` pairs, several joined by semicolons."""
        for pair in filter(None, value.split(";")):
            key, sep, wanted = pair.partition("=")
            if not sep or key not in vocabulary.WHERE:
                raise UnknownParameter("filter", pair, (f"{k}=…" for k in vocabulary.WHERE))
            if key in where and key in vocabulary.SINGLE:
                raise UnknownParameter("filter given twice", key, vocabulary.WHERE)
            if not vocabulary.allowed(self.ds, key):
                vocabulary.check(self.ds, key, wanted)
            held = vocabulary.several(self.ds, key, where[key]) if key in where else []
            where[key] = ",".join(dict.fromkeys((*held, *vocabulary.several(self.ds, key, wanted)))) if held else wanted

    def describe(self, names: tuple[str, ...]) -> list[dict[str, Any]]:
        """The parameters of a path for OpenAPI."""
        return [self._where() if n == "where" else self._one(self.table[n]) for n in names]

    def _one(self, p: Parameter) -> dict[str, Any]:
        return {"name": p.name, "in": "query", "required": False, "description": p.said, "schema": p.schema()}

    def _where(self) -> dict[str, Any]:
        closed = [f"{k}={v}" for k in vocabulary.WHERE for v in vocabulary.allowed(self.ds, k)]
        opened = [{"type": "string", "pattern": f"^{k}=(?:{p})$"} for k, (p, _) in vocabulary.OPEN.items()]
        return {
            "name": "where", "in": "query", "required": False, "style": "form", "explode": True,
            "description": "Filters, one `key=value` each (an empty one is none); several values of one key are joined by commas or given one by one.",
            "schema": {"type": "array", "maxItems": MOST_WHERE, "items": {"anyOf": [{"type": "string", "enum": ["", *closed]}, *opened]}},
        }  # fmt: skip


def pairs_of(where: Mapping[str, str], without: str | None = None) -> list[str]:
    """Filters as values of `where`, in order, one left out on request."""
    return [f"{k}={v}" for k, v in sorted(where.items()) if k != without]
