"""Links between employers: agency copies, hidden names, one brand under two names, two names in one building, one
text that hardly a third employer has.

Only representatives of openings are compared, only inside one city, and only where they share one of their smallest
text hashes with few others: a text that many employers use is a template, and templates stay apart.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from gangwei.kernels.lean import lean
from gangwei.kernels.match.judging import (
    ADDRESS_TEXT,
    AGENCY,
    AGENT,
    ANONYMOUS,
    BOARD_ID,
    BRAND,
    BRAND_TEXT,
    CITY,
    EXPERIENCE,
    FLAGS,
    FUNCTIONS,
    HEADS,
    HIDDEN_OTHER,
    HIDDEN_SAME,
    HIDDEN_TEXT,
    JOB,
    KEY,
    KEYS,
    LEVEL,
    LEVEL_MONTHS,
    NO_NAME,
    PAY_AGREE,
    PAY_GAP,
    PAY_TOUCH,
    PLACE,
    RECAPTURE,
    SHORT,
    SITE,
    TEXT,
    TWIN,
    TWIN_KNOWN,
    TWIN_RARE,
    TWIN_TEXT,
    UNNAMED,
    UNNAMED_PAY,
    UNNAMED_TEXT,
    URL,
    pay_relation,
    title_relation,
)
from gangwei.kernels.match.packed import Packed
from gangwei.kernels.match.rarity import Rarity
from gangwei.kernels.signature import mix64

CROWD = 64
JUDGED_BITS = 18  # pairs remembered as judged: one that shares several keys is compared once, mostly
FEW = 4
TOLD = 8  # columns of `_told`


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def city_keys(rows: Any, F: Any, S: Any, ptr: Any, k: Any, short: Any, out: Any, who: Any) -> Any:
    """Keys under which a row is looked up: its text, its k smallest hashes and their neighbours, each with its city."""
    n = 0
    for x in range(rows.size):
        r = rows[x]
        if F[r, TEXT] == 0 or ptr[r + 1] - ptr[r] < short:
            continue
        city = mix64(np.uint64(F[r, CITY]))
        out[n] = mix64(np.uint64(F[r, TEXT]) ^ city)
        who[n] = x
        n += 1
        last = min(ptr[r] + k, ptr[r + 1])
        for i in range(ptr[r], last):
            out[n] = mix64(np.uint64(S[i]) ^ city)
            who[n] = x
            n += 1
            if i + 1 < last:
                out[n] = mix64((np.uint64(S[i]) << np.uint64(32)) ^ np.uint64(S[i + 1]) ^ city)
                who[n] = x
                n += 1
    return n


@lean  # type: ignore[untyped-decorator]
def containment(S: Any, ptr: Any, rate: Any, q: Any, r: Any) -> Any:
    """Share of the shorter text's hashes found in the longer, at the coarser rate of the two."""
    bits = max(rate[q], rate[r])
    limit = np.uint64(1) << np.uint64(32 - bits)
    i, j, n, m = ptr[q], ptr[r], ptr[q + 1], ptr[r + 1]
    while n > i and np.uint64(S[n - 1]) >= limit:
        n -= 1
    while m > j and np.uint64(S[m - 1]) >= limit:
        m -= 1
    shorter, common = min(n - i, m - j), 0
    if shorter < 4:
        return 0.0
    while i < n and j < m:
        u, v = S[i], S[j]
        common += u == v
        i += u <= v
        j += v <= u
    return common / shorter


@lean  # type: ignore[untyped-decorator]
def _common(bag: Any, bptr: Any, q: Any, r: Any) -> Any:
    i, j, n, m = bptr[q], bptr[r], bptr[q + 1], bptr[r + 1]
    shorter, common = min(n - i, m - j), 0
    while i < n and j < m:
        u, v = bag[i], bag[j]
        common += u == v
        i += u <= v
        j += v <= u
    return common / max(1, shorter)


