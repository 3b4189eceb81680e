"""Ads that a program in JavaScript or TypeScript writes down (const jobs = [{title: '会计', …}]): bare keys, single quotes, calls."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

from gangwei.formats import holders
from gangwei.formats.headers import Headers
from gangwei.formats.json_records import cell, mended, records_in

OPENING = re.compile(
    r"\s*(?:(?://[^\n]*\n|/\*[^*]*(?:\*(?!/)[^*]*)*\*/)\s*)*(?:import\b|export\b|interface\s+\w|enum\s+\w|declare\s|type\s+[\w$]+\s*=|(?:const|let|var)\s+[\w$]+\s*[:=]|module\.exports\b|\(?\s*(?:window|self|globalThis)(?:\.[\w$]+|\[\s*[\"'][\w$]+[\"']\s*\])\s*=(?!=)|['\"]use \w+['\"]"
    r"|[A-Za-z_$][\w.$]*\(\s*[\"'{\[]|[\[{]\s*(?:\{\s*)?[A-Za-z_$][\w$]*\s*:)"
)
TOKEN = re.compile(
    r"""(?P<text>"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?|`(?:[^`\\]|\\.)*`?)|//[^\n]*|/\*[^*]*(?:\*(?!/)[^*]*)*(?:\*/)?"""
    r"""|(?P<number>-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)|(?P<name>[^\W\d][\w$.]*)|(?P<mark>\S)""",
    re.S,
)
ESCAPE = re.compile(r"\\(u[\da-fA-F]{4}|\r?\n|.)", re.S)
ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "", "f": "", "v": "", "0": "", "\n": "", "\r\n": ""}
NAMED = {"true": True, "false": False}
TYPED = ("as", "satisfies")
CLOSING = {"{": "}", "[": "]", "(": ")"}
BEFORE = {"=", "(", ",", ":", "[", "return", "default"}
FIELDS, FEW_FIELDS, AGAIN, DEPTH, DIGITS = 3, 2, 8, 60, 15
WIDE, FEW_ROWS = 4, 3

Token = tuple[str, str]
Ads = list[dict[str, Any]]


def records(text: str, headers: Headers) -> Ads:
    """The longest list of objects in a program that say three fields or more of an ad, with the lists like it; without one, of
    three objects or more with the same keys that say two, for the values may say the others; [] without any."""
    tokens = _tokens(text)
    return _records(tokens, headers, FIELDS) or _records(tokens, headers, FEW_FIELDS)


def _records(tokens: list[Token], headers: Headers, least: int) -> Ads:
    lists: list[Ads] = []
    at, left = 0, AGAIN * len(tokens)
    while at < len(tokens) and left > 0:
        if tokens[at][1] in ("{", "[") and (at == 0 or tokens[at - 1][1] in BEFORE):
            value, end = _object(tokens, at + 1, 1) if tokens[at][1] == "{" else _list(tokens, at + 1, 1)
            left -= end - at
            if found := ads_of(value, headers, least):
                lists.append(found)
                at = end
                continue
        at += 1
    return longest(lists, headers)


def longest(lists: list[Ads], headers: Headers) -> Ads:
    """The longest list of ads with the lists like it; one that says pay, degree or years before others, which may be events."""
    best = max(lists, key=lambda rows: (bool(_said(rows, headers) & holders.OF_JOBS), len(rows)), default=[])
    return [r for rows in lists if set(rows[0]) & set(best[0]) and len(set(rows[0]) ^ set(best[0])) <= 2 for r in rows]


def rows(text: str) -> list[list[str]]:
    """The longest list of lists of plain values in a program (const jobs = [['会计', '北京', …], …]), as rows of cells; [] without any."""
    tokens = _tokens(text)
    best: list[list[str]] = []
    at = 0
    while at + 1 < len(tokens):
        if tokens[at] == tokens[at + 1] == ("mark", "["):
            found, at = _list(tokens, at + 1, 1)
            best = max(best, _cells(found), key=len)
        at += 1
    return best


def _cells(found: list[Any]) -> list[list[str]]:
    """Rows of one width, where four of five items are lists of plain values of that width, some of them words."""
    flat = [r for r in found if isinstance(r, list) and not any(isinstance(v, (dict, list)) for v in r)]
    width = Counter(map(len, flat)).most_common(1)[0][0] if flat else 0
    good = [r for r in flat if len(r) == width]
    words = sum(isinstance(v, str) for r in good for v in r)
    if width < WIDE or len(good) < FEW_ROWS or 5 * len(good) < 4 * len(found) or 2 * words < width * len(good):
        return []
    return [[cell(v) or "" for v in r] for r in good]


