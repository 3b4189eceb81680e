"""Matching against synthetic truth: B-cubed precision, recall and F1, speed and memory.

python bench/match_synth.py DIR [--boilerplate 0.6]     DIR/ads and DIR/truth as written by `gangwei synth`

--boilerplate adds lines that an employer repeats in each of its ads, until they are that share of the text.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from gangwei import stage_tables
from gangwei.codebook import Codebook
from gangwei.stages import s1_read, s2_clean, s3_locate, s4_employers, s5_match


def b_cubed(truth: pl.Series, found: pl.Series) -> tuple[float, float, float]:
    """B-cubed precision, recall and F1 of two labelings of the same ads."""
    both = pl.DataFrame({"t": truth, "f": found}).with_columns(
        t_n=pl.len().over("t"), f_n=pl.len().over("f"), both=pl.len().over("t", "f")
    )
    p, r = both.select(p=(pl.col("both") / pl.col("f_n")).mean(), r=(pl.col("both") / pl.col("t_n")).mean()).row(0)
    return p, r, 2 * p * r / (p + r)


def pairwise(truth: pl.Series, found: pl.Series) -> tuple[float, float]:
    """Precision and recall over pairs of ads."""

    def pairs(*by: pl.Series) -> float:
        n = pl.DataFrame(list(by)).group_by(pl.all()).len()["len"].cast(pl.Float64)
        return float((n * (n - 1) / 2).sum())

    t, f = truth.alias("t"), found.alias("f")
    both = pairs(t, f)
    return both / max(1.0, pairs(f)), both / max(1.0, pairs(t))


def peak() -> float:
    """Peak memory of this process in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def signed(path: Path, book: Codebook, rules: s5_match.Rules) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, float]]:
    """Signatures and (source_key) of a folder of ads with CPU seconds by step."""
    clock = {"read": 0.0, "clean": 0.0, "locate": 0.0, "names": 0.0, "sign": 0.0}
    clean_rules, place_rules = s2_clean.compile_rules(book), s3_locate.compile_rules(book)
    scratch = path / ".match"
    scratch.mkdir(exist_ok=True)
    found, _ = s1_read.discover([str(path / "ads")], s1_read.Limits())
    parts, companies, at = [], [], time.process_time()

    def lap(step: str) -> None:
        nonlocal at
        now = time.process_time()
        clock[step] += now - at
        at = now

    for item in found:
        for batch in s1_read.read(item, book, s1_read.Limits(), s1_read.FileReport(item)):
            for raw in stage_tables.RAW.conform(batch.raw).iter_slices(32_768):
                lap("read")
                clean = stage_tables.CLEAN.conform(s2_clean.run(raw, clean_rules))
                lap("clean")
                located = stage_tables.LOCATED.conform(s3_locate.run(clean, place_rules))
                lap("locate")
                companies.append(clean["company"].value_counts())
                parts.append(scratch / f"{len(parts):05}")
                clean.write_parquet(parts[-1].with_suffix(".clean"), compression="lz4")
                located.write_parquet(parts[-1].with_suffix(".located"), compression="lz4")
                at = time.process_time()
    names = pl.concat(companies).group_by(pl.col("company").alias("name_raw")).agg(n_ads=pl.col("count").sum())
    known = s4_employers.run(names.drop_nulls("name_raw").sort("name_raw"), s4_employers.compile_rules(book), None)[0]
    lap("names")
    frames, keys = [], []
    for part in parts:
        clean, located = pl.read_parquet(part.with_suffix(".clean")), pl.read_parquet(part.with_suffix(".located"))
        frames.append(s5_match.sign(clean, located, s5_match.EmployerKeys(known), rules))
        keys.append(clean.select("source_key", "content_hash"))
        lap("sign")
        for suffix in (".clean", ".located"):
            part.with_suffix(suffix).unlink()
    shutil.rmtree(scratch)
    return pl.concat(frames), pl.concat(keys), clock


