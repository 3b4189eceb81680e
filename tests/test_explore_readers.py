"""What four readers do in a real Chromium: check a number, cross two dimensions, follow an affiliation, go astray."""

from __future__ import annotations

import csv
import io
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import polars as pl
import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from build_fixture import build, table
from explore_fixture import serving
from gangwei import measures
from gangwei.cli import main
from gangwei.explore.server import create

pytest.importorskip("playwright", reason="playwright is not installed (pip install -e '.[dev]')")
from playwright.sync_api import Browser, Page

from test_explore_browser import Open, browser, site, too_wide, visit  # noqa: F401

pytestmark = pytest.mark.browser
TAGGED = (
    "id,title,company,city,tags,description,posted\n"
    "1,AI软件开发工程师,中电科网络安全科技股份有限公司,成都,深度学习|机器学习|多模态算法,,2024\n"
    "2,AI软件开发工程师,杭州海康威视数字技术股份有限公司,合肥,,负责深度学习模型训练与部署，搭建视觉算法平台。,2024-03-05\n"
    "3,算法工程师,科大讯飞股份有限公司,合肥,,负责语音识别模型训练与部署，搭建深度学习平台。,2023-03-05\n"
)


@pytest.fixture(scope="module")
def tagged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three ads of affiliated employers, one without a text but with tags and only a year."""
    root = tmp_path_factory.mktemp("tagged")
    (root / "ads.csv").write_text(TAGGED, "utf-8")
    build(root / "out", root / "ads.csv")
    return root / "out"


@pytest.fixture(scope="module")
def affiliated(tagged: Path) -> Iterator[str]:
    with serving(create(tagged)) as address:
        yield address


def rows_of(address: str) -> list[dict[str, str]]:
    with urllib.request.urlopen(address) as answer:
        return list(csv.DictReader(io.StringIO(answer.read().decode("utf-8-sig"))))


def href(page: Page, name: str | re.Pattern[str]) -> str:
    return str(page.get_by_role("link", name=name).first.evaluate("a => a.href"))


@pytest.mark.parametrize("width", (1280, 390))
def test_a_share_by_city_and_year_is_one_click_and_a_file(visit: Open, site: str, explored: Path, width: int) -> None:  # noqa: F811
    page = visit(width)
    page.goto(site + "/m/ai-share?by=city&where=definition%3Dstrict")
    page.get_by_role("link", name="Each by year").click()
    page.wait_for_url("**/across?by=city&across=year**")
    assert too_wide(page) <= 0 and page.title().startswith("Share of openings that are AI openings by city and year")
    heads = page.locator("table.crossed thead th").all_inner_texts()
    assert heads[0] == "City" and all(re.fullmatch(r"\d{4}|not stated", h) for h in heads[1:])
    filed = rows_of(href(page, ".csv"))
    ds = measures.open_dataset(explored)
    same = measures.crossed(ds, "ai-share", "city", "year", {"definition": "strict"})
    assert [r["id"] for r in filed] == same["id"].to_list() and "low" in filed[0]
    told = {(r["label"], r["year"]): r for r in filed}
    row = page.locator("table.crossed tbody tr").first
    cells = row.locator("th, td").all_inner_texts()
    shown = [(h, c) for h, c in zip(heads[1:], cells[1:]) if "%" in c]
    assert shown
    for year, cell in shown:
        r = told[cells[0], year]
        assert abs(float(cell.split("%")[0].strip()) / 100 - float(r["value"])) < 0.0006, (cell, r)
        assert "–" in cell, "its interval stands below it"
    link = row.locator("td a").first
    counted = next(
        r for r in filed if r["label"] == cells[0] and float(r["numerator"] or 0) and r["suppressed"] == "false"
    )
    link.click()
    assert int(page.locator(".lead strong").inner_text()) == int(counted["openings"])
    assert "strict" in page.title().lower() and counted["year"] in page.title()


def test_nothing_by_two_dimensions_is_an_empty_table(visit: Open, site: str) -> None:  # noqa: F811
    page = visit()
    page.goto(site + "/m/ai-share/across?by=role&across=tier&where=year%3D1066")
    assert page.locator("table.crossed").count() == 0 and page.locator("p.empty").is_visible()
    assert rows_of(site + "/m/ai-share/across.csv?by=role&across=tier&where=year%3D1066") == []


def test_a_second_dimension_is_one_of_few_values(site: str) -> None:  # noqa: F811
    for query in ("by=city&across=employer", "by=city&across=city", "across=year&where=year%3D2024", "by=nothing"):
        with pytest.raises(urllib.error.HTTPError, match="400"):
            urllib.request.urlopen(f"{site}/m/ai-share/across.json?{query}")


def test_one_number_is_not_crossed(site: str, explored: Path) -> None:  # noqa: F811
    """Concentration has no groups to show: refused on the page and the screen, and no link leads there."""
    for across in ("", "?across=province"):
        with pytest.raises(urllib.error.HTTPError, match="400"):
            urllib.request.urlopen(f"{site}/m/city-hhi/across{across}")
    with urllib.request.urlopen(f"{site}/m/city-hhi?by=city") as answer:
        assert "/across" not in answer.read().decode()
    found = CliRunner().invoke(main, ["measure", str(explored), "city-hhi", "--by", "city", "--across", "province"])
    assert found.exit_code == 2 and "second dimension" in found.output


def test_filters_stay_when_definitions_are_compared(visit: Open, site: str) -> None:  # noqa: F811
    page = visit()
    page.goto(site + "/m/ai-share?by=province&where=education%3Dmaster")
    before = page.locator(".lead .mute").inner_text()
    page.get_by_role("link", name="Compare definitions").click()
    assert "master" in page.locator("a.chip").inner_text()
    assert before in page.locator(".sides section").nth(1).inner_text(), (
        "the related definition is the figure one came from"
    )
    assert len(rows_of(href(page, ".csv"))) == page.locator("main table tbody tr").count()
    page.get_by_role("link", name=re.compile("this figure and its ads")).nth(1).click()
    assert page.locator("a.chip").count() == 2 and before in page.locator("main").inner_text()
    page.go_back()
    page.locator("a.chip").click()
    assert "where" not in page.url and page.locator("a.chip").count() == 0


def test_the_definition_is_switched_in_the_form(visit: Open, site: str) -> None:  # noqa: F811
    """Strict, related, broad and mention stand in a field of their own, and the rest of the question stays."""
    page, counted = visit(), {}
    page.goto(site + "/m/ai-share?by=province&where=education%3Dmaster")
    field = page.get_by_role("combobox", name="AI opening")
    assert [o.split(":")[0] for o in field.locator("option").all_inner_texts()] == [
        "strict",
        "related",
        "broad",
        "mention",
    ]
    for name in ("related", "strict", "broad", "mention", "related"):
        page.get_by_role("combobox", name="AI opening").select_option(
            label=next(o for o in field.locator("option").all_inner_texts() if o.startswith(name))
        )
        page.get_by_role("button", name="Apply").click()
        page.wait_for_load_state()
        number = page.locator(".lead .mute").inner_text()
        counted.setdefault(name, number)
        assert counted[name] == number and page.locator("a.chip").count() == (1 if name == "related" else 2)
        assert page.get_by_role("combobox", name="AI opening").locator("option:checked").inner_text().startswith(name)
    assert len({*counted.values()}) > 2 and "by=province" in page.url
    page.goto(site + "/m/openings")
    assert page.get_by_role("combobox", name="AI opening").count() == 0, "what counts all openings has no definition"


def test_two_provinces_and_a_year_are_chosen_in_the_form(visit: Open, site: str) -> None:  # noqa: F811
    page = visit()
    page.goto(site + "/m/ai-openings")
    counted = []
    for value in ("province=510000", "province=440000"):
        page.get_by_label("Add a filter").select_option(value)
        page.get_by_role("button", name="Apply").click()
        page.wait_for_url(f"**{quote(value, safe='')}**")
        counted.append(float(page.locator(".lead .big").inner_text().replace(",", "")))
    assert counted[1] > counted[0] and "Sichuan, Guangdong" in page.locator("a.chip").inner_text()
    years = page.locator('select[name=where] option[value^="year="]')
    assert years.count() > 1
    page.get_by_label("Add a filter").select_option(str(years.first.get_attribute("value")))
    page.get_by_role("button", name="Apply").click()
    page.wait_for_url("**year%3D**")
    assert page.locator("a.chip").count() == 2


def test_a_search_for_an_employer_finds_it(visit: Open, affiliated: str) -> None:  # noqa: F811
    """A name is typed into the one box of the first page, which searches titles."""
    page = visit(390)
    page.goto(affiliated + "/?lang=zh")
    page.fill("input[name=q]", "海康威视")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=**")
    assert "0 条结果（职位名称）" in page.locator("main").inner_text() and page.title().startswith("海康威视")
    page.get_by_role("link", name="杭州海康威视数字技术股份有限公司").click()
    assert page.locator("h1").inner_text().startswith("杭州海康威视")


def test_an_affiliation_leads_to_its_row_and_source(visit: Open, affiliated: str, tagged: Path) -> None:  # noqa: F811
    page = visit()
    names = dict(table(tagged, "employers").select("name", "employer_id").iter_rows())
    hits = {n: i for n, i in names.items() if "海康威视" in n or "中电科" in n}
    assert len(hits) == 2
    for name, id_ in hits.items():
        page.goto(f"{affiliated}/employers/{id_}")
        rules = page.locator("main table").first.locator("td:last-child").all_inner_texts()
        links = page.locator("main table").first.locator("td:last-child a").all()
        assert len(links) == len(rules) > 1, name
        assert "… – …" not in page.locator("main").inner_text()
        page.get_by_role("link", name=re.compile("^subsidiaries:")).first.click()
        row = page.locator("table.dense tbody tr")
        assert row.count() == 1 and "CETC" in row.inner_text()
    ad = table(tagged, "ads")
    page.goto(f"{affiliated}/ads/{ad.filter(pl.col('employer_id').is_in(list(hits.values())))['ad_id'][0]}")
    assert page.locator('aside a[href*="definitions"]').count() > 1


def test_employers_of_two_provinces_stand_beside_their_evidence(visit: Open, affiliated: str) -> None:  # noqa: F811
    page = visit()
    where = "".join(
        f"&where={quote(w, safe='')}"
        for w in ("sector=defence", "sector=surveillance", "province=510000", "province=340000")
    )
    page.goto(f"{affiliated}/m/employer-rank?lang=zh{where}")
    told = {r.locator("th").inner_text(): r.locator("td.why").inner_text() for r in page.locator("main tbody tr").all()}
    assert len(told) == 3
    for name, tiers in (
        ("中电科网络安全科技股份有限公司", "中国电科 · T1"),
        ("杭州海康威视数字技术股份有限公司", "中国电科 · T2"),
    ):
        assert told[name].startswith(tiers)
    listed = "T3 在政府名单上"
    assert (
        listed in told["杭州海康威视数字技术股份有限公司"] and listed not in told["中电科网络安全科技股份有限公司"]
    ), "listed in 2025"
    assert "监控企业" in told["杭州海康威视数字技术股份有限公司"] and "监控企业" in told["科大讯飞股份有限公司"]
    page.goto(f"{affiliated}/m/employer-rank?lang=zh{where}&as_of=2015-01-01")
    assert "T3" not in page.locator("main tbody").inner_text(), "no list was in force"
    page.goto(f"{affiliated}/m/employer-rank?lang=zh")
    assert page.locator("td.why").count() == 0


def test_lists_say_the_year_where_no_day_is_known(visit: Open, affiliated: str) -> None:  # noqa: F811
    page = visit()
    page.goto(f"{affiliated}/m/ai-openings/ads?by=year&group=2024")
    days = page.locator("table.ads tbody td:nth-child(5)").all_inner_texts()
    assert sorted(days) == ["2024", "2024-03-05"], "each opening of the year shows it"
    page.goto(f"{affiliated}/rejects")
    assert page.locator("nav [aria-current]").inner_text() == "Quality"


def test_words_of_tags_and_a_bare_year_are_shown_as_they_are(visit: Open, affiliated: str, tagged: Path) -> None:  # noqa: F811
    """The terminal and the page say the same: no day that the ad does not claim, and the tags whose words decided."""
    ads = table(tagged, "ads").filter(pl.col("date_precision") == "year")
    assert ads.height == 1
    page = visit()
    page.goto(f"{affiliated}/ads/{ads['ad_id'][0]}?lang=zh")
    said = page.locator("main").inner_text()
    assert (
        "2024-01-01" not in said
        and "深度学习|机器学习|多模态算法" in said
        and "中电科网络安全" in page.locator("section").last.inner_text()
    )
    assert "标签中的词语见下方原始记录" in said
    told = CliRunner().invoke(main, ["explain", str(tagged), ads["ad_id"][0], "--lang", "zh"]).output
    assert (
        "2024-01-01" not in told
        and "深度学习 · deep_learning.001" in told
        and "标签：深度学习|机器学习|多模态算法" in told
    )


def test_a_link_through_a_messenger_opens(visit: Open, explored: Path) -> None:  # noqa: F811
    with TestClient(create(explored)) as client:
        for path, rest in (
            ("/m/ai-share?by=city&from=singlemessage&lang=zh", "/m/ai-share?by=city&lang=zh"),
            ("/?utm_source=x", "/"),
            ("/m/ai-share?where=province%3D%E5%9B%9B%E5%B7%9D&by=role", "/m/ai-share?by=role"),
            ("/m/ai-share?where=nonsense&by=role", "/m/ai-share?by=role"),
            ("/m/ai-share?by=%3Cscript%3E&where=tier%3Dnone", "/m/ai-share?where=tier%3Dnone"),
        ):
            answer = client.get(path)
            assert answer.status_code == 400
            found = re.search(r'<a class="strong" href="([^"]+)"', answer.text)
            assert found is not None and found[1].replace("&amp;", "&") == rest, path
            assert client.get(rest).status_code == 200 and "<script" not in answer.text


def test_a_chart_of_several_counties_names_each(site: str) -> None:  # noqa: F811
    with urllib.request.urlopen(f"{site}/m/ai-share.svg?where=county%3D440305%2C440106&by=role") as answer:
        assert "Nanshan · Shenzhen, Tianhe · Guangzhou" in answer.read().decode()
    with urllib.request.urlopen(f"{site}/m/ai-share.svg?where=county%3D440305&where=county%3D440106&lang=zh") as answer:
        assert "南山 · 深圳、天河 · 广州" in answer.read().decode()


def test_pages_of_one_kind_have_titles_of_their_own(visit: Open, site: str) -> None:  # noqa: F811
    """Tabs, the history and a screen reader tell them apart."""
    page, seen = visit(), list[str]()
    for path in ("/m/ai-share", "/m/ai-share?by=province", "/m/ai-share?by=province&where=education%3Dmaster", "/m/ai-openings/ads",
                 "/m/ai-openings/ads?by=tier&group=builder", "/m/ai-openings/ads?page=2", "/search", "/search?q=java", "/compare", "/compare?by=tier"):  # fmt: skip
        page.goto(site + path)
        seen.append(page.title())
    assert len(set(seen)) == len(seen)


def test_charts_are_read_in_a_forced_palette(browser: Browser, site: str) -> None:  # noqa: F811
    """High contrast turns the page dark; labels of charts keep their own ground."""
    page = browser.new_context(forced_colors="active", color_scheme="dark").new_page()
    for path in ("/compare?by=province", "/m/ai-share?by=role", "/m/ai-openings?by=province"):
        page.goto(site + path)
        ground = page.locator("figure").first.evaluate("e => getComputedStyle(e).backgroundColor")
        assert ground == "rgb(255, 255, 255)", path
        assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") != ground
    page.context.close()
