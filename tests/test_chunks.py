"""Copied column chunks: the file is the one that pyarrow writes, byte for byte."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gangwei import schema, stage_tables
from gangwei.chunks import Copying, _fields, footer
from gangwei.store import arrow_table, published, write_frames

IDS = pa.schema([schema.TEXTS.arrow.field("ad_id")])


def rows(n: int, start: int) -> pl.DataFrame:
    """Texts with what may stand in them: nulls, empty ones, repeats, none of a kind, several pages of them."""
    texts = [
        None if i % 7 == 0 else "" if i % 11 == 0 else f"岗位职责{i % 50}:" + "写代码。" * (i % 900) for i in range(n)
    ]
    spans = [
        None
        if i % 13 == 0
        else [{"kind": k, "start": j * 5, "end": i + j} for j, k in enumerate(("duties", "blurb")[: i % 3])]
        for i in range(n)
    ]
    ids = [f"{start + i:016x}" for i in range(n)]
    return pl.DataFrame({"ad_id": ids, "text": texts, "sections": spans}, schema=schema.TEXTS.polars)


def copied(folder: Path, groups: list[pl.DataFrame]) -> bytes:
    """The texts by way of clean parts, one for each group."""
    out = Copying(folder / "copied.parquet", schema.TEXTS.arrow, published(schema.TEXTS))
    for n, group in enumerate(groups):
        part = folder / f"{n}.parquet"
        write_frames(part, stage_tables.CLEAN, [stage_tables.CLEAN.conform(group.drop("ad_id"))])
        out.write(arrow_table(group.select("ad_id"), schema.TEXTS).select(["ad_id"]).cast(IDS), [(part, 0)])
    out.close()
    return (folder / "copied.parquet").read_bytes()


@pytest.mark.parametrize("sizes", [[], [1], [3000], [700, 5000, 1], [2] * 20])
def test_bytes_are_those_of_the_writer(tmp_path: Path, sizes: list[int]) -> None:
    groups = [rows(n, 10_000 * k) for k, n in enumerate(sizes)]
    write_frames(tmp_path / "plain.parquet", schema.TEXTS, groups, **published(schema.TEXTS))
    assert copied(tmp_path, groups) == (tmp_path / "plain.parquet").read_bytes()
    if groups:
        assert pl.read_parquet(tmp_path / "copied.parquet").equals(pl.concat(groups))


def test_any_row_group_of_a_part_can_be_taken(tmp_path: Path) -> None:
    groups = [rows(300, 0), rows(200, 300)]
    clean = [stage_tables.CLEAN.conform(g.drop("ad_id")) for g in groups]
    write_frames(tmp_path / "part.parquet", stage_tables.CLEAN, clean)
    out = Copying(tmp_path / "out.parquet", schema.TEXTS.arrow, published(schema.TEXTS))
    for n in (1, 0):
        ids = pa.table({"ad_id": groups[n]["ad_id"].to_arrow()}).cast(IDS)
        out.write(ids, [(tmp_path / "part.parquet", n)])
    out.close()
    assert pl.read_parquet(tmp_path / "out.parquet").equals(pl.concat(groups[::-1]))


def test_rows_that_do_not_fit_and_other_files_are_refused(tmp_path: Path) -> None:
    write_frames(tmp_path / "part.parquet", stage_tables.CLEAN, [stage_tables.CLEAN.conform(rows(3, 0).drop("ad_id"))])
    out = Copying(tmp_path / "out.parquet", schema.TEXTS.arrow, published(schema.TEXTS))
    with pytest.raises(ValueError, match="3 rows for 2"):
        out.write(pa.table({"ad_id": ["a", "b"]}).cast(IDS), [(tmp_path / "part.parquet", 0)])
    out.close()
    (tmp_path / "no.parquet").write_bytes(b"not at all")
    with (tmp_path / "no.parquet").open("rb") as f, pytest.raises(ValueError, match="not a Parquet file"):
        footer(f)


def test_a_footer_is_read_field_by_field(tmp_path: Path) -> None:
    """Also what this project does not write: many columns, statistics, page indexes, booleans, floats."""
    table = pa.table(
        {f"c{i}": pa.array([i, None, -i], pa.int64()) for i in range(40)}
        | {"f": [0.5, None, 2.0], "b": [True, None, False]}
    )
    pq.write_table(table, tmp_path / "wide.parquet", write_page_index=True, version="1.0")
    with (tmp_path / "wide.parquet").open("rb") as f:
        found = footer(f)
        f.seek(-8, 2)
        size = int.from_bytes(f.read(4), "little")
        f.seek(-8 - size, 2)
        assert _fields(found) == f.read(size)
