"""The last day of a data set by what its sources say together: one date with a wrong year does not move it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import polars as pl


def plausible_end(days: pl.Series, ads: pl.Series, gap_days: int, share: float) -> tuple[dt.date, int]:
    """The last day of one source and how many of its ads lie beyond.

    Args:
        days: distinct days in order. ads: how many ads have that day as their latest.
        gap_days, share: at most this share of the ads, all later than the others by more days than that, do not count.
    """
    n = ads.to_numpy().astype(np.int64)
    beyond = n[::-1].cumsum()[::-1]
    apart = np.diff(days.cast(pl.Int32).to_numpy()) > gap_days
    cut = np.flatnonzero(apart & (beyond[1:] <= share * n.sum()))
    at = int(cut[0]) if cut.size else len(n) - 1
    return days[at], int(n[at + 1 :].sum())


def last_day(found: pl.DataFrame, limits: dict[str, Any]) -> tuple[dt.date | None, list[dict[str, Any]]]:
    """The latest plausible day of all sources, and rows of the issues log for the dates beyond.

    Args:
        found: source_id, day and ads. limits: [last_day] of dates.toml.
    """
    ends, issues = [], []
    dated = found.drop_nulls("day").sort("source_id", "day", nulls_last=True)
    for (source,), part in dated.group_by("source_id", maintain_order=True):
        end, n = plausible_end(part["day"], part["ads"], int(limits["gap_days"]), float(limits["share"]))
        ends.append(end)
        if n:
            message = f"{n:,} ads are dated after {end}, the last day of all others; they do not set the as-of date"
            issues.append(
                {
                    "stage": "s4_employers",
                    "source_id": source,
                    "reason_id": "date_far_ahead",
                    "n": n,
                    "message": message,
                }
            )
    return max(ends, default=None), issues
