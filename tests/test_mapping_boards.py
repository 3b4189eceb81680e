"""Names of boards, however columns and folders write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from gangwei.codebook import Codebook
from gangwei.mapping.packed import load_packed
from read_fixture import run

BOARDS = load_packed(Codebook()).boards


@pytest.mark.parametrize(
    ("value", "board"),
    [
        ("前程无忧(51job)", "51job"),
        ("前程无忧（51Job）", "51job"),
        ("51JOB", "51job"),
        ("51job.com", "51job"),
        ("zhipin.com", "boss"),
        ("BOSS直聘", "boss"),
        ("Boss 直聘", "boss"),
        ("boss直聘网", "boss"),
        ("ＢＯＳＳ直聘", "boss"),
        ("Boss直聘APP", "boss"),
        ("BOSS Zhipin", "boss"),
        ("www.lagou.com", "lagou"),
        ("拉勾网招聘", "lagou"),
        ("https://www.liepin.com/", "liepin"),
        ("HTTPS://M.LIEPIN.COM", "liepin"),
        ("//jobs.zhaopin.com/", "zhaopin"),
        ("智联招聘网", "zhaopin"),
        ("智联招聘官网", "zhaopin"),
        ("来源：智联招聘", "zhaopin"),
        ("【猎聘网】", "liepin"),
        ("实习僧", "shixiseng"),
        ("国聘网", "iguopin"),
        ("104", "104_tw"),
        ("智联招聘/前程无忧", None),
        ("智联招聘(前程无忧)", None),
        ("公司官网", None),
        ("招聘网", None),
        ("https://www.liepin.com/job/1900123.shtml", None),
        ("notliepin.com", None),
        ("", None),
    ],
)
def test_spellings(value: str, board: str | None) -> None:
    assert BOARDS.named(value) == board


@pytest.mark.parametrize(
    ("name", "board", "captured", "year"),
    [
        ("board=51job/year=2024/month=05/part-0.csv", "51job", None, 2024),
        ("平台=BOSS直聘/dt=2024-05-06/ads.csv", "boss", "2024-05-06", None),
        ("source=lagou/year=2024/month=5/day=6/ads.csv", "lagou", "2024-05-06", None),
        ("51job/2024-05.csv", "51job", None, None),
        ("拉勾网_20240506.csv", "lagou", None, None),
        ("城市=北京/board=zhaopin/x.csv", "zhaopin", None, None),
        ("lagou_jobs.csv", "lagou", None, None),
        ("exports/LagouSpider/data.csv", "lagou", None, None),
        ("liepin_2020_listings_clean.csv", "liepin", None, None),
        ("BOSS直聘_职位数据.csv", "boss", None, None),
        ("zhaopin_jobs.csv", None, None, None),
        ("104_jobs.csv", None, None, None),
        ("lagou_51job_jobs.csv", None, None, None),
        ("big_boss_list.csv", None, None, None),
        ("boss_深圳.csv", None, None, None),
        ("zhaopin/应届生招聘.csv", None, None, None),
        ("BOSS直聘/zhaopin_2024.csv", "boss", None, None),
        ("58/104.csv", None, None, None),
        ("exports/jobs.csv", None, None, None),
    ],
)
def test_folders(name: str, board: str | None, captured: str | None, year: int | None, tmp_path: Path) -> None:
    path = tmp_path / "in" / name
    path.parent.mkdir(parents=True)
    path.write_text("职位名称,公司名称,薪资,发布时间\n" + "会计,甲公司,6-8K,05-01\n司机,乙公司,5-6K,05-02\n" * 3)
    row = run([tmp_path / "in"])[1].row(0, named=True)
    assert (row["board"], row["captured"], row["year_hint"]) == (board, captured, year)


def test_what_a_file_says_goes_before_its_folder(tmp_path: Path) -> None:
    (tmp_path / "in/board=51job").mkdir(parents=True)
    lines = [f"会计{i},甲公司,6-8K,{b},2024-04-02" for i, b in enumerate(["Boss 直聘", "zhipin.com", "智联招聘网"] * 3)]
    (tmp_path / "in/board=51job/a.csv").write_text("\n".join(["职位名称,公司名称,薪资,招聘平台,采集日期", *lines]))
    raw = run([tmp_path / "in"])[1]
    assert raw["board"].to_list() == ["boss", "boss", "zhaopin"] * 3
    assert set(raw["captured"]) == {"2024-04-02"}
