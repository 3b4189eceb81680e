"""JSON: an array of objects, JSON lines, columns as {column: {row: value}}, or any of these under a key."""

from __future__ import annotations

import ast
import codecs
import io
import itertools
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import orjson
import polars as pl

from gangwei.formats import json_blocks
from gangwei.formats.chunk import BadRow, Chunk, Limits, Unreadable, chunk_of
from gangwei.formats.sampling import spaced, whole_lines

RAW_CHARS = 500
QUOTED = 100
BLOCK = 4 << 20
BROKEN = (ValueError, RecursionError)
ROWS = re.compile(r"\s*\[\s*\[(?!\s*[\[{])")
WRAPPER = re.compile(r"\s*(?:(?:var|let|const)\s+)?[A-Za-z_$][\w.$]*\s*[=(]\s*(?=[\[{]\s*[\"{\[\]}])")
LITERAL_BYTES = 1 << 20


def cell(value: Any) -> str | None:
    """A JSON value as text: lists of plain values joined with '|', anything deeper as JSON."""
    if value is None or value.__class__ is str:
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and all(isinstance(v, (str, int, float)) for v in value):
        return "|".join(str(v) for v in value)
    if isinstance(value, (list, dict)):
        return orjson.dumps(value).decode()
    return str(value)


def load(data: bytes | str) -> Any:
    """Parse JSON; NaN and lone surrogates, which strict parsers refuse, are accepted.

    Raises:
        ValueError, RecursionError: not JSON, or nested too deep.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return _mended(json.loads(data))


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, list):
        return [_mended(v) for v in value]
    if isinstance(value, dict):
        return {_mended(k): _mended(v) for k, v in value.items()}
    return value


def flat(record: dict[str, Any], depth: int = 3) -> dict[str, Any]:
    """Objects inside a record become columns named 'outer.inner', at most `depth` levels deep; an object with one key that
    starts with '$' ({"$oid": x}, {"$date": {"$numberLong": x}}) is its value."""
    if dict not in map(type, record.values()):
        return record
    out: dict[str, Any] = {}
    for k, held in record.items():
        v = held
        while isinstance(v, dict) and len(v) == 1 and next(iter(v))[:1] == "$":
            v = next(iter(v.values()))
        if isinstance(v, dict) and v:
            out.update({f"{k}.{kk}": vv for kk, vv in (flat(v, depth - 1) if depth > 1 else v).items()})
        else:
            out[k] = v
    return out


def spread(record: dict[str, Any]) -> dict[str, Any]:
    """`flat`, and lists of objects become columns too: [{name: a}, {name: b}] under 'x' is 'x.name' = 'a|b'."""
    out: dict[str, Any] = {}
    for k, v in flat(record).items():
        if isinstance(v, list) and v and all(isinstance(x, dict) for x in v):
            inner = [flat(x) for x in v]
            for kk in dict.fromkeys(itertools.chain.from_iterable(inner)):
                found = [cell(x[kk]) for x in inner if x.get(kk) not in (None, "")]
                out[f"{k}.{kk}"] = "|".join(dict.fromkeys(f for f in found if f)) or None
        else:
            out[k] = v
    return out


def inner_records(record: Any) -> list[Any] | None:
    """The ads inside one answer of a board's interface ({page, data {list [ad, ad]}}); None for an ad itself."""
    if not isinstance(record, dict):
        return None
    found = _records(record, 4)
    if found is None or found[0] is not None or found[1] == [record]:
        return None
    widest = max((len(flat(r)) for r in found[1][:5] if isinstance(r, dict)), default=0)
    own = sum(not isinstance(v, (dict, list)) for v in flat(record).values())
    return found[1] if widest > max(own, 2) else None


def chunk_of_records(records: Sequence[dict[str, Any]], numbers: Sequence[int], bad: list[BadRow]) -> Chunk:
    """A chunk whose columns are all keys of the records, in order of first appearance."""
    records = [spread(r) for r in records]
    names = list(dict.fromkeys(itertools.chain.from_iterable(records)))
    columns = {}
    for n in names:
        values = [r.get(n) for r in records]
        if not set(map(type, values)) <= {str, type(None)}:
            values = [cell(v) for v in values]
        columns[n] = pl.Series(n, values, dtype=pl.String)
    return Chunk(pl.DataFrame(columns), pl.Series("row", numbers, dtype=pl.Int64), bad)


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
        second = rest.lstrip().partition(b"\n")[0]
        try:
            if second.startswith(b"{") and isinstance(load(second), dict):
                return "lines"
        except BROKEN:
            pass
        return "objects" if _another(text.decode("utf-8", "replace")) else "document"
    return "lines" if whole and rest.strip() else "document"


def _another(text: str) -> bool:
    """True when a second object follows the first."""
    try:
        end = json.JSONDecoder().raw_decode(text)[1]
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
        return load(text.rstrip(","))
    except BROKEN:
        pass
    if not text.startswith("{'") or len(text) > LITERAL_BYTES:
        return BROKEN
    try:
        return ast.literal_eval(text.rstrip(","))
    except (*BROKEN, SyntaxError, MemoryError):
        return BROKEN


