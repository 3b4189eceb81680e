"""Where an ad's work place is, from its place fields as written; never a guess.

A name is a set of readings (province, prefecture, county). Fields narrow the set: city first, then district, then
address. One prefecture left: `ok`; several: `ambiguous`; alternatives named side by side: `multi`; no place: `none`.
Pure functions of the strings and the gazetteer; caches live in the `Resolver` a caller holds.

Rules read `field.kind[:row][+district][+address][!address]`: the field and the kind of name that decided, the row of a
list, the fields that narrowed it, and `!` before a field that names another place and was overruled.
"""

from __future__ import annotations

import itertools
import re
from typing import NamedTuple

from gangwei.kernels.places.gazetteer import Gazetteer, Reading, join
from gangwei.kernels.places.place_fields import (
    LATIN,
    Chain,
    Found,
    clean_field,
    county_in,
    read_address,
    read_anywhere,
    read_city,
    scan,
    settle,
)

CACHE_LIMIT = 300_000
NONE_KINDS = frozenset({"nationwide", "remote", "elsewhere", "overseas", "foreign", "region"})
"""Fields that say there is no place of China, or none named; `elsewhere` may still be told by the address."""
LISTED = frozenset({"zone", "alias", "multi", "ambiguous"})


class Place(NamedTuple):
    """Outcome for one ad. `places` are (code, weight) with weights that sum to 1 in the order
    named, empty unless ok or multi."""

    status: str
    adcode: str | None
    county_adcode: str | None
    places: tuple[tuple[str, float], ...]
    rule: str
    level: str


def narrow(chain: Chain, other: Chain) -> Chain | None:
    """`chain` narrowed by what another field says; None when they contradict each other."""
    joined = join(chain.readings, other.readings)
    if len(joined) == 1 and len(chain.readings) == 1 and joined[0] is chain.readings[0]:
        return chain
    if not joined and other.every is not None:
        joined = join(chain.readings, other.every)
    if not joined and chain.every is not None:
        joined = join(chain.every, other.readings)
    return Chain(tuple(joined), None, chain.kind, chain.id) if joined else None


def contradicts(city: Chain, address: Chain) -> bool:
    """Whether the address begins with another prefecture in so many words (a bare county name may be a quarter)."""
    here, there = settle(city.readings), settle(address.readings)
    if here is None or there is None or here[:2] == there[:2]:
        return False
    return there.county is None or address.kind in ("name", "zone")


def is_bare_county(chain: Chain) -> bool:
    """Whether a single short county name is all: as an address it is rather a quarter, a school or a village."""
    return chain.every is not None and all(r.county for r in chain.readings)


def with_district(city: Found, district: str, gaz: Gazetteer) -> tuple[Found, str]:
    """The city field narrowed by the district field, and what to add to the rule."""
    if not district:
        return city, ""
    if len(city.chains) > 1:
        return city, ""
    if not city.chains:
        if city.reason in NONE_KINDS - {"elsewhere"}:
            return city, ""
        found = read_city(district, gaz)
        return (found, "district") if found.chains else (city if city.reason != "blank" else found, "")
    last = city.chains[0]
    settled = settle(last.readings)
    head = district.split("|", 1)[0] if district[0] != "|" else ""
    parts = [p for p in re.split(r"[/,、;\s]+", head) if p]
    if not parts:
        return city, ""
    readings: dict[Reading, None] = {}
    other: Chain | None = None
    for part in parts:
        named = scan(part, gaz, gaz.words.borrowed).chains
        if not named:
            continue
        narrowed = narrow(last, named[0])
        if narrowed is None and (moved := gaz.moved_from(part, last.readings)):
            narrowed = Chain(moved, None, last.kind, last.id)
        if narrowed is not None:
            readings.update(dict.fromkeys(narrowed.readings))
        elif named[0].kind == "name" and all(r.county is None for r in named[0].readings):
            other = named[0]
    above = list(itertools.takewhile(lambda r: r.county is None, readings))  # 浙江省/杭州市/余杭区
    if len(above) < len(readings):
        readings = {r: None for r in readings if r not in above}
    if readings and tuple(readings) == last.readings:
        return city, ""
    if readings:
        rows = tuple(readings)
        if len(rows) > 1 and len({r.prefecture for r in rows}) == 1 and rows[0].prefecture:
            rows = (Reading(rows[0].province, rows[0].prefecture, None),)
        return Found((Chain(rows, None, last.kind, last.id),), ""), "+district"
    if other is not None and settled is not None and settled.prefecture and settle(other.readings) is not None:
        return Found((last, other), "conflict"), "district"
    return city, ""


