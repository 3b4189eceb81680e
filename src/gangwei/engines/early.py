"""Work that begins before its stage: while one large file is read, the parts of it that are written are cleaned."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

from gangwei.engines.local import Task


class Early:
    """Tasks by the part they are made from; whoever comes to a part later waits for what has begun and does the rest."""

    def __init__(self, threads: int) -> None:
        self.pool = ThreadPoolExecutor(threads, thread_name_prefix="gangwei-early")
        self.begun: dict[Path, Future[Any]] = {}

    def begin(self, part: Path, task: Task) -> None:
        """Run a task as soon as a thread is free."""
        self.begun[part] = self.pool.submit(task.fn, *task.args)

    def completing(self, task: Task, part: Path) -> Task:
        """A task with the result of `task`: it waits for what was begun for `part`, and runs `task` where that has not started."""

        def run() -> Any:
            begun = self.begun.get(part)
            return task.fn(*task.args) if begun is None or begun.cancel() else begun.result()

        return Task(run, (), task.rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.pool.shutdown(cancel_futures=True)
