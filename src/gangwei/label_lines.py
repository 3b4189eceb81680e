"""Lines of labels as people and `gangwei label` write them: what each ad stands for, and whose word is the last."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from gangwei.schema import AI_TIERS
from gangwei.store import StoreError, read_lines

DESIGN = ("stratum_population", "stratum_sample")
FLAGS = ("mention", "surveillance_job", "defence_signal")
YES_NO = dict.fromkeys(("true", "yes", "1", "1.0"), True) | dict.fromkeys(("false", "no", "0", "0.0"), False)


def read_label_lines(path: Path) -> pl.DataFrame:
    """Lines of JSON or CSV; of several by one `reader` on one `ad_id` the last. `weight` (Float64) is that of the file, or
    follows from stratum_population and stratum_sample (of readers: how many they read); without either there is none. FLAGS are
    Boolean; `ai_tier` is one of AI_TIERS or mention.

    Raises:
        StoreError: no such file, of another form, a tier that is none, a weight that is missing, negative or no number, one half
            of the design without the other, or a flag that is neither yes nor no.
    """
    frame = read_lines(path)
    if "ai_tier" in frame.columns:
        frame = frame.with_columns(_tier(frame["ai_tier"], path))
    frame = frame.with_columns(_flag(frame[c], path) for c in FLAGS if c in frame.columns)
    if {"reader", "ad_id"} <= set(frame.columns):
        frame = frame.unique(["reader", "ad_id"], keep="last", maintain_order=True)
    given = ["weight"] if "weight" in frame.columns else [c for c in DESIGN if c in frame.columns]
    if len(given) == 1 and given != ["weight"]:
        raise StoreError(f"{path.name}: {given[0]} needs {' and '.join(c for c in DESIGN if c not in given)} beside it")
    if given:
        numbers = frame.select(pl.col(given).cast(pl.Float64, strict=False))
        weight = numbers["weight"] if given == ["weight"] else numbers[DESIGN[0]] / numbers[DESIGN[1]]
        if given != ["weight"] and {"reader", "ad_id", "stratum"} <= set(
            frame.columns
        ):  # what was read, not all that was drawn
            weight = numbers[DESIGN[0]] / frame.select(pl.col("ad_id").n_unique().over("stratum")).to_series()
        fit = (weight.is_finite() & (weight >= 0)).fill_null(False)
        if wrong := int((~fit).sum()):
            raise StoreError(
                f"{path.name}: {wrong} of {frame.height} lines have no usable {' / '.join(given)}; it must be a number, 0 or more"
            )
        if frame.height and not weight.sum():
            raise StoreError(f"{path.name}: every {' / '.join(given)} is 0")
        frame = frame.with_columns(weight=weight)
    return frame


def _tier(column: pl.Series, path: Path) -> pl.Series:
    """The tiers of the labels, however a spreadsheet writes their letters."""
    tiers = column.cast(pl.String).str.strip_chars().str.to_lowercase().replace("", None)
    allowed = (*AI_TIERS, "mention")
    if empty := tiers.null_count():
        raise StoreError(f"{path.name}: {empty} of {len(tiers)} lines have no ai_tier; take out those that nobody read")
    if strange := sorted(set(tiers) - set(allowed)):
        raise StoreError(f"{path.name}: unknown ai_tier {', '.join(strange)}; allowed: {', '.join(allowed)}")
    return tiers


def _flag(column: pl.Series, path: Path) -> pl.Series:
    """A flag as spreadsheets and programs write it: true, yes, 1; an empty cell is unknown."""
    if column.dtype == pl.Boolean:
        return column
    words = column.cast(pl.String).str.strip_chars().str.to_lowercase().replace("", None)
    if strange := sorted(set(words.drop_nulls()) - set(YES_NO)):
        raise StoreError(f"{path.name}: {column.name} {strange[0]!r} is neither yes nor no")
    return words.replace_strict(YES_NO, return_dtype=pl.Boolean)


def own_lines(path: Path) -> list[dict[str, Any]]:
    """Lines that the labelling page wrote; one that was cut off while it was written (a full disk) is no label.

    Raises:
        StoreError: a line within the file that is none.
    """
    lines = path.read_text("utf-8", "replace").splitlines() if path.exists() else []
    out = []
    for n, line in enumerate(lines, 1):
        try:
            out.append(json.loads(line) if line else None)
        except ValueError:
            if n < len(lines):
                raise StoreError(f"{path.name}: line {n} is not JSON; mend it or take it out") from None
    return [x for x in out if x is not None]


def append_line(path: Path, line: dict[str, Any]) -> None:
    """Add a line; one that was cut off before it is taken out."""
    with path.open("a+b") as f:
        f.seek(0)
        f.truncate(f.read().rfind(b"\n") + 1)
        f.write((json.dumps(line, ensure_ascii=False) + "\n").encode())
