"""Charts as Vega-Lite specifications (plain dictionaries) and as static SVG for documents without a script.

Every chart has a table beside it; the SVG itself is hidden from screen readers, which get its label and that table.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from gangwei.text_width import em

INK, MUTED, FAINT, RULE = "#1c2733", "#5a6773", "#dfe4e8", "#b9c2ca"
ACCENT, BAR, BAND = "#0b5a7d", "#86b6cb", "#f0f3f5"
WIDE, NARROW, LABEL, NARROW_LABEL = 560, 245, 300, 190
KINDS = {
    "base": INK,
    "definition": "#0b5a7d",
    "grain": "#c26a1a",
    "scope": "#6b4c9a",
    "place": "#2f7d4f",
    "board": "#5a6773",
    "joint": "#8c2f39",
}
FONT = "'Noto Sans','Source Han Sans SC','Noto Sans CJK SC','PingFang SC','Microsoft YaHei',sans-serif"
MEASURED_FONT = (
    "sans-serif"  # whatever font the machine has: named ones with Chinese take three times as long to measure
)

Spec = dict[str, Any]


def config() -> Spec:
    """The house style of all charts."""
    axis = {
        "domain": False, "ticks": False, "grid": True, "gridColor": FAINT, "labelColor": MUTED, "titleColor": MUTED,
        "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "labelPadding": 6,
    }  # fmt: skip
    return {
        "font": MEASURED_FONT, "background": "transparent", "view": {"stroke": None}, "axis": axis, "axisY": {"grid": False, "labelColor": INK},
        "legend": {"labelColor": INK, "titleColor": MUTED, "labelFontSize": 12, "orient": "top", "title": None, "symbolType": "circle"},
        "bar": {"color": BAR}, "text": {"color": INK, "fontSize": 12}, "point": {"filled": True, "size": 70, "color": ACCENT},
        "rule": {"color": ACCENT}, "line": {"color": ACCENT, "strokeWidth": 2},
    }  # fmt: skip


def _spec(rows: Sequence[Mapping[str, Any]], width: int, height: int | Spec, **rest: Any) -> Spec:
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json", "config": config(), "data": {"values": [dict(r) for r in rows]},
        "width": width, "height": height, "padding": 4, **rest,
    }  # fmt: skip


def _longest(rows: Sequence[Mapping[str, Any]]) -> float:
    """Pixels that the longest label takes at 12 px, with its distance to the axis."""
    return max((12.3 * em(str(r["label"])) for r in rows), default=0) + 12


def _extent(rows: Sequence[Mapping[str, Any]], most: int) -> int:
    """Pixels for labels, at most `most`."""
    return int(min(most, _longest(rows)))


def _y(rows: Sequence[Mapping[str, Any]], width: int) -> Spec:
    limit = width if int(_longest(rows)) <= width else int(0.9 * width)  # cut labels may be shown in a wider font
    return {
        "field": "label", "type": "nominal", "title": None, "sort": [r["label"] for r in rows],
        "axis": {"labelLimit": limit, "minExtent": width, "maxExtent": width, "labelColor": INK},
    }  # fmt: skip


def _number(share: bool, rows: Sequence[Mapping[str, Any]] = (), key: str = "value") -> str:
    """Axis format: percent with a decimal when the range is small, else grouped digits."""
    top = max((abs(r.get(key) or 0) for r in rows), default=1)
    return (".1%" if top < 0.05 else ".0%") if share else ",.0f"


def bars(
    rows: Sequence[Mapping[str, Any]],
    *,
    share: bool,
    title: str | None = None,
    width: int = NARROW,
    label: int = NARROW_LABEL,
) -> Spec:
    """Horizontal bars with the value written at their end and, where given, the interval as a thin line.

    Rows: label, value, text, optional low and high.
    """
    axis = {"format": _number(share, rows, "high"), "title": title, "tickCount": 5 if width > NARROW else 4}
    x = {"field": "value", "type": "quantitative", "axis": axis, "scale": {"zero": True, "nice": True}}
    ends = [r.get("high") or r["value"] or 0 for r in rows]
    rows = [{**r, "end": e} for r, e in zip(rows, ends)]
    layers: list[Spec] = [{"mark": {"type": "bar", "height": 14, "cornerRadiusEnd": 2}, "encoding": {"x": x}}]
    if any(r.get("low") is not None for r in rows):
        layers.append(
            {
                "mark": {"type": "rule", "color": INK, "strokeWidth": 1.2},
                "encoding": {"x": {"field": "low", "type": "quantitative"}, "x2": {"field": "high"}},
            }
        )
    layers.append(
        {
            "mark": {"type": "text", "align": "left", "dx": 7, "baseline": "middle"},
            "encoding": {"x": {"field": "end", "type": "quantitative"}, "text": {"field": "text"}},
        }
    )
    room = _extent(rows, label)
    return _spec(rows, width + label - room, {"step": 26}, encoding={"y": _y(rows, room)}, layer=layers)


def intervals(
    rows: Sequence[Mapping[str, Any]],
    *,
    share: bool,
    title: str | None = None,
    width: int = NARROW,
    label: int = NARROW_LABEL,
) -> Spec:
    """Points with their 95 % interval. Rows: label, value, low, high, text."""
    axis = {"format": _number(share, rows, "high"), "title": title, "tickCount": 5 if width > NARROW else 4}
    rows = [{**r, "end": r.get("high") or r["value"]} for r in rows]
    room = _extent(rows, label)
    return _spec(
        rows, width + label - room, {"step": 24}, encoding={"y": _y(rows, room)},
        layer=[
            {"mark": {"type": "rule", "strokeWidth": 3, "opacity": 0.45}, "encoding": {"x": {"field": "low", "type": "quantitative", "axis": axis, "scale": {"zero": True}}, "x2": {"field": "high"}}},
            {"mark": {"type": "point"}, "encoding": {"x": {"field": "value", "type": "quantitative"}}},
            {"mark": {"type": "text", "align": "left", "dx": 9, "baseline": "middle"}, "encoding": {"x": {"field": "end", "type": "quantitative"}, "text": {"field": "text"}}},
        ],
    )  # fmt: skip


def waterfall(rows: Sequence[Mapping[str, Any]]) -> Spec:
    """Steps from raw rows to AI openings. Rows: label, start, end, kind (total or loss), text."""
    x = {
        "field": "start",
        "type": "quantitative",
        "axis": {"format": ",.0f", "title": None, "tickCount": 5},
        "scale": {"zero": True},
    }
    colour = {
        "field": "kind",
        "type": "nominal",
        "scale": {"domain": ["total", "loss"], "range": [ACCENT, RULE]},
        "legend": None,
    }
    rows = [{**r, "right": max(r["start"], r["end"])} for r in rows]
    room = _extent(rows, LABEL)
    return _spec(
        rows, WIDE + LABEL - room, {"step": 26}, encoding={"y": _y(rows, room)},
        layer=[
            {"mark": {"type": "bar", "height": 15}, "encoding": {"x": x, "x2": {"field": "end"}, "color": colour}},
            {"mark": {"type": "text", "align": "left", "dx": 7, "baseline": "middle"}, "encoding": {"x": {"field": "right", "type": "quantitative"}, "text": {"field": "text"}}},
        ],
    )  # fmt: skip


def tornado(rows: Sequence[Mapping[str, Any]], base: float, *, share: bool, band: float) -> Spec:
    """How far each variant moves a headline from its reported value; the grey band is the margin it may move within.

    Rows: label, value, kind, text. `band` is half the width of the margin, in the unit of the value.
    """
    reach = max([abs(r["value"] - base) for r in rows] + [band]) * 1.12 or 1.0
    low, high = max(0.0, base - reach), base + reach * 1.25
    domain = {"domain": [low, min(high, 1.0) if share and high > 1 else high], "nice": False, "zero": False}
    axis = {"format": (".0%" if reach > 0.02 else ".1%") if share else ",.0f", "title": None, "tickCount": 4}
    colour = {
        "field": "kind",
        "type": "nominal",
        "scale": {"domain": list(KINDS), "range": list(KINDS.values())},
        "legend": None,
    }
    rows = [{**r, "base": base, "end": max(r["value"], base)} for r in rows]
    x = {"field": "value", "type": "quantitative", "axis": axis, "scale": domain}
    room = _extent(rows, NARROW_LABEL + 30)
    y = _y(rows, room)
    layers: list[Spec] = [
        {
            "mark": {"type": "rect", "color": BAND},
            "encoding": {"x": {"datum": max(low, base - band)}, "x2": {"datum": base + band}},
        },
        {
            "mark": {"type": "bar", "height": 10},
            "encoding": {"x": {**x, "field": "base"}, "x2": {"field": "value"}, "color": colour, "y": y},
        },
        {"mark": {"type": "tick", "thickness": 2, "size": 12}, "encoding": {"x": x, "color": colour, "y": y}},
        {"mark": {"type": "rule", "color": INK, "strokeWidth": 1.4}, "encoding": {"x": {"datum": base}}},
        {
            "mark": {"type": "text", "align": "left", "dx": 6, "baseline": "middle", "fontSize": 11, "color": MUTED},
            "encoding": {"x": {"field": "end", "type": "quantitative"}, "text": {"field": "text"}, "y": y},
        },
    ]
    return _spec(rows, NARROW + NARROW_LABEL - room, {"step": 20}, layer=layers)


def series(rows: Sequence[Mapping[str, Any]]) -> Spec:
    """Columns by month. Rows: label (YYYY-MM), value."""
    years = [r["label"] for r in rows if r["label"].endswith("-01")]
    ticks = years if len(years) > 1 else [r["label"] for i, r in enumerate(rows) if i % max(1, len(rows) // 8) == 0]
    x = {
        "field": "label",
        "type": "ordinal",
        "title": None,
        "axis": {"values": ticks, "labelAngle": 0, "grid": False},
        "sort": None,
    }
    y = {
        "field": "value",
        "type": "quantitative",
        "axis": {"title": None, "format": ",.0f", "tickCount": 4, "grid": True},
    }
    return _spec(rows, WIDE + LABEL, 160, mark={"type": "bar"}, encoding={"x": x, "y": y})


def svg(spec: Spec, label: str, prefix: str) -> str:
    """Static SVG of a specification, fit to be put inside HTML: scales with its box, ids made unique by `prefix`.

    Raises:
        ValueError: the specification cannot be rendered.
    """
    import vl_convert

    out = str(vl_convert.vegalite_to_svg(json.dumps(spec, ensure_ascii=False, sort_keys=True, allow_nan=False)))
    return inline(out, label, prefix)


def inline(out: str, label: str, prefix: str) -> str:
    """Make the root of an SVG scale, hide it from readers that have the table, and prefix its ids."""
    from html import escape

    out = re.sub(r"<\?xml[^>]*\?>|<!DOCTYPE[^>]*>", "", out)
    out = re.sub(r'\s(?:aria-[a-z]+|role|tabindex)="[^"]*"', "", out)
    # Numbered anew: the renderer counts its ids through the life of the process.
    ids = {old: f"{prefix}-{i}" for i, old in enumerate(dict.fromkeys(re.findall(r'\bid="([^"]+)"', out)))}
    out = re.sub(r'\bid="([^"]+)"', lambda m: f'id="{ids[m.group(1)]}"', out)
    out = re.sub(r"url\(#([^)]+)\)", lambda m: f"url(#{ids.get(m.group(1), m.group(1))})", out)
    out = out.replace(f'font-family="{MEASURED_FONT}"', f'font-family="{FONT}"').replace(
        f'font-family="&quot;{MEASURED_FONT}&quot;"', f'font-family="{FONT}"'
    )
    head = re.match(r"\s*<svg\b[^>]*>", out)
    if head is None:
        raise ValueError("not an SVG")
    width = re.search(r'\bwidth="([\d.]+)"', head.group(0))
    root = re.sub(r'\s(?:width|height|class)="[^"]*"', "", head.group(0).strip())
    style = f' style="max-width:{float(width.group(1)):.0f}px"' if width else ""
    root = root[:-1] + f' class="chart" aria-hidden="true" focusable="false"{style}>'
    return f'<div class="chart-box" role="img" aria-label="{escape(label)}">{root}{out[head.end() :]}</div>'
