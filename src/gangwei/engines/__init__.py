"""Engines: where tasks and sets run. One pipeline, chosen with `--engine`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from gangwei.config import Settings
from gangwei.engines.local import Local, Task


class Engine(Protocol):
    """What the pipeline asks of an engine."""

    name: str

    def map(self, tasks: Sequence[Task], done: Callable[[Task, Any], None]) -> list[Any]:
        """Run independent tasks; results in order."""
        ...

    def sql(self, query: str, **tables: Sequence[Path]) -> pl.DataFrame:
        """Run a query of the SQL subset over Parquet tables."""
        ...


def start(settings: Settings, spill: Path) -> Engine:
    """The engine that the settings name.

    Raises:
        ValueError: an unknown engine.
    """
    if settings.engine == "local":
        return Local(settings.threads, settings.memory_limit, spill)
    if settings.engine == "spark":
        from gangwei.engines.spark import Spark

        return Spark(settings.master, settings.memory_limit)
    raise ValueError(f"unknown engine {settings.engine!r}: local or spark")


__all__ = ["Engine", "Local", "Task", "start"]
