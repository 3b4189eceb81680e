"""Sets are written in a SQL subset that DuckDB and Spark answer alike: nothing else may stand in a query."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

sqlglot = pytest.importorskip("sqlglot")
from sqlglot import exp  # noqa: E402

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "gangwei"
MODULES = ("stages/s4_names.py", "checks.py")
QUERY = re.compile(r"\bSELECT\b.*\bFROM\b", re.S)
ALLOWED = (
    exp.Select, exp.Subquery, exp.From, exp.Join, exp.Where, exp.Group, exp.Having, exp.Order, exp.Ordered, exp.Distinct,
    exp.Union, exp.Table, exp.TableAlias, exp.Alias, exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Star,
    exp.Count, exp.Min, exp.Max, exp.Sum, exp.Coalesce, exp.Least, exp.Case, exp.If, exp.Paren,
    exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Is,
)  # fmt: skip


def queries() -> list[tuple[str, str]]:
    """(module, query) of every string constant that is a query."""
    found = []
    for name in MODULES:
        for node in ast.walk(ast.parse((PACKAGE / name).read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and QUERY.search(node.value):
                found.append((name, node.value.strip()))
    return found


def test_there_are_queries_to_check() -> None:
    assert len(queries()) >= 10


@pytest.mark.parametrize(("name", "query"), queries(), ids=lambda v: v[:40] if isinstance(v, str) else "")
def test_only_the_subset(name: str, query: str) -> None:
    tree = sqlglot.parse_one(query, dialect="duckdb")
    foreign = sorted({type(n).__name__ for n in tree.walk() if not isinstance(n, ALLOWED)})
    assert not foreign, f"{name}: {foreign} in {query}"
    for join in tree.find_all(exp.Join):
        assert join.args.get("on") is not None, f"{name}: a join without ON in {query}"
    if tree.args.get("order"):
        assert not any(isinstance(o.this, exp.Literal) for o in tree.args["order"].expressions)
