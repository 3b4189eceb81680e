"""Which source a table belongs to: a known shape by its headers or values, else a mapping by headers and values (see `guess`)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from gangwei.formats.chunk import unique_names
from gangwei.formats.table import Table
from gangwei.mapping.guess import Knowledge, guess, source_of
from gangwei.mapping.source import FieldSpec, Source, patterns_hold

HEADER_DEPTH = 5
FEW = 2
PAGE_FIELDS = 3
PLACES = {"city", "district", "address"}
JOBS = {"pay", "education", "experience"}


@dataclass(frozen=True)
class Match:
    """A source for a table: rows before the data, column names, the columns nothing could place, and whether values had a say."""

    source: Source
    skip: int
    names: tuple[str, ...]
    unplaced: tuple[str, ...] = ()
    sniffed: bool = False
    by_value: bool = False


def recognise(table: Table, file: str, sources: Sequence[Source]) -> Match | None:
    """The best known source for a table, or None."""
    best: tuple[int, int, Match] | None = None
    for source in sources:
        if table.format not in source.formats:
            continue
        hint = any(
            fnmatchcase(part, g)
            for g in source.files
            for part in (file, file.rsplit("#", 1)[-1], file.rsplit("/", 1)[-1])
        )
        found = _fits(table, source)
        if found is None:
            continue
        score = (int(hint), len(source.headers) + len(source.patterns))
        if best is None or score > best[:2]:
            best = (*score, found)
    return best[2] if best else None


def better(table: Table, match: Match | None, know: Knowledge) -> Match | None:
    """The mapping by headers and values, where a definition fits by its headers but the table is another: it has several
    columns that the definition does not know, and they fill fields that it leaves empty."""
    if match is None or not match.source.headers:
        return match
    source = match.source
    known = source.used | source.headers | set(source.names)
    unknown = {n for n in match.names if n not in known and not source.ignored(n)}
    if len(unknown) <= FEW:
        return match
    found = sniff(table, know)
    if found is None:
        return match
    new = [f for f, s in found.source.fields.items() if f not in source.fields and unknown & set(s.columns)]
    return found if len(new) >= FEW else match


def of_page(table: Table, skip: int, source: Source) -> bool:
    """True when a table of a web page holds ads: with a header and several columns of ads; others are the page's layout."""
    return (skip > 0 or table.columns is not None) and len(source.fields) >= PAGE_FIELDS


def _fits(table: Table, source: Source) -> Match | None:
    """The match of a table with a definition by its headers, the number of its columns and their patterns, else None."""
    if source.table is not None and source.table != table.label:
        return None
    if table.columns is not None:
        if source.headers and not source.headers <= set(table.columns):
            return None
        names = source.names if source.names and len(source.names) == len(table.columns) else table.columns
        if not source.headers and source.columns != len(table.columns):
            return None
        return Match(source, 0, tuple(names)) if patterns_hold(source, names, table.head) else None
    if not source.header:
        width = Counter(len(r) for r in table.head).most_common(1)[0][0] if table.head else 0
        if width != source.columns:
            return None
        rows = [r for r in table.head if len(r) == width]
        return Match(source, 0, source.names) if patterns_hold(source, source.names, rows) else None
    for at, row in table.top(HEADER_DEPTH):
        if not source.headers <= {c.strip().lstrip("\ufeff") for c in row} or not source.headers:
            continue
        names = tuple(unique_names(row))
        if patterns_hold(source, names, table.head[at + 1 :]):
            return Match(source, at + 1, names)
    return None


def placed_by_name(match: Match | None, name: str, know: Knowledge) -> Match | None:
    """The mapping with the one town that the name of a sheet, file or folder is made of, where no column tells a place."""
    if match is None or not match.sniffed or PLACES & {*match.source.fields, *_inside(match.source)}:
        return match
    for part in reversed(re.split(r"[/#\\]", name)):
        words = {know.packed.table_words.sub("", w) for w in re.split(r"[\W\da-zA-Z_]+", part)}
        if len(towns := words & know.values.towns) == 1:
            return replace(
                match, source=replace(match.source, constants={**match.source.constants, "city": towns.pop()})
            )
    return match


def placed_by_title(match: Match | None, table: Table, know: Knowledge) -> Match | None:
    """The mapping with the employer or town that hires by the title above the header or the table, where no column tells one; of the towns none
    where employers are named for others."""
    if match is None or not match.sniffed:
        return match
    above = [*table.above, *(c for row in table.head[: max(match.skip - 1, 0)] for c in row[:1])]
    own, told = {*said(match), *match.source.constants}, dict[str, str]()
    employer = next((m[1] for m in map(know.packed.title_employer.search, above) if m), None)
    if employer and "company" not in own:
        told["company"] = employer
    town = next((m[1] for m in map(know.packed.title_town.search, above) if m), None)
    if town and not PLACES & own and not _elsewhere(match, table, town, know):
        told["city"] = town
    return replace(match, source=replace(match.source, constants={**match.source.constants, **told})) if told else match


def _elsewhere(match: Match, table: Table, town: str, know: Knowledge) -> bool:
    """More than a few employers are named for other towns than this one."""
    columns = match.source.fields["company"].columns if "company" in match.source.fields else ()
    at = [i for i, n in enumerate(match.names) if n in columns]
    names = [r[i] for r in table.head[match.skip :] if len(r) == len(match.names) for i in at if r[i].strip()]
    others = [m for m in map(know.packed.named_for.search, names) if m and (m[1] or m[2]) not in town]
    return len(others) > know.values.cut.few * len(names)


