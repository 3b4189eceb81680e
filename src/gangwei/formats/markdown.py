"""Tables and quoted data of Markdown that stand between other text, as lists of jobs in a readme do."""

from __future__ import annotations

import re

HEADING = re.compile(r"\s*#{1,6}\s")
RULE = re.compile(r"\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*){2,}\|?")
BAR = re.compile(r"(?<!\\)\|")
FENCE = re.compile(r"^[ \t]{0,3}(```+|~~~+)[^\n`]*\n(?=\s*[\[{])(.*?)^[ \t]{0,3}\1", re.M | re.S)
INDENTED = re.compile(r"(?:^|\n[ \t]*\n)((?:(?: {4}|\t)[^\n]*\n?|[ \t]*\n)+)")
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
