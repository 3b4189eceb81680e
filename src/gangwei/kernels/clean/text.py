"""Clean text: tags, entities, escapes, invisible characters, NFKC, white space, Traditional to Simplified, furniture.

`compile_text` makes the tables once per process; `clean` runs a batch. Sources: Unicode 15 data of the Python standard
library (NFKC, categories), its HTML 5 entity list, and OpenCC for Traditional Chinese.
"""

from __future__ import annotations

import sys
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from html.entities import html5
from typing import TYPE_CHECKING, Any

import numpy as np
import opencc
import polars as pl
from numpy.typing import NDArray

from gangwei.kernels.clean import fold as k
from gangwei.kernels.clean import markup as m
from gangwei.kernels.clean.watermarks import Watermarks, compile_watermarks, strip_watermarks
from gangwei.kernels.strings import from_buffers, string_spans

if TYPE_CHECKING:
    from gangwei.codebook import Codebook

EXPANSION_LIMIT = 8
RECORD = "\n\x1e\n"
PASSES = 3


@dataclass(frozen=True)
class TextRules:
    """Tables of the cleaning kernel and its limits."""

    characters: k.Characters
    markup: m.Markup
    max_text: int
    max_field: int
    hant_share: float
    hant_min: int
    taiwan_boards: tuple[str, ...]
    tail_pattern: str
    head_pattern: str
    line_pattern: str
    line_hint: str
    spaced: dict[str, str]
    spaced_hints: list[str]
    watermarks: Watermarks


@dataclass(frozen=True)
class Cleaned:
    """Clean strings with what was seen on the way: counts (n, 5) as `fold.N_STATS` and flags (n) as in `fold`."""

    text: pl.Series
    stats: NDArray[np.int32]
    flags: NDArray[np.uint8]


def traditional_characters() -> set[str]:
    """Characters that Simplified Chinese does not use: OpenCC changes them when they stand alone."""
    every = "".join(chr(c) for c in range(0x3400, 0xA000))
    simple = opencc.OpenCC("t2s").convert("\n".join(every)).split("\n")
    return {a for a, b in zip(every, simple, strict=True) if a != b}


def _tables(config: dict[str, Any]) -> tuple[Any, Any, Any, Any]:
    """(fold, kinds, offsets and code points of the expansions) of `fold.Characters`, from the section of characters."""
    table = np.arange(k.TABLE, dtype=np.uint32)
    kind = np.zeros(k.TABLE, np.uint8)
    expansions: list[list[int]] = []
    chars = config["characters"]
    invisible = {int(h, 16) for h in chars["invisible"]}
    low, high = (int(h, 16) for h in chars["symbol_font"])
    trad = {ord(c) for c in traditional_characters()}
    for c in range(k.TABLE):
        if 0xD800 <= c < 0xE000:
            table[c] = k.DROP
            continue
        ch = chr(c)
        cat = unicodedata.category(ch)
        if ch in "\n\r\v\f\x85\u2028\u2029":
            table[c] = k.BREAK
            continue
        if ch == "\t" or cat == "Zs":
            table[c] = k.SPACE
            continue
        if cat in {"Cc", "Cf"} or c in invisible or 0xFE00 <= c <= 0xFE0F:
            table[c] = k.DROP
            continue
        if cat == "Co":
            table[c] = ord(chars["symbol_mark"]) if low <= c <= high else k.DROP
            continue
        folded = unicodedata.normalize("NFKC", ch)
        if folded != ch and len(folded) <= EXPANSION_LIMIT:
            if len(folded) == 1:
                table[c] = ord(folded)
            else:
                table[c] = k.EXPAND | len(expansions)
                expansions.append([ord(f) for f in folded])
        f = folded[0]
        if unicodedata.combining(f) or unicodedata.combining(ch) or 0x1100 <= c <= 0x11FF:
            kind[c] |= k.MARK
        cp = ord(f)
        if 0x3400 <= cp < 0xA000 or 0xF900 <= cp < 0xFB00 or cp == 0x3007:
            kind[c] |= k.CJK
        elif f.isalpha():
            kind[c] |= k.LATIN if cp < 0x250 else k.OTHER_LETTER
        if c in trad:
            kind[c] |= k.TRAD
        if cat in {"So", "Sk"} and (0x2190 <= c < 0x2C00 or c >= 0x1F000):
            kind[c] |= k.EMOJI
    exp_off = np.cumsum([0, *map(len, expansions)]).astype(np.int32)
    exp_cps = np.array([c for e in expansions for c in e], np.uint32)
    return table, kind, exp_off, exp_cps


