"""Many terms in many texts at once: fold while decoding UTF-8, then match leftmost-longest on characters.

A text becomes an array of folded characters (lower case, full-width as half-width, '-' and '_' as a space, zero-width
characters dropped, white space kept only between two ASCII words) with, for each one, its place in the text; clauses
are known by their ends. Terms are found through a bitmap over their first two characters and buckets over their first three, so a
Chinese text costs about one table look-up a character. An ASCII term must not touch other ASCII letters or digits; '+' and
'#' to its right are word characters (`C` is not found in `C++`). Layers (terms, cues) do not hide each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import polars as pl
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

SKIP = 0xFFFF
SPACE = 32
BITS = 16
_SPACES = [9, 10, 11, 12, 13, 32, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000]
_HIDDEN = [0, 0xAD, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, *range(0x202A, 0x202F), 0x2060, 0xFE0F, 0xFEFF]
_BREAKS = "\n\r\u2028\u2029。；;！!？?"


@lru_cache(maxsize=1)
def fold_table() -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
    """(fold, kind) of the 65,536 characters of the basic plane; kind: 1 ASCII word, 2 space, 4 ends a clause, 8 digit."""
    fold = np.arange(65536, dtype=np.uint16)
    for wide in range(0xFF01, 0xFF5F):
        fold[wide] = wide - 0xFEE0
    for c in _SPACES:
        fold[c] = SPACE
    for c in _HIDDEN:
        fold[c] = SKIP
    for c in (0x2D, 0x5F, 0x2010, 0x2011, 0x2012, 0x2013, 0xFF0D, 0xFF3F):
        fold[c] = SPACE
    fold[ord("，")] = ord(",")
    upper = fold[(lower := np.arange(65536)) & 0xFFFF]
    mask = (upper >= 65) & (upper <= 90)
    fold[lower[mask]] = upper[mask] + 32
    kind = np.zeros(65536, np.uint8)
    for c in "abcdefghijklmnopqrstuvwxyz0123456789":
        kind[ord(c)] |= 1
    for c in "0123456789":
        kind[ord(c)] |= 8
    kind[SPACE] |= 2
    for c in _BREAKS:
        kind[ord(c)] |= 4
    return fold, kind


@njit(nogil=True, cache=True, inline="always")
def hash2(a, b):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """16-bit hash of two characters."""
    return ((np.uint64(a) << np.uint64(16) | np.uint64(b)) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(48)


@njit(nogil=True, cache=True, inline="always")
def hash3(a, b, c):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """16-bit hash of three characters."""
    x = np.uint64(a) << np.uint64(32) | np.uint64(b) << np.uint64(16) | np.uint64(c)
    return (x * np.uint64(0xD6E8FEB86659FD93)) >> np.uint64(48)


@njit(nogil=True, cache=True)
def decode(data, a, b, fold, kind, chars, pos, ends):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Fold the UTF-8 bytes data[a:b]; fill chars and pos (character index of each), and ends: clause j is chars[:ends[j]].

    Returns (folded characters, clauses). Ideographs, most of a Chinese text, fold to themselves and need no table.
    """
    n = 0
    at = 0
    m = 0
    gap = False
    last = np.uint8(0)
    i = a
    while i < b:
        lead = data[i]
        if 0xE4 <= lead <= 0xE9 and not (lead == 0xE4 and data[i + 1] < 0xB8):
            chars[n] = (
                (np.uint32(lead & 0x0F) << np.uint32(12))
                | (np.uint32(data[i + 1] & 0x3F) << np.uint32(6))
                | np.uint32(data[i + 2] & 0x3F)
            )
            pos[n] = at
            n += 1
            at += 1
            i += 3
            last = np.uint8(0)
            gap = False
            continue
        c = np.uint32(lead)
        if lead < 0x80:
            i += 1
        elif lead < 0xE0:
            c = (np.uint32(lead & 0x1F) << np.uint32(6)) | np.uint32(data[i + 1] & 0x3F)
            i += 2
        elif lead < 0xF0:
            c = (
                (np.uint32(lead & 0x0F) << np.uint32(12))
                | (np.uint32(data[i + 1] & 0x3F) << np.uint32(6))
                | np.uint32(data[i + 2] & 0x3F)
            )
            i += 3
        else:
            c = np.uint32(0xFFFD)
            i += 4
        if kind[c] & 4 and (m == 0 or ends[m - 1] < n) and n:
            ends[m] = n
            m += 1
        f = fold[c]
        at += 1
        if f == SPACE:
            gap = True
            continue
        if f == SKIP:
            continue
        k = kind[f]
        if gap:
            if (k & 1) and (last & 1):
                chars[n] = SPACE
                pos[n] = at - 2
                n += 1
            gap = False
        # a list number such as "2、" or "3." opens a clause before its digits
        if f in {0x3001, 46, 41} and n >= 1 and (kind[chars[n - 1]] & 8):
            w = 1
            if n >= 2 and (kind[chars[n - 2]] & 8):
                w = 2
            free = n == w or not (kind[chars[n - w - 1]] & 1 or chars[n - w - 1] == 46)
            decimal = f == 46 and i < b and 48 <= data[i] <= 57
            if free and not decimal and n > w and (m == 0 or ends[m - 1] < n - w):
                ends[m] = n - w
                m += 1
        chars[n] = f
        pos[n] = at - 1
        last = k
        n += 1
    if n and (m == 0 or ends[m - 1] < n):
        ends[m] = n
        m += 1
    return n, m


