"""Where the CPU of a build goes: a table by stage and function, and a flame graph.

    python bench/profile_build.py ADS.parquet --flame build.svg          any file or folder of ads
    python bench/profile_build.py --ads 500000 --flame build.json        synthetic ads; .json is a speedscope file

The build runs on one thread; a build of a handful of ads goes before it, so that compilation does not count. Samples are taken every
few milliseconds and weighted by the CPU seconds since the one before; a compiled kernel or a library call counts for the line
of Python that calls it.
"""

from __future__ import annotations

import argparse
import html
import json
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path
from types import FrameType

Stack = tuple[str, ...]


class Sampler(threading.Thread):
    """Samples one thread of this process; `found[stage][stack]` are CPU seconds."""

    def __init__(self, target: int, every: float = 0.004) -> None:
        super().__init__(daemon=True)
        self.target, self.every, self.stage = target, every, "start-up"
        self.found: dict[str, Counter[Stack]] = defaultdict(Counter)
        self.stop = threading.Event()

    def run(self) -> None:
        """Sample until stopped."""
        last = time.process_time()
        while not self.stop.wait(self.every):
            stacks = sys._current_frames()
            busy = [f for t, f in stacks.items() if t != self.ident and f is not None and working(f)]
            now = time.process_time()
            for frame in busy:
                self.found[self.stage][stack_of(frame)] += (now - last) / len(busy)
            last = now


def working(frame: FrameType) -> bool:
    """False for a thread that waits for others."""
    return frame.f_code.co_filename.rsplit("/", 1)[-1] not in {"threading.py", "queue.py", "thread.py", "_base.py"}


def stack_of(frame: FrameType | None) -> Stack:
    """Functions from the outermost to the innermost one; the innermost of this package with its line."""
    names: list[str] = []
    lined = False
    while frame is not None:
        module, code = str(frame.f_globals.get("__name__", "?")), frame.f_code
        if module.startswith("gangwei."):
            line = "" if lined else f":{frame.f_lineno}"
            names.append(f"{module.removeprefix('gangwei.')}.{code.co_qualname.replace('.<locals>', '')}{line}")
            lined = True
        elif not lined and not module.startswith(("threading", "concurrent")):
            names.append(f"{module.split('.', maxsplit=1)[0]}.{code.co_name}")
        frame = frame.f_back
    return tuple(reversed(names))


def table(found: dict[str, Counter[Stack]], ads: int, top: int) -> None:
    """Print CPU seconds by stage, and the functions of this package in which most of them were spent."""
    everything = sum(sum(c.values()) for c in found.values())
    print("| stage | CPU s | us an ad | where |\n|---|---:|---:|---|")
    for stage, stacks in found.items():
        own: Counter[str] = Counter()
        for stack, seconds in stacks.items():
            own[next((f for f in reversed(stack) if ":" in f), stack[-1] if stack else "?")] += seconds
        most = ", ".join(f"{f} {s / ads * 1e6:.2f}" for f, s in own.most_common(top))
        total = sum(stacks.values())
        print(f"| {stage} | {total:.1f} | {total / ads * 1e6:.1f} | {most} |")
    print(f"| all | {everything:.1f} | {everything / ads * 1e6:.1f} | |")


def speedscope(found: dict[str, Counter[Stack]]) -> str:
    """The samples in the file format of speedscope."""
    frames: dict[str, int] = {}
    samples, weights = [], []
    for stage, stacks in found.items():
        for stack, seconds in stacks.items():
            samples.append([frames.setdefault(f, len(frames)) for f in (stage, *stack)])
            weights.append(seconds)
    profile = {"type": "sampled", "name": "build", "unit": "seconds", "startValue": 0, "endValue": sum(weights)}
    return json.dumps(
        {
            "$schema": "https://www.speedscope.app/file-format-schema.json",
            "shared": {"frames": [{"name": f} for f in frames]},
            "profiles": [{**profile, "samples": samples, "weights": weights}],
        }
    )


def flame(found: dict[str, Counter[Stack]], ads: int, width: int = 1400) -> str:
    """A flame graph as SVG: callers above, callees below, as wide as their CPU seconds; a tooltip tells us an ad."""
    tree: dict[Stack, float] = defaultdict(float)
    for stage, stacks in found.items():
        for stack, seconds in stacks.items():
            for depth in range(len(stack) + 2):
                tree[("build", stage, *stack)[:depth]] += seconds
    total = tree.pop((), 0.0) or 1.0
    boxes, deepest = [], 0
    starts: dict[Stack, float] = {(): 0.0}
    for path in sorted(tree):
        left = starts[path[:-1]]
        starts[path[:-1]] = left + tree[path]
        starts[path] = left
        w = tree[path] / total * width
        if w < 1:
            continue
        deepest = max(deepest, len(path))
        hue = sum(path[-1].split(":")[0].encode()) % 40 + 10
        x, y, name = left / total * width, (len(path) - 1) * 18, html.escape(path[-1])
        shown = html.escape(path[-1][: int(w / 6.5)]) if w > 20 else ""
        boxes.append(
            f"<g><title>{name}: {tree[path]:.2f} s, {tree[path] / ads * 1e6:.2f} us an ad</title>"
            f'<rect x="{x:.1f}" y="{y}" width="{w:.1f}" height="17" fill="hsl({hue},80%,70%)"/>'
            f'<text x="{x + 2:.1f}" y="{y + 13}">{shown}</text></g>'
        )
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{deepest * 18}" font-family="monospace"'
    return f'{head} font-size="11">' + "\n".join(boxes) + "</svg>\n"


def main() -> None:
    """Build under the sampler, print the table, write the flame graph."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("input", nargs="?", type=Path, help="a file or folder of ads; default: synthetic ones")
    p.add_argument("--ads", type=int, default=500_000, help="number of synthetic ads")
    p.add_argument("--flame", type=Path, help="write a flame graph here: .svg, or .json for speedscope")
    p.add_argument("--top", type=int, default=6, help="functions named for each stage")
    a = p.parse_args()
    import gangwei.cli  # sets what a build from the command line runs with

    gangwei.cli.share_one_heap()
    from gangwei import warm
    from gangwei.config import Settings
    from gangwei.pipeline import Build
    from gangwei.synth import make as synth
    from gangwei.watch import Watch

    sampler = Sampler(threading.get_ident())

    class Stage(Watch):
        def begin(self, stage: str, rows: int, cached: int) -> None:
            sampler.stage = stage

        def end(self, stage: str) -> None:
            sampler.stage = "between"

    with tempfile.TemporaryDirectory(prefix="gangwei-profile-") as folder:
        root = Path(folder)
        clean, _, _ = warm.ads()
        some = clean.select("title", "company", "board", "url", "address", description="text")
        some.write_parquet(root / "some.parquet")
        Build(Settings(out=root / "first", inputs=(str(root / "some.parquet"),), threads=1)).run()
        if a.input is None:
            synth.write(root / "synth", a.ads, seed=5)
        sampler.start()
        report = Build(
            Settings(out=root / "out", inputs=(str(a.input or root / "synth" / "ads"),), threads=1), Stage()
        ).run()
        sampler.stop.set()
        sampler.join()
    ads = report.counts["ads"]
    table(sampler.found, ads, a.top)
    if a.flame:
        a.flame.write_text(speedscope(sampler.found) if a.flame.suffix == ".json" else flame(sampler.found, ads))
        print(f"flame graph: {a.flame}")


if __name__ == "__main__":
    main()
