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
        """Work on a part on a free thread, or at once where there is none, so that no part waits in memory.

        Whether it went well is for whoever asks `begun`. While the first of all makes what the others need too, these are
        left to their stage.
        """
        done: Future[Any] = Future()
        with self.lock:
            free = self.working + min(self.files, self.threads) < self.threads
            if not free and self.begun and not any(f.done() for f in self.begun.values()):
                return
            self.working += free
            self.begun[part] = done
        if free:
            self.pool.submit(self._work, work, done, 1)
        else:
            self._work(work, done, 0)

    def _work(self, work: Callable[[], Any], done: Future[Any], freed: int) -> None:
        try:
            done.set_result(work())
        except BaseException as e:  # a panic of a library too: whoever waits for the part must not wait for ever
            done.set_exception(e)
        with self.lock:
            self.working -= freed

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.pool.shutdown(cancel_futures=True)
