"""Rows with more cells than columns: which columns may take up a delimiter that nobody quoted, and what the others hold."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gangwei.mapping.values import Values

CLEAR = ("url", "pay", "education", "experience", "posted", "company_size")
OPEN = ("description", "tags")
SPOKEN = ("title", "company", "address", "industry")
WHOLE = re.compile(r"^[^,\t;|\x01^]*$")


def anchors_of(
    names: Sequence[str], placed: dict[str, str], cells: dict[str, list[str]], values: Values
) -> dict[str, re.Pattern[str]]:
    """Column to the pattern that its values fit, for all columns but texts and tags; {} where rows stay in doubt.

    A text or tags may take up delimiters where no other words stand between it and a column whose values are plain (pay,
    education, a size), on both sides, so that there is one way only to mend a row.
    """
    own = {n: [v for v in cells[n] if v.strip() != n] for n in names}  # without headers that are repeated
    clear = {n for n in names if _clear(placed.get(n, ""), own[n], values)}
    open_ = [n for n in names if placed.get(n) in OPEN]
    if len(clear) < 2 or not open_ or not all(_enclosed(names, n, placed, clear) for n in open_):
        return {}
    plain = {n: re.compile(rf"{values.pattern(placed[n])}|^\s*$") for n in clear}
    return {n: plain.get(n, WHOLE) for n in names if n not in open_}


def _clear(target: str, mine: list[str], values: Values) -> bool:
    return target in CLEAR and len(mine) >= values.cut.few_rows and values.like(target, mine) >= values.cut.most


def _enclosed(names: Sequence[str], name: str, placed: dict[str, str], clear: set[str]) -> bool:
    """From the column to the next clear one or the end of the row stands no column of words, on either side."""
    at = list(names).index(name)
    for side in (names[at + 1 :], reversed(names[:at])):
        for other in side:
            if other in clear:
                break
            if placed.get(other) in (*SPOKEN, *OPEN):
                return False
    return True
