"""How rare the text is that two employers share: a stock text is found under many, that of one vacancy under two.

A table counts, for a fixed sample of 4-gram hashes, whether one, two or more employers have them. It holds a short
fingerprint of the first two employers in each slot, so that the answer does not depend on the order of the ads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from numba import njit

if TYPE_CHECKING:
    from gangwei.kernels.match.packed import Packed

BELOW = 1 << 29
SLOTS = 26
MANY = np.uint32(1 << 31)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _count(rows: Any, grams: Any, ptr: Any, employer: Any, table: Any) -> None:
    """Note in `table` which employers use each hash of `rows`: up to two of them, 15 bits each, and MANY from the third on."""
    mask = table.size - 1
    near = np.empty(512, np.uint32)
    for r in rows:
        if employer[r] == 0:
            continue
        for i in range(ptr[r], ptr[r + 1]):  # the slots are fetched together, each before it is needed
            if grams[i] >= BELOW:
                break
            near[i & 511] = table[grams[i] & mask]
        e = np.uint32(1) + np.uint32(employer[r] % np.uint64(32_767))
        for i in range(ptr[r], ptr[r + 1]):
            if grams[i] >= BELOW:
                break
            was = table[grams[i] & mask]
            first, second = was & np.uint32(0x7FFF), (was >> np.uint32(15)) & np.uint32(0x7FFF)
            if first == 0:
                was |= e
            elif second == 0 and first != e:
                was |= e << np.uint32(15)
            elif e not in (first, second):
                was |= MANY
            table[grams[i] & mask] = was


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _share(a: Any, b: Any, grams: Any, ptr: Any, table: Any, out: Any) -> None:
    """Fill `out` with the share of the hashes common to a[x] and b[x] that no third employer uses."""
    mask = table.size - 1
    for x in range(a.size):
        i, j, n, rare = ptr[a[x]], ptr[b[x]], 0, 0
        while i < ptr[a[x] + 1] and j < ptr[b[x] + 1] and grams[i] < BELOW and grams[j] < BELOW:
            u, v = grams[i], grams[j]
            if u == v:
                n += 1
                rare += table[u & mask] < MANY
            i += u <= v
            j += v <= u
        out[x] = rare / n if rare > 1 else 0.0


class Rarity:
    """Counts over the representatives of `n` ads at most."""

    def __init__(self, n: int) -> None:
        self.table = np.zeros(1 << min(SLOTS, max(10, int(16 * n).bit_length())), np.uint32)

    def count(self, p: Packed, rows: npt.NDArray[np.int64]) -> None:
        """Take note of some rows; call once for each representative before asking for `share`."""
        _count(rows, p.grams, p.ptr, p.who[:, 0], self.table)

    def share(self, p: Packed, a: npt.NDArray[np.int64], b: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Share of the text of rows a[i] and b[i] that no third employer has; 0 if that is not two hashes."""
        out = np.zeros(a.size)
        _share(a, b, p.grams, p.ptr, self.table, out)
        return out
