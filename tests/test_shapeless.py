"""Characters without shape inside short fields: the answers of the plain fields, whatever the character."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from build_fixture import build

FIELDS = {
    "title": "算法工程师", "company": "中国电子科技集团公司第十四研究所", "city": "广州", "district": "天河区", "address": "体育西路1号",
    "salary": "15-25K·13薪", "education": "本科", "experience": "3-5年", "posted_date": "2024-01-05", "board": "猎聘",
    "employment_type": "实习", "headcount": "招13人", "industry": "计算机软件", "description": "训练深度学习模型，熟悉PyTorch。",
}  # fmt: skip
CHARACTERS = {"zero-width space": "\u200b", "joiner": "\u200d", "soft hyphen": "\u00ad", "byte order mark": "\ufeff", "right to left": "\u202e"}  # fmt: skip
ANSWERS = [
    "title", "board", "posted_date", "place_status", "adcode", "county_adcode", "pay_status", "pay_min_fen", "pay_max_fen", "pay_unit",
    "pay_months", "education", "experience_min_months", "experience_max_months", "employment_type", "headcount", "industry_code",
    "industry_method", "ai_tier", "employer_id", "opening_id",
]  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plain ad and one for each character, which stands behind each character of each field."""
    folder = tmp_path_factory.mktemp("shapeless")
    rows = [
        {"id": name, **{f: c.join(v) for f, v in FIELDS.items()}} for name, c in [("plain", ""), *CHARACTERS.items()]
    ]
    pl.DataFrame(rows).write_csv(folder / "ads.csv")
    build(folder / "out", folder / "ads.csv")
    return folder / "out" / "published"


def test_answers_are_those_of_the_plain_ad(built: Path) -> None:
    ads = {r["source_key"]: r for r in pl.read_parquet(built / "ads.parquet").iter_rows(named=True)}
    plain = {c: ads["plain"][c] for c in ANSWERS}
    assert None not in plain.values()
    for name in CHARACTERS:
        assert {c: ads[name][c] for c in ANSWERS} == plain, name


def test_employer_is_shown_without_them_and_kept_as_written(built: Path) -> None:
    assert pl.read_parquet(built / "employers.parquet")["name"].to_list() == [FIELDS["company"]]
    names = pl.read_parquet(built / "employer_names.parquet")["name_raw"]
    assert sorted(names) == sorted(c.join(FIELDS["company"]) for c in ["", *CHARACTERS.values()])