def compile_text(book: Codebook) -> TextRules:
    """Tables from definitions/text and the Unicode data; about 0.3 s, once per process."""
    config = book.toml("text/clean.toml")
    table, kind, exp_off, exp_cps = _tables(config)
    effect = {"inline": m.INLINE, "block": m.BLOCK, "skip": m.SKIP}
    tags = sorted((m.name_hash(r["id"]), effect[r["effect"]]) for r in book.rows("text/elements.csv"))
    names = {n.removesuffix(";"): ord(v) for n, v in html5.items() if len(v) == 1}
    bare = {"nbsp", "amp", "lt", "gt", "quot", "middot"}
    entities = sorted((m.name_hash(n), v, n in bare) for n, v in names.items())
    furniture = book.toml("text/furniture.toml")["rule"]

    def pattern(where: str) -> str:
        return "|".join(r["pattern"] for r in furniture if r["where"] == where) or r"[^\s\S]"

    return TextRules(
        k.Characters(k.encodings(table), table, kind, exp_off, exp_cps),
        m.Markup(
            np.array([h for h, _ in tags], np.uint64),
            np.array([e for _, e in tags], np.uint8),
            np.array([h for h, _, _ in entities], np.uint64),
            np.array([v for _, v, _ in entities], np.uint32),
            np.array([b for _, _, b in entities], np.uint8),
        ),
        int(config["max_text_chars"]),
        int(config["max_field_chars"]),
        float(config["traditional_share"]),
        int(config["traditional_min"]),
        tuple(config["taiwan_boards"]),
        rf"(?:[\s;；]*(?:{pattern('tail')}))+[\s;；]*\z",
        rf"\A(?:\s*(?:{pattern('head')}))+\s*",
        rf"(?m)^[ \t]*(?:{pattern('line')})[ \t]*(?:\n|\z)",
        str(config["line_hint"]),
        {
            " ".join(r["id"]): r["id"]
            for r in book.rows("text/headings.csv")
            if r["strength"] in {"3", "4"} and 3 <= len(r["id"]) <= 8 and min(r["id"]) > "\u4e00"
        },
        list(config["spaced_headings"]),
        compile_watermarks(book),
    )


