"""Text of labelled lines, one ad after the other: 职位：会计, 公司：…, a blank line or a rule between ads at will; so, too, what
consoles of databases print a column a line (`title | 会计`, `title = 会计`).

In Markdown a heading above such lines may be the title (## 1. 会计), and one may stand for a label (### 职位描述)."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from gangwei.formats.chunk import Chunk, Limits
from gangwei.formats.delimited import peek, text_lines
from gangwei.formats.headers import Headers
from gangwei.formats.json_records import chunk_of_records

LINE = re.compile(
    r"^\s*(?:[-*•·▪◆●#>]+\s*|\d{1,2}\s*[.、)）]\s*)?\**"
    r"(?:[【\[](?P<a>[^【】\[\]:：]{2,16})[】\]]\s*[:：]?|(?P<b>[^\W\d][\w /()（）.-]{0,24}?)(?:\s*\**\s*[:：]|\s+[|=](?=\s|$)))"
    r"\**(?P<value>(?!//).*)$"
)  # fmt: skip
HEADING = re.compile(r"^\s*(#{1,6})\s+(?:\d{1,4}\s*[.、)）]\s*)?(\S.*)$")
RULE = re.compile(r"^\W*$|^\*+ \d+\. row \*+$|^\d+ rows? in set\b|^\(\d+ rows?\)$|^-\[ RECORD \d+ \][-+]*$")
RECORDS = re.compile(r"^-\[ RECORD \d+ \][-+]*$", re.M)  # psql: names and values with a bar between them
TITLE, TEXT = "title", "description"
JOBS = {"pay", "education", "experience"}
FIRST = "\n"  # among the labels, before the title: lines above the first label are the title and facts without labels
LONGEST, ABOVE = 40, 10  # characters of such a title, and lines
SHOWN_LINES, SHOWN_CHARS = 200, 100_000
FIELDS = 3


def labels_of(sample: str, headers: Headers) -> frozenset[str]:
    """The labels of a text of labelled lines; none where it is no such text.

    Such a text has labels of three fields or more, one of them the title, that come again (or stand once, in a text of one ad)
    as often as the title does. A text of one ad may have its title above the labels and a label alone above its text.
    """
    lines = sample[:SHOWN_CHARS].splitlines()[:SHOWN_LINES]
    found = Counter(m[0] for m in map(_cut, lines) if m)
    if not any(_of_text(label, headers) for label in found):
        found.update(a for line in lines if _cut(line) is None and _of_text(a := line.strip(), headers))
    headings = [h for line in lines if _cut(line) is None and (h := _heading(line))]
    named = Counter(text for _, text in headings)
    found.update({text: n for text, n in named.items() if n > 1 and headers.claim(text) is not None})
    claims = {label: headers.claim(label) for label in found}
    asked = {label: c.field for label, c in claims.items() if c is not None}
    titles = max((found[label] for label, field in asked.items() if field == TITLE), default=0)
    if not titles and set(found.values()) == {1} and (first := _first(lines, asked, headers)):
        titles = found[FIRST + first] = 1
        asked[FIRST + first] = TITLE
    if not titles:  # headings of one level, one above each ad
        levels = Counter(mark for mark, text in headings if text not in asked)
        most = max((found[label] for label in asked), default=0)
        mark, titles = next(((m, n) for m, n in levels.most_common() if n > 1 and most <= n <= 2 * most), ("", 0))
        asked |= {mark: TITLE, TITLE: TITLE}
        found |= {mark: titles, TITLE: titles}
    often = {field for label, field in asked.items() if field != "ignore" and 2 * found[label] >= titles}
    if not titles or len(often) < FIELDS or (not RECORDS.search(sample) and _is_table(sample, headers)):
        return frozenset()
    return frozenset(label for label in found if label in asked or 2 * found[label] >= titles)


def _first(lines: list[str], asked: Mapping[str, str], headers: Headers) -> str:
    """The title among the lines above the first label: the first that may be one. The text of the ad has a label of jobs or, beside
    a label of any text, two facts of an ad."""
    texts = [label for label, field in asked.items() if field == TEXT]
    if not any(map(headers.tells.of_jobs.search, texts)) and not (texts and len(JOBS & {*asked.values()}) > 1):
        return ""
    above = itertools.takewhile(lambda line: _cut(line) is None and line.strip() not in asked, lines)
    shown = [_bare(line) for line in above if line.strip()]
    refused = (headers.tells.no_title, headers.tells.paid)
    fit = (t for t in shown if 1 < len(t) <= LONGEST and not any(p.search(t) for p in refused))
    return next(fit, "") if len(shown) <= ABOVE else ""


def _bare(line: str) -> str:
    """A line without the mark of a heading."""
    return (_heading(line) or ("", line.strip()))[1]


def _of_text(label: str, headers: Headers) -> bool:
    """The label of the text of an ad."""
    claim = headers.listed(label)
    return claim is not None and claim.field == TEXT


def _is_table(sample: str, headers: Headers) -> bool:
    """Cells rather than lines: texts in a table may have labelled lines, too."""
    _, _, rows = peek(iter(sample.splitlines(keepends=True)), None, SHOWN_LINES)
    widths = Counter(map(len, rows)).most_common(1)
    return (bool(widths) and widths[0][0] > 1) or sum(headers.listed(c) is not None for c in next(iter(rows), [])) > 1


def _cut(line: str) -> tuple[str, str] | None:
    """Label and value of a labelled line."""
    found = LINE.match(line)
    return ((found["a"] or found["b"]).strip(), found["value"].strip(" \t\r\n*")) if found else None


def _heading(line: str) -> tuple[str, str] | None:
    """Mark and text of a heading of Markdown, without its number."""
    found = HEADING.match(line)
    return (found[1], found[2].rstrip(" \t#")) if found else None


def _above(line: str, labels: frozenset[str]) -> tuple[str, str] | None:
    """Label and value of a heading: it names what follows, or is the title where headings of its level are."""
    mark, text = _heading(line) or ("", line)
    return (text, "") if text in labels else (TITLE, text) if mark and mark in labels else None


def chunks(stream: BinaryIO, encoding: str, limits: Limits, labels: frozenset[str]) -> Iterator[Chunk]:
    """Ads numbered from 1; a label that an ad already has begins the next. Lines without a label belong to the value above."""
    records: list[dict[str, str]] = []
    record: dict[str, str] = {}
    last, number, alone = "", 0, False
    first = next((label.removeprefix(FIRST) for label in labels if label.startswith(FIRST)), None)
    for line in text_lines(stream, encoding, limits):
        text = (line or "").lstrip("\ufeff").strip()
        cut = _cut(text) or _above(text, labels)
        if cut is not None and cut[0] in labels and not (alone and cut[0] == text):
            last, value = cut
            alone |= last == text  # further labels without a colon are headings of the text
            if last in record:
                records.append(record)
                record, alone = {}, last == text
                if len(records) >= limits.batch_rows:
                    yield _chunk(records, number)
                    number, records = number + len(records), []
            record[last] = value
        elif first is not None and not last and text:
            record[f"column{len(record)}" if _bare(text) != first else TITLE] = _bare(text)
        elif last and not RULE.match(text):
            record[last] = f"{record[last]}\n{text}".lstrip("\n")
    records += [record] if record else []
    if records:
        yield _chunk(records, number)


def _chunk(records: list[dict[str, str]], number: int) -> Chunk:
    return chunk_of_records(records, range(number + 1, number + len(records) + 1), [])
