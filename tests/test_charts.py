"""Charts: valid Vega-Lite, static SVG without script or reference, a map that can be read aloud."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from gangwei import charts, choropleth
from gangwei.geo import load_map

ROWS = [
    {"label": "甲 <b>&amp;", "value": 0.5, "low": 0.4, "high": 0.6, "text": "50 %", "kind": "definition", "start": 1, "end": 2},
    {"label": "a very long label that goes on and on and on", "value": 0.1, "low": 0.05, "high": 0.2, "text": "10 %", "kind": "board", "start": 2, "end": 0},
]  # fmt: skip
SPECS = {
    "bars": charts.bars(ROWS, share=True),
    "intervals": charts.intervals(ROWS, share=True),
    "waterfall": charts.waterfall([{**r, "kind": "total"} for r in ROWS]),
    "tornado": charts.tornado(ROWS, 0.3, share=True, band=0.03),
    "series": charts.series(ROWS),
}


@pytest.mark.parametrize("name", SPECS)
def test_specs_are_valid(name: str) -> None:
    alt = pytest.importorskip("altair")
    alt.Chart.from_dict(SPECS[name])


@pytest.mark.parametrize("name", SPECS)
def test_svg_is_static_and_the_same_every_time(name: str) -> None:
    out = charts.svg(SPECS[name], 'label "<x>"', "p1")
    assert out == charts.svg(SPECS[name], 'label "<x>"', "p1")
    root = ET.fromstring(out)
    assert root.get("role") == "img" and root.get("aria-label") == 'label "<x>"'
    assert not re.search(r"<script|<b>|href=|https?://(?!www\.w3\.org)", out)
    assert all(i.startswith("p1-") for i in re.findall(r'\bid="([^"]+)"', out))


def test_map_links_every_region_and_draws_the_lines() -> None:
    regions = {
        440000: choropleth.Region("#prov-440000", 'Guangdong: 5 "<AI>"', 0.5),
        310000: choropleth.Region("#prov-310000", "Shanghai: 2", 0.2),
    }
    base = load_map()
    out = choropleth.svg(base, regions, title="Map & more", no_data="none", words=lambda v: f"{v:.0%}")
    root = ET.fromstring(f"<div>{out}</div>")
    links = root.findall(".//a")
    assert {a.get("href") for a in links} == {"#prov-440000", "#prov-310000"}
    assert 'Guangdong: 5 "<AI>"' in {a.get("aria-label") for a in links}
    assert base.boundary in out and "url(#none-provinces)" in out
    assert len(root.findall(".//path")) == len(base.provinces) + 1


def test_no_two_classes_of_a_legend_read_alike() -> None:
    base = load_map()
    regions = {int(u.code): choropleth.Region("", u.code, 0.00002 * 1.2**i) for i, u in enumerate(base.provinces)}
    out = choropleth.svg(base, regions, title="Map", no_data="none", words=lambda v: f"{v:.2%}")
    edges = re.findall(r"</svg>(≤ [^<]+)</li>", out)
    assert len(edges) == len(set(edges)) >= 2


@pytest.mark.parametrize("values", [[], [0.0], [0.3], [0.2, 0.2, 0.2], [0.001 * i * i for i in range(30)]])
def test_breaks_grow_and_colours_follow(values: list[float]) -> None:
    bounds = choropleth.breaks(values)
    assert bounds == sorted(set(bounds))
    shades = [choropleth.RAMP.index(choropleth.colour(v, bounds)) for v in sorted(v for v in values if v > 0)]
    assert shades == sorted(shades)


def test_the_first_city_and_the_twentieth_differ_on_a_map() -> None:
    shares = [0.3 / (rank + 1) ** 1.5 for rank in range(136)]
    bounds = choropleth.breaks(shares)
    shades = [choropleth.RAMP.index(choropleth.colour(v, bounds)) for v in shares]
    assert shades[0] == len(choropleth.RAMP) - 1 and shades[19] <= 3 and shades.count(shades[0]) < 6