def objects(stream: BinaryIO, encoding: str, limits: Limits) -> Iterator[Chunk]:
    """Objects one after the other with or without commas between them, each over as many lines as it likes."""
    return array(stream, encoding, limits, "{")


def array(stream: BinaryIO, encoding: str, limits: Limits, opening: str = "[") -> Iterator[Chunk]:
    """An array of objects (or several, one after the other), object by object: memory stays bounded whatever the size."""
    decoder = json.JSONDecoder()
    reader = _Text(stream, encoding)
    text, at = reader.more(""), 0
    text = text[text.index(opening) + (opening == "[") :]
    ended = opening == "{"
    records: list[dict[str, Any]] = []
    numbers: list[int] = []
    bad: list[BadRow] = []
    number = 0
    while True:
        while at < len(text) and text[at] in " \t\r\n,":
            at += 1
        if at >= len(text):
            text, at = reader.more(""), 0
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
            rest = text[at:]
            grown = reader.more(rest) if len(rest) <= limits.max_line_bytes else rest
            if len(grown) > len(rest):
                text, at = grown, 0
                continue
            number += 1
            bad.append(BadRow(number, "broken_json", rest[:RAW_CHARS]))
            nxt = text.find("\n{", at + 1) if not isinstance(e, RecursionError) else -1
            nxt = nxt if nxt >= 0 else text.find("},", at + 1)
            if nxt < 0:
                break
            at = nxt + 1
            continue
        if end >= len(text) - 1 and not isinstance(value, (dict, list, str)):
            grown = reader.more(text[at:])
            if len(grown) > len(text) - at:
                text, at = grown, 0
                continue
        number += 1
        if isinstance(value, dict) and value:
            records.append(_mended(value) if "\\ud" in text[at:end] else value)
            numbers.append(number)
        else:
            bad.append(BadRow(number, "not_an_object", text[at:end][:RAW_CHARS]))
        at = end
        if len(records) + len(bad) >= limits.batch_rows:
            yield chunk_of_records(records, numbers, bad)
            records, numbers, bad = [], [], []
    yield chunk_of_records(records, numbers, bad)


class _Text:
    """Blocks of decoded text."""

    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        self.stream = stream
        self.decoder = codecs.getincrementaldecoder(encoding)("replace")

    def more(self, rest: str) -> str:
        """`rest` with the next block behind it, or `rest` alone at the end."""
        data = self.stream.read(BLOCK)
        return rest + self.decoder.decode(data, not data)


def holds_answers(sample: str) -> bool:
    """True when the first object of a text (lines or an array) is an answer of an interface and not an ad."""
    try:
        return inner_records(json.JSONDecoder().raw_decode(sample.lstrip("\ufeff[ \t\r\n"))[0]) is not None
    except BROKEN:
        return False


def answers(stream: BinaryIO, encoding: str, limits: Limits, in_array: bool) -> Iterator[Chunk]:
    """Answers of an interface, one a line or in one array: their ads, numbered through.

    Raises:
        Unreadable: an array that is broken or too large to hold.
    """
    number = 0
    for answer in _answers(stream, encoding, limits, in_array):
        found = inner_records(answer)
        records: list[dict[str, Any]] = []
        numbers: list[int] = []
        bad: list[BadRow] = []
        for r in found if found is not None else [answer]:
            number += 1
            if isinstance(r, dict) and r and found is not None:
                records.append(r)
                numbers.append(number)
            else:
                reason = "broken_json" if r is BROKEN else "not_an_object"
                bad.append(BadRow(number, reason, "" if r is BROKEN else str(r)[:RAW_CHARS]))
        if records or bad:
            yield chunk_of_records(records, numbers, bad)


def _answers(stream: BinaryIO, encoding: str, limits: Limits, in_array: bool) -> Iterator[Any]:
    if in_array:
        yield from _load_document(stream, encoding, limits)
        return
    for line in stream:
        if line.strip():
            yield _line(line, encoding)


def document(stream: BinaryIO, encoding: str, limits: Limits) -> Iterator[Chunk]:
    """A whole document: columns, or records under a key.

    Raises:
        Unreadable: the document is broken, too large to hold, or has no records.
    """
    doc = _load_document(stream, encoding, limits)
    found = _records(doc, 4)
    if found is None:
        raise Unreadable("no_records", "JSON without a list of ads in it")
    names, rows = found
    if names is None:
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


def _load_document(stream: BinaryIO, encoding: str, limits: Limits) -> Any:
    data = stream.read(limits.max_document_bytes + 1)
    if len(data) > limits.max_document_bytes:
        raise Unreadable(
            "too_large", f"one JSON document of more than {limits.max_document_bytes >> 20} MB; save it as JSON lines"
        )
    text = data.decode(encoding, "replace").lstrip("\ufeff")
    try:
        if wrapper := WRAPPER.match(text):
            return json.JSONDecoder().raw_decode(text, wrapper.end())[0]
        return load(text)
    except BROKEN as e:
        raise Unreadable("broken_json", f"not JSON ({str(e)[:80]}); fetch the file again") from None


