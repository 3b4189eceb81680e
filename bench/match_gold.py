"""Pairwise precision and recall of the matcher on labelled pairs of real ads.

    python bench/match_gold.py SHARED [--published DIR] [--gold FILE] [--errors]

Without --published the kernels run on SHARED/data/postings_real.parquet; with it, the build of that file in DIR is scored.
An ad pair counts as *merged* when both share an opening; labels same_opening, repost and agency_copy should be merged,
all others not. Campaign pairs should share a campaign and no opening.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
import polars as pl

from gangwei import stage_tables
from gangwei.codebook import Codebook
from gangwei.stages import s1_read, s2_clean, s3_locate, s4_employers, s5_match

MERGED = ("same_opening", "repost")


def stages(path: Path, book: Codebook) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Clean and located frames of one input."""
    clean_rules, place_rules = s2_clean.compile_rules(book), s3_locate.compile_rules(book)
    found, _ = s1_read.discover([str(path)], s1_read.Limits())
    clean, located = [], []
    for item in found:
        for batch in s1_read.read(item, book, s1_read.Limits(), s1_read.FileReport(item)):
            if batch.raw.height:
                clean.append(stage_tables.CLEAN.conform(s2_clean.run(stage_tables.RAW.conform(batch.raw), clean_rules)))
                located.append(stage_tables.LOCATED.conform(s3_locate.run(clean[-1], place_rules)))
    return pl.concat(clean), pl.concat(located)


def employer_names(clean: pl.DataFrame, book: Codebook) -> pl.DataFrame:
    """Distinct names resolved."""
    names = clean.group_by(pl.col("company").alias("name_raw")).len("n_ads").drop_nulls("name_raw").sort("name_raw")
    return s4_employers.run(names, s4_employers.compile_rules(book), None)[0]


def matched(clean: pl.DataFrame, located: pl.DataFrame, names: pl.DataFrame, rules: s5_match.Rules) -> pl.DataFrame:
    """Ads with source_key, opening, campaign and relation; prints speed."""
    began = time.process_time()
    signed = s5_match.sign(clean, located, s5_match.EmployerKeys(names), rules)
    middle = time.process_time()
    signed = signed.with_columns(
        pl.Series("ad_no", np.arange(signed.height)), pl.Series("ad_id", clean["content_hash"]).hash(7)
    )
    out = s5_match.match(signed, rules)
    end = time.process_time()
    n = clean.height
    print(f"{n} ads: sign {1e6 * (middle - began) / n:.2f} us an ad, match {1e6 * (end - middle) / n:.2f} us an ad")
    return pl.concat([clean.select("source_key"), out], how="horizontal").rename(
        {"opening_no": "opening_id", "campaign_no": "campaign_id"}
    )


def wilson(k: float, n: float, z: float = 1.96) -> str:
    """'0.973 [0.951-0.985] (k/n)'."""
    if n == 0:
        return "-"
    p = k / n
    mid, half = (
        (p + z * z / (2 * n)) / (1 + z * z / n),
        z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n),
    )
    return f"{p:.3f} [{max(0, mid - half):.3f}-{min(1, mid + half):.3f}] ({k:g}/{n:g})"


def score(pairs: pl.DataFrame) -> dict[str, float]:
    """Weighted precision and recall of merged pairs."""
    w = pairs["weight"].to_numpy()
    truth, got = pairs["truth"].to_numpy(), pairs["merged"].to_numpy()
    hit = w[truth & got].sum()
    return {"precision": hit / max(w[got].sum(), 1e-9), "recall": hit / max(w[truth].sum(), 1e-9)}


def bootstrap(pairs: pl.DataFrame, rounds: int = 1000) -> dict[str, str]:
    """95 % intervals of the weighted scores: resampling inside strata."""
    rng = np.random.default_rng(1)
    groups = [g for _, g in sorted(pairs.group_by("stratum"), key=lambda p: str(p[0]))]
    runs = [score(pl.concat([g[rng.integers(0, g.height, g.height)] for g in groups])) for _ in range(rounds)]
    centre = score(pairs)
    return {
        k: f"{centre[k]:.3f} [{np.quantile([r[k] for r in runs], 0.025):.3f}-{np.quantile([r[k] for r in runs], 0.975):.3f}]"
        for k in centre
    }


