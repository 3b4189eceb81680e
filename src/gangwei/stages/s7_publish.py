"""Publish: row-aligned stage parts become the tables of the contract, checked, then swapped in at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow.parquet as pq

from gangwei import schema
from gangwei.checks import verify
from gangwei.codebook import Codebook
from gangwei.kernels import contacts, skills
from gangwei.kernels.identity import hex_names, mix
from gangwei.kernels.succession import succeed
from gangwei.store import arrow_table, read_frame, read_groups, swapped, write_frames, write_json
from gangwei.version import __version__

I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]
OPENING, SPELL, CAMPAIGN = 2, 3, 4
LINKED = ("same_opening", "repost", "agency_copy")

# The representative of an opening is its best-documented ad: not an agency's copy, then the longest text, then the first.
NUMBER_BITS = 36
OPENINGS_SQL = """
SELECT opening_no, min(first_date) AS first_date, max(last_date) AS last_date, count(*) AS n_ads,
       count(DISTINCT board) AS n_boards, max(low) AS low, max(documented) AS documented
FROM slim GROUP BY opening_no ORDER BY opening_no"""
SPELLS_SQL = """
SELECT spell_no, min(opening_no) AS opening_no, min(first_date) AS first_date, max(last_date) AS last_date,
       count(*) AS n_ads FROM slim WHERE spell_no IS NOT NULL GROUP BY spell_no ORDER BY spell_no"""
CAMPAIGNS_SQL = """
SELECT campaign_no, count(DISTINCT opening_no) AS n_openings, count(DISTINCT adcode) AS n_cities
FROM slim WHERE campaign_no IS NOT NULL GROUP BY campaign_no ORDER BY campaign_no"""

SLIM = schema.Table(
    "slim",
    "What grouping needs of each ad.",
    tuple(
        schema.Column(n, t, "")
        for n, t in {
            "opening_no": schema.I64, "spell_no": schema.I64, "campaign_no": schema.I64, "board": schema.STR,
            "adcode": schema.STR, "first_date": schema.DATE, "last_date": schema.DATE, "low": schema.I32,
            "documented": schema.I64,
        }.items()
    ),
)  # fmt: skip


class Sets(Protocol):
    """The part of an engine that this stage uses."""

    def sql(self, query: str, **tables: Any) -> pl.DataFrame:
        """Run a query over Parquet tables."""
        ...


@dataclass(frozen=True)
class Source:
    """Everything that is published, by path."""

    parts: list[dict[str, Path]]
    rejects: list[Path]
    matched: Path
    names: Path
    employers: Path
    affiliations: Path
    ad_keys: U64
    files: list[dict[str, Any]]
    issues: list[dict[str, Any]]
    parameters: dict[str, Any]
    definitions_version: str
    keys: dict[str, dict[str, str]]
    build_key: str
    book: Codebook
    sensitivity: pl.DataFrame
    sizes: pl.DataFrame
    previous: Path | None = None


def _named(source: Source, numbers: pl.Series, salt: int | None) -> pl.Series:
    """Ids of the ads at the given positions: of the ads themselves, or of the family `salt`; null stays null."""
    at = numbers.fill_null(0).to_numpy()
    keys = source.ad_keys[at]
    return pl.select(
        pl.when(numbers.is_not_null()).then(hex_names(keys if salt is None else mix(keys, salt))).otherwise(None)
    ).to_series()


def _successions(source: Source) -> pl.DataFrame:
    """canonical, opening_id, succeeds of the openings whose name is not the canonical one, or that succeed others.

    A build that continues an earlier one (`--add`) keeps the names of openings that only gained ads.
    """
    empty = pl.DataFrame(schema={"canonical": pl.String, "opening_id": pl.String, "succeeds": pl.List(pl.String)})
    if source.previous is None:
        return empty
    numbers = read_frame(source.matched, ["opening_no"])["opening_no"]
    new = pl.DataFrame({"ad_id": hex_names(source.ad_keys), "opening_id": _named(source, numbers, OPENING)})
    old = read_frame(source.previous / "ads.parquet", ["ad_id", "opening_id"])
    ledger = read_frame(source.previous / "openings.parquet", ["opening_id", "succeeds"])
    found = succeed(old, ledger, new)
    return found.filter((pl.col("canonical") != pl.col("opening_id")) | (pl.col("succeeds").list.len() > 0))


def _renamed(ids: pl.Series, successions: pl.DataFrame) -> pl.Series:
    """Canonical names of openings as the names they bear."""
    if successions.is_empty():
        return ids
    return ids.replace(successions["canonical"], successions["opening_id"])


def _ads(source: Source, successions: pl.DataFrame, at: int, clean: pl.DataFrame, located: pl.DataFrame, classified: pl.DataFrame,
         matched: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:  # fmt: skip
    numbers = pl.Series(np.arange(at, at + clean.height))
    employer = clean.select(name_raw="company").join(
        names.select("name_raw", "employer_id"), on="name_raw", how="left", maintain_order="left"
    )["employer_id"]
    frame = clean.with_columns(
        _named(source, numbers, None).alias("ad_id"),
        employer,
        _renamed(_named(source, matched["opening_no"], OPENING), successions).alias("opening_id"),
        _named(source, matched["spell_no"], SPELL).alias("spell_id"),
        _named(source, matched["campaign_no"], CAMPAIGN).alias("campaign_id"),
        _named(source, matched["matched_no"], None).alias("matched_ad_id"),
    )
    frame = frame.with_columns(
        *matched.select("match_relation", "match_reason", "match_score").get_columns(),
        *located.select("place_status", "adcode", "county_adcode", "places").get_columns(),
        *classified.drop("ai_terms").get_columns(),
    )
    return frame


def _slim(at: int, ads: pl.DataFrame, matched: pl.DataFrame) -> pl.DataFrame:
    number = np.arange(at, at + ads.height)
    posted = pl.when(pl.col("date_precision") == "day").then(pl.col("posted_date"))
    length = ads["text"].str.len_chars().fill_null(0).cast(pl.Int64)
    rank = length + (matched["match_relation"] != "agency_copy").fill_null(True).cast(pl.Int64) * (1 << 25)
    return ads.select(
        *matched.select("opening_no", "spell_no", "campaign_no").get_columns(),
        "board",
        "adcode",
        first_date=pl.min_horizontal(posted, "captured_date"),
        last_date=pl.max_horizontal(posted, "captured_date"),
        low=(matched["match_confidence"] == "low").cast(pl.Int32).fill_null(0),
        documented=rank * (1 << NUMBER_BITS) + pl.Series((1 << NUMBER_BITS) - 1 - number),
    )


def _decisions(source: Source, ads: pl.DataFrame) -> pl.DataFrame:
    version = source.definitions_version
    matches = ads.filter(pl.col("match_relation").is_in(LINKED)).select(
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
            t.name: pq.ParquetWriter(folder / f"{t.name}.parquet", t.arrow, compression="zstd", compression_level=1)
            for t in tables
        }
        self.rows = dict.fromkeys(self.tables, 0)

    def write(self, name: str, frame: pl.DataFrame) -> None:
        """Append one row group."""
        if frame.height:
            self.open[name].write_table(arrow_table(frame, self.tables[name]), row_group_size=frame.height)
            self.rows[name] += frame.height

    def close(self) -> None:
        """Finish the files."""
        for w in self.open.values():
            w.close()


def _pick(ads: pl.DataFrame, table: schema.Table) -> pl.DataFrame:
    return ads.select(c for c in table.polars if c in ads.columns)


def publish(source: Source, out: Path, engine: Sets, advance: Callable[[int], None]) -> None:
    """Write `out/published` anew.

    Raises:
        CheckError: an invariant does not hold; the old `published` stays.
        StoreError: no space, or a damaged stage file.
    """
    with swapped(out / "published") as tmp:
        counts, issue_counts = _tables(source, tmp, engine, advance)
        _metadata(source, tmp, counts, issue_counts)
        verify(tmp, source.files, engine)


def _stream(source: Source) -> Iterator[tuple[int, pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]]:
    matched = read_groups(source.matched)
    held = pl.DataFrame(schema=schema.MATCHED.polars)
    at = 0
    for paths in source.parts:
        groups = zip(*(read_groups(paths[t]) for t in ("clean", "located", "classified")), strict=True)
        for clean, located, classified in groups:
            while held.height < clean.height:
                held = pl.concat([held, next(matched)])
            yield at, clean, located, classified, held[: clean.height]
            held, at = held[clean.height :], at + clean.height


def _tables(
    source: Source, tmp: Path, engine: Sets, advance: Callable[[int], None]
) -> tuple[dict[str, int], dict[tuple[str | None, str], int]]:
    names = read_frame(source.names)
    successions = _successions(source)
    writers = _Writers(
        tmp, (schema.ADS, schema.AD_PLACES, schema.SKILLS, schema.DECISIONS, schema.REJECTS,
              *([schema.TEXTS] if source.parameters["texts"] else []))
    )  # fmt: skip
    skill_rules = skills.compile_skills(source.book)
    slim_path = tmp / "slim.parquet"
    slims: list[pl.DataFrame] = []
    issues: dict[tuple[str | None, str], int] = {}
    with ThreadPoolExecutor(len(writers.open)) as pool:
        for at, clean, located, classified, matched in _stream(source):
            ads = _ads(source, successions, at, clean, located, classified, matched, names)
            jobs = {"ads": _pick(ads, schema.ADS), "ad_places": _ad_places(ads), "decisions": _decisions(source, ads)}
            jobs["skills"] = skills.skill_rows(ads, skill_rules)
            if source.parameters["texts"]:
                jobs["texts"] = _pick(ads, schema.TEXTS)
            slims.append(_slim(at, ads, matched))
            list(pool.map(lambda kv: writers.write(*kv), jobs.items()))
            tally = (
                ads.select("source_id", "issues")
                .explode("issues")
                .drop_nulls("issues")
                .group_by("source_id", "issues")
                .len()
            )
            for src, reason, n in tally.rows():
                issues[src, reason] = issues.get((src, reason), 0) + n
            advance(ads.height)
    rules = contacts.compile_contacts(Codebook())
    for path in source.rejects:
        for rejects in read_groups(path):
            shown = rejects.with_columns(contacts.strip(rejects["raw"], rules))
            writers.write("rejects", shown)
            writers.write("decisions", _reject_decisions(source, rejects))
    writers.close()
    write_frames(slim_path, SLIM, slims)
    counts = writers.rows | _groups(source, successions, tmp, slim_path, engine)
    slim_path.unlink()
    return counts, issues


def _groups(source: Source, successions: pl.DataFrame, tmp: Path, slim_path: Path, engine: Sets) -> dict[str, int]:
    groups = engine.sql(OPENINGS_SQL, slim=[slim_path])
    best = (1 << NUMBER_BITS) - 1 - groups["documented"] % (1 << NUMBER_BITS)
    canonical = _named(source, groups["opening_no"], OPENING)
    groups = groups.with_columns(
        canonical.alias("canonical"),
        _renamed(canonical, successions).alias("opening_id"),
        _named(source, best, None).alias("ad_id"),
    )
    groups = groups.join(successions.select("canonical", "succeeds"), on="canonical", how="left", maintain_order="left")
    chosen = pl.LazyFrame({"ad_id": groups["ad_id"]})
    described = pl.scan_parquet(tmp / "ads.parquet").select("ad_id", "employer_id", "title", "adcode", "ai_tier")
    openings = groups.join(
        described.join(chosen, on="ad_id", how="semi").collect(), on="ad_id", how="left", maintain_order="left"
    )
    openings = openings.with_columns(
        confidence=pl.when(pl.col("low") > 0).then(pl.lit("low")).otherwise(pl.lit("high")),
        succeeds=pl.col("succeeds").fill_null(pl.lit([], pl.List(pl.String))),
    )
    spells = engine.sql(SPELLS_SQL, slim=[slim_path]).sort("opening_no", "first_date", "spell_no")
    spells = spells.with_columns(
        _named(source, spells["spell_no"], SPELL).alias("spell_id"),
        _renamed(_named(source, spells["opening_no"], OPENING), successions).alias("opening_id"),
        ordinal=pl.int_range(1, pl.len() + 1).over("opening_no"),
    )
    campaigns = engine.sql(CAMPAIGNS_SQL, slim=[slim_path])
    campaigns = campaigns.with_columns(
        campaign_id=_named(source, campaigns["campaign_no"], CAMPAIGN),
        ad_id=_named(source, campaigns["campaign_no"], None),
    )
    first = pl.scan_parquet(tmp / "ads.parquet").select("ad_id", "employer_id", "title")
    campaigns = campaigns.lazy().join(first, on="ad_id", how="left", maintain_order="left").collect()
    frames = {
        schema.OPENINGS: openings,
        schema.SPELLS: spells,
        schema.CAMPAIGNS: campaigns,
        schema.EMPLOYERS: _without_contacts(read_frame(source.employers), "name"),
        schema.EMPLOYER_NAMES: read_frame(source.names),
        schema.AFFILIATIONS: read_frame(source.affiliations),
        schema.EMPLOYER_SIZES: source.sizes,
        schema.MATCH_SENSITIVITY: source.sensitivity,
    }
    return {
        t.name: write_frames(tmp / f"{t.name}.parquet", t, [_pick(f, t)], compression="zstd") for t, f in frames.items()
    }


def _without_contacts(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    return frame.with_columns(contacts.strip(frame[column], contacts.compile_contacts(Codebook())))


def _metadata(source: Source, tmp: Path, counts: dict[str, int], reasons: dict[tuple[str | None, str], int]) -> None:
    log = [
        *(schema.ISSUES.polars | {"n": 1} | i for i in source.issues),
        *(
            {"stage": "s2_clean", "source_id": s, "reason_id": r, "n": n}
            for (s, r), n in sorted(reasons.items(), key=str)
        ),
    ]
    rows = [
        {c: (i.get(c) if not isinstance(i.get(c), pl.DataType) else None) for c in schema.ISSUES.polars} for i in log
    ]
    issues = pl.DataFrame(rows, schema=schema.ISSUES.polars)
    write_frames(tmp / "issues.parquet", schema.ISSUES, [issues], compression="zstd")
    tables = [t for t in schema.PUBLISHED_TABLES if (tmp / f"{t.name}.parquet").exists()]
    write_json(tmp / "datapackage.json", datapackage(tables))
    read = sum(f["read"] for f in source.files)
    write_json(
        tmp / "manifest.json",
        {
            "gangwei_version": __version__,
            "schema_version": schema.SCHEMA_VERSION,
            "build_key": source.build_key,
            "as_of": source.parameters["as_of"],
            "definitions_version": source.definitions_version,
            "parameters": source.parameters,
            "stages": source.keys,
            "inputs": [{k: v for k, v in f.items() if k not in ("key", "parts", "seconds")} for f in source.files],
            "counts": {
                "files": len(source.files),
                "read": read,
                "kept": counts["ads"],
                "rejected": counts["rejects"],
                **{k: v for k, v in counts.items() if k not in ("ads", "rejects")},
                "ads": counts["ads"],
            },
            "issues": issues.select("stage", "source_id", "file", "row", "reason_id", "n", "message").to_dicts(),
        },
    )


def datapackage(tables: list[schema.Table]) -> dict[str, Any]:
    """A Frictionless data package descriptor of the published tables."""
    kinds = {"String": "string", "Boolean": "boolean", "Date": "date", "List": "array"}

    def kind(t: pl.DataType) -> str:
        name = type(t).__name__
        return kinds.get(name, "number" if name.startswith("Float") else "integer")

    return {
        "profile": "data-package",
        "name": "gangwei-dataset",
        "schema_version": schema.SCHEMA_VERSION,
        "resources": [
            {
                "name": t.name,
                "path": f"{t.name}.parquet",
                "format": "parquet",
                "mediatype": "application/vnd.apache.parquet",
                "description": t.doc,
                "schema": {
                    "fields": [
                        {"name": c.name, "type": kind(c.type), "description": c.doc}
                        | ({"constraints": {"enum": list(c.enum)}} if c.enum else {})
                        for c in t.columns
                    ],
                    **({"primaryKey": list(t.key)} if t.key else {}),
                },
            }
            for t in tables
        ],
    }
