"""Numbers in place of words, where the definition of a table says what each stands for (学历：1-大专 2-本科 3-硕士)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gangwei.mapping.source import TEXT_FIELDS
from gangwei.mapping.values import Values

CODE = re.compile(r"^\s*(\d{1,2})(?:\.0)?\s*$")
ENTRY = re.compile(
    r"(?<!\d)(\d{1,2})\s*[-–—:：=.、]?\s*(?:表示|代表|代指|为|是)?\s*((?:\d+\s*[kK千万]?\s*[-~至]\s*\d+|\d+)?[^\W\d_][^\s,，;；|、）)'’”\"\d]*)"
)
"""A number and the word that it stands for: 1-大专, 2：本科, 3-5-10年 (5-10年 under 3), 0不限."""
RANGE = re.compile(r"^(\d+)(?!\s*[-~至\d])")
"""The upper bound of what is a range (5年 of 3-5年) and no word that a number stands for."""
FEW = 2


def legends_of(cells: Mapping[str, list[str]], remarks: Mapping[str, str], values: Values) -> dict[str, dict[str, str]]:
    """Column to word by number, for columns of numbers (but for slips) that its remark explains."""
    out = {}
    for name, remark in remarks.items():
        mine = cells.get(name, [])
        said = ENTRY.findall(remark) if mine else []
        told = {} if _of_ranges(said) else dict(said)
        codes = [m[1] for m in map(CODE.match, mine) if m]
        known = sum(c in told for c in codes)
        if len(told) >= FEW and known >= values.cut.nearly_all * len(mine):
            out[name] = told
    return out


def _of_ranges(said: list[tuple[str, str]]) -> bool:
    """What a remark says are ranges (1-3年、3-5年): each has a larger number behind it, or one begins where the one before it ends."""
    ends = [int(m[1]) if (m := RANGE.match(word)) else None for _, word in said]
    larger = all(end is not None and end > int(code) for (code, _), end in zip(said, ends))
    return larger or any(end is not None and end == int(code) for end, (code, _) in zip(ends, said[1:]))


def named(legends: Mapping[str, Mapping[str, str]], remarks: Mapping[str, str]) -> dict[str, str]:
    """Remarks without the legends within them."""
    return {n: ENTRY.split(r, maxsplit=1)[0].strip(" :：,，(（") if n in legends else r for n, r in remarks.items()}


def spelled(legend: Mapping[str, str], mine: list[str]) -> list[str]:
    """Values with the words that their numbers stand for."""
    return [legend.get(m[1], v) if (m := CODE.match(v)) else v for v in mine]


def rules_of(legends: Mapping[str, Mapping[str, str]], placed: Mapping[str, str]) -> list[dict[str, Any]]:
    """Recodings of the fields that columns with a legend are placed as."""
    return [
        {"field": placed[n], "values": {**legend, **{f"{c}.0": w for c, w in legend.items()}}}
        for n, legend in legends.items()
        if placed.get(n, "ignore") in TEXT_FIELDS
    ]
