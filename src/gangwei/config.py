"""Settings of a build: one frozen object, handed down; nothing below the command line reads the environment."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from gangwei.codebook import DefinitionError, Remembering

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def parse_size(text: str) -> int:
    """'3GB', '3 GiB', '800m' or '1000000' in bytes (powers of 1,024).

    Raises:
        ValueError: not a size.
    """
    m = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)I?B?\s*", text.upper())
    if not m or float(m[1]) <= 0:
        raise ValueError(f"not a size: {text!r} (write 3GB or 800MB)")
    return int(float(m[1]) * _UNITS[m[2]])


@dataclass(frozen=True)
class Settings:
    """What a build is asked to do. `window_days` is the gap that starts a new vacancy spell."""

    out: Path
    inputs: tuple[str, ...] = ()
    add: bool = False
    engine: str = "local"
    master: str = "local[*]"
    threads: int = field(default_factory=lambda: os.cpu_count() or 1)
    memory_limit: int = 4 << 30
    definitions: Path | None = None
    from_stage: str | None = None
    texts: bool = True
    window_days: int = 60
    threshold: float | None = None
    as_of: str | None = None

    @property
    def book(self) -> Remembering:
        """The definitions in force, read anew for each build.

        Raises:
            DefinitionError: a file of the overlay lacks columns.
        """
        book = Remembering(self.definitions)
        for problem in book.without_columns():
            raise DefinitionError(problem)
        return book
