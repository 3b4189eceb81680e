"""What the values of several columns together say against the fields that their headers ask for."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gangwei.formats.headers import Headers
from gangwei.mapping.packed import Packed, column, median
from gangwei.mapping.placing import share_of
from gangwei.mapping.told import board_of
from gangwei.mapping.values import Values

TOWN_AND_DISTRICT = re.compile(r"^\s*\S{2,5}\s*[·-]\s*\S{2,8}(\s*[·-]\s*\S{1,10})?\s*$")
ONE = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*[kK千万元]?\s*$")


def corrected(
    names: Sequence[str],
    rows: list[list[str]],
    placed: dict[str, str],
    cells: dict[str, list[str]],
    headers: Headers,
    values: Values,
    packed: Packed,
) -> dict[str, str]:
    """Column to field, as `by_header` placed them, with what holds only for columns side by side put right.

    Args:
        rows: rows of cells in the order of `names`. cells: column to its filled values.
    """
    placed = _swapped(placed, cells, values)
    placed = short_address(placed, cells, values)
    placed = _named_title(placed, cells, values)
    placed = {
        n: "ignore" if f == "company" and _departments(cells[n], values, packed) else f for n, f in placed.items()
    }
    placed = _two_pays(names, rows, placed, headers, values)
    placed = _taken_from_text(_said_again(names, rows, placed, cells, values), packed)
    placed = _known_board(placed, cells, packed)
    return _named_board(placed, cells, packed)


def short_names(
    placed: dict[str, str], cells: dict[str, list[str]], n: int, values: Values, packed: Packed
) -> dict[str, str]:
    """The one column without a header that may hold short names of employers, where nothing else names them beside titles; of
    several the one with names that end like those of employers.

    Args:
        n: number of rows.
    """
    cut = values.cut
    if "title" not in placed.values() or "company" in placed.values() or n < cut.few_rows:
        return {}
    stage = re.compile(packed.stage)
    free = [
        name for name, mine in cells.items()
        if name not in placed and len(mine) / n >= cut.most and len(set(mine)) * 2 > n
        and share_of(packed.short_name, mine) >= cut.nearly_all > share_of(stage, mine) + values.like("company_nature", mine)
    ]  # fmt: skip
    if len(free) > 1:
        free = [name for name in free if share_of(packed.trade_name, cells[name]) >= cut.trades]
    return {free[0]: "company"} if len(free) == 1 else {}


def _swapped(placed: dict[str, str], cells: dict[str, list[str]], values: Values) -> dict[str, str]:
    """Title and employer exchanged, or a title under the header of the employer: the values decide, when they are clear."""
    cut = values.cut
    at = {f: n for n, f in placed.items()}

    def like(name: str, target: str) -> float:
        return values.like(target, cells[name])

    company, title = at.get("company"), at.get("title")
    if (
        company is None
        or like(company, "company") > cut.hardly
        or like(company, "title") < cut.clear
        or len(cells[company]) < 3
    ):
        return placed
    if title is None:
        return {**placed, company: "title"}
    if like(title, "company") >= cut.clear:
        return {**placed, company: "title", title: "company"}
    return placed


def short_address(placed: dict[str, str], cells: dict[str, list[str]], values: Values) -> dict[str, str]:
    """An address that holds a city and no more is the city."""
    cut = values.cut
    at = {f: n for n, f in placed.items()}
    name = at.get("address")
    mine = cells[name] if name else []
    if not name or not mine or {"city", "province"} & set(at) or values.like("city", mine) < cut.clear:
        return placed
    short = median(mine) <= cut.bare_place or share_of(TOWN_AND_DISTRICT, mine) >= cut.most
    return {**placed, name: "city"} if short else placed


def _named_title(placed: dict[str, str], cells: dict[str, list[str]], values: Values) -> dict[str, str]:
    """One word in each row under the header of the title is what was searched for, where another column holds titles."""
    cut = values.cut
    name = next((n for n, f in placed.items() if f == "title"), None)
    if name is None or len(cells[name]) < cut.few_rows or len(set(cells[name])) > 1:
        return placed
    others = [
        (values.like("title", mine), n) for n, mine in cells.items()
        if n not in placed and len(set(mine)) > 1 and median(mine) <= cut.short_value
    ]  # fmt: skip
    share, other = max(others, default=(0.0, ""), key=lambda o: o[0])
    return {**{n: f for n, f in placed.items() if n != name}, other: "title"} if share >= cut.some else placed


def _departments(mine: list[str], values: Values, packed: Packed) -> bool:
    """Parts of an employer under the header of the employer (Org)."""
    return len(mine) > 2 and share_of(packed.department, mine) >= values.cut.nearly_all


def _two_pays(
    names: Sequence[str], rows: list[list[str]], placed: dict[str, str], headers: Headers, values: Values
) -> dict[str, str]:
    """One amount a row under the header of pay, and a higher one beside it under the same header: its bounds."""
    at = next((i for i, n in enumerate(names) if placed.get(n) == "pay"), len(names))
    again = headers.claim(names[at + 1]) if at + 1 < len(names) and names[at + 1] not in placed else None
    if again is None or again.field != "pay":
        return placed
    pairs = [(ONE.match(r[at]), ONE.match(r[at + 1])) for r in rows if r[at].strip() and r[at + 1].strip()]
    good = sum(bool(a and b and float(a[1]) <= float(b[1])) for a, b in pairs)
    return (
        {**placed, names[at]: "pay_min", names[at + 1]: "pay_max"}
        if pairs and good / len(pairs) >= values.cut.nearly_all
        else placed
    )


def _said_again(
    names: Sequence[str], rows: list[list[str]], placed: dict[str, str], cells: dict[str, list[str]], values: Values
) -> dict[str, str]:
    """Texts that stand whole in another text of the row (an abstract), or are one word in every row (a button), are left out."""
    cut = values.cut
    at = {n: i for i, n in enumerate(names)}
    for name in [n for n, f in placed.items() if f == "description" and n in at]:
        mine = [(r[at[name]].strip(" \r\n.…"), r) for r in rows if r[at[name]].strip()]
        others = [at[n] for n, f in placed.items() if f == "description" and n != name and n in at]
        again = any(mine and sum(text in r[i] for text, r in mine) / len(mine) >= cut.nearly_all for i in others)
        button = len(cells[name]) >= cut.few_rows and len(set(cells[name])) == 1 and len(cells[name][0]) <= cut.button
        placed = {**placed, name: "ignore"} if again or button else placed
    return placed


def _taken_from_text(placed: dict[str, str], packed: Packed) -> dict[str, str]:
    """What a model or a program took from the text (LLM岗位要求) is left out where columns of the page hold the field."""
    taken = {n for n, f in placed.items() if f in ("description", "tags") and packed.taken_from_text.search(n)}
    own = {f for n, f in placed.items() if n not in taken}
    return {n: "ignore" if n in taken and f in own else f for n, f in placed.items()}


def _known_board(placed: dict[str, str], cells: dict[str, list[str]], packed: Packed) -> dict[str, str]:
    """A column under the header of the board that names none we know, where the addresses tell the board."""
    name = next((n for n, f in placed.items() if f == "board"), None)
    if (
        name is None
        or any(map(packed.boards.named, set(cells[name])))
        or not board_of(column("url", placed, cells), packed)
    ):
        return placed
    return {**placed, name: "ignore"}


def _named_board(placed: dict[str, str], cells: dict[str, list[str]], packed: Packed) -> dict[str, str]:
    """A column that no header places and that holds names of boards only."""
    if "board" in placed.values():
        return placed
    named = (
        n for n, mine in cells.items() if len(mine) >= 3 and n not in placed and all(map(packed.boards.named, mine))
    )
    name = next(named, None)
    return placed if name is None else {**placed, name: "board"}
