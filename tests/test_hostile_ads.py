"""Hostile and broken ads: the answer of the clean form, or none with a reason; cases in cases/ai_hostile.yaml."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import opencc
import polars as pl
import pytest
import yaml

from gangwei.codebook import Codebook
from gangwei.formats import blocks, literals, markdown, page_data, sqldump
from gangwei.formats.chunk import Limits
from gangwei.formats.headers import load_headers
from gangwei.stage_tables import RAW
from gangwei.stages import s2_clean, s6_classify

FOLDER = Path(__file__).parent / "cases"
CASES = yaml.safe_load((FOLDER / "ai_hostile.yaml").read_text("utf-8"))
PLAIN = yaml.safe_load((FOLDER / "ai_tiers.yaml").read_text("utf-8"))
SAID = ("ai_tier", "ai_mention", "ai_role", "surveillance_job", "defence_signal", "ai_terms")
HAN = "[\u4e00-\u9fff]"
DISGUISES: dict[str, Callable[[str], str]] = {
    "full width": lambda s: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in s),
    "zero width": "\u200b".join,
    "joiners and marks": lambda s: "".join(c + "\u200d\ufeff"[i % 2] for i, c in enumerate(s)),
    "soft hyphens": "\u00ad".join,
    "lines cut at every fifth letter": lambda s: re.sub(f"({HAN}{{4}})(?={HAN})", r"\1\n", s),
    "traditional": opencc.OpenCC("s2t").convert,
    "emoji": lambda s: "🔥" + s.replace("，", "🚀，").replace("。", "。✨"),
    "capitals": str.upper,
}


@pytest.fixture(scope="module")
def said() -> Callable[[list[tuple[str, str]]], pl.DataFrame]:
    """Ads to the columns SAID, issues and text."""
    rules, cleaner = s6_classify.compile_rules(Codebook()), s2_clean.compile_rules(Codebook())

    def run(ads: list[tuple[str, str]]) -> pl.DataFrame:
        raw = RAW.conform(pl.DataFrame({"title": [t for t, _ in ads], "description": [d for _, d in ads]}))
        clean = s2_clean.run(raw, cleaner)
        found = s6_classify.run(clean, rules)
        return pl.concat([clean.select("text", "issues"), found.with_columns(pl.col("ai_terms").list.sort())], how="horizontal")  # fmt: skip

    return run


@pytest.fixture(scope="module")
def answers(said: Callable[..., pl.DataFrame]) -> dict[str, dict[str, Any]]:
    out = said([(c["title"], c["text"] * c.get("times", 1)) for c in CASES])
    return {c["id"]: row for c, row in zip(CASES, out.iter_rows(named=True), strict=True)}


@pytest.mark.parametrize("case", CASES, ids=[c["id"] for c in CASES])
def test_case(case: dict[str, Any], answers: dict[str, dict[str, Any]]) -> None:
    row = answers[case["id"]]
    for key, column in (("tier", "ai_tier"), ("mention", "ai_mention"), ("role", "ai_role")):
        if key in case:
            assert row[column] == case[key], (key, row["hits"])
    if "like" in case:
        assert [row[c] for c in SAID] == [answers[case["like"]][c] for c in SAID]
    assert ("issue" in case) <= (case.get("issue") in (row["issues"] or []))
    assert all(
        0 <= h["start"] < h["end"] <= max(len(row["text"] or ""), 500) for h in row["hits"] if h["start"] is not None
    )


@pytest.mark.parametrize("name", DISGUISES)
def test_disguise_changes_no_answer(name: str, said: Callable[..., pl.DataFrame]) -> None:
    hide = DISGUISES[name]
    plain = said([(c["title"], c["text"]) for c in PLAIN]).select(SAID)
    hidden = said([(c["title"] if "\n" in hide(c["title"]) else hide(c["title"]), hide(c["text"])) for c in PLAIN])
    assert hidden.select(SAID).rows() == plain.rows()


@pytest.mark.parametrize("piece", ["<script>", "<script", "; a = [", "<script>x = [{</script>"])
def test_pages_of_broken_scripts_end(piece: str) -> None:
    """Looking behind each mark to the end of the page would take hours."""
    assert page_data.records(f"<html><script>{piece * 200_000}</script>") == []


@pytest.mark.parametrize("piece", ["/*", "`", "[{", "{a:", "f({a: [", "'", "\\'", '\\"', "= [{a: 1}, "])
def test_broken_programs_end(piece: str) -> None:
    headers = load_headers(Codebook())
    assert literals.records("const a = " + piece * 100_000, headers) == []
    assert literals.OPENING.match("/* a */ " * 2000 + "SELECT") is None


def test_long_values_of_programs() -> None:
    said = ("'ab'+" * 300_000 + "'c'", "ab" * 300_000 + "c"), ("1" * 6000, "1" * 6000)
    for written, value in said:
        program = f"const jobs = [{{title: '会计', company: '甲乙有限公司', city: '北京', desc: {written}}}];"
        assert literals.records(program, load_headers(Codebook()))[0]["desc"] == value


@pytest.mark.parametrize("piece", ["**a ", "**|", "*"])
def test_marks_of_bold_print_that_are_not_closed(piece: str) -> None:
    (table,) = markdown.tables("a|b|c\n|-|-|-|\n|" + piece * 100_000)
    assert len(table) == 2


@pytest.mark.parametrize("piece", ["|-|-|-|\n", "a|b|c\n|-|-|-|\n", " " * 50 + "\t", "| "])
def test_tables_of_rules_alone_end(piece: str) -> None:
    assert len(markdown.tables(piece * 100_000)) <= 1


@pytest.mark.parametrize("piece", ["# # ", "#\t", "# a #", "## 1. "])
def test_long_headings_end(piece: str) -> None:
    text = "x " + piece * 500_000 + "!"
    assert blocks._heading(f"## 12. {text}") == ("##", text)


@pytest.mark.parametrize(
    "text",
    [
        "\n" * 10_000 + "a,b",
        "-- x" + "\n \t" * 100_000 + "a,b",
        "--\nx" + "INSERT INTO a.a" * 10_000,
        "/* x */" + " " * 100_000,
    ],
)
def test_an_opening_that_is_no_dump_costs_no_more_than_its_length(text: str) -> None:
    assert not sqldump.is_dump(text)


@pytest.mark.parametrize("end", ["(1,a" + " " * 400_000, "(1," + "f(" * 200_000, "/*" + " *" * 200_000, "--" * 200_000])
def test_a_broken_row_costs_no_more_than_its_length(end: str) -> None:
    dump = f"INSERT INTO job (id, title) VALUES (1, '会计'),\n{end}".encode()
    whole = [r for *_, r in sqldump.Dump(io.BytesIO(dump), "utf-8", Limits()).rows() if isinstance(r, list)]
    assert whole == [["1", "会计"]]
