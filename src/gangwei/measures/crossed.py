"""A figure by two dimensions: its groups within each value of a second one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import polars as pl

from gangwei.frame.dataset import Dataset
from gangwei.measures.answer import measure
from gangwei.vocabulary import UnknownParameter


def crossed(
    ds: Dataset,
    measure_id: str,
    by: str,
    across: str,
    where: Mapping[str, str] | None = None,
    *,
    as_of: dt.date | str | None = None,
    lists: Sequence[str] | str | None = None,
    lang: str = "en",
) -> pl.DataFrame:
    """Rows of a figure `by` one dimension within each value of another: the figure asked with that value as a filter.

    Returns:
        the columns of `Result.rows`, behind the code of the value (named after `across`) and its label.

    Raises:
        UnknownParameter: a name or value outside the vocabulary, or a dimension that is grouped or filtered by already,
            or a measure whose groups are not shown each.
    """
    where = dict(where or {})
    asked = {"as_of": as_of, "lists": lists, "lang": lang}
    values = measure(ds, measure_id, across, where, **asked)  # type: ignore[arg-type]
    if across == by or across in where:
        others = sorted({*values.measure.groups} - {by, *where})
        raise UnknownParameter("second dimension", across, others)
    if "id" not in values.rows.columns:  # one number whatever the groups, such as concentration
        raise UnknownParameter("second dimension", across, ())

    def behind(value: str | None, label: str | None, rows: pl.DataFrame) -> pl.DataFrame:
        front = [pl.lit(v, pl.String).alias(n) for v, n in ((value, across), (label, f"{across}_label"))]
        return rows.select(*front, pl.all())

    found = []
    for value in values.rows.select("id", "label").to_dicts():
        rows = measure(ds, measure_id, by, {**where, across: value["id"]}, **asked).rows  # type: ignore[arg-type]
        found.append(behind(value["id"], value["label"], rows))
    if not found:
        return behind(None, None, measure(ds, measure_id, by, where, **asked).rows.clear())  # type: ignore[arg-type]
    return pl.concat(found, how="vertical_relaxed")
