"""Values as a program printed them: lists of Python objects, texts that hold JSON, lines of a console before them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from gangwei.formats.chunk import RAW_CHARS, BadRow, Chunk, Limits, Unreadable
from gangwei.formats.json_records import BROKEN, chunk_of_records, inner_records, literal, load

OPENING = re.compile(r"""\s*(?:\[\s*\{\s*'|"\s*[\[{]\s*(?:\\"|'|\{|\\n))""")
PRETTY = re.compile(r"\s*\{'[^\n]*,\r?\n[ \t]+'")  # an object over several lines
BYTES = 64 << 20
FIRST = 10


def is_printed(sample: str) -> bool:
    """True when a text begins as a list of Python objects, as an object over several lines or as a text in quotes that holds
    values, or when a line that is no value stands before lines of objects."""
    if OPENING.match(sample) or PRETTY.match(sample) or _broken_lines(sample):
        return True
    lines = [x.strip() for x in sample.splitlines()[:FIRST] if x.strip()]
    if not lines or lines[0][:1] in ("{", "["):
        return False
    begun = [x for x in lines[1:] if x.startswith(('{"', "{'", "[{"))]
    return any(_objects(v) for v in map(value, begun) if v is not BROKEN)


def _broken_lines(sample: str) -> bool:
    """The first object of Python goes on over lines that begin with blanks, for its texts hold ends of lines."""
    first = next(_items(sample), "") if sample.startswith("{'") else ""
    return "\n" in first and bool(_objects(value(first)))


def value(text: str) -> Any:
    """The value of a text in JSON or Python, or the marker BROKEN; a text that holds a value is that value."""
    text = text.strip().strip(",")
    if text[:1] not in ("{", "[", "(", '"', "'"):
        return BROKEN
    for read in (load, literal, _unbroken):
        try:
            found = read(text)
        except (*BROKEN, SyntaxError, MemoryError, TypeError):
            continue
        return value(found) if isinstance(found, str) else found
    return BROKEN


def _unbroken(text: str) -> Any:
    """The value of a Python literal whose texts hold ends of lines."""
    return literal(text.replace("\r", "").replace("\n", "\\n"))


def records(stream: BinaryIO, encoding: str, limits: Limits) -> Iterator[Chunk]:
    """The objects of all values, numbered through; lines before the first of them are passed over.

    Raises:
        Unreadable: the text is too large to hold.
    """
    data = stream.read(BYTES + 1)
    if len(data) > BYTES:
        raise Unreadable("too_large", f"printed objects of more than {BYTES >> 20} MB; save them as JSON lines")
    text = data.decode(encoding, "replace").lstrip("\ufeff")
    whole = value(text)
    found: list[Any] = [whole] if whole is not BROKEN else [(value(x), x) for x in _items(text)]
    good: list[dict[str, Any]] = []
    numbers: list[int] = []
    bad: list[BadRow] = []
    for item in found:
        read, line = item if isinstance(item, tuple) else (item, "")
        inner = _objects(read) if read is not BROKEN else []
        if not inner and (good or bad or line[:1] in ("{", "[")):
            bad.append(BadRow(len(good) + len(bad) + 1, "broken_json", line[:RAW_CHARS]))
        for r in inner:
            numbers.append(len(good) + len(bad) + 1)
            good.append(r)
    for at in range(0, max(len(good), 1), limits.batch_rows):
        part = slice(at, at + limits.batch_rows)
        yield chunk_of_records(good[part], numbers[part], bad if at == 0 else [])


def _items(text: str) -> Iterator[str]:
    """The lines of a text, those that begin with blanks with the line above that begins an object."""
    held: list[str] = []
    for line in text.splitlines():
        if not line[:1].isspace() or not held[:1] or not held[0].startswith("{"):
            if held:
                yield "\n".join(held)
            held = []
        held += [line] if line.strip() else []
    if held:
        yield "\n".join(held)


def _objects(found: Any) -> list[dict[str, Any]]:
    """The objects of a value that may be ads: those of a list, those inside an answer of an interface, or itself."""
    if isinstance(found, list):
        return [r for v in found for r in _objects(v)] if all(isinstance(v, (dict, str)) for v in found) else []
    if not isinstance(found, dict) or len(found) < 2:
        return []
    inner = inner_records(found)
    return [found] if inner is None else [r for r in inner if isinstance(r, dict) and r]
