"""What a job title says: the role without urgency, pay, benefits, place and codes, its level and its kind of position.

A title becomes a *bag* (its meaningful characters and Latin words, as a sorted set), a level, a set of heads (manager,
architect, intern ...), a set of fields of work (test, sales ...), the place it names and the employer's code of the position. Two titles with one bag and
one set of heads share a key; a title whose bag lies inside the other's is a shorter name of the same role.

Words and patterns come from `definitions/openings/title_words.csv`, `title_patterns.csv`, `title_places.csv` and `title_codes.csv`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl
from numba import njit

from gangwei.kernels.clean.fold import decode
from gangwei.kernels.hashing import hash_strings
from gangwei.kernels.signature import mix64
from gangwei.kernels.strings import string_spans

if TYPE_CHECKING:
    from gangwei.codebook import Codebook

HEADS = (
    "manager", "lead", "director", "architect", "assistant", "intern", "graduate", "parttime", "expert", "teacher",
    "hardware",
)  # fmt: skip
FUNCTIONS = (
    "dev", "test", "ops", "product", "sales", "design", "support", "service", "data", "algo", "teach", "market",
    "admin", "hr", "finance",
)  # fmt: skip
_DIGITS = " ".join("0123456789")
MAX_TOKENS = 24
MOST_TOKENS, MOST_WEAK = 512, 64  # of a title while it is read
MAX_TITLE = 120
GENERIC = np.uint32(0xE3FF)
_LEVEL, _HEAD, _FUNCTION, _WEAK, _LAST, _PLACE, _END = 0xE000, 0xE100, 0xE200, 0xE300, 0xE380, 0xE400, 0xF000
_LATIN = re.compile(r"[a-z0-9.+#]+")


@dataclass(frozen=True)
class TitleRules:
    """Compiled title words: regular expressions first, then all words at once, longest first."""

    patterns: tuple[tuple[str, str], ...]
    needs: tuple[str, ...]
    words: tuple[str, ...]
    values: tuple[str, ...]
    codes: tuple[str, ...]
    coded: tuple[str, ...]
    """What a title with a code holds"""


def _pad(text: str) -> str:
    """Latin words stand alone between two spaces on either side, so that a word never matches inside another."""
    padded = re.sub(r"\s+", "    ", _LATIN.sub(r" \g<0> ", text))
    return ("  " + padded.strip() if padded.startswith(" ") else padded.rstrip()) + ("  " if padded[-1] == " " else "")


def compile_titles(book: Codebook) -> TitleRules:
    """Read the title definitions.

    Raises:
        ValueError: a word has an unknown kind or value.
    """
    table: dict[str, str] = {}
    synonyms: list[tuple[str, str]] = []
    weak = last = 0
    for row in book.rows("openings/title_words.csv"):
        kind, text, value = row["kind"], row["text"].lower(), row["value"]
        if kind == "noise":
            code = " "
        elif kind == "generic":
            code = chr(_FUNCTION + FUNCTIONS.index(value)) if value else " "
        elif kind == "weak":
            code, weak = chr(_WEAK + weak), weak + 1
        elif kind == "last":
            code, last = chr(_LAST + last), last + 1
        elif kind == "level":
            code = chr(_LEVEL + int(value))
        elif kind == "head":
            code = chr(_HEAD + HEADS.index(value))
        elif kind == "function":
            code = chr(_FUNCTION + FUNCTIONS.index(value)) + f" {text} "
        elif kind == "synonym":
            synonyms.append((text, value))
            continue
        else:
            raise ValueError(f"openings/title_words.csv {row['id']}: unknown kind {kind}")
        table[text] = code
    index: dict[str, int] = {}
    for row in book.rows("openings/title_places.csv"):
        table.setdefault(row["name"].lower(), chr(_PLACE + index.setdefault(row["place"], len(index))))
    longest = sorted(table, key=lambda w: (-len(w), w))
    for text, value in synonyms:
        out, rest = "", value.lower()
        while rest:
            hit = next((w for w in longest if rest.startswith(w) and not _LATIN.fullmatch(w)), rest[0])
            out, rest = out + table.get(hit, hit), rest[len(hit) :]
        table[text] = f" {out} "
    words = sorted(((_pad(w), c) for w, c in table.items()), key=lambda p: (-len(p[0]), p[0]))
    patterns, codes = book.rows("openings/title_patterns.csv"), book.rows("openings/title_codes.csv")
    return TitleRules(
        tuple((r["pattern"], r["value"] or " ") for r in patterns), _needs(patterns),
        tuple(w for w, _ in words), tuple(c for _, c in words),
        tuple(r["pattern"] for r in codes), _needs(codes),
    )  # fmt: skip


def _needs(rows: list[dict[str, str]]) -> tuple[str, ...]:
    """Strings of which any match of a pattern holds at least one."""
    return tuple(sorted({n for r in rows for n in r["needs"].replace("digit", _DIGITS).split()}))


@njit(forceinline=True)  # type: ignore[untyped-decorator]
def _latin(c: Any, inside: Any) -> bool:
    """Whether the character belongs to a Latin word: letters, digits, + and #, and a dot inside of the title."""
    return (97 <= c <= 122) or (48 <= c <= 57) or c in (43, 35) or (c == 46 and inside)


