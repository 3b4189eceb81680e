"""Where the leaders of a block are found that a row may join: by its id or address on the board, by title and city, and by the
smallest hashes of its text."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gangwei.kernels.lean import lean, lean_inline
from gangwei.kernels.match.block_texts import find_slot
from gangwei.kernels.match.judging import CHAIN, CITY, JOB, KEY, KEY_CHAIN, KEYS, URL
from gangwei.kernels.signature import mix64


class Index(NamedTuple):
    """Leaders by title and city and by the smallest hashes of the text: keys, the last entry of each, and of each entry its leader
    and the entry before."""

    keys: NDArray[np.uint64]
    heads: NDArray[np.int64]
    entry: NDArray[np.int32]
    after: NDArray[np.int32]


@lean  # type: ignore[untyped-decorator]
def look_up(x: Any, phase: Any, block: Any, F: Any, P: Any, index: Any, seen: Any, cand: Any, nc: Any) -> Any:
    """Add the leaders that the index names for the row at position x; returns how many candidates there are."""
    row, own = block.rows[x], block.own[x]
    mask = index.keys.size - 1
    near = F[row, CITY] if phase == 0 else 0
    a = block.begin[own]
    for k in range(-1, np.int64(P[KEYS])):
        if k < 0:
            h = mix64(np.uint64(F[row, KEY])) ^ np.uint64(near)
            room = np.int64(P[CHAIN])
        else:
            if a + k >= block.stop[own]:
                break
            h = np.uint64(block.gram[block.numbers[a + k]]) | (np.uint64(1) << np.uint64(40))
            room = np.int64(P[KEY_CHAIN])
        at = index.heads[find_slot(index.keys, index.heads, mask, h)]
        while at >= 0 and room > 0:
            one = index.entry[at]
            room -= 1
            if seen[one] != x:
                seen[one] = x
                cand[nc] = one
                nc += 1
            at = index.after[at]
    return nc


@lean  # type: ignore[untyped-decorator]
def enter(x: Any, one: Any, phase: Any, block: Any, F: Any, P: Any, index: Any, entries: Any) -> Any:
    """Enter leader number `one`, the row at position x, into the index; returns the number of entries."""
    row, own = block.rows[x], block.own[x]
    mask = index.keys.size - 1
    a = block.begin[own]
    for k in range(-2, np.int64(P[KEYS])):
        if k == -2:
            h = mix64(np.uint64(F[row, KEY]))
        elif k == -1:
            if phase == 1 or F[row, CITY] == 0:
                continue
            h = mix64(np.uint64(F[row, KEY])) ^ np.uint64(F[row, CITY])
        else:
            if a + k >= block.stop[own]:
                break
            h = np.uint64(block.gram[block.numbers[a + k]]) | (np.uint64(1) << np.uint64(40))
        p = find_slot(index.keys, index.heads, mask, h)
        index.keys[p] = h
        index.entry[entries], index.after[entries] = one, index.heads[p]
        index.heads[p] = entries
        entries += 1
    return entries


@lean_inline  # type: ignore[untyped-decorator]
def leader_on_board(r: Any, F: Any, job: Any, first: Any) -> Any:
    """The leader that has the id or the address of row r on its board, or -1."""
    for which in (JOB, URL):
        h = np.uint64(F[r, which])
        if h != 0:
            found = first[find_slot(job, first, job.size - 1, h)]
            if found >= 0:
                return found
    return np.int64(-1)


@lean_inline  # type: ignore[untyped-decorator]
def note_on_board(r: Any, F: Any, job: Any, first: Any, leader: Any) -> None:
    """Note the id and the address of row r for its leader, if no other has them."""
    for which in (JOB, URL):
        h = np.uint64(F[r, which])
        if h != 0:
            p = find_slot(job, first, job.size - 1, h)
            job[p] = h
            if first[p] < 0:
                first[p] = leader
