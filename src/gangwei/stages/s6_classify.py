"""Stage 6: AI tier, role, subfields and signals of each ad, with the evidence that decided.

One compiled pass over title, tags and text finds the terms of `definitions/ai`, gives each its section and context, and
scores the ad with the linear model `ai/model.npz`. Ads that repeat a title, text and tags are decided once. The pass
releases the GIL and keeps no state. A second opinion that was asked for an ad near the cut replaces its tier.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from gangwei.kernels.ai import evidence, evidence_rows, fields, ngrams, score_tables, scorer
from gangwei.kernels.ai import hits as h
from gangwei.kernels.ai.folded import fold_table
from gangwei.kernels.ai.lists import compile_lexicons
from gangwei.kernels.ai.scorer import AI_USED, BARE_WORDS, BUILDER, NO_AI, RELATED
from gangwei.kernels.ai.terms import Lexicon
from gangwei.kernels.hashing import hash_strings, mix
from gangwei.kernels.job.skills import SkillRules, compile_skills, skill_lists
from gangwei.kernels.repeats import first_rows
from gangwei.kernels.rows import WIDE
from gangwei.kernels.strings import string_spans
from gangwei.schema import AI_ROLES, AI_SUBFIELDS, AI_TIERS, HIT_FIELDS, SECTION_KINDS
from gangwei.stage_tables import CLASSIFIED

if TYPE_CHECKING:
    from gangwei.codebook import Codebook

TIER_LANES = ("builder", "builder_or_adjacent", "any")
LANES = (*TIER_LANES, "mention", *(f"role_{r}" for r in AI_ROLES), *(f"subfield_{s}" for s in AI_SUBFIELDS))
ANY = TIER_LANES.index("any")  # after BUILDER and RELATED
MENTION = len(TIER_LANES)
AT_ROLES = MENTION + 1
AT_SUBFIELDS = AT_ROLES + len(AI_ROLES)
LEAST = [RELATED, *range(AT_ROLES, AT_SUBFIELDS)]  # what an ad without AI evidence is scored for: ai_score and role
# lanes that read the n-grams of phrases: the tiers and the subfields
PHRASE_LANES = [i for i, lane in enumerate(LANES) if lane in TIER_LANES or lane.startswith("subfield_")]
ADJACENT, USER, NONE = (AI_TIERS.index(t) for t in ("adjacent", "user", "none"))
MODEL = "ai/model.npz"
MODEL_BYTES = 1 << 20
_LOCATION = {"duties": 1, "requirements": 2, "benefits": 3, "blurb": 3, "contact": 3, "tags": 4, "other": 5}
_LOCATIONS = np.array([*(_LOCATION[k] for k in SECTION_KINDS), 5], np.int32)  # by kind of section; unknown ones last


def lined_up(weights: NDArray[np.float32], lanes: int) -> NDArray[np.float32]:
    """A copy of the weights with zeros up to `lanes`, which begins at the start of a line of the cache."""
    shape = (*weights.shape[:-1], lanes)
    room = np.zeros(int(np.prod(shape)) + 16, np.float32)
    begin = -room.ctypes.data // 4 % 16
    out = room[begin : begin + int(np.prod(shape))].reshape(shape)
    out[..., : weights.shape[-1]] = weights
    return out


@dataclass(frozen=True)
class Model:
    """Weights by feature and lane for ads with text (0) and title-only ads (1), with cuts and calibration."""

    weights: NDArray[np.float32]
    grams: NDArray[np.float32]
    phrases: NDArray[np.float32]
    fields: NDArray[np.float32]
    bias: NDArray[np.float32]
    cuts: NDArray[np.float32]
    calibration: NDArray[np.float64]
    version: str

    @cached_property
    def compiled(self) -> score_tables.Weights:
        """The weights as `scorer.score_rows` takes them."""
        plain = len(LANES) - len(AI_SUBFIELDS)
        weights, phrases = self.weights[:, :, :plain], self.phrases[:, : len(TIER_LANES)]
        return score_tables.Weights(
            np.ascontiguousarray(weights), lined_up(self.weights[:, :, LEAST], score_tables.FEW), np.array(LEAST), self.grams,
            np.ascontiguousarray(phrases),
            (lined_up(self.weights[:, :, plain:], WIDE), lined_up(self.phrases[:, plain:], WIDE), self.fields),
            self.bias, self.cuts,
        )  # fmt: skip


@dataclass(frozen=True)
class Rules:
    """Everything compiled from `definitions/ai`."""

    lexicons: tuple[Lexicon, ...]
    terms: h.Terms
    rule_ids: list[str]
    concepts: list[str]
    features: list[str]
    signals: dict[str, dict[str, float]]
    skills: SkillRules
    snippet: int  # bytes from which a text tells the duties, AI or not; 0: every text does
    other_work: tuple[re.Pattern[str], re.Pattern[str]] | None
    """Titles of work on AI that builds no models, and those of builders; None while the weights are fitted"""
    model: Model


def compile_rules(book: Codebook) -> Rules:
    """Compile lists, rules and model; about 0.2 s, once per process.

    Raises:
        ValueError: a list or the model is malformed.
        DefinitionError: a file is missing.
    """
    lexicons, terms, ids, concepts, kinds = compile_lexicons(book)
    features = feature_names(book, concepts, kinds)
    model = load_model(book.path(MODEL).read_bytes(), features)
    rules = book.toml("ai/rules.toml")
    alone = rules["title_only"]
    other_work = (re.compile(alone["other_work"], re.I), re.compile(alone["builds"], re.I))
    return Rules(
        lexicons, terms, ids, concepts, features, rules["signals"], compile_skills(book), int(alone["snippet"]),
        other_work, model,
    )  # fmt: skip


def feature_names(book: Codebook, concepts: list[str], kinds: list[str]) -> list[str]:
    """Names of the explicit features (AT_END), then of those of the subfields (fields.WIDTH)."""
    words = [r["term"] for r in book.rows("ai/field_words.csv")]
    return evidence.feature_names(concepts, kinds) + fields.feature_names(words)


def load_model(data: bytes, features: list[str]) -> Model:
    """Expand a stored model; explicit features are matched by name, so a changed term list keeps the other weights.

    Raises:
        ValueError: not a model of this layout.
    """
    if not data.startswith(b"PK"):
        raise ValueError(f"{MODEL}: not a model file")
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as z:
            meta: dict[str, Any] = json.loads(str(z["meta"]))
            if meta["lanes"] != list(LANES) or meta["width"] != ngrams.WIDTH or "field" not in z.files:
                raise ValueError(f"{MODEL}: made for another layout; run `gangwei train`")
            weights = np.zeros((2, ngrams.AT_TEXT, len(LANES)), np.float32)
            grams = np.zeros((1 << ngrams.TEXT_BITS, len(TIER_LANES)), np.float32)
            phrases = np.zeros((1 << ngrams.NEAR_BITS, len(LANES)), np.float32)
            by_field = np.zeros((2, fields.WIDTH, len(AI_SUBFIELDS)), np.float32)
            at = {name: i for i, name in enumerate(features)}
            for names, values, into, begin in (
                ("names", "explicit", weights, 0),
                ("field_names", "field", by_field, evidence.AT_END),
            ):
                places = np.array([at.get(name, -1) for name in z[names].tolist()], np.int64)
                into[:, places[places >= 0] - begin] = z[values][:, places >= 0]
            weights[:, ngrams.AT_TITLE + z["title_at"]] = z["title"]
            grams[z["text_at"]] = z["text"]
            phrases[np.ix_(z["phrase_at"], PHRASE_LANES)] = z["phrase"]
            return Model(weights, grams, phrases, by_field, z["bias"], z["cuts"], z["calibration"], meta["version"])
    except (KeyError, OSError, EOFError, zipfile.BadZipFile) as e:
        raise ValueError(f"{MODEL}: not a model file ({e})") from None


def blank_model() -> Model:
    """A model of zeros: used while training."""
    lanes = len(LANES)
    return Model(
        np.zeros((2, ngrams.AT_TEXT, lanes), np.float32), np.zeros((1 << ngrams.TEXT_BITS, 3), np.float32),
        np.zeros((1 << ngrams.NEAR_BITS, lanes), np.float32),
        np.zeros((2, fields.WIDTH, len(AI_SUBFIELDS)), np.float32),
        np.zeros((2, lanes), np.float32), np.zeros((2, 3), np.float32), np.zeros((2, 2)), "blank",
    )  # fmt: skip


def section_arrays(sections: pl.Series, rows: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """((location, start, end) by span, row offsets) of a column of section lists."""
    if sections.len() == 0 or sections.dtype == pl.Null:
        return np.zeros((0, 3), np.int32), np.zeros(rows + 1, np.int64)
    at = np.concatenate([[0], np.cumsum(sections.list.len().fill_null(0).to_numpy())]).astype(np.int64)
    flat = sections.filter(sections.list.len() > 0).explode().struct.unnest()
    kind = (
        flat["kind"].cast(pl.Enum(SECTION_KINDS), strict=False).to_physical().fill_null(len(SECTION_KINDS)).to_numpy()
    )
    spans = np.stack([_LOCATIONS[kind], flat["start"].to_numpy(), flat["end"].to_numpy()], 1)
    return np.ascontiguousarray(spans, np.int32), at


def read(
    title: pl.Series,
    text: pl.Series,
    tags: pl.Series,
    sections: pl.Series,
    rules: Rules,
    model: Model,
    keep: bool = False,
    once: bool = False,
    whole: bool = False,
) -> score_tables.Scored:
    """Features and scores of ads; with `once`, ads that repeat title, text and tags share a row.

    Subfields are scored for ads that the model takes for builder or adjacent, with `whole` for all with AI evidence.
    """
    spans, at = section_arrays(sections, len(title))
    ads = score_tables.Ads(string_spans(title), string_spans(text), string_spans(tags), spans, at)
    rows = first = np.arange(len(title))
    if once:
        same = first_rows(ads.title, ads.text, ads.tags)
        rows = np.flatnonzero(same == rows)
        first = np.searchsorted(rows, same)
    lexicons = score_tables.Lexicons(*(x.arrays for x in rules.lexicons))
    out = scorer.score_rows(rows, ads, fold_table(), lexicons, rules.terms, model.compiled, rules.snippet, whole, keep)
    return out._replace(first=first)


def decide(
    scores: NDArray[np.float32], facts: NDArray[np.int32], model: Model
) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """(tier code, calibrated probability of builder or adjacent); see the precedence in ai/rules.toml."""
    v = (facts[:, score_tables.SAID] == 0).astype(np.int64)
    seen = facts[:, score_tables.SEEN]
    cut = model.cuts[v]
    tier = np.full(len(v), NONE, np.int8)
    used = seen == AI_USED
    tier[(scores[:, ANY] > cut[:, ANY]) & used] = USER
    tier[(scores[:, RELATED] > cut[:, RELATED]) & used] = ADJACENT
    tier[scores[:, BUILDER] > cut[:, BUILDER]] = AI_TIERS.index("builder")
    tier[seen == NO_AI] = NONE
    slope, shift = model.calibration[v, 0], model.calibration[v, 1]
    p = 1.0 / (1.0 + np.exp(-np.clip(slope * scores[:, RELATED].astype(np.float64) + shift, -30, 30)))
    return tier, np.round(p, 6)


def signal(facts: NDArray[np.int32], at: int, rule: dict[str, float]) -> NDArray[np.bool_]:
    """True where the weighted count of signal words (strong in the column `at` of facts, weak in the next) and of what the
    title says reaches the need of the rule."""
    total = rule["strong"] * facts[:, at] + rule["weak"] * facts[:, at + 1]
    total += rule["title"] * facts[:, score_tables.IN_TITLE_TOO]
    total += rule["other_job"] * facts[:, score_tables.OTHER_TITLE]
    return np.asarray(total >= rule["need"], np.bool_)


def run(clean: pl.DataFrame, rules: Rules, second: pl.DataFrame | None = None) -> pl.DataFrame:
    """`classify` of one part, and the skills that its AI ads ask for: `stage_tables.CLASSIFIED`, row-aligned with `clean`."""
    if clean.height == 0:
        return CLASSIFIED.empty()
    out = classify(clean, rules, second)
    skills = skill_lists(clean, out["ai_mention"].to_numpy(), rules.skills)
    return CLASSIFIED.conform(out.with_columns(skills.alias("skills")))


def classify(clean: pl.DataFrame, rules: Rules, second: pl.DataFrame | None = None) -> pl.DataFrame:
    """Tiers, roles, subfields and signals of at least one ad, with the evidence.

    Args:
        clean: the columns title, text, tags and sections of `stage_tables.CLEAN`.
        rules: from `compile_rules`.
        second: opinions in force (key, low, high, model, tier) by the `text_keys` of title and text.

    Returns:
        The columns of `stage_tables.CLASSIFIED` but skills, row-aligned with `clean`.
    """
    model = rules.model
    told = second is not None and not second.is_empty()  # an opinion may make a tier that has subfields
    title, text, tags, sections = (clean[c] for c in ("title", "text", "tags", "sections"))
    got = read(title, text, tags, sections, rules, model, once=True, whole=told)
    scores, facts, hits, hit_row = got.scores, got.facts, got.hits, got.hit_row
    tier, p = decide(scores, facts, model)
    seen = facts[:, score_tables.SEEN]
    role = np.argmax(scores[:, AT_ROLES:AT_SUBFIELDS], 1)
    tier, by_title = _other_work(title, got.first, tier, facts, rules.other_work)
    tier, opinions = _second(clean, got.first, tier, p, seen > NO_AI, second)
    mention = (seen > BARE_WORDS) | ((seen == BARE_WORDS) & (scores[:, MENTION] > 0)) | (tier < NONE)
    more = evidence_rows.features(tier, got.why, got.which, rules.features).vstack(by_title).vstack(opinions)
    out = pl.DataFrame(
        {
            "ai_tier": pl.Series(AI_TIERS)[tier.astype(np.int64)],
            "ai_mention": mention,
            "ai_score": p,
            "ai_role": pl.Series(AI_ROLES)[role],
            "ai_subfields": evidence_rows.subfields(scores[:, AT_SUBFIELDS:], tier),
            "surveillance_job": signal(facts, score_tables.SURVEILLANCE_AT, rules.signals["surveillance"]),
            "defence_signal": signal(facts, score_tables.DEFENCE_AT, rules.signals["defence"]),
            "ai_terms": evidence_rows.terms(hits, hit_row, len(tier), rules.rule_ids),
            "hits": evidence_rows.rows_of_evidence(hits, hit_row, got.hit_score, more, len(tier), rules.rule_ids),
        },
        schema={c: t for c, t in CLASSIFIED.polars.items() if c != "skills"},
    )
    return out if out.height == clean.height else out[got.first]


def _other_work(
    title: pl.Series,
    first: NDArray[np.int64],
    tier: NDArray[np.int8],
    facts: NDArray[np.int32],
    titles: tuple[re.Pattern[str], re.Pattern[str]] | None,
) -> tuple[NDArray[np.int8], pl.DataFrame]:
    """(tiers, evidence rows) where titles that decide alone name work on AI that builds no models."""
    asked = np.flatnonzero((tier == BUILDER) & (facts[:, score_tables.SAID] == 0))
    found: list[tuple[int, int, int]] = []
    if titles is not None and len(asked):
        other, builds = titles
        _, at = np.unique(first, return_index=True)
        for row, name in zip(asked.tolist(), title.gather(at[asked]).fill_null("").to_list()):
            if (m := other.search(name)) and not builds.search(name):
                found.append((row, m.start(), m.end()))
        tier = tier.copy()
        tier[[row for row, *_ in found]] = ADJACENT
    schema = {"row": pl.Int64, "start": pl.Int32, "end": pl.Int32}
    told = pl.DataFrame(found, schema=schema, orient="row").select(
        "row",
        decision=pl.lit("ai_title"),
        reason_id=pl.lit("adjacent@title"),
        rule_id=pl.lit("other_work"),
        field=pl.lit("title"),
        start="start",
        end="end",
        score=pl.lit(None, pl.Float64),
    )
    return tier, told


def text_keys(title: pl.Series, text: pl.Series) -> NDArray[np.uint64]:
    """The number by which a second opinion finds its title and text."""
    return mix(hash_strings(title.fill_null("")), hash_strings(text.fill_null("")))


def _second(
    clean: pl.DataFrame,
    first: NDArray[np.int64],
    tier: NDArray[np.int8],
    p: NDArray[np.float64],
    shown: NDArray[np.bool_],
    second: pl.DataFrame | None,
) -> tuple[NDArray[np.int8], pl.DataFrame]:
    """(tiers, evidence rows) after second opinions, on ads with AI evidence whose probability lies in the asked band."""
    empty = pl.DataFrame(schema={"row": pl.Int64, **HIT_FIELDS})
    if second is None or second.is_empty():
        return tier, empty
    low, high = second["low"].to_numpy().min(), second["high"].to_numpy().max()
    near = np.flatnonzero(shown & (p >= low) & (p <= high))
    _, at = np.unique(first, return_index=True)
    ads = clean.select("title", "text")[at[near]]
    found = (
        pl.DataFrame({"row": near, "key": text_keys(ads["title"], ads["text"]), "p": p[near]})
        .join(second, on="key", maintain_order="left")
        .filter(pl.col("p").is_between("low", "high"))
    )
    tier = tier.copy()
    tier[found["row"].to_numpy()] = [AI_TIERS.index(t) for t in found["tier"]]
    told = found.select(
        "row",
        decision=pl.lit("ai_opinion"),
        reason_id="opinion/" + pl.col("tier"),
        rule_id="llm:" + pl.col("model"),
        field=pl.lit("text"),
        start=pl.lit(None, pl.Int32),
        end=pl.lit(None, pl.Int32),
        score=pl.lit(None, pl.Float64),
    )
    return tier, pl.concat([empty, told])
