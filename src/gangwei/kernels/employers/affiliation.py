"""Affiliation of employers: which defence group, list, supplier file or surveillance register a name belongs to, and why.

Every rule is a row of a CSV (`affiliation_rules`); this module only knows how rows match.
A first pass over all names is one Aho-Corasick scan for the anchors of all rows (vectorised); the few names that hold an
anchor are then judged rule by rule.

How a row matches (`flat` is the cleaned name in lower case without spaces, punctuation and brackets; `key` is `name_key`):

exact            the key, or the key without a Latin brand at its edge, equals the key of the text
prefix           flat or key begins with the text
prefix_distinct  as prefix, but behind a place (济南中船设备) the text needs more than trade words after it
brand            the key begins with the text, or with the text but for the place of the name (江苏国信), and nothing but
                 trade words follows; behind a state-owned brand none of a small firm's (江苏舜天装饰)
head             flat begins with the text, or as brand
contains         the text occurs in flat
regex            the pattern occurs in flat or key (the anchor, or one of several, must occur in flat)
function         the pattern is all that stands between one or more places in front and the legal form

`not_if` is searched in flat and cancels the row. Rows of `false_friends.csv` cancel whole families.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import polars as pl

from gangwei.kernels.employers import employer
from gangwei.kernels.employers.affiliation_rules import AffiliationRules, Rule, Units

_DIGITS = {c: str(i) for i, c in enumerate("〇一二三四五六七八九")} | {"零": "0"}


@dataclass(frozen=True)
class Verdict:
    """What the rows say about one name at one day."""

    defence: str
    group: str | None
    surveillance: bool | None
    state_owned: bool | None
    rule_id: str
    hits: tuple[Rule, ...]


@dataclass(frozen=True)
class _Name:
    """A name in lower case without marks (`flat`), its place, and what rows of all kinds are held against."""

    flat: str
    place: str
    rules: AffiliationRules

    @cached_property
    def function(self) -> str:
        """What stands between the places in front and the legal form"""
        return self.rules.towns.behind(self.flat)


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


def _matches(rule: Rule, name: _Name, key: str) -> bool:
    return _fits(rule, name, key) and not (rule.not_if is not None and rule.not_if.search(name.flat))


def _fits(rule: Rule, name: _Name, key: str) -> bool:
    """Whether the name of an employer, whole or as its key, is what a rule found in it means."""
    flat, rules = name.flat, name.rules
    if rule.match == "contains":
        return True
    if rule.match == "function":
        return rule.pattern is not None and rule.pattern.fullmatch(name.function) is not None
    if rule.pattern is not None:
        return rule.pattern.search(flat) is not None or rule.pattern.search(key) is not None
    if rule.match == "exact":
        return rule.text in (key, flat)
    if not (key.startswith(rule.text) or flat.startswith(rule.text)):
        return False
    if rule.match in ("head", "brand"):
        if rule.match == "head" and flat.startswith(rule.text):
            return True
        text = rule.text if key.startswith(rule.text) else rule.text.removeprefix(name.place)
        rest = key.removeprefix(text)
        trade = rest != key and re.match(rules.names.trade_only, rest) is not None
        return trade and not (rule.match == "brand" and rule.state_owned and rules.small_trades.search(rest))
    if rule.match == "prefix_distinct" and name.place and not flat.startswith(rule.text):
        rest = key.removeprefix(rule.text)
        return not re.match(rules.names.trade_only, rest)
    return True


def _numbered(flat: str, rules: AffiliationRules) -> list[Rule]:
    found, units = [], rules.units
    for m in units.numbered.finditer(flat):
        value = number(m[1])
        if value is None:
            continue
        bare = m[0].startswith("第") and len(m[1]) == 3 and m[2] == units.full
        short = m[0] == flat and len(m[1]) == 3 and m[2] in units.short
        for n in rules.numbered:
            if not n.first <= value <= n.last or value in n.skip or m[2][-1] not in n.body:
                continue
            if n.context.search(flat) or (n.bare and bare) or (n.short and short):
                found.append(n.rule)
    return found[:1]


def _as_group(rule: Rule, flat: str, units: Units) -> str:
    """`group` for the group itself and its units, `subsidiary` for a firm that carries its name."""
    if rule.defence != "group" or rule.list_id not in ("groups", "institutes"):
        return rule.defence
    rest = flat.split(rule.text, 1)[-1] if rule.match != "regex" else ""
    named = units.form.sub("", rest)
    unit, company = units.unit.search(named), rest.endswith(units.company)
    if company and unit and not units.unit_end.search(named):
        return "subsidiary"
    if unit or named in units.itself:
        return "group"
    return "subsidiary" if company or rule.list_id == "groups" else "group"


def judge(
    flat: str, keys: tuple[str, ...], place: str, anchors: list[str], rules: AffiliationRules
) -> tuple[Rule, ...]:
    """All rows that match one name, false friends applied; `anchors` are the anchors found in `flat`."""
    cancelled: set[str] = set()
    name = _Name(flat, place, rules)
    for anchor in anchors:
        for friend in rules.friends.get(anchor, ()):
            if any(_matches(friend.rule, name, k) for k in keys):
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
            if any(_matches(rule, name, k) for k in keys):
                found[rule.rule_id] = rule
    if "defence" not in cancelled:
        for rule in _numbered(flat, rules):
            found.setdefault(rule.rule_id, rule)
    return tuple(found[k] for k in sorted(found))


def decide(hits: tuple[Rule, ...], flat: str, as_of: date | None, units: Units) -> Verdict:
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
        return Verdict(_as_group(best, flat, units), best.group or None, surveillance, True, best.rule_id, hits)
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
    numbered = flat.str.contains(rules.units.numbered.pattern)
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
