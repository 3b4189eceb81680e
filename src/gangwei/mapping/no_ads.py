"""Tables whose rows are no ads: records of persons, and statistics over many ads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from gangwei.formats.headers import normal

if TYPE_CHECKING:
    from gangwei.mapping.guess import Guess, Knowledge

HEADER_CHARS = 60
OF_PAY = {"pay", "pay_min", "pay_max"}
OF_WORK = {*OF_PAY, "experience", "description", "headcount"}
OF_ADS = {"company", "description", "url"}
OF_ONE = {"pay", "education", "experience", "posted", "headcount", "employment_type"}
"""Fields of which one table of statistics has one at most beside what is computed."""


def of_persons(names: Sequence[str], remarks: Mapping[str, str], know: Knowledge) -> bool:
    """Résumés, applications or graduates: three columns or more that only records of persons have, or the key of a résumé, where
    no title, employer and pay stand beside it or something tells of an application or of a person's past. Or accounts: a word to sign in with, and nothing of a job. What is too long for a
    header is an ad's text."""
    names = [n for n in names if len(n) <= HEADER_CHARS]
    keys = {n for n in names if know.headers.tells.of_resumes.search(n)}
    own = [n for n in names if any(know.packed.persons.search(normal(h)) for h in (n, remarks.get(n, "")))]
    if len(own) >= know.values.cut.few_values:
        return True
    asked = {c.field for n in names if (c := know.headers.listed(n)) is not None}
    if keys:
        if any(know.packed.with_resumes.search(normal(h)) for n in names for h in (n, remarks.get(n, "")) if h):
            return True
        return not keys.issuperset(own) or not ({"title", "company"} <= asked and asked & OF_PAY)
    signed = any(know.packed.accounts.search(normal(h)) for n in names for h in (n, remarks.get(n, "")))
    return signed and not OF_WORK & asked


def of_counts(found: Guess, rows: list[list[str]], know: Knowledge) -> bool:
    """How many ads there are, or what they pay, by job or place: large numbers under a word for totals, or several columns of what
    is computed over many (but for those beside facts of each ad, and means of the two bounds of each row), and no employer, text,
    link or range of pay. Beside titles of their own and two facts of an ad, larger numbers are of people wanted."""
    if found.fields & OF_ADS:
        return False
    rows = [r for r in rows if len(r) == len(found.names)]
    totals = [i for i, n in enumerate(found.names) if know.headers.tells.of_totals.search(n)]
    computed = [n for n in found.names if know.headers.tells.of_shares.search(n)]
    facts = found.fields & OF_ONE - {f for n, f in found.placed.items() if n in computed}
    pay = [found.names.index(n) for n, f in found.placed.items() if f == "pay"]
    paid = [r[i].strip() for r in rows for i in pay if r[i].strip()]
    one_number = sum(v.replace(".", "", 1).isdecimal() for v in paid) * 2 >= len(paid)
    if len(computed) >= 2 and one_number and (totals or len(facts) < 2) and not _of_bounds(found, computed, rows, know):
        return True
    if not totals:
        return False
    cuts = know.values.cut
    own = facts - {"headcount", *(["pay"] if one_number else [])}
    many = cuts.many_posts if computed or len(own) < 2 or not _own_titles(found, rows, know) else cuts.many_people
    numbers = sorted(int(r[totals[0]]) for r in rows if r[totals[0]].strip().isdigit())
    return len(numbers) >= cuts.few_values and numbers[len(numbers) // 2] >= many


def _of_bounds(found: Guess, computed: Sequence[str], rows: list[list[str]], know: Knowledge) -> bool:
    """One of the computed columns is the mean of the two bounds of its row, as it is of one ad and hardly ever of many."""
    at = {f: i for i, n in enumerate(found.names) if n not in computed and (f := found.placed.get(n)) in OF_PAY}
    if not {"pay_min", "pay_max"} <= at.keys():
        return False
    for i in map(found.names.index, computed):
        said = [tuple(map(_number, (r[at["pay_min"]], r[at["pay_max"]], r[i]))) for r in rows]
        told = [
            (low, high, mean) for low, high, mean in said if low is not None and high is not None and mean is not None
        ]
        middle = sum(abs(low + high - 2 * mean) <= max(high - low, 0) / 100 for low, high, mean in told)
        if len(told) >= know.values.cut.few_values and middle >= know.values.cut.nearly_all * len(told):
            return True
    return False


def _own_titles(found: Guess, rows: list[list[str]], know: Knowledge) -> bool:
    """Most rows have a title that no other row has: where ads are counted by jobs and something else, titles recur."""
    at = next((i for i, n in enumerate(found.names) if found.placed.get(n) == "title"), None)
    once = set(map(tuple, rows))  # the first rows of a small table are sampled again
    titles = [r[at].strip() for r in once if r[at].strip()] if at is not None else []
    return len(set(titles)) > know.values.cut.clear * len(titles)


def _number(cell: str) -> float | None:
    """The number that a cell holds, if it is one."""
    bare = cell.strip().replace(",", "")
    return float(bare) if bare.replace(".", "", 1).isdecimal() else None
