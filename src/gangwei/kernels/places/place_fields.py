"""What the place fields of an ad say: names read from left to right, as sets of readings.

A city field names one place, several alternatives or none; a district narrows it; an address begins with a place, but a
road, a village, a building or an employer may bear the name of another city.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from gangwei.kernels.mojibake import unmojibake
from gangwei.kernels.places.gazetteer import COUNTY, PREFECTURE, PROVINCE, Entry, Gazetteer, Reading, join, latin_key
from gangwei.kernels.shapeless import visible

FIELD_LIMIT = 200
"""Characters of a field that are read; longer fields are texts, and a place stands at their beginning."""
ADDRESS_LIMIT = 60


class Chain(NamedTuple):
    """One place named by a field: its readings, all readings of its only name so far (or None), and who named it."""

    readings: tuple[Reading, ...]
    every: tuple[Reading, ...] | None
    kind: str
    id: str


class Found(NamedTuple):
    """What one field says: chains, or the reason why it names no place."""

    chains: tuple[Chain, ...]
    reason: str


STRONG = frozenset("/,、;|&+\n\t ")
WEAK = frozenset("·-—–_>.•・‧()[]{}<:~=*\"'`")
BREAKS = STRONG | WEAK
PLAIN = re.compile(r"[一-鿿A-Za-z0-9·|, /-]*\Z")
LATIN = re.compile(r"[\x00-ɏ’‘ʼ]*\Z")
DASH = re.compile(r"\s*[-–—]\s*")
CJK = re.compile("[一-鿿]")
EMPTY = Found((), "blank")


def clean_field(text: str | None, gaz: Gazetteer) -> str:
    """A field in the form the resolver reads: NFKC, simplified, list brackets and quotes removed, at most 200 characters."""
    if not text:
        return ""
    s = text[:FIELD_LIMIT]
    if not PLAIN.match(s):
        s = unicodedata.normalize("NFKC", visible(unmojibake(s)))
    if gaz.traditional.search(s):
        s = s.translate(gaz.fold)
    s = s.strip(" []【】「」'\"\t\r\n·-|/,;")
    return s.replace("'", "") if "', '" in s else s


def settle(readings: tuple[Reading, ...]) -> Reading | None:
    """The one place that all readings agree on down to the prefecture (or the province alone); None when they differ."""
    first = readings[0]
    if len(readings) == 1:
        return first
    if any(r.province != first.province or r.prefecture != first.prefecture for r in readings):
        return None
    return Reading(first.province, first.prefecture, first.county if len({r.county for r in readings}) == 1 else None)


def _province_first(part: str, gaz: Gazetteer) -> list[str]:
    """A part that names a province and a place of it with nothing between them (Guangdong Shenzhen), as two."""
    words = part.split()
    for n in range(1, len(words) if latin_key(part) not in gaz.latin else 0):
        above = gaz.latin.get(latin_key(" ".join(words[:n])))
        if above is None or all(r.prefecture for r in above.every):
            continue
        for end in range(len(words), n, -1):
            below = gaz.latin.get(latin_key(" ".join(words[n:end])))
            if below and join(above.every, below.best):
                return [" ".join(words[:n]), " ".join(words[n:end])]
    return [part]


def read_latin(text: str, gaz: Gazetteer) -> Found:
    """A field in Latin letters: names by reading or English name, with province or country behind commas or the country
    before a dash."""
    inner = gaz.words.latin_country.sub("", text)
    cut = re.split(r"[,/;|()]+", text if inner == text else DASH.sub(",", inner))
    parts = [name for p in cut if p.strip() for name in _province_first(p, gaz)]
    keys = [latin_key(p) for p in parts]
    chains: list[Chain] = []
    known = 0
    coarse = False
    for i, (part, key) in enumerate(zip(parts, keys)):
        if not key:
            known += 1
            continue
        if key in gaz.foreign_latin or (i > 0 and part.strip().lower() in gaz.us_states):
            return Found((), "foreign")
        if key in gaz.words.latin_home:
            known += 1
            continue
        entry = gaz.latin.get(key)
        if entry is None:
            plain = key.removeprefix(gaz.words.latin_head)
            for tail in gaz.words.latin_tails:
                if plain.endswith(tail) and plain[: -len(tail)] in gaz.latin:
                    entry = gaz.latin[plain[: -len(tail)]]
                    break
        if entry is None:
            words = part.split()
            for n in range(len(words) - 1, 0, -1):
                entry = gaz.latin.get(latin_key("".join(words[:n])))
                if entry is not None and entry.level <= PREFECTURE:
                    break
                entry = None
        if entry is None:
            continue
        known += 1
        coarse = coarse or entry.level <= PREFECTURE
        if chains:
            last = chains[-1]
            if key in gaz.words.latin_alone:
                chains = [Chain(entry.best, None, "latin", entry.id)]
                continue
            joined = join(last.readings, entry.best) or join(last.readings, entry.every)
            if not joined and last.every is not None:
                joined = join(last.every, entry.every)
            if joined:
                chains[-1] = Chain(tuple(joined), None, last.kind, last.id)
                continue
        chains.append(Chain(entry.best, entry.every, "latin", entry.id))
    if chains and (coarse or known == len(parts)):
        return Found(tuple(chains), "")
    return Found((), "foreign" if len(parts) > 1 else "unread")


def read_city(text: str, gaz: Gazetteer) -> Found:
    """What a cleaned city field says."""
    if not text:
        return EMPTY
    entry = gaz.names.get(text) or gaz.whole.get(text)
    if entry is not None:
        if entry.kind == "foreign":
            return Found((), "foreign")
        if entry.kind == "multi":
            return Found(tuple(Chain((r,), None, "multi", entry.id) for r in entry.best), "")
        return Found((Chain(entry.best, entry.every, entry.kind, entry.id),), "")
    low = text.lower()
    if low in gaz.nonplaces:
        return Found((), gaz.nonplaces[low][0])
    if LATIN.match(text):
        return read_latin(text, gaz) if any("a" <= c <= "z" for c in low) else Found((), "blank")
    if text.startswith(gaz.words.country):
        text = text[len(gaz.words.country) :].lstrip(" ·-,")
    found = scan(text, gaz, gaz.words.borrowed_in_city)
    if len(found.chains) == 1 and all(r.prefecture is None for r in found.chains[0].readings):
        loose = read_anywhere(text, gaz)
        finer = join(found.chains[0].readings, loose.best) if loose is not None else []
        if loose is not None and finer and loose.level > PROVINCE:
            return Found((Chain(tuple(finer), None, loose.kind, loose.id),), "")
    if found.chains or found.reason == "foreign":
        return found
    for part in re.split(r"[/,、;|&+\s·-]+", low):
        if part in gaz.nonplaces:
            return Found((), gaz.nonplaces[part][0])
    loose = read_anywhere(text, gaz)
    if loose is not None:
        return Found((Chain(loose.best, loose.every, loose.kind, loose.id),), "")
    for fragment, kind in gaz.fragments:
        if fragment in low:
            return Found((), kind)
    return Found((), "generic" if gaz.words.placelike.search(text) else "unread")


def name_at(text: str, at: int, gaz: Gazetteer, borrowed: re.Pattern[str]) -> tuple[Entry, int] | None:
    """The name that begins at `at`, unless `borrowed` matches behind it; 济南市中区 is 济南 + 市中区."""
    hit = gaz.longest(text, at)
    if hit is None:
        return None
    entry, n = hit
    end = at + n
    if text[end - 1] == gaz.words.city and n > 2 and end < len(text):
        inner = gaz.longest(text, end - 1)
        if inner is not None and inner[1] > 2 and join(entry.every, inner[0].every):
            outer = gaz.names.get(text[at : end - 1])
            if outer is not None:
                return outer, n - 1
    if end < len(text) and text[end] not in BREAKS and not entry_is_safe(entry) and borrowed.match(text, end):
        inner = gaz.longest(text, end)
        if inner is None or not join(entry.every, inner[0].every):
            return None
    return entry, n


def entry_is_safe(entry: Entry) -> bool:
    """A name with its class word (广州市, 天河区) is not borrowed by roads; 广东 or 中关村 is."""
    return entry.full and entry.level > PROVINCE and entry.kind == "name"


def scan(text: str, gaz: Gazetteer, first: re.Pattern[str]) -> Found:
    """Read names from left to right, each segment from its beginning; children narrow, alternatives add.

    `first` is what takes the first name away (see `name_at`).
    """
    chains: list[Chain] = []
    at, end = 0, len(text)
    fresh, strong, segment = True, False, 0
    foreign = False
    while at < end:
        c = text[at]
        if c in BREAKS:
            strong = strong or c in STRONG
            fresh = True
            segment += 1
            at += 1
            continue
        hit = name_at(text, at, gaz, gaz.words.borrowed if at else first) if fresh else None
        if hit is None and fresh and chains and (filler := gaz.words.fillers.match(text, at)):
            at = filler.end()
            continue
        if hit is None and fresh and chains and (also := gaz.words.also.match(text, at)):
            strong = True
            at = also.end()
            continue
        if hit is None:
            if not fresh and segment > 3 and not strong:
                break
            fresh = False
            at += 1
            while at < end and text[at] not in BREAKS:
                at += 1
            continue
        entry, n = hit
        stop = at + n
        ends = stop >= end or text[stop] in BREAKS
        at = stop
        if entry.kind == "foreign":
            foreign = True
            strong = False
            continue
        if chains:
            last = chains[-1]
            joined = join(last.readings, entry.best)
            if not joined and not strong:
                joined = list(gaz.moved_from(text[stop - n : stop], last.readings))
            if not joined and entry.level == COUNTY:
                here = tuple(r for r in last.readings if any(e.prefecture == r.prefecture for e in entry.best))
                if here and here[0].prefecture:
                    if strong:
                        several = dict.fromkeys(r._replace(county=None) for r in here)
                        chains[-1] = Chain(tuple(several), None, last.kind, last.id)
                    strong = False
                    continue
            joined = joined or join(last.readings, entry.every)
            if not joined and last.every is not None:
                joined = join(last.every, entry.every)
            if joined:
                chains[-1] = Chain(tuple(joined), None, last.kind, last.id)
                strong = False
                continue
            county_known = any(r.county for r in last.readings)
            beside = entry.level <= PREFECTURE and ends and not county_known and entry.kind in ("name", "short")
            if not (strong or beside):
                continue
            if entry.level == COUNTY and (not ends or text[stop - n : stop] in gaz.nonplaces):
                continue  # 宁波,郊区: a word for a part of any city
            if county_known and entry.level == COUNTY and entry.kind != "name" and _spaced(text, stop - n):
                continue  # 北京 海淀区 清河: a quarter that is called like a county elsewhere
        chains.append(Chain(entry.best, entry.every, entry.kind, entry.id))
        strong = False
    return Found(tuple(chains), "" if chains else "foreign" if foreign else "unread")


def _spaced(text: str, at: int) -> bool:
    """Nothing but blanks between a name and what is before it."""
    return text[:at].rstrip(" ")[-1:] not in STRONG and text[at - 1 : at] == " "


def read_anywhere(text: str, gaz: Gazetteer) -> Entry | None:
    """The first name with its class word, or zone, in the first 60 characters, outside employer names."""
    for at in range(min(len(text) - 1, ADDRESS_LIMIT)):
        hit = gaz.longest(text, at)
        if hit is None:
            continue
        entry, n = hit
        if entry.kind == "zone" and (n > 2 or (at == 0 and gaz.words.own_road.match(text, n))):
            return entry
        if (
            entry_is_safe(entry)
            and n > 2
            and entry.every
            and not gaz.words.employer.match(text, at + n)
            and settle(entry.best) is not None
        ):
            return entry
    return None


def read_address(text: str, gaz: Gazetteer) -> tuple[Chain | None, int]:
    """The place an address begins with, and where the rest of it begins.

    A short name counts when neither road, building nor employer bears it; a bare county name only as a whole part.
    """
    at = 0
    if text[:2] not in gaz.lengths or text.startswith(gaz.words.country):
        label = gaz.words.label.match(text)
        at = label.end() if label else 0
    chain: Chain | None = None
    end = len(text)
    safe = False
    while at < end:
        while at < end and chain is not None and (text[at] in BREAKS):
            at += 1
        hit = name_at(text, at, gaz, gaz.words.borrowed)
        if hit is None or hit[0].kind == "foreign":
            break
        entry, n = hit
        if chain is None:
            bare = entry.level == COUNTY and not entry.full
            if bare and (entry.kind == "old" or (at + n < end and text[at + n] not in BREAKS)):
                break
            if not entry.every:
                break
            chain = Chain(entry.best, entry.every, entry.kind, entry.id)
            safe = entry.kind == "zone"
        else:
            joined = join(chain.readings, entry.best) or join(chain.readings, entry.every)
            joined = joined or list(gaz.moved_from(text[at : at + n], chain.readings))
            if not joined and chain.every is not None:
                joined = join(chain.every, entry.every)
            if not joined:
                break
            chain = Chain(tuple(joined), None, chain.kind, chain.id)
        safe = safe or (entry.level == COUNTY and entry.full)
        at += n
    if chain is not None and not safe and gaz.words.employer.match(text, at):
        return None, at
    return chain, at


def county_in(text: str, prefecture: str, gaz: Gazetteer) -> Reading | None:
    """The first full county name of a prefecture in the first 60 characters of an address."""
    counties = gaz.counties.get(prefecture)
    found = counties.names.search(text, 0, ADDRESS_LIMIT) if counties is not None else None
    return counties.readings[found[0]] if counties is not None and found is not None else None
