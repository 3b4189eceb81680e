"""The pass behind `sections`: finds the headings of each text (`section_heads`), then judges sentence by sentence."""

# ruff: noqa: PLR1714, SIM109 - compiled by numba, where chained comparisons are cheaper than containers

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from gangwei.kernels.clean.section_heads import (
    BENEFITS,
    BLURB,
    CONTACT,
    DUTIES,
    LETTER,
    OTHER,
    REQUIREMENTS,
    STOP,
    TAGS,
    UPPER,
    characters,
    headings,
)
from gangwei.kernels.clean.trie import grown, longest_on, pair_slot
from gangwei.kernels.hashing import finish
from gangwei.kernels.lean import lean, lean_inline
from gangwei.kernels.signature import BUCKET_BITS, folded_outside, readable, sketch
from gangwei.schema import SECTION_KINDS

N_KINDS = len(SECTION_KINDS)
# the weight of cues from which a sentence leaves its section
HEADED_CONTACT, HEADED_BLURB, HEADED_BENEFITS, FREE_BLURB = 3, 5, 4, 3
FIELD_SPAN = 400  # a one-line field is looked for no further


class Cues(NamedTuple):
    """Which pairs of characters begin a cue, the trie of cues as `trie.longest_on` takes it, kind, weight and start of each, and
    the most that a pair may add (see `sections`)."""

    bits: NDArray[np.uint8]
    trie: tuple[NDArray[Any], ...]
    info: NDArray[np.int32]
    most: NDArray[np.int64]


@lean_inline  # type: ignore[untyped-decorator]
def _digit(c: Any) -> Any:
    return 48 <= c <= 57


@lean_inline  # type: ignore[untyped-decorator]
def _field_end(text: Any, begin: Any, size: Any) -> Any:
    """Where the one-line field behind a heading ends."""
    p = begin + 1
    furthest = min(size, p + FIELD_SPAN)
    while p < furthest and text[p] != 58 and text[p] != 10 and text[p] != 0x3011:
        p += 1
    p += 1
    while p < furthest and (text[p] == 32 or text[p] == 10):
        p += 1
    while p < furthest and text[p] != 10:
        p += 1
    return p


@lean_inline  # type: ignore[untyped-decorator]
def _sentence_end(text: Any, cls: Any, a: Any, limit: Any, stop_at: Any, next_stop: Any, n_stops: Any) -> Any:
    """Where the sentence from `a` on ends: at a stop or the next list number, at `limit` at the latest."""
    for at_stop in range(next_stop, n_stops):
        p: Any = np.int64(stop_at[at_stop])
        if p >= limit:
            break
        c = text[p]
        if cls[p] & STOP:
            return p + 1
        if c == 46:
            # a full stop of Latin script, not one of a number or an abbreviation
            if p + 2 < limit and text[p + 1] == 32 and cls[p + 2] & UPPER and p > a and 97 <= text[p - 1] <= 122:
                return p + 1
        elif p > a + 2 and p + 1 < limit and not _digit(text[p - 1]) and text[p - 1] != 46:
            d = p + 1
            while d < limit and d - p < 2 and _digit(text[d]):
                d += 1
            if d + 1 < limit and (
                text[d] == 0x3001 or ((text[d] == 46 or text[d] == 41 or text[d] == 44) and not _digit(text[d + 1]))
            ):
                return p
    return limit


@lean_inline  # type: ignore[untyped-decorator]
def _first_word(text: Any, cls: Any, a: Any, b: Any) -> Any:
    """Where a sentence begins behind marks and a list number."""
    p = a
    while p < b and not cls[p] & LETTER:
        p += 1
    while p < b and (
        _digit(text[p]) or text[p] == 0x3001 or text[p] == 46 or text[p] == 41 or text[p] == 32 or text[p] == 44
    ):
        p += 1
    while p < b and not cls[p] & LETTER and text[p] != 0x3014:
        p += 1
    return p


@lean_inline  # type: ignore[untyped-decorator]
def _may_leave(kind: Any, last: Any, most: Any) -> Any:
    """Whether cues that add at most `most` can make a sentence leave the section of its heading."""
    if kind == TAGS or kind == BLURB:
        return False
    contact, blurb, benefits = most >> 42, (most >> 21) & 0x1FFFFF, most & 0x1FFFFF
    return last == BLURB or contact >= HEADED_CONTACT or blurb >= HEADED_BLURB or benefits >= HEADED_BENEFITS


