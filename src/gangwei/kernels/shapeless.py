"""Characters without shape (Unicode category Cf: zero-width spaces and joiners, soft hyphens, marks of direction) in short fields."""

from __future__ import annotations

import unicodedata

SHAPELESS = r"\p{Cf}"
"""The same as a pattern of Polars."""


def visible(text: str) -> str:
    """The text without them: 广州 with a zero-width space inside is 广州, and 3-5年 with one is no 5年."""
    if text.isprintable():
        return text
    odd = {ord(c): None for c in set(text) if unicodedata.category(c) == "Cf"}
    return text.translate(odd) if odd else text
