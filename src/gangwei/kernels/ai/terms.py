"""Many terms in many texts at once, matched leftmost-longest on folded characters (see `folded`).

Terms are found in two steps: bitmaps over two and three characters mark where one may begin, without a
branch, then lists are compared at the marks. An ASCII term must not touch other ASCII letters or digits; '+' and
'#' to its right are word characters (`C` is not found in `C++`). Layers (terms, cues) do not hide each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numba import njit
from numpy.typing import NDArray

from gangwei.kernels.ai.folded import ONE, decode, fold_table, fold_text, is_word
from gangwei.kernels.lean import lean
from gangwei.kernels.strings import string_spans

BITS = 12
BUCKETS = 1 << BITS
_PAIR = (np.uint32(0x2F35), np.uint32(0x61B1))
_TRIPLE = (np.uint64(0x9E35), np.uint64(3))


@njit(nogil=True, forceinline=True)
def triple(a, b):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """16-bit hash of three characters from the hashes of both pairs."""
    return (np.uint64(a) * _TRIPLE[0] + np.uint64(b) * _TRIPLE[1]) & np.uint64(0xFFFF)


@dataclass(frozen=True)
class Lexicon:
    """Compiled terms: `text[start[t]:start[t]+size[t]]` is the folded term t of layer `layer[t]`.

    `starts`, `longer`, `two` are bitmaps of the first two characters of all terms, of the first three of those of three or more,
    and of the terms of two. A row of `entries` is (term, place in text, size, layer), with its first four characters in `keys`;
    `heads[h]:heads[h + 1]` are the rows of a bucket, h from the first three characters, or past those from both of two.
    """

    text: NDArray[np.uint16]
    start: NDArray[np.int32]
    size: NDArray[np.int32]
    layer: NDArray[np.uint8]
    starts: NDArray[np.uint64]
    longer: NDArray[np.uint64]
    two: NDArray[np.uint64]
    heads: NDArray[np.int32]
    keys: NDArray[np.uint64]
    entries: NDArray[np.int32]

    @property
    def arrays(self) -> tuple[NDArray[np.generic], ...]:
        """The arrays in the order that `find` takes them."""
        return (self.text, self.starts, self.longer, self.two, self.heads, self.keys, self.entries)

    def only(self, *layers: int) -> Lexicon:
        """The same terms under the same numbers, of which only these layers are found."""
        kept = np.flatnonzero(np.isin(self.layer, layers))
        return _index(self.text, self.start, self.size, self.layer, kept)


def _index(
    text: NDArray[np.uint16],
    start: NDArray[np.int32],
    size: NDArray[np.int32],
    layer: NDArray[np.uint8],
    kept: NDArray[np.int64],
) -> Lexicon:
    """The lexicon that finds the kept terms; in a bucket the longest comes first."""
    letters = np.concatenate([text, np.zeros(4, np.uint16)])
    at, n = start[kept], size[kept]
    first = [letters[at + i].astype(np.uint64) for i in range(4)]
    keys = np.zeros(len(kept), np.uint64)
    for c in first:
        keys = keys << np.uint64(16) | c
    pair, next_pair = ((a * _PAIR[0] + b * _PAIR[1]) & np.uint64(0xFFFF) for a, b in (first[:2], first[1:3]))
    three = (pair * _TRIPLE[0] + next_pair * _TRIPLE[1]) & np.uint64(0xFFFF)

    def bits(h: NDArray[np.uint64]) -> NDArray[np.uint64]:
        found = np.zeros(1 << 10, np.uint64)
        np.bitwise_or.at(found, (h >> np.uint64(6)).astype(np.int64), ONE << (h & np.uint64(63)))
        return found

    bucket = np.where(n > 2, three, pair).astype(np.int64) >> (16 - BITS)
    bucket += np.where(n > 2, 0, BUCKETS)
    heads = np.concatenate([[0], np.cumsum(np.bincount(bucket, minlength=2 * BUCKETS))]).astype(np.int32)
    inside = np.lexsort((kept, -n, bucket))
    order = kept[inside]
    entries = np.stack([order, start[order], size[order], layer[order]], 1).astype(np.int32)
    return Lexicon(
        text, start, size, layer, bits(pair), bits(three[n > 2]), bits(pair[n == 2]), heads, keys[inside], entries
    )


def compile_terms(terms: Sequence[str], layers: Sequence[int], ids: Sequence[str] | None = None) -> Lexicon:
    """Compile terms (any case or width) of two or more characters; `layers[t]` is 0..7, `ids` name their rows in messages.

    Raises:
        ValueError: a term folds to fewer than two characters, or occurs twice in a layer.
    """
    folded = [fold_text(t) for t in terms]
    seen: dict[tuple[int, bytes], str] = {}
    for id_, term, f, layer in zip(ids or terms, terms, folded, layers):
        if len(f) < 2:
            raise ValueError(f"the term {term!r} has fewer than two characters")
        if (key := (layer, f.tobytes())) in seen:
            raise ValueError(f"the term {term!r} occurs twice: {seen[key]} and {id_}")
        seen[key] = id_
    size = np.array([len(f) for f in folded], np.int32)
    start = np.concatenate([[0], np.cumsum(size)[:-1]]).astype(np.int32) if folded else np.zeros(0, np.int32)
    text = np.concatenate(folded).astype(np.uint16) if folded else np.zeros(1, np.uint16)
    return _index(text, start, size, np.array(layers, np.uint8), np.arange(len(folded)))


@njit(nogil=True, forceinline=True)
def _has(bits, h):  # type: ignore[no-untyped-def]  # pragma: no cover
    return (bits[h >> np.uint64(6)] >> (h & np.uint64(63))) & ONE


@njit(nogil=True, forceinline=True)
def _ends_inside(chars, e, n):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Whether an ASCII word goes on beyond the match that ends before e; '+' and '#' go on too."""
    return e < n and is_word(chars[e - 1]) and (is_word(chars[e]) or chars[e] == 43 or chars[e] == 35)