def evaluate(ads: pl.DataFrame, gold: pl.DataFrame) -> pl.DataFrame:
    """Gold pairs with what the matcher said."""
    keep = ads.select("source_key", "opening_id", "campaign_id", "match_relation", "match_reason", "match_score")
    pairs = gold.join(
        keep.rename({c: c + "_a" for c in keep.columns}), left_on="a", right_on="source_key_a", how="left"
    )
    pairs = pairs.join(
        keep.rename({c: c + "_b" for c in keep.columns}), left_on="b", right_on="source_key_b", how="left"
    )
    return pairs.with_columns(
        truth=pl.col("relation").is_in(MERGED),
        merged=(pl.col("opening_id_a") == pl.col("opening_id_b")).fill_null(False),
        linked=(pl.col("campaign_id_a") == pl.col("campaign_id_b")).fill_null(False),
        agency=(pl.col("match_relation_a") == "agency_copy") | (pl.col("match_relation_b") == "agency_copy"),
        weight=pl.col("stratum_population") / pl.col("stratum_sample"),
    ).sort("pair_id")


def right() -> pl.Expr:
    """Whether a pair was treated as its relation asks: merged, linked by a campaign only, or neither."""
    return (
        pl.when(pl.col("relation").is_in([*MERGED, "agency_copy"]))
        .then("merged")
        .when(pl.col("relation") == "campaign")
        .then(pl.col("linked") & ~pl.col("merged"))
        .otherwise(~pl.col("merged") & ~pl.col("linked"))
    )


def report(pairs: pl.DataFrame) -> None:
    """Print the tables."""
    for name, part in (("all labels", pairs), ("high confidence", pairs.filter(pl.col("confidence") == "high"))):
        plain = part.filter(pl.col("relation") != "agency_copy")
        tp = plain.filter("truth", "merged").height
        print(f"\n{name}: {part.height} pairs (agency copies apart)")
        print(
            "  precision",
            wilson(tp, plain.filter("merged").height),
            " recall",
            wilson(tp, plain.filter("truth").height),
        )
        print("  weighted ", bootstrap(plain))
        for (relation,), r in sorted(part.with_columns(right=right()).group_by("relation")):
            w, ok = r["weight"].to_numpy(), r["right"].to_numpy()
            extra = f"; merged {r.filter('merged').height}, linked {r.filter('linked').height}"
            print(f"  {relation:13} right {wilson(ok.sum(), r.height):34} weighted {w[ok].sum() / w.sum():.3f}{extra}")
    print("\nby stratum (agency copies apart in precision and recall): right; precision; recall; weight of a pair")
    for (stratum,), r in sorted(pairs.with_columns(right=right()).group_by("stratum")):
        plain = r.filter(pl.col("relation") != "agency_copy")
        tp = plain.filter("truth", "merged").height
        cells = (
            (r.filter("right").height, r.height),
            (tp, plain.filter("merged").height),
            (tp, plain.filter("truth").height),
        )
        print(f"  {stratum:24} " + " ".join(f"{wilson(*c):34}" for c in cells) + f" {r['weight'][0]:.1f}")


def errors(pairs: pl.DataFrame) -> pl.DataFrame:
    """Pairs the matcher gets wrong."""
    return pairs.filter(~right()).sort("relation", "confidence", "stratum", "pair_id")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path)
    parser.add_argument("--published", type=Path)
    parser.add_argument("--gold", type=Path)
    parser.add_argument("--errors", action="store_true")
    args = parser.parse_args()
    gold = pl.read_ndjson(args.gold or args.shared / "gold" / "pairs_dev.jsonl")
    if args.published:
        ads = pl.read_parquet(args.published / "published" / "ads.parquet")
    else:
        book = Codebook()
        clean, located = stages(args.shared / "data" / "postings_real.parquet", book)
        ads = matched(clean, located, employer_names(clean, book), s5_match.compile_rules(book))
    pairs = evaluate(ads, gold)
    report(pairs)
    if args.errors:
        for row in errors(pairs).iter_rows(named=True):
            print(
                json.dumps(
                    {k: row[k] for k in ("pair_id", "relation", "confidence", "stratum", "why")}, ensure_ascii=False
                )
            )


if __name__ == "__main__":
    main()
