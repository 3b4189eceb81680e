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

from gangwei.kernels.block_texts import (
    RATES,
    cut,
    find_slot,
    first_of_text,
    lacking,
    number_grams,
    power,
    sketch_texts,
    weigh,
)
from gangwei.kernels.judging import (
    CHAIN,
    CITY,
    GRAMS,
    JOB,
    KEY,
    KEY_CHAIN,
    KEYS,
    LEVEL,
    PAY_HI,
    PAY_LO,
    PLACE,
    SCAN,
    SHORT,
    TEXT,
    URL,
    WEIGHT1,
    WEIGHT2,
    WEIGHT3,
    judge,
    judge_campaign,
    least_text,
    possible,
    ruled_out,
)
from gangwei.kernels.lean import lean
from gangwei.kernels.signature import mix64

FEW = 16  # blocks of so few rows are looked through before anything is made for them, and not sketched


@lean  # type: ignore[untyped-decorator]
def _any_possible(rows: Any, F: Any, bag: Any, bptr: Any) -> Any:
    for x in range(rows.size):
        for y in range(x):
            q, r = rows[x], rows[y]
            spread = F[q, CITY] != F[r, CITY] or F[q, PLACE] != F[r, PLACE]
            if possible(F, bag, bptr, q, r, 0) or (spread and possible(F, bag, bptr, q, r, 1)):
                return True
    return False


@lean  # type: ignore[untyped-decorator]
def _rank(score: Any, phase: Any, board: Any, F: Any, q: Any, r: Any) -> Any:
    """What the best of several leaders is chosen by; never less for a higher score."""
    if phase == 1:
        return 1.0 * (F[q, KEY] == F[r, KEY])
    return (
        score
        + 2.0 * (F[q, CITY] == F[r, CITY])
        + 1.0 * (F[q, KEY] == F[r, KEY])
        + 4.0 * board
        + 0.3 * (F[q, LEVEL] == F[r, LEVEL])
        + 0.1 * (F[q, PAY_LO] == F[r, PAY_LO] and F[q, PAY_HI] == F[r, PAY_HI])
    )


@lean  # type: ignore[untyped-decorator]
def _weight_at(bits: Any, x: Any, numbers: Any, begin: Any, stop: Any, gram: Any, weight: Any, known: Any) -> Any:
    """Weight of the text at position x of a block, sampled at a rate of `bits`."""
    w = np.int32(weigh(numbers, begin[x], cut(numbers, begin[x], stop[x], gram, bits), weight))
    known[x, min(bits, RATES - 1)] = w
    return w


@lean  # type: ignore[untyped-decorator]
def _look_up(
    x: Any, phase: Any, rows: Any, own: Any, numbers: Any, begin: Any, stop: Any, F: Any, gram: Any, P: Any,
    index: Any, heads: Any, entry: Any, after: Any, seen: Any, cand: Any, nc: Any,
) -> Any:  # fmt: skip
    """Add the leaders that the index names for the row at position x; returns how many candidates there are."""
    mask = index.size - 1
    near = F[rows[x], CITY] if phase == 0 else 0
    a = begin[own[x]]
    for k in range(-1, np.int64(P[KEYS])):
        if k < 0:
            h = mix64(np.uint64(F[rows[x], KEY])) ^ np.uint64(near)
            room = np.int64(P[CHAIN])
        else:
            if a + k >= stop[own[x]]:
                break
            h = np.uint64(gram[numbers[a + k]]) | (np.uint64(1) << np.uint64(40))
            room = np.int64(P[KEY_CHAIN])
        at = heads[find_slot(index, heads, mask, h)]
        while at >= 0 and room > 0:
            one = entry[at]
            room -= 1
            if seen[one] != x:
                seen[one] = x
                cand[nc] = one
                nc += 1
            at = after[at]
    return nc


