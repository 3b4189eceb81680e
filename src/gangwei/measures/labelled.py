"""Shares corrected by labels: what people said of a probability sample, carried to every group by prediction-powered inference.

Labels are those that `gangwei label` left in `DIR/labels/`, or one reader's file of them, drawn from the openings of the
dataset, or a file of one's own (JSON lines or CSV) drawn from ads: `record_id` (= source_key) or `ad_id`, `ai_tier`, and `weight` or `stratum_population`
and `stratum_sample`. The strata of the estimate are the classes of the classifier, known for every opening
(`frame.LABEL_CLASSES`). A group whose own labels are too few in a class borrows the labels of that class from all groups:
its `borrowed` says for what share of its openings, since that takes the classifier to err there as it does elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from gangwei import intervals
from gangwei import vocabulary as vocab
from gangwei.frame.check import DatasetError
from gangwei.frame.columns import LABEL_CLASSES
from gangwei.frame.dataset import FACT, Dataset
from gangwei.intervals import Estimate, Floats
from gangwei.label_lines import own_lines, read_label_lines
from gangwei.measures import grouping
from gangwei.measures.ppi import Between, Stratum, ppi_share, stratum_share
from gangwei.schema import AI_TIERS
from gangwei.store import StoreError

if TYPE_CHECKING:
    from gangwei.measures.answer import Scope

SCORE = 10000
NEEDED = ("ai_tier",)
PAGE = {"ad_id", "reader", "stratum", "stratum_population"}  # columns that tell a file of `gangwei label`
COLUMNS: dict[str, type[pl.DataType]] = {
    "corrected": pl.Float64, "corrected_low": pl.Float64, "corrected_high": pl.Float64, "corrected_n_eff": pl.Float64,
    "labels": pl.Int64, "borrowed": pl.Float64,
}  # fmt: skip


@dataclass(frozen=True)
class Corrected:
    """A share corrected by labels. `labels`: openings of the group that were labelled; `borrowed`: the part of its
    openings whose class has too few labels of its own; `bounded`: the part whose class has too few anywhere; `covers`: the labels stand for nine tenths of the dataset or more.
    `readers`: how many people read them, 0 where the file does not say; `file`: the name of a file that was given."""

    estimate: Estimate
    labels: int
    borrowed: float
    bounded: float = 0.0
    covers: bool = True
    readers: int = 0
    file: str | None = None

    def row(self) -> dict[str, float | int | None]:
        """The columns of a row of a result."""
        e = self.estimate
        return {
            "corrected": e.value, "corrected_low": e.low, "corrected_high": e.high, "corrected_n_eff": e.n_eff,
            "labels": self.labels, "borrowed": self.borrowed,
        }  # fmt: skip


def _own(folder: Path) -> pl.DataFrame | None:
    """Labels of `gangwei label`: each reader's last word on each ad; weight by stratum."""
    try:
        lines = [r for p in sorted(folder.glob("*.jsonl")) for r in own_lines(p)]
    except StoreError as e:
        raise DatasetError(f"labels: {e}") from None
    last = {(r["reader"], r["ad_id"]): r for r in lines}
    if not last:
        return None
    given = pl.DataFrame(
        [{k: r[k] for k in ("ad_id", "ai_tier", "reader", "stratum", "stratum_population")} for r in last.values()]
    )
    return given.with_columns(weight=pl.col("stratum_population") / pl.col("ad_id").n_unique().over("stratum"))


def _file(path: Path) -> pl.DataFrame:
    try:
        given = read_label_lines(path)
    except StoreError as e:
        raise DatasetError(f"labels: {e}") from None
    if missing := [c for c in NEEDED if c not in given.columns]:
        raise DatasetError(f"{path.name}: labels need the column {', '.join(missing)}")
    if not {"record_id", "ad_id"} & set(given.columns):
        raise DatasetError(f"{path.name}: labels need the column record_id (= source_key) or ad_id")
    if "weight" not in given.columns:
        raise DatasetError(f"{path.name}: labels need weight, or stratum_population and stratum_sample")
    return given


