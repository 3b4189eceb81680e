"""The texts of one block for comparing: hashes numbered, weighted by how many titles carry them, and sketched.

Rows with one text share what is known of the first of them. A sketch is a bitmap of 256 bits of the heaviest hashes of
a text: each bit of one that the other lacks is at least one hash that the two do not share, so that most pairs are
refused without being compared.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from gangwei.kernels.lean import lean
from gangwei.kernels.match.judging import KEY, TEXT
from gangwei.kernels.signature import mix64

MORE = np.uint64(1)  # no two titles
RATES = 12
WORDS = 4


@njit(forceinline=True)  # type: ignore[untyped-decorator]
def find_slot(keys: Any, used: Any, mask: Any, h: Any) -> Any:
    """Slot of a key, or the free slot where it belongs; `used` is negative where a slot is free."""
    p = np.int64(mix64(h) & np.uint64(mask))
    while used[p] >= 0 and keys[p] != h:
        p = (p + 1) & mask
    return p


@lean  # type: ignore[untyped-decorator]
def power(n: Any) -> Any:
    """The smallest power of two of at least n and 16."""
    size = 16
    while size < n:
        size *= 2
    return size


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def first_of_text(rows: Any, F: Any) -> Any:
    """Position of the first row with the same text, itself where there is none or no text."""
    m = rows.size
    own = np.arange(m)
    mask = power(2 * m) - 1
    key, first = np.empty(mask + 1, np.uint64), np.full(mask + 1, -1, np.int64)
    for x in range(m):
        h = np.uint64(F[rows[x], TEXT])
        if h != 0:
            p = find_slot(key, first, mask, h)
            if first[p] < 0:
                key[p], first[p] = h, x
            else:
                own[x] = first[p]
    return own


@njit(forceinline=True)  # type: ignore[untyped-decorator]
def home(h: Any, mask: Any) -> Any:
    """First slot of a 32-bit hash."""
    return np.int64((np.uint64(h) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)) & mask


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def number_grams(rows: Any, own: Any, F: Any, S: Any, ptr: Any, rate: Any, most: Any, by_titles: Any) -> Any:
    """Number the hashes of a block as they come, so that what is known of them lies close together.

    Args:
        rows, own: rows of the block, and the position of the first row with the same text.
        S, ptr, rate: hashes, row pointers and rates of all rows.
        most: hashes of the block before it is sampled more coarsely.
        by_titles: weight of a hash under 1, 2 and more titles, shape (4,), uint8.

    Returns:
        (numbers of the hashes of each text, text after text; for each position of `own` the first and the end of its
        numbers; hash of each number; weight of each number; coarsest rate in bits).
    """
    m = rows.size
    total = longest = 0
    for x in range(m):
        if own[x] == x and F[rows[x], TEXT] != 0:
            total += ptr[rows[x] + 1] - ptr[rows[x]]
            longest = max(longest, ptr[rows[x] + 1] - ptr[rows[x]])
    coarse: Any = 0
    while (total >> coarse) > most:
        coarse += 1
    mask = power(2 * (total >> coarse) + 16) - 1
    known = np.zeros(mask + 1, np.uint64)  # a hash above its number, which counts from 1
    room = (mask * 3) // 4 + 2
    gram, titles = np.empty(room, np.uint32), np.empty(room, np.uint64)  # one title twice, two titles, or MORE
    near = np.empty(longest, np.uint64)
    numbers, begin, stop = np.empty(total, np.uint32), np.empty(m, np.int64), np.empty(m, np.int64)
    filled = at = 0
    for x in range(m):
        r = rows[x]
        a = ptr[r]
        begin[x] = stop[x] = at
        if own[x] != x or F[r, TEXT] == 0:
            continue
        limit = np.uint64(1) << np.uint64(32 - min(31, max(np.int64(rate[r]), coarse)))
        t = np.uint64(F[r, KEY]) >> np.uint64(32)
        for i in range(a, ptr[r + 1]):  # the slots are fetched together, each before it is needed
            near[i - a] = known[home(S[i], mask)]
        i = a
        while i < ptr[r + 1] and np.uint64(S[i]) < limit and filled * 4 < mask * 3:
            p = home(S[i], mask)
            while known[p] != 0 and known[p] >> np.uint64(32) != np.uint64(S[i]):
                p = (p + 1) & mask
            if known[p] == 0:
                gram[filled], titles[filled] = S[i], t | (t << np.uint64(32))
                filled += 1
                known[p] = (np.uint64(S[i]) << np.uint64(32)) | np.uint64(filled)
            g = (known[p] & np.uint64(0xFFFFFFFF)) - np.uint64(1)
            one, two = titles[g] & np.uint64(0xFFFFFFFF), titles[g] >> np.uint64(32)
            if t not in (one, two) and titles[g] != MORE:
                titles[g] = one | (t << np.uint64(32)) if one == two else MORE
            numbers[at] = g
            at += 1
            i += 1
        stop[x] = at
    weight = np.empty(filled, np.uint8)
    for g in range(filled):
        two_titles = titles[g] & np.uint64(0xFFFFFFFF) != titles[g] >> np.uint64(32)
        weight[g] = by_titles[3 if titles[g] == MORE else (2 if two_titles else 1)]
    return numbers, begin, stop, gram[:filled], weight, coarse


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def sketch_texts(own: Any, numbers: Any, begin: Any, stop: Any, weight: Any, heavy: Any) -> Any:
    """Bitmaps of the hashes of weight `heavy` of each text, shape (positions, WORDS), at the positions of `own`."""
    out = np.zeros((own.size, WORDS), np.uint64)
    for x in range(own.size):
        if own[x] == x:
            for i in range(begin[x], stop[x]):
                g = np.int64(numbers[i])
                out[x, (g >> 6) & (WORDS - 1)] |= np.uint64(weight[g] == heavy) << np.uint64(g & 63)
    return out


@lean  # type: ignore[untyped-decorator]
def lacking(sketches: Any, x: Any, y: Any) -> Any:
    """Bits of the sketch of x that are missing in that of y."""
    n = np.uint64(0)
    for k in range(WORDS):
        v = sketches[x, k] & ~sketches[y, k]
        v -= (v >> np.uint64(1)) & np.uint64(0x5555555555555555)
        v = (v & np.uint64(0x3333333333333333)) + ((v >> np.uint64(2)) & np.uint64(0x3333333333333333))
        v = (v + (v >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
        n += (v * np.uint64(0x0101010101010101)) >> np.uint64(56)
    return np.int64(n)


@lean  # type: ignore[untyped-decorator]
def cut(numbers: Any, a: Any, b: Any, gram: Any, bits: Any) -> Any:
    """End of numbers[a:b], in order of their hashes, whose hash belongs to a rate of `bits`."""
    limit = np.uint64(1) << np.uint64(32 - bits)
    while a < b:
        i = (a + b) >> 1
        if np.uint64(gram[numbers[i]]) < limit:
            a = i + 1
        else:
            b = i
    return a


@lean  # type: ignore[untyped-decorator]
def weigh(numbers: Any, a: Any, b: Any, weight: Any) -> Any:
    """Sum of the weights of numbers[a:b]."""
    w = 0
    for i in range(a, b):
        w += weight[numbers[i]]
    return w
