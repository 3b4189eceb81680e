"""Raw parts of the input, and which of them are put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gangwei.store import PART_ROWS, digest

GROUP = 256  # files that are put together, on average


@dataclass
class Part:
    """One raw part and the outputs made from it (paths by table name)."""

    rows: int
    key: str
    paths: dict[str, Path] = field(default_factory=dict)


def gathered(parts: Sequence[Part], folder: Path) -> tuple[list[Part], list[tuple[list[Path], Path, int]]]:
    """Neighbouring small parts as one each, and what is still to be written: (pieces, file in `folder`, rows).

    Where a group ends depends on its parts alone (their keys, and their rows where it is full), so that a file added in
    between changes the groups up to the next end by key, most often one.
    """
    groups: list[list[Part]] = []
    for p in parts:
        last = groups[-1] if groups else []
        if last and sum(q.rows for q in last) + p.rows <= PART_ROWS and int(last[-1].key, 16) % GROUP:
            last.append(p)
        else:
            groups.append([p])
    out: list[Part] = []
    missing: list[tuple[list[Path], Path, int]] = []
    for group in groups:
        if len(group) == 1:
            out += group
            continue
        key, rows = digest("gathered", [p.key for p in group]), sum(p.rows for p in group)
        file = folder / f"{key}.parquet"
        if not file.exists():
            missing.append(([p.paths["raw"] for p in group], file, rows))
        out.append(Part(rows, key, {"raw": file}))
    return out, missing
