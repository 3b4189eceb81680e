"""Tables saved again from Excel or WPS, in the ways that are usual, give the ads of the first export."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest

from gangwei.codebook import Codebook
from gangwei.kernels.clean import dates
from read_fixture import run

Row = list[Any]
HEADERS = ["职位名称", "公司名称", "工作城市", "薪资", "学历要求", "工作经验", "招聘人数", "发布时间", "职位描述"]
FIELDS = ["title", "company", "city", "pay", "education", "experience", "headcount", "posted", "description"]
TEXT = "岗位职责：\n1. 负责第{}区的账务和报表\n2. 协助同事完成工作，认真细心\n任职要求：有责任心"
TITLES, CITIES, LEVELS = ["会计", "司机", "护士", "算法工程师"], ["广州", "深圳", "上海"], ["本科", "大专", "不限"]
ROWS: list[Row] = [
    [
        f"{TITLES[i % 4]}{'甲乙丙丁'[i % 4]}",
        f"第{i}号贸易有限公司",
        CITIES[i % 3],
        [f"{6 + i % 9}-{9 + i % 9}K", f"{6 + i % 9}千-{9 + i % 9}千/月", "面议"][i % 3],
        LEVELS[i % 3],
        ["1-3年", "3-5年", "不限"][i % 3],
        1 + i % 5,
        dt.datetime(2024, 1 + i % 6, 1 + i % 27),
        TEXT.format(i),
    ]
    for i in range(40)
]
DAY_ZERO = dt.datetime(1899, 12, 30)
RULES = dates.compile_dates(Codebook())


def text(value: Any) -> str:
    return value.strftime("%Y-%m-%d") if isinstance(value, dt.datetime) else str(value)


def dated(style: str) -> Callable[[Any], Any]:
    """Cells with dates written as `style` says."""

    def cell(value: Any) -> Any:
        return style.format(d=value) if isinstance(value, dt.datetime) else value

    return cell


def serial(value: Any) -> Any:
    return (value - DAY_ZERO).days if isinstance(value, dt.datetime) else value


def of_cells(cell: Callable[[Any], Any] = lambda v: v) -> list[Row]:
    return [HEADERS, *([cell(v) for v in r] for r in ROWS)]


def padded(value: Any) -> Any:
    return f"  {value}\u00a0" if isinstance(value, str) and "\n" not in value else value


NUMBERED = [
    [*(["序号"] if i == 0 else [i]), *r, *(["匹配度"] if i == 0 else [i / 100])] for i, r in enumerate(of_cells())
]
PAGES = [row for k in range(0, 40, 10) for row in (HEADERS, *ROWS[k : k + 10])]
SPACED = [row for i, r in enumerate(of_cells()) for row in ([r, [None] * 9] if i % 10 == 9 else [r])]
TOTAL = ["合计", *[""] * 5, "=SUM(G2:G41)"]
SIGNED = ["制表人：张三", *[""] * 6, "2024-06-30"]
GROUPS = ["职位信息", "", "", "待遇", "要求", "", "其他", "", ""]
SHEETS: dict[str, tuple[dict[str, list[Row]], int]] = {
    "plain": ({"Sheet1": of_cells()}, 0),
    "days_as_numbers": ({"Sheet1": of_cells(serial)}, 0),
    "numbers_as_text": ({"Sheet1": of_cells(text)}, 0),
    "chinese_dates": ({"Sheet1": of_cells(dated("{d.year}年{d.month}月{d.day}日"))}, 0),
    "dates_with_slashes": ({"Sheet1": of_cells(dated("{d.year}/{d.month}/{d.day}"))}, 0),
    "title_and_signature_above": ({"Sheet1": [["2024年招聘信息汇总表"], SIGNED, *of_cells()]}, 0),
    "groups_above_the_header": ({"Sheet1": [GROUPS, *of_cells()]}, 0),
    "total": ({"Sheet1": [*of_cells(), TOTAL]}, 1),
    "total_and_signature": ({"Sheet1": [*of_cells(), [], TOTAL, SIGNED]}, 3),
    "numbered_with_a_percentage": ({"Sheet1": NUMBERED}, 0),
    "by_month": ({f"{m}月": [HEADERS, *(r for r in ROWS if r[7].month == m)] for m in range(1, 7)}, 0),
    "note_and_boards": ({"说明": [["本表为各平台数据"], ["数据来源：各网站"]], "智联": of_cells()[:21], "BOSS": [HEADERS, *ROWS[20:]]}, 0),
    "ends_of_lines": ({"Sheet1": of_cells(lambda v: v.replace("\n", "_x000D_\n") if isinstance(v, str) else v)}, 0),
    "away_from_the_corner": ({"Sheet1": [[], *(["", *r, ""] for r in of_cells())]}, 0),
    "blank_rows": ({"Sheet1": SPACED}, 4),
    "header_on_each_page": ({"Sheet1": PAGES}, 3),
    "padded": ({"Sheet1": of_cells(padded)}, 0),
    "required": ({"Sheet1": [[f"*{h}" for h in HEADERS], *ROWS]}, 0),
}  # fmt: skip


def fields(path: Path) -> tuple[pl.DataFrame, int]:
    """The ads of a file with the ends of lines and blanks that programs add taken away, dates read; rows refused."""
    (report,), raw, *_ = run([path])
    bare = [
        pl.col(f).str.replace_all(r"_x000D_|\r", "").str.replace_all("\u00a0", " ").str.strip_chars() for f in FIELDS
    ]
    when = dates.parse(raw["posted"], raw["captured"], raw["year_hint"], RULES)["posted_date"]
    out = raw.with_columns(bare).with_columns(when.alias("posted")).select(FIELDS)
    return out.sort(FIELDS), report.rejected.total()


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    path = tmp_path_factory.mktemp("first") / "ads.csv"
    path.write_text(delimited(","))
    return fields(path)[0]


def delimited(delimiter: str, cell: Callable[[Any], Any] = text) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows([[text(cell(v)) for v in r] for r in of_cells()])
    return out.getvalue()


@pytest.mark.parametrize("name", SHEETS)
@pytest.mark.parametrize("suffix", ["xlsx", "xlsm"])
def test_workbooks(name: str, suffix: str, first: pl.DataFrame, tmp_path: Path) -> None:
    sheets, refused = SHEETS[name]
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
        sheet.column_dimensions["B"].hidden = sheet.row_dimensions[5].hidden = True
        sheet.freeze_panes = "A2"
    book.save(tmp_path / f"ads.{suffix}")
    got, n = fields(tmp_path / f"ads.{suffix}")
    assert n == refused
    assert got.equals(first)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("marked.csv", delimited(",").encode("utf-8-sig")),
        ("gbk.csv", delimited(",").encode("gbk")),
        ("unicode.txt", delimited("\t").encode("utf-16")),
        ("unicode_be.txt", b"\xfe\xff" + delimited("\t").encode("utf-16-be")),
        ("semicolons.csv", delimited(";").encode("utf-8-sig")),
        ("mac.csv", delimited(",").replace("\r\n", "\r").encode("gb18030")),
        ("said.csv", ("sep=,\r\n" + delimited(",")).encode("utf-8-sig")),
        ("slashes.csv", delimited(",", dated("{d.year}/{d.month}/{d.day} 0:00")).encode("gbk")),
        ("numbers.csv", delimited(",", serial).encode("gbk")),
    ],
)
def test_texts(name: str, data: bytes, first: pl.DataFrame, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    got, n = fields(tmp_path / name)
    assert n == 0
    assert got.equals(first)


@pytest.mark.parametrize("encoding", ["utf-8", "gbk"])
def test_a_page_called_xls(encoding: str, first: pl.DataFrame, tmp_path: Path) -> None:
    rows = ("".join(f"<td class=xl65>{text(v)}</td>".replace("\n", "<br>") for v in r) for r in of_cells())
    table = "".join(f"<tr height=18>{r}</tr>\r\n" for r in rows)
    meta = f'<meta http-equiv=Content-Type content="text/html; charset={encoding}">'
    page = f'<html xmlns:x="urn:schemas-microsoft-com:office:excel"><head>{meta}</head><body><table>{table}</table></body></html>'
    (tmp_path / "ads.xls").write_bytes(page.encode(encoding))
    got, n = fields(tmp_path / "ads.xls")
    assert n == 0
    assert got.equals(first)


@pytest.mark.parametrize("suffix", ["xml", "xls"])
def test_xml_of_excel_2003(suffix: str, first: pl.DataFrame, tmp_path: Path) -> None:
    cell = '<Cell><Data ss:Type="String">{}</Data></Cell>'
    rows = ("".join(cell.format(text(v).replace("\n", "&#10;")) for v in r) for r in of_cells())
    table = "".join(f"<Row>{r}</Row>" for r in rows)
    space = "urn:schemas-microsoft-com:office:spreadsheet"
    head = '<?xml version="1.0"?>\n<?mso-application progid="Excel.Sheet"?>\n'
    book = f'<Workbook xmlns="{space}" xmlns:ss="{space}"><Worksheet ss:Name="Sheet1"><Table>{table}</Table></Worksheet></Workbook>'
    (tmp_path / f"ads.{suffix}").write_text(head + book)
    got, n = fields(tmp_path / f"ads.{suffix}")
    assert n == 0
    assert got.equals(first)


def test_a_sheet_without_a_definition_beside_one_with(first: pl.DataFrame, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["salary", "job_id", "bottomSalary", "company", "time", "address", "topSalary", "job_name"])
    sheet.append(["6-8千/月", "j1", 6000, "甲公司", "12-01", "广州", 8000, "会计"])
    other = book.create_sheet("别的")
    for row in of_cells():
        other.append(row)
    book.save(tmp_path / "ads.xlsx")
    _, raw, *_ = run([tmp_path / "ads.xlsx"])
    assert raw.height == 1 + first.height
