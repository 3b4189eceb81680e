"""How good are the labels? Tiers, flags and presets of a dataset against labels that people gave, with the worst errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from gangwei.codebook import carried_by
from gangwei.frame.check import of_this_schema
from gangwei.kernels.hashing import hash_strings
from gangwei.label_lines import read_label_lines
from gangwei.label_scores import Bools, Design, Score, calibration_curve, score, threshold_curve

BOARD_ADS = 20  # labelled ads from which a board has a line of its own
TIERS = ("builder", "adjacent", "user", "none")
LABEL_COLUMNS = (
    "record_id",
    "ad_id",
    "ai_tier",
    "mention",
    "role",
    "subfields",
    "surveillance_job",
    "defence_signal",
    "stratum",
    "weight",
)


class EvaluateError(ValueError):
    """Labels or dataset cannot be compared; the message says what is missing."""


@dataclass(frozen=True)
class Evaluation:
    """Everything `gangwei evaluate` shows; `errors` are (ad_id, labelled, said, score, title, url), the worst first."""

    n: int
    missing: int
    scores: list[Score]
    presets: list[Score]
    shares: list[dict[str, float | str]]
    calibration: list[dict[str, float]]
    thresholds: list[dict[str, float]]
    errors: list[dict[str, Any]]
    weighted: bool = True
    """False where every label has weight 1: figures are of the labels, not of what they were drawn from."""

    def json(self) -> str:
        """The evaluation as JSON with sorted keys."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1, sort_keys=True)


def read_labels(path: Path) -> pl.DataFrame:
    """Labels as JSON lines or CSV; `stratum_population / stratum_sample` becomes `weight` where there is none, else 1.

    Raises:
        StoreError: no such file, neither JSON lines nor CSV, a tier that is none, or a weight that is no number.
        EvaluateError: ai_tier, or both record_id and ad_id are missing.
    """
    frame = read_label_lines(path)
    if "ai_tier" not in frame.columns:
        raise EvaluateError(f"{path.name}: no column ai_tier")
    ids = [c for c in ("record_id", "ad_id") if c in frame.columns]
    if not ids:
        raise EvaluateError(f"{path.name}: no column record_id (= source_key) or ad_id")
    frame = frame.with_columns(pl.col(ids).cast(pl.String))
    if "weight" not in frame.columns:
        frame = frame.with_columns(weight=pl.lit(1.0))
    if "subfields" in frame.columns and frame["subfields"].dtype == pl.String:
        frame = frame.with_columns(pl.col("subfields").str.split("|"))
    return frame.with_columns(pl.col("ai_tier").replace("mention", "none")).select(
        c for c in LABEL_COLUMNS if c in frame.columns
    )


def compare(
    said: pl.DataFrame, labels: pl.DataFrame, missing: int = 0, term_hits: pl.Series | None = None
) -> Evaluation:
    """Compare predictions with labels, row by row.

    Args:
        said: ad_id, board, title, ai_tier, ai_mention, ai_score, ai_role, ai_subfields, surveillance_job, defence_signal and,
            for the presets, n_terms (AI terms in title, duties or requirements).
        labels: as from `read_labels`, the same rows in the same order.
        missing: labelled ads that the dataset does not hold.
        term_hits: number of terms of a foreign list found in each ad, compared as preset `term_list`.
    """
    weight = labels["weight"].cast(pl.Float64).to_numpy()
    stratum = (
        labels["stratum"].cast(pl.String).fill_null("").rank("dense").to_numpy().astype(np.int64)
        if "stratum" in labels.columns
        else np.zeros(len(weight), np.int64)
    )
    key = said["text_key"] if "text_key" in said.columns else said["ad_id"]
    copies = np.unique(hash_strings(key.cast(pl.String)), return_inverse=True)[1].reshape(-1).astype(np.int64)
    design = Design(stratum, copies)
    truth, tier = labels["ai_tier"].to_numpy(), said["ai_tier"].to_numpy()
    in_truth, in_said = np.isin(truth, TIERS[:2]), np.isin(tier, TIERS[:2])

    def line(group: str, value: str, t: Bools, s: Bools) -> Score:
        return score(group, value, t, s, weight, design)

    scores = [line("tier", t, truth == t, tier == t) for t in TIERS]
    scores.append(line("tier", "builder+adjacent", in_truth, in_said))
    for column, mine in (
        ("mention", "ai_mention"),
        ("surveillance_job", "surveillance_job"),
        ("defence_signal", "defence_signal"),
    ):
        if column in labels.columns:
            scores.append(line("flag", column, _flag(labels[column]), _flag(said[mine])))
    if "role" in labels.columns:
        role, my_role = (c.cast(pl.String).fill_null("").to_numpy() for c in (labels["role"], said["ai_role"]))
        scores += [line("role", str(v), role == v, my_role == v) for v in sorted({str(x) for x in role if x})]
    if "subfields" in labels.columns:
        for v in sorted(set(labels["subfields"].explode().drop_nulls().to_list())):
            has, mine_has = (_flag(s.list.contains(v)) for s in (labels["subfields"], said["ai_subfields"]))
            scores.append(line("subfield", str(v), has & in_truth, mine_has & in_said))
    for board in sorted({str(b) for b in said["board"].drop_nulls().to_list()}):
        on = _flag(said["board"].eq(board))
        if on.sum() >= BOARD_ADS:
            scores.append(
                score(
                    "builder by board",
                    board,
                    (truth == "builder")[on],
                    (tier == "builder")[on],
                    weight[on],
                    design.of(on),
                )
            )
    p = said["ai_score"].to_numpy().astype(np.float64)
    shares: list[dict[str, float | str]] = [
        {
            "tier": t,
            "labelled": float(np.average(truth == t, weights=weight)),
            "said": float(np.average(tier == t, weights=weight)),
        }
        for t in TIERS
    ]
    presets = [
        score("preset", name, t, s, weight[on], design.of(on)) for name, t, s, on in _presets(said, truth, term_hits)
    ]
    return Evaluation(
        len(weight), missing, scores, presets, shares,
        calibration_curve(in_truth, p, weight), threshold_curve(in_truth, p, weight), _errors(said, labels, in_truth),
    )  # fmt: skip


