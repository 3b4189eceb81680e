"""JSON: an array of objects, JSON lines, columns as {column: {row: value}}, or any of these under a key."""

from __future__ import annotations

import codecs
import io
import itertools
import json
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, BinaryIO, cast

import polars as pl

from gangwei.formats import holders, json_blocks, printed
from gangwei.formats.chunk import RAW_CHARS, BadRow, Chunk, Limits, Unreadable, chunk_of
from gangwei.formats.headers import Headers
from gangwei.formats.json_records import (
    BROKEN,
    answers_of_har,
    cell,
    chunk_of_records,
    inner_records,
    literal,
    load,
    mended,
    records_in,
)
from gangwei.formats.json_tolerant import BLOCK, tolerant_array
from gangwei.formats.sampling import spaced, whole_lines

ROWS = re.compile(r"\s*\[\s*\[(?!\s*[\[{])")
WRAPPER = re.compile(r"\s*(?:(?:var|let|const)\s+)?[A-Za-z_$][\w.$]*\s*[=(]\s*(?=[\[{]\s*[\"{\[\]}])")
LITERAL_BYTES = 1 << 20
LINES_SEEN = 200
SHELL = re.compile(r"\s*(?:/\*\s*\d+\s*\*/|\{[^{}]{0,400}\b(?:ObjectId|ISODate|Number(?:Int|Long))\()")
SHELL_COMMENT = re.compile(r"(?m)^\s*/\*\s*\d+[^*]*\*/")
SHELL_CALL = re.compile(
    r"(:\s*|[\[,]\s*)(?:new\s+)?(?:ObjectId|ISODate|Date|UUID|Number(?:Int|Long|Decimal))\(\s*(\"[^\"]*\"|-?[\d.]+)\s*\)"
)  # fmt: skip


def layout(head: bytes) -> str:
    """lines, array, objects (one after the other, over several lines) or document, from the first bytes (UTF-8) of a file."""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(b"["):
        return "array"
    first, _, rest = text.partition(b"\n")
    if first.startswith(b"{'"):
        return "lines"
    try:
        whole = isinstance(load(first), dict)
    except BROKEN:
        if _whole_lines_in(rest):
            return "lines"
        return "objects" if _another(text.decode("utf-8", "replace")) else "document"
    return "lines" if whole and rest.strip() else "document"


def _whole_lines_in(rest: bytes) -> bool:
    """True when the lines behind a first one that is broken are JSON lines: the next one is an object, or one of them is and they
    all start as objects, or most of them are objects. An object over several lines has lines that are none."""
    seen = [line.strip() for line in itertools.islice(io.BytesIO(rest), LINES_SEEN)]
    seen = [line for line in seen if line]
    whole = [line.startswith(b"{") and _is_object(line) for line in seen]
    return any(whole[:1]) or (
        any(whole) and (all(line.startswith(b"{") for line in seen) or 2 * sum(whole) > len(seen))
    )


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(load(line), dict)
    except BROKEN:
        return False


def _another(text: str) -> bool:
    """True when a second object follows the first."""
    try:
        end = json.JSONDecoder(strict=False).raw_decode(text)[1]
    except BROKEN:
        return False
    return text[end:].lstrip(" \t\r\n,").startswith("{")


def lines(stream: BinaryIO, encoding: str, limits: Limits) -> Iterator[Chunk]:
    """JSON lines; a broken line costs itself only. Row numbers count lines from 1."""
    if encoding.startswith("utf-16"):
        raise Unreadable("encoding", "JSON lines in UTF-16; save the file as UTF-8")
    plain = encoding in ("utf-8", "utf-8-sig")
    number = 0
    for block in json_blocks.blocks(stream, limits.max_line_bytes):
        data = block if number else block.removeprefix(codecs.BOM_UTF8)
        long = len(data) > limits.max_line_bytes and max(map(len, io.BytesIO(data))) > limits.max_line_bytes
        frame = json_blocks.parse(data) if plain and not long else None
        if frame is None:
            yield from tolerant_lines(data, "utf-8" if plain else encoding, limits, number)
            number += data.count(b"\n") + (not data.endswith(b"\n"))
            continue
        numbers = pl.int_range(number + 1, number + 1 + frame.height, dtype=pl.Int64, eager=True).alias("row")
        number += frame.height
        for at in range(0, frame.height, limits.batch_rows):
            yield Chunk(frame.slice(at, limits.batch_rows), numbers.slice(at, limits.batch_rows))


