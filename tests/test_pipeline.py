"""pipeline.py: the main job end to end on small synthetic ads, and what must not move its result."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from build_fixture import ADS, HEADER, HINTED, PLAIN, build, prints, table, write_csv
from gangwei.codebook import PACKAGED
from gangwei.engines.early import Early
from gangwei.pipeline import Build, NothingPublished
from gangwei.schema import PUBLISHED_TABLES
from gangwei.store import StoreError


def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("steps", "parts"):
        monkeypatch.setattr(f"gangwei.{module}.PART_ROWS", 2)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("made")
    write_csv(root / "in" / "one.csv", ADS[:3])
    write_csv(root / "in" / "two.csv", ADS[3:])
    build(root / "out", root / "in")
    return root


def test_every_table_of_the_contract_is_published(made: Path) -> None:
    for t in PUBLISHED_TABLES:
        frame = table(made / "out", t.name)
        assert frame.columns == list(t.polars), t.name
    manifest = json.loads((made / "out" / "published" / "manifest.json").read_text())
    assert manifest["counts"]["read"] == manifest["counts"]["kept"] + manifest["counts"]["rejected"] == 5


def test_the_main_facts(made: Path) -> None:
    ads = {r["source_key"]: r for r in table(made / "out", "ads").to_dicts()}
    assert ads["a1"]["opening_id"] == ads["a2"]["opening_id"] != ads["a4"]["opening_id"]
    assert ads["a1"]["campaign_id"] is not None and ads["a1"]["campaign_id"] == ads["a4"]["campaign_id"]
    assert (ads["a1"]["adcode"], ads["a1"]["county_adcode"], ads["a4"]["adcode"]) == ("440300", "440305", "310000")
    assert ads["a1"]["ai_tier"] == "builder" and ads["a3"]["ai_tier"] == "none"
    assert (ads["a1"]["pay_min_fen"], ads["a1"]["pay_max_fen"], ads["a1"]["pay_unit"]) == (
        2_000_000,
        3_000_000,
        "month",
    )
    assert ads["a5"]["pay_status"] == "negotiable"
    employers = {r["employer_id"]: r for r in table(made / "out", "employers").to_dicts()}
    assert employers[ads["a5"]["employer_id"]]["defence_group"] == "AVIC"


def test_offsets_point_at_the_words_that_decided(made: Path) -> None:
    texts = dict(table(made / "out", "texts").select("ad_id", "text").rows())
    titles = dict(table(made / "out", "ads").select("ad_id", "title").rows())
    hits = table(made / "out", "decisions").filter((pl.col("stage") == "s6_classify") & pl.col("start").is_not_null())
    assert hits.height
    for row in hits.to_dicts():
        field = titles if row["field"] == "title" else texts
        assert field[row["ad_id"]][row["start"] : row["end"]].strip()


def test_text_and_title_tell_the_place_where_the_fields_do_not(made: Path, tmp_path: Path) -> None:
    """Also when the ads are added to a build; the employer's name is never asked."""
    hinted = write_csv(tmp_path / "in" / "hinted.csv", HINTED)
    build(tmp_path / "at_once", made / "in" / "one.csv", hinted)
    ads = {r["source_key"]: r for r in table(tmp_path / "at_once", "ads").to_dicts()}
    assert [(ads[k]["adcode"], ads[k]["county_adcode"]) for k in ("h1", "h2", "h3", "h4")] == [
        ("510100", "510107"), ("330100", None), (None, None), ("310000", None),
    ]  # fmt: skip
    located = pl.read_parquet(tmp_path / "at_once" / "stages" / "located")
    assert {"text.label", "title.bracket", "city.blank"} <= set(located["place_rule"])
    build(tmp_path / "added", made / "in" / "one.csv")
    build(tmp_path / "added", hinted, add=True)
    assert prints(tmp_path / "added" / "published") == prints(tmp_path / "at_once" / "published")


