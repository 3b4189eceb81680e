"""Names of the board that its pages hide within the text of an ad, taken out (definitions/text/watermarks.toml)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from gangwei.codebook import Codebook

WIDE = re.compile(r"[^\x00-\x7f]|[,.;:!?()]")
OPENS = re.compile(r"[\d(•·●◆■★【\[-]")
STOPS = re.compile(r"[。.;:!?]")


@dataclass(frozen=True)
class Watermarks:
    """Where marks of a board stand in a text."""

    hints: str
    """A pattern that every text with a mark or a style matches; it costs a quarter of a search for several words"""
    styles: re.Pattern[str]
    """Style sheets of the page"""
    told: re.Pattern[str]
    """What tells that a text has marks"""
    marks: re.Pattern[str]
    """The marks of such a text, with the blanks around them"""


def compile_watermarks(book: Codebook) -> Watermarks:
    """Patterns of `text/watermarks.toml`."""
    data = book.toml("text/watermarks.toml")
    marks = f"{data['sure']}|{data['alone']}|{data['others']}"
    return Watermarks(
        "|".join(map(re.escape, data["hints"])),
        re.compile(data["styles"]),
        re.compile(f"{data['sure']}|{data['alone_told']}"),
        re.compile(rf"(\s{{0,8}})(?:{marks})(?:\s{{0,8}}(?:{marks}))*(\s{{0,8}})"),
    )


def strip_watermarks(series: pl.Series, rules: Watermarks) -> pl.Series:
    """Texts without the marks of a board; the halves of a word or of a sentence that one stood between are joined."""
    rows = np.flatnonzero(series.str.contains(rules.hints).fill_null(False).to_numpy())
    found = [(row, old, _stripped(old, rules)) for row, old in zip(rows.tolist(), series.gather(rows).to_list())]
    found = [f for f in found if f[1] != f[2]]
    return series.clone().scatter([f[0] for f in found], [f[2] for f in found]) if found else series


def _stripped(text: str, rules: Watermarks) -> str:
    """One text without marks and styles, which tell of marks, too."""
    bare = rules.styles.sub("", text)
    return rules.marks.sub(_joined, bare) if bare != text or rules.told.search(bare) else text


def _joined(mark: re.Match[str]) -> str:
    """What stays between the text before a mark and the one behind it."""
    text, start, end = mark.string, mark.start(), mark.end()
    left, right = mark[1], mark[2]
    if not left or not right or not start or end == len(text):
        return "" if not start or end == len(text) else left + right
    before, behind = text[start - 1], text[end]
    if "\n" in left and "\n" in right and (STOPS.match(before) or OPENS.match(behind)):
        return "\n"
    return "" if WIDE.match(before) or WIDE.match(behind) else " "
