"""Stage 4 on small frames and on the shared names: entities, ids, ledger, determinism, speed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from gangwei import schema, stage_tables
from gangwei.codebook import Codebook
from gangwei.stages import s4_employers
from gangwei.stages.s4_employers import Rules, compile_rules, run

DAY = date(2025, 6, 30)
TABLES = (stage_tables.EMPLOYER_NAMES_STAGE, schema.EMPLOYERS, schema.AFFILIATIONS)


@pytest.fixture(scope="module")
def rules() -> Rules:
    return compile_rules(Codebook())


def frame(*names: str | None) -> pl.DataFrame:
    """Distinct names, the first with the most ads."""
    return pl.DataFrame(
        {"name_raw": list(names), "n_ads": [len(names) - i for i in range(len(names))]},
        schema={"name_raw": pl.String(), "n_ads": pl.Int64()},
    )


def entities(rules: Rules, *names: str) -> dict[str, tuple[str, str]]:
    """name -> (employer_id, rule_id)."""
    table = run(frame(*names), rules, DAY)[0]
    return {n: (i, r) for n, i, r in table.select("name_raw", "employer_id", "rule_id").iter_rows()}


def test_declared_tables_and_empty_input(rules: Rules) -> None:
    for got, want in zip(run(frame(), rules, DAY), TABLES, strict=True):
        assert got.schema == want.polars
        assert got.is_empty()
    names, employers, affiliations = run(frame("鹿鸣川科技有限公司", None, "  ", "航天科工集团"), rules, DAY)
    assert [t.schema for t in (names, employers, affiliations)] == [t.polars for t in TABLES]
    assert names["name_raw"].to_list() == sorted(["鹿鸣川科技有限公司", "航天科工集团"])
    assert set(names["employer_id"]) == set(employers["employer_id"])
    assert set(affiliations["employer_id"]) <= set(employers["employer_id"])
    assert employers["succeeds"].to_list() == [[], []]


def test_raw_names_come_back_byte_for_byte(rules: Rules) -> None:
    odd = [
        "['鹿鸣川科技有限公司']",
        "  鹿鸣川科技有限公司 ",
        "Ｌｕｍｉｎｇ\n3.8",
        "鹿鳴川科技有限公司",
        "\x00鹿鸣川科技有限公司",
    ]
    assert sorted(run(frame(*odd), rules, DAY)[0]["name_raw"]) == sorted(odd)


def test_variants_of_one_registered_name_are_one(rules: Rules) -> None:
    got = entities(
        rules,
        "深圳市鹿鸣川电子科技有限公司",
        "深圳鹿鸣川电子科技有限公司",
        "鹿鸣川电子科技（深圳）有限公司",
        "['深圳市鹿鸣川电子科技有限公司']",
        "深圳市鹿鳴川電子科技有限公司",
        "深圳市鹿鸣川电子科技有限公司广州分公司",
        "鹿鸣川电子科技",
        "深圳市鹿鸣川电子...",
        "鹿鸣川",
    )
    assert len({i for i, _ in got.values()}) == 1
    assert got["鹿鸣川电子科技"][1] == "key_one_place"
    assert got["鹿鸣川"][1] == "brand_one"
    assert got["深圳市鹿鸣川电子..."][1] == "cut_name"


def test_the_same_brand_in_two_places_is_two(rules: Rules) -> None:
    got = entities(rules, "深圳市启衡舟科技有限公司", "成都启衡舟科技有限公司", "启衡舟科技")
    assert len({i for i, _ in got.values()}) == 3
    assert got["启衡舟科技"][1] == "key"


def test_brand_and_legal_name_are_one_but_subsidiaries_are_not(rules: Rules) -> None:
    got = entities(
        rules, "腾讯", "深圳市腾讯计算机系统有限公司", "腾讯科技(深圳)有限公司", "Tencent", "腾讯音乐娱乐有限公司"
    )
    ids = {n: i for n, (i, _) in got.items()}
    assert len({ids[n] for n in ids if n != "腾讯音乐娱乐有限公司"}) == 1
    assert ids["腾讯音乐娱乐有限公司"] != ids["腾讯"]


def test_branches_of_banks_stay_apart(rules: Rules) -> None:
    got = entities(rules, "鹿鸣银行股份有限公司深圳分行", "鹿鸣银行股份有限公司成都分行", "鹿鸣银行股份有限公司")
    assert len({i for i, _ in got.values()}) == 3
    got = entities(rules, "鹿鸣科技股份有限公司深圳分公司", "鹿鸣科技股份有限公司成都分公司", "鹿鸣科技股份有限公司")
    assert len({i for i, _ in got.values()}) == 1


def test_hidden_employers_never_merge(rules: Rules) -> None:
    names, employers, _ = run(frame("某知名互联网公司", "某大型互联网公司", "国内某大型互联网公司"), rules, DAY)
    assert names["employer_id"].n_unique() == 3
    assert employers["is_anonymous"].all()
    assert employers["kind"].to_list() == ["anonymous"] * 3
    assert employers["defence"].to_list() == ["unknown"] * 3


def test_state_at_a_day_and_evidence_of_all_days(rules: Rules) -> None:
    names = frame("重庆长安汽车股份有限公司", "长安汽车")
    _, then, evidence = run(names, rules, date(2021, 1, 1))
    _, now, same = run(names, rules, date(2026, 1, 1))
    assert then["defence"].to_list() == ["subsidiary"]
    assert then["defence_group"].to_list() == ["CSGC"]
    assert now["defence"].to_list() == ["none"]
    assert evidence.equals(same)
    row = evidence.filter(pl.col("list_id") == "subsidiaries").row(0, named=True)
    assert (row["tier"], row["valid_to"]) == ("T2", date(2025, 7, 29))


def test_tiers_carry_list_edition_and_dates(rules: Rules) -> None:
    _, employers, evidence = run(frame("中国电子科技集团有限公司"), rules, DAY)
    assert employers.select("defence", "defence_group", "state_owned").row(0) == ("group", "CETC", True)
    assert set(evidence["tier"]) == {"T1", "T3"}
    edition = evidence.filter((pl.col("list_id") == "us_1260h") & (pl.col("edition") == "2025-01-07"))
    assert edition["valid_from"].to_list() == [date(2025, 1, 7)]
    assert evidence.select(pl.struct(pl.all()).n_unique()).item() == evidence.height


def test_order_does_not_matter(rules: Rules) -> None:
    names = frame(
        "腾讯", "Tencent", "鹿鸣川", "深圳市鹿鸣川电子科技有限公司", "某公司", "航天科工二院23所", "鹿鸣川电子科技"
    )
    first = run(names, rules, DAY)
    for seed in range(3):
        again = run(names.sample(fraction=1, shuffle=True, seed=seed), rules, DAY)
        assert all(a.equals(b) for a, b in zip(first, again, strict=True))


def test_ids_of_registered_names_do_not_move_when_names_arrive(rules: Rules) -> None:
    few = entities(rules, "深圳市鹿鸣川电子科技有限公司", "成都启衡舟科技有限公司")
    more = entities(rules, "深圳市鹿鸣川电子科技有限公司", "成都启衡舟科技有限公司", "北京启衡舟科技有限公司", "鹿鸣川")
    assert all(more[n][0] == i for n, (i, _) in few.items())


def ledger(tmp_path: Path, *rows: str) -> Rules:
    folder = tmp_path / "employers"
    folder.mkdir(parents=True)
    head = "id,name_a,name_b,verdict,author,date,reason\n"
    (folder / "judgements.csv").write_text(head + "".join(r + "\n" for r in rows), "utf-8")
    return compile_rules(Codebook(tmp_path))


def test_the_ledger_joins_and_parts(tmp_path: Path) -> None:
    judged = ledger(
        tmp_path,
        "j1,鹿鸣川科技,启衡舟网络,same,ana,2025-01-02,renamed in 2024",
        "j2,深圳星砾科技有限公司,星砾科技,apart,ana,2025-01-03,two firms",
        "j3,不在数据里有限公司,鹿鸣川科技,same,ana,2025-01-03,absent names are ignored",
    )
    got = entities(judged, "鹿鸣川科技", "启衡舟网络", "深圳星砾科技有限公司", "星砾科技")
    assert got["鹿鸣川科技"][0] == got["启衡舟网络"][0]
    assert got["深圳星砾科技有限公司"][0] != got["星砾科技"][0]
    assert got["星砾科技"][1] == "judged_apart"
    names = run(frame("深圳星砾科技有限公司", "星砾科技"), judged, DAY)[0]
    assert names["brand_key"].n_unique() == 2  # nor is one linked with the other by its brand


def test_names_that_are_equal_once_cleaned_cannot_be_parted(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"judgements\.csv j1: apart of .* one name once cleaned"):
        ledger(tmp_path, "j1,鹿鸣川科技, 鹿鸣川科技 ,apart,ana,2025-01-02,?")


def test_a_wrong_verdict_names_the_row(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"judgements\.csv j1: verdict 'maybe'"):
        ledger(tmp_path, "j1,甲,乙,maybe,ana,2025-01-02,?")


def test_hostile_names(rules: Rules) -> None:
    names = [
        "有限公司" * 100_000,
        "\x00\x01",
        "<script>alert(1)</script>",
        "）（",
        "a" * 1_000_000,
        "某" * 5000,
        "\u202e公司",
        "\u200b",
    ]
    table, employers, _ = run(frame(*names), rules, DAY)
    assert employers["name"].str.len_chars().max() <= 200  # type: ignore[operator]
    assert table["name_key"].str.len_chars().max() <= 200  # type: ignore[operator]


@pytest.mark.shared
def test_real_names_are_stable(shared: Path, rules: Rules) -> None:
    names = (
        pl.scan_parquet(shared / "data/postings_real.parquet")
        .group_by(name_raw=pl.col("company"))
        .agg(n_ads=pl.len().cast(pl.Int64))
        .collect()
    )
    first = run(names, rules, DAY)
    again = run(names.reverse(), rules, DAY)
    assert all(a.equals(b) for a, b in zip(first, again, strict=True))
    table, employers, evidence = first
    assert table["name_raw"].n_unique() == table.height
    assert employers["employer_id"].n_unique() == employers.height
    assert set(table["employer_id"]) == set(employers["employer_id"]) >= set(evidence["employer_id"])
    assert employers.height < 0.95 * table.height
    assert s4_employers.employer_id("x") == s4_employers.employer_id("x")


def test_the_nature_that_ads_state_tells_state_ownership_where_the_name_does_not(rules: Rules) -> None:
    said = {
        "鹿鸣川科技有限公司": [("国企", 3)], "鹿鸣川软件有限公司": [(" 民营公司 ", 2)], "白石桥机电有限公司": [("合资", 9)],
        "白石桥实业有限公司": [("国企", 1), ("民营", 2)], "白石桥数据有限公司": [("['事业单位']", 1), ("上市公司", 8)],
        "航天科工集团": [("民营", 5)], "某大型国企": [("国企", 5)],
    }  # fmt: skip
    natures = pl.DataFrame(
        [(name, nature, n) for name, found in said.items() for nature, n in found],
        schema={"name_raw": pl.String(), "company_nature": pl.String(), "n_ads": pl.Int64()},
        orient="row",
    )
    names, employers, _ = run(frame(*said), rules, DAY, natures)
    state = dict(employers.select("employer_id", "state_owned").iter_rows())
    got = {n: state[i] for n, i in names.select("name_raw", "employer_id").iter_rows()}
    assert got == dict(zip(said, (True, False, None, None, True, True, None), strict=True))
    assert run(frame(*said), rules, DAY, natures.reverse())[1].equals(employers)


def seconds(*rows: tuple[str, str, int]) -> pl.DataFrame:
    """Names of the same rows: first, second, number of ads."""
    schema = {"name_raw": pl.String(), "second_name": pl.String(), "n_ads": pl.Int64()}
    return pl.DataFrame(list(rows), schema=schema, orient="row")


def together(rules: Rules, rows: list[tuple[str, str, int]], *more: str) -> dict[str, tuple[str, str]]:
    """name -> (employer_id, rule_id) of the first names of the rows and of `more`."""
    firsts = list(dict.fromkeys([*(a for a, _, _ in rows), *more]))
    got = [run(frame(*firsts), rules, DAY, None, pairs)[0] for pairs in (seconds(*rows), seconds(*rows[::-1]))]
    assert got[0].equals(got[1])
    return {n: (i, r) for n, i, r in got[0].select("name_raw", "employer_id", "rule_id").iter_rows()}


BRAND, LEGAL = "云雀课堂", "北京鹿鸣川科技有限公司"


def test_a_brand_and_a_legal_name_of_one_row_are_one_employer_elsewhere_too(rules: Rules) -> None:
    for rows in ([(BRAND, LEGAL, 3)], [(LEGAL, BRAND, 3)], [(LEGAL, BRAND, 3), (BRAND, LEGAL, 5)]):
        got = together(rules, rows, BRAND, LEGAL, "鹿鸣川科技（北京）有限公司")
        assert {i for i, _ in got.values()} == {entities(rules, LEGAL)[LEGAL][0]}
        assert got[BRAND][1] == "second_name"


def test_a_second_name_that_no_ad_has_names_the_employer_and_is_no_name_of_its_own(rules: Rules) -> None:
    names, employers, _ = run(frame(BRAND, "白石桥"), rules, DAY, None, seconds((BRAND, LEGAL, 2)))
    assert names["name_raw"].to_list() == [BRAND, "白石桥"]
    assert sorted(employers["name"]) == [LEGAL, "白石桥"]


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([(BRAND, LEGAL, 3), (BRAND, "成都白石桥软件有限公司", 2)], id="one brand of two firms"),
        pytest.param([(BRAND, LEGAL, 3), ("启衡舟直播", LEGAL, 2)], id="two brands of one firm"),
        pytest.param([("上海云雀课堂教育有限公司", LEGAL, 3)], id="two legal names"),
        pytest.param([("云雀人力资源", LEGAL, 3)], id="a recruiter"),
        pytest.param([("某知名教育公司", LEGAL, 3)], id="a hidden name"),
        pytest.param([(BRAND, "北京鹿鸣川科技有限公司成都分公司", 3)], id="a branch"),
        pytest.param([("上海云雀课堂", LEGAL, 3)], id="another place"),
        pytest.param([("云雀", LEGAL, 3)], id="a short brand"),
        pytest.param([("云雀教育集团", LEGAL, 3)], id="a group"),
        pytest.param([("在线教育", LEGAL, 3)], id="trade words"),
        pytest.param([("腾讯", "深圳市商汤科技有限公司", 3)], id="two brands that are settled"),
    ],
)
def test_second_names_that_say_too_little_join_nothing(rules: Rules, rows: list[tuple[str, str, int]]) -> None:
    both = [n for pair in rows for n in pair[:2]]
    got = together(rules, rows, *both)
    assert len({i for i, _ in got.values()}) == len({i for i, _ in entities(rules, *both).values()})
    assert "second_name" not in {r for _, r in got.values()}


def test_a_short_brand_or_a_group_that_is_the_core_of_the_legal_name_joins(rules: Rules) -> None:
    for brand, legal in (("云雀", "北京云雀科技有限公司"), ("鹿鸣集团", "成都鹿鸣实业有限公司")):
        assert len({i for i, _ in together(rules, [(brand, legal, 1)], brand, legal).values()}) == 1


def test_a_settled_brand_stays_and_its_firm_joins_it(rules: Rules) -> None:
    got = together(rules, [("腾讯", LEGAL, 4)], LEGAL)
    assert got["腾讯"] == (entities(rules, "腾讯")["腾讯"][0], "alias")
    assert got[LEGAL] == (got["腾讯"][0], "second_name")


def test_the_ledger_beats_second_names(rules: Rules) -> None:
    apart = s4_employers.Judgement(BRAND, LEGAL, False, "2026-01-01")
    got = together(replace(rules, judgements=(apart,)), [(BRAND, LEGAL, 9)], LEGAL)
    assert got[BRAND][0] != got[LEGAL][0]


def test_what_only_a_second_name_says_is_less_sure(rules: Rules) -> None:
    legal = "航天科工鹿鸣川技术有限公司"
    sure = run(frame(legal), rules, DAY)[2]
    only = run(frame(BRAND), rules, DAY, None, seconds((BRAND, legal, 1)))[2]
    assert set(sure["confidence"]) == {"high"}
    assert set(only["confidence"]) == {"medium"}
    assert only.drop("confidence").equals(sure.drop("confidence"))


def test_the_share_must_leave_each_employer_one_partner(rules: Rules, tmp_path: Path) -> None:
    (tmp_path / "employers").mkdir()
    text = (Path(s4_employers.__file__).parents[1] / "definitions/employers/second_names.toml").read_text("utf-8")
    (tmp_path / "employers/second_names.toml").write_text(text.replace("share = 0.8", "share = 0.5"), "utf-8")
    with pytest.raises(ValueError, match="not above"):
        compile_rules(Codebook(tmp_path))


def test_the_parent_of_an_airline_is_not_the_only_aircraft_maker_of_a_dataset(rules: Rules) -> None:
    for air in ("中国航空集团有限公司", "中国航空集团", "中国航空集团公司"):
        names, employers, _ = run(frame(air, "中国航空工业集团公司成都飞机设计研究所"), rules, DAY)
        ids = dict(names.select("name_raw", "employer_id").iter_rows())
        assert dict(employers.select("employer_id", "defence").iter_rows())[ids[air]] == "none", air
