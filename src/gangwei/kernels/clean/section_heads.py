"""The first pass behind `sections`: each text into code points and classes of characters, and where its headings are."""

# ruff: noqa: PLR1714, SIM109 - compiled by numba, where chained comparisons are cheaper than containers

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gangwei.kernels.clean.fold import decode
from gangwei.kernels.clean.trie import longest_back, pair_slot
from gangwei.kernels.lean import lean, lean_inline

DUTIES, REQUIREMENTS, BENEFITS, BLURB, CONTACT, TAGS, OTHER = range(7)

# bits of the class table: what a character can be around a heading
OPEN, CLOSE, STOP, NUMERAL, BREAKS, HOW = 1, 2, 4, 8, 16, 32  # HOW: the class code sits above bit 5
COLON, LINE, BRACKET, ONE, LOOSE, DUTY = 1, 2, 3, 4, 5, 6
WAY = 7 * HOW
MAYBE, LETTER, UPPER = 256, 512, 1024  # may end a sentence; counts for the hash; A to Z
BEYOND = 0x20000  # from here on ideographs again; below lie the emoji


class Heads(NamedTuple):
    """The reversed trie of headings, which pairs of characters begin one, and kind, strength and mixed of each."""

    keys: NDArray[np.uint64]
    values: NDArray[np.int32]
    entry: NDArray[np.int32]
    pair: NDArray[np.uint8]
    info: NDArray[np.int32]


@lean  # type: ignore[untyped-decorator]
def _lead(text: Any, start: Any, cls: Any) -> tuple[int, int]:
    """Where the mark of a heading begins and what stands before it: 2 = line start, 1 = sentence end, 0 = mid-sentence."""
    p = start
    while p > 0 and start - p < 8 and cls[p - 1] & OPEN:
        p -= 1
    q = p
    if q > 0 and (
        text[q - 1] == 0x3001 or text[q - 1] == 46 or text[q - 1] == 41 or text[q - 1] == 44 or text[q - 1] == 58
    ):
        q -= 1
        while q > 0 and p - q < 4 and cls[q - 1] & NUMERAL:
            q -= 1
        if q < p - 1:
            while q > 0 and p - q < 8 and cls[q - 1] & OPEN:
                q -= 1
            if q == 0 or text[q - 1] == 10:
                return q, 2
            return q, 1
    if p == 0 or text[p - 1] == 10:
        return p, 2
    if p < start or cls[p - 1] & BREAKS:
        return p, 1
    return p, 0


@lean  # type: ignore[untyped-decorator]
def characters(
    data: Any,
    start: Any,
    end: Any,
    classes: Any,
    cue_bits: Any,
    text: Any,
    cls: Any,
    cand: Any,
    cue_at: Any,
    stop_at: Any,
) -> tuple[int, int, int, int]:
    """Lower-case code points and classes of data[start:end], and where a heading, a cue or a sentence end may be."""
    size = 0
    candidates = 0
    n_cues = 0
    n_stops = 0
    before = np.int64(10)
    i = start
    while i < end:
        c = np.int64(data[i])
        width = 1
        if c >= 0x80:
            c, width = decode(data, i)
        i += width
        if c < 0x10000:
            w = np.int64(classes[c])
            c = w & 0xFFFF
            w >>= 16
        else:
            w = np.int64(OPEN | CLOSE if c < BEYOND else LETTER)
        text[size] = c
        cls[size] = w
        cand[candidates] = size
        candidates += 1 if w & WAY else 0
        stop_at[n_stops] = size
        n_stops += 1 if w & (STOP | MAYBE) else 0
        cue_at[n_cues] = size - 1
        slot = pair_slot(before, c)
        n_cues += (np.int64(cue_bits[slot >> 3]) >> (slot & 7)) & 1
        before = c
        size += 1
    return size, candidates, n_cues, n_stops


