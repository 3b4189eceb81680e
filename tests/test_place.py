"""The place resolver: cases anyone may extend, and properties that hold for any text."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from gangwei.codebook import Codebook
from gangwei.kernels.places.gazetteer import Gazetteer, compile_gazetteer, prefecture_of
from gangwei.kernels.places.place import Place, Resolver, resolve

CASES: dict[str, list[dict[str, Any]]] = yaml.safe_load(
    (Path(__file__).parent / "cases/places.yaml").read_text("utf-8")
)
FLAT = [(group, case) for group, cases in CASES.items() for case in cases]


@pytest.fixture(scope="module")
def gaz() -> Gazetteer:
    return compile_gazetteer(Codebook())


@pytest.fixture(scope="module")
def resolver(gaz: Gazetteer) -> Resolver:
    return Resolver(gaz)


def told(place: Place) -> str:
    """The outcome in the notation of the cases."""
    if place.status == "multi":
        return " ".join(["multi", *sorted(c for c, _ in place.places)])
    if place.status != "ok":
        return place.status
    if place.adcode is None:
        return place.places[0][0]
    return f"{place.adcode}/{place.county_adcode}" if place.county_adcode else place.adcode


def test_there_are_enough_cases() -> None:
    assert len(FLAT) >= 300


@pytest.mark.parametrize(("group", "case"), FLAT, ids=[f"{g}-{i}" for i, (g, _) in enumerate(FLAT)])
def test_case(group: str, case: dict[str, Any], resolver: Resolver) -> None:
    place = resolver.resolve(*(None if case.get(k) is None else str(case[k]) for k in "cda"))
    want = case["want"]
    if want == "none-or-ambiguous":
        assert place.status in ("none", "ambiguous"), (case, place)
    else:
        assert told(place) == want, (case, place)


def test_weights_sum_to_one_and_fields_agree(resolver: Resolver) -> None:
    for _, case in FLAT:
        p = resolver.resolve(*(None if case.get(k) is None else str(case[k]) for k in "cda"))
        assert p.rule
        assert bool(p.places) == (p.status in ("ok", "multi"))
        assert not p.places or abs(sum(w for _, w in p.places) - 1) < 1e-12
        assert (p.adcode is not None) == (p.status == "ok" and p.level != "province")
        assert p.county_adcode is None or p.adcode is not None
        assert len({c for c, _ in p.places}) == len(p.places)


def test_full_width_and_spaces_do_not_matter(resolver: Resolver) -> None:
    for plain, odd in [
        ("深圳-南山区", "深圳－南山区"),
        ("Shenzhen", "Ｓｈｅｎｚｈｅｎ"),
        ("北京/上海", "北京／上海"),
        ("杭州,宁波", "杭州，宁波"),
    ]:
        assert resolver.resolve(plain, None, None)[:4] == resolver.resolve(odd, None, None)[:4]


def test_every_name_of_the_vintage_finds_itself(gaz: Gazetteer) -> None:
    """Province + prefecture + county in full is never ambiguous and never another place."""
    resolver = Resolver(gaz)
    for code, unit in gaz.units.items():
        if unit.level == 1:
            continue
        province, prefecture = f"{code[:2]}0000", prefecture_of(code, gaz.units)
        above = dict.fromkeys((province, prefecture)) if unit.level == 3 else (province,)
        text = "".join(gaz.units[c].name for c in above if c != code) + unit.name
        place = resolver.resolve(text, None, None)
        assert place.status == "ok", (text, place)
        assert code in (place.adcode, place.county_adcode), (text, place)


def test_prefecture_short_names_are_read_or_ambiguous_never_wrong(gaz: Gazetteer) -> None:
    resolver = Resolver(gaz)
    unread = []
    for code, unit in gaz.units.items():
        if unit.level == 2:
            place = resolver.resolve(unit.short, None, None)
            if place.status != "ok" or place.adcode is None:
                unread.append(unit.short)
            else:
                assert place.adcode == code, (unit, place)
    assert sorted(unread) == ["吉林", "朝阳", "海南"]


def test_hostile_text_ends(gaz: Gazetteer) -> None:
    resolver = Resolver(gaz)
    draw = random.Random(7)
    alphabet = "深圳市南山区·-/, 北京省路街县<>\0\ud7ff１２a'[]{}和与\n"
    for _ in range(3000):
        text = "".join(draw.choice(alphabet) for _ in range(draw.randrange(120)))
        resolver.resolve(text, text[::-1], text[5:])
    for huge in ("深圳" * 2_500_000, "/" * 5_000_000, "(" * 5_000_000, "<b>" * 1_700_000):
        resolver.resolve(huge, huge, huge)


def test_resolve_without_a_resolver(gaz: Gazetteer) -> None:
    assert resolve("昆山", None, None, gaz) == Place(
        "ok", "320500", "320583", (("320500", 1.0),), "city.short", "county"
    )


def test_rules_say_what_decided(resolver: Resolver) -> None:
    assert resolver.resolve("深圳", None, "广州市天河区五山路1号").rule == "city.short!address"
    assert resolver.resolve("朝阳区", None, "北京市朝阳区望京").rule == "city.name+address"
    assert resolver.resolve("襄樊", None, None).rule == "city.old"
    assert resolver.resolve("光谷", None, None).rule.startswith("city.zone:zone-")
    assert resolver.resolve("全国", None, None).rule == "city.nationwide"


def test_every_rule_is_documented(resolver: Resolver) -> None:
    parts = {r["id"] for r in Codebook().rows("places/rules.csv")}
    for _, case in FLAT:
        rule = resolver.resolve(*(None if case.get(k) is None else str(case[k]) for k in "cda")).rule
        head, *evidence = re.split(r"(?=[+!])", rule)
        field, _, kind = head.partition(".")
        assert {field, kind.partition(":")[0], *evidence} <= parts, rule
