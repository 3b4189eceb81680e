"""Words on the explorer's pages: its own phrases, reason codes, concepts and groups in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gangwei.explore.query import pairs_of
from gangwei.frame.dataset import Dataset
from gangwei.labels import LANGS, Labels
from gangwei.measures import Measure, Result, UnknownParameter
from gangwei.version import __version__
from gangwei.vocabulary import several

ASKING = ("lq", "without_board")
WHOLE = ("share", "count", "median", "duration")
"""Kinds of measures that say nothing without a definition of AI, and those whose groups have a whole."""


@dataclass(frozen=True)
class Caption:
    """Title, lines below it and source of a chart that stands alone."""

    title: str
    lines: list[str]
    source: str


class Words:
    """The phrases of `labels/explore.toml` by language, and labels of the dataset."""

    def __init__(self, ds: Dataset) -> None:
        self.ds = ds
        table: dict[str, list[str]] = ds.codebook.toml("labels/explore.toml")
        self.page = {lang: {k: v[side] for k, v in table.items()} for side, lang in enumerate(LANGS)}
        self.labels = {lang: Labels(ds, lang) for lang in LANGS}
        self.speakers = {lang: Speaker(self, lang) for lang in LANGS}

    def speaker(self, lang: str) -> Speaker:
        """The words of one language."""
        return self.speakers[lang]

    @cached_property
    def reasons(self) -> dict[str, tuple[str, str]]:
        """Reason codes in words, by language."""
        return {r["id"]: (r["en"], r["zh"]) for r in self.ds.codebook.rows("reasons.csv")}

    @cached_property
    def rule_files(self) -> dict[str, str]:
        """The definition file of each kind of affiliation rule, by what stands before the colon of its id."""
        names = [
            n for n, _ in self.ds.codebook.files() if n.startswith(("employers/", "lists/")) and n.endswith(".csv")
        ]
        return {n.rpartition("/")[2].removesuffix(".csv"): n for n in names}

    @cached_property
    def concepts(self) -> dict[str, tuple[str, str]]:
        """Names of the concepts of the AI terms by language."""
        en, zh = (self.labels[lang].concepts for lang in LANGS)
        return {code: (en[code], zh[code]) for code in self.ds.concepts}

    @cached_property
    def named(self) -> dict[str, list[tuple[str, str, str]]]:
        """Pages of places, occupations, skills and concepts by their names in both languages: (path, dimension, code)."""
        pages = [
            ("regions", ("province", "city", "county")[p.level - 1], str(p.adcode)) for p in self.ds.places.values()
        ]
        pages += [("occupations", "occupation", code) for code in self.ds.open_values["occupation"]]
        pages += [("skills", "skill", code) for code in self.labels["en"].skills]
        pages += [("concepts", "term", code) for code in self.concepts]
        out: dict[str, list[tuple[str, str, str]]] = {}
        for folder, dim, code in pages:
            names = {self.speaker(lang).filter(dim, code).casefold() for lang in LANGS}
            if folder == "regions":
                names.add(self.ds.places[int(code)].zh)
            for name in names:
                out.setdefault(name, []).append((f"/{folder}/{code}", dim, code))
        return out


class Speaker:
    """What templates say in one language."""

    def __init__(self, words: Words, lang: str) -> None:
        self.words, self.lang, self.side, self.labels = words, lang, LANGS.index(lang), words.labels[lang]

    @property
    def individual(self) -> str:
        """What stands for the name of a person."""
        return str(self.labels.table["names"]["individual"])

    def unknown(self, e: UnknownParameter) -> str:
        """Why a question is outside the vocabulary."""
        page = self.words.page[self.lang]
        kind, _, key = e.what.partition(" of ")
        named = page["group_by"] if key == "by" else self.labels.dimension(key) if kind == "value" else key
        what = page.get(f"unknown_{kind}_of" if kind == "dimension" and key else f"unknown_{kind}", e.what).format(
            key=named
        )
        return page["not_in_vocabulary"].format(given=e.given[:80], what=what)

    def measure(self, m: Measure) -> str:
        """The name of a measure."""
        return m.zh if self.lang == "zh" else m.en

    def reason(self, code: str | None) -> str:
        """A reason code in words, with its context and section."""
        base, _, where = (code or "").partition("@")
        stem, _, context = base.partition("/")
        found = self.words.reasons.get(stem)
        said = [self.words.page[self.lang].get(f"context_{x}", x) for x in (context, where) if x]
        return "–" if not code else " · ".join([found[self.side] if found else stem, *said])

    def feature(self, rule: str | None, code: str | None) -> str:
        """A feature of the model in words, as `labels/explore.toml` has them; else its reason."""
        page, named = self.words.page[self.lang], rule or ""
        stem = named.rstrip(".0123456789")
        n = named[len(stem) :]
        if (said := page.get(f"feature_{stem}")) is not None:
            return said.format(n=self.labels.share(float(n), 0) if stem.endswith(":share>") else n)
        kind, _, what = named.partition(":")
        return page[f"feature_{kind}"].format(what=what) if f"feature_{kind}" in page else self.reason(code)

    def decision(self, code: str | None) -> str:
        """What a rule decided, or how an ad stands to its opening, in words."""
        return self.words.page[self.lang].get(f"decision_{code}", code or "–")

    def rule_row(self, rule: str | None) -> dict[str, str]:
        """Where the row of an affiliation rule stands, as parameters of /definitions; {} for a rule without a row."""
        kind, _, row = (rule or "").partition(":")
        return {"file": self.words.rule_files[kind], "find": row} if row and kind in self.words.rule_files else {}

    def pairs(self, where: Mapping[str, str]) -> list[str]:
        """Filters as values of `where`."""
        return pairs_of(where)

    def filter(self, key: str, value: str) -> str:
        """The values of a filter, several with commas between them."""
        parts = several(self.labels.ds, key, value)
        if key in ("province", "city", "county", "employer"):
            named = self.labels.group_values(key, parts)
        else:
            named = [self.group(key, p) for p in parts]
        return str(self.labels.forms["list"]).join(named)

    def whole(self, key: str, value: str) -> str:
        """The words of a filter; a county with the city or province that it belongs to, since many share a name."""
        if key != "county":
            return self.filter(key, value)
        return str(self.labels.forms["list"]).join(map(self._county, several(self.labels.ds, key, value)))

    def _county(self, code: str) -> str:
        said = self.filter("county", code)
        if not code.isdigit():
            return said
        city = int(code) // 100 * 100
        above = city if city in self.words.ds.places else city // 10_000 * 10_000
        return f"{said} · {self.labels.place(above)}"

    def group(self, by: str | None, value: str) -> str:
        """One group of a dimension."""
        if by == "term":
            return self.labels.concept(value)
        if by == "skill":
            return self.labels.skills.get(value, value)
        return self.labels.code(by, value)

    def within(self, word: str) -> str:
        """The name of a dimension inside a sentence: lower case in English, but for capitals that stay (AI)."""
        return word[:1].lower() + word[1:] if self.lang == "en" and word[1:2].islower() else word

    def noun(self, result: Result) -> str:
        """What the denominator of a figure counts."""
        m = result.measure
        what = {"ad": "ad", "exact": "ad", "spell": "spell"}.get(result.grain, "opening")
        if what == "opening":
            named = m.kind in ("rank", "top") and result.by == "employer"
            paid = m.kind in ("median", "premium") and m.unit != "cny_year"
            what = "paid" if paid else "named" if named else "located" if "located_only" in m.caveats else what
        return self.words.page[self.lang][f"noun_{m.population}_{what}"]

    def caption(self, result: Result) -> Caption:
        """What a chart says of itself where no page stands around it."""
        page, labels, m = self.words.page[self.lang], self.labels, result.measure
        title = self.measure(m)
        if result.by and result.by != m.default_by:
            title += f" {page['by_word']} {self.within(labels.dimension(result.by))}"
        told = [f"{labels.dimension(k)}{page['colon']}{self.whole(k, v)}" for k, v in result.where.items()]
        if "definition" not in result.where and (m.population == "ai" or m.hit == "definition" or m.kind in ASKING):
            told.append(f"{page['ai_opening']}{page['colon']}{labels.code('definition', result.definition)}")
        if result.by == "cluster" and "scope" not in result.where:
            told.append(labels.code("scope", result.scope))
        line = self.value_line(result)
        if m.interval != "none" and (line or result.by not in ("province", "city")):
            told.append(page["interval"] + page["colon"] + page[f"by_{m.interval}"].rstrip(page["stop"]))
        ds = labels.ds
        source = str(labels.table["names"]["cite_as"]).format(
            version=__version__, kept=labels.integer(ds.manifest.get("counts", {}).get("kept", 0)),
            date=result.as_of or ds.as_of or "–", definitions=ds.definitions_version,
        )  # fmt: skip
        source = labels.agree(source)
        return Caption(title, [x for x in (line, " · ".join(told)) if x], f"{source} {result.permalink}")

    def value_line(self, result: Result) -> str:
        """The figure of the whole with its interval and what it counts; '' where groups have no whole."""
        page, labels, m = self.words.page[self.lang], self.labels, result.measure
        if m.kind not in WHOLE or result.suppressed or result.value is None:
            return ""
        said = labels.quantity(result.value, m.head_unit)
        within = labels.interval(result.low, result.high, m.unit)
        said += f" ({within})" if result.low is not None else ""
        if m.kind != "share":
            return said
        counted = page["counted_of"].format(
            n=labels.part(result.numerator), of=labels.integer(result.denominator), what=self.noun(result)
        )
        return f"{said} · {labels.agree(counted)}"

    def row(self, result: Result, row: dict[str, Any]) -> str:
        """The label of a row of a figure."""
        if result.by == "employer" and row["label"] == row["id"]:
            return self.individual
        return str(row["label"])
