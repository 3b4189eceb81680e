"""Charts of the explorer: SVG whose marks are links, so that a click filters without any script."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from html import escape

from gangwei import choropleth
from gangwei.geo import ChinaMap, load_map
from gangwei.labels import Labels
from gangwei.measures import Result

ROW, LEFT, WIDTH, RIGHT, TOP = 26, 220, 860, 90, 30
SHOWN = 40
INK, SOFT, MARK = "#1b1f24", "#57606a", "#0b5cad"


@cache
def _china() -> ChinaMap:
    return load_map()


def map_of(result: Result, labels: Labels, href: Callable[[str], str]) -> str:
    """A province map of a figure grouped by province; '' when it has no rows."""
    unit = result.measure.unit
    regions: dict[int, choropleth.Region] = {}
    for r in result.rows.to_dicts():
        if str(r["id"]).isdigit():
            value = None if r["suppressed"] else r["value"]
            said = labels.interval(r["low"], r["high"], unit) if value is not None else labels.text("suppressed")
            regions[int(r["id"])] = choropleth.Region(
                href(r["id"]), f"{r['label']}: {labels.quantity(value, unit)} ({said})", value
            )
    if not regions:
        return ""
    title = result.measure.zh if labels.lang == "zh" else result.measure.en
    return choropleth.svg(
        _china(), regions, title=title, no_data=labels.text("no_data"), words=lambda v: labels.quantity(v, unit)
    )


def _ticks(top: float) -> list[float]:
    if top <= 0:
        return [0.0]
    step = 10 ** math.floor(math.log10(top / 4))
    step = next(m * step for m in (1, 2, 2.5, 5, 10) if top / (m * step) <= 5)
    return [i * step for i in range(math.floor(top / step) + 1)]


def dots(result: Result, labels: Labels, href: Callable[[str], str]) -> str:
    """Points with their 95 % interval, one line a group, largest groups first as the figure gives them."""
    unit = result.measure.unit
    if "id" not in result.rows.columns:
        return ""
    rows = [r for r in result.rows.to_dicts() if not r.get("suppressed") and r["value"] is not None][:SHOWN]
    if not rows:
        return ""
    ends = [r["high"] if r["high"] is not None and math.isfinite(r["high"]) else r["value"] for r in rows]
    top = max(*ends, 1e-12)
    span = WIDTH - LEFT - RIGHT
    height = TOP + ROW * len(rows) + 8

    def x(value: float) -> float:
        return float(round(LEFT + span * max(0.0, min(value, top)) / top, 1))

    title = result.measure.zh if labels.lang == "zh" else result.measure.en
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" role="group" aria-label="{escape(title)}" '
        f'font-family="system-ui, sans-serif" font-size="13">'
    ]
    for t in _ticks(top):
        out.append(f'<line x1="{x(t)}" x2="{x(t)}" y1="{TOP - 6}" y2="{height - 6}" stroke="#d8dee4"/>')
        out.append(
            f'<text x="{x(t)}" y="{TOP - 12}" text-anchor="middle" font-size="11" fill="{SOFT}">{escape(labels.quantity(t, unit))}</text>'
        )
    for n, (r, end) in enumerate(zip(rows, ends)):
        y = TOP + ROW * n + ROW / 2
        low = r["low"] if r["low"] is not None and math.isfinite(r["low"]) else r["value"]
        name = str(r["label"])
        wide = sum(2 if ord(c) > 0x2E80 else 1 for c in name)
        shown = name if wide <= 32 else name[: 15 if wide > len(name) * 1.5 else 30] + "…"
        value = labels.quantity(r["value"], unit)
        out.append(
            f'<a href="{escape(href(r["id"]))}" aria-label="{escape(f"{name}: {value}")}"><title>{escape(name)}: {escape(value)} '
            f'({escape(labels.interval(r["low"], r["high"], unit))})</title><rect x="0" y="{y - ROW / 2}" width="{WIDTH}" height="{ROW}" fill="transparent"/>'
            f'<text x="{LEFT - 12}" y="{y + 4.5}" text-anchor="end" fill="{INK}">{escape(shown)}</text>'
            f'<line x1="{x(low)}" x2="{x(end)}" y1="{y}" y2="{y}" stroke="{MARK}" stroke-width="3" opacity=".35"/>'
            f'<circle cx="{x(r["value"])}" cy="{y}" r="5" fill="{MARK}"/>'
            f'<text x="{x(end) + 10}" y="{y + 4.5}" font-size="12" fill="{SOFT}">{escape(value)}</text></a>'
        )
    return "".join([*out, "</svg>"])
