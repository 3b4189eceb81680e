"""Terms + sections + model side by side with peers on the same distinct texts: texts and MB per CPU-second, one thread.

    python bench/classify.py SHARED [--rows 20000] [--peers FOLDER] [--only a,b]

`--peers` is a folder made by `pip install --target` that holds jieba, flashtext and floret (fastText's maintained build).
Each method runs alone in a process of its own on the same rows; reading and training do not count, the best run does. Quality
is not compared here: `gangwei evaluate --term-list` does that.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl


def clean(shared: Path, rows: int) -> pl.DataFrame:
    """Distinct real texts after stage 2."""
    from gangwei.codebook import Codebook
    from gangwei.stage_tables import RAW
    from gangwei.stages import s2_clean

    ads = pl.read_parquet(
        shared / "data" / "postings_real.parquet", columns=["record_id", "title", "description", "tags_raw"]
    )
    ads = ads.filter(pl.col("description").str.len_chars() > 50).unique("description", maintain_order=True).head(rows)
    raw = RAW.conform(ads.select(source_key="record_id", title="title", description="description", tags="tags_raw"))
    return s2_clean.run(raw, s2_clean.compile_rules(Codebook())).select(
        "source_key", "title", "text", "tags", "sections"
    )


def terms() -> list[str]:
    """The packaged terms, so that every matcher looks for the same words."""
    from gangwei.codebook import Codebook

    return [r["term"].lower() for r in Codebook().rows("ai/terms.csv")]


def ours(ads: pl.DataFrame) -> Callable[[], object]:
    """The stage without skills: terms, sections, model, evidence rows."""
    from gangwei.codebook import Codebook
    from gangwei.stages import s6_classify

    rules = s6_classify.compile_rules(Codebook())
    s6_classify.classify(ads.head(100), rules)
    return lambda: s6_classify.classify(ads, rules)


def kernel(ads: pl.DataFrame) -> Callable[[], object]:
    """The compiled pass alone: terms, sections, features and scores."""
    from gangwei.codebook import Codebook
    from gangwei.stages import s6_classify

    rules = s6_classify.compile_rules(Codebook())
    columns = (ads["title"], ads["text"], ads["tags"], ads["sections"])
    s6_classify.read(*(c.head(100) for c in columns), rules, rules.model)
    return lambda: s6_classify.read(*columns, rules, rules.model)


def jieba_set(ads: pl.DataFrame) -> Callable[[], object]:
    """jieba words looked up in a set: the usual keyword count."""
    import jieba

    words = set(terms())
    for w in words:
        jieba.add_word(w)
    texts = [f"{t}\n{x}".lower() for t, x in ads.select("title", "text").fill_null("").rows()]
    jieba.lcut("预热")
    return lambda: [sum(w in words for w in jieba.cut(t)) for t in texts]


def flashtext(ads: pl.DataFrame) -> Callable[[], object]:
    """FlashText keyword extraction."""
    from flashtext import KeywordProcessor

    found = KeywordProcessor()
    found.add_keywords_from_list(terms())
    texts = [f"{t}\n{x}".lower() for t, x in ads.select("title", "text").fill_null("").rows()]
    return lambda: [found.extract_keywords(t) for t in texts]


def sklearn_pipeline(ads: pl.DataFrame) -> Callable[[], object]:
    """HashingVectorizer over characters 2-3 and logistic regression."""
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.linear_model import SGDClassifier
    from sklearn.pipeline import make_pipeline

    texts = [f"{t}\n{x}" for t, x in ads.select("title", "text").fill_null("").rows()]
    y = ["算法" in t for t in texts]
    model = make_pipeline(HashingVectorizer(analyzer="char", ngram_range=(2, 3)), SGDClassifier(loss="log_loss"))
    model.fit(texts[:2000], y[:2000])
    return lambda: model.predict(texts)


def fasttext(ads: pl.DataFrame) -> Callable[[], object]:
    """fastText (floret build), character tokens, word n-grams of 3."""
    import tempfile

    import floret

    texts = [
        " ".join(f"{t} {x}".replace("\n", " ").replace(" ", ""))
        for t, x in ads.select("title", "text").fill_null("").rows()
    ]
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as f:
        f.writelines(f"__label__{int('算 法' in t)} {t}\n" for t in texts[:4000])
        f.flush()
        model = floret.train_supervised(f.name, dim=16, wordNgrams=3, bucket=2**18, epoch=2, thread=1, verbose=0)
    return lambda: [model.f.predict(t + "\n", 1, 0.0, "strict") for t in texts]


SECONDS, RUNS = 10.0, 40
METHODS = {
    "gangwei stage": ours, "gangwei kernel": kernel, "jieba + set": jieba_set, "flashtext": flashtext,
    "scikit-learn": sklearn_pipeline, "fastText": fasttext,
}  # fmt: skip


def main() -> None:
    """Run every method in its own process and print one line each."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("shared", type=Path)
    p.add_argument("--rows", type=int, default=20_000)
    p.add_argument("--peers", type=Path)
    p.add_argument("--only", default="")
    p.add_argument("--one", help=argparse.SUPPRESS)
    a = p.parse_args()
    if a.one:
        if a.peers:
            sys.path.append(str(a.peers))
        ads = clean(a.shared, a.rows)
        try:
            job = METHODS[a.one](ads)
        except ImportError as e:
            print(f"{a.one:<16} not installed ({e})")
            return
        best, spent, runs = float("inf"), 0.0, 0
        while runs < 3 or (spent < SECONDS and runs < RUNS):
            start = time.process_time()
            job()
            best = min(best, time.process_time() - start)
            spent, runs = spent + time.process_time() - start, runs + 1
        mb = ads["text"].str.len_bytes().sum() / 1e6
        print(f"{a.one:<16}{ads.height / best:>12,.0f} texts/CPU-s{mb / best:>9.1f} MB/CPU-s   (best of {runs})")
        return
    env = os.environ | dict.fromkeys(
        ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"
    )
    for name in METHODS:
        if not a.only or name in a.only.split(","):
            extra = ["--peers", str(a.peers)] if a.peers else []
            subprocess.run(
                [sys.executable, __file__, str(a.shared), "--rows", str(a.rows), "--one", name, *extra],
                env=env,
                check=False,
            )


if __name__ == "__main__":
    main()
