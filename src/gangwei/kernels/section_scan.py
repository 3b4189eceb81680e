"""The pass behind `sections`: reads each text once into code points, finds headings, then judges sentence by sentence."""

# ruff: noqa: PLR1714, SIM109, SIM114 - compiled by numba, where chained comparisons are cheaper than containers

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from gangwei.kernels.fold import decode
from gangwei.kernels.hashing import finish
from gangwei.kernels.trie import grown, longest_back, longest_on, pair_slot
from gangwei.schema import SECTION_KINDS

DUTIES, REQUIREMENTS, BENEFITS, BLURB, CONTACT, TAGS, OTHER = range(7)
N_KINDS = len(SECTION_KINDS)
HEADED_CONTACT, HEADED_BLURB, HEADED_BENEFITS, FREE_BLURB = (
    3,
    5,
    4,
    3,
)  # cue weight from which a sentence leaves its section
FIELD_SPAN = 400  # a one-line field is looked for no further

# bits of the class table: what a character can be around a heading
OPEN, CLOSE, STOP, NUMERAL, BREAKS, HOW = 1, 2, 4, 8, 16, 32  # HOW: the class code sits above bit 5
COLON, LINE, BRACKET, ONE, LOOSE, DUTY = 1, 2, 3, 4, 5, 6
WAY = 7 * HOW
MAYBE, LETTER, UPPER = 256, 512, 1024  # may end a sentence; counts for the hash; A to Z
BEYOND = 0x20000  # from here on ideographs again; below lie the emoji


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
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


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _points(
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


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _headings(
    text: Any,
    cls: Any,
    size: Any,
    cand: Any,
    candidates: Any,
    keys: Any,
    values: Any,
    entry: Any,
    pair: Any,
    info: Any,
    head_at: Any,
    head_id: Any,
) -> Any:
    """Headings in order: where each begins and which it is; returns their number."""
    heads = 0
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
                    strength = info[k, 1]
                    ascii_ = text[s] < 128
                    at, before = _lead(text, s, cls)
                    at = max(at, floor)
                    ok: Any = False
                    if ascii_:
                        whole = s == 0 or not (97 <= text[s - 1] <= 122 or 48 <= text[s - 1] <= 57)
                        if how == COLON:
                            ok = whole and (before == 2 or (strength == 3 and before == 1))
                        elif how == LINE or how == BRACKET:
                            ok = whole and before == 2
                        elif how == LOOSE and strength == 3 and c != 32 and c != 40:
                            ok = whole and before == 2
                    elif how == COLON:
                        ok = strength == 3 or (strength == 2 and before >= 1) or before == 2
                    elif how == LINE:
                        ok = before == 2 or (strength == 3 and (before == 1 or s - line <= 10) and e - line <= 18)
                    elif how == BRACKET:
                        ok = before >= 1 and (strength >= 2 or before == 2)
                        if ok:
                            ok = s > 0 and text[s - 1] != 32 and cls[s - 1] & OPEN > 0
                    elif how == ONE:
                        ok = strength == 3 or (strength == 2 and before >= 1)
                    else:
                        ok = strength == 3 and before == 2 and (c != 40)
                        if not ok and c == 32 and strength == 3 and before == 1:
                            ok = s > 0 and (text[s - 1] == 32 or text[s - 1] == 0x3001 or cls[s - 1] & STOP > 0)
                    if (
                        ok
                        and how == LOOSE
                        and c == 32
                        and p + 1 < size
                        and info[k, 0] != DUTIES
                        and info[k, 0] != REQUIREMENTS
                    ):
                        ok = before == 2
                    if ok:
                        if heads == 0 or at > head_at[heads - 1]:
                            head_at[heads] = at
                            head_id[heads] = k
                            heads += 1
                        floor = p
        if c == 10:
            line = p + 1
    return heads


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
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


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
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
) -> Any:  # fmt: skip
    """Kinds, starts and ends of all spans, the offsets of each row's spans, and the hash of each row."""
    n = off.size - 1
    longest = 0
    for r in range(n):
        longest = max(longest, off[r + 1] - off[r])
    text = np.empty(longest + 1, np.uint32)
    cls = np.zeros(longest + 1, np.uint16)
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
    m = np.int64(0)  # no literal: it would compile the callees twice
    for r in range(n):
        size, candidates, n_cues, n_stops = _points(
            data, np.int64(off[r]), np.int64(off[r + 1]), classes, cue_bits, text, cls, cand, cue_at, stop_at
        )
        heads = _headings(text, cls, size, cand, candidates, keys, values, entry, pair, info, head_at, head_id)
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
    return kinds[:m], starts[:m], ends[:m], span_off, hashes
