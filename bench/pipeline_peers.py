"""The whole job as others would do it: the same synthetic ads, one run, against the truth columns.

    python bench/pipeline_peers.py [--ads 50000] [--python PEERS_VENV/bin/python] [--only pandas,polars]

Each way runs alone in a process of its own on one thread; start-up and compilation count, children (a JVM) too. The
interpreter of --python holds pandas, jieba, cpca, datasketch, polars, rensa, text-dedup and pyspark; a way whose
libraries are absent says so. What is asked of each: openings, AI jobs, city codes and monthly pay. `text-dedup` and
`datatrove` answer the first only.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path = [p for p in sys.path if Path(p or ".").resolve() != HERE] + [str(HERE)]

# The words an analyst would write down in an hour.
AI_WORDS = (
    "人工智能", "机器学习", "深度学习", "神经网络", "自然语言处理", "计算机视觉", "图像识别", "语音识别", "人脸识别", "大模型",
    "算法工程师", "推荐算法", "数据挖掘", "强化学习", "知识图谱", "自动驾驶", "目标检测", "TensorFlow", "PyTorch", "NLP", "AIGC",
    "LLM", "AI", "GPT",
)  # fmt: skip
PERM, GRAM, THRESHOLD = 128, 5, 0.7
MONTHLY = {"万": 10_000, "千": 1_000, "k": 1_000, "K": 1_000}


def usage() -> tuple[float, float]:
    """CPU seconds and summed peak memory (GB) of this process and all below it."""
    tick = os.sysconf("SC_CLK_TCK")
    parents: dict[int, tuple[int, float]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)] = int(stat[1]), sum(map(int, stat[11:15])) / tick
    mine = {os.getpid()}
    while grown := {p for p, (up, _) in parents.items() if up in mine} - mine:
        mine |= grown
    peak = 0.0
    for p in mine:
        line = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{p}/status").read_text())
        peak += int(line[1]) / 1e6 if line else 0.0
    return sum(parents[p][1] for p in mine), peak


def components(n: int, pairs: list[tuple[int, int]]) -> list[int]:
    """Labels of connected components."""
    from match_peers import components as joined

    return joined(n, pairs)


def plain(text: str) -> str:
    """A description without tags and spaces."""
    return re.sub(r"\s+", "", re.sub(r"<[^>]+>", "", text or ""))


def pay(text: str) -> tuple[float | None, float | None]:
    """Monthly yuan of '8-12K', '1-1.5万/月', '8千-1.1万': the forms one regular expression reaches."""
    m = re.search(r"([\d.]+)\s*([千万kK]?)\s*-\s*([\d.]+)\s*([千万kK]?)", text or "")
    if not m:
        return None, None
    high = MONTHLY.get(m[4], 1)
    low = MONTHLY.get(m[2], high)
    year = 12 if "年" in text else 1
    return float(m[1]) * low / year, float(m[3]) * high / year


def with_pandas(source: Path) -> dict[str, list[Any]]:
    """pandas, jieba, cpca and datasketch, as a competent analyst would write it."""
    import cpca
    import jieba
    import pandas as pd
    from datasketch import MinHash, MinHashLSH

    jieba.setLogLevel(60)
    ads = pd.read_parquet(source)
    ads["text"] = ads["description"].map(plain)
    for word in AI_WORDS:
        jieba.add_word(word)
    words = frozenset(AI_WORDS)
    ai = [not words.isdisjoint(jieba.cut(f"{t} {x}")) for t, x in zip(ads["title"].fillna(""), ads["text"])]
    where = cpca.transform((ads["city"].fillna("") + ads["district"].fillna("") + ads["address"].fillna("")).tolist())
    lsh, pairs, seen = MinHashLSH(threshold=THRESHOLD, num_perm=PERM), [], {}
    company, title = ads["company"].fillna("").str.strip(), ads["title"].fillna("").str.strip()
    grams = ({x[i : i + GRAM].encode() for i in range(max(1, len(x) - GRAM + 1))} for x in ads["text"])
    for i, m in enumerate(MinHash.generator(grams, num_perm=PERM)):
        key = company[i], title[i], ads["city"][i]
        pairs += [(seen.setdefault(key, i), i)]
        pairs += [(j, i) for j in lsh.query(m) if company[j] == company[i] and ads["city"][j] == ads["city"][i]]
        lsh.insert(i, m, check_duplication=False)
    money = [pay(s) for s in ads["salary"]]
    return {
        "opening": components(len(ads), pairs), "ai": ai,
        "adcode": [f"{a[:4]}00" if isinstance(a, str) else None for a in where["adcode"]],
        "low": [m[0] for m in money], "high": [m[1] for m in money],
    }  # fmt: skip


def with_polars(source: Path) -> dict[str, list[Any]]:
    """The same steps in Polars with rensa."""
    import cpca
    import polars as pl
    from match_peers import bands, shingles
    from rensa import RMinHash

    ads = pl.read_parquet(source).with_columns(
        text=pl.col("description").fill_null("").str.replace_all(r"<[^>]+>", "").str.replace_all(r"\s+", "")
    )
    whole = pl.col("title").fill_null("") + pl.lit(" ") + pl.col("text")
    ai = ads.select(whole.str.contains_any(list(AI_WORDS))).to_series()
    cities = ads["city"].fill_null("").unique()
    codes = cpca.transform(cities.to_list())["adcode"].tolist()
    known = dict(zip(cities.to_list(), [f"{c[:4]}00" if isinstance(c, str) else None for c in codes]))
    import numpy as np

    matrix = RMinHash.digest_matrix_from_token_sets([shingles(t) for t in ads["text"].to_list()], PERM, 42)
    near = bands(np.array(matrix.to_rows(), dtype=np.uint32))
    key = ads.select(
        same=pl.struct("company", "title", "city").rank("dense"),
        near=pl.struct("company", "city", pl.Series("near", near)).rank("dense"),
    )
    pairs = []
    for column in ("same", "near"):
        seen: dict[int, int] = {}
        pairs += [(seen.setdefault(k, i), i) for i, k in enumerate(key[column].to_list())]
    form = r"([\d.]+)\s*([千万kK]?)\s*-\s*([\d.]+)\s*([千万kK]?)"
    units = list(MONTHLY), list(MONTHLY.values())
    part = [pl.col("salary").str.extract(form, i) for i in (1, 2, 3, 4)]
    high = part[3].replace_strict(*units, default=1, return_dtype=pl.Float64)
    low = (
        pl.when(part[1] == "").then(high).otherwise(part[1].replace_strict(*units, default=1, return_dtype=pl.Float64))
    )
    year = pl.when(pl.col("salary").str.contains("年")).then(12.0).otherwise(1.0)
    money = ads.select(low=part[0].cast(pl.Float64) * low / year, high=part[2].cast(pl.Float64) * high / year)
    return {
        "opening": components(ads.height, pairs), "ai": ai.to_list(),
        "adcode": [known[c] for c in ads["city"].fill_null("").to_list()],
        "low": money["low"].to_list(), "high": money["high"].to_list(),
    }  # fmt: skip


def with_text_dedup(source: Path) -> dict[str, list[Any]]:
    """text-dedup for the duplicate step alone."""
    import polars as pl
    from match_peers import text_dedup

    return {"opening": text_dedup(pl.read_parquet(source).select(text="description"))}


def with_datatrove(source: Path) -> dict[str, list[Any]]:
    """datatrove's MinHash signatures and buckets for the duplicate step alone, over characters instead of words."""
    import polars as pl
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature
    from datatrove.utils.hashing import HashConfig
    from match_peers import normal

    class Letters:
        def word_tokenize(self, text: str) -> list[str]:
            return [c for c in text if c != " "]

    made = MinhashDedupSignature(
        output_folder=tempfile.mkdtemp(), config=MinhashConfig(n_grams=GRAM, hash_config=HashConfig(hash_fc="xxhash"))
    )
    made.word_tokenizer = Letters()
    hashed = made._hash_func
    made._hash_func = lambda text: hashed(text.encode())
    tables: list[dict[tuple[int, ...], int]] = [{} for _ in range(made.config.num_buckets)]
    pairs: list[tuple[int, int]] = []
    texts = normal(pl.read_parquet(source).select(text="description"))
    for i, text in enumerate(texts):
        if len(text) < GRAM:
            continue
        for table, bucket in zip(tables, made.get_signature(made.get_shingles(text))):
            pairs.append((table.setdefault(tuple(bucket), i), i))
    return {"opening": components(len(texts), pairs)}