def _table(ds: Dataset) -> bool:
    """Make the table `labelled` (row_no, weight, strict, related, broad) once; False when the dataset has no labels.

    Raises:
        DatasetError: a file of labels that lacks a column, or of which no ad is in the dataset.
    """
    with ds.lock:
        if "labelled" in ds.tables_made:
            return True
        if "no_labels" in ds.tables_made:
            return False
        given = _own(ds.published.parent / "labels") if ds.label_file is None else _file(ds.label_file)
        if given is None:
            ds.tables_made.add("no_labels")
            return False
        own = set(given.columns) >= PAGE
        ds.label_readers = given["reader"].n_unique() if "reader" in given.columns else 0
        key = "ad_id" if "ad_id" in given.columns else "record_id"
        given = given.filter(pl.col("ai_tier").replace("mention", "none").is_in(AI_TIERS) & (pl.col("weight") > 0))
        cur = ds.cursor()
        # Of one key that names several ads, the first; an ad stands for its opening, drawn as often as it has ads.
        found = cur.execute(
            f"SELECT CAST(a.{'ad_id' if key == 'ad_id' else 'source_key'} AS VARCHAR) AS key, "
            "min_by(r.file_row_number, a.ad_id) AS row_no, min_by(o.n_ads, a.ad_id) AS n_ads "
            "FROM ads a JOIN openings o ON o.opening_id = a.opening_id JOIN ads r ON r.ad_id = o.ad_id "
            f"WHERE list_contains($keys, a.{'ad_id' if key == 'ad_id' else 'source_key'}) GROUP BY 1",
            {"keys": given[key].cast(pl.String).to_list()},
        ).pl()
        part = pl.lit(1.0) if own else 1.0 / pl.col("n_ads")
        tier = pl.col("ai_tier")
        rows = (
            given.with_columns(key=pl.col(key).cast(pl.String)).join(found, on="key")
            .sort("row_no", "key", "ai_tier")
            .with_columns(weight=pl.col("weight") * part)
            .with_columns(**{d: tier.is_in(tiers).cast(pl.Float64) for d, tiers in vocab.DEFINITIONS.items() if tiers})
            .group_by("row_no", maintain_order=True)
            .agg(pl.col("weight").mean() * (1 if own else pl.col("key").n_unique()), pl.col("strict", "related", "broad").mean())
        )  # fmt: skip
        if rows.is_empty():
            where = ds.label_file.name if ds.label_file else "labels/"
            raise DatasetError(f"{where}: none of the {given.height} labelled ads is in the dataset")
        cur.execute("CREATE TABLE labelled (row_no BIGINT, weight DOUBLE, strict DOUBLE, related DOUBLE, broad DOUBLE)")
        cur.execute(
            "INSERT INTO labelled SELECT unnest($1), unnest($2), unnest($3), unnest($4), unnest($5)",
            [rows[c].to_list() for c in ("row_no", "weight", "strict", "related", "broad")],
        )
        cur.close()
        ds.tables_made.add("labelled")
        return True


@dataclass(frozen=True)
class ClassLabels:
    """Labels of one class as parallel arrays: what was said (0..1), the classifier's score (0..1), the weight."""

    said: Floats
    score: Floats
    weight: Floats

    @classmethod
    def of(cls, rows: pl.DataFrame) -> ClassLabels:
        """From columns said, score (in units of 1/SCORE) and weight."""
        return cls(rows["said"].to_numpy(), rows["score"].to_numpy() / SCORE, rows["weight"].to_numpy())


def corrected(ask: Scope) -> dict[Any, Corrected]:
    """The share of AI openings by raw group value, corrected by labels; empty where labels cannot say it.

    Labels know the three tiers, so neither `mention` nor another grain than openings can be corrected.
    """
    if ask.measure.hit != "definition" or ask.definition == "mention" or ask.grain != "opening" or not _table(ask.ds):
        return {}
    q = ask.query()
    g = grouping.group(q, ask.by)
    cur = ask.ds.cursor()
    sizes = cur.execute(
        f"SELECT {g} AS g, CAST(f.label_class AS VARCHAR) AS class, CAST(sum({q.weight}) AS HUGEINT)::DOUBLE AS size, "
        f"CAST(sum(CAST({q.weight} AS BIGINT) * f.label_score) AS HUGEINT)::DOUBLE AS predicted {q.source()} GROUP BY 1, 2 ORDER BY 1, 2",
        q.params,
    ).pl()
    q.joins.append("JOIN labelled l ON l.row_no = f.row_no")
    said = f"f.row_no, CAST(f.label_class AS VARCHAR) AS class, f.label_score AS score, l.{ask.definition} AS said"
    mine = cur.execute(
        f"SELECT {g} AS g, {said}, l.weight * {q.weight} AS weight {q.source()} ORDER BY 2, 1", q.params
    ).pl()
    every = cur.execute(
        f"SELECT {said}, l.weight FROM {FACT} f JOIN labelled l ON l.row_no = f.row_no WHERE f.is_first ORDER BY 1"
    ).pl()
    stood_for, openings = cur.execute(
        f"SELECT (SELECT sum(weight) FROM labelled), count(*) FROM {FACT} WHERE is_first"
    ).fetchall()[0]
    cur.close()
    every_labels = {c[0]: ClassLabels.of(part) for c, part in every.group_by("class", maintain_order=True)}
    own = {k: ClassLabels.of(part) for k, part in mine.group_by("g", "class", maintain_order=True)}
    n_labels = dict(mine.group_by("g").agg(pl.col("row_no").n_unique()).rows())
    whole = ask.by is None and not ask.where.keys() - {"definition", "scope"}
    minimum = 0 if whole else int(ask.settings["minimum_labels"])
    out: dict[Any, Corrected] = {}
    for (group,), part in sizes.group_by("g", maintain_order=True):
        classes = {c: (size / q.unit, predicted / q.unit / SCORE) for _, c, size, predicted in part.rows()}
        mine_here = {c: own[group, c] for c in LABEL_CLASSES if (group, c) in own}
        strata, lent = strata_of(classes, mine_here, every_labels, minimum, int(ask.settings["minimum_class_labels"]))
        e = ppi_share(strata)
        if math.isfinite(e.value):
            total = sum(size for size, _ in classes.values())
            covers, file = stood_for >= 0.9 * openings, ask.ds.label_file.name if ask.ds.label_file else None
            bounded = sum(s.size for s in strata if isinstance(s, Between)) / total
            out[group] = Corrected(
                e, int(n_labels.get(group, 0)), lent / total, bounded, covers, ask.ds.label_readers, file
            )
    return out