def test_another_pay_grammar_is_another_result(made: Path, tmp_path: Path) -> None:
    """A definition at the top of the folder is part of the key of what is made with it."""
    shutil.copytree(made / "out", tmp_path / "out")
    own = tmp_path / "definitions"
    own.mkdir()
    packaged = (PACKAGED / "pay.toml").read_text("utf-8")
    (own / "pay.toml").write_text(packaged.replace('"面议"', '"另谈"'), "utf-8")
    build(tmp_path / "out", made / "in", definitions=own)
    status = dict(table(tmp_path / "out", "ads").select("source_key", "pay_status").rows())
    assert status["a5"] != "negotiable"


def test_a_file_without_an_ad_is_counted(made: Path, tmp_path: Path) -> None:
    """Also where the same ads were published before it came."""
    shutil.copytree(made / "out", tmp_path / "out")
    empty = write_csv(tmp_path / "in" / "without.csv", [("r1", "", "", "", "", "", "", "", "", "")])
    build(tmp_path / "out", made / "in", empty)
    manifest = json.loads((tmp_path / "out" / "published" / "manifest.json").read_text())
    assert manifest["counts"]["read"] == 6
    assert table(tmp_path / "out", "rejects").height == manifest["counts"]["rejected"] == 1
    build(tmp_path / "at_once", made / "in", empty)
    assert prints(tmp_path / "out" / "published") == prints(tmp_path / "at_once" / "published")


@pytest.mark.parametrize("threads", [1, 3])
def test_same_bytes_for_any_order_and_thread_count(made: Path, tmp_path: Path, threads: int) -> None:
    build(tmp_path / "out", made / "in" / "two.csv", made / "in" / "one.csv", threads=threads)
    assert prints(tmp_path / "out" / "published") == prints(made / "out" / "published")


def test_the_files_that_ads_come_in_move_no_opening(tmp_path: Path) -> None:
    """The ad that an opening is described by is chosen by what ads hold, never by where they stand."""
    rows = [(f"b{i}", ADS[0][1], ADS[0][2], "深圳", f"区{i}", *ADS[0][5:]) for i in range(8)]
    whole = write_csv(tmp_path / "whole.csv", rows)
    parts = [write_csv(tmp_path / f"{7 - i}.csv", [row]) for i, row in enumerate(rows)]
    build(tmp_path / "one", whole)
    build(tmp_path / "many", *parts)
    one, many = (table(tmp_path / d, "openings") for d in ("one", "many"))
    assert one["n_ads"].to_list() == [8]
    assert one.sort("opening_id").equals(many.sort("opening_id"))


def test_parts_cleaned_while_the_file_is_read_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_parts(monkeypatch)
    begun: list[Path] = []
    begin = Early.begin
    monkeypatch.setattr(Early, "begin", lambda self, part, task: (begun.append(part), begin(self, part, task)))
    ads = write_csv(tmp_path / "ads.csv", ADS)
    for threads in (1, 3):
        build(tmp_path / str(threads), ads, threads=threads)
    assert len(begun) == 2  # the rest may be put together with other files
    assert prints(tmp_path / "1" / "published") == prints(tmp_path / "3" / "published")


