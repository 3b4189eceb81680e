"""Every table and column, declared once: Arrow and Polars types, docs, datapackage.json and checks are all made from here.

Two families. *Stage* tables live in `DIR/stages/` and are row-aligned part by part: row j of part i is the same ad in
`raw`, `clean`, `located`, `classified` and `matched`, so no join is needed to put them together. *Published* tables live in
`DIR/published/<table>.parquet` and follow the contract.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import polars as pl
import pyarrow as pa

SCHEMA_VERSION = 1

STR = pl.String()
BOOL = pl.Boolean()
I32, I64 = pl.Int32(), pl.Int64()
U64 = pl.UInt64()
F64 = pl.Float64()
DATE = pl.Date()
STRS = pl.List(pl.String())
SECTIONS = pl.List(pl.Struct({"kind": STR, "start": I32, "end": I32}))
PLACES = pl.List(pl.Struct({"adcode": STR, "weight": F64}))
HIT_FIELDS = {
    "decision": STR, "reason_id": STR, "rule_id": STR, "field": STR, "start": I32, "end": I32, "score": F64,
}  # fmt: skip
HITS = pl.List(pl.Struct(HIT_FIELDS))


@dataclass(frozen=True)
class Column:
    """One column: its name, Polars type and one line of documentation."""

    name: str
    type: pl.DataType
    doc: str
    enum: tuple[str, ...] = ()


def _narrow(type_: pa.DataType) -> pa.DataType:
    if pa.types.is_large_string(type_):
        return pa.string()
    if pa.types.is_large_binary(type_):
        return pa.binary()
    if pa.types.is_large_list(type_) or pa.types.is_list(type_):
        return pa.list_(_narrow(type_.value_type))
    if pa.types.is_struct(type_):
        return pa.struct([pa.field(f.name, _narrow(f.type)) for f in type_])
    return type_


@dataclass(frozen=True)
class Table:
    """One table; `key` names the columns that identify a row."""

    name: str
    doc: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()

    @cached_property
    def polars(self) -> dict[str, pl.DataType]:
        """Column name to Polars type, in order."""
        return {c.name: c.type for c in self.columns}

    @cached_property
    def arrow(self) -> pa.Schema:
        """The Arrow schema, with large types narrowed (`string`, `list`) so that every engine reads it alike."""
        wide = self.empty().to_arrow(compat_level=pl.CompatLevel.oldest()).schema
        return pa.schema([pa.field(f.name, _narrow(f.type)) for f in wide])

    def empty(self) -> pl.DataFrame:
        """A frame of zero rows."""
        return pl.DataFrame(schema=self.polars)

    def conform(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Order and cast the columns, adding missing ones as null.

        Raises:
            ValueError: the frame has a column that the table does not declare.
        """
        extra = [c for c in frame.columns if c not in self.polars]
        if extra:
            raise ValueError(f"table {self.name} does not declare the columns {extra}")
        return frame.select(
            (pl.col(n).cast(t) if n in frame.columns else pl.lit(None, t).alias(n)) for n, t in self.polars.items()
        )


def _c(spec: str, type_: pl.DataType = STR, enum: tuple[str, ...] = ()) -> Column:
    name, _, doc = spec.partition(": ")
    return Column(name, type_, doc, enum)


AI_TIERS = ("builder", "adjacent", "user", "none")
AI_ROLES = ("technical", "product", "commercial", "operations", "research", "education", "other")
AI_SUBFIELDS = ("ml", "cv", "nlp", "speech", "recsys", "autonomy", "infra", "aigc", "data", "other")
PLACE_STATUS = ("ok", "ambiguous", "none", "multi")
PAY_STATUS = ("ok", "negotiable", "none", "unclear")
PAY_UNITS = ("month", "year", "week", "day", "hour", "piece")
DEFENCE = ("group", "subsidiary", "university", "institute", "supplier_known", "none", "unknown")
DEFENCE_GROUPS = (
    "CNNC", "CASC", "CASIC", "AVIC", "CSSC", "NORINCO", "CSGC", "CETC", "AECC", "CEC", "CAEP", "COMAC", "CGN",
    "SevenSons", "PLA", "other",
)  # fmt: skip
EDUCATION = ("none", "junior_secondary", "secondary", "vocational", "college", "bachelor", "master", "doctor")
SENIORITY = ("intern", "junior", "mid", "senior", "lead", "manager", "director", "executive")
EMPLOYMENT = ("full_time", "part_time", "internship", "contract", "temporary", "campus")
AFFILIATION_CONFIDENCE = ("high", "medium", "low")
RELATIONS = ("representative", "same_opening", "repost", "agency_copy", "unique")
EMPLOYER_SIZE_BANDS = ("under_100", "100_to_499", "500_to_999", "1000_to_9999", "over_10000")
SECTION_KINDS = ("duties", "requirements", "benefits", "blurb", "contact", "tags", "other")

