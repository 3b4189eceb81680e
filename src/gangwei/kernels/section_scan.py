"""The pass behind `sections`: finds the headings of each text (`section_heads`), then judges sentence by sentence."""

# ruff: noqa: PLR1714, SIM109, SIM114 - compiled by numba, where chained comparisons are cheaper than containers

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from gangwei.kernels.hashing import finish
from gangwei.kernels.lean import lean
from gangwei.kernels.section_heads import (
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
from gangwei.kernels.signature import BUCKET_BITS, folded_outside, readable, sketch
from gangwei.kernels.trie import grown, longest_on, pair_slot
from gangwei.schema import SECTION_KINDS

N_KINDS = len(SECTION_KINDS)
# the weight of cues from which a sentence leaves its section
HEADED_CONTACT, HEADED_BLURB, HEADED_BENEFITS, FREE_BLURB = 3, 5, 4, 3
FIELD_SPAN = 400  # a one-line field is looked for no further


@lean  # type: ignore[untyped-decorator]
def _sentences(
    text: Any,
    cls: Any,
    size: Any,
    stop_at: Any,
    n_stops: Any,
    cue_at: Any,
    n_cues: Any,
    head_at: Any,
    head_id: Any,
    heads: Any,
    info: Any,
    ckeys: Any,
    cvalues: Any,
    centry: Any,
    csecond: Any,
    clead: Any,
    cdeep: Any,
    cinfo: Any,
    cue_most: Any,
    score: Any,
    kinds: Any,
    starts: Any,
    ends: Any,
    m: Any,
) -> Any:
    """Spans of one text from position `m` on; returns the position behind them."""
    first = m
    h = -1
    kind = DUTIES
    mixed = True
    headed = False
    any_duties = False
    any_needs = False
    for j in range(heads):
        if info[head_id[j], 0] == DUTIES and info[head_id[j], 2] == 0:
            any_duties = True
        elif info[head_id[j], 0] == REQUIREMENTS:
            any_needs = True
    if any_duties:
        kind = OTHER
    field = -1  # a heading that names a field: it holds for one line
    last = -1
    a: Any = 0
    next_stop = 0
    next_cue = 0
    scored = False
    for j in range(N_KINDS):
        score[j] = 0
    while a < size:
        if h + 1 < heads and head_at[h + 1] <= a:
            while h + 1 < heads and head_at[h + 1] <= a:
                h += 1
            kind = info[head_id[h], 0]
            mixed = info[head_id[h], 2] == 1
            headed = True
            last = -1
            field = -1
            if kind == OTHER:
                field = head_at[h] + 1
                furthest = min(size, field + FIELD_SPAN)
                while field < furthest and text[field] != 58 and text[field] != 10 and text[field] != 0x3011:
                    field += 1
                field += 1
                while field < furthest and (text[field] == 32 or text[field] == 10):
                    field += 1
                while field < furthest and text[field] != 10:
                    field += 1
        if field >= 0 and a >= field:
            field = -1
            headed = False
            mixed = True
            kind = DUTIES
            last = -1
        limit = head_at[h + 1] if h + 1 < heads else size
        # a sentence: up to a stop or the next list number
        b = a
        while b < limit and (text[b] == 32 or cls[b] & STOP):
            b += 1
        begin = b
        b = limit
        while next_stop < n_stops and stop_at[next_stop] < begin:
            next_stop += 1
        for at_stop in range(next_stop, n_stops):
            p: Any = np.int64(stop_at[at_stop])
            if p >= limit:
                break
            c = text[p]
            if cls[p] & STOP:
                b = p + 1
                break
            if c == 46:
                # a full stop of Latin script, not one of a number or an abbreviation
                if p + 2 < limit and text[p + 1] == 32 and cls[p + 2] & UPPER and p > a and 97 <= text[p - 1] <= 122:
                    b = p + 1
                    break
            elif p > a + 2 and p + 1 < limit and not 48 <= text[p - 1] <= 57 and text[p - 1] != 46:
                d = p + 1
                while d < limit and d - p < 2 and 48 <= text[d] <= 57:
                    d += 1
                if d + 1 < limit and (
                    text[d] == 0x3001
                    or ((text[d] == 46 or text[d] == 41 or text[d] == 44) and not 48 <= text[d + 1] <= 57)
                ):
                    b = p
                    break
        if scored:
            for j in range(N_KINDS):
                score[j] = 0
            scored = False
        p = a
        while p < b and not cls[p] & LETTER:
            p += 1
        while p < b and (
            48 <= text[p] <= 57 or text[p] == 0x3001 or text[p] == 46 or text[p] == 41 or text[p] == 32 or text[p] == 44
        ):
            p += 1
        while p < b and not cls[p] & LETTER and text[p] != 0x3014:
            p += 1
        begin = p
        while next_cue < n_cues and cue_at[next_cue] < begin:
            next_cue += 1
        behind = next_cue
        most = np.int64(0)
        while behind < n_cues and cue_at[behind] + 1 < b:
            q: Any = np.int64(cue_at[behind])
            most += cue_most[pair_slot(np.int64(text[q]), np.int64(text[q + 1]))]
            behind += 1
        if headed and not mixed and kind != CONTACT and kind != OTHER:
            # under a heading cues count only where they are enough to leave its section
            if kind == TAGS or kind == BLURB:
                next_cue = behind
            elif (
                last != BLURB
                and most >> 42 < HEADED_CONTACT
                and (most >> 21) & 0x1FFFFF < HEADED_BLURB
                and most & 0x1FFFFF < HEADED_BENEFITS
            ):
                next_cue = behind
        floor = begin
        while next_cue < behind:
            p = np.int64(cue_at[next_cue])
            next_cue += 1
            if p < floor or (text[p] <= 127 and p > 0 and 97 <= text[p - 1] <= 122):
                continue
            k, e = longest_on(ckeys, cvalues, centry, csecond, clead, cdeep, text, p, b)
            if k >= 0:
                where = cinfo[k, 2]
                if where == 0 or p == begin:
                    score[cinfo[k, 0]] += cinfo[k, 1]
                elif where == 2:
                    score[cinfo[k, 0]] += 1
                floor = e
                scored = True
        now = kind
        if headed and not mixed:
            if kind != TAGS:
                if score[CONTACT] >= HEADED_CONTACT and (b - a <= 60 or score[CONTACT] >= 6) and kind != BLURB:
                    now = CONTACT
                elif (
                    score[BLURB] >= HEADED_BLURB
                    and score[BLURB] > score[kind] + 2
                    and (kind == DUTIES or kind == REQUIREMENTS)
                ):
                    now = BLURB
                elif (
                    score[BENEFITS] >= HEADED_BENEFITS
                    and score[BENEFITS] > score[kind] + 1
                    and score[BENEFITS] > score[REQUIREMENTS] + score[DUTIES]
                    and (kind == DUTIES or kind == REQUIREMENTS)
                ):
                    now = BENEFITS
                elif (kind == CONTACT or kind == OTHER) and h >= 0 and a > head_at[h] + 30:
                    if score[REQUIREMENTS] >= 3 and score[REQUIREMENTS] > score[CONTACT] + score[DUTIES]:
                        now = REQUIREMENTS
                    elif score[DUTIES] >= 3 and score[DUTIES] > score[CONTACT] + score[REQUIREMENTS]:
                        now = DUTIES
                elif last == BLURB and not 48 <= text[a] <= 57:
                    total = 0
                    for j in range(N_KINDS):
                        total += score[j]
                    if total == 0:
                        now = BLURB
            last = now
        else:
            best = -1
            top = 0
            if scored:
                for j in range(N_KINDS):
                    points = score[j]
                    if j == REQUIREMENTS and any_needs:
                        points -= 2  # they have a heading of their own
                    if points > top and not (j == BLURB and points < FREE_BLURB):
                        top = points
                        best = j
            if any_needs and best == REQUIREMENTS and top < 4:
                best = -1
            if any_duties and not headed and top < 3:
                best = -1
            if best >= 0:
                now = best
            elif last >= 0:
                now = last
            last = now
        if b > a:
            if m > first and kinds[m - 1] == now:
                ends[m - 1] = b
            else:
                kinds[m] = now
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
def scan(
    data: Any, off: Any, classes: Any, keys: Any, values: Any, entry: Any, pair: Any, info: Any,
    cue_bits: Any, ckeys: Any, cvalues: Any, centry: Any, csecond: Any, clead: Any, cdeep: Any, cinfo: Any, cue_most: Any,
    folds: Any, left_out: Any, sampled: Any, ptr: Any, rate: Any, whole: Any,
) -> Any:  # fmt: skip
    """Kinds, starts and ends of all spans, the offsets of each row's spans, and the hash of each row; what is sampled of each
    row goes to the last four arrays (see `signature.room`)."""
    n = off.size - 1
    longest = 0
    for r in range(n):
        longest = max(longest, off[r + 1] - off[r])
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
            data, np.int64(off[r]), np.int64(off[r + 1]), classes, cue_bits, text, cls, cand, cue_at, stop_at
        )
        heads = headings(text, cls, size, cand, candidates, keys, values, entry, pair, info, head_at, head_id)
        most = m + n_stops + heads + 2  # a sentence ends at a stop, before a heading or with the text
        if most > room:
            room = most + room
            kinds, starts, ends = grown(kinds, room), grown(starts, room), grown(ends, room)
        first = m
        m = _sentences(
            text, cls, size, stop_at, n_stops, cue_at, n_cues, head_at, head_id, heads, info,
            ckeys, cvalues, centry, csecond, clead, cdeep, cinfo, cue_most, score, kinds, starts, ends, m,
        )  # fmt: skip
        span_off[r + 1] = m
        hashes[r] = _weight_hash(text, cls, kinds, starts, ends, first, m)
        size = readable(data, np.int64(off[r]), np.int64(off[r + 1]), size)
        size = folded_outside(text, size, kinds, starts, ends, first, m, left_out, folds, units)
        kept, bits, whole[r] = sketch(units, size, grams, bucket, sampled, pos)
        pos += kept
        rate[r] = bits
        ptr[r + 1] = pos
    return kinds[:m], starts[:m], ends[:m], span_off, hashes