def _run(series: pl.Series, rules: TextRules, one_line: bool, cap: int) -> Cleaned:
    data, span = string_spans(series)
    size = int((span[:, 1] - span[:, 0]).sum())
    room = np.empty(size * 9 // 8 + 1024, np.uint8)  # numpy asks for large pages, compiled code does not
    out, out_off, stats, flags = k.fold(data, span, rules.characters, rules.markup, one_line, cap, room)
    return Cleaned(from_buffers(series.name, out, out_off), stats, flags)


def clean(
    series: pl.Series, rules: TextRules, *, one_line: bool = False, traditional: pl.Series | None = None
) -> Cleaned:
    """Clean a string series; null stays null.

    Args:
        series: raw strings.
        rules: from `compile_text`.
        one_line: line breaks become spaces (titles, tags, addresses); the cap is `max_field` characters.
        traditional: true where the ad comes from Taiwan or Hong Kong, so that its vocabulary is converted as well
            (OpenCC tw2sp); elsewhere only the characters are (t2s).
    """
    cap = rules.max_field if one_line else rules.max_text
    done = _run(series, rules, one_line, cap)
    text, stats, flags = done.text, done.stats, done.flags
    for _ in range(PASSES - 1):
        rows = np.flatnonzero(flags & (k.AGAIN | k.NEEDS_NFKC))
        if not len(rows):
            break
        part = text.gather(rows)
        if (flags[rows] & k.NEEDS_NFKC).any():
            part = part.str.normalize("NFKC")
        again = _run(part, rules, one_line, cap)
        text = text.scatter(rows, again.text)
        keep = flags[rows] & (k.CAPPED | k.HAD_MARKUP)
        stats[rows] = again.stats
        # composed characters need no second normalisation: the first one settled them
        flags[rows] = keep | (again.flags & ~np.uint8(k.NEEDS_NFKC))
    rows = np.flatnonzero(stats[:, 4] > 0)
    if len(rows):
        south = None if traditional is None else traditional.gather(rows)
        text = text.scatter(rows, simplify(text.gather(rows), south))
    if not one_line:
        text = close_up(text, flags, rules)
    if series.null_count():
        text = pl.select(pl.when(series.is_not_null()).then(text)).to_series().alias(series.name)
    return Cleaned(text, stats, flags)


@lru_cache(maxsize=4)
def _converter(name: str) -> Any:
    return opencc.OpenCC(name)


def simplify(series: pl.Series, south: pl.Series | None = None) -> pl.Series:
    """Traditional to Simplified Chinese, all rows in one call; `south` marks Taiwan and Hong Kong texts."""
    out = _convert(series, "t2s")
    if south is not None and south.any():
        rows = np.flatnonzero(south.fill_null(False).to_numpy())
        out = out.scatter(rows, _convert(series.gather(rows), "tw2sp"))
    return out


def _convert(series: pl.Series, name: str) -> pl.Series:
    converted = _converter(name).convert(RECORD.join(series.fill_null("").to_list())).split(RECORD)
    if len(converted) != len(series):  # the separator cannot occur: control characters are gone
        raise RuntimeError(f"OpenCC {name} changed the record separator on {sys.platform}")
    return pl.Series(series.name, converted, dtype=pl.String)


def close_up(series: pl.Series, flags: NDArray[np.uint8], rules: TextRules) -> pl.Series:
    """Headings written with a space between their characters, without it ('任 职 要 求'); `flags` are those of `fold`."""
    rows = np.flatnonzero(flags & k.SPACED)
    if not len(rows):
        return series
    part = series.gather(rows)
    some = np.flatnonzero(part.str.contains_any(rules.spaced_hints).fill_null(False).to_numpy())
    if not len(some):
        return series
    return series.clone().scatter(rows[some], part.gather(some).str.replace_many(rules.spaced))


def strip_furniture(series: pl.Series, rules: TextRules) -> pl.Series:
    """Cut what the board put around the ad, and its name within (definitions/text/furniture.toml, text/watermarks.toml)."""
    series = strip_watermarks(series, rules.watermarks)
    out = _cut(series, series.str.contains(rules.tail_pattern), rules.tail_pattern)
    out = _cut(out, out.str.contains(rules.head_pattern), rules.head_pattern)
    return _cut(out, out.str.contains(rules.line_hint), rules.line_pattern)


def _cut(series: pl.Series, where: pl.Series, pattern: str) -> pl.Series:
    rows = np.flatnonzero(where.fill_null(False).to_numpy())
    return series.clone().scatter(rows, series.gather(rows).str.replace_all(pattern, "")) if len(rows) else series


def language(stats: NDArray[np.int32], rules: TextRules) -> pl.Series:
    """zh, zh_hant, en or other, from the counts of `fold`: zh needs one Chinese character in ten Latin letters."""
    cjk, latin, other, trad = (stats[:, j].astype(np.int64) for j in (1, 2, 3, 4))
    hant = (trad >= rules.hant_min) & (trad >= rules.hant_share * cjk) | (cjk > 0) & (trad * 4 >= cjk)
    chinese = (cjk > 0) & (cjk * 10 >= latin) & (cjk >= other)
    which = np.where(chinese, np.where(hant, 1, 0), np.where((latin > 0) & (latin >= 2 * other), 2, 3))
    return pl.Series("language", ["zh", "zh_hant", "en", "other"])[which]