RAW = Table(
    "raw",
    "One row for each kept input row, values as found (strings); part by part in the order of the input.",
    (
        _c("file: name of the input file, archive members after '#'; never a path of the machine"),
        _c("row: 1-based row of the file as a person would count it", I64),
        _c("source_id: id of the source definition, with '.sub' when a column of the file names the sub-source"),
        _c("source_key: the input's own key, byte for byte"),
        _c("board: job board"),
        _c("url: address of the ad"),
        _c("title: job title"),
        _c("company: employer as written, byte for byte"),
        _c("city: work place as written"),
        _c("district: district as written"),
        _c("address: street address as written"),
        _c("lat: latitude as written"),
        _c("lon: longitude as written"),
        _c("pay: pay as written; split fields joined as 'min|max|months' in that order"),
        _c("pay_unit_hint: unit of pay where the source leaves it out (month, day, year, hour)"),
        _c("pay_scale_hint: yuan per written unit where the source leaves it out (1, 1000 or 10000)", I32),
        _c("education: as written"),
        _c("experience: as written"),
        _c("headcount: openings offered, as written"),
        _c("employment_type: as written"),
        _c("industry: as written"),
        _c("company_size: as written"),
        _c("company_nature: as written"),
        _c("occupation: the board's occupation field, as written"),
        _c("occupation_is_code: true only where the occupation is the board's own code, not a search word", BOOL),
        _c("tags: tags and skills as written"),
        _c("description: ad text as written"),
        _c("posted: posting date as written"),
        _c("captured: capture date as written"),
        _c("year_hint: year of the source where dates carry none", I32),
        _c("language_hint: language declared by the source"),
    ),
    ("file", "row"),
)

FACTS = (
    _c("pay_status: what the pay field says", STR, PAY_STATUS),
    _c("pay_min_fen: lower bound in fen (1/100 yuan) of the unit", I64),
    _c("pay_max_fen: upper bound in fen of the unit", I64),
    _c("pay_unit: unit of the bounds", STR, PAY_UNITS),
    _c("pay_months: months paid a year where the ad says so", I32),
    _c("pay_censored: min = no lower bound stated, max = no upper bound stated", STR, ("min", "max")),
    _c("education: lowest education asked for (none = any)", STR, EDUCATION),
    _c("experience_min_months: experience asked for, months", I32),
    _c("experience_max_months: upper bound of experience asked for, months", I32),
    _c("seniority: level of the job from its title", STR, SENIORITY),
    _c("headcount: openings offered by the ad", I32),
    _c("employment_type: kind of contract", STR, EMPLOYMENT),
    _c("occupation_code: sub-major group of the national occupation classification 2022 (e.g. 2-02)"),
    _c("occupation_method: how the code was found (board_code, title_rule, none)"),
    _c("occupation_confidence: high = no other occupation word of the title disagrees", STR, ("high", "low")),
    _c("isco08_code: ISCO-08 unit group of the word that decided, where one corresponds"),
    _c("industry_code: section letter of GB/T 4754-2017"),
    _c("industry_method: what named the industry", STR, ("industry_field", "employer_name", "none")),
)

