"""The default engine: a thread pool over parts, and DuckDB for sets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from gangwei.store import StoreError


@dataclass(frozen=True)
class Task:
    """One unit of work: a module-level function and its arguments, so that it can travel to another process."""

    fn: Callable[..., Any]
    args: tuple[Any, ...]
    rows: int = 0


class Local:
    """Threads over parts; DuckDB with a memory limit and a spill folder for joins and groups."""

    name = "local"

    def __init__(self, threads: int, memory_limit: int, spill: Path) -> None:
        self.threads, self.memory_limit, self.spill = threads, memory_limit, spill

    def map(self, tasks: Sequence[Task], done: Callable[[Task, Any], None]) -> list[Any]:
        """Run the tasks and return their results in order; the first failure stops those not yet begun and is raised.

        Raises:
            StoreError: a worker was ended from outside.
        """

        def one(task: Task) -> Any:
            result = task.fn(*task.args)
            done(task, result)
            return result

        with ThreadPoolExecutor(self.threads, thread_name_prefix="gangwei") as pool:
            futures = [pool.submit(one, t) for t in tasks]
            try:
                _, pending = wait(futures, return_when=FIRST_EXCEPTION)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
            for f in pending:
                f.cancel()
            for f in futures:
                if not f.cancelled() and (error := f.exception()):
                    if isinstance(error, Exception | KeyboardInterrupt):
                        raise error
                    raise StoreError(f"a worker thread was ended ({error!r}); run the build again to resume") from None
            return [f.result() for f in futures]

    def sql(self, query: str, **tables: Sequence[Path]) -> pl.DataFrame:
        """Run a query of the shared SQL subset over Parquet tables; the caller's ORDER BY must end in a unique key.

        Raises:
            StoreError: the memory does not suffice even with spilling.
        """
        con = duckdb.connect(
            config={
                "threads": self.threads,
                "memory_limit": f"{self.memory_limit}B",
                "temp_directory": str(self.spill),
                "disabled_optimizers": "join_filter_pushdown",
                "preserve_insertion_order": False,
            }
        )
        try:
            for name, paths in tables.items():
                con.from_parquet([str(p) for p in paths]).create_view(name)
            frame = pl.DataFrame(con.sql(query).to_arrow_table())
        except duckdb.OutOfMemoryException:
            raise StoreError(
                f"--memory-limit of {self.memory_limit / 2**20:,.0f} MB is too little for the joins of this dataset; give more"
            ) from None
        finally:
            con.close()
        return frame.cast({c: pl.String for c, t in frame.schema.items() if t == pl.Binary})
