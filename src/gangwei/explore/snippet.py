"""The words of a text around what was searched for."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gangwei.explore.ads import segments, visible

AROUND = 40
Piece = tuple[str, bool]


def any_of(words: Sequence[str]) -> str:
    """A pattern of any of the words, whatever their letter case; the longest first, so that none hides in another."""
    return "|".join(re.escape(w) for w in sorted(words, key=len, reverse=True))


def snippet(text: str | None, words: Sequence[str]) -> list[Piece]:
    """The first word found with `AROUND` characters on both sides, on one line, as (piece, whether it is a word searched for).

    Empty where no word is found. An ellipsis stands where the text goes on.
    """
    text = visible(text)
    wanted = re.compile(any_of(words), re.IGNORECASE)
    first = wanted.search(text) if words else None
    if first is None:
        return []
    begin, end = max(0, first.start() - AROUND), min(len(text), first.end() + AROUND)
    spans = [(*m.span(), "word") for m in wanted.finditer(text, begin, end)]
    shown = segments(text[begin:end], [(a - begin, b - begin, n) for a, b, n in spans])
    pieces = [(" ".join(re.split(r"\s+", p)), bool(n)) for p, n in shown if p]
    before, after = "…" if begin else "", "…" if end < len(text) else ""
    return [p for p in [(before, False), *pieces, (after, False)] if p[0]]