@dataclass(frozen=True)
class Lexicon:
    """Compiled terms: `text[start[t]:start[t]+size[t]]` is the folded term t of layer `layer[t]`."""

    text: NDArray[np.uint16]
    start: NDArray[np.int32]
    size: NDArray[np.int32]
    layer: NDArray[np.uint8]
    bitmap: NDArray[np.uint64]
    head3: NDArray[np.int32]
    list3: NDArray[np.int32]
    head2: NDArray[np.int32]
    list2: NDArray[np.int32]

    @property
    def arrays(self) -> tuple[NDArray[np.generic], ...]:
        """The arrays in the order that `find` takes them."""
        return (
            self.text, self.start, self.size, self.layer, self.bitmap, self.head3, self.list3, self.head2, self.list2,
        )  # fmt: skip


def fold_text(text: str) -> NDArray[np.uint16]:
    """The folded characters of one string (for tests and for compiling terms)."""
    fold, kind = fold_table()
    data = np.frombuffer(text.encode("utf-8", "replace") + b"\0", np.uint8)
    size = len(data) + 1
    chars, pos, ends = np.empty(size, np.uint16), np.empty(size, np.int32), np.empty(size, np.int32)
    n, _ = decode(data, 0, len(data) - 1, fold, kind, chars, pos, ends)
    return chars[:n].copy()