@njit(forceinline=True)  # type: ignore[untyped-decorator]
def _between(c: Any) -> bool:
    """Whether the character is white space or a mark."""
    return c < 0x3400 and not (0x3040 <= c < 0x3100) and not (0x00C0 <= c < 0x0600)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _bag(tokens: Any, n: Any, weak: Any, w: Any, functions: Any, bag: Any) -> Any:
    """Put the n tokens in order and once each into `bag`; returns how many. Where there are none the weak words stand in for
    them, those of the last resort where there are no others, then the functions."""
    for below in (_LAST, _PLACE):
        if n == 0:
            for x in range(w):
                if weak[x] < below:
                    tokens[n] = weak[x]
                    n += 1
    if n == 0 and functions != 0:
        tokens[0] = GENERIC
        n = 1
    ordered = np.sort(tokens[:n])
    m = 0
    for x in range(n):
        if (x == 0 or ordered[x] != ordered[x - 1]) and m < bag.size:
            bag[m] = ordered[x]
            m += 1
    return m


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _bags(data: Any, span: Any, bag: Any, count: Any, level: Any, heads: Any, functions: Any, place: Any) -> None:
    """Words, level, heads, functions and place of each title core.

    Args:
        data, span: folded title cores.
        bag: words of each row, shape (rows, MAX_TOKENS); with `count`, `level`, `heads`, `functions` and `place` (one a
            row) it is filled, zeros before.
    """
    tokens = np.empty(MOST_TOKENS, np.uint32)
    weak = np.empty(MOST_WEAK, np.uint32)
    for r in range(len(span)):
        i, end = span[r, 0], span[r, 1]
        n = w = 0
        level_sum: Any = 0
        level_n = 0
        word = np.uint64(0)
        word_n = lettered = 0
        single = False
        at_edge = True
        pending: Any = -1  # the place at the edge of a word, which counts where the word ends with it
        while i <= end:
            c, width = (np.int64(32), 1) if i == end else decode(data, i)
            i += width
            if _latin(c, i < end):
                word = (word ^ np.uint64(c)) * np.uint64(0x100000001B3) + np.uint64(1)
                word_n += 1
                lettered += 1 if 97 <= c <= 122 else 0
                single = c in (99, 114)
                pending = -1
                at_edge = False
                continue
            if word_n > 0:
                if n < MOST_TOKENS and (lettered > 1 or (lettered == 1 and (word_n > 1 or single))):
                    tokens[n] = np.uint32(mix64(word) >> np.uint64(33)) | np.uint32(0x80000000)
                    n += 1
                word = np.uint64(0)
                word_n = lettered = 0
            if _between(c) or c >= 0x10000:
                if pending >= 0:
                    place[r] += mix64(np.uint64(pending + 1))
                    pending = -1
                at_edge = True
                continue
            begins, at_edge, pending = at_edge, False, -1
            if _LEVEL <= c < _HEAD:
                level_sum += c - _LEVEL
                level_n += 1
            elif _HEAD <= c < _FUNCTION:
                heads[r] |= np.uint32(1) << np.uint32(c - _HEAD)
            elif _FUNCTION <= c < _WEAK:
                functions[r] |= np.uint32(1) << np.uint32(c - _FUNCTION)
            elif _WEAK <= c < _PLACE:
                if w < MOST_WEAK:
                    weak[w] = np.uint32(c)
                    w += 1
            elif _PLACE <= c < _END:
                pending = c if begins else -1
            elif n < MOST_TOKENS:
                tokens[n] = np.uint32(c)
                n += 1
        if level_n > 0:
            level[r] = level_sum // level_n
        count[r] = _bag(tokens, n, weak, w, functions[r], bag[r])


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _keys(bag: Any, count: Any, heads: Any, key: Any) -> None:
    for r in range(count.size):
        h = np.uint64(heads[r]) + np.uint64(0x9E37)
        for x in range(count[r]):
            h = mix64(h ^ np.uint64(bag[r, x]))
        key[r] = h if count[r] > 0 or heads[r] > 0 else np.uint64(0)


