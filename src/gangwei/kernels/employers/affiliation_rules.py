"""The rows that affiliations are decided by: every CSV of `definitions/employers/` and `definitions/lists/`, by what they match on."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from gangwei import schema
from gangwei.codebook import DefinitionError
from gangwei.kernels.employers import employer

if TYPE_CHECKING:
    from gangwei.codebook import Codebook

MATCHES = ("exact", "prefix", "prefix_distinct", "brand", "head", "contains", "regex", "function")
COUNTY = "3"
"""Level of places/units.csv"""
LONGEST_PLACE = 15
"""Characters"""
FAMILIES = ("defence", "surveillance", "supplier", "list", "register", "state_owned", "signal")


@dataclass(frozen=True)
class Rule:
    """One row that can match a name; `family` says which decision it serves."""

    rule_id: str
    list_id: str
    family: str
    match: str
    text: str
    anchors: tuple[str, ...]
    """One of them occurs in every name that the row matches"""
    not_if: re.Pattern[str] | None
    pattern: re.Pattern[str] | None
    tier: str
    defence: str
    group: str
    edition: str
    valid_from: date | None
    valid_to: date | None
    confidence: str
    state_owned: bool | None

    @property
    def anchor(self) -> str:
        """The first of the anchors, by which rows are weighed."""
        return self.anchors[0]

    def applies(self, as_of: date | None) -> bool:
        """The row is in force on that day (None: today's state, i.e. rows without an end)."""
        if as_of is None:
            return self.valid_to is None
        return (self.valid_from is None or self.valid_from <= as_of) and (
            self.valid_to is None or as_of <= self.valid_to
        )


@dataclass(frozen=True)
class Numbered:
    """Institutes known by a range of numbers."""

    rule: Rule
    first: int
    last: int
    body: str
    context: re.Pattern[str]
    bare: bool
    short: bool
    skip: frozenset[int]


@dataclass(frozen=True)
class Friend:
    """A false friend and the families it cancels."""

    rule: Rule
    cancels: frozenset[str]


@dataclass(frozen=True)
class Units:
    """How institutes with a number and units of a group are named (`employers/name_parts.toml`)."""

    numbered: re.Pattern[str]
    """(number)(body)"""
    full: str
    short: tuple[str, ...]
    form: re.Pattern[str]
    company: str
    unit: re.Pattern[str]
    unit_end: re.Pattern[str]
    itself: tuple[str, ...]


@dataclass(frozen=True)
class Towns:
    """The places that stand in front of a body with a public function, one below the other."""

    codes: dict[str, tuple[str, ...]]
    """Name, full or short -> codes of units without the zeros behind (11 a province, 1101 a city, 110101 a county)"""
    opening: frozenset[str]
    """Those that may be the first: no short names of counties, which are words and brands as well"""
    zones: re.Pattern[str]
    """Parts of any place: 高新技术产业开发区"""
    quarters: re.Pattern[str]
    """Parts of a city or county as well, but of no province, where they are brands: 江南"""
    municipalities: tuple[str, ...]
    form: re.Pattern[str]

    def behind(self, flat: str) -> str:
        """What stands between the places in front of a name and its legal form; '' where no place does."""
        rest, above = flat, [""]
        while True:
            found = next((n for n in range(min(LONGEST_PLACE, len(rest)), 1, -1) if self._below(rest[:n], above)), 0)
            if found:
                above = self._below(rest[:found], above)
            elif above != [""] and (zone := self._parts(above).match(rest)):
                found = zone.end()
            else:
                return self.form.sub("", rest) if above != [""] else ""
            rest = rest[found:]

    def _parts(self, above: list[str]) -> re.Pattern[str]:
        city = any(len(code) > len("11") or code in self.municipalities for code in above)
        return self.quarters if city else self.zones

    def _below(self, name: str, above: list[str]) -> list[str]:
        if above == [""] and name not in self.opening:
            return []
        return [c for c in self.codes.get(name, ()) if any(c.startswith(a) and c != a for a in above)]


@dataclass(frozen=True)
class AffiliationRules:
    """All rows, by the anchor that must occur in a name."""

    anchors: tuple[str, ...]
    by_anchor: dict[str, tuple[Rule, ...]]
    by_key: dict[str, tuple[Rule, ...]]
    friends: dict[str, tuple[Friend, ...]]
    numbered: tuple[Numbered, ...]
    units: Units
    towns: Towns
    small_trades: re.Pattern[str]
    """Words behind a brand by which its name is another firm's"""
    names: employer.NameRules


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _flat(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.lower())


def _pattern(list_id: str, row: dict[str, str], column: str, text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as e:
        raise DefinitionError(f"{list_id} {row['id']}: {column} {text!r} is no pattern: {e}") from None


def _rule(list_id: str, family: str, row: dict[str, str], **given: str) -> Rule:
    """A rule of a list; `given` stands for columns that the list has not.

    Raises:
        DefinitionError: a code of the row is none that is known, a pattern does not compile, a text or an anchor is missing.
    """
    known = {
        "state_owned": ("yes", "no"), "defence": schema.DEFENCE, "group": schema.DEFENCE_GROUPS, "confidence": schema.AFFILIATION_CONFIDENCE, "match": MATCHES,
    }  # fmt: skip
    for column, codes in known.items():
        if (code := row.get(column, "")) and code not in codes:
            raise DefinitionError(f"{list_id} {row['id']}: {column} {code!r} is none of {', '.join(codes)}")
    match = row.get("match", "") or "exact"
    text = given.get("text", row["text"])
    pattern = _pattern(list_id, row, "text", text) if match in ("regex", "function") else None
    not_if = row.get("not_if", "")
    flat = text if pattern else _flat(text)
    anchors = tuple(_flat(a) for a in row.get("anchor", "").split("|")) if pattern else (flat,)
    if "" in anchors:
        raise DefinitionError(
            f"{list_id} {row['id']}: {'an anchor' if pattern else 'the text'} is empty, so no name is found"
        )
    return Rule(
        rule_id=f"{list_id}:{row['id']}",
        list_id=list_id,
        family=family,
        match=match,
        text=flat,
        anchors=anchors,
        not_if=_pattern(list_id, row, "not_if", not_if) if not_if else None,
        pattern=pattern,
        tier=given.get("tier", ""),
        defence=given.get("defence", row.get("defence", "")),
        group=given.get("group", row.get("group", "")),
        edition=row.get("edition", ""),
        valid_from=_day(row.get("valid_from", "")),
        valid_to=_day(row.get("valid_to", "")),
        confidence=row.get("confidence", "") or "high",
        state_owned={"yes": True, "no": False}.get(row.get("state_owned", "")),
    )


def compile_rules(book: Codebook, names: employer.NameRules) -> AffiliationRules:
    """Rules from `employers/*.csv` and every list in `lists/*.csv`.

    Raises:
        gangwei.codebook.DefinitionError: a file is missing or malformed, or a code of a row is none of its column.
        re.error: a pattern of employers/name_parts.toml does not compile.
    """
    rules = _rows(book)
    by_key: dict[str, list[Rule]] = defaultdict(list)
    legal = re.compile(names.legal_tail)
    for rule in rules:
        if rule.match != "exact":
            continue
        by_key[rule.text].append(rule)
        stem = legal.match(rule.text)
        if stem and len(stem[1]) >= 4:
            by_key[stem[1]].append(rule)
    by_anchor: dict[str, list[Rule]] = defaultdict(list)
    for rule in rules:
        if rule.match != "exact":
            for anchor in rule.anchors:
                by_anchor[anchor].append(rule)
    friends: dict[str, list[Friend]] = defaultdict(list)
    for row in book.rows("employers/false_friends.csv"):
        families = {
            "all": (*FAMILIES[:5], "signal"),
            "defence": ("defence", "signal"),
            "list": ("list", "register"),
        }.get(row["cancels"], (row["cancels"],))
        rule = _rule("false_friends", "friend", row)
        friends[rule.anchor].append(Friend(rule, frozenset(families)))
    anchors = tuple(sorted(a for a in {*by_anchor, *friends} if a))
    return AffiliationRules(
        anchors=anchors,
        by_anchor={k: tuple(v) for k, v in by_anchor.items()},
        by_key={k: tuple(v) for k, v in by_key.items()},
        friends={k: tuple(v) for k, v in friends.items()},
        numbered=_institutes(book),
        units=_units(book),
        towns=_towns(book),
        small_trades=_longest_first(book.toml("employers/name_parts.toml")["brand"]["small"]),
        names=names,
    )


def _rows(book: Codebook) -> list[Rule]:
    """Rules of all rows but those of institutes known by number and false friends."""
    rules: list[Rule] = []
    for row in book.rows("employers/groups.csv"):
        signal = row["defence"] == "unknown"
        rules.append(_rule("groups", "signal" if signal else "defence", row, tier="" if signal else "T1"))
    for row in book.rows("employers/institutes.csv"):
        rules.append(_rule("institutes", "defence", row, tier="T1"))
    for row in book.rows("employers/universities.csv"):
        rules.append(_rule("universities", "defence", row, tier="T1", defence="university", group="SevenSons"))
    for row in book.rows("employers/subsidiaries.csv"):
        rules.append(_rule("subsidiaries", "defence", row, tier="T2", defence="subsidiary"))
        if row["full_name"] != row["text"]:
            full = row | {"match": "prefix" if len(row["full_name"]) > 6 else "exact"}
            rules.append(_rule("subsidiaries", "defence", full, text=row["full_name"], tier="T2", defence="subsidiary"))
    for row in book.rows("employers/suppliers.csv"):
        rules.append(_rule("suppliers", "supplier", row, tier="T4", defence="supplier_known"))
    for row in book.rows("employers/surveillance.csv"):
        rules.append(_rule("surveillance", "surveillance", row))
    for row in book.rows("employers/state_owned.csv"):
        rules.append(_rule("state_owned", "state_owned", row))
    military = {r["id"] for r in book.rows("employers/military_lists.csv")}
    for name in book.names("lists", ".csv"):
        list_id = name.removeprefix("lists/").removesuffix(".csv")
        for row in book.rows(name):
            for text in dict.fromkeys(t.strip() for t in [*row["names"].split("|"), row["name_en"]]):
                if text:
                    family = "list" if list_id in military else "register"
                    rules.append(_rule(list_id, family, row | {"text": text}, tier="T3", defence="unknown"))
    return rules


def _institutes(book: Codebook) -> tuple[Numbered, ...]:
    """Ranges of numbers of institutes, from employers/institute_numbers.csv."""
    return tuple(
        Numbered(
            rule=_rule(
                "institute_numbers",
                "defence",
                row | {"text": row["id"]},
                tier="T1",
                defence="institute" if row["group"] == "PLA" else "group",
            ),
            first=int(row["first"]),
            last=int(row["last"]),
            body=row["body"],
            context=re.compile(row["context"]),
            bare=row["bare"] in ("yes", "short"),
            short=row["bare"] == "short",
            skip=frozenset(int(n) for n in row["except"].split()),
        )
        for row in book.rows("employers/institute_numbers.csv")
    )


def _units(book: Codebook) -> Units:
    d = book.toml("employers/name_parts.toml")
    n, g = d["numbered"], d["group"]
    return Units(
        re.compile(rf"第?([0-9]{{1,4}}|[〇零一二三四五六七八九十百]{{1,7}})({'|'.join(n['bodies'])})"),
        n["full"], tuple(n["short"]), re.compile(g["form"]), g["company"], re.compile(g["unit"]),
        re.compile(g["unit_end"]), ("", *g["itself"]),
    )  # fmt: skip


def _towns(book: Codebook) -> Towns:
    """Places that may stand in front of a public function, from places/units.csv and employers/places.csv."""
    d = book.toml("employers/name_parts.toml")
    f = d["function"]
    known = {r["short"] for r in book.rows("employers/places.csv")}
    codes: dict[str, set[str]] = defaultdict(set)
    opening: set[str] = set()
    for row in book.rows("places/units.csv"):
        code = re.sub("(?:00)+$", "", row["id"])
        if code[:2] in f["elsewhere"]:
            continue
        for name in (row["name"], row["short"]):
            codes[name].add(code)
        opening.add(row["name"])
        town = row["level"] != COUNTY or row["name"].endswith(f["town"])
        if town and row["short"] in known and row["short"] not in f["brands"]:
            opening.add(row["short"])
    return Towns(
        {k: tuple(sorted(v)) for k, v in codes.items() if len(k) > 1},
        frozenset(opening),
        _longest_first(f["zones"]),
        _longest_first([*f["zones"], *f["quarters"]]),
        tuple(f["municipalities"]),
        re.compile(f["form"]),
    )


def _longest_first(words: list[str]) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(w) for w in sorted(words, key=lambda w: (-len(w), w))))
