"""Excel: headers or none, several sheets, and workbooks made to fill the memory."""

from __future__ import annotations

import datetime as dt
import zipfile
from pathlib import Path

import openpyxl
import pytest

from gangwei.formats import excel
from gangwei.formats.chunk import Limits, Unreadable
from read_fixture import run


def save(path: Path, sheets: dict[str, list[list[object]]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_types_become_text(tmp_path: Path) -> None:
    rows = [
        ["id", "title", "company", "salary", "posted"],
        [7.0, "司机", "甲公司", 5000.5, dt.date(2024, 5, 1)],
        [1234567890123456, "会计", None, 6000, dt.datetime(2024, 5, 1, 8, 30)],
    ]
    (report,), raw, _, _ = run([save(tmp_path / "a.xlsx", {"x": rows})])
    assert report.encoding == "excel"
    assert raw.select("row", "source_key", "company", "pay", "posted").rows() == [
        (2, "7", "甲公司", "5000.5", "2024-05-01"),
        (3, "1234567890123456", None, "6000", "2024-05-01 08:30:00"),
    ]


def test_blank_rows_above_the_header_between_and_at_the_end(tmp_path: Path) -> None:
    rows: list[list[object]] = [
        [None],
        ["招聘汇总", None],
        [None],
        ["title", "company"],
        ["司机", "甲"],
        [None, None],
        ["会计", "乙"],
        ["", " "],
        [None, ""],
    ]
    (report,), raw, rejects, _ = run([save(tmp_path / "a.xlsx", {"x": rows})])
    assert raw["row"].to_list() == [5, 7]
    assert rejects.select("row", "reason_id").rows() == [(6, "empty_row")] and report.read == 3


@pytest.mark.parametrize("blank", ["", ",,"])
@pytest.mark.parametrize("rows", [1, 9, 70])
@pytest.mark.parametrize("title", [False, True])
def test_a_table_may_begin_far_below_the_top(tmp_path: Path, blank: str, rows: int, title: bool) -> None:
    top = [*[blank] * rows, *(["招聘汇总", ""] if title else [])]
    lines = [*top, "title,company,city", "司机,甲公司,北京", "会计,乙公司,上海"]
    (tmp_path / "a.csv").write_text("\n".join(lines) + "\n", "utf-8")
    save(tmp_path / "b.xlsx", {"x": [[c or None for c in line.split(",")] for line in lines]})
    (_, _), raw, rejects, _ = run([tmp_path / "a.csv", tmp_path / "b.xlsx"])
    found = raw.group_by("file", maintain_order=True).agg("row", "title")
    first = len(top) + 2
    assert found["title"].to_list() == [["司机", "会计"]] * 2
    assert found.filter(file="b.xlsx")["row"].to_list() == [[first, first + 1]]
    assert rejects.is_empty()


def test_sheets_are_read_apart_and_strange_ones_named(tmp_path: Path) -> None:
    sheets: dict[str, list[list[object]]] = {
        "一月": [["title", "company"], ["司机", "甲"]],
        "说明": [["本表由人事部制作"]],
        "二月": [["company", "title"], ["乙", "会计"]],
        "空": [],
    }
    (report,), raw, _, _ = run([save(tmp_path / "a.xlsx", sheets)])
    assert raw.select("file", "row", "title").rows() == [("a.xlsx", 2, "司机"), ("a.xlsx#二月", 2, "会计")]
    assert [i.reason_id for i in report.issues] == ["unknown_columns"] and "说明" in report.issues[0].message


def patched(path: Path, out: Path, sheet: str) -> Path:
    with zipfile.ZipFile(path) as z, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as w:
        for info in z.infolist():
            data = z.read(info)
            w.writestr(info.filename, sheet if info.filename.endswith("sheet1.xml") else data)
    return out


SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
)
HEAD = '<row r="1"><c r="A1" t="inlineStr"><is><t>title</t></is></c><c r="B1" t="inlineStr"><is><t>company</t></is></c></row>'
ONE = '<row r="2"><c r="A2" t="inlineStr"><is><t>司机</t></is></c></row>'


def test_a_cell_at_the_far_end_is_refused(tmp_path: Path) -> None:
    base = save(tmp_path / "base.xlsx", {"x": [["title"]]})
    far = HEAD + ONE + '<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>x</t></is></c></row>'
    (report,), _, _, _ = run([patched(base, tmp_path / "far.xlsx", SHEET.format(far))])
    assert [i.reason_id for i in report.issues] == ["sheet_too_large"] and report.read == 0


def test_a_million_empty_rows(tmp_path: Path) -> None:
    base = save(tmp_path / "base.xlsx", {"x": [["title"]]})
    empty = "".join(f'<row r="{i}"><c r="A{i}" t="inlineStr"><is><t></t></is></c></row>' for i in range(3, 120_000))
    last = '<row r="1000000"><c r="A1000000" t="inlineStr"><is><t>会计</t></is></c></row>'
    (report,), raw, _, _ = run([patched(base, tmp_path / "many.xlsx", SHEET.format(HEAD + ONE + empty + last))])
    assert raw["title"].to_list() == ["司机"]
    assert report.rejected["empty_row"] == 10_001
    assert [i.reason_id for i in report.issues] == ["too_many_empty_rows"]


def test_sheet_whose_bytes_do_not_unpack(tmp_path: Path) -> None:
    whole = save(tmp_path / "a.xlsx", {"x": [["title", "company"], *([f"司机{i}", f"甲公司{i}"] for i in range(300))]})
    with zipfile.ZipFile(whole) as z:
        sheet = next(i for i in z.infolist() if "worksheets/" in i.filename)
    data = bytearray(whole.read_bytes())
    start = sheet.header_offset + 30 + len(sheet.filename)
    data[start : start + 200] = b"\xff" * 200
    whole.write_bytes(data)
    (report,), _, _, _ = run([whole])
    assert [i.reason_id for i in report.issues] == ["broken_workbook"]


def test_damaged_and_bombs(tmp_path: Path) -> None:
    base = save(tmp_path / "base.xlsx", {"x": [["title"], ["司机"]]})
    (tmp_path / "cut.xlsx").write_bytes(base.read_bytes()[:-200])
    (tmp_path / "old.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 2000)
    reports, _, _, issues = run([tmp_path / "cut.xlsx", tmp_path / "old.xls"])
    assert [i.reason_id for r in reports for i in r.issues] + issues == ["broken_workbook", "broken_archive"]
    limits = Limits(max_expanded_bytes=1000)
    with pytest.raises(Unreadable) as e:
        excel.guard(base, base.stat().st_size, limits)
    assert e.value.reason_id == "zip_bomb"


def test_documents_that_are_no_workbooks_say_what_to_do(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "notice.docx", "w") as z:
        z.writestr("[Content_Types].xml", "<Types/>")
        z.writestr("word/document.xml", "<document/>")
    (tmp_path / "notice.pdf").write_bytes(b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n%%EOF")
    reports, _, _, _ = run([tmp_path / "notice.docx", tmp_path / "notice.pdf"])
    said = [(i.reason_id, i.message) for r in reports for i in r.issues]
    assert [reason for reason, _ in said] == ["not_a_data_file", "not_a_data_file"]
    assert "web page" in said[0][1] and "PDF" in said[1][1]
