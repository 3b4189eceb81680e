"""A plain table is read by its headers, whatever stands below them; proposals of a definition can be read again."""

from __future__ import annotations

import csv
import tomllib
from pathlib import Path

import polars as pl
import pytest

from build_fixture import build
from gangwei import sniff

ENGLISH = ["id", "title", "company", "city", "district", "address", "salary", "education", "experience", "description"]
CHINESE = ["编号", "职位名称", "公司名称", "城市", "区域", "地址", "薪资", "学历", "经验", "职位描述"]
FIELDS = [
    "source_key",
    "title",
    "company",
    "city",
    "district",
    "address",
    "pay",
    "education",
    "experience",
    "description",
]
WORDS = "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉"
ROW = [
    "1001",
    "会计",
    "甲商贸有限公司",
    "北京",
    "海淀区",
    "中关村大街1号",
    "8-10K",
    "本科",
    "1-3年",
    "负责账务处理与报税。",
]
ODD = {
    "source_key": ["a", "ad one", "甲", "https://example.cn/1", "京-1 2"],
    "title": ["123", "北京", "https://example.cn/1", "甲有限公司", "x" * 300],
    "company": ["123", "司机", "15-20K", "https://example.cn/1", "Acme"],
    "city": ["Shanghai", "全国", "4403", "北京市朝阳区建国路88号A座1201室", "https://example.cn/1"],
    "pay": ["competitive", "本科", "1", "9" * 60],
    "education": ["1", "3-5年", "abc"],
    "experience": ["本科", "abc", "senior"],
    "description": ["短", "12", "https://example.cn/1", "15-25K", "五险一金，双休"],
}


def written(path: Path, headers: list[str], rows: list[list[str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([headers, *rows])
    return path


@pytest.mark.parametrize("headers", [ENGLISH, CHINESE, [*ENGLISH, "posted_date", "board"]], ids=["en", "zh", "more"])
@pytest.mark.parametrize("field", ODD)
def test_columns_of_a_plain_table_keep_their_fields(field: str, headers: list[str], tmp_path: Path) -> None:
    for odd in ODD[field]:
        rows = [[odd if f == field else v for f, v in zip(FIELDS, ROW)] for _ in range(6)]
        rows = [[*r, "2024-05-06", "拉勾"][: len(headers)] for r in rows]
        proposed = tomllib.loads(sniff.propose(written(tmp_path / "a.csv", headers, rows)).toml)
        assert {f: proposed["fields"].get(f) for f in FIELDS} == dict(zip(FIELDS, headers)), odd


def test_keys_stay_byte_for_byte(tmp_path: Path) -> None:
    keys = ["a", " b ", "广告 3", "https://example.cn/4", "=1+1", "0005"]
    build(tmp_path / "out", written(tmp_path / "a.csv", ENGLISH, [[k, *ROW[1:]] for k in keys]))
    assert sorted(pl.read_parquet(tmp_path / "out/published/ads.parquet")["source_key"]) == sorted(keys)


@pytest.mark.parametrize("n", [3, 29, 30, 40, 79, 400])
def test_distinct_words_under_id_are_keys_beside_few_columns(n: int, tmp_path: Path) -> None:
    keys = sorted(f"广告 {a}{b}" for a in WORDS for b in WORDS)[:n]
    rows = [[k, *ROW[1:3]] for k in keys]
    build(tmp_path / "out", written(tmp_path / "a.csv", ENGLISH[:3], rows))
    assert sorted(pl.read_parquet(tmp_path / "out/published/ads.parquet")["source_key"]) == keys


def test_a_proposal_names_the_boards_that_stand_in_the_file_and_reads_them(tmp_path: Path) -> None:
    headers = [*ENGLISH, "board"]
    path = written(
        tmp_path / "a.csv",
        headers,
        [[str(i), *ROW[1:], b] for i, b in enumerate(["拉勾网", "BOSS 直聘", "liepin"] * 3)],
    )
    definition = tmp_path / "own" / "sources" / "a.toml"
    definition.parent.mkdir(parents=True)
    definition.write_text(sniff.propose(path).toml, encoding="utf-8")
    assert sniff.check(path, definition) == []
    for name, more in (("guessed", {}), ("defined", {"definitions": definition.parent.parent})):
        build(tmp_path / name, path, **more)
        boards = pl.read_parquet(tmp_path / name / "published/ads.parquet")["board"]
        assert sorted(set(boards)) == ["boss", "lagou", "liepin"], name
