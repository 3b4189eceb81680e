"""Sections of an ad: duties, requirements, benefits, blurb, contact, tags, other, as character spans of the clean text.

Headings decide where there are any (definitions/text/headings.csv): they are looked for backwards from a colon, a closing
bracket, a line end, a list mark or a space, so that inline headings are found as well. Under a heading that mixes (职位描述)
and where no heading stands, each sentence goes by its cues (definitions/text/cues.csv). The marks around both are those of definitions/text/sections.toml.
The spans cover the whole text.
"""

from __future__ import annotations

from dataclasses import dataclass
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from gangwei.kernels import signature
from gangwei.kernels.clean import section_heads as k
from gangwei.kernels.clean import section_scan
from gangwei.kernels.clean.trie import Trie, build, pair_slot
from gangwei.kernels.strings import string_spans
from gangwei.schema import SECTION_KINDS, SECTIONS

if TYPE_CHECKING:
    from gangwei.codebook import Codebook

AROUND = {
    "open": k.OPEN, "close": k.CLOSE, "stop": k.STOP, "may_stop": k.MAYBE, "numeral": k.NUMERAL, "breaks": k.BREAKS,
}  # fmt: skip
MARKS = {"colon": k.COLON, "line": k.LINE, "bracket": k.BRACKET, "item": k.ONE, "loose": k.LOOSE, "duty": k.DUTY}


@dataclass(frozen=True)
class SectionRules:
    """Tries and what their entries mean: kind, strength, mixed; kind, weight, start."""

    headings: Trie
    heading_info: NDArray[np.int32]
    cues: Trie
    cue_info: NDArray[np.int32]
    cue_most: NDArray[np.int64]
    classes: NDArray[np.uint32]


def compile_sections(book: Codebook) -> SectionRules:
    """Tries of headings (reversed) and cues; about 50 ms, once per process."""
    d = book.toml("text/sections.toml")
    kinds = {kind: i for i, kind in enumerate(SECTION_KINDS)}
    heads: list[tuple[str, int]] = []
    info: list[tuple[int, int, int]] = []
    for row in book.rows("text/headings.csv"):
        phrase, strength = row["id"].lower(), int(row["strength"])
        heads.append((phrase, len(info)))
        if not phrase.isascii() and strength > 1:
            heads += [(phrase + suffix, len(info)) for suffix in d["suffixes"]]
        info.append((kinds[row["kind"]], strength, int(row["mixed"])))
    cues: list[tuple[str, int]] = []
    cue_info: list[tuple[int, int, int]] = []
    for row in book.rows("text/cues.csv"):
        cues.append((row["id"].lower(), len(cue_info)))
        cue_info.append((kinds[row["kind"]], int(row["weight"]), int(row["start"])))
    return SectionRules(
        build(heads, reverse=True),
        np.array(info, np.int32),
        build(cues),
        np.array(cue_info, np.int32),
        _most(cues, cue_info),
        _classes(d),
    )


def _most(cues: list[tuple[str, int]], info: list[tuple[int, int, int]]) -> NDArray[np.int64]:
    """By `pair_slot` of the first two characters: the most that a cue so begun can add to contact, blurb and benefits
    (21 bits each)."""
    shift = {k.CONTACT: 42, k.BLURB: 21, k.BENEFITS: 0}
    most: dict[tuple[int, int], int] = {}
    for phrase, j in cues:
        kind, weight, _ = info[j]
        if kind in shift:
            at = (pair_slot(ord(phrase[0]), ord(phrase[1])), shift[kind])
            most[at] = max(most.get(at, 0), weight, 1)
    table = np.zeros(0x10000, np.int64)
    for (slot, bits), weight in most.items():
        table[slot] += weight << bits
    return table


def _classes(d: dict[str, Any]) -> NDArray[np.uint32]:
    """Of every code point up to 0xFFFF: what it can be around a heading (high half) and its lower case (low half)."""
    table = np.zeros(0x10000, np.uint32)
    for name, bit in AROUND.items():
        table[[ord(c) for c in d["around"][name]]] |= bit
    table[[ord(c) for c in ascii_uppercase]] |= k.UPPER
    first, last = (int(point, 16) for point in d["around"]["shapes"])
    table[first : last + 1] |= k.OPEN | k.CLOSE
    for name, way in MARKS.items():
        table[[ord(c) for c in d["marks"][name]]] |= way * k.HOW
    every = [chr(c) for c in range(0x10000)]
    letters = np.array([c.isalnum() for c in every])
    table[letters] |= k.LETTER
    low = np.arange(0x10000, dtype=np.uint32)
    for c in np.flatnonzero(letters).tolist():
        small = every[c].lower()
        if small != every[c] and len(small) == 1:
            low[c] = ord(small)
    return (table << np.uint32(16)) | low


@dataclass(frozen=True)
class Spans:
    """Sections of n texts: kind (position in SECTION_KINDS), start and end of each, in characters, and n + 1 row offsets."""

    kinds: NDArray[np.int8]
    starts: NDArray[np.int32]
    ends: NDArray[np.int32]
    off: NDArray[np.int32]

    def series(self) -> pl.Series:
        """A List(Struct(kind, start, end)) a text."""
        names = pa.DictionaryArray.from_arrays(pa.array(self.kinds), pa.array(SECTION_KINDS)).cast(pa.string())
        fields = [names, pa.array(self.starts), pa.array(self.ends)]
        spans = pa.StructArray.from_arrays(fields, ["kind", "start", "end"])
        lists = pa.ListArray.from_arrays(pa.array(self.off), spans)
        return pl.Series("sections", pl.from_arrow(lists), dtype=SECTIONS)


def scan(
    data: NDArray[np.uint8], span: NDArray[np.int64], rules: SectionRules
) -> tuple[Spans, NDArray[np.uint64], signature.Sampled]:
    """Sections of every text of `string_spans`, the 64-bit hash of what matters for comparison: lower-case letters and
    digits outside blurb, tags and contact (over all where fewer than 8 are left; 0 where there is none); and what
    `signature.sample_grams` samples outside the sections of `signature.LEFT_OUT`."""
    heads, cues = rules.headings, rules.cues
    sampled = grams, ends, rate, whole = signature.room(len(span))
    *spans, hashes = section_scan.scan(
        data,
        span,
        rules.classes,
        k.Heads(*heads.arrays, heads.pair, rules.heading_info),
        section_scan.Cues(cues.pair_bits, cues.long_arrays, rules.cue_info, rules.cue_most),
        signature.fold_table(),
        signature.LONGEST,
        sampled,
    )
    return Spans(*spans), hashes, (grams[: ends[-1]].copy(), ends, rate, whole)


def split(text: pl.Series, rules: SectionRules) -> tuple[pl.Series, NDArray[np.uint64]]:
    """Sections of every text and the hashes of `scan`.

    Returns:
        a List(Struct(kind, start, end)) series: character spans in order, not overlapping, covering the text (empty for no
        text); and the hashes.
    """
    spans, hashes, _ = scan(*string_spans(text), rules)
    return spans.series(), hashes
