"""The choropleth map as SVG: each unit a path that is a link with a spoken label; boundary lines always drawn."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from gangwei.geo import ChinaMap

RAMP = ("#e4eff4", "#bcd9e6", "#85bad0", "#4a94b5", "#1c6d92", "#0a4462")


@dataclass(frozen=True)
class Region:
    """What the map says of one unit: link, spoken label and value (None = no data)."""

    href: str
    label: str
    value: float | None


def breaks(values: Sequence[float]) -> list[float]:
    """Upper bounds of classes for skewed values: round numbers in equal ratios from the smallest value to the largest.

    Equal ratios, not equal numbers of units: where one city has a third of all and most have one opening, classes of as many
    units each would give the first twenty the same colour. The lowest twentieth does not stretch the scale.
    """
    positive = sorted(v for v in values if v > 0)
    coarse = _rounded(positive, (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10))
    if len(coarse) >= len(RAMP) // 2 or len(set(positive)) < len(RAMP):
        return coarse
    return _rounded(positive, [m / 10 for m in range(10, 101)])


def _rounded(positive: Sequence[float], steps: Sequence[float]) -> list[float]:
    out: list[float] = []
    classes = len(RAMP)
    for i in range(1, classes if positive else 0):
        low, high = positive[len(positive) // 20], positive[-1]
        v = low * (high / low) ** (i / classes)
        size = 10 ** math.floor(math.log10(v))
        nice = next(round(m * size, 12) for m in steps if m * size >= v * 0.999)
        if not out or nice > out[-1] * 1.0001:
            out.append(nice)
    return [b for b in out if b < positive[-1]]


def colour(value: float, bounds: Sequence[float]) -> str:
    """The colour of a value between class bounds."""
    i = sum(1 for b in bounds if value > b)
    spread = len(bounds) or 1
    return RAMP[round(i * (len(RAMP) - 1) / spread)] if bounds else RAMP[3]


def svg(
    base: ChinaMap, regions: Mapping[int, Region], *, layer: str = "provinces", title: str, no_data: str,
    words: Callable[[float], str],
) -> str:  # fmt: skip
    """The map of `provinces` or `prefectures`. `words` formats a class bound; units without a region are hatched."""
    none = f"none-{layer}"
    found = breaks([r.value for r in regions.values() if r.value is not None])
    bounds = list({words(b): b for b in found}.values())  # of bounds that read alike the last one
    out = [
        f'<svg class="map" viewBox="0 0 {base.width} {base.height}" role="group" aria-label="{escape(title)}">',
        f'<defs><pattern id="{none}" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<rect width="7" height="7" fill="#f6f7f8"/><line x1="0" y1="0" x2="0" y2="7" stroke="#ccd3d9" stroke-width="2"/></pattern></defs>',
    ]
    if layer == "prefectures":
        out.append(f'<path d="{base.rest}" fill="url(#{none})" aria-hidden="true"/>')
    for unit in base.provinces if layer == "provinces" else base.prefectures:
        r = regions.get(int(unit.code))
        known = r is not None and r.value is not None and r.value > 0
        fill = colour(r.value or 0.0, bounds) if r is not None and known else f"url(#{none})"
        edge = "#fff" if known else "#c3cbd2"
        shape = f'<path d="{unit.path}" fill="{fill}" stroke="{edge}" stroke-width="1"/>'
        if r is not None and r.href:
            out.append(
                f'<a href="{escape(r.href)}" aria-label="{escape(r.label)}"><title>{escape(r.label)}</title>{shape}</a>'
            )
        else:
            out.append(f"<g><title>{escape(r.label if r is not None else no_data)}</title>{shape}</g>")
    out.append(
        f'<path d="{base.boundary}" fill="none" stroke="#5a6773" stroke-width="1.6" stroke-linejoin="round" pointer-events="none" aria-hidden="true"/>'
    )
    out.append("</svg>")
    known_values = sorted({r.value for r in regions.values() if r.value})
    return "".join(out) + _legend(bounds, known_values, no_data, words, none)


def _legend(
    bounds: Sequence[float], values: Sequence[float], no_data: str, words: Callable[[float], str], pattern: str
) -> str:
    edges = [f"≤ {words(b)}" for b in bounds] + ([f"> {words(bounds[-1])}"] if bounds else [])
    fills = [colour((bounds[i - 1] if i else 0) + 1e-12, bounds) for i in range(len(bounds) + 1)] if bounds else []
    if values and not bounds:
        shown = list(dict.fromkeys(words(v) for v in (values[0], values[-1])))
        edges, fills = [" – ".join(shown)], [colour(values[0], bounds)]
    items = "".join(
        f'<li><svg width="22" height="14" aria-hidden="true" focusable="false"><rect width="22" height="14" fill="{fill}"/></svg>{escape(text)}</li>'
        for fill, text in zip(fills, edges)
    )
    none = f'<svg width="22" height="14" aria-hidden="true" focusable="false"><rect width="22" height="14" fill="url(#{pattern})" stroke="#c5ccd2"/></svg>'
    return f'<ul class="legend">{items}<li>{none}{escape(no_data)}</li></ul>'