def strata_of(
    classes: Mapping[str, tuple[float, float]],
    own: Mapping[str, ClassLabels],
    every: Mapping[str, ClassLabels],
    minimum: int,
    few: int = 5,
) -> tuple[list[Stratum | Between], float]:
    """The strata of one group and how many of its openings lean on labels from elsewhere.

    Args:
        classes: class -> (openings, sum of predictions) of the group. own, every: labels of the group, and of all groups.
        minimum: a class with fewer labels of its own (effective) borrows those of all groups.
        few: a class with fewer labels anywhere (effective) that stand for more than themselves counts as without a label.

    A class that has no label anywhere lies between its neighbours in `LABEL_CLASSES`, which go from sure to unlikely.
    """
    enough = {
        c: e
        for c, e in every.items()
        if intervals.kish(e.weight) >= few or e.weight.sum() <= len(e.weight) * (1 + 1e-9)
    }
    every = enough or every
    found: dict[str, Stratum | Between] = {}
    lent = 0.0
    for c, (size, predicted) in classes.items():
        use = own.get(c) if c in every else None
        borrow = use is None or intervals.kish(use.weight) < minimum
        if borrow:
            use, lent = every.get(c), lent + size
        if use is not None:
            found[c] = Stratum(size, predicted, use.said, use.score, use.weight, borrow)
    order = [c for c in LABEL_CLASSES if c in every]
    for c in classes.keys() - found.keys():
        size, predicted = classes[c]
        at = LABEL_CLASSES.index(c)
        ends = [
            stratum_share(Stratum(math.inf, 0.0, e.said, e.score * 0, e.weight, True)) if e else None
            for e in (
                every.get(next((x for x in order if LABEL_CLASSES.index(x) > at), "")),
                every.get(next((x for x in reversed(order) if LABEL_CLASSES.index(x) < at), "")),
            )
        ]
        low, high = ends[0][1] if ends[0] else 0.0, ends[1][2] if ends[1] else 1.0
        low, high = min(low, high), max(low, high)
        found[c] = Between(size, min(max(predicted / size, low), high), low, high)
    return [found[c] for c in LABEL_CLASSES if c in found], lent


def with_columns(rows: pl.DataFrame, ids: list[str], found: Mapping[str, Corrected]) -> pl.DataFrame:
    """`rows` of a result with the columns of its corrected shares; a suppressed group stays suppressed."""
    empty: dict[str, Any] = dict.fromkeys(COLUMNS)
    hidden = rows["suppressed"].to_list()
    lines = [empty if hide or i not in found else found[i].row() for i, hide in zip(ids, hidden)]
    return rows.hstack(pl.DataFrame(lines, schema=COLUMNS)) if lines else rows


def label_notes(found: Mapping[Any, Corrected]) -> tuple[str, ...]:
    """Notes of a corrected figure: where labels are borrowed, where a class has too few, and where they stand for too little of the dataset."""
    notes = []
    if found:
        notes.append("corrected_by_labels")
    if any(c.borrowed > c.bounded + 1e-9 for c in found.values()):
        notes.append("labels_borrowed")
    if any(c.bounded > 0 for c in found.values()):
        notes.append("labels_few")
    if any(not c.covers for c in found.values()):
        notes.append("labels_frame")
    return tuple(notes)
