"""What one ad shows: its term matches become evidence with a section and a context, and evidence becomes named features.

Each AI term gets its section (title, duties, requirements, blurb, tags, other) and its context (plain, duty, asked for,
preferred, negated; the cues of its clause decide); `needs` and `not_if` are applied, and what was seen is counted into a
dense vector of named features.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gangwei.kernels.lean import lean, lean_inline

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
# layers of terms
AI, CUE, SURVEILLANCE, DEFENCE, ROLE, OTHER_JOB, FIELD = range(7)
# columns of a row of hits; CUES_HERE has a bit for each cue of the clause, COUNTED the tier that counts or -1
TERM, START, END, LOCATION, CONTEXT, CUES_HERE, CLAUSE, COUNTED = range(8)
IN_TITLE, IN_DUTIES, IN_REQUIREMENTS, IN_BLURB, IN_TAGS, IN_OTHER = range(len(LOCATIONS))
PLAIN, DUTY, ASKED, PREFERRED, NEGATED = range(len(CONTEXTS))
ON_TITLE, ON_DUTY, ON_ASKED, ON_PREFERRED, ASIDE = range(len(SPOTS))
USER, BARE, LAST_BARE, OTHER_SENSE = (TIERS.index(t) for t in ("user", "tool", "algo_bare", "other"))
IS_PREFER, IS_KNOW, IS_DUTY, IS_NEGATE = (1 << i for i in range(4))
SAID = IS_PREFER | IS_KNOW | IS_DUTY | IS_NEGATE
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


class Terms(NamedTuple):
    """What the lists say of each term, aligned: characters, layer, tier, concept, whether it needs other AI terms, the cue that
    rules it out (-1 = none), the kind of a cue or title word or, of an AI term, a bit for each location where it counts, and
    its two subfields (n, 2; -1 = none)."""

    size: NDArray[np.int32]
    layer: NDArray[np.int32]
    tier: NDArray[np.int32]
    concept: NDArray[np.int32]
    needs: NDArray[np.int32]
    not_if: NDArray[np.int32]
    kind: NDArray[np.int32]
    fields: NDArray[np.int32]


class Buffers(NamedTuple):
    """One field of an ad as `terms.decode` and `terms.find` leave it: characters, their places, ends of clauses; scratch; terms
    and where they begin, cues and where they begin."""

    chars: NDArray[np.uint16]
    pos: NDArray[np.int32]
    ends: NDArray[np.int32]
    work: tuple[NDArray[np.uint16], NDArray[np.int32], NDArray[np.int32]]
    hit: NDArray[np.int32]
    at: NDArray[np.int32]
    cue: NDArray[np.int32]
    cue_at: NDArray[np.int32]


@lean
def asked_for(hit, m, layer):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Whether the context of any of hit[:m] counts: words for roles and for surveillance in titles have none."""
    asked = False
    for j in range(m):
        asked = asked or layer[hit[j]] < ROLE
    return asked


