"""The gazetteer in memory: every name of 1980-2026 with what it may mean, in codes of the vintage 2024.

Built once from `definitions/places/*.csv`; read-only afterwards, so threads may share it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from gangwei.codebook import DefinitionError
from gangwei.kernels.places.place_words import PlaceWords, compile_place_words

if TYPE_CHECKING:
    from gangwei.codebook import Codebook

VINTAGE = 2024
ERA = 2013
"""A unit abolished before this year is read only where no later unit bears the name (online ads begin about here)."""

MUNICIPALITIES = frozenset({"11", "12", "31", "50"})
SPECIAL = frozenset({"710000", "810000", "820000"})
PROVINCE, PREFECTURE, COUNTY = 1, 2, 3
USES = ("name", "whole", "latin", "multi", "ambiguous")  # of an alias


class Reading(NamedTuple):
    """One meaning of a name: two-digit province, prefecture-level code, county-level code; finer parts may be None."""

    province: str
    prefecture: str | None
    county: str | None


class Entry(NamedTuple):
    """A name and its meanings.

    `best` are the meanings it has alone, `every` those that other evidence may choose from. `level` is the level of
    the best meanings; `full` says that the name carries its class word (市, 区, 县 ...) or is unmistakable; `kind` is
    name, short, old, zone, alias, ambiguous, multi or foreign; `id` names the row that gave the name.
    """

    best: tuple[Reading, ...]
    every: tuple[Reading, ...]
    level: int
    full: bool
    kind: str
    id: str


class Unit(NamedTuple):
    """A unit of the vintage."""

    code: str
    name: str
    short: str
    level: int
    en: str


@dataclass(frozen=True)
class Counties:
    """The counties of a prefecture by full name."""

    readings: dict[str, Reading]

    @cached_property
    def names(self) -> re.Pattern[str]:
        """Finds the first name, of several that begin there the longest."""
        return re.compile("|".join(sorted(map(re.escape, self.readings), key=len, reverse=True)))


@dataclass(frozen=True)
class Gazetteer:
    """Names, codes and lists; made by `compile_gazetteer`."""

    names: dict[str, Entry]
    """Names of two or more characters that may stand anywhere."""
    lengths: dict[str, tuple[int, ...]]
    """First two characters of a name to the lengths of the names that begin so, longest first."""
    whole: dict[str, Entry]
    """Names that count only as a whole field (one-character abbreviations, nicknames, lists of cities)."""
    nonplaces: dict[str, tuple[str, str]]
    """Text to (kind, id) for texts that name no unit of China, as whole fields, lower case."""
    fragments: tuple[tuple[str, str], ...]
    """(text, kind): words that make a field a non-place where no name is found in it."""
    latin: dict[str, Entry]
    """Latin names without spaces and apostrophes, lower case."""
    foreign_latin: frozenset[str]
    us_states: frozenset[str]
    fold: dict[int, str]
    """Traditional to simplified characters of names, for `str.translate`."""
    traditional: re.Pattern[str]
    """Finds a character that `fold` changes."""
    words: PlaceWords
    """Words around names."""
    units: dict[str, Unit]
    """Units of the vintage by code."""
    counties: dict[str, Counties]
    """Prefecture code to its counties."""
    moved: dict[tuple[str, str], tuple[Reading, ...]]
    """(name, code it stood under) of units that later came under another prefecture or province: 四平 + 公主岭."""
    scopes: dict[str, frozenset[str]]
    """Codes of each published scope of a cluster."""

    @cached_property
    def numbered(self) -> bool:
        """Some name or word for no place holds a figure, so that the figures of a field matter."""
        texts = chain(
            self.names, self.whole, self.nonplaces, self.latin, self.foreign_latin, (f for f, _ in self.fragments)
        )
        return any(c in text for text in texts for c in "123456789")

    def longest(self, text: str, at: int) -> tuple[Entry, int] | None:
        """The longest name that begins at `at`, with its length."""
        lengths = self.lengths.get(text[at : at + 2])
        if lengths is None:
            return None
        names = self.names
        for n in lengths:
            part = text[at : at + n]
            if part in names:
                return names[part], len(part)
        return None

    def moved_from(self, name: str, readings: tuple[Reading, ...]) -> tuple[Reading, ...]:
        """What became of the unit `name` that once stood under the one place that `readings` mean; () where none did.

        A name that is a prefecture's today is an alternative (佛山, 中山), never a part of another prefecture.
        """
        first = readings[0]
        entry = self.names.get(name)
        if entry is None or (entry.level != COUNTY and first.prefecture is not None):
            return ()
        if any(r.prefecture != first.prefecture or r.province != first.province for r in readings):
            return ()
        return self.moved.get((name, first.prefecture or f"{first.province}0000"), ())


def prefecture_of(county: str, units: Iterable[str]) -> str:
    """Prefecture-level code of a county of the vintage; the county itself where no prefecture governs it."""
    if county[:2] in MUNICIPALITIES:
        return county[:2] + "0000"
    prefecture = county[:4] + "00"
    return prefecture if prefecture in units else county


def reading_of(code: str, units: Iterable[str]) -> Reading:
    """The reading of one code of the vintage."""
    if code.endswith("0000"):
        return Reading(code[:2], code if code[:2] in MUNICIPALITIES or code in SPECIAL else None, None)
    if code.endswith("00"):
        return Reading(code[:2], code, None)
    return Reading(code[:2], prefecture_of(code, units), code)


def join(left: Iterable[Reading], right: Iterable[Reading]) -> list[Reading]:
    """All pairs that can be the same place, each as fine as the finer of the two; order of `left`, then `right`."""
    out: list[Reading] = []
    for a in left:
        province, prefecture, county = a
        for b in right:
            if b[0] != province:
                continue
            finer, finest = b[1], b[2]
            if prefecture and finer and prefecture != finer:
                continue
            if county and finest and county != finest:
                continue
            both = (
                a
                if not finest and (prefecture or not finer)
                else Reading(province, prefecture or finer, county or finest)
            )
            if both not in out:
                out.append(both)
    return out


def _readings_of_row(row: dict[str, str], units: dict[str, Unit]) -> list[Reading]:
    codes = row["now"].split(";") if row["now"] else [row["id"]]
    readings = [reading_of(c, units) for c in codes]
    if len({(r.province, r.prefecture) for r in readings}) == 1 and len(readings) > 1:
        return [Reading(readings[0].province, readings[0].prefecture, None)]
    return readings


def _variants(row: dict[str, str], words: PlaceWords) -> list[tuple[str, bool]]:
    """(name, carries its class word) for the official name, its short form and the usual form."""
    name, short = row["name"], row["short"]
    out = [(name, True)]
    if short:
        usual = next((w for end, w, level in words.usual if name.endswith(end) and level in ("", row["level"])), None)
        out += [(short, False), *([(short + usual, True)] if usual else [])]
    return out


class _Sense(NamedTuple):
    readings: tuple[Reading, ...]
    level: int
    full: bool
    era: bool
    id: str


def _entry(senses: list[_Sense]) -> Entry:
    """Order of belief: living or recent before old, full names before short forms, coarse before fine."""

    def rank(s: _Sense) -> tuple[bool, bool, int]:
        return (not s.era, not s.full, s.level)

    senses = sorted(senses, key=lambda s: (rank(s), s.id))
    top = rank(senses[0])
    chosen = [s for s in senses if rank(s) == top]
    best = tuple(dict.fromkeys(r for s in chosen for r in s.readings))
    every = tuple(dict.fromkeys(r for s in senses for r in s.readings))
    if len({(r.province, r.prefecture) for r in best}) == 1 and len(best) > 1:
        best = (Reading(best[0].province, best[0].prefecture, None),)
    kind = "old" if not chosen[0].era else "name" if chosen[0].full else "short"
    return Entry(best, every, chosen[0].level, any(s.full for s in chosen), kind, chosen[0].id)


def _moved(
    rows: list[dict[str, str]], units: dict[str, Unit], words: PlaceWords
) -> dict[tuple[str, str], tuple[Reading, ...]]:
    """Units whose place of today is not under what their parent of the time became."""
    became: dict[str, set[str]] = {}
    for row in rows:
        became.setdefault(row["id"], set()).update(r.prefecture or row["id"] for r in _readings_of_row(row, units))
    out: dict[tuple[str, str], tuple[Reading, ...]] = {}
    for row in rows:
        parent = row["parent"] or row["id"][:2] + "0000"
        above = became.get(parent, set())
        readings = tuple(_readings_of_row(row, units))
        if not row["now"] or len(above) != 1 or len({r.prefecture for r in readings}) != 1:
            continue
        over = next(iter(above))
        if readings[0].prefecture != over and (not over.endswith("0000") or readings[0].province != over[:2]):
            for name, _ in _variants(row, words):
                out.setdefault((name, over), readings)
    return out


def _listed(row: dict[str, str], units: dict[str, Unit], kind: str) -> Entry:
    for code in row["now"].split(";"):
        if code not in units:
            raise DefinitionError(f"places/: {row['id']} names {code!r}, which is no code of a unit of 2024")
    readings = tuple(reading_of(c, units) for c in row["now"].split(";"))
    finest = max(COUNTY if r.county else PREFECTURE if r.prefecture else PROVINCE for r in readings)
    return Entry(readings, readings, finest, True, kind, row["id"])


def latin_key(text: str) -> str:
    """Letters only, lower case, marks folded to plain letters."""
    plain = text if text.isascii() else unicodedata.normalize("NFD", text)
    return "".join(c for c in plain.lower() if "a" <= c <= "z")


def _add_aliases(
    book: Codebook,
    units: dict[str, Unit],
    names: dict[str, Entry],
    latin_names: dict[str, Entry],
    whole: dict[str, Entry],
) -> None:
    """Add the rows of `places/aliases.csv`; a name that is known keeps what it could mean before."""
    for row in book.rows("places/aliases.csv"):
        use = row["use"]
        if use not in USES:
            raise DefinitionError(f"places/aliases.csv: {row['id']}: use {use!r} is none of {', '.join(USES)}")
        entry = _listed(row, units, {"multi": "multi", "ambiguous": "ambiguous"}.get(use, "alias"))
        if use == "latin" or row["name"].isascii():
            key = latin_key(row["name"])
            known = latin_names.get(key)
            every = tuple(dict.fromkeys((*entry.best, *known.every))) if known else entry.every
            latin_names[key] = entry._replace(every=every)
        elif use in ("whole", "multi"):
            whole[row["name"]] = entry
        elif use == "ambiguous" and row["name"] in names:
            known = names[row["name"]]
            every = tuple(dict.fromkeys((*entry.best, *known.every)))
            names[row["name"]] = entry._replace(every=every, level=known.level, full=False)
        else:
            known = names.get(row["name"])
            every = tuple(dict.fromkeys((*entry.best, *known.every))) if known else entry.every
            names[row["name"]] = entry._replace(every=every)


class _Nonplaces(NamedTuple):
    """Names that are no places of the table: kind and id of each, parts of words, foreign places and states of the US in Latin."""

    names: dict[str, tuple[str, str]]
    fragments: tuple[tuple[str, str], ...]
    foreign_latin: frozenset[str]
    us_states: frozenset[str]


def _nonplaces(book: Codebook, names: dict[str, Entry]) -> _Nonplaces:
    """The rows of `places/nonplaces.csv`; foreign places are entered in `names` too, names of former units among them leave it."""
    nonplaces: dict[str, tuple[str, str]] = {}
    foreign_latin, states, fragments = set(), set(), []
    for row in book.rows("places/nonplaces.csv"):
        if row["kind"] == "us_state":
            states.add(row["name"])
            continue
        if row["kind"].startswith("fragment:"):
            fragments.append((row["name"], row["kind"].partition(":")[2]))
            continue
        nonplaces[row["name"].lower()] = (row["kind"], row["id"])
        if (
            row["name"] in names and names[row["name"]].kind == "old"
        ):  # 新区 was once the name of a district of Tangshan
            del names[row["name"]]
        if row["kind"] == "foreign":
            if row["name"].isascii():
                foreign_latin.add(latin_key(row["name"]))
            elif row["name"] not in names:
                names[row["name"]] = Entry((), (), 0, True, "foreign", row["id"])
    return _Nonplaces(nonplaces, tuple(fragments), frozenset(foreign_latin), frozenset(states))


def _scopes(book: Codebook, units: dict[str, Unit]) -> dict[str, frozenset[str]]:
    """Members of each regional cluster.

    Raises:
        ValueError: a member is no code of the vintage.
    """
    scopes = {r["id"]: frozenset(r["members"].split(";")) for r in book.rows("places/clusters.csv")}
    for scope, members in scopes.items():
        if missing := sorted(c for c in members if c not in units):
            raise ValueError(f"places/clusters.csv: {scope} names {missing}, which are no codes of {VINTAGE}")
    return scopes


def compile_gazetteer(book: Codebook) -> Gazetteer:
    """Read `definitions/places/` into a gazetteer; about 0.1 s.

    Raises:
        DefinitionError: a file is missing or a row is malformed.
        ValueError: a row names a code that is not of the vintage.
    """
    rows, words = book.rows("places/units.csv"), compile_place_words(book)
    units = {
        r["id"]: Unit(r["id"], r["name"], r["short"] or r["name"], int(r["level"]), r["en"])
        for r in rows
        if not r["to"] and int(r["from"]) <= VINTAGE
    }
    senses: dict[str, list[_Sense]] = {}
    latin: dict[str, list[_Sense]] = {}
    counties: dict[str, list[tuple[str, Reading]]] = {}
    for row in rows:
        readings = tuple(_readings_of_row(row, units))
        level = int(row["level"])
        recent = not row["to"] or int(row["to"]) >= ERA
        if level == PROVINCE and readings[0].prefecture:
            level = PREFECTURE
        era = recent and int(row["from"]) <= VINTAGE + 2
        for name, full in _variants(row, words):
            senses.setdefault(name, []).append(_Sense(readings, level, full, era, row["id"]))
            if level == COUNTY and full and recent and len(readings) == 1 and readings[0].prefecture:
                counties.setdefault(readings[0].prefecture, []).append((name, readings[0]))
        if row["en"]:
            sense = _Sense(readings, level, True, era, row["id"])
            latin.setdefault(latin_key(row["en"].split(" (")[0]), []).append(sense)
    names = {n: _entry(s) for n, s in senses.items() if len(n) > 1}
    latin_names = {k: _entry(s) for k, s in latin.items() if len(k) > 2}
    whole: dict[str, Entry] = {}
    for row in book.rows("places/zones.csv"):
        names[row["name"]] = _listed(row, units, "ambiguous" if ";" in row["now"] else "zone")
    _add_aliases(book, units, names, latin_names, whole)
    nonplaces = _nonplaces(book, names)
    fold = {ord(r["id"]): r["simplified"] for r in book.rows("places/traditional.csv")}
    lengths: dict[str, set[int]] = {}
    for name in names:
        lengths.setdefault(name[:2], set()).add(len(name))
    return Gazetteer(
        names=names,
        lengths={k: tuple(sorted(v, reverse=True)) for k, v in lengths.items()},
        whole=whole,
        nonplaces=nonplaces.names,
        fragments=nonplaces.fragments,
        latin=latin_names,
        foreign_latin=nonplaces.foreign_latin,
        us_states=nonplaces.us_states,
        fold=fold,
        traditional=re.compile("[" + "".join(map(chr, fold)) + "]"),
        words=words,
        units=units,
        counties={k: Counties(dict(reversed(v))) for k, v in counties.items()},
        moved=_moved(rows, units, words),
        scopes=_scopes(book, units),
    )
