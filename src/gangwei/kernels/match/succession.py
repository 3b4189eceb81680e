"""Stable names as ads arrive.

An opening keeps its name while it only gains ads and gets a new one, with what it succeeds, when it loses or merges. An
employer's id follows from its names alone; when names move to another employer, that one succeeds the first.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from gangwei.kernels.identity import hex_names, mix

RENEWED = 5


def succeed(old: pl.DataFrame, old_succeeds: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """Names for the openings of a dataset that continues an earlier one.

    Args:
        old: ad_id, opening_id of the earlier dataset, one row an ad.
        old_succeeds: opening_id, succeeds (list) of the earlier dataset.
        new: ad_id, opening_id (its canonical name) of the dataset now, one row an ad.

    Returns:
        canonical, opening_id, succeeds (earlier ids that it replaces, and those that these had replaced): one row for each
        opening of `new`, sorted by canonical.
    """
    joined = new.rename({"opening_id": "canonical"}).join(
        old.rename({"opening_id": "before"}), on="ad_id", how="left", maintain_order="left"
    )
    gone = old.join(new, on="ad_id", how="anti")["opening_id"].unique()
    links = joined.select("canonical", "before").drop_nulls("before").unique().sort("canonical", "before")
    spread = links.group_by("before").len("n_new")
    merged = links.group_by("canonical").len("n_old")
    links = links.join(spread, on="before", maintain_order="left").join(merged, on="canonical", maintain_order="left")
    links = links.with_columns(
        whole=(pl.col("n_new") == 1) & (pl.col("n_old") == 1) & ~pl.col("before").is_in(gone.implode())
    )
    kept = links.filter("whole").select("canonical", opening_id="before")
    replaced = links.filter(~pl.col("whole")).select("canonical", "before")
    ledger = old_succeeds.explode("succeeds", empty_as_null=True).drop_nulls("succeeds")
    theirs = replaced.join(ledger, left_on="before", right_on="opening_id").select("canonical", before="succeeds")
    succeeds = pl.concat([replaced, theirs]).unique().group_by("canonical").agg(fresh=pl.col("before").sort())
    names = joined.select("canonical").unique().sort("canonical")
    names = names.join(kept, on="canonical", how="left", maintain_order="left").join(
        succeeds, on="canonical", how="left", maintain_order="left"
    )
    taken = {*old["opening_id"].unique(), *ledger["succeeds"]}
    fresh = names.filter(pl.col("opening_id").is_null())["canonical"].to_list()
    renamed = {name: _unused(name, taken) for name in fresh if name in taken}
    names = names.with_columns(opening_id=pl.coalesce("opening_id", pl.col("canonical").replace(renamed)))
    earlier = old_succeeds.select("opening_id", inherited="succeeds")
    names = names.join(earlier, on="opening_id", how="left", maintain_order="left")
    empty = pl.lit([], pl.List(pl.String))
    return names.select("canonical", "opening_id", succeeds=pl.coalesce("fresh", "inherited", empty))


def succeed_employers(old: pl.DataFrame, old_succeeds: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """What employers succeed in a dataset that continues an earlier one.

    Args:
        old: name_raw, employer_id of the earlier dataset, one row a name; `new`: the same now.
        old_succeeds: employer_id, succeeds (list) of the earlier dataset.

    Returns:
        employer_id, succeeds (list of ids, sorted): employers of `new` that took over names of others, by an earlier
        build or now, sorted by id.
    """
    moved = new.join(old.rename({"employer_id": "before"}), on="name_raw", how="inner").select("employer_id", "before")
    earlier = old_succeeds.join(new.select("employer_id").unique(), on="employer_id", how="semi")
    ledger = earlier.explode("succeeds", empty_as_null=True).drop_nulls("succeeds").rename({"succeeds": "before"})
    both = pl.concat([moved, ledger.select("employer_id", "before")]).filter(pl.col("before") != pl.col("employer_id"))
    return both.unique().group_by("employer_id").agg(succeeds=pl.col("before").sort()).sort("employer_id")


def _unused(name: str, taken: set[str]) -> str:
    """A name made from `name` that no earlier opening bears."""
    while name in taken:
        name = hex_names(mix(np.array([int(name, 16)], np.uint64), RENEWED))[0]
    return name
