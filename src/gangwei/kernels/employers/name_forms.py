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
    """Names without the calls to apply and programmes around them; a name that is nothing else stays."""
    call = names.str.contains(forms.call)
    for programme in forms.programme:
        names = names.zip_with(call, names.str.replace(programme, "${name}"))
    return names


def alternation(words: list[str]) -> str:
    """A pattern for any of the words, longer ones first."""
    return "|".join(re.escape(w) for w in sorted(set(words), key=lambda w: (-len(w), w)))


def _call(d: dict[str, Any]) -> str:
    """A pattern for calls to apply: 2026春季校园招聘."""
    return rf"(?:{d['before']}|\s)*(?:{d['act']})(?:{d['act']}|{d['after']}|{d['before']}|\s)*"


def _programmes(d: dict[str, Any]) -> tuple[str, ...]:
    """Patterns for names with the calls and programmes of `[programme]` in front, in brackets or behind."""
    marks, forms, plans, call = d["marks"], "|".join(d["forms"]), "|".join(d["plan_forms"]), _call(d)
    call_or_plan, name = rf"(?:{call}|{d['named']})", "(?P<name>"
    return (
        rf"^\((?:{call_or_plan})\){name}..+)$",
        rf"^(?:{call}){marks}+{name}..+)$",
        rf"^{name}..+?){marks}*\((?:{call_or_plan})\)$",
        rf"^{name}..+?){marks}+(?:{call_or_plan})$",
        rf"^{name}.+?(?:{forms}))(?:{call})$",
        rf"^{name}.+?(?:{plans}))(?:{d['named']})$",
        rf"^(?:{d['year']})?{name}..+?){marks}*(?:{d['sure']})(?:{d['after']})*$",
        rf"(?i)^{name}..+?)\W+(?:{d['english']})$",
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
        call=rf"^(?:{_call(d['programme'])})$",
    )
