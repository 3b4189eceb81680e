"""Synthetic ads in the raw shapes of boards: GB18030 CSV, Excel, JSON lines, column-oriented JSON and SQL, some inside zip."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

import polars as pl

HEADERS = {
    "51job": ("职位编号", "职位链接", "职位名称", "公司名称", "工作城市", "区域", "工作地址", "薪资", "学历要求", "工作经验", "职位描述", "发布日期", "采集日期", "标签"),
    "zhaopin": ("id", "positionUrl", "jobName", "companyName", "workCity", "cityDistrict", "workAddress", "salary", "education", "workingExp", "jobSummary", "publishTime", "crawlTime", "welfareLabel"),
    "boss": ("编号", "链接", "岗位名称", "企业名称", "城市", "行政区", "地址", "薪资范围", "学历", "经验要求", "岗位描述", "发布时间", "抓取时间", "福利"),
    "lagou": ("positionId", "url", "positionName", "companyFullName", "city", "district", "positionAddress", "salary", "education", "workYear", "positionDetail", "createTime", "captured", "positionAdvantage"),
    "liepin": ("job_id", "job_url", "title", "company", "city", "district", "address", "salary", "edu", "experience", "description", "publish_date", "crawl_date", "tags"),
}  # fmt: skip
_FIELDS = (
    *("id", "url", "title", "company", "city", "district", "address", "salary", "education", "experience"),
    *("description", "posted", "captured", "tags"),
)
_EPOCH = (1980, 1, 1, 0, 0, 0)
SHEET_ROWS = 1_000_000
FILES = ("51job_gb18030.csv.zip", "zhaopin_columns.json.zip", "boss_xlsx.zip", "lagou.jsonl", "liepin_dump.sql.zip")


def _zip(path: Path, members: dict[str, bytes]) -> None:
    """A zip whose bytes do not depend on the clock."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as z:
        for name, data in members.items():
            z.writestr(zipfile.ZipInfo(name, _EPOCH), data, zipfile.ZIP_DEFLATED)


def _rows(frame: pl.DataFrame, board: str) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    part = frame.filter(pl.col("board") == board).select(pl.col(f).fill_null("") for f in _FIELDS)
    return HEADERS[board], part.rows()


def gb18030_csv(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> bytes:
    """CSV in GB18030 with Windows line ends and ids behind a tab, as spreadsheet exports have them."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(("\t" + r[0], *r[1:]) for r in rows)
    return out.getvalue().encode("gb18030")


def column_json(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> bytes:
    """{column: {row: value}}."""
    columns = {h: {str(i): r[c] for i, r in enumerate(rows)} for c, h in enumerate(header)}
    return json.dumps(columns, ensure_ascii=False).encode()


def json_lines(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> bytes:
    """One object a line; empty values are null."""
    return "".join(
        json.dumps({h: v or None for h, v in zip(header, r, strict=True)}, ensure_ascii=False) + "\n" for r in rows
    ).encode()


def sql_dump(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> bytes:
    """CREATE TABLE and INSERT statements of one row each, quotes and line ends escaped."""

    def quoted(value: str) -> str:
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"

    names = ", ".join(f"`{h}`" for h in header)
    create = "CREATE TABLE `jobs` (" + ", ".join(f"`{h}` text" for h in header) + ");\n"
    inserts = (f"INSERT INTO `jobs` ({names}) VALUES ({', '.join(map(quoted, r))});\n" for r in rows)
    return (create + "".join(inserts)).encode()


def xlsx(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> bytes:
    """A workbook of one sheet with inline strings."""
    cells = (
        f'<row r="{n}">'
        + "".join(f'<c t="inlineStr"><is><t xml:space="preserve">{_xml(v)}</t></is></c>' for v in r)
        + "</row>"
        for n, r in enumerate([header, *rows], 1)
    )
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    relations = "http://schemas.openxmlformats.org/package/2006/relationships"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    types = "http://schemas.openxmlformats.org/package/2006/content-types"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    parts = {
        "[Content_Types].xml": f'{head}<Types xmlns="{types}"><Default Extension="rels" ContentType="application/vnd.'
        f'openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kind}.worksheet+xml"/></Types>',
        "_rels/.rels": f'{head}<Relationships xmlns="{relations}"><Relationship Id="rId1" Type="{office}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'{head}<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        '<sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'{head}<Relationships xmlns="{relations}"><Relationship Id="rId1" '
        f'Type="{office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'{head}<worksheet xmlns="{main}"><sheetData>{"".join(cells)}</sheetData></worksheet>',
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name, text in parts.items():
            z.writestr(zipfile.ZipInfo(name, _EPOCH), text.encode(), zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _xml(value: str) -> str:
    return escape(value).replace("\n", "&#10;")


def write(folder: Path, frame: pl.DataFrame) -> int:
    """Write each board's ads in that board's shape; returns the number of files.

    Args:
        folder: an existing directory.
        frame: ads with the columns of the plain Parquet shape.

    Raises:
        ValueError: more rows than an Excel sheet holds.
    """
    if len(frame) > SHEET_ROWS:
        raise ValueError(f"the raw shapes are for small runs: at most {SHEET_ROWS:,} ads")
    job51, zhaopin, boss, lagou, liepin = (folder / name for name in FILES)
    _zip(job51, {"51job.csv": gb18030_csv(*_rows(frame, "51job"))})
    _zip(zhaopin, {"zhaopin.json": column_json(*_rows(frame, "zhaopin"))})
    _zip(boss, {"boss.xlsx": xlsx(*_rows(frame, "boss"))})
    lagou.write_bytes(json_lines(*_rows(frame, "lagou")))
    _zip(liepin, {"liepin.sql": sql_dump(*_rows(frame, "liepin"))})
    return len(FILES)
