"""Synthetic job ads with known truth: seeded, streamed in bounded memory, the same ads whatever the chunking.

`write` makes OUT/ads (what a crawler sees, plain columns) and OUT/truth (one row an ad: every stage's right answer).
Everything is composed of the word lists in definitions/synth; employers are invented but for the public names of employers.csv.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from gangwei.codebook import Codebook
from gangwei.synth import plan
from gangwei.synth import shapes as synth_shapes
from gangwei.synth.columns import Maker, ads_of, maker_of
from gangwei.synth.truth import truth_of

CHUNK = 65_536
FILE = 500_000


@dataclass(frozen=True)
class SynthReport:
    """What was written: ads, files, bytes of text, and the seconds are the caller's to measure."""

    ads: int
    files: int
    text_bytes: int
    out: Path


def make(first: int, count: int, maker: Maker) -> tuple[pa.Table, pa.Table]:
    """Ads and truth of the ads first..first+count-1; a pure function of its arguments."""
    p = plan.plan(first, count, maker.seed, maker.size, maker.words, maker.look)
    return ads_of(maker, p), truth_of(maker, p)


def stream(
    ads: int, seed: int, chunk: int = CHUNK, book: Codebook | None = None, threads: int = 2
) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Chunks of (ads, truth) in order, never across a file boundary; at most `threads` + 1 chunks are in memory."""
    maker = maker_of(ads, seed, book or Codebook())
    spans = [
        (i, min(i + chunk, start + FILE, ads))
        for start in range(0, ads, FILE)
        for i in range(start, min(start + FILE, ads), chunk)
    ]
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[tuple[pa.Table, pa.Table]]] = deque()
        for a, b in spans:
            waiting.append(pool.submit(make, a, b - a, maker))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def write(
    out: Path, ads: int, seed: int, shape: str = "parquet", chunk: int = CHUNK, book: Codebook | None = None
) -> SynthReport:
    """Write `ads` synthetic ads and their truth.

    Args:
        out: directory; OUT/ads and OUT/truth are made.
        ads: how many.
        seed: the same seed and number give the same bytes.
        shape: 'parquet' (OUT/ads/ads-00000.parquet, 500,000 rows a file) or 'boards' (raw shapes of boards, small runs).
        chunk: rows made at a time (also the row-group size).

    Raises:
        ValueError: `ads` is not positive or the shape is unknown.
    """
    if ads < 1:
        raise ValueError(f"ads must be at least 1, not {ads}")
    if shape not in ("parquet", "boards"):
        raise ValueError(f"unknown shape {shape!r}: use 'parquet' or 'boards'")
    for folder in ("ads", "truth"):
        (out / folder).mkdir(parents=True, exist_ok=True)
        for old in (out / folder).glob(f"{folder}-*.parquet"):  # of more ads made here before, or in the other shape
            old.unlink()
    for name in synth_shapes.FILES:
        (out / "ads" / name).unlink(missing_ok=True)
    if shape == "boards":
        tables = list(stream(ads, seed, chunk, book))
        made = pa.concat_tables([a for a, _ in tables])
        files = synth_shapes.write(out / "ads", pl.DataFrame(made))
        pq.write_table(
            pa.concat_tables([t for _, t in tables]), out / "truth" / "truth-00000.parquet", compression="zstd"
        )
        return SynthReport(ads, files, _text_bytes(made), out)
    files = size = done = 0
    ad_file: pq.ParquetWriter | None = None
    truth_file: pq.ParquetWriter | None = None
    try:
        for table, truth in stream(ads, seed, chunk, book):
            if done % FILE == 0:
                for writer in (ad_file, truth_file):
                    if writer is not None:
                        writer.close()
                ad_file = _writer(out / "ads" / f"ads-{files:05d}.parquet", table.schema)
                truth_file = _writer(out / "truth" / f"truth-{files:05d}.parquet", truth.schema)
                files += 1
            assert ad_file is not None
            assert truth_file is not None
            ad_file.write_table(table, row_group_size=chunk)
            truth_file.write_table(truth, row_group_size=chunk)
            done += len(table)
            size += _text_bytes(table)
    finally:
        for writer in (ad_file, truth_file):
            if writer is not None:
                writer.close()
    return SynthReport(ads, files, size, out)


def _text_bytes(table: pa.Table) -> int:
    return int(sum(pl.Series(c).str.len_bytes().sum() for c in table["description"].chunks))


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    many = (
        "id",
        "url",
        "description",
        "title",
        "company",
        "address",
        "opening_id",
        "employer_id",
        "hiring_employer_id",
    )
    low = [n for n in schema.names if n not in many and schema.field(n).type == pa.string()]
    return pq.ParquetWriter(
        path, schema, compression="zstd", compression_level=1, use_dictionary=low, write_statistics=False
    )
