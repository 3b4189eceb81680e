"""Publish: row-aligned stage parts become the tables of the contract, checked, then swapped in at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from gangwei import schema, stage_tables
from gangwei.checks import verify
from gangwei.chunks import Copying
from gangwei.codebook import OWN
from gangwei.kernels.clean import contacts
from gangwei.kernels.job import skills
from gangwei.kernels.lookup import Lookup
from gangwei.kernels.match.crowds import Crowds
from gangwei.stages.s7_groups import SLIM, slim, write_groups
from gangwei.stages.s7_manifest import metadata
from gangwei.stages.s7_source import (
    CAMPAIGN,
    OPENING,
    SPELL,
    Sets,
    Source,
    entities,
    named,
    picked,
    renamed,
    successions,
)
from gangwei.store import arrow_table, published, read_frame, read_groups, swapped, write_frames

_COPIED = (schema.ADS, schema.TEXTS)
_MADE = (
    "ad_id", "employer_id", "opening_id", "spell_id", "campaign_id", "match_relation", "match_reason", "match_score",
    "matched_ad_id",
)  # fmt: skip
LINKED = ("same_opening", "repost", "agency_copy")


class _Employers:
    """Employer ids by name as written."""

    def __init__(self, path: Path) -> None:
        names = read_frame(path, ["name_raw", "employer_id"])
        self.known = Lookup(names["name_raw"])
        self.ids = pl.concat([names["employer_id"], pl.Series([None], dtype=pl.String)])

    def of(self, company: pl.Series) -> pl.Series:
        """The employer of each name; null for a null."""
        found = self.known.find(company)
        return self.ids[np.where(found < 0, len(self.ids) - 1, found)]


def _ads(
    source: Source, later: pl.DataFrame, employers: _Employers, at: int, clean: pl.DataFrame, located: pl.DataFrame,
    classified: pl.DataFrame, matched: pl.DataFrame,
) -> pl.DataFrame:  # fmt: skip
    return clean.with_columns(
        named(source, pl.Series(np.arange(at, at + clean.height)), None).alias("ad_id"),
        employers.of(clean["company"]).alias("employer_id"),
        renamed(named(source, matched["opening_no"], OPENING), later).alias("opening_id"),
        named(source, matched["spell_no"], SPELL).alias("spell_id"),
        named(source, matched["campaign_no"], CAMPAIGN).alias("campaign_id"),
        named(source, matched["matched_no"], None).alias("matched_ad_id"),
        *matched.select("match_relation", "match_reason", "match_score").get_columns(),
        *located.get_columns(),
        *classified.get_columns(),
    )


def _decisions(source: Source, ads: pl.DataFrame) -> pl.DataFrame:
    """Rows of the decisions table of one part: matches, then evidence."""
    version = source.definitions_version
    matched = ads.select("ad_id", "match_relation", "match_reason", "match_score")
    matches = matched.filter(pl.col("match_relation").is_in(LINKED)).select(
        "ad_id",
        stage=pl.lit("s5_match"),
        decision="match_relation",
        reason_id="match_reason",
        rule_id="match_reason",
        field=pl.lit(None, pl.String),
        start=pl.lit(None, pl.Int32),
        end=pl.lit(None, pl.Int32),
        score="match_score",
    )
    hits = (
        ads.select("ad_id", "hits")
        .filter(pl.col("hits").list.len() > 0)
        .explode("hits")
        .unnest("hits")
        .with_columns(stage=pl.lit("s6_classify"))
        .select(matches.columns)
    )
    return pl.concat([matches, hits]).with_columns(definitions_version=pl.lit(version))


def _ad_places(ads: pl.DataFrame) -> pl.DataFrame:
    return (
        ads.select("ad_id", "places")
        .filter(pl.col("places").list.len() > 0)
        .explode("places")
        .unnest("places")
        .select("ad_id", "adcode", "weight")
    )


def _reject_decisions(source: Source, rejects: pl.DataFrame) -> pl.DataFrame:
    return rejects.select(
        ad_id=pl.lit(None, pl.String),
        stage=pl.lit("s1_read"),
        decision=pl.lit("reject"),
        reason_id="reason_id",
        rule_id=pl.concat_str(
            "source_id", pl.lit("#"), "file", pl.lit("#"), pl.col("row").cast(pl.String), ignore_nulls=True
        ),
        definitions_version=pl.lit(source.definitions_version),
    )


class _Writers:
    """One Parquet writer for each table that grows part by part; tables are encoded side by side."""

    def __init__(self, folder: Path, tables: tuple[schema.Table, ...]) -> None:
        self.tables = {t.name: t for t in tables}
        self.open = {
            t.name: pq.ParquetWriter(
                folder / f"{t.name}.parquet", t.arrow, **(published(t) if t in schema.PUBLISHED_TABLES else {})
            )
            for t in tables
            if t not in _COPIED
        }
        self.copying = {
            t.name: Copying(folder / f"{t.name}.parquet", t.arrow, published(t)) for t in tables if t in _COPIED
        }
        self.rows = dict.fromkeys(self.tables, 0)

    def write(self, name: str, frame: pl.DataFrame) -> None:
        """Append one row group."""
        if frame.height:
            self.open[name].write_table(arrow_table(frame, self.tables[name]), row_group_size=frame.height)
            self.rows[name] += frame.height

    def copy(self, name: str, own: pl.DataFrame, lying: Sequence[tuple[Path, int]]) -> None:
        """Append one row group: `own` columns, and the others as they lie in row groups of stage files."""
        if own.height:
            made = pa.schema(f for f in self.tables[name].arrow if f.name in own.columns)
            self.copying[name].write(own.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(made), lying)
            self.rows[name] += own.height

    def make(self, name: str, fn: Callable[..., pl.DataFrame], *args: Any) -> None:
        """Append what `fn` makes of `args`."""
        self.write(name, fn(*args))

    def close(self) -> None:
        """Finish the files."""
        for w in (*self.open.values(), *self.copying.values()):
            w.close()


def publish(source: Source, out: Path, engine: Sets, advance: Callable[[int], None]) -> None:
    """Write `out/published` anew.

    Raises:
        CheckError: an invariant does not hold; the old `published` stays.
        StoreError: no space, or a damaged stage file.
    """
    with swapped(out / "published") as tmp:
        counts, repairs, noticed = _tables(source, tmp, engine, advance)
        metadata(source, tmp, counts, repairs, noticed)
        source.book.keep(tmp / OWN)
        verify(tmp, source.files, engine)


# what publishing reads of the stages; the other columns of ads and texts are copied as they lie there
_READ = {
    "clean": [
        "source_id", "source_key", "board", "title", "captured_date", "posted_date", "date_precision", "company", "tags",
        "issues", "text_hash", "text_length",
    ],
    "located": ["adcode", "places"],
    "classified": ["ai_tier", "skills", "hits"],
}  # fmt: skip


def _stream(
    source: Source,
) -> Iterator[tuple[int, list[tuple[Path, int]], pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]]:
    """Position of the first ad, the row groups in which clean, located and classified rows lie, and the rows of the stages."""
    matched = read_groups(source.matched)
    held = pl.DataFrame(schema=stage_tables.MATCHED.polars)
    at = 0
    for paths in source.parts:
        groups = zip(*(read_groups(paths[t], c) for t, c in _READ.items()), strict=True)
        for number, (clean, located, classified) in enumerate(groups):
            n = clean.height
            while held.height < n:
                held = pl.concat([held, next(matched)])
            yield at, [(paths[t], number) for t in _READ], clean, located, classified, held[:n]
            held, at = held[n:], at + n


def _tables(
    source: Source, tmp: Path, engine: Sets, advance: Callable[[int], None]
) -> tuple[dict[str, int], dict[tuple[str | None, str], int], list[dict[str, Any]]]:
    """Write the tables of ads part by part, then those of groups; returns rows by table, issues by source and reason, and notes."""
    employers, later = _Employers(source.names), successions(source)
    texts = [schema.TEXTS] if source.parameters["texts"] else []
    writers = _Writers(
        tmp, (schema.ADS, schema.AD_PLACES, schema.SKILLS, schema.DECISIONS, schema.REJECTS, SLIM, *texts)
    )
    known_skills = skills.identifiers(source.book)
    issues: dict[tuple[str | None, str], int] = {}
    crowds = Crowds(source.book.toml("openings/match.toml")["issues"])
    writing: list[Future[None]] = []
    rules = contacts.compile_contacts(source.book)
    with ThreadPoolExecutor(len(writers.tables) + 2) as pool:
        sensitivity, sizes = pool.submit(source.sensitivity), pool.submit(source.sizes)
        for at, lying, clean, located, classified, matched in _stream(source):
            ads = _ads(source, later, employers, at, clean, located, classified, matched)
            for done in writing:
                done.result()
            writing = [
                pool.submit(writers.copy, "ads", ads.select(_MADE), lying),
                *(pool.submit(writers.copy, t.name, ads.select("ad_id"), lying[:1]) for t in texts),
                pool.submit(writers.make, "ad_places", _ad_places, ads),
                pool.submit(writers.make, "decisions", _decisions, source, ads),
                pool.submit(writers.make, "skills", skills.skill_rows, ads, known_skills),
                pool.submit(writers.make, SLIM.name, slim, ads, matched),
            ]
            _tally(ads, issues)
            crowds.add(ads, matched["opening_no"].to_numpy())
            advance(ads.height)
        for done in writing:
            done.result()
        noticed = pool.submit(crowds.issues)
        del crowds
        for path in source.rejects:
            for rejects in read_groups(path):
                shown = rejects.with_columns(contacts.strip_raw(rejects[c], rules) for c in ("file", "raw"))
                writers.write("rejects", shown)
                writers.write("decisions", _reject_decisions(source, shown))
        writers.close()
        counts = {k: n for k, n in writers.rows.items() if k != SLIM.name}
        employer = entities(source)
        frames = {
            schema.EMPLOYERS: employer.with_columns(contacts.strip_raw(employer["name"], rules)),
            schema.EMPLOYER_NAMES: read_frame(source.names),
            schema.AFFILIATIONS: read_frame(source.affiliations),
            schema.EMPLOYER_SIZES: sizes.result(),
            schema.MATCH_SENSITIVITY: sensitivity.result(),
        }
        written = {
            t.name: pool.submit(write_frames, tmp / f"{t.name}.parquet", t, [picked(f, t)], **published(t))
            for t, f in frames.items()
        }
        slim_path = tmp / f"{SLIM.name}.parquet"
        counts |= write_groups(source, later, tmp, slim_path, pool)
        slim_path.unlink()
        counts |= {name: done.result() for name, done in written.items()}
    return counts, issues, noticed.result()


def _tally(ads: pl.DataFrame, issues: dict[tuple[str | None, str], int]) -> None:
    """Add the issues of some ads by source and reason."""
    tally = (
        ads.select("source_id", "issues").explode("issues").drop_nulls("issues").group_by("source_id", "issues").len()
    )
    for src, reason, n in tally.rows():
        issues[src, reason] = issues.get((src, reason), 0) + n