def sample(slices: Sequence[bytes], encoding: str) -> pl.DataFrame:
    """Objects of the whole lines within parts of a file."""
    found = [
        _line(x.encode(), "utf-8") for part in slices for x in spaced(whole_lines(part.decode(encoding, "replace")), 20)
    ]
    return chunk_of_records([r for r in found if r.__class__ is dict and r], [], []).rows


def tolerant_lines(block: bytes, encoding: str, limits: Limits, number: int) -> Iterator[Chunk]:
    """Line by line; `number` lines came before the block."""
    records: list[dict[str, Any]] = []
    numbers: list[int] = []
    bad: list[BadRow] = []
    for line in io.BytesIO(block):
        number += 1
        if len(line) > limits.max_line_bytes:
            bad.append(BadRow(number, "line_too_long", line[:2000].decode(encoding, "replace")[:RAW_CHARS]))
            continue
        value = _line(line, encoding)
        if value.__class__ is dict and value:
            records.append(value)
            numbers.append(number)
        else:
            text = line.decode(encoding, "replace").strip()
            reason = "empty_row" if not text or value == {} else "broken_json" if value is BROKEN else "not_an_object"
            bad.append(BadRow(number, reason, text[:RAW_CHARS]))
        if len(records) + len(bad) >= limits.batch_rows:
            yield chunk_of_records(records, numbers, bad)
            records, numbers, bad = [], [], []
    if records or bad:
        yield chunk_of_records(records, numbers, bad)


def _line(line: bytes, encoding: str) -> Any:
    """The value of a line, or the marker BROKEN."""
    try:
        return load(line if encoding == "utf-8" else line.decode(encoding, "replace"))
    except BROKEN:
        pass
    text = line.decode(encoding, "replace").strip()
    try:
        return load(text.strip(","))
    except BROKEN:
        pass
    if not text.lstrip(",").startswith("{'") or len(text) > LITERAL_BYTES:
        return BROKEN
    try:
        return literal(text.strip(","))
    except (*BROKEN, SyntaxError, MemoryError):
        return BROKEN


def objects(stream: BinaryIO, encoding: str, limits: Limits) -> Iterator[Chunk]:
    """Objects one after the other with or without commas between them, each over as many lines as it likes."""
    return array(stream, encoding, limits, "{")


def array(stream: BinaryIO, encoding: str, limits: Limits, opening: str = "[") -> Iterator[Chunk]:
    """An array of objects (or several, one after the other): memory stays bounded whatever the size.

    Blocks of whole objects go the quick way up to the first one that is not sound; the rest is read object by object.
    """
    if encoding not in ("utf-8", "utf-8-sig"):
        yield from tolerant_array(stream, encoding, limits, opening)
        return
    head = stream.read(BLOCK)
    quick = json_blocks.Objects(stream, head[head.index(opening.encode()) + (opening == "[") :], BLOCK)
    for chunk in quick.chunks(limits.max_line_bytes):
        for at in range(0, max(chunk.rows.height, 1), limits.batch_rows):
            part = slice(at, at + limits.batch_rows)
            yield Chunk(chunk.rows[part], chunk.numbers[part], [] if at else chunk.bad)
    yield from tolerant_array(stream, "utf-8", limits, opening, quick.rest, quick.number, opening == "[")


