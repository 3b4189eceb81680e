"""Dates: every written form, alone and in a batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from gangwei.codebook import Codebook
from gangwei.kernels.clean.dates import DateRules, compile_dates, parse

CASES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "cases" / "dates.yaml").read_text("utf-8"))


@pytest.fixture(scope="module")
def rules() -> DateRules:
    return compile_dates(Codebook())


def batch(cases: list[dict[str, Any]], rules: DateRules) -> list[tuple[Any, ...]]:
    captured = [c["captured"].isoformat() if "captured" in c else None for c in cases]
    out = parse(
        pl.Series([c["raw"] for c in cases], dtype=pl.String),
        pl.Series(captured, dtype=pl.String),
        pl.Series([c.get("year") for c in cases], dtype=pl.Int32),
        rules,
    )
    assert out.columns == ["captured_date", "posted_date", "date_precision", "date_issue"]
    return out.drop("captured_date").rows()


def expected(case: dict[str, Any]) -> tuple[Any, ...]:
    return case.get("day"), case["precision"], case.get("issue")


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c['raw']}|{c.get('captured', '')}|{c.get('year', '')}")
def test_cases(case: dict[str, Any], rules: DateRules) -> None:
    assert batch([case], rules) == [expected(case)]


def test_batch_keeps_rows_in_place(rules: DateRules) -> None:
    assert batch(CASES * 3, rules) == [expected(c) for c in CASES * 3]


def test_capture_dates(rules: DateRules) -> None:
    captured = pl.Series(
        ["2025-01-03T10:11:10+08:00", "Sat Feb 22 22:58:03 2020", "1970-01-01 08:00:25", "昨天", None, ""]
    )
    out = parse(pl.Series([None] * 6, dtype=pl.String), captured, pl.Series([None] * 6, dtype=pl.Int32), rules)
    assert [str(d) if d else None for d in out["captured_date"]] == ["2025-01-03", "2020-02-22", None, None, None, None]
    assert out["date_issue"].to_list() == [None, None, "capture_date_impossible", "capture_date_unreadable", None, None]
