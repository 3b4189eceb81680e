"""The shape of a board's files: one TOML each under `definitions/sources/`, read strictly so that a typo is an error."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from gangwei import schema, stage_tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gangwei.codebook import Codebook

TEXT_FIELDS = tuple(n for n, t in stage_tables.RAW.polars.items() if t == schema.STR and n not in ("file", "source_id"))
BYTE_FOR_BYTE = ("source_key", "url", "company", "company_other")
TYPED_FIELDS = ("pay_scale_hint", "year_hint", "occupation_is_code")
FIELDS = (*TEXT_FIELDS, *TYPED_FIELDS)
RULES = ("mojibake", "nulls", "unwrap", "split", "recode", "hints", "rewrite")
KEYS = {
    "": {
        "id",
        "title",
        "boards",
        "formats",
        "reason",
        "recognise",
        "read",
        "fields",
        "ignore",
        "constants",
        "lookups",
        "subsource",
        "bounds",
        *RULES,
    },
    "recognise": {"headers", "files", "columns", "patterns", "table"},
    "read": {"header", "columns", "anchors"},
    "subsource": {"column", "known"},
    "bounds": {"min_rows", "max_rows", "fill"},
    "mojibake": {"subs", "fields"},
    "nulls": {"subs", "fields", "values"},
    "recode": {"subs", "field", "values"},
    "unwrap": {"subs", "fields", "columns", "item", "separator"},
    "split": {"subs", "from", "separator", "into", "order", "first", "last", "rest"},
    "hints": {"subs", "field", "pattern", "set"},
    "rewrite": {"subs", "field", "pattern", "replace", "take", "all", "reason"},
}
FORMATS = ("csv", "json", "excel", "sql", "parquet")


class SourceError(ValueError):
    """A source definition is wrong; the message names the file and the key."""


@dataclass(frozen=True)
class FieldSpec:
    """Where a field comes from. mode: 'join' keeps empty parts (min|max|months), 'list' skips them, 'first' coalesces."""

    columns: tuple[str, ...]
    mode: str = "first"
    separator: str = "|"


@dataclass(frozen=True)
class Source:
    """One board's shape. `names` replaces or supplies column names; `patterns` are checked on the first rows."""

    id: str
    title: str
    boards: tuple[str, ...]
    formats: tuple[str, ...]
    headers: frozenset[str]
    files: tuple[str, ...]
    columns: int | None
    patterns: dict[str, re.Pattern[str]]
    table: str | None
    header: bool
    names: tuple[str, ...]
    anchors: dict[str, re.Pattern[str]]
    fields: dict[str, FieldSpec]
    ignore: dict[str, str]
    constants: dict[str, Any]
    lookups: dict[str, dict[str, str]]
    subsource: str | None
    known_subs: frozenset[str]
    rules: dict[str, tuple[dict[str, Any], ...]]
    bounds: dict[str, Any] = field(default_factory=dict)
    guessed: bool = False
    """Made from headers and values: rows may be of several sources."""

    def ignored(self, column: str) -> bool:
        """True when the definition ignores the column, by name or by a pattern such as 'truth_*'."""
        return column in self.ignore or any("*" in k and fnmatchcase(column, k) for k in self.ignore)

    @property
    def used(self) -> set[str]:
        """Columns the mapping reads."""
        out = {c for s in self.fields.values() for c in s.columns}
        return out | ({self.subsource} if self.subsource else set())


def _check_keys(where: str, section: str, data: dict[str, Any]) -> None:
    wrong = sorted(set(data) - KEYS[section])
    if wrong:
        raise SourceError(
            f"{where}: unknown key {', '.join(wrong)} in [{section or 'top level'}]; allowed: {', '.join(sorted(KEYS[section]))}"
        )