def plain_of_shell(text: str) -> str:
    """What the shell of MongoDB prints (ObjectId("…"), NumberInt(5), a number in a comment before each object), as JSON."""
    return SHELL_CALL.sub(r"\1\2", SHELL_COMMENT.sub("", text))


def of_shell(
    stream: BinaryIO, encoding: str, limits: Limits, reader: Callable[[BinaryIO, str, Limits], Iterator[Chunk]]
) -> Iterator[Chunk]:
    """What the shell of MongoDB prints, read by `reader` as JSON.

    Raises:
        Unreadable: the file is too large to hold.
    """
    plain = plain_of_shell(_text_of(stream, encoding, limits)).encode()
    yield from reader(cast(BinaryIO, io.BytesIO(plain)), "utf-8", limits)


def holds_answers(sample: str, headers: Headers) -> bool:
    """True when the first object of a text (lines or an array) is an answer of an interface or an employer with a list of
    jobs, and not an ad."""
    first = _first_objects(sample)
    return holders.holders_among(first, headers) or inner_records(next(iter(first), None)) is not None


def _first_objects(sample: str) -> list[Any]:
    """Whole objects at the start of a text: lines, an array, or one after the other; of Python objects the first line."""
    decoder, out, at = json.JSONDecoder(strict=False), list[Any](), 0
    text = sample.lstrip("\ufeff[ \t\r\n")
    while at < len(text) and len(out) < holders.LOOKED_AT:
        try:
            value, at = decoder.raw_decode(text, at)
        except BROKEN:
            break
        out.append(value)
        at = _past_marks(text, at)
    return out or [_line(text.partition("\n")[0].encode(), "utf-8")]


def answers(stream: BinaryIO, encoding: str, limits: Limits, headers: Headers, kind: str) -> Iterator[Chunk]:
    """Answers of an interface, or employers with lists of jobs, one a line, one after the other or in one array: their ads, numbered
    through.

    Raises:
        Unreadable: an array that is broken or too large to hold.
    """
    number = 0
    records: list[dict[str, Any]] = []
    numbers: list[int] = []
    bad: list[BadRow] = []
    for answer in _answers(stream, encoding, limits, kind):
        found = holders.jobs_of(answer, headers)
        if found is None and (found := inner_records(answer)) is not None:
            found = holders.opened(found, headers)
        for r in found if found is not None else [answer]:
            number += 1
            if isinstance(r, dict) and r and found is not None:
                records.append(r)
                numbers.append(number)
            else:
                reason = "broken_json" if r is BROKEN else "not_an_object"
                bad.append(BadRow(number, reason, "" if r is BROKEN else str(r)[:RAW_CHARS]))
        if len(records) + len(bad) >= limits.batch_rows:
            yield chunk_of_records(records, numbers, bad)
            records, numbers, bad = [], [], []
    if records or bad:
        yield chunk_of_records(records, numbers, bad)


def _answers(stream: BinaryIO, encoding: str, limits: Limits, kind: str) -> Iterator[Any]:
    if kind == "array":
        yield from _load_document(stream, encoding, limits)
    elif kind == "objects":
        yield from _one_by_one(_text_of(stream, encoding, limits))
    else:
        for line in stream:
            if line.strip():
                yield _line(line, encoding)


def _one_by_one(text: str) -> Iterator[Any]:
    """Values that stand one after the other; where one is broken, the marker BROKEN ends them."""
    decoder, at = json.JSONDecoder(strict=False), 0
    while (at := _past_marks(text, at)) < len(text):
        try:
            value, at = decoder.raw_decode(text, at)
        except BROKEN:
            yield BROKEN
            return
        yield mended(value)


def _past_marks(text: str, at: int) -> int:
    """The place of the next value: behind blanks and commas."""
    while at < len(text) and text[at] in " \t\r\n,":
        at += 1
    return at


