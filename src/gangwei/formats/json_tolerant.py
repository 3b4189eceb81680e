"""An array of objects of which some are broken: object by object, each broken one a row of the rejects, in linear time."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from gangwei.formats.chunk import RAW_CHARS, BadRow, Chunk, Limits
from gangwei.formats.json_records import BROKEN, chunk_of_records, mended, without_last_commas

TRIMMED, NEAR_END = 1 << 16, 64
BLOCK = 4 << 20


def tolerant_array(
    stream: BinaryIO,
    encoding: str,
    limits: Limits,
    opening: str = "[",
    begun: bytes = b"",
    number: int = 0,
    inside: bool = False,
) -> Iterator[Chunk]:
    """Object by object: first `begun`, then the stream; `number` objects came before, with `inside` the opening, too."""
    decoder = json.JSONDecoder(strict=False)
    reader = _Text(stream, encoding, begun)
    text, at = reader.more(""), 0
    ended, plain = not inside, False
    records: list[dict[str, Any]] = []
    numbers: list[int] = []
    bad: list[BadRow] = []
    while True:
        while at < len(text) and text[at] in " \t\r\n,\ufeff":
            at += 1
        if at >= len(text):
            text, at, plain = reader.more(""), 0, False
            if not text:
                if not ended:
                    bad.append(BadRow(number + 1, "cut_off", ""))
                break
            continue
        if text[at] == "]" or (ended and text[at] == "[" and opening == "["):
            ended = text[at] == "]"
            at += 1
            continue
        if ended and opening == "[" and text[at] != "{":
            break  # what follows the data is none
        try:
            value, end = decoder.raw_decode(text, at)
        except BROKEN as e:
            if at > TRIMMED:  # the message of an error counts the lines before it
                text, at = text[at:], 0
                continue
            short = len(text) - at <= limits.max_line_bytes
            if short and not _is_final(e, text):
                grown = reader.more(text[at:])
                if len(grown) > len(text) - at:
                    text, at, plain = grown, 0, False
                    continue
            if short and not plain:
                text, at, plain = without_last_commas(text[at:]), 0, True
                continue
            number += 1
            bad.append(BadRow(number, "broken_json", text[at : at + RAW_CHARS]))
            following = _next_object(text, at, reader, isinstance(e, RecursionError))
            if following is None:
                break
            plain = plain and following[0] is text
            text, at = following
            continue
        if end >= len(text) - 1 and not isinstance(value, (dict, list, str)):
            grown = reader.more(text[at:])
            if len(grown) > len(text) - at:
                text, at, plain = grown, 0, False
                continue
        number += 1
        if isinstance(value, dict) and value:
            records.append(mended(value) if "\\ud" in text[at:end] else value)
            numbers.append(number)
        else:
            bad.append(BadRow(number, "not_an_object", text[at:end][:RAW_CHARS]))
        at = end
        if len(records) + len(bad) >= limits.batch_rows:
            yield chunk_of_records(records, numbers, bad)
            records, numbers, bad = [], [], []
    yield chunk_of_records(records, numbers, bad)


def _is_final(error: Exception, text: str) -> bool:
    """Whether more text would not mend it: it lies before the end, and is no text whose end is not there yet."""
    if not isinstance(error, json.JSONDecodeError) or error.msg.startswith("Unterminated"):
        return False
    return error.pos < len(text) - NEAR_END


def _next_object(text: str, at: int, reader: _Text, deep: bool) -> tuple[str, int] | None:
    """The text and where in it the object behind a broken one begins, at the start of a line or behind a comma; None at the end."""
    while True:
        nxt = text.find("\n{", at + 1, at + TRIMMED) if not deep else -1
        nxt = nxt if nxt >= 0 else text.find("},", at + 1)
        if nxt >= 0:
            return text, nxt + 1
        last = text[-1:] if at < len(text) - 1 else ""
        grown = reader.more(last)
        if len(grown) <= len(last):
            return None
        text, at = grown, -1


class _Text:
    """Blocks of decoded text."""

    def __init__(self, stream: BinaryIO, encoding: str, begun: bytes = b"") -> None:
        self.stream, self.begun = stream, begun
        self.decoder = codecs.getincrementaldecoder(encoding)("replace")

    def more(self, rest: str) -> str:
        """`rest` with the next block behind it, or `rest` alone at the end."""
        data, self.begun = self.begun or self.stream.read(BLOCK), b""
        return rest + self.decoder.decode(data, not data)
