"""A trie over code points as flat arrays, for phrase lists that a numba kernel walks at chosen positions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from gangwei.kernels.clean.fold import decode

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
    some = [(phrase[::-1] if reverse else phrase, number) for phrase, number in phrases if phrase]
    ends = np.cumsum([0, *(len(phrase) for phrase, _ in some)])
    codes = np.frombuffer("".join(phrase for phrase, _ in some).encode("utf-32-le"), np.uint32).astype(np.int64)
    numbers = np.array([number for _, number in some], np.int32)
    first, pair = np.zeros(0x10000, np.uint8), np.zeros(0x10000, np.uint8)
    alone = np.diff(ends) == 1
    at = ends[:-1]
    first[codes[at[alone]] & 0xFFFF] = 2
    at = at[~alone]
    pair[pair_slots(codes[at], codes[at + 1])] = 1
    parent, code, entry = _grow(codes, ends, numbers, *_table(codes.size + 1))
    keys, values = _table(entry.size)
    _enter(parent, code, keys, values)
    second, lead = np.zeros(0x10000, np.int32), np.zeros(entry.size, np.int64)
    depth2 = np.flatnonzero((parent > 0) & (parent[parent] == 0))
    lead[depth2] = code[parent[depth2]] << 21 | code[depth2]
    slots = pair_slots(code[parent[depth2]], code[depth2])
    second[slots] = np.where(np.bincount(slots, minlength=0x10000)[slots] > 1, -1, depth2)
    deep = np.zeros(entry.size, np.bool_)
    deep[parent[1:]] = True
    bits = np.packbits(pair, bitorder="little")
    return Trie(keys, values, entry, first, pair, bits, second, lead, deep)


def pair_slots(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
    """`pair_slot` of many."""
    return (a * 0x2F35 ^ b * 0x61B1) & 0xFFFF


def _table(nodes: int) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
    size = 16
    while size < 4 * nodes:
        size *= 2
    return np.zeros(size, np.uint64), np.zeros(size, np.int32)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _grow(codes: Any, ends: Any, numbers: Any, keys: Any, values: Any) -> Any:
    """Parent, code point and entry of each node, in the order in which the phrases codes[ends[p] : ends[p + 1]] need them."""
    parent, code = np.zeros(codes.size + 1, np.int64), np.zeros(codes.size + 1, np.int64)
    entry = np.full(codes.size + 1, -1, np.int32)
    nodes = 1
    for p in range(numbers.size):
        node = 0
        for i in range(ends[p], ends[p + 1]):
            slot = _slot(keys, node, codes[i])
            if keys[slot] == 0:
                keys[slot], values[slot] = _key(node, codes[i]), nodes
                parent[nodes], code[nodes] = node, codes[i]
                nodes += 1
            node = np.int64(values[slot])
        if entry[node] < 0:
            entry[node] = numbers[p]
    return parent[:nodes].copy(), code[:nodes].copy(), entry[:nodes].copy()


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _enter(parent: Any, code: Any, keys: Any, values: Any) -> None:
    for node in range(1, parent.size):
        slot = _slot(keys, parent[node], code[node])
        keys[slot], values[slot] = _key(parent[node], code[node]), node


@njit(forceinline=True)  # type: ignore[untyped-decorator]
def _key(node: Any, c: Any) -> Any:
    return (np.uint64(node) << np.uint64(21)) | np.uint64(c)


@njit(forceinline=True)  # type: ignore[untyped-decorator]
def _slot(keys: Any, node: Any, c: Any) -> Any:
    """Where the child of `node` by code point `c` is, or would be."""
    key = _key(node, c)
    mask = np.uint64(keys.size - 1)
    slot = ((key * _SPREAD) >> np.uint64(32)) & mask
    while keys[slot] != 0 and keys[slot] != key:
        slot = (slot + np.uint64(1)) & mask
    return slot


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
    span: Any,
    keys: Any,
    values: Any,
    entry: Any,
    second: Any,
    lead: Any,
    deep: Any,
    first: Any,
    pair_bits: Any,
) -> Any:
    """Every phrase in every lower-cased text of `string_spans` that does not begin inside of an ASCII word, overlapping ones
    too: rows, byte offsets in the text, entries."""
    room = len(span) * 2 + 64
    rows = np.empty(room, np.uint32)
    starts = np.empty(room, np.uint32)
    found = np.empty(room, np.int32)
    m = 0
    for r in range(len(span)):
        begin = span[r, 0]
        end = span[r, 1]
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
