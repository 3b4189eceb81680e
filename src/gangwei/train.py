"""Fit the linear model of stage 6 from any labelled ads; scikit-learn (extra `[train]`) is imported only here.

Labels are rows with `record_id` (= source_key), `ai_tier` and, where known, `mention`, `role`, `subfields`, `weight`
(how many ads of the frame one labelled ad stands for). Each lane of `s6_classify.LANES` is an L2 logistic regression over
the features of `kernels.scorer`; ads count twice, as they are and as a title alone. Cross-validation keeps near copies
together. Cuts maximise the mean of unweighted and weighted F1 out of fold; the probability is calibrated out of fold under
the design weights.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from gangwei.codebook import Codebook
from gangwei.kernels import scorer
from gangwei.kernels.hashing import hash_strings
from gangwei.schema import AI_ROLES, AI_SUBFIELDS
from gangwei.stages import s6_classify as s6

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
C_TIER, C_OTHER = 0.3, 0.3
FOLDS, SEEDS = 5, 2


class TrainError(ValueError):
    """The labels or the dataset cannot be used; the message says what is missing."""


@dataclass(frozen=True)
class Trained:
    """A fitted model: the bytes of model.npz, figures for the model card and out-of-fold scores (2 variants, ads, lanes)."""

    data: bytes
    card: dict[str, Any]
    out_of_fold: NDArray[np.float32]


def read_labels(path: Path) -> pl.DataFrame:
    """Labels from JSON lines or CSV with the columns of the module's docstring.

    Raises:
        TrainError: record_id or ai_tier is missing, or a tier is unknown.
    """
    frame = (
        pl.read_csv(path, infer_schema_length=None)
        if path.suffix == ".csv"
        else pl.read_ndjson(path, infer_schema_length=None)
    )
    if missing := {"record_id", "ai_tier"} - set(frame.columns):
        raise TrainError(f"{path.name}: no column {', '.join(sorted(missing))}")
    tier = pl.col("ai_tier").replace("mention", "none")
    frame = frame.with_columns(tier, pl.col("record_id").cast(pl.String))
    if bad := set(frame["ai_tier"].unique().to_list()) - {"builder", "adjacent", "user", "none"}:
        raise TrainError(f"{path.name}: unknown ai_tier {', '.join(sorted(map(str, bad)))}")
    if "subfields" in frame.columns and frame["subfields"].dtype == pl.String:
        frame = frame.with_columns(pl.col("subfields").str.split("|"))
    keep = [
        c
        for c in ("record_id", "ai_tier", "mention", "role", "subfields", "stratum", "weight", "confidence")
        if c in frame.columns
    ]
    return frame.select(keep)


def targets(labels: pl.DataFrame) -> tuple[NDArray[np.int8], list[str]]:
    """(ads x lanes: 1, 0, or -1 where the label does not say, lane names)."""
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
    return y, list(s6.LANES)


def matrix(ads: pl.DataFrame, rules: s6.Rules, title_only: bool) -> tuple[csr_matrix, NDArray[np.int32]]:
    """(features of each ad, facts); `title_only` blanks the text and the sections."""
    from scipy.sparse import csr_matrix

    text = pl.Series("text", [""] * ads.height, pl.String) if title_only else ads["text"]
    sections = ads["sections"].clear(ads.height) if title_only else ads["sections"]
    out = s6.read(ads["title"], text, ads["tags"], sections, rules, s6.blank_model(), keep=True)
    indptr, idx, val = out[5:]
    end = int(indptr[-1])
    return csr_matrix((val[:end], idx[:end], indptr), shape=(ads.height, scorer.WIDTH)), out[1]


def copies(ads: pl.DataFrame) -> NDArray[np.int64]:
    """A group number by ad: the same first 60 letters, or the same title and last 40 letters, make one group."""
    letters = ads["text"].fill_null("").str.replace_all(r"[\W\d_]+", "")
    group = np.arange(ads.height)
    for part in (letters.str.slice(0, 60), pl.select(ads["title"].fill_null("") + letters.str.tail(40)).to_series()):
        _, first, back = np.unique(hash_strings(part), return_index=True, return_inverse=True)
        group = group[first[back.reshape(-1)]]
    return group.astype(np.int64)


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


def _mask(lane: int) -> slice:
    """Features that a lane may use: only the tier lanes read text n-grams."""
    return slice(0, scorer.WIDTH if lane < len(s6.TIER_LANES) else scorer.AT_TEXT)


def out_of_fold(
    x: csr_matrix, y: NDArray[np.int8], group: NDArray[np.int64], weight: Floats, seeds: int = SEEDS
) -> NDArray[np.float32]:
    """Mean out-of-fold score of each ad and lane over `seeds` splits that keep groups whole."""
    from sklearn.model_selection import StratifiedGroupKFold

    total = np.zeros(y.shape, np.float64)
    strata = y[:, 0] * 4 + y[:, 1] * 2 + y[:, 2]
    for seed in range(seeds):
        for a, b in StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed).split(x, strata, group):
            for lane in range(y.shape[1]):
                rows = a[y[a, lane] >= 0]
                if len(np.unique(y[rows, lane])) < 2:
                    total[b, lane] -= 5.0 / 1
                    continue
                cols = _mask(lane)
                m = _fit(x[rows, cols], y[rows, lane], C_TIER if lane < 4 else C_OTHER, weight[rows])
                total[b, lane] += m.decision_function(x[b, cols])
    return (total / seeds).astype(np.float32)


def calibrate(truth: Bools, score: Floats, weight: Floats) -> tuple[float, float]:
    """Slope and shift of Platt's logistic calibration under the design weights."""
    m = _fit(score.reshape(-1, 1), truth.astype(np.int8), 1e3, weight / weight.mean())  # type: ignore[arg-type]
    return float(m.coef_[0, 0]), float(m.intercept_[0])


