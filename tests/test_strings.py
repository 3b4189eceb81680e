"""kernels/strings.py: strings are read where Polars keeps them, however they came to lie there."""

from __future__ import annotations

import gc
from pathlib import Path

import polars as pl
import pytest

from gangwei.kernels.strings import string_spans

WORDS = ["", "a", "十二个字节", "thirteen byte", "数据挖掘工程师", "x" * 5000, None, "岗位"]


def told(series: pl.Series) -> list[str]:
    """Each string as the spans give it; the series itself may be gone."""
    data, spans = string_spans(series)
    del series
    gc.collect()
    return [bytes(data[a:b]).decode() for a, b in spans]


def from_file(folder: Path) -> pl.Series:
    pl.DataFrame({"s": WORDS * 4000}).write_parquet(folder / "s.parquet", data_page_size=4096)
    return pl.read_parquet(folder / "s.parquet")["s"]


def joined() -> pl.Series:
    frame = pl.DataFrame({"k": [0, 1, 2, 3], "s": ["a" * 50, "b" * 60, "c" * 70, None]})
    return pl.DataFrame({"k": [3, 2, 9, 1]}).join(frame, on="k", how="left", maintain_order="left")["s"]


@pytest.mark.parametrize(
    "series",
    [
        pl.Series(WORDS),
        pl.Series(WORDS)[2:],
        pl.Series(WORDS)[1:3],
        pl.Series(WORDS).gather([5, 1, 1, 6, 3]),
        pl.Series(WORDS).scatter([0, 3], ["y" * 40, "z"]),
        pl.concat([pl.Series(WORDS), pl.Series(["w" * 30, None])], rechunk=False),
        pl.Series(WORDS).shift(1),
        pl.Series(WORDS).str.replace("e", "E" * 20),
        pl.Series(["short", "all"]),
        pl.Series([None, None], dtype=pl.String),
        pl.Series([], dtype=pl.String),
        joined(),
    ],
)
def test_spans_give_what_the_series_holds(series: pl.Series) -> None:
    assert told(series) == series.fill_null("").to_list()


def test_strings_of_a_file_in_many_pages(tmp_path: Path) -> None:
    assert told(from_file(tmp_path)) == pl.Series(WORDS * 4000).fill_null("").to_list()
