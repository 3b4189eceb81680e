"""The brief: self-contained, escaped, accessible, the same bytes, true on odd data."""

from __future__ import annotations

import json
import re
from collections import Counter
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from gangwei.brief import report
from gangwei.codebook import PACKAGED, Codebook
from gangwei.frame.check import DatasetError
from gangwei.frame.dataset import Dataset
from gangwei.labels import Labels
from gangwei.measures import measure
from published_fixture import HOSTILE, Spec, write


class Page(HTMLParser):
    """Tags, ids, links and text of a page; void and self-closed tags need no end."""

    VOID = frozenset({"meta", "link", "br", "img", "input", "hr"})

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: Counter[str] = Counter()
        self.ids: Counter[str] = Counter()
        self.links: list[str] = []
        self.attributes: set[str] = set()
        self.headings: list[int] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        for k, v in attrs:
            self.attributes.add(k)
            if k == "id":
                self.ids[v or ""] += 1
            if k in ("href", "src"):
                self.links.append(v or "")
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    d = tmp_path_factory.mktemp("made")
    write(d, Spec(ads=1500))
    out = {}
    for lang in ("en", "zh"):
        rows = report.write_from(d, d / f"{lang}.html", lang=lang)
        assert len(rows) == 8 and all(r["label"] and r["value"] and r["published"] and r["verdict"] for r in rows)
        out[lang] = (d / f"{lang}.html").read_text("utf-8")
    return d, out


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_page_is_whole_and_asks_for_nothing(pages: tuple[Path, dict[str, str]], lang: str) -> None:
    html = pages[1][lang]
    page = Page(html)
    assert not page.open
    assert len(html.encode()) < 6_000_000
    assert not page.tags["script"] and not page.tags["iframe"] and not page.tags["img"]
    assert not any(a.startswith("on") for a in page.attributes)
    assert all(link.startswith("#") or link == "data:," for link in page.links)
    assert "@import" not in html and not re.search(r"url\((?!#)", html)
    assert max(page.ids.values()) == 1
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    assert page.headings[0] == 1 and all(b - a <= 1 for a, b in zip(page.headings, page.headings[1:]))
    assert page.tags["details"] >= 10 and f'lang="{"zh-CN" if lang == "zh" else "en"}"' in html
    text = "".join(page.text)
    assert not re.search(r"\bnan\b|\bNone\b|\{[a-z_]+\}", text)


def test_hostile_ads_are_words(pages: tuple[Path, dict[str, str]]) -> None:
    html = pages[1]["en"]
    assert "<script" not in html and "&lt;script&gt;" in html
    assert "\u202e" not in html and "onerror=alert" in html.replace("&#34;", '"')
    assert "49" not in re.findall(r"img&gt; ?(\S+)", html)
    assert report.public(HOSTILE).startswith("<script>")
    assert report.public("3.2\u202f% of\u00a0 all") == "3.2\u202f% of all"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("call 13800138000 now", "call … now"), ("a@b.cn", "…"), ("2024-11-16_job.zip", "2024-11-16_job.zip"), ("1,234,567", "1,234,567"),
        ("020-1234 5678", "…"), ("https://x.example/y z", "… z"), ("a\x00b\u202ec", "abc"), ("x" * 300, "x" * 119 + "…"), ("12345678901", "…"),
    ],
)  # fmt: skip
def test_shown_strings_carry_no_contacts(text: str, shown: str) -> None:
    assert report.public(text) == shown


@pytest.mark.slow
def test_same_dataset_same_bytes(pages: tuple[Path, dict[str, str]]) -> None:
    d, html = pages
    report.write_from(d, d / "again.html", lang="en")
    assert (d / "again.html").read_text("utf-8") == html["en"]


def test_page_says_what_the_measure_says(pages: tuple[Path, dict[str, str]]) -> None:
    d, html = pages
    ds = Dataset.open(d)
    text = "".join(Page(html["en"]).text)
    ai = measure(ds, "ai-openings")
    assert f"{ai.value:,.0f} of" in text
    share = measure(ds, "cluster-share").value or 0
    assert f"{share * 100:.1f}" in text
    table = measure(ds, "province-rank").rows
    for r in table.to_dicts():
        assert f'id="prov-{r["id"]}"' in html["en"]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (Spec(ads=0, employers=0), "no openings"), (Spec(ads=200, ai=0.0), "no AI opening"), pytest.param(Spec(ads=300, cities=("310000",)), "in one place", marks=pytest.mark.slow),
        pytest.param(Spec(ads=300, dates=False), "no usable dates", marks=pytest.mark.slow), (Spec(ads=1, employers=1, ai=1.0), "AI openings"),
    ],
)  # fmt: skip
def test_odd_data_is_said_plainly(tmp_path: Path, spec: Spec, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lang = "zh" if spec.employers == 1 else "en"
    monkeypatch.setattr("gangwei.charts.svg", lambda spec, label, prefix: f'<div id="{prefix}-stub"></div>')
    write(tmp_path, spec)
    report.write_from(tmp_path, tmp_path / "b.html", lang=lang)
    html = (tmp_path / "b.html").read_text("utf-8")
    page = Page(html)
    assert not page.open and max(page.ids.values()) == 1
    if lang == "en":
        assert said in html
    assert not re.search(r"\bnan\b", "".join(page.text))


def test_date_without_dates_is_the_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, Spec(ads=0, employers=0, dates=False))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    report.write_from(tmp_path, tmp_path / "b.html")
    assert "Data to 2023-11-14" in (tmp_path / "b.html").read_text("utf-8")


