"""Employers with two names in one row: which brand and legal name are one employer, as the rows of the data themselves say.

Two entities become one where most ads with two names that either of them has give just this pair, so no entity joins more than one
other; agencies, hidden and cut names, branches and names registered in different places never do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from gangwei.codebook import Codebook

RULE = "second_name"
FLAGS = ("is_agency", "is_anonymous", "is_truncated")


@dataclass(frozen=True)
class SecondNames:
    """`employers/second_names.toml`: the share of ads that must agree and what a brand and a legal name look like."""

    share: float
    legal_form: str
    whole_brand: int
    group: str


def compile_rules(book: Codebook) -> SecondNames:
    """Rules from `employers/second_names.toml`.

    Raises:
        gangwei.codebook.DefinitionError: the file is missing or malformed.
        ValueError: the share lets an employer have two partners.
    """
    told = book.toml("employers/second_names.toml")
    if told["share"] <= 0.5:
        raise ValueError(f"employers/second_names.toml: share {told['share']} is not above 0.5")
    return SecondNames(float(told["share"]), told["legal_form"], int(told["whole_brand"]), told["group"])


def told(seconds: pl.DataFrame | None, names: pl.DataFrame) -> pl.DataFrame:
    """Pairs of two different names of which the first is among `names`: `name_raw`, `second_name`, `n_ads`."""
    if seconds is None or seconds.is_empty():
        return pl.DataFrame(schema={"name_raw": pl.String(), "second_name": pl.String(), "n_ads": pl.Int64()})
    second = pl.col("second_name")
    filled = seconds.filter((second.str.strip_chars() != "") & (second != pl.col("name_raw")))
    return filled.join(names.select("name_raw"), on="name_raw", how="semi").sort("name_raw", "second_name")


def added(names: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """`name_raw` and `n_ads` with the second names that no ad has as its first, which count no ads."""
    more = pairs.select(name_raw="second_name", n_ads=pl.lit(0, pl.Int64)).unique()
    return pl.concat([names.select("name_raw", "n_ads"), more.join(names, on="name_raw", how="anti")]).sort("name_raw")


def join(
    parts: pl.DataFrame, pairs: pl.DataFrame, rules: SecondNames, own_brands: str, trade_only: str
) -> pl.DataFrame:
    """The parts with `entity` and `rule_id` of names whose employer has become another's.

    Args:
        parts: COLUMNS of `kernels.employer`, `entity` and `rule_id`, one row a name; holds every name of `pairs`.
        pairs: from `told`.
        own_brands: what entities begin with whose brand a person has settled.
        trade_only: pattern of names that are nothing but words of trades.
    """
    sides = parts.select(
        "name_raw", "entity", "name_clean", "name_key", "brand_key", "place_prefix",
        settled=pl.col("entity").str.starts_with(own_brands),
        legal=(legal := pl.col("legal_form").str.contains(rules.legal_form)),
        registered=legal.any().over("entity"),
        barred=pl.any_horizontal(*FLAGS) | (pl.col("branch") != "") | (pl.col("kind") != "company"),
    )  # fmt: skip
    pairs = pairs.join(sides, on="name_raw").join(
        sides.rename({c: f"{c}_2" for c in sides.columns if c != "name_raw"} | {"name_raw": "second_name"}),
        on="second_name",
    )
    ends = pl.concat(
        [pairs.select("entity", "n_ads"), pairs.filter(pl.col("entity") != pl.col("entity_2")).select(entity="entity_2", n_ads="n_ads")]
    )  # fmt: skip
    total = ends.group_by("entity").agg(pl.col("n_ads").sum())
    moves = _agreed(_good(pairs, rules, trade_only), total, rules.share)
    frame = parts.join(moves, on="entity", how="left", maintain_order="left")
    moved = pl.col("to").is_not_null()
    return frame.with_columns(
        entity=pl.coalesce("to", "entity"), rule_id=pl.when(moved).then(pl.lit(RULE)).otherwise("rule_id")
    ).drop("to")


def _good(pairs: pl.DataFrame, rules: SecondNames, trade_only: str) -> pl.DataFrame:
    """The pairs of a brand and a legal name of different entities: `gone` joins `kept`, with the ads that say so."""
    brand = {
        c: pl.when("legal").then(f"{c}_2").otherwise(c)
        for c in ("name_clean", "name_key", "brand_key", "registered", "settled")
    }
    core = pl.col("brand_key") == pl.col("brand_key_2")
    whole = (
        (brand["settled"] | (brand["name_key"].str.len_chars() >= rules.whole_brand))
        & ~brand["name_key"].str.contains(trade_only)
        & ~brand["name_clean"].str.to_lowercase().str.contains(rules.group)
    )
    places = (pl.col("place_prefix") == "") | (pl.col("place_prefix_2") == "")
    good = pairs.filter(
        (pl.col("entity") != pl.col("entity_2"))
        & (pl.col("legal") != pl.col("legal_2"))
        & ~(pl.col("barred") | pl.col("barred_2"))
        & ~(pl.col("settled") & pl.col("settled_2"))
        & (brand["settled"] | ~brand["registered"])
        & (places | (pl.col("place_prefix") == pl.col("place_prefix_2")))
        & (core | whole)
    )
    first = pl.col("settled") | (pl.col("legal") & ~pl.col("settled_2"))
    return good.group_by(
        kept=pl.when(first).then("entity").otherwise("entity_2"),
        gone=pl.when(first).then("entity_2").otherwise("entity"),
    ).agg(pl.col("n_ads").sum())


def _agreed(good: pl.DataFrame, total: pl.DataFrame, share: float) -> pl.DataFrame:
    """`entity` and what it is joined `to`, where most ads of both agree; a share above a half leaves each one partner."""
    both = good.join(total.rename({"n_ads": "of_kept"}), left_on="kept", right_on="entity").join(
        total.rename({"n_ads": "of_gone"}), left_on="gone", right_on="entity"
    )
    most = pl.col("n_ads") >= share * pl.max_horizontal("of_kept", "of_gone")
    return both.filter(most).select(entity="gone", to="kept")
