"""Names in charts: of any length they stand whole inside the drawing, or end in an ellipsis."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from starlette.testclient import TestClient

from gangwei.explore.marks import SCREENS, SIZE, Layout, spelt, ticks
from gangwei.explore.server import create
from gangwei.labels import Labels
from gangwei.measures import open_dataset
from gangwei.text_width import em, wrapped
from published_fixture import Spec, write

NAMES = (
    "T1 group or institute in the name",
    "T5 signal in the ad (not an affiliation)",
    "中国电子科技集团公司第五十四研究所石家庄通信测控技术研究所人力资源中心" * 2,
    "x" * 200,
    "短",
    "",
)


def test_width_counts_chinese_as_an_em() -> None:
    assert em("岗位") == 2 and em("ab") == pytest.approx(1.1)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("room", [8, 14, 25])
def test_wrapped_lines_fit(name: str, room: float) -> None:
    lines = wrapped(name, room)
    assert len(lines) <= 2 and all(em(line) <= room for line in lines)
    joined = "".join(lines).replace(" ", "")
    assert joined == name.replace(" ", "") or (joined.endswith("…") and name.replace(" ", "").startswith(joined[:-1]))


def test_wrapping_keeps_latin_words_whole() -> None:
    assert wrapped("company on the surveillance list", 12) == ["company on the", "surveillance list"]


@pytest.mark.parametrize("screen", SCREENS, ids=lambda s: s.name)
def test_names_stay_inside_the_drawing(screen: object) -> None:
    at = Layout.of(screen, NAMES, ["12,345"] * len(NAMES), 10.0)  # type: ignore[arg-type]
    for n, line in enumerate(at.lines):
        for x, anchor, said in re.findall(
            r'<text x="([\d.]+)" y="[\d.]+" text-anchor="(\w+)"[^>]*>([^<]*)<', at.names(n)
        ):
            wide = em(said) * SIZE
            low = float(x) - wide if anchor == "end" else float(x)
            assert low >= 0 and low + wide <= at.screen.width
        assert line.top + line.height <= at.height
    assert at.x(10.0) + em("12,345") * 12 + 10 <= at.screen.width


def test_ticks_are_few_and_round() -> None:
    for top in (1e-4, 0.0231, 0.62, 1, 9.99, 10, 1234, 5e7):
        for most in (3, 5):
            found = ticks(top, most)
            assert 2 <= len(found) <= most + 1 and found[-1] <= top * 1.000001


def test_ticks_of_counts_are_whole() -> None:
    assert (
        ticks(1, whole=True) == [0, 1]
        and ticks(3, whole=True) == [0, 1, 2, 3]
        and ticks(12, whole=True) == [0, 3, 6, 9, 12]
    )


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    d: Path = tmp_path_factory.mktemp("made")
    write(d, Spec(ads=900))
    return TestClient(create(d, as_of="2019-06-30"))


def test_a_page_draws_for_both_screens_and_a_file_for_one(client: TestClient) -> None:
    page = client.get("/m/education-mix").text
    assert page.count('svg" class="wide"') == page.count('svg" class="narrow"') == 1
    svg = client.get("/m/education-mix.svg").text
    assert svg.count("<svg") == 1 and 'class="wide"' in svg


@pytest.mark.parametrize(
    "path", ["/m/education-mix.svg", "/m/ai-openings.svg?by=province", "/m/ai-flow.svg", "/m/ai-share.svg"]
)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_file_says_what_it_shows_and_where_it_is_from(client: TestClient, path: str, lang: str) -> None:
    """A figure to print has title, interval and source, and no link to a page that is not there."""
    svg = client.get(f"{path}{'&' if '?' in path else '?'}lang={lang}").text
    drawn = ElementTree.fromstring(svg)
    said = [t.text or "" for t in drawn.iter("{http://www.w3.org/2000/svg}text")]
    name = path.removeprefix("/m/").partition(".")[0]
    title = next(m for m in client.get("/measures.json").json() if m["id"] == name)[lang]
    assert said[0].startswith(title) and any("gangwei " in t for t in said) and any(f"/m/{name}" in t for t in said)
    assert any("95" in t for t in said) and "<a " not in svg
    for t in drawn.iter("{http://www.w3.org/2000/svg}text"):
        if "transform" not in t.attrib and t.attrib.get("text-anchor", "start") == "start":
            assert (
                float(t.attrib["x"]) + em(t.text or "") * float(t.attrib.get("font-size", SIZE))
                <= float(drawn.attrib["width"]) + 8
            )


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/m/emerging-cities.svg", "This figure has no group."),
        ("/m/emerging-cities.svg?lang=zh", "此数字没有分组。"),
        ("/m/ai-share.svg", "AI openings: 17.7"),
        ("/m/city-hhi.svg", "(HHI): 0.104"),
    ],
)
def test_a_file_without_a_chart_is_a_sentence(client: TestClient, path: str, said: str) -> None:
    drawing = ElementTree.fromstring(client.get(path).text)
    assert said in "".join(drawing.itertext())


@pytest.mark.parametrize(
    "path", ["/m/education-mix.vl", "/m/ai-share.vl?by=province&lang=zh", "/m/ai-flow.vl", "/m/pay-premium.vl"]
)
def test_the_specification_is_vega_lite_and_holds_the_figure(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.headers["content-type"].startswith("application/vnd.vegalite")
    pytest.importorskip("altair").Chart.from_dict(answer.json())
    rows = client.get(path.replace(".vl", ".json")).json()["rows"]
    wanted = [r["value"] for r in rows if r["value"] is not None] if "premium" not in path else []
    assert [r["value"] for r in answer.json()["data"]["values"]] == wanted


def test_the_foot_says_the_day_that_holds(client: TestClient) -> None:
    assert "2019-06-30" in client.get("/quality").text.rpartition("<footer>")[2]
    foot = client.get("/m/defence-share", params={"as_of": "2018-01-02"}).text.rpartition("<footer>")[2]
    assert "2018-01-02" in foot and "2019-06-30" not in foot


def test_numbers_of_an_axis_have_no_needless_digits(explored: Path) -> None:
    labels = Labels(open_dataset(explored), "en")
    assert spelt([0.0, 0.1, 0.2], labels, "share") == ["0\u202f%", "10\u202f%", "20\u202f%"]
    assert spelt([0.0, 0.025, 0.05], labels, "share") == ["0.0\u202f%", "2.5\u202f%", "5.0\u202f%"]
    assert spelt([0.0, 0.00002], labels, "share") == ["0.000\u202f%", "0.002\u202f%"]
    assert spelt([0.0, 2000.0], labels, "openings") == ["0", "2,000"]


def test_a_map_that_cannot_colour_shares_shows_counts(client: TestClient, tmp_path: Path) -> None:
    """Of few ads every province has an interval wider than its share: the overview then maps counts, not hatching alone."""
    assert "AI share of openings by province" in client.get("/").text
    write(tmp_path, Spec(ads=60, ai=0.3))
    small = TestClient(create(tmp_path, as_of="2019-06-30")).get("/").text
    assert "counts instead" in small and "AI openings by province" in small


def test_shares_of_places_that_no_map_can_colour_are_points(client: TestClient, tmp_path: Path) -> None:
    """Points with their intervals say more than a map that is hatched all over."""
    assert 'class="map"' in client.get("/m/ai-share?by=province").text
    write(tmp_path, Spec(ads=60, ai=0.3))
    small = TestClient(create(tmp_path, as_of="2019-06-30"))
    page = small.get("/m/ai-share?by=province").text
    assert (
        'class="map"' not in page
        and "<circle" in page
        and 'class="map"' in small.get("/m/ai-openings?by=province").text
    )
    assert "<circle" in small.get("/m/ai-share.svg?by=province").text
