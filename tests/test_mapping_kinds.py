"""Records of several boards in one file of JSON: each kind keeps all its fields, and those of one kind are read as ever."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest

from read_fixture import run

N = 80
OFFICE: list[dict[str, Any]] = [
    {
        "职位名称": f"会计{i}",
        "公司名称": f"甲{i}商贸有限公司",
        "工作城市": "广州",
        "薪资": f"{6 + i % 9}-{8 + i % 9}K",
        "学历要求": "本科",
    }
    for i in range(N)
]
DRIVERS: list[dict[str, Any]] = [
    {
        "jobName": f"司机{i}",
        "brandName": f"乙{i}物流",
        "salaryDesc": f"{6 + i % 9}-{8 + i % 9}K",
        "cityName": "深圳",
        "jobExperience": "3-5年",
        "jobDegree": "大专",
    }
    for i in range(N)
]
NURSES: list[dict[str, Any]] = [
    {
        "name": f"护士{i}",
        "company": f"丙{i}医院",
        "salary": f"{6 + i % 9}千-{8 + i % 9}千",
        "location": "上海",
        "exp": "1-3年",
    }
    for i in range(N)
]
FIRMS: list[dict[str, Any]] = [
    {
        "companyName": f"丁{i}有限公司",
        "scale": "50-99人",
        "nature": "民营",
        "trade": "零售",
        "intro": f"公司成立于2001年，是一家第{i}公司",
    }
    for i in range(N)
]
FIELDS = ["title", "company", "city", "pay", "education", "experience"]
OFFICE_ROW = ("会计7", "甲7商贸有限公司", "广州", "13-15K", "本科", None)
DRIVER_ROW = ("司机7", "乙7物流", "深圳", "13-15K", "大专", "3-5年")
NURSE_ROW = ("护士7", "丙7医院", "上海", "13千-15千", None, "1-3年")


def lines(*records: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(r, ensure_ascii=False) + "\n" for some in records for r in some)


@pytest.mark.parametrize("array", [False, True])
def test_each_kind_keeps_its_fields(array: bool, tmp_path: Path) -> None:
    kinds = [OFFICE, DRIVERS, NURSES]
    text = json.dumps([r for k in kinds for r in k]) if array else lines(*kinds)
    (tmp_path / "ads.json").write_text(text)
    (report,), raw, *_ = run([tmp_path / "ads.json"])
    assert (report.kept, report.rejected.total()) == (3 * N, 0)
    assert [raw.select(FIELDS).row(N * i + 7) for i in range(3)] == [OFFICE_ROW, DRIVER_ROW, NURSE_ROW]
    assert raw["row"].to_list() == list(range(1, 3 * N + 1))
    assert not any(i.reason_id == "unmapped_column" for i in report.issues)


@pytest.mark.parametrize("suffix", ["csv", "parquet", "xlsx"])
def test_tables_joined_with_the_columns_of_each(suffix: str, tmp_path: Path) -> None:
    frame = pl.concat([pl.DataFrame(k) for k in (OFFICE, DRIVERS, NURSES)], how="diagonal")
    path = tmp_path / f"ads.{suffix}"
    if suffix == "xlsx":
        book = openpyxl.Workbook()
        for row in (frame.columns, *frame.rows()):
            book.active.append(row)
        book.save(path)
    else:
        (frame.write_csv if suffix == "csv" else frame.write_parquet)(path)
    (report,), raw, *_ = run([path])
    assert (report.kept, report.rejected.total()) == (3 * N, 0)
    assert [raw.select(FIELDS).row(N * i + 7) for i in range(3)] == [OFFICE_ROW, DRIVER_ROW, NURSE_ROW]
    assert not any(i.reason_id == "unmapped_column" for i in report.issues)


def test_records_of_two_boards_that_take_turns(tmp_path: Path) -> None:
    (tmp_path / "ads.jsonl").write_text(lines(*([a, b] for a, b in zip(DRIVERS, NURSES))))
    raw = run([tmp_path / "ads.jsonl"])[1]
    assert [raw.select(FIELDS).row(14), raw.select(FIELDS).row(15)] == [DRIVER_ROW, NURSE_ROW]


def test_a_few_records_of_another_kind_below_a_long_file(tmp_path: Path) -> None:
    (tmp_path / "ads.jsonl").write_text(lines(*[OFFICE] * 500, DRIVERS[:8]))
    (report,), raw, *_ = run([tmp_path / "ads.jsonl"])
    assert (report.kept, report.rejected.total()) == (500 * N + 8, 0)
    assert raw.select(FIELDS).row(-1) == DRIVER_ROW


def test_records_of_employers_beside_ads_are_no_ads(tmp_path: Path) -> None:
    (tmp_path / "ads.jsonl").write_text(lines(OFFICE, FIRMS))
    (report,), raw, *_ = run([tmp_path / "ads.jsonl"])
    assert set(raw["title"]) == {f"会计{i}" for i in range(N)}
    assert report.rejected == {"no_title_no_description": N}


def test_keys_that_are_seldom_filled_make_no_kinds(tmp_path: Path) -> None:
    sparse = [{k: v for n, (k, v) in enumerate(r.items()) if n < 1 or (i + n) % 3} for i, r in enumerate(DRIVERS)]
    (tmp_path / "ads.jsonl").write_text(lines(sparse))
    (report,), raw, *_ = run([tmp_path / "ads.jsonl"])
    assert report.kept == N
    assert raw["row"].to_list() == list(range(1, N + 1))
