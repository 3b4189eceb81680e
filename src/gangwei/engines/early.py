"""Work that begins before its stage: parts of the files that are being read are cleaned from memory as they are written."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any, Self


class Early:
    """Work on parts beside the reading of files; no more of both at a time than there are threads."""

    def __init__(self, threads: int) -> None:
        self.pool = ThreadPoolExecutor(threads, thread_name_prefix="gangwei-early")
        self.threads, self.files, self.working = threads, 0, 0
        self.lock = Lock()
        self.begun: dict[Path, Future[Any]] = {}

    def reading(self, read: Callable[..., Any]) -> Callable[..., Any]:
        """`read` as one more file that is to be read; its thread is free for parts when no other file waits for it."""
        self.files += 1

        def run(*args: Any) -> Any:
            try:
                return read(*args)
            finally:
                with self.lock:
                    self.files -= 1

        return run

    def begin(self, part: Path, work: Callable[[], Any]) -> None:
        """Work on a part on a free thread, or at once where there is none, so that no part waits in memory; whether it
        went well is for whoever asks `begun`."""
        with self.lock:
            free = self.working + min(self.files, self.threads) < self.threads
            self.working += free
        if free:
            self.begun[part] = self.pool.submit(self._beside, work)
            return
        self.begun[part] = done = Future[Any]()
        try:
            done.set_result(work())
        except Exception as e:
            done.set_exception(e)

    def _beside(self, work: Callable[[], Any]) -> Any:
        try:
            return work()
        finally:
            with self.lock:
                self.working -= 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.pool.shutdown(cancel_futures=True)
