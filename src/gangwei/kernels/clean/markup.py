"""Markup and escapes inside of text: what a tag, a character reference or a backslash stands for.

What is known of names comes as tables (see `text.compile_text`). Time is linear: a tag is looked for in at most `TAG_SPAN` bytes.
"""

# ruff: noqa: PLR1714 - compiled by numba, where chained comparisons are cheaper than containers

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

TAG_SPAN = 4096
INLINE, BLOCK, SKIP = 1, 2, 3  # what a tag does
UNENDED, HIDDEN = -1, 4  # a comment that never ends; a reference to a character that may begin markup
FNV, PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)


class Markup(NamedTuple):
    """Names of tags and of characters by hash, in order: what a tag does; code point, and whether it goes without a semicolon."""

    tag_hash: NDArray[np.uint64]
    tag_effect: NDArray[np.uint8]
    ent_hash: NDArray[np.uint64]
    ent_cp: NDArray[np.uint32]
    ent_bare: NDArray[np.uint8]


def name_hash(name: str) -> int:
    """FNV-1a of an ASCII name: how the kernel looks up tags and entities."""
    h = int(FNV)
    for b in name.encode("ascii"):
        h = ((h ^ b) * int(PRIME)) & 0xFFFFFFFFFFFFFFFF
    return h


@njit(forceinline=True)  # type: ignore[untyped-decorator]
def _find(table: Any, h: Any) -> int:
    lo, hi = 0, table.size
    while lo < hi:
        mid = (lo + hi) >> 1
        if table[mid] < h:
            lo = mid + 1
        else:
            hi = mid
    return lo if lo < table.size and table[lo] == h else -1


@njit(forceinline=True)  # type: ignore[untyped-decorator]
def _alnum(c: Any) -> Any:
    return 48 <= c <= 57 or 65 <= c <= 90 or 97 <= c <= 122


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _tag(data: Any, i: int, end: int, tag_hash: Any, tag_effect: Any, comments: int) -> tuple[int, int]:
    """The tag that starts at data[i] == '<': (first byte behind it, effect), (i, 0) when it is no tag, (i, UNENDED) for a
    comment that never ends."""
    if i + 3 < end and data[i + 1] == 33:  # <!
        if data[i + 2] == 45 and data[i + 3] == 45:  # <!--
            j = i + 4
            while comments and j < end - 2:
                if data[j] == 45 and data[j + 1] == 45 and data[j + 2] == 62:
                    return j + 3, INLINE
                j += 1
            return i, UNENDED
        if data[i + 2] | 32 != 100:  # d of doctype
            return i, 0
    j = i + 1
    closing = False
    if j < end and data[j] == 47:
        closing = True
        j += 1
    elif j < end and data[j] == 33:
        j += 1
    start = j
    h = FNV
    while j < end and j - start < 12 and _alnum(data[j]):
        c = data[j]
        if 65 <= c <= 90:
            c = c + 32
        h = (h ^ np.uint64(c)) * PRIME
        j += 1
    if j == start or j >= end:
        return i, 0
    c = data[j]
    if not (c == 62 or c == 47 or c == 32 or c == 9 or c == 10 or c == 13):
        return i, 0
    k = _find(tag_hash, h)
    if k < 0:
        return i, 0
    effect = tag_effect[k]
    stop = min(end, i + TAG_SPAN)
    quote = 0
    plain = -1
    while j < stop:
        c = data[j]
        if c == 62:
            if quote == 0:
                plain = j
                break
            if plain < 0:
                plain = j
        elif quote:
            if c == quote:
                quote = 0
        elif (c == 34 or c == 39) and data[j - 1] == 61:
            quote = c
        j += 1
    if plain < 0:
        return i, 0
    j = plain + 1
    if effect == SKIP and not closing and data[plain - 1] != 47:
        # the content goes too, up to the closing tag of the same name
        name_len = 0
        while _alnum(data[start + name_len]):
            name_len += 1
        k2 = j
        while k2 + name_len + 2 < end:
            if data[k2] == 60 and data[k2 + 1] == 47:
                same = True
                for m in range(name_len):
                    if data[k2 + 2 + m] | 32 != data[start + m] | 32:
                        same = False
                        break
                if same:
                    k2 += 2 + name_len
                    while k2 < end and data[k2] != 62:
                        k2 += 1
                    return min(k2 + 1, end), BLOCK
            k2 += 1
        return end, BLOCK
    return j, (INLINE if effect == SKIP else effect)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _entity(data: Any, i: int, end: int, ent_hash: Any, ent_cp: Any, ent_bare: Any) -> tuple[int, int]:
    """The character reference at data[i] == '&': (first byte behind it, code point), or (i, 0)."""
    j = i + 1
    if j < end and data[j] == 35:
        j += 1
        hexa = j < end and data[j] | 32 == 120
        if hexa:
            j += 1
        start = j
        v = 0
        while j < end and j - start < 8:
            c = data[j]
            if 48 <= c <= 57:
                d = c - 48
            elif hexa and 97 <= (c | 32) <= 102:
                d = (c | 32) - 87
            else:
                break
            v = v * (16 if hexa else 10) + d
            j += 1
        if j == start or v <= 0 or v > 0x10FFFF or 0xD800 <= v < 0xE000:
            return i, 0
        if j < end and data[j] == 59:
            return j + 1, v
        return (j, v) if not hexa else (i, 0)
    start = j
    h = FNV
    while j < end and j - start < 31 and _alnum(data[j]):
        h = (h ^ np.uint64(data[j])) * PRIME
        j += 1
        if j < end and (data[j] == 59 or j - start <= 6):
            k = _find(ent_hash, h)
            if k >= 0:
                if data[j] == 59:
                    return j + 1, ent_cp[k]
                if ent_bare[k] and not (_alnum(data[j]) or data[j] == 61):
                    return j, ent_cp[k]
    if j == end and j > start:
        k = _find(ent_hash, h)
        if k >= 0 and ent_bare[k]:
            return j, ent_cp[k]
    return i, 0


