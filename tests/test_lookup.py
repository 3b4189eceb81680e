"""Hash lookups and what is kept between batches: the same answers as the plain way."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from gangwei.codebook import Codebook
from gangwei.kernels.hash_lists import hashes
from gangwei.kernels.hashing import hash_addresses
from gangwei.kernels.lookup import Lookup
from gangwei.kernels.match.judging import FACTS
from gangwei.kernels.match.packed import WHO, Packed, Shelf
from gangwei.kernels.match.title import compile_titles, title_frame
from gangwei.kernels.match.title_memo import COLUMNS, TitleMemo


def page(url: str | None) -> str | None:
    """What names an ad in its address, the plain way."""
    found = re.match(r"(?:https?://)?([^?#\n]*)([?#][^\n]*)?\Z", url or "")
    if not found or "/" not in found[1]:
        return None
    if re.search(r"/.*[0-9]{4}", found[1]):
        return found[1]
    values = re.findall(r"=([0-9A-Za-z_-]*)", found[2] or "")
    return next((f"{found[1]}?{v}" for v in values if re.search(r"[0-9]{3}", v)), None)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.text(alphabet="h:/?#=&a1234岗\n", max_size=28).map(lambda s: s.replace("h", "https://", 1))))
def test_addresses_hash_as_the_pattern_reads_them(urls: list[str]) -> None:
    column = pl.Series([*urls, None, "http://a.b/c?d", "http:/a/1234"], dtype=pl.String)
    names = [page(u) for u in column]
    found = hash_addresses(column).tolist()
    assert [h == 0 for h in found] == [n is None for n in names]
    assert len(set(zip(names, found))) == len(set(names)) == len(set(found))


def test_what_names_an_ad_in_its_address() -> None:
    cases = {
        "https://jobs.example.com/all/160776642.html?s=01&t=0": "jobs.example.com/all/160776642.html",
        "https://board.example.cn/detail?id=1892363216928260101": "board.example.cn/detail?1892363216928260101",
        "https://board.example.cn/main/#/detail?key=1894920669": "board.example.cn/main/?1894920669",
        "http://hr.example.com/detail.php?id=29613&keywords=&tid=0": "hr.example.com/detail.php?29613",
        "http://koch.example.com/jobdetail.html?from=home": None,
        "": None,
    }
    assert {u: page(u) for u in cases} == cases


def test_lookup_finds_known_values_only() -> None:
    names = pl.Series(["甲", "", "乙", "丙"])
    assert Lookup(names).find(pl.Series(["乙", None, "丁", "", "甲"])).tolist() == [2, -1, -1, 1, 0]
    assert Lookup(names[:0]).find(pl.Series(["甲"])).tolist() == [-1]


def test_titles_are_read_alike_in_any_batch() -> None:
    rules = compile_titles(Codebook())
    titles = pl.Series(
        ["Java开发工程师", None, "高级java开发", "", "保安", "Java开发工程师", "算法工程师(北京)", "、、"]
    )
    whole = title_frame(titles, rules)
    memo = TitleMemo(rules, limit=3)
    for batch in (titles, titles[2:5], titles.reverse(), titles[:0], titles):
        got = memo.of(batch)
        want = title_frame(batch, rules)
        assert all(np.array_equal(got[c], want[c].to_numpy()) for c in COLUMNS)
        tokens = [np.frombuffer(b, np.uint32).tolist() for b in got["bag"]]
        assert tokens == want["bag"].to_list()
    assert whole.height == 8


def test_shelf_gives_back_every_row_in_order(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    n = 500
    lists = [rng.integers(0, 2**32, k, dtype=np.uint64).astype(np.uint32) for k in rng.integers(0, 6, n)]
    ptr = np.concatenate([[0], np.cumsum([x.size for x in lists])]).astype(np.int64)
    flat = np.concatenate(lists)
    facts, who = rng.integers(0, 9, (n, len(FACTS))), rng.integers(0, 9, (n, len(WHO))).astype(np.uint64)
    rows = Packed(np.arange(n), facts, who, facts[:, 0].astype(np.uint8), flat, ptr, flat, ptr)
    box = rng.integers(0, 5, n)
    with ThreadPoolExecutor(2) as pool:
        for budget in (0, 20_000, 1 << 30):
            shelf = Shelf(tmp_path, f"s{budget}", 5, budget, pool)
            for a in range(0, n, 90):
                part = np.arange(a, min(a + 90, n))
                shelf.add(shelf.sort(rows.take(part), box[part]))
            shelf.wait()
            for b, got in enumerate(pool.map(shelf.take, range(5))):
                assert got.pos.tolist() == np.flatnonzero(box == b).tolist()
                assert np.array_equal(got.facts, facts[got.pos])
                want = [lists[i] for i in got.pos]
                assert got.grams.tolist() == [int(v) for x in want for v in x]
                assert np.diff(got.ptr).tolist() == [x.size for x in want]
    assert not list(tmp_path.iterdir())
    assert hashes(flat, ptr).to_list()[3] == lists[3].tobytes()