def test_cannot_write(tmp_path: Path) -> None:
    write(tmp_path, Spec(ads=0, employers=0))
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError, match="cannot write"):
        report.write_from(tmp_path, tmp_path / "file" / "b.html")
    (tmp_path / "b.html" / "x").mkdir(parents=True)
    before = {p.name for p in tmp_path.iterdir()}
    with pytest.raises(DatasetError, match="is a folder"):
        report.write_from(tmp_path, tmp_path / "b.html")
    assert {p.name for p in tmp_path.iterdir()} == before


@pytest.mark.browser
def test_browser_sees_no_error_and_no_overflow(pages: tuple[Path, dict[str, str]]) -> None:
    api = pytest.importorskip("playwright.sync_api")
    import shutil

    if not (path := shutil.which("chromium")):
        pytest.skip("no Chromium")
    with api.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for lang in ("en", "zh"):
            for width in (390, 1280):
                page = browser.new_page(viewport={"width": width, "height": 900})
                wrong: list[str] = []
                page.on("console", lambda m, w=wrong: w.append(m.text))
                page.on("pageerror", lambda e, w=wrong: w.append(str(e)))
                page.on(
                    "request", lambda r, w=wrong: w.append(r.url) if not r.url.startswith(("file:", "data:")) else None
                )
                page.goto((pages[0] / f"{lang}.html").as_uri())
                assert not wrong
                assert page.evaluate("document.documentElement.scrollWidth") <= width
                name = "广东" if lang == "zh" else "Guangdong"
                link = page.get_by_role("link", name=re.compile(f"^{name}[:：]"))
                page.keyboard.press("Tab")  # from here on focus is that of the keyboard
                link.focus()
                seen = link.locator("path").evaluate(
                    "e => getComputedStyle(e).stroke + getComputedStyle(e).strokeWidth"
                )
                assert seen == "rgb(194, 106, 26)3px", "a focus that is seen on dark and light colours alike"
                link.dispatch_event("click")
                assert page.url.endswith("#prov-440000")
                page.close()
        browser.close()


def test_rows_of_the_appendix_are_rows_of_the_dataset(pages: tuple[Path, dict[str, str]]) -> None:
    ads = pl.read_parquet(pages[0] / "published/ads.parquet")
    titles = set(ads["title"])
    shown = re.findall(r"<td>(工程师 \d+)</td>", pages[1]["zh"])
    assert shown and set(shown) <= titles


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_share_that_is_suppressed_leaves_no_empty_brackets(tmp_path: Path, lang: str) -> None:
    write(tmp_path, Spec(ads=4, employers=2, ai=1.0))
    report.write_from(tmp_path, tmp_path / "b.html", lang=lang)
    assert not re.search(r"[(（]–[)）]", (tmp_path / "b.html").read_text("utf-8"))


def test_the_chinese_brief_says_reasons_and_sources_in_chinese(tmp_path: Path) -> None:
    write(tmp_path, Spec(ads=300))
    manifest = tmp_path / "published" / "manifest.json"
    facts = json.loads(manifest.read_text("utf-8"))
    facts["inputs"] = [{"file": "a.xlsx", "read": 3, "kept": 2, "rejected": {"table_note": 1}, "encoding": "excel"}]
    manifest.write_text(json.dumps(facts), "utf-8")
    said = {}
    for lang in ("zh", "en"):
        report.write_from(tmp_path, tmp_path / "b.html", lang=lang)
        said[lang] = (tmp_path / "b.html").read_text("utf-8")
        assert "table_note" not in said[lang]
    assert "Issue brief" not in said["zh"] and "研究简报" in said["zh"] and "Issue brief" in said["en"]