def _unquoted(text: str) -> Any:
    """A document that stands in another as a text; other texts as they are."""
    if text[:1] not in ("[", "{") or text[-1:] not in ("]", "}") or len(text) < QUOTED:
        return text
    try:
        return load(text)
    except BROKEN:
        return text


def _grouped(doc: dict[str, Any]) -> list[Any] | None:
    """Ads of a document that keeps them by city, keyword or page ({北京: [ad, ad], 上海: [ad]}), each with its group."""
    lists = [v for v in doc.values() if isinstance(v, list) and v]
    if len(lists) < 2 or len(lists) * 10 < len(doc) * 9 or not all(isinstance(v[0], dict) for v in lists):
        return None
    keys = [set(v[0]) for v in lists]
    alike = sum(2 * len(k & keys[0]) > len(k | keys[0]) for k in keys)
    if len(keys[0]) < 2 or alike * 10 < len(keys) * 9:
        return None
    return [{"_group": k, **r} if isinstance(r, dict) else r for k, v in doc.items() if isinstance(v, list) for r in v]


def tabled(sample: str) -> bool:
    """True when a text starts with a list of lists, or has a list on each of its first lines: rows of cells without names."""
    text = sample.lstrip("\ufeff \t\r\n")
    if ROWS.match(text):
        return True
    first = text.splitlines()[:3]
    return len(first) > 1 and text.startswith("[") and all(isinstance(_list(x), list) for x in first[:2])


def _list(line: str) -> Any:
    try:
        found = load(line.rstrip().rstrip(","))
    except BROKEN:
        return None
    return found if isinstance(found, list) and not any(isinstance(v, (dict, list)) for v in found) else None


def rows(stream: BinaryIO, encoding: str, limits: Limits) -> list[tuple[int, list[str]]]:
    """Numbered rows of cells of a list of lists, or of a list on each line.

    Raises:
        Unreadable: the file is broken or too large to hold.
    """
    data = stream.read(limits.max_document_bytes + 1)
    if len(data) > limits.max_document_bytes:
        raise Unreadable(
            "too_large", f"one JSON document of more than {limits.max_document_bytes >> 20} MB; save it as CSV"
        )
    text = data.decode(encoding, "replace").lstrip("\ufeff")
    if ROWS.match(text):
        try:
            found = load(text)
        except BROKEN as e:
            raise Unreadable("broken_json", f"not JSON ({str(e)[:80]}); fetch the file again") from None
    else:
        found = [_list(line) for line in text.splitlines()]
    return [(i, [cell(v) or "" for v in r]) for i, r in enumerate(found, 1) if isinstance(r, list)]


def _records(doc: Any, depth: int) -> tuple[list[str] | None, list[Any]] | None:
    """(None, records) or (column names, rows)."""
    if isinstance(doc, list):
        return (None, doc) if any(isinstance(x, dict) for x in doc) else None
    if not isinstance(doc, dict) or depth == 0:
        return None
    values = list(doc.values())
    names, rows = doc.get("columns"), doc.get("data")
    if isinstance(names, list) and isinstance(rows, list) and any(isinstance(r, list) for r in rows):
        fits = [isinstance(r, list) and len(r) == len(names) for r in rows]
        return None, [dict(zip(map(str, names), r)) if ok else r for r, ok in zip(rows, fits)]
    nested = len(values) > 1 and all(isinstance(v, dict) for v in values)
    if nested and all(k.isdigit() for k in doc) and not all(k.isdigit() for v in values for k in v):
        return None, values
    if (
        len(values) > 1
        and all(isinstance(v, dict) for v in values)
        and not any(isinstance(x, (dict, list)) for v in values[:3] for x in list(v.values())[:3])
    ):
        keys = dict.fromkeys(k for v in values for k in v)
        if len(keys) >= len(values) or all(k.isdigit() for k in keys):
            return list(doc), [[v.get(k) for v in values] for k in keys]
        return None, values
    if (
        len(values) > 1
        and all(isinstance(v, list) for v in values)
        and len({len(v) for v in values}) == 1
        and not isinstance(next(iter(values[0]), None), dict)
    ):
        return list(doc), [list(r) for r in zip(*values)]
    if grouped := _grouped(doc):
        return None, grouped
    values = [_unquoted(v) if isinstance(v, str) else v for v in values]
    best: tuple[list[str] | None, list[Any]] | None = None
    for v in values:
        found = _records(v, depth - 1)
        if found is not None and (best is None or len(found[1]) > len(best[1])):
            best = found
    if best is None and depth == 4 and any(isinstance(v, str) for v in values):
        return None, [doc]
    return best