@lean_inline  # type: ignore[untyped-decorator]
def _ascii_heading(text: Any, s: Any, c: Any, how: Any, strength: Any, before: Any) -> Any:
    """Whether Latin letters from `s` on are a heading and not a word of a sentence."""
    if s > 0 and (97 <= text[s - 1] <= 122 or 48 <= text[s - 1] <= 57):
        return False
    if how == COLON:
        return before == 2 or (strength == 3 and before == 1)
    if how == LINE or how == BRACKET:
        return before == 2
    return how == LOOSE and strength == 3 and c != 32 and c != 40 and before == 2


@lean_inline  # type: ignore[untyped-decorator]
def _is_heading(
    text: Any, cls: Any, s: Any, c: Any, how: Any, strength: Any, before: Any, main: Any, short: Any
) -> Any:
    """Whether a phrase from `s` on, with the mark `c` of kind `how` behind it, is a heading.

    `before` is as of `_lead`; `main` tells headings of duties and requirements, `short` one that ends early in its line.
    """
    if text[s] < 128:
        return _ascii_heading(text, s, c, how, strength, before)
    if how == COLON:
        return strength >= 3 or (strength == 2 and before >= 1) or before == 2
    if how == LINE:
        return before == 2 or (strength == 3 and short)
    if how == BRACKET:
        known = before >= 1 and (strength >= 2 or before == 2)
        return known and s > 0 and text[s - 1] != 32 and cls[s - 1] & OPEN > 0
    if how == ONE:
        return strength == 3 or (strength >= 2 and before >= 1)
    if strength < 3:
        return False
    if before == 2:
        return c != 40
    inside = c == 32 and before == 1 and s > 0
    return inside and main and (text[s - 1] == 32 or text[s - 1] == 0x3001 or cls[s - 1] & STOP > 0)


@lean  # type: ignore[untyped-decorator]
def headings(text: Any, cls: Any, size: Any, cand: Any, candidates: Any, heads: Any, head_at: Any, head_id: Any) -> Any:
    """Headings in order: where each begins and which it is; returns their number."""
    keys, values, entry, pair, info = heads
    n = 0
    line: Any = 0
    floor: Any = 0
    cand[candidates] = size
    for at_candidate in range(candidates + 1):
        p = np.int64(cand[at_candidate])
        c = np.int64(text[p]) if p < size else np.int64(10)
        how = (np.int64(cls[p]) & WAY) // HOW if p < size else LINE
        if how == ONE:
            how = 0
            if p + 1 < size and (p == 0 or not 48 <= text[p - 1] <= 57):
                d = text[p + 1]
                if d == 0x3001 or d == 41 or d == 58 or (d == 46 and not (p + 2 < size and 48 <= text[p + 2] <= 57)):
                    how = ONE
        elif how == DUTY:  # 负责 right behind a heading
            how = LOOSE if p + 1 < size and text[p + 1] == 0x8D23 else 0
        if how:
            e = p
            while e > floor and p - e < 6 and cls[e - 1] & CLOSE:
                e -= 1
            if how == COLON and e > floor and text[e - 1] == 41:  # 岗位要求(硬性):
                q = e - 1
                while q > floor and e - q < 16 and text[q] != 40:
                    q -= 1
                if text[q] == 40:
                    e = q
            if e > floor + 1 and pair[pair_slot(text[e - 1], text[e - 2])]:
                k, s = longest_back(keys, values, entry, text, e, max(floor, e - 60))
                if k >= 0:
                    at, before = _lead(text, s, cls)
                    at = max(at, floor)
                    main = p + 1 >= size or info[k, 0] == DUTIES or info[k, 0] == REQUIREMENTS
                    short = (before == 1 or s - line <= 10) and e - line <= 18
                    if _is_heading(text, cls, s, c, how, info[k, 1], before, main, short):
                        if n == 0 or at > head_at[n - 1]:
                            head_at[n] = at
                            head_id[n] = k
                            n += 1
                        floor = p
        if c == 10:
            line = p + 1
    return n
