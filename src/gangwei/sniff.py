"""Propose a source definition for an unknown file, test one, list the known ones."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from gangwei import stage_tables
from gangwei.codebook import Codebook, DefinitionError
from gangwei.formats import archive
from gangwei.formats.chunk import Limits, Unreadable, unique_names
from gangwei.formats.pages import compile_pages
from gangwei.formats.table import Layout, Table
from gangwei.formats.tables import opened
from gangwei.mapping.apply import Audit, map_chunk
from gangwei.mapping.guess import Guess, guess, load_knowledge, source_of
from gangwei.mapping.recognise import better, of_page, recognise
from gangwei.mapping.source import Source, SourceError, load_sources, parse_source
from gangwei.stages import s1_read
from gangwei.stages.s1_read import Issue, ReadError

SHOWN_ROWS = 10
SHOWN_CHARS = 60
PREVIEW_SKIP = ("file", "source_id")


@dataclass(frozen=True)
class Proposal:
    """A definition as TOML, ten rows mapped by it (schema RAW), and the columns that nothing could place."""

    toml: str
    rows: pl.DataFrame
    unplaced: list[str]
    known: str | None = None
    notes: list[str] = field(default_factory=list)

    def preview(self) -> str:
        """The mapped rows and what could not be placed, as text."""
        lines = [f"already known as {self.known}"] if self.known else []
        lines += self.notes
        for row in self.rows.iter_rows(named=True):
            lines.append(f"row {row['row']}")
            for name, value in row.items():
                if value is not None and name not in (*PREVIEW_SKIP, "row"):
                    shown = " ".join(str(value).split())
                    lines.append(f"  {name:16} {shown[:SHOWN_CHARS]}{'…' if len(shown) > SHOWN_CHARS else ''}")
        lines.append("could not be placed: " + (", ".join(self.unplaced) if self.unplaced else "nothing"))
        return "\n".join(lines)


def known(book: Codebook) -> list[Source]:
    """All source definitions, by id."""
    return load_sources(book)


def propose(path: str | Path) -> Proposal:
    """A definition for the first table of a file, from its headers and values.

    Raises:
        ReadError: the file is missing, cannot be read, or holds no table.
    """
    book, limits = Codebook(), Limits()
    item = _first(path, limits)
    pages, know = compile_pages(book), load_knowledge(book)
    try:
        with opened(archive.Blob(item.path, item.member, limits), limits, pages, know.headers) as found:
            guesses = [(guess(t, know), t) for t in found.tables]
            if found.page is not None:
                guesses = [(g, t) for g, t in guesses if g and of_page(t, g.skip, source_of(g, "proposed"))]
                if not guesses:
                    raise found.page
            best, table = max(guesses, key=lambda g: (len(g[0].fields) if g[0] else 0, len(g[1].head)))
            match = better(table, recognise(table, item.name, load_sources(book)), know)
            best = best or _nothing(table)
            unplaced = list(best.unplaced)
            toml = _toml(item.name, table, best)
            source = source_of(best, "proposed")
            rows = stage_tables.RAW.empty()
            for chunk in table.read(Layout(best.skip, best.names)) if source.fields else ():
                rows = map_chunk(chunk, source, item.name, pages.row, limits, table.mojibake, Audit()).raw.head(
                    SHOWN_ROWS
                )
                break
            notes = [f"{n}: placed by its values, check it" for n in best.names if n in best.by_value]
            return Proposal(toml, rows, unplaced, match.source.id if match else None, notes)
    except Unreadable as e:
        raise ReadError(f"{item.name}: {e}") from None


def check(path: str | Path, toml: str | Path, book: Codebook | None = None) -> list[Issue]:
    """Read the whole file with one definition; what it misses, as issues (none = it fits).

    Raises:
        ReadError: the file or the definition is missing. SourceError: the definition is malformed.
    """
    import tomllib

    definition, limits = Path(toml), Limits()
    if not definition.is_file():
        raise ReadError(f"{definition.name}: no such definition file")
    try:
        source = parse_source(tomllib.loads(definition.read_text("utf-8")), definition.name)
    except tomllib.TOMLDecodeError as e:
        raise DefinitionError(f"{definition.name}: {e}") from None
    except SourceError as e:
        raise DefinitionError(str(e)) from None
    inputs, issues = s1_read.discover([path], limits)
    for item in inputs:
        report = s1_read.FileReport(item)
        for _ in s1_read.read(item, book or Codebook(), limits, report, sources=[source]):
            pass
        issues += [_not_fitting(i, source) for i in report.issues]
        for reason, n in sorted(report.rejected.items()):
            issues.append(Issue(item.name, None, "rejected", f"{n:,} of {report.read:,} rows rejected: {reason}", n))
    return issues


def _not_fitting(issue: Issue, source: Source) -> Issue:
    if issue.reason_id != "unknown_columns":
        return issue
    wanted = ", ".join(sorted(source.headers)) or f"{source.columns} columns that fit the patterns"
    return Issue(issue.file, issue.row, "not_recognised", f"{source.id} does not fit this table; it wants {wanted}")


def _first(path: str | Path, limits: Limits) -> s1_read.Input:
    inputs, issues = s1_read.discover([path], limits)
    if not inputs:
        raise ReadError("; ".join(f"{i.file}: {i.message}" for i in issues) or f"{path}: nothing to read")
    return inputs[0]


def _nothing(table: Table) -> Guess:
    """No column placed, names from the first row."""
    if table.columns is not None:
        return Guess(0, True, table.columns, {})
    at = next((i for i, r in enumerate(table.head) if r), 0)
    return Guess(at + 1, True, tuple(unique_names(table.head[at])), {})


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda m: f"\\u{ord(m.group()):04x}", escaped) + '"'


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _quote(key)


def _value(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return _quote(value) if isinstance(value, str) else str(value)


def _written_out(rule: dict[str, Any], table: Table, guess: Guess) -> dict[str, Any]:
    """The rule as a definition may have it: boards by the names that stand in the table; empty where it would change nothing."""
    if "boards" not in rule:
        return rule
    own = [i for i, n in enumerate(guess.names) if guess.placed.get(n) == rule["field"]]
    rows = (*table.head[guess.skip :], *table.sample())
    cells = sorted({r[i] for r in rows for i in own if i < len(r)})
    values = {v: b for v in cells if (b := rule["boards"].named(v)) not in (None, v)}
    return {"field": rule["field"], "values": values} if values else {}


def _toml(name: str, table: Table, guess: Guess) -> str:
    """A definition of the table as a person may go on with it, in TOML."""
    stem = re.sub(r"\W+", "_", re.split(r"[#/]", name)[-1].rsplit(".", 1)[0].casefold()).strip("_") or "source"
    source = source_of(guess, stem)
    lines = [f"id = {_quote(stem)}", f"title = {_quote(name)}", f'formats = ["{table.format}"]', "", "[recognise]"]
    if guess.header:
        shown = {c.strip().lstrip("\ufeff") for row in table.head[: guess.skip] for c in row}
        own = [
            n for n in guess.names if table.columns is not None or n in shown
        ]  # not the names of columns without one
        lines.append("headers = [" + ", ".join(map(_quote, own)) + "]")
    else:
        lines.append(f"columns = {len(guess.names)}")
        lines += [
            "[recognise.patterns]",
            '# column1 = "^https?://"   # patterns that tell this file from others',
            "",
            "[read]",
            "header = false",
        ]
        lines.append("columns = [" + ", ".join(_quote(n) for n in guess.names) + "]")
    lines += ["", "[fields]"]
    for target, spec in source.fields.items():
        if spec.mode == "join":
            value = _quote("|".join(spec.columns))
        elif spec.mode == "first" and (len(spec.columns) > 1 or "|" in spec.columns[0]):
            value = f"{{ first = [{', '.join(map(_quote, spec.columns))}] }}"
        elif len(spec.columns) > 1:
            value = f"{{ join = [{', '.join(_quote(c) for c in spec.columns)}], separator = {_quote(spec.separator)} }}"
        else:
            value = _quote(spec.columns[0])
        doubt = "   # by its values, check it" if any(c in guess.by_value for c in spec.columns) else ""
        lines.append(f"{target} = {value}{doubt}")
    ignored = [c for c, f in guess.placed.items() if f == "ignore"]
    lines += ["", "[ignore]", *(f'{_quote(c)} = "by name"' for c in ignored)]
    lines += [f'# {_quote(c)} = "why it is not needed"' for c in guess.unplaced]
    lines += [
        "",
        "[constants]",
        *(f"{k} = {_value(v)}" for k, v in guess.constants.items()),
        '# board = "…"',
        '# captured = "2024-12-31"   # the day of the export: it gives dates without a year theirs',
        "# year_hint = 2024   # only the year is known",
        "",
        "[bounds]",
        "min_rows = 1",
        "[bounds.fill]",
        "title = 0.95",
        "",
    ]
    for kind, rules in guess.rules.items():
        for rule in (r for rule in rules if (r := _written_out(rule, table, guess))):
            lines += [f"[[{kind}]]", *(f"{k} = {_value(v)}" for k, v in rule.items()), ""]
    return "\n".join(lines)