def with_spark(source: Path) -> dict[str, list[Any]]:
    """PySpark alone: its SQL functions and its own MinHash."""
    from pyspark.ml.feature import HashingTF, MinHashLSH, NGram, RegexTokenizer
    from pyspark.ml.functions import vector_to_array
    from pyspark.sql import SparkSession
    from pyspark.sql import functions as f

    session = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    session = session.config("spark.driver.memory", "6g").config("spark.sql.shuffle.partitions", "8").getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    ads = session.read.parquet(str(source)).withColumn(
        "text", f.regexp_replace(f.regexp_replace(f.coalesce("description", f.lit("")), "<[^>]+>", ""), r"\s+", "")
    )
    ads = ads.withColumn("ai", f.concat_ws(" ", "title", "text").rlike("|".join(map(re.escape, AI_WORDS))))
    form = r"([\d.]+)\s*([千万kK]?)\s*-\s*([\d.]+)\s*([千万kK]?)"

    def unit(i: int) -> Any:
        got = f.regexp_extract("salary", form, i)
        return f.when(got == "万", 10_000).when(got.isin("千", "k", "K"), 1_000)

    year = f.when(f.col("salary").contains("年"), 12).otherwise(1)
    high = f.coalesce(unit(4), f.lit(1))
    ads = ads.withColumn(
        "low", f.expr(f"try_cast(regexp_extract(salary, '{form}', 1) as double)".replace("\\", "\\\\"))
    )
    ads = ads.withColumn(
        "high", f.expr(f"try_cast(regexp_extract(salary, '{form}', 3) as double)".replace("\\", "\\\\"))
    )
    ads = ads.withColumn("low", f.col("low") * f.coalesce(unit(2), high) / year).withColumn(
        "high", f.col("high") * high / year
    )
    tokens = RegexTokenizer(inputCol="text", outputCol="chars", pattern="", minTokenLength=1).transform(ads)
    grams = NGram(n=GRAM, inputCol="chars", outputCol="grams").transform(tokens).filter(f.size("grams") > 0)
    vectors = HashingTF(inputCol="grams", outputCol="v", numFeatures=1 << 18, binary=True).transform(grams)
    model = MinHashLSH(inputCol="v", outputCol="h", numHashTables=4, seed=1).fit(vectors)
    hashed = model.transform(vectors).select(
        "id",
        "company",
        "city",
        f.concat_ws("-", *[vector_to_array(f.col("h")[i]).cast("string") for i in range(4)]).alias("k"),
    )
    near = [
        (r["a"], r["id"])
        for r in hashed.selectExpr("id", "min(id) over (partition by company, city, k) as a").collect()
    ]
    same = ads.selectExpr("id", "min(id) over (partition by company, title, city) as a").collect()
    rows = ads.orderBy("id").select("id", "ai", "city", "low", "high").toPandas()
    at = {k: i for i, k in enumerate(rows["id"])}
    pairs = [(at[a], at[b]) for a, b in near] + [(at[r["a"]], at[r["id"]]) for r in same]
    return {
        "opening": components(len(rows), pairs), "ai": rows["ai"].tolist(), "city": rows["city"].tolist(),
        "low": rows["low"].tolist(), "high": rows["high"].tolist(), "id": rows["id"].tolist(),
    }  # fmt: skip