def document(stream: BinaryIO, encoding: str, limits: Limits, headers: Headers) -> Iterator[Chunk]:
    """A whole document: columns, or records under a key.

    Raises:
        Unreadable: the document is broken, too large to hold, or has no records.
    """
    doc = _load_document(stream, encoding, limits)
    answers = answers_of_har(doc)
    ads = partial(holders.are_ads, headers=headers)
    found = records_in(doc, 4, ads) if answers is doc else records_in(answers, 5, ads)
    found = (None, [ad]) if (ad := holders.one_ad(doc, headers)) is not None else found
    if found is None:
        raise Unreadable("no_records", "JSON without a list of ads in it")
    names, rows = found
    if holders.emptied(doc, headers) and not (names is None and ads(rows)):
        raise Unreadable("no_records", "the list of ads in it is empty")
    if names is None:
        rows = holders.inside(doc, headers) or holders.opened(rows, headers)
        good = [(i, r) for i, r in enumerate(rows, 1) if isinstance(r, dict) and r]
        bad = [
            BadRow(i, "not_an_object", str(r)[:RAW_CHARS])
            for i, r in enumerate(rows, 1)
            if not (isinstance(r, dict) and r)
        ]
        for i in range(0, max(len(good), 1), limits.batch_rows):
            part = good[i : i + limits.batch_rows]
            yield chunk_of_records([r for _, r in part], [n for n, _ in part], bad if i == 0 else [])
        return
    for i in range(0, max(len(rows), 1), limits.batch_rows):
        block = [[cell(v) for v in r] for r in rows[i : i + limits.batch_rows]]
        yield chunk_of(names, block, range(i + 1, i + len(block) + 1), [])


def _text_of(stream: BinaryIO, encoding: str, limits: Limits, other: str = "JSON lines") -> str:
    data = stream.read(limits.max_document_bytes + 1)
    if len(data) > limits.max_document_bytes:
        raise Unreadable(
            "too_large", f"one JSON document of more than {limits.max_document_bytes >> 20} MB; save it as {other}"
        )
    return data.decode(encoding, "replace").lstrip("\ufeff")


def _load_document(stream: BinaryIO, encoding: str, limits: Limits) -> Any:
    text = _text_of(stream, encoding, limits)
    try:
        if wrapper := WRAPPER.match(text):
            return json.JSONDecoder().raw_decode(text, wrapper.end())[0]
        return load(text)
    except BROKEN as e:
        raise Unreadable("broken_json", f"not JSON ({str(e)[:80]}); fetch the file again") from None


def tabled(sample: str) -> bool:
    """True when a text starts with a list of lists, or has a list (or tuple) on each of its first lines: rows of cells without names."""
    text = sample.lstrip("\ufeff \t\r\n")
    if ROWS.match(text):
        return True
    first = text.splitlines()[:3]
    return len(first) > 1 and text.startswith(("[", "(")) and all(isinstance(_list(x), list) for x in first[:2])


def _list(line: str) -> Any:
    found = printed.value(line)
    return found if isinstance(found, list) and not any(isinstance(v, (dict, list)) for v in found) else None


def rows(stream: BinaryIO, encoding: str, limits: Limits) -> tuple[list[tuple[int, list[str]]], list[BadRow]]:
    """Numbered rows of cells of a list of lists, or of a list on each line, and what is none among them.

    Raises:
        Unreadable: the file is broken or too large to hold.
    """
    text = _text_of(stream, encoding, limits, "CSV")
    if ROWS.match(text):
        try:
            found = [(r, r) for r in load(text)]
        except BROKEN as e:
            raise Unreadable("broken_json", f"not JSON ({str(e)[:80]}); fetch the file again") from None
    else:
        found = [(_list(line), line) for line in text.splitlines()]
    good, bad = [], []
    for i, (row, written) in enumerate(found, 1):
        if isinstance(row, list):
            good.append((i, [cell(v) or "" for v in row]))
        elif str(written).strip():
            bad.append(BadRow(i, "broken_json", str(written)[:RAW_CHARS]))
    return good, bad
