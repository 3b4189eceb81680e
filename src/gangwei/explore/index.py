"""An index of the texts of all openings by pairs of neighbouring characters, for search without word boundaries.

`DIR/text_index/` holds one Parquet file for each block of openings: (pair, opening), sorted, so that a search reads only the
row groups of its own pairs. What the pairs promise is checked against the text itself: an answer is exact.
"""

from __future__ import annotations

import itertools
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from numba import njit

from gangwei.frame.dataset import Dataset
from gangwei.store import read_json, write_json

BLOCK = 50_000
ROW_GROUP = 1 << 17
TEXT_GROUP = 1_000
CHECKED = 500
Ints = npt.NDArray[np.uint64]
Found = tuple[int, str]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _pairs(points: npt.NDArray[np.uint32], ends: npt.NDArray[np.int64], first: int, out: Ints) -> int:
    """Write pair << 32 | opening for every two neighbouring characters that are not spaces; returns how many.

    A pair is two 16-bit halves of the code points, so that characters beyond the basic plane may share one.
    """
    n = 0
    start = 0
    for doc in range(len(ends)):
        before = np.uint32(32)
        for i in range(start, ends[doc]):
            now = points[i]
            if before > 32 and now > 32:
                pair = ((before & np.uint32(0xFFFF)) << np.uint32(16)) | (now & np.uint32(0xFFFF))
                out[n] = (np.uint64(pair) << np.uint64(32)) | np.uint64(first + doc)
                n += 1
            before = now
        start = ends[doc]
    return n


def pairs_of_word(word: str) -> list[int]:
    """The pairs that a text holding `word` must hold."""
    points = [ord(c) & 0xFFFF for c in word]
    return sorted({(a << 16) | b for a, b in itertools.pairwise(points)})


def folder_of(ds: Dataset) -> Path:
    """Where the index of a dataset lies."""
    return ds.published.parent / "text_index"