def with_gangwei(source: Path) -> dict[str, list[Any]]:
    """This project: raw file to published dataset, everything it publishes included."""
    import polars as pl

    from gangwei.config import Settings
    from gangwei.pipeline import Build

    with tempfile.TemporaryDirectory() as out:
        Build(Settings(out=Path(out), inputs=(str(source),), threads=1)).run()
        ads = pl.read_parquet(Path(out) / "published" / "ads.parquet").sort("source_key")
    month = ads["pay_unit"].replace_strict(["month", "year"], [1, 12], default=None, return_dtype=pl.Int64)
    return {
        "id": ads["source_key"].to_list(), "opening": ads["opening_id"].rank("dense").to_list(),
        "ai": ads["ai_tier"].is_in(["builder", "adjacent"]).to_list(), "adcode": ads["adcode"].to_list(),
        "low": (ads["pay_min_fen"] / 100 / month).to_list(), "high": (ads["pay_max_fen"] / 100 / month).to_list(),
    }  # fmt: skip


WAYS: dict[str, Callable[[Path], dict[str, list[Any]]]] = {
    "gangwei": with_gangwei, "pandas + jieba + cpca + datasketch": with_pandas, "Polars + rensa + cpca": with_polars,
    "text-dedup (duplicates only)": with_text_dedup, "datatrove (duplicates only)": with_datatrove,
    "PySpark alone": with_spark,
}  # fmt: skip


