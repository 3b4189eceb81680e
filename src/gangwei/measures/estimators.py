"""Which function computes which kind of measure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gangwei.measures.found import Finding
from gangwei.measures.medians import duration, median, premium, stock
from gangwei.measures.ranks import coverage, emerging, hhi, rank, top
from gangwei.measures.shares import count, grains, lq, mix, per_opening, share, without_board
from gangwei.measures.terms import match_sensitivity, pairs, spell_sensitivity, terms

ESTIMATORS: dict[str, Callable[[Any], Finding]] = {
    "share": share, "mix": mix, "count": count, "rank": rank, "top": top, "hhi": hhi, "coverage": coverage, "lq": lq,
    "emerging": emerging, "median": median, "premium": premium, "grains": grains, "stock": stock, "duration": duration,
    "terms": terms, "without_board": without_board, "per_opening": per_opening, "pairs": pairs, "match_sensitivity": match_sensitivity, "spell_sensitivity": spell_sensitivity,
}  # fmt: skip