def _presets(
    said: pl.DataFrame, truth: NDArray[Any], term_hits: pl.Series | None
) -> Iterator[tuple[str, Bools, Bools, Bools]]:
    """(name, is builder, is said, rows compared) of each simple rule; codes of boards are compared where there are any."""
    builder, every = truth == "builder", np.ones(len(truth), np.bool_)
    yield "related", builder, np.isin(said["ai_tier"].to_numpy(), TIERS[:2]), every
    yield "mention", builder, _flag(said["ai_mention"]), every
    if "n_terms" in said.columns:
        for k in (1, 2):
            yield f"terms_{k}", builder, said["n_terms"].to_numpy() >= k, every
    if "board_code" in said.columns:
        coded = said["board_code"].is_not_null().to_numpy()
        if coded.any():
            yield "board_code", builder[coded], _flag(said["board_code"])[coded], coded
    if term_hits is not None:
        for k in (1, 2):
            yield f"term_list_{k}", builder, term_hits.to_numpy() >= k, every


def _errors(said: pl.DataFrame, labels: pl.DataFrame, in_truth: Bools) -> list[dict[str, Any]]:
    """Ads whose tier is not the labelled one, the surest mistakes first."""
    url = said["url"] if "url" in said.columns else pl.repeat(None, said.height, dtype=pl.String, eager=True)
    wrong = said.select("ad_id", labelled=labels["ai_tier"], said="ai_tier", score="ai_score", title="title", url=url)
    score = pl.col("score").cast(pl.Float64)
    wrong = wrong.with_columns(score=score, margin=(score - pl.Series(in_truth).cast(pl.Float64)).abs())
    wrong = wrong.filter(pl.col("labelled") != pl.col("said"))
    return wrong.sort("margin", "ad_id", descending=[True, False]).drop("margin").to_dicts()


def _flag(column: pl.Series) -> Bools:
    """A column of Booleans with False where nothing is known."""
    return np.asarray(column.fill_null(False).to_numpy(), np.bool_)


