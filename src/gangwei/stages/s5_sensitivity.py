"""How far the matcher's threshold and the window of a spell move the counts: matched again on a sample of whole employers.

Ads of one employer are matched among themselves, so a sample of employers gives rates without bias from ads left out; links
across employers (agencies, hidden names) are only seen inside it. Reading the signatures costs 2 us an ad, so a dataset
beyond `LIMIT` ads is left without.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from gangwei.kernels import cluster
from gangwei.kernels.hashing import mix
from gangwei.schema import MATCH_SENSITIVITY
from gangwei.stages.s5_match import Rules, match
from gangwei.store import read_frame

SAMPLE, LIMIT = 50_000, 2_000_000
STEP, WINDOWS = 0.05, (30, 60, 90)


def sampled(paths: Sequence[Path], ad_keys: npt.NDArray[np.uint64], sample: int = SAMPLE) -> pl.DataFrame:
    """Signatures of every k-th employer, about `sample` ads, with ad_no and ad_id."""
    part, at = [], 0
    every = max(1, -(-ad_keys.size // sample))
    for path in paths:
        frame = read_frame(path)
        keys = pl.Series("ad_id", ad_keys[at : at + frame.height])
        employer = frame["employer"].to_numpy()
        unnamed = mix(frame["title_key"].to_numpy(), frame["city"].to_numpy())
        block = np.where(employer == 0, unnamed, employer)
        keep = pl.Series(mix(block, block) % np.uint64(every) == 0)
        part.append(frame.with_columns(keys).filter(keep))
        at += frame.height
    whole = pl.concat(part) if part else MATCH_SENSITIVITY.empty()
    return whole.with_columns(pl.Series("ad_no", np.arange(whole.height)))


def sensitivity(
    paths: Sequence[Path], ad_keys: npt.NDArray[np.uint64], rules: Rules, window_days: int, threshold: float | None
) -> pl.DataFrame:
    """schema.MATCH_SENSITIVITY; empty for a dataset of no ads or more than `LIMIT`."""
    n = int(ad_keys.size)
    if n == 0 or n > LIMIT:
        return MATCH_SENSITIVITY.empty()
    signatures = sampled(paths, ad_keys)
    base = float(rules.params[cluster.SAME_TITLE]) if threshold is None else threshold
    asked = [(base, window_days), (base - STEP, window_days), (base + STEP, window_days)]
    asked += [(base, w) for w in WINDOWS if w != window_days]
    rows = []
    for cut, window in asked:
        m = match(signatures, rules, window_days=window, threshold=cut)
        rows.append(
            {
                "threshold": round(cut, 4), "window_days": window, "is_base": (cut, window) == (base, window_days),
                "sample_share": signatures.height / n, "ads": m.height, "openings": m["opening_no"].n_unique(),
                "dated_openings": m.filter(pl.col("spell_no").is_not_null())["opening_no"].n_unique(),
                "spells": m["spell_no"].drop_nulls().n_unique(), "campaigns": m["campaign_no"].drop_nulls().n_unique(),
            }
        )  # fmt: skip
    return pl.DataFrame(rows, schema=MATCH_SENSITIVITY.polars)
