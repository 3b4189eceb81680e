"""Occupation and industry from words: one automaton over distinct strings, the best-scored word decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numba import njit
from numpy.typing import NDArray

from gangwei.kernels.clean.trie import Trie, build, every, in_word
from gangwei.kernels.shapeless import SHAPELESS
from gangwei.kernels.strings import string_spans

if TYPE_CHECKING:
    from gangwei.codebook import Codebook

TITLE_CHARS = 120  # of a title are read, here and for the other facts
_BRACKETS = r"[（(\[【{《<][^（(\[【{《<）)\]】}》>]*[）)\]】}》>]"
_TO_MARK = r"[^\s+＋/、，,（(\-]*"


@dataclass(frozen=True)
class WordRules:
    """Words with what they stand for, their UTF-8 lengths and their trie."""

    table: pl.DataFrame
    sizes: NDArray[np.int64]
    trie: Trie


@dataclass(frozen=True)
class Removal:
    """A pattern that is replaced in texts which hold one of the flags."""

    flags: list[str]
    pattern: str
    value: str

    def __call__(self, texts: pl.Series) -> pl.Series:
        """The texts without it."""
        rows = texts.str.contains_any(self.flags).arg_true()
        if not len(rows):
            return texts
        return texts.scatter(rows, texts.gather(rows).str.replace_all(self.pattern, self.value))


@dataclass(frozen=True)
class OccupationRules:
    """Compiled words for titles and industries (field and employer name), and what of a title comes off before, in order."""

    title: WordRules
    industry: WordRules
    trade: WordRules
    removals: tuple[Removal, ...]
    other_industries: str
    not_industries: tuple[str, ...]


def compile_words(rows: list[dict[str, str]], value: str) -> WordRules:
    seen: dict[str, tuple[str, int, str | None]] = {}
    for r in rows:
        for word in r["pattern"].lower().split("|"):
            if word and word not in seen:
                seen[word] = (r[value], int(r.get("priority") or 5), r.get("isco08") or None)
    table = pl.DataFrame(
        {
            "word_no": pl.Series(range(len(seen)), dtype=pl.UInt32),
            "value": [v for v, _, _ in seen.values()],
            "isco08": pl.Series([i for _, _, i in seen.values()], dtype=pl.String),
            "priority": pl.Series([p for _, p, _ in seen.values()], dtype=pl.Int32),
            "length": pl.Series([len(w) for w in seen], dtype=pl.Int32),
            "bytes": pl.Series([len(w.encode()) for w in seen], dtype=pl.Int64),
        }
    )
    return WordRules(table, table["bytes"].to_numpy(), build((word, i) for i, word in enumerate(seen)))


def compile_occupations(book: Codebook) -> OccupationRules:
    """Compile occupations.csv, title_core.toml, industries.csv and industry_field.toml."""
    core, field = book.toml("title_core.toml"), book.toml("industry_field.toml")
    hiring, offers, opening = (core[k] for k in ("hiring", "offers", "opening"))
    industries = book.rows("industries.csv")
    return OccupationRules(
        title=compile_words(book.rows("occupations.csv"), "code"),
        industry=compile_words([r for r in industries if r["field"] in ("industry", "any")], "section"),
        trade=compile_words([r for r in industries if r["field"] in ("employer", "any")], "section"),
        removals=(
            Removal(list("（([【{《<"), _BRACKETS, " "),
            Removal(hiring, rf"^.{{2,}}?(?:{'|'.join(hiring)})(.{{2,}})$", "${1}"),
            Removal([*offers, *opening], rf"{'|'.join(offers)}|(?:{'|'.join(opening)}){_TO_MARK}", " "),
        ),
        other_industries=field["others"],
        not_industries=tuple(field["not_one"]),
    )


def find_words(texts: pl.Series, rules: WordRules) -> pl.DataFrame:
    """All words of the rules in each text, overlapping ones too.

    Args:
        texts: lower-cased strings, no nulls.

    Returns:
        row (UInt32), start (byte offset), and the columns of `rules.table`; Latin words inside longer ASCII words left out.
    """
    rows, starts, numbers = word_places(texts, rules)
    return pl.DataFrame({"row": rows, "start": starts}).hstack(rules.table[numbers])


def word_places(texts: pl.Series, rules: WordRules) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """The row, byte offset and number in `rules.table` of each word that `find_words` finds."""
    trie, buffers = rules.trie, string_spans(texts)
    rows, starts, numbers = every(*buffers, *trie.long_arrays, trie.first, trie.pair_bits)
    whole = _ended(*buffers, rows, starts, rules.sizes[numbers])
    return rows[whole], starts[whole], numbers[whole]


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _ended(data: Any, span: Any, rows: Any, starts: Any, sizes: Any) -> Any:
    """Whether each word (row, first byte, bytes) does not end inside of an ASCII word."""
    out = np.ones(rows.size, np.bool_)
    for i in range(rows.size):
        b = span[rows[i], 0] + np.int64(starts[i]) + np.int64(sizes[i])
        out[i] = not (b < span[rows[i], 1] and in_word(data[b - 1]) and in_word(data[b]))
    return out


def _best(texts: pl.Series, rules: WordRules, position: int) -> pl.DataFrame:
    """What the best word in each text stands for: value, isco08, and agreed (no word outside it has another value), or nulls.

    Score: priority, then length, then position (`position` +1 prefers later words, -1 earlier ones); the last tie-break is
    the order of the rules.
    """
    hits = (
        find_words(texts, rules)
        .with_columns(
            (
                pl.col("priority") * 15
                + pl.col("length").clip(0, 8) * 10
                + position * (pl.col("start").cast(pl.Int32) + pl.col("bytes").cast(pl.Int32)).clip(0, 90)
            ).alias("score")
        )
        .sort("row", "score", "word_no", descending=[False, True, False], maintain_order=True)
        .select("row", "value", "isco08", "start", end=pl.col("start").cast(pl.Int64) + pl.col("bytes"))
    )
    new = hits.select(pl.col("row").ne_missing(pl.col("row").shift())).to_series()
    best = hits.filter(new)
    chosen = best.select("value", "start", "end")[(new.cum_sum() - 1).cast(pl.UInt32)]
    outside = (hits["start"] < chosen["start"]) | (hits["end"] > chosen["end"])
    against = hits["row"].filter((hits["value"] != chosen["value"]) & outside)
    best = best.select("row", "value", "isco08", agreed=~pl.col("row").is_in(against.implode()))
    rows = pl.DataFrame({"row": pl.Series(range(len(texts)), dtype=pl.UInt32)})
    return rows.join(best, on="row", how="left", maintain_order="left").drop("row")


def title_core(titles: pl.Series, rules: OccupationRules) -> pl.Series:
    """The part of a title that names the work: lower case, no brackets, benefits, or 'X招聘' in front."""
    core = titles.fill_null("").str.slice(0, 80).str.to_lowercase()
    for removed in rules.removals:
        core = removed(core)
    return core.str.strip_chars()


def _by_distinct(values: pl.Series, decide: Callable[[pl.Series], pl.DataFrame]) -> pl.DataFrame:
    distinct = values.unique(maintain_order=True)
    decided = decide(distinct).with_columns(distinct.alias("k"))
    joined = pl.DataFrame({"k": values}).join(decided, on="k", how="left", nulls_equal=True, maintain_order="left")
    return joined.drop("k")


def occupation_of(titles: pl.Series, rules: OccupationRules) -> pl.DataFrame:
    """Occupation of each title; the core decides, the whole title only when it is silent.

    Returns:
        code: sub-major group ('2-02') or null. isco08: ISCO-08 unit group of the word that decided, or null where the
        list names none. agreed: every occupation word of the core, but for those inside the deciding one, names that
        group; false where words disagree or only the whole title speaks; null without a code.
    """

    def decide(distinct: pl.Series) -> pl.DataFrame:
        core = _best(title_core(distinct, rules), rules.title, 1)
        silent = core["value"].is_null()
        if silent.any():
            whole = _best(distinct.fill_null("").str.slice(0, 80).str.to_lowercase(), rules.title, 1)
            core = core.with_columns(
                *(pl.when(silent).then(whole[c]).otherwise(c).alias(c) for c in ("value", "isco08")),
                pl.when(silent)
                .then(pl.when(whole["value"].is_not_null()).then(False))
                .otherwise("agreed")
                .alias("agreed"),
            )
        return core.rename({"value": "code"})

    return _by_distinct(titles, decide)


def industry_of(industries: pl.Series, companies: pl.Series, rules: OccupationRules) -> pl.Series:
    """Section letter of GB/T 4754-2017: from the industry field (first named), else from trade words of the employer."""

    def by_field(distinct: pl.Series) -> pl.DataFrame:
        whole = (
            distinct.fill_null("")
            .str.slice(0, TITLE_CHARS)
            .str.replace_all(SHAPELESS, "")
            .str.to_lowercase()
            .str.strip_chars()
        )
        whole = whole.set(whole.is_in(rules.not_industries), "")
        first = whole.str.replace(rules.other_industries, "${1}")
        found = [_best(texts, rules.industry, -1)["value"] for texts in (first, whole)]
        return pl.select(value=pl.coalesce(*found))

    def by_name(distinct: pl.Series) -> pl.DataFrame:
        return _best(
            distinct.fill_null("").str.slice(0, 80).str.replace_all(SHAPELESS, "").str.to_lowercase(), rules.trade, 1
        )

    field = _by_distinct(industries, by_field)["value"]
    name = _by_distinct(companies, by_name)["value"]
    return pl.select(pl.coalesce(field, name)).to_series()
