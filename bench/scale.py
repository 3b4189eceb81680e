"""Speed and memory of a whole build on synthetic ads: rows/s, CPU seconds, peak memory, bytes, cost an ad and stage.

    python bench/scale.py                     100,000 and 1,000,000 ads
    python bench/scale.py 3000000 --threads 2 --memory-limit 3GB
    python bench/scale.py --input ADS.parquet any ads

Every build is a process of its own, so that start-up and compilation count and the peak is its own. Stages that run
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
from pathlib import Path


def measured(inputs: Path, out: Path, threads: int, memory: str) -> dict[str, object]:
    """Build in this process and measure it: wall and CPU seconds a stage, totals, peak of resident memory."""
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    began = time.monotonic()
    from gangwei.config import Settings, parse_size
    from gangwei.pipeline import Build, Watch

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


def size(folder: Path) -> int:
    """Bytes of all files under a folder."""
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())


def show(found: dict[str, object], inputs: int, stages: int, published: int, threads: int) -> None:
    """Print one build as Markdown."""
    ads, wall = int(str(found["ads"])), float(str(found["wall"]))
    cpu = float(str(found["user"])) + float(str(found["system"]))
    print(f"\n{ads:,} ads, {threads} threads\n\n| stage | wall s | CPU s | us CPU an ad |\n|---|---:|---:|---:|")
    for stage, w, c in found["stages"]:  # type: ignore[attr-defined]
        print(f"| {stage} | {w:.1f} | {c:.1f} | {c / ads * 1e6:.1f} |")
    print(f"| all, with start-up | {wall:.1f} | {cpu:.1f} | {cpu / ads * 1e6:.1f} |\n")
    print(
        f"{ads / wall:,.0f} ads a second, {ads / cpu:,.0f} a CPU second (system {found['system']:.1f} s); "
        f"peak {int(str(found['peak'])) / 2**30:.2f} GiB; input {inputs / 1e6:,.0f} MB, "
        f"stages {stages / 1e6:,.0f} MB, published {published / 1e6:,.0f} MB"
    )


def main() -> None:
    """Make the ads, build them in child processes, print the tables, remove everything."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("ads", nargs="*", type=int, default=[100_000, 1_000_000])
    p.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    p.add_argument("--memory-limit", default="3GB")
    p.add_argument("--seed", type=int, default=5)
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
            if a.input is None:
                make = ["synth", "--ads", str(n), "--seed", str(a.seed), "--out", str(root / "synth")]
                subprocess.run([sys.executable, "-m", "gangwei", *make], check=True, capture_output=True)
                if shutil.disk_usage(root).free < 2 * size(inputs) * 6:
                    sys.exit(f"{n:,} ads: not enough disk for the stages; free some or set TMPDIR")
            child = [sys.executable, __file__, "--input", str(inputs), "--child", str(root / "out")]
            child += ["--threads", str(a.threads), "--memory-limit", a.memory_limit]
            done = subprocess.run(child, check=True, stdout=subprocess.PIPE, text=True)
            in_bytes = size(inputs) if inputs.is_dir() else inputs.stat().st_size
            out = root / "out"
            show(json.loads(done.stdout), in_bytes, size(out / "stages"), size(out / "published"), a.threads)


if __name__ == "__main__":
    main()
