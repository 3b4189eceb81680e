"""The columns of the fact tables: closed codes, flags and masks, each with the SQL over an ad and its employer."""

from __future__ import annotations

from gangwei import schema

MUNICIPAL = (110000, 120000, 310000, 500000, 710000, 810000, 820000)
"""Cities and regions whose code is that of a province."""

UNIT = 720720
"""One opening in the integer weights of places: divisible by every number of places up to 16."""

MASK_BITS = 62
SECTORS = ("defence", "supplier", "surveillance", "state_owned", "university", "agency", "anonymous")
DEFENCE_RUNGS = ("T1", "T2", "T3", "T4", "T1-T2", "T1-T3", "T1-T4", "T5")
EXPERIENCE_BANDS = ("none", "under_1", "1_to_3", "3_to_5", "5_to_10", "over_10")

# Columns of ads that are closed codes: name in fact -> (SQL over a = ads, e = employers, values)
CODES: dict[str, tuple[str, tuple[str, ...]]] = {
    "tier": ("a.ai_tier", schema.AI_TIERS),
    "role": ("a.ai_role", schema.AI_ROLES),
    "place_status": ("a.place_status", schema.PLACE_STATUS),
    "pay_status": ("a.pay_status", schema.PAY_STATUS),
    "pay_unit": ("a.pay_unit", schema.PAY_UNITS),
    "education": ("a.education", schema.EDUCATION),
    "seniority": ("a.seniority", schema.SENIORITY),
    "employment_type": ("a.employment_type", schema.EMPLOYMENT),
    "defence": ("coalesce(e.defence, 'unknown')", schema.DEFENCE),
    "defence_group": ("e.defence_group", schema.DEFENCE_GROUPS),
    "employer_size": ("e.size_band", schema.EMPLOYER_SIZE_BANDS),
    "date_precision": ("a.date_precision", ("day", "month", "year", "none")),
    "experience": (
        "CASE WHEN a.experience_min_months IS NULL THEN NULL WHEN a.experience_min_months <= 0 THEN 'none' "
        "WHEN a.experience_min_months < 12 THEN 'under_1' WHEN a.experience_min_months < 36 THEN '1_to_3' "
        "WHEN a.experience_min_months < 60 THEN '3_to_5' WHEN a.experience_min_months < 120 THEN '5_to_10' "
        "ELSE 'over_10' END",
        EXPERIENCE_BANDS,
    ),
}
# Columns whose values are learned from the data.
OPEN_CODES: dict[str, str] = {
    "language": "a.language",
    "occupation": "a.occupation_code",
    "industry": "a.industry_code",
    "employer_kind": "e.kind",
}
# What an ad does not say; `text` is asked of the texts when first needed.
MISSING: dict[str, str] = {
    "pay": "a.pay_status IS NULL OR a.pay_status <> 'ok'",
    "education": "a.education IS NULL",
    "experience": "a.experience_min_months IS NULL",
    "city": "a.adcode IS NULL AND coalesce(a.place_status, 'none') <> 'multi'",
    "employer": "a.employer_id IS NULL OR e.is_anonymous",
    "date": "a.captured_date IS NULL AND coalesce(a.date_precision, 'none') <> 'day'",
    "occupation": "a.occupation_code IS NULL",
    "industry": "a.industry_code IS NULL",
    "text": "false",
}
# How far an opening is from being AI by the classifier: the strata of `gangwei label` and of shares corrected by labels.
LABEL_CLASSES = ("builder", "adjacent", "user", "mention", "near", "none")
LABEL_CLASS_SQL = (
    "CASE WHEN a.ai_tier <> 'none' THEN a.ai_tier WHEN a.ai_mention THEN 'mention' WHEN a.ai_score >= 0.05 THEN 'near' "
    "ELSE 'none' END"
)
FLAGS: dict[str, str] = {
    "mention": "a.ai_mention",
    "repeat": "o.ad_id IS NULL",
    "surveillance_job": "a.surveillance_job",
    "defence_signal": "a.defence_signal",
    "surveillance_company": "e.surveillance_company",
    "state_owned": "e.state_owned",
    "is_agency": "e.is_agency",
    "is_anonymous": "e.is_anonymous",
}
