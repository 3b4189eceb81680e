"""Cards of a saved page: elements of one kind that each show one ad, some of it behind labels (学历要求：大专), or its pay."""

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
PLACES = 3  # classes of a card without labels
LONGEST = 60  # characters of a header
LINK = "href"
Kind = tuple[str, str]
Piece = tuple[str, str]
"""The first class of what shows a text behind that of what holds it, or its tag, and the text."""


class _Elements(HTMLParser):
    """The pieces of text and the links of each element, by its tag and class, in the order in which the elements end."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[tuple[Kind, list[Piece]]] = []
        self.found: list[tuple[Kind, list[Piece]]] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.silent += tag in SILENT
        if tag not in VOID:
            told = dict(attrs)
            link = told.get(LINK) or ""
            self.open.append(((tag, told.get("class") or ""), [(LINK, link)] if tag == "a" and "//" in link else []))

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
            kinds = [c.split()[0] for (_, c), _ in self.open[-DEEPEST:] if c.strip()]
            own = kinds[-1] if kinds else self.open[-1][0][0]
            behind = kinds[-2:-1] if not own.startswith(tuple(kinds[-2:-1])) else []
            self.open[-1][1].append((".".join([*behind, own])[-LONGEST:], " ".join(data.split())))


def records(page: str, headers: Headers) -> list[dict[str, str]]:
    """The cards of the kind with the most, of several the one that shows most; [] where no kind has two. Those with labels come
    first."""
    labels = (m for m in ANY.finditer(page) if headers.listed(m[1]) is not None)
    labelled = len(list(islice(labels, FACTS * CARDS))) == FACTS * CARDS
    parser = _Elements()
    parser.feed(page)
    parser.close()
    told = (c for _, pieces in parser.found if len(pieces) == 1 and (c := headers.listed(pieces[0][1])))
    of_one = any(c.field == "description" for c in told)  # a heading over the text of an ad: its others are beside it
    for read in [_card] * labelled + [_paid] * (not of_one):
        kinds: dict[Kind, list[dict[str, str]]] = {}
        for kind, pieces in parser.found:
            if card := read(pieces, headers):
                kinds.setdefault(kind, []).append(card)
        best = max(kinds.values(), key=lambda cards: (len(cards), sum(map(len, cards))), default=[])
        if len(best) >= CARDS:
            return best
    return []


def _paid(pieces: list[Piece], headers: Headers) -> dict[str, str]:
    """What a card shows under its classes, one of the texts pay; the first link is that of the ad."""
    if sum(headers.tells.paid.search(text) is not None for _, text in pieces) != 1:
        return {}
    shown: dict[str, str] = {}
    for key, text in pieces:
        if (key != LINK or key not in shown) and any(map(str.isalnum, text)):
            shown[key] = f"{shown[key]}|{text}" if key in shown else text
    return shown if len(shown.keys() - {LINK}) >= PLACES else {}


def _card(pieces: list[Piece], headers: Headers) -> dict[str, str]:
    """What a card shows: two labels or more that ask for a field, none twice, and pieces without a label by their positions."""
    facts: dict[str, str] = {}
    others: list[str] = []
    for piece in (text for key, text in pieces if key != LINK):
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
