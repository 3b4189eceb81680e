"""Whether two ads of one employer are one opening, and whether two openings are one campaign: the rules of a pair.

Every rule asks for the text to share at least so much, so that a pair that is refused at an upper bound of what its texts
share need not be compared.
"""

from __future__ import annotations

from typing import Any

from gangwei.kernels.lean import lean

FACTS = (
    "city", "place", "level", "heads", "functions", "pay_lo", "pay_hi", "pay_kind", "education", "experience",
    "title_key", "text_hash", "job", "url", "flags", "code", "first_day", "address",
)  # fmt: skip
(
    CITY, PLACE, LEVEL, HEADS, FUNCTIONS, PAY_LO, PAY_HI, PAY_KIND, EDUCATION, EXPERIENCE, KEY, TEXT, JOB, URL, FLAGS,
    CODE, FIRST, ADDRESS,
) = range(18)  # fmt: skip
PARAMS = (
    "opening.same_title", "opening.same_title_low", "opening.pay_agree", "opening.no_pay_low", "opening.shorter_title",
    "opening.shorter_title_pay", "opening.shorter_title_high", "opening.generic_title", "opening.level_text", "opening.level_pay",
    "opening.level_months", "opening.pay_gap", "opening.pay_touch", "opening.city_unknown", "opening.recapture",
    "opening.differ_text", "opening.differ_pay", "opening.differ_months", "opening.reworded", "opening.reworded_days",
    "campaign.same_title", "campaign.shorter_title", "campaign.any_title", "campaign.same_city", "hidden.text",
    "hidden.text_same_title", "hidden.text_other_title", "hidden.same_brand", "hidden.same_address", "hidden.unnamed",
    "hidden.unnamed_pay", "hidden.twin_text", "hidden.twin_rare", "hidden.twin_known", "hidden.near_title",
    "bounds.scan", "bounds.chain", "bounds.keys", "bounds.key_chain", "bounds.grams",
    "bounds.short", "bounds.weight_one", "bounds.weight_two", "bounds.weight_more",
)  # fmt: skip
(
    SAME_TITLE, SAME_TITLE_LOW, PAY_AGREE, NO_PAY_LOW, SHORTER_TITLE, SHORTER_TITLE_PAY, SHORTER_HIGH, GENERIC_TITLE, LEVEL_TEXT,
    LEVEL_PAY, LEVEL_MONTHS, PAY_GAP, PAY_TOUCH, CITY_UNKNOWN, RECAPTURE, DIFFER_TEXT, DIFFER_PAY, DIFFER_MONTHS,
    REWORDED_TEXT, REWORDED_DAYS, CAMPAIGN_SAME, CAMPAIGN_SHORTER, CAMPAIGN_ANY, CAMPAIGN_CITY, HIDDEN_TEXT,
    HIDDEN_SAME, HIDDEN_OTHER, BRAND_TEXT, ADDRESS_TEXT, UNNAMED_TEXT, UNNAMED_PAY, TWIN_TEXT, TWIN_RARE, TWIN_KNOWN, NEAR_TITLE,
    SCAN, CHAIN, KEYS, KEY_CHAIN, GRAMS, SHORT, WEIGHT1, WEIGHT2, WEIGHT3,
) = range(44)  # fmt: skip
REASONS = (
    "alone", "same_text", "same_title_text", "shorter_title_text", "same_board_id", "same_keys", "same_keys_pay_close",
    "agency_text", "brand_text", "address_text", "unnamed_text", "judged", "reworded_text", "twin_text",
)  # fmt: skip
(
    ALONE, SAME_TEXT, TITLE_TEXT, SHORTER_TEXT, BOARD_ID, SAME_KEYS, KEYS_CLOSE, AGENCY, BRAND, SITE, UNNAMED, JUDGED, REWORDED, TWIN,
) = range(14)  # fmt: skip
LOW = 32
NO_DAY = -(2**31)
ANONYMOUS, AGENT, NO_NAME = 1, 2, 4
GENERIC = 0xE3FF


@lean  # type: ignore[untyped-decorator]
def pay_relation(F: Any, q: Any, r: Any, gap: Any) -> Any:
    """(state, agreement) of two pay bands: -1 unknown, 0 apart, 1 touching, 2 overlapping, 3 equal."""
    if F[q, PAY_KIND] == 0 or F[q, PAY_KIND] != F[r, PAY_KIND]:
        return -1, 1.0
    a, b, c, d = F[q, PAY_LO], F[q, PAY_HI], F[r, PAY_LO], F[r, PAY_HI]
    if a == c and b == d:
        return 3, 1.0
    lo, hi = max(a, c), min(b, d)
    if lo > hi * (1.0 + gap):
        return 0, 0.0
    if lo >= hi and not (a == b or c == d):
        return 1, 0.0
    return 2, (hi - lo) / max(1.0, float(min(b - a, d - c))) if (a != b and c != d) else 1.0


