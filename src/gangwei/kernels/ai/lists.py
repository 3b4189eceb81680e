"""The lists of AI terms, cues, signals and title words as lexicons, and what is said of each term."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from gangwei.kernels.ai import evidence, fields
from gangwei.kernels.ai import hits as h
from gangwei.kernels.ai.terms import Lexicon, compile_terms
from gangwei.schema import AI_SUBFIELDS

if TYPE_CHECKING:
    from gangwei.codebook import Codebook

STRENGTHS = ("strong", "weak", "none")


def _where(row: dict[str, str]) -> int:
    """The locations in which an AI term counts, a bit each; all of them where the list names none."""
    named = row["section"].split("|") if row.get("section") else []
    if unknown := set(named) - set(h.LOCATIONS):
        raise ValueError(f"ai/: {row['id']} names the unknown section {min(unknown)!r}")
    return sum(1 << h.LOCATIONS.index(s) for s in named) or -1


@dataclass
class _Rows:
    """Rows of all lists: term, id, (layer, tier, concept, needs, cue, kind) and the first two subfields or -1."""

    words: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    columns: list[tuple[int, ...]] = field(default_factory=list)
    about: list[tuple[int, int]] = field(default_factory=list)

    def add(
        self, row: dict[str, str], layer: int, kind: int, tier: int = -1, concept: int = -1, needs: int = 0,
        cue: int = -1, subfields: str = "",
    ) -> None:  # fmt: skip
        """One row of a list.

        Raises:
            ValueError: it names an unknown subfield.
        """
        named = subfields.split("|") if subfields else []
        if unknown := set(named) - set(AI_SUBFIELDS):
            raise ValueError(f"ai/: {row['id']} names the unknown subfield {min(unknown)!r}")
        self.words.append(row["term"])
        self.ids.append(row["id"])
        self.columns.append((layer, tier, concept, needs, cue, kind))
        first, second = (*(AI_SUBFIELDS.index(s) for s in named), -1, -1)[:2]
        self.about.append((first, second))


def _add_terms(rows: _Rows, terms: list[dict[str, str]], concepts: list[str]) -> None:
    """The rows of ai/terms.csv.

    Raises:
        ValueError: an id does not begin with its concept, or a tier or cue is unknown.
    """
    for r in terms:
        if r["id"].split(".")[0] != r["concept"]:
            raise ValueError(f"ai/terms.csv: the id {r['id']} must begin with its concept: {r['concept']}.001")
        for column, codes in (("tier", evidence.TIERS), ("not_if", ("", *h.CUES))):
            if r[column] not in codes:
                raise ValueError(
                    f"ai/terms.csv: {r['id']}: {column} {r[column]!r} is none of {', '.join(filter(None, codes))}"
                )
        rows.add(
            r, h.AI, _where(r), evidence.TIERS.index(r["tier"]), concepts.index(r["concept"]), int(r["needs"] == "ai"),
            h.CUES.index(r["not_if"]) if r["not_if"] else -1, r["subfield"],
        )  # fmt: skip


def compile_lexicons(
    book: Codebook,
) -> tuple[tuple[Lexicon, ...], h.Terms, list[str], list[str], list[str]]:
    """(lexicons, what is said of each term, rule ids, concepts, role words) of the lists in `definitions/ai`.

    The lexicons number their terms alike: what is looked for in titles, in texts and tags, and the cues.

    Raises:
        ValueError: a list names an unknown tier, cue, strength, section or subfield, or repeats a term.
    """
    terms, cues, roles, plain = (book.rows(f"ai/{n}.csv") for n in ("terms", "cues", "roles", "field_words"))
    concepts = sorted({r["concept"] for r in terms})
    kinds = sorted({r["kind"] for r in roles})
    if len(concepts) > evidence.MAX_CONCEPTS or len(kinds) >= evidence.MAX_ROLES:
        raise ValueError(
            f"ai/: at most {evidence.MAX_CONCEPTS} concepts and {evidence.MAX_ROLES - 1} kinds of title words"
        )
    if len(plain) > fields.MAX_WORDS:
        raise ValueError(f"ai/field_words.csv: at most {fields.MAX_WORDS} words")
    rows = _Rows()
    _add_terms(rows, terms, concepts)
    for r in cues:
        rows.add(r, h.CUE, h.CUES.index(r["kind"]))
    for layer, name in ((h.SURVEILLANCE, "surveillance"), (h.DEFENCE, "defence")):
        for r in book.rows(f"ai/{name}.csv"):
            rows.add(r, layer, STRENGTHS.index(r["strength"]))
    for r in book.rows("ai/surveillance_titles.csv"):
        rows.add(r, h.OTHER_JOB, -1)
    for r in roles:
        rows.add(r, h.ROLE, kinds.index(r["kind"]))
    for i, r in enumerate(plain):
        rows.add(r, h.FIELD, i, subfields=r["subfields"])
    table = np.array(rows.columns, np.int32).reshape(-1, 6)
    lexicon = compile_terms(rows.words, table[:, 0].tolist(), rows.ids)
    lexicons = (
        lexicon.only(h.AI, h.SURVEILLANCE, h.DEFENCE, h.ROLE, h.OTHER_JOB),
        lexicon.only(h.AI, h.SURVEILLANCE, h.DEFENCE),
        lexicon.only(h.CUE),
        lexicon.only(h.AI, h.FIELD),
        lexicon.only(h.FIELD),
    )
    columns_of = (np.ascontiguousarray(table[:, i]) for i in range(1, 6))
    about_fields = np.array(rows.about, np.int32).reshape(-1, 2)
    lists = book.toml("ai/rules.toml")["lists"]
    said = h.Terms._make(
        (lexicon.size, lexicon.layer.astype(np.int32), *columns_of, about_fields, lists["terms"], lists["wishes"])
    )
    return lexicons, said, rows.ids, concepts, kinds
