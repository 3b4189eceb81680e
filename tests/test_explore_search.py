"""explore.search and explore.index: what is found is what is there, with and without the index of texts."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest
from starlette.testclient import TestClient

from gangwei.explore import server as explore
from gangwei.explore.index import TextIndex, build, pairs_of_word
from gangwei.explore.search import Search
from gangwei.explore.snippet import snippet
from gangwei.frame.dataset import Dataset

WORDS = (
    "深度学习",
    "算法",
    "工程师",
    "python",
    "五险一金",
    "a",
    "的",
    "负责 算法",
    "不存在的词语",
    "不存在的词语 算法",
    "C++",
)


@pytest.fixture(scope="module")
def copied(explored: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("indexed")
    shutil.copytree(explored / "published", out / "published")
    return out


def texts(directory: Path) -> pl.DataFrame:
    """Openings with the lower-cased text of their representative."""
    read = lambda name: pl.read_parquet(directory / "published" / f"{name}.parquet")  # noqa: E731
    return (
        read("openings")
        .select("ad_id", "ai_tier")
        .join(read("texts").select("ad_id", pl.col("text").str.to_lowercase()), on="ad_id")
    )


def holding(frame: pl.DataFrame, words: str) -> set[str]:
    for w in words.lower().split():
        frame = frame.filter(pl.col("text").str.contains(w, literal=True))
    return set(frame["ad_id"])


def every(search: Search, words: str, kind: str, key: str) -> list[str]:
    """All pages of a search."""
    out: list[str] = []
    while True:
        hits = search.search(words, kind, 50, len(out))
        out += [r[key] for r in hits.rows]
        if len(hits.rows) < 50:
            return out


def test_titles_of_all_ads(copied: Path) -> None:
    search = Search(Dataset.open(copied))
    ads = pl.read_parquet(copied / "published" / "ads.parquet").with_columns(low=pl.col("title").str.to_lowercase())
    for word in ("算法", "工程师", "java", "zzzz"):
        wanted = set(ads.filter(pl.col("low").str.contains(word, literal=True))["opening_id"])
        found = every(search, word, "title", "opening_id")
        assert set(found) == wanted and len(found) == len(wanted) == search.search(word, "title", 1, 0).total, word


def test_employers(copied: Path) -> None:
    search = Search(Dataset.open(copied))
    names = pl.read_parquet(copied / "published" / "employers.parquet").filter(pl.col("kind").ne_missing("person"))
    wanted = set(names.filter(pl.col("name").str.contains("科技", literal=True))["employer_id"])
    assert set(every(search, "科技", "employer", "employer_id")) == wanted


@pytest.mark.parametrize("words", WORDS)
def test_texts_of_ai_openings(copied: Path, words: str) -> None:
    found = every(Search(Dataset.open(copied)), words, "text", "ad_id")
    assert set(found) == holding(texts(copied).filter(pl.col("ai_tier") != "none"), words)


def test_ads_without_a_text_hold_nothing(copied: Path, tmp_path: Path) -> None:
    shutil.copytree(copied / "published", tmp_path / "published")
    path = tmp_path / "published" / "texts.parquet"
    some = pl.read_parquet(path).with_columns(pl.when(pl.int_range(pl.len()) % 3 > 0).then("text"))
    some.write_parquet(path)
    found = every(Search(Dataset.open(tmp_path)), "算法", "text", "ad_id")
    wanted = holding(texts(tmp_path).filter(pl.col("ai_tier") != "none"), "算法")
    assert set(found) == wanted and 0 < len(wanted) < len(every(Search(Dataset.open(copied)), "算法", "text", "ad_id"))


def test_the_index_finds_what_a_scan_finds(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gangwei.explore.index.BLOCK", 700)
    ds = Dataset.open(copied)
    facts = build(ds)
    assert facts["openings"] == texts(copied).filter(pl.col("text") != "").height and facts["blocks"] > 1
    index = TextIndex.open(ds)
    search = Search(ds, index)
    for words in WORDS:
        found = every(search, words, "text", "ad_id")
        whole = texts(copied)
        if all(len(w) < 2 for w in words.split()):
            whole = whole.filter(pl.col("ai_tier") != "none")
        assert set(found) == holding(whole, words) and len(found) == len(set(found)), words
        hits = search.search(words, "text", 50, 0)
        assert hits.total >= len(found) and (not hits.exact or hits.total == len(found)), words


def test_an_index_of_another_build_is_not_used(copied: Path) -> None:
    build(Dataset.open(copied))
    ds = Dataset.open(copied)
    ds.manifest["build_key"] = "another"
    assert TextIndex.open(ds) is None


def test_the_page_says_what_is_indexed(copied: Path) -> None:
    facts = explore.index(copied)
    assert facts == explore.index(copied), "an index of the same build is kept"
    page = TestClient(explore.create(copied)).get("/search")
    assert f"{facts['openings']:,} openings are indexed" in page.text


def test_pairs_of_a_word() -> None:
    assert pairs_of_word("a") == [] and len(pairs_of_word("abc")) == 2 and len(pairs_of_word("哈哈哈")) == 1


def test_two_datasets_side_by_side(explored: Path, hostile_explored: Path) -> None:
    client = TestClient(explore.create(explored, compare=hostile_explored))
    found = client.get("/compare.json?measure=openings").json()
    assert found["what"] == "datasets"
    sizes = [pl.read_parquet(d / "published" / "openings.parquet").height for d in (explored, hostile_explored)]
    assert [w["value"] for w in found["whole"]] == sizes
    assert client.get("/compare?measure=ai-share&by=province&what=datasets").status_code == 200
    assert client.get("/compare?measure=ai-share&by=province&what=definitions").status_code == 200
    assert TestClient(explore.create(explored)).get("/compare?what=datasets").status_code == 404
    early = TestClient(explore.create(explored, compare=hostile_explored, as_of="2001-02-03"))
    sides = early.get("/compare.json?measure=defence-tiers&what=datasets").json()["whole"]
    assert [s["as_of"] for s in sides] == ["2001-02-03", "2001-02-03"]


@pytest.mark.parametrize(
    ("text", "words", "shown"),
    [
        ("负责Python开发", ["python"], [("负责", False), ("Python", True), ("开发", False)]),
        ("岗位职责：\n1、 算法\n2、数据", ["数据", "算法"], [("岗位职责： 1、 ", False), ("算法", True), (" 2、", False), ("数据", True)]),
        ("前" * 60 + "算法" + "后" * 60, ["算法"], [("…", False), ("前" * 40, False), ("算法", True), ("后" * 40, False), ("…", False)]),
        ("深度学习", ["学习", "深度学习"], [("深度学习", True)]),
        ("会c++", ["c++"], [("会", False), ("c++", True)]),
        ("İstanbul 算法", ["算法"], [("İstanbul ", False), ("算法", True)]),
        ("\u202e算法", ["算法"], [("\ufffd", False), ("算法", True)]),
        ("没有", ["算法"], []),
        (None, ["算法"], []),
    ],
)  # fmt: skip
def test_words_around_the_first_match(text: str | None, words: list[str], shown: list[tuple[str, bool]]) -> None:
    assert snippet(text, words) == shown


def test_each_opening_found_by_its_text_shows_where(copied: Path) -> None:
    held = dict(pl.read_parquet(copied / "published" / "texts.parquet", columns=["ad_id", "text"]).iter_rows())
    build(Dataset.open(copied))
    plain, indexed = Dataset.open(copied), Dataset.open(copied)
    for search in (Search(plain), Search(indexed, TextIndex.open(indexed))):
        rows = search.search("算法 python", "text", 20, 0).rows
        assert rows
        for r in rows:
            assert any(s["match"] for s in r["snippet"])
            whole = "".join(s["text"] for s in r["snippet"]).strip("…")
            assert " ".join(whole.split()) in " ".join(held[r["ad_id"]].split()), "in the letter case of the ad"
    client = TestClient(explore.create(copied))
    page = client.get("/search?q=算法&in=text&lang=zh")
    assert page.text.count("<mark>算法</mark>") >= len(client.get("/search.json?q=算法&in=text").json()["rows"]) > 0
    assert "<mark>" not in client.get("/search?q=算法").text
    assert (
        client.get("/search.json?q=ｐｙｔｈｏｎ&in=text").json()["total"]
        == client.get("/search.json?q=python&in=text").json()["total"]
        > 0
    )


def test_a_search_for_the_name_of_a_place_a_skill_or_a_concept_leads_to_its_page(explored: Path) -> None:
    client = TestClient(explore.create(explored))
    for words, path in (("合肥", "/regions/340100"), ("hefei", "/regions/340100"), ("广东省", "/regions/440000"), ("python", "/skills/python"), ("机器学习", "/skills/machine-learning")):  # fmt: skip
        assert path in [p["path"] for p in client.get("/search.json", params={"q": words}).json()["pages"]], words
        page = client.get("/search", params={"q": words, "lang": "zh"}).text
        assert f'href="{path}?lang=zh"' in page
        assert client.get(path).status_code == 200
    several = client.get("/search.json", params={"q": "朝阳"}).json()["pages"]
    assert {p["name"] for p in several} >= {"Chaoyang · Beijing", "Chaoyang · Changchun"}
    assert client.get("/search.json", params={"q": "没有这个名字"}).json()["pages"] == []