def told_by_path(match: Match | None, name: str, know: Knowledge) -> Match | None:
    """The mapping with the board and the date of capture that the folders of a file are named for, where nothing in it tells them."""
    if match is None or not match.sniffed:
        return match
    boards, known = know.packed.boards, {*said(match), *match.source.constants}
    told = {"board": boards.of_path(name), **boards.capture_of_path(name)}
    told = {f: v for f, v in told.items() if v is not None and f not in known}
    return replace(match, source=replace(match.source, constants={**match.source.constants, **told})) if told else match


def of_jobs(matches: list[tuple[Table, Match | None]], know: Knowledge) -> list[tuple[Table, Match | None]]:
    """The mappings of the tables of a database without those of accounts, persons, employers (by their names, too) or news: where one of
    its tables tells a title with pay, education or experience, another without them holds no ads; where one tells a title with its
    employer and place, nor does one without an employer; else one with none of them beside a title."""
    joined = any(m and "employer.company" in m.names for _, m in matches)
    matches = [(t, None if _of_employers(t, m, know, joined) else m) for t, m in matches]
    matches = _without_persons(matches, know)
    told = [said(m) for t, m in matches if t.format == "sql"]
    if len(told) < FEW:
        return matches
    asked = {"title"} if any("title" in own and own & JOBS for own in told) else set[str]()
    if not asked and not any("title" in own for own in told):
        return matches
    hired = set[str]() if asked else {"title", "company"}
    hired = hired if any(hired <= own and own & PLACES for own in told) else set()
    beside = JOBS if asked else {"title", *JOBS}
    kept = [asked | hired <= (own := said(m)) and bool(own & beside) for _, m in matches]
    return [(t, m if t.format != "sql" or not (m and m.sniffed) or k else None) for (t, m), k in zip(matches, kept)]


def _without_persons(matches: list[tuple[Table, Match | None]], know: Knowledge) -> list[tuple[Table, Match | None]]:
    """The mappings without those of tables named after résumés or persons, where another table of the database tells titles: with pay,
    education, experience, employers or places beside one that tells titles with employers."""
    persons = [t.format == "sql" and know.headers.tells.persons.search(_bare(t)) is not None for t, _ in matches]
    others = [own for (_, m), p in zip(matches, persons) if not p and "title" in (own := said(m))]
    sure = any(own & {"company", *JOBS, *PLACES} for own in others)
    if not others:
        return matches
    gone = [
        p and m and m.sniffed and (sure or not {"title", "company"} <= said(m)) for (_, m), p in zip(matches, persons)
    ]
    return [(t, None if g else m) for (t, m), g in zip(matches, gone)]


def _bare(table: Table) -> str:
    """The name of a table in its database."""
    return table.label.rsplit("#", 1)[-1]


def _of_employers(table: Table, match: Match | None, know: Knowledge, joined: bool) -> bool:
    """A table with the name of one of employers, without pay, education, experience, a text, a header of a job for its title or
    titles of jobs beside employers; whatever stands in it where jobs of another table are given their employers (`joined`)."""
    if match is None or not match.sniffed or table.format != "sql":
        return False
    tells, titles = know.headers.tells, match.source.fields.get("title")
    named = bool(tells.employers.search(_bare(table)))
    jobs = titles is not None and any(map(tells.of_jobs.search, titles.columns))
    if not named or jobs or (said(match) & {*JOBS, "description"} and not joined):
        return False
    return titles is None or "company" not in said(match) or not _of_titles(table, match, titles.columns[0], know)


def _of_titles(table: Table, match: Match, name: str, know: Knowledge) -> bool:
    """Most values of a column of the first rows are titles of jobs."""
    at = match.names.index(name) if name in match.names else len(match.names)
    mine = [r[at] for r in table.head[match.skip :] if at < len(r) and r[at].strip()]
    return know.values.like("title", mine) >= know.values.cut.clear


def said(match: Match | None, names: set[str] | None = None) -> set[str]:
    """Fields that a mapping fills, by columns among `names` where these are given."""
    if match is None:
        return set()
    fields = match.source.fields
    inside = {s["field"] for r in match.source.rules["split"] if _filled(r, fields, names) for s in r["into"]}
    return {f for f, s in fields.items() if names is None or names & set(s.columns)} | inside


def _filled(rule: dict[str, Any], fields: dict[str, FieldSpec], names: set[str] | None) -> bool:
    """Whether one of the fields that a rule splits has a column among `names`."""
    return names is None or any(f in fields and names & set(fields[f].columns) for f in rule["from"])


def _inside(source: Source) -> set[str]:
    """Fields that stand in columns of other fields."""
    return {step["field"] for rule in source.rules["split"] for step in rule["into"]}


def sniff(table: Table, know: Knowledge) -> Match | None:
    """A mapping by headers and values; None when neither a title nor a text can be found."""
    found = guess(table, know)
    if found is None:
        return None
    told = bool(found.by_value) or any(found.rules.get(k) for k in ("split", "unwrap", "rewrite"))
    return Match(source_of(found, "plain"), found.skip, found.names, found.unplaced, True, told)
