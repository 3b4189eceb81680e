"""How employer names are built: `employers/name_parts.toml` as patterns around places and branches."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import opencc
import polars as pl

if TYPE_CHECKING:
    from gangwei.codebook import Codebook

ENTITY = r"&(?:amp;)*(?:#[0-9]+|#[xX][0-9a-fA-F]+|[a-zA-Z]{2,8});"
ESCAPED = 3
"""Times that a name may have been escaped."""
NUMBER = r"第?[0-9一二三四五六七八九十百零〇]+"


@dataclass(frozen=True)
class Forms:
    """Patterns in the syntax of Rust's regex."""

    both_scripts: frozenset[str]
    hidden: str
    """What stands for a character that is kept back"""
    second_place: str
    """What may stand behind the place in front: its class, a place within it"""
    zone: str
    bracket: str
    behind_form: str
    """(a name with its legal form)(what stands behind)"""
    own_body: str
    """Of what stands behind: no branch"""
    may_have_branch: str
    behind_city: str
    by_number: str
    behind_dash: str
    stub: str
    programme: tuple[str, ...]
    """(?P<name>a name) with a call to apply or a programme around it"""
    call: str
    """Nothing but a call to apply"""
    nobody: str
    """What a call to apply is of, and no name: a place, a year"""
    underscored: str
    """A call to apply behind a board's _"""


def unescaped(names: pl.Series) -> pl.Series:
    """Names without entities of HTML, also where they were escaped more than once (A&amp;amp;B)."""
    out = names.to_list()
    for _ in range(ESCAPED):
        out = [html.unescape(n) for n in out]
    return pl.Series(names.name, out, dtype=pl.String())


def to_simplified(text: pl.Series, both: frozenset[str]) -> pl.Series:
    """Simplified characters, the whole column in one call; the text holds no line breaks.

    A name whose only changes are characters that `both` scripts use (乾, 著 …) was simplified already and stays.
    """
    if text.is_empty():
        return text
    before: list[str] = text.to_list()
    after = opencc.OpenCC("t2s").convert("\n".join(before)).split("\n")
    kept = [a if a == b or _shared_only(a, b, both) else b for a, b in zip(before, after, strict=True)]
    return pl.Series(text.name, kept, dtype=pl.String())


def _shared_only(before: str, after: str, both: frozenset[str]) -> bool:
    return len(before) == len(after) and all(a == b or a in both for a, b in zip(before, after, strict=True))


def without_programme(names: pl.Series, forms: Forms) -> pl.Series:
    """Names without the calls to apply and programmes around them; a name that is nothing else, or beside a place, stays."""
    left = names
    for programme in forms.programme:
        left = left.str.replace(programme, "${name}")
    return names.zip_with(names.str.contains(forms.call) | left.str.contains(forms.nobody), left)


def alternation(words: list[str]) -> str:
    """A pattern for any of the words, longer ones first."""
    return "|".join(re.escape(w) for w in sorted(set(words), key=lambda w: (-len(w), w)))


def _calls(d: dict[str, Any]) -> tuple[str, str]:
    """Patterns for any call to apply, and for those with more than a bare word for one: 招聘, 2026春季校园招聘."""
    act, bare, before, beside = d["act"], d["bare"], d["before"], d["beside"]
    words = rf"(?:{act}|{bare}|{before}|{beside}|\s)*"
    return rf"{words}(?:{act}|{bare}){words}", rf"{words}(?:{act}|(?:{before}){words}(?:{bare})){words}"


def _programmes(d: dict[str, Any]) -> tuple[str, ...]:
    """Patterns for names with the calls and programmes of `[programme]` in front, in brackets or behind."""
    marks, forms, plans, (call, told) = d["marks"], "|".join(d["forms"]), "|".join(d["plan_forms"]), _calls(d)
    told_or_plan, name, year = rf"(?:{told}|{d['named']})", "(?P<name>", rf"^(?:{d['year']})?"
    english, marked = d["english"], d["english_marked"]
    return (
        rf"^\((?:{told_or_plan})\){name}..+)$",
        rf"^\((?:{call})\){name}.+(?:{forms}))$",
        rf"^(?:{told}){marks}+{name}..+)$",
        rf"^(?:{call}){marks}+{name}.+(?:{forms}))$",
        rf"{year}{name}..+?){marks}*\((?:{told_or_plan})\)$",
        rf"{year}{name}..+?){marks}+(?:{told_or_plan})$",
        rf"{year}{name}.+?(?:{forms}))(?:{marks}*(?:{call})|\((?:{call})\))$",
        rf"^{name}.+?(?:{plans}))(?:{d['named']})$",
        rf"{year}{name}..+?){marks}*(?:{d['sure']})(?:{d['beside']})*$",
        rf"(?i)^{name}..+?)(?:{marks}+(?:{english})|{marks}*\((?:{english})\))$",
        rf"(?i)^{name}..+?)\s*(?:[-—|:/]\s*(?:{marked})|\((?:{marked})\))$",
    )


def compile_forms(book: Codebook, place: str, city: str, branch: str) -> Forms:
    """Patterns from `employers/name_parts.toml`; `place`, `city` and `branch` are alternations of such words."""
    d = book.toml("employers/name_parts.toml")
    around, own, ends = d["place"], d["branch"], rf"(?:{branch})$"
    front = f"[{around['front']}]?"
    forms, still, bodies, numbered, before, behind = (
        "|".join(own[k]) for k in ("forms", "still_form", "bodies", "numbered_bodies", "before_dash", "behind_dash")
    )
    return Forms(
        both_scripts=frozenset(d["both_scripts"]),
        hidden=d["hidden"],
        second_place=rf"^{front}(?:{place})?{front}",
        zone=rf"^(?:{'|'.join(around['zones'])})",
        bracket=rf"\(({place})[{around['bracket']}]?\)",
        behind_form=rf"^(.{{2,}}?(?:{forms}))(.+)$",
        own_body=rf"^{NUMBER}.{{0,10}}(?:{numbered})|^.{{0,10}}(?:{bodies})|^(?:{still})",
        may_have_branch=rf"(?:{branch}|{own['company']})$",
        behind_city=rf"^(.{{2,}}?)((?:{city}){front}"
        rf"(?:{own['behind_city']}$|(?:[^\s]{{1,5}}[{around['within']}])?(?:{NUMBER})?.{{0,8}}{ends}))",
        by_number=rf"^(.{{2,}}?)(第[0-9一二三四五六七八九十百千零〇]+{ends})",
        behind_dash=rf"^(.{{2,}}?(?:{before}))[-_—/|](.+)$|^(.{{2,}}?)[-_—]({behind})$",
        stub=rf"(?:{'|'.join(d['cut']['stubs'])})$",
        programme=_programmes(d["programme"]),
        call=rf"^(?:{_calls(d['programme'])[0]}|{d['programme']['marks']}|[()])+$",
        nobody=rf"(?i)^\W*(?:{d['programme']['nobody'].replace('{place}', place)})\W*$",
        underscored=rf"_({_calls(d['programme'])[1]})$",
    )
