"""Fit the linear model of stage 6 from any labelled ads; scikit-learn (extra `[train]`) is imported only here.

Labels are rows with `record_id` (= source_key), `ai_tier` and, where known, `mention`, `role`, `subfields`, `weight`
(how many ads of the frame one labelled ad stands for). Each lane of `s6_classify.LANES` is an L2 logistic regression over
the features of `kernels.ai.scorer`, those of tiers scaled by `spread`; ads count twice, as they are and as a title alone.
Titles alone also learn from the unlabelled ads of the dataset, as the fitted weights read their texts. Cross-validation
keeps near copies together. Cuts maximise the mean of unweighted and weighted F1 out of fold; the probability is calibrated
out of fold under the design weights.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from gangwei.codebook import Codebook
from gangwei.frame.check import of_this_schema
from gangwei.kernels.ai import evidence, fields, ngrams, score_tables
from gangwei.schema import AI_ROLES, AI_SUBFIELDS
from gangwei.stages import s6_classify as s6
from gangwei.train_ads import TrainError, copies, gather, unlabelled

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Weak = tuple[Any, NDArray[np.int8]]
C_TIER, C_MENTION, C_OTHER = (1.0, 0.3), 0.3, 1.0  # tiers: ads as they are, titles alone
WIDTH = ngrams.WIDTH + fields.WIDTH
SMALL = 0.005  # a weight of an n-gram below this is dropped: it moves no score by more than rounding
FOLDS, SEEDS = 5, 2
AT_SUBFIELDS = 4 + len(AI_ROLES)
CUT_LANES = s6.PHRASE_LANES  # tiers and subfields: their cuts are chosen out of fold


@dataclass(frozen=True)
class Trained:
    """A fitted model: the bytes of model.npz, and what it says out of fold: (2 variants, ads, tier lanes)."""

    data: bytes
    said: Bools


def targets(labels: pl.DataFrame) -> NDArray[np.int8]:
    """Ads x `s6.LANES`: 1, 0, or -1 where the label does not say."""
    n = labels.height
    y = np.full((n, len(s6.LANES)), -1, np.int8)
    tier = labels["ai_tier"].to_numpy()
    y[:, 0] = tier == "builder"
    y[:, 1] = (tier == "builder") | (tier == "adjacent")
    y[:, 2] = tier != "none"
    if "mention" in labels.columns:
        known = labels["mention"].is_not_null().to_numpy()
        y[known, 3] = labels["mention"].fill_null(False).to_numpy()[known]
    if "role" in labels.columns:
        known = labels["role"].is_not_null().to_numpy()
        for k, role in enumerate(AI_ROLES):
            y[known, 4 + k] = labels["role"].eq(role).fill_null(False).to_numpy()[known]
    if "subfields" in labels.columns:
        known = labels["subfields"].is_not_null().to_numpy() & (y[:, 1] == 1)
        for k, sub in enumerate(AI_SUBFIELDS):
            y[known, 4 + len(AI_ROLES) + k] = labels["subfields"].list.contains(sub).fill_null(False).to_numpy()[known]
    return y


def matrix(ads: pl.DataFrame, rules: s6.Rules, title_only: bool) -> tuple[csr_matrix, NDArray[np.int32]]:
    """(features of each ad, facts); `title_only` blanks the text and the sections."""
    from scipy.sparse import csr_matrix, hstack

    text = pl.Series("text", [""] * ads.height, pl.String) if title_only else ads["text"]
    sections = ads["sections"].clear(ads.height) if title_only else ads["sections"]
    out = s6.read(ads["title"], text, ads["tags"], sections, rules, s6.blank_model(), keep=True)
    end = int(out.indptr[-1])
    x = csr_matrix((out.val[:end], out.idx[:end], out.indptr), shape=(ads.height, ngrams.WIDTH))
    return hstack([x, csr_matrix(out.fields)]).tocsr(), out.facts


def f1(truth: Bools, said: Bools, weight: Floats | None = None) -> float:
    """Weighted F1; 0 where nothing is true and nothing is said."""
    w = np.ones(len(truth)) if weight is None else weight
    both = float((w * (truth & said)).sum())
    total = float((w * truth).sum() + (w * said).sum())
    return 2 * both / total if total else 0.0


def best_cut(truth: Bools, score: Floats, weight: Floats) -> float:
    """The cut with the best mean of F1 and weighted F1, smoothed over its neighbours so that one ad does not decide."""
    grid = np.linspace(-2.0, 2.0, 81)
    value = np.array([f1(truth, score > c) + f1(truth, score > c, weight) for c in grid])
    return float(grid[int(np.argmax(np.convolve(np.pad(value, 4, mode="edge"), np.ones(9) / 9, "valid")))])


def _fit(x: csr_matrix, y: NDArray[np.int8], c: float, weight: Floats | None) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=c, solver="liblinear", max_iter=300).fit(x, y, sample_weight=weight)


def _mask(lane: int) -> NDArray[np.int64]:
    """Columns that a lane may use.

    The tier lanes read all but words of fields, subfields no n-grams of the whole text, others no n-grams of the text at all.
    """
    named = np.arange(ngrams.AT_TEXT)
    if lane < len(s6.TIER_LANES):
        return np.arange(ngrams.WIDTH)
    return np.concatenate([named, np.arange(ngrams.AT_NEAR, WIDTH)]) if lane in s6.PHRASE_LANES else named


def spread(x: csr_matrix) -> Floats:
    """How large the weight of each column may be for a tier: n-grams of text and phrases that few ads hold more than common ones.

    An n-gram found in d of n ads is multiplied by the root of log((1 + n) / (1 + d)) while a tier is fitted; each of the two
    kinds keeps its mean square. Other columns have 1.
    """
    scale = np.ones(x.shape[1])
    for a, b in ((ngrams.AT_TEXT, ngrams.AT_NEAR), (ngrams.AT_NEAR, ngrams.WIDTH)):
        part = x[:, a:b]
        rare = np.log((1 + part.shape[0]) / (1 + part.getnnz(0)))
        square = np.asarray(part.power(2).sum(0)).ravel()
        if total := (square * rare).sum():
            scale[a:b] = np.sqrt(rare * square.sum() / total)
    return scale


def _parts(x: csr_matrix, scale: Floats) -> list[csr_matrix]:
    """The columns of x that each lane may use, for tiers times `scale`; lanes with the same ones share a matrix."""
    from scipy.sparse import diags

    shared: dict[int, csr_matrix] = {}
    masks = [_mask(lane) for lane in range(len(s6.LANES))]
    for lane, m in enumerate(masks):
        if len(m) not in shared:
            shared[len(m)] = (x[:, m] @ diags(scale[m])).tocsr() if lane < len(s6.TIER_LANES) else x[:, m]
    return [shared[len(m)] for m in masks]


def _lane_model(
    parts: list[csr_matrix],
    y: NDArray[np.int8],
    rows: NDArray[np.int64],
    lane: int,
    weight: Floats,
    c: float,
    weak: Weak | None,
) -> Any:
    """The fitted lane, or None where the labels hold one value only; tier lanes are fitted with `c` and also learn from `weak`."""
    from scipy.sparse import vstack

    rows = rows[y[rows, lane] >= 0]
    x, target, w = parts[lane][rows], y[rows, lane], weight[rows]
    if len(np.unique(target)) < 2:
        return None
    if weak and lane < len(s6.TIER_LANES):
        x = vstack([x, weak[0][:, : x.shape[1]]]).tocsr()
        target, w = np.concatenate([target, weak[1][:, lane]]), np.concatenate([w, np.ones(len(weak[1]))])
    if lane >= AT_SUBFIELDS:  # most subfields are rare: halfway between ads that count alike and classes that do
        w = np.where(target == 1, w * np.sqrt((target == 0).sum() / (target == 1).sum()), w)
    others = C_MENTION if lane == len(s6.TIER_LANES) else C_OTHER
    return _fit(x, target, c if lane < len(s6.TIER_LANES) else others, w)


def _fit_all(
    parts: list[csr_matrix],
    y: NDArray[np.int8],
    jobs: list[tuple[NDArray[np.int64], int]],
    weight: Floats,
    c: float,
    weak: Weak | None,
) -> list[Any]:
    """`_lane_model` of each (rows, lane), on all threads: the fits do not depend on each other and use no chance."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(lambda job: _lane_model(parts, y, job[0], job[1], weight, c, weak), jobs))


