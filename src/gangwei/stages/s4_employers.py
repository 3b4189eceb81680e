"""Employers: distinct names -> entities, affiliations and the map between them.

A name joins an entity by the first rule that fits; the rule is written beside the name:

anonymous     a hidden employer: each distinct wording is an entity of its own, never merged
alias         `aliases.csv` says which brand the name belongs to (a brand and its legal person are one)
place_key     registered place and name_key, without legal form and branch; branches of banks, insurers, brokers,
              estate agents and property managers stay entities of their own (they hire for themselves)
key_one_place a name without a place whose name_key is registered in exactly one place of the data set
brand_one     a brand of three characters or more that exactly one entity of the data set has
cut_name      a name cut by the board that begins exactly one other name
second_name   a brand and a legal name that rows give together, for each other and hardly for anyone else
key           a name without a place that none of the above settles
judged_same, judged_apart   the ledger `judgements.csv`, which beats every rule

`employer_id` is a hash of the entity's key, so it does not depend on the order of the names. A name without a place can move
to another entity when more names arrive; the id of an entity with a place does not change.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from gangwei import schema, stage_tables
from gangwei.kernels.employers import affiliation, affiliation_rules, employer, second_names
from gangwei.kernels.employers.affiliation_rules import Rule, Units

if TYPE_CHECKING:
    from gangwei.codebook import Codebook

RANK = {"institute": 0, "university": 1, "group": 2, "subsidiary": 3, "supplier_known": 4, "unknown": 5, "none": 6}
PUBLIC_KINDS = ("government", "military")
SETTLED = "brand|"
LESS_SURE = {"high": "medium", "medium": "low", "low": "low"}


@dataclass(frozen=True)
class Judgement:
    """One row of the ledger, names as cleaned."""

    name_a: str
    name_b: str
    same: bool
    date: str


@dataclass(frozen=True)
class Rules:
    """Compiled rules of the stage; `natures` has a pattern and what it says of state ownership, `agree` the share that must."""

    names: employer.NameRules
    affiliation: affiliation_rules.AffiliationRules
    own_branch: str
    judgements: tuple[Judgement, ...]
    natures: tuple[tuple[str, bool], ...]
    agree: float
    second_names: second_names.SecondNames


def compile_rules(book: Codebook) -> Rules:
    """Rules from `definitions/employers/` and `definitions/lists/`.

    Raises:
        gangwei.codebook.DefinitionError: a file is missing or malformed.
        ValueError: a judgement has a verdict other than same or apart, or parts two names that are equal once cleaned.
    """
    names = employer.compile_rules(book)
    own = [r["text"] for r in book.rows("employers/suffixes.csv") if r["kind"] == "own_branch"]
    rows = sorted(book.rows("employers/judgements.csv"), key=lambda r: (r["date"], r["id"]))
    for row in rows:
        if row["verdict"] not in ("same", "apart"):
            raise ValueError(f"employers/judgements.csv {row['id']}: verdict {row['verdict']!r} is not same or apart")
    both = pl.Series([n for r in rows for n in (r["name_a"], r["name_b"])], dtype=pl.String())
    cleaned = employer.clean(both, names.forms)
    flat = cleaned["name_clean"].to_list()
    ledger = tuple(
        Judgement(flat[2 * i], flat[2 * i + 1], r["verdict"] == "same", r["date"]) for i, r in enumerate(rows)
    )
    for i, row in enumerate(rows):
        if row["verdict"] == "apart" and flat[2 * i] == flat[2 * i + 1]:
            raise ValueError(
                f"employers/judgements.csv {row['id']}: apart of {row['name_a']} and {row['name_b']}, which are one name once cleaned; take the row out"
            )
    natures = book.toml("employers/natures.toml")
    patterns = tuple((rf"^(?i:{n['pattern']})$", bool(n["state_owned"])) for n in natures["nature"])
    return Rules(
        names,
        affiliation_rules.compile_rules(book, names),
        "|".join(own),
        ledger,
        patterns,
        float(natures["share"]),
        second_names.compile_rules(book),
    )


def run(
    names: pl.DataFrame,
    rules: Rules,
    as_of: date | None,
    natures: pl.DataFrame | None = None,
    seconds: pl.DataFrame | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Entities, affiliations and the names that belong to them.

    Args:
        names: `name_raw` (byte for byte, distinct; null allowed once) and `n_ads` (int64).
        rules: from `compile_rules`.
        as_of: day whose state `employers.defence` shows; None takes what is in force without an end.
        natures: `name_raw`, `company_nature` (as boards write it) and `n_ads` (int64); tells state ownership where the
            name does not.
        seconds: `name_raw`, `second_name` (of the same rows) and `n_ads` (int64). Second names that no ad has as its first take
            part in the rules like the others, count no ads, and are not among the names returned.

    Returns:
        (stage_tables.EMPLOYER_NAMES_STAGE, schema.EMPLOYERS, schema.AFFILIATIONS), each sorted by its key. Names that are null
        or blank are left out: such ads have no employer.
    """
    frame = names.filter(pl.col("name_raw").str.strip_chars().str.len_chars() > 0).sort("name_raw")
    if frame.is_empty():
        return stage_tables.EMPLOYER_NAMES_STAGE.empty(), schema.EMPLOYERS.empty(), schema.AFFILIATIONS.empty()
    told = second_names.told(seconds, frame)
    if told.height:
        frame = second_names.added(frame, told)
    parts = employer.normalise(frame["name_raw"], rules.names).with_columns(n_ads=frame["n_ads"])
    parts = _entity_keys(parts, rules)
    if told.height:
        parts = second_names.join(parts, told, rules.second_names, SETTLED, rules.names.trade_only)
    parts = _judged(parts, rules.judgements)
    parts = parts.filter((pl.col("n_ads") > 0).any().over("entity")) if told.height else parts
    ids = parts.select(pl.col("entity").unique()).with_columns(
        employer_id=pl.col("entity").map_elements(employer_id, return_dtype=pl.String())
    )
    parts = parts.join(ids, on="entity", how="left", maintain_order="left")
    hits = affiliation.match(parts, rules.affiliation)
    verdicts = _verdicts(parts, hits, as_of, rules.affiliation.units)
    employers = _by_nature(_employers(parts, verdicts), parts, natures, rules)
    named = _brands_apart(parts.filter(pl.col("n_ads") > 0), rules.judgements)
    named = named.select(list(stage_tables.EMPLOYER_NAMES_STAGE.polars))
    return (
        stage_tables.EMPLOYER_NAMES_STAGE.conform(named),
        schema.EMPLOYERS.conform(employers),
        _affiliations(parts, hits),
    )