def ads_of(value: Any, headers: Headers, least: int = FIELDS) -> Ads:
    """The objects of a value, where they are ads: the first says `least` fields, in a list also within the objects that it holds;
    with less than three all have its keys. Of an object that is the ad of one page that one."""
    if least >= FIELDS and (ad := holders.one_ad(value, headers)) is not None:
        return [ad]
    found = records_in(value, 5) if isinstance(value, (dict, list)) else None
    if found is None or found[0] is not None:
        return []
    rows = holders.inside(value, headers) or holders.opened(found[1], headers)
    rows = [r for r in rows if isinstance(r, dict) and r]
    alike = least >= FIELDS or (len(rows) >= FEW_ROWS and all(r.keys() == rows[0].keys() for r in rows))
    parted = least >= FIELDS and isinstance(value, list) and holders.are_ads(rows, headers)
    return rows if alike and (parted or len(_said(rows, headers)) >= least) else []


def _said(rows: Ads, headers: Headers) -> set[str]:
    """Fields that the keys of the first object ask for."""
    return {c.field for r in rows[:1] for k in r if (c := headers.claim(k)) is not None and c.field != "ignore"}


def _tokens(text: str) -> list[Token]:
    return [(m.lastgroup, m[0]) for m in TOKEN.finditer(text) if m.lastgroup is not None]


def _value(tokens: list[Token], at: int, depth: int) -> tuple[Any, int]:
    """The value of an expression and the place behind it; what is no plain value is None."""
    kind, said = tokens[at]
    value: Any = None
    end = at + 1
    if said in ("{", "[") and kind == "mark" and depth < DEPTH:
        value, end = _object(tokens, end, depth + 1) if said == "{" else _list(tokens, end, depth + 1)
    elif kind == "text":
        while end + 1 < len(tokens) and tokens[end][1] == "+" and tokens[end + 1][0] == "text":
            end += 2
        value = "".join(_plain(t) for _, t in tokens[at:end:2])
    elif kind == "number":
        whole = len(said) > DIGITS or (said.lstrip("-")[:1] == "0" and "." not in said and len(said) > 1)
        value = said if whole else json.loads(said)
    elif said in NAMED:
        value = NAMED[said]
    else:
        end = at
    behind = _behind(tokens, end)
    return value if behind == end or tokens[end][1] in TYPED else None, behind


def _behind(tokens: list[Token], at: int) -> int:
    """The place of the comma or bracket that ends an expression."""
    wanted: list[str] = []
    while at < len(tokens):
        kind, said = tokens[at]
        if kind == "mark":
            if not wanted and said in ",)]};":
                return at
            if said in CLOSING:
                wanted.append(CLOSING[said])
            elif wanted and said == wanted[-1]:
                wanted.pop()
        at += 1
    return at


def _list(tokens: list[Token], at: int, depth: int) -> tuple[list[Any], int]:
    out: list[Any] = []
    while at < len(tokens) and tokens[at][1] != "]":
        if tokens[at] == ("mark", ","):
            at += 1
            continue
        value, end = _value(tokens, at, depth)
        out.append(value)
        at = max(end, at + 1)
    return out, at + 1


def _object(tokens: list[Token], at: int, depth: int) -> tuple[dict[str, Any], int]:
    out: dict[str, Any] = {}
    while at < len(tokens) and tokens[at][1] != "}":
        kind, said = tokens[at]
        if kind in ("text", "name", "number") and tokens[at + 1 : at + 2] == [("mark", ":")]:
            value, end = _value(tokens, at + 2, depth) if at + 2 < len(tokens) else (None, at + 2)
            out[_plain(said) if kind == "text" else said] = value
            at = max(end, at + 2)
        elif (kind, said) == ("mark", ","):
            at += 1
        else:  # a method, a spread or a name alone
            at = max(_behind(tokens, at), at + 1)
    return out, at + 1


def _plain(text: str) -> str:
    """A text without its quotes and escapes."""
    plain = ESCAPE.sub(
        lambda m: chr(int(m[1][1:], 16)) if m[1][:1] == "u" and len(m[1]) == 5 else ESCAPED.get(m[1], m[1]),
        text[1:].removesuffix(text[0]),
    )
    return str(mended(plain))
