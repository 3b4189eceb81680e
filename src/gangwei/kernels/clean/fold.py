"""The cleaning pass over UTF-8 bytes: tags, entities, escapes, NFKC folding and white space in one reading.

Everything the pass knows about characters comes as tables (see `text.compile_text`); the kernel holds no data. Time is
linear in the input; a row stops at `cap` characters.
"""

# ruff: noqa: PLR1714 - compiled by numba, where chained comparisons are cheaper than containers

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from gangwei.kernels.clean.markup import BLOCK, HIDDEN, INLINE, UNENDED, Markup, begins, meant
from gangwei.kernels.lean import lean_inline

TABLE = 0x20000
DROP, SPACE, BREAK, EXPAND = 0, 0x20, 0x0A, 0x80000000
SLOW = 0x10000000  # in the table of encodings: no plain character
CJK, LATIN, OTHER_LETTER, TRAD, MARK, EMOJI = 1, 2, 4, 8, 16, 32
AGAIN, NEEDS_NFKC, CAPPED, HAD_MARKUP, SPACED = 1, 2, 4, 8, 16  # SPACED: a space between two ideographs
N_STATS = 5  # characters, CJK, Latin letters, other letters, traditional-only characters


class Characters(NamedTuple):
    """What becomes of characters: `encodings`; the fold of each code point below TABLE, one of the codes above or EXPAND with the
    number of an expansion; its kinds, a bit each; and the code points of the expansions with their offsets."""

    encoded: NDArray[np.uint32]
    table: NDArray[np.uint32]
    kind: NDArray[np.uint8]
    exp_off: NDArray[np.int32]
    exp_cps: NDArray[np.uint32]


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
def _joiner(data: Any, i: Any, end: Any, cp: Any, kind: Any) -> Any:
    """The joiner `cp` behind an emoji, or 0 where it joins nothing: the one for variants stays, the other before an emoji."""
    if cp == 0xFE0F:
        return np.int64(cp)
    if i < end and data[i] >= 0xE2:
        after, _ = decode(data, i)
        if after < TABLE and kind[after] & EMOJI:
            return np.int64(cp)
    return np.int64(0)


@njit(forceinline=True)  # type: ignore[untyped-decorator]
def _folded(data: Any, i: Any, end: Any, cp: Any, prev: Any, pend: Any, table: Any, kind: Any) -> Any:
    """What becomes of a character that is no markup: its fold, or 0 where it is dropped; joiners stay within emoji."""
    v = np.int64(table[cp]) if cp < TABLE else (np.int64(cp) if cp < 0xE0000 else 0)
    if v == 0 and pend == 0 and (cp == 0x200D or cp == 0xFE0F) and prev < TABLE and kind[prev] & EMOJI:
        return _joiner(data, i, end, cp, kind)
    return v


@lean_inline  # type: ignore[untyped-decorator]
def _white(out: Any, o: Any, first: Any, pend: Any, k: Any, prev: Any, kind: Any, table: Any) -> Any:
    """Write the white space that waits before a character of the kinds `k`; returns the next free position, and SPACED or 0."""
    if pend == 0 or o == first:
        return o, 0
    out[o] = 32 if pend == 1 else 10
    return o + 1, _spaced(prev, kind, table) if pend == 1 and k & CJK else 0


@lean_inline  # type: ignore[untyped-decorator]
def _counted(counts: Any, k: Any) -> Any:
    """The counts of CJK, Latin and other letters and traditional-only characters with one more character of the kinds `k`."""
    cjk, latin, other, trad = counts
    return cjk + (k & 1), latin + ((k >> 1) & 1), other + ((k >> 2) & 1), trad + ((k >> 3) & 1)


@lean_inline  # type: ignore[untyped-decorator]
def _fold_row(
    data: Any, i: Any, end: Any, characters: Any, markup: Any, line_end: Any, cap: Any, out: Any, first: Any
) -> Any:
    """Fold data[i:end] to out[first:]; returns the next free position, characters, `_counted` and the flags of the row."""
    encoded, table, kind, exp_off, exp_cps = characters
    o = first
    pend = chars = flag = seen = prev = 0
    counts = (0, 0, 0, 0)
    comments = np.int64(1)
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
                at, spaced = _white(out, o, first, pend, k, prev, kind, table)
                chars += at - o + 1
                flag |= spaced
                pend = 0
                counts = _counted(counts, k)
                seen |= k
                out[at] = e & 255
                out[at + 1] = (e >> 8) & 255
                out[at + 2] = (e >> 16) & 255
                o = at + (e >> 24)
                prev = cp
                i += width
                continue
        if not begins(cp):
            i += width
        else:
            i, cp, said = meant(data, i, end, cp, prev, markup, comments)
            if said in (INLINE, BLOCK):
                flag |= HAD_MARKUP
                pend = line_end if said == BLOCK else pend
                continue
            comments = np.int64(0) if said == UNENDED else comments
            flag |= AGAIN if said == HIDDEN else 0
        v = _folded(data, i, end, cp, prev, pend, table, kind)
        if v == 0:
            seen |= np.int64(kind[cp]) if cp < TABLE and cp != 0x200D and cp != 0xFE0F else 0
            continue
        if v == SPACE:
            pend = 1 if pend == 0 else pend
            continue
        if v == BREAK:
            pend = line_end
            continue
        k = np.int64(kind[cp]) if cp < TABLE else np.int64(CJK)
        at, spaced = _white(out, o, first, pend, k, prev, kind, table)
        chars += at - o
        flag |= spaced
        pend = 0
        counts = _counted(counts, k)
        seen |= k
        o = at
        if v & EXPAND:
            x = v & 0xFFFFFF
            for m in range(exp_off[x], exp_off[x + 1]):
                o = put(out, o, np.int64(exp_cps[m]))
                chars += 1
        else:
            o = put(out, o, v)
            chars += 1
        prev = cp
    return o, chars, counts, flag | (NEEDS_NFKC if seen & MARK else 0)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def fold(
    data: NDArray[np.uint8],
    span: NDArray[np.int64],
    characters: Characters,
    markup: Markup,
    one_line: bool,
    cap: int,
    out: NDArray[np.uint8],
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int32], NDArray[np.uint8]]:
    """Fold every row: bytes and offsets out, counts (n, N_STATS) and flags (n). The bytes are written to `out`, or to a
    longer array where it is too short."""
    n = len(span)
    room = out.size
    out_off = np.zeros(n + 1, np.int64)
    stats = np.zeros((n, N_STATS), np.int32)
    flags = np.zeros(n, np.uint8)
    line_end = 1 if one_line else 2
    o = 0
    for r in range(n):
        i, end = int(span[r, 0]), int(span[r, 1])
        worst = min((end - i) * 8, cap * 4) + 256
        if o + worst > room:
            room = room + (room >> 1) + worst
            grown = np.empty(room, np.uint8)
            grown[:o] = out[:o]
            out = grown
        o, stats[r, 0], counts, flags[r] = _fold_row(data, i, end, characters, markup, line_end, cap, out, o)
        stats[r, 1], stats[r, 2], stats[r, 3], stats[r, 4] = counts
        out_off[r + 1] = o
    return out[:o], out_off, stats, flags
