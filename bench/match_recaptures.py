"""Recall on re-captures: rows of one export that carry the same id of the board.

    python bench/match_recaptures.py FILE [--no-ids]

--no-ids hides the boards' ids and addresses from the matcher, so that titles and texts alone must find the repeats.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import polars as pl
from match_gold import employer_names, stages, wilson
from match_synth import ids

from gangwei.codebook import Codebook
from gangwei.stages import s5_match


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--no-ids", action="store_true")
    args = parser.parse_args()
    book = Codebook()
    rules = s5_match.compile_rules(book)
    clean, located = stages(args.file, book)
    frame = s5_match.sign(clean, located, s5_match.EmployerKeys(employer_names(clean, book)), rules)
    if args.no_ids:
        frame = frame.with_columns(job=pl.lit(0, pl.UInt64), url=pl.lit(0, pl.UInt64))
    n = frame.height
    out = s5_match.match(frame.with_columns(pl.Series("ad_no", np.arange(n)), pl.Series("ad_id", ids(n))), rules)
    rows = pl.DataFrame(
        {"key": clean["source_key"], "opening": out["opening_no"], "text": frame["text_hash"], "title": clean["title"]}
    )
    raw = pl.read_parquet(args.file, columns=["职位描述"])["职位描述"]
    rows = rows.with_columns(raw=raw if raw.len() == n else pl.lit(None, pl.String))
    by_id = rows.group_by("key").agg(
        pl.len(), one=pl.col("opening").n_unique() == 1, changed=pl.col("text").n_unique() > 1,
        retitled=pl.col("title").n_unique() > 1, written=pl.col("raw").n_unique() > 1,
    ).filter(pl.col("len") > 1)  # fmt: skip
    print(f"{n} ads, {rows['key'].n_unique()} ids, {by_id.height} ids that repeat")
    for name, part in (
        ("all", by_id), ("text as before", by_id.filter(~pl.col("changed"))), ("text changed as written", by_id.filter("written")), ("changed text", by_id.filter("changed")),
        ("changed text, same title", by_id.filter("changed", ~pl.col("retitled"))),
    ):  # fmt: skip
        print(f"  {name:26} in one opening {wilson(part.filter('one').height, part.height)}")


if __name__ == "__main__":
    main()
