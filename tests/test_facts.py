"""Requirements, levels, contracts and the whole parse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from gangwei import schema, stage_tables
from gangwei.codebook import Codebook
from gangwei.kernels.job import facts
from gangwei.kernels.job.requirements import education_one, experience_one, headcount_one

HERE = Path(__file__).parent / "cases"


def cases(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load((HERE / f"{name}.yaml").read_text("utf-8")))


@pytest.fixture(scope="module")
def rules() -> facts.FactRules:
    return facts.compile_rules(Codebook())


def ads(*rows: dict[str, Any]) -> pl.DataFrame:
    return stage_tables.RAW.conform(pl.DataFrame(rows, infer_schema_length=None))


@pytest.mark.parametrize("case", cases("education"), ids=lambda c: c["raw"])
def test_education(case: dict[str, Any], rules: facts.FactRules) -> None:
    assert education_one(case["raw"], rules.requirements) == (case["level"], case.get("reason"))


@pytest.mark.parametrize("case", cases("experience"), ids=lambda c: c["raw"])
def test_experience(case: dict[str, Any], rules: facts.FactRules) -> None:
    want = (case.get("min"), case.get("max"), case.get("reason"))
    assert experience_one(case["raw"], rules.requirements) == want


@pytest.mark.parametrize("case", cases("headcount"), ids=lambda c: c["raw"])
def test_headcount(case: dict[str, Any], rules: facts.FactRules) -> None:
    assert headcount_one(case["raw"], rules.requirements) == (case["n"], case.get("reason"))


@pytest.mark.parametrize(
    ("title", "level"),
    [
        ("Java实习生", "intern"), ("高级Java工程师", "senior"), ("资深产品经理", "senior"), ("产品经理", None),
        ("销售经理", "manager"), ("生产主管", "manager"), ("技术总监", "director"), ("总经理", "executive"),
        ("总经理助理", "junior"), ("初级会计", "junior"), ("中级前端", "mid"), ("系统架构师", "lead"), ("会计", None),
        ("VP of Engineering", "executive"), ("Senior Engineer", "senior"), ("International Sales", None),
        ("数据分析经理", "manager"), ("事业部经理", "manager"), ("售后经理", "manager"), ("高级数据分析经理", "manager"),
        ("数据产品经理", None), ("产品策划经理", None), ("产品运营经理助理", "junior"), ("见习店长", "junior"),
        ("管理培训生(客服经理方向)", "junior"), ("保洁领班", "lead"), ("系统架构工程师", "lead"), ("储备班组长", "junior"),
        ("技术总监CTO", "executive"), ("前端Lead", "lead"), ("Java工程师Senior", "senior"), ("电子厂长白班", None),
        ("城市合伙人", None), ("技术合伙人", "executive"), ("董事长专职司机", None), ("骑手高工资", None), ("高工", "senior"),
        ("程序员(可实习)", None), ("技术支持实习生", "intern"), ("欢迎应届生投递", None), ("应届生", "junior"),
        ("楚小白口腔医生", None), ("小白入行", "junior"), ("工程师(JR1)", None),
        ("执业(助理)医师", None), ("算法实习生(每周可实习4天)", "intern"), ("开发(可招实习生)", None),
        ("算法专家(人才储备)", "lead"), ("主任NLP工程师", "senior"), ("口腔助理医师", "junior"), ("护理主任", "manager"),
    ],
)  # fmt: skip
def test_seniority(title: str, level: str | None, rules: facts.FactRules) -> None:
    raw = ads({"title": title})
    assert facts.parse(raw, raw["title"], rules)["seniority"].to_list() == [level]


@pytest.mark.parametrize(
    ("title", "number"),
    [
        ("前端工程师(2名)", 2), ("急聘3名销售顾问", 3), ("内勤1名/双休", 1), ("Java(急缺33人,面试简单)", 33), ("保洁 2位", 2),
        ("某站直聘5人!", 5), ("公寓4人间", None), ("免费4人间", None), ("招4人间保洁", None), ("去年第3名/门店", None), ("300位置任选", None),
        ("行业第 1 名,销售", None), ("保洁 2名", 2),
    ],
)  # fmt: skip
def test_headcount_of_titles(title: str, number: int | None, rules: facts.FactRules) -> None:
    raw = ads({"title": title})
    assert facts.parse(raw, raw["title"], rules)["headcount"].to_list() == [number]


@pytest.mark.parametrize(
    ("title", "field", "kind"),
    [
        ("Java工程师(2025届)", None, "campus"), ("测试(可接受24届)", None, None), ("第20届展会销售", None, None),
        ("长春招聘安全员", None, None), ("2025春招", None, "campus"), ("校招专员", None, None), ("毕业生亦可", None, None),
        ("销售", "校园", "campus"), ("外贸实习生", "校园", "internship"), ("程序员(可实习)", None, None), ("实习生", None, "internship"),
        ("数据分析intern", None, "internship"), ("技术支持实习生", None, "internship"), ("兼职会计", None, "part_time"),
        ("骑手(全职/兼职)", None, None), ("主播 可兼职", "全职", "full_time"), ("教师", "全职/兼职", None),
        ("寒假工包住", None, "temporary"), ("保安可短期", None, None), ("骑手日结周结", None, None), ("分拣日结", None, "temporary"),
        ("普工/正式工/临时工", None, None), ("Java(外包)", None, "contract"), ("Java(非外包)", None, None),
        ("第三方支付销售", None, None), ("运维(第三方)", None, "contract"), ("劳务派遣销售专员", None, None),
        ("渠道专员(专、兼职)", None, None), ("外贸/可应届", None, None), ("全栈兼职", None, "part_time"), ("配送 能日结", None, None),
        ("算法实习生(每周可实习4天)", None, "internship"), ("开发/接受实习生", None, None), ("Java(24届可投)", None, None),
        ("Java(20届+银行项目)", None, None), ("前端(21届以前)", None, None), ("25届优先", None, None), ("24届可转正", None, "campus"),
        ("算法岗提前批", None, "campus"), ("后端开发", "提前批", "campus"),
    ],
)  # fmt: skip
def test_kind_of_contract(title: str, field: str | None, kind: str | None, rules: facts.FactRules) -> None:
    raw = ads({"title": title, "employment_type": field})
    assert facts.parse(raw, raw["title"], rules)["employment_type"].to_list() == [kind]


def test_parse_gives_the_declared_columns(rules: facts.FactRules) -> None:
    raw = ads({"title": "会计", "pay": "5-8K", "education": "大专"}, {"title": None})
    out = facts.parse(raw, raw["title"], rules)
    assert out.drop("facts_issues").schema == pl.Schema({c.name: c.type for c in schema.FACTS})
    assert len(out) == 2
    assert out["facts_issues"].to_list() == [[], []]
    for column in schema.FACTS:
        if column.enum:
            assert set(out[column.name].drop_nulls()) <= set(column.enum)


def test_combined_field_feeds_education_and_headcount(rules: facts.FactRules) -> None:
    raw = ads({"title": "出纳", "experience": "\xa0\xa02年经验\xa0\xa0|\xa0\xa0大专\xa0\xa0|\xa0\xa0招6人\xa0\xa0|"})
    row = facts.parse(raw, raw["title"], rules).row(0, named=True)
    assert (row["education"], row["experience_min_months"], row["headcount"]) == ("college", 24, 6)
    assert row["facts_issues"] == ["education_from_experience"]


def test_graduates_in_the_education_field_need_no_years(rules: facts.FactRules) -> None:
    raw = ads(
        {"title": "销售", "education": "应届生"},
        {"title": "会计", "education": "本科", "experience": "3-5年"},
        {"title": "法务", "education": "2027届应届生", "experience": "经验不限"},
        {"title": "出纳", "education": "大专"},
        {"title": "护士", "education": "本科(非应届)"},
        {"title": "司机", "education": "大专，应届生勿扰"},
        {"title": "店长", "education": "本科，应届往届均可"},
        {"title": "文员", "education": "本科(应届生优先)"},
    )
    out = facts.parse(raw, raw["title"], rules)
    assert out["experience_min_months"].to_list() == [0, 36, 0, *[None] * 5]
    assert out["experience_max_months"].to_list() == [0, 60, *[None] * 6]
    assert "experience_from_education" in out["facts_issues"].to_list()[0]


@pytest.mark.parametrize(
    ("city", "board", "pay", "status"),
    [
        ("Hong Kong", None, "18000-22000", "unclear"), ("Kwun Tong, Hong Kong SAR", None, "18K-22K/month", "unclear"),
        ("香港", None, "1.8-2.2万/月", "unclear"), ("中国香港·九龙", "linkedin", "18000元/月", "unclear"), ("香港-西贡区", None, "16-24k", "unclear"),
        ("澳門", None, "20000-30000", "unclear"), ("Macau", "acme_careers", "20000", "unclear"), ("香港特别行政区", None, "2-3万", "unclear"),
        ("香港", "zhaopin", "1.8-2.2万/月", "ok"), ("Hong Kong", None, "RMB 18000-22000", "ok"), ("香港", None, "面议", "negotiable"),
        ("深圳", None, "18000-22000", "ok"), ("Shenzhen", None, "18000-22000", "ok"), ("深圳/香港", None, "18000-22000", "ok"),
        ("Hong Kong / Shenzhen", None, "18000-22000", "ok"), ("青岛·市南区·香港中路", None, "6000-8000", "ok"), ("香港中路", None, "6000-8000", "ok"),
        (None, None, "18000-22000", "ok"), ("香港/深圳", None, "18000-22000", "ok"), ("香港、深圳", None, "18000-22000", "ok"),
        ("香港,深圳", None, "18000-22000", "ok"), ("香港 深圳", None, "18000-22000", "ok"), ("Hong Kong, Shenzhen", None, "18000-22000", "ok"),
        ("Shenzhen, Hong Kong", None, "18000-22000", "ok"), ("Hong Kong or Shenzhen", None, "18000-22000", "ok"),
        ("香港，九龙", None, "18000-22000", "unclear"), ("香港特区", None, "18000-22000", "unclear"), ("香港路", None, "18000-22000", "ok"),
    ],
)  # fmt: skip
def test_pay_in_the_currency_of_the_place(
    city: str | None, board: str | None, pay: str, status: str, rules: facts.FactRules
) -> None:
    row = {"title": "会计", "company": "香港启明有限公司", "city": city, "board": board, "pay": pay}
    out = facts.parse(ads(row), pl.Series(["会计"]), rules)
    assert out["pay_status"][0] == status
    assert ("pay_foreign_currency" in out["facts_issues"][0]) == (status == "unclear")


def test_yuan_named_in_the_title_are_yuan(rules: facts.FactRules) -> None:
    raw = ads({"title": "会计 月薪20000元人民币", "city": "香港"}, {"title": "会计 月薪20000元", "city": "香港"})
    assert facts.parse(raw, raw["title"], rules)["pay_status"].to_list() == ["ok", "unclear"]


def test_title_supplies_what_the_fields_leave_out(rules: facts.FactRules) -> None:
    raw = ads({"title": "仓库兼职 22元/时 招8名"}, {"title": "产品助理 6-9K", "pay": "5000|8000|"})
    out = facts.parse(raw, raw["title"], rules).rows(named=True)
    assert (out[0]["pay_min_fen"], out[0]["pay_unit"], out[0]["headcount"]) == (2200, "hour", 8)
    assert (out[0]["employment_type"], out[0]["facts_issues"]) == ("part_time", ["pay_from_title"])
    assert out[1]["pay_min_fen"] == 500000


def test_board_category_is_used_only_where_it_is_one(rules: facts.FactRules) -> None:
    raw = ads(
        {"title": "加入我们", "occupation": "快递员", "occupation_is_code": True},
        {"title": "加入我们", "occupation": "快递员", "occupation_is_code": False},
    )
    out = facts.parse(raw, raw["title"], rules)
    assert out["occupation_code"].to_list() == ["4-02", None]
    assert out["occupation_method"].to_list() == ["board_code", "none"]
    assert out["occupation_confidence"].to_list() == ["high", None]
    assert out["isco08_code"][0] is not None and out["isco08_code"][1] is None


def test_the_industry_says_what_named_it(rules: facts.FactRules) -> None:
    raw = ads(
        {"title": "文员", "industry": "医药制造", "company": "某某"},
        {"title": "文员", "company": "某某医疗器械有限公司"},
        {"title": "文员", "company": "某某"},
    )
    out = facts.parse(raw, raw["title"], rules)
    assert out["industry_code"].to_list() == ["C", "C", None]
    assert out["industry_method"].to_list() == ["industry_field", "employer_name", "none"]


def test_order_of_rows_does_not_matter(rules: facts.FactRules) -> None:
    raw = ads(
        *({"title": c["raw"], "pay": c["raw"], "education": c["raw"], "experience": c["raw"]} for c in cases("pay"))
    )
    forward = facts.parse(raw, raw["title"], rules)
    backward = facts.parse(raw.reverse(), raw["title"].reverse(), rules)
    assert forward.equals(backward.reverse())


@pytest.mark.shared
@pytest.mark.slow
def test_frequent_real_values_are_decided(shared: Path, rules: facts.FactRules) -> None:
    """>= 99 % of the distinct raw values that occur ten times or more are parsed or refused with a reason."""
    d = pl.read_parquet(
        shared / "data" / "postings_real.parquet",
        columns=["board", "title", "salary_raw", "education_raw", "experience_raw"],
    )
    names = {"salary_raw": "pay", "education_raw": "education", "experience_raw": "experience"}
    out = facts.parse(stage_tables.RAW.conform(d.rename(names)), d["title"], rules)
    decided = {
        "salary_raw": pl.col("pay_status").is_not_null(),
        "education_raw": pl.col("education").is_not_null(),
        "experience_raw": pl.col("experience_min_months").is_not_null(),
    }
    both = pl.concat([d, out], how="horizontal")
    print(f"{'field':16}{'values >=10':>12}{'parsed':>8}{'refused':>8}{'undecided':>10}")
    for column, parsed in decided.items():
        prefix = names[column] + "_"
        refused = pl.col("facts_issues").list.eval(pl.element().str.starts_with(prefix)).list.any()
        values = (
            both.filter(pl.col(column).is_not_null() & (pl.col(column) != "[]"))
            .group_by(column)
            .agg(pl.len(), parsed.all().alias("parsed"), refused.all().alias("refused"))
            .filter(pl.col("len") >= 10)
        )
        ok = values["parsed"].sum()
        no = (values["refused"] & ~values["parsed"]).sum()
        print(f"{column:16}{len(values):12}{ok:8}{no:8}{len(values) - ok - no:10}")
        assert (ok + no) / len(values) >= 0.99


def test_no_rows_and_hostile_rows(rules: facts.FactRules) -> None:
    empty = stage_tables.RAW.empty()
    assert facts.parse(empty, empty["title"], rules).shape == (0, len(schema.FACTS) + 1)
    long = {"title": "a" * 1_000_000, "pay": "9" * 1_000_000, "education": "本科" * 300_000, "experience": "\0"}
    raw = ads(long, {"title": None, "pay": "\0", "headcount": "-5", "company": "\0"})
    out = facts.parse(raw, raw["title"], rules)
    assert out["pay_status"].to_list() == ["unclear", "none"]
    assert "headcount_not_understood" in out["facts_issues"][1]