def outcome(found: Found, field: str, evidence: str) -> Place:
    """The place of what was found."""
    chains = found.chains
    if not chains:
        reason = found.reason
        if reason == "generic":
            return Place("ambiguous", None, None, (), f"{field}.generic", "")
        return Place("none", None, None, (), f"{field}.{reason}", "")
    first = chains[0]
    named = f"{first.kind}:{first.id}" if first.kind in LISTED else first.kind
    rule = f"{field}.{named}{evidence}"
    if len(chains) == 1 and len(first.readings) == 1:
        province, prefecture, county = first.readings[0]
        if prefecture:
            level = "county" if county else "prefecture"
            return Place("ok", prefecture, county, ((prefecture, 1.0),), rule, level)
        return Place("ok", None, None, ((f"{province}0000", 1.0),), rule, "province")
    settled = [settle(c.readings) for c in chains]
    if found.reason == "conflict":
        return Place("ambiguous", None, None, (), f"{field}.{named}!district", "")
    if any(s is None for s in settled):
        return Place("ambiguous", None, None, (), rule, "")
    codes: dict[str, Reading] = {}
    for s in settled:
        if s is not None:
            codes.setdefault(s.prefecture or f"{s.province}0000", s)
    if len(codes) > 1:
        share = 1.0 / len(codes)
        return Place("multi", None, None, tuple((c, share) for c in codes), f"{field}.list", "")
    code, place = next(iter(codes.items()))
    if place.prefecture is None:
        return Place("ok", None, None, ((code, 1.0),), rule, "province")
    counties = {s.county for s in settled if s is not None}
    county = place.county if len(counties) == 1 else None
    return Place("ok", code, county, ((code, 1.0),), rule, "county" if county else "prefecture")


