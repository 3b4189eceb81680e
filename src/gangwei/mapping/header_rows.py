"""Which of the first rows of a table may be its header: one row, two rows together, or none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from gangwei.formats.chunk import unique_names
from gangwei.formats.headers import Headers
from gangwei.formats.table import Table
from gangwei.mapping.values import Values

HEADER_DEPTH = 8
"""First rows that may be the header."""
PART_CHARS = 12
"""Characters of the name of a part under a group."""


def _groups(row: Sequence[str], under: Sequence[str]) -> bool:
    """The second row names parts of groups that the first row names over several columns, and nothing else."""
    if "" not in [c.strip() for c in row[1:]] or len(row) != len(under) or sum(bool(c.strip()) for c in row) < 3:
        return False
    wide = [i for i in range(len(row)) if not row[i].strip() or (i + 1 < len(row) and not row[i + 1].strip())]
    named = [i for i, c in enumerate(under) if c.strip() and c.strip() != row[i].strip()]
    short = all(len(under[i].strip()) <= PART_CHARS and not under[i].strip()[:1].isdigit() for i in named)
    return len(named) > 1 and len(named) < len(row) and short and set(named) <= set(wide)


def _under_groups(row: Sequence[str], under: Sequence[str], headers: Headers) -> list[str]:
    """Names of the columns under groups: the part alone where it tells by itself, else group and part."""
    group, out = "", []
    for a, b in zip(row, under):
        group, part = a.strip() or group, b.strip()
        alone = part and headers.listed(part) is not None
        out.append(part if alone else group if part in ("", group) else f"{group}{part}")
    return out


def candidates(table: Table, headers: Headers) -> Iterator[tuple[int, bool, tuple[str, ...]]]:
    """(rows before the data, has a header, names): each of the first rows, two rows as one header, or no header."""
    if table.columns is not None:
        yield 0, True, table.columns
        return
    if not table.head:
        return
    width = Counter(len(r) for r in table.head if r).most_common(1)[0][0] if any(table.head) else 0
    for i, row in table.top(HEADER_DEPTH):
        if len(row) <= 1 < width:
            continue
        under = table.head[i + 1] if i + 1 < len(table.head) else []
        if _groups(row, under):
            yield i + 2, True, tuple(unique_names(_under_groups(row, under, headers)))
            continue
        if 0 < len(row) == width - 1 and not _key(row[0], headers) and _numbered(table.head[i + 1 :], width):
            yield i + 1, True, tuple(unique_names(["", *row]))
            continue
        yield i + 1, True, tuple(unique_names(row))
        if 2 <= len(row) < width and sum(headers.claim(c) is not None for c in row) * 2 > len(row):
            yield i + 1, True, tuple(unique_names([*row, *[""] * (width - len(row))]))
        if "" in row and any(row) and len(under) == len(row):
            group, joined = "", []
            for a, b in zip(row, under):
                group = a.strip() or group
                joined.append(f"{group}{b.strip()}" if b.strip() and b.strip() != group else group)
            yield i + 2, True, tuple(unique_names(joined))
    yield 0, False, tuple(f"column{i}" for i in range(width))


def rows_of_data(
    rows: Sequence[Sequence[str]], names: Sequence[str], fields: Mapping[str, str], headers: Headers, values: Values
) -> list[int]:
    """Which of the rows above a header hold no header word and two values or more like those of the columns: rows of data.

    Args:
        names: the header's. fields: column to field.
    """
    at = [(i, fields[n]) for i, n in enumerate(names) if n in fields]
    plain = [
        k for k, r in enumerate(rows) if len(r) == len(names) and not any(headers.listed(c) is not None for c in r)
    ]
    return [k for k in plain if sum(bool(rows[k][i].strip() and values.share(f, [rows[k][i]])) for i, f in at) >= 2]


def _numbered(rows: list[list[str]], width: int) -> bool:
    """Rows that begin with a number of their own, which the header leaves without a name (R, pandas)."""
    own = [r for r in rows if len(r) == width]
    firsts = {r[0].strip() for r in own}
    return len(own) > 2 and len(firsts) == len(own) and all(f.isdecimal() for f in firsts) and any(r[-1] for r in own)


def _key(header: str, headers: Headers) -> bool:
    """A header of row numbers or keys."""
    claim = headers.claim(header)
    return claim is not None and claim.field in ("source_key", "ignore")
