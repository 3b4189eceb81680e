"""What one ad shows: its hits become evidence, and evidence becomes named features.

`needs` and `not_if` are applied, and what was seen is counted into a dense vector of named features.
"""

from __future__ import annotations

import numpy as np

from gangwei.kernels.ai import hits as h
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
USER, BARE, LAST_BARE, OTHER_SENSE = (TIERS.index(t) for t in ("user", "tool", "algo_bare", "other"))
MAX_CONCEPTS = 128
MAX_ROLES = 24

N_TIER = len(TIERS) * len(h.LOCATIONS) * len(h.CONTEXTS)
AT_CONCEPT = N_TIER
AT_ROLE = AT_CONCEPT + MAX_CONCEPTS * len(h.SPOTS)
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
DISTINCT, DUTY_DISTINCT, SHARE, NO_TEXT, ONLY_ASIDE, ONLY_PREFERRED, ONLY_BARE, ANY, STRONG_IN_TITLE, EARLY, TITLE_ONLY, SURVEILLANCE, DEFENCE = (
    COUNTS.index(c)
    for c in (
        "distinct>=1", "duty_distinct>=1", "share>0", "no_text", "only_aside", "only_preferred", "only_bare", "any",
        "strong_in_title", "early", "title_only_ai", "surveillance", "defence",
    )
)  # fmt: skip


def feature_names(concepts: list[str], roles: list[str]) -> list[str]:
    """The name of every explicit feature, in order (length AT_END)."""
    pad_c = concepts + [f"concept{i}" for i in range(len(concepts), MAX_CONCEPTS)]
    pad_r = roles + [f"role{i}" for i in range(len(roles), MAX_ROLES)]
    return [
        *(f"tier:{t}@{s}/{c}" for t in TIERS for s in h.LOCATIONS for c in h.CONTEXTS),
        *(f"concept:{c}@{s}" for c in pad_c for s in h.SPOTS),
        *(f"title_word:{r}" for r in pad_r),
        *(f"title_head:{r}" for r in pad_r),
        *(f"head:{r}+{m}" for r in pad_r for m in MIXES),
        *(f"count:{c}" for c in COUNTS),
    ]


@lean_inline
def tier_feature(tier, location, context):  # type: ignore[no-untyped-def]  # pragma: no cover
    """The feature of terms of a tier at a location in a context."""
    return (tier * len(h.LOCATIONS) + location) * len(h.CONTEXTS) + context


@lean_inline
def concept_feature(concept, spot):  # type: ignore[no-untyped-def]  # pragma: no cover
    """The feature of a concept at a spot."""
    return AT_CONCEPT + concept * len(h.SPOTS) + spot


@lean_inline
def damped(count):  # type: ignore[no-untyped-def]  # pragma: no cover
    """log2(1 + count), at most 3."""
    return min(np.log2(1.0 + count), 3.0)


@lean
def count_tiers(hits, n, terms):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Set the tier that counts of each hit, apart from `needs`; returns whether a term of a tier stands by itself."""
    alone = False
    for j in range(n):
        t = hits[j, h.TERM]
        hits[j, h.COUNTED] = -1
        if terms.layer[t] != h.AI or not (terms.kind[t] >> hits[j, h.LOCATION]) & 1:
            continue
        tier = terms.tier[t]
        if terms.not_if[t] >= 0 and (hits[j, h.CUES_HERE] >> terms.not_if[t]) & 1:
            tier = OTHER_SENSE
        hits[j, h.COUNTED] = tier
        alone = alone or (tier <= USER and terms.needs[t] == 0)
    return alone


@lean_inline
def count_length(count, n_chars):  # type: ignore[no-untyped-def]  # pragma: no cover
    """The features of how long the text is, in characters."""
    count[NO_TEXT] = 1 if n_chars == 0 else 0
    count[NO_TEXT + 1] = 1 if 0 < n_chars < 100 else 0
    count[NO_TEXT + 2] = 1 if 0 < n_chars < 300 else 0
    count[NO_TEXT + 3] = 1 if n_chars >= 800 else 0


@lean_inline
def title_words(hits, n_title, terms, x):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Mark the kinds of the title's words; returns that of the last one, MAX_ROLES - 1 where there is none."""
    last = -1
    for j in range(n_title):
        t = hits[j, h.TERM]
        if terms.layer[t] == h.ROLE:
            last = terms.kind[t]
            x[AT_ROLE + last] = 1
    if last >= 0:
        x[AT_HEAD + last] = 1
    return last if last >= 0 else MAX_ROLES - 1


