"""Affiliation rules: cases anyone may extend, coverage of the definition files, and the shared labels."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from gangwei.codebook import Codebook, DefinitionError
from gangwei.kernels.employers import affiliation, affiliation_rules, employer
from gangwei.schema import DEFENCE, DEFENCE_GROUPS

CASES: dict[str, list[dict[str, Any]]] = yaml.safe_load(
    (Path(__file__).parent / "cases/affiliations.yaml").read_text("utf-8")
)
FLAT = [(group, case) for group, cases in CASES.items() for case in cases]
YES = {"group", "subsidiary", "institute", "university"}
NOTHING = affiliation.Verdict("none", None, False, None, "", ())


@pytest.fixture(scope="module")
def rules() -> affiliation_rules.AffiliationRules:
    book = Codebook()
    return affiliation_rules.compile_rules(book, employer.compile_rules(book))


def judge(
    names: list[str], rules: affiliation_rules.AffiliationRules, days: list[date | None]
) -> list[affiliation.Verdict]:
    frame = employer.normalise(pl.Series(names, dtype=pl.String()), rules.names)
    found = {i: (flat, hits) for i, flat, hits in affiliation.match(frame, rules)}
    return [
        affiliation.decide(found[i][1], found[i][0], day, rules.units) if i in found else NOTHING
        for i, day in enumerate(days)
    ]


@pytest.fixture(scope="module")
def verdicts(rules: affiliation_rules.AffiliationRules) -> list[affiliation.Verdict]:
    days: list[date | None] = [date.fromisoformat(c.get("as_of", "2025-06-30")) for _, c in FLAT]
    return judge([c["name"] for _, c in FLAT], rules, days)


@pytest.mark.parametrize("i", range(len(FLAT)), ids=[f"{g}-{i}" for i, (g, _) in enumerate(FLAT)])
def test_case(i: int, verdicts: list[affiliation.Verdict]) -> None:
    case, got = FLAT[i][1], verdicts[i]
    told = (case["name"], got.defence, got.group, got.rule_id)
    if case.get("yes"):
        assert got.defence in YES, told
    if case.get("no"):
        assert got.defence not in YES, told
    for key, value in (("defence", got.defence), ("group", got.group), ("state_owned", got.state_owned)):
        if key in case:
            assert value == case[key], told
    if "surveillance" in case:
        assert bool(got.surveillance) is case["surveillance"], told
    if "list" in case:
        assert (case["list"], case["edition"]) in {(h.list_id, h.edition) for h in got.hits}, told


@pytest.mark.parametrize(
    ("text", "value"),
    [("711", 711), ("七一一", 711), ("七〇九", 709), ("七零九", 709), ("二十九", 29), ("十", 10), ("五十", 50), ("五十三", 53), ("一百零二", 102), ("十五十", None)],
)  # fmt: skip
def test_institute_numbers(text: str, value: int | None) -> None:
    assert affiliation.number(text) == value


def test_coverage_of_the_definitions() -> None:
    book = Codebook()
    subsidiaries = book.rows("employers/subsidiaries.csv")
    assert len({(r["group"], r["full_name"]) for r in subsidiaries}) >= 300
    institutes = {r["text"] for r in book.rows("employers/institutes.csv")}
    assert len(institutes) >= 200
    assert len({r["company"] for r in book.rows("employers/surveillance.csv")}) >= 60
    assert len({r["brand"] for r in book.rows("employers/aliases.csv")}) >= 300
    groups = {r["group"] for r in book.rows("employers/groups.csv")} | {r["group"] for r in subsidiaries}
    assert groups >= set(DEFENCE_GROUPS) - {"SevenSons"}
    assert {r["edition"] for r in book.rows("lists/us_1260h.csv")} == {
        "2021-06-03", "2022-10-05", "2024-01-31", "2025-01-07", "2026-06-08",
    }  # fmt: skip
    assert len({r["university"] for r in book.rows("employers/universities.csv")}) == 7


def test_every_row_is_sound() -> None:
    book = Codebook()
    names = (*book.names("employers", ".csv"), *book.names("lists", ".csv"))
    for name in names:
        rows = book.rows(name)
        ids = [r["id"] for r in rows]
        assert len(ids) == len(set(ids)), f"{name} repeats an id"
        for row in rows:
            where = f"{name} {row['id']}"
            for column in ("valid_from", "valid_to", "edition"):
                if row.get(column):
                    date.fromisoformat(row[column])
            if row.get("valid_from") and row.get("valid_to"):
                assert row["valid_from"] <= row["valid_to"], where
            if row.get("group"):
                assert row["group"] in DEFENCE_GROUPS, where
            if row.get("defence"):
                assert row["defence"] in DEFENCE, where
            if row.get("match") == "regex":
                re.compile(row["text"])
                assert row["anchor"], f"{where} has no anchor"
            assert row.get("source") or row.get("reason") or name.endswith(("suffixes.csv", "judgements.csv")), where


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("x1,(投资,function,投资,yes,,test", r"state_owned x1: text '\(投资' is no pattern"),
        ("x1,投资,prefix,,yes,(坏,test", r"state_owned x1: not_if '\(坏' is no pattern"),
        ("x1,投资,function,,yes,,test", "state_owned x1: an anchor is empty"),
        ("x1,投资,regex,投资|,yes,,test", "state_owned x1: an anchor is empty"),
        ("x1,,brand,,yes,,test", "state_owned x1: the text is empty"),
        ("x1,投资,brand,,maybe,,test", "state_owned x1: state_owned 'maybe' is none of yes, no"),
    ],
)
def test_a_bad_row_is_named(row: str, told: str, tmp_path: Path) -> None:
    name = "employers/state_owned.csv"
    (tmp_path / "employers").mkdir()
    (tmp_path / name).write_text(f"{Codebook().text(name)}{row}\n", "utf-8")
    book = Codebook(tmp_path)
    with pytest.raises(DefinitionError, match=told):
        affiliation_rules.compile_rules(book, employer.compile_rules(book))


def test_a_date_decides_and_none_means_open_rows(rules: affiliation_rules.AffiliationRules) -> None:
    then, now, today = judge(["重庆长安汽车股份有限公司"] * 3, rules, [date(2021, 1, 1), date(2026, 1, 1), None])
    assert (then.defence, now.defence, today.defence) == ("subsidiary", "none", "none")
    assert any(h.list_id == "subsidiaries" for h in now.hits), "the evidence stays, with its dates"


def test_order_and_neighbours_do_not_matter(rules: affiliation_rules.AffiliationRules) -> None:
    names = [c["name"] for _, c in FLAT]
    days: list[date | None] = [date(2025, 6, 30)] * len(names)
    assert judge(names, rules, days) == list(reversed(judge(list(reversed(names)), rules, days)))


@pytest.mark.shared
def test_shared_labels(shared: Path, rules: affiliation_rules.AffiliationRules) -> None:
    rows = [json.loads(line) for line in (shared / "gold/employers_dev.jsonl").read_text("utf-8").splitlines()]
    got = judge([r["name"] for r in rows], rules, [date(2025, 12, 31)] * len(rows))
    sure = [
        (r["defence"] in YES, v.defence in YES)
        for r, v in zip(rows, got, strict=True)
        if r["confidence"] == "high" and r["defence"] not in ("unknown", "supplier_known")
    ]
    right, said, true = sum(a and b for a, b in sure), sum(b for _, b in sure), sum(a for a, _ in sure)
    assert right / said >= 0.97
    assert right / true >= 0.85
    watch = [
        (bool(r["surveillance_company"]), bool(v.surveillance))
        for r, v in zip(rows, got, strict=True)
        if r["surveillance_company"] != "unknown"
    ]
    right, said, true = sum(a and b for a, b in watch), sum(b for _, b in watch), sum(a for a, _ in watch)
    assert right / said >= 0.97
    assert right / true >= 0.9
