"""Contacts of persons out of anything shown: phones, mail, chat ids, profile links, names of contact persons.

The rules are data (definitions/text/contacts.toml). One pass over the bytes finds which groups of hints a row holds; each
rule, a Rust regular expression of linear time, runs on the rows of its groups only. Most rows that hold a hint hold no contact:
neighbouring rules of the same groups are first looked for together.
"""

# ruff: noqa: PLR1714 - compiled by numba

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numba import njit
from numpy.typing import NDArray

from gangwei.kernels.clean.fold import decode
from gangwei.kernels.clean.trie import Trie, build, pair_slot, step
from gangwei.kernels.lanes import in_lane
from gangwei.kernels.strings import string_spans

if TYPE_CHECKING:
    from gangwei.codebook import Codebook

DIGITS, HANZI, MARK = 0, 1, 2  # groups that are not literals
HANZI_DIGITS = "〇零一二三四五六七八九幺壹贰叁肆伍陆柒捌玖"
RUN, GAP = 7, 3
LANE, FAMILY = 16, 12  # rules that one lane keeps compiled (see lanes), and that are looked for by one expression
OFTEN = 64  # a rule that changes more than one of so many rows is looked for alone
HIDING = r"[０-９：＠\u{200B}]"  # characters behind which a value as found may hold a contact
INVISIBLE = r"[\u{00AD}\u{200B}-\u{200F}\u{2060}\u{FE0F}\u{FEFF}\u{20E3}]"


# of a character: a digit (1), a digit in Chinese (2), a space between digits (3); a hint alone; a family name; what begins
# a title behind one; what begins a longer hint
DIGIT, ALONE, NAME, TITLE, FIRST = 3, 4, 8, 16, 32


@dataclass(frozen=True)
class ContactRules:
    """Trie of hints, the group bits of each, what tells where none begins, and the rules in order of application: (id,
    pattern, replacement, group bits)."""

    mark: str
    trie: Trie
    pairs: NDArray[np.uint8]
    kinds: NDArray[np.uint8]
    bits: NDArray[np.int64]
    wanted: int
    rules: tuple[tuple[str, str, str, int], ...]
    tally: NDArray[np.int64]
    """Rows that each rule was asked about in this process, and those it changed"""


def compile_contacts(book: Codebook, only: tuple[str, ...] = ()) -> ContactRules:
    """Rules from definitions/text/contacts.toml.

    `only` names the rules to apply (an address of the web holds numbers that are no telephones); all when empty.
    """
    config = book.toml("text/contacts.toml")
    mark, words = str(config["mark"]), dict(config["words"])
    groups = {"digits": DIGITS, "hanzi": HANZI, "mark": MARK}
    hints: dict[str, list[str]] = dict(config["hints"])
    groups |= {name: len(groups) + j for j, name in enumerate([*hints, "titled"])}
    rules = []
    for rule in config["rule"]:
        if only and rule["id"] not in only:
            continue
        pattern = str(rule["pattern"])
        for word, value in words.items():
            pattern = pattern.replace("{" + word + "}", value)
        bits = sum(1 << groups[g] for g in rule["hints"])
        rules.append((str(rule["id"]), pattern, str(rule["replace"]).replace("{mark}", mark), bits))
    wanted = 0
    for *_, bits in rules:
        wanted |= bits
    literals: dict[str, int] = {mark: 1 << MARK}
    for name, texts in hints.items():
        for hint in texts if wanted >> groups[name] & 1 else ():
            literals[hint.lower()] = literals.get(hint.lower(), 0) | 1 << groups[name]
    plain = build((p, i) for i, p in enumerate(literals))
    kinds = np.zeros(0x10000, np.uint8)
    kinds[ord("0") : ord("9") + 1] = 1
    kinds[[ord(c) for c in HANZI_DIGITS]] = 2
    kinds[[ord(c) for c in " -–.·_"]] = DIGIT
    kinds[plain.first > 0] |= ALONE
    kinds[[ord(hint[0]) & 0xFFFF for hint in literals if len(hint) > 1]] |= FIRST
    titled = wanted >> groups["titled"] & 1
    for name in words["surnames"] if titled else "":
        kinds[ord(name)] |= NAME
        for title in words["honorifics"].split("|"):
            kinds[ord(title[0])] |= TITLE
            literals[name + title] = literals.get(name + title, 0) | 1 << groups["titled"]
    phrases = list(literals)
    trie = build((p, i) for i, p in enumerate(phrases))
    return ContactRules(
        mark,
        trie,
        plain.pair_bits,
        kinds,
        np.array([literals[p] & wanted for p in phrases], np.int64),
        wanted,
        tuple(rules),
        np.zeros((len(rules), 2), np.int64),
    )


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _hints(data: Any, span: Any, keys: Any, values: Any, entry: Any, pairs: Any, kinds: Any, bits: Any) -> Any:
    """Groups of hints that each row holds, a bit each.

    Args:
        keys, values, entry: the trie of literals; `pairs`, `kinds`: what its first characters may be; `bits`: the groups of each.
    """
    n = len(span)
    out = np.zeros(n, np.int64)
    for r in range(n):
        i = span[r, 0]
        end = span[r, 1]
        found = 0
        run = 0
        hanzi = 0
        gap = 0
        before = np.int64(0)
        kind_before = 0
        while i <= end:
            c = np.int64(10)
            width = 1
            if i < end:
                c = np.int64(data[i])
                if c >= 0x80:
                    c, width = decode(data, i)
                elif 65 <= c <= 90:
                    c += 32
            kind = np.int64(kinds[c & 0xFFFF])
            begins = kind_before & ALONE or kind_before & kind >> 1 & NAME
            if not begins and kind_before & FIRST:
                slot = pair_slot(before, c)
                begins = (np.int64(pairs[slot >> 3]) >> (slot & 7)) & 1
            if begins:
                node = step(keys, values, 0, before)
                j = i
                while node >= 0:
                    if entry[node] >= 0:
                        found |= bits[entry[node]]
                    if j >= end:
                        break
                    e, w = decode(data, j)
                    if 65 <= e <= 90:
                        e += 32
                    node = step(keys, values, node, e)
                    j += w
            d = kind & DIGIT
            if d == 1 or d == 2:
                run = run + 1 if gap <= GAP else 1
                hanzi = (hanzi if gap <= GAP else 0) + (1 if d == 2 else 0)
                gap = 0
                if run >= RUN:
                    if hanzi:
                        found |= 1 << HANZI
                    if run - hanzi >= RUN:
                        found |= 1 << DIGITS
            else:
                gap += 2 - (d >> 1)
            before = c
            kind_before = kind
            i += width
        out[r] = found
    return out


