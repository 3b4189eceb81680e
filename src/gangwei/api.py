"""The Python interface: open a dataset, ask for figures, list the ads behind them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from gangwei import measures as figures
from gangwei.frame.dataset import Dataset


class Opened:
    """A dataset opened for reading."""

    def __init__(self, directory: Path | str, labels: Path | str | None = None) -> None:
        self.dataset = Dataset.open(directory, labels=Path(labels) if labels else None)

    @property
    def measures(self) -> dict[str, str]:
        """Measure ids and what they count."""
        return {k: m.en for k, m in figures.load(self.dataset.codebook).items()}

    def measure(
        self, measure_id: str, by: str | None = None, where: Mapping[str, str] | None = None, *, as_of: str | None = None,
        lists: str | None = None, lang: str = "en",
    ) -> figures.Result:  # fmt: skip
        """One figure with its interval; the result has .arrow(), .polars() and .pandas().

        Raises:
            UnknownParameter: a measure, dimension, filter or value outside the vocabulary (its message lists the allowed).
        """
        return figures.measure(self.dataset, measure_id, by, where, as_of=as_of, lists=lists, lang=lang)

    def crossed(
        self, measure_id: str, by: str, across: str, where: Mapping[str, str] | None = None, *, as_of: str | None = None,
        lists: str | None = None, lang: str = "en",
    ) -> pl.DataFrame:  # fmt: skip
        """One figure by two dimensions: its groups within each value of `across`, with intervals.

        Raises:
            UnknownParameter: as for `measure`, or a dimension given twice.
        """
        return figures.crossed(self.dataset, measure_id, by, across, where, as_of=as_of, lists=lists, lang=lang)

    def ads(
        self, measure_id: str, by: str | None = None, group: str | None = None, where: Mapping[str, str] | None = None, *,
        as_of: str | None = None, lists: str | None = None, limit: int | None = 10_000, offset: int = 0,
    ) -> pl.DataFrame:  # fmt: skip
        """The openings behind a figure (or one group of it), in a fixed order; all of them where `limit` is None.

        Raises:
            UnknownParameter: as for `measure`.
            ValueError: a negative limit or offset.
        """
        if offset < 0 or (limit or 0) < 0:
            raise ValueError(f"limit={limit}, offset={offset}: both count openings, 0 or more")
        page = figures.ads_behind(
            self.dataset, measure_id, by, group, where, limit=limit, offset=offset, as_of=as_of, lists=lists
        )
        return page[1]