@lean  # type: ignore[untyped-decorator]
def judge_link(F: Any, E: Any, bag: Any, bptr: Any, q: Any, r: Any, c: Any, P: Any) -> Any:
    """Reason for which two openings of different employers are one vacancy, or 0; TWIN only if the text is rare.

    Args:
        E: employer, brand and address keys of each row, shape (rows, 3), uint64; 0 = unknown.
        c: containment of the texts; a pair that is 0 stays 0 under any lower one.
    """
    if F[q, PLACE] != 0 and F[r, PLACE] != 0 and F[q, PLACE] != F[r, PLACE]:
        return 0
    title = title_relation(F, bag, bptr, q, r)
    pay, agree = pay_relation(F, q, r, P[PAY_GAP])
    flags = F[q, FLAGS] | F[r, FLAGS]
    brand = E[q, 1] != 0 and E[q, 1] == E[r, 1]
    address = E[q, 2] != 0 and E[q, 2] == E[r, 2]
    leveled = F[q, LEVEL] != F[r, LEVEL]
    if (
        title >= 2
        and c >= P[RECAPTURE]
        and ((F[q, JOB] != 0 and F[q, JOB] == F[r, JOB]) or (F[q, URL] != 0 and F[q, URL] == F[r, URL]))
    ):
        return BOARD_ID
    touching = pay == 1 and (leveled or c < P[PAY_TOUCH] or abs(F[q, EXPERIENCE] - F[r, EXPERIENCE]) >= P[LEVEL_MONTHS])
    if (
        brand
        and title >= 2
        and c >= P[BRAND_TEXT]
        and pay != 0
        and not touching
        and not (leveled and c < P[HIDDEN_TEXT])
    ):
        return BRAND
    f, g = F[q, FUNCTIONS], F[r, FUNCTIONS]
    if F[q, HEADS] != F[r, HEADS] or (f != 0 and g != 0 and (f & g) == 0):
        return 0
    near = title >= 2 or _common(bag, bptr, q, r) >= 0.5
    if (flags & NO_NAME) != 0:
        enough = P[UNNAMED_PAY] if pay == 2 else P[UNNAMED_TEXT]
        return UNNAMED if title == 3 and (pay < 0 or pay >= 2) and not leveled and c >= enough else 0
    if (flags & (ANONYMOUS | AGENT)) != 0:
        if title == 3 and pay >= 2 and not leveled and c >= P[HIDDEN_SAME]:
            return AGENCY
        return AGENCY if c >= (P[HIDDEN_TEXT] if near else P[HIDDEN_OTHER]) and (near or pay != 0) else 0
    if address and near and c >= P[ADDRESS_TEXT] and pay != 0:
        return SITE
    if title == 3 and (pay < 0 or pay >= 2) and agree >= P[PAY_AGREE]:
        return TWIN if c >= (P[HIDDEN_TEXT] if pay >= 2 and not leveled else P[TWIN_TEXT]) else 0
    return 0


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _told(rows: Any, F: Any, E: Any) -> Any:
    """What decides whether two rows are compared, one line of the cache each: the keys of E, HEADS, FLAGS, KEY, URL, JOB."""
    out = np.empty((rows.size, TOLD), np.uint64)
    for x in range(rows.size):
        r = rows[x]
        out[x, 0], out[x, 1], out[x, 2] = E[r, 0], E[r, 1], E[r, 2]
        out[x, 3], out[x, 4], out[x, 5] = F[r, HEADS], F[r, FLAGS], F[r, KEY]
        out[x, 6], out[x, 7] = F[r, URL], F[r, JOB]
    return out


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def link_groups(
    rows: Any, keys: Any, who: Any, F: Any, E: Any, bag: Any, bptr: Any, S: Any, ptr: Any, rate: Any, P: Any,
    stock: Any, room: Any,
) -> Any:  # fmt: skip
    """Pairs of `rows` that share a key and are one vacancy.

    Args:
        keys: sorted city keys; `who`: position in `rows` of each, ascending within equal keys.
        stock: a key under this many employers belongs to a template.
        room: rows of one key that are compared with each other.

    Returns:
        Arrays (a, b, reason, score) of positions, a < b; a pair may occur more than once.
    """
    cap = 1024
    pa, pb = np.empty(cap, np.int64), np.empty(cap, np.int64)
    why, score = np.empty(cap, np.uint8), np.empty(cap, np.float64)
    judged = np.zeros(1 << JUDGED_BITS, np.uint64)
    told = _told(rows, F, E)
    own = np.empty((CROWD, TOLD), np.uint64)
    n, i = 0, 0
    while i < keys.size:
        j = i + 1
        while j < keys.size and keys[j] == keys[i]:
            j += 1
        m = j - i
        if m < 2 or m > CROWD:
            i = j
            continue
        several = 0
        for y in range(m):
            for x in range(TOLD):
                own[y, x] = told[who[i + y], x]
            fresh = True
            for z in range(y):
                if own[z, 0] == own[y, 0]:
                    fresh = False
                    break
            several += fresh
        template, few = several >= stock, several <= FEW
        for y in range(1, m if several > 1 else 0):
            b = who[i + y]
            for z in range(max(0, y - room), y):
                if own[z, 0] == own[y, 0]:
                    continue
                same_brand = own[y, 1] != 0 and own[z, 1] == own[y, 1]
                if not same_brand and own[z, 3] != own[y, 3]:
                    continue
                if not (
                    same_brand
                    or (own[y, 2] != 0 and own[z, 2] == own[y, 2])
                    or ((own[z, 4] | own[y, 4]) != 0 and not template)
                    or (few and own[z, 5] == own[y, 5])
                    or (own[z, 6] != 0 and own[z, 6] == own[y, 6])
                    or (own[z, 7] != 0 and own[z, 7] == own[y, 7])
                ):
                    continue
                a = who[i + z]
                q, r = rows[a], rows[b]
                pair = (np.uint64(a) << np.uint64(32)) | np.uint64(b)
                slot = mix64(pair) >> np.uint64(64 - JUDGED_BITS)
                if judged[slot] == pair:
                    continue
                judged[slot] = pair
                if judge_link(F, E, bag, bptr, q, r, 1.0, P) == 0:
                    continue
                c = containment(S, ptr, rate, q, r)
                reason = judge_link(F, E, bag, bptr, q, r, c, P)
                if reason == 0:
                    continue
                if n == cap:
                    cap *= 2
                    pa, pb = np.concatenate((pa, pa)), np.concatenate((pb, pb))
                    why, score = np.concatenate((why, why)), np.concatenate((score, score))
                pa[n], pb[n], why[n], score[n] = a, b, reason, c
                n += 1
        i = j
    return pa[:n], pb[:n], why[:n], score[:n]


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def attach(pa: Any, pb: Any, hidden: Any, target: Any, chosen: Any) -> None:
    """Take pairs in their order: the hidden side (or the later one) joins the other, if neither has been decided.

    Args:
        hidden: whether each position hides its employer or is an agency.
        target: position joined, starts as -1; `chosen`: number of the pair.
    """
    root = np.zeros(target.size, np.bool_)
    for i in range(pa.size):
        a, b = pa[i], pb[i]
        if hidden[a] and not hidden[b]:
            a, b = b, a
        if target[b] >= 0 or root[b] or target[a] >= 0:
            if root[b] and not root[a] and target[a] < 0 and target[b] < 0:
                target[a], chosen[a] = b, i
            continue
        target[b], chosen[b] = a, i
        root[a] = True


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _shared(keys: Any, who: Any, seen: Any) -> Any:
    """Keep, in place, the keys that may occur more than once (`seen`: zeros, a power of two long); returns how many."""
    mask = np.uint64(seen.size - 1)
    for i in range(keys.size):
        p = keys[i] & mask
        seen[p] = min(seen[p] + 1, 2)
    n = 0
    for i in range(keys.size):
        if seen[keys[i] & mask] > 1:
            keys[n], who[n] = keys[i], who[i]
            n += 1
    return n


