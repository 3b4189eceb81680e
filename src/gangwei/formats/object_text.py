"""Objects as a program prints them by their fields: Job{title='会计', city=北京}, Job(title=…), Job [title=…], maps {title=…}."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

from gangwei.formats.chunk import RAW_CHARS, BadRow, Chunk, Limits, Unreadable
from gangwei.formats.json_records import chunk_of_records

NAME = r"[^\W\d][\w$]*"
BEGIN = re.compile(rf"(?:(?<![\w$.])[A-Z][\w$.]* ?([(\[{{])|(?<![\w$.(\[{{] )(?<![\w$.(]){{) ?(?={NAME} ?=(?![=>]))")
KEY = re.compile(rf"({NAME}) ?= ?")
NEXT = re.compile(rf",\s?(?={NAME} ?=(?![=>]))")
CLOSING = {"(": ")", "[": "]", "{": "}"}
BEFORE = re.compile(r"""[^,'"={}]{0,120}""")
NOTHING = frozenset({"null", "None", "nil", "undefined", "<null>"})
BYTES = 64 << 20
FIELDS, DEPTH, FIRST_LINES, AGAIN = 3, 4, 3, 8
LONGEST = 1 << 16  # characters of an object


class Found(NamedTuple):
    """An object and where it ends in the text."""

    fields: dict[str, Any]
    end: int


def is_printed(sample: str) -> bool:
    """True when one of the first lines is, behind a few words at most, an object of three fields or more."""
    lines = [m.start() for m in re.finditer(r"(?m)^(?=.*\S)", sample[: 1 << 16])]
    for at in lines[:FIRST_LINES]:
        begun = BEGIN.search(sample, at)
        if begun is None or BEFORE.fullmatch(sample, at, begun.start()) is None or "\n" in sample[at : begun.start()]:
            continue
        found = _object(sample, begun, begun.start() + LONGEST)
        return found is not None and len(found.fields) >= FIELDS
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
    """The objects of a text, and the lines between them."""
    at, left = 0, AGAIN * len(text)
    for begun in BEGIN.finditer(text):
        if begun.start() < at or left < 0:
            continue
        found = _object(text, begun, begun.start() + LONGEST)
        if found is None or len(found.fields) < FIELDS:
            left -= min(LONGEST, len(text) - begun.start())
            continue
        yield from _lines(text[at : begun.start()], last=False)
        yield found.fields
        at = found.end
    yield from _lines(text[at:], last=True)


def _lines(between: str, *, last: bool) -> list[str]:
    """Lines between two objects that say something, without the rest of the first object's line and the start of the next one's."""
    lines = between.split("\n")
    return [x.strip() for x in (lines[1:] if last else lines[1:-1]) if x.strip(" \t\r,]")]


def _object(text: str, begun: re.Match[str], until: int, depth: int = 0) -> Found | None:
    """The object that begins at a match; None where it does not end before `until`, names a field twice or lies too deep."""
    opening = begun[1] or "{"
    at, fields = begun.end(), {}
    while depth <= DEPTH and (key := KEY.match(text, at, until)) is not None:
        read = _value(text, key.end(), opening, until, depth)
        if read is None or key[1] in fields:
            return None
        fields[key[1]], at = read
        after = NEXT.match(text, at)
        if after is None:
            close = re.compile(rf"\s*{re.escape(CLOSING[opening])}").match(text, at)
            return Found(fields, close.end()) if close is not None else None
        at = after.end()
    return None


def _value(text: str, at: int, opening: str, until: int, depth: int) -> tuple[Any, int] | None:
    """The value that begins at a place and where it ends: in quotes, a list, another object, or bare up to the next field."""
    close = re.escape(CLOSING[opening])
    inner = BEGIN.match(text, at)
    if (
        inner is not None
        and (found := _object(text, inner, until, depth + 1)) is not None
        and _ends(text, found.end, close)
    ):
        return found.fields, found.end
    if text[at : at + 1] in ("'", '"'):
        mark = text[at]
        end = re.compile(rf"{mark}(?={NEXT.pattern}|\s?{close})").search(text, at + 1, until)
        if end is not None:
            return _plain(text[at + 1 : end.start()]), end.end()
    if text[at : at + 1] == "[":
        end = re.compile(rf"\](?={NEXT.pattern}|\s?{close})").search(text, at, until)
        if end is not None:
            return [x for x in text[at + 1 : end.start()].split(", ") if x], end.end()
    return _bare(text, at, opening, until)


def _bare(text: str, at: int, opening: str, until: int) -> tuple[Any, int] | None:
    """A value without quotes: up to the next field or the bracket that closes its object, past brackets of its own."""
    held = 0
    marks = re.compile(rf"{NEXT.pattern}|[{re.escape(opening + CLOSING[opening])}]")
    for m in marks.finditer(text, at, until):
        if m[0] == opening:
            held += 1
        elif m[0] == CLOSING[opening] and held:
            held -= 1
        else:
            return _plain(text[at : m.start()].strip()), m.start()
    return None


def _ends(text: str, at: int, close: str) -> bool:
    return re.compile(rf"{NEXT.pattern}|\s?{close}").match(text, at) is not None


def _plain(value: str) -> str | None:
    return None if value in NOTHING else value