def with_boilerplate(folder: Path, share: float) -> Path:
    """A copy of DIR whose employers repeat lines, taken from other ads, in each of their texts."""
    out = folder / f"boilerplate-{share}"
    shutil.rmtree(out, ignore_errors=True)
    (out / "ads").mkdir(parents=True)
    (out / "truth").symlink_to((folder / "truth").resolve())
    for path in sorted((folder / "ads").glob("*.parquet")):
        ads = pl.read_parquet(path)
        truth = pl.read_parquet(folder / "truth" / path.name.replace("ads", "truth"))
        who = truth["hiring_employer_id"].hash(3)
        lines = ads["description"].head(4000).str.split("\n").explode().str.strip_chars()
        lines = lines.filter(lines.str.len_chars() > 15).unique(maintain_order=True)
        block = pl.DataFrame({"who": who.unique()})
        some = [lines[(block["who"] + 7919 * k) % lines.len()].alias(str(k)) for k in range(60)]
        block = block.with_columns(block=pl.DataFrame(some).select(pl.concat_str(pl.all(), separator="\n")).to_series())
        more = (pl.col("description").str.len_chars() * share / (1 - share)).cast(pl.Int64)
        ads = ads.with_columns(who=who).join(block, on="who", how="left", maintain_order="left")
        ads = ads.with_columns(pl.col("description") + pl.lit("\n") + pl.col("block").str.slice(0, more))
        ads.drop("who", "block").write_parquet(out / "ads" / path.name)
    return out


def ids(n: int) -> npt.NDArray[np.uint64]:
    """Unique ids in a scrambled order."""
    return np.arange(n, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dir", type=Path)
    parser.add_argument("--keep", action="store_true", help="write DIR/signed.parquet")
    parser.add_argument("--boilerplate", type=float, default=0.0)
    args = parser.parse_args()
    if args.boilerplate:
        args.dir = with_boilerplate(args.dir, args.boilerplate)
    book = Codebook()
    rules = s5_match.compile_rules(book)
    frame, keys, clock = signed(args.dir, book, rules)
    if args.keep:
        pl.concat([frame, keys.rename({"source_key": "key"})], how="horizontal").write_parquet(
            args.dir / "signed.parquet"
        )
    n = frame.height
    frame = frame.with_columns(pl.Series("ad_no", np.arange(n)), pl.Series("ad_id", ids(n)))
    s5_match.match(frame[:100], rules)
    at = time.process_time()
    out = s5_match.match(frame, rules)
    clock["match"] = time.process_time() - at
    truth = pl.concat([pl.read_parquet(p) for p in sorted((args.dir / "truth").glob("*.parquet"))])
    both = pl.concat([keys, out], how="horizontal").join(truth, left_on="source_key", right_on="id", how="left")
    print(f"{n} ads; us an ad:", {k: round(1e6 * v / n, 2) for k, v in clock.items()}, f"peak {peak():.2f} GB")
    print("all      B-cubed P {:.4f} R {:.4f} F1 {:.4f}".format(*b_cubed(both["opening_id"], both["opening_no"])))
    print("         pairs   P {:.4f} R {:.4f}".format(*pairwise(both["opening_id"], both["opening_no"])))
    for (kind,), part in sorted(both.group_by("kind"), key=lambda p: str(p[0])):
        print(
            f"  {kind!s:14} {part.height:8} ads, reasons",
            dict(part["match_reason"].value_counts(sort=True).head(4).iter_rows()),
        )
    named = both.filter(~pl.col("is_agency"), ~pl.col("is_anonymous"), pl.col("has_employer"))
    print("named    B-cubed P {:.4f} R {:.4f} F1 {:.4f}".format(*b_cubed(named["opening_id"], named["opening_no"])))
    both.drop("match_score").write_parquet(args.dir / "matched.parquet")


if __name__ == "__main__":
    main()
