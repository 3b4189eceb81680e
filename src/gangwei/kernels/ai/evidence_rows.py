"""From the arrays of the scorer to the list columns of `stage_tables.CLASSIFIED`: terms, subfields, evidence rows."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from gangwei.kernels.ai import evidence, score_tables
from gangwei.kernels.ai import hits as h
from gangwei.kernels.strings import listed
from gangwei.schema import AI_SUBFIELDS

TERM_TIERS = [evidence.TIERS.index(t) for t in ("builder_strong", "builder_weak", "adjacent", "user", "mention")]
_OWN_TIER = np.isin(np.arange(len(evidence.TIERS)), TERM_TIERS)
_OWN_PLACE = np.isin(h.LOCATIONS, ("title", "duties", "requirements", "other"))
_REASONS = [f"{t}/{c}" for t in evidence.TIERS for c in h.CONTEXTS]


def subfields(scores: NDArray[np.float32], tier: NDArray[np.int8]) -> pl.Series:
    """Subfields of builder and adjacent ads: all above zero, else the highest."""
    rows = np.flatnonzero(tier < 2)
    scores = scores[rows]
    on = scores > 0
    bare = np.flatnonzero(~on.any(1))
    on[bare, np.argmax(scores[bare], 1)] = True
    names = pl.Series(AI_SUBFIELDS)[np.nonzero(on)[1]]
    counts = np.zeros(len(tier), np.int64)
    counts[rows] = on.sum(1)
    return listed(names, counts)


def terms(hits: NDArray[np.int32], row: NDArray[np.int32], rows: int, rule_ids: list[str]) -> pl.Series:
    """Distinct terms in title, duties, requirements or text without sections, in order of first appearance."""
    code = hits[:, 4]
    ok = (code >= 0) & _OWN_TIER[code // 5] & (code % 5 != 4) & _OWN_PLACE[hits[:, 3]]
    pair = row[ok].astype(np.int64) * len(rule_ids) + hits[ok, 0]
    _, at = np.unique(pair, return_index=True)
    pair = pair[np.sort(at)]
    names = pl.Series(rule_ids)[pair % len(rule_ids)]
    return listed(names, np.bincount(pair // len(rule_ids), minlength=rows))


def features(
    tier: NDArray[np.int8], why: NDArray[np.float32], which: NDArray[np.int32], names_of: list[str]
) -> pl.DataFrame:
    """Evidence that is not one term: n-grams of title and text, and the largest other features, of ads with a tier."""
    shown = np.flatnonzero(tier < 3)
    row, column = np.nonzero(np.abs(why[shown]) > 0.05)
    row = shown[row]
    named = column >= score_tables.GRAMS
    index = np.where(named, which[row, np.maximum(column - score_tables.GRAMS, 0)], len(names_of) + column)
    names = pl.Series([*names_of, "title_ngrams", "text_ngrams", "phrase_ngrams"])
    title = (column == 0) | (named & (index < evidence.AT_COUNT))
    return pl.DataFrame(
        {
            "row": row.astype(np.int64),
            "decision": pl.repeat("ai_feature", len(row), dtype=pl.String, eager=True),
            "reason_id": pl.Series(["ngrams", "feature"])[named.astype(np.int64)],
            "rule_id": names[index],
            "field": pl.Series(["text", "title"])[title.astype(np.int64)],
            "start": pl.Series([None] * len(row), dtype=pl.Int32),
            "end": pl.Series([None] * len(row), dtype=pl.Int32),
            "score": np.round(why[row, column].astype(np.float64), 4),
        }
    )


def rows_of_evidence(
    hits: NDArray[np.int32],
    row: NDArray[np.int32],
    score: NDArray[np.float32],
    more: pl.DataFrame,
    rows: int,
    rule_ids: list[str],
) -> pl.Series:
    """Evidence rows; reason_id is tier/context@location for AI terms and the strength of a signal word.

    Terms of the tags, which are not published, have no characters.
    """
    code, where = hits[:, 4], hits[:, 3]
    signal_code = -code
    layer = np.where(code >= 0, 0, signal_code)
    decision = pl.Series(["ai_term", "", "surveillance", "defence", "", "surveillance"])[layer]
    spots = [f"{r}@{s}" for r in _REASONS for s in h.LOCATIONS] + [f"word@{s}" for s in h.LOCATIONS]
    reason = pl.Series(spots)[np.where(code >= 0, code * 6 + where, len(_REASONS) * 6 + where)]
    beside = hits[:, 1] < 0
    spans = pl.DataFrame({"start": hits[:, 1], "end": hits[:, 2]}).with_columns(
        pl.when(pl.lit(pl.Series(~beside))).then(pl.col("start", "end"))
    )
    frame = pl.DataFrame(
        {
            "row": row.astype(np.int64),
            "decision": decision,
            "reason_id": reason,
            "rule_id": pl.Series(rule_ids)[hits[:, 0]],
            "field": pl.Series(["text", "title", "tags"])[np.where(beside, 2, where == 0).astype(np.int64)],
            "start": spans["start"],
            "end": spans["end"],
            "score": np.round(score[: len(hits)].astype(np.float64), 4),
        }
    )
    frame = frame.vstack(more)
    at = frame.drop_in_place("row").to_numpy()
    counts = np.bincount(at, minlength=rows)
    return listed(frame[np.argsort(at, kind="stable")].to_struct("hits"), counts)
