"""From folded characters to evidence, features and scores, one ad at a time, without leaving compiled code.

`evidence` reads one ad: it finds every term and cue of the lexicon in title and text, gives each AI term its section
(title, duties, requirements, blurb, tags, other) and its context (plain, duty, asked for, preferred, negated; the cues of
its clause decide), applies `needs` and `not_if`, and counts what it saw into a dense vector of named features.
`grams` adds the hashed characters n-grams of title and text. A model is a matrix of weights over both.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from gangwei.kernels.terms import decode, find

TIERS = (
    "builder_strong",
    "builder_weak",
    "adjacent",
    "user",
    "tool",
    "model_bare",
    "algo_bare",
    "mention",
    "other",
    "none",
)
LOCATIONS = ("title", "duties", "requirements", "blurb", "tags", "other")
CONTEXTS = ("plain", "duty", "asked", "preferred", "negated")
CUES = ("prefer", "know", "duty", "negate", "design_list", "majors", "company", "customer", "training_sense")
SPOTS = ("title", "duty", "asked", "preferred", "aside")
MAX_CONCEPTS = 128
MAX_ROLES = 24
LAYERS = ("term", "cue", "surveillance", "defence", "role")

N_TIER = len(TIERS) * len(LOCATIONS) * len(CONTEXTS)
AT_CONCEPT = N_TIER
AT_ROLE = AT_CONCEPT + MAX_CONCEPTS * len(SPOTS)
AT_HEAD = AT_ROLE + MAX_ROLES
AT_MIX = AT_HEAD + MAX_ROLES
MIXES = ("title_ai", "duty_ai", "asked_ai", "preferred_ai", "aside_ai", "no_ai")
AT_COUNT = AT_MIX + MAX_ROLES * len(MIXES)
COUNTS = (
    "distinct>=1", "distinct>=2", "distinct>=3", "distinct>=5", "distinct>=8",
    "duty_distinct>=1", "duty_distinct>=2", "duty_distinct>=3", "duty_distinct>=5",
    "share>0", "share>0.1", "share>0.25", "share>0.5",
    "no_text", "text<100", "text<300", "text>=800",
    "only_aside", "only_preferred", "only_bare", "any", "strong_in_title", "early", "title_only_ai",
    "surveillance", "defence",
)  # fmt: skip
AT_END = AT_COUNT + len(COUNTS)


def feature_names(concepts: list[str], roles: list[str]) -> list[str]:
    """The name of every explicit feature, in order (length AT_END)."""
    pad_c = concepts + [f"concept{i}" for i in range(len(concepts), MAX_CONCEPTS)]
    pad_r = roles + [f"role{i}" for i in range(len(roles), MAX_ROLES)]
    return [
        *(f"tier:{t}@{s}/{c}" for t in TIERS for s in LOCATIONS for c in CONTEXTS),
        *(f"concept:{c}@{s}" for c in pad_c for s in SPOTS),
        *(f"title_word:{r}" for r in pad_r),
        *(f"title_head:{r}" for r in pad_r),
        *(f"head:{r}+{m}" for r in pad_r for m in MIXES),
        *(f"count:{c}" for c in COUNTS),
    ]


@njit(nogil=True, cache=True)
def place_hits(m, hit, at, size, layer, kind_of, pos, ends, sections, s0, s1, where, hits, base):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Turn the matches of one field (cues apart) into rows of `hits`: term, start, end, location, context, cues, clause.

    `where` is the location of the whole field, or -1 to take it from the sections s0..s1. Returns the end of the rows.
    """
    n = base
    j = 0
    sec = s0
    cl = 0
    while j < m:
        while ends[cl] <= at[j]:
            cl += 1
        k = j
        bits = 0
        while k < m and at[k] < ends[cl]:
            if layer[hit[k]] == 1:
                bits |= 1 << kind_of[hit[k]]
            k += 1
        for q in range(j, k):
            t = hit[q]
            la = layer[t]
            if la == 1:
                continue
            if n >= hits.shape[0]:
                return n
            a = pos[at[q]]
            e = pos[at[q] + size[t] - 1] + 1
            loc = 5
            if where >= 0:
                loc = where
            else:
                while sec < s1 and sections[sec, 2] <= a:
                    sec += 1
                if sec < s1 and sections[sec, 1] <= a:
                    loc = sections[sec, 0]
            ctx = 0
            if bits & 8:
                ctx = 4
            elif bits & 1:
                ctx = 3
            elif loc == 1 or ((bits & 4) and loc != 2 and not (bits & 2)):
                ctx = 1
            elif (bits & 2) or loc == 2:
                ctx = 2
            if loc == 3 and ctx != 4:
                ctx = 0
            hits[n, 0] = t
            hits[n, 1] = a
            hits[n, 2] = e
            hits[n, 3] = loc
            hits[n, 4] = ctx
            hits[n, 5] = bits
            hits[n, 6] = cl
            n += 1
        j = k
    return n


