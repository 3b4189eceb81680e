"""Scores of ads: the features of `evidence` and `ngrams` under a linear model.

One compiled pass over an ad, from bytes to scores and evidence rows; nothing of it is a Python object.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from gangwei.kernels.evidence import (
    AT_CONCEPT,
    AT_COUNT,
    AT_END,
    AT_MIX,
    AT_ROLE,
    LISTED,
    MAX_CONCEPTS,
    MIXES,
    asked_for,
    judge,
    lists_only,
    place_hits,
    spot_of,
)
from gangwei.kernels.fields import WIDTH as FIELDS_WIDTH
from gangwei.kernels.fields import score_subfields
from gangwei.kernels.ngrams import (
    AT_NEAR,
    AT_TEXT,
    AT_TITLE,
    NEAR_BITS,
    TEXT_BITS,
    TITLE_BITS,
    WIDTH,
    damped_counts,
    grams,
    phrases,
    told,
)
from gangwei.kernels.rows import WIDE
from gangwei.kernels.terms import decode, find, longest_of, needed_for, scratch

__all__ = ["AT_NEAR", "AT_TEXT", "AT_TITLE", "GRAMS", "NEAR_BITS", "TEXT_BITS", "WIDE", "WIDTH", "score_rows"]

TITLE_SCALE = 3.0
TEXT_SCALE = 4.0
NEAR_SCALE = 4.0
GRAMS = 3
HITS = 1024
FEW = 8
TOP = 3


@njit(nogil=True, cache=True)
def score_rows(  # type: ignore[no-untyped-def]
    rows_at,
    title,
    text,
    tags,
    sections,
    section_at,
    table,
    lexicons,
    rules,
    weights,
    few,
    lanes_of_few,
    gram_weights,
    phrase_weights,
    of_subfields,
    bias,
    cuts,
    whole,
    keep,
    capacity,
):  # pragma: no cover
    """Read every ad of `rows_at` once.

    `title`, `text`, `tags` are (bytes, offsets); `sections` rows are (location, start, end) in characters and
    `section_at` their row offsets; `lexicons` are the `Lexicon.arrays` of titles, of texts and tags, of cues, of AI terms
    and words of fields, and of words of fields; `rules` = (size, layer, tier, concept, needs, not_if, kind, fields) by term; `weights` = (2, AT_TEXT,
    lanes before the subfields) for ads with and without text, `few` the weights of `lanes_of_few`, all that is scored where no
    term was found (bias elsewhere); `gram_weights` = (1 << TEXT_BITS, 3) and `phrase_weights` = (1 << NEAR_BITS, 3) of the
    n-grams of text and phrases for the tier lanes; `of_subfields` = the weights (2, AT_TEXT, WIDE), (1 << NEAR_BITS,
    WIDE) and (2, fields.WIDTH, subfields) of features, n-grams of phrases and features of fields; `bias` (2, lanes).
    The subfield lanes, which are the last, are scored where a score of a tier passes `cuts` (2, 3), with `whole` where any term
    was found. With `keep` all features and scores are returned (for training). Cues and text n-grams are looked for only where
    a term was found.

    Returns (scores, facts, hits, hit_row, hit_score, why, which, indptr, idx, val, fields), aligned with `rows_at`: why = share of
    the n-grams of the title, of the text, of phrases, and of the TOP largest other features `which` in the score of builder
    or adjacent; facts = (0 = no AI hit, 1 = bare words, 2 = AI term aside or in another meaning, 3 = AI term in use;
    surveillance strong, weak, in title, defence strong, weak, characters that say something, hits, title of another job) by row; hits = columns of `place_hits` plus the
    tier that counted; of tags AI terms alone, whose characters are -1, since tags are not published. `hits` is shorter than needed when `capacity` was too small: compare facts[:, 7], the number of hits
    of each row.
    """
    t_data, t_off = title
    x_data, x_off = text
    g_data, g_off = tags
    in_title, in_text, cue_words, in_field, field_words = lexicons
    size, layer, tier, concept, needs, not_if, kind_of, _ = rules
    rows = rows_at.size
    lanes = bias.shape[1]
    plain = lanes - of_subfields[2].shape[2]
    longest_cue = longest_of(cue_words)
    longest = 1
    grown = 0
    for i in rows_at:
        a = t_off[i + 1] - t_off[i]
        b = x_off[i + 1] - x_off[i]
        c = g_off[i + 1] - g_off[i]
        longest = max(longest, a, b, c)
        if keep:
            grown += min(a * 3, 1 << TITLE_BITS) + min(b, 1 << TEXT_BITS) + min(b * 3, 1 << NEAR_BITS) + 400
    chars = np.empty(longest + 4, np.uint16)
    pos = np.empty(longest + 4, np.int32)
    ends = np.empty(longest + 2, np.int32)
    hit = np.empty(4 * HITS, np.int32)
    at = np.empty(4 * HITS, np.int32)
    cue = np.empty(4 * HITS, np.int32)
    cue_at = np.empty(4 * HITS, np.int32)
    work = scratch(longest)
    seen_concepts = np.zeros(MAX_CONCEPTS, np.uint8)
    hits = np.empty((HITS, 8), np.int64)
    about = np.empty((HITS, 8), np.int64)
    z = np.zeros(FIELDS_WIDTH, np.float32)
    all_z = np.zeros((rows if keep else 0, FIELDS_WIDTH), np.float32)
    no_z = np.zeros(0, np.float32)
    x = np.zeros(AT_END, np.float32)
    alike = np.zeros(AT_END, np.int64)  # how many hits share a feature of tier and place, or of concept and spot
    near = np.empty(2 * longest + 4, np.uint16)
    room = (1 << TITLE_BITS) + (1 << TEXT_BITS) + (1 << NEAR_BITS) + AT_END
    idx = np.empty(room, np.int64)
    val = np.empty(room, np.float32)
    stamp_title = np.full(1 << TITLE_BITS, -1, np.int32)
    stamp_text = np.full(1 << TEXT_BITS, -1, np.int32)
    damped = damped_counts()
    stamp_near = np.full(1 << NEAR_BITS, -1, np.int32)
    hashes = np.empty(4 * (longest + 2 * HITS), np.uint64)
    least = np.empty(FEW, np.float32)
    sums = np.zeros(WIDE, np.float32)
    mark = np.int64(0)
    scores = np.empty((rows, lanes), np.float32)
    facts = np.zeros((rows, 9), np.int32)
    out = np.empty((capacity, 5), np.int32)
    out_row = np.empty(capacity, np.int32)
    out_score = np.empty(capacity, np.float32)
    indptr = np.zeros(rows + 1, np.int64)
    all_idx = np.empty(grown, np.int32)
    all_val = np.empty(grown, np.float32)
    why = np.zeros((rows, GRAMS + TOP), np.float32)
    which = np.full((rows, TOP), -1, np.int32)
    total = 0
    filled = 0
    # literals as arguments would compile a callee once for each value
    none, in_tags, own = np.int64(0), np.int64(4), np.int64(-1)
    for r in range(rows):
        row = rows_at[r]
        n, _ = decode(t_data, t_off[row], t_off[row + 1], table, chars, pos, ends)
        p = grams(chars, n, 1, 3, TITLE_BITS, AT_TITLE, TITLE_SCALE, damped, hashes, stamp_title, mark, idx, val, 0)
        n_title = none
        m = find(chars, n, in_title, work, hit, at)
        if m:
            cues = none
            if asked_for(hit, m, layer):
                cues = find(chars, n, cue_words, work, cue, cue_at)
            n_title = place_hits(
                m, hit, at, cues, cue, cue_at, size, kind_of, chars, pos, ends, sections, none, none, none, hits, none
            )
        n_tags = n_title
        n, _ = decode(g_data, g_off[row], g_off[row + 1], table, chars, pos, ends)
        m = find(chars, n, in_text, work, hit, at)
        if m:
            cues = find(chars, n, cue_words, work, cue, cue_at)
            n_tags = place_hits(
                m, hit, at, cues, cue, cue_at, size, kind_of, chars, pos, ends, sections, none, none, in_tags, hits, n_title
            )  # fmt: skip
        n_hits = n_tags
        n, clauses = decode(x_data, x_off[row], x_off[row + 1], table, chars, pos, ends)
        m = find(chars, n, in_text, work, hit, at)
        if m:
            cues = find(chars, needed_for(at[m - 1], n, ends, longest_cue), cue_words, work, cue, cue_at)
            n_hits = place_hits(
                m, hit, at, cues, cue, cue_at, size, kind_of, chars, pos, ends,
                sections, section_at[row], section_at[row + 1], own, hits, n_tags,
            )  # fmt: skip
        if n_hits - n_tags >= LISTED:
            lists_only(hits, n_title, n_tags, n_hits, size, ends, layer)
        size_told = told(chars, n)
        head = judge(
            hits, n_title, n_hits, clauses, size_told, layer, tier, concept, needs, not_if, kind_of, seen_concepts, x
        )
        seen = 0
        for j in range(n_hits):
            la = layer[hits[j, 0]]
            if la == 0 and 0 <= hits[j, 7] <= 8:
                # 1: bare modelling or algorithm words, vision libraries; 2: a term aside or in another meaning; 3: a term in use
                tr = hits[j, 7]
                aside = tr == 8 or spot_of(hits[j, 3], hits[j, 4]) == 4
                seen = max(seen, 1 if 4 <= tr <= 6 else 2 if aside else 3)
            elif la == 2:
                spot = spot_of(hits[j, 3], hits[j, 4])
                if spot <= 2 and kind_of[hits[j, 0]] < 2:
                    # what is only asked for is the weaker sign
                    facts[r, 2 if spot and hits[j, 4] == 2 else 1 + kind_of[hits[j, 0]]] += 1
                    facts[r, 3] += 1 if j < n_title else 0
            elif la == 5:
                facts[r, 8] = 1
            elif la == 3 and kind_of[hits[j, 0]] < 2 and hits[j, 4] != 4:
                # a wish for experience in the field is the weaker sign
                facts[r, 5 if hits[j, 4] == 3 else 4 + kind_of[hits[j, 0]]] += 1
        facts[r, 0] = seen
        facts[r, 6] = size_told
        text_from = p
        if seen and size_told:
            p = grams(chars, n, 2, 2, TEXT_BITS, AT_TEXT, TEXT_SCALE, damped, hashes, stamp_text, mark, idx, val, p)
        near_from = p
        if seen and size_told:
            q = phrases(chars, n, pos, ends, hits, n_tags, n_hits, layer, near)
            p = grams(near, q, 1, 3, NEAR_BITS, AT_NEAR, NEAR_SCALE, damped, hashes, stamp_near, mark, idx, val, p)
        text_to = p
        mark += p
        if mark > 2_000_000_000:
            stamp_title[:] = -1
            stamp_text[:] = -1
            stamp_near[:] = -1
            mark = np.int64(0)
        mix = AT_MIX + head * len(MIXES)
        for a, b in ((0 if seen else AT_ROLE, AT_MIX), (mix, mix + len(MIXES)), (AT_COUNT, AT_END)):
            for i in range(a, b):
                if x[i] != 0:
                    idx[p] = i
                    val[p] = x[i]
                    p += 1
        v = 0 if size_told else 1
        for k in range(lanes):
            scores[r, k] = bias[v, k]
        if seen or keep:
            for j in range(p):
                if text_from <= j < text_to:
                    continue
                w = val[j]
                f = idx[j]
                for k in range(plain):
                    scores[r, k] += w * weights[v, f, k]
        else:
            for k in range(FEW):
                least[k] = scores[r, lanes_of_few[k]]
            for j in range(p):
                w = val[j]
                f = np.uint64(idx[j])
                for k in range(FEW):
                    least[k] += w * few[v, f, k]
            for k in range(FEW):
                scores[r, lanes_of_few[k]] = least[k]
        s0 = np.float32(0)
        s1 = np.float32(0)
        s2 = np.float32(0)
        for j in range(text_from, near_from):
            w = val[j]
            f = idx[j] - AT_TEXT
            s0 += w * gram_weights[f, 0]
            s1 += w * gram_weights[f, 1]
            s2 += w * gram_weights[f, 2]
        scores[r, 0] += s0
        scores[r, 1] += s1
        scores[r, 2] += s2
        why[r, 1] = s1
        before = scores[r, 1]
        for j in range(near_from, text_to):
            w = val[j]
            f = idx[j] - AT_NEAR
            for k in range(3):
                scores[r, k] += w * phrase_weights[f, k]
        why[r, 2] = scores[r, 1] - before
        if keep or (seen and (whole or scores[r, 0] > cuts[v, 0] or (seen == 3 and scores[r, 1] > cuts[v, 1]))):
            n_told = n if size_told else none
            kept_z = all_z[r] if keep else no_z
            score_subfields(
                row, v, n_told, m, title, tags, sections, section_at, table, in_field, field_words, cue_words, rules,
                of_subfields, chars, pos, ends, work, hit, at, cue, cue_at, seen_concepts, about, z,
                idx, val, p, text_from, near_from, text_to, sums, scores[r, plain:], kept_z,
            )  # fmt: skip
        if seen:
            for j in range(p):
                f = idx[j]
                if AT_TITLE <= f < AT_TEXT:
                    why[r, 0] += val[j] * weights[v, f, 1]
                elif AT_ROLE <= f < AT_END:
                    w = val[j] * weights[v, f, 1]
                    k = TOP
                    while k > 0 and abs(w) > abs(why[r, GRAMS - 1 + k]):
                        k -= 1
                    if k < TOP:
                        for q in range(TOP - 1, k, -1):
                            why[r, GRAMS + q] = why[r, GRAMS - 1 + q]
                            which[r, q] = which[r, q - 1]
                        why[r, GRAMS + k] = w
                        which[r, k] = f
        if keep:
            for j in range(p):
                all_idx[filled + j] = idx[j]
                all_val[filled + j] = val[j]
            filled += p
            indptr[r + 1] = filled
        for j in range(n_hits):
            if layer[hits[j, 0]] == 0 and hits[j, 7] >= 0:
                alike[(hits[j, 7] * 6 + hits[j, 3]) * 5 + hits[j, 4]] += 1
                alike[AT_CONCEPT + concept[hits[j, 0]] * 5 + spot_of(hits[j, 3], hits[j, 4])] += 1
        kept = 0
        for j in range(n_hits):
            t = hits[j, 0]
            la = layer[t]
            if la == 4 or (la == 0 and (hits[j, 7] < 0 or hits[j, 7] > 8)) or (la != 0 and n_title <= j < n_tags):
                continue
            kept += 1
            if total < capacity:
                out_row[total] = r
                out[total, 0] = t
                beside = n_title <= j < n_tags
                out[total, 1] = -1 if beside else hits[j, 1]
                out[total, 2] = -1 if beside else hits[j, 2]
                out[total, 3] = hits[j, 3]
                out[total, 4] = hits[j, 7] * 5 + hits[j, 4] if la == 0 else -np.int64(la)
                s = 0.0
                if la == 0:
                    f = (hits[j, 7] * 6 + hits[j, 3]) * 5 + hits[j, 4]
                    q = AT_CONCEPT + concept[t] * 5 + spot_of(hits[j, 3], hits[j, 4])
                    s = weights[v, f, 1] * x[f] / max(1, alike[f]) + weights[v, q, 1] * x[q] / max(1, alike[q])
                out_score[total] = s
            total += 1
        facts[r, 7] = kept
        for j in range(n_hits):
            if layer[hits[j, 0]] == 0 and hits[j, 7] >= 0:
                alike[(hits[j, 7] * 6 + hits[j, 3]) * 5 + hits[j, 4]] = 0
                alike[AT_CONCEPT + concept[hits[j, 0]] * 5 + spot_of(hits[j, 3], hits[j, 4])] = 0
        for j in range(text_to, p):
            x[idx[j]] = 0
    return (
        scores,
        facts,
        out[: min(total, capacity)],
        out_row[: min(total, capacity)],
        out_score,
        why,
        which,
        indptr,
        all_idx,
        all_val,
        all_z,
    )