@lean
def find(chars, n, lexicon, work, hit, at):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Fill hit (term) and at (first folded character) in order of position; return their number, at most len(hit).

    `chars` comes from `decode`; `lexicon` is `Lexicon.arrays`; `work` is scratch from `scratch`.
    """
    text, starts, longer, two, heads, keys, entries = lexicon
    pairs, maybe, free = work
    if n < 2:
        return 0
    here, ahead, pairs = chars[:n], chars[1 : n + 1], pairs[: n + 1]
    for i in range(n):
        pairs[i] = np.uint32(here[i]) * _PAIR[0] + np.uint32(ahead[i]) * _PAIR[1]
    pairs[n] = 0
    k = np.uint64(0)
    for i in range(n - 1):
        maybe[k] = i
        k += _has(starts, np.uint64(pairs[i]))
    found = np.uint64(0)
    for j in range(k):
        p = np.uint64(maybe[j])
        maybe[found] = maybe[j]
        found += _has(longer, triple(pairs[p], pairs[p + ONE])) | _has(two, np.uint64(pairs[p]))
    if found == 0:
        return 0
    m = 0
    cap = hit.shape[0]
    free[:] = 0
    for j in range(found):
        e = np.int64(maybe[j])
        if e and is_word(chars[e]) and is_word(chars[e - 1]):
            continue
        done = np.int64(0)
        pair = np.uint64(pairs[e])
        key = np.uint64(0)
        for i in range(4):
            key = key << np.uint64(16) | np.uint64(chars[e + i])
        for short in range(2):
            if short and not _has(two, pair):
                break
            h = np.int64((pair if short else triple(pair, pairs[e + 1])) >> np.uint64(16 - BITS)) + BUCKETS * short
            for q in range(heads[h], heads[h + 1]):
                size = np.int64(entries[q, 2])
                kept = size if size < 4 else np.int64(4)
                if (key ^ keys[q]) >> np.uint64(64 - 16 * kept):
                    continue
                s, layer = np.int64(entries[q, 1]), np.int64(entries[q, 3])
                if done >> layer & 1 or free[layer] > e or e + size > n:
                    continue
                w = np.int64(4)
                while w < size and text[s + w] == chars[e + w]:
                    w += 1
                if w < size or _ends_inside(chars, e + size, n):
                    continue
                done |= 1 << layer
                free[layer] = e + size
                if m < cap:
                    hit[m] = entries[q, 0]
                    at[m] = e
                    m += 1
    return m


@lean
def longest_of(lexicon):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Characters of the longest term that a lexicon finds."""
    entries = lexicon[6]
    most = np.int64(0)
    for q in range(entries.shape[0]):
        most = max(most, np.int64(entries[q, 2]))
    return most


@lean
def needed_for(at, n, ends, longest):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """How many of n characters `find` needs for all terms of up to `longest` that begin in the clause of character `at` or before."""
    low = np.int64(0)
    while ends[low] <= at:
        low += 1
    return min(n, ends[low] + longest + 1)


@njit(nogil=True, cache=True)
def scratch(n):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """What `find` works with for texts of at most n characters."""
    return np.empty(n + 4, np.uint16), np.empty(n + 4, np.int32), np.empty(8, np.int32)


@njit(nogil=True, cache=True)
def _scan(data, span, table, lexicon, size, cap, out):  # type: ignore[no-untyped-def]  # pragma: no cover
    longest = 0
    for r in range(len(span)):
        longest = max(longest, span[r, 1] - span[r, 0])
    chars = np.empty(longest + 4, np.uint16)
    pos = np.empty(longest + 4, np.int32)
    ends = np.empty(longest + 2, np.int32)
    work = scratch(longest)
    hit = np.empty(cap, np.int32)
    at = np.empty(cap, np.int32)
    total = 0
    for r in range(len(span)):
        n, _ = decode(data, span[r, 0], span[r, 1], table, chars, pos, ends)
        m = find(chars, n, lexicon, work, hit, at)
        for j in range(m):
            if total < out.shape[0]:
                e = at[j] + size[hit[j]] - 1
                out[total, 0] = r
                out[total, 1] = hit[j]
                out[total, 2] = pos[at[j]]
                out[total, 3] = pos[e] + 1
            total += 1
    return total


def scan(strings: pl.Series, lexicon: Lexicon, cap: int = 4096) -> NDArray[np.int32]:
    """All matches of a string column: rows of (row, term, first character, character after the last), at most `cap` a row."""
    texts = string_spans(strings)
    out = np.empty((max(1024, 8 * len(strings)), 4), np.int32)
    while (total := _scan(*texts, fold_table(), lexicon.arrays, lexicon.size, cap, out)) > len(out):
        out = np.empty((total, 4), np.int32)
    return out[:total]
