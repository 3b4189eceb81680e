"""Latency of the explorer over one dataset: single-filter pages, search, profiles, and readers in parallel, through a real server.

python bench/explore.py DIR [--pages 200] [--readers 20] [--seed 1]

The server runs in a process of its own. Every address is asked once, so nothing comes from the cache of finished answers
except where the line says "again". Pages are drawn at random from all measures x one filter (x one grouping for half).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import resource
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlencode

import httpx

from gangwei import measures, vocabulary
from gangwei.frame.dataset import Dataset

WORDS = (
    "算法",
    "工程师",
    "销售经理",
    "数据分析师",
    "java",
    "会计",
    "深度学习",
    "客服",
    "产品经理",
    "护士",
    "主管",
    "AI",
    "科技",
    "教育",
    "物流",
    "仓库",
)
TEXT_WORDS = (
    "深度学习",
    "机器学习",
    "python",
    "图像识别",
    "大模型",
    "推荐系统",
    "数据挖掘",
    "自然语言处理",
    "五险一金",
    "双休",
    "驾驶证",
    "英语",
)
GROUPS = ("province", "city", "role", "education", "tier", "board", "month", "employer_kind")


def addresses(ds: Dataset, n: int, seed: int) -> list[tuple[str, str]]:
    """(measure, address) of single-filter pages."""
    rng = random.Random(seed)
    known = list(measures.load(ds.codebook).values())
    filters = [
        f"{k}={v}"
        for k in vocabulary.WHERE
        if k not in ("scope", "roll_up", "multi_city", "grain", "definition")
        for v in rng.sample(vocabulary.allowed(ds, k), min(4, len(vocabulary.allowed(ds, k))))
        if v != "unknown"
    ]
    out = []
    while len(out) < n:
        m = rng.choice(known)
        pairs = [("where", rng.choice(filters))]
        groups = [g for g in GROUPS if g in m.groups]
        if m.default_by is None and groups and rng.random() < 0.5:
            pairs.insert(0, ("by", rng.choice(groups)))
        out.append((m.id, f"/m/{m.id}?{urlencode(pairs)}"))
    return out


def others(ds: Dataset, n: int, seed: int) -> dict[str, list[str]]:
    """Addresses of the other kinds of page, `n` of each."""
    rng = random.Random(seed)
    lists = [a.replace("?", "/ads?") for m, a in addresses(ds, 4 * n, seed + 2) if "by=" not in a]

    def some(sql: str) -> list[str]:
        values = [str(r[0]) for r in ds.rows(sql)]
        return rng.sample(values, min(n, len(values)))

    cities = "SELECT adcode FROM (SELECT adcode, count(*) AS c FROM held.fact WHERE adcode IS NOT NULL GROUP BY 1) ORDER BY c DESC LIMIT 200"
    return {
        "the ads behind a figure": lists[:n],
        "one province or city": [f"/regions/{c}" for c in some(cities)],
        "one employer": [f"/employers/{e}" for e in some("SELECT employer_id FROM employers USING SAMPLE 200 ROWS (reservoir, 1)")],
        "one occupation": [f"/occupations/{o}" for o in some("SELECT DISTINCT occupation_code FROM ads WHERE occupation_code IS NOT NULL")],
        "one skill": [f"/skills/{k}" for k in rng.sample(ds.skill_ids, min(n, len(ds.skill_ids)))],
        "one ad": [f"/ads/{a}" for a in some("SELECT ad_id FROM ads USING SAMPLE 200 ROWS (reservoir, 1)")],
    }  # fmt: skip


def searches() -> list[tuple[str, str]]:
    """(kind, address) of searches."""
    found = [("title", w) for w in WORDS] + [("employer", w) for w in WORDS] + [("text", w) for w in TEXT_WORDS]
    return [(k, f"/search?{urlencode([('q', w), ('in', k)])}") for k, w in found]


def quantile(values: list[float], q: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


def cpu(pid: int) -> float:
    """CPU seconds of a process so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def line(name: str, took: list[float], bad: int, spent: float) -> str:
    ms = [1000 * t for t in took]
    each = 1000 * spent / len(ms)
    return f"| {name} | {len(ms)} | {quantile(ms, 0.5):.0f} | {quantile(ms, 0.95):.0f} | {max(ms):.0f} | {each:.0f} | {bad} |"


