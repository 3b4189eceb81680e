"""The map as SVG: TopoJSON shapes decoded, projected and drawn as paths that are links with a spoken label.

An Albers equal-area conic projection with the parallels 25 and 47 north, the usual one for this extent. Boundary lines of
the base map are always drawn with the shapes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

GEO = Path(str(resources.files("gangwei"))) / "geo"
WIDTH, HEIGHT = 760.0, 640.0
RAMP = ("#e4eff4", "#bcd9e6", "#85bad0", "#4a94b5", "#1c6d92", "#0a4462")
_PARALLELS, _ORIGIN = (25.0, 47.0), (105.0, 36.0)

Line = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Shape:
    """One unit: its code, name and SVG path data."""

    adcode: int
    name: str
    path: str


def _conic(lon: float, lat: float) -> tuple[float, float]:
    a, b = (math.radians(p) for p in _PARALLELS)
    n = (math.sin(a) + math.sin(b)) / 2
    c = math.cos(a) ** 2 + 2 * n * math.sin(a)
    rho0 = math.sqrt(c - 2 * n * math.sin(math.radians(_ORIGIN[1]))) / n
    rho = math.sqrt(c - 2 * n * math.sin(math.radians(lat))) / n
    theta = n * math.radians(lon - _ORIGIN[0])
    return rho * math.sin(theta), rho * math.cos(theta) - rho0


def _fit(lon: float, lat: float) -> tuple[float, float]:
    x, y = _conic(lon, lat)
    return x * 905.0 + WIDTH / 2 - 8, y * 905.0 + HEIGHT / 2 - 72


def _arcs(topology: Mapping[str, Any]) -> list[Line]:
    transform = topology.get("transform", {"scale": [1, 1], "translate": [0, 0]})
    (sx, sy), (tx, ty) = transform["scale"], transform["translate"]
    out = []
    for arc in topology["arcs"]:
        x = y = 0
        line = []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            line.append(_fit(x * sx + tx, y * sy + ty))
        out.append(tuple(line))
    return out


def _join(arcs: Sequence[Line], refs: Sequence[int]) -> list[tuple[float, float]]:
    line: list[tuple[float, float]] = []
    for ref in refs:
        arc = arcs[ref] if ref >= 0 else arcs[~ref][::-1]
        line.extend(arc[1:] if line else arc)
    return line


def _draw(line: Sequence[tuple[float, float]], *, close: bool) -> str:
    points: list[str] = []
    for x, y in line:
        p = f"{x:.1f} {y:.1f}"
        if not points or points[-1] != p:
            points.append(p)
    if len(points) < (3 if close else 2):
        return ""
    return "M" + "L".join(points) + ("Z" if close else "")


def _geometry(arcs: Sequence[Line], g: Mapping[str, Any]) -> str:
    kind, refs = g["type"], g.get("arcs", [])
    if kind == "Polygon":
        return "".join(_draw(_join(arcs, ring), close=True) for ring in refs)
    if kind == "MultiPolygon":
        return "".join(_draw(_join(arcs, ring), close=True) for polygon in refs for ring in polygon)
    if kind == "LineString":
        return _draw(_join(arcs, refs), close=False)
    if kind == "MultiLineString":
        return "".join(_draw(_join(arcs, part), close=False) for part in refs)
    return ""


@cache
def shapes(name: str) -> tuple[Shape, ...]:
    """Units of `geo/<name>.topojson` (provinces or prefectures), by code; empty when the file is not there."""
    path = GEO / f"{name}.topojson"
    if not path.is_file():
        return ()
    topology = json.loads(path.read_text("utf-8"))
    arcs = _arcs(topology)
    found: dict[int, tuple[str, str]] = {}
    for layer in topology["objects"].values():
        for g in layer.get("geometries", ()):
            properties = g.get("properties") or {}
            code = str(properties.get("adcode") or "")
            if code.isdigit():
                before = found.get(int(code), ("", ""))[1]
                found[int(code)] = (str(properties.get("name", "")), before + _geometry(arcs, g))
    return tuple(Shape(c, n, p) for c, (n, p) in sorted(found.items()))


@cache
def lines() -> str:
    """Path data of the boundary lines."""
    path = GEO / "lines.topojson"
    if not path.is_file():
        return ""
    topology = json.loads(path.read_text("utf-8"))
    arcs = _arcs(topology)
    return "".join(_geometry(arcs, g) for layer in topology["objects"].values() for g in layer.get("geometries", ()))


@dataclass(frozen=True)
class Region:
    """What the map says of one unit: link, spoken label and value (None = no data)."""

    href: str
    label: str
    value: float | None


def breaks(values: Sequence[float], classes: int = len(RAMP)) -> list[float]:
    """Upper bounds of classes for skewed values: round numbers, roughly geometric."""
    positive = sorted(v for v in values if v > 0)
    if not positive:
        return []
    out: list[float] = []
    for i in range(1, classes):
        v = positive[min(len(positive) - 1, round(i * len(positive) / classes))]
        size = 10 ** math.floor(math.log10(v))
        nice = next(m * size for m in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if m * size >= v * 0.999)
        if not out or nice > out[-1] * 1.0001:
            out.append(nice)
    return [b for b in out if b < positive[-1]]


def colour(value: float, bounds: Sequence[float]) -> str:
    """The colour of a value between class bounds."""
    i = sum(1 for b in bounds if value > b)
    spread = len(bounds) or 1
    return RAMP[round(i * (len(RAMP) - 1) / spread)] if bounds else RAMP[3]


def svg(layer: str, regions: Mapping[int, Region], *, title: str, no_data: str, words: Any, prefix: str = "map") -> str:
    """The map of `provinces` or `prefectures`; '' when the shapes are not there. `words` formats a class bound."""
    found = shapes(layer)
    if not found:
        return ""
    bounds = breaks([r.value for r in regions.values() if r.value is not None])
    out = [
        f'<svg class="map" viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" role="group" aria-label="{escape(title)}">',
        f'<defs><pattern id="{prefix}-none" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<rect width="6" height="6" fill="#f6f7f8"/><line x1="0" y1="0" x2="0" y2="6" stroke="#ccd3d9" stroke-width="1.6"/></pattern></defs>',
    ]
    for s in found:
        r = regions.get(s.adcode)
        known = r is not None and r.value is not None and r.value > 0
        fill = colour(r.value or 0.0, bounds) if r is not None and known else f"url(#{prefix}-none)"
        label = r.label if r is not None else f"{s.name}: {no_data}"
        shape = f'<path d="{s.path}" fill="{fill}" stroke="#fff" stroke-width=".8"/>'
        if r is not None and r.href:
            out.append(f'<a href="{escape(r.href)}" aria-label="{escape(label)}"><title>{escape(label)}</title>{shape}</a>')
        else:
            out.append(f"<g><title>{escape(label)}</title>{shape}</g>")
    out.append(f'<path d="{lines()}" fill="none" stroke="#7d8893" stroke-width=".9" stroke-linejoin="round" pointer-events="none" aria-hidden="true"/>')
    out.append(_legend(bounds, no_data, words, prefix))
    out.append("</svg>")
    return "".join(out)


def _legend(bounds: Sequence[float], no_data: str, words: Any, prefix: str) -> str:
    classes = len(bounds) + 1
    edges = [f"≤ {words(b)}" for b in bounds] + ([f"> {words(bounds[-1])}"] if bounds else [])
    fills = [colour((bounds[i - 1] if i else 0) + 1e-12, bounds) for i in range(classes)] if bounds else []
    rows = [(f"url(#{prefix}-none)", no_data), *zip(fills, edges)]
    top = HEIGHT - 20 * len(rows) - 14
    out = ['<g class="legend" aria-hidden="true">']
    for i, (fill, text) in enumerate(rows):
        y = top + 20 * i
        out.append(f'<rect x="16" y="{y:.0f}" width="22" height="14" fill="{fill}" stroke="#c5ccd2" stroke-width=".5"/><text x="46" y="{y + 11:.0f}">{escape(text)}</text>')
    out.append("</g>")
    return "".join(out)
