"""Repeated rows are found byte for byte, and never found where a byte differs."""

from __future__ import annotations

import random

import polars as pl

from gangwei.kernels.repeats import PROBES, first_rows
from gangwei.kernels.strings import string_spans


def firsts(*columns: list[str | None]) -> list[int]:
    return first_rows(*(string_spans(pl.Series(c, dtype=pl.String)) for c in columns)).tolist()


def test_first_of_equal_rows_over_all_columns() -> None:
    assert firsts(["a", "b", "a", "a"], ["x", "x", "x", "y"]) == [0, 1, 0, 3]
    assert firsts(["ab", "a"], ["c", "bc"]) == [0, 1]
    assert firsts([None, ""], ["", None]) == [0, 0]
    assert firsts([]) == []


def test_agrees_with_a_dictionary() -> None:
    rng = random.Random(3)
    rows = ["".join(rng.choice("岗位a") for _ in range(rng.randrange(300))) for _ in range(200)]
    texts = [rng.choice(rows) for _ in range(3000)]
    seen: dict[str, int] = {}
    assert firsts(texts) == [seen.setdefault(t, i) for i, t in enumerate(texts)]


def test_rows_that_share_the_sampled_bytes_are_kept_apart() -> None:
    base = "机" * 2000
    texts = [base[:700] + f"{i:05}" + base[705:] for i in range(50 * PROBES)]
    got = firsts(texts + texts)
    assert all(texts[i % len(texts)] == texts[f % len(texts)] for i, f in enumerate(got))
    assert got[: len(texts)] == list(range(len(texts)))
