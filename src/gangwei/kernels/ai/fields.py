"""What field an AI ad is in (vision, speech, search ...): features of its AI terms by subfield and of plain words of a field.

Words such as 图像 or 广告 say nothing of AI by themselves, so they are looked for in builder and adjacent ads only.
"""

from __future__ import annotations

import numpy as np

from gangwei.kernels.ai import evidence
from gangwei.kernels.ai import hits as h
from gangwei.kernels.ai.folded import decode
from gangwei.kernels.ai.ngrams import AT_NEAR
from gangwei.kernels.ai.terms import find
from gangwei.kernels.lean import lean
from gangwei.kernels.rows import add_rows
from gangwei.schema import AI_SUBFIELDS

N_FIELDS, N_SPOTS = len(AI_SUBFIELDS), len(h.SPOTS)
MAX_WORDS = 512
PLACES = ("title", "used", "preferred")
AT_TERMS = N_FIELDS * N_SPOTS
AT_SHARES = 2 * AT_TERMS
AT_TERM_SHARES = AT_SHARES + N_FIELDS
AT_WORDS = AT_TERM_SHARES + N_FIELDS
WIDTH = AT_WORDS + MAX_WORDS * len(PLACES)


def feature_names(words: list[str]) -> list[str]:
    """The name of every feature, in order (length WIDTH)."""
    padded = words + [f"word{i}" for i in range(len(words), MAX_WORDS)]
    return [
        *(f"{kind}:{f}@{s}" for kind in ("words", "terms") for f in AI_SUBFIELDS for s in h.SPOTS),
        *(f"{kind}_share:{f}" for kind in ("words", "terms") for f in AI_SUBFIELDS),
        *(f"word:{w}@{p}" for w in padded for p in PLACES),
    ]


@lean
def field_features(hits, n, terms, seen, z):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Fill z (WIDTH zeros) from the n rows of `hits`.

    `seen` is scratch of one byte a concept. Counts by spot are log2(1 + n), at most 3; a concept counts once a spot.
    """
    field = terms.fields
    seen[:] = 0
    for j in range(n):
        t = hits[j, h.TERM]
        f = field[t, 0]
        if f < 0:
            continue
        spot = h.spot_of(hits[j, h.LOCATION], hits[j, h.CONTEXT])
        if terms.layer[t] == h.FIELD:
            z[f * N_SPOTS + spot] += 1
            if field[t, 1] >= 0:
                z[field[t, 1] * N_SPOTS + spot] += 1
            if spot < h.ASIDE:
                place = 0 if spot == h.ON_TITLE else 2 if spot == h.ON_PREFERRED else 1
                z[AT_WORDS + terms.kind[t] * len(PLACES) + place] = 1
        elif (terms.kind[t] >> hits[j, h.LOCATION]) & 1 and not (
            terms.not_if[t] >= 0 and (hits[j, h.CUES_HERE] >> terms.not_if[t]) & 1
        ):
            c = terms.concept[t]
            if not (seen[c] >> spot) & 1:
                seen[c] |= 1 << spot
                z[AT_TERMS + f * N_SPOTS + spot] += 1
    for kind in range(2):
        total = 0.0
        for f in range(N_FIELDS):
            at = kind * AT_TERMS + f * N_SPOTS
            own = z[at] + z[at + 1] + z[at + 2] + z[at + 3]
            z[AT_SHARES + kind * N_FIELDS + f] = own
            total += own
        for f in range(N_FIELDS):
            z[AT_SHARES + kind * N_FIELDS + f] /= max(1.0, total)
        for i in range(kind * AT_TERMS, (kind + 1) * AT_TERMS):
            if z[i] > 0:
                z[i] = evidence.damped(z[i])


@lean
def add_scores(hits, n, terms, z, weights, scores):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Add z @ weights (WIDTH, subfields) to `scores` and clear z; only words among the n rows of `hits` are looked at."""
    for i in range(AT_WORDS):
        if z[i] != 0:
            for k in range(N_FIELDS):
                scores[k] += z[i] * weights[i, k]
            z[i] = 0
    for j in range(n):
        t = hits[j, h.TERM]
        if terms.layer[t] == h.FIELD:
            at = AT_WORDS + terms.kind[t] * len(PLACES)
            for i in range(at, at + len(PLACES)):
                if z[i] != 0:
                    for k in range(N_FIELDS):
                        scores[k] += weights[i, k]
                    z[i] = 0


@lean
def hits_of_fields(row, n, m, ads, table, lexicons, terms, buffers, hits):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Fill `hits` with the AI terms and words of fields of one ad, text before title and tags; returns their number.

    The buffers hold the n characters of the text and its m terms, and give way to title and tags.
    """
    none, own = np.int64(0), np.int64(-1)
    filled = none
    if n:
        cues = find(buffers.chars, n, lexicons.cues, buffers.work, buffers.cue, buffers.cue_at)
        for words in range(2):
            if words:
                m = find(buffers.chars, n, lexicons.field_words, buffers.work, buffers.hit, buffers.at)
            spans = ads.section_at[row], ads.section_at[row + 1]
            filled = h.place_hits(m, cues, buffers, terms, ads.sections, spans[0], spans[1], own, hits, filled)
    for texts, where in ((ads.title, np.int64(h.IN_TITLE)), (ads.tags, np.int64(h.IN_TAGS))):
        data, span = texts
        n, _ = decode(data, span[row, 0], span[row, 1], table, buffers.chars, buffers.pos, buffers.ends)
        m = find(buffers.chars, n, lexicons.fields, buffers.work, buffers.hit, buffers.at)
        if m:
            cues = find(buffers.chars, n, lexicons.cues, buffers.work, buffers.cue, buffers.cue_at)
            filled = h.place_hits(m, cues, buffers, terms, ads.sections, none, none, where, hits, filled)
    return filled


@lean
def score_subfields(hits, n, v, terms, weights, scratch, bounds, scores, kept):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Add the features of one ad to the scores of its subfields; the features of fields are copied to `kept` (or it is empty).

    The n rows of `hits` come from `hits_of_fields`; v is 0 for ads with a text, else 1. `scratch` holds the features of the ad,
    and `bounds` where among them the n-grams of the text begin, those of phrases begin and end, and all end.
    """
    idx, val, z, sums = scratch.idx, scratch.val, scratch.z, scratch.sums
    text_from, near_from, text_to, p = bounds
    by_feature, by_phrase, by_field = weights
    field_features(hits, n, terms, scratch.concepts, z)
    none = np.int64(0)
    for k in range(N_FIELDS):
        sums[k] = scores[k]
    add_rows(idx, val, none, text_from, by_feature[v], none, sums)
    add_rows(idx, val, near_from, text_to, by_phrase, np.int64(AT_NEAR), sums)
    add_rows(idx, val, text_to, p, by_feature[v], none, sums)
    for k in range(N_FIELDS):
        scores[k] = sums[k]
    for i in range(kept.size):
        kept[i] = z[i]
    add_scores(hits, n, terms, z, by_field[v], scores)