class Resolver:
    """`resolve` with caches of what was read before; safe to share between threads, bounded in size."""

    def __init__(self, gaz: Gazetteer) -> None:
        self.gaz = gaz
        self._pairs: dict[tuple[str | None, str | None], tuple[Found, str, str, Place]] = {}
        self._cities: dict[str, Found] = {}

    def _pair(self, city: str | None, district: str | None) -> tuple[Found, str, str, Place]:
        """(what was found, its field, what the district added, the place) of a city and a district, remembered by both."""
        key = (city, district)
        known = self._pairs.get(key)
        if known is not None:
            return known
        gaz = self.gaz
        found = self._city(self._head(clean_field(city, gaz)))
        raw = (district or "").lstrip(" []'\"")
        d = clean_field(district, gaz)
        if raw[:1] == "|":
            d = "|" + d
        if d.lower() in gaz.nonplaces and gaz.nonplaces[d.lower()][0] == "blank":
            d = ""
        found, evidence = with_district(found, d, gaz)
        field = "district" if evidence == "district" and found.reason != "conflict" else "city"
        evidence = evidence if evidence.startswith("+") else ""
        known = (found, field, evidence, outcome(found, field, evidence))
        if len(self._pairs) >= CACHE_LIMIT:
            self._pairs.clear()
        self._pairs[key] = known
        return known

    def _city(self, text: str) -> Found:
        """What a cleaned city field says, kept."""
        found = self._cities.get(text)
        if found is None:
            if len(self._cities) >= CACHE_LIMIT:
                self._cities.clear()
            found = self._cities[text] = read_city(text, self.gaz)
        return found

    def _head(self, city: str) -> str:
        """深圳·南山区·科技园 without its trading area, when the first two parts name a county and the rest no other place."""
        first = city.find("·")
        second = city.find("·", first + 1) if first > 0 else -1
        if second < 0 or self.gaz.words.several.search(city, second):
            return city
        head = city[:second]
        found = self._city(head)
        return head if len(found.chains) == 1 and all(r.county for r in found.chains[0].readings) else city

    def resolve(self, city: str | None, district: str | None, address: str | None) -> Place:
        """The place of one ad from its place fields as written; any may be None or empty."""
        found, field, evidence, place = self._pair(city, district)
        if not address:
            return place
        return self._with_address(found, field, evidence, place, address)

    def _with_address(self, found: Found, field: str, evidence: str, place: Place, address: str) -> Place:
        """The place of city and district, narrowed or supplied by the address."""
        if place.status == "multi" or found.reason in NONE_KINDS - {"elsewhere"} or found.reason == "conflict":
            return place
        gaz = self.gaz
        text = clean_field(address, gaz)
        kind = gaz.nonplaces.get(text.lower(), ("",))[0] if len(text) <= 12 else ""
        if kind == "generic" and place.rule == "city.blank":
            return Place("ambiguous", None, None, (), "address.generic", "")
        if not text or kind:
            return place
        if not found.chains:
            return self._by_address(text, place)
        chain, rest = read_address(text, gaz)
        last = found.chains[0]
        if chain is not None:
            narrowed = narrow(last, chain)
            if narrowed is None:
                return place._replace(rule=place.rule + "!address") if contradicts(last, chain) else place
            if narrowed.readings != last.readings:
                found, evidence = Found((narrowed,), ""), evidence + "+address"
                place = outcome(found, field, evidence)
        if place.status == "ok" and place.adcode is not None and place.county_adcode is None:
            county = county_in(text, place.adcode, gaz)
            if county is not None:
                mark = "" if evidence.endswith("+address") else "+address"
                return place._replace(county_adcode=county.county, rule=place.rule + mark, level="county")
        elif place.adcode is None:
            entry = read_anywhere(text[rest:], gaz)
            if entry is not None:
                more = narrow(found.chains[0], Chain(entry.best, entry.every, entry.kind, entry.id))
                if more is not None and more.readings != found.chains[0].readings:
                    mark = "" if evidence.endswith("+address") else "+address"
                    return outcome(Found((more,), ""), field, evidence + mark)
        return place

    def _by_address(self, text: str, place: Place) -> Place:
        """The address alone: city and district name no place."""
        gaz = self.gaz
        if LATIN.match(text):
            found = read_city(text, gaz)
            return outcome(found, "address", "") if found.chains else place
        chain, rest = read_address(text, gaz)
        if chain is not None and chain.kind in ("short", "old") and is_bare_county(chain):
            chain = None
        if chain is None:
            entry = read_anywhere(text, gaz)
            if entry is None:
                if gaz.words.placelike.search(text):
                    return Place("ambiguous", None, None, (), "address.without_city", "")
                return place if place.rule != "city.blank" else Place("none", None, None, (), "address.unread", "")
            chain = Chain(entry.best, entry.every, entry.kind, entry.id)
        elif settle(chain.readings) is None or settle(chain.readings) == Reading(
            chain.readings[0].province, None, None
        ):
            entry = read_anywhere(text[rest:], gaz)
            if entry is not None:
                more = narrow(chain, Chain(entry.best, entry.every, entry.kind, entry.id))
                chain = more or chain
        out = outcome(Found((chain,), ""), "address", "")
        if out.status == "ok" and out.adcode is not None and out.county_adcode is None:
            county = county_in(text, out.adcode, gaz)
            if county is not None:
                return out._replace(county_adcode=county.county, level="county")
        return out


def resolve(city: str | None, district: str | None, address: str | None, gaz: Gazetteer) -> Place:
    """The place of one ad; for many ads hold a `Resolver`, which keeps what it has read."""
    return Resolver(gaz).resolve(city, district, address)