@lean_inline
def mix_spots(x, head, spots):  # type: ignore[no-untyped-def]  # pragma: no cover
    """The kind of title with the best of the `spots` (a bit each) that hold a term of a tier, in the order of MIXES."""
    mix = AT_MIX + head * len(MIXES)
    x[mix] = spots >> h.ON_TITLE & 1
    better = 0
    for k in range(4):
        spot = h.ON_DUTY + k  # duty, asked, preferred, aside
        x[mix + 1 + k] = 1 if spots >> spot & 1 and not better else 0
        better |= spots >> spot & 1
    x[mix + 5] = 0 if spots else 1


@lean_inline
def count_distinct(count, at, distinct):  # type: ignore[no-untyped-def]  # pragma: no cover
    """The features of how many concepts there are, from `at` on: one, two, three, five or more."""
    count[at] = 1 if distinct >= 1 else 0
    count[at + 1] = 1 if distinct >= 2 else 0
    count[at + 2] = 1 if distinct >= 3 else 0
    count[at + 3] = 1 if distinct >= 5 else 0


@lean_inline
def count_share(count, share):  # type: ignore[no-untyped-def]  # pragma: no cover
    """The features of the share of clauses that hold a term of a tier."""
    count[SHARE] = 1 if share > 0 else 0
    count[SHARE + 1] = 1 if share > 0.1 else 0
    count[SHARE + 2] = 1 if share > 0.25 else 0
    count[SHARE + 3] = 1 if share > 0.5 else 0


@lean
def judge(hits, n_title, n, n_clauses, n_chars, terms, seen, x):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Apply sections, needs and not_if to `hits`, the first n_title of them of the title, and fill the features x (zeros).

    `seen` is scratch of one byte a concept. Returns the number of the last title word's kind.
    """
    count = x[AT_COUNT:AT_END]
    count_length(count, n_chars)
    if n == 0:
        mix_spots(x, MAX_ROLES - 1, 0)
        return MAX_ROLES - 1
    alone = count_tiers(hits, n, terms)
    head = title_words(hits, n_title, terms, x)
    seen[:] = 0
    spots = distinct = duty_distinct = 0
    n_real = n_aside = n_preferred = n_bare = 0
    ai_clauses = 0
    last_clause = first = -1
    for j in range(n):
        t = hits[j, h.TERM]
        layer = terms.layer[t]
        if layer == h.SURVEILLANCE:
            count[SURVEILLANCE] += 1
        elif layer == h.DEFENCE:
            count[DEFENCE] += 1
        if layer != h.AI:
            continue
        if terms.needs[t] == 1 and not alone:
            hits[j, h.COUNTED] = -1
            continue
        tier, location = hits[j, h.COUNTED], hits[j, h.LOCATION]
        if tier < 0 or tier > OTHER_SENSE:
            continue
        spot = h.spot_of(location, hits[j, h.CONTEXT])
        c = terms.concept[t]
        x[tier_feature(tier, location, hits[j, h.CONTEXT])] += 1
        x[concept_feature(c, spot)] = 1
        if tier > USER:
            n_bare += 1
            continue
        n_real += 1
        spots |= 1 << spot
        n_preferred += 1 if spot == h.ON_PREFERRED else 0
        n_aside += 1 if spot == h.ASIDE else 0
        if spot <= h.ON_ASKED and not seen[c] & 1:
            seen[c] |= 1
            distinct += 1
        if spot <= h.ON_DUTY and not seen[c] & 2:
            seen[c] |= 2
            duty_distinct += 1
        if location != h.IN_TITLE:
            ai_clauses += 1 if hits[j, h.CLAUSE] != last_clause else 0
            last_clause = hits[j, h.CLAUSE]
            first = hits[j, h.START] if first < 0 else first
    for i in range(N_TIER if n_real + n_bare > 0 else 0):
        if x[i] > 0:
            x[i] = damped(x[i])
    mix_spots(x, head, spots)
    count_distinct(count, DISTINCT, distinct)
    count[DISTINCT + 4] = 1 if distinct >= 8 else 0
    count_distinct(count, DUTY_DISTINCT, duty_distinct)
    count_share(count, ai_clauses / max(1, n_clauses))
    in_title, in_duty_or_asked = spots >> h.ON_TITLE & 1, spots >> h.ON_DUTY & 1 | spots >> h.ON_ASKED & 1
    count[ONLY_ASIDE] = 1 if n_real and n_aside == n_real else 0
    count[ONLY_PREFERRED] = 1 if n_real and n_preferred > 0 and n_preferred + n_aside == n_real else 0
    count[ONLY_BARE] = 1 if n_bare and not n_real else 0
    count[ANY] = 1 if n_real else 0
    count[STRONG_IN_TITLE] = 1 if in_title and x[0] > 0 else 0
    count[EARLY] = 1 if first >= 0 and first * 4 < n_chars else 0
    count[TITLE_ONLY] = 1 if in_title and n_chars > 0 and not in_duty_or_asked else 0
    count[SURVEILLANCE] = damped(count[SURVEILLANCE])
    count[DEFENCE] = damped(count[DEFENCE])
    return head
