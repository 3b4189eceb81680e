"""Signatures as flat arrays, and shelves that sort them into boxes, in memory up to a budget and then on disk.

A row of ads is fixed columns (facts, keys of the employer, position) and two lists of 32-bit hashes, each one array of
values with row pointers. Nothing here is an object a row: rows are gathered, written and read at the speed of memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gangwei.kernels.hash_lists import flat, gather
from gangwei.kernels.match.judging import FACTS

WHO = ("employer", "brand", "address")
I64 = npt.NDArray[np.int64]
U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Packed:
    """Rows for the kernels; `pos` is the position of an ad in canonical order."""

    pos: I64
    facts: I64
    who: U64
    rate: npt.NDArray[np.uint8]
    bag: U32
    bag_ptr: I64
    grams: U32
    ptr: I64

    @property
    def size(self) -> int:
        """Number of rows."""
        return int(self.pos.size)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(int(a.nbytes) for a in self._arrays())

    def _arrays(self) -> tuple[npt.NDArray[Any], ...]:
        return (self.pos, self.facts, self.who, self.rate, self.bag, self.bag_ptr, self.grams, self.ptr)

    def take(self, rows: I64) -> Packed:
        """The given rows, in that order."""
        bag, bag_ptr = gather(self.bag, self.bag_ptr, rows)
        grams, ptr = gather(self.grams, self.ptr, rows)
        facts, who = self.facts.take(rows, 0), self.who.take(rows, 0)  # half the time of an index
        return Packed(self.pos[rows], facts, who, self.rate[rows], bag, bag_ptr, grams, ptr)


def pack(table: pa.Table, pos: I64) -> Packed:
    """Rows of a table of signatures; all arrays but `grams` may be written to, as kernels expect."""
    facts = np.empty((table.num_rows, len(FACTS)), np.int64)
    for i, name in enumerate(FACTS):
        values = table.column(name).to_numpy()
        facts[:, i] = values.view(np.int64) if values.dtype == np.uint64 else values
    who = np.empty((table.num_rows, len(WHO)), np.uint64)
    for i, name in enumerate(WHO):
        who[:, i] = table.column(name).to_numpy()
    bag, bag_ptr = flat(table.column("bag"))
    rate = table.column("rate").to_numpy().copy()
    return Packed(pos, facts, who, rate, bag.copy(), bag_ptr, *flat(table.column("grams")))


def join(pieces: Sequence[Packed]) -> Packed:
    """All rows of the pieces."""
    if len(pieces) == 1:
        return pieces[0]
    if not pieces:
        none, start = np.zeros(0, np.int64), np.zeros(1, np.int64)
        facts, who = np.zeros((0, len(FACTS)), np.int64), np.zeros((0, len(WHO)), np.uint64)
        empty = np.zeros(0, np.uint32)
        return Packed(none, facts, who, np.zeros(0, np.uint8), empty, start, empty, start)

    def ends(name: str) -> I64:
        sizes = [np.diff(getattr(p, name)) for p in pieces]
        return np.concatenate([[0], np.cumsum(np.concatenate(sizes))])

    def whole(name: str) -> npt.NDArray[Any]:
        return np.concatenate([getattr(p, name) for p in pieces])

    return Packed(
        whole("pos"), whole("facts"), whole("who"), whole("rate"), whole("bag"), ends("bag_ptr"), whole("grams"), ends("ptr")
    )  # fmt: skip


class Shelf:
    """Rows sorted into numbered boxes."""

    def __init__(self, folder: Path, name: str, boxes: int, budget: int, pool: ThreadPoolExecutor) -> None:
        """`budget`: bytes kept in memory, of which one half is written out to `folder` by `pool` while the other half fills."""
        self.boxes, self.budget, self.held, self.pool = boxes, budget, 0, pool
        self.files = [folder / f"{name}-{b:05}.bin" for b in range(boxes)]
        self.pieces: list[list[Packed]] = [[] for _ in range(boxes)]
        self.written: Future[None] | None = None

    def sort(self, rows: Packed, box: npt.NDArray[Any], only: I64 | None = None) -> list[tuple[int, Packed]]:
        """The rows, or `only` some, by box, for `add`; threads may do so at once."""
        if self.boxes == 1 and only is None:
            return [(0, rows)]
        only = np.arange(rows.size) if only is None else only
        order = only[np.argsort(box[only], kind="stable")]
        cuts = np.searchsorted(box[order], np.arange(self.boxes + 1))
        return [(b, rows.take(order[cuts[b] : cuts[b + 1]])) for b in np.flatnonzero(np.diff(cuts)).tolist()]

    def add(self, pieces: Sequence[tuple[int, Packed]]) -> None:
        """Put rows into their boxes."""
        for b, piece in pieces:
            self.pieces[b].append(piece)
            self.held += piece.nbytes
        if self.held > self.budget // 2:
            self.wait()
            full, self.pieces, self.held = self.pieces, [[] for _ in range(self.boxes)], 0
            self.written = self.pool.submit(self._write, full)

    def _write(self, boxes: list[list[Packed]]) -> None:
        for file, pieces in zip(self.files, boxes):
            if pieces:
                with file.open("ab") as f:
                    for p in pieces:
                        f.write(np.array([p.size, p.bag.size, p.grams.size], np.int64).data)
                        for a in p._arrays():
                            f.write(np.ascontiguousarray(a).reshape(-1).view(np.uint8).data)
                pieces.clear()

    def wait(self) -> None:
        """Wait for what is being written, before rows are taken; not to be called by a thread of the pool."""
        if self.written is not None:
            self.written.result()
            self.written = None

    def take(self, box: int) -> Packed:
        """The rows of one box, in the order they came; the box is then empty. Threads may take different boxes at once."""
        pieces = []
        if self.files[box].exists():
            with self.files[box].open("rb") as f:
                while head := f.read(24):
                    n, n_bag, n_grams = np.frombuffer(head, np.int64)

                    def read(kind: Any, count: Any) -> npt.NDArray[Any]:
                        return np.fromfile(f, kind, int(count))

                    pos, facts, who = read(np.int64, n), read(np.int64, n * len(FACTS)), read(np.uint64, n * len(WHO))
                    rate, bag, bag_ptr = read(np.uint8, n), read(np.uint32, n_bag), read(np.int64, n + 1)
                    grams, ptr = read(np.uint32, n_grams), read(np.int64, n + 1)
                    pieces.append(Packed(pos, facts.reshape(n, -1), who.reshape(n, -1), rate, bag, bag_ptr, grams, ptr))
            self.files[box].unlink()
        pieces += self.pieces[box]
        self.pieces[box] = []
        return join(pieces)
