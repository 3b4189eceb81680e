"""Charts of the explorer: SVG whose marks are links, so that a click filters without any script."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from html import escape
from typing import Any

from gangwei import charts, choropleth
from gangwei.explore.marks import FONT, INK, RULE, SCREENS, SIZE, SOFT, Href, Screen, dots, line
from gangwei.explore.words import Caption
from gangwei.geo import ChinaMap, load_map
from gangwei.labels import Labels
from gangwei.measures import Result
from gangwei.text_width import em, wrapped
from gangwei.vocabulary import DATES

RELATIVE = ("share", "lq")
"""Kinds whose values do not grow with the number of ads: a place with few of them may still have the largest."""
VIEW = re.compile(r'viewBox="([-\d.]+) ([-\d.]+) ([\d.]+) ([\d.]+)"')
SIZED = re.compile(r' (?:xmlns|viewBox|width|height|font-family)="[^"]*"')
LINK = re.compile(r"<a [^>]*>")
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
    """The chart that suits a figure: a map of places that it can colour, a line of months, else points; '' for a single number."""
    if "id" not in result.rows.columns or result.rows.is_empty():
        return ""
    if result.by in ("province", "city") and (result.measure.kind not in RELATIVE or coloured(result)):
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


def coloured(result: Result) -> bool:
    """True where a map of shares has a place to colour; one without any places is not helped by counts."""
    rows = result.rows.to_dicts() if "id" in result.rows.columns else []
    return not rows or any(not r["suppressed"] and r["value"] and not vague(r) for r in rows)


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


def standalone(html: str, caption: Caption) -> str:
    """A chart as a file of its own, to print or to put into a text: title, what is counted, source, and no link."""
    drawing, _, legend = html.partition("</svg>")
    opened, _, inside = drawing.partition(">")
    left, top, width, height = map(float, VIEW.findall(opened)[0])
    inside = LINK.sub("<g>", inside).replace("</a>", "</g>")
    below = []
    for n, (fill, text) in enumerate(SWATCH.findall(legend)):
        x = 20 + n * (width - 40) // 7
        below.append(f'<rect x="{x:g}" y="{height + 14:g}" width="22" height="14" fill="{fill}" stroke="{RULE}"/>')
        below.append(_words(min(x, width - 8 - 14 * em(text)), height + 46, 14, SOFT, text))
    room = (width - 24) / SIZE
    said = [line for text in caption.lines for line in wrapped(text, room)]
    title = wrapped(caption.title, (width - 24) / 20)
    source = wrapped(caption.source, room)
    head = 18 + 26 * len(title) + 18 * len(said)
    foot = (66 if below else 20) + 18 * len(source)
    over = [_words(12, 30 + 26 * n, 20, INK, escape(t), 'font-weight="600"') for n, t in enumerate(title)]
    over += [_words(12, 26 + 26 * len(title) + 18 * n, SIZE, SOFT, escape(t)) for n, t in enumerate(said)]
    under = [
        _words(12, head + height + foot - 12 - 18 * (len(source) - 1 - n), 12, SOFT, escape(t))
        for n, t in enumerate(source)
    ]
    whole = f'viewBox="0 0 {width:g} {head + height + foot:g}" width="{width:g}" height="{head + height + foot:g}"'
    start = SIZED.sub("", opened).replace(
        "<svg", f'<svg xmlns="http://www.w3.org/2000/svg" {whole} font-family="{escape(FONT)}"', 1
    )
    return (
        f'{start}><rect width="100%" height="100%" fill="#fff"/>{"".join(over)}'
        f'<g transform="translate({-left:g} {head - top:g})">{inside}{"".join(below)}</g>{"".join(under)}</svg>'
    )


def _words(x: float, y: float, size: int, fill: str, text: str, more: str = "") -> str:
    return f'<text x="{x:g}" y="{y:g}" font-size="{size}" fill="{fill}" {more}>{text}</text>'