def _spec(where: str, name: str, value: Any) -> FieldSpec:
    if isinstance(value, str):
        parts = tuple(p for p in value.split("|")) if "|" in value else (value,)
        return FieldSpec(parts, "join" if len(parts) > 1 else "first")
    if isinstance(value, dict) and "first" in value:
        return FieldSpec(tuple(value["first"]), "first")
    if isinstance(value, dict) and "join" in value:
        return FieldSpec(tuple(value["join"]), "list", value.get("separator", "|"))
    raise SourceError(f'{where}: field {name} must be a column, "a|b|c", {{ join = [...] }} or {{ first = [...] }}')


def _regex(where: str, pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as e:
        raise SourceError(f"{where}: pattern {pattern!r} is wrong: {e}") from None


def parse_source(data: dict[str, Any], where: str) -> Source:
    """A source from its TOML.

    Raises:
        SourceError: an unknown key, field, format or a wrong pattern.
    """
    _check_keys(where, "", data)
    for section in ("recognise", "read", "subsource", "bounds"):
        _check_keys(where, section, data.get(section, {}))
    rules = {}
    for kind in RULES:
        for rule in data.get(kind, []):
            _check_keys(where, kind, rule)
        rules[kind] = tuple(data.get(kind, []))
    for key in ("id", "title", "formats", "fields"):
        if key not in data:
            raise SourceError(f"{where}: {key} is missing")
    wrong = [f for f in data["formats"] if f not in FORMATS]
    if wrong:
        raise SourceError(f"{where}: unknown format {', '.join(wrong)}; allowed: {', '.join(FORMATS)}")
    fields = {n: _spec(where, n, v) for n, v in data["fields"].items()}
    named = [*fields, *data.get("constants", {}), *data.get("lookups", {})]
    named += [k for h in rules["hints"] for k in h.get("set", {})]
    bad = sorted(set(named) - set(FIELDS))
    if bad:
        raise SourceError(f"{where}: unknown field {', '.join(bad)}; allowed: {', '.join(FIELDS)}")
    if not {"title", "description"} & set(fields):
        raise SourceError(f"{where}: [fields] needs a title or a description")
    look, read = data.get("recognise", {}), data.get("read", {})
    return Source(
        id=data["id"],
        title=data["title"],
        boards=tuple(data.get("boards", ())),
        formats=tuple(data["formats"]),
        headers=frozenset(look.get("headers", ())),
        files=tuple(look.get("files", ())),
        columns=look.get("columns"),
        patterns={k: _regex(where, v) for k, v in look.get("patterns", {}).items()},
        table=look.get("table"),
        header=read.get("header", True),
        names=tuple(read.get("columns", ())),
        anchors={k: _regex(where, v) for k, v in read.get("anchors", {}).items()},
        fields=fields,
        ignore=data.get("ignore", {}),
        constants=data.get("constants", {}),
        lookups=data.get("lookups", {}),
        subsource=data.get("subsource", {}).get("column"),
        known_subs=frozenset(data.get("subsource", {}).get("known", ())),
        rules=rules,
        bounds=data.get("bounds", {}),
    )


@lru_cache(maxsize=4)
def load_sources(book: Codebook) -> list[Source]:
    """All source definitions, by id."""
    out = [parse_source(book.toml(n), n) for n in book.names("sources", ".toml")]
    seen: dict[str, int] = {}
    for s in out:
        seen[s.id] = seen.get(s.id, 0) + 1
    twice = sorted(i for i, n in seen.items() if n > 1)
    if twice:
        raise SourceError(f"sources: two definitions have the id {', '.join(twice)}")
    return sorted(out, key=lambda s: s.id)


def patterns_hold(source: Source, names: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """True when each pattern fits at least four of five non-empty first values of its column."""
    at = {n: i for i, n in enumerate(names)}
    for name, pattern in source.patterns.items():
        values = [r[at[name]] for r in rows if name in at and at[name] < len(r) and r[at[name]]]
        if not values or sum(bool(pattern.search(v)) for v in values) * 5 < len(values) * 4:
            return False
    return True
