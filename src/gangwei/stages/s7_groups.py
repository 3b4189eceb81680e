"""Openings, spells and campaigns: sets over the ads that were just written, in slices, never a table at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from gangwei import schema
from gangwei.kernels.hashing import hash_strings
from gangwei.stages.s7_source import CAMPAIGN, I64, OPENING, SPELL, U64, Source, named, picked, renamed
from gangwei.store import published, read_frame, read_groups, write_frames

SLICE = 131_072
DESCRIBED = ("employer_id", "title", "adcode", "ai_tier")
OWN = 1 << 25  # more than the characters of any text: an ad that is no agency's copy comes before every one that is
SLIM = schema.Table(
    "slim",
    "What grouping needs of each ad.",
    tuple(
        schema.Column(n, t, "")
        for n, t in {
            "opening_no": schema.I64, "spell_no": schema.I64, "campaign_no": schema.I64, "board": schema.I64,
            "adcode": schema.I64, "first_date": schema.DATE, "last_date": schema.DATE, "low": schema.I32,
            "documented": schema.I32,
        }.items()
    ),
)  # fmt: skip


def slim(ads: pl.DataFrame, matched: pl.DataFrame) -> pl.DataFrame:
    """SLIM of consecutive ads; boards and places are hashes."""
    posted = pl.when(pl.col("date_precision") == "day").then(pl.col("posted_date"))
    return ads.select(
        *matched.select("opening_no", "spell_no", "campaign_no").get_columns(),
        *(_code(ads[c]) for c in ("board", "adcode")),
        first_date=pl.min_horizontal(posted, "captured_date"),
        last_date=pl.max_horizontal(posted, "captured_date"),
        low=(matched["match_confidence"] == "low").cast(pl.Int32).fill_null(0),
        documented=ads["text_length"].fill_null(0)
        + (matched["match_relation"] != "agency_copy").fill_null(True).cast(pl.Int32) * OWN,
    )


def _code(values: pl.Series) -> pl.Series:
    """A number for each distinct value; null stays null."""
    codes = pl.Series(hash_strings(values).view(np.int64))
    return pl.select(pl.when(values.is_not_null()).then(codes).alias(values.name)).to_series()


def _first(ranked: I64) -> npt.NDArray[np.bool_]:
    """Whether each value differs from the one before."""
    fresh = np.ones(ranked.size, bool)
    fresh[1:] = ranked[1:] != ranked[:-1]
    return fresh


class Runs:
    """Rows of SLIM put together by one of its numbers, ascending; rows without it are left out."""

    def __init__(self, path: Path, by: str) -> None:
        self.path = path
        numbers = read_frame(path, [by])[by].fill_null(-1).to_numpy()
        rows = np.flatnonzero(numbers >= 0)
        self.rows = rows[np.argsort(numbers[rows])]
        ranked = numbers[self.rows]
        starts = np.flatnonzero(_first(ranked))
        self.number, self.starts, self.sizes = ranked[starts], starts, np.diff(np.append(starts, ranked.size))

    def least(self, name: str) -> pl.Series:
        """The least value of a column in each run; null where all are."""
        return self._reduced(name, np.minimum, "max")

    def most(self, name: str) -> pl.Series:
        """The greatest value."""
        return self._reduced(name, np.maximum, "min")

    def best(self, name: str, keys: U64) -> I64:
        """The row with the greatest value of a column without nulls in each run; of equals, that with the least key.

        Args:
            keys: a key for each row of SLIM, no two alike.
        """
        values = read_frame(self.path, [name])[name].to_numpy()[self.rows]
        most = values == np.repeat(np.maximum.reduceat(values, self.starts), self.sizes)
        mine = np.where(most, keys[self.rows], np.iinfo(np.uint64).max)
        least = np.repeat(np.minimum.reduceat(mine, self.starts), self.sizes)
        found: I64 = self.rows[most & (mine == least)]
        return found

    def distinct(self, name: str) -> I64:
        """How many distinct values a column has in each run, nulls apart."""
        column = read_frame(self.path, [name])[name][self.rows]
        known = column.is_not_null().to_numpy()
        run = np.repeat(np.arange(self.sizes.size), self.sizes)[known]
        values, code = np.unique(column.drop_nulls().to_numpy(), return_inverse=True)
        pairs = np.sort(run * values.size + code)
        pairs = pairs[_first(pairs)]  # np.unique hashes them, which takes ten times as long
        return np.bincount(pairs // max(1, values.size), minlength=self.sizes.size)

    def _reduced(self, name: str, reduce: np.ufunc, limit: str) -> pl.Series:
        column = read_frame(self.path, [name])[name]
        numbers = column.to_physical()
        none = int(pl.select(getattr(numbers.dtype, limit)()).item())
        values = numbers.fill_null(none).to_numpy()[self.rows]
        found = pl.Series(name, reduce.reduceat(values, self.starts))
        return pl.select(pl.when(found != none).then(found)).to_series().cast(column.dtype).alias(name)


def openings_of(path: Path, keys: U64) -> pl.DataFrame:
    """opening_no with what grouping tells of each opening.

    `best` is the position of its representative, the best-documented ad: no agency's copy, then the longest text, then
    the least key, which does not depend on the files that ads come in.
    """
    runs = Runs(path, "opening_no")
    return pl.DataFrame(
        {
            "opening_no": runs.number, "first_date": runs.least("first_date"), "last_date": runs.most("last_date"),
            "n_ads": runs.sizes, "n_boards": runs.distinct("board"), "low": runs.most("low"),
            "best": runs.best("documented", keys),
        }
    )  # fmt: skip


def spells_of(path: Path) -> pl.DataFrame:
    """spell_no with its opening, its days and its ads."""
    runs = Runs(path, "spell_no")
    return pl.DataFrame(
        {
            "spell_no": runs.number, "opening_no": runs.least("opening_no"), "first_date": runs.least("first_date"),
            "last_date": runs.most("last_date"), "n_ads": runs.sizes,
        }
    )  # fmt: skip


def campaigns_of(path: Path) -> pl.DataFrame:
    """campaign_no with its openings and cities."""
    runs = Runs(path, "campaign_no")
    counted = {"n_openings": runs.distinct("opening_no"), "n_cities": runs.distinct("adcode")}
    return pl.DataFrame({"campaign_no": runs.number, **counted})


def write_groups(
    source: Source, later: pl.DataFrame, folder: Path, slim_path: Path, pool: ThreadPoolExecutor
) -> dict[str, int]:
    """Write openings, spells and campaigns beside `ads.parquet` in `folder`; returns their rows.

    Args:
        later: canonical names of openings that bear another name, and what they succeed.
        slim_path: SLIM, one row for each ad.
        pool: tables are read and written there, side by side.
    """

    def write(table: schema.Table, frames: Iterable[pl.DataFrame]) -> Future[int]:
        return pool.submit(write_frames, folder / f"{table.name}.parquet", table, frames, **published(table))

    found = pool.submit(spells_of, slim_path)
    groups, campaigns = openings_of(slim_path, source.ad_keys), campaigns_of(slim_path)
    best = groups["best"].to_numpy()
    asked = np.zeros(source.ad_keys.size, bool)
    asked[best] = asked[campaigns["campaign_no"].to_numpy()] = True
    wanted = np.flatnonzero(asked)
    reading = pool.submit(_described, folder / "ads.parquet", wanted)
    spells = found.result().sort("opening_no", "first_date", "spell_no")
    described = reading.result()

    def openings() -> Iterator[pl.DataFrame]:
        for at in range(0, groups.height, SLICE):
            part, mine = groups[at : at + SLICE], best[at : at + SLICE]
            canonical = named(source, part["opening_no"], OPENING)
            part = part.with_columns(
                canonical.alias("canonical"),
                renamed(canonical, later).alias("opening_id"),
                named(source, pl.Series(mine), None).alias("ad_id"),
                *described[np.searchsorted(wanted, mine)].get_columns(),
                confidence=pl.when(pl.col("low") > 0).then(pl.lit("low")).otherwise(pl.lit("high")),
            ).join(later.select("canonical", "succeeds"), on="canonical", how="left", maintain_order="left")
            yield picked(
                part.with_columns(pl.col("succeeds").fill_null(pl.lit([], pl.List(pl.String)))), schema.OPENINGS
            )

    ordinal = _ordinals(spells["opening_no"].to_numpy())

    def runs() -> Iterator[pl.DataFrame]:
        for at in range(0, spells.height, SLICE):
            part = spells[at : at + SLICE].with_columns(ordinal=ordinal[at : at + SLICE])
            yield picked(
                part.with_columns(
                    named(source, part["spell_no"], SPELL).alias("spell_id"),
                    renamed(named(source, part["opening_no"], OPENING), later).alias("opening_id"),
                ),
                schema.SPELLS,
            )

    first = described[np.searchsorted(wanted, campaigns["campaign_no"].to_numpy())]
    campaigns = campaigns.with_columns(
        named(source, campaigns["campaign_no"], CAMPAIGN).alias("campaign_id"),
        *first.select("employer_id", "title").get_columns(),
    )
    written = {
        "openings": write(schema.OPENINGS, openings()),
        "campaigns": write(schema.CAMPAIGNS, [picked(campaigns, schema.CAMPAIGNS)]),
        "spells": write(schema.SPELLS, runs()),
    }
    return {name: done.result() for name, done in written.items()}


def _described(ads: Path, wanted: I64) -> pl.DataFrame:
    """DESCRIBED of the ads at the positions `wanted`, ascending."""
    found, at = [], 0
    for frame in read_groups(ads, list(DESCRIBED)):
        a, b = np.searchsorted(wanted, (at, at + frame.height))
        found.append(frame[wanted[a:b] - at])
        at += frame.height
    return pl.concat(found)


def _ordinals(groups: I64) -> pl.Series:
    """1, 2, 3 … inside each run of equal values."""
    at = np.arange(groups.size)
    return pl.Series(at - np.maximum.accumulate(np.where(_first(groups), at, 0)) + 1, dtype=pl.Int32)