CLEAN = Table(
    "clean",
    "Row-aligned with raw: normalised text, sections, dates and job facts.",
    (
        _c("content_hash: 64-bit hash of source_id, source_key, captured_date and every raw value", U64),
        _c("source_id: as raw"),
        _c("source_key: as raw, byte for byte"),
        _c("board: job board"),
        _c("url: address of the ad; profile links removed"),
        _c("language: zh, zh_hant, en or other"),
        _c("title: clean title (NFKC, simplified, one line, contacts removed)"),
        _c("text: clean text that is shown and that every offset refers to; contacts removed"),
        _c("sections: spans of `text` in characters, in order, not overlapping", SECTIONS),
        _c(
            "text_hash: 64-bit hash of the text that matters for comparison (letters and digits outside furniture and blurb, folded); 0 = no text",
            U64,
        ),
        _c("sketch: sampled 4-gram hashes of the compared text, sorted, 32 bits each", pl.Binary()),
        _c("sketch_rate: sampling rate of the sketch in bits", pl.UInt8()),
        _c("sketch_hash: 64-bit hash of the whole compared text; 0 = shorter than a 4-gram", U64),
        _c("tags: clean tags, joined by ' | '"),
        _c("captured_date: day of capture", DATE),
        _c("posted_date: day of posting (first of month or year when less is known)", DATE),
        _c("date_precision: what the posted date knows", STR, ("day", "month", "year", "none")),
        _c("company: employer as written, byte for byte"),
        _c("company_nature: kind of ownership, as raw"),
        _c("city: as raw"),
        _c("district: as raw"),
        _c("address: as raw, contacts removed"),
        _c("place_hint: what the text says behind a label such as 工作地点:, where the city field names no place"),
        *FACTS,
        _c("issues: reason ids of repairs and refusals on this ad (pay_swapped, date_impossible, ...)", STRS),
    ),
)

LOCATED = Table(
    "located",
    "Row-aligned with clean: where the job is.",
    (
        _c("place_status: outcome of the resolver", STR, PLACE_STATUS),
        _c("adcode: prefecture-level code, 2024 vintage", STR),
        _c("county_adcode: county-level code, 2024 vintage, where the text names one", STR),
        _c("places: all places with their share of the ad (weights sum to 1; empty when none)", PLACES),
        _c("place_rule: rule that decided"),
    ),
)

CLASSIFIED = Table(
    "classified",
    "Row-aligned with clean: AI tier with evidence.",
    (
        _c("ai_tier: highest tier that fits", STR, AI_TIERS),
        _c("ai_mention: an AI term occurs anywhere, in any meaning", BOOL),
        _c("ai_score: calibrated probability that the ad is builder or adjacent", F64),
        _c("ai_role: role of the job", STR, AI_ROLES),
        _c("ai_subfields: subfields of builder and adjacent ads", STRS),
        _c("surveillance_job: the job's content is security, police or video surveillance", BOOL),
        _c("defence_signal: the text itself shows military or defence work", BOOL),
        _c("ai_terms: distinct AI term ids found in title, duties or requirements", STRS),
        _c("hits: evidence rows; offsets are characters in `title` or `text`", HITS),
    ),
)

MATCHED = Table(
    "matched",
    "Row-aligned with clean: which opening, spell and campaign each ad belongs to. Ads are named by ad_no, their position.",
    (
        _c("opening_no: ad_no of the opening's representative", I64),
        _c("matched_no: ad_no of the ad it was matched to; null for a representative", I64),
        _c(
            "match_relation: relation to the matched ad; a representative is what the others of its opening were compared with",
            STR,
            RELATIONS,
        ),
        _c("match_reason: rule that decided"),
        _c("match_score: containment of the compared text, 0..1, or 1 for equal keys", F64),
        _c("match_confidence: high or low", STR, ("high", "low")),
        _c("spell_no: ad_no of the first ad of the vacancy spell; null without a full date", I64),
        _c("campaign_no: ad_no of the campaign's first representative; null when not in a campaign", I64),
    ),
)

EMPLOYER_NAMES_STAGE = Table(
    "names",
    "One row for each distinct employer name as written.",
    (
        _c("name_raw: employer as written, byte for byte"),
        _c("employer_id: entity the name belongs to"),
        _c("rule_id: rule that decided"),
        _c("name_key: normalised name without legal form, brackets and place"),
        _c("brand_key: shortest distinctive core of the name"),
        _c("is_agency: recruiter or outsourcer", BOOL),
        _c("is_anonymous: the name hides the employer", BOOL),
    ),
    ("name_raw",),
)

