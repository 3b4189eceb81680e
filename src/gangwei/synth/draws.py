"""Numbers drawn from seeds: the same seed and salt give the same number, whatever is drawn before."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]


def mix(seed: U64, k: int) -> U64:
    """The hash of synth.text.mix over an array of seeds."""
    z = seed + np.uint64(((k + 1) * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(z ^ (z >> np.uint64(31)), np.uint64)


def below(seed: U64, k: int, n: int | I64) -> I64:
    """Numbers in 0..n-1."""
    return np.asarray(((mix(seed, k) >> np.uint64(32)) * np.asarray(n).astype(np.uint64)) >> np.uint64(32), np.int64)


def unit(seed: U64, k: int) -> npt.NDArray[np.float64]:
    """Numbers in [0, 1)."""
    return (mix(seed, k) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def chance(seed: U64, k: int, p: float | npt.NDArray[np.float64]) -> Mask:
    """True with probability p."""
    return np.asarray(unit(seed, k) < p)
