"""How far the matcher's threshold and the window of a spell move the counts: matched again on a sample of whole employers.

Ads of one employer are matched among themselves, so a sample of employers gives rates without bias from ads left out; links
across employers (agencies, hidden names) are only seen inside it. The sample follows from the keys of the employers alone
and is set aside while the whole is matched, so that it costs the same at any size.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from gangwei.kernels.hashing import mix
from gangwei.kernels.match import judging
from gangwei.schema import MATCH_SENSITIVITY, U64, Column, Table
from gangwei.stages.s5_match import SIGNATURE, Rules, found_in, tuned

SAMPLE = 50_000
STEP, WINDOWS = 0.05, (30, 60, 90)
SAMPLED = Table(
    "sampled",
    "Signatures of the ads of some employers.",
    (*SIGNATURE.columns, Column("ad_id", U64, "unique key of the ad")),
)


def _employers(
    employer: npt.NDArray[np.uint64], key: npt.NDArray[np.uint64], city: npt.NDArray[np.uint64]
) -> npt.NDArray[np.uint64]:
    """What ads are sampled by: their employer, or title and city where none is named."""
    return np.where(employer == 0, mix(key, city), employer)


class Sample:
    """Every k-th employer of a dataset, with about `size` ads; all of them where there are fewer."""

    def __init__(self, ad_keys: npt.NDArray[np.uint64], size: int = SAMPLE) -> None:
        self.ad_keys, self.pieces = ad_keys, [SAMPLED.empty()]
        self.every = np.uint64(max(1, -(-ad_keys.size // size)))

    def add(self, table: pa.Table, at: int) -> None:
        """Take what belongs to the sample of signatures from position `at` on."""
        who = _employers(*(table.column(c).to_numpy() for c in ("employer", "title_key", "city")))
        rows = np.flatnonzero(mix(who, who) % self.every == 0)
        frame = pl.DataFrame(table.take(rows))
        self.pieces.append(SAMPLED.conform(frame.with_columns(ad_id=pl.Series(self.ad_keys[at + rows], dtype=U64))))

    def frame(self) -> pl.DataFrame:
        """SAMPLED columns, in canonical order."""
        return pl.concat(self.pieces)


def sensitivity(
    sampled: pl.DataFrame, ads: int, rules: Rules, window_days: int, threshold: float | None
) -> pl.DataFrame:
    """schema.MATCH_SENSITIVITY; empty without ads.

    Args:
        sampled: `Sample.frame()` of a dataset of so many `ads`.
        threshold: of the build, None for that of the definitions.
    """
    n = sampled.height
    if n == 0:
        return MATCH_SENSITIVITY.empty()
    signatures = sampled.with_columns(pl.Series("ad_no", np.arange(n)))
    who = _employers(*(sampled[c].to_numpy() for c in ("employer", "title_key", "city")))
    base = float(rules.params[judging.SAME_TITLE]) if threshold is None else threshold
    asked = [(base, window_days), (base - STEP, window_days), (base + STEP, window_days)]
    asked += [(base, w) for w in WINDOWS if w != window_days]
    found = {cut: found_in(signatures, tuned(rules, cut)) for cut in (base, base - STEP, base + STEP)}
    rows = []
    for cut, window in asked:
        m = next(found[cut].finish(np.arange(n), window)).with_columns(who=pl.Series(who))
        openings = m.group_by("opening_no").agg(pl.col("who").min(), dated=pl.col("spell_no").is_not_null().any())
        spells = m.drop_nulls("spell_no").group_by("spell_no").agg(pl.col("who").min())
        counts = m.group_by("who").len("ads").sort("who")
        for name, frame in (("openings", openings), ("dated", openings.filter("dated")), ("spells", spells)):
            counts = counts.join(frame.group_by("who").len(name), on="who", how="left", maintain_order="left")
        of, opened, dated, again = (
            counts[c].fill_null(0).to_numpy().astype(float) for c in ("ads", "openings", "dated", "spells")
        )
        left_out = 1 - n / ads
        rows.append(
            {
                "threshold": round(cut, 4), "window_days": window, "is_base": (cut, window) == (base, window_days),
                "sample_share": n / ads, "ads": n, "openings": openings.height, "dated_openings": int(dated.sum()),
                "spells": spells.height, "campaigns": m["campaign_no"].drop_nulls().n_unique(),
                "repeats_error": _error(opened, of, left_out), "spells_error": _error(again, dated, left_out),
            }
        )  # fmt: skip
    return pl.DataFrame(rows, schema=MATCH_SENSITIVITY.polars)


def _error(part: npt.NDArray[np.float64], whole: npt.NDArray[np.float64], left_out: float) -> float:
    """Standard error of sum(part) / sum(whole) over employers, of whom the share `left_out` is not in the sample."""
    k, total = part.size, whole.sum()
    if k < 2 or total == 0 or left_out <= 0:
        return 0.0
    apart = part - part.sum() / total * whole
    return math.sqrt(left_out * k / (k - 1) * float((apart * apart).sum())) / float(total)
