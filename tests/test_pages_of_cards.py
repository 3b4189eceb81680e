"""Files that look like ads and hold none: pages whose cards are other things, texts, talks with a program; and damaged pages."""

from __future__ import annotations

import quopri
from pathlib import Path

import pytest

from gangwei.codebook import Codebook
from gangwei.stages.s1_read import FileReport, Limits, discover, read

BOOK = Codebook()
ADS = (
    ("会计", "6-8K", "青禾食品有限公司"),
    ("算法工程师", "20-35K", "云杉智能科技有限公司"),
    ("护士", "5-7K", "康泽医院"),
)
HEAD = """From: <Saved by Blink>
MIME-Version: 1.0
Content-Type: multipart/related; type="text/html"; boundary="b"

"""


def titles(path: Path, content: str | bytes) -> list[str]:
    """The titles of the ads in a file of such content."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    (item,) = discover([path], Limits())[0]
    report = FileReport(item)
    found = [t for b in read(item, BOOK, Limits(), report) for t in b.raw["title"].to_list()]
    assert report.kept + sum(report.rejected.values()) == report.read
    return found


def page(*rows: tuple[str, ...]) -> str:
    """A page with a card of classes k0, k1, ... for each row."""
    cards = ("".join(f'<p class="k{i}">{text}</p>' for i, text in enumerate(row)) for row in rows)
    return f"<!DOCTYPE html><html><body>{''.join(f'<div class=card>{c}</div>' for c in cards)}</body></html>"


@pytest.mark.parametrize(
    "rows",
    [
        [("会计实战班", "199元/次", "青禾教育有限公司"), ("Java工程师就业班", "1.2万元起", "云杉教育有限公司"), ("设计师训练营", "3999元起", "木棉教育有限公司")],
        [("王女士", "10:00", "你好，还招会计吗"), ("李经理", "10:01", "招的"), ("王女士", "10:02", "薪资多少"), ("李经理", "10:03", "6-8K"), ("李经理", "10:04", "面议")],
        [("王小明", "会计", "6-8K", "大专", "求职中"), ("李雷", "算法工程师", "20-35K", "硕士", "求职中"), ("韩梅", "护士", "5-7K", "大专", "求职中")],
        [("王小明", "男 | 28岁", "会计", "6-8K", "杭州"), ("李雷", "男 | 31岁", "算法工程师", "20-35K", "上海"), ("韩梅", "女 | 25岁", "护士", "5-7K", "西安")],
        [("整租·阳光小区两室", "3500元/月", "杭州", "89㎡"), ("合租·金色家园", "1800元/月", "上海", "15㎡"), ("云锦公寓", "2600元/月", "青岛", "42㎡")],
    ],
    ids=["courses", "talk", "seekers", "seekers by age", "flats"],
)  # fmt: skip
def test_cards_of_other_things_are_no_ads(tmp_path: Path, rows: list[tuple[str, ...]]) -> None:
    assert titles(tmp_path / "a.html", page(*rows)) == []


def test_a_card_within_a_card_is_one_ad(tmp_path: Path) -> None:
    text = page(*ADS).replace("<div class=card>", "<div class=card><div class=card>").replace("</div>", "</div></div>")
    assert titles(tmp_path / "a.html", text) == [t for t, *_ in ADS]


@pytest.mark.parametrize(
    "text",
    [
        "深度学习入门\n\n学历要求：不限\n工作经验：不限\n上课地点：上海静安区\n\n课程描述\n讲检索与排序。\n",
        "王小明\n求职意向：算法工程师\n学历：硕士\n工作经验：5年\n现居地：上海静安区\n期望薪资：20-35K\n",
        "春季沙龙\n\n地点：上海静安区\n时间：2024-05-06\n费用：面议\n联系人：王女士\n",
        "金色家园两居室\n地址：杭州余杭区\n租金：3500元/月\n面积：89平\n\n描述\n近地铁。\n",
        "云杉智能科技有限公司\n\n公司规模：100-499人\n行业：互联网\n地址：上海静安区\n公司性质：民营\n",
        "周会纪要\n时间：2024-05-06\n地点：杭州\n公司：青禾\n工作内容：\n对齐目标\n",
    ],
    ids=["course", "person", "event", "flat", "employer", "minutes"],
)
def test_the_first_line_of_other_texts_is_no_title(tmp_path: Path, text: str) -> None:
    assert [t for t in titles(tmp_path / "a.txt", text) if t] == []


@pytest.mark.parametrize("asked", ["杭州天气如何？", "写一个会计的招聘广告"])
def test_talks_without_an_ad_of_the_person_hold_none(tmp_path: Path, asked: str) -> None:
    turns = (
        f'[{{"role": "user", "content": "{asked}"}}, {{"role": "assistant", "content": "职位名称：会计\\n薪资：6-8K"}}]'
    )
    assert titles(tmp_path / "a.jsonl", f'{{"messages": {turns}}}\n' * 3) == []


@pytest.mark.parametrize("encoding, said", [("gbk", ""), ("gbk", "; charset=gb2312"), ("utf-8", "; charset=nonsense")])
def test_a_page_in_parts_in_any_encoding(tmp_path: Path, encoding: str, said: str) -> None:
    frame = "--b\nContent-Type: text/html\n\n<html><body>x</body></html>\n"
    kind = f"--b\nContent-Type: text/html{said}\nContent-Transfer-Encoding: quoted-printable\n\n"
    text = quopri.encodestring(page(*ADS).encode(encoding))
    for end in (b"\n--b--\n", b""):
        assert titles(tmp_path / "a.mhtml", (HEAD + frame + kind).encode() + text + end) == [t for t, *_ in ADS]


def test_damaged_pages_end(tmp_path: Path) -> None:
    """Each would keep a parser that looks for every end busy for minutes."""
    nested = "".join(f"Content-Type: multipart/mixed; boundary=b{i}\n\n--b{i}\n" for i in range(3000))
    long = f'<div class="{"a " * 5000}">'
    for text in ("<a " * 300_000, "<!-- " * 100_000 + "<p>", long * 99 + "x<br>" * 2000, "<div class=a>6-8K" * 50_000):
        assert titles(tmp_path / "a.html", "<html>" + text) == []
    assert titles(tmp_path / "a.mhtml", HEAD.replace("Content-Type: multipart/related", nested + "X: ")) == []
    assert len(titles(tmp_path / "a.html", page(*ADS * 3000))) == 9000


def test_a_comment_within_a_script_ends_no_page(tmp_path: Path) -> None:
    script = '<html><body><script>var s = "<!-- kept";</script>'
    assert titles(tmp_path / "a.html", page(*ADS).replace("<html><body>", script)) == [t for t, *_ in ADS]