@njit(nogil=True, cache=True, inline="always")
def spot_of(loc, ctx):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Position in SPOTS of a location and a context."""
    if loc == 0:
        return 0
    if ctx == 4 or 3 <= loc <= 4:
        return 4
    if ctx == 3:
        return 3
    return 1 if ctx == 1 else 2


@njit(nogil=True, cache=True)
def drop_layer(m, hit, at, layer, gone):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Remove the matches of one layer; return how many are left."""
    q = 0
    for j in range(m):
        if layer[hit[j]] != gone:
            hit[q] = hit[j]
            at[q] = at[j]
            q += 1
    return q


@njit(nogil=True, cache=True)
def judge(hits, n_title, n, n_clauses, n_chars, layer, tier, concept, needs, not_if, kind_of, x):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Apply needs and not_if (column 7 of `hits` becomes the tier that counts, -1 = dropped) and fill the features x (zeros)."""
    ok = False
    for j in range(n):
        t = hits[j, 0]
        hits[j, 7] = -1
        if layer[t] != 0:
            continue
        tr = tier[t]
        if not_if[t] >= 0 and (hits[j, 5] >> not_if[t]) & 1:
            tr = 8
        hits[j, 7] = tr
        if tr <= 3 and needs[t] == 0:
            ok = True
    last = -1
    for j in range(n_title):
        t = hits[j, 0]
        if layer[t] == 4:
            r = kind_of[t]
            x[AT_ROLE + r] = 1
            last = r
    if last >= 0:
        x[AT_HEAD + last] = 1
    head = last if last >= 0 else MAX_ROLES - 1
    distinct = 0
    duty_distinct = 0
    seen = np.zeros(MAX_CONCEPTS, np.uint8)
    ai_clauses = 0
    last_clause = -1
    first = -1
    n_real = 0
    n_aside = 0
    n_pref = 0
    n_bare = 0
    title_ai = False
    duty_ai = False
    asked_ai = False
    pref_ai = False
    aside_ai = False
    for j in range(n):
        t = hits[j, 0]
        if layer[t] == 2:
            x[AT_COUNT + 24] += 1
            continue
        if layer[t] == 3:
            x[AT_COUNT + 25] += 1
            continue
        if layer[t] != 0:
            continue
        if needs[t] == 1 and not ok:
            hits[j, 7] = -1
            continue
        tr = hits[j, 7]
        loc = hits[j, 3]
        ctx = hits[j, 4]
        if tr > 8:
            continue
        x[(tr * 6 + loc) * 5 + ctx] += 1
        c = concept[t]
        spot = spot_of(loc, ctx)
        x[AT_CONCEPT + c * 5 + spot] = 1
        if tr <= 3:
            n_real += 1
            if spot == 0:
                title_ai = True
            elif spot == 1:
                duty_ai = True
            elif spot == 2:
                asked_ai = True
            elif spot == 3:
                pref_ai = True
                n_pref += 1
            else:
                aside_ai = True
                n_aside += 1
            if spot <= 2 and not seen[c] & 1:
                seen[c] |= 1
                distinct += 1
            if spot <= 1 and not seen[c] & 2:
                seen[c] |= 2
                duty_distinct += 1
            if loc != 0 and hits[j, 6] != last_clause:
                ai_clauses += 1
                last_clause = hits[j, 6]
            if loc != 0 and first < 0:
                first = hits[j, 1]
        else:
            n_bare += 1
    for i in range(N_TIER if n_real + n_bare > 0 else 0):
        if x[i] > 0:
            x[i] = min(np.log2(1.0 + x[i]), 3.0)
    x[AT_COUNT + 24] = min(np.log2(1.0 + x[AT_COUNT + 24]), 3.0)
    x[AT_COUNT + 25] = min(np.log2(1.0 + x[AT_COUNT + 25]), 3.0)
    mix = AT_MIX + head * 6
    x[mix] = 1 if title_ai else 0
    x[mix + 1] = 1 if duty_ai else 0
    x[mix + 2] = 1 if asked_ai and not duty_ai else 0
    x[mix + 3] = 1 if pref_ai and not (duty_ai or asked_ai) else 0
    x[mix + 4] = 1 if aside_ai and not (duty_ai or asked_ai or pref_ai) else 0
    x[mix + 5] = 0 if n_real else 1
    x[AT_COUNT] = 1 if distinct >= 1 else 0
    x[AT_COUNT + 1] = 1 if distinct >= 2 else 0
    x[AT_COUNT + 2] = 1 if distinct >= 3 else 0
    x[AT_COUNT + 3] = 1 if distinct >= 5 else 0
    x[AT_COUNT + 4] = 1 if distinct >= 8 else 0
    x[AT_COUNT + 5] = 1 if duty_distinct >= 1 else 0
    x[AT_COUNT + 6] = 1 if duty_distinct >= 2 else 0
    x[AT_COUNT + 7] = 1 if duty_distinct >= 3 else 0
    x[AT_COUNT + 8] = 1 if duty_distinct >= 5 else 0
    share = ai_clauses / max(1, n_clauses)
    x[AT_COUNT + 9] = 1 if share > 0 else 0
    x[AT_COUNT + 10] = 1 if share > 0.1 else 0
    x[AT_COUNT + 11] = 1 if share > 0.25 else 0
    x[AT_COUNT + 12] = 1 if share > 0.5 else 0
    x[AT_COUNT + 13] = 1 if n_chars == 0 else 0
    x[AT_COUNT + 14] = 1 if 0 < n_chars < 100 else 0
    x[AT_COUNT + 15] = 1 if 0 < n_chars < 300 else 0
    x[AT_COUNT + 16] = 1 if n_chars >= 800 else 0
    x[AT_COUNT + 17] = 1 if n_real and n_aside == n_real else 0
    x[AT_COUNT + 18] = 1 if n_real and n_pref > 0 and n_pref + n_aside == n_real else 0
    x[AT_COUNT + 19] = 1 if n_bare and not n_real else 0
    x[AT_COUNT + 20] = 1 if n_real else 0
    x[AT_COUNT + 21] = 1 if title_ai and x[0] > 0 else 0
    x[AT_COUNT + 22] = 1 if first >= 0 and first * 4 < n_chars else 0
    x[AT_COUNT + 23] = 1 if title_ai and n_chars > 0 and not (duty_ai or asked_ai) else 0


TITLE_BITS = 13
TEXT_BITS = 15
AT_TITLE = AT_END
AT_TEXT = AT_TITLE + (1 << TITLE_BITS)
WIDTH = AT_TEXT + (1 << TEXT_BITS)
TITLE_SCALE = 3.0
TEXT_SCALE = 4.0
HITS = 1024
TOP = 3


@njit(nogil=True, cache=True, inline="always")
def gram_hash(h, c):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Next state of the rolling hash of an n-gram."""
    h = (h ^ np.uint64(c)) * np.uint64(0x9E3779B97F4A7C15)
    return h ^ (h >> np.uint64(29))