def compile_terms(terms: Sequence[str], layers: Sequence[int]) -> Lexicon:
    """Compile terms (any case or width) of two or more characters; `layers[t]` is 0..7.

    Raises:
        ValueError: a term folds to fewer than two characters, or occurs twice in a layer.
    """
    folded = [fold_text(t) for t in terms]
    seen: set[tuple[int, bytes]] = set()
    for term, f, layer in zip(terms, folded, layers):
        if len(f) < 2:
            raise ValueError(f"the term {term!r} has fewer than two characters")
        if (key := (layer, f.tobytes())) in seen:
            raise ValueError(f"the term {term!r} occurs twice")
        seen.add(key)
    size = np.array([len(f) for f in folded], np.int32)
    start = np.concatenate([[0], np.cumsum(size)[:-1]]).astype(np.int32) if folded else np.zeros(0, np.int32)
    text = np.concatenate(folded).astype(np.uint16) if folded else np.zeros(1, np.uint16)
    bitmap = np.zeros(1 << (BITS - 6), np.uint64)
    buckets3: list[list[int]] = [[] for _ in range(1 << BITS)]
    buckets2: list[list[int]] = [[] for _ in range(1 << BITS)]
    for t, f in enumerate(folded):
        two = int(hash2(f[0], f[1]))
        bitmap[two >> 6] |= np.uint64(1 << (two & 63))
        if len(f) >= 3:
            buckets3[int(hash3(f[0], f[1], f[2]))].append(t)
        else:
            buckets2[two].append(t)

    def flat(buckets: list[list[int]]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        for b in buckets:
            b.sort(key=lambda t: (-int(size[t]), t))
        head = np.concatenate([[0], np.cumsum([len(b) for b in buckets])]).astype(np.int32)
        return head, np.array([t for b in buckets for t in b] or [0], np.int32)

    head3, list3 = flat(buckets3)
    head2, list2 = flat(buckets2)
    return Lexicon(text, start, size, np.array(layers, np.uint8), bitmap, head3, list3, head2, list2)


@njit(nogil=True, cache=True)
def find(chars, n, kind, text, start, size, layer, bitmap, head3, list3, head2, list2, hit, at):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Fill hit (term) and at (first folded character) in order of position; return their number, at most len(hit)."""
    m = 0
    free = np.zeros(8, np.int64)
    cap = hit.shape[0]
    for i in range(n - 1):
        c0 = chars[i]
        c1 = chars[i + 1]
        two = hash2(c0, c1)
        if not (bitmap[two >> np.uint64(6)] >> (two & np.uint64(63))) & np.uint64(1):
            continue
        if (kind[c0] & 1) and i > 0 and (kind[chars[i - 1]] & 1):
            continue
        done = 0
        if i + 2 < n:
            h = hash3(c0, c1, chars[i + 2])
            for q in range(head3[h], head3[h + 1]):
                t = list3[q]
                bit = 1 << layer[t]
                if done & bit or free[layer[t]] > i:
                    continue
                length = size[t]
                if i + length > n:
                    continue
                s = start[t]
                if text[s] != c0 or text[s + 1] != c1:
                    continue
                k = 2
                while k < length and text[s + k] == chars[i + k]:
                    k += 1
                if k < length:
                    continue
                if i + length < n and (kind[chars[i + length - 1]] & 1):
                    r = chars[i + length]
                    if (kind[r] & 1) or r in {43, 35}:
                        continue
                done |= bit
                free[layer[t]] = i + length
                if m < cap:
                    hit[m] = t
                    at[m] = i
                    m += 1
        first2 = head2[two]
        last2 = head2[two + np.uint64(1)]
        if first2 < last2:
            for q in range(first2, last2):
                t = list2[q]
                bit = 1 << layer[t]
                if done & bit or free[layer[t]] > i:
                    continue
                s = start[t]
                if text[s] != c0 or text[s + 1] != c1:
                    continue
                if i + 2 < n and (kind[c1] & 1):
                    r = chars[i + 2]
                    if (kind[r] & 1) or r in {43, 35}:
                        continue
                done |= bit
                free[layer[t]] = i + 2
                if m < cap:
                    hit[m] = t
                    at[m] = i
                    m += 1
    return m


def buffers(strings: pl.Series) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """(offsets, bytes) of a string column, nulls as empty; no copy of the text beyond Arrow's own."""
    array = strings.fill_null("").to_arrow(compat_level=pl.CompatLevel.oldest())
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if array.type != pa.large_string():
        array = array.cast(pa.large_string())
    _, offsets, data = array.buffers()
    off = (
        np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
        if len(array)
        else np.zeros(1, np.int64)
    )
    return off, np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(1, np.uint8)


@njit(nogil=True, cache=True)
def _scan(off, data, fold, kind, text, start, size, layer, bitmap, head3, list3, head2, list2, cap, out):  # type: ignore[no-untyped-def]  # pragma: no cover
    longest = 0
    for r in range(off.size - 1):
        longest = max(longest, off[r + 1] - off[r])
    chars = np.empty(longest + 1, np.uint16)
    pos = np.empty(longest + 1, np.int32)
    ends = np.empty(longest + 1, np.int32)
    hit = np.empty(cap, np.int32)
    at = np.empty(cap, np.int32)
    total = 0
    for r in range(off.size - 1):
        n, _ = decode(data, off[r], off[r + 1], fold, kind, chars, pos, ends)
        m = find(chars, n, kind, text, start, size, layer, bitmap, head3, list3, head2, list2, hit, at)
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
    off, data = buffers(strings)
    fold, kind = fold_table()
    out = np.empty((max(1024, 8 * len(strings)), 4), np.int32)
    while (total := _scan(off, data, fold, kind, *lexicon.arrays, cap, out)) > len(out):
        out = np.empty((total, 4), np.int32)
    return out[:total]
