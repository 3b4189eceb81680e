"""Ads exported again by other programs give the fields of the first export."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import polars as pl
import pytest

from read_fixture import run

TEXT = "岗位职责：{}。负责整理第{}区的数据，完成报表，协助同事。"


def test_words_of_records_of_persons_in_the_text_of_an_ad(tmp_path: Path) -> None:
    words = TEXT.format("筛选简历，核对求职者的身份证、出生日期和毕业院校，了解期望薪资和自我评价", 0)
    ads = [
        {"职位名称": f"招聘专员{i}", "公司名称": f"第{i}公司", "职位描述": words, "福利": "", "备注": ""}
        for i in range(9)
    ]
    pl.DataFrame(ads).write_csv(tmp_path / "ads.csv")
    (report,), raw, *_ = run([tmp_path / "ads.csv"])
    assert (report.kept, raw["title"][0]) == (9, "招聘专员0")


def test_months_behind_two_empty_bounds_are_no_pay(tmp_path: Path) -> None:
    lines = [f"司机{i},甲公司,广州,{6000 + i}|8000|" for i in range(20)]
    (tmp_path / "ads.csv").write_text("\n".join(["title,company,city,salary", *lines, "会计,乙公司,深圳,||12"]))
    assert run([tmp_path / "ads.csv"])[1]["pay"].tail(2).to_list() == ["6019|8000|", "||12"]


def test_bare_years_beside_tags_that_begin_with_years(tmp_path: Path) -> None:
    ads = [
        {
            "title": f"司机{i}",
            "company": f"第{i}公司",
            "experience": str(i % 6),
            "tags": f"{i % 6}年及以上,大专,五险一金",
        }
        for i in range(30)
    ]
    pl.DataFrame(ads).write_csv(tmp_path / "ads.csv")
    row = run([tmp_path / "ads.csv"])[1].row(3, named=True)
    assert (row["experience"], row["tags"]) == ("3", "3年及以上,大专,五险一金")


@pytest.mark.parametrize("nothing", ["-", "--", "—", "[]", "NaT"])
def test_marks_for_nothing_are_no_values(nothing: str, tmp_path: Path) -> None:
    lines = [f"司机{i},甲公司,广州,https://example.org/{i},6-8k" for i in range(9)]
    (tmp_path / "ads.csv").write_text(
        "\n".join(["title,company,city,url,salary", *lines, f"会计,乙公司,{nothing},{nothing},{nothing}"])
    )
    assert run([tmp_path / "ads.csv"])[1].select("city", "url", "pay").row(-1) == (None, None, None)


def test_counties_with_streets_behind_a_mark_under_the_header_of_a_region(tmp_path: Path) -> None:
    lines = [f"司机{i},甲公司,杭州,{d}" for i, d in enumerate(["拱墅区|武林街道|", "西湖区", "萧山区|城厢街道|"] * 3)]
    (tmp_path / "ads.csv").write_text("\n".join(["职位名称,公司名称,城市,区域", *lines]))
    assert run([tmp_path / "ads.csv"])[1].select("city", "district").row(0) == ("杭州", "拱墅区|武林街道")


@pytest.mark.parametrize(
    ("table", "by", "refers"), [("companies", "company_id", ""), ("firms", "belongs_to", " REFERENCES firms(id)")]
)
def test_employers_in_another_table_of_a_database(table: str, by: str, refers: str, tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "jobs.db")
    db.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, company_name TEXT, industry TEXT, company_size TEXT)")
    db.execute(f"CREATE TABLE jobs (id TEXT, title TEXT, city TEXT, salary TEXT, {by} INTEGER{refers})")
    firms = [(i, f"第{i}物流有限公司", "物流/运输", "50-150人") for i in range(4)]
    db.executemany(f"INSERT INTO {table} VALUES (?, ?, ?, ?)", firms)
    jobs = [(f"j{i}", f"司机{i}", "广州", "6-8千/月", i % 4) for i in range(12)]
    db.executemany("INSERT INTO jobs VALUES (?, ?, ?, ?, ?)", jobs)
    db.commit()
    db.close()
    raw = run([tmp_path / "jobs.db"])[1]
    assert raw.height == 12
    assert raw.select("company", "industry", "company_size").row(6) == ("第2物流有限公司", "物流/运输", "50-150人")


def test_labels_within_the_texts_of_a_table_of_ads_are_no_cards(tmp_path: Path) -> None:
    cell = "岗位名称：司机\n招聘人数：2人\n学历要求：大专\n工作地点：广州\n薪资待遇：6000-8000元/月\n岗位职责：负责配送货物"
    rows = "".join(f"<tr><td>司机{i}</td><td>第{i}公司</td><td>广州</td><td>{cell}</td></tr>" for i in range(6))
    head = "<tr><th>职位名称</th><th>公司名称</th><th>城市</th><th>职位描述</th></tr>"
    (tmp_path / "ads.html").write_text(f"<table>{head}{rows}</table>", "utf-8")
    assert run([tmp_path / "ads.html"])[1]["company"].to_list() == [f"第{i}公司" for i in range(6)]
