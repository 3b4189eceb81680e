"""Words for nothing are no values of a field that cannot hold them, and stay where they say something."""

from __future__ import annotations

from pathlib import Path

import pytest

from read_fixture import run

HEADERS = "职位名称,公司名称,工作城市,区县,行业,公司规模,福利,发布时间,招聘平台,链接,薪资,学历要求,工作经验"
ROWS = [
    f"会计{i},甲{i}公司,广州,天河区,零售,50-99人,双休,2024-05-01,智联招聘,https://a.example/{i},6-8K,本科,1-3年"
    for i in range(20)
]


@pytest.mark.parametrize("word", ["无", "暂无", "未填写", "不详", "面议", "n/a", "Null", "/", "NA", "..."])
def test_words_for_nothing(word: str, tmp_path: Path) -> None:
    (tmp_path / "ads.csv").write_text("\n".join([HEADERS, *ROWS, ",".join(["出纳", *[word] * 12])]))
    row = run([tmp_path / "ads.csv"])[1].row(-1, named=True)
    assert row["title"] == "出纳"
    empty = ["company", "city", "district", "industry", "company_size", "tags", "posted", "board", "url"]
    assert {f: row[f] for f in empty} == dict.fromkeys(empty)
    said = word if word in ("无", "暂无", "未填写", "不详", "面议") else None
    assert [row[f] for f in ("pay", "education", "experience")] == [said] * 3