@lean_inline  # type: ignore[untyped-decorator]
def _under_heading(kind: Any, last: Any, score: Any, size: Any, numbered: Any, far: Any) -> Any:
    """The kind of a sentence of `size` characters under a heading of one kind; `far` tells that it stands well below the heading."""
    if kind == TAGS:
        return kind
    if score[CONTACT] >= HEADED_CONTACT and (size <= 60 or score[CONTACT] >= 6) and kind != BLURB:
        return np.int64(CONTACT)
    if kind == DUTIES or kind == REQUIREMENTS:
        if score[BLURB] >= HEADED_BLURB and score[BLURB] > score[kind] + 2:
            return np.int64(BLURB)
        if (
            score[BENEFITS] >= HEADED_BENEFITS
            and score[BENEFITS] > score[kind] + 1
            and score[BENEFITS] > score[REQUIREMENTS] + score[DUTIES]
        ):
            return np.int64(BENEFITS)
    if (kind == CONTACT or kind == OTHER) and far:
        if score[REQUIREMENTS] >= 3 and score[REQUIREMENTS] > score[CONTACT] + score[DUTIES]:
            return np.int64(REQUIREMENTS)
        if score[DUTIES] >= 3 and score[DUTIES] > score[CONTACT] + score[REQUIREMENTS]:
            return np.int64(DUTIES)
    elif last == BLURB and not numbered:
        total = 0
        for j in range(N_KINDS):
            total += score[j]
        if total == 0:
            return np.int64(BLURB)
    return kind


@lean_inline  # type: ignore[untyped-decorator]
def _by_cues(score: Any, any_duties: Any, any_needs: Any) -> Any:
    """The kind that the cues of a sentence speak for, or -1; sections that have a heading elsewhere in the text need more."""
    best = -1
    top = 0
    for j in range(N_KINDS):
        points = score[j]
        if j == REQUIREMENTS and any_needs:
            points -= 2
        if points > top and not (j == BLURB and points < FREE_BLURB):
            top = points
            best = j
    if any_needs and best == REQUIREMENTS and top < 4:
        best = -1
    if any_duties and top < 3:
        best = -1
    return best


@lean_inline  # type: ignore[untyped-decorator]
def _add_cues(text: Any, cue_at: Any, next_cue: Any, behind: Any, begin: Any, b: Any, cues: Any, score: Any) -> Any:
    """Add cue_at[next_cue:behind] to the scores of the sentence text[begin:b]; returns whether there was any."""
    keys, values, entry, second, lead, deep = cues.trie
    found = False
    floor = begin
    for j in range(next_cue, behind):
        p: Any = np.int64(cue_at[j])
        if p < floor or (text[p] <= 127 and p > 0 and 97 <= text[p - 1] <= 122):
            continue
        k, e = longest_on(keys, values, entry, second, lead, deep, text, p, b)
        if k >= 0:
            where = cues.info[k, 2]
            if where == 0 or p == begin:
                score[cues.info[k, 0]] += cues.info[k, 1]
            elif where == 2:
                score[cues.info[k, 0]] += 1
            floor = e
            found = True
    return found


@lean  # type: ignore[untyped-decorator]
def _sentences(
    text: Any, cls: Any, size: Any, stop_at: Any, n_stops: Any, cue_at: Any, n_cues: Any, head_at: Any, head_id: Any,
    heads: Any, info: Any, cues: Any, score: Any, kinds: Any, starts: Any, ends: Any, m: Any,
) -> Any:  # fmt: skip
    """Spans of one text from position `m` on; returns the position behind them."""
    first = m
    h = -1
    any_duties = False
    any_needs = False
    for j in range(heads):
        if info[head_id[j], 0] == DUTIES and info[head_id[j], 2] == 0:
            any_duties = True
        elif info[head_id[j], 0] == REQUIREMENTS:
            any_needs = True
    kind = np.int64(OTHER if any_duties else DUTIES)
    mixed = True
    headed = False
    field = -1  # a heading that names a field: it holds for one line
    last: Any = np.int64(-1)
    a: Any = 0
    next_stop = 0
    next_cue = 0
    score[:] = 0
    while a < size:
        if h + 1 < heads and head_at[h + 1] <= a:
            while h + 1 < heads and head_at[h + 1] <= a:
                h += 1
            kind = np.int64(info[head_id[h], 0])
            mixed = info[head_id[h], 2] == 1
            headed = True
            last = np.int64(-1)
            field = _field_end(text, np.int64(head_at[h]), size) if kind == OTHER else -1
        if field >= 0 and a >= field:
            field = -1
            headed = False
            mixed = True
            kind = np.int64(DUTIES)
            last = np.int64(-1)
        limit = head_at[h + 1] if h + 1 < heads else size
        begin = a
        while begin < limit and (text[begin] == 32 or cls[begin] & STOP):
            begin += 1
        while next_stop < n_stops and stop_at[next_stop] < begin:
            next_stop += 1
        b = _sentence_end(text, cls, a, limit, stop_at, next_stop, n_stops)
        begin = _first_word(text, cls, a, b)
        while next_cue < n_cues and cue_at[next_cue] < begin:
            next_cue += 1
        behind = next_cue
        most = np.int64(0)
        while behind < n_cues and cue_at[behind] + 1 < b:
            q: Any = np.int64(cue_at[behind])
            most += cues.most[pair_slot(np.int64(text[q]), np.int64(text[q + 1]))]
            behind += 1
        scored = False
        of_one_kind = headed and not mixed
        if not of_one_kind or kind == CONTACT or kind == OTHER or _may_leave(kind, last, most):
            scored = _add_cues(text, cue_at, next_cue, behind, begin, b, cues, score)
        next_cue = behind
        if of_one_kind:
            last = _under_heading(kind, last, score, b - a, _digit(text[a]), a > head_at[h] + 30)
        else:
            best = _by_cues(score, any_duties and not headed, any_needs) if scored else -1
            last = best if best >= 0 else last if last >= 0 else kind
        if scored:
            score[:] = 0
        if b > a:
            if m > first and kinds[m - 1] == last:
                ends[m - 1] = b
            else:
                kinds[m] = last
                starts[m] = a
                ends[m] = b
                m += 1
        a = max(b, a + 1)
    return m


