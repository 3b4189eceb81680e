"""Places side by side: this resolver, cnloc, cpca and jionlp on labelled strings and on ads with clean coordinates.

The other libraries are never dependencies (jionlp carries GPL parts): install them in an environment of their own,
`uv venv peers && uv pip install -p peers/bin/python cnloc cpca jionlp "setuptools<80"`, then

    python bench/places.py --shared SHARED --peers peers/bin/python

SHARED is the folder with gold/places_dev.jsonl and data/postings_real.parquet. Without --peers only this resolver runs.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

os.environ.setdefault("POLARS_MAX_THREADS", "1")
PEERS = ("cnloc", "cpca", "jionlp")
DEFAULT_POINT = (39.9015, 116.3848)
MUNICIPALITIES = {"11", "12", "31", "50"}


def peer_answers(name: str, texts: list[str]) -> list[list[str | None]]:
    """Runs in the peers' environment: [province, city, county] names or codes for each text."""
    import importlib
    import warnings

    warnings.filterwarnings("ignore")
    module = importlib.import_module(name)
    if name == "cnloc":
        rows = module.getlocation(texts).to_dict("records")
        return [
            [r[k] if isinstance(r[k], str) else None for k in ("province_adcode", "city_adcode", "county_adcode")]
            for r in rows
        ]
    if name == "cpca":
        rows = module.transform(texts).to_dict("records")
        return [[r[k] if isinstance(r[k], str) and r[k] else None for k in ("省", "市", "区")] for r in rows]
    out = []
    for text in texts:
        try:
            r = module.parse_location(text, town_village=False)
            out.append([r["province"], r["city"], r["county"]])
        except Exception:
            out.append([None, None, None])
    return out


def run_peer(python: str, name: str, texts: list[str]) -> tuple[list[list[str | None]], float]:
    """Answers and seconds, start-up of the library not counted."""
    code = (
        f"import sys,json,time; sys.path.insert(0,{str(Path(__file__).parent)!r}); import places; "
        "t=json.load(sys.stdin); n=sys.argv[1]; places.peer_answers(n,t[:3]); s=time.perf_counter(); "
        "a=places.peer_answers(n,t); d=time.perf_counter()-s; sys.stderr.flush(); "
        "print('\\n@@'+json.dumps([a,d]))"
    )
    done = subprocess.run(
        [python, "-c", code, name], input=json.dumps(texts), capture_output=True, text=True, check=True
    )
    answers, seconds = json.loads(done.stdout.rpartition("@@")[2])
    return answers, seconds


def wilson(k: int, n: int) -> str:
    """k of n with its 95 % Wilson interval."""
    if n == 0:
        return "0/0"
    z, p = 1.96, k / n
    d, c = 1 + z * z / n, p + z * z / (2 * n)
    h = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return f"{k}/{n} = {p:.4f} [{(c - h) / d:.4f}, {(c + h) / d:.4f}]"


class Codes:
    """Names of provinces, cities and counties, as the peers write them, to prefecture-level codes of 2024."""

    def __init__(self, units: Path) -> None:
        self.by_name: dict[tuple[str, str], str] = {}
        with units.open(encoding="utf-8") as f:
            rows = list(csv.DictReader(f))
        provinces = {r["id"][:2]: r["name"] for r in rows if r["level"] == "1"}
        self.live = {r["id"] for r in rows if not r["to"]}
        for r in rows:
            code = r["now"].split(";")[0] or r["id"]
            self.by_name.setdefault((provinces.get(r["id"][:2], ""), r["name"]), self.prefecture(code))
        for name in provinces.values():
            if name in ("北京市", "天津市", "上海市", "重庆市"):
                self.by_name[(name, "市辖区")] = self.by_name[(name, "县")] = self.by_name[(name, name)]

    def prefecture(self, code: str) -> str:
        if code[:2] in MUNICIPALITIES or code[:2] in ("71", "81", "82"):
            return code[:2] + "0000"
        up = code[:4] + "00"
        return up if up in self.live else code

    def of(self, answer: list[str | None]) -> str | None:
        """Prefecture-level code, province code where only the province is given, None where nothing is."""
        province, city, county = answer
        if (county or city or province or "x")[0].isdigit():
            return self.prefecture(next(a for a in (county, city, province) if a))
        if not province:
            return None
        for name in (city, county):
            if name and (code := self.by_name.get((province, name))):
                return code
        return self.by_name.get((province, province))


