"""Small synthetic ads, a build of them, and what it published."""

from __future__ import annotations

import hashlib
from pathlib import Path

import polars as pl

from gangwei.config import Settings
from gangwei.pipeline import Build, Report

HEADER = "id,title,company,city,district,address,salary,education,experience,description"
DUTY = "岗位职责：\n1、负责深度学习模型的训练与部署；\n2、优化推荐算法。\n任职要求：\n1、熟悉PyTorch，三年以上机器学习经验。"
PLAIN = "岗位职责：\n1、负责门店收银与陈列；\n2、完成店长交办的工作。\n任职要求：\n1、身体健康，吃苦耐劳。"
ADS = [
    ("a1", "算法工程师", "深圳市青禾数据科技有限公司", "深圳-南山区", "", "", "2-3万/月", "本科", "3-4年", DUTY),
    ("a2", "算法工程师", "深圳市青禾数据科技有限公司", "深圳", "南山区", "", "2-3万/月", "本科", "3-4年", DUTY),
    ("a3", "收银员", "长沙麦穗超市有限公司", "长沙", "", "", "3000-4000", "不限", "不限", PLAIN),
    ("a4", "算法工程师", "深圳市青禾数据科技有限公司", "上海", "", "", "2-3万/月", "本科", "3-4年", DUTY),
    ("a5", "总装工艺员", "中国航空工业集团公司西安飞机设计研究所", "西安", "", "", "面议", "硕士", "", "负责总装工艺文件编制与现场支持。"),
]  # fmt: skip


def write_csv(path: Path, rows: list[tuple[str, ...]], encoding: str = "utf-8") -> Path:
    quoted = ("\n".join(",".join('"' + c.replace('"', '""') + '"' for c in r) for r in rows)) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEADER + "\n" + quoted, encoding)
    return path


def build(out: Path, *inputs: Path, **options: object) -> Report:
    return Build(Settings(out=out, inputs=tuple(map(str, inputs)), **options)).run()  # type: ignore[arg-type]


def prints(published: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(published.iterdir())}


def table(out: Path, name: str) -> pl.DataFrame:
    return pl.read_parquet(out / "published" / f"{name}.parquet")


HINTED = [
    ("h1", "会计", "深圳市青禾数据科技有限公司", "", "", "", "", "", "", PLAIN + "\n工作地点：成都市武侯区天府大道1号"),
    ("h2", "会计(杭州)", "深圳市青禾数据科技有限公司", "异地招聘", "", "", "", "", "", PLAIN),
    ("h3", "会计", "深圳市青禾数据科技有限公司", "", "", "", "", "", "", PLAIN),
    ("h4", "会计(杭州)", "深圳市青禾数据科技有限公司", "上海", "", "", "", "", "", PLAIN + "\n工作地点：成都"),
]  # fmt: skip
