"""From JSON values to ads: where in a document the records are, and the columns that their keys make."""

from __future__ import annotations

import ast
import itertools
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import orjson
import polars as pl

from gangwei.formats.chunk import BadRow, Chunk

QUOTED = 100
KINDS = 200
HEADING, HEADED = {"name", "title", "heading", "label", "key"}, 12
SPEAKERS, SAID = ("role", "from"), ("content", "value", "text")
PERSON, OTHERS = {"user", "human"}, {"system", "developer", "assistant", "gpt", "bot", "model", "tool", "function"}
NAMES, ROWS = ("columns", "fields", "headers", "header", "head"), ("data", "rows", "values", "records", "body")
BROKEN = (ValueError, RecursionError)
LAST_COMMA = re.compile(r'("(?:[^"\\]|\\.)*")|,(?=\s*[\]}])', re.S)


def cell(value: Any) -> str | None:
    """A JSON value as text: lists of plain values joined with '|', anything deeper as JSON."""
    if value is None or value.__class__ is str:
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and all(isinstance(v, (str, int, float)) for v in value):
        return "|".join(str(v) for v in value)
    if isinstance(value, (list, dict)):
        try:
            return orjson.dumps(value).decode()
        except TypeError:  # numbers of more than 64 bits
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return str(value)


def load(data: bytes | str) -> Any:
    """Parse JSON; NaN, lone surrogates, breaks within texts and commas before closing brackets, which strict parsers refuse, are
    accepted.

    Raises:
        ValueError, RecursionError: not JSON, or nested too deep.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        pass
    try:
        return mended(json.loads(data, strict=False))
    except ValueError:
        text = data if isinstance(data, str) else data.decode()
        if (plain := without_last_commas(text)) == text:
            raise
        return mended(json.loads(plain, strict=False))


def without_last_commas(text: str) -> str:
    """A text of JSON without the commas before closing brackets: [1, 2,] is [1, 2]."""
    return LAST_COMMA.sub(lambda m: m[1] or "", text)


def literal(text: str) -> Any:
    """The value of a Python literal, without lone surrogates.

    Raises:
        ValueError, SyntaxError, TypeError, MemoryError, RecursionError: not a literal, or nested too deep.
    """
    return mended(ast.literal_eval(text))


def mended(value: Any) -> Any:
    """The value without lone surrogates in its texts and keys."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, (list, tuple)):
        return [mended(v) for v in value]
    if isinstance(value, dict):
        return {mended(k): mended(v) for k, v in value.items()}
    return value


def flat(record: dict[str, Any], depth: int = 3) -> dict[str, Any]:
    """Objects inside a record become columns named 'outer.inner', at most `depth` levels deep; an object with one key that
    starts with '$' ({"$oid": x}, {"$date": {"$numberLong": x}}) is its value, an object written down as a text is the object."""
    if dict not in map(type, record.values()):
        return record
    out: dict[str, Any] = {}
    for k, held in record.items():
        v = held
        if v.__class__ is str and v[:2] == '{"' and v[-1:] == "}":
            v = _unquoted(v, 0)
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
    for k, v in flat(_texts(record)).items():
        if isinstance(v, list) and v and all(isinstance(x, dict) for x in v):
            inner = [spread(x) for x in v]
            if (asked := _asked(inner)) is not None:
                out[f"{k}.value"] = asked
                continue
            if (sections := _sections(inner)) is not None:
                out[f"{k}.{list(inner[0])[1]}"] = sections
                continue
            for kk in dict.fromkeys(itertools.chain.from_iterable(inner)):
                found = [cell(x[kk]) for x in inner if x.get(kk) not in (None, "")]
                out[f"{k}.{kk}"] = "|".join(dict.fromkeys(f for f in found if f)) or None
        else:
            out[k] = v
    return out


