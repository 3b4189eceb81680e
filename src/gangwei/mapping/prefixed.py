"""Labels that stand before each value of a column (学历：本科): the label is the header that the column lacks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from gangwei.formats.headers import Headers

LABEL = re.compile(r"^\s*([^\W\d_a-zA-Z]{2,8})\s*[:：]\s*\S")
UNLABELLED = ("ignore", "description")
SHOWN, FEW = 5, 2


def labels_of(names: Sequence[str], cells: dict[str, list[str]], headers: Headers) -> dict[str, str]:
    """Column to the label before four of five of its values, where it names a field and the header does not name another."""
    out = {}
    for name in names:
        found = Counter(m[1] for v in cells[name] if (m := LABEL.match(v)))
        label, n = found.most_common(1)[0] if found else ("", 0)
        if n < 3 or 5 * n < 4 * len(cells[name]):
            continue
        said, own = headers.claim(label), headers.claim(name)
        if said is not None and said.field not in UNLABELLED and (own is None or own.field == said.field):
            out[name] = label
    return out


def is_row(names: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Cells of a supposed header that carry a label and a value, as the rows below do in the same columns (公司：某某)."""
    again = 0
    for i, name in enumerate(names):
        own = LABEL.match(name)
        below = [m[1] for r in rows[:SHOWN] if i < len(r) and (m := LABEL.match(r[i]))] if own else []
        again += own is not None and own[1] in below
    return again >= FEW


def bare(label: str, mine: list[str]) -> list[str]:
    """Values without their label."""
    return [v for v in (re.sub(_pattern(label), "", m) for m in mine) if v.strip()]


def rules_of(labels: dict[str, str], placed: dict[str, str]) -> list[dict[str, Any]]:
    """Rewrites that take the labels away."""
    return [
        {"field": placed[n], "pattern": _pattern(label), "replace": ""} for n, label in labels.items() if n in placed
    ]


def _pattern(label: str) -> str:
    return rf"^\s*{re.escape(label)}\s*[:：]\s*"
