"""Objects as a program prints them by their fields: Job{title='会计', city=北京}, Job(title=…), Job [title=…], maps {title=…}."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, NamedTuple

from gangwei.formats.chunk import RAW_CHARS, BadRow, Chunk, Limits, Unreadable
from gangwei.formats.headers import Headers
from gangwei.formats.json_records import chunk_of_records, flat

NAME = r"[^\W\d][\w$]*"
BEGIN = re.compile(rf"(?:(?<![\w$.])[A-Z][\w$.]* ?([(\[{{])|(?<![\w$.(\[{{] )(?<![\w$.(]){{) ?(?={NAME} ?=(?![=>]))")
KEY = re.compile(rf"({NAME}) ?= ?")
NEXT = re.compile(rf",\s?(?={NAME} ?=(?![=>]))")
CLOSING = {"(": ")", "[": "]", "{": "}"}
END = {o: re.compile(rf"\s*{re.escape(c)}") for o, c in CLOSING.items()}
BEHIND = {o: re.compile(rf"{NEXT.pattern}|\s?{re.escape(c)}") for o, c in CLOSING.items()}
QUOTED = {q: {o: re.compile(rf"{q}(?={b.pattern})") for o, b in BEHIND.items()} for q in ("'", '"')}
LISTED = {o: re.compile(rf"\](?={b.pattern})") for o, b in BEHIND.items()}
MARKS = {o: re.compile(rf"{NEXT.pattern}|[{re.escape(o + c)}]") for o, c in CLOSING.items()}
BEFORE = re.compile(r"""[^,'"={}]{0,120}""")
NOTHING = frozenset({"null", "None", "nil", "undefined", "<null>"})
BYTES = 64 << 20
FIELDS, DEPTH, FIRST_LINES, AGAIN = 3, 4, 3, 8
LONGEST, VALUES = 1 << 16, 500  # characters of an object, and values that are tried in it


class Found(NamedTuple):
    """An object and where it ends in the text."""

    fields: dict[str, Any]
    end: int


def is_printed(sample: str, headers: Headers) -> bool:
    """True when one of the first lines is, behind a few words at most, an object with three fields of ads or more."""
    lines = [m.start() for m in re.finditer(r"(?m)^(?=.*\S)", sample[: 1 << 16])]
    for at in lines[:FIRST_LINES]:
        begun = BEGIN.search(sample, at, at + LONGEST)
        if begun is None or BEFORE.fullmatch(sample, at, begun.start()) is None or "\n" in sample[at : begun.start()]:
            continue
        found = _object(sample, begun)
        claims = [headers.claim(n) for n in flat(found.fields)] if found is not None else []
        if len({c.field for c in claims if c is not None} - {"ignore"}) >= FIELDS:
            return True
    return False


def records(stream: BinaryIO, encoding: str, limits: Limits) -> Iterator[Chunk]:
    """The objects of a text, numbered through with the lines that hold none; what stands before an object on its line is
    passed over.

    Raises:
        Unreadable: the text is too large to hold.
    """
    data = stream.read(BYTES + 1)
    if len(data) > BYTES:
        raise Unreadable("too_large", f"printed objects of more than {BYTES >> 20} MB; save them as JSON lines")
    good: list[dict[str, Any]] = []
    numbers: list[int] = []
    bad: list[BadRow] = []
    for item in _items(data.decode(encoding, "replace").lstrip("\ufeff")):
        at = len(good) + len(bad) + 1
        if isinstance(item, str):
            bad.append(BadRow(at, "broken_json", item[:RAW_CHARS]))
        else:
            good.append(item)
            numbers.append(at)
    for at in range(0, max(len(good), 1), limits.batch_rows):
        part = slice(at, at + limits.batch_rows)
        yield chunk_of_records(good[part], numbers[part], bad if at == 0 else [])


def _items(text: str) -> Iterator[dict[str, Any] | str]:
    """The objects of a text, and the lines between them; an object that cannot be read is one."""
    at, left = 0, AGAIN * len(text)
    for begun in BEGIN.finditer(text):
        if begun.start() < at or left < 0:
            continue
        found = _object(text, begun)
        if found is None or len(found.fields) < FIELDS:
            left -= min(LONGEST, len(text) - begun.start())
            continue
        yield from _lines(text[at : begun.start()], first=not at, last=False)
        yield found.fields
        at = found.end
    yield from _lines(text[at:], first=not at, last=True)


def _lines(between: str, *, first: bool, last: bool) -> list[str]:
    """Lines between two objects that say something; of the rest of the first object's line and the start of the next one's only
    what begins like an object."""
    lines = between.split("\n")
    whole = range(0 if first else 1, len(lines) if last else len(lines) - 1)
    said = (x for i, x in enumerate(lines) if i in whole or BEGIN.search(x))
    return [x.strip() for x in said if x.strip(" \t\r,;()[]{}")]


def _object(text: str, begun: re.Match[str]) -> Found | None:
    """The object that begins at a match; None where it does not end within `LONGEST`, names a field twice, lies too deep or holds
    more values than `VALUES`."""
    return _Reading(text, begun.start() + LONGEST).object(begun)


@dataclass
class _Reading:
    """The reading of one object, with those within it, up to a place in the text; `left` values may be tried."""

    text: str
    until: int
    left: int = VALUES

    def object(self, begun: re.Match[str], depth: int = 0) -> Found | None:
        """The object that begins at a match and where it ends."""
        opening = begun[1] or "{"
        at, fields = begun.end(), dict[str, Any]()
        while depth <= DEPTH and self.left > 0 and (key := KEY.match(self.text, at, self.until)) is not None:
            self.left -= 1
            read = self.value(key.end(), opening, depth)
            if read is None or key[1] in fields:
                return None
            fields[key[1]], at = read
            after = NEXT.match(self.text, at)
            if after is None:
                close = END[opening].match(self.text, at)
                return Found(fields, close.end()) if close is not None else None
            at = after.end()
        return None

    def value(self, at: int, opening: str, depth: int) -> tuple[Any, int] | None:
        """The value that begins at a place and where it ends: in quotes, a list, another object, or bare up to the next field."""
        text, until = self.text, self.until
        if (
            (inner := BEGIN.match(text, at)) is not None
            and (found := self.object(inner, depth + 1)) is not None
            and BEHIND[opening].match(text, found.end)
        ):
            return found.fields, found.end
        first = text[at : at + 1]
        if first in QUOTED and (end := QUOTED[first][opening].search(text, at + 1, until)) is not None:
            return _plain(text[at + 1 : end.start()]), end.end()
        if first == "[" and (end := LISTED[opening].search(text, at, until)) is not None:
            return [x for x in text[at + 1 : end.start()].split(", ") if x], end.end()
        return self.bare(at, opening)

    def bare(self, at: int, opening: str) -> tuple[Any, int] | None:
        """A value without quotes: up to the next field or the bracket that closes its object, past brackets of its own."""
        held = 0
        for m in MARKS[opening].finditer(self.text, at, self.until):
            if m[0] == opening:
                held += 1
            elif m[0] == CLOSING[opening] and held:
                held -= 1
            else:
                return _plain(self.text[at : m.start()].strip()), m.start()
        return None


def _plain(value: str) -> str | None:
    return None if value in NOTHING else value