@lean
def place_hits(m, cues, buffers, terms, sections, s0, s1, where, hits, base):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Turn the m matches of one field into rows of `hits` from row `base` on.

    `cues` is the number of matched cues. `where` is the location of the whole field, or -1 to take it from the sections
    s0..s1. A heading of wishes ("加分项:") makes the list below it preferred, up to the next heading, to the duties or for WISHES
    clauses; in a running text ("优先:甲;乙") the items behind semicolons. Returns the end of the rows.
    """
    chars, pos, ends, _, hit, at, cue, cue_at = buffers
    size, kind_of = terms.size, terms.kind
    n = base
    sec = s0
    clause = 0
    next_cue = 0
    bits = 0
    counted = -1
    wished = -1
    running = -1
    for q in range(m):
        if n >= hits.shape[0]:
            return n
        while ends[clause] <= at[q]:
            clause += 1
        while counted < clause:
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
        location = IN_OTHER
        if where >= 0:
            location = where
        else:
            while sec < s1 and sections[sec, 2] <= a:
                sec += 1
            if sec < s1 and sections[sec, 1] <= a:
                location = sections[sec, 0]
        listed = 0 <= wished < clause <= wished + WISHES or 0 <= running < clause
        hits[n, TERM] = hit[q]
        hits[n, START] = a
        hits[n, END] = pos[at[q] + size[hit[q]] - 1] + 1
        hits[n, LOCATION] = location
        hits[n, CONTEXT] = context_of(location, bits, listed)
        hits[n, CUES_HERE] = bits
        hits[n, CLAUSE] = clause
        n += 1
    return n


@lean_inline
def context_of(location, cues, listed):  # type: ignore[no-untyped-def]  # pragma: no cover
    """The context of a term by its location, the cues of its clause, and whether it stands in a list of wishes."""
    context = PLAIN
    if cues & IS_NEGATE:
        context = NEGATED
    elif cues & IS_PREFER or (location != IN_DUTIES and listed):
        context = PREFERRED
    elif location == IN_DUTIES or ((cues & IS_DUTY) and location != IN_REQUIREMENTS and not (cues & IS_KNOW)):
        context = DUTY
    elif (cues & IS_KNOW) or location == IN_REQUIREMENTS:
        context = ASKED
    return PLAIN if location == IN_BLURB and context != NEGATED else context


@lean
def lists_only(hits, n_title, a, b, size, ends, layer):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Read the AI terms of the text, rows a..b of `hits`, as tags where they are nothing but a list of words.

    So it is where the title has no such term, there are LISTED or more, and every clause that holds one consists of them for
    the larger part, without a word for duty, knowledge, preference or negation.
    """
    for j in range(n_title):
        if layer[hits[j, TERM]] == AI:
            return
    n = 0
    j = a
    while j < b:
        clause = hits[j, CLAUSE]
        covered = 0
        while j < b and hits[j, CLAUSE] == clause:
            if layer[hits[j, TERM]] == AI:
                if hits[j, CUES_HERE] & SAID:
                    return
                covered += size[hits[j, TERM]]
                n += 1
            j += 1
        length = ends[clause] - (ends[clause - 1] if clause else 0)
        if covered and covered * 2 < length:
            return
    if n >= LISTED:
        for j in range(a, b):
            if layer[hits[j, TERM]] == AI:
                hits[j, LOCATION] = IN_TAGS
                hits[j, CONTEXT] = PLAIN


@lean_inline
def spot_of(location, context):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Position in SPOTS of a location and a context."""
    if location == IN_TITLE:
        return ON_TITLE
    if context == NEGATED or IN_BLURB <= location <= IN_TAGS:
        return ASIDE
    if context == PREFERRED:
        return ON_PREFERRED
    return ON_DUTY if context == DUTY else ON_ASKED


@lean_inline
def tier_feature(tier, location, context):  # type: ignore[no-untyped-def]  # pragma: no cover
    """The feature of terms of a tier at a location in a context."""
    return (tier * len(LOCATIONS) + location) * len(CONTEXTS) + context


@lean_inline
def concept_feature(concept, spot):  # type: ignore[no-untyped-def]  # pragma: no cover
    """The feature of a concept at a spot."""
    return AT_CONCEPT + concept * len(SPOTS) + spot


@lean_inline
def damped(count):  # type: ignore[no-untyped-def]  # pragma: no cover
    """log2(1 + count), at most 3."""
    return min(np.log2(1.0 + count), 3.0)


@lean
def count_tiers(hits, n, terms):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Set the tier that counts of each hit, apart from `needs`; returns whether a term of a tier stands by itself."""
    alone = False
    for j in range(n):
        t = hits[j, TERM]
        hits[j, COUNTED] = -1
        if terms.layer[t] != AI or not (terms.kind[t] >> hits[j, LOCATION]) & 1:
            continue
        tier = terms.tier[t]
        if terms.not_if[t] >= 0 and (hits[j, CUES_HERE] >> terms.not_if[t]) & 1:
            tier = OTHER_SENSE
        hits[j, COUNTED] = tier
        alone = alone or (tier <= USER and terms.needs[t] == 0)
    return alone