@lean  # type: ignore[untyped-decorator]
def _enter(
    x: Any, one: Any, phase: Any, rows: Any, own: Any, numbers: Any, begin: Any, stop: Any, F: Any, gram: Any, P: Any,
    index: Any, heads: Any, entry: Any, after: Any, entries: Any,
) -> Any:  # fmt: skip
    """Enter leader number `one`, the row at position x, into the index; returns the number of entries."""
    mask = index.size - 1
    a = begin[own[x]]
    for k in range(-2, np.int64(P[KEYS])):
        if k == -2:
            h = mix64(np.uint64(F[rows[x], KEY]))
        elif k == -1:
            if phase == 1 or F[rows[x], CITY] == 0:
                continue
            h = mix64(np.uint64(F[rows[x], KEY])) ^ np.uint64(F[rows[x], CITY])
        else:
            if a + k >= stop[own[x]]:
                break
            h = np.uint64(gram[numbers[a + k]]) | (np.uint64(1) << np.uint64(40))
        p = find_slot(index, heads, mask, h)
        index[p] = h
        entry[entries], after[entries] = one, heads[p]
        heads[p] = entries
        entries += 1
    return entries


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _search(
    phase: Any, todo: Any, rows: Any, own: Any, F: Any, bag: Any, bptr: Any, ptr: Any, rate: Any,
    numbers: Any, begin: Any, stop: Any, coarse: Any, gram: Any, weight: Any, known: Any, sketches: Any, heavy: Any, P: Any,
    leader: Any, reason: Any, score: Any, campaign: Any,
) -> Any:  # fmt: skip
    """Join each row to the best leader found before it, or make it one.

    Args:
        phase: 0 = openings, 1 = campaigns of the representatives.
        todo: positions in `rows` of the block, in canonical order.
        numbers, begin, stop, gram, weight, coarse: what `number_grams` returns.
        known, sketches: weights at each rate and bitmaps of each text, by the position of `own`.

    Returns:
        Positions of the leaders in the order in which they were found.
    """
    scan, short = np.int64(P[SCAN]), np.int64(P[SHORT])
    n_keys, m = np.int64(P[KEYS]), todo.size
    lead, nl = np.empty(m, np.int64), 0
    seen = np.full(m, -1, np.int64)
    cand = np.empty(max(scan, np.int64(P[CHAIN]) + n_keys * np.int64(P[KEY_CHAIN])) + 8, np.int64)
    mark = np.zeros(weight.size, np.uint8)  # weights of the hashes of the row in hand
    boards = power(4 * m) if phase == 0 else 16
    job, first = np.empty(boards, np.uint64), np.full(boards, -1, np.int64)  # leaders by ids and addresses on a board
    slots = power(2 * (n_keys + 2) * m) if m > scan else 16
    index, heads = np.empty(slots, np.uint64), np.full(slots, -1, np.int64)
    entry, after, entries = np.empty(slots, np.int32), np.empty(slots, np.int32), 0
    for x in todo:
        r, o = rows[x], own[x]
        a, end = begin[o], stop[o]
        says = F[r, TEXT] != 0 and ptr[rows[o] + 1] - ptr[rows[o]] >= short
        fine = max(np.int64(rate[rows[o]]), coarse)
        marked = False
        nc: Any = 0
        same_board = np.int64(-1)
        if phase == 0:
            for which in (JOB, URL):
                h = np.uint64(F[r, which])
                if h != 0 and same_board < 0:
                    same_board = first[find_slot(job, first, boards - 1, h)]
            if same_board >= 0:
                seen[same_board] = x
                cand[0] = same_board
                nc = 1
        if nl <= scan:
            for one in range(nl):
                if one != same_board:
                    cand[nc] = one
                    nc += 1
        else:
            nc = _look_up(
                x, phase, rows, own, numbers, begin, stop, F, gram, P, index, heads, entry, after, seen, cand, nc
            )  # fmt: skip
        best, best_rank, best_score, best_reason = np.int64(-1), -1.0, 0.0, 0
        for z in range(nc):
            one = cand[z]
            y = lead[one]
            q = rows[y]
            if ruled_out(F, q, r, phase, campaign[q] >= 0):
                continue
            board = phase == 0 and one == same_board
            top = _rank(1.0, phase, board, F, q, r)
            if top < best_rank or (top == best_rank and one > best):
                continue
            c, exact = -1.0, True
            p = own[y]
            b, b_end = begin[p], stop[p]
            bits, least = fine, 0
            if says and F[q, TEXT] != 0 and ptr[rows[p] + 1] - ptr[rows[p]] >= short:
                if p == o:
                    c = 1.0
                else:
                    theirs = max(np.int64(rate[rows[p]]), coarse)
                    bits = max(fine, theirs)
                    w_row, w_lead = known[o, min(bits, RATES - 1)], known[p, min(bits, RATES - 1)]
                    if w_row < 0:
                        w_row = _weight_at(bits, o, numbers, begin, stop, gram, weight, known)
                    if w_lead < 0:
                        w_lead = _weight_at(bits, p, numbers, begin, stop, gram, weight, known)
                    least = min(w_row, w_lead)
                    if least == 0 and coarse > 0:  # sampled so coarsely that nothing is left: not one text
                        c = 0.0
                    elif least > 0:
                        exact, shared = False, least
                        if sketches.shape[0] > 0:
                            if fine == bits:
                                shared = min(shared, w_row - heavy * lacking(sketches, o, p))
                            if theirs == bits:
                                shared = min(shared, w_lead - heavy * lacking(sketches, p, o))
                            top = _rank(shared / least, phase, board, F, q, r)
                            if top < best_rank or (top == best_rank and one > best):
                                continue
                        c = shared / least
                        if not board and c < least_text(F, q, r, phase, P):
                            continue
            while True:
                if phase == 0:
                    why, sc = judge(F, bag, bptr, q, r, c, board, P)
                else:
                    why, sc = int(judge_campaign(F, bag, bptr, q, r, c, campaign[q] >= 0, P)), c
                if why == 0 or exact:
                    break
                exact = True
                if not marked:
                    marked = True
                    for i in range(a, end):
                        mark[numbers[i]] = weight[numbers[i]]
                shared = 0
                for i in range(b, b_end if theirs == bits else cut(numbers, b, b_end, gram, bits)):
                    shared += mark[numbers[i]]
                c = shared / least
            if why == 0:
                continue
            rank = _rank(sc, phase, board, F, q, r)
            if rank > best_rank or (rank == best_rank and one < best):
                best, best_rank, best_score, best_reason = one, rank, sc, why
        if marked:
            for i in range(a, end):
                mark[numbers[i]] = 0
        joined: Any = best
        if best < 0:
            joined = nl
            lead[nl] = x
            if m > scan:
                entries = _enter(
                    x, nl, phase, rows, own, numbers, begin, stop, F, gram, P, index, heads, entry, after, entries
                )  # fmt: skip
            nl += 1
        elif phase == 0:
            to = rows[lead[best]]
            leader[r], reason[r], score[r] = to, best_reason, best_score
            if F[to, PLACE] == 0:
                F[to, PLACE] = F[r, PLACE]
        else:
            to = rows[lead[best]]
            campaign[r], campaign[to] = to, to
        if phase == 0:
            for which in (JOB, URL):
                h = np.uint64(F[r, which])
                if h != 0:
                    p = find_slot(job, first, boards - 1, h)
                    job[p] = h
                    if first[p] < 0:
                        first[p] = joined
    return lead[:nl]


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def cluster_blocks(
    order: Any, starts: Any, F: Any, bag: Any, bptr: Any, S: Any, ptr: Any, rate: Any, P: Any,
    leader: Any, reason: Any, score: Any, campaign: Any,
) -> None:  # fmt: skip
    """Cluster every block; rows are numbers into `F`.

    Args:
        order: rows, block after block, in canonical order inside each.
        starts: position in `order` of each block and the end, shape (blocks + 1,).
        F: facts of each row, shape (rows, 18), int64; a leader without a place takes that of its first member with one.
        bag, bptr: title bags and row pointers.
        S, ptr, rate: sampled hashes, row pointers and rates.
        P: parameters in the order of PARAMS.
        leader, reason, score, campaign: outputs by row; leader starts as the row itself, campaign as -1.
    """
    by_titles = np.array([0, P[WEIGHT1], P[WEIGHT2], P[WEIGHT3]]).astype(np.uint8)
    heavy = np.int64(by_titles.max())
    for g in range(starts.size - 1):
        rows = order[starts[g] : starts[g + 1]]
        m = rows.size
        if m < 2 or (m <= FEW and not _any_possible(rows, F, bag, bptr)):
            continue
        own = first_of_text(rows, F)
        numbers, begin, stop, gram, weight, coarse = number_grams(
            rows, own, F, S, ptr, rate, np.int64(P[GRAMS]), by_titles
        )
        known = np.full((m, RATES), -1, np.int32)
        sketched = m if m > FEW else 0
        sketches = sketch_texts(own[:sketched], numbers, begin, stop, weight, heavy)
        todo = np.arange(m)
        for phase in range(2):
            todo = _search(
                phase, todo, rows, own, F, bag, bptr, ptr, rate, numbers, begin, stop, coarse, gram, weight, known, sketches,
                heavy, P, leader, reason, score, campaign,
            )  # fmt: skip
            several = False
            for x in todo[1:]:
                q, r = rows[x], rows[todo[0]]
                several = several or F[q, CITY] != F[r, CITY] or F[q, PLACE] != F[r, PLACE]
            if not several:  # representatives of one place make no campaign
                break
