"""Openings and campaigns of one employer: leader clustering over sampled text, titles, city and pay.

Ads of one employer form a block, in canonical order. Each ad is compared with the *leaders* found before it, never
with mere members, and joins the best that fits or becomes a leader: no chain of small differences can join two
vacancies. Work is bounded: large blocks are searched through an index (title and city, smallest hashes of the text)
whose chains are read only so far.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from gangwei.kernels.signature import mix64

FACTS = (
    "city", "place", "level", "heads", "functions", "pay_lo", "pay_hi", "pay_kind", "education", "experience",
    "title_key", "text_hash", "job", "url", "flags", "code", "first_day", "address",
)  # fmt: skip
(
    CITY, PLACE, LEVEL, HEADS, FUNCTIONS, PAY_LO, PAY_HI, PAY_KIND, EDUCATION, EXPERIENCE, KEY, TEXT, JOB, URL, FLAGS,
    CODE, FIRST, ADDRESS,
) = range(18)  # fmt: skip
PARAMS = (
    "opening.same_title", "opening.same_title_low", "opening.pay_agree", "opening.no_pay_low", "opening.shorter_title",
    "opening.shorter_title_pay", "opening.generic_title", "opening.level_text", "opening.level_pay",
    "opening.level_months", "opening.pay_gap", "opening.pay_touch", "opening.city_unknown", "opening.recapture",
    "opening.differ_text", "opening.differ_pay", "opening.differ_months", "opening.reworded", "opening.reworded_days",
    "campaign.same_title", "campaign.shorter_title", "campaign.any_title", "campaign.same_city", "hidden.text",
    "hidden.text_same_title", "hidden.text_other_title", "hidden.same_brand", "hidden.same_address", "hidden.unnamed",
    "hidden.unnamed_pay", "hidden.twin_rare", "hidden.twin_known",
    "bounds.scan", "bounds.chain", "bounds.keys", "bounds.key_chain", "bounds.grams",
    "bounds.short", "bounds.weight_one", "bounds.weight_two", "bounds.weight_more",
)  # fmt: skip
(
    SAME_TITLE, SAME_TITLE_LOW, PAY_AGREE, NO_PAY_LOW, SHORTER_TITLE, SHORTER_TITLE_PAY, GENERIC_TITLE, LEVEL_TEXT,
    LEVEL_PAY, LEVEL_MONTHS, PAY_GAP, PAY_TOUCH, CITY_UNKNOWN, RECAPTURE, DIFFER_TEXT, DIFFER_PAY, DIFFER_MONTHS,
    REWORDED_TEXT, REWORDED_DAYS, CAMPAIGN_SAME, CAMPAIGN_SHORTER, CAMPAIGN_ANY, CAMPAIGN_CITY, HIDDEN_TEXT,
    HIDDEN_SAME, HIDDEN_OTHER, BRAND_TEXT, ADDRESS_TEXT, UNNAMED_TEXT, UNNAMED_PAY, TWIN_RARE, TWIN_KNOWN, SCAN, CHAIN, KEYS, KEY_CHAIN, GRAMS,
    SHORT, WEIGHT1, WEIGHT2, WEIGHT3,
) = range(41)  # fmt: skip
REASONS = (
    "alone", "same_text", "same_title_text", "shorter_title_text", "same_board_id", "same_keys", "same_keys_pay_close",
    "agency_text", "brand_text", "address_text", "unnamed_text", "judged", "reworded_text", "twin_text",
)  # fmt: skip
(
    ALONE, SAME_TEXT, TITLE_TEXT, SHORTER_TEXT, BOARD_ID, SAME_KEYS, KEYS_CLOSE, AGENCY, BRAND, SITE, UNNAMED, JUDGED, REWORDED, TWIN,
) = range(14)  # fmt: skip
LOW = 32
NO_DAY = -(2**31)
ANONYMOUS, AGENT, NO_NAME = 1, 2, 4
GENERIC = 0xE3FF


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def pay_relation(F: Any, q: Any, r: Any, gap: Any) -> Any:
    """(state, agreement) of two pay bands: -1 unknown, 0 apart, 1 touching, 2 overlapping, 3 equal."""
    if F[q, PAY_KIND] == 0 or F[q, PAY_KIND] != F[r, PAY_KIND]:
        return -1, 1.0
    a, b, c, d = F[q, PAY_LO], F[q, PAY_HI], F[r, PAY_LO], F[r, PAY_HI]
    if a == c and b == d:
        return 3, 1.0
    lo, hi = max(a, c), min(b, d)
    if lo > hi * (1.0 + gap):
        return 0, 0.0
    if lo >= hi and not (a == b or c == d):
        return 1, 0.0
    return 2, (hi - lo) / max(1.0, float(min(b - a, d - c))) if (a != b and c != d) else 1.0


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def title_relation(F: Any, bag: Any, bptr: Any, q: Any, r: Any) -> Any:
    """0 = two roles, 1 = one title says nothing or only engineer, 2 = one is a shorter name of the other, 3 = same core."""
    if F[q, KEY] == 0 or F[r, KEY] == 0:
        return 1
    if F[q, HEADS] != F[r, HEADS]:
        return 0
    f, g = F[q, FUNCTIONS], F[r, FUNCTIONS]
    if f != 0 and g != 0 and (f & g) == 0:
        return 0
    if F[q, KEY] == F[r, KEY]:
        return 3
    i, j, n, m = bptr[q], bptr[r], bptr[q + 1], bptr[r + 1]
    size_q, size_r, common = n - i, m - j, 0
    if (size_q == 1 and bag[i] == GENERIC) or (size_r == 1 and bag[j] == GENERIC):
        return 1
    if size_q == 0 or size_r == 0:
        return 2 if F[q, HEADS] != 0 else 0
    while i < n and j < m:
        u, v = bag[i], bag[j]
        common += u == v
        i += u <= v
        j += v <= u
    return 2 if common == min(size_q, size_r) else 0


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def reworded(F: Any, q: Any, r: Any, c: Any, pay: Any, agree: Any, P: Any) -> Any:
    """Whether two ads under one title say one thing in other words: first seen within days, equal or contained pay."""
    if c < P[REWORDED_TEXT] or F[q, LEVEL] != F[r, LEVEL] or not (pay == 3 or (pay == 2 and agree >= 1.0)):
        return False
    if ((F[q, FLAGS] | F[r, FLAGS]) & (ANONYMOUS | NO_NAME)) != 0 or F[q, FIRST] == NO_DAY or F[r, FIRST] == NO_DAY:
        return False
    return abs(F[q, FIRST] - F[r, FIRST]) <= P[REWORDED_DAYS]


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def judge(F: Any, bag: Any, bptr: Any, q: Any, r: Any, c: Any, board: Any, P: Any) -> Any:
    """(reason, score) of two ads of one employer; reason 0 = two openings, plus LOW where the evidence is weak.

    Args:
        c: containment of the texts, or -1 when one has none.
        board: the two carry one id on one board.
    """
    weak = 0
    if F[q, PLACE] != 0 and F[r, PLACE] != 0 and F[q, PLACE] != F[r, PLACE]:
        return 0, 0.0
    if F[q, CITY] == 0 or F[r, CITY] == 0:
        weak = LOW
    elif F[q, CITY] != F[r, CITY]:
        return 0, 0.0
    title = title_relation(F, bag, bptr, q, r)
    pay, agree = pay_relation(F, q, r, P[PAY_GAP])
    if board and (title == 3 or (title > 0 and c >= P[RECAPTURE])):
        return BOARD_ID, max(c, 0.0) if c >= 0 else 1.0
    if title == 0 or pay == 0:
        return 0, 0.0
    years = F[q, EXPERIENCE] >= 0 and F[r, EXPERIENCE] >= 0
    apart = abs(F[q, EXPERIENCE] - F[r, EXPERIENCE]) if years else 0
    leveled = F[q, LEVEL] != F[r, LEVEL]
    unnamed = (F[q, FLAGS] | F[r, FLAGS]) & (ANONYMOUS | NO_NAME)
    moved = F[q, ADDRESS] != 0 and F[r, ADDRESS] != 0 and F[q, ADDRESS] != F[r, ADDRESS]
    if unnamed & NO_NAME:
        if moved or pay == 1 or c < (P[UNNAMED_PAY] if pay == 2 else P[UNNAMED_TEXT]):
            return 0, 0.0
        weak = LOW
    if c < 0:
        coded = F[q, CODE] != 0 and F[r, CODE] != 0 and F[q, CODE] != F[r, CODE]
        if unnamed or coded or title != 3 or leveled or pay == 1:
            return 0, 0.0
        schooled = F[q, EDUCATION] < 0 or F[r, EDUCATION] < 0 or F[q, EDUCATION] == F[r, EDUCATION]
        if pay == 3 and schooled and apart == 0:
            return SAME_KEYS + weak, 1.0
        if (pay == -1 or agree >= P[PAY_AGREE]) and schooled and apart < 12:
            return KEYS_CLOSE + LOW, 0.9
        return 0, 0.0
    if leveled:
        differs = int(pay >= 0 and agree < P[LEVEL_PAY]) + int(apart >= P[LEVEL_MONTHS])
        differs += int(F[q, EDUCATION] >= 0 and F[r, EDUCATION] >= 0 and F[q, EDUCATION] != F[r, EDUCATION])
        if c < P[LEVEL_TEXT] or pay == 1 or differs >= 2 or (differs == 1 and c < P[DIFFER_TEXT]):
            return 0, 0.0
    if weak and c < P[CITY_UNKNOWN]:
        return 0, 0.0
    if pay == 1 and (c < P[PAY_TOUCH] or apart >= P[LEVEL_MONTHS]):
        return 0, 0.0
    if title == 3:
        if c >= P[SAME_TITLE]:
            return (SAME_TEXT if F[q, TEXT] == F[r, TEXT] else TITLE_TEXT) + (LOW if pay == 1 else weak), c
        if pay == -1:
            return (TITLE_TEXT + LOW, c) if c >= P[NO_PAY_LOW] else (0, 0.0)
        if c >= P[SAME_TITLE_LOW] and apart <= P[DIFFER_MONTHS] and pay >= 2 and agree >= P[PAY_AGREE]:
            return TITLE_TEXT + LOW, c
        if weak == 0 and not moved and apart <= P[LEVEL_MONTHS] and reworded(F, q, r, c, pay, agree, P):
            return REWORDED + LOW, c
        return 0, 0.0
    if pay == 1 or (pay >= 0 and agree < P[DIFFER_PAY] and apart >= P[DIFFER_MONTHS]):
        return 0, 0.0
    if title == 1:
        return (SHORTER_TEXT + LOW, c) if c >= P[GENERIC_TITLE] else (0, 0.0)
    if c >= P[SHORTER_TITLE] or (pay == 3 and c >= P[SHORTER_TITLE_PAY]):
        return SHORTER_TEXT + (weak if c >= 0.9 else LOW), c
    return 0, 0.0


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def possible(F: Any, bag: Any, bptr: Any, q: Any, r: Any, phase: Any) -> Any:
    """Whether any text could make two ads one opening (phase 0) or one campaign (phase 1): cheap, asked first."""
    apart = F[q, PLACE] != 0 and F[r, PLACE] != 0 and F[q, PLACE] != F[r, PLACE]
    cities = F[q, CITY] != 0 and F[r, CITY] != 0 and F[q, CITY] != F[r, CITY]
    if phase == 1:
        return F[q, HEADS] == F[r, HEADS]
    return not apart and not cities and title_relation(F, bag, bptr, q, r) > 0


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def judge_campaign(F: Any, bag: Any, bptr: Any, q: Any, r: Any, c: Any, known: Any, P: Any) -> Any:
    """Whether two openings of one employer are one role in two cities; `known`: q already has a campaign."""
    apart = F[q, PLACE] != 0 and F[r, PLACE] != 0 and F[q, PLACE] != F[r, PLACE]
    if not apart and (F[q, CITY] == 0 or F[r, CITY] == 0 or F[q, CITY] == F[r, CITY]):
        return known and c >= P[CAMPAIGN_CITY] and F[q, HEADS] == F[r, HEADS]
    title = title_relation(F, bag, bptr, q, r)
    leveled = F[q, LEVEL] != F[r, LEVEL]
    if c < 0:
        pay, _ = pay_relation(F, q, r, 0.0)
        return title == 3 and not leveled and pay == 3
    if c >= P[CAMPAIGN_ANY]:
        return F[q, HEADS] == F[r, HEADS]
    if leveled or title < 2:
        return False
    if title == 3:
        pay, _ = pay_relation(F, q, r, 0.0)
        return c >= P[CAMPAIGN_SAME] or (pay == 3 and reworded(F, q, r, c, pay, 1.0, P))
    return c >= P[CAMPAIGN_SHORTER]


@njit(inline="always")  # type: ignore[untyped-decorator]
def _slot(keys: Any, used: Any, mask: Any, h: Any) -> Any:
    p = np.int64(mix64(h) & np.uint64(mask))
    while used[p] >= 0 and keys[p] != h:
        p = (p + 1) & mask
    return p


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _weight(S: Any, a: Any, b: Any, weight: Any) -> Any:
    w = 0
    for i in range(a, b):
        w += weight[S[i]]
    return w


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _cut(S: Any, a: Any, b: Any, gram: Any, limit: Any) -> Any:
    """End of the hashes of S[a:b], ascending, that are below the limit."""
    while a < b:
        i = (a + b) >> 1
        if np.uint64(gram[S[i]]) < limit:
            a = i + 1
        else:
            b = i
    return a


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _power(n: Any) -> Any:
    size = 16
    while size < n:
        size *= 2
    return size


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _any_possible(order: Any, s: Any, m: Any, F: Any, bag: Any, bptr: Any) -> Any:
    for x in range(m):
        for y in range(x):
            q, r = order[s + x], order[s + y]
            spread = F[q, CITY] != F[r, CITY] or F[q, PLACE] != F[r, PLACE]
            if possible(F, bag, bptr, q, r, 0) or (spread and possible(F, bag, bptr, q, r, 1)):
                return True
    return False


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def cluster_blocks(
    order: Any, starts: Any, F: Any, bag: Any, bptr: Any, S: Any, ptr: Any, rate: Any, P: Any,
    leader: Any, reason: Any, score: Any, campaign: Any,
) -> None:  # fmt: skip
    """Cluster every block; rows are numbers into `F`.

    Args:
        order: rows in canonical order inside blocks, shape (n,).
        starts: first position of each block and the end, shape (blocks + 1,).
        F: facts of each row, shape (rows, 18), int64; a leader without a place takes that of its first member with one.
        bag, bptr: title bags and row pointers.
        S, ptr, rate: sampled hashes (overwritten), row pointers and rates.
        P: parameters in the order of PARAMS.
        leader, reason, score, campaign: outputs by row; leader starts as the row itself, campaign as -1.
    """
    scan, chain, n_keys, key_chain = np.int64(P[SCAN]), np.int64(P[CHAIN]), np.int64(P[KEYS]), np.int64(P[KEY_CHAIN])
    short = np.int64(P[SHORT])
    wt = np.array([0, P[WEIGHT1], P[WEIGHT2], P[WEIGHT3]]).astype(np.uint8)
    for g in range(starts.size - 1):
        s, m = starts[g], starts[g + 1] - starts[g]
        if m < 2:
            continue
        if m <= 16 and not _any_possible(order, s, m, F, bag, bptr):
            continue
        # rows with one text share the hashes of the first of them
        own = np.empty(m, np.int64)
        tmask = _power(2 * m) - 1
        tkey, tval = np.empty(tmask + 1, np.uint64), np.full(tmask + 1, -1, np.int64)
        total = 0
        for x in range(m):
            r = order[s + x]
            own[x] = r
            h = np.uint64(F[r, TEXT])
            if h != 0:
                p = _slot(tkey, tval, tmask, h)
                if tval[p] < 0:
                    tkey[p], tval[p] = h, r
                    total += ptr[r + 1] - ptr[r]
                else:
                    own[x] = tval[p]
        coarse: Any = 0
        while (total >> coarse) > P[GRAMS]:
            coarse += 1
        mask = _power(2 * (total >> coarse) + 16) - 1
        # hashes are numbered as they come, so that what is known of them lies close together
        number = np.full(mask + 1, -1, np.int32)
        room_for = (mask * 3) // 4 + 2
        gram, weight = np.empty(room_for, np.uint32), np.empty(room_for, np.uint8)
        t1, t2 = np.empty(room_for, np.uint32), np.empty(room_for, np.uint32)
        filled = 0
        for x in range(m):
            r = order[s + x]
            if own[x] != r or F[r, TEXT] == 0:
                continue
            limit = np.uint64(1) << np.uint64(32 - min(31, max(np.int64(rate[r]), coarse)))
            t = np.uint32(np.uint64(F[r, KEY]) >> np.uint64(32))
            i = ptr[r]
            while i < ptr[r + 1] and np.uint64(S[i]) < limit and filled * 4 < mask * 3:
                h = S[i]
                p = np.int64((np.uint64(h) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)) & mask
                while number[p] >= 0 and gram[number[p]] != h:
                    p = (p + 1) & mask
                x_h = number[p]
                if x_h < 0:
                    x_h = np.int32(filled)
                    number[p], gram[filled], weight[filled], t1[filled] = x_h, h, 1, t
                    filled += 1
                elif weight[x_h] == 1:
                    if t1[x_h] != t:
                        weight[x_h], t2[x_h] = 2, t
                elif weight[x_h] == 2 and t1[x_h] != t and t2[x_h] != t:
                    weight[x_h] = 3
                S[i] = np.uint32(x_h)
                i += 1
            if i < ptr[r + 1]:
                S[i] = np.uint32(0xFFFFFFFF)
        for p in range(filled):
            weight[p] = wt[weight[p]]
        mark = np.zeros(filled, np.uint8)  # weights of the hashes of the row in hand
        # ids seen on a board, and the index of leaders
        jmask = _power(4 * m) - 1
        jkey, jval = np.empty(jmask + 1, np.uint64), np.full(jmask + 1, -1, np.int64)
        xmask = _power(2 * (n_keys + 2) * m) - 1 if m > scan else 15
        xkey, xval = np.empty(xmask + 1, np.uint64), np.full(xmask + 1, -1, np.int64)
        entry_leader, entry_next = np.empty((n_keys + 2) * m, np.int32), np.empty((n_keys + 2) * m, np.int32)
        entries = 0
        lead = np.empty(m, np.int64)
        lead_own, lead_stop = np.empty(m, np.int64), np.empty(m, np.int64)
        seen = np.full(m, -1, np.int32)
        cand = np.empty(max(scan, chain + n_keys * key_chain) + 8, np.int64)
        wx = np.empty(12, np.int64)
        wl = np.full((m, 12), -1, np.int32)
        nl = 0
        is_lead = np.full(m, -1, np.int64)
        for phase in range(2):
            n_rows = m if phase == 0 else nl
            if phase == 1:
                # campaigns: the same search over leaders, in the order they were found
                if nl < 2:
                    break
                several = False
                for x in range(1, nl):
                    several = several or F[lead[x], CITY] != F[lead[0], CITY] or F[lead[x], PLACE] != F[lead[0], PLACE]
                if not several:
                    break
                xval[:] = -1
                entries = 0
                seen[:] = -1
                nl = 0
            for x in range(n_rows):
                if phase == 0:
                    r, o, end = order[s + x], own[x], np.int64(-1)
                else:
                    r, o, end = lead[x], lead_own[x], lead_stop[x]
                a = ptr[o]
                if phase == 0:
                    end = a
                    while F[r, TEXT] != 0 and end < ptr[o + 1] and S[end] != np.uint32(0xFFFFFFFF):
                        end += 1
                textual = F[r, TEXT] != 0 and end - a >= short
                tag = x + phase * m
                marked = False
                wx[:] = -1
                rr = max(np.int64(rate[o]), coarse)
                nc = 0
                board_l = np.int64(-1)
                if phase == 0:
                    for which in range(2):
                        h = np.uint64(F[r, JOB if which == 0 else URL])
                        if h != 0 and board_l < 0:
                            p = _slot(jkey, jval, jmask, h)
                            if jval[p] >= 0:
                                board_l = jval[p]
                                if seen[board_l] != tag:
                                    seen[board_l] = tag
                                    cand[nc] = board_l
                                    nc += 1
                if nl <= scan:
                    for q in range(nl):
                        if seen[q] != tag:
                            seen[q] = tag
                            cand[nc] = q
                            nc += 1
                else:
                    near = F[r, CITY] if phase == 0 else 0
                    for k in range(-1, n_keys):
                        if k < 0:
                            h = mix64(np.uint64(F[r, KEY])) ^ np.uint64(near)
                            room = chain
                        else:
                            if a + k >= end:
                                break
                            h = np.uint64(gram[S[a + k]]) | (np.uint64(1) << np.uint64(40))
                            room = key_chain
                        p = _slot(xkey, xval, xmask, h)
                        at = xval[p]
                        while at >= 0 and room > 0:
                            q = entry_leader[at]
                            room -= 1
                            if seen[q] != tag:
                                seen[q] = tag
                                cand[nc] = q
                                nc += 1
                            at = entry_next[at]
                best, best_rank, best_score, best_reason = np.int64(-1), -1.0, 0.0, 0
                for z in range(nc):
                    one = cand[z]
                    q = lead[one] if phase == 0 else lead[is_lead[one]]
                    qo = lead_own[one] if phase == 0 else lead_own[is_lead[one]]
                    q_end = lead_stop[one] if phase == 0 else lead_stop[is_lead[one]]
                    if not possible(F, bag, bptr, q, r, phase):
                        continue
                    c = -1.0
                    if textual and F[q, TEXT] != 0 and q_end - ptr[qo] >= short:
                        if qo == o:
                            c = 1.0
                        else:
                            rq = max(np.int64(rate[qo]), coarse)
                            bits = max(rr, rq)
                            limit = np.uint64(1) << np.uint64(32 - bits)
                            q_cut = q_end if rq == bits else _cut(S, ptr[qo], q_end, gram, limit)
                            wr = wx[min(bits, 11)]
                            if wr < 0:
                                wr = _weight(S, a, end if rr == bits else _cut(S, a, end, gram, limit), weight)
                                wx[min(bits, 11)] = wr
                            wq = wl[one, min(bits, 11)]
                            if wq < 0:
                                wq = _weight(S, ptr[qo], q_cut, weight)
                                wl[one, min(bits, 11)] = wq
                            if not marked:
                                marked = True
                                for i in range(a, end):
                                    mark[S[i]] = weight[S[i]]
                            wi = 0
                            for i in range(ptr[qo], q_cut):
                                wi += mark[S[i]]
                            if min(wr, wq) > 0:
                                c = wi / min(wr, wq)
                    if phase == 0:
                        why, sc = judge(F, bag, bptr, q, r, c, one == board_l, P)
                        if why == 0:
                            continue
                        rank = (
                            sc
                            + 2.0 * (F[q, CITY] == F[r, CITY])
                            + 1.0 * (F[q, KEY] == F[r, KEY])
                            + 4.0 * (one == board_l)
                            + 0.3 * (F[q, LEVEL] == F[r, LEVEL])
                            + 0.1 * (F[q, PAY_LO] == F[r, PAY_LO] and F[q, PAY_HI] == F[r, PAY_HI])
                        )
                    else:
                        if not judge_campaign(F, bag, bptr, q, r, c, campaign[q] >= 0, P):
                            continue
                        why, sc, rank = 1, c, c + 1.0 * (F[q, KEY] == F[r, KEY])
                    if rank > best_rank or (rank == best_rank and one < best):
                        best, best_rank, best_score, best_reason = one, rank, sc, why
                if marked:
                    for i in range(a, end):
                        mark[S[i]] = 0
                joined: Any = best
                if best < 0:
                    joined = nl
                    if phase == 0:
                        lead[nl], lead_own[nl], lead_stop[nl] = r, o, end
                    else:
                        is_lead[nl] = x
                        wl[nl, :] = -1
                    if m > scan:
                        for k in range(-2, n_keys):
                            if k == -2:
                                h = mix64(np.uint64(F[r, KEY]))
                            elif k == -1:
                                if phase == 1 or F[r, CITY] == 0:
                                    continue
                                h = mix64(np.uint64(F[r, KEY])) ^ np.uint64(F[r, CITY])
                            else:
                                if a + k >= end:
                                    break
                                h = np.uint64(gram[S[a + k]]) | (np.uint64(1) << np.uint64(40))
                            p = _slot(xkey, xval, xmask, h)
                            xkey[p] = h
                            entry_leader[entries], entry_next[entries] = nl, xval[p]
                            xval[p] = entries
                            entries += 1
                    nl += 1
                elif phase == 0:
                    leader[r], reason[r], score[r] = lead[best], best_reason, best_score
                    if F[lead[best], PLACE] == 0:
                        F[lead[best], PLACE] = F[r, PLACE]
                else:
                    first = lead[is_lead[best]]
                    campaign[r] = first
                    campaign[first] = first
                if phase == 0:
                    for which in range(2):
                        h = np.uint64(F[r, JOB if which == 0 else URL])
                        if h != 0:
                            p = _slot(jkey, jval, jmask, h)
                            jkey[p] = h
                            if jval[p] < 0:
                                jval[p] = joined
