"""Charts of the explorer: SVG whose marks are links, so that a click filters without any script."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from html import escape
from itertools import pairwise
from typing import Any

from gangwei import choropleth
from gangwei.geo import ChinaMap, load_map
from gangwei.labels import Labels
from gangwei.measures import Result
from gangwei.vocabulary import DATES

ROW, LEFT, WIDTH, RIGHT, TOP = 26, 230, 860, 96, 30
SHOWN = 40
INK, SOFT, RULE, MARK, SECOND = "#1b1f24", "#57606a", "#d8dee4", "#0b5cad", "#b35900"
FONT = "system-ui, 'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', sans-serif"

VIEW = re.compile(r'<svg class="map" viewBox="0 0 (\d+) (\d+)"')
SWATCH = re.compile(r'<rect[^>]* fill="([^"]+)"[^>]*/></svg>([^<]*)</li>')

Href = Callable[[str], str]


@cache
def _china() -> ChinaMap:
    return load_map()


def chart(result: Result, labels: Labels, href: Href, name: Callable[[dict[str, Any]], str]) -> str:
    """The chart that suits a figure: a map of places, a line of months, else points; '' for a single number."""
    if "id" not in result.rows.columns or result.rows.is_empty():
        return ""
    if result.by in ("province", "city"):
        return map_of(result, labels, href)
    if result.by in DATES:
        return line(result, labels, href)
    return dots(result, labels, href, name)


def map_of(result: Result, labels: Labels, href: Href) -> str:
    """A map of a figure grouped by province or city; '' when it has no rows."""
    unit = result.measure.unit
    regions: dict[int, choropleth.Region] = {}
    for r in result.rows.to_dicts():
        if str(r["id"]).isdigit():
            value = None if r["suppressed"] else r["value"]
            said = labels.interval(r["low"], r["high"], unit) if value is not None else labels.text("too_few")
            shown = labels.quantity(value, unit)
            regions[int(r["id"])] = choropleth.Region(href(r["id"]), f"{r['label']}: {shown} ({said})", value)
    if not regions:
        return ""
    title = result.measure.zh if labels.lang == "zh" else result.measure.en
    layer = "prefectures" if result.by == "city" else "provinces"
    return choropleth.svg(
        _china(), regions, layer=layer, title=title, no_data=labels.text("map_none"), words=lambda v: labels.quantity(v, unit)
    )  # fmt: skip


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


def ticks(top: float) -> list[float]:
    """Round positions of an axis from 0 to `top`."""
    if top <= 0:
        return [0.0]
    step = 10 ** math.floor(math.log10(top / 4))
    step = next(m * step for m in (1, 2, 2.5, 5, 10) if top / (m * step) <= 5)
    return [i * step for i in range(math.floor(top / step * 1.0000001) + 1)]


def clipped(name: str, most: int = 32) -> str:
    """A name short enough for the margin; a Chinese character takes the room of two."""
    width, kept = 0, ""
    for c in name:
        width += 2 if ord(c) > 0x2E80 else 1
        if width > most:
            return kept + "…"
        kept += c
    return name


def _finite(value: float | None, instead: float) -> float:
    return value if value is not None and math.isfinite(value) else instead


def _open(height: int, title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="group" '
        f'aria-label="{escape(title)}" font-family="{escape(FONT)}" font-size="13">'
    )


def _grid(top: float, height: int, x: Callable[[float], float], labels: Labels, unit: str) -> list[str]:
    out = []
    for t in ticks(top):
        out.append(f'<line x1="{x(t)}" x2="{x(t)}" y1="{TOP - 6}" y2="{height - 6}" stroke="{RULE}"/>')
        out.append(
            f'<text x="{x(t)}" y="{TOP - 12}" text-anchor="middle" font-size="11" fill="{SOFT}">{escape(labels.quantity(t, unit))}</text>'
        )
    return out


def dots(result: Result, labels: Labels, href: Href, name: Callable[[dict[str, Any]], str]) -> str:
    """Points with their 95 % interval, one line a group, in the order of the figure."""
    unit = result.measure.unit
    rows = [r for r in result.rows.to_dicts() if not r.get("suppressed") and r["value"] is not None][:SHOWN]
    if not rows:
        return ""
    ends = [_finite(r["high"], r["value"]) for r in rows]
    top = max(*ends, 1e-12) if len(ends) > 1 else max(ends[0], 1e-12)
    # One group with a wide interval must not press all others into the margin.
    top = min(top, max(r["value"] for r in rows) * 2.5) or top
    height = TOP + ROW * len(rows) + 8

    def x(value: float) -> float:
        return float(round(LEFT + (WIDTH - LEFT - RIGHT) * max(0.0, min(value, top)) / top, 1))

    out = [
        _open(height, result.measure.zh if labels.lang == "zh" else result.measure.en),
        *_grid(top, height, x, labels, unit),
    ]
    for n, (r, end) in enumerate(zip(rows, ends)):
        y = TOP + ROW * n + ROW / 2
        said, value = name(r), labels.quantity(r["value"], unit)
        low = _finite(r["low"], r["value"])
        out.append(
            f'<a href="{escape(href(r["id"]))}" aria-label="{escape(f"{said}: {value}")}"><title>{escape(said)}: {escape(value)} '
            f'({escape(labels.interval(r["low"], r["high"], unit))})</title><rect x="0" y="{y - ROW / 2}" width="{WIDTH}" height="{ROW}" fill="transparent"/>'
            f'<text x="{LEFT - 12}" y="{y + 4.5}" text-anchor="end" fill="{INK}">{escape(clipped(said))}</text>'
            f'<line x1="{x(low)}" x2="{x(end)}" y1="{y}" y2="{y}" stroke="{MARK}" stroke-width="3" opacity=".35"/>'
            f'<circle cx="{x(r["value"])}" cy="{y}" r="5" fill="{MARK}"/>'
            f'<text x="{x(end) + 10}" y="{y + 4.5}" font-size="12" fill="{SOFT}">{escape(value)}</text></a>'
        )
    return "".join([*out, "</svg>"])


def _when(id_: str) -> float | None:
    """A month or year as years since 0."""
    try:
        day = dt.date.fromisoformat(f"{id_}-01" if len(id_) == 7 else f"{id_}-01-01")
    except ValueError:
        return None
    return day.year + (day.month - 1) / 12


def unbroken(rows: Sequence[tuple[float, dict[str, Any]]]) -> list[list[tuple[float, dict[str, Any]]]]:
    """Months that follow each other: nothing was collected between two runs, so no line joins them."""
    step = 1.01 if len(str(rows[0][1]["id"])) == 4 else 0.09
    out = [[rows[0]]]
    for before, now in pairwise(rows):
        if now[0] - before[0] > step:
            out.append([])
        out[-1].append(now)
    return out


def line(result: Result, labels: Labels, href: Href) -> str:
    """A line over months or years with its interval as a band; the empty months before the bulk of the ads are cut off."""
    unit = result.measure.unit
    rows = [(w, r) for r in result.rows.to_dicts() if (w := _when(str(r["id"]))) is not None and r["value"] is not None]
    if not rows:
        return ""
    counted = sum(r["openings"] for _, r in rows)
    run, start = 0, 0
    for start, (_, r) in enumerate(rows):  # noqa: B007
        run += r["openings"]
        if run >= 0.005 * counted:
            break
    rows = rows[start:]
    first, last = rows[0][0], rows[-1][0]
    top = max(*(_finite(r["high"], r["value"]) for _, r in rows), 1e-12)
    top = min(top, max(r["value"] for _, r in rows) * 2.5) or top
    height, left, right, foot = 320, 90, 20, 34

    def x(when: float) -> float:
        return round(left + (WIDTH - left - right) * ((when - first) / (last - first) if last > first else 0.5), 1)

    def y(value: float) -> float:
        return round(height - foot - (height - foot - 16) * max(0.0, min(value, top)) / top, 1)

    out = [_open(height, result.measure.zh if labels.lang == "zh" else result.measure.en)]
    for t in ticks(top):
        out.append(f'<line x1="{left}" x2="{WIDTH - right}" y1="{y(t)}" y2="{y(t)}" stroke="{RULE}"/>')
        out.append(
            f'<text x="{left - 10}" y="{y(t) + 4}" text-anchor="end" font-size="11" fill="{SOFT}">{escape(labels.quantity(t, unit))}</text>'
        )
    years = range(math.ceil(first), math.floor(last) + 1)
    step = max(1, len(years) // 12)
    for year in list(years)[::step]:
        out.append(
            f'<text x="{x(year)}" y="{height - 12}" text-anchor="middle" font-size="11" fill="{SOFT}">{year}</text>'
        )
    if len(years) == 0:
        for w, r in (rows[0], rows[-1]):
            out.append(
                f'<text x="{x(w)}" y="{height - 12}" text-anchor="middle" font-size="11" fill="{SOFT}">{escape(str(r["id"]))}</text>'
            )
    runs = unbroken(rows)
    for part in [p for p in runs if all(r["low"] is not None for _, r in p)]:
        edge = [f"{x(w)},{y(_finite(r['high'], r['value']))}" for w, r in part]
        edge += [f"{x(w)},{y(_finite(r['low'], r['value']))}" for w, r in reversed(part)]
        out.append(f'<polygon points="{" ".join(edge)}" fill="{MARK}" opacity=".15"/>')
    for part in runs:
        path = " ".join(f"{x(w)},{y(r['value'])}" for w, r in part)
        out.append(f'<polyline points="{path}" fill="none" stroke="{MARK}" stroke-width="2"/>')
    wide = max(4.0, (WIDTH - left - right) / max(1, len(rows)))
    for w, r in rows:
        said = f"{r['label']}: {labels.quantity(r['value'], unit)}"
        out.append(
            f'<a href="{escape(href(str(r["id"])))}" aria-label="{escape(said)}"><title>{escape(said)}</title>'
            f'<rect x="{x(w) - wide / 2:.1f}" y="10" width="{wide:.1f}" height="{height - foot - 10}" fill="transparent"/>'
            f'<circle cx="{x(w)}" cy="{y(r["value"])}" r="3" fill="{MARK}"/></a>'
        )
    return "".join([*out, "</svg>"])


def pairs(rows: Sequence[Mapping[str, Any]], unit: str, labels: Labels, title: str) -> str:
    """Two values a group: a filled circle for the first side, an open square for the second, a line between."""
    shown = [r for r in rows if r["left"] is not None or r["right"] is not None][:SHOWN]
    if not shown:
        return ""
    top = max((v for r in shown for v in (r["left"], r["right"]) if v is not None), default=0.0) or 1.0
    height = TOP + ROW * len(shown) + 8

    def x(value: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * max(0.0, min(value, top)) / top, 1)

    out = [_open(height, title), *_grid(top, height, x, labels, unit)]
    for n, r in enumerate(shown):
        y = TOP + ROW * n + ROW / 2
        a, b = r["left"], r["right"]
        said = f"{r['label']}: {labels.quantity(a, unit)} / {labels.quantity(b, unit)}"
        out.append(f'<g role="img" aria-label="{escape(said)}"><title>{escape(said)}</title>')
        out.append(
            f'<text x="{LEFT - 12}" y="{y + 4.5}" text-anchor="end" fill="{INK}">{escape(clipped(str(r["label"])))}</text>'
        )
        if a is not None and b is not None:
            out.append(f'<line x1="{x(a)}" x2="{x(b)}" y1="{y}" y2="{y}" stroke="#8c959f" stroke-width="2"/>')
        if b is not None:
            out.append(
                f'<rect x="{x(b) - 4.5}" y="{y - 4.5}" width="9" height="9" fill="#fff" stroke="{SECOND}" stroke-width="2"/>'
            )
        if a is not None:
            out.append(f'<circle cx="{x(a)}" cy="{y}" r="5" fill="{MARK}"/>')
        out.append("</g>")
    return "".join([*out, "</svg>"])
