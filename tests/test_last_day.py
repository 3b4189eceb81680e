"""The as-of date is the last day of the ads; a few dates with a wrong year do not set it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from build_fixture import build
from gangwei.codebook import Codebook
from gangwei.kernels.last_day import last_day
from gangwei.store import read_json

LIMITS = Codebook().toml("dates.toml")["last_day"]


def found(*rows: tuple[str, str | None, int]) -> pl.DataFrame:
    days = [d and dt.date.fromisoformat(d) for _, d, _ in rows]
    return pl.DataFrame({"source_id": [s for s, _, _ in rows], "day": days, "ads": [n for _, _, n in rows]})


@pytest.mark.parametrize(
    ("rows", "end", "beyond"),
    [
        ([("a", "2024-05-01", 190), ("a", "2024-05-02", 10), ("a", "2099-01-01", 1)], "2024-05-02", [1]),
        ([("a", "2024-05-01", 900), ("a", "2042-01-01", 1), ("a", "2099-01-01", 2)], "2024-05-01", [3]),
        ([("a", "2021-05-01", 1000), ("a", "2024-04-01", 1)], "2024-04-01", []),  # within three years
        ([("a", "2020-05-01", 150), ("a", "2026-05-01", 1)], "2026-05-01", []),  # one in 150
        ([("a", "2024-05-01", 900), ("b", "2026-05-01", 3)], "2026-05-01", []),  # a source of its own
        ([("a", "2024-05-01", 900), ("a", "2099-05-01", 3), ("b", "2023-05-01", 3)], "2024-05-01", [3]),
        ([("a", None, 900), ("a", "2024-05-01", 3)], "2024-05-01", []),
        ([("a", None, 900)], None, []),
        ([], None, []),
    ],
)
def test_few_dates_far_ahead_do_not_count(
    rows: list[tuple[str, str | None, int]], end: str | None, beyond: list[int]
) -> None:
    table = found(*rows).cast({"source_id": pl.String, "day": pl.Date, "ads": pl.Int64})
    for given in (table, table.reverse()):
        day, issues = last_day(given, LIMITS)
        assert (day and day.isoformat(), [i["n"] for i in issues]) == (end, beyond)


def test_a_mistyped_year_does_not_move_the_as_of_date(tmp_path: Path) -> None:
    ads = pl.DataFrame(
        {
            "title": [f"软件工程师{i}" for i in range(240)],
            "company": "甲有限公司",
            "posted_date": [f"2024-05-{i % 28 + 1:02}" for i in range(239)] + ["2094-05-03"],
        }
    )
    ads.write_csv(tmp_path / "a.csv")
    build(tmp_path / "d", tmp_path / "a.csv", threads=1)
    manifest = read_json(tmp_path / "d" / "published" / "manifest.json")
    assert manifest["as_of"] == "2024-05-28"
    assert [(i["reason_id"], i["n"]) for i in manifest["issues"] if i["stage"] == "s4_employers"] == [
        ("date_far_ahead", 1)
    ]
    build(tmp_path / "d", tmp_path / "a.csv", threads=1, as_of="2020-01-01")
    assert read_json(tmp_path / "d" / "published" / "manifest.json")["as_of"] == "2020-01-01"