def out_of_fold(
    parts: list[csr_matrix],
    y: NDArray[np.int8],
    group: NDArray[np.int64],
    weight: Floats,
    seeds: int,
    c: float,
    weak: Weak | None,
) -> NDArray[np.float32]:
    """Mean out-of-fold score of each ad and lane over `seeds` splits that keep groups whole.

    Mention and roles have no cut to choose and are left at 0.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    total = np.zeros(y.shape, np.float64)
    strata = y[:, 0] * 4 + y[:, 1] * 2 + y[:, 2]
    for seed in range(seeds):
        folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed).split(y, strata, group)
        jobs = [(a, b, lane) for a, b in folds for lane in CUT_LANES]
        models = _fit_all(parts, y, [(a, lane) for a, _, lane in jobs], weight, c, weak)
        for (_, b, lane), m in zip(jobs, models):
            total[b, lane] += m.decision_function(parts[lane][b]) if m else -5.0
    return (total / seeds).astype(np.float32)


def calibrate(truth: Bools, score: Floats, weight: Floats) -> tuple[float, float]:
    """Slope and shift of Platt's logistic calibration under the design weights."""
    m = _fit(score.reshape(-1, 1), truth.astype(np.int8), 1e3, weight / weight.mean())
    return float(m.coef_[0, 0]), float(m.intercept_[0])


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
        TrainError: fewer than 50 ads, or a tier without an ad.
    """
    if labels.height < 50 or labels["ai_tier"].n_unique() < 4:
        raise TrainError("training needs at least 50 labelled ads and one of each tier")
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
        parts = _parts(x, scale)
        if v == 1 and others is not None and others.height:
            weak = weak_titles(others, rules, pack(dense, bias, cuts, calibration, names))
        held[v] = out_of_fold(parts, y, group, fit_weight, seeds, C_TIER[v], weak)
        every = np.arange(labels.height)
        fitted = _fit_all(parts, y, [(every, lane) for lane in range(n_lanes)], fit_weight, C_TIER[v], weak)
        for lane, m in enumerate(fitted):
            if m:
                mask = _mask(lane)
                dense[v, mask, lane] = m.coef_[0] * scale[mask] if lane < len(s6.TIER_LANES) else m.coef_[0]
            bias[v, lane] = m.intercept_[0] if m else -5.0
        seen = facts[:, score_tables.SEEN]
        for k, reached in enumerate((seen > 0, seen == 3, seen == 3)):
            reachable = np.where(reached | (held[v, :, 0] > cuts[v, 0]) & (seen > 0), held[v, :, k], -9.0).astype(
                np.float64
            )
            counted = weight > 0
            cuts[v, k] = best_cut(y[counted, k] == 1, reachable[counted], weight[counted])
            said[v, :, k] = reachable > cuts[v, k]
        for lane in range(AT_SUBFIELDS, n_lanes):
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
    lexicons, terms, ids, concepts, kinds = s6.compile_lexicons(book)
    names = s6.feature_names(book, concepts, kinds)
    return s6.Rules(lexicons, terms, ids, concepts, names, {}, 0, s6.blank_model())


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
    field = dense[:, ngrams.WIDTH :, AT_SUBFIELDS:]
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


def figures(trained: Trained, labels: pl.DataFrame, replicates: int = 400) -> list[dict[str, Any]]:
    """Out-of-fold F1 of builder, builder + adjacent and any tier for ads as they are and for titles alone, with intervals."""
    w = labels["weight"].cast(pl.Float64).to_numpy()
    counted = w > 0
    y = targets(labels)
    rng = np.random.default_rng(20170720)
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
    (folder / "model_card.md").write_text(head + CARD_MARK + text, "utf-8")
    return text
