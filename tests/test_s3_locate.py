"""Stage 3 on small frames and on shared ads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
import yaml

from gangwei.codebook import Codebook
from gangwei.kernels.places.place import Resolver
from gangwei.kernels.places.place_hints import compile_hints, from_text, of_hint, of_title
from gangwei.stage_tables import CLEAN, LOCATED
from gangwei.stages.s3_locate import Rules, compile_rules, run


@pytest.fixture(scope="module")
def rules() -> Rules:
    return compile_rules(Codebook())


def frame(*rows: dict[str, str | None]) -> pl.DataFrame:
    """A clean table of rows with only the given cells, and the hint of the text as stage 2 leaves it."""
    cells = ("city", "district", "address", "title", "text", "company", "board")
    table = pl.DataFrame(list(rows), schema=dict.fromkeys(cells, pl.String))
    return CLEAN.conform(table.with_columns(from_text(table["city"], table["text"], compile_hints(Codebook()))))


def test_row_aligned_and_declared(rules: Rules) -> None:
    clean = frame(
        {"city": "深圳"}, {"city": "北京/上海"}, {"city": None}, {"city": "深圳"}, {"city": "朝阳区"}, {"city": "广东"}
    )
    out = run(clean, rules)
    assert out.schema == LOCATED.polars
    assert out["place_status"].to_list() == ["ok", "multi", "none", "ok", "ambiguous", "ok"]
    assert out["adcode"].to_list() == ["440300", None, None, "440300", None, None]
    assert out["places"].to_list()[1] == [{"adcode": "110000", "weight": 0.5}, {"adcode": "310000", "weight": 0.5}]
    assert out["places"].to_list()[2] == []
    assert out["places"].to_list()[5] == [{"adcode": "440000", "weight": 1.0}]


def test_numbers_of_a_board_count_on_that_board(rules: Rules) -> None:
    cells = [
        ("zhaopin", "538", "310000"), ("zhaopin", " 801.0 ", "510100"), ("zhaopin", "839", "530800"), ("zhaopin", "4", None),
        ("boss", "538", None), ("boss", "101280600", "440300"), ("51job", "030200", "440100"), ("51job", "30200", "440100"),
        ("lagou", "101280600", None), (None, "538", None), ("zhaopin", "深圳", "440300"), ("zhaopin", None, None),
    ]  # fmt: skip
    out = run(frame(*({"board": b, "city": c} for b, c, _ in cells)), rules)
    assert out["adcode"].to_list() == [a for *_, a in cells]


def test_national_codes_are_places_where_the_board_has_no_numbers_of_its_own(rules: Rules) -> None:
    cells = [
        (None, "440300", "440300"), (None, "440305", "440300"), ("lagou", "440305.0", "440300"), (None, "110101", "110000"),
        (None, "440305000000", "440300"), (None, "429004", "429004"), (None, "110103", "110000"), (None, "440000", None),
        ("51job", "210200", None), (None, "999999", None), (None, "4403", None),
    ]  # fmt: skip
    out = run(frame(*({"board": b, "city": c} for b, c, _ in cells)), rules)
    assert out["adcode"].to_list() == [a for *_, a in cells]
    assert out["county_adcode"].to_list()[1] == "440305"


def test_every_national_code_is_read_as_a_place(rules: Rules) -> None:
    units = [r for r in Codebook().rows("places/units.csv") if not r["to"] and r["from"] <= "2024"]
    out = run(frame(*({"board": None, "city": r["id"]} for r in units)), rules)
    wrong = [r["id"] for r, c, a, s in zip(units, out["county_adcode"], out["adcode"], out["place_status"])
             if s != "ok" or (c or a or r["id"])[:4] != r["id"][:4]]  # fmt: skip
    assert wrong == []


def test_numbers_of_boards_name_units_of_2024(rules: Rules) -> None:
    rows = Codebook().rows("places/board_codes.csv")
    named = run(frame(*({"city": r["name"]} for r in rows)), rules)
    found = [a or c for a, c in zip(named["adcode"], named["county_adcode"])]
    assert found == [r["adcode"] for r in rows]
    assert len({(r["board"], r["code"].lstrip("0")) for r in rows}) == len(rows)


def test_empty_frame(rules: Rules) -> None:
    out = run(CLEAN.empty(), rules)
    assert out.schema == LOCATED.polars
    assert out.height == 0


def test_order_and_threads_do_not_matter(rules: Rules) -> None:
    texts = ["深圳", "北京/上海", "朝阳区", "昆山", "Suzhou", None, "全国", "襄樊", "海南", ""] * 50
    clean = frame(*({"city": t} for t in texts))
    straight = run(clean, rules)
    assert run(clean.reverse(), rules).reverse().equals(straight)
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda i: run(clean.slice(i * 50, 50), rules), range(10)))
    assert pl.concat(parts).equals(straight)


def test_weak_evidence_only_where_no_field_names_a_place(rules: Rules) -> None:
    clean = frame(
        {"text": "岗位职责:写代码\n工作地点:深圳市南山区科苑路"},
        {"title": "算法工程师(杭州)"},
        {"title": "算法工程师-成都"},
        {"title": "算法工程师(吉林)"},
        {"title": "算法工程师(接受应届)", "text": "待遇从优"},
        {"title": "销售(上海)", "city": "北京"},
        {"title": "销售(上海)", "city": "全国"},
        {"company": "深圳市某某科技有限公司", "title": "会计"},
        {"title": "销售(上海)", "city": "异地招聘", "text": "工作地点:苏州职能类别:销售"},
        {"title": "销售(上海)", "address": "广州市天河区体育西路1号"},
    )
    out = run(clean, rules)
    assert out["adcode"].to_list() == [
        "440300", "330100", "510100", None, None, "110000", None, None, "320500", "440100",
    ]  # fmt: skip
    assert out["place_rule"].to_list()[:3] == ["text.label", "title.bracket", "title.tail"]
    assert out["county_adcode"].to_list()[0] == "440305"


def hinted(kind: str, case: dict[str, str], rules: Rules) -> str:
    """The codes of a hint, or none."""
    place = (of_hint if kind == "text" else of_title)(case["in"], rules.hints, rules.resolver)
    return "none" if place is None else " ".join(code for code, _ in place.places)


@pytest.mark.parametrize("kind", ["text", "title"])
def test_hints(kind: str, rules: Rules) -> None:
    cases = yaml.safe_load((Path(__file__).parent / "cases/place_hints.yaml").read_text("utf-8"))[kind]
    wrong = {c["in"]: hinted(kind, c, rules) for c in cases if hinted(kind, c, rules) != str(c["out"])}
    assert not wrong


def test_huge_fields_are_bounded(rules: Rules) -> None:
    clean = frame(
        *(
            {
                "city": "深圳" + "x" * 3_000_000,
                "address": "(" * 3_000_000,
                "title": "(" * 100_000,
                "text": "工作地点" * 500_000,
            },
        )
        * 3
    )
    assert run(clean, rules)["adcode"].to_list() == ["440300"] * 3


@pytest.mark.shared
def test_real_place_fields(rules: Rules, shared: Path) -> None:
    """Of the ads with a place field, at least 98 in 100 are located, and no status is unexplained."""
    fields = (
        pl.scan_parquet(shared / "data/postings_real.parquet")
        .select(city="city_raw", district="district_raw", address="address_raw")
        .collect()
    )
    out = run(fields, rules)
    assert out.height == fields.height
    assert (out["place_status"] == "ok").mean() > 0.97
    assert out["place_rule"].null_count() == 0


def test_house_numbers_decide_nothing(rules: Rules) -> None:
    streets = ["天河区体育西路{}号", "珠江新城{}栋{}层", "{} Zhongshan Road, Guangzhou", "邮编 51{}0 中山路", "", "{}"]
    written = [s.replace("{}", n) for s in streets for n in ("8", "103", "0")]
    found = run(frame(*({"city": city, "address": a} for city in ("广州", None) for a in written)), rules)
    alone = [rules.resolver.resolve(city, None, a) for city in ("广州", None) for a in written]
    assert found["adcode"].to_list() == [p.adcode for p in alone]
    assert found["place_rule"].to_list() == [p.rule for p in alone]


def test_figures_matter_where_a_name_has_one(rules: Rules) -> None:
    gaz = rules.gazetteer
    quarter = "798艺术区"
    assert not gaz.numbered
    named = replace(
        gaz, names={**gaz.names, quarter: gaz.names["朝阳区"]}, lengths={**gaz.lengths, "79": (len(quarter),)}
    )
    known = Rules(named, Resolver(named), rules.hints, rules.codes, rules.national)
    assert known.gazetteer.numbered
    asked = frame({"city": "北京", "address": quarter})
    assert run(asked, known)["county_adcode"].to_list() == ["110105"] and run(asked, rules)[
        "county_adcode"
    ].to_list() == [None]
