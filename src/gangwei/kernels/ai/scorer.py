"""Scores of ads: the features of `evidence` and `ngrams` under a linear model.

One compiled pass over an ad, from bytes to scores and evidence rows; nothing of it is a Python object. Most ads hold no AI term,
so what only the others need stands in functions of its own, which leaves the pass short.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gangwei.kernels.ai import evidence
from gangwei.kernels.ai import hits as h
from gangwei.kernels.ai.fields import hits_of_fields, score_subfields
from gangwei.kernels.ai.folded import decode
from gangwei.kernels.ai.ngrams import (
    AT_NEAR,
    AT_TEXT,
    AT_TITLE,
    NEAR_BITS,
    TEXT_BITS,
    TITLE_BITS,
    grams,
    phrases,
    told,
)
from gangwei.kernels.ai.score_tables import (
    DEFENCE_AT,
    FEW,
    GRAMS,
    IN_TITLE_TOO,
    KEPT,
    OTHER_TITLE,
    SAID,
    SEEN,
    STRENGTHS,
    SURVEILLANCE_AT,
    TOP,
    Ads,
    Lexicons,
    Scored,
    Weights,
    blank,
    scratch_for,
)
from gangwei.kernels.ai.terms import find, longest_of, needed_for
from gangwei.kernels.lean import lean, lean_inline

TITLE_SCALE = 3.0
TEXT_SCALE = 4.0
NEAR_SCALE = 4.0
FAR = 2_000_000_000  # marks of n-grams start again before 32 bits are full
BUILDER, RELATED = 0, 1  # lanes
# what the AI terms of an ad amount to, in order
NO_AI, BARE_WORDS, AI_ASIDE, AI_USED = range(4)


@lean_inline
def signals(hits, n, n_title, terms, facts, r):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Count the words of surveillance and defence of ad r into `facts`; returns what its AI terms amount to."""
    seen = NO_AI
    for j in range(n):
        layer = terms.layer[hits[j, h.TERM]]
        if layer == h.ROLE:
            continue
        context = hits[j, h.CONTEXT]
        spot = h.spot_of(hits[j, h.LOCATION], context)
        kind = terms.kind[hits[j, h.TERM]]
        if layer == h.AI:
            tier = hits[j, h.COUNTED]
            if 0 <= tier <= evidence.OTHER_SENSE:
                aside = tier == evidence.OTHER_SENSE or spot == h.ASIDE
                seen = max(
                    seen, BARE_WORDS if evidence.BARE <= tier <= evidence.LAST_BARE else AI_ASIDE if aside else AI_USED
                )
        elif layer == h.SURVEILLANCE:
            if spot <= h.ON_ASKED and kind < STRENGTHS:
                # what is only asked for is the weaker sign
                facts[r, SURVEILLANCE_AT + (1 if spot != h.ON_TITLE and context == h.ASKED else kind)] += 1
                facts[r, IN_TITLE_TOO] += 1 if j < n_title else 0
        elif layer == h.OTHER_JOB:
            facts[r, OTHER_TITLE] = 1
        elif layer == h.DEFENCE and kind < STRENGTHS and context != h.NEGATED:
            # a wish for experience in the field is the weaker sign
            facts[r, DEFENCE_AT + (1 if context == h.PREFERRED else kind)] += 1
    return seen


@lean
def reasons(idx, val, p, weights, why, which, r):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Add to why[r] what the n-grams of the title and the TOP largest other features `which` have in the score of builder or
    adjacent."""
    for j in range(p):
        f = idx[j]
        if AT_TITLE <= f < AT_TEXT:
            why[r, 0] += val[j] * weights[f, RELATED]
        elif evidence.AT_ROLE <= f < evidence.AT_END:
            w = val[j] * weights[f, RELATED]
            k = TOP
            while k > 0 and abs(w) > abs(why[r, GRAMS - 1 + k]):
                k -= 1
            if k < TOP:
                for q in range(TOP - 1, k, -1):
                    why[r, GRAMS + q] = why[r, GRAMS - 1 + q]
                    which[r, q] = which[r, q - 1]
                why[r, GRAMS + k] = w
                which[r, k] = f


@lean_inline
def count_alike(hits, n, terms, alike, up):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Count in `alike` (AT_END) how many hits share a feature of tier and place, or of concept and spot; without `up` clear it."""
    for j in range(n):
        t, tier, location, context = hits[j, h.TERM], hits[j, h.COUNTED], hits[j, h.LOCATION], hits[j, h.CONTEXT]
        if terms.layer[t] == h.AI and tier >= 0:
            f = evidence.tier_feature(tier, location, context)
            q = evidence.concept_feature(terms.concept[t], h.spot_of(location, context))
            alike[f] = alike[f] + 1 if up else 0
            alike[q] = alike[q] + 1 if up else 0