@njit(forceinline=True)  # type: ignore[untyped-decorator]
def _hex4(data: Any, i: int) -> int:
    v = 0
    for j in range(i, i + 4):
        c = data[j]
        if 48 <= c <= 57:
            v = v * 16 + (c - 48)
        elif 97 <= (c | 32) <= 102:
            v = v * 16 + ((c | 32) - 87)
        else:
            return -1
    return v


@njit(forceinline=True)  # type: ignore[untyped-decorator]
def _escaped(data: Any, i: Any, end: Any, cp: Any, before: Any) -> Any:
    """(next position, code point) at an ASCII character: `_x000A_`, a backslash with n, r, t or a slash stand for another one."""
    if cp == 95 and i + 7 <= end and data[i + 1] | 32 == 120 and data[i + 6] == 95:
        v = np.int64(_hex4(data, i + 2))
        if 0 <= v < 32:
            return i + 7, v
    elif cp == 92 and i + 1 < end:
        c = data[i + 1]
        if c == 47:  # as JSON may write a slash
            return i + 2, np.int64(47)
        path = i + 2 < end and before < 128 and 97 <= (data[i + 2] | 32) <= 122
        if (c == 110 or c == 114 or c == 116) and not path:
            return i + 2, np.int64(9 if c == 116 else 10)
    return i + 1, cp


@njit(forceinline=True)  # type: ignore[untyped-decorator]
def begins(cp: Any) -> Any:
    """Whether a tag, a reference or an escape may begin with the character: < & _ or a backslash."""
    return cp == 60 or cp == 38 or cp == 95 or cp == 92


@njit(forceinline=True)  # type: ignore[untyped-decorator]
def meant(data: Any, i: Any, end: Any, cp: Any, before: Any, markup: Any, comments: Any) -> Any:
    """(next position, code point, what is said of it) at the ASCII character `cp` behind `before`: INLINE or BLOCK for a tag,
    which is passed over, UNENDED or HIDDEN, else 0. Without `comments` none is looked for to its end."""
    if cp == 60:
        j, effect = _tag(data, i, end, markup.tag_hash, markup.tag_effect, comments)
        return (j if effect > 0 else i + 1), cp, np.int64(effect)
    if cp == 38:
        j, ref = _entity(data, i, end, markup.ent_hash, markup.ent_cp, markup.ent_bare)
        if ref:
            return j, np.int64(ref), np.int64(HIDDEN if ref == 60 or ref == 38 else 0)
        return i + 1, cp, np.int64(0)
    j, cp = _escaped(data, i, end, cp, before)
    return j, cp, np.int64(0)
