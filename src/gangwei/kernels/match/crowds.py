"""What a matcher should be told about: ids that name two things, texts of very many employers, very many equal titles."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from gangwei.kernels.hashing import hash_strings, mix

U64 = npt.NDArray[np.uint64]


def contradicting(ids: U64, opening: npt.NDArray[np.int64]) -> int:
    """Rows whose id (0 = none) stands on more than one opening."""
    order, starts, sizes = _runs(ids)
    if not starts.size:
        return 0
    seen = opening[order]
    least, most = np.minimum.reduceat(seen, starts), np.maximum.reduceat(seen, starts)
    return int(sizes[least != most].sum())


def crowded(keys: U64, member: U64, limit: int) -> int:
    """Rows whose key (0 = none) has at least `limit` different members."""
    order, starts, sizes = _runs(keys)
    n = 0
    for i in np.flatnonzero(sizes >= limit):
        if np.unique(member[order[starts[i] : starts[i] + sizes[i]]]).size >= limit:
            n += int(sizes[i])
    return n


def _runs(keys: U64) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows in the order of their keys, without the zeros, with the start and length of each run of equal keys."""
    order = np.flatnonzero(keys != 0)
    order = order[np.argsort(keys[order])]
    ranked = keys[order]
    starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]])) if order.size else order
    return order, starts, np.diff(np.append(starts, order.size))


class Crowds:
    """Collects ads and says at the end what was noticed about them."""

    def __init__(self, limits: dict[str, int]) -> None:
        """`limits`: [issues] of openings/match.toml."""
        self.limits = limits
        self.kept: dict[str, list[npt.NDArray[Any]]] = {n: [] for n in ("id", "opening", "text", "employer", "role")}

    def add(self, ads: pl.DataFrame, opening: npt.NDArray[np.int64]) -> None:
        """Ads with board, source_key, text_hash, employer_id and title, and their opening."""
        named = ads["employer_id"].is_not_null().to_numpy()
        keyed = ads["source_key"].is_not_null().to_numpy()
        employer = np.where(named, hash_strings(ads["employer_id"]), 0)
        self.kept["id"].append(np.where(keyed, mix(hash_strings(ads["board"]), hash_strings(ads["source_key"])), 0))
        self.kept["opening"].append(opening)
        self.kept["text"].append(ads["text_hash"].fill_null(0).to_numpy())
        self.kept["employer"].append(employer)
        self.kept["role"].append(np.where(named, mix(employer, hash_strings(ads["title"])), 0))

    def issues(self) -> list[dict[str, Any]]:
        """Rows of the issues log."""
        id_, opening, text, employer, role = (
            np.concatenate(v) if v else np.zeros(0, np.uint64) for v in self.kept.values()
        )
        ads = np.arange(role.size, dtype=np.uint64)
        some, employers = self.limits["role_ads"], self.limits["text_employers"]
        found = (
            ("id_contradicts", contradicting(id_, opening.astype(np.int64)), "ads share an id of their board with an ad of another opening"),
            ("text_crowded", crowded(text, employer, employers), f"ads have a text of {employers:,} employers or more: it links none of them"),
            ("role_crowded", crowded(role, ads, some), f"ads are {some:,} or more under one title of one employer: compared by index only"),
        )  # fmt: skip
        return [
            {"stage": "s5_match", "reason_id": reason, "n": n, "message": f"{n:,} {words}"}
            for reason, n, words in found
            if n
        ]
