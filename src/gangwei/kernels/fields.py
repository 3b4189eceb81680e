"""What field an AI ad is in (vision, speech, search ...): features of its AI terms by subfield and of plain words of a field.

Words such as 图像 or 广告 say nothing of AI by themselves, so they are looked for in builder and adjacent ads only.
"""

from __future__ import annotations

import numpy as np

from gangwei.kernels.evidence import (
    ASIDE,
    CONTEXT,
    CUES_HERE,
    FIELD,
    IN_TAGS,
    IN_TITLE,
    LOCATION,
    ON_PREFERRED,
    ON_TITLE,
    SPOTS,
    TERM,
    damped,
    place_hits,
    spot_of,
)
from gangwei.kernels.lean import lean
from gangwei.kernels.ngrams import AT_NEAR
from gangwei.kernels.rows import add_rows
from gangwei.kernels.terms import decode, find
from gangwei.schema import AI_SUBFIELDS

N_FIELDS, N_SPOTS = len(AI_SUBFIELDS), len(SPOTS)
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
        *(f"{kind}:{f}@{s}" for kind in ("words", "terms") for f in AI_SUBFIELDS for s in SPOTS),
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
        t = hits[j, TERM]
        f = field[t, 0]
        if f < 0:
            continue
        spot = spot_of(hits[j, LOCATION], hits[j, CONTEXT])
        if terms.layer[t] == FIELD:
            z[f * N_SPOTS + spot] += 1
            if field[t, 1] >= 0:
                z[field[t, 1] * N_SPOTS + spot] += 1
            if spot < ASIDE:
                place = 0 if spot == ON_TITLE else 2 if spot == ON_PREFERRED else 1
                z[AT_WORDS + terms.kind[t] * len(PLACES) + place] = 1
        elif (terms.kind[t] >> hits[j, LOCATION]) & 1 and not (
            terms.not_if[t] >= 0 and (hits[j, CUES_HERE] >> terms.not_if[t]) & 1
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
                z[i] = damped(z[i])


@lean
def add_scores(hits, n, terms, z, weights, scores):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Add z @ weights (WIDTH, subfields) to `scores` and clear z; only words among the n rows of `hits` are looked at."""
    for i in range(AT_WORDS):
        if z[i] != 0:
            for k in range(N_FIELDS):
                scores[k] += z[i] * weights[i, k]
            z[i] = 0
    for j in range(n):
        t = hits[j, TERM]
        if terms.layer[t] == FIELD:
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
            filled = place_hits(m, cues, buffers, terms, ads.sections, spans[0], spans[1], own, hits, filled)
    for texts, where in ((ads.title, np.int64(IN_TITLE)), (ads.tags, np.int64(IN_TAGS))):
        data, offsets = texts
        n, _ = decode(data, offsets[row], offsets[row + 1], table, buffers.chars, buffers.pos, buffers.ends)
        m = find(buffers.chars, n, lexicons.fields, buffers.work, buffers.hit, buffers.at)
        if m:
            cues = find(buffers.chars, n, lexicons.cues, buffers.work, buffers.cue, buffers.cue_at)
            filled = place_hits(m, cues, buffers, terms, ads.sections, none, none, where, hits, filled)
    return filled


@lean
def score_subfields(
    hits, n, v, terms, seen, z, weights, idx, val, p, text_from, near_from, text_to, sums, scores, kept
):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Add the features of one ad to the scores of its subfields; the features of fields are copied to `kept` (or it is empty).

    The n rows of `hits` come from `hits_of_fields`; v is 0 for ads with a text, else 1; idx[:p], val[:p] are the features of the ad; `sums` is scratch.
    """
    by_feature, by_phrase, by_field = weights
    field_features(hits, n, terms, seen, z)
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
