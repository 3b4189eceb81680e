"""kernels/corrections.py: guarded replacements."""

from __future__ import annotations

import polars as pl
import pytest

from gangwei.kernels.corrections import apply

RAW = pl.DataFrame({"source_id": ["a", "a", "b"], "source_key": ["1", "2", "1"], "city": ["上海", "北京", None]})


def fix(column: str, expect: str, value: str, source_id: str = "a", source_key: str = "1") -> pl.DataFrame:
    return pl.DataFrame(
        {"source_id": [source_id], "source_key": [source_key], "column": [column], "expect": [expect], "value": [value]}
    )


def test_replaces_the_one_value_that_reads_as_expected() -> None:
    assert apply(RAW, fix("city", "上海", "天津"))["city"].to_list() == ["天津", "北京", None]


def test_leaves_a_value_that_has_changed_since() -> None:
    assert apply(RAW, fix("city", "广州", "天津"))["city"].to_list() == ["上海", "北京", None]


def test_empty_means_null_on_both_sides() -> None:
    assert apply(RAW, fix("city", "", "天津", "b"))["city"].to_list() == ["上海", "北京", "天津"]
    assert apply(RAW, fix("city", "北京", "", "a", "2"))["city"].to_list() == ["上海", None, None]


def test_an_unknown_column_is_refused() -> None:
    with pytest.raises(ValueError, match="not a text column"):
        apply(RAW, fix("nosuch", "", "x"))


def test_two_corrections_of_one_cell_each_for_what_they_expect() -> None:
    both = pl.concat([fix("city", "上海", "天津"), fix("city", "广州", "深圳"), fix("city", "上海", "重庆")])
    assert apply(RAW, both)["city"].to_list() == ["重庆", "北京", None]
