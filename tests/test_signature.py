"""Signatures of text: folding, spans left out, sampling that stays comparable, bounds."""

from __future__ import annotations

import unicodedata

import numpy as np
import polars as pl
import pytest

from gangwei.codebook import Codebook
from gangwei.kernels.clean.sections import compile_sections, scan
from gangwei.kernels.match.links import containment
from gangwei.kernels.signature import CAP, FULL, LEFT_OUT, fold_table, sample_grams
from gangwei.kernels.strings import string_spans


def sample(texts: list[str | None], drops: dict[int, list[tuple[int, int]]] | None = None):  # type: ignore[no-untyped-def]
    spans = [(drops or {}).get(i, []) for i in range(len(texts))]
    ptr = np.concatenate([[0], np.cumsum([len(s) for s in spans])]).astype(np.int64)
    flat = [p for s in spans for p in s]
    starts, ends = (np.array([p[i] for p in flat], np.int64) for i in (0, 1))
    return sample_grams(pl.Series(texts, dtype=pl.String), ptr, starts, ends)


def words(n: int, seed: int) -> str:
    return "".join(chr(0x4E00 + int(c)) for c in np.random.default_rng(seed).integers(0, 5000, n))


def row(result, i: int) -> list[int]:  # type: ignore[no-untyped-def]
    grams, ptr, _, _ = result
    return grams[ptr[i] : ptr[i + 1]].tolist()


@pytest.mark.parametrize(
    "same",
    [
        ["熟悉Java开发", "熟悉ＪＡＶＡ开发", "熟悉 java\n开发", "熟悉：Java，开发！", "熟悉java 开发"],
        ["精通C++与C#编程", "精通 c++ 与 c# 编程", "精通Ｃ＋＋与Ｃ＃编程"],
    ],
)
def test_folding(same: list[str]) -> None:
    got = sample(same)
    assert all(row(got, i) == row(got, 0) for i in range(len(same)))
    assert len(set(got[3].tolist())) == 1


def test_plus_and_sharp_count() -> None:
    got = sample(["精通C++与编程", "精通C与编程"])
    assert row(got, 0) != row(got, 1)


def test_dropped_spans() -> None:
    body, blurb = words(80, 1), words(50, 2)
    got = sample([body, blurb + body, body[:40] + blurb + body[40:]], {1: [(0, 50)], 2: [(40, 90)]})
    assert row(got, 0) == row(got, 1) == row(got, 2)


def test_sorted_distinct_and_bounded() -> None:
    texts = [words(n, n) for n in (3, 4, 50, FULL, 3 * FULL, 2000, 60_000)] + ["啊" * 5_000_000, "", None]
    grams, ptr, rate, whole = sample(texts)
    for i in range(len(texts)):
        part = grams[ptr[i] : ptr[i + 1]]
        assert (np.diff(part.astype(np.int64)) > 0).all()
        assert part.size <= CAP
        assert (part < (1 << (32 - int(rate[i])))).all()
    assert (whole[[0, 8, 9]] == 0).all()
    assert rate[2] == 0
    assert rate[4] > 0


def test_containment_across_rates() -> None:
    long = words(1200, 7)
    grams, ptr, rate, _ = sample([long, long[:400], words(400, 8), long[:200] + words(200, 9)])
    assert rate[0] > rate[1]
    assert containment(grams, ptr, rate, 0, 1) > 0.95
    assert containment(grams, ptr, rate, 0, 2) < 0.05
    assert 0.3 < containment(grams, ptr, rate, 1, 3) < 0.7
    assert containment(grams, ptr, rate, 0, 0) == 1.0


def test_hostile_bytes() -> None:
    got = sample(["\x00" * 1000, "🙂" * 300, "a\u0301" * 100, "\u202e反转" * 50, "٣" * 50])
    assert got[1].size == 6


def test_capitals_of_nfkc_fold_like_small_letters() -> None:
    table = fold_table()
    for c in range(0x10000):
        small = chr(c).lower()
        if not 0xD800 <= c < 0xE000 and len(small) == 1 and unicodedata.normalize("NFKC", chr(c)) == chr(c):
            assert table[c] == table[ord(small) & 0xFFFF], hex(c)


def test_scanning_samples_outside_the_sections_left_out() -> None:
    blurb = "公司简介:" + "我们是一家成立于2010年的互联网公司,总部在上海。" * 3
    texts = [
        "岗位职责:负责大模型算法研发,熟悉Python和C++。任职要求:本科以上学历。" + words(300, 1),
        blurb + "任职要求:熟悉Java开发,三年以上经验。联系方式:请致电〔联系方式〕。",
        "😀" * 60_000 + "算法工程师 ABC" * 9_000,
        "职",
        "",
    ]
    spans, _, found = scan(*string_spans(pl.Series(texts)), compile_sections(Codebook()))
    drops = {
        i: [(s["start"], s["end"]) for s in row if s["end"] - s["start"] <= LEFT_OUT.get(s["kind"], -1)]
        for i, row in enumerate(spans.series().to_list())
    }
    assert drops[1]
    for got, expected in zip(found, sample(texts, drops), strict=True):
        assert got.dtype == expected.dtype
        assert got.tolist() == expected.tolist()
