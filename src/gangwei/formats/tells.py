"""What tells columns apart beside the words of headers and the patterns of fields: `sources/columns.csv`."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from gangwei.codebook import DefinitionError

if TYPE_CHECKING:
    from gangwei.codebook import Codebook


@dataclass(frozen=True)
class Tells:
    """The pattern of each row by its id; what each means says the reason of the row."""

    tail: re.Pattern[str]
    name_of: re.Pattern[str]
    text_of: re.Pattern[str]
    code_of: re.Pattern[str]
    holder: re.Pattern[str]
    legal: re.Pattern[str]
    short_kind: re.Pattern[str]
    of_employers: re.Pattern[str]
    of_jobs: re.Pattern[str]
    of_searches: re.Pattern[str]
    of_links: re.Pattern[str]
    of_classes: re.Pattern[str]
    of_counts: re.Pattern[str]
    of_totals: re.Pattern[str]
    of_shares: re.Pattern[str]
    of_resumes: re.Pattern[str]
    of_hirers: re.Pattern[str]
    of_two_names: re.Pattern[str]
    of_start: re.Pattern[str]
    of_end: re.Pattern[str]
    of_hours: re.Pattern[str]
    of_titles: re.Pattern[str]
    of_lists: re.Pattern[str]
    choices: re.Pattern[str]
    no_name: re.Pattern[str]
    certificate: re.Pattern[str]
    heading: re.Pattern[str]
    example: re.Pattern[str]
    yuan: re.Pattern[str]
    months: re.Pattern[str]
    paid: re.Pattern[str]
    price: re.Pattern[str]
    seeks: re.Pattern[str]
    no_title: re.Pattern[str]
    ago: re.Pattern[str]
    since: re.Pattern[str]
    pay_unit: re.Pattern[str]
    full_or_part: re.Pattern[str]
    board: re.Pattern[str]
    firm: re.Pattern[str]
    recruiter: re.Pattern[str]
    hires: re.Pattern[str]
    ladder: re.Pattern[str]
    facts: re.Pattern[str]
    people: re.Pattern[str]
    district: re.Pattern[str]
    menu: re.Pattern[str]
    around_tables: re.Pattern[str]
    plural: re.Pattern[str]
    employers: re.Pattern[str]
    persons: re.Pattern[str]
    employer_key: re.Pattern[str]
    note: re.Pattern[str]


def load_tells(book: Codebook) -> Tells:
    """Read `sources/columns.csv`.

    Raises:
        DefinitionError: an id is missing or unknown.
    """
    found = {r["id"]: re.compile(r["pattern"]) for r in book.rows("sources/columns.csv")}
    if other := found.keys() ^ {f.name for f in fields(Tells)}:
        raise DefinitionError(
            f"sources/columns.csv: {', '.join(sorted(other))}: every pattern that is asked for must stand here once, and no other"
        )
    return Tells(**found)
