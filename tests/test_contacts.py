"""Contacts: what must go, what must stay; everything here is invented."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from gangwei.codebook import Codebook
from gangwei.kernels.clean.contacts import ContactRules, compile_contacts, strip, strip_raw
from gangwei.kernels.clean.text import clean, compile_text
from gangwei.stages import s2_clean

CASES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "cases" / "contacts.yaml").read_text("utf-8"))


@pytest.fixture(scope="module")
def rules() -> ContactRules:
    return compile_contacts(Codebook())


@pytest.mark.parametrize("case", CASES, ids=lambda c: c["id"])
def test_cases(case: dict[str, Any], rules: ContactRules) -> None:
    text = pl.Series([case["text"]])
    if case.get("folded"):
        text = clean(text, compile_text(Codebook())).text
    out = strip(text, rules)[0]
    if "gone" not in case:
        assert out == text[0]
        return
    assert rules.mark in out
    for part in case["gone"]:
        assert part not in out
    for part in case.get("kept", []):
        assert part in out


def test_twice_is_once(rules: ContactRules) -> None:
    once = strip(pl.Series([c["text"] for c in CASES]), rules)
    assert strip(once, rules).to_list() == once.to_list()


def test_rows_stay_aligned_and_input_is_not_touched(rules: ContactRules) -> None:
    raw = pl.Series(["a", None, "电话13812345678", "", "b"])
    assert strip(raw, rules).to_list() == ["a", None, "电话" + rules.mark, "", "b"]
    assert raw[2] == "电话13812345678"


def test_raw_values_are_folded_only_where_they_hide_a_contact(rules: ContactRules) -> None:
    raw = pl.Series(["Ａ：，", None, "微信：zhaopin_88，", "a，13812345678，"])
    assert strip_raw(raw, rules).to_list() == ["Ａ：，", None, f"微信:{rules.mark},", f"a，{rules.mark}，"]


def test_rules_looked_for_together_change_nothing(rules: ContactRules) -> None:
    texts = pl.Series([c["text"] for c in CASES] * 2)
    alone, together = (compile_contacts(Codebook()) for _ in range(2))
    alone.tally[:] = [1, 1]  # as if every rule had changed each row
    assert strip(texts, alone).to_list() == strip(texts, together).to_list() == strip(texts, rules).to_list()
    assert together.tally[:, 0].min() >= 0 and together.tally[:, 1].sum() > len(CASES) / 4


def test_addresses_of_the_web_keep_their_numbers(rules: ContactRules) -> None:
    urls = pl.Series(
        [
            "https://jobs.example.com/13812345678.html",
            "https://www.linkedin.com/in/somebody",
            "https://a.example/?tel=13812345678&id=13812345678",
        ]
    )
    shown = [urls[0], rules.mark, f"https://a.example/?tel={rules.mark}&id=13812345678"]
    assert strip(urls, compile_contacts(Codebook(), s2_clean.URL_RULES)).to_list() == shown


def test_hostile_text_ends(rules: ContactRules) -> None:
    strip(pl.Series(["x"]), rules)
    strip(
        pl.Series(
            ["1 3 " * 50_000, "@" * 200_000, "a.b@" * 50_000, "联系人:" * 60_000, "微信" * 100_000, "138" * 60_000]
        ),
        rules,
    )