@lean  # type: ignore[untyped-decorator]
def _crowd(keys: Any, start: Any, end: Any) -> Any:
    """The key of more than CROWD and of most of keys[start:end], or 0."""
    if end - start <= CROWD:
        return np.uint64(0)
    key, ahead = keys[start], 0
    for x in range(start, end):
        if ahead == 0:
            key = keys[x]
        ahead += 1 if keys[x] == key else -1
    n = 0
    for x in range(start, end):
        n += keys[x] == key
    return key if n > CROWD else np.uint64(0)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def by_key(keys: Any, who: Any) -> Any:
    """(keys, who) sorted by key, then `who`: by the leading bits of the keys, which are hashes, then inside each bucket.

    Most keys of more than CROWD rows, which link nothing, are left out unsorted.
    """
    n = keys.size
    bits = 1
    while 1 << bits < n // 2:
        bits += 1
    shift = np.uint64(64 - bits)
    ends = np.zeros((1 << bits) + 1, np.int64)
    for i in range(n):
        ends[(keys[i] >> shift) + np.uint64(1)] += 1
    for b in range(1, ends.size):
        ends[b] += ends[b - 1]
    out, out_who = np.empty(n, np.uint64), np.empty(n, np.int64)
    for i in range(n):
        b = keys[i] >> shift
        out[ends[b]], out_who[ends[b]] = keys[i], who[i]
        ends[b] += 1
    start = kept = 0
    for b in range(1 << bits):
        first, end = kept, ends[b]
        crowd = _crowd(out, start, end)
        for x in range(start, end):
            out[kept], out_who[kept] = out[x], out_who[x]
            kept += not crowd or out[x] != crowd
        start, end = first, kept
        gap = 1
        while gap < (end - start) // 8:
            gap = 3 * gap + 1
        while gap > 0:
            for x in range(start + gap, end):
                key, w, y = out[x], out_who[x], x - gap
                while y >= start and (out[y] > key or (out[y] == key and out_who[y] > w)):
                    out[y + gap], out_who[y + gap] = out[y], out_who[y]
                    y -= gap
                out[y + gap], out_who[y + gap] = key, w
            gap //= 3
        start = ends[b]
    return out[:kept], out_who[:kept]


