"""Matching end to end on invented ads: pairs, order, bounds, ledger, spells."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from gangwei import schema, stage_tables
from gangwei.codebook import Codebook
from gangwei.stages import s5_match
from match_fixture import CASES, many, rules, sign_rows, signed, text_of


@pytest.mark.parametrize("case", CASES["cases"], ids=lambda c: c["why"])
def test_pair(case: dict[str, Any]) -> None:
    out = s5_match.match(signed([case.get("a", {}), case.get("b", {})]), rules())
    one = out["opening_no"].n_unique() == 1
    campaign = out["campaign_no"].null_count() == 0 and out["campaign_no"].n_unique() == 1
    flagged = "agency_copy" in out["match_relation"].to_list()
    got = ("agency" if flagged else "same") if one else ("campaign" if campaign else "apart")
    assert got == case["want"], out
    if flagged:
        assert out.filter(match_relation="agency_copy")["match_confidence"].to_list() == ["low"]


def test_order_does_not_matter() -> None:
    whole = many(600)
    want = s5_match.match(whole, rules()).sort("ad_no")
    assert want["opening_no"].n_unique() < 600
    for seed in (1, 2):
        shuffled = whole.sample(fraction=1, shuffle=True, seed=seed)
        assert s5_match.match(shuffled, rules()).sort("ad_no").equals(want)


def test_adding_ads_equals_building_at_once() -> None:
    whole = many(400)
    part = s5_match.match(whole[:300], rules())
    again = s5_match.match(whole[:300].reverse(), rules()).sort("ad_no")
    assert part.equals(again)


def test_columns_and_relations() -> None:
    out = s5_match.match(many(300), rules())
    assert out.columns == [*stage_tables.MATCHED.polars, "ad_no"]
    assert set(out["match_relation"]) <= set(schema.RELATIONS)
    alone = out.filter(pl.col("match_relation").is_in(["unique", "representative"]))
    assert alone.filter(pl.col("opening_no") != pl.col("ad_no")).height == 0
    assert alone["matched_no"].null_count() == alone.height
    assert out.filter(~pl.col("match_relation").is_in(["unique", "representative"]))["matched_no"].null_count() == 0
    leaders = set(alone["ad_no"])
    assert set(out["opening_no"]) == leaders
    assert out.filter(pl.col("match_score").is_between(0, 1).not_()).height == 0


def test_spells_and_reposts() -> None:
    start = date(2024, 1, 1)
    ads = [{"posted": start + timedelta(days=d), "seen": start + timedelta(days=d + 5)} for d in (0, 20, 85, 200)]
    out = s5_match.match(signed([*ads, {}]), rules()).sort("ad_no")
    assert out["opening_no"].n_unique() == 1
    assert out["spell_no"].to_list() == [0, 0, 0, 3, None]
    assert out["match_relation"].to_list() == [
        "representative",
        "same_opening",
        "same_opening",
        "repost",
        "same_opening",
    ]
    shorter = s5_match.match(signed([*ads, {}]), rules(), window_days=30).sort("ad_no")
    assert shorter["spell_no"].to_list() == [0, 0, 2, 3, None]


def test_ledger_overrules() -> None:
    ads = signed([{}, {"text": "java_edit"}, {"title": "保安", "text": "guard"}])
    keys = ads["source_key"].to_list()
    apart = replace(rules(), apart=((keys[0], keys[1]),))
    assert s5_match.match(ads, apart)["opening_no"].n_unique() == 3
    same = replace(rules(), same=((keys[0], keys[2]),))
    out = s5_match.match(ads, same)
    assert out["opening_no"].n_unique() == 1
    assert "judged" in out["match_reason"].to_list()


@pytest.mark.parametrize("case", [c for c in CASES["cases"] if c["want"] == "agency"], ids=lambda c: c["why"])
def test_ledger_overrules_links(case: dict[str, Any]) -> None:
    """A pair that is forbidden stays apart also where another employer's ad would be linked to it."""
    ads = signed([case.get("a", {}), case.get("b", {})])
    keys = ads["source_key"].to_list()
    for pair in (keys, keys[::-1]):
        out = s5_match.match(ads, replace(rules(), apart=((pair[0], pair[1]),)))
        assert out["opening_no"].n_unique() == 2
        assert out["match_relation"].to_list() == ["unique", "unique"]
        assert out["match_reason"].to_list() == ["alone", "alone"]


def test_ledger_parts_through_a_third() -> None:
    """Two ads that would be linked to one and the same third stay apart."""
    agency = {"company": "某互联网公司", "text": "java"}
    ads = signed([{}, agency | {"key": "x"}, agency | {"company": "某知名公司", "key": "y"}])
    assert s5_match.match(ads, rules())["opening_no"].n_unique() == 1
    keys = ads["source_key"].to_list()
    out = s5_match.match(ads, replace(rules(), apart=((keys[1], keys[2]),))).sort("ad_no")
    assert out["opening_no"].n_unique() == 2
    assert out["opening_no"][1] != out["opening_no"][2]


