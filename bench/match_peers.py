"""Peers side by side on the same real ads: rows per CPU-second, peak memory, precision and recall on labelled pairs.

    python bench/match_peers.py SHARED [--rows 30000] [--python PEERS_VENV/bin/python] [--only a,b] [--markdown FILE]

Each method runs alone in a process of its own with one thread, from the same Parquet file; reading and preparing the text
count. Peers get characters n-grams of normalised text, their best known setting for Chinese. The interpreter of --python
holds the peers (rensa, datasketch, text-dedup, semhash, daft, splink); a peer that cannot be imported is reported so.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path = [p for p in sys.path if Path(p or ".").resolve() != HERE] + [str(HERE)]

import numpy as np  # noqa: E402
import polars as pl  # noqa: E402

PERM, BANDS, GRAM, THRESHOLD = 128, 16, 5, 0.7
LIMIT = 1_800  # seconds of one method


def normal(ads: pl.DataFrame) -> list[str]:
    """Letters and digits of each text, folded."""
    folded = ads["text"].fill_null("").str.normalize("NFKC").str.to_lowercase().str.replace_all(r"[\s\p{P}\p{S}]+", "")
    return folded.to_list()


def shingles(text: str) -> list[str]:
    """Character n-grams of one text."""
    return list({text[i : i + GRAM] for i in range(max(len(text) - GRAM + 1, 1))})


def components(n: int, pairs: list[tuple[int, int]]) -> list[int]:
    """Labels of connected components."""
    parent = list(range(n))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for a, b in pairs:
        x, y = root(a), root(b)
        parent[max(x, y)] = min(x, y)
    return [root(i) for i in range(n)]


def bands(signatures: Any) -> list[int]:
    """Labels from banding a signature matrix."""
    n, k = signatures.shape
    rows, pairs = k // BANDS, []
    for b in range(BANDS):
        part = np.ascontiguousarray(signatures[:, b * rows : (b + 1) * rows])
        key = part.view(np.dtype((np.void, part.dtype.itemsize * rows))).ravel()
        _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
        pairs += [(int(first[j]), i) for i, j in enumerate(inverse.ravel()) if first[j] != i]
    return components(n, pairs)


def exact_key(ads: pl.DataFrame) -> list[int]:
    """Cleaned title, company and city equal."""
    clean = [
        pl.col(c).fill_null("").str.to_lowercase().str.replace_all(r"[\s\p{P}]+", "") for c in ("title", "company")
    ]
    city = pl.col("city").fill_null("").str.extract(r"^([\p{Han}]{2,3})")
    return ads.select(pl.struct(*clean, city).rank("dense")).to_series().to_list()


def datasketch(ads: pl.DataFrame) -> list[int]:
    """MinHash LSH."""
    from datasketch import MinHash, MinHashLSH

    lsh, pairs = MinHashLSH(threshold=THRESHOLD, num_perm=PERM), []
    sets = ([g.encode() for g in shingles(t)] for t in normal(ads))
    for i, m in enumerate(MinHash.generator(sets, num_perm=PERM)):
        pairs += [(j, i) for j in lsh.query(m)]
        lsh.insert(i, m, check_duplication=False)
    return components(ads.height, pairs)


def rensa(ads: pl.DataFrame) -> list[int]:
    """R-MinHash with banding."""
    from rensa import RMinHash

    matrix = RMinHash.digest_matrix_from_token_sets([shingles(t) for t in normal(ads)], PERM, 42)
    return bands(np.array(matrix.to_rows(), dtype=np.uint32))


def text_dedup(ads: pl.DataFrame) -> list[int]:
    """MinHash as its own script embeds it."""
    from text_dedup import minhash as m
    from text_dedup.utils import xxh3_32hash

    rows = PERM // BANDS
    random = np.random.RandomState(42)
    permutations = (
        random.randint(1, 2**61 - 1, PERM, dtype=np.uint64), random.randint(0, 2**61 - 1, PERM, dtype=np.uint64)
    )  # fmt: skip
    tables: list[dict[bytes, int]] = [{} for _ in range(BANDS)]
    pairs = []
    for i, text in enumerate(normal(ads)):
        got = m.embed_func(
            " ".join(text), i, num_perm=PERM, ngram_size=GRAM, min_length=GRAM,
            hashranges=[(b * rows, (b + 1) * rows) for b in range(BANDS)], permutations=permutations,
            hash_func=xxh3_32hash, dtype=np.uint64, max_hash=np.uint32(2**32 - 1), modulo_prime=np.uint64(2**61 - 1),
        )  # fmt: skip
        for key, table in zip(got["__signatures__"], tables):
            pairs.append((table.setdefault(key, i), i))
    return components(ads.height, pairs)


def semhash(ads: pl.DataFrame) -> None:
    """Speed only: its encoder is not available offline, so a hashed bag of n-grams stands in for it."""
    from semhash import SemHash

    class Encoder:
        def encode(self, texts: list[str], **_: Any) -> Any:
            out = np.zeros((len(texts), 256), np.float32)
            for i, t in enumerate(texts):
                for g in shingles(t):
                    out[i, hash(g) % 256] += 1
            return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9)

    SemHash.from_records(normal(ads), model=Encoder()).self_deduplicate(threshold=0.95)


def daft(ads: pl.DataFrame) -> list[int]:
    """MinHash expression with banding."""
    import daft as d

    frame = d.from_pydict({"i": list(range(ads.height)), "t": [" ".join(t) for t in normal(ads)]})
    got = d.col("t").minhash(num_hashes=PERM, ngram_size=GRAM, seed=1, hash_function="xxhash")
    table = frame.select("i", got.alias("m")).sort("i").to_arrow()
    values = table["m"].combine_chunks().flatten().to_numpy()
    return bands(values.reshape(ads.height, PERM).astype(np.uint32))


def splink(ads: pl.DataFrame) -> list[int]:
    """Probabilistic linkage on title, company, city and the start of the text, blocked on company and on title + city."""
    import splink.comparison_library as cl
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    said = {
        "title": pl.col("title").str.to_lowercase(),
        "company": pl.col("company").str.replace_all(r"[\s\p{P}]+", ""),
        "city": pl.col("city").str.extract(r"^([\p{Han}]{2,3})"),
        "text": pl.Series([t[:200] for t in normal(ads)]),
    }
    # what is unknown is null, which blocks nothing
    unknown = {name: pl.when(value != "").then(value).alias(name) for name, value in said.items()}
    frame = ads.select(pl.int_range(pl.len()).alias("unique_id"), *unknown.values()).to_arrow()
    settings = SettingsCreator(
        link_type="dedupe_only",
        blocking_rules_to_generate_predictions=[block_on("company"), block_on("title", "city", "substr(text,1,20)")],
        comparisons=[
            cl.JaroWinklerAtThresholds("title", [0.92, 0.8]),
            cl.JaroWinklerAtThresholds("company", [0.92, 0.8]),
            cl.ExactMatch("city"),
            cl.JaccardAtThresholds("text", [0.9, 0.7]),
        ],
    )
    linker = Linker(DuckDBAPI().register(frame), settings)
    linker.training.estimate_u_using_random_sampling(max_pairs=2e5, seed=1)
    linker.training.estimate_parameters_using_expectation_maximisation(block_on("company", "city"))
    linker.training.estimate_parameters_using_expectation_maximisation(block_on("title", "city"))
    pairs = linker.inference.predict(threshold_match_probability=0.9).as_record_list()
    return components(ads.height, [(p["unique_id_l"], p["unique_id_r"]) for p in pairs])


def gangwei(ads: pl.DataFrame, whole: bool = False) -> list[int]:
    """This project: from raw rows to openings (agency links included); its matching alone is timed apart.

    A build makes the sketches of texts where it cleans them; `sign` makes them itself, so that the matching counts them.
    """
    from gangwei import stage_tables
    from gangwei.codebook import Codebook
    from gangwei.stages import s2_clean, s3_locate, s4_employers, s5_match

    book = Codebook()
    rules = s5_match.compile_rules(book)
    raw = stage_tables.RAW.conform(ads.drop("i").rename({"text": "description"}))
    clean = s2_clean.run(raw, s2_clean.compile_rules(book))
    located = s3_locate.run(clean, s3_locate.compile_rules(book))
    names = clean.group_by(pl.col("company").alias("name_raw")).len("n_ads").drop_nulls("name_raw").sort("name_raw")
    known = s4_employers.run(names, s4_employers.compile_rules(book), None)[0]
    add = (pl.Series("ad_no", np.arange(ads.height)), pl.Series("ad_id", np.arange(ads.height, dtype=np.uint64)))
    warm = s5_match.sign(clean[:64], located[:64], s5_match.EmployerKeys(known), rules)
    s5_match.match(warm.with_columns(a[:64] for a in add), rules)
    path = Path(tempfile.mkdtemp()) / "clean.parquet"
    clean.write_parquet(path)
    began = time.process_time()
    clean = pl.read_parquet(path)
    signed = s5_match.sign(clean, located, s5_match.EmployerKeys(known), rules).with_columns(add)
    out = s5_match.match(signed, rules)
    print(json.dumps({"cpu": time.process_time() - began}), file=sys.stderr)
    return out["opening_no"].to_list()


METHODS: dict[str, Callable[[pl.DataFrame], list[int] | None]] = {
    "gangwei": gangwei, "exact title+company+city": exact_key, "rensa": rensa, "datasketch": datasketch,
    "text-dedup": text_dedup, "semhash": semhash, "daft": daft, "splink": splink,
}  # fmt: skip


def child(name: str, source: Path, target: Path) -> None:
    """Run one method and write its labels and figures."""
    ads = pl.read_parquet(source)
    METHODS[name](ads.head(200)) if name not in ("gangwei", "splink") else None
    began = time.process_time()
    labels = METHODS[name](pl.read_parquet(source))
    cpu = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    target.write_text(json.dumps({"cpu": cpu, "peak_gb": peak, "labels": labels}))


def rows_of(shared: Path, n: int, gold: pl.DataFrame) -> pl.DataFrame:
    """All labelled ads and a fixed random sample of the others with a text, in the columns of stage_tables.RAW."""
    names = {
        "record_id": "source_key", "city_raw": "city", "district_raw": "district", "address_raw": "address",
        "salary_raw": "pay", "education_raw": "education", "experience_raw": "experience", "description": "text",
        "posted_raw": "posted", "scraped_raw": "captured",
    }  # fmt: skip
    ads = pl.read_parquet(
        shared / "data" / "postings_real.parquet", columns=[*names, "board", "title", "company", "url"]
    ).rename(names)
    ads = ads.filter(pl.col("text").str.len_chars() > 50)
    labelled = pl.concat([gold["a"], gold["b"]]).unique()
    inside = ads.filter(pl.col("source_key").is_in(labelled.implode()))
    others = ads.filter(~pl.col("source_key").is_in(labelled.implode()))
    rest = others.sample(max(0, min(others.height, n - inside.height)), seed=7)
    return pl.concat([inside, rest]).sort("source_key").with_row_index("i")


def main() -> None:
    """Command line."""
    if len(sys.argv) > 1 and sys.argv[1] == "--child":
        child(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path)
    parser.add_argument("--rows", type=int, default=30_000)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--only", default="")
    parser.add_argument("--markdown", type=Path)
    args = parser.parse_args()
    gold = pl.read_ndjson(args.shared / "gold" / "pairs_dev.jsonl").filter(pl.col("relation") != "agency_copy")
    lines = [
        "| method | rows per CPU-second | peak GB | precision | recall | precision (weighted) | recall (weighted) |"
    ]
    lines.append("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as tmp:
        source = Path(tmp) / "ads.parquet"
        ads = rows_of(args.shared, args.rows, gold)
        ads.write_parquet(source)
        print(f"{ads.height} ads, {gold.height} labelled pairs (agency copies left out)", flush=True)
        for name in [m for m in METHODS if not args.only or m in args.only.split(",")]:
            target = Path(tmp) / "out.json"
            target.unlink(missing_ok=True)
            python = sys.executable if name == "gangwei" else args.python
            threads = dict.fromkeys(("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "RAYON_NUM_THREADS"), "1")
            env = {**os.environ, **threads, "PYTHONHASHSEED": "0"}
            command = [python, str(Path(__file__).resolve()), "--child", name, str(source), str(target)]
            try:
                done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=LIMIT, check=False)
            except subprocess.TimeoutExpired:
                lines.append(f"| {name} | no answer within {LIMIT // 60} minutes | | | | | |")
                print(lines[-1], flush=True)
                continue
            if not target.exists():
                why = done.stderr.strip().splitlines()[-1:] or ["failed"]
                lines.append(f"| {name} | {why[0][:90]} | | | | | |")
                print(lines[-1], flush=True)
                continue
            got = json.loads(target.read_text())
            speed = f"{ads.height / got['cpu']:,.0f}"
            if name == "gangwei":
                alone = json.loads(done.stderr.strip().splitlines()[-1])["cpu"]
                speed = f"{ads.height / alone:,.0f} (matching, with reading); {speed} (all stages from raw)"
            cells = ["", "", "", ""]
            if got["labels"] is not None:
                cells = scores(gold, dict(zip(ads["source_key"].to_list(), got["labels"])))
            lines.append(f"| {name} | {speed} | {got['peak_gb']:.2f} | " + " | ".join(cells) + " |")
            print(lines[-1], flush=True)
    if args.markdown:
        args.markdown.write_text("\n".join(lines) + "\n", "utf-8")


def scores(gold: pl.DataFrame, label: dict[str, int]) -> list[str]:
    """Precision and recall of merged pairs, plain with intervals and weighted."""
    from math import sqrt

    def interval(k: int, n: int) -> str:
        if not n:
            return "-"
        p, z = k / n, 1.96
        mid = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return f"{p:.3f} [{mid - half:.3f}-{mid + half:.3f}]"

    truth = gold["relation"].is_in(["same_opening", "repost"]).to_numpy()
    pairs = zip(gold["a"], gold["b"])
    merged = np.array([a in label and b in label and label[a] == label[b] for a, b in pairs])
    weight = (gold["stratum_population"] / gold["stratum_sample"]).to_numpy()
    hit = truth & merged
    return [
        interval(int(hit.sum()), int(merged.sum())),
        interval(int(hit.sum()), int(truth.sum())),
        f"{weight[hit].sum() / max(weight[merged].sum(), 1e-9):.3f}",
        f"{weight[hit].sum() / weight[truth].sum():.3f}",
    ]


if __name__ == "__main__":
    main()
