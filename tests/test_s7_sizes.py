"""s7_sizes.py: what boards write of an employer's staff, in bands; the band most ads state."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from gangwei import schema, stage_tables
from gangwei.codebook import Codebook
from gangwei.stages.s7_sizes import bands, sizes


@pytest.mark.parametrize(
    ("stated", "band"),
    [
        ("20-99人", "under_100"), ("50-150人", "under_100"), ("\xa0\xa0150-500人 \xa0", "100_to_499"), ("少于50人", "under_100"), ("20人以下", "under_100"),
        ("500-999", "500_to_999"), ("500-2000人", "1000_to_9999"), ("2000人以上", "1000_to_9999"), ("10000人以上", "over_10000"), ("10,000+ employees", "over_10000"),
        ("201 to 500 employees", "100_to_499"), ("0-20人", "under_100"), ("保密", None), ("20", None), ("团队有趣", None), ("", None), (None, None),
    ],
)  # fmt: skip
def test_bands(stated: str | None, band: str | None) -> None:
    assert bands(pl.Series([stated], dtype=pl.String), Codebook()).to_list() == [band]


def test_bands_are_those_of_the_schema() -> None:
    assert tuple(b["id"] for b in Codebook().toml("employers/sizes.toml")["band"]) == schema.EMPLOYER_SIZE_BANDS


def test_most_ads_decide_and_ties_go_up(tmp_path: Path) -> None:
    rows = (
        [("甲公司", "20-99人")] * 2
        + [("甲有限公司", "100-499人")] * 3
        + [("乙公司", "20-99人"), ("乙公司", "10000人以上"), ("丙公司", "保密"), (None, "20-99人")]
    )
    raw = stage_tables.RAW.conform(pl.DataFrame(rows, schema=["company", "company_size"], orient="row"))
    raw.write_parquet(tmp_path / "r.parquet")
    names = pl.DataFrame(
        {"name_raw": ["甲公司", "甲有限公司", "乙公司", "丙公司"], "employer_id": ["e1", "e1", "e2", "e3"]}
    )
    got = sizes([tmp_path / "r.parquet"], names, Codebook())
    assert got.rows() == [("e1", "100_to_499", 3, 5), ("e2", "over_10000", 1, 2)]
    assert sizes([], names, Codebook()).is_empty()