@dataclass(frozen=True)
class TextIndex:
    """An index ready to search."""

    ds: Dataset
    folder: Path
    facts: dict[str, Any]

    @classmethod
    def open(cls, ds: Dataset) -> TextIndex | None:
        """The index of a dataset; None when there is none, or it was made of other texts."""
        folder = folder_of(ds)
        if not (folder / "index.json").is_file():
            return None
        facts = read_json(folder / "index.json")
        return cls(ds, folder, facts) if facts.get("build_key") == _key(ds) else None

    def search(self, words: list[str], limit: int, offset: int) -> tuple[list[Found], int, bool]:
        """(row numbers and texts of the ads of one page, how many openings hold the pairs, whether that number is exact).

        Texts are only read until the page is full: beyond words of two characters the number is an upper bound.
        """
        wanted = sorted({p for w in words for p in pairs_of_word(w)})
        blocks = sorted(self.folder.glob("pairs-*.parquet"))
        held = [(b, self._candidates(b, wanted)) for b in blocks]
        total = sum(len(h) for _, h in held)
        exact = all(len(w) == 2 and all(ord(c) < 0x10000 for c in w) for w in words)
        found: list[Found] = []
        for block, docs in held:
            for at in range(0, len(docs), CHECKED):
                if len(found) >= offset + limit:
                    return found[offset : offset + limit], total, exact
                found += self._checked(block, docs[at : at + CHECKED], words)
        return found[offset : offset + limit], total if exact else len(found), True

    def _candidates(self, block: Path, wanted: list[int]) -> npt.NDArray[np.uint32]:
        """Openings of a block that hold all pairs."""
        file = pq.ParquetFile(block)
        held: npt.NDArray[np.uint32] | None = None
        for pair in wanted:
            groups = [g for g in range(file.num_row_groups) if _within(file, g, pair)]
            if not groups:
                return np.zeros(0, np.uint32)
            rows = file.read_row_groups(groups)
            key = rows.column("pair").to_numpy()
            low, high = np.searchsorted(key, [pair, pair + 1])
            docs = rows.column("opening").to_numpy()[low:high]
            held = docs if held is None else np.intersect1d(held, docs, assume_unique=True)
            if not len(held):
                break
        return held if held is not None else np.zeros(0, np.uint32)

    def _checked(self, block: Path, held: npt.NDArray[np.uint32], words: list[str]) -> list[Found]:
        texts = pq.ParquetFile(self.folder / block.name.replace("pairs", "texts"))
        groups = sorted({int(d) // TEXT_GROUP for d in held})
        kept = pl.DataFrame(texts.read_row_groups(groups)).filter(pl.col("opening").is_in(pl.Series(held).implode()))
        for word in words:
            kept = kept.filter(pl.col("text").str.contains(f"(?i){re.escape(word)}"))
        return list(zip(kept["row_no"], kept["text"]))


def _within(file: pq.ParquetFile, group: int, pair: int) -> bool:
    stats = file.metadata.row_group(group).column(0).statistics
    return stats is None or bool(stats.min <= pair <= stats.max)


FORMAT = 3


def _key(ds: Dataset) -> str:
    return f"{FORMAT}:" + str(ds.manifest.get("build_key") or ds.definitions_version)


def build(ds: Dataset) -> dict[str, Any]:
    """Write the index of the texts of all openings; returns openings, pairs, bytes and seconds."""
    begun, folder = time.monotonic(), folder_of(ds)
    work = folder.with_name("text_index.part")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    total = written = n = 0
    for texts in _blocks(ds):
        total += texts.height
        written += _write(texts, work, n)
        n += 1
    facts = {
        "build_key": _key(ds), "openings": total, "pairs": written, "blocks": n,
        "bytes_pairs": sum(p.stat().st_size for p in work.glob("pairs-*")), "bytes_texts": sum(p.stat().st_size for p in work.glob("texts-*")),
        "seconds": round(time.monotonic() - begun, 1),
    }  # fmt: skip
    write_json(work / "index.json", facts)
    shutil.rmtree(folder, ignore_errors=True)
    work.rename(folder)
    return facts


def _blocks(ds: Dataset) -> Iterator[pl.DataFrame]:
    """(row_no, text) of the representatives of openings, `BLOCK` ads at a time, in the order of the ads."""
    path = ds.published / "texts.parquet"
    if not path.is_file():
        return
    cur = ds.cursor()
    wanted = cur.execute(
        "SELECT a.ad_id, CAST(a.file_row_number AS INTEGER) AS row_no FROM ads a JOIN openings o ON o.ad_id = a.ad_id"
    ).pl()
    cur.close()
    for batch in pq.ParquetFile(path).iter_batches(BLOCK, columns=["ad_id", "text"]):
        texts = pl.DataFrame(pa.Table.from_batches([batch]))
        kept = texts.join(wanted, on="ad_id", maintain_order="left").filter(pl.col("text") != "")
        if kept.height:
            yield kept.select("row_no", "text")


def _write(texts: pl.DataFrame, folder: Path, n: int) -> int:
    low = texts["text"].str.to_lowercase()
    points = np.frombuffer("".join(low).encode("utf-32-le"), dtype=np.uint32)
    ends = low.str.len_chars().cum_sum().cast(pl.Int64).to_numpy()
    out = np.empty(len(points), dtype=np.uint64)
    out = np.unique(out[: _pairs(points, ends, 0, out)])
    table = pa.table({"pair": (out >> np.uint64(32)).astype(np.uint32), "opening": out.astype(np.uint32)})
    pq.write_table(
        table, folder / f"pairs-{n:05}.parquet", row_group_size=ROW_GROUP, compression="zstd", use_dictionary=False,
        column_encoding={"pair": "DELTA_BINARY_PACKED", "opening": "DELTA_BINARY_PACKED"},
    )  # fmt: skip
    numbered = texts.with_row_index("opening").with_columns(pl.col("opening").cast(pl.UInt32))
    pq.write_table(numbered.to_arrow(), folder / f"texts-{n:05}.parquet", row_group_size=TEXT_GROUP, compression="zstd")
    return len(out)
