"""s2: raw values to clean text, sections, dates and job facts; row-aligned and pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from gangwei.codebook import Codebook
from gangwei.kernels import hashing, memo
from gangwei.kernels.clean import contacts, dates, fold, sections, text
from gangwei.kernels.clean.contacts import ContactRules
from gangwei.kernels.hash_lists import hashes
from gangwei.kernels.job import facts
from gangwei.kernels.places import place_hints
from gangwei.kernels.shapeless import SHAPELESS
from gangwei.kernels.strings import string_spans
from gangwei.schema import FACTS
from gangwei.stage_tables import CLEAN

NOT_CONTENT = ("file", "row", "source_id", "source_key", "company_other")
URL_RULES = ("profile_link", "mail", "link_number")
ADDRESS = r"(?i)^(?:[a-z][a-z0-9+.\-]*:)?//|^/|^[^\s/@:]+\.[\p{L}]{2,}(?:[/?#:]|$)"
SHORT_TEXT = 12  # letters below which the employer helps to tell the language


@dataclass(frozen=True)
class Rules:
    """Everything the stage knows, compiled once per process; read-only apart from caches."""

    text: text.TextRules
    sections: sections.SectionRules
    contacts: ContactRules
    url_contacts: ContactRules
    dates: dates.DateRules
    facts: facts.FactRules
    hints: place_hints.HintRules


def compile_rules(book: Codebook) -> Rules:
    """Rules of all kernels of this stage from the definitions."""
    return Rules(
        text.compile_text(book),
        sections.compile_sections(book),
        contacts.compile_contacts(book),
        contacts.compile_contacts(book, URL_RULES),
        dates.compile_dates(book),
        facts.compile_rules(book),
        place_hints.compile_hints(book),
    )


def run(raw: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """stage_tables.RAW to stage_tables.CLEAN, row j of the result is row j of the input; safe to call from several threads."""
    south = _is_south(raw, rules)
    hashes = hashing.hash_strings(raw["description"])
    title = text.clean(raw["title"], rules.text, one_line=True, traditional=south)
    tags = text.clean(raw["tags"], rules.text, one_line=True, traditional=south).text
    fields = [title.text, _tag_list(tags), raw["address"], _one_line(raw["board"])]
    body, shown, (clean_title, clean_tags, address, board) = _bodies(raw["description"], hashes, south, fields, rules)
    hiding = raw["address"].str.contains(contacts.HIDING).fill_null(False).arg_true()
    address = address.clone().scatter(hiding, contacts.strip_raw(raw["address"].gather(hiding), rules.contacts))
    when = dates.parse(raw["posted"], raw["captured"], raw["year_hint"], rules.dates)
    issues = [
        when["date_issue"],
        _flagged(body.flags, fold.CAPPED, "text_capped"),
        _flagged(title.flags, fold.CAPPED, "title_capped"),
    ]
    out = pl.DataFrame(
        {
            "content_hash": _content_hash(raw, when["captured_date"], {"description": hashes}),
            "source_id": raw["source_id"],
            "source_key": raw["source_key"],
            "board": board,
            "url": _url(raw["url"].str.strip_chars(), rules),
            "language": _language(raw, body, title, rules),
            "title": clean_title,
            **shown,
            "tags": clean_tags,
            "captured_date": when["captured_date"],
            "posted_date": when["posted_date"],
            "date_precision": when["date_precision"],
            "company": raw["company"],
            "company_other": raw["company_other"],
            "company_nature": raw["company_nature"],
            "city": raw["city"],
            "district": raw["district"],
            "address": address,
            "place_hint": place_hints.from_text(raw["city"], shown["text"], rules.hints),
        }
    )
    found = facts.parse(raw, clean_title, rules.facts, *issues)
    out = out.with_columns(*found.select(c.name for c in FACTS), found["facts_issues"].alias("issues"))
    return CLEAN.conform(out)


def _bodies(
    description: pl.Series, hashes: np.ndarray, south: pl.Series, fields: list[pl.Series], rules: Rules
) -> tuple[text.Cleaned, dict[str, pl.Series], list[pl.Series]]:
    """Clean text, the columns of what is shown of it, and `fields` without contacts; texts that repeat in the batch are
    worked on once."""
    rows, first = memo.encode(pl.DataFrame({"hash": hashes, "south": south}))
    again = np.flatnonzero(first[rows] != np.arange(len(rows)))
    same = description.gather(again).eq_missing(description.gather(first[rows[again]])).to_numpy()
    if len(again) and not same.all():  # two texts of one hash
        rows, first = memo.encode(pl.DataFrame({"text": description, "south": south}))
    once = len(first) == len(rows)
    if not once:
        description, south = description.gather(first), south.gather(first)
    body = text.clean(description, rules.text, traditional=south)
    stripped = contacts.strip_each([text.strip_furniture(body.text, rules.text), *fields], rules.contacts)
    shown, fields = _shown(stripped[0], rules), stripped[1:]
    if once:
        return body, shown, fields
    spread = text.Cleaned(body.text, body.stats[rows], body.flags[rows])
    return spread, {name: column.gather(rows) for name, column in shown.items()}, fields


def _shown(shown: pl.Series, rules: Rules) -> dict[str, pl.Series]:
    """Texts with their sections and what they are compared by, while their bytes are at hand."""
    spans, text_hash, (grams, ends, rate, whole) = sections.scan(*string_spans(shown), rules.sections)
    return {
        "text": shown,
        "text_length": shown.str.len_chars().cast(pl.Int32),
        "sections": spans.series(),
        "text_hash": pl.Series(text_hash),
        "sketch": hashes(grams, ends),
        "sketch_rate": pl.Series(rate),
        "sketch_hash": pl.Series(whole),
    }


def _one_line(names: pl.Series) -> pl.Series:
    """Names of boards without white space around them, a void one null; one that hides a contact is folded first."""
    bare = names.str.replace_all(SHAPELESS, "").str.replace_all(r"[\x00-\x1f]", " ").str.strip_chars()
    folded = bare.str.normalize("NFKC")
    return pl.select(pl.when(bare.str.contains(r"\d|@|＠")).then(folded).otherwise(bare).replace("", None)).to_series()


def _url(urls: pl.Series, rules: Rules) -> pl.Series:
    """Addresses without contacts; a value with neither scheme nor host is text, to which every rule applies."""
    stripped = contacts.strip(urls, rules.url_contacts)
    texts = (~urls.str.contains(ADDRESS)).arg_true()
    return (
        stripped.clone().scatter(texts, contacts.strip_raw(urls.gather(texts), rules.contacts))
        if len(texts)
        else stripped
    )


def _flagged(flags: np.ndarray, bit: int, reason: str) -> pl.Series:
    return pl.select(pl.when(pl.Series((flags & bit) > 0)).then(pl.lit(reason))).to_series()


def _is_south(raw: pl.DataFrame, rules: Rules) -> pl.Series:
    """Ads of Taiwan and Hong Kong boards, whose vocabulary is converted as well as the characters."""
    return raw.select(
        (
            pl.col("board").is_in(rules.text.taiwan_boards)
            | pl.col("language_hint").is_in(["zh_hant", "zh-Hant", "zh-TW"])
        ).fill_null(False)
    ).to_series()


def _content_hash(raw: pl.DataFrame, captured: pl.Series, known: dict[str, np.ndarray]) -> pl.Series:
    head = raw.select("source_id", "source_key").with_columns(captured.alias("captured_date"))
    values = raw.select(c for c in raw.columns if c not in NOT_CONTENT)
    return pl.Series("content_hash", hashing.mix(hashing.hash_rows(head), hashing.hash_rows(values, known)))


def _tag_list(tags: pl.Series) -> pl.Series:
    """Tags joined by ' | ', whatever they were separated by; void ones and the brackets and quotes of written-out lists
    are dropped."""
    return (
        tags.str.replace_all(r"""^(?:\(\s*["']|[\[{\s"',;|、])+|(?:["'],?\s*\)|[\]}\s"',;|、])+$""", "")
        .str.replace_all(r"""["']?\s*[,;|、][\s,;|、]*["']?""", " | ")
        .replace("", None)
    )


def _language(raw: pl.DataFrame, body: text.Cleaned, title: text.Cleaned, rules: Rules) -> pl.Series:
    stats = body.stats + title.stats
    few = np.flatnonzero(stats[:, 1] + stats[:, 2] + stats[:, 3] < SHORT_TEXT)
    if len(few):
        company = text.clean(raw["company"].gather(few), rules.text, one_line=True).stats
        foreign = (stats[few, 1] > 0) & (company[:, 1] == 0)  # Python开发 at a foreign firm is written in Chinese
        stats[few] += np.where(foreign[:, None], 0, company)
    return text.language(stats, rules.text)
