"""Judgements on pairs: which keys the ledger binds together, and judgements that contradict each other."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

K = TypeVar("K", bound=Hashable)


def bound(same: Iterable[tuple[K, K]]) -> dict[K, frozenset[K]]:
    """The keys that each judged key is bound to by `same`, directly or through others; itself among them."""
    groups: dict[K, frozenset[K]] = {}
    for a, b in same:
        together = groups.get(a, frozenset((a,))) | groups.get(b, frozenset((b,)))
        groups |= dict.fromkeys(together, together)
    return groups


def contradiction(rows: Sequence[Mapping[str, str]], a: str, b: str) -> str | None:
    """What to say of the first row `apart` whose keys (columns `a` and `b`) other rows bind together; None without one."""
    groups = bound((r[a], r[b]) for r in rows if r["verdict"] == "same")
    for row in rows:
        if row["verdict"] == "apart" and row[b] in groups.get(row[a], ()) and row[a] != row[b]:
            binding = [r["id"] for r in rows if r["verdict"] == "same" and r[a] in groups[row[a]]]
            return f"{row['id']} says apart of two that {', '.join(binding)} make one; take one of these rows out"
    return None