def test_names_of_own_clusters_and_lists_of_names(tmp_path: Path) -> None:
    """A cluster that no label file names goes by its name in clusters.csv; Chinese words stand apart from Latin ones."""
    write(tmp_path, Spec(ads=50))
    own = tmp_path / "published" / "definitions"
    for name in ("places/clusters.csv", "measures/settings.toml"):
        (own / name).parent.mkdir(parents=True)
        (own / name).write_text((PACKAGED / name).read_text("utf-8"), "utf-8")
    with (own / "places/clusters.csv").open("a", encoding="utf-8") as f:
        f.write('two_own,own,我的双城,My two cities,2024,440100;110000,"my memo",\n')
    rules = (own / "measures/settings.toml").read_text("utf-8")
    (own / "measures/settings.toml").write_text(rules.replace("[scopes]", '[scopes]\nown = ["two_own"]'), "utf-8")
    assert Codebook(own).own() == [("measures/settings.toml", 1, 0), ("places/clusters.csv", 1, 0)]
    for lang, told in (("en", "settings.toml (lines: +1, −0); places"), ("zh", "settings.toml（行：+1，−0）；places")):
        report.write_from(tmp_path, tmp_path / "own.html", lang=lang)
        assert told in (tmp_path / "own.html").read_text("utf-8")
    ds = Dataset.open(tmp_path)
    zh, en = Labels(ds, "zh"), Labels(ds, "en")
    assert (
        zh.code("cluster", "own") == zh.code("scope", "own") == "我的双城"
        and en.code("scope", "own") == "My two cities"
    )
    assert zh.code("cluster", "outside") == "城市群以外" and zh.code("tier", "builder") != "builder"
    assert zh.listed(["Python", "Java", "沟通能力"]) == "Python、Java 和沟通能力"
    assert zh.listed(["北京", "上海"]) == "北京和上海" and en.listed(["a", "b"]) == "a and b"


def test_the_english_brief_says_which_names_are_chinese(pages: tuple[Path, dict[str, str]]) -> None:
    """Outside of what is marked as Chinese no Chinese is left, so that a screen reader changes its voice."""
    body = re.sub(r"<style>.*?</style>|<svg.*?</svg>|<title>.*?</title>", "", pages[1]["en"], flags=re.S)
    left = re.sub(r'<span lang="zh-CN">[^<]*</span>', "", body)
    assert re.findall(r">[^<>]*[\u4e00-\u9fff][^<>]*<", left) == []
    assert '<span lang="zh-CN">' not in pages[1]["zh"]


def test_a_dataset_without_ai_openings_or_dates_claims_nothing(tmp_path: Path) -> None:
    """No verdict on variants of nothing, no employer said to be missing, no empty figure in a sentence."""
    write(tmp_path, Spec(ads=60, ai=0.0, dates=False))
    report.write_from(tmp_path, tmp_path / "b.html", lang="en")
    html = (tmp_path / "b.html").read_text("utf-8")
    words = re.sub(r"<[^>]+>", "\n", html.partition('id="summary"')[2])
    assert "no AI opening\n" in words and "no employer named" not in words and "– (0)" not in words
    assert not re.search(r"^survives$", words, re.M) and "The 0 openings" not in words
    assert "60 ads without usable dates" in words


def test_tables_of_variants_say_what_is_shared_by_which_places(pages: tuple[Path, dict[str, str]]) -> None:
    for lang, said in (("en", "Share of the places as reported"), ("zh", "正文所列地区合计占比")):
        assert said in pages[1][lang]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_reader_of_the_brief_alone_finds_the_ad_and_its_words(pages: tuple[Path, dict[str, str]], lang: str) -> None:
    """Each opening of the appendix carries the id that `gangwei explain` and /ads/ take; commands and paths keep the language."""
    appendix = pages[1][lang].partition('id="ads-ai_openings"')[2]
    ids = re.findall(r"<td><code>([^<]+)</code></td></tr>", appendix)
    assert ids and set(ids) <= set(pl.read_parquet(pages[0] / "published/ads.parquet")["ad_id"])
    assert len(ids) == len(re.findall(r"<tr><td>", appendix.partition("</section>")[0].partition("<h3>")[0]))
    commands = re.findall(r'<p class="links"><code>([^<]+)</code> <code>([^<]+)</code>', appendix)
    assert len(commands) > 5 and all(
        (c.endswith("--lang zh"), "lang=zh" in p) == (lang == "zh",) * 2 for c, p in commands
    )
    assert "gangwei explain DIR AD_ID" in pages[1][lang]


def test_every_number_of_a_sentence_has_its_command(pages: tuple[Path, dict[str, str]]) -> None:
    """The first claim names five counts: each is told again below its ads with the command and the path that give it."""
    d, html = pages
    block = html["en"].partition('id="ads-ai_openings"')[2].partition('class="evidence"')[0]
    listed = re.findall(r"<li>([^<]+)<code>gangwei measure DIR ([^<]+)</code><code>([^<]+)</code>", block)
    sentence = re.sub(
        r"<[^>]+>", "", html["en"].partition('id="claim-ai_openings">')[2].partition('<span class="tail">')[0]
    )
    values = [name.rpartition(": ")[2].split(" (")[0] for name, _, _ in listed]
    assert len(values) == 5 and all(v in sentence for v in values), (values, sentence)
    ds = Dataset.open(d)
    for name, command, path in listed:
        asked = command.split()
        where = dict(w.split("=") for k, w in pairwise(asked) if k == "--where")
        r = measure(ds, asked[0], None, where)
        shown = name.rpartition(": ")[2].split(" (")[0]
        value = float(shown.rstrip("\u202f %").replace(",", "")) / (100 if "%" in shown else 1)
        assert r.value is not None and abs(value - r.value) < 0.0006 and path.startswith(f"/m/{asked[0]}")
