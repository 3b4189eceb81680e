"""The arrays of the pass over ads: what it reads, what it works with, what it finds."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gangwei.kernels.ai import evidence, fields
from gangwei.kernels.ai import hits as h
from gangwei.kernels.ai.ngrams import NEAR_BITS, TEXT_BITS, TITLE_BITS, damped_counts
from gangwei.kernels.ai.terms import scratch
from gangwei.kernels.rows import WIDE
from gangwei.kernels.strings import Texts

HITS = 1024  # hits of an ad that are kept
FEW = 8  # lanes scored for ads without an AI term
GRAMS, TOP = 3, 3  # kinds of n-grams, and largest other features, of `why`
# columns of facts; the words of each signal are strong, then weak
SEEN, SURVEILLANCE_AT, IN_TITLE_TOO, DEFENCE_AT, SAID, KEPT, OTHER_TITLE = 0, 1, 3, 4, 6, 7, 8
FACTS = 9
STRENGTHS = 2


class Ads(NamedTuple):
    """Titles, texts and tags as `string_spans` gives them; sections as rows (location, start, end) in characters and their offsets by ad."""

    title: Texts
    text: Texts
    tags: Texts
    sections: NDArray[np.int32]
    section_at: NDArray[np.int64]


class Lexicons(NamedTuple):
    """`Lexicon.arrays` of what is looked for in titles, in texts and tags, of cues, of AI terms and words of fields, and of
    words of fields."""

    title: tuple[NDArray[np.generic], ...]
    text: tuple[NDArray[np.generic], ...]
    cues: tuple[NDArray[np.generic], ...]
    fields: tuple[NDArray[np.generic], ...]
    field_words: tuple[NDArray[np.generic], ...]


class Weights(NamedTuple):
    """A linear model: the first axis of length 2 is for ads with and without a text.

    by_feature (2, AT_TEXT, lanes before the subfields); few, the weights (2, AT_TEXT, FEW) of `lanes_of_few`, all that is scored
    where no term was found; grams (1 << TEXT_BITS, 3) and phrases (1 << NEAR_BITS, 3) of the n-grams of text and phrases for the
    tier lanes; subfields (2, AT_TEXT, WIDE), (1 << NEAR_BITS, WIDE) and (2, fields.WIDTH, subfields) of features, n-grams of
    phrases and features of fields; bias (2, lanes), the subfields last; cuts (2, 3) of the tiers.
    """

    by_feature: NDArray[np.float32]
    few: NDArray[np.float32]
    lanes_of_few: NDArray[np.int64]
    grams: NDArray[np.float32]
    phrases: NDArray[np.float32]
    subfields: tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]
    bias: NDArray[np.float32]
    cuts: NDArray[np.float32]


class Scratch(NamedTuple):
    """What the pass works with, made once: the field in hand; hits of an ad, and of its fields; concepts seen; features by number
    and those of fields; how many hits share a feature; characters of phrases; features of an ad as lists, with the places and
    the counts of n-grams and their hashes; sums of few lanes and of subfields."""

    buffers: h.Buffers
    hits: NDArray[np.int64]
    about: NDArray[np.int64]
    concepts: NDArray[np.uint8]
    x: NDArray[np.float32]
    z: NDArray[np.float32]
    alike: NDArray[np.int64]
    near: NDArray[np.uint16]
    idx: NDArray[np.int64]
    val: NDArray[np.float32]
    stamps: tuple[NDArray[np.int32], ...]
    counts: NDArray[np.float64]
    hashes: NDArray[np.uint64]
    least: NDArray[np.float32]
    sums: NDArray[np.float32]


class Scored(NamedTuple):
    """What the pass found, by ad: scores (n, lanes); facts (n, FACTS); hits as of `evidence_rows` with their ads and scores; the part
    of the n-grams of title, text and phrases and of the TOP largest other features `which` in the score of builder or
    adjacent; with `keep` all features, as rows of a sparse matrix, and those of fields; and by ad asked for the row that holds it."""

    scores: NDArray[np.float32]
    facts: NDArray[np.int32]
    hits: NDArray[np.int32]
    hit_row: NDArray[np.int32]
    hit_score: NDArray[np.float32]
    why: NDArray[np.float32]
    which: NDArray[np.int32]
    indptr: NDArray[np.int64]
    idx: NDArray[np.int32]
    val: NDArray[np.float32]
    fields: NDArray[np.float32]
    first: NDArray[np.int64]


def scratch_for(longest: int) -> Scratch:
    """Scratch for ads of fields of at most `longest` bytes."""
    buffers = h.Buffers(
        np.empty(longest + 4, np.uint16),
        np.empty(longest + 4, np.int32),
        np.empty(longest + 2, np.int32),
        scratch(longest),
        *(np.empty(4 * HITS, np.int32) for _ in range(4)),
    )
    room = (1 << TITLE_BITS) + (1 << TEXT_BITS) + (1 << NEAR_BITS) + evidence.AT_END
    return Scratch(
        buffers,
        np.empty((HITS, 8), np.int64),
        np.empty((HITS, 8), np.int64),
        np.zeros(evidence.MAX_CONCEPTS, np.uint8),
        np.zeros(evidence.AT_END, np.float32),
        np.zeros(fields.WIDTH, np.float32),
        np.zeros(evidence.AT_END, np.int64),
        np.empty(2 * longest + 4, np.uint16),
        np.empty(room, np.int64),
        np.empty(room, np.float32),
        tuple(np.full(1 << bits, -1, np.int32) for bits in (TITLE_BITS, TEXT_BITS, NEAR_BITS)),
        damped_counts(),
        np.empty(4 * (longest + 2 * HITS), np.uint64),
        np.empty(FEW, np.float32),
        np.zeros(WIDE, np.float32),
    )


def blank(rows: int, lanes: int, capacity: int, grown: int | None) -> Scored:
    """Room for `rows` ads with `capacity` hits and, where features are kept, for `grown` of them."""
    kept = 0 if grown is None else rows
    return Scored(
        np.empty((rows, lanes), np.float32),
        np.zeros((rows, FACTS), np.int32),
        np.empty((capacity, 5), np.int32),
        np.empty(capacity, np.int32),
        np.empty(capacity, np.float32),
        np.zeros((rows, GRAMS + TOP), np.float32),
        np.full((rows, TOP), -1, np.int32),
        np.zeros(rows + 1, np.int64),
        np.empty(grown or 0, np.int32),
        np.empty(grown or 0, np.float32),
        np.zeros((kept, fields.WIDTH), np.float32),
        np.arange(rows),
    )