def train(ads: pl.DataFrame, labels: pl.DataFrame, book: Codebook, seeds: int = SEEDS) -> Trained:
    """Fit all lanes.

    Args:
        ads: title, text, tags, sections (as `schema.CLEAN`), row-aligned with labels.
        labels: as from `read_labels`; `weight` defaults to 1; `fit_weight` (optional) weighs an ad in the fit.

    Raises:
        TrainError: fewer than 50 ads, or a tier without an ad.
    """
    if labels.height < 50 or labels["ai_tier"].n_unique() < 4:
        raise TrainError("training needs at least 50 labelled ads and one of each tier")
    lexicon, tables, ids, concepts, kinds = s6.compile_lexicon(book)
    names = scorer.feature_names(concepts, kinds)
    rules = s6.Rules(lexicon, tables, ids, lexicon.layer, concepts, names, {}, s6.blank_model())
    y, _ = targets(labels)
    weight = labels["weight"].cast(pl.Float64).to_numpy() if "weight" in labels.columns else np.ones(labels.height)
    fit_weight = (
        labels["fit_weight"].cast(pl.Float64).to_numpy() if "fit_weight" in labels.columns else np.ones(labels.height)
    )
    group = copies(ads)
    n_lanes = len(s6.LANES)
    dense = np.zeros((2, scorer.WIDTH, n_lanes), np.float32)
    bias = np.zeros((2, n_lanes), np.float32)
    cuts, calibration = np.zeros((2, 3), np.float32), np.zeros((2, 2))
    held = np.zeros((2, labels.height, n_lanes), np.float32)
    for v in (0, 1):
        x, facts = matrix(ads, rules, title_only=v == 1)
        held[v] = out_of_fold(x, y, group, fit_weight, seeds)
        for lane in range(n_lanes):
            rows = np.flatnonzero(y[:, lane] >= 0)
            if len(np.unique(y[rows, lane])) < 2:
                bias[v, lane] = -5.0
                continue
            cols = _mask(lane)
            m = _fit(x[rows, cols], y[rows, lane], C_TIER if lane < 4 else C_OTHER, fit_weight[rows])
            dense[v, cols, lane] = m.coef_[0]
            bias[v, lane] = m.intercept_[0]
        seen = facts[:, 0] > 0
        for k in range(3):
            cuts[v, k] = best_cut(y[:, k] == 1, np.where(seen, held[v, :, k], -9.0).astype(np.float64), weight)
        calibration[v] = calibrate(y[:, 1] == 1, held[v, :, 1].astype(np.float64), weight)
    data = pack(dense, bias, cuts, calibration, names)
    return Trained(data, {"ads": labels.height, "bytes": len(data)}, held)


def pack(
    dense: NDArray[np.float32],
    bias: NDArray[np.float32],
    cuts: NDArray[np.float32],
    calibration: Floats,
    names: list[str],
) -> bytes:
    """The bytes of model.npz: half precision, only features with a weight; the same input gives the same bytes."""
    used = [i for i in range(scorer.AT_END) if np.any(dense[:, i])]
    title_at = np.flatnonzero(np.any(dense[:, scorer.AT_TITLE : scorer.AT_TEXT], axis=(0, 2)))
    text_at = np.flatnonzero(np.any(np.abs(dense[:, scorer.AT_TEXT :]) > 1e-3, axis=(0, 2)))
    arrays = {
        "names": np.array([names[i] for i in used]),
        "explicit": dense[:, used].astype(np.float16),
        "title_at": title_at.astype(np.int32),
        "title": dense[:, scorer.AT_TITLE + title_at].astype(np.float16),
        "text_at": text_at.astype(np.int32),
        "text": dense[:, scorer.AT_TEXT + text_at, : len(s6.TIER_LANES)].astype(np.float16),
        "bias": bias,
        "cuts": cuts,
        "calibration": np.round(calibration, 6),
    }
    h = hashlib.sha256()
    for k, a in sorted(arrays.items()):
        h.update(k.encode() + str(a.dtype).encode() + np.ascontiguousarray(a).tobytes())
    meta = {"lanes": list(s6.LANES), "width": scorer.WIDTH, "version": h.hexdigest()[:16]}
    out = io.BytesIO()
    np.savez_compressed(out, meta=np.array(json.dumps(meta)), **arrays)  # type: ignore[arg-type]
    return out.getvalue()
