"""Charts of the explorer: SVG whose marks are links, so that a click filters without any script."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from html import escape
from typing import Any

from gangwei import charts, choropleth
from gangwei.explore.marks import FONT, RULE, SCREENS, SOFT, Href, Screen, dots, line
from gangwei.geo import ChinaMap, load_map
from gangwei.labels import Labels
from gangwei.measures import Result
from gangwei.vocabulary import DATES

RELATIVE = ("share", "lq")
"""Kinds whose values do not grow with the number of ads: a place with few of them may still have the largest."""
VIEW = re.compile(r'<svg class="map" viewBox="0 0 (\d+) (\d+)"')
SWATCH = re.compile(r'<rect[^>]* fill="([^"]+)"[^>]*/></svg>([^<]*)</li>')


@cache
def _china() -> ChinaMap:
    return load_map()


def on_every_screen(draw: Callable[[Screen], str]) -> str:
    """A chart drawn for a wide and for a narrow screen; the style sheet shows one of them."""
    return "".join(draw(s) for s in SCREENS)


def chart(
    result: Result, labels: Labels, href: Href, name: Callable[[dict[str, Any]], str], screen: Screen = SCREENS[0]
) -> str:
    """The chart that suits a figure: a map of places, a line of months, else points; '' for a single number."""
    if "id" not in result.rows.columns or result.rows.is_empty():
        return ""
    if result.by in ("province", "city"):
        return map_of(result, labels, href) if not screen.narrow else ""
    if result.by in DATES:
        return line(result, labels, href, screen)
    return dots(result, labels, href, name, screen)


def spec(result: Result, labels: Labels, name: Callable[[dict[str, Any]], str]) -> dict[str, Any]:
    """The groups of a figure with their intervals as a Vega-Lite specification, data included."""
    unit = result.measure.row_unit
    rows = [
        {"label": name(r), "value": r["value"], "low": r["low"], "high": r["high"], "text": labels.quantity(r["value"], unit)}
        for r in (result.rows.to_dicts() if "id" in result.rows.columns else [])
        if r["value"] is not None
    ]  # fmt: skip
    title = result.measure.zh if labels.lang == "zh" else result.measure.en
    return charts.intervals(rows, share=unit == "share", title=title, width=charts.WIDE, label=charts.LABEL)


def vague(row: Mapping[str, Any]) -> bool:
    """True where the interval of a row is wider than its value: a colour would claim what two ads made."""
    ends = row["value"], row["low"], row["high"]
    return None not in ends and row["high"] - row["low"] > row["value"]


def map_of(result: Result, labels: Labels, href: Href) -> str:
    """A map of a figure grouped by province or city; '' when it has no rows."""
    unit = result.measure.row_unit
    regions: dict[int, choropleth.Region] = {}
    for r in result.rows.to_dicts():
        if str(r["id"]).isdigit():
            value = None if r["suppressed"] else r["value"]
            said = labels.interval(r["low"], r["high"], unit) if value is not None else labels.text("too_few")
            shown = labels.quantity(value, unit)
            value = None if result.measure.kind in RELATIVE and vague(r) else value
            regions[int(r["id"])] = choropleth.Region(href(r["id"]), f"{r['label']}: {shown} ({said})", value)
    if not regions:
        return ""
    title = result.measure.zh if labels.lang == "zh" else result.measure.en
    layer = "prefectures" if result.by == "city" else "provinces"
    return choropleth.svg(
        _china(), regions, layer=layer, title=title, no_data=labels.text("map_vague" if result.measure.kind in RELATIVE else "map_none"), words=lambda v: bound(labels, v, unit)
    )  # fmt: skip


def bound(labels: Labels, value: float, unit: str) -> str:
    """The number of a class bound, which is round: 10 % and not 10.0 %."""
    whole = unit == "share" and value >= 0.01 and abs(value * 100 - round(value * 100)) < 1e-9
    return labels.share(value, 0) if whole else labels.quantity(value, unit)


def standalone(html: str) -> str:
    """A chart as a file of its own: of a map, the legend beside it becomes part of the drawing."""
    if not html.startswith('<svg class="map"'):
        return html
    drawing, _, legend = html.partition("</svg><ul")
    found = VIEW.search(drawing)
    width, height = (int(found[1]), int(found[2])) if found else (800, 600)
    swatches = []
    for n, (fill, text) in enumerate(SWATCH.findall(legend)):
        x = 20 + n * (width - 40) // 7
        swatches.append(
            f'<rect x="{x}" y="{height + 14}" width="22" height="14" fill="{fill}" stroke="{RULE}"/>'
            f'<text x="{x}" y="{height + 46}" font-size="14" fill="{SOFT}" font-family="{escape(FONT)}">{text}</text>'
        )
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height + 60}"'
    return VIEW.sub(head, drawing, count=1) + "".join(swatches) + "</svg>"
