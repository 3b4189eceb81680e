"""The employer-name normaliser: cases anyone may extend, and relations that hold for any name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from gangwei.codebook import Codebook
from gangwei.kernels.employers import employer

CASES: dict[str, list[dict[str, Any]]] = yaml.safe_load(
    (Path(__file__).parent / "cases/employer_names.yaml").read_text("utf-8")
)
FLAT = [(group, case) for group, cases in CASES.items() for case in cases]
COLUMN = {
    "key": "name_key",
    "brand": "brand_key",
    "place": "place_prefix",
    "branch": "branch",
    "legal": "legal_form",
    "kind": "kind",
    "agency": "is_agency",
    "anonymous": "is_anonymous",
    "cut": "is_truncated",
}


@pytest.fixture(scope="module")
def rules() -> employer.NameRules:
    return employer.compile_rules(Codebook())


@pytest.fixture(scope="module")
def told(rules: employer.NameRules) -> list[dict[str, Any]]:
    return employer.normalise(pl.Series([c["name"] for _, c in FLAT]), rules).to_dicts()


def normal(names: list[str | None], rules: employer.NameRules) -> pl.DataFrame:
    return employer.normalise(pl.Series(names, dtype=pl.String()), rules)


def test_there_are_hundreds_of_cases() -> None:
    assert len(FLAT) >= 400


@pytest.mark.parametrize("i", range(len(FLAT)), ids=[f"{g}-{i}" for i, (g, _) in enumerate(FLAT)])
def test_case(i: int, told: list[dict[str, Any]]) -> None:
    case = FLAT[i][1]
    got = {k: told[i][COLUMN[k]] for k in case if k != "name"}
    assert got == {k: v for k, v in case.items() if k != "name"}, case["name"]


def test_row_aligned_and_declared(rules: employer.NameRules) -> None:
    out = normal(["鹿鸣川科技", None, "", "鹿鸣川科技"], rules)
    assert out.columns == list(employer.COLUMNS)
    assert out.schema == pl.Schema(employer.COLUMNS)
    assert out["name_key"].to_list() == ["鹿鸣川科技", "", "", "鹿鸣川科技"]
    assert out["is_anonymous"].to_list() == [False, True, True, False]
    assert normal([], rules).schema == pl.Schema(employer.COLUMNS)


def test_width_script_case_and_wrapping_do_not_move_a_key(rules: employer.NameRules) -> None:
    plain = "深圳市鹿鸣川ABC电子科技有限公司"
    forms = [
        plain,
        "深圳市鹿鳴川ABC電子科技有限公司",
        "深圳市鹿鸣川ＡＢＣ电子科技有限公司",
        "深圳市鹿鸣川abc电子科技有限公司",
        f"['{plain}']",
        f"  {plain}\t",
        f"{plain} “”",
        f"{plain}（总部）",
        "鹿鸣川ABC电子科技（深圳）有限公司",
        "鹿鸣川ABC电子科技(深圳市)有限公司",
    ]
    out = normal(list(forms), rules)
    assert out.select("name_key", "brand_key", "place_prefix").unique().height == 1


def test_a_name_does_not_depend_on_its_neighbours(rules: employer.NameRules) -> None:
    names = [c["name"] for _, c in FLAT]
    together = normal(list(names), rules)
    backwards = normal(list(reversed(names)), rules).reverse()
    assert together.equals(backwards)
    for i in range(0, len(names), 37):
        assert normal([names[i]], rules).equals(together[i])


def test_keys_are_never_empty_for_a_name_with_letters(rules: employer.NameRules) -> None:
    out = normal([c["name"] for _, c in FLAT], rules).filter(pl.col("name_clean").str.contains(r"[\p{L}\p{N}]{2}"))
    assert (out["name_key"].str.len_chars() > 0).all()
    assert (out["brand_key"].str.len_chars() > 0).all()


def test_hostile_names_end_soon(rules: employer.NameRules) -> None:
    names = [
        "公司" * 2_000_000,
        "(" * 100_000,
        "有限公司" * 50_000,
        "深圳市" * 100_000,
        "\x00" * 99,
        "第" + "一" * 9999 + "分公司",
    ]
    out = normal(list(names), rules)
    assert out.height == len(names)
    assert out["name_clean"].str.len_chars().max() <= employer.MAX_CHARS  # type: ignore[operator]


@pytest.mark.shared
def test_most_real_names_get_a_shorter_key(shared: Path, rules: employer.NameRules) -> None:
    names = (
        pl.scan_parquet(shared / "data/postings_real.parquet")
        .select(pl.col("company").unique().drop_nulls())
        .collect()["company"]
        .sort()
    )
    out = employer.normalise(names, rules)
    registered = out.filter(pl.col("name_clean").str.ends_with("有限公司") & ~pl.col("is_anonymous"))
    assert (registered["name_key"].str.contains("有限公司$")).mean() < 0.001  # type: ignore[operator]
    assert (out["place_prefix"] != "").mean() > 0.5  # type: ignore[operator]
    assert 0.005 < out["is_anonymous"].mean() < 0.05  # type: ignore[operator]