async def ask(client: httpx.AsyncClient, paths: list[str], readers: int) -> tuple[list[float], int]:
    """Seconds of each answer and how many were not 200."""
    queue = list(reversed(paths))
    took: list[float] = []
    bad = 0

    async def reader() -> None:
        nonlocal bad
        while queue:
            path = queue.pop()
            begun = time.perf_counter()
            try:
                answer = await client.get(path)
                bad += answer.status_code != 200
            except httpx.HTTPError:
                bad += 1
            took.append(time.perf_counter() - begun)

    await asyncio.gather(*(reader() for _ in range(readers)))
    return took, bad


def serve(directory: Path, port: int, pages: int, seed: int) -> None:
    """The server process: announces when it is open and when everything is prepared, and the pages to ask."""
    import uvicorn

    from gangwei.explore import server as explore
    from gangwei.explore import warm

    begun = time.perf_counter()
    app = explore.create(directory)
    opened = time.perf_counter() - begun
    took = warm.run(*app.state.parts)
    top = sorted(took.items(), key=lambda kv: -kv[1])[:6]
    facts = {
        "open": round(opened, 1), "prepared": round(sum(took.values()), 1), "slowest": {k: round(v, 1) for k, v in top},
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
    }  # fmt: skip
    print(json.dumps(facts), flush=True)
    ds = app.state.parts[0].ds
    drawn = [[a for _, a in addresses(ds, pages, s)] for s in (seed, seed + 1)]
    print(json.dumps([*drawn, others(ds, 16, seed)]), flush=True)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error")


async def run(
    address: str, drawn: list[str], more: list[str], kinds: dict[str, list[str]], readers: int, seed: int, pid: int
) -> None:
    async with httpx.AsyncClient(base_url=address, timeout=120, limits=httpx.Limits(max_connections=readers)) as client:
        for _ in range(200):
            try:
                await client.get("/method")
                break
            except httpx.HTTPError:
                await asyncio.sleep(0.1)

        async def timed(name: str, paths: list[str], at_once: int) -> list[float]:
            before = cpu(pid)
            took, bad = await ask(client, paths, at_once)
            print(line(name, took, bad, cpu(pid) - before), flush=True)
            return took

        print(
            "| pages | n | median ms | p95 ms | worst ms | CPU ms a page | errors |\n|---|---:|---:|---:|---:|---:|---:|"
        )
        took = await timed("one filter, one reader", drawn, 1)
        for kind in ("title", "employer", "text"):
            await timed(f"search {kind}", [a for k, a in searches() if k == kind], 1)
        for kind, paths in kinds.items():
            await timed(kind, paths, 1)
        many = more + [a + "&page=2" for _, a in searches()]
        random.Random(seed).shuffle(many)
        await timed(f"{readers} readers at once", many, readers)
        await timed("the same pages again", drawn, readers)
        print(
            "slowest:", *(f"{1000 * t:.0f} ms {a}" for t, a in sorted(zip(took, drawn), reverse=True)[:8]), sep="\n  "
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--readers", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--port", type=int, default=8799)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.serve:
        serve(a.directory, a.port, a.pages, a.seed)
        return
    command = [
        sys.executable,
        __file__,
        str(a.directory),
        "--serve",
        "--port",
        str(a.port),
        "--pages",
        str(a.pages),
        "--seed",
        str(a.seed),
    ]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ)
    try:
        assert server.stdout is not None
        print(server.stdout.readline().strip(), flush=True)
        drawn, more, kinds = json.loads(server.stdout.readline())
        asyncio.run(run(f"http://127.0.0.1:{a.port}", drawn, more, kinds, a.readers, a.seed, server.pid))
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