def _asked(parts: list[dict[str, Any]]) -> str | None:
    """What a person says to a program ([{role: user, content: ...}, {role: assistant, ...}]); None for other lists of objects and
    for talks in which no person speaks."""
    who = next((k for k in SPEAKERS if k in parts[0]), "")
    turns = [((cell(p.get(who)) or "").lower(), p) for p in parts]
    if any(speaker not in PERSON | OTHERS for speaker, _ in turns):
        return None
    mine = [p for speaker, p in turns if speaker in PERSON]
    said = [cell(v) for p in mine for k, v in p.items() if k.partition(".")[0] in SAID and not k.endswith(".type")]
    return "\n".join(filter(None, said)) if said else None


def _texts(record: dict[str, Any]) -> dict[str, Any]:
    """The record with the sections of its text, each a heading with its lines (duty: {title: 岗位职责, data: [line, line]}), under
    both names; one alone may be any object."""
    found = {k: v for k, v in record.items() if isinstance(v, dict) and _is_section(v)}
    if len(found) < 2:
        return record
    parts = ((k, list(v.values()) if k in found else v) for k, v in record.items())
    return dict((f"{k}.{v[0]}", "\n".join(v[1])) if k in found else (k, v) for k, v in parts)


def _is_section(part: dict[str, Any]) -> bool:
    """A short heading and lines that are longer in all."""
    head, body = [*part.values(), None, None][:2]
    if (
        len(part) != 2
        or next(iter(part)).lower() not in HEADING
        or not isinstance(head, str)
        or not isinstance(body, list)
    ):
        return False
    return all(isinstance(line, str) for line in body) and len(head) <= min(HEADED, sum(map(len, body)))


def _sections(parts: list[dict[str, Any]]) -> str | None:
    """The text of [{name: 岗位职责, content: [line, line]}, ...]: each heading above its lines; None for other lists of objects."""
    if not all(len(p) == 2 and next(iter(p)).lower() in HEADING for p in parts):
        return None
    pairs = [(cell(head) or "", _lines(body)) for head, body in (p.values() for p in parts)]
    if not all(isinstance(line, str) for _, body in pairs for line in body) or max(len(h) for h, _ in pairs) > HEADED:
        return None
    lines = [line for head, body in pairs for line in (head, *body)]
    return "\n".join(lines) if max(map(len, lines)) > HEADED else None


def _lines(body: Any) -> list[Any]:
    """The lines below a heading, also where each stands in an object of its own ([{content: line}, {content: line}])."""
    lines = body if isinstance(body, list) else [body]
    return [next(iter(v.values())) if isinstance(v, dict) and len(v) == 1 else v for v in lines]


def inner_records(record: Any) -> list[Any] | None:
    """The ads inside one answer of a board's interface ({page, data {list [ad, ad]}}); None for an ad itself."""
    if not isinstance(record, dict):
        return None
    if (rows := _side_by_side(record)) is not None:
        return rows
    found = records_in(record, 4)
    if found is None or found[0] is not None or found[1] == [record]:
        return None
    widest = max((len(flat(r)) for r in found[1][:5] if isinstance(r, dict)), default=0)
    own = _plain_values(record)
    return found[1] if widest > max(own, 2) else None


def _side_by_side(record: dict[str, Any]) -> list[Any] | None:
    """The ads of a page whose fields stand in lists of one length ({title: [a, b], place: [c, d]})."""
    lists = list(record.values())
    if len(lists) < 2 or not all(isinstance(v, list) for v in lists):
        return None
    if (
        len(lists[0]) < 2
        or len({len(v) for v in lists}) > 1
        or any(isinstance(x, (list, dict)) for v in lists for x in v)
    ):
        return None
    return [dict(zip(record, r)) for r in zip(*lists)]


def _plain_values(record: dict[str, Any]) -> int:
    """Plain values of an object and of the objects in it, without those of objects under numbers ({1: ad, 2: ad})."""
    if all(map(str.isdigit, record)):
        return 0
    return sum(
        _plain_values(v) if isinstance(v, dict) and v else not isinstance(v, (dict, list)) for v in record.values()
    )


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


