"""What decides a mapping when the first rows of a file are unlike the rest, what formats hold besides rows, and sub-sources that
a definition does not know."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest

from gangwei.codebook import Codebook
from gangwei.formats import sampling
from gangwei.stages.s1_read import FileReport, Limits, discover, read

BOOK = Codebook()
TITLES = ("数据分析师", "会计", "仓库管理员", "前台文员", "算法工程师")
CITIES = ("苏州", "武汉", "成都", "青岛", "杭州")


def ads(path: Path) -> tuple[pl.DataFrame, FileReport]:
    (item,) = discover([path], Limits())[0]
    report = FileReport(item)
    parts = [b.raw for b in read(item, BOOK, Limits(), report)]
    return pl.concat(parts) if parts else pl.DataFrame(), report


def rows(n: int, filled_from: int) -> list[dict[str, str]]:
    """Ads whose pay, place and text begin after the first rows."""
    late = [
        {"c1": TITLES[i % 5], "c2": f"甲乙{i}科技有限公司", "c3": f"{i % 9 + 6}-{i % 9 + 9}K", "c4": CITIES[i % 5], "c5": f"岗位职责：负责第{i}项工作。任职要求：有责任心"}
        for i in range(n)
    ]  # fmt: skip
    return [r if i >= filled_from else {**r, "c3": "", "c4": "", "c5": ""} for i, r in enumerate(late)]


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "json", "sql", "parquet"])
def test_rows_from_all_over_the_file_decide(tmp_path: Path, suffix: str) -> None:
    made = rows(1500, 600)
    path = tmp_path / f"a.{suffix}"
    if suffix == "csv":
        path.write_text("".join(",".join(r.values()) + "\n" for r in made), "utf-8")
    elif suffix == "jsonl":
        lines = [json.dumps({k: v for k, v in r.items() if v}, ensure_ascii=False) for r in rows(1500, 700)]
        path.write_text("\n".join(lines), "utf-8")
    elif suffix == "json":
        path.write_text(json.dumps({"data": made}, ensure_ascii=False), "utf-8")
    elif suffix == "sql":
        values = ",\n".join("(" + ",".join(f"'{v}'" for v in r.values()) + ")" for r in made)
        path.write_text(f"INSERT INTO job VALUES {values};\n", "utf-8")
    else:
        pl.DataFrame(made).write_parquet(path)
    raw, _ = ads(path)
    last = raw.row(-1, named=True)
    assert raw.height == 1500
    assert (last["title"], last["pay"], last["city"]) == (made[-1]["c1"], made[-1]["c3"], made[-1]["c4"])
    assert last["description"] == made[-1]["c5"]


def test_thinning_keeps_items_evenly_spaced() -> None:
    thin: sampling.Thin[int] = sampling.Thin(8)
    thin.extend(range(1000))
    steps = {b - a for a, b in zip(thin.kept, thin.kept[1:])}
    assert len(thin.kept) <= 8 and len(steps) == 1 and thin.kept[0] == 0 and thin.kept[-1] > 700
    assert sampling.spaced(list(range(100)), 3) == [0, 49, 99]


@pytest.mark.parametrize("at", ["A1", "C4"])
def test_a_cell_merged_over_rows_stands_in_each(tmp_path: Path, at: str) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    rows = (["单位名称", "岗位名称", "人数"], ["甲乙集团", "会计", 1], [None, "文员", 2], ["丙丁集团", "焊工", 3])
    for r, row in enumerate(rows):
        for c, value in enumerate(row):
            sheet[at].offset(r, c).value = value
    sheet.merge_cells(f"{at[0]}{int(at[1]) + 1}:{at[0]}{int(at[1]) + 2}")
    book.save(tmp_path / "a.xlsx")
    assert ads(tmp_path / "a.xlsx")[0]["company"].to_list() == ["甲乙集团", "甲乙集团", "丙丁集团"]


def test_objects_of_parquet_are_columns(tmp_path: Path) -> None:
    made = pl.DataFrame(
        {
            "job_title": TITLES[:3],
            "company": [{"name": f"甲乙{i}有限公司", "size": "20-99人"} for i in range(3)],
            "salary": [{"min": 8000 + i, "max": 9000 + i} for i in range(3)],
        }
    )
    made.write_parquet(tmp_path / "a.parquet")
    row = ads(tmp_path / "a.parquet")[0].row(1, named=True)
    assert (row["company"], row["company_size"], row["pay"]) == ("甲乙1有限公司", "20-99人", "8001|9001|")


def test_the_word_searched_for_is_no_title(tmp_path: Path) -> None:
    lines = [f"Java,{t},甲乙{i}有限公司,北京" for i, t in enumerate(TITLES)]
    (tmp_path / "a.csv").write_text("\n".join(["job,concrete_job,company,city", *lines]), "utf-8")
    assert ads(tmp_path / "a.csv")[0]["title"].to_list() == list(TITLES)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]><x><job><title>&a;</title></job></x>', "xml_entities"),
        ("<jobs><job><title>会计</title></jobs>", "broken_xml"),
        ("<x>" * 200 + "</x>" * 200, "broken_xml"),
        ('<?xml version="1.0"?><x>1</x>', "no_records"),
    ],
)
def test_xml_that_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "a.xml").write_text(text, "utf-8")
    raw, report = ads(tmp_path / "a.xml")
    assert raw.is_empty() and [i.reason_id for i in report.issues] == [reason]


def test_a_new_sub_source_is_read_by_what_its_values_look_like(tmp_path: Path) -> None:
    garbled = "数据分析师".encode("gb18030").decode("latin-1")
    columns = (
        "record_id",
        "source",
        "source_path",
        "board",
        "title",
        "company",
        "city_raw",
        "salary_raw",
        "description",
        "posted_raw",
        "scraped_raw",
        "tags_raw",
    )
    made: list[dict[str, Any]] = []
    for i in range(20):
        plain = dict.fromkeys(columns, "") | {
            "record_id": f"r{i}",
            "board": "dajie",
            "company": "['甲乙有限公司']",
            "city_raw": "苏州",
            "salary_raw": "8-9K",
        }
        made.append(
            plain
            | {
                "source": "new1",
                "title": "['会计']",
                "tags_raw": '[{"state": 0, "value": "焊接"}, {"state": 0, "value": "制图"}]',
            }
        )
        made.append(
            plain
            | {
                "source": "new2",
                "title": garbled if i % 2 else "会计",
                "tags_raw": "成本|民营|100-499人",
                "salary_raw": "15" if i % 3 else "7k-9k",
            }
        )
    pl.DataFrame(made).write_parquet(tmp_path / "a.parquet")
    raw, report = ads(tmp_path / "a.parquet")
    one, two = (raw.filter(pl.col("source_id") == f"postings_real.{s}") for s in ("new1", "new2"))
    assert one.select("title", "tags", "company").unique().rows() == [("会计", "焊接|制图", "['甲乙有限公司']")]
    assert set(two["title"]) == {"会计", "数据分析师"}
    assert two.select("tags", "company_nature", "company_size").unique().rows() == [("成本", "民营", "100-499人")]
    assert set(two.select("pay", "pay_scale_hint").rows()) == {("15", 1000), ("7k-9k", None)}
    assert "unknown_subsource" in {i.reason_id for i in report.issues}


def test_a_folder_gives_the_files_of_crawlers_and_browsers(tmp_path: Path) -> None:
    for name in ("items.jl", "answers.har", "notes.md"):
        (tmp_path / name).write_text(f'{{"title": "会计", "company": "甲乙集团", "id": "{name}"}}', "utf-8")
    found, issues = discover([tmp_path], Limits())
    assert ([i.name for i in found], [i.file for i in issues]) == (["answers.har", "items.jl"], ["notes.md"])


HALVES = {
    "jobs.js": "const jobs = [{title: '会计 \\ud83d\\ude00', company: '甲乙有限公司', city: '北京'}, {title: '店长\\ud83d', company: '丙丁有限公司', city: '上海'}];",
    "jobs.txt": "[{'title': '会计 \\ud83d\\ude00', 'company': '甲乙有限公司', 'city': '北京'},\n {'title': '店长\\ud83d', 'company': '丙丁有限公司', 'city': '上海'}]",
    "lines.txt": "{'title': '会计 \\ud83d\\ude00', 'company': '甲乙有限公司', 'city': '北京'}\n{'title': '店长\\ud83d', 'company': '丙丁有限公司', 'city': '上海'}\n",
    "jobs.json": '[{"title": "会计 \\ud83d\\ude00", "company": "甲乙有限公司", "city": "北京"}, {"title": "店长\\ud83d", "company": "丙丁有限公司", "city": "上海"}]',
}


@pytest.mark.parametrize("name", HALVES)
def test_halves_of_a_character(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(HALVES[name], "utf-8")
    assert ads(path)[0]["title"].to_list() == ["会计 😀", "店长\ufffd"]


@pytest.mark.parametrize("shape", ["columns", "pages"])
def test_large_json(tmp_path: Path, shape: str) -> None:
    made = [
        {"title": TITLES[i % 3], "company": f"甲乙{i}有限公司", "salary": f"{i % 9 + 5}-20K"} for i in range(12_000)
    ]
    if shape == "columns":
        text = json.dumps({k: {str(i): r[k] for i, r in enumerate(made)} for k in made[0]})
    else:
        text = "\n".join(json.dumps({"code": 0, "data": {"list": made[i : i + 3]}}) for i in range(0, len(made), 3))
    (tmp_path / "a.json").write_text(text, "utf-8")
    assert ads(tmp_path / "a.json")[0].height == len(made)


COUNTS = [("会计", "苏州", p, n) for p, n in (("0-4000", 471), ("4001-8000", 1749), ("8001-12000", 626))]
EMPLOYERS = "(1,'甲乙集团','苏州','上市','互联网',10000,'http://www.example.com')"
WORKED = (
    "(1,2,'甲乙集团','2012-10-11','2014-06-06','会计','账目'),(2,3,'丙丁集团','2012-03-03','2014-06-06','焊工','车间')"
)


@pytest.mark.parametrize("total", ["count", "职位数量"])
def test_numbers_of_ads_by_job_and_pay_are_no_ads(tmp_path: Path, total: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"job,area,salary,{total}\n" + "".join(f"{a},{b},{c},{n}\n" for a, b, c, n in COUNTS), "utf-8")
    assert ads(path)[0].is_empty()
    few = "".join(f"{a},{b},{c},{n % 7}\n" for a, b, c, n in COUNTS)  # how many a job asks for
    path.write_text(f"job,area,salary,{total}\n{few}", "utf-8")
    assert ads(path)[0].height == len(COUNTS)


def test_employers_and_what_stands_in_resumes_are_no_ads(tmp_path: Path) -> None:
    columns = {
        "company": ("id int", "name text", "city text", "stage text", "tag text", "people_num int", "home_url text"),
        "work_experience": (
            "id int",
            "resume_id int",
            "company_name text",
            "start_date text",
            "end_date text",
            "job text",
            "note text",
        ),
    }
    made = ""
    for (name, what), rows in zip(columns.items(), (EMPLOYERS, WORKED)):
        lines = ",\n  ".join(what)
        made += f"CREATE TABLE `{name}` (\n  {lines}\n);\nINSERT INTO `{name}` VALUES {rows};\n"
    path = tmp_path / "a.sql"
    path.write_text(made, "utf-8")
    assert ads(path)[0].is_empty()
    path.write_text(
        made
        + "CREATE TABLE `job` (\n  id int,\n  title text,\n  salary text\n);\nINSERT INTO job VALUES (1,'会计','8-9K');\n",
        "utf-8",
    )
    assert ads(path)[0]["title"].to_list() == ["会计"]


@pytest.mark.parametrize("first", ["城市", "公司名称"])
def test_what_is_computed_over_many_ads_is_no_ad(tmp_path: Path, first: str) -> None:
    rows = [("甲乙有限公司", "会计", 3, 4, 6), ("丙丁有限公司", "司机", 5, 3, 5), ("戊己有限公司", "焊工", 2, 5, 8)]
    path = tmp_path / "a.csv"
    path.write_text(
        f"{first},岗位类别,需求,平均薪资(K),最低薪资中位数,最高薪资中位数,本科占比\n"
        + "".join(
            f"{a if first == '公司名称' else '苏州'},{b},{n},{(lo + hi) / 2},{lo},{hi},0.81\n"
            for a, b, n, lo, hi in rows
        ),
        "utf-8",
    )
    assert ads(path)[0].height == (3 if first == "公司名称" else 0)  # an ad names its employer


def test_ads_with_what_was_computed_over_them_are_ads(tmp_path: Path) -> None:
    rows = [
        ("会计", "上海", "大专", "3-4年", 9000),
        ("司机", "苏州", "高中", "1年", 8000),
        ("焊工", "常州", "中专", "2年", 9500),
    ]
    path = tmp_path / "a.csv"
    path.write_text(
        "职位名称,城市,学历,工作经验,平均薪资,薪资中位数\n"
        + "".join(f"{','.join(r[:4])},{r[4]}.0,9000.0\n" for r in rows),  # type: ignore[arg-type]
        "utf-8",
    )
    assert ads(path)[0]["title"].to_list() == ["会计", "司机", "焊工"]


def test_cookies_of_a_board_are_no_ads(tmp_path: Path) -> None:
    cookies = [
        {
            "domain": ".51job.com",
            "expiry": 1730612254,
            "httpOnly": True,
            "name": n,
            "path": "/",
            "sameSite": "Lax",
            "value": "x",
        }
        for n in ("search", "51job", "guid")
    ]
    path = tmp_path / "cookies.json"
    path.write_text(json.dumps(cookies), "utf-8")
    assert ads(path)[0].is_empty()


ADS = [("Java开发工程师", "杭州", "本科", 10, 15), ("会计", "北京", "大专", 8, 10), ("货车司机", "上海", "高中", 6, 8)]


def test_ads_beside_the_key_of_a_resume_are_ads(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = "".join(f"{i},{t},青禾{i}有限公司,{c},{a}-{b}K,{e}\n" for i, (t, c, e, a, b) in enumerate(ADS))
    path.write_text(f"resume_id,title,company,city,salary,education\n{rows}", "utf-8")
    assert ads(path)[0]["title"].to_list() == [t for t, *_ in ADS]
    path.write_text(f"resume_id,title,company,city,salary,graduate_school\n{rows}", "utf-8")
    assert ads(path)[0].is_empty()


@pytest.mark.parametrize("of_person", ["name", "age", "性别", "start_date", "结束时间", "apply_time", "投递状态"])
def test_who_applied_or_worked_beside_the_key_of_a_resume(tmp_path: Path, of_person: str) -> None:
    path = tmp_path / "a.csv"
    rows = "".join(f"{i},{t},青禾{i}有限公司,{c},{a}-{b}K,2019-0{i + 1}\n" for i, (t, c, _, a, b) in enumerate(ADS))
    path.write_text(f"resume_id,title,company,city,salary,{of_person}\n{rows}", "utf-8")
    assert ads(path)[0].is_empty()


@pytest.mark.parametrize(("off", "kept"), [(0, 3), (700, 0)])
def test_the_mean_of_the_bounds_of_each_row_is_no_statistic(tmp_path: Path, off: int, kept: int) -> None:
    """What many ads pay on average is hardly ever the middle of the least and the most."""
    path = tmp_path / "a.csv"
    rows = "".join(f"{t},{c},{e},{a}000,{b}000,{(a + b) * 500 + off},{a}900\n" for t, c, e, a, b in ADS)
    path.write_text(f"职位名称,城市,学历,最低薪资,最高薪资,平均薪资,薪资中位数\n{rows}", "utf-8")
    assert ads(path)[0].height == kept


OWN = [t for t, *_ in ADS]


@pytest.mark.parametrize(
    ("titles", "pay", "times", "kept"),
    [
        (OWN, "{}k-{}k", 1, 3),
        (["会计"] * 3, "{}k-{}k", 1, 0),  # counted by something else
        (OWN, "{}k-{}k", 50, 0),  # nobody asks for 1,500 at once
        (OWN, "{}000", 1, 0),  # what jobs pay on average
    ],
)
def test_many_wanted_for_each_job_of_its_own(
    tmp_path: Path, titles: list[str], pay: str, times: int, kept: int
) -> None:
    path = tmp_path / "a.csv"
    wanted = (30 * times, 20 * times, 100 * times)
    rows = "".join(f"{t},{c},{pay.format(a, b)},{e},{n}\n" for t, (_, c, e, a, b), n in zip(titles, ADS, wanted))
    path.write_text(f"职位名称,城市,薪资,学历,数量\n{rows}", "utf-8")
    assert ads(path)[0].height == kept