def gold(path: Path) -> list[dict[str, Any]]:
    """Labelled rows with the set of accepted answers: codes, AMB, NONE, or a sorted list of codes."""
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    for r in rows:
        accept = set(r.get("accept") or [])
        accept |= {"ok": {r["adcode"]}, "ambiguous": {"AMB"}, "none": {"NONE"}}.get(r["status"], set())
        if r["status"] == "multi":
            accept = {",".join(sorted(r["cities"]))}
        r["accepted"] = accept
    return rows


def score(rows: list[dict[str, Any]], answers: list[str]) -> None:
    """Right answers, wrong places (a place where another or none is right), by status."""
    right = [a in r["accepted"] for r, a in zip(rows, answers)]
    wrong = [not ok and a not in ("AMB", "NONE") for ok, a in zip(right, answers)]
    print(f"    right {wilson(sum(right), len(rows))}; wrong place {wilson(sum(wrong), len(rows))}")
    for status in ("ok", "ambiguous", "none", "multi"):
        mine = [ok for ok, r in zip(right, rows) if r["status"] == status]
        print(f"      {status:9} {wilson(sum(mine), len(mine))}")


class Shapes:
    """Prefecture polygons: which unit holds a point, and which lie within `km` of it."""

    def __init__(self, path: Path) -> None:
        import numpy as np

        t = json.loads(path.read_text("utf-8"))
        scale, move = np.array(t["transform"]["scale"]), np.array(t["transform"]["translate"])
        arcs = [np.cumsum(np.array(a), axis=0) * scale + move for a in t["arcs"]]
        self.rings: list[tuple[str, Any]] = []
        for g in t["objects"]["city1"]["geometries"]:
            for part in g["arcs"] if g["type"] == "MultiPolygon" else [g["arcs"]]:
                for ring in part:
                    lines = [arcs[i] if i >= 0 else arcs[~i][::-1] for i in ring]
                    joined = np.vstack([lines[0], *(line[1:] for line in lines[1:])])
                    self.rings.append((g["properties"]["adcode"], joined))
        self.boxes = np.array([[*r.min(axis=0), *r.max(axis=0)] for _, r in self.rings])

    def around(self, x: float, y: float, km: float = 3.0) -> tuple[set[str], set[str]]:
        """Codes that hold the point, codes with a boundary within `km`; the simplified shapes are off by about that."""
        import numpy as np

        e = km / 80
        b = self.boxes
        odd: Counter[str] = Counter()
        near = set()
        for i in np.where((b[:, 0] - e <= x) & (x <= b[:, 2] + e) & (b[:, 1] - e <= y) & (y <= b[:, 3] + e))[0]:
            code, r = self.rings[i]
            p, q = r[:-1], r[1:]
            d = q - p
            dy = np.where(d[:, 1] == 0, 1e-12, d[:, 1])
            cross = ((p[:, 1] > y) != (q[:, 1] > y)) & (x < d[:, 0] * (y - p[:, 1]) / dy + p[:, 0])
            odd[code] += int(cross.sum())
            length = np.maximum((d**2).sum(axis=1), 1e-12)
            s = np.clip((((x, y) - p) * d).sum(axis=1) / length, 0, 1)
            gap = (p + d * s[:, None] - (x, y)) * (111 * math.cos(math.radians(y)), 111)
            if float((gap**2).sum(axis=1).min()) <= km * km:
                near.add(code)
        return {c for c, n in odd.items() if n % 2}, near


