"""Pay grammar: cases, properties and the labelled strings."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from gangwei.codebook import Codebook
from gangwei.kernels.job.pay import PAY_COLUMNS, parse_one, parse_pay
from gangwei.kernels.job.pay_rules import PayRules, compile_pay

CASES = yaml.safe_load((Path(__file__).parent / "cases" / "pay.yaml").read_text("utf-8"))


@pytest.fixture(scope="module")
def rules() -> PayRules:
    return compile_pay(Codebook())


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c['raw']}-{c.get('kind', '')}{c.get('scale', '')}")
def test_case(case: dict[str, Any], rules: PayRules) -> None:
    got = parse_one(
        case["raw"], case.get("board", "51job"), case.get("hint"), case.get("scale"), case.get("kind", ""), rules
    )
    want = {k: None if case.get(k) is None else Decimal(str(case[k])) for k in ("min", "max")}
    assert (got.status, got.low, got.high) == (case["status"], want["min"], want["max"])
    assert (got.unit, got.months, got.censored) == (case.get("unit"), case.get("months"), case.get("censored"))
    if "reason" in case:
        assert case["reason"] in got.reasons


@pytest.mark.parametrize(
    "raw", ["9" * 5_000_000, "\0" * 100, "<script>1-2K</script>", "1-2-3-4万", "|" * 50, "·薪", "-"]
)
def test_hostile_strings_end_in_a_status(raw: str, rules: PayRules) -> None:
    assert parse_one(raw, "boss", None, None, "", rules).status in ("ok", "negotiable", "none", "unclear")


def test_bounds_are_ordered_and_in_fen(rules: PayRules) -> None:
    values = [c["raw"] for c in CASES] * 3
    n = len(values)
    none = pl.Series([None] * n)
    out = parse_pay(pl.Series(values), pl.Series(["zhaopin"] * n), none, none, pl.Series([""] * n), rules)
    assert out.schema == pl.Schema(PAY_COLUMNS)
    assert len(out) == n
    assert out.filter(pl.col("pay_min_fen") > pl.col("pay_max_fen")).is_empty()
    assert out.filter((pl.col("pay_status") == "ok") & pl.col("pay_unit").is_null()).is_empty()
    assert out.filter((pl.col("pay_status") != "ok") & pl.col("pay_unit").is_not_null()).is_empty()
    assert out.head(n // 3).equals(out.tail(n // 3))


def test_nulls_are_none(rules: PayRules) -> None:
    null = pl.Series([None], dtype=pl.String)
    assert parse_pay(null, null, null, null, null, rules)["pay_status"].to_list() == ["none"]


@pytest.mark.shared
def test_labelled_strings(shared: Path, rules: PayRules) -> None:
    """At least 97 % of the labelled strings, on every board they occur on."""
    right = total = 0
    for line in (shared / "gold" / "pay_dev.jsonl").read_text("utf-8").splitlines():
        g = json.loads(line)
        hint, scale = ("month", 1000) if g["source"] in ("src15", "src19") else (None, None)
        want = tuple(None if g[k] is None else float(g[k]) for k in ("min", "max"))
        wanted = (g["status"], *want, g["unit"], g["months"], g["censored"])
        got = set()
        for board in g["boards"]:
            p = parse_one(g["raw"], board, hint, scale, "", rules)
            bounds = tuple(None if v is None else float(v) for v in (p.low, p.high))
            got.add((p.status, *bounds, p.unit, p.months, p.censored))
        right += got == {wanted}
        total += 1
    print(f"pay: {right}/{total} = {right / total:.3f}")
    assert right / total >= 0.97