def child(name: str, source: Path, target: Path) -> None:
    """Run one way and write its answers and what it took."""
    began = time.monotonic()
    found = WAYS[name](source)
    wall = time.monotonic() - began
    cpu, peak = usage()
    target.write_text(json.dumps({"cpu": cpu, "peak": peak, "wall": wall, "found": found}))


def judged(found: dict[str, list[Any]], truth: Any) -> list[str]:
    """B-cubed F1, openings against the truth, AI precision and recall, AI share, city and pay right."""
    import polars as pl
    from match_synth import b_cubed

    frame = truth.with_columns(pl.Series("opening", found["opening"]))
    cells = ["{:.3f} / {:.3f} / {:.3f}".format(*b_cubed(frame["opening_id"], frame["opening"]))]
    cells.append(f"{frame['opening'].n_unique() / frame['opening_id'].n_unique():.2f}")
    if "ai" not in found:
        return [*cells, "–", "–", "–", "–"]
    said, real = pl.Series(found["ai"]), frame["ai_tier"].is_in(["builder", "adjacent"])
    both = (said & real).sum()
    cells.append(f"{both / max(1, said.sum()):.3f} / {both / real.sum():.3f}")
    cells.append(f"{said.sum() / real.sum():.2f}")
    ok = frame["place_status"] == "ok"
    if "adcode" in found:
        right = (pl.Series(found["adcode"], dtype=pl.String) == frame["adcode"]).fill_null(False)
        cells.append(f"{(right & ok).sum() / ok.sum():.3f}")
    else:
        cells.append("no codes")
    paid = (frame["pay_status"] == "ok") & frame["pay_unit"].is_in(["month", "year"])
    month = frame["pay_unit"].replace_strict(["month", "year"], [1, 12], default=1, return_dtype=pl.Int64)
    near = [
        (((pl.Series(found[a], dtype=pl.Float64) - frame[f"pay_{b}_fen"] / 100 / month).abs() < 1).fill_null(False))
        for a, b in (("low", "min"), ("high", "max"))
    ]
    both_known = paid & frame["pay_min_fen"].is_not_null() & frame["pay_max_fen"].is_not_null()
    return [*cells, f"{(near[0] & near[1] & both_known).sum() / both_known.sum():.3f}"]


def main() -> None:
    """Command line."""
    if len(sys.argv) > 1 and sys.argv[1] == "--child":
        child(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ads", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    import polars as pl

    from gangwei.synth import make as synth

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        synth.write(root / "synth", args.ads, seed=args.seed)
        truth = pl.concat([pl.read_parquet(p) for p in sorted((root / "synth" / "truth").glob("*.parquet"))]).sort("id")
        source = root / "ads.parquet"
        pl.concat([pl.read_parquet(p) for p in sorted((root / "synth" / "ads").glob("*.parquet"))]).sort(
            "id"
        ).write_parquet(source)
        print(f"{truth.height:,} ads, {truth['opening_id'].n_unique():,} openings\n")
        print(
            "| way | ads per CPU-s | peak GB | openings: B-cubed P / R / F1 | openings found / true | AI: P / R | AI found / true "
            "| city right | pay right |\n|---|---:|---:|---|---:|---|---:|---:|---:|"
        )
        for name in [w for w in WAYS if not args.only or any(o in w for o in args.only.split(","))]:
            target = root / "out.json"
            target.unlink(missing_ok=True)
            threads = dict.fromkeys(("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "RAYON_NUM_THREADS"), "1")
            python = sys.executable if name == "gangwei" else args.python
            done = subprocess.run(
                [python, str(Path(__file__).resolve()), "--child", name, str(source), str(target)],
                env={**os.environ, **threads, "PYTHONHASHSEED": "0"}, capture_output=True, text=True, check=False,
            )  # fmt: skip
            if not target.exists():
                print(
                    f"| {name} | {(done.stderr.strip().splitlines() or ['failed'])[-1][:90]} | | | | | | | |",
                    flush=True,
                )
                continue
            got = json.loads(target.read_text())
            cells = [f"{truth.height / got['cpu']:,.0f}", f"{got['peak']:.2f}", *judged(got["found"], truth)]
            print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
