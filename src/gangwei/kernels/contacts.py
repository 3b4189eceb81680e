"""Contacts of persons out of anything shown: phones, mail, chat ids, profile links, names of contact persons.

The rules are data (definitions/text/contacts.toml), applied in order to the rows that hold a hint. Rust regular
expressions run in linear time, so hostile text costs no more than other text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from gangwei.codebook import Codebook


@dataclass(frozen=True)
class ContactRules:
    """Hints that select rows, and (id, pattern, replacement, needs) in order of application."""

    mark: str
    hints: tuple[str, ...]
    digit_hint: str
    rules: tuple[tuple[str, str, str, str], ...]


def compile_contacts(book: Codebook) -> ContactRules:
    """Rules from definitions/text/contacts.toml."""
    config = book.toml("text/contacts.toml")
    mark = str(config["mark"])
    rules = tuple(
        (
            str(rule["id"]),
            str(rule["pattern"]).replace("{surnames}", config["surnames"]).replace("{titles}", config["titles"]),
            str(rule["replace"]).replace("{mark}", mark),
            str(rule.get("needs", "")),
        )
        for rule in config["rule"]
    )
    return ContactRules(mark, tuple(config["hints"]), str(config["digit_hint"]), rules)


def strip(series: pl.Series, rules: ContactRules) -> pl.Series:
    """Replace every contact by the mark; null stays null. Works on any string, best on clean (NFKC) text."""
    hinted = series.str.contains_any(list(rules.hints), ascii_case_insensitive=True) | series.str.contains(rules.digit_hint)
    rows = np.flatnonzero(hinted.fill_null(False).to_numpy())
    if not len(rows):
        return series
    part = series.gather(rows)
    for _, pattern, replacement, needs in rules.rules:
        if needs:
            some = np.flatnonzero(part.str.contains(needs).to_numpy())
            if len(some):
                part = part.scatter(some, part.gather(some).str.replace_all(pattern, replacement))
        else:
            part = part.str.replace_all(pattern, replacement)
    return series.scatter(rows, part)
