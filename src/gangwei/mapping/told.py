"""What a whole column tells of a table without a definition: unit and scale of pay, the board, its script."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from gangwei.formats.headers import normal
from gangwei.mapping.packed import Packed, column

SMALL_ROWS = 5


def constants_of(placed: dict[str, str], cells: dict[str, list[str]], packed: Packed) -> dict[str, Any]:
    """What a whole column tells: unit and scale of pay, the board, a board of traditional characters."""
    out: dict[str, Any] = {}
    pay = next((n for n, f in placed.items() if f in ("pay", "pay_min")), "")
    bounds = [v for n, f in placed.items() if n == pay or f == "pay_max" for v in cells[n]]
    for pattern, hint, value in packed.hints:
        if pattern.search(pay):
            out.setdefault(hint, value)
    urls = column("url", placed, cells)
    if "board" not in placed.values() and (
        board := board_of(urls, packed) or ("" if urls else _marked(cells, packed) or _pictured(cells, packed))
    ):
        out["board"] = board
        if board in packed.owners and "company" not in placed.values():
            out["company"] = packed.owners[board]
    if pay and out.get("board") in packed.daily and _small(bounds, packed.daily_pay, 1):
        out.setdefault("pay_unit_hint", "day")
    if (
        pay
        and out.get("pay_unit_hint", "month") == "month"
        and "pay_scale_hint" not in out
        and _paid_by_month(column("pay_unit", placed, cells), packed)
        and _small(bounds, packed.small_pay, 1 if "pay_unit_hint" in out else SMALL_ROWS)
    ):
        out = {"pay_unit_hint": "month", **out, "pay_scale_hint": 1000}
    title = column("title", placed, cells)
    headers = sum(bool(packed.traditional.search(n)) for n in cells)
    mainland = sum(bool(packed.simplified.search(v)) for v in title) * 3 >= max(len(title), 3)
    if (headers > 1 and not mainland) or sum(bool(packed.traditional.search(v)) for v in title) * 2 > max(
        len(title), 3
    ):
        out["language_hint"] = "zh_hant"
    return out


def board_of(urls: list[str], packed: Packed) -> str | None:
    """The board that four of five addresses of the ads belong to; paths without a host say nothing."""
    urls = [u for u in urls if not re.match(r"/(?!/)", u)]
    found = Counter(
        b
        for u in urls
        for h, b in packed.hosts.items()
        if h in u and re.search(rf"(?://|^)(?:[\w-]+\.)*{re.escape(h)}(?:[/:?]|$)", u)
    )
    board, n = found.most_common(1)[0] if found else ("", 0)
    return board if n * 5 >= len(urls) * 4 and n else None


def _marked(names: Iterable[str], packed: Packed) -> str:
    """The board whose own names of fields a table has."""
    found = {packed.marks[k] for n in names if (k := normal(n.rpartition(".")[2])) in packed.marks}
    return found.pop() if len(found) == 1 else ""


def _pictured(cells: Mapping[str, list[str]], packed: Packed) -> str:
    """The board that the pictures of employers or recruiters beside the ads come from."""
    columns = (mine for mine in cells.values() if mine and packed.picture.search(mine[0].partition("?")[0]))
    found = {board for mine in columns if (board := board_of(mine, packed))}
    return found.pop() if len(found) == 1 else ""


def _paid_by_month(units: list[str], packed: Packed) -> bool:
    """No column of units, or one that names the month more often than not."""
    named = [next((u for p, u in packed.units if re.search(p, v)), "") for v in units]
    return 2 * named.count("month") >= len(named)


def _small(mine: list[str], small: re.Pattern[str], least: int) -> bool:
    """A whole column, `least` values or more, of small bare numbers: 15, 15-25, 22.5 are thousand yuan a month; 0 says nothing."""
    mine = [v for v in mine if v.strip(" 0.")]
    return len(mine) >= least and sum(bool(small.fullmatch(v.strip())) for v in mine) * 10 >= len(mine) * 9
