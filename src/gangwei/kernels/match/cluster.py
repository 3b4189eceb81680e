"""Openings and campaigns of one employer: leader clustering over sampled text, titles, city and pay.

Ads of one employer form a block, in canonical order. Each ad is compared with the *leaders* found before it, never
with mere members, and joins the best that fits or becomes a leader: no chain of small differences can join two
vacancies. Work is bounded: large blocks are searched through an index (title and city, smallest hashes of the text)
whose chains are read only so far.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from gangwei.kernels.lean import lean, lean_inline
from gangwei.kernels.match.block_texts import (
    RATES,
    cut,
    first_of_text,
    lacking,
    number_grams,
    power,
    sketch_texts,
    weigh,
)
from gangwei.kernels.match.judging import (
    CHAIN,
    CITY,
    GRAMS,
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
    WEIGHT1,
    WEIGHT2,
    WEIGHT3,
    judge,
    judge_campaign,
    least_text,
    possible,
    ruled_out,
)
from gangwei.kernels.match.leader_index import Index, enter, leader_on_board, look_up, note_on_board

FEW = 16  # blocks of so few rows are looked through before anything is made for them, and not sketched


class Facts(NamedTuple):
    """Of all rows: facts (n, 18), title bags with row pointers, pointers and rates of the sampled texts."""

    F: NDArray[np.int64]
    bag: NDArray[np.uint32]
    bptr: NDArray[np.int64]
    ptr: NDArray[np.int64]
    rate: NDArray[np.uint8]


class Block(NamedTuple):
    """The rows of one employer in canonical order, the first position with each text, and what `number_grams` says of the texts;
    known weights at each rate and bitmaps by the position of `own`, and the weight of the heaviest hash."""

    rows: NDArray[np.int64]
    own: NDArray[np.int64]
    numbers: NDArray[np.int32]
    begin: NDArray[np.int64]
    stop: NDArray[np.int64]
    gram: NDArray[np.uint32]
    weight: NDArray[np.uint8]
    coarse: Any
    known: NDArray[np.int32]
    sketches: NDArray[np.uint64]
    heavy: Any


class Found(NamedTuple):
    """Outputs by row: leader, reason, score, campaign."""

    leader: NDArray[np.int64]
    reason: NDArray[np.uint8]
    score: NDArray[np.float64]
    campaign: NDArray[np.int64]


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
def _weight_at(bits: Any, x: Any, block: Any) -> Any:
    """Weight of the text at position x of a block, sampled at a rate of `bits`."""
    begin, stop = block.begin[x], block.stop[x]
    w = np.int32(weigh(block.numbers, begin, cut(block.numbers, begin, stop, block.gram, bits), block.weight))
    block.known[x, min(bits, RATES - 1)] = w
    return w


@lean_inline  # type: ignore[untyped-decorator]
def _most_shared(block: Any, o: Any, p: Any, mine: Any, theirs: Any) -> Any:
    """(weight that the texts at o and p share at the most, weight of the lesser), sampled at the coarser rate of both."""
    known, sketches = block.known, block.sketches
    bits = max(mine, theirs)
    w_row, w_lead = known[o, min(bits, RATES - 1)], known[p, min(bits, RATES - 1)]
    if w_row < 0:
        w_row = _weight_at(bits, o, block)
    if w_lead < 0:
        w_lead = _weight_at(bits, p, block)
    least = np.int64(min(w_row, w_lead))
    shared = least
    if least > 0 and sketches.shape[0] > 0:
        if mine == bits:
            shared = min(shared, w_row - block.heavy * lacking(sketches, o, p))
        if theirs == bits:
            shared = min(shared, w_lead - block.heavy * lacking(sketches, p, o))
    return shared, least


@lean_inline  # type: ignore[untyped-decorator]
def _shared(block: Any, p: Any, mine: Any, theirs: Any, mark: Any) -> Any:
    """Weight that the text at p shares with the one whose hashes are marked."""
    b, end = block.begin[p], block.stop[p]
    if theirs < mine:
        end = cut(block.numbers, b, end, block.gram, mine)
    shared = 0
    for i in range(b, end):
        shared += mark[block.numbers[i]]
    return shared


@lean_inline  # type: ignore[untyped-decorator]
def _verdict(phase: Any, facts: Any, q: Any, r: Any, c: Any, board: Any, campaign: Any, P: Any) -> Any:
    """(reason or 0, score) of row r beside leader q, whose texts share c."""
    if phase == 0:
        return judge(facts.F, facts.bag, facts.bptr, q, r, c, board, P)
    return int(judge_campaign(facts.F, facts.bag, facts.bptr, q, r, c, campaign[q] >= 0, P)), c


@lean  # type: ignore[untyped-decorator]
def _best(
    phase: Any,
    x: Any,
    cand: Any,
    nc: Any,
    same_board: Any,
    facts: Any,
    block: Any,
    P: Any,
    lead: Any,
    mark: Any,
    campaign: Any,
) -> Any:
    """(number of the leader that the row at x joins or -1, score, reason) among cand[:nc]; of equals the first leader."""
    F, ptr, rate = facts.F, facts.ptr, facts.rate
    rows, own, coarse = block.rows, block.own, np.int64(block.coarse)
    short = np.int64(P[SHORT])
    r, o = rows[x], own[x]
    says = F[r, TEXT] != 0 and ptr[rows[o] + 1] - ptr[rows[o]] >= short
    mine = max(np.int64(rate[rows[o]]), coarse)
    marked = False
    best, best_rank, best_score, best_reason = np.int64(-1), -1.0, 0.0, np.int64(0)
    for z in range(nc):
        one = cand[z]
        y = lead[one]
        q, p = rows[y], own[y]
        if ruled_out(F, q, r, phase, campaign[q] >= 0):
            continue
        board = phase == 0 and one == same_board
        top = _rank(1.0, phase, board, F, q, r)
        if top < best_rank or (top == best_rank and one > best):
            continue
        c, exact, least, theirs = -1.0, True, np.int64(0), mine
        if says and F[q, TEXT] != 0 and ptr[rows[p] + 1] - ptr[rows[p]] >= short:
            if p == o:
                c = 1.0
            else:
                theirs = max(np.int64(rate[rows[p]]), coarse)
                shared, least = _most_shared(block, o, p, mine, theirs)
                if least > 0:
                    c, exact = shared / least, False
                    top = _rank(c, phase, board, F, q, r)
                    if top < best_rank or (top == best_rank and one > best):
                        continue
                    if not board and c < least_text(F, q, r, phase, P):
                        continue
                elif coarse > 0:  # sampled so coarsely that nothing is left: not one text
                    c = 0.0
        why, sc = _verdict(phase, facts, q, r, c, board, campaign, P)
        if why != 0 and not exact:
            if not marked:
                marked = True
                for i in range(block.begin[o], block.stop[o]):
                    mark[block.numbers[i]] = block.weight[block.numbers[i]]
            c = _shared(block, p, mine, theirs, mark) / least
            why, sc = _verdict(phase, facts, q, r, c, board, campaign, P)
        if why == 0:
            continue
        rank = _rank(sc, phase, board, F, q, r)
        if rank > best_rank or (rank == best_rank and one < best):
            best, best_rank, best_score, best_reason = one, rank, sc, np.int64(why)
    if marked:
        for i in range(block.begin[o], block.stop[o]):
            mark[block.numbers[i]] = 0
    return best, best_score, best_reason


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _search(phase: Any, todo: Any, facts: Any, block: Any, P: Any, found: Any) -> Any:
    """Join each row of the block to the best leader found before it, or make it one.

    Args:
        phase: 0 = openings, 1 = campaigns of the representatives.
        todo: positions in the block, in canonical order.

    Returns:
        Positions of the leaders in the order in which they were found.
    """
    F, rows = facts.F, block.rows
    scan, n_keys, m = np.int64(P[SCAN]), np.int64(P[KEYS]), todo.size
    lead, nl = np.empty(m, np.int64), 0
    seen = np.full(m, -1, np.int64)
    cand = np.empty(max(scan, np.int64(P[CHAIN]) + n_keys * np.int64(P[KEY_CHAIN])) + 8, np.int64)
    mark = np.zeros(block.weight.size, np.uint8)  # weights of the hashes of the row in hand
    boards = power(4 * m) if phase == 0 else 16
    job, first = np.empty(boards, np.uint64), np.full(boards, -1, np.int64)  # leaders by ids and addresses on a board
    slots = power(2 * (n_keys + 2) * m) if m > scan else 16
    index = Index(
        np.empty(slots, np.uint64), np.full(slots, -1, np.int64), np.empty(slots, np.int32), np.empty(slots, np.int32)
    )
    entries = 0
    for x in todo:
        r = rows[x]
        same_board = leader_on_board(r, F, job, first) if phase == 0 else np.int64(-1)
        nc: Any = 0
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
            nc = look_up(x, phase, block, F, P, index, seen, cand, nc)
        best, score, reason = _best(phase, x, cand, nc, same_board, facts, block, P, lead, mark, found.campaign)
        joined: Any = best
        if best < 0:
            joined = nl
            lead[nl] = x
            if m > scan:
                entries = enter(x, nl, phase, block, F, P, index, entries)
            nl += 1
        elif phase == 0:
            to = rows[lead[best]]
            found.leader[r], found.reason[r], found.score[r] = to, reason, score
            if F[to, PLACE] == 0:
                F[to, PLACE] = F[r, PLACE]
        else:
            to = rows[lead[best]]
            found.campaign[r], found.campaign[to] = to, to
        if phase == 0:
            note_on_board(r, F, job, first, joined)
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
    facts, found = Facts(F, bag, bptr, ptr, rate), Found(leader, reason, score, campaign)
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
        block = Block(rows, own, numbers, begin, stop, gram, weight, coarse, known, sketches, heavy)
        todo = np.arange(m)
        for phase in range(2):
            todo = _search(phase, todo, facts, block, P, found)
            several = False
            for x in todo[1:]:
                q, r = rows[x], rows[todo[0]]
                several = several or F[q, CITY] != F[r, CITY] or F[q, PLACE] != F[r, PLACE]
            if not several:  # representatives of one place make no campaign
                break