def test_ledger_keeps_captures_of_one_ad_together() -> None:
    """An ad that was captured three times leaves an opening as one."""
    again = {"key": "again", "board": "b", "text": "java_edit"}
    ads = signed([{}, again, again, again])
    keys = ads["source_key"].to_list()
    for pair in ((keys[0], keys[1]), (keys[1], keys[0])):
        out = s5_match.match(ads, replace(rules(), apart=(pair,))).sort("ad_no")
        assert out["opening_no"].n_unique() == 2
        assert out["opening_no"][1:].n_unique() == 1


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)])
@pytest.mark.parametrize("first", ["295", "426", "557"])
def test_ledger_rows_do_not_undo_each_other(first: str, order: tuple[int, ...]) -> None:
    """An ad that leaves an opening takes along the ads that are judged to be one with it, whoever leads the opening."""
    days = {k: (date(2025, 1, 1) if k == first else date(2025, 1, 9)) for k in ("295", "426", "557")}
    ads = signed(
        [{"key": k, "posted": d} for k, d in days.items()] + [{"key": "243", "title": "保安", "text": "guard"}]
    )
    key = dict(zip((*days, "243"), ads["source_key"].to_list()))
    by_rule = s5_match.match(ads, rules())["opening_no"].to_list()
    assert len(set(by_rule[:3])) == 1
    assert by_rule[3] != by_rule[0]
    for same in (("243", "557"), ("557", "243")):
        for apart in (("295", "557"), ("557", "295")):
            ledger = {"same": (tuple(key[k] for k in same),), "apart": (tuple(key[k] for k in apart),)}
            out = s5_match.match(ads[list(order)], replace(rules(), **ledger)).sort("ad_no")
            opening = dict(zip((*days, "243"), out["opening_no"].to_list()))
            assert opening["243"] == opening["557"] != opening["295"]
            assert opening["426"] in (opening["295"], opening["557"])
            assert first == "426" or opening["426"] == opening[first]


def test_ads_bound_by_the_ledger_leave_an_opening_together() -> None:
    ads = signed([{}] * 5)
    k = ads["source_key"].to_list()
    out = s5_match.match(ads, replace(rules(), same=((k[1], k[2]), (k[2], k[3])), apart=((k[0], k[3]),))).sort("ad_no")
    a, b, c, d, e = out["opening_no"].to_list()
    assert b == c == d != a
    assert e in (a, d)


def test_a_join_that_brings_together_what_is_to_stay_apart() -> None:
    """The opening of b holds an ad that must not stand with a: it is left out of the join."""
    ads = signed([{"title": "保安", "text": "guard"}, {}, {}])
    k = ads["source_key"].to_list()
    out = s5_match.match(ads, replace(rules(), same=((k[0], k[1]),), apart=((k[0], k[2]),))).sort("ad_no")
    a, b, c = out["opening_no"].to_list()
    assert a == b != c


def test_judgements_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "openings"
    folder.mkdir()
    head = "id,source_key_a,source_key_b,verdict,author,date,reason\n"
    rows = "j1,5,305,same,ana,2025-01-01,\nj2,305,505,same,ana,2025-01-01,\nj3,5,505,apart,ana,2025-01-01,\n"
    (folder / "judgements.csv").write_text(head + rows, "utf-8")
    with pytest.raises(ValueError, match=r"judgements\.csv: j3 says apart of two that j1, j2 make one"):
        s5_match.compile_rules(Codebook(tmp_path))


def test_one_opening_is_no_campaign() -> None:
    ads = signed([{}, {"city": "330300"}])
    assert s5_match.match(ads, rules())["campaign_no"].n_unique() == 1
    assert s5_match.match(ads, rules())["campaign_no"].null_count() == 0
    keys = ads["source_key"].to_list()
    out = s5_match.match(ads, replace(rules(), same=((keys[0], keys[1]),)))
    assert out["opening_no"].n_unique() == 1
    assert out["campaign_no"].null_count() == 2


