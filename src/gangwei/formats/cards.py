"""Cards of a saved page: elements of one kind that each show one ad, some of it behind labels (学历要求：大专)."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import islice

from gangwei.formats.headers import Headers

LABEL = re.compile(r"(?:^|[\s|｜·，,;；、])([\u4e00-\u9fff]{2,8})\s*[:：]\s*")
FACTS, CARDS = 2, 2
MOST = 40  # pieces of text of one card
DEEPEST = 100  # elements that an end may close, where others lack theirs
ANY = re.compile(r"([\u4e00-\u9fff]{2,8})\s*[:：]")
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
SILENT = ("script", "style")
Kind = tuple[str, str]


class _Elements(HTMLParser):
    """The pieces of text of each element, by its tag and class, in the order in which the elements end."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[tuple[Kind, list[str]]] = []
        self.found: list[tuple[Kind, list[str]]] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.silent += tag in SILENT
        if tag not in VOID:
            self.open.append(((tag, dict(attrs).get("class") or ""), []))

    def handle_endtag(self, tag: str) -> None:
        self.silent = max(0, self.silent - (tag in SILENT))
        inner = range(len(self.open) - 1, max(-1, len(self.open) - DEEPEST), -1)
        at = next((i for i in inner if self.open[i][0][0] == tag), None)
        while at is not None and len(self.open) > at:
            kind, pieces = self.open.pop()
            if len(pieces) <= MOST:
                self.found.append((kind, pieces))
            if self.open and len(self.open[-1][1]) <= MOST:
                self.open[-1][1].extend(pieces[: MOST + 1])

    def handle_data(self, data: str) -> None:
        if self.open and data.strip() and not self.silent:
            self.open[-1][1].append(" ".join(data.split()))


def records(page: str, headers: Headers) -> list[dict[str, str]]:
    """The cards of the kind with the most, of several the one that shows most; [] where no kind has two."""
    labels = (m for m in ANY.finditer(page) if headers.listed(m[1]) is not None)
    if len(list(islice(labels, FACTS * CARDS))) < FACTS * CARDS:
        return []
    parser = _Elements()
    parser.feed(page)
    parser.close()
    kinds: dict[Kind, list[dict[str, str]]] = {}
    for kind, pieces in parser.found:
        if card := _card(pieces, headers):
            kinds.setdefault(kind, []).append(card)
    best = max(kinds.values(), key=lambda cards: (len(cards), sum(map(len, cards))), default=[])
    return best if len(best) >= CARDS else []


def _card(pieces: list[str], headers: Headers) -> dict[str, str]:
    """What a card shows: two labels or more that ask for a field, none twice, and pieces without a label by their positions."""
    facts: dict[str, str] = {}
    others: list[str] = []
    for piece in pieces:
        marks = [m for m in LABEL.finditer(piece) if headers.listed(m[1]) is not None]
        if not marks or piece[: marks[0].start()].strip():
            others.append(piece)
            continue
        for mark, end in zip(marks, [*(m.start() for m in marks[1:]), len(piece)]):
            if mark[1] in facts:
                return {}
            facts[mark[1]] = piece[mark.end() : end].strip()
    if len(facts) < FACTS or not others:
        return {}
    return {**{f"column{i}": o for i, o in enumerate(others)}, **facts}
