"""Cards of a saved page whose elements hold what they show as an object in an attribute (sensorsdata='{"jobTitle": ...}')."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from gangwei.formats.cards import SILENT, VOID
from gangwei.formats.json_records import BROKEN, load

KEYS, CARDS = 3, 2
MOST = 40  # pieces of text of one card


class _Cards(HTMLParser):
    """Objects of attributes, each with the texts of its element under the classes of the elements that show them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[dict[str, Any]] = []
        self.card: dict[str, Any] | None = None
        self.open: list[tuple[str, str]] = []
        self.pieces = self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in VOID:
            return
        self.silent += tag in SILENT
        told = dict(attrs)
        held = next((h for v in told.values() if v and v.lstrip()[:1] == "{" and (h := _object(v))), None)
        if held is not None:  # the next card begins, also where the last one has no end
            self.card, self.open, self.pieces = held, [], 0
            self.found.append(held)
        if self.card is not None:
            self.open.append((tag, " ".join((told.get("class") or tag).split()[:1])))
            if tag == "a" and "//" in (link := told.get("href") or ""):
                self.card.setdefault("href", link)

    def handle_endtag(self, tag: str) -> None:
        self.silent = max(0, self.silent - (tag in SILENT))
        at = next((i for i in range(len(self.open) - 1, -1, -1) if self.open[i][0] == tag), None)
        if at is not None:
            del self.open[at:]
        if not self.open:
            self.card = None

    def handle_data(self, data: str) -> None:
        if self.card is None or self.silent or not (text := " ".join(data.split())) or self.pieces >= MOST:
            return
        self.pieces += 1
        key = self.open[-1][1]
        self.card[key] = f"{self.card[key]}|{text}" if key in self.card else text


def records(page: str) -> list[dict[str, Any]]:
    """The objects that most elements hold, those with the same keys; [] where fewer than two are alike."""
    if page.count("='{") + page.count('="{') < CARDS:
        return []
    parser = _Cards()
    keys: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    parser.feed(page)
    parser.close()
    for card in parser.found:
        keys.setdefault(tuple(list(card)[:KEYS]), []).append(card)
    best = max(keys.values(), key=len, default=[])
    return best if len(best) >= CARDS else []


def _object(value: str) -> dict[str, Any] | None:
    """The object that an attribute holds, of three plain values or more."""
    try:
        held = load(value)
    except BROKEN:
        return None
    plain = isinstance(held, dict) and sum(not isinstance(v, (dict, list)) for v in held.values()) >= KEYS
    return held if plain else None
