"""The ledger of second opinions, `DIR/opinions.csv`: one line for every answer or failure, read by the build, never rewritten.

An opinion belongs to a title and text, not to an ad, so that copies share it. The last answer to a text counts, and only
while the ad's score lies in the band for which it was asked.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

import polars as pl

from gangwei.schema import AI_TIERS
from gangwei.store import StoreError, digest, write_text

COLUMNS = {
    "key": pl.String,
    "ad_id": pl.String,
    "low": pl.Float64,
    "high": pl.Float64,
    "model": pl.String,
    "prompt": pl.String,
    "status": pl.String,
    "tier": pl.String,
    "detail": pl.String,
    "tokens_in": pl.Int64,
    "tokens_out": pl.Int64,
}
ANSWERED, REFUSED, FAILED = "answered", "refused", "failed"
APPLIED = ("key", "low", "high", "model", "tier")
LEDGER = "opinions.csv"


def as_key(number: int) -> str:
    """A key as the ledger writes it."""
    return f"{number:016x}"


def read(path: Path) -> pl.DataFrame:
    """All lines of a ledger (`COLUMNS`); none where there is no file.

    Raises:
        StoreError: the file is not a ledger, or a line of it is not one; the message names the line.
    """
    if not path.exists():
        return pl.DataFrame(schema=COLUMNS)
    try:
        lines = list(csv.reader(io.StringIO(path.read_text("utf-8")), strict=True))
    except (UnicodeDecodeError, csv.Error) as e:
        raise StoreError(f"{path}: not a ledger of opinions ({e})") from None
    if not lines or lines[0] != list(COLUMNS):
        raise StoreError(f"{path}: the first line is not {','.join(COLUMNS)}")
    for number, line in enumerate(lines[1:], 2):
        row = dict(zip(COLUMNS, line))
        try:
            low, high = float(row["low"]), float(row["high"])
            sound = len(line) == len(COLUMNS) and int(row["key"], 16) < 1 << 64 and 0 <= low <= high <= 1
            sound = sound and row["status"] in (ANSWERED, REFUSED, FAILED) and bool(row["model"])
            sound = sound and (row["tier"] in AI_TIERS) == (row["status"] == ANSWERED)
        except (KeyError, ValueError):
            sound = False
        if not sound:
            raise StoreError(f"{path}, line {number}: not an opinion: {','.join(line)[:120]}")
    columns = {c: [line[i] or None for line in lines[1:]] for i, c in enumerate(COLUMNS)}
    return pl.DataFrame(columns, schema=dict.fromkeys(COLUMNS, pl.String)).cast(COLUMNS)  # type: ignore[arg-type]


def append(path: Path, rows: list[dict[str, object]]) -> None:
    """Add lines to a ledger, begun where there is none, and flush them."""
    fresh = not path.exists() or path.stat().st_size == 0
    with path.open("a", encoding="utf-8", newline="") as f:
        writer = csv.DictWriter(f, COLUMNS, lineterminator="\n")
        if fresh:
            writer.writeheader()
        writer.writerows(rows)


def freeze(ledger: Path, folder: Path) -> Path:
    """The opinions in force, in a file of `folder` named after its content: what a build reads.

    Raises:
        StoreError: the ledger is damaged.
    """
    found = read(ledger).filter(pl.col("status") == ANSWERED).unique("key", keep="last", maintain_order=True)
    text = found.select(APPLIED).sort("key").write_csv()
    path = folder / f"{digest(text)}.csv"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
    return path


def load(path: Path) -> pl.DataFrame:
    """A file of `freeze`, the keys as numbers."""
    frame = pl.read_csv(path, schema={c: COLUMNS[c] for c in APPLIED})
    return frame.with_columns(pl.col("key").str.to_integer(base=16, dtype=pl.UInt64))
