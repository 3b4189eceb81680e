"""Memo: equal answers whatever was asked before, by several threads, full or not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl
import pytest

from gangwei.kernels import memo
from gangwei.kernels.memo import Memo, encode

FRAME = pl.DataFrame({"a": ["x", None, "", "x", "y" * 500, "y" * 500], "b": [1, 2, None, 1, 3, 4]})


def doubled(keys: pl.DataFrame) -> pl.DataFrame:
    return keys.select(pl.col("a") + pl.col("a"), pl.col("b") * 2)


def test_encode_numbers_combinations_in_order_of_appearance() -> None:
    codes, first = encode(FRAME)
    assert codes.tolist() == [0, 1, 2, 0, 3, 4]
    assert first.tolist() == [0, 1, 2, 4, 5]
    assert [x.tolist() for x in encode(FRAME.head(0))] == [[], []]
    assert [x.tolist() for x in encode(pl.DataFrame({"a": [None, None]}))] == [[0, 0], [0]]


def test_answers_do_not_depend_on_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memo, "LIMIT", 3)
    kept = Memo()
    for order in ([0], [3, 1, 0], [5, 4], [0, 1, 2, 3, 4, 5], [2, 2]):
        rows = FRAME[order]
        assert kept(rows, doubled).equals(doubled(rows))


def test_decides_each_combination_once() -> None:
    asked: list[int] = []

    def decide(keys: pl.DataFrame) -> pl.DataFrame:
        asked.append(keys.height)
        return doubled(keys)

    kept = Memo()
    for _ in range(2):
        kept(FRAME.head(4), decide)
    kept(FRAME, decide)
    assert asked == [3, 2]


def test_threads_share_it() -> None:
    kept = Memo()
    rng = np.random.default_rng(1)
    frames = [
        pl.DataFrame({"a": rng.integers(0, 400, 500).astype(str), "b": rng.integers(0, 9, 500)}) for _ in range(40)
    ]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda f: kept(f, doubled), frames))
    assert all(x.equals(doubled(f)) for x, f in zip(found, frames, strict=True))


@pytest.mark.parametrize("values", [[0.2, 0.7], [["a"], ["b"]]])
def test_refuses_keys_it_cannot_tell_apart(values: list[object]) -> None:
    with pytest.raises(TypeError, match="b: a key of"):
        Memo()(pl.DataFrame({"a": ["x", "x"], "b": values}), lambda keys: keys)
