"""Map shapes: provinces, prefecture-level units and boundary lines as SVG paths on one canvas (see README.md)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True)
class Region:
    """One unit on the canvas: code of 2024 and SVG path data."""

    code: str
    path: str


@dataclass(frozen=True)
class ChinaMap:
    """The canvas in pixels and its layers, regions in order of their code; the boundary lines are always drawn."""

    width: int
    height: int
    provinces: tuple[Region, ...]
    prefectures: tuple[Region, ...]
    boundary: str
    rest: str
    """Three reserves of Gansu that belong to no prefecture: filled like land, without a link."""
    source: str


def load_map() -> ChinaMap:
    """Read the packaged shapes; about 5 ms, keep the result."""
    raw = json.loads((resources.files(__package__) / "china.json").read_text("utf-8"))

    def regions(layer: str) -> tuple[Region, ...]:
        return tuple(Region(code, path) for code, path in raw[layer].items())

    return ChinaMap(
        raw["width"],
        raw["height"],
        regions("provinces"),
        regions("prefectures"),
        raw["boundary"],
        raw["rest"],
        raw["source"],
    )
