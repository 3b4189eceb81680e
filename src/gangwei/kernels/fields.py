"""What field an AI ad is in (vision, speech, search ...): features of its AI terms by subfield and of plain words of a field.

Words such as 图像 or 广告 say nothing of AI by themselves, so they are looked for in builder and adjacent ads only.
"""

from __future__ import annotations

import numpy as np

from gangwei.kernels.evidence import SPOTS, place_hits, spot_of
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
LAYER = 6


def feature_names(words: list[str]) -> list[str]:
    """The name of every feature, in order (length WIDTH)."""
    padded = words + [f"word{i}" for i in range(len(words), MAX_WORDS)]
    return [
        *(f"{kind}:{f}@{s}" for kind in ("words", "terms") for f in AI_SUBFIELDS for s in SPOTS),
        *(f"{kind}_share:{f}" for kind in ("words", "terms") for f in AI_SUBFIELDS),
        *(f"word:{w}@{p}" for w in padded for p in PLACES),
    ]


@lean
def field_features(hits, n, layer, field, concept, not_if, kind_of, seen, z):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Fill z (WIDTH zeros) from the n rows of `hits` (as of `evidence.place_hits`).

    `field` gives the two subfields of each term (-1 = none), `kind_of` the number of each word of a field and the locations
    where an AI term counts, a bit each; `seen` is scratch of one byte a concept. Counts by spot are log2(1 + n), at most 3; a concept counts once a spot.
    """
    seen[:] = 0
    for j in range(n):
        t = hits[j, 0]
        f = field[t, 0]
        if f < 0:
            continue
        spot = spot_of(hits[j, 3], hits[j, 4])
        if layer[t] == LAYER:
            z[f * N_SPOTS + spot] += 1
            if field[t, 1] >= 0:
                z[field[t, 1] * N_SPOTS + spot] += 1
            if spot < 4:
                z[AT_WORDS + kind_of[t] * 3 + (0 if spot == 0 else 2 if spot == 3 else 1)] = 1
        elif (kind_of[t] >> hits[j, 3]) & 1 and not (not_if[t] >= 0 and (hits[j, 5] >> not_if[t]) & 1):
            c = concept[t]
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
                z[i] = min(np.log2(1.0 + z[i]), 3.0)


@lean
def add_scores(hits, n, layer, kind_of, z, weights, scores):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Add z @ weights (WIDTH, subfields) to `scores` and clear z; only words among the n rows of `hits` are looked at."""
    for i in range(AT_WORDS):
        if z[i] != 0:
            for k in range(N_FIELDS):
                scores[k] += z[i] * weights[i, k]
            z[i] = 0
    for j in range(n):
        t = hits[j, 0]
        if layer[t] == LAYER:
            at = AT_WORDS + kind_of[t] * 3
            for i in range(at, at + 3):
                if z[i] != 0:
                    for k in range(N_FIELDS):
                        scores[k] += weights[i, k]
                    z[i] = 0


@lean
def score_subfields(  # type: ignore[no-untyped-def]
    row,
    v,
    n,
    m,
    title,
    tags,
    sections,
    section_at,
    table,
    in_field,
    field_words,
    cue_words,
    rules,
    of_subfields,
    chars,
    pos,
    ends,
    work,
    hit,
    at,
    cue,
    cue_at,
    seen,
    about,
    z,
    idx,
    val,
    p,
    text_from,
    near_from,
    text_to,
    sums,
    scores,
    kept,
):  # pragma: no cover
    """Add the features of one ad to the scores of its subfields; the features of fields are copied to `kept` (or it is empty).

    chars[:n] are the decoded text, which gives way to title and tags, hit[:m] and at[:m] its terms; idx[:p], val[:p] the
    features of the ad; `sums` is scratch. The other arguments are as in `score_rows`. A function of its own, because inside the loop over all ads it slows down the code for plain ads.
    """
    size, layer, _, concept, _, not_if, kind_of, field = rules
    sub_weights, sub_phrases, sub_fields = of_subfields
    none, in_tags, own = np.int64(0), np.int64(4), np.int64(-1)
    n_about = none
    if n:
        cues = find(chars, n, cue_words, work, cue, cue_at)
        for words in range(2):
            if words:
                m = find(chars, n, field_words, work, hit, at)
            n_about = place_hits(
                m, hit, at, cues, cue, cue_at, size, kind_of, chars, pos, ends,
                sections, section_at[row], section_at[row + 1], own, about, n_about,
            )  # fmt: skip
    for buffer, where in ((title, none), (tags, in_tags)):
        n, _ = decode(buffer[0], buffer[1][row], buffer[1][row + 1], table, chars, pos, ends)
        m = find(chars, n, in_field, work, hit, at)
        if m:
            cues = find(chars, n, cue_words, work, cue, cue_at)
            n_about = place_hits(
                m,
                hit,
                at,
                cues,
                cue,
                cue_at,
                size,
                kind_of,
                chars,
                pos,
                ends,
                sections,
                none,
                none,
                where,
                about,
                n_about,
            )
    field_features(about, n_about, layer, field, concept, not_if, kind_of, seen, z)
    for k in range(N_FIELDS):
        sums[k] = scores[k]
    add_rows(idx, val, none, text_from, sub_weights[v], none, sums)
    add_rows(idx, val, near_from, text_to, sub_phrases, np.int64(AT_NEAR), sums)
    add_rows(idx, val, text_to, p, sub_weights[v], none, sums)
    for k in range(N_FIELDS):
        scores[k] = sums[k]
    for i in range(kept.size):
        kept[i] = z[i]
    add_scores(about, n_about, layer, kind_of, z, sub_fields[v], scores)
