"""s1: every file becomes ads, rejects and clear issues; nothing raises, nothing is lost."""

from __future__ import annotations

import datetime as dt
import io
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gangwei.codebook import Codebook
from gangwei.formats import parquet
from gangwei.stages import s1_read
from gangwei.stages.s1_read import FileReport, Limits, ReadError, discover, read
from read_fixture import CASES, PLAIN, encode, run


@pytest.mark.parametrize("case", CASES, ids=[c["id"] for c in CASES])
def test_cases(case: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / case["file"]
    path.write_bytes(encode(case))
    (report,), raw, rejects, _ = run([path])
    assert report.kept == case["kept"], (report.as_dict(), rejects.rows())
    if "rejected" in case:
        assert dict(report.rejected) == case["rejected"]
    if "issues" in case:
        assert [i.reason_id for i in report.issues] == case["issues"]
    if "source" in case:
        assert report.source_id == case["source"]
    if "encoding_is" in case:
        assert report.encoding == case["encoding_is"]
    for at, key in ((0, "first"), (-1, "last")):
        if key in case:
            row = raw.row(at, named=True)
            assert {k: row[k] for k in case[key]} == case[key]


def test_order_of_paths_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("b.csv", "a.csv", "sub/c.csv"):
        (tmp_path / name).write_text(PLAIN + name, "utf-8")
    (tmp_path / "notes.md").write_text("x")
    (tmp_path / ".hidden.csv").write_text(PLAIN)
    whole, issues = discover([tmp_path], Limits())
    assert [i.name for i in whole] == ["a.csv", "b.csv", "sub/c.csv"]
    assert [i.reason_id for i in issues] == ["not_a_data_file"]
    files = [tmp_path / "b.csv", tmp_path / "a.csv", tmp_path / "sub"]
    assert discover(files, Limits())[0] == discover(files[::-1], Limits())[0]
    pattern = str(tmp_path / "*.csv")
    assert [i.name for i in discover([pattern, tmp_path / "a.csv"], Limits())[0]] == ["a.csv", "b.csv"]


def test_folders_that_fit_a_pattern_are_read(tmp_path: Path) -> None:
    for folder in ("2023", "2024", "other"):
        (tmp_path / folder / "sub").mkdir(parents=True)
        (tmp_path / folder / "sub" / "a.csv").write_text(PLAIN, "utf-8")
        (tmp_path / folder / "~$a.xlsx").write_text("x")
    found, _ = discover([str(tmp_path / "20*")], Limits())
    assert [i.name for i in found] == ["2023/sub/a.csv", "2024/sub/a.csv"]


def test_a_pipe_is_named_as_such(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ads.csv")
    with pytest.raises(ReadError, match="a pipe or device"):
        discover([tmp_path / "ads.csv"], Limits())


def test_equal_names_and_equal_content(tmp_path: Path) -> None:
    for folder, more in (("x", ""), ("y", ""), ("z", "保安,丙公司,佛山\n")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.csv").write_text(PLAIN + more, "utf-8")
    found, issues = discover([tmp_path / f / "a.csv" for f in "xyz"], Limits())
    assert len({i.name for i in found}) == 3, "two of one name would be one file of the dataset"
    assert all(i.name.startswith("a.csv~") for i in found)
    assert [i.reason_id for i in issues] == ["same_content"]


def test_missing_and_empty_inputs(tmp_path: Path) -> None:
    for bad in (tmp_path / "no.csv", str(tmp_path / "*.csv"), tmp_path):
        with pytest.raises(ReadError) as e:
            discover([bad], Limits())
        assert "\n" not in str(e.value)


def test_names_of_files_in_gbk(tmp_path: Path) -> None:
    (tmp_path / "ads").mkdir()
    for ending, text in ((b".csv", PLAIN), (b".txt~", "x")):
        with open(os.fsencode(tmp_path / "ads") + b"/" + "招聘".encode("gbk") + ending, "w", encoding="utf-8") as f:
            f.write(text)
    reports, raw, _, _ = run([tmp_path / "ads"])
    assert reports[0].input.name == "招聘.csv" and raw.height == 2
    assert [i.file for i in discover([tmp_path / "ads"], Limits())[1]] == ["招聘.txt~"]


def test_a_single_huge_line(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"x" * (3 << 20))
    limits = Limits(max_line_bytes=1 << 20)
    (report,), _, _, _ = run([path], limits)
    assert [i.reason_id for i in report.issues] == ["line_too_long"] and report.read == 0
    path.write_bytes(b"title,company\n" + b"x" * (3 << 20) + "\n司机,甲公司\n".encode())
    (report,), _, rejects, _ = run([path], limits)
    assert report.kept == 1 and report.rejected == Counter(line_too_long=1)
    path.write_bytes(b'title,company\n"' + b"x\n" * (1 << 17) + "\n司机,甲公司\n".encode())
    (report,), raw, rejects, _ = run([path], limits)
    assert raw["title"].to_list()[-1] == "司机"
    assert rejects["raw"].str.len_chars().max() <= 500  # type: ignore[operator]
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"title": "a", "city": "b"}\n{"title": "' + b"x" * (3 << 20) + b'"}\n{"title": "c"}\n')
    (report,), _, _, _ = run([path], limits)
    assert report.kept == 2 and report.rejected == Counter(line_too_long=1)


@pytest.mark.parametrize("broken", ['{"title": "司机", "company', '{"title":' * 5000])
def test_broken_first_lines_cost_themselves_only(tmp_path: Path, broken: str) -> None:
    good = [
        json.dumps({"title": f"司机{i}", "company": "甲公司", "city": "广州"}, ensure_ascii=False) for i in range(300)
    ]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join([broken, broken, *good]), "utf-8")
    (report,), _, _, _ = run([path])
    assert report.kept == 300 and report.rejected == Counter(broken_json=2)


def test_many_stray_quotes_stay_linear(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("title,company,city\n" + '"司机,甲公司,广州\n会计,乙公司,深圳\n' * 3001, "utf-8")
    (report,), _, _, _ = run([path])
    assert report.read <= 6002 and report.kept >= 3000


def test_binary_and_parquet_trouble(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(bytes(range(1, 32)) * 500)
    (tmp_path / "cut.parquet").write_bytes(b"PAR1" + b"\x01" * 100)
    pl.DataFrame({"a": [1, 2], "b": [0.5, 1.5]}).write_parquet(tmp_path / "numbers.parquet")
    pl.DataFrame(schema={"title": pl.String}).write_parquet(tmp_path / "none.parquet")
    reports, _, _, _ = run([tmp_path])
    got = {r.input.name: [i.reason_id for i in r.issues] for r in reports}
    assert got == {
        "a.csv": ["binary_file"],
        "cut.parquet": ["broken_parquet"],
        "numbers.parquet": ["unknown_columns"],
        "none.parquet": ["no_rows"],
    }


@pytest.mark.parametrize(
    ("rows", "group", "sampled", "groups"),
    [
        (200, 7, 130, 19),
        (200, 1, 120, 120),
        (5, 1, 5, 5),
        (200, 200, 200, 1),
        (3000, 15, 120, 8),
        (90_000, 9999, 121, 8),
    ],
)
def test_parquet_is_sampled_alike_whatever_its_groups(rows: int, group: int, sampled: int, groups: int) -> None:
    held = io.BytesIO()
    pl.DataFrame({"n": range(rows), "last": ["x" * (i == rows - 1) for i in range(rows)]}).write_parquet(
        held, row_group_size=group
    )
    file = parquet.open_file(held)
    found = [int(n) for n, _ in parquet.sample(file)]
    assert len(found) == sampled and found == sorted(set(found)) and len({n // group for n in found}) == groups
    assert [int(n) for n, _ in parquet.head(file)] == list(range(min(rows, 60)))


def test_parquet_whose_strings_are_no_utf8(tmp_path: Path) -> None:
    titles = ["算法工程师".encode(), "数据分析师".encode("gb18030"), b"Java \xff\xe5", None]
    bytes_of = pa.array(titles, pa.binary())
    title = pa.Array.from_buffers(pa.string(), len(titles), bytes_of.buffers())
    rest = {
        "company": ["甲公司", "乙公司", "丙公司", "丁公司"],
        "city": pa.array(["北京", "上海", "北京", None]).dictionary_encode(),
    }
    pq.write_table(pa.table({"title": title, **rest}), tmp_path / "a.parquet")
    (report,), raw, rejects, _ = run([tmp_path / "a.parquet"])
    assert raw["title"].to_list() == ["算法工程师", "数据分析师", "Java \ufffd\ufffd"]
    assert [(i.reason_id, i.row) for i in report.issues if i.reason_id == "encoding_errors"] == [("encoding_errors", 3)]
    assert raw["city"].to_list() == ["北京", "上海", "北京"] and rejects.height == 1


def test_parquet_damaged_in_a_list(tmp_path: Path) -> None:
    bytes_of = pa.array([b"a", b"\xff\xe5"], pa.binary())
    inner = pa.Array.from_buffers(pa.string(), 2, bytes_of.buffers())
    table = pa.table(
        {"title": ["算法工程师", "会计"], "tags": pa.ListArray.from_arrays(pa.array([0, 1, 2], pa.int32()), inner)}
    )
    pq.write_table(table, tmp_path / "a.parquet")
    (report,), _, _, _ = run([tmp_path / "a.parquet"])
    assert [i.reason_id for i in report.issues] == ["broken_parquet"]


def test_parquet_of_other_types(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "id": [1, 2],
            "title": [b"abc", "司机".encode()],
            "salary": [5000.0, 4500.5],
            "skills": [["a", "b"], []],
            "posted": pl.Series(["2024-01-02", None]).str.to_date(),
            "company": pl.Series(["甲", "乙"], dtype=pl.Categorical),
            "extra": [{"k": 1}, {"k": 2}],
            "took": [dt.timedelta(seconds=1), None],
            "raws": [[b"\xff"], [b"a"]],
        }
    )
    frame.write_parquet(tmp_path / "a.parquet")
    (report,), raw, _, _ = run([tmp_path / "a.parquet"])
    assert raw.select("source_key", "title", "pay", "tags", "posted", "company").rows() == [
        ("1", "abc", "5000", "a|b", "2024-01-02", "甲"),
        ("2", "司机", "4500.5", None, None, "乙"),
    ]
    assert [i.reason_id for i in report.issues] == ["sniffed_mapping", "unmapped_column"]


def test_parquet_with_two_columns_of_one_name(tmp_path: Path) -> None:
    made = pa.table([["会计"], ["甲公司"], ["文员"]], names=["title", "company", "title"])
    pq.write_table(made, tmp_path / "a.parquet")
    (report,), _, _, _ = run([tmp_path / "a.parquet"])
    assert [(i.reason_id, "'title'" in i.message) for i in report.issues] == [("broken_parquet", True)]


def test_columns_that_are_not_kept_are_one_issue(tmp_path: Path) -> None:
    lines = [
        {"title": "会计", "company": "甲公司", "xa": 1},
        {"title": "护士", "company": "乙公司", "xb": 2, "xc": "z"},
    ]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(json.dumps(x, ensure_ascii=False) for x in lines), "utf-8")
    (report,), *_ = run([path])
    (issue,) = [i for i in report.issues if i.reason_id == "unmapped_column"]
    assert issue.n == 3 and issue.message.startswith("3 columns ('xa', 'xb', 'xc') are not mapped")


def test_row_limit_between_batches_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("title,company\n" + "".join(f"司机{i},甲公司{i}\n" for i in range(1000)), "utf-8")
    _, whole, _, _ = run([path])
    _, small, _, _ = run([path], Limits(batch_rows=7))
    assert whole.equals(small) and whole["row"].to_list() == list(range(2, 1002))


def test_a_missed_bound_and_an_unknown_code_are_warnings(tmp_path: Path) -> None:
    (tmp_path / "d" / "sources").mkdir(parents=True)
    (tmp_path / "d" / "sources" / "mine.toml").write_text(
        """
id = "mine"
title = "x"
formats = ["csv"]
[recognise]
headers = ["t", "c", "e"]
[fields]
title = "t"
company = "c"
education = "e"
[lookups.education]
"1" = "本科"
[constants]
board = "myboard"
[bounds]
min_rows = 5
[bounds.fill]
company = 0.9
""",
        "utf-8",
    )
    (tmp_path / "a.csv").write_text("t,c,e\n司机,,1\n会计,乙公司,9\n", "utf-8")
    (item,), _ = discover([tmp_path / "a.csv"], Limits())
    report = FileReport(item)
    raw = pl.concat([b.raw for b in read(item, Codebook(tmp_path / "d"), Limits(), report)])
    assert raw["education"].to_list() == ["本科", "9"] and raw["board"].to_list() == ["myboard"] * 2
    assert [i.reason_id for i in report.issues] == ["unknown_value", "bound_missed", "bound_missed"]


MINIMUM = {
    "2024-11-16_job.zip#job.xlsx": ("job_hunting", 4085),
    "2024-12-24_job.zip#job.xlsx": ("job_hunting", 2906),
    "2025-02-21_job.zip#job.xlsx": ("job_hunting", 6125),
    "51job_2017_listings.csv.zip#51job_2017_listings.csv": ("job51_2017_listings", 7332),
    "51job_2018_no_header.xlsx": ("job51_2018_no_header", 3590),
    "51job_2019_gb18030_pylists.csv.zip#51job_2019_gb18030_pylists.csv": ("job51_2019_pylists", 4920),
    "51job_2020_no_header.xlsx": ("job51_2020_no_header", 1603),
    "51job_2022_title_in_company.csv.zip#51job_2022_title_in_company.csv": ("job51_2022_title_in_company", 3051),
    "51job_2023_dump.sql.zip#51job_2023_dump.sql": ("job51_2023_dump", 1120),
    "boss_2026_listings.csv.zip#boss_2026_listings.csv": ("boss_2026_listings", 9054),
    "empty.csv": (None, 0),
    "empty.json": (None, 0),
    "job_hunting_2024_2025.parquet": ("job_hunting", 57752),
    "lagou_2017_semicolon_no_header.csv.zip#lagou_2017_semicolon_no_header.csv": ("lagou_2019_semicolon", 1168),
    "lagou_mojibake.csv.zip#lagou_mojibake.csv": ("lagou_2017_mojibake", 6876),
    "lagou_mojibake_truth.json.zip#lagou_mojibake_truth.json": ("lagou_2017_columns", 5031),
    "liepin_two_headers_gb18030.csv.zip#liepin_two_headers_gb18030.csv": ("liepin_two_headers", 399),
    "taidi_gb18030.csv.zip#taidi_gb18030.csv": ("taidi", 1575),
    "zhaopin_2018.json.zip#zhaopin_2018.json": ("zhaopin_2018", 5683),
    "zhaopin_2018_snippets.json.zip#zhaopin_2018_snippets.json": ("zhaopin_2018_snippets", 5990),
    "zhaopin_2024_numeric_header.csv.zip#zhaopin_2024_numeric_header.csv": ("zhaopin_2024_numeric_header", 14251),
    "智联招聘.csv.zip#智联招聘.csv": ("liepin_2019_split_pay", 4002),
}


@pytest.mark.slow
@pytest.mark.shared
def test_every_shared_raw_file(shared: Path) -> None:
    reports, raw, _, issues = run([shared / "data" / "raw"])
    assert not issues
    got = {r.input.name: r for r in reports}
    assert set(got) == set(MINIMUM)
    for name, (source, kept) in MINIMUM.items():
        assert got[name].source_id == source, name
        assert got[name].kept >= kept, name
        wanted = ["empty_file"] if source is None else []
        assert [i.reason_id for i in got[name].issues] == wanted, name
    pairs = {}
    for name in ("lagou_mojibake.csv", "lagou_mojibake_truth.json"):
        frame = raw.filter(pl.col("file") == f"{name}.zip#{name}")
        pairs[name] = set(frame.select("company", "title").rows())
    assert len(pairs["lagou_mojibake_truth.json"]) == 4611
    assert len(pairs["lagou_mojibake.csv"] & pairs["lagou_mojibake_truth.json"]) >= 4594
    assert raw.filter(pl.col("source_id") == "taidi")["source_key"].str.starts_with("\t").all()


@pytest.mark.shared
def test_shared_postings(shared: Path) -> None:
    path = shared / "data" / "postings_real.parquet"
    (report,), raw, rejects, _ = run([path])
    assert report.read == 265_285 and rejects.height < 500 and not report.issues
    given = pl.read_parquet(path, columns=["record_id", "company", "board"])
    assert raw["source_key"].is_in(given["record_id"].to_list()).all() and raw["source_key"].n_unique() == raw.height
    joined = raw.select("source_key", "company", "board").join(given, left_on="source_key", right_on="record_id")
    assert joined["company"].fill_null("").equals(joined["company_right"].fill_null(""))
    assert raw.filter(pl.col("occupation_is_code"))["source_id"].unique().sort().to_list() == [
        "postings_real.src04",
        "postings_real.src07",
    ]
    assert s1_read.Limits().batch_rows == 65_536


def test_what_gangwei_wrote_is_no_input(tmp_path: Path) -> None:
    """A build may write into the folder that it reads, and a release may lie there, too."""
    (tmp_path / "ads.csv").write_text(PLAIN, "utf-8")
    made = tmp_path / "work"
    for name in ("published/ads.parquet", "stages/raw/a.parquet", "build.json", ".lock", "brief.html", "mine.csv"):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(PLAIN, "utf-8")
    for name in ("datapackage.json", "data/openings.parquet", "data/ads.csv"):
        (tmp_path / "release" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "release" / name).write_text(PLAIN, "utf-8")
    for given in (tmp_path, tmp_path / "**" / "*.*"):
        inputs, issues = discover([given], Limits())
        assert [i.name for i in inputs] == ["ads.csv", "work/mine.csv"]
        assert [(i.file, i.reason_id) for i in issues if i.reason_id != "same_content"] == [("release", "own_dataset")]
    (made / "mine.csv").unlink()
    with pytest.raises(ReadError, match="nothing but what gangwei wrote"):
        discover([made], Limits())
    brief = tmp_path / "x.html"
    brief.write_text('<!doctype html><html><head><meta name="generator" content="gangwei"><table>', "utf-8")
    (report,), _, _, _ = run([brief])
    assert [i.reason_id for i in report.issues] == ["own_page"]


def test_commas_nobody_quoted_belong_to_the_tags(tmp_path: Path) -> None:
    header = "公司,职称,年限,学历,城市,薪酬,融资,企业优势,公司规模"
    row = "星河{0},算法工程师{0},{1}-5年,本科,上海,{1}5k-25k,A轮,{2},50-150人"
    lines = [row.format(i, i % 3 + 1, "平台好 股票期权" if i % 3 else "五险一金,餐补,体检") for i in range(9)]
    wrong = "星河,算法,工程师,3-5年,本科,上海,15k-25k,A轮,双休,50-150人"
    (tmp_path / "a.csv").write_text("\n".join([header, *lines, wrong]) + "\n", "utf-8")
    (report,), raw, rejects, _ = run([tmp_path / "a.csv"])
    assert raw["tags"].to_list()[0] == "五险一金,餐补,体检" and raw["pay"].to_list()[0] == "15k-25k"
    assert raw["company_size"].unique().to_list() == ["50-150人"] and (report.kept, rejects.height) == (9, 1)


def test_rows_of_several_sources_in_one_table(tmp_path: Path) -> None:
    garbled = [x.encode("gb18030").decode("latin-1") for x in ("大数据工程师", "上海-浦东新区", "负责数据平台。")]
    rows = [["司机", f"第{i}公司", "广州", "", f"负责配送第{i}区。", "8001-10000元/月"] for i in range(20)]
    rows += [[garbled[0], "乙公司", garbled[1], "", garbled[2], "15k-30k"]]
    rows += [["['算法工程师', '机器学习']", "丙公司", "['北京']", "['双休']", "['负责', '模型']", "['1-1.5万/月']"]]
    rows += [["Développeur créé à Genève", "丁公司", "广州", "", "[急聘] 负责", "8001-10000元/月"]]
    rows += [["司机[夜班]", "戊公司", "广州", "", "", "6|8|12"]]
    names = ("title", "company", "city", "tags", "description", "salary_raw")
    pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row").write_csv(tmp_path / "all.csv")
    _, raw, _, _ = run([tmp_path / "all.csv"])
    found = raw.select("title", "city", "pay", "tags", "description", "pay_scale_hint").tail(4).rows()
    assert found == [
        ("大数据工程师", "上海-浦东新区", "15k-30k", None, "负责数据平台。", None),
        ("算法工程师|机器学习", "北京", "1-1.5万/月", "双休", "['负责', '模型']", None),
        ("Développeur créé à Genève", "广州", "8001-10000元/月", None, "[急聘] 负责", None),
        ("司机[夜班]", "广州", "6|8|12", None, None, None),
    ]


@pytest.mark.parametrize(
    ("header", "scale"),
    [
        ("salary_raw", None),
        ("薪资(w)", 10000),
        ("pay_k", 1000),
        ("pay_bank", None),
        ("pay(rmb/k)", 1000),
        ("月薪(K)", 1000),
    ],
)
def test_the_unit_of_pay_is_a_letter_by_itself(header: str, scale: int | None, tmp_path: Path) -> None:
    (tmp_path / "ads.csv").write_text(
        f"title,company,city,{header}\n" + "司机,甲公司,广州,6-8k\n会计,乙公司,深圳,1.5\n" * 3
    )
    assert run([tmp_path / "ads.csv"])[1]["pay_scale_hint"].unique().to_list() == [scale]