def strip(series: pl.Series, rules: ContactRules) -> pl.Series:
    """Replace every contact by the mark; null stays null. Works on any string, best on clean (NFKC) text."""
    return strip_each([series], rules)[0]


def strip_raw(series: pl.Series, rules: ContactRules) -> pl.Series:
    """`strip` of values as found: one that holds a contact only once it is folded (NFKC, nothing invisible) is given so."""
    plain = strip(series, rules)
    folded = plain.str.normalize("NFKC").str.replace_all(INVISIBLE, "")
    found = strip(folded, rules)
    return pl.select(pl.when(found.ne_missing(folded)).then(found).otherwise(plain).alias(series.name)).to_series()


def strip_each(columns: Sequence[pl.Series], rules: ContactRules) -> list[pl.Series]:
    """`strip` of several columns: each rule is compiled and run once for all of them."""
    hints = [_hints_of(c, rules) for c in columns]
    rows = [np.flatnonzero(h) for h in hints]
    held = np.concatenate([h[r] for h, r in zip(hints, rows)])
    if not len(held):
        return list(columns)
    part = pl.concat([c.gather(r).rename("") for c, r in zip(columns, rows)], rechunk=True)
    for first in range(0, len(rules.rules), LANE):
        part = in_lane(f"contacts-{first}", _apply, part, held, rules, range(first, first + LANE))
    out, at = [], 0
    for column, r in zip(columns, rows):
        out.append(column.clone().scatter(r, part[at : at + len(r)]) if len(r) else column)
        at += len(r)
    return out


def _apply(part: pl.Series, held: NDArray[np.int64], rules: ContactRules, numbers: range) -> pl.Series:
    """Apply the rules of these numbers, in order; `held`, the groups of hints of each row, follows what becomes of it."""
    for first, last in _families(rules, numbers):
        some = np.flatnonzero(held & rules.rules[first][3])
        if last - first > 1 and len(some):
            together = "|".join(f"(?:{pattern})" for _, pattern, *_ in rules.rules[first:last])
            rules.tally[first:last, 0] += len(some)
            some = some[part.gather(some).str.contains(together).to_numpy()]
        for n in range(first, last):
            asked = some[held[some] & rules.rules[n][3] != 0]
            if len(asked):
                part, changed = _replaced(part, asked, held, rules, n)
                rules.tally[n] += (len(asked) if last - first == 1 else 0, changed)
    return part


def _replaced(
    part: pl.Series, rows: NDArray[np.int64], held: NDArray[np.int64], rules: ContactRules, number: int
) -> tuple[pl.Series, int]:
    """`part` with one rule applied to some rows, and how many of these it changed."""
    _, pattern, replacement, bits = rules.rules[number]
    before = part.gather(rows)
    after = before.str.replace_all(pattern, replacement)
    changed = np.flatnonzero((before != after).to_numpy())
    if len(changed):
        new = after.gather(changed)
        part = part.scatter(rows[changed], new)
        following = rules.rules[number + 1][3] if number + 1 < len(rules.rules) else 0
        if bits & following & ~(1 << MARK):  # what is gone may be all that the other rules of the group look for
            held[rows[changed]] = _hints_of(new, rules)
        held[rows[changed]] |= 1 << MARK
    return part, len(changed)


def _families(rules: ContactRules, numbers: range) -> list[tuple[int, int]]:
    """(first, last + 1) of neighbouring rules with the same hints: one expression tells of most rows that none of them matches.

    A rule that often finds something is a family of its own. How rules are put together changes no answer.
    """
    out: list[tuple[int, int]] = []
    asked, changed = rules.tally.T
    often = changed * OFTEN > asked
    for n in range(numbers.start, min(numbers.stop, len(rules.rules))):
        joins = out and not (often[n] or often[n - 1]) and rules.rules[n][3] == rules.rules[n - 1][3]
        if joins and n - out[-1][0] < FAMILY:
            out[-1] = (out[-1][0], n + 1)
        else:
            out.append((n, n + 1))
    return out


def _hints_of(series: pl.Series, rules: ContactRules) -> NDArray[np.int64]:
    """Groups of hints in each row, those that a rule asks for; 0 for a null."""
    if series.null_count() == len(series):
        return np.zeros(len(series), np.int64)
    found: NDArray[np.int64] = _hints(*string_spans(series), *rules.trie.arrays, rules.pairs, rules.kinds, rules.bits)
    return found & rules.wanted
