"""What one ad shows: its term matches become evidence with a section and a context, and evidence becomes named features.

Each AI term gets its section (title, duties, requirements, blurb, tags, other) and its context (plain, duty, asked for,
preferred, negated; the cues of its clause decide); `needs` and `not_if` are applied, and what was seen is counted into a
dense vector of named features.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from gangwei.kernels.lean import lean

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
LISTED = 6
WISHES = 10
COLON, SEMICOLON, BRACKET = 58, 59, 0x3011

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


@lean
def asked_for(hit, m, layer):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Whether the context of any of hit[:m] counts: words for roles and for surveillance in titles (layers 4, 5) have none."""
    asked = False
    for j in range(m):
        asked = asked or layer[hit[j]] < 4
    return asked


@lean
def place_hits(m, hit, at, cues, cue, cue_at, size, kind_of, chars, pos, ends, sections, s0, s1, where, hits, base):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Turn the m matches of one field into rows of `hits`: term, start, end, location, context, cues of the clause, clause.

    `cue`, `cue_at` are the matched cues. `where` is the location of the whole field, or -1 to take it from the sections
    s0..s1. A heading of wishes ("加分项:") makes the list below it preferred, up to the next heading, to the duties or for WISHES
    clauses; in a running text ("优先:甲;乙") the items behind semicolons. Returns the end of the rows.
    """
    n = base
    sec = s0
    cl = 0
    next_cue = 0
    bits = 0
    counted = -1
    wished = -1
    running = -1
    for q in range(m):
        if n >= hits.shape[0]:
            return n
        while ends[cl] <= at[q]:
            cl += 1
        while counted < cl:
            begin = ends[counted] if counted >= 0 else 0
            counted += 1
            stop = ends[counted]
            bits = 0
            covered = 0
            behind = stop
            if running >= 0:
                other = chars[begin] != SEMICOLON
                for i in range(begin, stop):
                    other = other or chars[i] == COLON
                if other:
                    running = -1
            while next_cue < cues and cue_at[next_cue] < stop:
                kind = kind_of[cue[next_cue]]
                bits |= 1 << kind
                if kind == 0:
                    covered += size[cue[next_cue]]
                    behind = stop - cue_at[next_cue] - size[cue[next_cue]]
                    if behind > 1 and chars[stop - behind] == COLON:
                        running = counted
                next_cue += 1
            closed = chars[stop - 1] == COLON or chars[stop - 1] == BRACKET
            if covered and ((closed and behind <= 2) or covered * 5 >= (stop - begin) * 3):
                wished = counted
            elif closed:
                wished = -1
        a = pos[at[q]]
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
        elif bits & 1 or (loc != 1 and (0 <= wished < cl <= wished + WISHES or 0 <= running < cl)):
            ctx = 3
        elif loc == 1 or ((bits & 4) and loc != 2 and not (bits & 2)):
            ctx = 1
        elif (bits & 2) or loc == 2:
            ctx = 2
        if loc == 3 and ctx != 4:
            ctx = 0
        hits[n, 0] = hit[q]
        hits[n, 1] = a
        hits[n, 2] = pos[at[q] + size[hit[q]] - 1] + 1
        hits[n, 3] = loc
        hits[n, 4] = ctx
        hits[n, 5] = bits
        hits[n, 6] = cl
        n += 1
    return n


@lean
def lists_only(hits, n_title, a, b, size, ends, layer):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Read the AI terms of the text, rows a..b of `hits`, as tags where they are nothing but a list of words.

    So it is where the title has no such term, there are LISTED or more, and every clause that holds one consists of them for
    the larger part, without a word for duty, knowledge, preference or negation.
    """
    for j in range(n_title):
        if layer[hits[j, 0]] == 0:
            return
    n = 0
    j = a
    while j < b:
        clause = hits[j, 6]
        covered = 0
        while j < b and hits[j, 6] == clause:
            if layer[hits[j, 0]] == 0:
                if hits[j, 5] & 15:
                    return
                covered += size[hits[j, 0]]
                n += 1
            j += 1
        length = ends[clause] - (ends[clause - 1] if clause else 0)
        if covered and covered * 2 < length:
            return
    if n >= LISTED:
        for j in range(a, b):
            if layer[hits[j, 0]] == 0:
                hits[j, 3] = 4
                hits[j, 4] = 0


@njit(nogil=True, forceinline=True)
def spot_of(loc, ctx):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Position in SPOTS of a location and a context."""
    if loc == 0:
        return 0
    if ctx == 4 or 3 <= loc <= 4:
        return 4
    if ctx == 3:
        return 3
    return 1 if ctx == 1 else 2


@lean
def judge(hits, n_title, n, n_clauses, n_chars, layer, tier, concept, needs, not_if, kind_of, seen, x):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Apply sections, needs and not_if (column 7 of `hits` becomes the tier that counts, -1 = dropped) and fill the features
    x (zeros).

    `kind_of` of an AI term has a bit for each location where it counts. `seen` is scratch of one byte a concept. Returns the number of the last title word's kind.
    """
    x[AT_COUNT + 13] = 1 if n_chars == 0 else 0
    x[AT_COUNT + 14] = 1 if 0 < n_chars < 100 else 0
    x[AT_COUNT + 15] = 1 if 0 < n_chars < 300 else 0
    x[AT_COUNT + 16] = 1 if n_chars >= 800 else 0
    if n == 0:
        x[AT_MIX + (MAX_ROLES - 1) * 6 + 5] = 1
        return MAX_ROLES - 1
    ok = False
    for j in range(n):
        t = hits[j, 0]
        hits[j, 7] = -1
        if layer[t] != 0 or not (kind_of[t] >> hits[j, 3]) & 1:
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
    seen[:] = 0
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
        if tr < 0 or tr > 8:
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
    x[AT_COUNT + 17] = 1 if n_real and n_aside == n_real else 0
    x[AT_COUNT + 18] = 1 if n_real and n_pref > 0 and n_pref + n_aside == n_real else 0
    x[AT_COUNT + 19] = 1 if n_bare and not n_real else 0
    x[AT_COUNT + 20] = 1 if n_real else 0
    x[AT_COUNT + 21] = 1 if title_ai and x[0] > 0 else 0
    x[AT_COUNT + 22] = 1 if first >= 0 and first * 4 < n_chars else 0
    x[AT_COUNT + 23] = 1 if title_ai and n_chars > 0 and not (duty_ai or asked_ai) else 0
    return head