def by_coordinates(shared: Path, resolver: Any, examples: int) -> list[tuple[str, str]]:
    """City-level agreement of text and clean coordinates; returns (address, code) of the rows that agree."""
    import polars as pl

    rows = (
        pl.scan_parquet(shared / "data/postings_real.parquet")
        .select(
            "city_raw", "district_raw", "address_raw",
            lat=pl.col("lat_raw").cast(pl.Float64, strict=False), lon=pl.col("lon_raw").cast(pl.Float64, strict=False),
        )
        .drop_nulls(["lat", "lon"]).unique(maintain_order=True).collect()
    )  # fmt: skip
    shapes = Shapes(shared / "reference/geo/cn_city_s10.topojson")
    seen: dict[tuple[float, float], tuple[set[str], set[str]]] = {}
    count: Counter[str] = Counter()
    apart: list[str] = []
    agreed = []
    for city, district, address, lat, lon in rows.iter_rows():
        if abs(lat - DEFAULT_POINT[0]) < 6e-4 and abs(lon - DEFAULT_POINT[1]) < 6e-4:
            count["trap: default point of Beijing"] += 1
            continue
        if abs(lat) < 1 or abs(lon) < 1:
            count["trap: null island"] += 1
            continue
        place = resolver.resolve(city, district, address)
        if place.status != "ok" or place.adcode is None:
            count[f"text {place.status}"] += 1
            continue
        if (lon, lat) not in seen:
            seen[lon, lat] = shapes.around(lon, lat)
        held, near = seen[lon, lat]
        n = 2 if place.adcode[:2] in MUNICIPALITIES else 6
        if any(c[:n] == place.adcode[:n] for c in held):
            count["agree"] += 1
            if address:
                agreed.append((address, place.adcode))
        elif any(c[:n] == place.adcode[:n] for c in near):
            count["agree within 3 km of a simplified boundary"] += 1
        elif not held and not near:
            count["point outside all shapes"] += 1
        else:
            count["differ"] += 1
            apart.append(
                f"{city} | {district or ''} | {(address or '')[:24]} -> {place.adcode}, point in {sorted(held)}"
            )
    for k, v in sorted(count.items()):
        print(f"    {k}: {v}")
    good = count["agree"] + count["agree within 3 km of a simplified boundary"]
    print(f"    city-level agreement {wilson(good, good + count['differ'])}")
    for line in apart[:examples]:
        print("     ", line)
    return sorted(set(agreed))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    arguments.add_argument("--shared", type=Path, required=True)
    arguments.add_argument("--peers", help="python of the environment with the peers")
    arguments.add_argument("--examples", type=int, default=0, help="print so many rows where text and point differ")
    arguments.add_argument("--sample", type=int, default=4000, help="addresses in the comparison")
    a = arguments.parse_args()
    import polars as pl

    from gangwei.codebook import PACKAGED, Codebook
    from gangwei.kernels.places.gazetteer import compile_gazetteer
    from gangwei.kernels.places.place import Resolver

    gaz = compile_gazetteer(Codebook())
    resolver = Resolver(gaz)
    rows = gold(a.shared / "gold/places_dev.jsonl")
    print(f"labelled strings ({len(rows)})\n  this resolver")
    mine = []
    for r in rows:
        p = resolver.resolve(r["city"], r["district"], r["address"])
        mine.append({"ambiguous": "AMB", "none": "NONE"}.get(p.status) or ",".join(sorted(c for c, _ in p.places)))
    score(rows, mine)
    counties = [
        (r["county"], resolver.resolve(r["city"], r["district"], r["address"]).county_adcode)
        for r in rows
        if r["county"]
    ]
    print(f"      county    {wilson(sum(x == y for x, y in counties), len(counties))}")

    print("ads with coordinates (distinct fields and points)")
    agreed = by_coordinates(a.shared, resolver, a.examples)
    step = max(1, len(agreed) // a.sample)
    sample = agreed[::step]
    print(f"address alone against city and point ({len(sample)})\n  this resolver")
    texts, codes = [t for t, _ in sample], [c for _, c in sample]

    def compare(found: list[str | None]) -> None:
        right = sum(f == c for f, c in zip(found, codes))
        wrong = sum(
            (f is not None and not f.endswith("0000") and f != c) or (f or "")[:2] not in ("", c[:2])
            for f, c in zip(found, codes)
        )
        print(f"    right {wilson(right, len(codes))}; wrong city {wilson(wrong, len(codes))}")

    compare([resolver.resolve(None, None, t).adcode for t in texts])
    distinct = (
        pl.scan_parquet(a.shared / "data/postings_real.parquet")
        .select("city_raw", "district_raw", "address_raw")
        .unique()
        .collect()
    )
    triples = list(distinct.iter_rows())
    for label, chosen in (
        ("city, district, address", triples),
        ("city field", sorted({(c, None, None) for c, _, _ in triples if c})),
    ):
        best = 0.0
        for _ in range(3):
            fresh = Resolver(gaz)
            start = time.process_time()
            for c, d, t in chosen:
                fresh.resolve(c, d, t)
            best = max(best, len(chosen) / (time.process_time() - start))
        print(f"speed, {label}: {best:,.0f} distinct a second and core ({len(chosen)})")
    if not a.peers:
        return
    names = Codes(PACKAGED / "places/units.csv")
    joined = [" ".join(x for x in (r["city"], r["district"].replace("|", " "), r["address"]) if x) for r in rows]
    for peer in PEERS:
        answers, _ = run_peer(a.peers, peer, joined)
        print(
            f"  {peer} on the labelled strings (fields joined; it has no ambiguous, none or multi, so empty counts as either)"
        )
        found = [names.of(x) for x in answers]
        score(rows, [f or ("AMB" if "AMB" in r["accepted"] else "NONE") for f, r in zip(found, rows)])
        answers, seconds = run_peer(a.peers, peer, texts)
        print(f"  {peer} on addresses, {len(texts) / seconds:,.0f} a second")
        compare([names.of(x) for x in answers])
    sys.stdout.flush()


if __name__ == "__main__":
    main()
