"""The explorer and the labelling page in a real Chromium: what readers do, at two widths, with and without script."""

from __future__ import annotations

import csv
import io
import re
import shutil
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import polars as pl
import pytest

from build_fixture import table
from explore_fixture import MAIL, PHONE, serving
from gangwei.explore import label
from gangwei.explore.server import create

pytest.importorskip("playwright", reason="playwright is not installed (pip install -e '.[dev]')")
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = [
    "--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run",
    "--disable-features=OptimizationHints,MediaRouter,Translate",
]  # fmt: skip
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here (apt-get install chromium)"),
]
WIDTHS = (1280, 390)
LEAST = 320
"""Pixels of a window of 1280 at 400 % zoom."""
FOREIGN = """() => {
  const out = [], all = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (all.nextNode()) {
    const at = all.currentNode.parentElement;
    if (/[\\u4e00-\\u9fff]/.test(all.currentNode.data) && !at.closest('pre, option') && !at.closest('[lang]').getAttribute('lang').startsWith('zh')) out.push(all.currentNode.data);
  }
  return out;
}"""
"""Chinese text that a page passes off as English."""
NAMELESS = "[...document.querySelectorAll('table')].filter(t => !t.caption && !t.getAttribute('aria-label')).length"
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as p:
        found = p.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield found
        found.close()


@pytest.fixture(scope="module")
def site(explored: Path) -> Iterator[str]:
    with serving(create(explored)) as address:
        yield address


@pytest.fixture
def visit(browser: Browser) -> Iterator[Open]:
    """Open pages; afterwards: no error in the console, no request off this machine, nothing wider than the window."""
    contexts, troubles = [], list[str]()

    def start(width: int = 1280, script: bool = True) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900}, java_script_enabled=script)
        contexts.append(context)
        page = context.new_page()
        page.on(
            "console", lambda m: troubles.append(f"{page.url}: {m.text}") if m.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda e: troubles.append(f"{page.url}: {e}"))
        page.on("dialog", lambda d: (troubles.append(f"{page.url}: dialog {d.message}"), d.dismiss()))

        def asked(url: str) -> None:
            if urlsplit(url).hostname not in ("127.0.0.1", None):
                troubles.append(f"{page.url}: asked {url}")

        page.on("request", lambda r: asked(r.url))
        return page

    yield start
    for c in contexts:
        c.close()
    assert not troubles, troubles


def pages_of(out: Path) -> list[str]:
    """One page of every kind, with and without data."""
    ads = table(out, "ads")
    ai = ads.filter(pl.col("ai_tier") != "none")
    ad = (ai if ai.height else ads)["ad_id"][0]
    employers = ads["employer_id"].drop_nulls()
    occupations = ads["occupation_code"].drop_nulls()
    return [
        "/", "/measures", "/profiles", "/m/ai-share?by=province", "/m/ai-share?by=city&where=education%3Dmaster", "/m/city-rank",
        "/m/ai-skills", "/m/ai-flow", "/m/pay-median?by=role", "/m/ads-per-opening", "/m/ai-share?by=province&where=education%3Djunior_secondary",
        "/m/ai-openings/ads?where=tier%3Dbuilder", "/m/ai-share/across?by=city", "/m/pay-median/across?by=role&across=province", "/compare?by=province", "/compare?by=city&where=education%3Dmaster", "/search", "/search?q=%E7%AE%97%E6%B3%95",
        "/search?q=%E7%A7%91%E6%8A%80&in=employer", "/search?q=zzzz", f"/ads/{ad}", f"/employers/{employers[0]}", "/regions/440300",
        "/regions/440000", f"/occupations/{occupations[0]}", "/skills/python", "/concepts/deep_learning", "/definitions",
        "/definitions?file=ai/terms.csv", "/definitions?file=ai/rules.toml", "/method", "/quality", "/rejects",
    ]  # fmt: skip


def in_language(path: str, lang: str) -> str:
    return path if lang == "en" else path + ("&" if "?" in path else "?") + "lang=zh"


def too_wide(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@pytest.mark.parametrize("width", [*(pytest.param(w, marks=pytest.mark.slow) for w in (WIDTHS[0], LEAST)), *WIDTHS[1:]])
def test_every_page_fits_the_window(visit: Open, site: str, explored: Path, width: int) -> None:
    page = visit(width)
    for path in pages_of(explored):
        for lang in ("en", "zh"):
            answer = page.goto(site + in_language(path, lang))
            assert answer is not None and answer.status == 200, path
            assert too_wide(page) <= 0, f"{path} at {width} is {too_wide(page)} pixels too wide"
            assert page.locator("h1").count() == 1, path


@pytest.mark.slow
@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_is_accessible(visit: Open, site: str, explored: Path, width: int) -> None:
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed"
    ).Axe()
    page = visit(width)
    for n, path in enumerate(pages_of(explored)):
        page.goto(site + in_language(path, ("en", "zh")[n % 2]))
        found = axe.run(page)
        assert found.violations_count == 0, f"{path}: {found.generate_report()}"