def folded(titles: pl.Series) -> pl.Series:
    """Titles without differences of width and case."""
    return titles.fill_null("").str.slice(0, MAX_TITLE).str.normalize("NFKC").str.to_lowercase()


def title_core(titles: pl.Series, rules: TitleRules) -> pl.Series:
    """Folded titles with patterns and words applied; words that carry meaning are private-use characters."""
    s = titles
    if rules.patterns:
        some = np.flatnonzero(s.str.contains_any(list(rules.needs)).to_numpy())  # no pattern changes the others
        changed = s[some]
        for pattern, value in rules.patterns:
            changed = changed.str.replace_all(pattern, value)
        s = s.clone().scatter(some, changed) if some.size else s
    s = s.str.replace_all(r"[a-z0-9.+#]+", " $0 ").str.replace_all(r"\s+", "    ")
    return s.str.replace_many(list(rules.words), list(rules.values), leftmost=True)


def title_frame(titles: pl.Series, rules: TitleRules) -> pl.DataFrame:
    """The parts of each title.

    Args:
        titles: titles as written or cleaned, shape (n,); hand over distinct values.

    Returns:
        n rows: title_key (UInt64; 0 = nothing said), bag (List[UInt32], at most 24), level (UInt8, twice the rank;
        0 = none), heads and functions (UInt32 bit sets in the order of HEADS and FUNCTIONS), place and code (UInt64; 0 = none).
    """
    n = len(titles)
    bag = np.zeros((n, MAX_TOKENS), np.uint32)
    count, level = np.zeros(n, np.int32), np.zeros(n, np.uint8)
    heads, functions = np.zeros(n, np.uint32), np.zeros(n, np.uint32)
    place, key = np.zeros(n, np.uint64), np.zeros(n, np.uint64)
    low = folded(titles)
    _bags(*string_spans(title_core(low, rules)), bag, count, level, heads, functions, place)
    bare = np.flatnonzero((count == 0) & (heads == 0))
    _keys(bag, count, heads, key)
    if bare.size:
        k = bare.size
        sub, cnt = np.zeros((k, MAX_TOKENS), np.uint32), np.zeros(k, np.int32)
        zero: npt.NDArray[np.uint32] = np.zeros(k, np.uint32)
        _bags(*string_spans(low[bare]), sub, cnt, np.zeros(k, np.uint8), zero, zero.copy(), np.zeros(k, np.uint64))
        own: npt.NDArray[np.uint64] = np.zeros(k, np.uint64)
        _keys(sub, cnt, zero, own)
        key[bare], bag[bare, 0], count[bare] = own, GENERIC, np.minimum(cnt, 1)
    codes = np.zeros(n, np.uint64)
    coded = np.flatnonzero(low.str.contains_any(list(rules.coded)).to_numpy())
    some = low[coded]
    code = pl.select(pl.coalesce(pl.lit(some).str.extract(p) for p in rules.codes).fill_null("")).to_series()
    codes[coded] = np.where((code == "").to_numpy(), np.uint64(0), hash_strings(code))
    ends = np.concatenate([[0], np.cumsum(count)])
    flat = bag[np.arange(MAX_TOKENS)[None, :] < count[:, None]]
    return pl.DataFrame(
        {
            "title_key": key,
            "bag": lists(flat, ends),
            "level": level,
            "heads": heads,
            "functions": functions,
            "place": place,
            "code": codes,
        }
    )


def lists(values: npt.NDArray[np.uint32], ends: npt.NDArray[np.int64]) -> pl.Series:
    """A list column over flat values; row i holds values[ends[i]:ends[i + 1]]."""
    import pyarrow as pa

    series = pl.from_arrow(pa.LargeListArray.from_arrays(pa.array(ends, pa.int64()), pa.array(values)))
    assert isinstance(series, pl.Series)
    return series