@lean  # type: ignore[untyped-decorator]
def _weight_hash(text: Any, cls: Any, kinds: Any, starts: Any, ends: Any, first: int, m: int) -> Any:
    """Hash of the letters outside blurb, tags and contact; of all letters where fewer than eight are left."""
    for attempt in range(2):
        hh = np.uint64(0xCBF29CE484222325)
        seen = 0
        for j in range(first, m):
            if attempt == 0 and (kinds[j] == BLURB or kinds[j] == TAGS or kinds[j] == CONTACT):
                continue
            p = np.int64(starts[j])
            stop = np.int64(ends[j])
            while p < stop:
                c = text[p]
                if c == 0x3014:  # the contact mark is no text
                    while p < stop and text[p] != 0x3015:
                        p += 1
                    p += 1
                    continue
                if cls[p] & LETTER:
                    hh = (hh ^ np.uint64(c)) * np.uint64(0x9DDFEA08EB382D69)
                    hh ^= hh >> np.uint64(32)
                    seen += 1
                p += 1
        if seen >= 8 or attempt == 1:
            return finish(hh) if seen else np.uint64(0)
    return np.uint64(0)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def scan(data: Any, span: Any, classes: Any, heads: Any, cues: Any, folds: Any, left_out: Any, sampled: Any) -> Any:
    """Kinds, starts and ends of all spans, the offsets of each row's spans, and the hash of each row; what is sampled of each
    row goes to the arrays `sampled` (see `signature.room`)."""
    grams_of, ptr, rate, whole = sampled
    n = len(span)
    longest = 0
    for r in range(n):
        longest = max(longest, span[r, 1] - span[r, 0])
    text = np.empty(longest + 1, np.uint32)
    cls = np.zeros(longest + 1, np.uint16)
    units = np.empty(longest + 1, np.uint16)
    grams = np.empty(longest + 4, np.uint32)
    bucket = np.empty((1 << BUCKET_BITS) + 1, np.uint64)
    cand = np.empty(longest + 2, np.int32)
    cue_at = np.empty(longest + 2, np.int32)
    stop_at = np.empty(longest + 2, np.int32)
    head_at = np.empty(longest + 2, np.int32)
    head_id = np.empty(longest + 2, np.int32)
    score = np.zeros(N_KINDS, np.int64)
    room = n * 4 + 64
    kinds = np.empty(room, np.int8)
    starts = np.empty(room, np.int32)
    ends = np.empty(room, np.int32)
    span_off = np.zeros(n + 1, np.int32)
    hashes = np.zeros(n, np.uint64)
    m = pos = np.int64(0)  # no literal: it would compile the callees twice
    for r in range(n):
        size, candidates, n_cues, n_stops = characters(
            data, span[r, 0], span[r, 1], classes, cues.bits, text, cls, cand, cue_at, stop_at
        )
        n_heads = headings(text, cls, size, cand, candidates, heads, head_at, head_id)
        most = m + n_stops + n_heads + 2  # a sentence ends at a stop, before a heading or with the text
        if most > room:
            room = most + room
            kinds, starts, ends = grown(kinds, room), grown(starts, room), grown(ends, room)
        first = m
        m = _sentences(
            text, cls, size, stop_at, n_stops, cue_at, n_cues, head_at, head_id, n_heads, heads.info,
            cues, score, kinds, starts, ends, m,
        )  # fmt: skip
        span_off[r + 1] = m
        hashes[r] = _weight_hash(text, cls, kinds, starts, ends, first, m)
        size = readable(data, span[r, 0], span[r, 1], size)
        size = folded_outside(text, size, kinds, starts, ends, first, m, left_out, folds, units)
        kept, bits, whole[r] = sketch(units, size, grams, bucket, grams_of, pos)
        pos += kept
        rate[r] = bits
        ptr[r + 1] = pos
    return kinds[:m], starts[:m], ends[:m], span_off, hashes