@njit(nogil=True, cache=True)
def grams(chars, n, kind, low, high, bits, base, scale, stamp, mark, idx, val, p):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Append the hashed n-grams low..high of chars[:n], digits alike, 1 + log count, unit length times `scale`; return the new p.

    `stamp` holds for each bucket `mark` plus the place in idx where it was last put; a caller raises `mark` past all
    places of earlier calls, so nothing is cleared.
    """
    start = p
    for i in range(n):
        h = np.uint64(0)
        for k in range(high):
            if i + k >= n:
                break
            c = chars[i + k]
            h = gram_hash(h, 48 if kind[c] & 8 else c)
            if k + 1 >= low:
                f = np.int64((h * np.uint64(0xD6E8FEB86659FD93)) >> np.uint64(64 - bits))
                seen = stamp[f] - mark
                if seen >= start:
                    val[seen] += 1
                else:
                    stamp[f] = mark + p
                    idx[p] = base + f
                    val[p] = 1
                    p += 1
    if p > start:
        norm = 0.0
        for j in range(start, p):
            v = val[j]
            if v > 1:
                v = 1 + np.log(v)
                val[j] = v
            norm += v * v
        norm = scale / np.sqrt(norm)
        for j in range(start, p):
            val[j] *= norm
    return p


@njit(nogil=True, cache=True)
def score_rows(  # type: ignore[no-untyped-def]
    title, text, tags, sections, section_at, fold, kind, lex, rules, weights, gram_weights, bias, keep, capacity
):  # pragma: no cover
    """Read every ad once.

    `title`, `text`, `tags` are (offsets, bytes); `sections` rows are (location, start, end) in characters and
    `section_at` their row offsets; `lex` is `Lexicon.arrays`; `rules` = (tier, concept, needs, not_if, kind) by term;
    `weights` = (2, AT_TEXT, lanes) for ads with and without text, `gram_weights` = (1 << TEXT_BITS, 3) of the text
    n-grams for the tier lanes, `bias` (2, lanes). With `keep` the features are returned
    too (for training).

    Returns (scores, facts, hits, hit_row, hit_score, why, which, indptr, idx, val): why = share of the title n-grams, of the
    text n-grams and of the TOP largest other features `which` in the score of builder or adjacent; facts = (0 = no AI hit, 1 = bare words, 2 = AI term aside or in another meaning, 3 = AI term in use; surveillance strong, weak,
    in title, defence strong, weak, characters) by row; hits = columns of `place_hits` plus the tier that counted.
    `hits` is shorter than needed when `capacity` was too small: compare facts[:, 7], the number of hits of each row.
    """
    t_off, t_data = title
    x_off, x_data = text
    g_off, g_data = tags
    txt, start, size, layer, bitmap, head3, list3, head2, list2 = lex
    tier, concept, needs, not_if, kind_of = rules
    rows = t_off.size - 1
    lanes = bias.shape[1]
    longest = 1
    grown = 0
    for r in range(rows):
        a = t_off[r + 1] - t_off[r]
        b = x_off[r + 1] - x_off[r]
        c = g_off[r + 1] - g_off[r]
        longest = max(longest, a, b, c)
        if keep:
            grown += min(a * 3, 1 << TITLE_BITS) + min(b, 1 << TEXT_BITS) + 400
    chars = np.empty(longest + 2, np.uint16)
    pos = np.empty(longest + 2, np.int32)
    ends = np.empty(longest + 2, np.int32)
    hit = np.empty(4 * HITS, np.int32)
    at = np.empty(4 * HITS, np.int32)
    hits = np.empty((HITS, 8), np.int64)
    x = np.zeros(AT_END, np.float32)
    room = (1 << TITLE_BITS) + (1 << TEXT_BITS) + AT_END
    idx = np.empty(room, np.int64)
    val = np.empty(room, np.float32)
    stamp_title = np.full(1 << TITLE_BITS, -1, np.int32)
    stamp_text = np.full(1 << TEXT_BITS, -1, np.int32)
    mark = np.int32(0)
    scores = np.empty((rows, lanes), np.float32)
    facts = np.zeros((rows, 8), np.int32)
    out = np.empty((capacity, 5), np.int32)
    out_row = np.empty(capacity, np.int32)
    out_score = np.empty(capacity, np.float32)
    indptr = np.zeros(rows + 1, np.int64)
    all_idx = np.empty(grown, np.int32)
    all_val = np.empty(grown, np.float32)
    why = np.zeros((rows, 2 + TOP), np.float32)
    which = np.full((rows, TOP), -1, np.int32)
    total = 0
    filled = 0
    dirty = False
    for r in range(rows):
        if dirty:
            x[:AT_ROLE] = 0
        x[AT_ROLE:] = 0
        n, _ = decode(t_data, t_off[r], t_off[r + 1], fold, kind, chars, pos, ends)
        m = find(chars, n, kind, txt, start, size, layer, bitmap, head3, list3, head2, list2, hit, at)
        n_title = place_hits(m, hit, at, size, layer, kind_of, pos, ends, sections, 0, 0, 0, hits, 0)
        p = grams(chars, n, kind, 1, 3, TITLE_BITS, AT_TITLE, TITLE_SCALE, stamp_title, mark, idx, val, 0)
        n, _ = decode(g_data, g_off[r], g_off[r + 1], fold, kind, chars, pos, ends)
        m = find(chars, n, kind, txt, start, size, layer, bitmap, head3, list3, head2, list2, hit, at)
        m = drop_layer(m, hit, at, layer, 4)
        n_tags = place_hits(m, hit, at, size, layer, kind_of, pos, ends, sections, 0, 0, 4, hits, n_title)
        n, clauses = decode(x_data, x_off[r], x_off[r + 1], fold, kind, chars, pos, ends)
        m = find(chars, n, kind, txt, start, size, layer, bitmap, head3, list3, head2, list2, hit, at)
        m = drop_layer(m, hit, at, layer, 4)
        n_hits = place_hits(
            m, hit, at, size, layer, kind_of, pos, ends, sections, section_at[r], section_at[r + 1], -1, hits, n_tags
        )
        judge(hits, n_title, n_hits, clauses, n, layer, tier, concept, needs, not_if, kind_of, x)
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
                    facts[r, 1 + kind_of[hits[j, 0]]] += 1
                    facts[r, 3] += 1 if j < n_title else 0
            elif la == 3 and kind_of[hits[j, 0]] < 2 and hits[j, 4] != 4:
                # a wish for experience in the field is the weaker sign
                facts[r, 5 if hits[j, 4] == 3 else 4 + kind_of[hits[j, 0]]] += 1
        facts[r, 0] = seen
        facts[r, 6] = n
        text_from = p
        if seen and n:
            p = grams(chars, n, kind, 2, 2, TEXT_BITS, AT_TEXT, TEXT_SCALE, stamp_text, mark, idx, val, p)
        text_to = p
        mark += np.int32(p)
        if mark > 2_000_000_000:
            stamp_title[:] = -1
            stamp_text[:] = -1
            mark = np.int32(0)
        dirty = seen > 0
        for i in range(0 if dirty else AT_ROLE, AT_END):
            if x[i] != 0:
                idx[p] = i
                val[p] = x[i]
                p += 1
        v = 0 if n else 1
        for k in range(lanes):
            scores[r, k] = bias[v, k]
        for j in range(p):
            if text_from <= j < text_to:
                continue
            w = val[j]
            f = idx[j]
            for k in range(lanes):
                scores[r, k] += w * weights[v, f, k]
        s0 = np.float32(0)
        s1 = np.float32(0)
        s2 = np.float32(0)
        for j in range(text_from, text_to):
            w = val[j]
            f = idx[j] - AT_TEXT
            s0 += w * gram_weights[f, 0]
            s1 += w * gram_weights[f, 1]
            s2 += w * gram_weights[f, 2]
        if seen:
            why[r, 1] = s1
            for j in range(p):
                f = idx[j]
                if AT_TITLE <= f < AT_TEXT:
                    why[r, 0] += val[j] * weights[v, f, 1]
                elif AT_ROLE <= f < AT_END:
                    w = val[j] * weights[v, f, 1]
                    k = TOP
                    while k > 0 and abs(w) > abs(why[r, 1 + k]):
                        k -= 1
                    if k < TOP:
                        for q in range(TOP - 1, k, -1):
                            why[r, 2 + q] = why[r, 1 + q]
                            which[r, q] = which[r, q - 1]
                        why[r, 2 + k] = w
                        which[r, k] = f
        scores[r, 0] += s0
        scores[r, 1] += s1
        scores[r, 2] += s2
        if keep:
            for j in range(p):
                all_idx[filled + j] = idx[j]
                all_val[filled + j] = val[j]
            filled += p
            indptr[r + 1] = filled
        kept = 0
        for j in range(n_hits):
            t = hits[j, 0]
            la = layer[t]
            if la == 4 or (la == 0 and (hits[j, 7] < 0 or hits[j, 7] > 8)) or (n_title <= j < n_tags):
                continue
            kept += 1
            if total < capacity:
                out_row[total] = r
                out[total, 0] = t
                out[total, 1] = hits[j, 1]
                out[total, 2] = hits[j, 2]
                out[total, 3] = hits[j, 3]
                out[total, 4] = hits[j, 7] * 5 + hits[j, 4] if la == 0 else -np.int64(la)
                s = 0.0
                if la == 0:
                    f = (hits[j, 7] * 6 + hits[j, 3]) * 5 + hits[j, 4]
                    q = AT_CONCEPT + concept[t] * 5 + spot_of(hits[j, 3], hits[j, 4])
                    same = 0
                    like = 0
                    for i in range(n_hits):
                        if layer[hits[i, 0]] == 0 and hits[i, 7] >= 0:
                            if (hits[i, 7] * 6 + hits[i, 3]) * 5 + hits[i, 4] == f:
                                same += 1
                            if AT_CONCEPT + concept[hits[i, 0]] * 5 + spot_of(hits[i, 3], hits[i, 4]) == q:
                                like += 1
                    s = weights[v, f, 1] * x[f] / max(1, same) + weights[v, q, 1] * x[q] / max(1, like)
                out_score[total] = s
            total += 1
        facts[r, 7] = kept
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
    )
