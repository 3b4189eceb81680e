"""What a column's header says: header words first, then patterns for headers that nobody has listed."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from gangwei.codebook import Codebook

TAIL = re.compile(r"(?:name|string|str|desc|text|value|display|label|zh|cn|raw)$")
UNIT = re.compile(r"[(（\[【][^()（）\[\]【】]*[)）\]】]")
EXACT, TRIMMED, WORDS = 0, 1, 2


class Claim(NamedTuple):
    """A field a header asks for; the lower, the stronger."""

    strength: int
    rank: int
    field: str


@dataclass(frozen=True)
class Headers:
    """Listed header words (normalised header to (rank, field)) and the patterns behind them."""

    words: dict[str, tuple[int, str]]
    patterns: tuple[tuple[re.Pattern[str], str], ...]

    def listed(self, header: str) -> Claim | None:
        """What the list says, for the whole header only."""
        hit = self.words.get(normal(header)) or self.words.get(normal(UNIT.sub("", header)))
        return Claim(EXACT, *hit) if hit else None

    def claim(self, header: str) -> Claim | None:
        """The field a header asks for; 'job.company.name' is also read as 'company.name' and 'name'.

        Keywords of linked data (@type, @context) are never values.
        """
        if header.rpartition(".")[2].startswith("@"):
            return Claim(WORDS, 0, "ignore")
        if (hit := self.listed(header)) is not None:
            return hit
        plain = normal(UNIT.sub("", header)) or normal(header)
        found = self._fitting(plain)
        if found is not None and found.field == "ignore":
            return found
        parts = [p for p in re.split(r"[./]", UNIT.sub("", header)) if normal(p)]
        for at in range(1, len(parts)):
            if word := self.words.get(normal(".".join(parts[at:]))):
                return Claim(TRIMMED, word[0] + at * len(self.words), word[1])
        for at in range(len(parts)):
            key = normal(".".join(parts[at:]))
            while (short := TAIL.sub("", key)) and short != key:
                if word := self.words.get(short):
                    return Claim(TRIMMED, word[0] + at * len(self.words), word[1])
                key = short
        return found

    def _fitting(self, plain: str) -> Claim | None:
        for rank, (pattern, target) in enumerate(self.patterns):
            if pattern.search(plain):
                return Claim(WORDS, rank, target)
        return None


def normal(header: str) -> str:
    """A header for comparison: NFKC, lower case, letters and digits only."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", header).casefold())


def load_headers(book: Codebook) -> Headers:
    """`sources/headers.csv` (id, field, language, reason) and `sources/header_words.csv` (id, field, pattern, reason)."""
    words: dict[str, tuple[int, str]] = {}
    for rank, row in enumerate(book.rows("sources/headers.csv")):
        words.setdefault(normal(row["id"]), (rank, row["field"]))
    patterns = tuple((re.compile(r["pattern"]), r["field"]) for r in book.rows("sources/header_words.csv"))
    return Headers(words, patterns)
