"""What is published, by path, and how its ads, openings, spells and campaigns are named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from gangwei.codebook import Codebook
from gangwei.kernels.identity import hex_names, mix
from gangwei.kernels.match.succession import succeed, succeed_employers
from gangwei.schema import Table
from gangwei.store import read_frame

I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]
OPENING, SPELL, CAMPAIGN = 2, 3, 4


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
    sensitivity: Callable[[], pl.DataFrame]
    sizes: Callable[[], pl.DataFrame]
    previous: Path | None = None


def named(source: Source, numbers: pl.Series, salt: int | None) -> pl.Series:
    """Ids of the ads at the given positions: of the ads themselves, or of the family `salt`; null stays null."""
    at = numbers.fill_null(0).to_numpy()
    keys = source.ad_keys[at]
    names = hex_names(keys if salt is None else mix(keys, salt))
    if not numbers.null_count():
        return names
    return pl.select(pl.when(numbers.is_not_null()).then(names).otherwise(None)).to_series()


def picked(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Those columns of a frame that a table declares."""
    return frame.select(c for c in table.polars if c in frame.columns)


def successions(source: Source) -> pl.DataFrame:
    """canonical, opening_id, succeeds of the openings whose name is not the canonical one, or that succeed others.

    A build that continues an earlier one (`--add`) keeps the names of openings that only gained ads.
    """
    empty = pl.DataFrame(schema={"canonical": pl.String, "opening_id": pl.String, "succeeds": pl.List(pl.String)})
    if source.previous is None:
        return empty
    numbers = read_frame(source.matched, ["opening_no"])["opening_no"]
    new = pl.DataFrame({"ad_id": hex_names(source.ad_keys), "opening_id": named(source, numbers, OPENING)})
    old = read_frame(source.previous / "ads.parquet", ["ad_id", "opening_id"])
    ledger = read_frame(source.previous / "openings.parquet", ["opening_id", "succeeds"])
    found = succeed(old, ledger, new)
    return found.filter((pl.col("canonical") != pl.col("opening_id")) | (pl.col("succeeds").list.len() > 0))


def entities(source: Source) -> pl.DataFrame:
    """schema.EMPLOYERS with what each one succeeds of the build that this one continues."""
    frame = read_frame(source.employers)
    if source.previous is None:
        return frame
    columns = ["name_raw", "employer_id"]
    old, new = read_frame(source.previous / "employer_names.parquet", columns), read_frame(source.names, columns)
    ledger = read_frame(source.previous / "employers.parquet", ["employer_id", "succeeds"])
    found = succeed_employers(old, ledger, new)
    return (
        frame.drop("succeeds")
        .join(found, on="employer_id", how="left", maintain_order="left")
        .with_columns(pl.col("succeeds").fill_null(pl.lit([], pl.List(pl.String))))
    )


def renamed(ids: pl.Series, later: pl.DataFrame) -> pl.Series:
    """Canonical names of openings as the names they bear."""
    if later.is_empty():
        return ids
    return ids.replace(later["canonical"], later["opening_id"])
