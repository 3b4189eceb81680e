"""Affiliation of employers: which defence group, list, supplier file or surveillance register a name belongs to, and why.

Every rule is a row of a CSV in `definitions/employers/` or `definitions/lists/`; this module only knows how rows match.
A first pass over all names is one Aho-Corasick scan for the anchors of all rows (vectorised); the few names that hold an
anchor are then judged rule by rule.

How a row matches (`flat` is the cleaned name in lower case without spaces, punctuation and brackets; `key` is `name_key`):

exact            the key, or the key without a Latin brand at its edge, equals the key of the text
prefix           flat or key begins with the text
prefix_distinct  as prefix, but behind a place (济南中船设备) the text needs more than trade words after it
brand            the key begins with the text and nothing but trade words follows
head             flat begins with the text, or as brand
contains         the text occurs in flat
regex            the pattern occurs in flat or key (the anchor must occur in flat)

`not_if` is searched in flat and cancels the row. Rows of `false_friends.csv` cancel whole families.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from gangwei import schema
from gangwei.codebook import DefinitionError
from gangwei.kernels import employer

if TYPE_CHECKING:
    from gangwei.codebook import Codebook

MATCHES = ("exact", "prefix", "prefix_distinct", "brand", "head", "contains", "regex")
FAMILIES = ("defence", "surveillance", "supplier", "list", "register", "state_owned", "signal")
MILITARY_LISTS = ("us_1260h", "us_ns_cmic", "us_s1237")
_DIGITS = {c: str(i) for i, c in enumerate("〇一二三四五六七八九")} | {"零": "0"}
_NUMBERED = re.compile(
    r"第?([0-9]{1,4}|[〇零一二三四五六七八九十百]{1,7})(研究所|研究院|设计院|研究设计院|所|院|厂|基地)"
)
_FORM = re.compile(r"(?:有限|股份|责任|集团)*公司$")
_UNIT = re.compile(
    r"研究[所院]|[0-9〇零一二三四五六七八九十]所|[一二三四五六七八九十]院|基地|研究中心|创新中心|事业部|总部|本部|设计院|科学院"
)


@dataclass(frozen=True)
class Rule:
    """One row that can match a name; `family` says which decision it serves."""

    rule_id: str
    list_id: str
    family: str
    match: str
    text: str
    anchor: str
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
class AffiliationRules:
    """All rows, by the anchor that must occur in a name."""

    anchors: tuple[str, ...]
    by_anchor: dict[str, tuple[Rule, ...]]
    by_key: dict[str, tuple[Rule, ...]]
    friends: dict[str, tuple[Friend, ...]]
    numbered: tuple[Numbered, ...]
    names: employer.NameRules


@dataclass(frozen=True)
class Verdict:
    """What the rows say about one name at one day."""

    defence: str
    group: str | None
    surveillance: bool | None
    state_owned: bool | None
    rule_id: str
    hits: tuple[Rule, ...]


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _flat(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.lower())


def _rule(list_id: str, family: str, row: dict[str, str], **given: str) -> Rule:
    known = {
        "defence": schema.DEFENCE, "group": schema.DEFENCE_GROUPS, "confidence": schema.AFFILIATION_CONFIDENCE, "match": MATCHES,
    }  # fmt: skip
    for column, codes in known.items():
        if (code := row.get(column, "")) and code not in codes:
            raise DefinitionError(f"{list_id} {row['id']}: {column} {code!r} is none of {', '.join(codes)}")
    match = row.get("match", "") or "exact"
    text = given.get("text", row["text"])
    pattern = re.compile(text) if match == "regex" else None
    not_if = row.get("not_if", "")
    flat = text if pattern else _flat(text)
    return Rule(
        rule_id=f"{list_id}:{row['id']}",
        list_id=list_id,
        family=family,
        match=match,
        text=flat,
        anchor=_flat(row["anchor"]) if pattern else flat,
        not_if=re.compile(not_if) if not_if else None,
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
        re.error: a pattern of a row does not compile.
    """
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
    for name in book.names("lists", ".csv"):
        list_id = name.removeprefix("lists/").removesuffix(".csv")
        for row in book.rows(name):
            for text in dict.fromkeys(t.strip() for t in [*row["names"].split("|"), row["name_en"]]):
                if text:
                    family = "list" if list_id in MILITARY_LISTS else "register"
                    rules.append(_rule(list_id, family, row | {"text": text}, tier="T3", defence="unknown"))
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
            by_anchor[rule.anchor].append(rule)
    friends: dict[str, list[Friend]] = defaultdict(list)
    for row in book.rows("employers/false_friends.csv"):
        families = {
            "all": (*FAMILIES[:5], "signal"),
            "defence": ("defence", "signal"),
            "list": ("list", "register"),
        }.get(row["cancels"], (row["cancels"],))
        rule = _rule("false_friends", "friend", row)
        friends[rule.anchor].append(Friend(rule, frozenset(families)))
    numbered = tuple(
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
    anchors = tuple(sorted(a for a in {*by_anchor, *friends} if a))
    return AffiliationRules(
        anchors=anchors,
        by_anchor={k: tuple(v) for k, v in by_anchor.items()},
        by_key={k: tuple(v) for k, v in by_key.items()},
        friends={k: tuple(v) for k, v in friends.items()},
        numbered=numbered,
        names=names,
    )


def number(text: str) -> int | None:
    """Value of an institute number: 711, 七一一, 七〇九, 二十九, 第十; None when it is none."""
    if text.isascii():
        return int(text)
    if "十" not in text and "百" not in text:
        return int("".join(_DIGITS[c] for c in text))
    total, rest = 0, text.replace("零", "").replace("〇", "")
    if "百" in rest:
        head, rest = rest.split("百", 1)
        total += 100 * (int(_DIGITS[head]) if head in _DIGITS else 1)
    if "十" in rest:
        head, rest = rest.split("十", 1)
        if len(head) > 1 or (head and head not in _DIGITS):
            return None
        total += 10 * (int(_DIGITS[head]) if head else 1)
    if len(rest) > 1 or (rest and rest not in _DIGITS):
        return None
    return total + (int(_DIGITS[rest]) if rest else 0)


def _matches(rule: Rule, flat: str, key: str, place: str, rules: AffiliationRules) -> bool:
    return _fits(rule, flat, key, place, rules) and not (rule.not_if is not None and rule.not_if.search(flat))


def _fits(rule: Rule, flat: str, key: str, place: str, rules: AffiliationRules) -> bool:
    if rule.match == "contains":
        return True
    if rule.pattern is not None:
        return rule.pattern.search(flat) is not None or rule.pattern.search(key) is not None
    if rule.match == "exact":
        return rule.text in (key, flat)
    if not (key.startswith(rule.text) or flat.startswith(rule.text)):
        return False
    if rule.match in ("head", "brand"):
        if rule.match == "head" and flat.startswith(rule.text):
            return True
        rest = key.removeprefix(rule.text)
        return rest != key and re.match(rules.names.trade_only, rest) is not None
    if rule.match == "prefix_distinct" and place and not flat.startswith(rule.text):
        rest = key.removeprefix(rule.text)
        return not re.match(rules.names.trade_only, rest)
    return True


def _numbered(flat: str, rules: AffiliationRules) -> list[Rule]:
    found = []
    for m in _NUMBERED.finditer(flat):
        value = number(m[1])
        if value is None:
            continue
        bare = m[0].startswith("第") and len(m[1]) == 3 and m[2] == "研究所"
        short = m[0] == flat and len(m[1]) == 3 and m[2] in ("所", "研究所")
        for n in rules.numbered:
            if not n.first <= value <= n.last or value in n.skip or m[2][-1] not in n.body:
                continue
            if n.context.search(flat) or (n.bare and bare) or (n.short and short):
                found.append(n.rule)
    return found[:1]


def _as_group(rule: Rule, flat: str) -> str:
    """`group` for the group itself and its units, `subsidiary` for a firm that carries its name."""
    if rule.defence != "group" or rule.list_id not in ("groups", "institutes"):
        return rule.defence
    rest = flat.split(rule.text, 1)[-1] if rule.match != "regex" else ""
    named = _FORM.sub("", rest)
    if rest.endswith("公司") and _UNIT.search(named) and not re.search(r"(?:所|院|基地|中心|部)$", named):
        return "subsidiary"
    if not named or named in ("集团", "股份", "有限", "总") or _UNIT.search(named):
        return "group"
    return "subsidiary" if rest.endswith("公司") or rule.list_id == "groups" else "group"


def judge(
    flat: str, keys: tuple[str, ...], place: str, anchors: list[str], rules: AffiliationRules
) -> tuple[Rule, ...]:
    """All rows that match one name, false friends applied; `anchors` are the anchors found in `flat`."""
    cancelled: set[str] = set()
    for anchor in anchors:
        for friend in rules.friends.get(anchor, ()):
            if any(_matches(friend.rule, flat, k, place, rules) for k in keys):
                cancelled |= friend.cancels
    found: dict[str, Rule] = {}
    for key in keys:
        for rule in rules.by_key.get(key, ()):
            if rule.family not in cancelled and not (rule.not_if and rule.not_if.search(flat)):
                found.setdefault(rule.rule_id, rule)
    for rule in rules.by_key.get(flat, ()):
        if rule.family not in cancelled and not (rule.not_if and rule.not_if.search(flat)):
            found.setdefault(rule.rule_id, rule)
    for anchor in anchors:
        for rule in rules.by_anchor.get(anchor, ()):
            if rule.family in cancelled or rule.rule_id in found:
                continue
            if any(_matches(rule, flat, k, place, rules) for k in keys):
                found[rule.rule_id] = rule
    if "defence" not in cancelled:
        for rule in _numbered(flat, rules):
            found.setdefault(rule.rule_id, rule)
    return tuple(found[k] for k in sorted(found))


def decide(hits: tuple[Rule, ...], flat: str, as_of: date | None) -> Verdict:
    """The state at a day from all rows that match: the longest defence row wins, then suppliers, lists and signals."""
    now = [h for h in hits if h.applies(as_of)]
    defence = [h for h in now if h.family == "defence"]
    order = {"universities": 0, "institute_numbers": 1, "institutes": 2, "groups": 3, "subsidiaries": 4}
    best = min(
        defence,
        key=lambda h: (h.match != "contains", order.get(h.list_id, 9), -len(h.anchor), h.rule_id),
        default=None,
    )
    state = next(
        (h.state_owned for h in sorted(now, key=lambda h: (-len(h.anchor), h.rule_id)) if h.state_owned is not None),
        None,
    )
    surveillance = any(h.family == "surveillance" for h in now)
    if best is not None:
        return Verdict(_as_group(best, flat), best.group or None, surveillance, True, best.rule_id, hits)
    for family, value in (("supplier", "supplier_known"), ("list", "unknown"), ("signal", "unknown")):
        first = next((h for h in now if h.family == family), None)
        if first is not None:
            return Verdict(value, None, surveillance, state, first.rule_id, hits)
    rule_id = next((h.rule_id for h in now if h.family == "surveillance"), "")
    return Verdict("none", None, surveillance, state, rule_id, hits)


def match(frame: pl.DataFrame, rules: AffiliationRules) -> list[tuple[int, str, tuple[Rule, ...]]]:
    """Rows that match, for the names that match any: (row, flat, rows) in order.

    Args:
        frame: columns name_clean, name_key, place_prefix (from `employer.normalise`), is_anonymous.
        rules: from `compile_rules`.
    """
    flat = frame["name_clean"].str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}]+", "")
    key = frame["name_key"]
    bare = employer.without_latin_edges(key, rules.names)
    known = pl.Series(sorted(rules.by_key), dtype=pl.String()).implode()
    found = pl.DataFrame({"flat": flat}).select(
        pl.col("flat").str.extract_many(list(rules.anchors), overlapping=True).alias("a")
    )["a"]
    numbered = flat.str.contains(_NUMBERED.pattern)
    wanted = (found.list.len() > 0) | numbered | key.is_in(known) | bare.is_in(known) | flat.is_in(known)
    wanted = wanted & ~frame["is_anonymous"]
    rows = wanted.arg_true()
    out = []
    columns = (
        rows,
        flat.gather(rows),
        key.gather(rows),
        bare.gather(rows),
        frame["place_prefix"].gather(rows),
        found.gather(rows),
    )
    for row, f, k, b, place, anchors in zip(*(c.to_list() for c in columns), strict=True):
        keys = (k,) if k == b else (k, b)
        hits = judge(f, keys, place, list(dict.fromkeys(anchors)), rules)
        if hits:
            out.append((row, f, hits))
    return out