@lean  # type: ignore[untyped-decorator]
def title_relation(F: Any, bag: Any, bptr: Any, q: Any, r: Any) -> Any:
    """0 = two roles, 1 = one title says nothing or only engineer, 2 = one is a shorter name of the other, 3 = same core."""
    if F[q, KEY] == 0 or F[r, KEY] == 0:
        return 1
    if F[q, HEADS] != F[r, HEADS]:
        return 0
    f, g = F[q, FUNCTIONS], F[r, FUNCTIONS]
    if f != 0 and g != 0 and (f & g) == 0:
        return 0
    if F[q, KEY] == F[r, KEY]:
        return 3
    i, j, n, m = bptr[q], bptr[r], bptr[q + 1], bptr[r + 1]
    size_q, size_r, common = n - i, m - j, 0
    if (size_q == 1 and bag[i] == GENERIC) or (size_r == 1 and bag[j] == GENERIC):
        return 1
    if size_q == 0 or size_r == 0:
        return 2 if F[q, HEADS] != 0 else 0
    while i < n and j < m:
        u, v = bag[i], bag[j]
        common += u == v
        i += u <= v
        j += v <= u
    return 2 if common == min(size_q, size_r) else 0


@lean  # type: ignore[untyped-decorator]
def reworded(F: Any, q: Any, r: Any, c: Any, pay: Any, agree: Any, P: Any) -> Any:
    """Whether two ads under one title say one thing in other words: first seen within days, equal or contained pay."""
    if c < P[REWORDED_TEXT] or F[q, LEVEL] != F[r, LEVEL] or not (pay == 3 or (pay == 2 and agree >= 1.0)):
        return False
    if ((F[q, FLAGS] | F[r, FLAGS]) & (ANONYMOUS | NO_NAME)) != 0 or F[q, FIRST] == NO_DAY or F[r, FIRST] == NO_DAY:
        return False
    return abs(F[q, FIRST] - F[r, FIRST]) <= P[REWORDED_DAYS]


@lean  # type: ignore[untyped-decorator]
def judge(F: Any, bag: Any, bptr: Any, q: Any, r: Any, c: Any, board: Any, P: Any) -> Any:
    """(reason, score) of two ads of one employer; reason 0 = two openings, plus LOW where the evidence is weak.

    Args:
        c: containment of the texts, or -1 when one has none.
        board: the two carry one id on one board.
    """
    weak = 0
    if F[q, PLACE] != 0 and F[r, PLACE] != 0 and F[q, PLACE] != F[r, PLACE]:
        return 0, 0.0
    if F[q, CITY] == 0 or F[r, CITY] == 0:
        weak = LOW
    elif F[q, CITY] != F[r, CITY]:
        return 0, 0.0
    title = title_relation(F, bag, bptr, q, r)
    pay, agree = pay_relation(F, q, r, P[PAY_GAP])
    if board and (title == 3 or (title > 0 and c >= P[RECAPTURE])):
        return BOARD_ID, max(c, 0.0) if c >= 0 else 1.0
    if title == 0 or pay == 0:
        return 0, 0.0
    years = F[q, EXPERIENCE] >= 0 and F[r, EXPERIENCE] >= 0
    apart = abs(F[q, EXPERIENCE] - F[r, EXPERIENCE]) if years else 0
    leveled = F[q, LEVEL] != F[r, LEVEL]
    unnamed = (F[q, FLAGS] | F[r, FLAGS]) & (ANONYMOUS | NO_NAME)
    moved = F[q, ADDRESS] != 0 and F[r, ADDRESS] != 0 and F[q, ADDRESS] != F[r, ADDRESS]
    if unnamed & NO_NAME:
        if moved or pay == 1 or c < (P[UNNAMED_PAY] if pay == 2 else P[UNNAMED_TEXT]):
            return 0, 0.0
        weak = LOW
    if c < 0:
        coded = F[q, CODE] != 0 and F[r, CODE] != 0 and F[q, CODE] != F[r, CODE]
        if unnamed or coded or title != 3 or leveled or pay == 1:
            return 0, 0.0
        schooled = F[q, EDUCATION] < 0 or F[r, EDUCATION] < 0 or F[q, EDUCATION] == F[r, EDUCATION]
        if pay == 3 and schooled and apart == 0:
            return SAME_KEYS + weak, 1.0
        if (pay == -1 or agree >= P[PAY_AGREE]) and schooled and apart < 12:
            return KEYS_CLOSE + LOW, 0.9
        return 0, 0.0
    if leveled:
        differs = int(pay >= 0 and agree < P[LEVEL_PAY]) + int(apart >= P[LEVEL_MONTHS])
        differs += int(F[q, EDUCATION] >= 0 and F[r, EDUCATION] >= 0 and F[q, EDUCATION] != F[r, EDUCATION])
        if c < P[LEVEL_TEXT] or pay == 1 or differs >= 2 or (differs == 1 and c < P[DIFFER_TEXT]):
            return 0, 0.0
    if weak and c < P[CITY_UNKNOWN]:
        return 0, 0.0
    if pay == 1 and (c < P[PAY_TOUCH] or apart >= P[LEVEL_MONTHS]):
        return 0, 0.0
    if title == 3:
        if c >= P[SAME_TITLE]:
            return (SAME_TEXT if F[q, TEXT] == F[r, TEXT] else TITLE_TEXT) + (LOW if pay == 1 else weak), c
        if pay == -1:
            return (TITLE_TEXT + LOW, c) if c >= P[NO_PAY_LOW] else (0, 0.0)
        if c >= P[SAME_TITLE_LOW] and apart <= P[DIFFER_MONTHS] and pay >= 2 and agree >= P[PAY_AGREE]:
            return TITLE_TEXT + LOW, c
        if weak == 0 and not moved and apart <= P[LEVEL_MONTHS] and reworded(F, q, r, c, pay, agree, P):
            return REWORDED + LOW, c
        return 0, 0.0
    if pay == 1 or (pay >= 0 and agree < P[DIFFER_PAY] and apart >= P[DIFFER_MONTHS]):
        return 0, 0.0
    if title == 1:
        return (SHORTER_TEXT + LOW, c) if c >= P[GENERIC_TITLE] else (0, 0.0)
    if c >= P[SHORTER_TITLE] or (pay == 3 and c >= P[SHORTER_TITLE_PAY]):
        return SHORTER_TEXT + (weak if c >= P[SHORTER_HIGH] else LOW), c
    return 0, 0.0


