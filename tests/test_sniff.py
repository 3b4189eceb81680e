"""A definition proposed for an unknown file can be saved, checks without an issue and maps the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from gangwei import sniff
from gangwei.codebook import Codebook, DefinitionError
from gangwei.formats.headers import load_headers, normal
from gangwei.mapping.source import FIELDS, SourceError, parse_source
from gangwei.stages.s1_read import ReadError

TEXT = "岗位职责：1、负责仓库的日常管理与出入库登记；2、完成领导交办的其他工作。任职要求：1、高中及以上学历；2、吃苦耐劳，责任心强；3、有叉车证者优先考虑，熟悉办公软件。"
ROWS = [
    ["招聘编号", "岗位", "用人单位", "薪酬low", "薪酬high", "星座", "网页"],
    ["A1", "仓库管理员", "甲乙物流有限公司", "4000", "6000", "白羊", "https://example.org/1"],
    ["A2", "叉车司机", "甲乙物流有限公司", "5000", "7000", "金牛", "https://example.org/2"],
    ["A3", "会计助理", "丙丁商贸有限公司", "4500", "5000", "双子", "https://example.org/3"],
]


def write(path: Path, rows: list[list[str]]) -> Path:
    path.write_text("".join(",".join(r) + "\n" for r in rows), "utf-8")
    return path


def test_propose_then_check(tmp_path: Path) -> None:
    path = write(tmp_path / "新网站.csv", ROWS)
    proposal = sniff.propose(path)
    assert proposal.unplaced == ["星座"] and proposal.known is None
    assert proposal.rows.height == 3
    row = proposal.rows.row(0, named=True)
    assert (row["source_key"], row["title"], row["pay"], row["url"]) == (
        "A1",
        "仓库管理员",
        "4000|6000|",
        "https://example.org/1",
    )
    assert "星座" in proposal.preview() and "仓库管理员" in proposal.preview()
    toml = tmp_path / "mine.toml"
    toml.write_text(proposal.toml, "utf-8")
    assert [i.reason_id for i in sniff.check(path, toml)] == ["unmapped_column"]
    toml.write_text(proposal.toml.replace('# "星座"', '"星座"'), "utf-8")
    assert sniff.check(path, toml) == []
    other = write(tmp_path / "other.csv", [["a", "b"], ["1", "2"]])
    assert [i.reason_id for i in sniff.check(other, toml)] == ["not_recognised"]


@pytest.mark.parametrize("header", ["", "岗位"])
def test_columns_without_a_name_of_their_own_do_not_spoil_the_definition(tmp_path: Path, header: str) -> None:
    path = write(tmp_path / "a.csv", [[*r, header if i == 0 else ""] for i, r in enumerate(ROWS)])
    toml = tmp_path / "mine.toml"
    toml.write_text(sniff.propose(path).toml, "utf-8")
    assert [i.reason_id for i in sniff.check(path, toml)] == ["unmapped_column"]


def test_a_bar_in_a_header_is_part_of_it(tmp_path: Path) -> None:
    header = ["招聘编号", "岗位|工种", "用人单位"]
    path = write(tmp_path / "a.csv", [header, *(r[:3] for r in ROWS[1:])])
    toml = tmp_path / "mine.toml"
    toml.write_text(sniff.propose(path).toml, "utf-8")
    assert sniff.check(path, toml) == []


def test_a_file_without_headers_is_placed_by_its_values(tmp_path: Path) -> None:
    body = [
        [
            f"https://example.org/{i}",
            f"高级工程师{i}",
            f"某某{i}科技有限公司",
            "15-20K·13薪",
            "本科",
            "3-5年",
            f"2024-05-{i + 10}",
            TEXT,
        ]
        for i in range(8)
    ]
    proposal = sniff.propose(write(tmp_path / "a.csv", body))
    row = proposal.rows.row(0, named=True)
    got = {k: row[k] for k in ("url", "title", "company", "pay", "education", "experience", "posted", "description")}
    assert list(got.values()) == body[0] and not proposal.unplaced
    assert "header = false" in proposal.toml


def test_ten_rows_at_most(tmp_path: Path) -> None:
    assert sniff.propose(write(tmp_path / "a.csv", ROWS[:1] + ROWS[1:] * 20)).rows.height == 10


def test_what_cannot_be_proposed(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"")
    (tmp_path / "b.html").write_text("<html><body>x</body></html>")
    for name in ("a.csv", "b.html", "none.csv"):
        with pytest.raises(ReadError) as e:
            sniff.propose(tmp_path / name)
        assert "\n" not in str(e.value)
    write(tmp_path / "c.csv", [["x", "y"], ["1", "2"]])
    assert sniff.propose(tmp_path / "c.csv").unplaced == ["x", "y"]


def test_known_sources_are_sound() -> None:
    sources = sniff.known(Codebook())
    assert len(sources) >= 15 and [s.id for s in sources] == sorted(s.id for s in sources)
    for s in sources:
        assert s.title and s.fields and (s.headers or s.columns), s.id
        assert all(s.ignore.values()), s.id
        assert {"title", "description"} & set(s.fields), s.id


def test_synonyms_are_sound() -> None:
    rows = Codebook().rows("sources/headers.csv")
    assert len({normal(r["id"]) for r in rows}) >= 400
    allowed = {*FIELDS, "pay_min", "pay_max", "pay_months", "ignore"}
    allowed |= {"province", "pay_unit", "pay_currency", "experience_max"}
    assert {r["field"] for r in [*rows, *Codebook().rows("sources/header_words.csv")]} <= allowed
    names = [
        "id",
        "title",
        "company",
        "city",
        "district",
        "address",
        "salary",
        "education",
        "experience",
        "description",
    ]
    placed = {n: c.field for n in names if (c := load_headers(Codebook()).listed(n))}
    assert list(placed) == names and placed["salary"] == "pay" and placed["id"] == "source_key"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"formats": ["cvs"]}, "cvs"),
        ({"fields": {"titel": "a"}}, "titel"),
        ({"recognize": {}}, "recognize"),
        ({"read": {"headers": 2}}, "headers"),
        ({"recognise": {"patterns": {"a": "("}}}, "pattern"),
        ({"split": [{"form": "a"}]}, "form"),
    ],
)
def test_a_typo_in_a_definition_is_an_error(change: dict[str, object], word: str) -> None:
    good = {"id": "x", "title": "x", "formats": ["csv"], "fields": {"title": "a"}}
    assert parse_source(good, "x.toml").id == "x"
    with pytest.raises(SourceError, match=word):
        parse_source({**good, **change}, "x.toml")


def test_a_malformed_definition_names_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", ROWS)
    (tmp_path / "bad.toml").write_text("id = ", "utf-8")
    with pytest.raises(DefinitionError, match=r"bad\.toml"):
        sniff.check(path, tmp_path / "bad.toml")


def test_a_page_whose_tables_hold_no_ads_is_refused_as_the_build_refuses_it(tmp_path: Path) -> None:
    layout = "<html><body><table><tr><td>职位</td><td>登录</td><td>注册</td></tr><tr><td>首页</td><td>a</td><td>b</td></tr></table>"
    (tmp_path / "页.html").write_text(layout, "utf-8")
    with pytest.raises(ReadError, match="saved web page"):
        sniff.propose(tmp_path / "页.html")
    ads = "".join(f"<tr><td>会计{i}</td><td>甲乙物流有限公司</td><td>4000-6000</td></tr>" for i in range(3))
    table = f"<table><tr><th>岗位</th><th>单位名称</th><th>薪资</th></tr>{ads}</table>"
    (tmp_path / "表.html").write_text(f"{layout}{table}</body></html>", "utf-8")
    assert sniff.propose(tmp_path / "表.html").rows["title"].to_list() == ["会计0", "会计1", "会计2"]


def test_of_two_texts_the_one_about_the_job_is_the_description(tmp_path: Path) -> None:
    intro = "甲乙物流有限公司成立于2005年，是一家负责区域配送的企业，秉承诚信为本的理念，熟悉本地市场，欢迎加入"
    body = [[t, "甲乙物流有限公司", intro, TEXT, "6000-8000"] for t in ("仓库管理员", "叉车司机", "会计助理")]
    row = sniff.propose(write(tmp_path / "a.csv", [list("ABCDE"), *body])).rows.row(0, named=True)
    assert (row["title"], row["description"]) == ("仓库管理员", TEXT)


def test_an_article_with_blank_lines_holds_no_ads(tmp_path: Path) -> None:
    path = tmp_path / "article.txt"
    path.write_text(
        "【校招】2025届春季招聘\n\n点击上方蓝字关注我们\n\n会计\n工作地点：苏州\n\n扫码进入网申系统\n", "utf-8"
    )
    assert sniff.propose(path).rows.height == 0


def test_words_in_lists_are_no_employers_and_short_names_are(tmp_path: Path) -> None:
    body = [
        [t, f"{i + 5}-{i + 9}K", "武汉·洪山区", name, "\"['物业公司 ', '企业客户']\""]
        for i, (t, name) in enumerate(
            zip(("会计", "护士", "店长", "司机", "文员"), ("青禾", "远景微电", "云杉", "蓝湖照明", "白石"))
        )
    ]
    row = sniff.propose(write(tmp_path / "a.csv", body)).rows.row(1, named=True)
    assert (row["title"], row["company"], row["pay"]) == ("护士", "远景微电", "6-10K")


def test_an_abstract_of_the_text_and_a_button_are_no_texts(tmp_path: Path) -> None:
    head = ["title", "company", "jd", "summary", "detail"]
    body = [
        [t, "甲乙物流有限公司", f"{t}：{TEXT}", f"{t}：{TEXT[:40]}...", "查看详情"]
        for t in ("仓库管理员", "叉车司机", "会计助理", "店长", "文员")
    ]
    row = sniff.propose(write(tmp_path / "a.csv", [head, *body])).rows.row(0, named=True)
    assert row["description"] == f"仓库管理员：{TEXT}"


def test_lines_of_a_page_are_no_titles(tmp_path: Path) -> None:
    path = tmp_path / "page.txt"
    ad = "浏览量：10\n会计  [ 新乡 ]\n青禾食品有限公司\n民营  食品  4k-6k\n记账  报税\n"
    path.write_text(f"招聘职位    共3条\n选择工作城市\n筛选\n{ad * 3}首页\n尾页\n", "utf-8")
    assert sniff.propose(path).rows.height == 0


def test_short_texts_beside_titles_and_pay_that_few_ads_tell(tmp_path: Path) -> None:
    head = ["title", "company", "content", "salary", "management"]
    body = [
        [t, "甲乙物流有限公司", f"{t}的日常工作", "公司规定", "管理4人"]
        for t in ("会计专员", "叉车司机", "财务助理", "门店经理", "行政文员", "销售代表", "前台文员")
    ]
    body[0][3] = "6000-8000元"
    row = sniff.propose(write(tmp_path / "a.csv", [head, *body])).rows.row(0, named=True)
    assert (row["title"], row["description"], row["pay"], row["industry"]) == (
        "会计专员",
        "会计专员的日常工作",
        "6000-8000元",
        None,
    )


def test_a_whole_text_is_no_header() -> None:
    headers = load_headers(Codebook())
    assert headers.claim("负责深度学习算法研发。" * 100_000) is None  # minutes, if the patterns were tried
    assert headers.claim("岗位名称") is not None