def _unquoted(text: str, least: int = QUOTED) -> Any:
    """A document of `least` characters or more that stands in another as a text; other texts as they are."""
    if text[:1] not in ("[", "{") or text[-1:] not in ("]", "}") or len(text) < least:
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
    return _each_with_group({k: v for k, v in doc.items() if isinstance(v, list)})


def answers_of_har(doc: Any) -> Any:
    """The answers that an HTTP archive (HAR 1.2) keeps as texts, as one document; other documents as they are."""
    try:
        contents = [e["response"]["content"] for e in doc["log"]["entries"]]
    except (KeyError, TypeError):
        return doc
    texts = [c.get("text") for c in contents if isinstance(c, dict)]
    answers = [_unquoted(t) for t in texts if isinstance(t, str)]
    return {f"answer {i}": a for i, a in enumerate(answers) if isinstance(a, (dict, list))} or doc


def records_in(
    doc: Any, depth: int, ads: Callable[[list[Any]], bool] = lambda rows: False
) -> tuple[list[str] | None, list[Any]] | None:
    """(None, records) or (column names, rows): of several lists one of `ads` before the others, then the longest."""
    if isinstance(doc, list) and len(doc) == 1 and depth and (inner := inner_records(doc[0])) is not None:
        return None, inner
    if isinstance(doc, list):
        return (None, doc) if any(isinstance(x, dict) for x in doc) else None
    if not isinstance(doc, dict) or depth == 0:
        return None
    values = list(doc.values())
    names, rows = (next((doc[k] for k in keys if isinstance(doc.get(k), list)), None) for keys in (NAMES, ROWS))
    if isinstance(names, list) and isinstance(rows, list) and any(isinstance(r, list) for r in rows):
        fits = [isinstance(r, list) and len(r) == len(names) for r in rows]
        names = [n.get("name", "") if isinstance(n, dict) else n for n in names]
        return None, [dict(zip(map(str, names), r)) if ok else r for r, ok in zip(rows, fits)]
    nested = len(values) > 1 and all(isinstance(v, dict) for v in values)
    if (
        nested
        and not all(k.isdigit() for v in values for k in v)
        and (all(map(str.isdigit, doc)) or _of_one_kind(values))
    ):
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
    tried = {k: records_in(v, depth - 1, ads) for k, v in zip(doc, values)}
    found = {k: f for k, f in tried.items() if f is not None}
    if not found and depth == 4 and any(isinstance(v, str) for v in values):
        return None, [doc]
    best = max(found.values(), key=lambda f: (f[0] is None and ads(f[1]), len(f[1]), _width(f[1])), default=None)
    if best is None or best[0] is not None:
        return best
    alike = {k: rows for k, (names, rows) in found.items() if names is None and _alike(rows, best[1])}
    return None, _each_with_group(alike) if len(alike) > 1 else best[1]


def _width(rows: list[Any]) -> int:
    """Keys of the first object of a list; of two lists as long, the one with more of them has the ads."""
    return next((len(r) for r in rows if isinstance(r, dict)), 0)


def _of_one_kind(records: list[dict[str, Any]]) -> bool:
    """Three objects or more that have most of their keys, several, in common: ads under keys of their own."""
    keys = [set(r) for r in records[:KINDS]]
    alike = sum(2 * len(k & keys[0]) > len(k | keys[0]) for k in keys)
    return len(keys) > 2 and len(keys[0]) > 2 and alike * 10 >= len(keys) * 9 and inner_records(records[0]) is None


def _each_with_group(lists: dict[str, list[Any]]) -> list[Any]:
    """The objects of several lists, each with the key of its list."""
    return [{"_group": k, **r} if isinstance(r, dict) else r for k, rows in lists.items() for r in rows]


def _alike(some: list[Any], others: list[Any]) -> bool:
    """The first objects of two lists have most of their keys, and more than two, in common."""
    a, b = (next((set(r) for r in rows if isinstance(r, dict)), set()) for rows in (some, others))
    return a == b or (2 * len(a & b) > len(a | b) and len(a & b) > 2)