def employer_id(entity: str) -> str:
    """Stable id of an entity key: 16 hexadecimal digits."""
    return hashlib.sha256(entity.encode()).hexdigest()[:16]


def _entity_keys(parts: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Add `entity` and `rule_id` to the parts of the names."""
    frame = parts.with_columns(alias=employer.alias_of(parts["name_key"], parts["place_prefix"], rules.names))
    own = (pl.col("branch") != "") & pl.col("name_key").str.contains(rules.own_branch)
    frame = frame.with_columns(
        alias=pl.when(own).then(None).otherwise("alias"),
        tail=pl.when(own).then("branch").otherwise(pl.lit("")),
        k=pl.col("name_key").str.slice(0, 80),
    )
    placed = (
        (pl.col("place_prefix") != "") & ~pl.col("is_anonymous") & pl.col("alias").is_null() & (pl.col("tail") == "")
    )
    places = (
        frame.filter(placed)
        .group_by("k")
        .agg(n=pl.col("place_prefix").n_unique(), only=pl.col("place_prefix").min())
        .filter(pl.col("n") == 1)
        .select("k", "only")
    )
    frame = frame.join(places, on="k", how="left", maintain_order="left")
    free = (pl.col("place_prefix") == "") & (pl.col("tail") == "")
    frame = frame.with_columns(
        entity=pl.when("is_anonymous")
        .then(pl.concat_str(pl.lit("hidden|"), pl.col("name_clean").str.to_lowercase()))
        .when(pl.col("alias").is_not_null())
        .then(pl.concat_str(pl.lit(SETTLED), "alias"))
        .when(free & pl.col("only").is_not_null() & (pl.col("k").str.len_chars() >= 3))
        .then(pl.concat_str(pl.lit("firm|"), "only", pl.lit("|"), "k", pl.lit("|")))
        .otherwise(pl.concat_str(pl.lit("firm|"), "place_prefix", pl.lit("|"), "k", pl.lit("|"), "tail")),
        rule_id=pl.when("is_anonymous")
        .then(pl.lit("anonymous"))
        .when(pl.col("alias").is_not_null())
        .then(pl.lit("alias"))
        .when(free & pl.col("only").is_not_null() & (pl.col("k").str.len_chars() >= 3))
        .then(pl.lit("key_one_place"))
        .when(pl.col("place_prefix") != "")
        .then(pl.lit("place_key"))
        .otherwise(pl.lit("key")),
    )
    frame = _join_brands(frame)
    frame = _join_cut(frame)
    return frame.drop("alias", "tail", "k", "only")


def _join_brands(frame: pl.DataFrame) -> pl.DataFrame:
    """A bare brand of three characters or more goes to the only entity with that brand."""
    longer = frame.filter(
        (pl.col("rule_id") != "anonymous") & ~pl.col("is_truncated") & (pl.col("name_key") != pl.col("brand_key"))
    )
    single = (
        longer.group_by("brand_key")
        .agg(n=pl.col("entity").n_unique(), to=pl.col("entity").min())
        .filter((pl.col("n") == 1) & (pl.col("brand_key").str.len_chars() >= 3))
        .select("brand_key", "to")
    )
    frame = frame.join(single, on="brand_key", how="left", maintain_order="left")
    move = (
        (pl.col("rule_id") == "key")
        & (pl.col("name_key") == pl.col("brand_key"))
        & (pl.col("branch") == "")
        & ~pl.col("is_truncated")
        & pl.col("to").is_not_null()
    )
    return frame.with_columns(
        entity=pl.when(move).then("to").otherwise("entity"),
        rule_id=pl.when(move).then(pl.lit("brand_one")).otherwise("rule_id"),
    ).drop("to")


def _join_cut(frame: pl.DataFrame) -> pl.DataFrame:
    """A name that the board cut goes to the only entity whose name begins with it."""
    cut = pl.col("is_truncated") & pl.col("rule_id").is_in(["key", "place_key", "key_one_place"])
    wanted = frame.with_row_index("i").filter(cut & (pl.col("name_clean").str.len_chars() >= 5))
    if wanted.is_empty():
        return frame
    whole = frame.filter(~pl.col("is_truncated") & ~pl.col("is_anonymous")).sort("name_clean", "entity")
    names, entities = whole["name_clean"].to_list(), whole["entity"].to_list()
    index, target = [], []
    for i, name in wanted.select("i", "name_clean").iter_rows():
        at = bisect_left(names, name)
        found: set[str] = set()
        while at < len(names) and names[at].startswith(name) and len(found) < 2:
            found.add(entities[at])
            at += 1
        if len(found) == 1:
            index.append(i)
            target.append(found.pop())
    entity = frame["entity"].scatter(index, target)
    rule = frame["rule_id"].scatter(index, ["cut_name"] * len(index))
    return frame.with_columns(entity=entity, rule_id=rule)


def _judged(parts: pl.DataFrame, ledger: tuple[Judgement, ...]) -> pl.DataFrame:
    """Apply the ledger in order of date: the last word on a pair of names stands."""
    if not ledger:
        return parts
    wanted = sorted({n for j in ledger for n in (j.name_a, j.name_b)})
    rows = parts.filter(pl.col("name_clean").is_in(wanted))
    entity: dict[str, str] = dict(rows.select("name_clean", "entity").iter_rows())
    moved: dict[str, str] = {}
    apart: dict[str, str] = {}
    for j in ledger:
        if j.name_a not in entity or j.name_b not in entity:
            continue
        was_a, was_b = entity[j.name_a], entity[j.name_b]
        a, b = apart.get(j.name_a, moved.get(was_a, was_a)), apart.get(j.name_b, moved.get(was_b, was_b))
        if j.same and a != b:
            keep, gone = min(a, b), max(a, b)
            moved = {k: keep if v == gone else v for k, v in moved.items()} | {gone: keep}
            apart = {k: keep if v == gone else v for k, v in apart.items()}
        elif not j.same and a == b:
            apart[j.name_b] = f"apart|{j.name_b.lower()}"
    frame = parts.with_columns(
        by_name=pl.col("name_clean").replace_strict(apart, default=None, return_dtype=pl.String()),
        by_entity=pl.col("entity").replace_strict(moved, default=None, return_dtype=pl.String()),
    )
    return frame.with_columns(
        entity=pl.coalesce("by_name", "by_entity", "entity"),
        rule_id=pl.when(pl.col("by_name").is_not_null())
        .then(pl.lit("judged_apart"))
        .when(pl.col("by_entity").is_not_null())
        .then(pl.lit("judged_same"))
        .otherwise("rule_id"),
    ).drop("by_name", "by_entity")


def _brands_apart(parts: pl.DataFrame, ledger: tuple[Judgement, ...]) -> pl.DataFrame:
    """A brand of their own for employers that the ledger keeps apart, lest the brand joins their openings again."""
    last = {frozenset((j.name_a, j.name_b)): j for j in ledger}
    others = parts.filter(pl.col("name_clean").is_in([j.name_b for j in last.values() if not j.same]))["entity"]
    own = pl.when(pl.col("entity").is_in(others.implode())).then(pl.concat_str(pl.lit("apart|"), "entity"))
    return parts.with_columns(brand_key=pl.coalesce(own, "brand_key"))


def _verdicts(
    parts: pl.DataFrame, hits: list[tuple[int, str, tuple[Rule, ...]]], as_of: date | None, units: Units
) -> pl.DataFrame:
    """One row per entity that any row of the lists touches: defence, group, surveillance, state_owned."""
    ids, ads = parts["employer_id"], parts["n_ads"]
    best: dict[str, tuple[tuple[int, int, int], affiliation.Verdict]] = {}
    surveillance: dict[str, bool] = defaultdict(bool)
    owned: dict[str, tuple[int, int, bool]] = {}
    for row, flat, rules in hits:
        verdict = affiliation.decide(rules, flat, as_of, units)
        key, n = ids[row], ads[row]
        rank = (RANK[verdict.defence], -n, row)
        if key not in best or rank < best[key][0]:
            best[key] = (rank, verdict)
        surveillance[key] |= bool(verdict.surveillance)
        if verdict.state_owned is not None and (key not in owned or (-n, row) < owned[key][:2]):
            owned[key] = (-n, row, verdict.state_owned)
    keys = sorted(best)
    return pl.DataFrame(
        {
            "employer_id": keys,
            "defence": [best[k][1].defence for k in keys],
            "defence_group": [best[k][1].group for k in keys],
            "surveillance_company": [surveillance[k] for k in keys],
            "state_owned": [
                True if RANK[best[k][1].defence] < 4 else owned[k][2] if k in owned else None for k in keys
            ],
        },
        schema={
            "employer_id": pl.String(),
            "defence": pl.String(),
            "defence_group": pl.String(),
            "surveillance_company": pl.Boolean(),
            "state_owned": pl.Boolean(),
        },
    )


def _employers(parts: pl.DataFrame, verdicts: pl.DataFrame) -> pl.DataFrame:
    """One row an employer, named by its fullest and commonest name, with what `verdicts` say of it."""
    ordered = parts.with_columns(short=pl.col("legal_form") == "", far=pl.col("branch") != "").sort(
        "employer_id", "is_truncated", "short", "far", pl.col("n_ads") * -1, "name_clean"
    )
    frame = ordered.group_by("employer_id", maintain_order=True).agg(
        name=pl.col("name_clean").first(),
        kind=pl.col("kind").first(),
        own=pl.col("entity").first().str.contains(r"\|[^|]*\|[^|]*\|.+"),
        is_agency=pl.col("is_agency").any(),
        is_anonymous=pl.col("is_anonymous").all(),
    )
    frame = frame.join(verdicts, on="employer_id", how="left", maintain_order="left")
    return frame.with_columns(
        kind=pl.when((pl.col("kind") == "company") & pl.col("own")).then(pl.lit("branch")).otherwise("kind"),
        defence=pl.col("defence").fill_null(pl.when("is_anonymous").then(pl.lit("unknown")).otherwise(pl.lit("none"))),
        surveillance_company=pl.col("surveillance_company").fill_null(pl.when(~pl.col("is_anonymous")).then(False)),
        state_owned=pl.when(pl.col("state_owned").is_null() & pl.col("kind").is_in(PUBLIC_KINDS))
        .then(pl.lit(True))
        .otherwise("state_owned"),
        succeeds=pl.lit([], dtype=pl.List(pl.String())),
    ).drop("own")


def _by_nature(
    employers: pl.DataFrame, parts: pl.DataFrame, natures: pl.DataFrame | None, rules: Rules
) -> pl.DataFrame:
    """`state_owned` of employers whose name does not tell, where nearly all ads that state a telling nature agree."""
    if natures is None or natures.is_empty():
        return employers
    text = pl.col("company_nature").str.strip_chars(" \t\r\n\u00a0\u3000[]'\"")
    says = pl.lit(None, pl.Boolean())
    for pattern, state in rules.natures:
        says = pl.when(text.str.contains(pattern)).then(pl.lit(state)).otherwise(says)
    told = (
        natures.with_columns(says=says).drop_nulls("says")
        .join(parts.select("name_raw", "employer_id"), on="name_raw")
        .group_by("employer_id")
        .agg(state=pl.col("n_ads").filter(pl.col("says")).sum(), n=pl.col("n_ads").sum())
        .with_columns(
            pl.when(pl.col("state") >= pl.col("n") * rules.agree).then(pl.lit(True))
            .when(pl.col("state") <= pl.col("n") * (1 - rules.agree)).then(pl.lit(False)).alias("stated")
        )
    )  # fmt: skip
    frame = employers.join(told.select("employer_id", "stated"), on="employer_id", how="left", maintain_order="left")
    stated = pl.when(~pl.col("is_anonymous")).then("stated")
    return frame.with_columns(state_owned=pl.coalesce("state_owned", stated)).drop("stated")


def _affiliations(parts: pl.DataFrame, hits: list[tuple[int, str, tuple[Rule, ...]]]) -> pl.DataFrame:
    """Every row that matches, in force or not: `as_of` and lists are chosen by the reader. What only a second name says is a
    step less sure."""
    ids, ads = parts["employer_id"], parts["n_ads"]
    named = {(ids[i], r.rule_id) for i, _, rules in hits if ads[i] for r in rules}
    rows = {
        (
            ids[i], r.tier, r.list_id, r.edition, r.valid_from, r.valid_to, r.rule_id,
            r.confidence if (ids[i], r.rule_id) in named else LESS_SURE[r.confidence],
        )
        for i, _, rules in hits
        for r in rules
        if r.tier
    }  # fmt: skip
    if not rows:
        return schema.AFFILIATIONS.empty()
    columns = list(schema.AFFILIATIONS.polars)
    frame = pl.DataFrame(list(rows), schema=schema.AFFILIATIONS.polars, orient="row")
    return schema.AFFILIATIONS.conform(frame).sort(columns, nulls_last=True)