def test_a_page_says_what_is_chinese_and_what_a_table_holds(visit: Open, site: str, explored: Path) -> None:
    """A screen reader changes its voice at a Chinese name, and lists tables by their names."""
    page = visit()
    for path in [*pages_of(explored), "/m/employer-rank", "/m/ai-openings/ads?by=employer"]:
        page.goto(site + path)
        assert page.evaluate(FOREIGN) == [], path
        assert page.evaluate(NAMELESS) == 0, path
    page.goto(site + "/definitions?lang=zh")
    assert page.locator("tbody td span[lang=en]").count() > 10


def test_a_chart_can_be_skipped(visit: Open, site: str) -> None:
    """A map of cities has hundreds of links: the keyboard goes past them at once."""
    page = visit()
    for path, next_ in (("/m/ai-openings?by=city", "The ads behind it"), ("/", "Cities with the most")):
        page.goto(site + path)
        link = page.get_by_role("link", name="Skip the chart")
        link.focus()
        box = link.bounding_box()
        assert box is not None and box["width"] > 50, "seen while it has the focus"
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert next_ in page.evaluate("document.activeElement.textContent"), path


@pytest.mark.parametrize("width", WIDTHS)
def test_from_the_chart_to_the_evidence_and_back(visit: Open, site: str, width: int) -> None:
    page = visit(width)
    page.goto(site + "/m/ai-share?by=province")
    page.locator('figure svg a[aria-label^="Guangdong"]').first.dispatch_event("click")
    page.wait_for_url("**where=province%3D440000**")
    chip = page.locator("a.chip")
    assert "Guangdong" in chip.inner_text()
    counted = page.locator(".lead .mute").inner_text()
    page.get_by_role("link", name="The ads behind it").click()
    number = int(page.locator(".lead strong").inner_text())
    parts = float(re.findall(r"([\d.]+) of [\d,.]+ openings", counted)[0])
    assert parts <= number <= parts + 2, "openings in several cities count in parts"
    assert parts == number or "count in parts" in page.locator("main").inner_text()
    page.locator("table.ads tbody th a").first.click()
    assert page.locator("mark").first.is_visible()
    here = page.url
    page.get_by_role("link", name="中文").click()
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    page.go_back()
    assert page.url == here
    page.go_back()
    assert "/ads?" in page.url
    page.go_back()
    page.locator("a.chip").click()
    assert "where" not in page.url and page.locator("a.chip").count() == 0


def test_a_click_with_the_mouse_filters(visit: Open, site: str) -> None:
    page = visit()
    page.goto(site + "/m/ai-openings?by=province")
    shape = page.locator('svg.map a[aria-label^="Sichuan"] path').bounding_box()
    assert shape is not None
    page.mouse.click(shape["x"] + shape["width"] / 2, shape["y"] + shape["height"] / 2)
    page.wait_for_url("**where=province%3D510000**")


def test_forms_and_keys(visit: Open, site: str) -> None:
    page = visit()
    page.goto(site + "/m/ai-share")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.select_option("select[name=by]", "education")
    page.get_by_label("Add a filter").select_option("tier=none")
    page.get_by_role("button", name="Apply").click()
    page.wait_for_url("**by=education**")
    assert "by=education" in page.url and "where=tier%3Dnone" in page.url
    page.goto(site + "/")
    page.fill("input[name=q]", "算法")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=**")
    assert "found" in page.locator("main").inner_text()


def test_the_download_equals_the_page(visit: Open, site: str) -> None:
    page = visit()
    page.goto(site + "/m/ai-share?by=education")
    shown = [[c.strip() for c in row.inner_text().split("\t")] for row in page.locator("main table tbody tr").all()]
    with urllib.request.urlopen(page.get_by_role("link", name=".csv").evaluate("a => a.href")) as answer:
        rows = list(csv.DictReader(io.StringIO(answer.read().decode("utf-8-sig"))))
    assert [r[0] for r in shown] == [r["label"] for r in rows]
    for cells, row in zip(shown, rows):
        if row["suppressed"] == "false":
            share = float(cells[1].replace("%", "").strip()) / 100
            assert abs(share - float(row["value"])) < 0.0006, (cells, row)


@pytest.mark.parametrize("width", WIDTHS)
def test_without_script(visit: Open, site: str, width: int) -> None:
    page = visit(width, script=False)
    page.goto(site + "/m/ai-openings?by=province")
    assert page.locator("svg.map a").count() > 10
    page.select_option("select[name=by]", "role")
    page.get_by_role("button", name="Apply").click()
    assert page.locator("main table tbody tr").count() > 2
    page.get_by_role("link", name="The ads behind it").click()
    page.locator("table.ads tbody th a").first.click()
    assert page.locator("h1").count() == 1