@lean  # type: ignore[untyped-decorator]
def least_text(F: Any, q: Any, r: Any, phase: Any, P: Any) -> Any:
    """What two texts must share at least for one opening (phase 0) or one campaign (1), unless a board's id joins them."""
    if (
        F[q, KEY] == F[r, KEY]
        and F[q, PAY_KIND] != 0
        and F[q, FIRST] != NO_DAY
        and F[r, FIRST] != NO_DAY
        and abs(F[q, FIRST] - F[r, FIRST]) <= P[REWORDED_DAYS]
    ):
        return 0.0
    if phase == 1:
        return min(P[CAMPAIGN_SAME], P[CAMPAIGN_SHORTER], P[CAMPAIGN_ANY], P[CAMPAIGN_CITY])
    same = min(P[SAME_TITLE], P[SAME_TITLE_LOW], P[NO_PAY_LOW])
    return min(same, P[SHORTER_TITLE], P[SHORTER_TITLE_PAY], P[GENERIC_TITLE])


@lean  # type: ignore[untyped-decorator]
def possible(F: Any, bag: Any, bptr: Any, q: Any, r: Any, phase: Any) -> Any:
    """Whether any text could make two ads one opening (phase 0) or one campaign (phase 1): cheap, asked first."""
    apart = F[q, PLACE] != 0 and F[r, PLACE] != 0 and F[q, PLACE] != F[r, PLACE]
    cities = F[q, CITY] != 0 and F[r, CITY] != 0 and F[q, CITY] != F[r, CITY]
    if phase == 1:
        return F[q, HEADS] == F[r, HEADS]
    return not apart and not cities and title_relation(F, bag, bptr, q, r) > 0


@lean  # type: ignore[untyped-decorator]
def ruled_out(F: Any, q: Any, r: Any, phase: Any, known: Any) -> Any:
    """Whether `judge` (phase 0) or `judge_campaign` (phase 1) refuses a pair whatever its texts: a few facts, asked of every
    pair before texts are looked at."""
    apart = F[q, PLACE] != 0 and F[r, PLACE] != 0 and F[q, PLACE] != F[r, PLACE]
    cities = F[q, CITY] != 0 and F[r, CITY] != 0 and F[q, CITY] != F[r, CITY]
    if phase == 1:
        return F[q, HEADS] != F[r, HEADS] or not (apart or cities or known)
    return cities or apart or (F[q, HEADS] != F[r, HEADS] and F[q, KEY] != 0 and F[r, KEY] != 0)


@lean  # type: ignore[untyped-decorator]
def judge_campaign(F: Any, bag: Any, bptr: Any, q: Any, r: Any, c: Any, known: Any, P: Any) -> Any:
    """Whether two openings of one employer are one role in two cities; `known`: q already has a campaign."""
    apart = F[q, PLACE] != 0 and F[r, PLACE] != 0 and F[q, PLACE] != F[r, PLACE]
    if not apart and (F[q, CITY] == 0 or F[r, CITY] == 0 or F[q, CITY] == F[r, CITY]):
        return known and c >= P[CAMPAIGN_CITY] and F[q, HEADS] == F[r, HEADS]
    title = title_relation(F, bag, bptr, q, r)
    leveled = F[q, LEVEL] != F[r, LEVEL]
    if c < 0:
        pay, _ = pay_relation(F, q, r, 0.0)
        return title == 3 and not leveled and pay == 3
    if c >= P[CAMPAIGN_ANY]:
        return F[q, HEADS] == F[r, HEADS]
    if leveled or title < 2:
        return False
    if title == 3:
        pay, _ = pay_relation(F, q, r, 0.0)
        return c >= P[CAMPAIGN_SAME] or (pay == 3 and reworded(F, q, r, c, pay, 1.0, P))
    return c >= P[CAMPAIGN_SHORTER]