ADS = Table(
    "ads",
    "One row for each kept input row, repeats included.",
    (
        _c("ad_id: hash of source_id, source_key, captured_date, content and the ordinal among identical rows"),
        _c("source_id: source definition"),
        _c("source_key: the input's own key, byte for byte"),
        _c("board: job board"),
        _c("url: address of the ad"),
        _c("language: zh, zh_hant, en or other"),
        _c("title: clean title"),
        _c("captured_date: day of capture", DATE),
        _c("posted_date: day of posting", DATE),
        _c("date_precision: what the posted date knows", STR, ("day", "month", "year", "none")),
        _c("employer_id: employer; null when the ad names none"),
        _c("opening_id: the opening this ad advertises"),
        _c("spell_id: vacancy spell; null without a full date"),
        _c("campaign_id: campaign; null if none"),
        _c(
            "match_relation: relation to the matched ad; a representative is what the others of its opening were compared with",
            STR,
            RELATIONS,
        ),
        _c("match_reason: rule that decided"),
        _c("match_score: containment of the compared text, 0..1", F64),
        _c("matched_ad_id: the ad it was matched to; null for a representative and a unique ad"),
        _c("ai_tier: highest tier that fits", STR, AI_TIERS),
        _c("ai_mention: an AI term occurs anywhere, in any meaning", BOOL),
        _c("ai_score: calibrated probability that the ad is builder or adjacent", F64),
        _c("ai_role: role of the job", STR, AI_ROLES),
        _c("ai_subfields: subfields of builder and adjacent ads", STRS),
        _c("surveillance_job: the job's content is surveillance", BOOL),
        _c("defence_signal: the text itself shows defence work", BOOL),
        _c("place_status: outcome of the resolver", STR, PLACE_STATUS),
        _c("adcode: prefecture-level code, 2024 vintage"),
        _c("county_adcode: county-level code, 2024 vintage"),
        *FACTS,
    ),
    ("ad_id",),
)

OPENINGS = Table(
    "openings",
    "One employer, one role, one work city.",
    (
        _c("opening_id: stable id"),
        _c("employer_id: employer of the ad that describes the opening"),
        _c("title: title of that ad"),
        _c("ad_id: the ad that describes the opening: not an agency copy, then the longest text, then the first"),
        _c("adcode: prefecture-level code of that ad"),
        _c("first_date: first day any of its ads was posted or captured", DATE),
        _c("last_date: last day any of its ads was posted or captured", DATE),
        _c("n_ads: ads of the opening", I64),
        _c("n_boards: boards that carry it", I64),
        _c("ai_tier: tier of that ad", STR, AI_TIERS),
        _c(
            "confidence: high, or low when an anonymous employer, an agency or a wildcard decided", STR, ("high", "low")
        ),
        _c("succeeds: opening ids that this one replaces", STRS),
    ),
    ("opening_id",),
)

SPELLS = Table(
    "spells",
    "An opening advertised again after a gap (dated ads only).",
    (
        _c("spell_id: id"),
        _c("opening_id: opening"),
        _c("ordinal: 1 for the first spell of the opening", I32),
        _c("first_date: first day of the live window", DATE),
        _c("last_date: last day of the live window", DATE),
        _c("n_ads: dated ads of the spell", I64),
    ),
    ("spell_id",),
)

CAMPAIGNS = Table(
    "campaigns",
    "One text of one employer in several cities; never merged.",
    (
        _c("campaign_id: id"),
        _c("employer_id: employer"),
        _c("title: title of the first representative"),
        _c("n_openings: openings linked", I64),
        _c("n_cities: prefecture-level units", I64),
    ),
    ("campaign_id",),
)

AD_PLACES = Table(
    "ad_places",
    "All places of an ad with their weight; provinces only where nothing finer is named.",
    (_c("ad_id: ad"), _c("adcode: prefecture-level or province code"), _c("weight: share of the ad, sums to 1", F64)),
    ("ad_id", "adcode"),
)

SKILLS = Table(
    "skills",
    "Skills that AI ads ask for (any tier, or a mention), outside the company's blurb, by definitions/skills.csv.",
    (
        _c("ad_id: ad"),
        _c("skill_id: skill of skills.csv"),
        _c("scheme: where the public identifier comes from", STR, ("esco", "lightcast")),
        _c("identifier: public identifier; null where none exists"),
    ),
    ("ad_id", "skill_id"),
)

EMPLOYERS = Table(
    "employers",
    "Employer entities.",
    (
        _c("employer_id: stable id"),
        _c("name: most frequent full name"),
        _c(
            "kind: company, branch, institute, university, school, hospital, government, military, agency, anonymous, person or other"
        ),
        _c("defence: affiliation at the build's as-of date", STR, DEFENCE),
        _c("defence_group: group code", STR, DEFENCE_GROUPS),
        _c("surveillance_company: maker of surveillance systems by list", BOOL),
        _c(
            "state_owned: state-owned by list or name, else by the kind of ownership that its ads state; null = unknown",
            BOOL,
        ),
        _c("is_agency: recruiter or outsourcer", BOOL),
        _c("is_anonymous: the name hides the employer", BOOL),
        _c("succeeds: employer ids that this one replaces", STRS),
    ),
    ("employer_id",),
)

