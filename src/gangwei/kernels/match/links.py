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

from gangwei.kernels.lean import lean, lean_inline
from gangwei.kernels.match.judging import (
    ADDRESS_TEXT,
    AGENCY,
    AGENT,
    ANONYMOUS,
    BOARD_ID,
    BRAND,
    BRAND_TEXT,
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
    NEAR_TITLE,
    NO_NAME,
    PAY_AGREE,
    PAY_GAP,
    PAY_TOUCH,
    PLACE,
    RECAPTURE,
    SHORT,
    SITE,
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
from gangwei.kernels.match.link_keys import CROWD, by_key, city_keys, shared
from gangwei.kernels.match.packed import WHO, Packed
from gangwei.kernels.match.rarity import Rarity
from gangwei.kernels.signature import mix64

JUDGED_BITS = 18  # pairs remembered as judged: one that shares several keys is compared once, mostly
FEW_HASHES = 4  # of a text, with fewer of which nothing is shared
FEW = 4  # employers under one key that are compared whatever they have in common

EMPLOYER, BRANDED, ADDRESS = range(len(WHO))  # columns of E, and the first ones of `_told`
HEADS_AT, FLAGS_AT, KEY_AT, URL_AT, JOB_AT, TOLD = range(len(WHO), len(WHO) + 6)  # the others, and how many


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
    if shorter < FEW_HASHES:
        return 0.0
    while i < n and j < m:
        u, v = S[i], S[j]
        common += u == v
        i += u <= v
        j += v <= u
    return common / shorter


@lean  # type: ignore[untyped-decorator]
def _common(bag: Any, bptr: Any, q: Any, r: Any) -> Any:
    """Share of the words of the shorter title that the other has, too."""
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
    brand = E[q, BRANDED] != 0 and E[q, BRANDED] == E[r, BRANDED]
    address = E[q, ADDRESS] != 0 and E[q, ADDRESS] == E[r, ADDRESS]
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
    near = title >= 2 or _common(bag, bptr, q, r) >= P[NEAR_TITLE]
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
        out[x, EMPLOYER], out[x, BRANDED], out[x, ADDRESS] = E[r, EMPLOYER], E[r, BRANDED], E[r, ADDRESS]
        out[x, HEADS_AT], out[x, FLAGS_AT], out[x, KEY_AT] = F[r, HEADS], F[r, FLAGS], F[r, KEY]
        out[x, URL_AT], out[x, JOB_AT] = F[r, URL], F[r, JOB]
    return out


@lean_inline  # type: ignore[untyped-decorator]
def _both(own: Any, y: Any, z: Any, column: Any) -> Any:
    """Whether rows y and z of `own` have one value, and no zero, in a column."""
    return own[y, column] != 0 and own[z, column] == own[y, column]


@lean_inline  # type: ignore[untyped-decorator]
def _may_link(own: Any, y: Any, z: Any, template: Any, few: Any) -> Any:
    """Whether rows y and z of `own` (as of `_told`) are worth a comparison: of two employers, with the heads of one title or one
    brand, and with something in common that links, or under a key of few employers and with one title."""
    if own[z, EMPLOYER] == own[y, EMPLOYER]:
        return False
    if _both(own, y, z, BRANDED):
        return True
    if own[z, HEADS_AT] != own[y, HEADS_AT]:
        return False
    return (
        _both(own, y, z, ADDRESS)
        or ((own[z, FLAGS_AT] | own[y, FLAGS_AT]) != 0 and not template)
        or (few and own[z, KEY_AT] == own[y, KEY_AT])
        or _both(own, y, z, URL_AT)
        or _both(own, y, z, JOB_AT)
    )


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
                if own[z, EMPLOYER] == own[y, EMPLOYER]:
                    fresh = False
                    break
            several += fresh
        template, few = several >= stock, several <= FEW
        for y in range(1, m if several > 1 else 0):
            b = who[i + y]
            for z in range(max(0, y - room), y):
                if not _may_link(own, y, z, template, few):
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
    n = shared(keys[:n], who[:n], np.zeros(1 << max(10, int(4 * n).bit_length()), np.uint8))
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
