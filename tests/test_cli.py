"""cli.py: what a person types, and one line for every mistake."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path

import polars as pl
import pytest

from build_fixture import ADS, table, write_csv
from cli_fixture import one_error, run
from gangwei.codebook import PACKAGED
from gangwei.definitions_check import _changes
from gangwei.store import locked
from gangwei.terminal import say


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("cli")
    write_csv(root / "ads.csv", ADS)
    assert run("build", root / "ads.csv", "--out", root / "work").exit_code == 0
    return root / "work"


def test_usage_errors_exit_2(tmp_path: Path) -> None:
    assert run("build", "--out", tmp_path / "o").exit_code == 2
    assert run("build", "x", "--out", tmp_path / "o", "--memory-limit", "lots").exit_code == 2
    assert run("build", "x", "--out", tmp_path / "o", "--from", "s9").exit_code == 2
    assert run("build", "x", "--out", "").exit_code == 2
    for option in (("--threshold", "nan"), ("--window", 10**14), ("--threads", 10**6)):
        assert run("build", "x", "--out", tmp_path / "o", *option).exit_code == 2


def test_values_that_cannot_be_worked_with_are_named(out: Path, tmp_path: Path) -> None:
    write_csv(tmp_path / "ads.csv", ADS)
    little = run("build", tmp_path / "ads.csv", "--out", tmp_path / "o", "--memory-limit", "1")
    assert "--memory-limit" in one_error(little)
    assert "empty name" in one_error(run("build", "", "--out", tmp_path / "o"))
    assert "is a folder" in one_error(run("report", out, "--out", tmp_path))


@pytest.mark.parametrize("command", ("explore", "label"))
def test_an_address_that_is_taken_is_named_before_any_work(tmp_path: Path, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert f"port {port}" in one_error(run(command, tmp_path, "--port", port))
    assert "no.such.host" in one_error(run(command, tmp_path, "--host", "no.such.host", "--token", "x"))


def test_questions_that_contradict_themselves_exit_2(out: Path, tmp_path: Path) -> None:
    twice = run("measure", out, "ai-share", "--where", "role=technical", "--where", "role=product")
    assert twice.exit_code == 2 and "role is given twice" in twice.output
    assert run("measure", out, "ai-share", "--json", "--csv").exit_code == 2
    grouped = run("measure", out, "ai-share", "--by", "city", "--by", "month")
    assert grouped.exit_code == 2 and "--by is given twice" in grouped.output
    for question in (("--as-of", "tomorrow"), ("--lists", "nosuch")):
        assert run("measure", out, "ai-share", *question).exit_code == 2
        assert run("report", out, "--out", tmp_path / "b.html", *question).exit_code == 2


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("gone.jsonl", None, "gone.jsonl: no such file"),
        ("bad.jsonl", "{bad", "cannot be read as JSON lines"),
        ("empty.csv", "", "cannot be read as CSV"),
        ("key.csv", "id,ai_tier\n1,user\n", "record_id"),
        ("others.csv", "record_id,ai_tier,weight\n1,user,1\n", "none of the "),
    ],
)
@pytest.mark.parametrize("command", ["evaluate", "measure", "train"])
def test_labels_that_cannot_be_used(
    out: Path, tmp_path: Path, command: str, name: str, content: str | None, said: str
) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_text(content, "utf-8")
    more = {"evaluate": (), "measure": ("ai-share",), "train": ("--out", tmp_path / "own")}[command]
    message = one_error(run(command, out, *more, "--labels", file))
    assert said in message


@pytest.mark.parametrize("command", ["evaluate", "train"])
def test_the_dataset_is_looked_at_before_the_labels(out: Path, tmp_path: Path, command: str) -> None:
    more = ("--labels", tmp_path / "gone.jsonl", *(("--out", tmp_path / "own") if command == "train" else ()))
    (tmp_path / "empty").mkdir()
    assert "not a dataset" in one_error(run(command, tmp_path / "empty", *more))
    older = _older(out, tmp_path)
    assert "has schema_version 0" in one_error(run(command, older, *more))


def test_labels_that_are_a_folder(out: Path, tmp_path: Path) -> None:
    assert "is a folder, not a file" in one_error(run("evaluate", out, "--labels", tmp_path))


def test_an_older_dataset_is_not_explained(out: Path, tmp_path: Path) -> None:
    assert "has schema_version 0" in one_error(run("explain", _older(out, tmp_path), "a1"))


def _older(out: Path, tmp_path: Path) -> Path:
    """A dataset of another schema version."""
    folder = tmp_path / "older" / "published"
    folder.mkdir(parents=True)
    package = json.loads((out / "published" / "datapackage.json").read_text("utf-8"))
    (folder / "datapackage.json").write_text(json.dumps(package | {"schema_version": 0}), "utf-8")
    (folder / "manifest.json").write_text("{}", "utf-8")
    return folder.parent


def test_labels_and_terms_of_evaluate(out: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("record_id,ai_tier\na1,developer\n", "utf-8")
    assert "unknown ai_tier developer" in one_error(run("evaluate", out, "--labels", labels))
    labels.write_text("record_id,ai_tier\na1,builder\na3,none\n", "utf-8")
    assert run("evaluate", out, "--labels", labels).exit_code == 0
    assert "no.txt" in one_error(run("evaluate", out, "--labels", labels, "--term-list", tmp_path / "no.txt"))


def test_ads_that_name_no_board_have_a_brief(out: Path, tmp_path: Path) -> None:
    assert table(out, "ads")["board"].null_count() == 5
    assert run("report", out, "--out", tmp_path / "brief.html").exit_code == 0
    for measure in ("openings", "ai-share", "board-mix", "ai-share-without-board"):
        by = ("--by", "board") if measure in ("openings", "ai-share") else ()
        assert json.loads(run("measure", out, measure, *by, "--json").output)["rows"] == []


def test_a_board_may_hold_a_comma(tmp_path: Path) -> None:
    lines = "".join(
        f'算法工程师,甲公司{i},深圳,"{b}","负责深度学习模型训练。"\n'
        for i, b in enumerate(("Jobs, Inc", "智联招聘") * 3)
    )
    (tmp_path / "ads.csv").write_text("title,company,city,board,description\n" + lines, "utf-8")
    out = tmp_path / "work"
    run("build", tmp_path / "ads.csv", "--out", out)
    assert run("report", out, "--out", tmp_path / "brief.html").exit_code == 0
    found = json.loads(run("measure", out, "openings", "--where", "board=Jobs, Inc", "--json").output)
    assert found["rows"][0]["value"] == 3
    assert json.loads(run("measure", out, "openings", "--where", "board=zhaopin", "--json").output)["rows"]
    assert "unknown value of board 'Jobs'" in run("measure", out, "openings", "--where", "board=Jobs").output


def test_a_place_by_its_name_is_told_its_code(out: Path) -> None:
    for name in ("合肥", "合肥市", "hefei"):
        refused = run("measure", out, "ai-openings", "--where", f"city={name}")
        assert refused.exit_code == 2 and "city=340100" in refused.output and "110000" not in refused.output
    assert "education=master" in run("measure", out, "ai-openings", "--where", "education=硕士").output
    assert "county=110105 or county=" in run("measure", out, "ai-openings", "--where", "county=朝阳区").output
    assert "allowed: 110000" in run("measure", out, "ai-openings", "--where", "city=nowhere").output


def test_figures_in_chinese_have_chinese_columns(out: Path) -> None:
    said = run("measure", out, "openings", "--by", "city", "--lang", "zh").output
    assert "计入" in said and "总数" in said and "counted" not in said


def test_a_build_speaks_chinese(tmp_path: Path) -> None:
    ads = write_csv(tmp_path / "ads.csv", ADS)
    said = run("build", ads, "--out", tmp_path / "o", "--lang", "zh").output
    assert "读入 5 = 保留 5 + 拒收 0；职位" in said and "文件" in said and "= kept" not in said


def test_headlines_stand_under_the_headings_of_their_language(out: Path, tmp_path: Path) -> None:
    page = tmp_path / ("很长的目录 " * 8) / "brief.html"
    page.parent.mkdir()
    said = run("report", out, "--out", page, "--lang", "zh").output
    assert "八个核心数字" in said and "本数据集" in said and "Headline" not in said and "published" not in said
    assert f"brief: {page}\n" in said
    assert "Eight headline figures" in run("report", out, "--out", page).output


def test_a_name_that_speaks_of_cities_is_told_apart_from_provinces(out: Path) -> None:
    note = "other units"
    assert note not in run("measure", out, "cities-with-ai").output
    for measure_id in ("cities-with-ai", "city-top-share", "city-hhi", "city-rank"):
        assert note in run("measure", out, measure_id, "--by", "province").output


def test_label_names_no_address_before_it_has_a_dataset(tmp_path: Path) -> None:
    assert "http" not in run("label", tmp_path / "nosuch").output


def test_dry_run_writes_nothing(tmp_path: Path) -> None:
    write_csv(tmp_path / "ads.csv", ADS)
    result = run("build", tmp_path / "ads.csv", "--out", tmp_path / "o", "--dry-run")
    assert result.exit_code == 0 and "1 files" in result.output and not (tmp_path / "o").exists()


def test_status_says_why_a_stage_is_dirty(out: Path) -> None:
    found = json.loads(run("status", out, "--json").output)
    assert all(not why for why in found["stages"].values()), found["stages"]
    plan = json.loads((out / "build.json").read_text())
    plan["keys"]["s3_locate"]["definitions"] = "old"
    (out / "build.json").write_text(json.dumps(plan))
    stages = json.loads(run("status", out, "--json").output)["stages"]
    assert stages["s3_locate"] == ["definitions changed"]
    assert stages["s5_match"] == stages["s7_publish"] == ["s3_locate would run"]
    assert stages["s4_employers"] == stages["s6_classify"] == []


def test_explain_shows_the_words_that_decided(out: Path) -> None:
    found = json.loads(run("explain", out, "a1", "--json").output)
    assert found["original"]["file"] == "ads.csv" and found["original"]["row"] == 2
    assert {d["rule_id"] for d in found["decisions"]}
    said = run("explain", out, found["ad"]["ad_id"]).output
    assert "算法工程师" in said.split("\n")[0] and "builds AI" in said and "Shenzhen (440300)" in said
    first = next(d for d in found["decisions"] if d["field"] == "text" and d["start"] is not None)
    words = found["text"]["text"][first["start"] : first["end"]]
    assert f"{words} [{first['start']}–{first['end']}] · {first['rule_id']} · " in said
    facts = [line.split() for line in said.splitlines()]
    assert ["Education", "bachelor"] in facts and ["Experience", "from", "3", "years"] in facts
    assert any(f[0] == "Occupation" and found["ad"]["occupation_code"] in f for f in facts if f)
    zh = run("explain", out, "a1", "--lang", "zh").output
    assert "研发 AI" in zh and "深圳 (440300)" in zh and "第 2 行" in zh and "builds AI" not in zh
    assert "no such ad" in one_error(run("explain", out, "nosuch"))


def test_status_and_explain_of_nothing(tmp_path: Path) -> None:
    one_error(run("status", tmp_path))
    one_error(run("explain", tmp_path, "x"))


def test_definitions_check() -> None:
    result = run("definitions", "check")
    assert result.exit_code == 0, result.output


def test_a_code_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "employers").mkdir()
    lines = (PACKAGED / "employers" / "groups.csv").read_text("utf-8").splitlines()
    wrong = lines[2].replace("CNNC", "CNNX")
    (tmp_path / "employers" / "groups.csv").write_text("\n".join([*lines[:2], wrong]), "utf-8")
    result = run("definitions", "check", "--definitions", tmp_path)
    assert result.exit_code == 3 and "group 'CNNX' is none of CNNC" in result.output


def test_definitions_diff_counts_the_ads_that_change(out: Path, tmp_path: Path) -> None:
    packaged = (PACKAGED / "pay.toml").read_text("utf-8")
    (tmp_path / "pay.toml").write_text(packaged.replace('"面议"', '"另谈"'), "utf-8")
    found = json.loads(run("definitions", "diff", out, tmp_path, "--json").output)
    assert list(found["ads"]) == ["pay_status"]
    assert found["ads"]["pay_status"] == {"n": 1, "of": 5, "moves": [["negotiable", "none", 1]]}
    assert run("definitions", "diff", out, tmp_path).output.startswith("pay_status: 1 of 5 ads change")


def test_changes_of_lists_do_not_hang_on_their_order() -> None:
    one, two = (pl.DataFrame({"ai_subfields": v}) for v in ([["cv", "ml"], ["ml"], []], [["ml", "cv"], ["nlp"], None]))
    found, lines = _changes(one, two, ("ai_subfields",), "ads")
    assert found["ai_subfields"]["n"] == 2 and "ml -> nlp 1" in lines[0]


def test_clean_leaves_the_folder_of_another_alone(tmp_path: Path) -> None:
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages" / "thesis.txt").write_text("precious")
    assert "no intermediate files" in one_error(run("clean", tmp_path, "--yes"))
    assert (tmp_path / "stages" / "thesis.txt").exists()


def test_clean_waits_for_no_build(tmp_path: Path) -> None:
    with locked(tmp_path):
        (tmp_path / "stages" / "raw").mkdir(parents=True)
        assert "another build is running" in one_error(run("clean", tmp_path, "--yes"))
    assert (tmp_path / "stages" / "raw").is_dir()


def test_clean_keeps_the_published_dataset(tmp_path: Path) -> None:
    write_csv(tmp_path / "ads.csv", ADS)
    run("build", tmp_path / "ads.csv", "--out", tmp_path / "o")
    assert run("clean", tmp_path / "o", "--yes").exit_code == 0
    assert table(tmp_path / "o", "ads").height == 5 and not (tmp_path / "o" / "stages").exists()
    assert json.loads(run("explain", tmp_path / "o", "a1", "--json").output)["original"] is None


@pytest.mark.parametrize(
    ("name", "row", "said"),
    [
        ("ai/terms.csv", "zzz.001,starweave,zh,星河织网,builder_strong,nlp,,,,2026.3,x", "must begin with its concept: starweave.001"),
        ("ai/terms.csv", "starweave.001,starweave,zh,星河织网,superb,nlp,,,,2026.3,x", "tier 'superb' is none of builder_strong"),
        ("ai/terms.csv", "dt.001,dt,zh,数字孪生,adjacent,other,,,,2026.3,x", "occurs twice: nonai_smart.040 and dt.001"),
        ("places/aliases.csv", "nick,云漪城,449900,name,x,y", "'449900', which is no code of a unit"),
        ("places/aliases.csv", "nick,云漪城,440300,anywhere,x,y", "use 'anywhere' is none of name"),
        ("employers/subsidiaries.csv", "new-01,漪蓝,漪蓝,begins,CETC,low,,,,s,", "match 'begins' is none of exact"),
        ("measures/talent.toml", '[x]\nkind="sharee"\npopulation="ai"\nunit="share"\nzh="x"\nen="x"', "kind must be one of"),
        ("measures/talent.toml", '[x]\nkind="share"\npopulation="ai"\nunit="share"\nzh="x"\nen="x"\nhit={nosuch="y"}', "'nosuch' is no filter"),
        ("measures/talent.toml", '[x]\nkind="share"\npopulation="ai"\nunit="share"\nzh="x"\nen="x"\nhit="state_owned"', "hit must be"),
        ("measures/talent.toml", '[x]\nkind="mix"\npopulation="AI"\nunit="share"\nzh="x"\nen="x"', "population must be one of ai, all"),
        ("measures/talent.toml", '[x]\nkind="mix"\npopulation="ai"\nunit="percent"\nzh="x"\nen="x"', "unit must be one of"),
        ("measures/talent.toml", '[x]\nkind="mix"\npopulation="ai"\nzh="x"\nen="x"', "lacks unit"),
        ("claims.toml", '[[claim]]\nid="zz"\nsection="where"\nmeasure="nosuch"', "there is no measure 'nosuch'"),
        ("claims.toml", '[[claim]]\nid="zz"\nsection="where"\nmeasure="openings"', "section 'where' is none of summary"),
        ("ai/term.csv", "id\n1", "no packaged file has this name"),
    ],
)  # fmt: skip
def test_a_row_that_would_do_nothing_is_named(tmp_path: Path, name: str, row: str, said: str) -> None:
    target = tmp_path / name
    target.parent.mkdir(exist_ok=True)
    packaged = (PACKAGED / name).read_text("utf-8") if (PACKAGED / name).exists() else ""
    target.write_text(f"{packaged}{row}\n", "utf-8")
    result = run("definitions", "check", "--definitions", tmp_path)
    assert result.exit_code == 3 and said in " ".join(result.output.split())


def test_dry_run_tells_what_would_run(tmp_path: Path) -> None:
    first, second = write_csv(tmp_path / "one.csv", ADS[:3]), write_csv(tmp_path / "two.csv", ADS[3:])
    out = tmp_path / "o"
    assert run("build", first, "--out", out).exit_code == 0

    def stages(*options: object) -> dict[str, list[str]]:
        result = run("build", *options, "--out", out, "--dry-run", "--json")
        assert result.exit_code == 0, result.output
        return dict(json.loads(result.output)["stages"])

    assert not any(stages(first).values())
    assert stages(second, "--add")["s1_read"] == ["1 files not read before"]
    assert stages(second)["s7_publish"] == ["1 files not read before", "1 files left out"]
    assert [s for s, why in stages(first, "--from", "match").items() if why] == [
        "s5_match",
        "s6_classify",
        "s7_publish",
    ]
    assert run("build", first, "--out", out, "--dry-run", "--from", "s99").exit_code == 2
    assert run("build", first, "--out", tmp_path / "none", "--dry-run", "--add").exit_code == 1
    assert run("clean", out, "--yes").exit_code == 0
    assert "up to date" not in run("status", out).output


def test_an_employer_asked_for_by_name_is_told_its_id(out: Path) -> None:
    first = table(out, "employers").filter(pl.col("kind") == "company").sort("name")
    refused = run("measure", out, "openings", "--where", f"employer={first['name'][0]}")
    assert refused.exit_code == 2
    told = " ".join(refused.output.split())
    assert f"employer={first['employer_id'][0]} ({first['name'][0]})" in told
    asked = run("measure", out, "openings", "--where", f"employer={first['employer_id'][0]}", "--json")
    assert json.loads(asked.output)["numerator"] > 0


def test_the_headline_of_a_figure_says_what_it_is_of(out: Path) -> None:
    first = json.loads(run("measure", out, "city-rank", "--json").output)["rows"][0]
    assert run("measure", out, "city-rank").output.startswith(f"Ranking of cities by AI openings: {first['label']} ")
    assert "– (–)" not in run("measure", out, "location-quotient").output.splitlines()[0]


def test_long_lines_stay_whole(capsys: pytest.CaptureFixture[str]) -> None:
    command = "gangwei measure " + "[x] " * 60 + "--json"
    say(command)
    assert capsys.readouterr().out == command + "\n"


def test_a_build_that_replaces_files_says_so_and_one_that_adds_does_not(tmp_path: Path) -> None:
    write_csv(tmp_path / "march.csv", ADS[:3])
    write_csv(tmp_path / "april.csv", ADS[3:])
    assert "--add" not in run("build", tmp_path / "march.csv", "--out", tmp_path / "o").output
    said = run("build", tmp_path / "april.csv", "--out", tmp_path / "o").output
    assert "march.csv; to keep it, add with --add" in " ".join(said.split())
    assert "no longer" not in run("build", tmp_path / "march.csv", "--out", tmp_path / "o", "--add").output
    write_csv(tmp_path / "march.csv", ADS[:2])
    both = (tmp_path / "march.csv", tmp_path / "april.csv")
    assert "no longer" not in run("build", *both, "--out", tmp_path / "o").output


def test_an_addition_says_what_it_counts_twice_and_which_options_it_forgot(tmp_path: Path) -> None:
    one, out = tmp_path / "one.csv", tmp_path / "o"
    write_csv(one, ADS[:3])
    (tmp_path / "mine" / "places").mkdir(parents=True)
    clusters = (PACKAGED / "places" / "clusters.csv").read_text("utf-8")
    (tmp_path / "mine" / "places" / "clusters.csv").write_text(
        clusters + "mine,prd,我的,Mine,2024,330100,the test,\n", "utf-8"
    )
    options = ("--window", "30", "--threshold", "0.9", "--no-texts", "--definitions", tmp_path / "mine")
    first = run("build", one, "--out", out, *options)
    assert "not kept" not in first.output and "named one.csv" not in first.output
    assert "dirty" not in run("status", out).output
    (tmp_path / "packaged").mkdir()
    assert "dirty: definitions changed" in run("status", out, "--definitions", tmp_path / "packaged").output
    write_csv(one, ADS[1:])
    said = " ".join(run("build", one, "--out", out, "--add").output.split())
    assert "holds two files named one.csv" in said
    assert "given --window 30, --threshold 0.9, --no-texts, --definitions, this one was not" in said
    again = " ".join(run("build", one, "--out", out, "--add", *options).output.split())
    assert "not kept" not in again and "named one.csv" not in again


def test_a_diff_builds_with_the_options_of_the_dataset(tmp_path: Path) -> None:
    """What another day of affiliations or another gap between spells moves is no change of the definitions."""
    drones = ("d1", "飞控工程师", "深圳市大疆创新科技有限公司", "深圳", "", "", "", "", "", "负责飞控软件。")
    write_csv(tmp_path / "one.csv", [*ADS, drones])
    (tmp_path / "own").mkdir()
    out = tmp_path / "o"
    run("build", tmp_path / "one.csv", "--out", out, "--as-of", "2015-01-01")  # on no list yet
    assert run("definitions", "diff", out, tmp_path / "own").output.strip() == "no ad changes label"


def test_a_group_by_its_name_is_told_its_code(out: Path) -> None:
    refused = run("measure", out, "openings", "--by", "city", "--ads", "--group", "合肥")
    assert refused.exit_code == 2 and "--group 合肥: write the code, 340100" in refused.output


def test_a_brief_named_pdf_is_a_pdf(out: Path, tmp_path: Path) -> None:
    result = run("report", out, "--out", tmp_path / "brief.pdf")
    assert (tmp_path / "brief.html").read_text("utf-8").startswith("<!doctype html>")
    if shutil.which("chromium"):
        assert (tmp_path / "brief.pdf").read_bytes().startswith(b"%PDF")
    else:
        assert "no Chromium found" in one_error(result)


def test_a_figure_names_the_dataset_it_is_of(out: Path) -> None:
    manifest = json.loads((out / "published" / "manifest.json").read_text("utf-8"))
    told = json.loads(run("measure", out, "openings", "--json").output)["dataset"]
    assert told["ads"] == manifest["counts"]["kept"] and told["build_key"] == manifest["build_key"]
    assert told["definitions_version"] == manifest["definitions_version"] and told["gangwei_version"]