@lean
def judge(hits, n_title, n, n_clauses, n_chars, terms, seen, x):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Apply sections, needs and not_if to `hits`, the first n_title of them of the title, and fill the features x (zeros).

    `seen` is scratch of one byte a concept. Returns the number of the last title word's kind.
    """
    count = x[AT_COUNT:AT_END]
    count[13] = 1 if n_chars == 0 else 0
    count[14] = 1 if 0 < n_chars < 100 else 0
    count[15] = 1 if 0 < n_chars < 300 else 0
    count[16] = 1 if n_chars >= 800 else 0
    if n == 0:
        x[AT_MIX + (MAX_ROLES - 1) * len(MIXES) + 5] = 1
        return MAX_ROLES - 1
    alone = count_tiers(hits, n, terms)
    last = -1
    for j in range(n_title):
        t = hits[j, TERM]
        if terms.layer[t] == ROLE:
            last = terms.kind[t]
            x[AT_ROLE + last] = 1
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
    n_preferred = 0
    n_bare = 0
    title_ai = False
    duty_ai = False
    asked_ai = False
    preferred_ai = False
    aside_ai = False
    for j in range(n):
        t = hits[j, TERM]
        layer = terms.layer[t]
        if layer == SURVEILLANCE:
            count[24] += 1
        elif layer == DEFENCE:
            count[25] += 1
        if layer != AI:
            continue
        if terms.needs[t] == 1 and not alone:
            hits[j, COUNTED] = -1
            continue
        tier, location = hits[j, COUNTED], hits[j, LOCATION]
        if tier < 0 or tier > OTHER_SENSE:
            continue
        spot = spot_of(location, hits[j, CONTEXT])
        c = terms.concept[t]
        x[tier_feature(tier, location, hits[j, CONTEXT])] += 1
        x[concept_feature(c, spot)] = 1
        if tier > USER:
            n_bare += 1
            continue
        n_real += 1
        if spot == ON_TITLE:
            title_ai = True
        elif spot == ON_DUTY:
            duty_ai = True
        elif spot == ON_ASKED:
            asked_ai = True
        elif spot == ON_PREFERRED:
            preferred_ai = True
            n_preferred += 1
        else:
            aside_ai = True
            n_aside += 1
        if spot <= ON_ASKED and not seen[c] & 1:
            seen[c] |= 1
            distinct += 1
        if spot <= ON_DUTY and not seen[c] & 2:
            seen[c] |= 2
            duty_distinct += 1
        if location != IN_TITLE and hits[j, CLAUSE] != last_clause:
            ai_clauses += 1
            last_clause = hits[j, CLAUSE]
        if location != IN_TITLE and first < 0:
            first = hits[j, START]
    for i in range(N_TIER if n_real + n_bare > 0 else 0):
        if x[i] > 0:
            x[i] = damped(x[i])
    mix = AT_MIX + head * len(MIXES)
    x[mix] = 1 if title_ai else 0
    x[mix + 1] = 1 if duty_ai else 0
    x[mix + 2] = 1 if asked_ai and not duty_ai else 0
    x[mix + 3] = 1 if preferred_ai and not (duty_ai or asked_ai) else 0
    x[mix + 4] = 1 if aside_ai and not (duty_ai or asked_ai or preferred_ai) else 0
    x[mix + 5] = 0 if n_real else 1
    # in the order of COUNTS
    count[0] = 1 if distinct >= 1 else 0
    count[1] = 1 if distinct >= 2 else 0
    count[2] = 1 if distinct >= 3 else 0
    count[3] = 1 if distinct >= 5 else 0
    count[4] = 1 if distinct >= 8 else 0
    count[5] = 1 if duty_distinct >= 1 else 0
    count[6] = 1 if duty_distinct >= 2 else 0
    count[7] = 1 if duty_distinct >= 3 else 0
    count[8] = 1 if duty_distinct >= 5 else 0
    share = ai_clauses / max(1, n_clauses)
    count[9] = 1 if share > 0 else 0
    count[10] = 1 if share > 0.1 else 0
    count[11] = 1 if share > 0.25 else 0
    count[12] = 1 if share > 0.5 else 0
    count[17] = 1 if n_real and n_aside == n_real else 0
    count[18] = 1 if n_real and n_preferred > 0 and n_preferred + n_aside == n_real else 0
    count[19] = 1 if n_bare and not n_real else 0
    count[20] = 1 if n_real else 0
    count[21] = 1 if title_ai and x[0] > 0 else 0
    count[22] = 1 if first >= 0 and first * 4 < n_chars else 0
    count[23] = 1 if title_ai and n_chars > 0 and not (duty_ai or asked_ai) else 0
    count[24] = damped(count[24])
    count[25] = damped(count[25])
    return head