@lean_inline
def evidence_rows(hits, n, n_title, n_tags, terms, x, weights, alike, r, out, total):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Append the hits of ad r that count to the evidence rows from `total` on, as far as there is room; returns their end.

    A row is the term, first and last character, location, and tier and context or minus the layer; the score of an AI term is
    its part of the features that it shares. Of tags AI terms alone are kept, with characters of -1, since tags are not published.
    """
    count_alike(hits, n, terms, alike, True)
    for j in range(n):
        t, tier, location, context = hits[j, h.TERM], hits[j, h.COUNTED], hits[j, h.LOCATION], hits[j, h.CONTEXT]
        layer = np.int64(terms.layer[t])
        beside = n_title <= j < n_tags
        if layer == h.ROLE or (layer == h.AI and not 0 <= tier <= evidence.OTHER_SENSE) or (layer != h.AI and beside):
            continue
        if total < out.hit_row.size:
            out.hit_row[total] = r
            out.hits[total, 0] = t
            out.hits[total, 1] = -1 if beside else hits[j, h.START]
            out.hits[total, 2] = -1 if beside else hits[j, h.END]
            out.hits[total, 3] = location
            out.hits[total, 4] = tier * len(h.CONTEXTS) + context if layer == h.AI else -layer
            score = 0.0
            if layer == h.AI:
                f = evidence.tier_feature(tier, location, context)
                q = evidence.concept_feature(terms.concept[t], h.spot_of(location, context))
                score = weights[f, RELATED] * x[f] / max(1, alike[f]) + weights[q, RELATED] * x[q] / max(1, alike[q])
            out.hit_score[total] = score
        total += 1
    count_alike(hits, n, terms, alike, False)
    return total


@lean_inline
def hits_of(texts, row, lexicon, cue_words, table, terms, sections, buffers, where, hits, base):  # type: ignore[no-untyped-def]  # pragma: no cover
    """(characters, end of the rows of `hits`) of the title or the tags of an ad, which are one location as a whole."""
    data, span = texts
    chars, pos, ends, work, hit, at, cue, cue_at = buffers
    n, _ = decode(data, span[row, 0], span[row, 1], table, chars, pos, ends)
    m = find(chars, n, lexicon, work, hit, at)
    filled = base
    if m:
        none = np.int64(0)  # a literal as an argument would compile the callee once for each value
        cues = none
        if h.asked_for(hit, m, terms.layer):
            cues = find(chars, n, cue_words, work, cue, cue_at)
        filled = h.place_hits(m, cues, buffers, terms, sections, none, none, where, hits, base)
    return n, filled


@lean_inline
def hits_of_text(text, row, lexicons, table, terms, sections, section_at, buffers, longest_cue, hits, base):  # type: ignore[no-untyped-def]  # pragma: no cover
    """(characters, clauses, terms found, end of the rows of `hits`) of the text of an ad, each hit in its own section."""
    data, span = text
    chars, pos, ends, work, hit, at, cue, cue_at = buffers
    n, clauses = decode(data, span[row, 0], span[row, 1], table, chars, pos, ends)
    m = find(chars, n, lexicons.text, work, hit, at)
    filled = base
    if m:
        cues = find(chars, needed_for(at[m - 1], n, ends, longest_cue), lexicons.cues, work, cue, cue_at)
        own = np.int64(-1)  # a literal as an argument would compile the callee once for each value
        filled = h.place_hits(m, cues, buffers, terms, sections, section_at[row], section_at[row + 1], own, hits, base)
    return n, clauses, m, filled


@lean_inline
def listed(x, mix, seen, idx, val, p):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Append the features x that are not zero: those of terms where any was seen, of the kind of title, and counts; returns the new p."""
    terms_from = 0 if seen else evidence.AT_ROLE
    mixes, counts = (mix, mix + len(evidence.MIXES)), (evidence.AT_COUNT, evidence.AT_END)
    for a, b in ((terms_from, evidence.AT_MIX), mixes, counts):
        for i in range(a, b):
            if x[i] != 0:
                idx[p] = i
                val[p] = x[i]
                p += 1
    return p


