"""Ads of titles and texts alone: pages and brief say what no ad names, and claim no zero of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from build_fixture import build
from gangwei.brief import report
from gangwei.explore.server import create
from gangwei.frame.dataset import Dataset
from gangwei.labels import Labels

WORK = "负责深度学习模型的研发、训练与部署，熟悉 PyTorch，发表过论文者优先"


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("bare")
    rows = [f"{n},算法工程师（方向 {n}）,{WORK}，方向编号 {n * 7919}。" for n in range(30)]
    (root / "a.csv").write_text("\n".join(["id,title,description", *rows]), "utf-8")
    build(root / "out", root / "a.csv")
    return root / "out"


def test_the_first_page_says_what_no_ad_names(bare: Path) -> None:
    client = TestClient(create(bare))
    for lang, boards, unnamed in (("en", "0 boards", "unknown, not zero"), ("zh", "0 个平台", "而不是零")):
        text = client.get(f"/?lang={lang}").text
        assert boards not in text and unnamed in text and "<dd></dd>" not in text
    assert "these filters" not in client.get("/m/city-rank").text
    assert "these filters" in client.get("/m/city-rank?where=education%3Dmaster").text


def test_the_brief_finds_no_zero_where_nobody_is_named(bare: Path, tmp_path: Path) -> None:
    told = (
        ("en", "No AI opening names its employer", "no AI opening with a place"),
        ("zh", "没有 AI 职位写明雇主", "没有可定位的 AI 职位"),
    )
    for lang, unnamed, nowhere in told:
        report.write_from(bare, tmp_path / "b.html", lang=lang)
        text = (tmp_path / "b.html").read_text("utf-8")
        assert unnamed in text and nowhere in text
        assert (
            "names miss some" not in text
            and "名称识别会有遗漏" not in text
            and "0 boards" not in text
            and "平台 0" not in text
        )


def test_a_number_in_parts_is_not_rounded_to_none(bare: Path) -> None:
    labels = Labels(Dataset.open(bare), "en")
    assert labels.quantity(0.5, "openings") == "0.5" and labels.quantity(2.9999999999, "openings") == "3"
    assert labels.interval(1.4, 5.6, "openings") == "1\u00a0– 6" and labels.quantity(1234.5, "openings") == "1,234"
    assert labels.agree("1 of 1 AI openings that name an employer") == "1 of 1 AI opening that names an employer"
