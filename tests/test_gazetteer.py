"""The gazetteer and the lists beside it: complete, consistent, dated, sourced."""

from __future__ import annotations

import importlib.util
import itertools
import re
import sys
from pathlib import Path

import pytest

from gangwei.codebook import Codebook
from gangwei.geo import load_map
from gangwei.kernels.places.gazetteer import Gazetteer, Reading, compile_gazetteer, join, latin_key

BOOK = Codebook()
UNITS = BOOK.rows("places/units.csv")


@pytest.fixture(scope="module")
def gaz() -> Gazetteer:
    return compile_gazetteer(BOOK)


def test_vintage_is_complete(gaz: Gazetteer) -> None:
    """34 provinces, 333 prefectures and 2,846 counties at the end of 2024."""
    levels = [u.level for u in gaz.units.values()]
    assert [levels.count(i) for i in (1, 2, 3)] == [34, 333, 2846]


def test_rows_are_well_formed(gaz: Gazetteer) -> None:
    for row in UNITS:
        assert re.fullmatch(r"\d{6}", row["id"]), row
        assert row["level"] in "123"
        assert 1980 <= int(row["from"]) <= int(row["to"] or 2026), row
        assert row["source"], row
        for code in row["now"].split(";") if row["now"] else [row["id"]]:
            assert code in gaz.units, row


def test_a_code_names_one_unit_at_a_time() -> None:
    spans: dict[str, list[tuple[int, int, str]]] = {}
    for row in UNITS:
        spans.setdefault(row["id"], []).append((int(row["from"]), int(row["to"] or 2026), row["name"]))
    overlaps = []
    for code, rows in spans.items():
        rows.sort()
        overlaps += [(code, a, b) for a, b in itertools.pairwise(rows) if b[0] < a[1]]
    assert len(overlaps) <= 45, overlaps[:5]  # years of two sources differ by one or two at some renames


@pytest.mark.parametrize(
    ("code", "name", "now"),
    [
        ("420600", "襄樊市", ""),
        ("371200", "莱芜市", "370100"),
        ("341400", "巢湖市", "340100;340200;340500"),
        ("532700", "思茅地区", "530800"),
        ("110103", "崇文区", "110101"),
        ("310108", "闸北区", "310106"),
        ("510200", "重庆市", "500000"),
        ("511200", "万县市", "500000"),
        ("530200", "东川市", "530113"),
        ("420400", "沙市市", "421002"),
        ("132900", "沧州地区", "130900"),
        ("500157", "两江新区", "500105;500112"),
    ],
)
def test_successors(code: str, name: str, now: str) -> None:
    assert [r["now"] for r in UNITS if (r["id"], r["name"]) == (code, name)] == [now]


def test_reused_codes_do_not_inherit() -> None:
    """511400 was Fuling in 1995-1996 and is Meishan since 2000."""
    assert {(r["name"], r["now"]) for r in UNITS if r["id"] == "511400"} == {("涪陵市", "500000"), ("眉山市", "")}


@pytest.mark.parametrize(
    ("scope", "size", "inside", "outside"),
    [
        ("yrd_2010", 16, "330900", "330300"),
        ("yrd_2016", 26, "340100", "330300"),
        ("yrd_2019_central", 27, "330300", "320300"),
        ("yrd_2019_full", 41, "320300", "360100"),
        ("prd_9", 9, "441900", "810000"),
        ("gba_11", 11, "810000", "440500"),
        ("bth_2015", 13, "130600", "140100"),
        ("chengyu_2016", 16, "500000", "510800"),
        ("chengyu_2021", 16, "510100", "520300"),
        ("midyangtze_2015", 31, "429004", "420300"),
    ],
)
def test_clusters(gaz: Gazetteer, scope: str, size: int, inside: str, outside: str) -> None:
    members = gaz.scopes[scope]
    assert len(members) == size
    assert inside in members
    assert outside not in members


def test_scopes_nest_as_published(gaz: Gazetteer) -> None:
    c = gaz.scopes
    assert c["yrd_2010"] < c["yrd_2019_central"] < c["yrd_2019_full"]
    assert c["yrd_2019_central"] - c["yrd_2016"] == {"330300"}
    assert c["gba_11"] - c["prd_9"] == {"810000", "820000"}


def test_lists_are_sourced_and_unique() -> None:
    for name in ("aliases", "zones", "nonplaces", "clusters", "later", "successors"):
        rows = BOOK.rows(f"places/{name}.csv")
        assert all(r["source"] for r in rows), name
        ids = [r["id"] for r in rows] if name not in ("later", "successors") else [r["id"] + r["name"] for r in rows]
        assert len(ids) == len(set(ids)), name
        names = [(r["name"], r.get("use", ""), r.get("kind", "")) for r in rows if "name" in r]
        assert name == "successors" or len(names) == len(set(names)), name
    for name in ("aliases", "zones"):
        assert all(r["reason"] for r in BOOK.rows(f"places/{name}.csv"))


def test_english_names(gaz: Gazetteer) -> None:
    assert gaz.units["440300"].en == "Shenzhen"
    assert gaz.units["610100"].en == "Xi'an"
    assert gaz.units["140400"].en == "Changzhi"
    assert all(u.en for u in gaz.units.values() if u.level < 3)


def test_join() -> None:
    sz, nanshan = Reading("44", "440300", None), Reading("44", "440300", "440305")
    assert join([sz], [nanshan]) == [nanshan]
    assert join([nanshan], [sz]) == [nanshan]
    assert join([sz], [Reading("11", "110000", None)]) == []
    assert join([Reading("44", None, None)], [sz]) == [sz]
    assert join([nanshan], [Reading("44", "440300", "440304")]) == []


def test_latin_key() -> None:
    assert latin_key("Xi'an ") == "xian"


def test_map_draws_every_unit(gaz: Gazetteer) -> None:
    china = load_map()
    provinces = {r.code for r in china.provinces}
    prefectures = {r.code for r in china.prefectures}
    assert provinces == {c for c, u in gaz.units.items() if u.level == 1}
    need = {c for c, u in gaz.units.items() if u.level == 2} | {"110000", "310000", "429004", "659001", "810000"}
    assert need <= prefectures
    assert prefectures <= set(gaz.units)
    assert china.boundary.count("M") >= 10
    for region in (*china.provinces, *china.prefectures):
        assert re.fullmatch(r"(M-?[\d.]+,-?[\d.]+l[-\d., ]+z)+", region.path), region.code


@pytest.mark.parametrize(
    ("name", "level", "short"),
    [
        ("广西壮族自治区", 1, "广西"),
        ("香港特别行政区", 1, "香港"),
        ("恩施土家族苗族自治州", 2, "恩施"),
        ("克孜勒苏柯尔克孜自治州", 2, "克孜勒苏"),
        ("大兴安岭地区", 2, "大兴安岭"),
        ("积石山保安族东乡族撒拉族自治县", 3, "积石山"),
        ("东乡族自治县", 3, "东乡"),
        ("管城回族区", 3, "管城"),
        ("科尔沁右翼前旗", 3, ""),
        ("莒县", 3, ""),
        ("浦东新区", 3, "浦东"),
        ("市中区", 3, "市中"),
    ],
)
def test_short_names(name: str, level: int, short: str) -> None:
    path = Path(__file__).resolve().parents[1] / "scripts/build_gazetteer.py"
    spec = importlib.util.spec_from_file_location("build_gazetteer", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["build_gazetteer"] = module
    spec.loader.exec_module(module)
    assert module.short_name(name, level) == short