def evaluate(dataset_dir: Path, labels: Path, term_list: Path | None = None) -> Evaluation:
    """Compare the published ads of a dataset with labels keyed by `record_id` (= source_key).

    `term_list` is a text file of terms, one a line (tabs separate spellings): any published list, compared as a preset on
    title and text.

    Raises:
        DatasetError: no dataset, or one of another schema version.
        EvaluateError: no published ads, or none of the labelled ads is in the dataset.
    """
    of_this_schema(dataset_dir)
    path = dataset_dir / "published" / "ads.parquet"
    gold = read_labels(labels)
    if not path.is_file():
        raise EvaluateError(f"{dataset_dir}: no published ads; run `gangwei build` first")
    columns = [
        "ad_id",
        "source_id",
        "source_key",
        "board",
        "url",
        "title",
        "ai_tier",
        "ai_mention",
        "ai_score",
        "ai_role",
        "ai_subfields",
        "surveillance_job",
        "defence_signal",
    ]
    # Keys of a source may name ads of several files; the labels of `gangwei label` name the ad itself.
    key, column = ("ad_id", "ad_id") if "ad_id" in gold.columns else ("record_id", "source_key")
    ads = (
        pl.scan_parquet(path, glob=False)
        .select(columns)
        .filter(pl.col(column).is_in(gold[key].cast(pl.String).implode()))
        .collect()
    )
    ads = ads.unique(column, keep="first", maintain_order=True).with_columns(pl.col(column).alias("_key"))
    gold_in = gold.with_columns(_key=pl.col(key).cast(pl.String)).filter(pl.col("_key").is_in(ads["_key"].implode()))
    if gold_in.is_empty():
        raise EvaluateError(f"{labels.name}: none of the {gold.height} labelled ads is in {dataset_dir}")
    # Where several lines name one ad, they share its weight.
    gold_in = gold_in.with_columns(pl.col("weight").cast(pl.Float64) / pl.len().over("_key"))
    if not gold_in["weight"].sum():
        raise EvaluateError(f"{labels.name}: every weight of the {gold_in.height} labels of ads in {dataset_dir} is 0")
    said = gold_in.select("_key").join(ads, on="_key", maintain_order="left")
    said = _board_codes(_terms(said, dataset_dir), dataset_dir)
    hits = None
    texts = dataset_dir / "published" / "texts.parquet"
    if texts.is_file():
        text = (
            pl.scan_parquet(texts, glob=False)
            .select("ad_id", "text")
            .filter(pl.col("ad_id").is_in(said["ad_id"].implode()))
            .collect()
        )
        said = said.join(text, on="ad_id", how="left", maintain_order="left")
        said = said.with_columns(text_key=pl.col("title").fill_null("") + pl.col("text").fill_null(""))
        hits = count_terms(said["title"], said["text"], term_list) if term_list else None
    found = compare(said, gold_in, gold.height - gold_in.height, hits)
    return replace(found, weighted=bool((gold["weight"] != 1).any()))


def _terms(said: pl.DataFrame, dataset_dir: Path) -> pl.DataFrame:
    """Adds `n_terms`: AI terms in title, duties or requirements, none of them negated; without decisions `said` as it is."""
    path = dataset_dir / "published" / "decisions.parquet"
    if not path.is_file():
        return said
    hits = pl.scan_parquet(path, glob=False).filter(
        (pl.col("decision") == "ai_term") & pl.col("ad_id").is_in(said["ad_id"].implode())
    )
    ok = pl.col("reason_id").str.contains(
        r"^(builder_strong|builder_weak|adjacent|user|mention)/(plain|duty|asked|preferred)@(title|duties|requirements|other)$"
    )
    counts = hits.filter(ok).group_by("ad_id").agg(n_terms=pl.col("rule_id").n_unique()).collect()
    return said.join(counts, on="ad_id", how="left", maintain_order="left").with_columns(pl.col("n_terms").fill_null(0))


def _board_codes(said: pl.DataFrame, dataset_dir: Path) -> pl.DataFrame:
    """Adds `board_code`: does the board's own category name AI? Null where the category is not the board's own."""
    parts = sorted((dataset_dir / "stages" / "raw").glob("*.parquet"))
    if not parts:
        return said
    words = carried_by(dataset_dir / "published").toml("ai/rules.toml")["evaluate"]["board_code"]["words"]
    codes = (
        pl.scan_parquet(parts, glob=False)
        .filter(pl.col("occupation_is_code") & pl.col("source_key").is_in(said["source_key"].implode()))
        .select("source_id", "source_key", board_code=pl.col("occupation").str.to_lowercase().str.contains_any(words))
        .collect()
        .unique(["source_id", "source_key"], keep="first", maintain_order=True)
    )
    return said.join(codes, on=["source_id", "source_key"], how="left", maintain_order="left")


def count_terms(title: pl.Series, text: pl.Series, term_list: Path) -> pl.Series:
    """Distinct lines of a term list found in title or text (case folded, substring), as plain keyword counts do.

    Raises:
        EvaluateError: no such file, or not UTF-8.
    """
    both = (title.fill_null("") + "\n" + text.fill_null("")).str.to_lowercase()
    total = np.zeros(len(both), np.int64)
    try:
        lines = term_list.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as e:
        raise EvaluateError(f"{term_list.name}: cannot be read as a list of terms ({e})") from None
    for row in lines:
        forms = [f.strip().lower() for f in row.split("\t") if f.strip()]
        if forms:
            total += _flag(both.str.contains_any(forms)).astype(np.int64)
    return pl.Series("term_hits", total)
