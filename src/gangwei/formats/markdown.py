"""Tables and quoted data of Markdown that stand between other text, as lists of jobs in a readme do."""

from __future__ import annotations

import csv
import re

from gangwei.formats import delimited
from gangwei.formats.headers import LONGEST, Headers

HEADING = re.compile(r"\s*#{1,6}\s")
RULE = re.compile(r"\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*){2,}\|?")
BAR = re.compile(r"(?<!\\)\|")
FENCE = re.compile(r"^[ \t]{0,3}(```+(?!`)|~~~+(?!~))[^\n`]*\n(?=\s*[\[{])(.*?)^[ \t]{0,3}\1", re.M | re.S)
FENCED_TABLE = re.compile(r"^[ \t]{0,3}(?:```+|~~~+)[ \t]*[ct]sv\b", re.M | re.I)
MARK = re.compile(r"[ \t]{0,3}(```+(?!`)|~~~+(?!~))[ \t]*([^`\s]*)(?:\s[^`]*)?")
OF_TABLES = frozenset({"", "csv", "tsv", "text", "txt", "plain", "plaintext", "data", "table"})
INDENTED = re.compile(r"(?:^|\n[ \t]*\n)((?:(?: {4}|\t)[^\n]*\n?|[ \t]*\n)+)")
LINK = re.compile(r"\[(.+)\]\((https?://[^()\s]+)\)")
LINKS = "url"
COLUMNS = 3  # that a table between fences asks for
ENDS = re.compile(r"\r\n|\r|\n")
APART = re.compile(r"\s+[/／·|｜]\s+")
Row = tuple[int, list[str]]
BOLD = re.compile(r"\*\*([^*]+)\*\*")


def tables(text: str) -> list[list[tuple[int, list[str]]]]:
    """The tables of a text: rows of cells with the numbers of their lines, the header first."""
    lines = _lines(text)
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


def holds_data(sample: str) -> bool:
    """True when data or a table stands between fences."""
    return (FENCE.search(sample) or FENCED_TABLE.search(sample)) is not None


def headed(sample: str, headers: Headers) -> bool:
    """True when a text begins with a line of headers of ads: what looks like data within it stands in its cells."""
    return bool(_delimited(_lines(sample.lstrip()[:LONGEST])[:1], 1, headers))


def quoted(text: str) -> list[str]:
    """The blocks between fences, or indented by four blanks, that begin like data: an object or a list."""
    indented = (m[1] for m in INDENTED.finditer(text))
    return [m[2] for m in FENCE.finditer(text)] + [b for b in indented if b.lstrip()[:1] in ("{", "[")]


def delimited_tables(text: str, headers: Headers) -> list[list[Row]]:
    """The blocks between fences that begin with a line of headers of ads, as cells with the numbers of their lines."""
    out: list[list[Row]] = []
    closing, first = "", 0
    lines = _lines(text)
    for i, line in enumerate([*lines, None]):  # a block that nothing closes ends with the text
        m = MARK.fullmatch(line or "")
        if line is not None and (m is None or (closing and not (m[1].startswith(closing) and not m[2]))):
            continue
        if m is not None and not closing:
            closing, first = m[1], i + 1 if m[2].casefold() in OF_TABLES else 0
        else:
            rows = _delimited(lines[first:i], first + 1, headers) if first else []
            out += [rows] if rows else []
            closing, first = "", 0
    return out


def _lines(text: str) -> list[str]:
    """The lines of a text: form feeds and the like are within them."""
    return ENDS.split(text)


def _delimited(lines: list[str], at: int, headers: Headers) -> list[Row]:
    """The rows of a delimited text that begins in the line `at`; none where its first row asks for less than a few fields or is
    a line of a program."""
    delimiter, quote, _ = delimited.peek(iter([f"{x}\n" for x in lines]), None)
    reader = csv.reader([f"{x}\n" for x in lines], delimiter=delimiter, quotechar=quote, skipinitialspace=True)
    rows, begun = [], 0
    for row in reader:
        if any(c.strip() for c in row):
            rows.append((at + begun, [c.strip() for c in row]))
        begun = reader.line_num
    names = rows[0][1] if rows else []
    of_code = any("=" in n for n in names) or (len(rows) > 1 and not any(len(r) == len(names) for _, r in rows[1:]))
    claims = [headers.claim(n) for n in names]
    return rows if not of_code and len({c.field for c in claims if c is not None} - {"ignore"}) >= COLUMNS else []


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