@lean_inline
def title_decides(hits, n_title, a, b, terms):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Whether the title holds an AI term or a bare word, and the text, rows a..b of `hits`, no term that is AI by itself."""
    named = False
    for j in range(n_title):
        named = named or terms.layer[hits[j, h.TERM]] == h.AI
    for j in range(a, b):
        t = hits[j, h.TERM]
        named = named and not (terms.layer[t] == h.AI and terms.tier[t] <= evidence.USER and terms.needs[t] == 0)
    return named


@lean_inline
def few_scores(idx, val, p, few, lanes_of_few, least, scores, r):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Score the lanes `lanes_of_few` of ad r, which holds no AI term."""
    for k in range(FEW):
        least[k] = scores[r, lanes_of_few[k]]
    for j in range(p):
        w = val[j]
        f = np.uint64(idx[j])
        for k in range(FEW):
            least[k] += w * few[f, k]
    for k in range(FEW):
        scores[r, lanes_of_few[k]] = least[k]


@lean
def all_scores(idx, val, bounds, v, weights, scores, why, r):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Score all lanes of ad r but the subfields; `why` gets the part of the n-grams of its text and of those of its phrases in the
    score of builder or adjacent. `bounds` is as of `fields.score_subfields`."""
    text_from, near_from, text_to, p = bounds
    by_feature = weights.by_feature
    for j in range(p):
        if text_from <= j < text_to:
            continue
        w = val[j]
        f = idx[j]
        for k in range(by_feature.shape[2]):
            scores[r, k] += w * by_feature[v, f, k]
    s0 = np.float32(0)
    s1 = np.float32(0)
    s2 = np.float32(0)
    for j in range(text_from, near_from):
        w = val[j]
        f = idx[j] - AT_TEXT
        s0 += w * weights.grams[f, 0]
        s1 += w * weights.grams[f, 1]
        s2 += w * weights.grams[f, 2]
    scores[r, 0] += s0
    scores[r, 1] += s1
    scores[r, 2] += s2
    why[r, 1] = s1
    before = scores[r, RELATED]
    for j in range(near_from, text_to):
        w = val[j]
        f = idx[j] - AT_NEAR
        for k in range(3):
            scores[r, k] += w * weights.phrases[f, k]
    why[r, 2] = scores[r, RELATED] - before


@lean_inline
def next_mark(mark, stamps):  # type: ignore[no-untyped-def]  # pragma: no cover
    """The mark of the next ad; where 32 bits would not hold it, all stamps are cleared and marks begin again."""
    if mark <= FAR:
        return mark
    title, text, near = stamps
    title[:] = -1
    text[:] = -1
    near[:] = -1
    return np.int64(0)


@lean
def read_ads(rows_at, ads, table, lexicons, terms, weights, snippet, whole, keep, scratch, out):  # type: ignore[no-untyped-def]  # pragma: no cover
    """The pass of `score_rows`: fills `out`."""
    buffers, hits, about, concepts, x, _, alike, near, idx, val, stamps, counts, hashes, least, _ = scratch
    chars, pos, ends = buffers[:3]
    stamp_title, stamp_text, stamp_near = stamps
    title, text, tags, sections, section_at = ads
    scores, facts, why, which = out.scores, out.facts, out.why, out.which
    bias, cuts = weights.bias, weights.cuts
    longest_cue = longest_of(lexicons.cues)
    plain = weights.by_feature.shape[2]
    mark = np.int64(0)
    total = np.int64(0)
    filled = 0
    # literals as arguments would compile a callee once for each value
    none, in_tags = np.int64(0), np.int64(h.IN_TAGS)
    for r in range(rows_at.size):
        row = rows_at[r]
        # what it shows: title, tags, text
        n, n_title = hits_of(
            title, row, lexicons.title, lexicons.cues, table, terms, sections, buffers, none, hits, none
        )  # fmt: skip
        p = grams(chars, n, 1, 3, TITLE_BITS, AT_TITLE, TITLE_SCALE, counts, hashes, stamp_title, mark, idx, val, 0)
        _, n_tags = hits_of(
            tags, row, lexicons.text, lexicons.cues, table, terms, sections, buffers, in_tags, hits, n_title
        )  # fmt: skip
        n, clauses, m, n_hits = hits_of_text(
            text, row, lexicons, table, terms, sections, section_at, buffers, longest_cue, hits, n_tags
        )
        if n_hits - n_tags >= terms.listed:
            h.lists_only(hits, n_title, n_tags, n_hits, chars, ends, terms)
        said = told(chars, n)
        if text[1][row, 1] - text[1][row, 0] < snippet and title_decides(hits, n_title, n_tags, n_hits, terms):
            said = none
        head = evidence.judge(hits, n_title, n_hits, clauses, said, terms, concepts, x)
        seen = signals(hits, n_hits, n_title, terms, facts, r)
        facts[r, SEEN] = seen
        facts[r, SAID] = said
        v = 0 if said else 1
        # its features
        text_from = near_from = text_to = p
        if seen and said:
            p = grams(chars, n, 2, 2, TEXT_BITS, AT_TEXT, TEXT_SCALE, counts, hashes, stamp_text, mark, idx, val, p)
            near_from = p
            q = phrases(chars, n, pos, ends, hits, n_tags, n_hits, terms.layer, near)
            p = grams(near, q, 1, 3, NEAR_BITS, AT_NEAR, NEAR_SCALE, counts, hashes, stamp_near, mark, idx, val, p)
            text_to = p
        mark = next_mark(mark + p, stamps)
        p = listed(x, evidence.AT_MIX + head * len(evidence.MIXES), seen, idx, val, p)
        bounds = text_from, near_from, text_to, p
        # its scores and what they rest on
        for k in range(scores.shape[1]):
            scores[r, k] = bias[v, k]
        if seen or keep:
            all_scores(idx, val, bounds, v, weights, scores, why, r)
        else:
            few_scores(idx, val, p, weights.few[v], weights.lanes_of_few, least, scores, r)
        above = scores[r, BUILDER] > cuts[v, BUILDER] or (seen == AI_USED and scores[r, RELATED] > cuts[v, RELATED])
        if keep or (seen and (whole or above)):
            n_about = hits_of_fields(row, n if said else none, m, ads, table, lexicons, terms, buffers, about)
            kept_z = out.fields[r] if keep else out.fields[:0, 0]
            score_subfields(about, n_about, v, terms, weights.subfields, scratch, bounds, scores[r, plain:], kept_z)
        if seen:
            reasons(idx, val, p, weights.by_feature[v], why, which, r)
        if keep:
            for j in range(p):
                out.idx[filled + j] = idx[j]
                out.val[filled + j] = val[j]
            filled += p
            out.indptr[r + 1] = filled
        if n_hits:
            before = total
            total = evidence_rows(hits, n_hits, n_title, n_tags, terms, x, weights.by_feature[v], alike, r, out, total)
            facts[r, KEPT] = total - before
        for j in range(text_to, p):
            x[idx[j]] = 0


def score_rows(
    rows_at: NDArray[np.int64],
    ads: Ads,
    table: NDArray[np.uint32],
    lexicons: Lexicons,
    terms: h.Terms,
    weights: Weights,
    snippet: int,
    whole: bool,
    keep: bool,
) -> Scored:
    """Read every ad of `rows_at` once; `table` is `terms.fold_table`.

    A text of fewer than `snippet` bytes counts as none where only the title speaks of AI. Subfields are scored where a score of a tier passes its cut, with `whole` where any term was found. With `keep` all features and
    scores are returned (for training). Cues and text n-grams are looked for only where a term was found.
    """
    rows = rows_at.size
    title, text, tags = (span[rows_at, 1] - span[rows_at, 0] for _, span in (ads.title, ads.text, ads.tags))
    longest = max(int(sizes.max(initial=1)) for sizes in (title, text, tags))
    most = np.minimum(title * 3, 1 << TITLE_BITS) + np.minimum(text, 1 << TEXT_BITS)
    grown = int((most + np.minimum(text * 3, 1 << NEAR_BITS) + 400).sum())
    capacity = 1024 + 4 * rows
    while True:
        out = blank(rows, weights.bias.shape[1], capacity, grown if keep else None)
        read_ads(rows_at, ads, table, lexicons, terms, weights, snippet, whole, keep, scratch_for(longest), out)
        needed = int(out.facts[:, KEPT].sum())
        if needed <= capacity:
            return out._replace(hits=out.hits[:needed], hit_row=out.hit_row[:needed], hit_score=out.hit_score[:needed])
        capacity = needed
