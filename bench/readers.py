"""Readers side by side with libraries that only read: MB/s and us of CPU an ad for each format of the same synthetic ads.

    python bench/readers.py [--ads 60000] [--rounds 3]

Each way runs in a process of its own on one thread; the least of the rounds counts. The reader of this project maps the
columns, checks every row and finds the encoding; the others leave a table of strings. xlsx takes a tenth of the ads, and Polars reads it through openpyxl.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import openpyxl
import polars as pl

FORMATS = ("parquet", "csv", "gb18030.csv", "jsonl", "json", "xlsx")


def write(ads: pl.DataFrame, folder: Path) -> None:
    """One file of each format."""
    ads.write_parquet(folder / "ads.parquet")
    ads.write_csv(folder / "ads.csv")
    (folder / "ads.gb18030.csv").write_bytes((folder / "ads.csv").read_text("utf-8").encode("gb18030"))
    ads.write_ndjson(folder / "ads.jsonl")
    ads.write_json(folder / "ads.json")
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(ads.columns)
    for row in ads.head(ads.height // 10).iter_rows():
        sheet.append(row)
    book.save(folder / "ads.xlsx")


def own(path: Path) -> int:
    """Rows that this project keeps of a file."""
    from gangwei.codebook import Codebook
    from gangwei.stages import s1_read

    limits = s1_read.Limits()
    items, _ = s1_read.discover([path], limits)
    return sum(batch.raw.height for item in items for batch in s1_read.read(item, Codebook(), limits))


def polars(path: Path) -> int:
    """Rows that Polars reads."""
    readers: dict[str, Callable[..., pl.DataFrame]] = {
        "parquet": pl.read_parquet, "jsonl": pl.read_ndjson, "json": pl.read_json,
        "xlsx": lambda p: pl.read_excel(p, engine="openpyxl"),
    }  # fmt: skip
    if path.suffix == ".csv":
        encoding = "gb18030" if "gb18030" in path.name else "utf8"
        return pl.read_csv(path, infer_schema=False, encoding=encoding).height
    return readers[path.suffix[1:]](path).height


def duckdb(path: Path) -> int:
    """Rows that DuckDB reads."""
    import duckdb as db

    name = {"parquet": "read_parquet", "csv": "read_csv", "jsonl": "read_json", "json": "read_json"}[path.suffix[1:]]
    more = ", all_varchar=true" if name == "read_csv" else ""
    con = db.connect(config={"threads": 1})
    return con.sql(f"SELECT * FROM {name}('{path}'{more})").to_arrow_table().num_rows


WAYS: dict[str, Callable[[Path], int]] = {"gangwei": own, "polars": polars, "duckdb": duckdb}


def timed(way: str, path: Path, rounds: int) -> str:
    """`rows seconds` of the best round, in this process, after one on a small file."""
    rows, best = 0, float("inf")
    for _ in range(rounds):
        start = time.process_time()
        rows = WAYS[way](path)
        best = min(best, time.process_time() - start)
    return f"{rows} {best}"


def main() -> None:
    """Write the files, run every way on each, print the table."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--ads", type=int, default=60_000)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    a = p.parse_args()
    if a.child:
        print(timed(a.child[0], Path(a.child[1]), a.rounds))
        return
    from gangwei.synth import make as synth

    threads = dict.fromkeys(("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "RAYON_NUM_THREADS"), "1")
    with tempfile.TemporaryDirectory(prefix="gangwei-readers-") as name:
        folder = Path(name)
        synth.write(folder / "synth", a.ads, seed=5)
        write(pl.read_parquet(folder / "synth" / "ads" / "*.parquet"), folder)
        print("| format | MB | " + " | ".join(f"{w}: MB/s | us an ad" for w in WAYS) + " |")
        print("|---|---:" + "|---:|---:" * len(WAYS) + "|")
        for form in FORMATS:
            path = folder / f"ads.{form}"
            size, cells = path.stat().st_size, []
            for way in WAYS:
                child = [sys.executable, __file__, "--rounds", str(a.rounds), "--child", way, str(path)]
                done = subprocess.run(child, check=False, capture_output=True, text=True, env=os.environ | threads)
                if done.returncode:
                    cells.append("– | –")
                    continue
                rows, seconds = done.stdout.split()[-2:]
                cells.append(f"{size / 1e6 / float(seconds):,.0f} | {float(seconds) / int(rows) * 1e6:.1f}")
            print(f"| {form} | {size / 1e6:,.0f} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
