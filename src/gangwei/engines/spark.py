"""Apache Spark: the same tasks and the same SQL on a cluster whose workers see the dataset directory.

A task is one fat step over one part (a kernel reads and writes Parquet on the shared store), so Spark schedules and
retries whole parts; an executor that dies costs one part, and the rename at the end of a task keeps half files out.
Workers must run the very same code: each task carries the driver's fingerprint and refuses to run under another.
"""

from __future__ import annotations

import os
import pickle
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from gangwei.engines.local import Task
from gangwei.store import StoreError, code_digest, digest

SCHEMA = "number int, result binary"
CODE = (
    "kernels/**/*.py", "stages/*.py", "formats/*.py", "mapping/*.py", "schema.py", "stage_tables.py", "store.py", "codebook.py", "steps.py", "opinions.py",
)  # fmt: skip


def fingerprint() -> str:
    """Hash of what decides a kernel's answer: its code and the versions of the libraries below it."""
    from importlib.metadata import version

    libraries = {name: version(name) for name in ("numba", "numpy", "opencc", "polars", "pyarrow")}
    return digest(code_digest(*CODE), libraries)


def _run(expected: str) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        os.environ.setdefault("POLARS_MAX_THREADS", "1")
        from gangwei.engines.spark import fingerprint

        found = fingerprint()
        if found != expected:
            raise RuntimeError(f"worker runs other code or libraries (fingerprint {found}, driver {expected})")
        for batch in batches:
            for number, payload in zip(batch["number"].to_pylist(), batch["task"].to_pylist()):
                fn, args = pickle.loads(payload)
                result = pickle.dumps(fn(*args))
                yield pa.RecordBatch.from_pydict(
                    {"number": pa.array([number], pa.int32()), "result": pa.array([result], pa.binary())}
                )

    return run


class Spark:
    """Tasks through mapInArrow, sets as Spark SQL."""

    name = "spark"

    def __init__(self, master: str, memory_limit: int) -> None:
        try:
            from pyspark.sql import SparkSession
        except ImportError:
            raise StoreError("--engine spark needs pyspark: pip install '.[spark]' in the clone") from None
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        builder = SparkSession.builder.master(master).appName("gangwei")
        if "127.0.0.1" in master or master.startswith("local"):
            for key in ("spark.driver.bindAddress", "spark.driver.host"):
                builder = builder.config(key, "127.0.0.1")
        settings = {
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.shuffle.partitions": "16",
            "spark.driver.memory": f"{max(1, memory_limit >> 30)}g",
            "spark.task.maxFailures": "4",
            "spark.log.level": "ERROR",
        }
        for key, value in settings.items():
            builder = builder.config(key, value)
        try:
            self.session = builder.getOrCreate()
        except Exception as e:
            line = str(e).strip().splitlines()[0][:200]
            raise StoreError(f"Spark did not start at {master}: {line} (Java 17 or later is needed)") from None
        self.session.sparkContext.setLogLevel("ERROR")

    def map(self, tasks: Sequence[Task], done: Callable[[Task, Any], None]) -> list[Any]:
        """Run the tasks, one Spark task each, and return their results in order.

        Raises:
            StoreError: a task failed on every attempt; the message is its last line.
        """
        if not tasks:
            return []
        rows = [(n, bytearray(pickle.dumps((t.fn, t.args)))) for n, t in enumerate(tasks)]
        context = self.session.sparkContext
        frame = self.session.createDataFrame(context.parallelize(rows, len(rows)), "number int, task binary")
        try:
            found = frame.mapInArrow(_run(fingerprint()), SCHEMA).collect()
        except Exception as e:
            lines = [x.strip() for x in str(e).splitlines() if "Error" in x or "Exception" in x]
            raise StoreError(f"a Spark task failed: {lines[-1][:300] if lines else str(e)[:300]}") from None
        results = {r["number"]: pickle.loads(bytes(r["result"])) for r in found}
        for n, task in enumerate(tasks):
            done(task, results[n])
        return [results[n] for n in range(len(tasks))]

    def sql(self, query: str, **tables: Sequence[Path]) -> pl.DataFrame:
        """Run a query of the shared SQL subset over Parquet tables."""
        for name, paths in tables.items():
            self.session.read.parquet(*(_literal(p) for p in paths)).createOrReplaceTempView(name)
        return pl.DataFrame(self.session.sql(query).toArrow())


def _literal(path: Path) -> str:
    """A path as Spark reads it, in which brackets and stars are no pattern."""
    return "file://" + re.sub(r"([\\*?\[\]{}])", r"\\\1", str(Path(path).resolve()))
