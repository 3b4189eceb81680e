"""The tables between the stages, in `DIR/stages/`.

They are row-aligned part by part: row j of part i is the same ad in `raw`, `clean`, `located`, `classified` and `matched`,
so no join is needed to put them together.
"""

from __future__ import annotations

import polars as pl

from gangwei.schema import (
    AI_ROLES,
    AI_TIERS,
    BOOL,
    DATE,
    F64,
    FACTS,
    HITS,
    I32,
    I64,
    PLACE_STATUS,
    PLACES,
    RELATIONS,
    SECTIONS,
    STR,
    STRS,
    U64,
    Table,
    column,
)

RAW = Table(
    "raw",
    "One row for each kept input row, values as found (strings); part by part in the order of the input.",
    (
        column("file: name of the input file, archive members after '#'; never a path of the machine"),
        column("row: 1-based row of the file as a person would count it", I64),
        column("source_id: id of the source definition, with '.sub' when a column of the file names the sub-source"),
        column("source_key: the input's own key, byte for byte"),
        column("board: job board"),
        column("url: address of the ad"),
        column("title: job title"),
        column("company: employer as written, byte for byte"),
        column("company_other: a second name of the employer in the same row (brand or legal name), as written"),
        column("city: work place as written"),
        column("district: district as written"),
        column("address: street address as written"),
        column("lat: latitude as written"),
        column("lon: longitude as written"),
        column("pay: pay as written; split fields joined as 'min|max|months' in that order"),
        column("pay_unit_hint: unit of pay where the source leaves it out (month, day, year, hour)"),
        column("pay_scale_hint: yuan per written unit where the source leaves it out (1, 1000 or 10000)", I32),
        column("education: as written"),
        column("experience: as written"),
        column("headcount: openings offered, as written"),
        column("employment_type: as written"),
        column("industry: as written"),
        column("company_size: as written"),
        column("company_nature: as written"),
        column("occupation: the board's occupation field, as written"),
        column("occupation_is_code: true only where the occupation is the board's own code, not a search word", BOOL),
        column("tags: tags and skills as written"),
        column("description: ad text as written"),
        column("posted: posting date as written"),
        column("captured: capture date as written"),
        column("year_hint: year of the source where dates carry none", I32),
        column("language_hint: language declared by the source"),
    ),
    ("file", "row"),
)

CLEAN = Table(
    "clean",
    "Row-aligned with raw: normalised text, sections, dates and job facts.",
    (
        column("content_hash: 64-bit hash of source_id, source_key, captured_date and every raw value", U64),
        column("source_id: as raw"),
        column("source_key: as raw, byte for byte"),
        column("board: job board"),
        column("url: address of the ad; profile links removed"),
        column("language: zh, zh_hant, en or other"),
        column("title: clean title (NFKC, simplified, one line, contacts removed)"),
        column("text: clean text that is shown and that every offset refers to; contacts removed"),
        column("text_length: characters of `text`", I32),
        column("sections: spans of `text` in characters, in order, not overlapping", SECTIONS),
        column(
            "text_hash: 64-bit hash of the text that matters for comparison (letters and digits outside furniture and blurb, folded); 0 = no text",
            U64,
        ),
        column("sketch: sampled 4-gram hashes of the compared text, sorted, 32 bits each", pl.Binary()),
        column("sketch_rate: sampling rate of the sketch in bits", pl.UInt8()),
        column("sketch_hash: 64-bit hash of the whole compared text; 0 = shorter than a 4-gram", U64),
        column("tags: clean tags, joined by ' | '"),
        column("captured_date: day of capture", DATE),
        column("posted_date: day of posting (first of month or year when less is known)", DATE),
        column("date_precision: what the posted date knows", STR, ("day", "month", "year", "none")),
        column("company: employer as written, byte for byte"),
        column("company_other: second name of the employer, as raw"),
        column("company_nature: kind of ownership, as raw"),
        column("city: as raw"),
        column("district: as raw"),
        column("address: as raw, contacts removed"),
        column("place_hint: what the text says behind a label such as 工作地点:, where the city field names no place"),
        *FACTS,
        column("issues: reason ids of repairs and refusals on this ad (pay_swapped, date_impossible, ...)", STRS),
    ),
)

LOCATED = Table(
    "located",
    "Row-aligned with clean: where the job is.",
    (
        column("place_status: outcome of the resolver", STR, PLACE_STATUS),
        column("adcode: prefecture-level code, 2024 vintage", STR),
        column("county_adcode: county-level code, 2024 vintage, where the text names one", STR),
        column("places: all places with their share of the ad (weights sum to 1; empty when none)", PLACES),
        column("place_rule: rule that decided"),
    ),
)

CLASSIFIED = Table(
    "classified",
    "Row-aligned with clean: AI tier with evidence.",
    (
        column("ai_tier: highest tier that fits", STR, AI_TIERS),
        column("ai_mention: an AI term occurs anywhere, in any meaning", BOOL),
        column("ai_score: calibrated probability that the ad is builder or adjacent", F64),
        column("ai_role: role of the job", STR, AI_ROLES),
        column("ai_subfields: subfields of builder and adjacent ads", STRS),
        column("surveillance_job: the job's content is security, police or video surveillance", BOOL),
        column("defence_signal: the text itself shows military or defence work", BOOL),
        column("ai_terms: distinct AI term ids found in title, duties or requirements", STRS),
        column("skills: ids of the skills that an AI ad asks for", STRS),
        column("hits: evidence rows; offsets are characters in `title` or `text`", HITS),
    ),
)

MATCHED = Table(
    "matched",
    "Row-aligned with clean: which opening, spell and campaign each ad belongs to. Ads are named by ad_no, their position.",
    (
        column("opening_no: ad_no of the opening's representative", I64),
        column("matched_no: ad_no of the ad it was matched to; null for a representative", I64),
        column(
            "match_relation: relation to the matched ad; a representative is what the others of its opening were compared with",
            STR,
            RELATIONS,
        ),
        column("match_reason: rule that decided"),
        column("match_score: containment of the compared text, 0..1, or 1 for equal keys", F64),
        column("match_confidence: high or low", STR, ("high", "low")),
        column("spell_no: ad_no of the first ad of the vacancy spell; null without a full date", I64),
        column("campaign_no: ad_no of the campaign's first representative; null when not in a campaign", I64),
    ),
)

EMPLOYER_NAMES_STAGE = Table(
    "names",
    "One row for each distinct employer name as written.",
    (
        column("name_raw: employer as written, byte for byte"),
        column("employer_id: entity the name belongs to"),
        column("rule_id: rule that decided"),
        column("name_key: normalised name without legal form, brackets and place"),
        column("brand_key: shortest distinctive core of the name"),
        column("is_agency: recruiter or outsourcer", BOOL),
        column("is_anonymous: the name hides the employer", BOOL),
    ),
    ("name_raw",),
)
