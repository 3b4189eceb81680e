"""The lanes of the model of stage 6 one by one: what they are fitted on and with, and where they are cut.

Each lane of `s6_classify.LANES` is an L2 logistic regression over the features of `kernels.ai.scorer`, those of tiers scaled by
`spread`. Cross-validation keeps near copies together. Cuts maximise the mean of unweighted and weighted F1 out of fold.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from gangwei.kernels.ai import fields, ngrams
from gangwei.schema import AI_ROLES, AI_SUBFIELDS
from gangwei.stages import s6_classify as s6

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Weak = tuple[Any, NDArray[np.int8]]
"""Title features of ads without a label, and of each whether it reaches each lane of tiers."""
C_TIER, C_MENTION, C_OTHER = (1.0, 0.3), 0.3, 1.0  # tiers: ads as they are, titles alone
WIDTH = ngrams.WIDTH + fields.WIDTH
FOLDS, SEEDS = 5, 2
NEVER = -5.0  # score of a lane whose labels hold one value only
CUT_LANES = s6.PHRASE_LANES  # tiers and subfields: their cuts are chosen out of fold


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
        y[known, s6.MENTION] = labels["mention"].fill_null(False).to_numpy()[known]
    if "role" in labels.columns:
        known = labels["role"].is_not_null().to_numpy()
        for k, role in enumerate(AI_ROLES):
            y[known, s6.AT_ROLES + k] = labels["role"].eq(role).fill_null(False).to_numpy()[known]
    if "subfields" in labels.columns:
        known = labels["subfields"].is_not_null().to_numpy() & (y[:, 1] == 1)
        for k, sub in enumerate(AI_SUBFIELDS):
            y[known, s6.AT_SUBFIELDS + k] = labels["subfields"].list.contains(sub).fill_null(False).to_numpy()[known]
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
    """A fitted regression of 0 and 1 in `y`; the solver uses no chance."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=c, solver="liblinear", max_iter=300).fit(x, y, sample_weight=weight)


def columns_of(lane: int) -> NDArray[np.int64]:
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


def parts_of(x: csr_matrix, scale: Floats) -> list[csr_matrix]:
    """The columns of x that each lane may use, for tiers times `scale`; lanes with the same ones share a matrix."""
    from scipy.sparse import diags

    shared: dict[int, csr_matrix] = {}
    masks = [columns_of(lane) for lane in range(len(s6.LANES))]
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
    if lane >= s6.AT_SUBFIELDS:  # most subfields are rare: halfway between ads that count alike and classes that do
        w = np.where(target == 1, w * np.sqrt((target == 0).sum() / (target == 1).sum()), w)
    others = C_MENTION if lane == s6.MENTION else C_OTHER
    return _fit(x, target, c if lane < len(s6.TIER_LANES) else others, w)


def fit_all(
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
        models = fit_all(parts, y, [(a, lane) for a, _, lane in jobs], weight, c, weak)
        for (_, b, lane), m in zip(jobs, models):
            total[b, lane] += m.decision_function(parts[lane][b]) if m else NEVER
    return (total / seeds).astype(np.float32)


def calibrate(truth: Bools, score: Floats, weight: Floats) -> tuple[float, float]:
    """Slope and shift of Platt's logistic calibration under the design weights."""
    m = _fit(score.reshape(-1, 1), truth.astype(np.int8), 1e3, weight / weight.mean())
    return float(m.coef_[0, 0]), float(m.intercept_[0])
