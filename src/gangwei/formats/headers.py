"""What a column's header says: header words first, then patterns for headers that nobody has listed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from gangwei.formats.tells import Tells, load_tells

if TYPE_CHECKING:
    from gangwei.codebook import Codebook

CLASSES = ("occupation", "industry", "employment_type")
KEYS = re.compile(r"(?<=\.)\d+\.")
"""Numbers of records within a path (hr.7123.name): as many headers as records, of which each says the same."""
NUMBERED = re.compile(r"(?<=\w\w)[_ #-]?\d{1,2}$")
NAMES = ("title", "company")
UNIT = re.compile(r"[(（\[【][^()（）\[\]【】]*[)）\]】]")
EXACT, TRIMMED, WORDS = 0, 1, 2
MISSPELT = 6
SEVERAL = 3
REMARK = 12
REMEMBERED = 10_000
LONGEST = 1_000
"""Characters beyond which a cell is no header; the patterns are not made for whole ad texts."""


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
    tells: Tells
    sounds: dict[str, str] = field(default_factory=dict)
    """Words in the spelling of their sounds, and the same in characters; longer words first."""
    _asked: dict[str, Claim | None] = field(default_factory=dict, repr=False, compare=False)

    def listed(self, header: str) -> Claim | None:
        """What the list says, for the whole header only."""
        hit = self.words.get(normal(header)) or self.words.get(normal(UNIT.sub("", header)))
        return Claim(EXACT, *hit) if hit else None

    def claim(self, header: str) -> Claim | None:
        """The field a header asks for; 'job.company.name' is also read as 'company.name' and 'name'.

        The name inside an object stands for the object ('city_info.name' is the city), and nothing inside an object of a
        person counts. Keywords of linked data (@type, @context) are never values.
        """
        if len(header) > LONGEST:
            return None
        header = KEYS.sub("", header)
        if header not in self._asked:
            if len(self._asked) >= REMEMBERED:
                self._asked.clear()
            self._asked[header] = self._claim(header)
        return self._asked[header]

    def stems(self, names: Sequence[str]) -> dict[str, str]:
        """Headers that say nothing, without what all headers begin with (jname, jcompany, jmoney), where the rest is listed."""
        at = next((i for i, letters in enumerate(zip(*names)) if len(set(letters)) > 1), 0)
        rest = {n: n[at:] for n in names if at and self.listed(n[at:])}
        return {n: r for n, r in rest.items() if self.claim(n) is None} if len(rest) >= SEVERAL else {}

    def remarked(self, remarks: Mapping[str, str]) -> dict[str, str]:
        """Headers that are not listed, with what is remarked on each, where the header does not tell or the remark is listed for the
        same field: remarks may be those of another column. A number of persons, by its remark, is no key."""
        named = {n: self.tells.choices.sub(r"\1", r) for n, r in remarks.items()}
        told = {n: named[n] if self.claim(named[n]) else r for n, r in remarks.items()}
        return {n: r for n, r in told.items() if r and (self._open(n, r) or self._counted(n, r))}

    def _open(self, header: str, remark: str) -> bool:
        return self.listed(header) is None and self._agrees(self.claim(header), remark)

    def _counted(self, header: str, remark: str) -> bool:
        own, told = self.listed(header), self.listed(remark)
        return own is not None and told is not None and (own.field, told.field) == ("source_key", "headcount")

    def _agrees(self, own: Claim | None, remark: str) -> bool:
        told = self.listed(remark)
        if own is None:
            return told is not None or len(remark) <= REMARK
        if told is None:
            return False
        of_text = told.field == "description" and own.field in NAMES  # position_desc
        return of_text or told.field.partition("_m")[0] == own.field.partition("_m")[0]  # pay and its bounds

    def spelled_out(self, names: Sequence[str]) -> set[str]:
        """Headers beside which the same stands with a name, as codes do (category beside category_cn)."""
        plain = {normal(n): n for n in names}
        return {plain[short] for key in plain if (short := self.tells.tail.sub("", key)) != key and short in plain}

    def of_codes(self, names: Sequence[str]) -> dict[str, str]:
        """Texts of objects that have a code, too (specialty.description beside specialty.code), with the name of the object: each
        is the name of what is coded, and no text of an ad."""
        held = [(n, *n.rpartition(".")[::2]) for n in names]
        coded = {holder for _, holder, last in held if holder and self.tells.code_of.search(last)}
        return {n: holder for n, holder, last in held if holder in coded and self.tells.text_of.search(last)}

    def _claim(self, header: str) -> Claim | None:
        """What the header asks for: as it is listed, without its unit, by its last parts, by words within it; see `claim`."""
        if header.rpartition(".")[2].startswith("@"):
            return Claim(WORDS, 0, "ignore")
        if (hit := self.listed(header)) is not None:
            return hit
        plain = normal(UNIT.sub("", header)) or normal(header)
        found = self._fitting(plain)
        nested = [p for p in re.split(r"\.|__", UNIT.sub("", header)) if normal(p)]  # a slash stands for 'and'
        for at in range(len(nested)):
            inner = self._fitting(normal(".".join(nested[at:]))) if at else found
            if inner is not None and inner.field == "ignore":
                return inner
        if any(map(self.tells.persons.search, nested[:-1])):
            return Claim(WORDS, 0, "ignore")
        parts = [p for p in re.split(r"[./]|__", UNIT.sub("", header)) if normal(p)]
        for at in range(1, len(parts)):
            if (
                at == len(parts) - 1
                and self.tells.name_of.search(parts[at])
                and (held := self._held(parts[at - 1])) is not None
            ):
                return Claim(TRIMMED, held.rank + len(self.words), held.field)
            if at == len(parts) - 1 and self.tells.name_of.search(parts[at]) and found is not None:
                return found
            held = self._held(parts[at - 1]) if at == len(parts) - 1 and self.tells.text_of.search(parts[at]) else None
            if held is not None and held.field in CLASSES:  # the text of a class of jobs is its name
                return Claim(TRIMMED, held.rank + len(self.words), held.field)
            if word := self.words.get(normal(".".join(parts[at:]))):
                return Claim(TRIMMED, word[0] + at * len(self.words), word[1])
        for at in range(len(parts)):
            key = normal(".".join(parts[at:]))
            while (short := self.tells.tail.sub("", key)) and short != key:
                word = self.words.get(short)
                if word and not (key.endswith("label") and word[1] in NAMES):
                    return Claim(TRIMMED, word[0] + at * len(self.words), word[1])
                key = short
        last = self._fitting(normal(parts[-1])) if len(parts) > 1 else None
        if (bare := NUMBERED.sub("", header)) != header and not (found or last):
            again = self.claim(bare)
            return again and Claim(max(again.strength, TRIMMED), again.rank, again.field)
        if not (found or last) and (short := self.tells.tail.sub("", plain)) and short != plain:
            last = self._fitting(short)
        bare = normal(self.tells.short_kind.sub("", header.lower()))
        if found or last or (zh := self._in_characters(plain) or self._in_characters(bare)) is None:
            return found or last or self._misspelt(plain)
        said = self.claim(zh)
        return said and Claim(WORDS, said.rank, said.field)

    def _in_characters(self, plain: str) -> str | None:
        """A header spelled by its sounds, in characters (gongzuodidian: 工作地点)."""
        out, rest = "", plain
        while rest:
            word = next((w for w in self.sounds if rest.startswith(w)), None)
            if word is None:
                return None
            out, rest = out + self.sounds[word], rest[len(word) :]
        return out or None

    def _misspelt(self, plain: str) -> Claim | None:
        """A listed word of Latin letters with one letter too many, missing, wrong or at the place of its neighbour."""
        if len(plain) < MISSPELT or not (plain.isascii() and plain.isalpha()):
            return None
        near = (w for w in self.words if abs(len(w) - len(plain)) <= 1 and w[0] == plain[0] and one_apart(w, plain))
        hit = min((self.words[w] for w in near), default=None)
        return hit and Claim(WORDS, hit[0], hit[1])

    def _held(self, holder: str) -> Claim | None:
        """What an object is, from the key that holds it."""
        for name in (self.tells.holder.sub("", holder), holder):
            if normal(name) and (hit := self.listed(name) or self._fitting(normal(name))) is not None:
                return hit
        return None

    def _fitting(self, plain: str) -> Claim | None:
        for rank, (pattern, target) in enumerate(self.patterns):
            if pattern.search(plain):
                return Claim(WORDS, rank, target)
        return None


def one_apart(a: str, b: str) -> bool:
    """One letter added, left out, replaced or swapped with the next makes one word of the other."""
    if len(a) > len(b):
        a, b = b, a
    at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), len(a))
    if len(a) < len(b):
        return a[at:] == b[at + 1 :]
    return a[at + 1 :] == b[at + 1 :] or (a[at : at + 2] == b[at : at + 2][::-1] and a[at + 2 :] == b[at + 2 :])


def normal(header: str) -> str:
    """A header for comparison: NFKC, lower case, letters and digits only."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", header).casefold())


def load_headers(book: Codebook) -> Headers:
    """`sources/headers.csv` (id, field, language, reason), `sources/header_words.csv` (id, field, pattern, reason) and
    `sources/pinyin.csv` (id, zh, reason)."""
    words: dict[str, tuple[int, str]] = {}
    for rank, row in enumerate(book.rows("sources/headers.csv")):
        words.setdefault(normal(row["id"]), (rank, row["field"]))
    patterns = tuple((re.compile(r["pattern"]), r["field"]) for r in book.rows("sources/header_words.csv"))
    sounds = {r["id"]: r["zh"] for r in book.rows("sources/pinyin.csv")}
    return Headers(words, patterns, load_tells(book), dict(sorted(sounds.items(), key=lambda s: -len(s[0]))))
