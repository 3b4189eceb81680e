"""A text as folded characters, while its UTF-8 is decoded.

Folded is lower case, full-width as half-width, '-' and '_' as a space, look-alike letters as Latin ones; zero-width characters
are dropped, white space stays only between two ASCII words. Each character has its place in the text; clauses are known by
their ends.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from gangwei.kernels.lean import lean, lean_inline

SKIP = 0xFFFF
SPACE = 32
_SPACES = [9, 10, 11, 12, 13, 32, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000]
_HIDDEN = [0, 0xAD, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, *range(0x202A, 0x202F), 0x2060, 0xFE0F, 0xFEFF]
# Cyrillic and Greek letters drawn like Latin ones (Unicode Technical Standard 39, confusables)
_ALIKE = dict(zip(
    "АВЕЅІЈКМНОРСТХУаеѕіјорсхуΑΒΕΖΗΙΚΜΝΟΡΤΥΧο",
    "abesijkmhopctxyaesijopcxyabezhikmnoptyxo",
    strict=True,
))  # fmt: skip
_BREAKS = "\n\r\u2028\u2029。；;！!？?"
_MARKS = "、.)"
# flags of the fold table, above the folded character
IS_WORD, IS_DIGIT, IS_SPACE, IS_HIDDEN, IS_BREAK, IS_MARK = (np.uint32(1 << b) for b in range(16, 22))
_FLAG = np.uint32(18)  # from this bit on a character is not simply kept
_LOW = np.uint32(0xFFFF)
ONE = np.uint64(1)
_TWO = np.uint64(2)
_THREE = np.uint64(3)
_IDEOGRAPHS = np.uint32(0xE4)  # the first of six lead bytes of characters that are kept as they are, U+4000 to U+9FFF
_SIX = np.uint32(6)


@lru_cache(maxsize=1)
def fold_table() -> NDArray[np.uint32]:
    """Folded character and flags of the 65,536 characters of the basic plane.

    The flags: ASCII word character, digit, space, hidden, ends a clause, may end a list number.
    """
    fold = np.arange(65536, dtype=np.uint32)
    for wide in range(0xFF01, 0xFF5F):
        fold[wide] = wide - 0xFEE0
    fold[_SPACES] = SPACE
    fold[_HIDDEN] = SKIP
    fold[[0x2D, 0x5F, 0x2010, 0x2011, 0x2012, 0x2013, 0xFF0D, 0xFF3F]] = SPACE
    fold[ord("，")] = ord(",")
    fold[(fold >= 65) & (fold <= 90)] += 32
    for like, letter in _ALIKE.items():
        fold[ord(like)] = ord(letter)
    table = fold.copy()
    table[((fold >= 97) & (fold <= 122)) | ((fold >= 48) & (fold <= 57))] |= IS_WORD
    table[(fold >= 48) & (fold <= 57)] |= IS_DIGIT
    table[fold == SPACE] |= IS_SPACE
    table[fold == SKIP] |= IS_HIDDEN
    table[[ord(c) for c in _BREAKS]] |= IS_BREAK
    table[np.isin(fold, [ord(c) for c in _MARKS])] |= IS_MARK
    return table


@njit(nogil=True, forceinline=True)
def is_word(c):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Whether a folded character belongs to an ASCII word."""
    return 97 <= c <= 122 or 48 <= c <= 57


@lean_inline
def _of_three(data, i, lead):  # type: ignore[no-untyped-def]  # pragma: no cover
    """The code point of the three bytes at data[i], of which `lead` is the first."""
    low = (np.uint32(data[i + ONE] & 0x3F) << np.uint32(6)) | np.uint32(data[i + _TWO] & 0x3F)
    return ((lead & np.uint32(0x0F)) << np.uint32(12)) | low


@lean_inline
def _digit_at(data, i, end):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Whether a digit stands at data[i], before `end`."""
    return i < end and 48 <= data[i] <= 57


@lean_inline
def _number_before(chars, n):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Digits of the list number at the end of chars[:n], such as the 12 of "12、", which opens a clause; 0 where a word or a
    decimal point stands before them. The last character is a digit."""
    k = _TWO if n >= _TWO and 48 <= chars[n - _TWO] <= 57 else ONE
    return np.uint64(0) if n > k and (is_word(chars[n - k - ONE]) or chars[n - k - ONE] == 46) else k


@lean
def decode(data, a, b, table, chars, pos, ends):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Fold the UTF-8 bytes data[a:b]; fill chars and pos (character index of each), and ends: clause j is chars[:ends[j]].

    Returns (folded characters, clauses); a 0 stands behind the last character. Indexes are unsigned, so that no negative
    one is looked for.
    """
    n = np.uint64(0)
    m = np.uint64(0)
    at = np.int32(0)
    gap = np.uint32(0)
    last = np.uint32(0)
    told = np.uint64(0)
    i = np.uint64(a)
    end = np.uint64(b)
    while i < end:
        lead = np.uint32(data[i])
        if lead - _IDEOGRAPHS < _SIX:
            while i < end:
                lead = np.uint32(data[i])
                if lead - _IDEOGRAPHS >= _SIX:
                    break
                chars[n] = _of_three(data, i, lead)
                pos[n] = at
                at += np.int32(1)
                n += ONE
                i += _THREE
            gap = np.uint32(0)
            last = np.uint32(0)
            continue
        if lead < 0x80:
            c = lead
            i += ONE
        elif lead >= 0xF0:
            c = np.uint32(0xFFFD)
            i += np.uint64(4)
        elif lead >= 0xE0:
            c = _of_three(data, i, lead)
            i += _THREE
        else:
            c = ((lead & np.uint32(0x1F)) << np.uint32(6)) | np.uint32(data[i + ONE] & 0x3F)
            i += _TWO
        w = table[c]
        at += np.int32(1)
        if w >> _FLAG:
            if w & IS_BREAK and told < n:
                ends[m] = told = n
                m += ONE
            if w & IS_SPACE:
                gap = np.uint32(1)
                continue
            if w & IS_HIDDEN:
                continue
            if w & IS_MARK and n and 48 <= chars[n - ONE] <= 57 and not ((w & _LOW) == 46 and _digit_at(data, i, end)):
                k = _number_before(chars, n)
                if k and told < n - k:
                    ends[m] = told = n - k
                    m += ONE
        word = (w >> np.uint32(16)) & np.uint32(1)
        chars[n] = SPACE
        pos[n] = at - 2
        n += np.uint64(gap & last & word)
        chars[n] = w
        pos[n] = at - 1
        n += ONE
        gap = np.uint32(0)
        last = word
    if told < n:
        ends[m] = n
        m += ONE
    chars[n] = 0
    return np.int64(n), np.int64(m)


def fold_text(text: str) -> NDArray[np.uint16]:
    """The folded characters of one string (for tests and for compiling terms)."""
    data = np.frombuffer(text.encode("utf-8", "replace") + b"\0", np.uint8)
    size = len(data) + 3
    chars, pos, ends = np.empty(size, np.uint16), np.empty(size, np.int32), np.empty(size, np.int32)
    n, _ = decode(data, 0, len(data) - 1, fold_table(), chars, pos, ends)
    return chars[:n].copy()
