"""Cards of a saved page: elements of one kind that each show one ad, some of it behind labels (学历要求：大专), or its pay."""

from __future__ import annotations

import re
from collections import Counter
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
MARKS = ("em", "font", "mark")  # around words that were searched for
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
        self.near: list[Piece] | None = None
        """Where the last text stands, while nothing parts it from the next but one mark of a word that was searched for."""
        self.crossed = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self._cross(tag in MARKS)
        self.silent += tag in SILENT
        if tag not in VOID:
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
        self._cross(tag in MARKS)
        if self.near is not None:
            self.near = self.open[-1][1] if self.open else None

    def handle_data(self, data: str) -> None:
        text = " ".join(data.split())
        if self.open and text and not self.silent:
            if self.near and not data[0].isspace():
                key, before = self.near[-1]
                self.near[-1] = (key if self.open[-1][0][0] in MARKS else self._key(), before + text)
            else:
                self.near = self.open[-1][1]
                self.near.append((self._key(), text))
        if data[-1:].isspace():
            self.near = None
        self.crossed = False

    def _cross(self, marks: bool) -> None:
        """One mark may part the words of a text, a second or any other element ends it."""
        self.near = self.near if marks and not self.crossed else None
        self.crossed = True

    def _key(self) -> str:
        """The first class of the element that is open, or its tag, behind that of what holds it."""
        kinds = [k for (_, c), _ in self.open[-DEEPEST:] for k in c[:LONGEST].split()[:1]]
        own = kinds[-1] if kinds else self.open[-1][0][0]
        behind = kinds[-2:-1] if not own.startswith(tuple(kinds[-2:-1])) else []
        return ".".join([*behind, own])[-LONGEST:]


def records(page: str, headers: Headers) -> list[dict[str, str]]:
    """The cards of a page, those with labels before those that show pay; [] where no kind has two."""
    labels = (m for m in ANY.finditer(page) if headers.listed(m[1]) is not None)
    labelled = len(list(islice(labels, FACTS * CARDS))) == FACTS * CARDS
    parser = _Elements()
    parser.feed(page)
    parser.close()
    kinds: dict[Kind, list[dict[str, str]]] = {}
    for kind, pieces in parser.found if labelled else []:
        if card := _card(pieces, headers):
            kinds.setdefault(kind, []).append(card)
    return _most(kinds) or ([] if _of_one(parser.found, headers) else _most(_paid(parser.found, headers)))


def _most(kinds: dict[Kind, list[dict[str, str]]]) -> list[dict[str, str]]:
    """The cards of the kind with the most, of several the one that shows most; [] where no kind has two."""
    best = max(kinds.values(), key=lambda cards: (len(cards), sum(map(len, cards))), default=[])
    return best if len(best) >= CARDS else []


def _of_one(found: list[tuple[Kind, list[Piece]]], headers: Headers) -> bool:
    """The page of one ad, whose text stands below a heading; other ads are beside it. In a list the heading comes again."""
    alone = {id(pieces[0]): pieces[0][1] for _, pieces in found if len(pieces) == 1}
    of_text = Counter(t for t in alone.values() if (c := headers.listed(t)) is not None and c.field == "description")
    return bool(of_text) and max(of_text.values()) <= CARDS


def _paid(found: list[tuple[Kind, list[Piece]]], headers: Headers) -> dict[Kind, list[dict[str, str]]]:
    """What the cards of each kind show under their classes. Most have one text that is pay, the others show as much but for pay;
    not all pay is a price, and hardly any tells of who seeks work."""
    tells = headers.tells
    kinds: dict[Kind, dict[int, tuple[dict[str, str], Piece | None]]] = {}
    for kind, pieces in found:
        pay = [p for p in pieces if tells.paid.search(p[1])]
        shown = _shown(pieces)
        if len(pay) <= 1 and len(shown.keys() - {LINK}) >= PLACES:  # of one within another the outer
            kinds.setdefault(kind, {})[id(pieces[0])] = shown, pay[0] if pay else None
    out: dict[Kind, list[dict[str, str]]] = {}
    for kind, held in kinds.items():
        paid = [(shown, pay) for shown, pay in held.values() if pay]
        if not paid or all(tells.price.search(text) for _, (_, text) in paid):
            continue
        known = {key for shown, _ in paid for key in shown}
        needed = set.intersection(*(set(shown) for shown, _ in paid)) - {key for _, (key, _) in paid}
        alike = bool(kind[1]) and len(needed) > 1
        cards = [shown for shown, pay in held.values() if pay or (alike and needed <= shown.keys() <= known)]
        seeking = sum(any(tells.seeks.search(t) for text in c.values() for t in text.split("|")) for c in cards)
        if 2 * len(paid) >= len(cards) > 2 * seeking:
            out[kind] = cards
    return out


def _shown(pieces: list[Piece]) -> dict[str, str]:
    """The texts of a card by their keys; the first link is that of the ad."""
    shown: dict[str, str] = {}
    for key, text in pieces:
        if (key != LINK or key not in shown) and any(map(str.isalnum, text)):
            shown[key] = f"{shown[key]}|{text}" if key in shown else text
    return shown


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
