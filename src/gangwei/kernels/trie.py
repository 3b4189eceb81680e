"""A trie over code points as flat arrays, for phrase lists that a numba kernel walks at chosen positions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from gangwei.kernels.fold import decode

_SPREAD = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Trie:
    """Open-addressing table of (node, code point) -> node, and the entry that ends at each node (-1 = none).

    `first` (BMP) is 2 where one character alone is a phrase, `pair` flags the hashes of two first characters: together
    they tell cheaply where no phrase starts (ends, when reversed). `pair_bits` is `pair` as bits, which fits the fastest
    cache. `second` leads from the hash of two characters to their node at once (-1 = several share it), `lead` says which
    two characters a node of `second` stands for, and `deep` whether a node has children.
    """

    keys: NDArray[np.uint64]
    values: NDArray[np.int32]
    entry: NDArray[np.int32]
    first: NDArray[np.uint8]
    pair: NDArray[np.uint8]
    pair_bits: NDArray[np.uint8]
    second: NDArray[np.int32]
    lead: NDArray[np.int64]
    deep: NDArray[np.bool_]

    @property
    def arrays(self) -> tuple[NDArray[np.uint64], NDArray[np.int32], NDArray[np.int32]]:
        """What `step` and the walks take."""
        return self.keys, self.values, self.entry

    @property
    def long_arrays(self) -> tuple[NDArray[Any], ...]:
        """What `longest_on` takes."""
        return self.keys, self.values, self.entry, self.second, self.lead, self.deep


@njit(forceinline=True)  # type: ignore[untyped-decorator]
def pair_slot(a: int, b: int) -> int:
    """Where `pair` keeps two code points."""
    return (a * 0x2F35 ^ b * 0x61B1) & 0xFFFF


def build(phrases: Iterable[tuple[str, int]], *, reverse: bool = False) -> Trie:
    """Trie of (phrase, entry number); of equal phrases the first counts."""
    nodes: list[dict[int, int]] = [{}]
    entry = [-1]
    first = np.zeros(0x10000, np.uint8)
    pair = np.zeros(0x10000, np.uint8)
    for phrase, number in phrases:
        codes = [ord(c) for c in (reversed(phrase) if reverse else phrase)]
        if not codes:
            continue
        if len(codes) == 1:
            first[codes[0] & 0xFFFF] = 2
        else:
            pair[pair_slot(codes[0], codes[1])] = 1
        node = 0
        for c in codes:
            if c not in nodes[node]:
                nodes[node][c] = len(nodes)
                nodes.append({})
                entry.append(-1)
            node = nodes[node][c]
        if entry[node] < 0:
            entry[node] = number
    size = 16
    while size < 4 * len(nodes):
        size *= 2
    keys = np.zeros(size, np.uint64)
    values = np.zeros(size, np.int32)
    for node, children in enumerate(nodes):
        for c, child in children.items():
            key = (node << 21) | c
            slot = (key * int(_SPREAD) & 0xFFFFFFFFFFFFFFFF) >> 32 & (size - 1)
            while keys[slot]:
                slot = (slot + 1) & (size - 1)
            keys[slot] = key
            values[slot] = child
    second = np.zeros(0x10000, np.int32)
    lead = np.zeros(len(nodes), np.int64)
    for a, node in nodes[0].items():
        for b, child in nodes[node].items():
            slot = pair_slot(a, b)
            second[slot] = -1 if second[slot] else child
            lead[child] = a << 21 | b
    bits = np.packbits(pair, bitorder="little")
    deep = np.array([bool(n) for n in nodes])
    return Trie(keys, values, np.array(entry, np.int32), first, pair, bits, second, lead, deep)


@njit(forceinline=True)  # type: ignore[untyped-decorator]
def step(keys: NDArray[np.uint64], values: NDArray[np.int32], node: int, c: int) -> int:
    """The child of `node` by code point `c`, or -1."""
    key = (np.uint64(node) << np.uint64(21)) | np.uint64(c)
    mask = np.uint64(keys.size - 1)
    slot = ((key * _SPREAD) >> np.uint64(32)) & mask
    while True:
        found = keys[slot]
        if found == key:
            return np.int64(values[slot])
        if found == 0:
            return -1
        slot = (slot + np.uint64(1)) & mask


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def longest_back(
    keys: NDArray[np.uint64],
    values: NDArray[np.int32],
    entry: NDArray[np.int32],
    text: NDArray[np.uint32],
    end: int,
    low: int,
) -> tuple[int, int]:
    """Longest phrase of a reversed trie that ends before text[end] and starts at or after `low`: (entry, start)."""
    node = 0
    best, start = -1, end
    p = end - 1
    while p >= low:
        node = step(keys, values, node, text[p])
        if node < 0:
            break
        if entry[node] >= 0:
            best, start = entry[node], p
        p -= 1
    return best, start


@njit(forceinline=True)  # type: ignore[untyped-decorator]
def longest_on(
    keys: NDArray[np.uint64],
    values: NDArray[np.int32],
    entry: NDArray[np.int32],
    second: NDArray[np.int32],
    lead: NDArray[np.int64],
    deep: NDArray[np.bool_],
    text: NDArray[np.uint32],
    start: int,
    high: int,
) -> tuple[int, int]:
    """Longest phrase of at least two characters that starts at text[start] and ends at or before `high`, where
    start + 1 < high: (entry, end)."""
    a, b = np.int64(text[start]), np.int64(text[start + 1])
    node = np.int64(second[pair_slot(a, b)])
    if node > 0:
        if lead[node] != (a << 21 | b):
            return -1, start
    elif node < 0:
        node = step(keys, values, 0, a)
        if node >= 0:
            node = step(keys, values, node, b)
        if node < 0:
            return -1, start
    else:
        return -1, start
    p = start + 2
    best, end = np.int64(entry[node]), p
    while p < high and deep[node]:
        node = step(keys, values, node, text[p])
        if node < 0:
            break
        p += 1
        if entry[node] >= 0:
            best, end = np.int64(entry[node]), p
    return best, end


@njit(forceinline=True)  # type: ignore[untyped-decorator]
def in_word(c: Any) -> Any:
    """Whether a byte or code point is an ASCII digit or lower-case letter."""
    return 48 <= c <= 57 or 97 <= c <= 122


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def every(
    data: Any,
    off: Any,
    keys: Any,
    values: Any,
    entry: Any,
    second: Any,
    lead: Any,
    deep: Any,
    first: Any,
    pair_bits: Any,
) -> Any:
    """Every phrase in every lower-cased text of a string buffer that does not begin inside of an ASCII word, overlapping ones
    too: rows, byte offsets in the text, entries."""
    room = off.size * 2 + 64
    rows = np.empty(room, np.uint32)
    starts = np.empty(room, np.uint32)
    found = np.empty(room, np.int32)
    m = 0
    for r in range(off.size - 1):
        begin = np.int64(off[r])
        end = np.int64(off[r + 1])
        i = begin
        d, ahead = np.int64(0), 0
        if i < end:
            d, ahead = decode(data, i)
        while i < end:
            c, at = d, i
            i += ahead
            d, ahead = np.int64(0), 0
            if i < end:
                d, ahead = decode(data, i)
            slot = pair_slot(c, d)
            alone = first[c & 0xFFFF] > 0
            if not alone and not (np.int64(pair_bits[slot >> 3]) >> (slot & 7)) & 1:
                continue
            if in_word(c) and at > begin and in_word(data[at - 1]):
                continue
            node = np.int64(second[slot])
            if alone or node < 0:
                j = i
                node = step(keys, values, 0, c)
            else:
                j = i + ahead
                if node == 0 or lead[node] != (c << 21 | d):
                    continue
            while node >= 0:
                if entry[node] >= 0:
                    if m == room:
                        room *= 2
                        rows, starts, found = grown(rows, room), grown(starts, room), grown(found, room)
                    rows[m] = r
                    starts[m] = at - begin
                    found[m] = entry[node]
                    m += 1
                if not deep[node]:
                    break
                if j >= end:
                    break
                e, width = decode(data, j)
                node = step(keys, values, node, e)
                j += width
    return rows[:m], starts[:m], found[:m]


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def grown(old: Any, room: int) -> Any:
    """A longer array that begins with `old`."""
    out = np.empty(room, old.dtype)
    out[: old.size] = old
    return out
