"""Tables and quoted data of Markdown that stand between other text, as lists of jobs in a readme do."""

from __future__ import annotations

import re

from gangwei.formats.headers import Headers

HEADING = re.compile(r"\s*#{1,6}\s")
RULE = re.compile(r"\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*){2,}\|?")
BAR = re.compile(r"(?<!\\)\|")
FENCE = re.compile(r"^[ \t]{0,3}(```+|~~~+)[^\n`]*\n(?=\s*[\[{])(.*?)^[ \t]{0,3}\1", re.M | re.S)
INDENTED = re.compile(r"(?:^|\n[ \t]*\n)((?:(?: {4}|\t)[^\n]*\n?|[ \t]*\n)+)")
LINK = re.compile(r"\[(.+)\]\((https?://[^()\s]+)\)")
LINKS = "url"
APART = re.compile(r"\s+[/／·|｜]\s+")
Row = tuple[int, list[str]]
BOLD = re.compile(r"\*\*([^*]+)\*\*")


def tables(text: str) -> list[list[tuple[int, list[str]]]]:
    """The tables of a text: rows of cells with the numbers of their lines, the header first."""
    lines = text.splitlines()
    out: list[list[tuple[int, list[str]]]] = []
    at = 1
    while at < len(lines):
        if RULE.fullmatch(lines[at].strip()) and BAR.search(lines[at - 1]):
            out.append(_rows(lines, at - 1))
            at += len(out[-1])
        at += 1
    return out


def told_apart(rows: list[Row], headers: Headers) -> list[Row]:
    """The rows with columns of several fields (岗位 / 公司 / 城市) as one column each, then the addresses behind titles in a column."""
    for at in range(len(rows[0][1]) - 1, -1, -1):
        rows = _split(rows, at, headers)
    return _with_links(rows, headers)


def _split(rows: list[Row], at: int, headers: Headers) -> list[Row]:
    """The rows with a column in the parts that its header names, where every cell has as many and no name is a
    unit of pay (薪资 / 月); a link is one with its first part."""
    names = APART.split(rows[0][1][at])
    several = len(names) > 1 and any(headers.claim(n) for n in names)
    if not several or headers.tells.pay_unit.search(names[-1]) or any(len(r) != len(rows[0][1]) for _, r in rows):
        return rows
    parts = [APART.split(LINK.sub(r"\1", r[at])) for _, r in rows[1:]]
    if not parts or any(len(p) != len(names) for p in parts):
        return rows
    links = [LINK.search(r[at]) for _, r in rows[1:]]
    cells = [[f"[{p[0]}]({m[2]})", *p[1:]] if m is not None else p for p, m in zip(parts, links)]
    return [(n, [*r[:at], *p, *r[at + 1 :]]) for (n, r), p in zip(rows, [names, *cells])]


def _with_links(rows: list[Row], headers: Headers) -> list[Row]:
    """The rows with the addresses behind their titles in a column of their own, where no other column has addresses."""
    asked = [c.field if (c := headers.claim(h)) is not None else "" for h in rows[0][1]]
    at = asked.index("title") if "title" in asked else -1
    found = [LINK.fullmatch(r[at]) if len(r) == len(asked) else None for _, r in rows[1:]]
    if at < 0 or "url" in asked or not found or not all(found):
        return rows
    body = [(n, [*r[:at], m[1], *r[at + 1 :], m[2]]) for (n, r), m in zip(rows[1:], found) if m is not None]
    return [(rows[0][0], [*rows[0][1], LINKS]), *body]


def quoted(text: str) -> list[str]:
    """The blocks between fences, or indented by four blanks, that begin like data: an object or a list."""
    indented = (m[1] for m in INDENTED.finditer(text))
    return [m[2] for m in FENCE.finditer(text)] + [b for b in indented if b.lstrip()[:1] in ("{", "[")]


def _rows(lines: list[str], at: int) -> list[tuple[int, list[str]]]:
    """The rows from a header on, without the rule below it, up to a line without a bar."""
    out = [(at + 1, _cells(lines[at]))]
    for i in range(at + 2, len(lines)):
        if not BAR.search(lines[i]):
            break
        out.append((i + 1, _cells(lines[i])))
    return out


def _cells(line: str) -> list[str]:
    """The cells between the bars of a line, without the marks of bold print; a bar behind a backslash belongs to its cell."""
    inner = line.strip().removeprefix("|")
    inner = inner[:-1] if inner.endswith("|") and not inner.endswith("\\|") else inner
    return [BOLD.sub(r"\1", c.strip()).replace("\\|", "|") for c in BAR.split(inner)]
