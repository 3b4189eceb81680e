"""Tables laid end to end in one file: each has its own columns and delimiter, and no row is lost."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from gangwei.codebook import Codebook
from gangwei.formats import delimited, end_to_end
from gangwei.formats.chunk import Limits
from gangwei.formats.delimited_records import Shape
from gangwei.formats.headers import load_headers
from read_fixture import run

HEADERS = load_headers(Codebook())
ROWS = 5
OFFICE = "职位名称,公司名称,工作城市,薪资,学历要求\n" + "".join(
    f"会计{i},甲{i}商贸有限公司,广州,{6 + i}-{8 + i}K,本科\n" for i in range(ROWS)
)
TURNED = "公司名称,职位名称,工作城市,薪资,学历要求\n" + "".join(
    f"甲{i}商贸有限公司,会计{i},广州,{6 + i}-{8 + i}K,本科\n" for i in range(ROWS)
)
DRIVERS = "岗位,企业,薪资范围,城市,工作经验,职位描述\n" + "".join(
    f'司机{i},乙{i}物流有限公司,{5 + i}千-{7 + i}千,深圳,3-5年,"负责送货{i},\n遵守规定,认真负责"\n' for i in range(ROWS)
)
PLAIN = "岗位,企业,薪资范围,城市,工作经验,职位描述\n" + "".join(
    f"司机{i},乙{i}物流有限公司,{5 + i}千-{7 + i}千,深圳,3-5年,负责送货{i}并遵守规定\n" for i in range(ROWS)
)
NURSES = "职位名称,公司名称,工作城市,薪资,工作经验\n" + "".join(
    f"护士{i},丙{i}医院,广州,{6 + i}-{8 + i}K,1-3年\n" for i in range(ROWS)
)
FIELDS = ["title", "company", "city", "pay", "education", "experience"]
OFFICE_ROW = ("会计3", "甲3商贸有限公司", "广州", "9-11K", "本科", None)
DRIVER_ROW = ("司机3", "乙3物流有限公司", "深圳", "8千-10千", None, "3-5年")
NURSE_ROW = ("护士3", "丙3医院", "广州", "9-11K", None, "1-3年")


@pytest.mark.parametrize(
    ("text", "rows", "headers"),
    [
        (OFFICE + DRIVERS, [OFFICE_ROW, DRIVER_ROW], 1),
        (DRIVERS + OFFICE, [DRIVER_ROW, OFFICE_ROW], 1),
        (OFFICE + TURNED, [OFFICE_ROW, OFFICE_ROW], 1),
        (OFFICE + NURSES, [OFFICE_ROW, NURSE_ROW], 1),
        (OFFICE + DRIVERS + NURSES, [OFFICE_ROW, DRIVER_ROW, NURSE_ROW], 2),
        (OFFICE + "\ufeff" + DRIVERS, [OFFICE_ROW, DRIVER_ROW], 1),
        (OFFICE + PLAIN.replace(",", "\t"), [OFFICE_ROW, DRIVER_ROW], 1),
        (PLAIN.replace(",", "\t") + OFFICE, [DRIVER_ROW, OFFICE_ROW], 1),
        (OFFICE + PLAIN.replace(",", ";"), [OFFICE_ROW, DRIVER_ROW], 1),
        (OFFICE[:-1] + DRIVERS, [OFFICE_ROW, DRIVER_ROW], 1),
        (OFFICE[:-1] + "\ufeff" + DRIVERS, [OFFICE_ROW, DRIVER_ROW], 1),
        (OFFICE[:-1] + OFFICE, [OFFICE_ROW, OFFICE_ROW], 1),
    ],
    ids=["wider", "narrower", "turned", "one_other", "three", "mark", "tabs", "commas", "semicolons", "joined", "joined_mark", "same"],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16"])
def test_tables_laid_end_to_end(
    text: str, rows: list[tuple[str | None, ...]], headers: int, encoding: str, tmp_path: Path
) -> None:
    (tmp_path / "all.csv").write_bytes(text.encode(encoding))
    (report,), raw, *_ = run([tmp_path / "all.csv"])
    assert report.kept == ROWS * len(rows)
    assert dict(report.rejected) == {"repeated_header": headers}
    assert [raw.select(FIELDS).row(ROWS * i + 3) for i in range(len(rows))] == rows
    if text[:-1].count("\n") == report.read:  # no value holds an end of line: the row is the line
        lines = text.replace("\ufeff", "").splitlines()
        assert all(title in lines[row - 1] for title, row in raw.select("title", "row").rows())


@pytest.mark.parametrize("header", ["Company_Name,Job_Title,City,Salary,Education", "company,title,city,pay,degree"])
def test_headers_of_latin_letters_over_as_many_columns(header: str, tmp_path: Path) -> None:
    (tmp_path / "all.csv").write_text(OFFICE + header + "\n" + TURNED.split("\n", 1)[1])
    (report,), raw, *_ = run([tmp_path / "all.csv"])
    assert dict(report.rejected) == {"repeated_header": 1}
    assert raw.select(FIELDS).row(ROWS + 3) == OFFICE_ROW


def test_names_of_files_above_each_of_them(tmp_path: Path) -> None:
    (tmp_path / "all.csv").write_text(f"==> a.csv <==\n{OFFICE}\n==> b.csv <==\n{DRIVERS}")
    (report,), raw, *_ = run([tmp_path / "all.csv"])
    assert dict(report.rejected) == {"empty_row": 1, "field_count": 1, "repeated_header": 1}
    assert raw.select(FIELDS).row(ROWS + 3) == DRIVER_ROW


def test_a_table_without_titles_behind_ads_is_refused_with_its_rows(tmp_path: Path) -> None:
    other = "公司名称,公司规模,公司性质,行业,公司地址,注册资本\n" + "甲商贸有限公司,50人,民营,零售,广州市,100万\n" * 3
    (tmp_path / "all.csv").write_text(OFFICE + other + NURSES)
    (report,), raw, *_ = run([tmp_path / "all.csv"])
    assert (report.kept, dict(report.rejected)) == (2 * ROWS, {"repeated_header": 2, "no_title_no_description": 3})
    assert raw.select(FIELDS).row(ROWS + 3) == NURSE_ROW


def test_a_short_row_of_words_of_headers_begins_no_table(tmp_path: Path) -> None:
    (tmp_path / "all.csv").write_text(DRIVERS + "职位,公司,城市\n" + DRIVERS.split("\n", 1)[1])
    (report,), *_ = run([tmp_path / "all.csv"])
    assert (report.kept, dict(report.rejected)) == (2 * ROWS, {"field_count": 1})


@pytest.mark.parametrize("delimiter", [",", "|", "\t"])
@pytest.mark.parametrize("behind", [1, 2, 3])
def test_a_small_table_within_a_text_begins_none_where_rows_of_the_first_go_on(
    behind: int, delimiter: str, tmp_path: Path
) -> None:
    table = "职位,薪资,学历\n销售,8千,大专\n会计,9千,本科\n".replace(",", delimiter)
    rows = PLAIN.splitlines(keepends=True)[1 : behind + 1]
    (tmp_path / "all.csv").write_text(PLAIN + table + "".join(rows))
    (report,), raw, *_ = run([tmp_path / "all.csv"])
    assert (report.kept, dict(report.rejected)) == (ROWS + behind, {"field_count": 3})
    assert raw["title"].tail(behind).to_list() == [r.split(",")[0] for r in rows]


@pytest.mark.parametrize(("inner", "kept"), [(25, 0), (380, 0), (900, 900)])
def test_a_long_table_within_a_text_costs_no_ad_behind_it(inner: int, kept: int, tmp_path: Path) -> None:
    """Up to some 400 rows are seen to be within a text; more are taken for a table, and the first one goes on behind it."""
    ads = [f"{i},司机{i},青禾{i}有限公司,广州,8-12K,负责运输\n" for i in range(40)]
    table = "岗位名称,工作地点,人数\n" + "".join(f"焊工{k},苏州,{k % 9 + 1}\n" for k in range(inner))
    whole = "id,title,company,city,salary,description\n" + "".join(ads[:15]) + table + "".join(ads[15:])
    (tmp_path / "all.csv").write_text(whole)
    (report,), raw, *_ = run([tmp_path / "all.csv"])
    assert report.read == 40 + 1 + inner and report.kept == 40 + kept
    drivers = raw.filter(raw["title"].str.starts_with("司机"))
    assert drivers["title"].to_list() == [f"司机{i}" for i in range(40)]
    assert drivers["company"].to_list() == [f"青禾{i}有限公司" for i in range(40)]


def test_words_of_headers_at_the_end_of_a_text_begin_no_table(tmp_path: Path) -> None:
    lines = [
        f"会计{i},甲{i}商贸有限公司,广州,{6 + i}-{8 + i}K,本科,1-3年,岗位职责：负责总账{i}，按时完成。任职要求：责任心强。\n"
        for i in range(20)
    ]
    lines[3] = lines[3][:-1] + "职位,公司,薪资\n"
    (tmp_path / "all.csv").write_text("职位名称,公司名称,工作城市,薪资,学历,经验,职位描述\n" + "".join(lines))
    (report,), raw, *_ = run([tmp_path / "all.csv"])
    assert (report.kept, dict(report.rejected)) == (20, {})
    assert raw["description"][3].endswith("责任心强。职位,公司,薪资")


WITHIN = "职位,薪资,人数\n" + "会计,8千,2\n" * 500
"""Longer than what is looked at beyond a row of headers, in a text of OFFICE, which goes on behind it."""


@pytest.mark.parametrize("size", [150, 400, 1_000, 16 << 20])
@pytest.mark.parametrize(
    ("text", "rows", "begun"),
    [
        (OFFICE + DRIVERS + NURSES[:-1] + OFFICE + PLAIN.replace(",", "\t"), 5 * ROWS, 4),
        (OFFICE + WITHIN + OFFICE.split("\n", 1)[1] * 9, 10 * ROWS + 500, 2),
    ],
)
def test_where_blocks_end_does_not_matter(
    text: str, rows: int, begun: int, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = text.encode()
    shape = Shape(",", 1, ("职位名称", "公司名称", "工作城市", "薪资", "学历要求"), headers=HEADERS)
    monkeypatch.setattr(delimited.csv_blocks.Blocks.__init__, "__defaults__", (size, '"'))
    found = list(delimited.chunks(io.BytesIO(data), "utf-8", shape, Limits()))
    slow = list(delimited.tolerant(io.BytesIO(data), "utf-8", shape, Limits(), delimited._Count()))
    flat = [(tuple(r.items()), n) for c in found for r, n in zip(c.rows.to_dicts(), c.numbers)]
    assert flat == [(tuple(r.items()), n) for c in slow for r, n in zip(c.rows.to_dicts(), c.numbers)]
    assert [b for c in found for b in c.bad] == [b for c in slow for b in c.bad]
    assert (len(flat), sum(c.begins for c in found)) == (rows, begun)


def test_what_is_a_header() -> None:
    assert end_to_end.is_header(["职位名称", '"公司"', "城市", "备用一"], HEADERS)
    assert not end_to_end.is_header(["职位名称", "公司"], HEADERS)
    assert not end_to_end.is_header(["会计", "甲公司", "城市", "薪资"], HEADERS)
    assert not end_to_end.is_header(["职位", "公司", "城市", "负责账务。" * 20], HEADERS)
