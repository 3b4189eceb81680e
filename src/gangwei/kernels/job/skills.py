"""Skills that an ad asks for, by the words of `definitions/skills.csv`, with public identifiers where one exists.

Only AI ads are read (any tier, or an AI term anywhere): they are a few in a hundred, and skills of all ads would cost more
than the classifier. The company's blurb, its benefits and contacts ask for nothing and are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numba import njit
from numpy.typing import NDArray

from gangwei.codebook import Codebook
from gangwei.kernels.job.occupation import WordRules, compile_words, word_places
from gangwei.kernels.strings import from_buffers, listed, string_spans

ASKING = ("duties", "requirements", "tags", "other")


@dataclass(frozen=True)
class SkillRules:
    """Words of skills, the skill of each word by its place in `ids`, and the ids in their order."""

    words: WordRules
    skill: NDArray[np.int64]
    ids: pl.Series


def compile_skills(book: Codebook) -> SkillRules:
    """Compile skills.csv."""
    rows = book.rows("skills.csv")
    ids = pl.Series("skill_id", sorted(r["id"] for r in rows), dtype=pl.String)
    words = compile_words([{"pattern": r["aliases"], "value": r["id"]} for r in rows], "value")
    at = {skill: i for i, skill in enumerate(ids)}
    return SkillRules(words, np.array([at[v] for v in words.table["value"]], np.int64), ids)


def identifiers(book: Codebook) -> pl.DataFrame:
    """skill_id, scheme and public identifier of each skill of skills.csv."""
    rows = [(r["id"], r["scheme"] or None, r["identifier"] or None) for r in book.rows("skills.csv")]
    return pl.DataFrame(rows, dict.fromkeys(("skill_id", "scheme", "identifier"), pl.String), orient="row")


def skills_of(texts: pl.Series, rules: SkillRules) -> tuple[NDArray[np.int64], pl.Series]:
    """The row and the id of each distinct skill in each lower-cased text, in the order of rows and ids."""
    rows, _, words = word_places(texts, rules.words)
    found = np.unique(rows * np.int64(len(rules.ids)) + rules.skill[words])
    row, skill = np.divmod(found, max(1, len(rules.ids)))
    return row, rules.ids[skill]


def skill_lists(ads: pl.DataFrame, asks: NDArray[np.bool_], rules: SkillRules) -> pl.Series:
    """The ids of the skills that each ad asks for, empty where `asks` is false.

    Args:
        ads: title, tags, text and sections.
    """
    mine = np.flatnonzero(asks)
    row, ids = skills_of(asked(ads[mine]), rules)
    return listed(ids, np.bincount(mine[row], minlength=asks.size))


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _put(out: Any, o: Any, first: Any, data: Any, a: Any, b: Any) -> Any:
    """Write data[a:b] behind out[:o], A to Z lowered, after a line break unless out[:o] ends at `first`."""
    if o > first:
        out[o] = 10
        o += 1
    to, first_byte = np.uint64(o), np.uint64(a)
    for i in range(np.uint64(b - a)):  # unsigned, so that no negative index is looked for and many bytes go at once
        c = data[first_byte + i]
        out[to + i] = c + np.uint8(32) * np.uint8((c >= 65) & (c <= 90))
    return o + b - a


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _asked(title: Any, tags: Any, text: Any, starts: Any, ends: Any, at: Any) -> Any:
    """Bytes and offsets of the lines title, tags and the spans of the text, in characters, lowered; empty ones left out."""
    n = at.size - 1
    room = starts.size + 4 * n
    for _, span in (title, tags, text):
        for r in range(n):
            room += span[r, 1] - span[r, 0]
    out, out_off = np.empty(room, np.uint8), np.zeros(n + 1, np.int64)
    data, span = text
    o = np.int64(0)
    for r in range(n):
        first = o
        for own, own_span in (title, tags):
            if own_span[r, 1] > own_span[r, 0]:
                o = _put(out, o, first, own, own_span[r, 0], own_span[r, 1])
        i, char = span[r, 0], 0
        for s in range(at[r], at[r + 1]):
            begin = i
            for bound in (starts[s], ends[s]):
                begin = i
                while char < bound and i < span[r, 1]:
                    lead = data[i]
                    i += 1 + (lead >= 0xC0) + (lead >= 0xE0) + (lead >= 0xF0)
                    char += 1
            if i > begin:
                o = _put(out, o, first, data, begin, i)
        out_off[r + 1] = o
    return out[:o], out_off


def asked(ads: pl.DataFrame) -> pl.Series:
    """What each ad asks for in words, A to Z lowered: title, tags, and the sections of its text that ask."""
    sections = ads["sections"]
    spans = sections.filter(sections.list.len() > 0).explode().struct.unnest()
    asks = spans["kind"].is_in(ASKING).to_numpy()
    before = np.concatenate([[0], np.cumsum(asks)])
    at = before[np.concatenate([[0], np.cumsum(sections.list.len().fill_null(0).to_numpy(), dtype=np.int64)])]
    starts, ends = (spans[c].to_numpy()[asks].astype(np.int64) for c in ("start", "end"))
    return from_buffers("asked", *_asked(*(string_spans(ads[c]) for c in ("title", "tags", "text")), starts, ends, at))


def skill_rows(ads: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """The table `skills` of a part: ad_id, skill_id, scheme, identifier.

    Args:
        ads: ad_id and skills, ids.
        known: scheme and identifier of each skill_id.
    """
    found = ads.select("ad_id", skill_id="skills").filter(pl.col("skill_id").list.len() > 0).explode("skill_id")
    return found.join(known, on="skill_id", maintain_order="left")
