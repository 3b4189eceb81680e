"""docs/: the reference is what the code says, and every command, table and column is documented."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from gangwei.measures.labelled import COLUMNS

ROOT = Path(__file__).resolve().parents[1]


def load() -> object:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "scripts" / "reference.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_is_fresh() -> None:
    reference = load()
    assert reference.stale() == [], "run python scripts/reference.py"  # type: ignore[attr-defined]


def test_the_columns_of_an_answer_are_documented() -> None:
    named = {c for key in load().ANSWER for c in key.split(", ")}  # type: ignore[attr-defined]
    assert set(COLUMNS) <= named
