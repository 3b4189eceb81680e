"""formats/grouped.py: an employer that stands once above several jobs is carried into no others."""

from __future__ import annotations

from pathlib import Path

from gangwei.codebook import Codebook
from gangwei.stages.s1_read import FileReport, Limits, discover, read

HEADER = "序号,用人单位,招聘岗位,人数,学历,工作地点"


def _read(path: Path, rows: int) -> tuple[dict[int, tuple[str, str | None]], dict[int, str]]:
    """Titles and employers of a file read in chunks of so many rows, and why others were not kept, each by its row."""
    report = FileReport(discover([path], Limits())[0][0])
    batches = list(read(report.input, Codebook(), Limits(batch_rows=rows), report))
    kept = {n: (t, c) for b in batches for n, t, c in b.raw.select("row", "title", "company").iter_rows()}
    return kept, dict(x for b in batches for x in b.rejects.select("row", "reason_id").iter_rows())


def test_groups_end_where_another_employer_or_an_unread_row_stands(tmp_path: Path) -> None:
    """Below the rows that tell how a table is made an employer may lack its number, a row may be broken, a total may stand; what
    a group is does not hang on the chunks that the rows come in."""
    rows = [HEADER]
    for n in range(1, 51):
        rows += [f"{n},甲{n}食品有限公司,会计,2,大专,北京", ",,护士,3,本科,广州"]
    rows += [",青山机械有限公司,文员,1,大专,成都", ",,司机,1,高中,成都"]
    rows += ["51,乙食品有限公司,出纳,1,大专,成都", ",,多,余,的,一,格,了", ",,店员,1,大专,成都", ",,合计,300,,"]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(rows), "utf-8")
    kept, rejected = _read(path, 65_536)
    assert kept[101] == ("护士", "甲50食品有限公司")
    assert kept[103] == ("司机", "青山机械有限公司")
    assert kept[106] == ("店员", None)
    assert rejected == {105: "field_count", 107: "table_note"}
    for size in (1, 2, 3, 7):
        assert _read(path, size) == (kept, rejected)
