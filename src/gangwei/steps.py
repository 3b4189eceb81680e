"""What one worker does: an input file, or one part, through one stage; functions of a module, so that they can travel."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import polars as pl

from gangwei import opinions, schema, stage_tables
from gangwei.codebook import Codebook, DefinitionError
from gangwei.kernels import corrections
from gangwei.stages import s1_read, s2_clean, s3_locate, s4_employers, s5_match, s6_classify
from gangwei.store import (
    PART_ROWS,
    map_part,
    read_frame,
    read_groups,
    rechunk,
    write_frames,
    write_json,
    writing,
)


@cache
def book(overlay: Path | None) -> Codebook:
    """One view of the definitions a process, so that what is made of them is made once."""
    return Codebook(overlay)


_STAGES: dict[str, Any] = {
    "s2_clean": s2_clean,
    "s3_locate": s3_locate,
    "s4_employers": s4_employers,
    "s5_match": s5_match,
    "s6_classify": s6_classify,
}
_MAKING = {stage: Lock() for stage in _STAGES}


def rules_of(stage: str, overlay: Path | None) -> Any:
    """The compiled rules of a stage, made once a process: threads that come meanwhile wait.

    Raises:
        DefinitionError: a definition is malformed.
    """
    with _MAKING[stage]:
        return _rules(stage, overlay)


@cache
def _rules(stage: str, overlay: Path | None) -> Any:
    try:
        return _STAGES[stage].compile_rules(book(overlay))
    except (ValueError, KeyError) as e:
        raise DefinitionError(f"definitions of {stage}: {e}; run `gangwei definitions check`") from None


def read_task(
    item: s1_read.Input,
    stages: Path,
    key: str,
    overlay: Path | None,
    landed: Callable[[Path, pl.DataFrame], None] | None = None,
) -> dict[str, Any]:
    """Read one input file into raw parts and rejects; the report is written last and marks the whole as done.

    `landed` gets each full part as soon as it is written; smaller ones may be put together with others.
    """
    report = s1_read.FileReport(item)
    rejects: list[pl.DataFrame] = []
    parts: list[int] = []

    def raws() -> Iterable[pl.DataFrame]:
        for batch in s1_read.read(item, book(overlay), s1_read.Limits(), report):
            if batch.rejects.height:
                rejects.append(schema.REJECTS.conform(batch.rejects))
            if batch.raw.height:
                yield stage_tables.RAW.conform(batch.raw)

    for i, whole in enumerate(rechunk(raws(), PART_ROWS)):
        raw = stages / "raw" / f"{key}-{i:05}.parquet"
        parts.append(write_frames(raw, stage_tables.RAW, [whole]))
        if landed is not None and whole.height == PART_ROWS:
            landed(raw, whole)
    write_frames(stages / "rejects" / f"{key}.parquet", schema.REJECTS, rejects)
    done = {**report.as_dict(), "key": key, "parts": parts}
    write_json(stages / "raw" / f"{key}.json", done)
    return done


def gather_task(parts: list[Path], out: Path) -> int:
    """Put small raw parts together."""
    return write_frames(out, stage_tables.RAW, [pl.concat(read_frame(p) for p in parts)])


def clean_task(raw: Path, out: Path, overlay: Path | None) -> int:
    """Clean one part."""
    rules = rules_of("s2_clean", overlay)
    fixes = book(overlay).frame("corrections.csv")
    return map_part([raw], out, stage_tables.CLEAN, lambda f: s2_clean.run(corrections.apply(f, fixes), rules), [None])


def locate_task(clean: Path, out: Path, overlay: Path | None) -> int:
    """Locate one part."""
    rules = rules_of("s3_locate", overlay)
    return map_part([clean], out, stage_tables.LOCATED, lambda f: s3_locate.run(f, rules), [s3_locate.COLUMNS])


def clean_and_locate_task(
    raw: Path, clean: Path, out: Path, overlay: Path | None, rows: pl.DataFrame | None = None
) -> int:
    """Clean one part and locate it, row group by row group: locating holds the interpreter lock, cleaning does not, so
    that parts side by side fill in for each other. `rows` are those of the part where they are still in memory."""
    rules, places = (rules_of(s, overlay) for s in ("s2_clean", "s3_locate"))
    fixes = book(overlay).frame("corrections.csv")
    with writing(clean, stage_tables.CLEAN) as cleaned, writing(out, stage_tables.LOCATED) as located:
        for group in read_groups(raw) if rows is None else [rows.rechunk()]:
            ads = s2_clean.run(corrections.apply(group, fixes), rules)
            cleaned.write(ads)
            located.write(s3_locate.run(ads.select(s3_locate.COLUMNS), places))
    return located.rows


_opinions = lru_cache(1)(opinions.load)  # a file is named after its content


def classify_task(clean: Path, second: Path, out: Path, overlay: Path | None) -> int:
    """Classify one part; `second` holds the opinions in force."""
    rules = rules_of("s6_classify", overlay)
    columns = ["title", "text", "sections", "tags"]
    told = _opinions(second)
    return map_part([clean], out, stage_tables.CLASSIFIED, lambda f: s6_classify.run(f, rules, told), [columns])


@lru_cache(1)
def _employers(names: Path) -> s5_match.EmployerKeys:
    return s5_match.EmployerKeys(read_frame(names))


def sign_task(clean: Path, located: Path, names: Path, out: Path, overlay: Path | None) -> int:
    """Signatures of one part for matching."""
    rules = rules_of("s5_match", overlay)
    employers, groups = (
        _employers(names),
        zip(read_groups(clean, s5_match.CLEAN), read_groups(located, s5_match.LOCATED)),
    )
    frames = (s5_match.signed(ads, places, employers, rules) for ads, places in groups)
    return write_frames(out, s5_match.SIGNED, frames, **s5_match.WRITTEN)
