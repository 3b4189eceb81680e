"""Fit the linear model of stage 6 from any labelled ads; scikit-learn (extra `[train]`) is imported only here and in `train_lanes`.

Labels are rows with `record_id` (= source_key), `ai_tier` and, where known, `mention`, `role`, `subfields`, `weight`
(how many ads of the frame one labelled ad stands for). Ads count twice, as they are and as a title alone; titles alone also
learn from the unlabelled ads of the dataset, as the fitted weights read their texts. The probability is calibrated out of
fold under the design weights.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from gangwei.codebook import Codebook
from gangwei.frame.check import of_this_schema
from gangwei.kernels.ai import evidence, ngrams, score_tables
from gangwei.kernels.ai.lists import compile_lexicons
from gangwei.kernels.ai.scorer import AI_USED, NO_AI
from gangwei.kernels.job.skills import compile_skills
from gangwei.stages import s6_classify as s6
from gangwei.train_ads import TrainError, copies, gather, unlabelled
from gangwei.train_lanes import (
    C_TIER,
    NEVER,
    SEEDS,
    WIDTH,
    Bools,
    Floats,
    Weak,
    best_cut,
    calibrate,
    columns_of,
    f1,
    fit_all,
    matrix,
    out_of_fold,
    parts_of,
    spread,
    targets,
)

SMALL = 0.005  # a weight of an n-gram below this is dropped: it moves no score by more than rounding
LEAST_ADS = 50
UNREACHED = -9.0  # score of an ad whose terms do not suffice for a tier, below every cut
REPLICATES, SEED = 400, 20170720  # of the bootstrap intervals of the card


@dataclass(frozen=True)
class Trained:
    """A fitted model: the bytes of model.npz, and what it says out of fold: (2 variants, ads, tier lanes)."""

    data: bytes
    said: Bools


def train(
    ads: pl.DataFrame, labels: pl.DataFrame, book: Codebook, seeds: int = SEEDS, others: pl.DataFrame | None = None
) -> Trained:
    """Fit all lanes.

    The weights for titles alone also learn from `others`: ads without a label, whose titles take the tier that the weights
    for texts give to the whole ad.

    Args:
        ads: title, text, tags, sections (as `stage_tables.CLEAN`), row-aligned with labels.
        labels: as from `read_labels`; `weight` defaults to 1; `fit_weight` (optional) weighs an ad in the fit.

    Raises:
        TrainError: fewer than LEAST_ADS ads, or a tier without an ad.
    """
    if labels.height < LEAST_ADS or labels["ai_tier"].n_unique() < 4:
        raise TrainError(f"training needs at least {LEAST_ADS} labelled ads and one of each tier")
    rules = rules_of_fitting(book)
    names = rules.features
    y = targets(labels)
    weight = labels["weight"].cast(pl.Float64).to_numpy() if "weight" in labels.columns else np.ones(labels.height)
    fit_weight = (
        labels["fit_weight"].cast(pl.Float64).to_numpy() if "fit_weight" in labels.columns else np.ones(labels.height)
    )
    group = copies(ads)
    n_lanes = len(s6.LANES)
    dense = np.zeros((2, WIDTH, n_lanes), np.float32)
    bias = np.zeros((2, n_lanes), np.float32)
    cuts, calibration = np.zeros((2, 3), np.float32), np.zeros((2, 2))
    held = np.zeros((2, labels.height, n_lanes), np.float32)
    said = np.zeros((2, labels.height, 3), np.bool_)
    weak: Weak | None = None
    for v in (0, 1):
        x, facts = matrix(ads, rules, title_only=v == 1)
        scale = spread(x)
        parts = parts_of(x, scale)
        if v == 1 and others is not None and others.height:
            weak = weak_titles(others, rules, pack(dense, bias, cuts, calibration, names))
        held[v] = out_of_fold(parts, y, group, fit_weight, seeds, C_TIER[v], weak)
        every = np.arange(labels.height)
        fitted = fit_all(parts, y, [(every, lane) for lane in range(n_lanes)], fit_weight, C_TIER[v], weak)
        for lane, m in enumerate(fitted):
            if m:
                mask = columns_of(lane)
                dense[v, mask, lane] = m.coef_[0] * scale[mask] if lane < len(s6.TIER_LANES) else m.coef_[0]
            bias[v, lane] = m.intercept_[0] if m else NEVER
        seen = facts[:, score_tables.SEEN]
        for k, reached in enumerate((seen > NO_AI, seen == AI_USED, seen == AI_USED)):
            reachable = np.where(
                reached | (held[v, :, 0] > cuts[v, 0]) & (seen > NO_AI), held[v, :, k], UNREACHED
            ).astype(np.float64)
            counted = weight > 0
            cuts[v, k] = best_cut(y[counted, k] == 1, reachable[counted], weight[counted])
            said[v, :, k] = reachable > cuts[v, k]
        for lane in range(s6.AT_SUBFIELDS, n_lanes):
            known = y[:, lane] >= 0
            bias[v, lane] -= best_cut(
                y[known, lane] == 1, held[v, known, lane].astype(np.float64), np.ones(int(known.sum()))
            )
        calibration[v] = calibrate(y[:, 1] == 1, held[v, :, 1].astype(np.float64), weight)
    data = pack(dense, bias, cuts, calibration, names)
    return Trained(data, said)


def rules_of_fitting(book: Codebook) -> s6.Rules:
    """The lists without a model. Every text counts as one, snippets too: the weights for titles alone, which decide on snippets
    later, are made last, from what the weights for texts say."""
    lexicons, terms, ids, concepts, kinds = compile_lexicons(book)
    names = s6.feature_names(book, concepts, kinds)
    return s6.Rules(lexicons, terms, ids, concepts, names, {}, compile_skills(book), 0, None, s6.blank_model())


def weak_titles(others: pl.DataFrame, rules: s6.Rules, model: bytes) -> Weak:
    """(title features, tier lanes) of ads with a text, as the model reads the whole ad."""
    fitted = s6.load_model(model, rules.features)
    out = s6.read(others["title"], others["text"], others["tags"], others["sections"], rules, fitted)
    tier, _ = s6.decide(out.scores, out.facts, fitted)
    x, _ = matrix(others, rules, title_only=True)
    return x, np.stack([tier <= k for k in range(len(s6.TIER_LANES))], 1).astype(np.int8)


def pack(
    dense: NDArray[np.float32],
    bias: NDArray[np.float32],
    cuts: NDArray[np.float32],
    calibration: Floats,
    names: list[str],
) -> bytes:
    """The bytes of model.npz: half precision, only features with a weight; the same input gives the same bytes."""
    used = [i for i in range(evidence.AT_END) if np.any(dense[:, i])]
    title = dense[:, ngrams.AT_TITLE : ngrams.AT_TEXT]
    title = np.where(np.abs(title) > SMALL, title, 0)
    title_at = np.flatnonzero(np.any(title, axis=(0, 2)))
    text = np.where(
        np.abs(dense[0, ngrams.AT_TEXT : ngrams.AT_NEAR]) > SMALL, dense[0, ngrams.AT_TEXT : ngrams.AT_NEAR], 0
    )
    text_at = np.flatnonzero(np.any(text, axis=1))
    phrase = dense[0, ngrams.AT_NEAR : ngrams.WIDTH, s6.PHRASE_LANES].T
    phrase = np.where(np.abs(phrase) > SMALL, phrase, 0)
    phrase_at = np.flatnonzero(np.any(phrase, axis=1))
    field = dense[:, ngrams.WIDTH :, s6.AT_SUBFIELDS :]
    field_at = np.flatnonzero(np.any(field, axis=(0, 2)))
    arrays = {
        "names": np.array([names[i] for i in used]),
        "explicit": dense[:, used].astype(np.float16),
        "field_names": np.array([names[evidence.AT_END + i] for i in field_at], np.str_),
        "field": field[:, field_at].astype(np.float16),
        "title_at": title_at.astype(np.int32),
        "title": title[:, title_at].astype(np.float16),
        "text_at": text_at.astype(np.int32),
        "text": text[text_at, : len(s6.TIER_LANES)].astype(np.float16),
        "phrase_at": phrase_at.astype(np.int32),
        "phrase": phrase[phrase_at].astype(np.float16),
        "bias": bias,
        "cuts": cuts,
        "calibration": np.round(calibration, 6),
    }
    h = hashlib.sha256()
    for k, a in sorted(arrays.items()):
        h.update(k.encode() + str(a.dtype).encode() + np.ascontiguousarray(a).tobytes())
    meta = {"lanes": list(s6.LANES), "width": ngrams.WIDTH, "version": h.hexdigest()[:16]}
    out = io.BytesIO()
    np.savez_compressed(out, meta=np.array(json.dumps(meta)), **arrays)  # type: ignore[arg-type]
    return out.getvalue()


def figures(trained: Trained, labels: pl.DataFrame, replicates: int = REPLICATES) -> list[dict[str, Any]]:
    """Out-of-fold F1 of builder, builder + adjacent and any tier for ads as they are and for titles alone, with intervals."""
    w = labels["weight"].cast(pl.Float64).to_numpy()
    counted = w > 0
    y = targets(labels)
    rng = np.random.default_rng(SEED)
    out = []
    for v, variant in enumerate(("text", "title alone")):
        for k, lane in enumerate(s6.TIER_LANES):
            truth, said = y[counted, k] == 1, trained.said[v, counted, k]
            draws = rng.multinomial(len(truth), np.full(len(truth), 1 / len(truth)), size=replicates)
            plain = [f1(truth, said, d.astype(np.float64)) for d in draws]
            design = [f1(truth, said, d * w[counted]) for d in draws]
            out.append(
                {
                    "variant": variant,
                    "lane": lane,
                    "n": int(counted.sum()),
                    "f1": f1(truth, said),
                    "f1_low": float(np.quantile(plain, 0.025)),
                    "f1_high": float(np.quantile(plain, 0.975)),
                    "weighted": f1(truth, said, w[counted]),
                    "weighted_low": float(np.quantile(design, 0.025)),
                    "weighted_high": float(np.quantile(design, 0.975)),
                }
            )
    return out


def card(trained: Trained, labels: pl.DataFrame, book: Codebook, missing: int) -> str:
    """The generated part of model_card.md: hash, data, cross-validated figures."""
    counts = labels.group_by("ai_tier").len().sort("ai_tier")
    rows = "\n".join(
        f"| {f['variant']} | {f['lane']} | {f['n']} | {f['f1']:.3f} ({f['f1_low']:.3f}-{f['f1_high']:.3f}) "
        f"| {f['weighted']:.3f} ({f['weighted_low']:.3f}-{f['weighted_high']:.3f}) |"
        for f in figures(trained, labels)
    )
    tiers = ", ".join(f"{t} {n}" for t, n in counts.iter_rows())
    return (
        f"- model.npz: {len(trained.data):,} bytes, sha256 `{hashlib.sha256(trained.data).hexdigest()}`\n"
        f"- lists it was fitted with: `{book.digest('ai/terms.csv', 'ai/cues.csv', 'ai/roles.csv', 'ai/field_words.csv')}`\n"
        f"- ads fitted on: {labels.height} ({tiers}); labels whose ad is not in the dataset: {missing}\n\n"
        "Out of fold (5 folds, near copies kept together; 95 % bootstrap interval over ads):\n\n"
        "| ad read as | lane | ads | F1 | F1, design-weighted |\n|---|---|---|---|---|\n" + rows + "\n"
    )


CARD_MARK = "<!-- generated by gangwei train -->\n"


def run(
    dataset: Path,
    label_files: list[Path],
    out: Path,
    book: Codebook,
    populations: dict[str, float] | None = None,
    seeds: int = SEEDS,
) -> str:
    """`gangwei train`: fit, write `out`/ai/model.npz and model_card.md (a definitions folder), and return the card's figures.

    Raises:
        DatasetError: no dataset, or one of another schema version.
        TrainError: the labels or the dataset cannot be used, or scikit-learn is not installed.
    """
    if not (dataset / "stages").is_dir() or (dataset / "published").is_dir():  # texts of a half build suffice
        of_this_schema(dataset)
    try:
        import sklearn  # noqa: F401
    except ImportError:
        raise TrainError("training needs scikit-learn: pip install '.[train]' in the clone") from None
    rows, missing = gather(dataset, label_files, book, populations)
    trained = train(rows, rows, book, seeds, unlabelled(dataset, rows))
    text = card(trained, rows, book, missing)
    folder = out / "ai"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.npz").write_bytes(trained.data)
    head = book.path("ai/model_card.md").read_text("utf-8").split(CARD_MARK)[0]
    (folder / "model_card.md").write_text(head + CARD_MARK + text, "utf-8", newline="\n")
    return text
