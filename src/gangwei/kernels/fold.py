"""The cleaning pass over UTF-8 bytes: tags, entities, escapes, NFKC folding and white space in one reading.

Everything the pass knows about characters comes as tables (see `text.compile_text`); the kernel holds no data. Time is
linear in the input: a tag is looked for in at most `TAG_SPAN` bytes, a row stops at `cap` characters.
"""

# ruff: noqa: PLR1714 - compiled by numba, where chained comparisons are cheaper than containers

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

TABLE = 0x20000
DROP, SPACE, BREAK, EXPAND = 0, 0x20, 0x0A, 0x80000000
SLOW = 0x10000000  # in the table of encodings: no plain character
CJK, LATIN, OTHER_LETTER, TRAD, MARK, EMOJI = 1, 2, 4, 8, 16, 32
TAG_SPAN = 4096
INLINE, BLOCK, SKIP = 1, 2, 3
AGAIN, NEEDS_NFKC, CAPPED, HAD_MARKUP, SPACED = 1, 2, 4, 8, 16  # SPACED: a space between two ideographs
N_STATS = 5  # characters, CJK, Latin letters, other letters, traditional-only characters
FNV, PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)


def encodings(table: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The fold of every code point of the BMP, ready to be written: up to three UTF-8 bytes and their number in bits 24-25;
    SLOW for white space, dropped and expanded characters and for those that may start markup or an escape."""
    v = table[:0x10000]
    two = (0xC0 | v >> 6) | (0x80 | v & 0x3F) << 8 | 2 << 24
    three = (0xE0 | v >> 12) | (0x80 | v >> 6 & 0x3F) << 8 | (0x80 | v & 0x3F) << 16 | 3 << 24
    out = np.where(v < 0x80, v | 1 << 24, np.where(v < 0x800, two, three)).astype(np.uint32)
    slow = np.isin(v, (DROP, SPACE, BREAK)) | (v >= 0x10000) | ((v >= 0xD800) & (v < 0xE000))
    slow[[ord(c) for c in "<&_\\"]] = True
    out[slow] = SLOW
    return out


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
def _alnum(c: Any) -> bool:
    return 48 <= c <= 57 or 65 <= c <= 90 or 97 <= c <= 122


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _tag(data: Any, i: int, end: int, tag_hash: Any, tag_effect: Any, comments: int) -> tuple[int, int]:
    """The tag that starts at data[i] == '<': (first byte behind it, effect), (i, 0) when it is no tag, (i, -1) when it is a
    comment that never ends."""
    if i + 3 < end and data[i + 1] == 33:  # <!
        if data[i + 2] == 45 and data[i + 3] == 45:  # <!--
            j = i + 4
            while comments and j < end - 2:
                if data[j] == 45 and data[j + 1] == 45 and data[j + 2] == 62:
                    return j + 3, INLINE
                j += 1
            return i, -1
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
def put(out: Any, o: int, cp: int) -> int:
    """Write one code point as UTF-8 at out[o]; returns the next free position."""
    if cp < 0x80:
        out[o] = cp
        return o + 1
    if cp < 0x800:
        out[o] = 0xC0 | (cp >> 6)
        out[o + 1] = 0x80 | (cp & 0x3F)
        return o + 2
    if cp < 0x10000:
        out[o] = 0xE0 | (cp >> 12)
        out[o + 1] = 0x80 | ((cp >> 6) & 0x3F)
        out[o + 2] = 0x80 | (cp & 0x3F)
        return o + 3
    out[o] = 0xF0 | (cp >> 18)
    out[o + 1] = 0x80 | ((cp >> 12) & 0x3F)
    out[o + 2] = 0x80 | ((cp >> 6) & 0x3F)
    out[o + 3] = 0x80 | (cp & 0x3F)
    return o + 4


@njit(forceinline=True)  # type: ignore[untyped-decorator]
def decode(data: Any, i: int) -> tuple[int, int]:
    """The code point at data[i] of valid UTF-8 and its length in bytes."""
    c = np.int64(data[i])
    if c < 0x80:
        return c, 1
    if c < 0xE0:
        return ((c & 0x1F) << 6) | (np.int64(data[i + 1]) & 0x3F), 2
    if c < 0xF0:
        return ((c & 0x0F) << 12) | ((np.int64(data[i + 1]) & 0x3F) << 6) | (np.int64(data[i + 2]) & 0x3F), 3
    return (
        ((c & 0x07) << 18)
        | ((np.int64(data[i + 1]) & 0x3F) << 12)
        | ((np.int64(data[i + 2]) & 0x3F) << 6)
        | (np.int64(data[i + 3]) & 0x3F)
    ), 4


@njit(forceinline=True)  # type: ignore[untyped-decorator]
def _spaced(before: int, kind: Any, table: Any) -> int:
    """SPACED where the character before a space may end in an ideograph."""
    return SPACED if before >= TABLE or kind[before] & CJK or table[before] & EXPAND else 0


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
def _joiner(data: Any, i: Any, end: Any, cp: Any, kind: Any) -> Any:
    """The joiner `cp` behind an emoji, or 0 where it joins nothing: the one for variants stays, the other before an emoji."""
    if cp == 0xFE0F:
        return np.int64(cp)
    if i < end and data[i] >= 0xE2:
        after, _ = decode(data, i)
        if after < TABLE and kind[after] & EMOJI:
            return np.int64(cp)
    return np.int64(0)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def fold(
    data: NDArray[np.uint8],
    off: NDArray[np.int64],
    encoded: NDArray[np.uint32],
    table: NDArray[np.uint32],
    kind: NDArray[np.uint8],
    exp_off: NDArray[np.int32],
    exp_cps: NDArray[np.uint32],
    tag_hash: NDArray[np.uint64],
    tag_effect: NDArray[np.uint8],
    ent_hash: NDArray[np.uint64],
    ent_cp: NDArray[np.uint32],
    ent_bare: NDArray[np.uint8],
    markup: bool,
    one_line: bool,
    cap: int,
    out: NDArray[np.uint8],
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int32], NDArray[np.uint8]]:
    """Fold every row: bytes and offsets out, counts (n, N_STATS) and flags (n). The bytes are written to `out`, or to a
    longer array where it is too short."""
    n = off.size - 1
    room = out.size
    out_off = np.zeros(n + 1, np.int64)
    stats = np.zeros((n, N_STATS), np.int32)
    flags = np.zeros(n, np.uint8)
    o = 0
    for r in range(n):
        first = o
        i = int(off[r])
        end = int(off[r + 1])
        pend = 0
        chars = 0
        cjk = 0
        latin = 0
        other = 0
        trad = 0
        flag = 0
        seen = 0
        prev = 0
        comments = np.int64(1)
        worst = min((end - i) * 8, cap * 4) + 256
        if o + worst > room:
            room = room + (room >> 1) + worst
            grown = np.empty(room, np.uint8)
            grown[:o] = out[:o]
            out = grown
        while i < end:
            if chars >= cap:
                flag |= CAPPED
                break
            c0 = np.int64(data[i])
            cp = c0
            width = 1
            if c0 >= 0x80:
                cp, width = decode(data, i)
            if cp < 0x10000:
                e = np.int64(encoded[cp])
                if e < SLOW:
                    k = np.int64(kind[cp])
                    if pend:
                        if o > first:
                            out[o] = 32 if pend == 1 else 10
                            o += 1
                            chars += 1
                            if pend == 1 and k & CJK:
                                flag |= _spaced(prev, kind, table)
                        pend = 0
                    cjk += k & 1
                    latin += (k >> 1) & 1
                    other += (k >> 2) & 1
                    trad += (k >> 3) & 1
                    seen |= k
                    out[o] = e & 255
                    out[o + 1] = (e >> 8) & 255
                    out[o + 2] = (e >> 16) & 255
                    o += e >> 24
                    chars += 1
                    prev = cp
                    i += width
                    continue
            if cp < 128:
                if cp == 60 and markup:
                    j, effect = _tag(data, i, end, tag_hash, tag_effect, comments)
                    if effect < 0:
                        comments = np.int64(0)
                    elif effect:
                        i = j
                        flag |= HAD_MARKUP
                        if effect == BLOCK:
                            pend = 1 if one_line else 2
                        continue
                    i += 1
                elif cp == 38 and markup:
                    j, ref = _entity(data, i, end, ent_hash, ent_cp, ent_bare)
                    if ref:
                        i = j
                        cp = ref
                        if ref == 60 or ref == 38:
                            flag |= AGAIN
                    else:
                        i += 1
                else:
                    i, cp = _escaped(data, i, end, cp, prev)
            else:
                i += width
            v = np.int64(table[cp]) if cp < TABLE else (np.int64(cp) if cp < 0xE0000 else 0)
            if v == 0:
                if pend == 0 and (cp == 0x200D or cp == 0xFE0F) and prev < TABLE and kind[prev] & EMOJI:
                    v = _joiner(data, i, end, cp, kind)
                elif cp < TABLE and cp != 0x200D and cp != 0xFE0F:
                    seen |= np.int64(kind[cp])
                if v == 0:
                    continue
            if v == SPACE:
                if pend == 0:
                    pend = 1
                continue
            if v == BREAK:
                pend = 1 if one_line else 2
                continue
            k = np.int64(kind[cp]) if cp < TABLE else np.int64(CJK)
            if pend:
                if o > first:
                    out[o] = 32 if pend == 1 else 10
                    o += 1
                    chars += 1
                    if pend == 1 and k & CJK:
                        flag |= _spaced(prev, kind, table)
                pend = 0
            cjk += k & 1
            latin += (k >> 1) & 1
            other += (k >> 2) & 1
            trad += (k >> 3) & 1
            seen |= k
            if v & EXPAND:
                e = v & 0xFFFFFF
                for m in range(exp_off[e], exp_off[e + 1]):
                    o = put(out, o, np.int64(exp_cps[m]))
                    chars += 1
            else:
                o = put(out, o, v)
                chars += 1
            prev = cp
        if seen & MARK:
            flag |= NEEDS_NFKC
        out_off[r + 1] = o
        stats[r, 0] = chars
        stats[r, 1] = cjk
        stats[r, 2] = latin
        stats[r, 3] = other
        stats[r, 4] = trad
        flags[r] = flag
    return out[:o], out_off, stats, flags
