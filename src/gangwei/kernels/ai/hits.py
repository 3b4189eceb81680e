"""Terms found in one field of an ad become hits: rows with a section and a context.

A term gets its section (title, duties, requirements, blurb, tags, other) and its context (plain, duty, asked for, preferred,
negated; the cues of its clause decide).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gangwei.kernels.lean import lean, lean_inline

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
IS_PREFER, IS_KNOW, IS_DUTY, IS_NEGATE = (1 << i for i in range(4))
SAID = IS_PREFER | IS_KNOW | IS_DUTY | IS_NEGATE
COLON, SEMICOLON, BRACKET, OPENED, CLOSED = 58, 59, 0x3011, 40, 41


class Terms(NamedTuple):
    """What the lists say of each term, aligned: characters, layer, tier, concept, whether it needs other AI terms, the cue that
    rules it out (-1 = none), the kind of a cue or title word or, of an AI term, a bit for each location where it counts, and
    its two subfields (n, 2; -1 = none). Then what [lists] of ai/rules.toml says: terms that make a bare list, and clauses below a
    heading of wishes that it covers."""

    size: NDArray[np.int32]
    layer: NDArray[np.int32]
    tier: NDArray[np.int32]
    concept: NDArray[np.int32]
    needs: NDArray[np.int32]
    not_if: NDArray[np.int32]
    kind: NDArray[np.int32]
    fields: NDArray[np.int32]
    listed: int
    wishes: int


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


@lean_inline
def in_brackets(chars, a, size):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Whether `size` characters behind character a stand in round brackets that open there."""
    return chars[a] == OPENED and chars[a + 1 + size] == CLOSED


@lean
def place_hits(m, cues, buffers, terms, sections, s0, s1, where, hits, base):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Turn the m matches of one field into rows of `hits` from row `base` on.

    `cues` is the number of matched cues. `where` is the location of the whole field, or -1 to take it from the sections
    s0..s1. A heading of wishes ("加分项:") makes the list below it preferred, up to the next heading, to the duties or for
    `terms.wishes` clauses; in a running text ("优先:甲;乙") the items behind semicolons; a wish in brackets of its own ("甲。(加分项)")
    is said of the clause before it. Returns the end of the rows.
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
            if next_cue < cues and kind_of[cue[next_cue]] == 0 and cue_at[next_cue] == stop + 2:
                bits |= IS_PREFER if in_brackets(chars, stop + 1, size[cue[next_cue]]) else 0
            closed = chars[stop - 1] == COLON or chars[stop - 1] == BRACKET
            lone = covered * 5 >= (stop - begin) * 3 and chars[begin + 1] != OPENED
            if covered and ((closed and behind <= 2) or lone):
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
        listed = 0 <= wished < clause <= wished + terms.wishes or 0 <= running < clause
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


@lean_inline
def under_heading(chars, ends, clause):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Whether a clause holds a colon or stands right below one that ends with it."""
    begin = ends[clause - 1] if clause else 0
    found = begin > 0 and chars[begin - 1] == COLON
    for i in range(begin, ends[clause]):
        found = found or chars[i] == COLON
    return found


@lean
def lists_only(hits, n_title, a, b, chars, ends, terms):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Read the AI terms of the text, rows a..b of `hits`, as tags where they are nothing but a list of words.

    So it is where the title has no such term, there are `terms.listed` or more, and every clause that holds one consists of them
    for the larger part, without a word for duty, knowledge, preference or negation. A list right below a heading of the duties
    is what the job does.
    """
    size, layer = terms.size, terms.layer
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
                if hits[j, CUES_HERE] & SAID or (
                    n == 0 and hits[j, LOCATION] == IN_DUTIES and under_heading(chars, ends, clause)
                ):
                    return
                covered += size[hits[j, TERM]]
                n += 1
            j += 1
        length = ends[clause] - (ends[clause - 1] if clause else 0)
        if covered and covered * 2 < length:
            return
    if n >= terms.listed:
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