def link(
    p: Packed,
    age: npt.NDArray[np.uint64],
    ad_id: npt.NDArray[np.uint64],
    P: Any,
    stock: int,
    rarity: Rarity,
    room: int = 16,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.uint8], npt.NDArray[np.float64]]:
    """Which representatives join one of another employer.

    Args:
        p: representatives of whole cities, in any order; `age` and `ad_id` make their canonical order.

    Returns:
        (row, row it joins, reason, score), sorted by canonical order of the row.
    """
    k = int(P[KEYS])
    keys, who = np.empty(p.size * 2 * k, np.uint64), np.empty(p.size * 2 * k, np.int64)
    n = city_keys(np.arange(p.size), p.facts, p.grams, p.ptr, k, int(P[SHORT]), keys, who)
    n = _shared(keys[:n], who[:n], np.zeros(1 << max(10, int(4 * n).bit_length()), np.uint8))
    keys, who = keys[:n], who[:n]
    involved = np.zeros(p.size, bool)
    involved[who] = True
    rows = np.flatnonzero(involved)
    rows = rows[np.lexsort((ad_id[rows], age[rows]))]
    rank = np.empty(p.size, np.int64)
    rank[rows] = np.arange(rows.size)
    keys, who = by_key(keys, rank[who])
    pa, pb, why, score = link_groups(
        rows, keys, who, p.facts, p.who, p.bag, p.bag_ptr, p.grams, p.ptr, p.rate, P, stock, room
    )
    twins = np.flatnonzero(why == TWIN)
    rare = rarity.share(p, rows[pa[twins]], rows[pb[twins]])
    keep = np.ones(pa.size, bool)
    keep[twins] = (rare >= P[TWIN_RARE]) & (rare <= 1.0 - P[TWIN_KNOWN])
    pa, pb, why, score = pa[keep], pb[keep], why[keep], score[keep]
    best = np.lexsort((pb, pa, -score))
    pa, pb, why, score = pa[best], pb[best], why[best], score[best]
    target, chosen = np.full(rows.size, -1, np.int64), np.full(rows.size, -1, np.int64)
    attach(pa, pb, p.facts[rows, FLAGS] != 0, target, chosen)
    hit = np.flatnonzero(target >= 0)
    return rows[hit], rows[target[hit]], why[chosen[hit]], score[chosen[hit]]