def test_a_failure_of_what_was_begun_early_is_raised_by_its_stage(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> int:
        raise StoreError("no space")

    with monkeypatch.context() as m:
        small_parts(m)
        m.setattr("gangwei.steps.clean_and_locate_task", fails)
        with pytest.raises(StoreError, match="no space"):
            build(tmp_path / "out", made / "in" / "one.csv", threads=2)
    assert not (tmp_path / "out" / "published").exists()
    build(tmp_path / "out", made / "in" / "one.csv", threads=2)


def test_adding_a_file_is_building_at_once(made: Path, tmp_path: Path) -> None:
    build(tmp_path / "out", made / "in" / "one.csv")
    build(tmp_path / "out", made / "in" / "two.csv", add=True)
    assert prints(tmp_path / "out" / "published") == prints(made / "out" / "published")


def test_a_file_added_again_is_read_once_under_other_definitions(made: Path, tmp_path: Path) -> None:
    shutil.copytree(PACKAGED / "sources", tmp_path / "own" / "sources")
    with (tmp_path / "own" / "sources" / "headers.csv").open("a") as f:
        f.write("# another reading\n")
    build(tmp_path / "out", made / "in")
    again = build(tmp_path / "out", made / "in" / "two.csv", add=True, definitions=tmp_path / "own")
    assert again.counts["ads"] == len(ADS)
    assert again.counts["files"] == 2


def test_an_addition_refuses_what_another_version_wrote(made: Path, tmp_path: Path) -> None:
    build(tmp_path / "out", made / "in" / "one.csv")
    raw = next((tmp_path / "out" / "stages" / "raw").glob("*.parquet"))
    pl.read_parquet(raw).drop("posted").write_parquet(raw)
    with pytest.raises(StoreError, match=r"one\.csv was read by another version"):
        build(tmp_path / "out", made / "in" / "two.csv", add=True)
    package = tmp_path / "out" / "published" / "datapackage.json"
    package.write_text(json.dumps(json.loads(package.read_text("utf-8")) | {"schema_version": 0}), "utf-8")
    with pytest.raises(StoreError, match="has schema_version 0"):
        build(tmp_path / "out", made / "in" / "two.csv", add=True)


def test_a_stopped_addition_changes_nothing_that_is_told(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gangwei.definitions_check import diff
    from gangwei.lineage import explain
    from gangwei.status import status

    build(tmp_path / "out", made / "in" / "two.csv")
    ads, told = table(tmp_path / "out", "ads"), status(tmp_path / "out")
    with monkeypatch.context() as stopped, pytest.raises(KeyboardInterrupt):
        stopped.setattr(Build, "publish", _stop)
        build(tmp_path / "out", made / "in" / "one.csv", add=True)
    assert status(tmp_path / "out") == told
    for ad_id, title in ads.select("ad_id", "title").rows():
        assert explain(tmp_path / "out", ad_id)["original"]["title"] == title
    (tmp_path / "own").mkdir()
    assert diff(tmp_path / "out", tmp_path / "own")["lines"] == ["no ad changes label"]


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


def test_small_files_are_put_together_and_one_more_changes_one_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gangwei.parts.GROUP", 3)
    for i in range(24):
        write_csv(
            tmp_path / "in" / f"f{i:02}.csv", [(f"a{i}", f"收银员{i}", "长沙麦穗超市有限公司", "长沙", *ADS[2][4:])]
        )
    build(tmp_path / "out", tmp_path / "in")
    before = {p.name for p in (tmp_path / "out" / "stages" / "clean").iterdir()}
    assert 3 < len(before) < 20
    late = write_csv(tmp_path / "in" / "f11b.csv", ADS[:1])
    build(tmp_path / "out", late, add=True)
    after = {p.name for p in (tmp_path / "out" / "stages" / "clean").iterdir()}
    assert 1 <= len(after - before) <= 2
    build(tmp_path / "at_once", tmp_path / "in")
    assert prints(tmp_path / "out" / "published") == prints(tmp_path / "at_once" / "published")


def test_a_second_run_does_nothing_and_a_forced_one_gives_the_same(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "out", tmp_path / "out")
    before = prints(tmp_path / "out" / "published")
    build(tmp_path / "out", made / "in")
    build(tmp_path / "out", made / "in", from_stage="s1_read")
    assert prints(tmp_path / "out" / "published") == before


def test_half_width_and_traditional_forms_move_no_label(made: Path, tmp_path: Path) -> None:
    wide = str.maketrans({chr(c): chr(c + 0xFEE0) for c in range(0x21, 0x7F)})
    rows = [(r[0], *(c.translate(wide) for c in r[1:3]), *r[3:9], r[9].translate(wide)) for r in ADS]
    build(tmp_path / "out", write_csv(tmp_path / "in" / "wide.csv", rows, "utf-8-sig"))

    def labels(out: Path) -> list[tuple[object, ...]]:
        group = pl.col("source_key").min().over("opening_id").alias("first_of_opening")
        return (
            table(out, "ads").select("source_key", "ai_tier", "adcode", "pay_min_fen", group).sort("source_key").rows()
        )

    assert labels(tmp_path / "out") == labels(made / "out")


def test_an_injected_duplicate_moves_no_opening(made: Path, tmp_path: Path) -> None:
    build(tmp_path / "out", write_csv(tmp_path / "in" / "again.csv", [*ADS, ADS[0], ADS[2]]))
    assert table(tmp_path / "out", "openings").height == table(made / "out", "openings").height
    assert table(tmp_path / "out", "ads")["ad_id"].n_unique() == 7


def test_nothing_to_publish_says_why(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(NothingPublished, match=r"empty\.csv"):
        build(tmp_path / "out", tmp_path / "empty.csv")
    assert not (tmp_path / "out" / "published").exists()


def test_no_texts(made: Path, tmp_path: Path) -> None:
    build(tmp_path / "out", made / "in", texts=False)
    assert not (tmp_path / "out" / "published" / "texts.parquet").exists()


def test_no_path_or_host_in_any_output(made: Path) -> None:
    for p in (made / "out" / "published").iterdir():
        assert str(made).encode() not in p.read_bytes(), p.name


def test_names_of_openings_survive_an_addition(made: Path, tmp_path: Path) -> None:
    dated = HEADER + ",posted,captured\n"
    row = '"{0}","收银员","长沙麦穗超市有限公司","长沙","","","3000-4000","不限","不限","{1}","{2}","{2}"\n'
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "may.csv").write_text(dated + row.format("m1", PLAIN, "2024-05-02"))
    (tmp_path / "in" / "april.csv").write_text(dated + row.format("a1", PLAIN, "2024-04-20"))
    build(tmp_path / "out", tmp_path / "in" / "may.csv")
    before = table(tmp_path / "out", "openings")["opening_id"].to_list()
    build(tmp_path / "out", tmp_path / "in" / "april.csv", add=True)
    openings = table(tmp_path / "out", "openings")
    assert openings["opening_id"].to_list() == before and openings["n_ads"].to_list() == [2]
    assert table(tmp_path / "out", "ads")["opening_id"].unique().to_list() == before
    assert table(tmp_path / "out", "spells")["opening_id"].unique().to_list() == before
    from gangwei.definitions_check import diff

    (tmp_path / "own").mkdir()
    assert diff(tmp_path / "out", tmp_path / "own")["lines"] == ["no ad changes label"]


def test_an_employer_that_splits_off_names_its_predecessor(tmp_path: Path) -> None:
    """A name without a place belongs to the only employer of that name, until an addition brings a second one."""

    def file(name: str, *companies: str) -> Path:
        lines = [
            f'"{c}{i}","收银员","{c}","长沙","","","3000-4000","不限","不限","{PLAIN}"\n'
            for i, c in enumerate(companies)
        ]
        path = tmp_path / "in" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(HEADER + "\n" + "".join(lines))
        return path

    def ids() -> dict[str, str]:
        return dict(table(tmp_path / "out", "employer_names").select("name_raw", "employer_id").rows())

    build(tmp_path / "out", file("one.csv", "长沙麦穗超市有限公司", "麦穗超市"))
    before = ids()
    assert len(set(before.values())) == 1
    build(tmp_path / "out", file("two.csv", "南京麦穗超市有限公司"), add=True)
    now = ids()
    succeeds = dict(table(tmp_path / "out", "employers").select("employer_id", "succeeds").rows())
    assert now["麦穗超市"] != now["长沙麦穗超市有限公司"] == before["麦穗超市"]
    assert succeeds[now["麦穗超市"]] == [before["麦穗超市"]]
    assert succeeds[now["长沙麦穗超市有限公司"]] == [] == succeeds[now["南京麦穗超市有限公司"]]


def test_two_names_in_a_row_join_the_ads_that_other_files_have_under_either(tmp_path: Path) -> None:
    """In any order of the files and when they come one after the other; the ids of ads stay."""
    files = tmp_path / "in"
    brand = write_csv(
        files / "brand.csv", [("b1", "收银员", "麦穗到家", "长沙", "", "", "3000-4000", "不限", "不限", PLAIN)]
    )
    legal = write_csv(
        files / "legal.csv",
        [("l1", "收银员", "长沙青禾超市有限公司", "长沙", "", "", "3000-4000", "不限", "不限", PLAIN)],
    )
    both = files / "both.csv"
    both.write_text("id,title,company,company_short_name,city\nt1,店长,长沙青禾超市有限公司,麦穗到家,长沙\n", "utf-8")
    build(tmp_path / "out", brand, legal, both)
    ads = {r["source_key"]: r for r in table(tmp_path / "out", "ads").to_dicts()}
    assert len({ads[k]["employer_id"] for k in ("b1", "l1", "t1")}) == 1
    assert ads["b1"]["opening_id"] == ads["l1"]["opening_id"]
    build(tmp_path / "turned", both, legal, brand, threads=1)
    assert prints(tmp_path / "turned" / "published") == prints(tmp_path / "out" / "published")
    build(tmp_path / "apart", brand, legal)
    alone = {r["source_key"]: r for r in table(tmp_path / "apart", "ads").to_dicts()}
    assert alone["b1"]["employer_id"] != alone["l1"]["employer_id"] == ads["l1"]["employer_id"]
    assert {k: a["ad_id"] for k, a in alone.items()} == {k: ads[k]["ad_id"] for k in alone}
    build(tmp_path / "apart", both, add=True)
    added = {r["source_key"]: r["employer_id"] for r in table(tmp_path / "apart", "ads").to_dicts()}
    assert added == {k: a["employer_id"] for k, a in ads.items()}


def test_rejects_and_lineage_hold_no_contacts(tmp_path: Path) -> None:
    from gangwei.lineage import explain

    (tmp_path / "ads.csv").write_text(
        "title,company,city,description,board,电话13800138000\n"
        "收银员,长沙麦穗超市有限公司,长沙,有意者请电13800138000联系,致电13800138000,x\n,某店13800138000,长沙,,,\n"
    )
    build(tmp_path / "out", tmp_path / "ads.csv")
    ad = table(tmp_path / "out", "ads")["ad_id"][0]
    assert "13800138000" not in str(explain(tmp_path / "out", ad))
    for name in ("ads", "rejects", "issues"):
        assert "13800138000" not in str(table(tmp_path / "out", name).rows())
    assert "13800138000" not in (tmp_path / "out" / "published" / "manifest.json").read_text("utf-8")


def test_names_of_files_hold_no_contacts_when_shown(tmp_path: Path) -> None:
    from gangwei import release
    from gangwei.lineage import explain

    (tmp_path / "联系13811112222 wx_hr99@qq.com.csv").write_text(
        "title,company,city,description\n收银员,长沙麦穗超市有限公司,长沙,负责收银\n,,长沙,\n", "utf-8"
    )
    out = tmp_path / "out"
    build(out, tmp_path / "联系13811112222 wx_hr99@qq.com.csv")
    found = explain(out, table(out, "ads")["ad_id"][0])
    assert found["original"]["file"] == "联系〔联系方式〕"
    assert table(out, "rejects")["file"][0] in str(table(out, "decisions")["rule_id"].to_list())
    data = release.write(out, "1")
    shown = [str(found), *(str(pl.read_parquet(p).rows()) for p in (out / "published").glob("*.parquet"))]
    shown += [(p / "manifest.json").read_text("utf-8") for p in (out / "published", data)]
    assert not [text for text in shown if "13811112222" in text or "wx_hr99" in text]


def test_contacts_written_to_hide_are_not_shown_either(tmp_path: Path) -> None:
    from gangwei import release
    from gangwei.lineage import explain

    hidden = "微信：zhaopin_88 电话１３８００１３８０００ 138\u200b0013\u200b8000"
    (tmp_path / "ads.csv").write_text(
        f"title,company,city,description\n收银员,长沙麦穗超市１３８００１３８０００,长沙,{hidden}\n,,长沙{hidden},\n",
        "utf-8",
    )
    build(tmp_path / "out", tmp_path / "ads.csv")
    names = pl.read_parquet(release.write(tmp_path / "out", "1") / "data" / "employer_names.parquet")
    ad = table(tmp_path / "out", "ads")["ad_id"][0]
    shown = [explain(tmp_path / "out", ad), names.rows()]
    shown += [table(tmp_path / "out", name).rows() for name in ("ads", "employers", "rejects", "texts", "issues")]
    for part in ("zhaopin_88", "１３８０", "13800138000", "\u200b0013"):
        assert part not in str(shown)