EMPLOYER_SIZES = Table(
    "employer_sizes",
    "Staff of the employers whose ads state it.",
    (
        _c("employer_id: employer"),
        _c("size_band: band that most of its ads state", STR, EMPLOYER_SIZE_BANDS),
        _c("n_ads: ads that state this band", I64),
        _c("stated_n: ads that state any size", I64),
    ),
    ("employer_id",),
)

EMPLOYER_NAMES = Table(
    "employer_names",
    "Which entity each distinct name belongs to.",
    (
        _c("name_raw: employer as written, byte for byte"),
        _c("employer_id: entity"),
        _c("rule_id: rule that decided"),
    ),
    ("name_raw",),
)

AFFILIATIONS = Table(
    "affiliations",
    "Evidence tiers T1-T5 of each employer, with list, edition and dates.",
    (
        _c("employer_id: employer"),
        _c("tier: evidence tier", STR, ("T1", "T2", "T3", "T4", "T5")),
        _c("list_id: list or definition file"),
        _c("edition: edition of the list"),
        _c("valid_from: first day it applies", DATE),
        _c("valid_to: last day it applies; null = open", DATE),
        _c("rule_id: rule that decided"),
        _c("confidence: how sure the row of the list is", STR, AFFILIATION_CONFIDENCE),
    ),
)

DECISIONS = Table(
    "decisions",
    "Why: ad-level evidence for matches, AI hits and rejects.",
    (
        _c("ad_id: ad (for a reject: source_id and row)"),
        _c("stage: stage that decided"),
        _c("decision: what was decided"),
        _c("reason_id: why"),
        _c("rule_id: rule, term or feature that decided"),
        _c("field: title or text"),
        _c("start: first character in the field", I32),
        _c("end: character after the last", I32),
        _c("score: strength", F64),
        _c("definitions_version: hash of the definitions"),
    ),
)

REJECTS = Table(
    "rejects",
    "Every input row that did not become an ad, with its reason. kept + rejected = read.",
    (
        _c("source_id: source definition"),
        _c("file: name of the input file"),
        _c("row: 1-based row", I64),
        _c("reason_id: why"),
        _c("raw: start of the row as found, contacts removed"),
    ),
)

TEXTS = Table(
    "texts",
    "Clean text by ad.",
    (_c("ad_id: ad"), _c("text: clean text"), _c("sections: spans in characters", SECTIONS)),
    ("ad_id",),
)

ISSUES = Table(
    "issues",
    "What went wrong or was repaired, file by file and reason by reason.",
    (
        _c("stage: stage that noticed"),
        _c("source_id: source definition or null"),
        _c("file: input file or null"),
        _c("row: first row concerned or null", I64),
        _c("reason_id: what"),
        _c("n: how many ads or rows", I64),
        _c("message: one line a person can act on"),
    ),
)

MATCH_SENSITIVITY = Table(
    "match_sensitivity",
    "The matcher's counts at other thresholds and windows, on a fixed sample of whole employers, about 50,000 ads.",
    (
        _c("threshold: text that two ads of one title, city and employer must share", F64),
        _c("window_days: gap that starts a new spell", I32),
        _c("is_base: the values the dataset was built with", BOOL),
        _c("sample_share: share of the ads in the sample", F64),
        _c("ads: ads of the sample", I64),
        _c("openings: openings of the sample", I64),
        _c("dated_openings: openings with a full date", I64),
        _c("spells: vacancy spells of the dated openings", I64),
        _c("campaigns: campaigns of the sample", I64),
        _c("repeats_error: standard error of openings / ads from the employers left out; 0 = all are in", F64),
        _c("spells_error: the same of spells / dated_openings", F64),
    ),
)

PUBLISHED_TABLES = (
    ADS, OPENINGS, SPELLS, CAMPAIGNS, AD_PLACES, SKILLS, EMPLOYERS, EMPLOYER_SIZES, EMPLOYER_NAMES, AFFILIATIONS, DECISIONS, REJECTS, TEXTS,
    ISSUES, MATCH_SENSITIVITY,
)  # fmt: skip
