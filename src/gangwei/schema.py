"""What a table is, and every published table and column, declared once: types, docs, datapackage.json and checks are made
from here.

Published tables live in `DIR/published/<table>.parquet` and follow the contract; those between the stages are in
`stage_tables`.
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


def column(spec: str, type_: pl.DataType = STR, enum: tuple[str, ...] = ()) -> Column:
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

FACTS = (
    column("pay_status: what the pay field says", STR, PAY_STATUS),
    column("pay_min_fen: lower bound in fen (1/100 yuan) of the unit", I64),
    column("pay_max_fen: upper bound in fen of the unit", I64),
    column("pay_unit: unit of the bounds", STR, PAY_UNITS),
    column("pay_months: months paid a year where the ad says so", I32),
    column("pay_censored: min = no lower bound stated, max = no upper bound stated", STR, ("min", "max")),
    column("education: lowest education asked for (none = any)", STR, EDUCATION),
    column("experience_min_months: experience asked for, months", I32),
    column("experience_max_months: upper bound of experience asked for, months", I32),
    column("seniority: level of the job from its title", STR, SENIORITY),
    column("headcount: openings offered by the ad", I32),
    column("employment_type: kind of contract", STR, EMPLOYMENT),
    column("occupation_code: sub-major group of the national occupation classification 2022 (e.g. 2-02)"),
    column("occupation_method: how the code was found (board_code, title_rule, none)"),
    column("occupation_confidence: high = no other occupation word of the title disagrees", STR, ("high", "low")),
    column("isco08_code: ISCO-08 unit group of the word that decided, where one corresponds"),
    column("industry_code: section letter of GB/T 4754-2017"),
    column("industry_method: what named the industry", STR, ("industry_field", "employer_name", "none")),
)

ADS = Table(
    "ads",
    "One row for each kept input row, repeats included.",
    (
        column("ad_id: hash of source_id, source_key, captured_date, content and the ordinal among identical rows"),
        column("source_id: source definition"),
        column("source_key: the input's own key, byte for byte"),
        column("board: job board"),
        column("url: address of the ad"),
        column("language: zh, zh_hant, en or other"),
        column("title: clean title"),
        column("captured_date: day of capture", DATE),
        column("posted_date: day of posting", DATE),
        column("date_precision: what the posted date knows", STR, ("day", "month", "year", "none")),
        column("employer_id: employer; null when the ad names none"),
        column("opening_id: the opening this ad advertises"),
        column("spell_id: vacancy spell; null without a full date"),
        column("campaign_id: campaign; null if none"),
        column(
            "match_relation: relation to the matched ad; a representative is what the others of its opening were compared with",
            STR,
            RELATIONS,
        ),
        column("match_reason: rule that decided"),
        column("match_score: containment of the compared text, 0..1", F64),
        column("matched_ad_id: the ad it was matched to; null for a representative and a unique ad"),
        column("ai_tier: highest tier that fits", STR, AI_TIERS),
        column("ai_mention: an AI term occurs anywhere, in any meaning", BOOL),
        column("ai_score: calibrated probability that the ad is builder or adjacent", F64),
        column("ai_role: role of the job", STR, AI_ROLES),
        column("ai_subfields: subfields of builder and adjacent ads", STRS),
        column("surveillance_job: the job's content is surveillance", BOOL),
        column("defence_signal: the text itself shows defence work", BOOL),
        column("place_status: outcome of the resolver", STR, PLACE_STATUS),
        column("adcode: prefecture-level code, 2024 vintage"),
        column("county_adcode: county-level code, 2024 vintage"),
        *FACTS,
    ),
    ("ad_id",),
)

OPENINGS = Table(
    "openings",
    "One employer, one role, one work city.",
    (
        column("opening_id: stable id"),
        column("employer_id: employer of the ad that describes the opening"),
        column("title: title of that ad"),
        column(
            "ad_id: the ad that describes the opening: not an agency copy, then the longest text, then the least ad_id"
        ),
        column("adcode: prefecture-level code of that ad"),
        column("first_date: first day any of its ads was posted or captured", DATE),
        column("last_date: last day any of its ads was posted or captured", DATE),
        column("n_ads: ads of the opening", I64),
        column("n_boards: boards that carry it", I64),
        column("ai_tier: tier of that ad", STR, AI_TIERS),
        column(
            "confidence: high, or low when an anonymous employer, an agency or a wildcard decided", STR, ("high", "low")
        ),
        column("succeeds: opening ids that this one replaces, and those that these had replaced", STRS),
    ),
    ("opening_id",),
)

SPELLS = Table(
    "spells",
    "An opening advertised again after a gap (dated ads only).",
    (
        column("spell_id: id"),
        column("opening_id: opening"),
        column("ordinal: 1 for the first spell of the opening", I32),
        column("first_date: first day of the live window", DATE),
        column("last_date: last day of the live window", DATE),
        column("n_ads: dated ads of the spell", I64),
    ),
    ("spell_id",),
)

CAMPAIGNS = Table(
    "campaigns",
    "One text of one employer in several places, of the place field or named in titles; never merged.",
    (
        column("campaign_id: id"),
        column("employer_id: employer"),
        column("title: title of the first representative"),
        column("n_openings: openings linked", I64),
        column(
            "n_cities: prefecture-level units of its ads; 1 where titles or counties alone tell its places apart, 0 where no ad has one",
            I64,
        ),
    ),
    ("campaign_id",),
)

AD_PLACES = Table(
    "ad_places",
    "All places of an ad with their weight; provinces only where nothing finer is named.",
    (
        column("ad_id: ad"),
        column("adcode: prefecture-level or province code"),
        column("weight: share of the ad, sums to 1", F64),
    ),
    ("ad_id", "adcode"),
)

SKILLS = Table(
    "skills",
    "Skills that AI ads ask for (any tier, or a mention), outside the company's blurb, by definitions/skills.csv.",
    (
        column("ad_id: ad"),
        column("skill_id: skill of skills.csv"),
        column("scheme: where the public identifier comes from", STR, ("esco", "lightcast")),
        column("identifier: public identifier; null where none exists"),
    ),
    ("ad_id", "skill_id"),
)

EMPLOYERS = Table(
    "employers",
    "Employer entities.",
    (
        column("employer_id: stable id"),
        column("name: most frequent full name"),
        column(
            "kind: company, branch, institute, university, school, hospital, government, military, agency, anonymous, person or other"
        ),
        column(
            "defence: affiliation at the build's as-of date; unknown where a government's list alone names the employer (T3)",
            STR,
            DEFENCE,
        ),
        column("defence_group: group code", STR, DEFENCE_GROUPS),
        column("surveillance_company: maker of surveillance systems by list", BOOL),
        column(
            "state_owned: state-owned by list or name, else by the kind of ownership that its ads state; null = unknown",
            BOOL,
        ),
        column("is_agency: recruiter or outsourcer", BOOL),
        column("is_anonymous: the name hides the employer", BOOL),
        column("succeeds: employer ids that this one replaces", STRS),
    ),
    ("employer_id",),
)

EMPLOYER_SIZES = Table(
    "employer_sizes",
    "Staff of the employers whose ads state it.",
    (
        column("employer_id: employer"),
        column("size_band: band that most of its ads state", STR, EMPLOYER_SIZE_BANDS),
        column("n_ads: ads that state this band", I64),
        column("stated_n: ads that state any size", I64),
    ),
    ("employer_id",),
)

EMPLOYER_NAMES = Table(
    "employer_names",
    "Which entity each distinct name belongs to.",
    (
        column("name_raw: employer as written, byte for byte"),
        column("employer_id: entity"),
        column("rule_id: rule that decided"),
    ),
    ("name_raw",),
)

AFFILIATIONS = Table(
    "affiliations",
    "Evidence tiers T1-T5 of each employer, with list, edition and dates.",
    (
        column("employer_id: employer"),
        column("tier: evidence tier", STR, ("T1", "T2", "T3", "T4", "T5")),
        column("list_id: list or definition file"),
        column("edition: edition of the list"),
        column("valid_from: first day it applies", DATE),
        column("valid_to: last day it applies; null = open", DATE),
        column("rule_id: rule that decided"),
        column("confidence: how sure the row of the list is", STR, AFFILIATION_CONFIDENCE),
    ),
)

DECISIONS = Table(
    "decisions",
    "Why: ad-level evidence for matches, AI hits and rejects.",
    (
        column("ad_id: ad (for a reject: source_id and row)"),
        column("stage: stage that decided"),
        column("decision: what was decided"),
        column("reason_id: why"),
        column("rule_id: rule, term or feature that decided"),
        column("field: title, text or tags (which are not published: their terms have no characters)"),
        column("start: first character in the field", I32),
        column("end: character after the last", I32),
        column("score: strength", F64),
        column("definitions_version: hash of the definitions"),
    ),
)

REJECTS = Table(
    "rejects",
    "Every input row that did not become an ad, with its reason. kept + rejected = read.",
    (
        column("source_id: source definition"),
        column("file: name of the input file"),
        column("row: 1-based row", I64),
        column("reason_id: why"),
        column("raw: start of the row as found, contacts removed"),
    ),
)

TEXTS = Table(
    "texts",
    "Clean text by ad.",
    (column("ad_id: ad"), column("text: clean text"), column("sections: spans in characters", SECTIONS)),
    ("ad_id",),
)

ISSUES = Table(
    "issues",
    "What went wrong or was repaired, file by file and reason by reason.",
    (
        column("stage: stage that noticed"),
        column("source_id: source definition or null"),
        column("file: input file or null"),
        column("row: first row concerned or null", I64),
        column("reason_id: what"),
        column("n: how many ads or rows", I64),
        column("message: one line a person can act on"),
    ),
)

MATCH_SENSITIVITY = Table(
    "match_sensitivity",
    "The matcher's counts at other thresholds and windows, on a fixed sample of whole employers, of about 50,000 ads where there are more.",
    (
        column("threshold: text that two ads of one title, city and employer must share", F64),
        column("window_days: gap that starts a new spell", I32),
        column("is_base: the values the dataset was built with", BOOL),
        column("sample_share: share of the ads in the sample", F64),
        column("ads: ads of the sample", I64),
        column("openings: openings of the sample", I64),
        column("dated_openings: openings with a full date", I64),
        column("spells: vacancy spells of the dated openings", I64),
        column("campaigns: campaigns of the sample", I64),
        column("repeats_error: standard error of openings / ads from the employers left out; 0 = all are in", F64),
        column("spells_error: the same of spells / dated_openings", F64),
    ),
)

PUBLISHED_TABLES = (
    ADS, OPENINGS, SPELLS, CAMPAIGNS, AD_PLACES, SKILLS, EMPLOYERS, EMPLOYER_SIZES, EMPLOYER_NAMES, AFFILIATIONS, DECISIONS, REJECTS, TEXTS,
    ISSUES, MATCH_SENSITIVITY,
)  # fmt: skip
