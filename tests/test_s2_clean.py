"""The cleaning stage: schema, alignment, hashes under change, threads, real ads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from gangwei.codebook import Codebook
from gangwei.kernels import hashing
from gangwei.stage_tables import CLEAN, RAW
from gangwei.stages import s2_clean

TEXT = "岗位职责：\n1、负责机器学习（ML）模型训练；\n任职要求：\n本科及以上学历，熟悉Python"


@pytest.fixture(scope="module")
def rules() -> s2_clean.Rules:
    return s2_clean.compile_rules(Codebook())


def raw(*rows: dict[str, Any]) -> pl.DataFrame:
    base = {"file": "a.csv", "row": 1, "source_id": "plain", "source_key": "k1", "board": "51job", "title": "算法工程师",
            "company": "某某科技有限公司", "city": "北京", "pay": "10000-15000", "description": TEXT, "posted": "2024-05-01",
            "captured": "2024-05-03 10:00:00"}  # fmt: skip
    return RAW.conform(pl.DataFrame([{**base, **r} for r in rows], infer_schema_length=None))


def clean(rules: s2_clean.Rules, *rows: dict[str, Any]) -> pl.DataFrame:
    return s2_clean.run(raw(*rows), rules)


def test_schema_and_alignment(rules: s2_clean.Rules) -> None:
    out = clean(
        rules, {"source_key": "a"}, {"source_key": "b", "description": None, "title": None}, {"source_key": "c"}
    )
    assert dict(out.schema) == CLEAN.polars
    assert out["source_key"].to_list() == ["a", "b", "c"]
    assert out["text"].is_null().to_list() == [False, True, False]
    assert (out["text_hash"] == 0).to_list() == [False, True, False]


def test_no_rows(rules: s2_clean.Rules) -> None:
    out = s2_clean.run(RAW.empty(), rules)
    assert out.height == 0
    assert dict(out.schema) == CLEAN.polars


def test_nothing_but_nulls(rules: s2_clean.Rules) -> None:
    out = s2_clean.run(RAW.conform(pl.DataFrame({"source_id": ["x", "x"], "source_key": ["1", "2"]})), rules)
    assert out.height == 2
    assert out["content_hash"].n_unique() == 2


def test_a_board_holds_no_contacts(rules: s2_clean.Rules) -> None:
    out = s2_clean.run(raw({"board": "电话13812345678"}, {"board": "51job"}), rules)
    assert out["board"].to_list() == ["电话〔联系方式〕", "51job"]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("微信号：hr2024abc", "微信号:〔联系方式〕"),
        ("+86 138-1234-5678", "+〔联系方式〕"),
        ("https://a.cn/13812345678", "https://a.cn/13812345678"),
        ("www.a.cn/13812345678", "www.a.cn/13812345678"),
        ("/job/13812345678", "/job/13812345678"),
        ("职位１", "职位１"),
    ],
)
def test_a_url_that_is_no_address_is_text(url: str, shown: str, rules: s2_clean.Rules) -> None:
    assert s2_clean.run(raw({"url": url}), rules)["url"].to_list() == [shown]


def test_raw_is_not_touched(rules: s2_clean.Rules) -> None:
    frame = raw({"title": "數據<br>電話13812345678", "url": "https://weibo.com/u/12345678", "address": "13812345678"})
    before = frame.clone().to_dicts()
    s2_clean.run(frame, rules)
    assert frame.to_dicts() == before


@pytest.mark.parametrize(
    "description",
    [
        TEXT.replace("\n", "\r\n"),
        TEXT.replace("\n", "<br/>"),
        TEXT.replace("：", ":").replace("；", ";").replace("，", ","),
        TEXT.replace("Python", "Ｐｙｔｈｏｎ"),
        TEXT.replace("模型", "模\u200b型"),
        TEXT.replace("机器学习", "機器學習").replace("训练", "訓練"),
        "<div>" + TEXT + "</div>",
        TEXT + "\n\n微信分享",
        TEXT + "\n联系电话：0755-12345678",
    ],
    ids=["crlf", "br", "ascii_marks", "full_width", "zero_width", "traditional", "wrapped", "share", "contact"],
)
def test_light_edits_keep_the_text_hash_but_not_the_content_hash(description: str, rules: s2_clean.Rules) -> None:
    out = clean(rules, {}, {"description": description})
    assert out["text_hash"].n_unique() == 1
    assert out["content_hash"].n_unique() == 2


def test_content_hash_ignores_file_and_row_only(rules: s2_clean.Rules) -> None:
    assert clean(rules, {}, {"file": "b.csv", "row": 7})["content_hash"].n_unique() == 1
    changes = [{}, {"pay": "1"}, {"source_key": "k2"}, {"source_id": "s"}, {"captured": "2024-05-04"}, {"district": ""}]
    assert clean(rules, *changes)["content_hash"].n_unique() == len(changes)


def test_contacts_are_nowhere(rules: s2_clean.Rules) -> None:
    phone = "13812345678"
    row = {
        "title": f"司机 {phone}",
        "description": f"电话{phone}",
        "address": f"某路1号 {phone}",
        "tags": f"双休,{phone}",
    }
    out = clean(rules, row | {"url": "https://weibo.com/u/12345678"}).drop("company", "source_key")
    shown = str(out.to_dicts())
    assert phone not in shown
    assert "weibo" not in shown


def test_tags_are_a_list(rules: s2_clean.Rules) -> None:
    out = clean(rules, {"tags": "['五险一金', '双休']"}, {"tags": "五险一金；双休"}, {"tags": ""}, {"tags": None})
    assert out["tags"].to_list() == ["五险一金 | 双休", "五险一金 | 双休", None, None]


def test_tags_are_whole_and_not_void(rules: s2_clean.Rules) -> None:
    rows = ["个人客户（2C）|大客户（KA）", "('双休', '包吃（三餐）')", "|五险一金||双休| ", "| ,", "大专,双休,"]
    out = clean(rules, *({"tags": row} for row in rows))
    assert out["tags"].to_list() == [
        "个人客户(2C) | 大客户(KA)",
        "双休 | 包吃(三餐)",
        "五险一金 | 双休",
        None,
        "大专 | 双休",
    ]


def test_addresses_are_as_found_but_for_contacts_in_full_width(rules: s2_clean.Rules) -> None:
    rows = ["天河北路1号（二楼）：A座", "天河北路1号（二楼）　电话：８７６５４３２１", "天河北路1号 联系电话：87654321"]
    out = clean(rules, *({"address": row} for row in rows))
    mark = rules.contacts.mark
    assert out["address"].to_list() == [rows[0], f"天河北路1号(二楼) 电话:{mark}", f"天河北路1号 联系电话:{mark}"]


def test_language_of_short_ads(rules: s2_clean.Rules) -> None:
    row = {"description": None, "city": "https://www.example.com/some/long/address"}
    out = clean(rules, row, row | {"title": "Java"}, row | {"title": "Senior Test Engineer", "company": "Acme Limited"})
    assert out["language"].to_list() == ["zh", "zh", "en"]
    foreign = row | {"title": "Python开发", "company": "Symbio-Freeborders"}
    assert clean(rules, foreign, foreign | {"title": "Python"})["language"].to_list() == ["zh", "en"]


def test_issues_are_named(rules: s2_clean.Rules) -> None:
    out = clean(rules, {"posted": "1970-01-01"}, {"description": "人" * 250_000}, {})
    assert "date_impossible" in out["issues"][0]
    assert "text_capped" in out["issues"][1]
    assert not {"date_impossible", "text_capped"} & set(out["issues"][2])


def test_batches_and_threads_do_not_matter(rules: s2_clean.Rules) -> None:
    frame = raw(
        *(
            {"source_key": str(i), "description": TEXT * (i % 5) + f"<br>第{i}号", "posted": f"{i % 12 + 1}-11"}
            for i in range(200)
        )
    )
    whole = s2_clean.run(frame, rules)
    parts = [frame[i : i + 23] for i in range(0, 200, 23)]
    with ThreadPoolExecutor(4) as pool:
        again = pl.concat(pool.map(lambda f: s2_clean.run(f, s2_clean.compile_rules(Codebook())), parts))
        shared = pl.concat(pool.map(lambda f: s2_clean.run(f, rules), parts))
    assert again.equals(whole)
    assert shared.equals(whole)


def test_hashes_are_what_they_were() -> None:
    got = hashing.hash_strings(pl.Series(["", None, "a", "岗位职责", "abcdefgh"]))
    assert got.tolist() == [
        11297410626696438705,
        7959387129412676716,
        14534774847880004966,
        11840387927374607222,
        4655518366735527163,
    ]
    sliced = hashing.hash_strings(pl.Series(["x", "a", "岗位职责"])[1:])
    assert sliced.tolist() == got[2:4].tolist()


def test_mix_depends_on_order() -> None:
    a, b = np.array([1, 2], np.uint64), np.array([2, 1], np.uint64)
    assert (hashing.mix(a, b) != hashing.mix(b, a)).all()


@pytest.mark.shared
def test_real_ads(shared: Path, rules: s2_clean.Rules) -> None:
    columns = {"source": "source_id", "record_id": "source_key", "board": "board", "title": "title", "company": "company",
               "description": "description", "posted_raw": "posted", "scraped_raw": "captured", "tags_raw": "tags"}  # fmt: skip
    real = pl.scan_parquet(shared / "data/postings_real.parquet").filter(pl.col("description").str.len_chars() > 50)
    frame = RAW.conform(real.gather_every(25).select(*columns).rename(columns).collect())
    out = s2_clean.run(frame, rules)
    assert out.height == frame.height
    kinds = out.select(pl.col("sections").list.eval(pl.element().struct.field("kind"))).to_series()
    both = kinds.list.contains("duties") | kinds.list.contains("requirements")
    assert both.mean() > 0.97
    assert not out["text"].str.contains("微信分享$|_x000d_|(?-u:\\b)1[3-9][0-9]{9}(?-u:\\b)").any()
    spans = out.select("text", "sections").filter(pl.col("text").str.len_chars() > 0)
    assert (spans["sections"].list.last().struct.field("end") == spans["text"].str.len_chars()).all()


def test_boards_are_names_without_white_space_or_contacts() -> None:
    """A value that a filter reads bare must be published bare, or the brief fails on it."""
    boards = [" 智联招聘\t", "\n", "\ufeffboss", "QQ：１２３４５６７８９", "前程无忧（上海）", None]
    given = RAW.conform(pl.DataFrame({"title": ["司机"] * len(boards), "board": boards}))
    found = s2_clean.run(given, s2_clean.compile_rules(Codebook()))["board"].to_list()
    assert found == ["智联招聘", None, "boss", "QQ:〔联系方式〕", "前程无忧（上海）", None]