def test_print_view(visit: Open, site: str, tmp_path: Path) -> None:
    page = visit()
    page.goto(site + "/m/ai-openings?by=province")
    page.emulate_media(media="print")
    assert not page.locator("header.top").is_visible() and not page.locator(".controls").is_visible()
    assert page.locator("svg.map").is_visible() and page.locator("main table").is_visible()
    for path in ("/", "/search?q=x", "/compare"):
        page.goto(site + path)
        assert not page.locator("main form").is_visible(), path
    page.pdf(path=tmp_path / "page.pdf", format="A4")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")


def test_the_boundary_lines_are_drawn(visit: Open, site: str) -> None:
    page = visit()
    for path in ("/", "/m/ai-openings?by=city"):
        page.goto(site + path)
        line = page.locator("svg.map > path[pointer-events=none]").last
        assert len(line.get_attribute("d") or "") > 300, path


def test_hostile_ads_in_a_browser(visit: Open, hostile_explored: Path) -> None:
    with serving(create(hostile_explored)) as address:
        for width in WIDTHS:
            page = visit(width)
            ads = table(hostile_explored, "ads")
            paths = [f"/ads/{a}" for a in ads["ad_id"]] + [f"/employers/{e}" for e in ads["employer_id"].drop_nulls()]
            for path in [*paths, "/", "/m/openings/ads", "/search?q=%3Cscript%3E", "/m/ai-openings?by=employer"]:
                page.goto(address + path)
                assert (
                    page.locator(
                        "main script, main img, main iframe, main style, main [onload], main [onerror]"
                    ).count()
                    == 0
                ), path
                assert not re.search(r"owned|^\d$", page.title()), path
                assert all(u is None or not u.startswith(("javascript:", "data:")) for u in links(page)), path
                text = page.content()
                assert PHONE not in text and MAIL not in text and "\u202e" not in text, path
                assert too_wide(page) <= 0, (path, width)


def links(page: Page) -> list[str | None]:
    found: list[str | None] = page.evaluate(
        "[...document.querySelectorAll('body [href]')].map(a => a.getAttribute('href'))"
    )
    return found


def test_labelling_with_the_keyboard(visit: Open, explored: Path, tmp_path: Path) -> None:
    copy = tmp_path / "work"
    shutil.copytree(explored / "published", copy / "published")
    answers = {"ann": "baun", "李娜": "bann"}
    with serving(label.create(copy, size=12)) as address:
        for reader, keys in answers.items():
            page = visit(1280 if reader == "ann" else 390)
            page.goto(f"{address}/?lang={'en' if reader == 'ann' else 'zh'}")
            page.keyboard.press("Tab")
            assert page.evaluate("document.activeElement.className") == "skip"
            page.fill("input[name=reader]", reader)
            page.keyboard.press("Enter")
            page.wait_for_selector("article")
            assert page.evaluate(FOREIGN) == []
            for key in keys[:2]:
                choose(page, key)
            page.goto(page.url)  # a reader who comes back goes on where they stopped
            assert re.search(r"\b2\b", page.locator(".progress").inner_text())
            for key in keys[2:]:
                choose(page, key)
            assert too_wide(page) <= 0
        page = visit()
        page.goto(f"{address}/?reader=ann&lang=en")
        assert "kappa" in page.locator("main").inner_text()


def test_a_labeller_goes_back(visit: Open, explored: Path, tmp_path: Path) -> None:
    """The link shows the ad before with its answer; the browser's Back puts no answer on another ad."""
    copy = tmp_path / "work"
    shutil.copytree(explored / "published", copy / "published")
    with serving(label.create(copy, size=12)) as address:
        page = visit()
        page.goto(f"{address}/?reader=ann")
        first = page.locator("input[name=ad_id]").get_attribute("value")
        page.locator("input[name=unsure]").check()
        choose(page, "b")
        choose(page, "n")
        page.go_back()
        if page.locator("input[name=ad_id]").get_attribute("value") != first:
            assert page.locator("input[name=ai_tier]:checked").count() == 0
        page.goto(f"{address}/?reader=ann")
        for _ in range(2):
            page.locator("a[accesskey=p]").click()
        assert page.locator("input[name=ad_id]").get_attribute("value") == first
        assert page.locator("input[name=ai_tier]:checked").get_attribute("value") == "builder"
        assert page.locator("input[name=unsure]").is_checked()
        choose(page, "a")
        assert page.locator(".progress").inner_text().startswith("ann: 2 of")
    assert label.labels(copy, "ann")[str(first)]["ai_tier"] == "adjacent"


def choose(page: Page, key: str) -> None:
    """Pick an answer by its key and save, without the mouse."""
    before = page.locator("input[name=ad_id]").get_attribute("value")
    radio = page.locator(f"input[type=radio][accesskey='{key}']")
    radio.focus()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    page.wait_for_function("id => document.querySelector('input[name=ad_id]')?.value !== id", arg=before)


def test_nothing_but_this_machine(site: str) -> None:
    with urllib.request.urlopen(site + "/m/ai-share?by=city") as answer:
        body = answer.read().decode()
    outside = set(re.findall(r'(?:href|src|action)="(https?://[^"]+)"', body))
    assert not outside
