"""Are the definitions sound, and how many ads change label under other ones?"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl

from gangwei import opinions
from gangwei.codebook import Codebook, DefinitionError
from gangwei.config import Settings
from gangwei.formats.pages import compile_pages
from gangwei.mapping.guess import load_knowledge
from gangwei.mapping.source import load_sources
from gangwei.pipeline import Build
from gangwei.stages import s2_clean, s3_locate, s4_employers, s5_match, s6_classify
from gangwei.store import StoreError, locked, read_json

COMPARED = (
    "ai_tier", "ai_mention", "ai_role", "ai_subfields", "surveillance_job", "defence_signal", "place_status", "adcode", "county_adcode",
    "employer_id", "opening_id", "campaign_id", "pay_status", "pay_min_fen", "pay_max_fen", "pay_unit", "education",
    "experience_min_months", "seniority", "employment_type", "occupation_code", "industry_code", "title",
)  # fmt: skip
EMPLOYER_COMPARED = (
    "kind",
    "defence",
    "defence_group",
    "surveillance_company",
    "state_owned",
    "is_agency",
    "is_anonymous",
)
COMPILED: tuple[tuple[str, Callable[[Codebook], object]], ...] = (
    ("s1_read", load_sources),
    ("s1_read", load_knowledge),
    ("s1_read", compile_pages),
    ("s2_clean", s2_clean.compile_rules),
    ("s3_locate", s3_locate.compile_rules),
    ("s4_employers", s4_employers.compile_rules),
    ("s5_match", s5_match.compile_rules),
    ("s6_classify", s6_classify.compile_rules),
)
"""What each stage compiles its definitions with."""


def check(folder: Path | None) -> list[str]:
    """Problems found: files that nothing reads, unreadable ones, rows without id, ids that repeat, rules that do not compile."""
    book = Codebook(folder)
    problems = [f"{n}: no packaged file has this name, so nothing reads it" for n in book.unread()]
    with suppress(DefinitionError):  # said of the file below
        problems += book.without_columns()
    for name in book.names(".", ".csv"):
        try:
            rows = book.rows(name)
        except DefinitionError as e:
            problems.append(str(e))
            continue
        if rows and "id" in rows[0]:
            dated = "from" in rows[0]  # one code in several periods or under several names
            for key, n in Counter(
                " ".join([r["id"], *([r["from"], r["name"]] if dated and r["id"] else [])]) for r in rows
            ).items():
                if not key or n > 1:
                    problems.append(
                        f"{name}: id {key!r} stands {n} times" if key else f"{name}: {n} rows without an id"
                    )
    for name in book.names(".", ".toml"):
        try:
            book.toml(name)
        except DefinitionError as e:
            problems.append(str(e))
    for stage, compiled in COMPILED:
        try:
            compiled(book)
        except Exception as e:
            problems.append(f"{stage}: rules do not compile: {e}")
    return problems


def diff(directory: Path, folder: Path) -> dict[str, Any]:
    """Build the same ads, as they were built, under the definitions of `folder` (in a scratch directory) and count what changes.

    Unchanged stages are taken from `directory`; its published tables are not touched.

    Raises:
        StoreError: `directory` holds no build, or its intermediate files were removed.
    """
    if not (directory / "stages" / "raw").is_dir() or not (directory / "published").is_dir():
        raise StoreError(f"{directory}: needs a build with its intermediate files; run `gangwei build` first")
    # The scratch build writes into the same stages/: no other build may run beside it.
    with locked(directory), tempfile.TemporaryDirectory(dir=directory, prefix=".diff-", suffix=".tmp") as scratch:
        out = Path(scratch)
        shutil.copy(directory / "build.json", out / "build.json")
        if (directory / opinions.LEDGER).exists():
            shutil.copy(directory / opinions.LEDGER, out / opinions.LEDGER)
        (out / "stages").symlink_to((directory / "stages").resolve(), target_is_directory=True)
        told = read_json(directory / "published" / "manifest.json").get("parameters", {})
        same = {k: told[k] for k in ("window_days", "threshold", "as_of", "texts") if k in told}
        Build(Settings(out=out, add=True, definitions=folder, **same)).run()
        return _compare(directory / "published", out / "published")


def _changes(
    old: pl.DataFrame, new: pl.DataFrame, columns: tuple[str, ...], noun: str
) -> tuple[dict[str, Any], list[str]]:
    found: dict[str, Any] = {}
    lines: list[str] = []
    for c in columns:
        pairs = pl.DataFrame({"old": _words(old[c]), "new": _words(new[c])})
        moved = (
            pairs.filter(pl.col("old").ne_missing(pl.col("new")))
            .group_by("old", "new")
            .len()
            .sort("len", "old", "new", descending=[True, False, False])
        )
        n = int(moved["len"].sum())
        if n:
            found[c] = {"n": n, "of": old.height, "moves": moved.head(20).rows()}
            top = ", ".join(f"{a} -> {b} {k:,}" for a, b, k in moved.head(5).rows()) + (
                ", …" if moved.height > 5 else ""
            )
            lines.append(f"{c}: {n:,} of {old.height:,} {noun} change ({top})")
    return found, lines


def _named_as(old: pl.Series, new: pl.Series) -> pl.Series:
    """Ids of groups, those of groups of the same ads as before as they were: additions keep names, a whole build does not."""
    pairs = pl.DataFrame({"old": old, "new": new})
    same = (pl.col("old").n_unique().over("new") == 1) & (pl.col("new").n_unique().over("old") == 1)
    return pairs.select(pl.when(same).then("old").otherwise("new").alias(new.name)).to_series()


def _words(values: pl.Series) -> pl.Series:
    return values.list.sort().list.join(", ") if isinstance(values.dtype, pl.List) else values.cast(pl.String)


def _compare(old: Path, new: Path) -> dict[str, Any]:
    ads = [pl.read_parquet(p / "ads.parquet", columns=list(COMPARED), glob=False) for p in (old, new)]
    ads[1] = ads[1].with_columns(_named_as(ads[0]["opening_id"], ads[1]["opening_id"]))
    employers = [pl.read_parquet(p / "employers.parquet", glob=False) for p in (old, new)]
    found, lines = _changes(ads[0], ads[1], COMPARED, "ads")
    both = employers[0].join(employers[1], on="employer_id", suffix="_new")
    renamed = both.select("employer_id", *(pl.col(f"{c}_new").alias(c) for c in EMPLOYER_COMPARED))
    more, more_lines = _changes(both, renamed, EMPLOYER_COMPARED, "employers")
    counts = {
        n: [pl.scan_parquet(p / f"{n}.parquet", glob=False).select(pl.len()).collect().item() for p in (old, new)]
        for n in ("openings", "employers")
    }
    lines += more_lines + [f"{n}: {a:,} -> {b:,}" for n, (a, b) in counts.items() if a != b]
    return {"ads": found, "employers": more, "counts": counts, "lines": lines or ["no ad changes label"]}
