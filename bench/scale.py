"""Speed and memory of a whole build on synthetic ads: rows/s, CPU seconds, peak memory, bytes, cost an ad and stage.

    python bench/scale.py                     100,000 and 1,000,000 ads
    python bench/scale.py 3000000 --threads 2 --memory-limit 3GB
    python bench/scale.py --input ADS.parquet any ads; --repeat 1000000 repeats them to that number
    python bench/scale.py 20000 --files 400         as this many CSV files
    python bench/scale.py 1000000 --cgroup 3GB      inside a memory control group (root, cgroup v1)

A stage above its share of the budget for 10 million ads in three minutes on two cores (36 us an ad) is marked. Every build is a process of its own, so that start-up and compilation count and the peak is its own. Stages that run
side by side share the CPU seconds of the process; run with --threads 1 for the cost of each stage alone.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def measured(inputs: Path, out: Path, threads: int, memory: str) -> dict[str, object]:
    """Build in this process and measure it: wall and CPU seconds a stage, totals, peak of resident memory."""
    began = time.monotonic()
    import gangwei.cli  # sets what a build from the command line runs with

    gangwei.cli.share_one_heap()
    from gangwei.config import Settings, parse_size
    from gangwei.pipeline import Build
    from gangwei.watch import Watch

    stages: list[tuple[str, float, float]] = []
    open_: dict[str, tuple[float, float]] = {}

    class Clock(Watch):
        def begin(self, stage: str, rows: int, cached: int) -> None:
            open_[stage] = (time.monotonic(), time.process_time())

        def end(self, stage: str) -> None:
            wall, cpu = open_[stage]
            stages.append((stage, time.monotonic() - wall, time.process_time() - cpu))

    settings = Settings(out=out, inputs=(str(inputs),), threads=threads, memory_limit=parse_size(memory))
    report = Build(settings, Clock()).run()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "ads": report.counts["ads"],
        "stages": stages,
        "wall": time.monotonic() - began,
        "user": usage.ru_utime,
        "system": usage.ru_stime,
        "peak": usage.ru_maxrss * 1024,
    }


BUDGET = {
    "s1_read": 4, "s2_clean": 10, "s3_locate": 2, "s4_employers": 1, "s5_match": 9, "s6_classify": 5, "s7_publish": 5,
}  # fmt: skip
TABLES = {
    "s1_read": ("raw", "rejects", "gathered"), "s2_clean": ("clean",), "s3_locate": ("located",),
    "s4_employers": ("names", "employers", "affiliations"), "s5_match": ("signed", "matched"),
    "s6_classify": ("classified",),
}  # fmt: skip
CGROUP = Path("/sys/fs/cgroup/memory")


def repeated(source: Path, rows: int, folder: Path) -> Path:
    """The ads of a Parquet file over and over until there are `rows`, each copy under keys of its own."""
    import polars as pl

    ads = pl.read_parquet(source)
    key = next(c for c in ("record_id", "id") if c in ads.columns)
    folder.mkdir(parents=True)
    for n, at in enumerate(range(0, rows, ads.height)):
        copy = ads.head(rows - at).with_columns(pl.concat_str(pl.col(key), pl.lit(f"-{n}")).alias(key))
        copy.write_parquet(folder / f"{source.stem}-{n:03}.parquet")
    return folder


def divided(source: Path, files: int, folder: Path) -> Path:
    """The ads of a folder of Parquet files as CSV files of equal size."""
    import polars as pl

    ads = pl.read_parquet(source / "*.parquet")
    folder.mkdir(parents=True)
    for n in range(files):
        part = ads[n * ads.height // files : (n + 1) * ads.height // files]
        part.write_csv(folder / f"ads-{n:05}.csv")
    return folder


def size(folder: Path) -> int:
    """Bytes of all files under a folder."""
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())


def show(found: dict[str, object], inputs: int, out: Path, threads: int) -> None:
    """Print one build as Markdown."""
    stages, published = size(out / "stages"), size(out / "published")
    written: dict[str, int] = {s: sum(size(out / "stages" / t) for t in ts) for s, ts in TABLES.items()}
    written["s7_publish"] = published
    ads, wall = int(str(found["ads"])), float(str(found["wall"]))
    cpu = float(str(found["user"])) + float(str(found["system"]))
    print(
        f"\n{ads:,} ads, {threads} threads\n\n| stage | wall s | CPU s | us CPU an ad | budget | MB written |\n|---|---:|---:|---:|---:|---:|"
    )
    spent: dict[str, float] = {}
    for stage, w, c in found["stages"]:  # type: ignore[attr-defined]
        spent[stage] = spent.get(stage, 0.0) + c
        over = " over" if spent[stage] / ads * 1e6 > BUDGET.get(stage, 99) else ""
        print(
            f"| {stage} | {w:.1f} | {c:.1f} | {c / ads * 1e6:.1f} | {BUDGET.get(stage, 0)}{over} "
            f"| {written.pop(stage, 0) / 1e6:,.0f} |"
        )
    print(f"| all, with start-up | {wall:.1f} | {cpu:.1f} | {cpu / ads * 1e6:.1f} | 36 | |\n")
    print(
        f"{ads / wall:,.0f} ads a second, {ads / cpu:,.0f} a CPU second (system {found['system']:.1f} s); "
        f"peak {int(str(found['peak'])) / 2**30:.2f} GiB; input {inputs / 1e6:,.0f} MB, "
        f"stages {stages / 1e6:,.0f} MB, published {published / 1e6:,.0f} MB"
    )


@contextmanager
def limited(text: str | None) -> Iterator[Callable[[], None] | None]:
    """A function that puts the calling process into a memory control group of the given size."""
    if not text:
        yield None
        return
    from gangwei.config import parse_size

    group = CGROUP / f"gangwei-{os.getpid()}"
    group.mkdir()
    try:
        (group / "memory.limit_in_bytes").write_text(str(parse_size(text)))
        yield lambda: (group / "tasks").write_text(str(os.getpid())) and None
        print(
            f"\nmost memory in the control group: {int((group / 'memory.max_usage_in_bytes').read_text()) / 2**30:.2f} GiB"
        )
    finally:
        group.rmdir()


def main() -> None:
    """Make the ads, build them in child processes, print the tables, remove everything."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("ads", nargs="*", type=int, default=[100_000, 1_000_000])
    p.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    p.add_argument("--memory-limit", default="3GB")
    p.add_argument("--seed", type=int, default=5)
    p.add_argument("--cgroup", help="run each build inside a memory control group of this size")
    p.add_argument("--repeat", type=int, help="repeat the Parquet file of --input to this number of ads")
    p.add_argument("--files", type=int, help="divide the synthetic ads into this number of CSV files")
    p.add_argument("--keep", type=Path, help="keep the built dataset here")
    p.add_argument("--input", type=Path, help="a file or folder of ads instead of synthetic ones")
    p.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    a = p.parse_args()
    if a.child:
        print(json.dumps(measured(a.input, a.child, a.threads, a.memory_limit)))
        return
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores")
    for n in a.ads if a.input is None else [0]:
        with tempfile.TemporaryDirectory(prefix="gangwei-scale-") as folder:
            root = Path(folder)
            inputs = a.input or root / "synth" / "ads"
            if a.repeat:
                inputs = repeated(a.input, a.repeat, root / "repeated")
            if a.input is None:
                make = ["synth", "--ads", str(n), "--seed", str(a.seed), "--out", str(root / "synth")]
                subprocess.run([sys.executable, "-m", "gangwei", *make], check=True, capture_output=True)
                if shutil.disk_usage(root).free < 2 * size(inputs) * 6:
                    sys.exit(f"{n:,} ads: not enough disk for the stages; free some or set TMPDIR")
                if a.files:
                    inputs = divided(inputs, a.files, root / "divided")
            out = a.keep or root / "out"
            child = [sys.executable, __file__, "--input", str(inputs), "--child", str(out)]
            child += ["--threads", str(a.threads), "--memory-limit", a.memory_limit]
            with limited(a.cgroup) as enter:
                done = subprocess.run(child, check=True, stdout=subprocess.PIPE, text=True, preexec_fn=enter)
            in_bytes = size(inputs) if inputs.is_dir() else inputs.stat().st_size
            show(json.loads(done.stdout), in_bytes, out, a.threads)


if __name__ == "__main__":
    main()
