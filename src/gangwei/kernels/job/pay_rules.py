"""The grammar of pay strings: `pay.toml`, compiled."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import opencc

if TYPE_CHECKING:
    from gangwei.codebook import Codebook


@dataclass(frozen=True)
class PayRules:
    """The compiled grammar of definitions/pay.toml."""

    negotiable: tuple[str, ...]
    foreign: tuple[str, ...]
    foreign_boards: frozenset[str]
    foreign_languages: tuple[str, ...]
    yuan_boards: frozenset[str]
    elsewhere: str
    """Fields for the city that name a place with a currency of its own first"""
    mainland: str
    """Fields for the city that name one of the mainland, alone or in a list"""
    yuan_named: str
    above: re.Pattern[str]
    below: re.Pattern[str]
    above_head: re.Pattern[str]
    below_head: re.Pattern[str]
    settled: re.Pattern[str]
    plus: re.Pattern[str]
    commission: str
    stated: re.Pattern[str]
    currency: re.Pattern[str]
    months: re.Pattern[str]
    months_range: re.Pattern[str]
    not_pay: re.Pattern[str]
    keys: re.Pattern[str]
    trial: re.Pattern[str]
    nothing: frozenset[str]
    untold: tuple[str, ...]
    contract: tuple[str, ...]
    """Words for a kind of contract that stand where pay should"""
    in_title: str
    multipliers: dict[str, int]
    amount: re.Pattern[str]
    units: tuple[tuple[str, re.Pattern[str]], ...]
    bands: dict[str, Any]
    bounds: dict[str, Any]
    glyphs: dict[int, str]
    """Digits by the code points of the font in which pages of a board draw them"""


def _elsewhere(book: Codebook, codes: frozenset[str]) -> str:
    """A pattern (syntax of Rust's regex) for fields that name places with these codes alone, in either script."""
    units = [r for r in book.rows("places/units.csv") if r["id"] in codes]
    names = {r[k] for r in units for k in ("name", "short")}
    names |= {
        r["name"]
        for r in book.rows("places/aliases.csv")
        if r["now"] in codes and r["use"] in ("name", "whole", "latin") and len(r["name"]) > 1
    }
    latin = "|".join(re.escape(n) for n in sorted(names, reverse=True) if n.isascii())
    chinese = {n for n in names if not n.isascii()}
    chinese |= set(opencc.OpenCC("s2t").convert("\n".join(sorted(chinese))).split("\n"))
    local = "|".join(sorted(chinese, key=lambda n: (-len(n), n)))
    others = r"[^/|、;；&]*$"
    return (
        rf"(?i)^\W*(?:(?:china|中国|中國)\W*)?(?:(?:{local})+(?:特区|特區)?(?:$|[\W区區市县縣岛島&&[^/|、;；]]{others})"
        rf"|(?:{latin})(?:$|[^\pL&/|、;；]{others}))"
        rf"|^[^/|、;；&]*[,，]\s*(?:{latin})(?:\W+(?:sar|s\.a\.r|china))*\W*$"
    )


def _mainland(book: Codebook, codes: frozenset[str]) -> str:
    """A pattern (syntax of Rust's regex) for fields with a province or city outside these codes between marks or words for "and"."""
    units = [r for r in book.rows("places/units.csv") if r["level"] in "12" and not r["to"] and r["id"] not in codes]
    names = {r[k] for r in units for k in ("name", "short", "en") if r[k]}
    aliases = [r for r in book.rows("places/aliases.csv") if r["use"] == "latin" and r["now"][2:] == "0000"]
    names |= {r["name"] for r in aliases if r["now"] not in codes}
    words = "|".join(re.escape(n) for n in sorted(names, key=lambda n: (-len(n), n)))
    mark = r"[\s,，/|、;；&或和及与]"
    return rf"(?i)(?:^|{mark}+(?:(?:or|and)\s+)?)(?:{words})(?:$|{mark})"


def compile_pay(book: Codebook) -> PayRules:
    """Compile definitions/pay.toml."""
    d = book.toml("pay.toml")
    words = d["words"]
    mult = "|".join(map(re.escape, d["multipliers"]))
    yuan, between, rate = ("|".join(words[k]) for k in ("yuan", "between", "rate"))
    amount = rf"(\d+(?:\.\d+)?)\s*(?:元\s*)?({mult})?(?:{yuan})?"
    patterns = {k: re.compile(v) for k, v in d["patterns"].items()}
    return PayRules(
        negotiable=tuple(words["negotiable"]),
        foreign=tuple(words["foreign"]),
        foreign_boards=frozenset(words["foreign_boards"]),
        foreign_languages=tuple(words["foreign_languages"]),
        yuan_boards=frozenset(words["yuan_boards"]),
        elsewhere=_elsewhere(book, frozenset(words["elsewhere"])),
        mainland=_mainland(book, frozenset(words["elsewhere"])),
        yuan_named=f"(?i){words['yuan_named']}",
        above=re.compile("|".join(map(re.escape, words["above"]))),
        below=re.compile("|".join(map(re.escape, words["below"]))),
        above_head=re.compile("|".join(map(re.escape, words["above_before"]))),
        below_head=re.compile("|".join(map(re.escape, words["below_before"]))),
        settled=re.compile(d["settled"]["words"]),
        plus=patterns["plus"],
        commission=words["commission"],
        stated=patterns["stated"],
        currency=patterns["currency"],
        months=patterns["months"],
        months_range=patterns["months_range"],
        not_pay=patterns["not_pay"],
        keys=patterns["keys"],
        trial=patterns["trial"],
        nothing=frozenset(words["nothing"]),
        untold=tuple(words["untold"]),
        contract=tuple(words["contract"]),
        in_title=f"(?i)({d['title']['pay']})",
        multipliers=dict(d["multipliers"]),
        amount=re.compile(rf"{amount}(?:(?:\s*/\s*(?:{rate})\b)?[^\d|]{{0,3}}?(?:{between})\s*{amount})?"),
        units=tuple((unit, re.compile(pattern)) for unit, pattern in d["units"].items()),
        bands=dict(d["bands"]),
        bounds=dict(d["bounds"]),
        glyphs={d["glyphs"]["first"] + i: str(i) for i in range(10)},
    )
