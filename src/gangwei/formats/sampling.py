"""Rows from all over a file, so that its first rows alone do not decide what its columns are; the same for the same file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")
KEPT = 120
SLICE = 48 << 10
SLICES = 12


class Thin(Generic[T]):
    """At most `limit` items of a stream of unknown length, evenly spaced from its start."""

    def __init__(self, limit: int = KEPT) -> None:
        self.limit, self.step, self.seen = limit, 1, 0
        self.kept: list[T] = []

    def add(self, item: T) -> None:
        """Offer the next item."""
        if self.seen % self.step == 0:
            self.kept.append(item)
            if len(self.kept) > self.limit:
                self.kept = self.kept[::2]
                self.step *= 2
        self.seen += 1

    def extend(self, items: Iterable[T]) -> None:
        """Offer the next items."""
        for item in items:
            self.add(item)


def spaced(items: list[T], limit: int) -> list[T]:
    """At most `limit` items of a list, evenly spaced, the last among them."""
    if len(items) <= limit:
        return items
    return [items[i * (len(items) - 1) // (limit - 1)] for i in range(limit)]


def slices(block: bytes) -> Iterator[bytes]:
    """Parts from the middle and the end of a block, each from an even byte on."""
    n = len(block)
    for at in (n // 4, n // 2, 3 * n // 4, n - SLICE):
        start = max(at, 0) & ~1
        yield block[start : start + SLICE]


def whole_lines(text: str) -> list[str]:
    """Lines of a slice with their ends, without the first and the last, which may be cut."""
    return text.splitlines(keepends=True)[1:-1]