def test_one_rare_text_under_two_names() -> None:
    """Two firms of one city share a text: one vacancy if hardly anyone else has it, none if it is a stock text."""
    stock, own = CASES["texts"]["java"], CASES["texts"]["rewritten"]
    base = {**CASES["base"], "board": "b", "pay": [10000, 15000]}
    common = [
        {**base, "company": f"杭州{x}{y}网络科技有限公司", "city": "330100", "key": f"c{x}{y}"}
        for x in "甲乙丙丁"
        for y in "子丑寅"
    ]
    two = [{**base, "company": c, "key": c} for c in ("宁波星河软件有限公司", "宁波远帆贸易有限公司")]

    def same(text: str, other: str | None = None, **change: Any) -> bool:
        rows, texts = [*common, two[0], two[1] | change], [text, other or text]
        out = s5_match.match(sign_rows(rows, [stock] * len(common) + texts), rules()).sort("ad_no")
        assert out["opening_no"].n_unique() in (len(common) + 1, len(common) + 2)
        return "twin_text" in out["match_reason"].to_list()

    assert same(stock + own)
    assert same(stock + own, pay=None)
    assert same(stock + own, title="高级Java开发工程师")
    assert not same(stock + own, pay=[20000, 30000])
    edited = stock + own + own[:20][::-1], stock + own + own[50:70][::-1]
    assert same(*edited)
    assert not same(*edited, pay=None)
    assert not same(*edited, title="高级Java开发工程师")
    assert not same(stock)
    assert not same(own)  # nothing is known elsewhere: too few ads to tell what is rare


@pytest.mark.parametrize(("text", "want"), [("java", "high"), ("java_edit", "low")])
def test_a_shorter_title_is_sure_only_over_one_text(text: str, want: str) -> None:
    out = s5_match.match(signed([{}, {"title": "Java后端开发工程师", "text": text}]), rules())
    assert out.filter(match_reason="shorter_title_text")["match_confidence"].to_list() == [want]


def test_no_chain_of_small_differences() -> None:
    words = [f"第{i}条要求熟悉某种工具并能独立完成相应的工作内容" for i in range(60)]
    texts = ["\n".join(f"{w}{k}" for k, w in enumerate(words[s : s + 20], s)) for s in range(0, 40, 4)]
    rows = [{**CASES["base"], "board": "b", "key": f"k{i}"} for i in range(len(texts))]
    out = s5_match.match(sign_rows(rows, texts), rules())
    assert 1 < out["opening_no"].n_unique() < len(texts)


def test_empty_and_null_ads() -> None:
    nothing = {
        "company": None,
        "title": None,
        "city": None,
        "pay": None,
        "text": None,
        "education": None,
        "years": None,
    }
    out = s5_match.match(signed([nothing] * 50), rules())
    assert out["opening_no"].n_unique() == 50
    assert s5_match.match(signed([{}])[:0], rules()).height == 0


@pytest.mark.parametrize("kind", ["one_title", "one_text", "nothing", "huge_text"])
def test_bounded(kind: str) -> None:
    n = 20_000
    base = {**CASES["base"], "board": "b"}
    rng = np.random.default_rng(3)
    if kind == "one_title":
        rows = [{**base, "key": f"k{i}"} for i in range(n)]
        texts: list[str | None] = ["".join(chr(0x4E00 + int(c)) for c in rng.integers(0, 3000, 60)) for _ in range(n)]
    elif kind == "one_text":
        rows = [{**base, "key": f"k{i}", "company": f"第{i}号商贸有限公司"} for i in range(n)]
        texts = [text_of("java")] * n
    elif kind == "nothing":
        rows = [{**base, "key": None, "company": None, "title": None, "city": None, "pay": None} for _ in range(n)]
        texts = [None] * n
    else:
        rows = [{**base, "key": f"k{i}"} for i in range(4)]
        texts = [("负责" + chr(0x4E00 + i)) * 1_700_000 for i in range(4)]
    frame = sign_rows(rows, texts)
    out = s5_match.match(frame, rules())
    if kind == "one_text":
        assert out["opening_no"].n_unique() == n
    if kind in ("one_title", "nothing"):
        assert out["opening_no"].n_unique() > 0.9 * n


def test_parts_and_boxes_equal_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = many(700)
    keys = whole["ad_id"].to_numpy()
    want = s5_match.match(whole, rules()).drop("ad_no")
    parts = []
    for i, part in enumerate(whole.drop("ad_no", "ad_id").iter_slices(250)):
        parts.append(tmp_path / f"{i}.parquet")
        part.write_parquet(parts[-1])
    frames = list(s5_match.match_parts(parts, keys, rules()))
    assert [f.height for f in frames] == [250, 250, 200]
    assert pl.concat(frames).equals(want)
    for box, held in ((100, 1 << 30), (100, 0), (7, 10_000)):  # in memory, all on disk, some of each
        monkeypatch.setattr(s5_match, "BOX", box)
        for threads in (1, 3):
            assert pl.concat(s5_match.match_parts(parts, keys, rules(), threads=threads, held=held)).equals(want)
    assert not list(tmp_path.glob(".match-*"))
    assert not list(s5_match.match_parts([], keys[:0], rules()))
