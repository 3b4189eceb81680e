"""Words for people: names of places, employers, codes and measures in Chinese and English, and number formats of each."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from gangwei.frame.dataset import Dataset

LANGS = ("en", "zh")
EMPLOYERS_NAMED = 5
_EMPLOYERS_NAMED = (
    "SELECT e.employer_id FROM employers e LEFT JOIN (SELECT employer_id, count(*) AS n FROM openings GROUP BY 1) o USING (employer_id) "
    "WHERE contains(lower(e.name), $name) AND e.kind IS DISTINCT FROM 'person' ORDER BY o.n DESC NULLS LAST, e.employer_id LIMIT $most"
)


def _chinese_name(name: str, aliases: str) -> str:
    """The first alias in Chinese with its Latin words spelt as in the English name; the name where it is the first alias."""
    known = aliases.split("|")
    zh = next((a for a in known if any("\u4e00" <= c <= "\u9fff" for c in a)), name)
    if known[0] == name.lower():
        return name
    spelt = {word.lower(): word for word in name.split()}
    return re.sub(r"[a-z]+", lambda m: spelt.get(m[0], m[0].upper()), zh) if zh != name else name


def agree(text: str, forms: Mapping[str, Any]) -> str:
    """A sentence whose nouns and verbs agree with a number of one, by the `forms` of a language."""
    for pattern, instead in forms.get("one", ()):
        text = re.sub(pattern, instead, text)
    return text


class Labels:
    """Labels and number formats of one language for one dataset."""

    def __init__(self, ds: Dataset, lang: str) -> None:
        if lang not in LANGS:
            raise ValueError(f"lang must be one of {', '.join(LANGS)}")
        self.ds, self.lang = ds, lang

    @cached_property
    def table(self) -> dict[str, Any]:
        """The label file."""
        return self.ds.codebook.toml(f"labels/{self.lang}.toml")

    @cached_property
    def forms(self) -> dict[str, Any]:
        """Marks between words and forms of numbers, of `labels/forms.toml`."""
        forms: dict[str, Any] = self.ds.codebook.toml("labels/forms.toml")[self.lang]
        return forms

    def agree(self, text: str) -> str:
        """A sentence whose nouns and verbs agree with a number of one."""
        return agree(text, self.forms)

    def text(self, key: str) -> str:
        """A phrase of the section [text]; the key itself when it has none."""
        return str(self.table["text"].get(key, key))

    def code(self, dim: str | None, value: str) -> str:
        """The label of a code of a dimension."""
        section = self.table.get("values", {})
        found = section.get(dim or "", {}).get(value, section.get("common", {}).get(value))
        return str(self.regions.get((dim or "", value), value) if found is None else found)

    @cached_property
    def regions(self) -> dict[tuple[str, str], str]:
        """Names of clusters and scopes as places/clusters.csv states them, for those without a label."""
        book = self.ds.codebook
        if not any(n == "places/clusters.csv" for n in book.names("places", ".csv")):
            return {}
        rows = {r["id"]: r for r in book.rows("places/clusters.csv")}
        out = {("cluster", r["cluster"]): r[self.lang] for r in reversed(rows.values())}
        for scope, ids in book.toml("measures/settings.toml")["scopes"].items():
            out["scope", scope] = str(self.forms["list"]).join(rows[i][self.lang] for i in ids)
        return out

    def dimension(self, dim: str) -> str:
        """The label of a dimension."""
        return str(self.table.get("dimensions", {}).get(dim, dim))

    def place(self, adcode: int | str | None) -> str:
        """The name of a place: short in Chinese."""
        if adcode is None:
            return self.code("place", "unknown")
        p = self.ds.places.get(int(adcode))
        if p is None:
            return str(adcode)
        return p.en if self.lang == "en" else p.short

    def group_values(self, by: str | None, ids: Sequence[str]) -> list[str]:
        """Labels of group ids of a dimension."""
        if by in ("province", "city", "county"):
            return [self.place(i) if i.isdigit() else self.code("place", i) for i in ids]
        if by == "employer":
            known = self.ds.employers
            return [str(n or i) for i, n in zip(ids, known.names_of(known.numbers_of(ids)))]
        if by in ("skill", "pairs"):
            return [" + ".join(self.skills.get(x, x) for x in i.split(" + ")) for i in ids]
        if by in ("term", "terms"):
            return [self.concept(i) for i in ids]
        if by in ("match_sensitivity", "spell_sensitivity"):
            return [self.text(i.partition(":")[0]).format(i.partition(":")[2]) for i in ids]
        if by == "without_board":
            return [self.text("without").format(board=self.code("board", i)) for i in ids]
        return [self.code(by, i) for i in ids]

    def coded(self, dim: str, name: str, codes: Sequence[str]) -> list[str]:
        """Those of `codes` of a dimension that go by a name in this or the other language; the largest employers it occurs in."""
        if dim == "employer":
            found = self.ds.rows(_EMPLOYERS_NAMED, {"name": name.strip().lower(), "most": EMPLOYERS_NAMED})
            return [str(r[0]) for r in found]
        asked, going = name.strip().casefold(), []
        names = [Labels(self.ds, lang).group_values(dim, codes) for lang in LANGS]
        for code, *said in zip(codes, *names):
            place = self.ds.places.get(int(code)) if code.isdigit() else None
            known = (*said, place.zh) if place else said
            if asked in (k.casefold() for k in known):
                going.append(code)
        return going

    @cached_property
    def skills(self) -> dict[str, str]:
        """Names of skills: in Chinese the first alias in Chinese, unless the skill goes by its English name (Excel)."""
        rows = self.ds.codebook.rows("skills.csv")
        return {r["id"]: _chinese_name(r["name_en"], r["aliases"]) if self.lang == "zh" else r["name_en"] for r in rows}

    @cached_property
    def concepts(self) -> dict[str, str]:
        """Names of the concepts of the AI terms: as labelled, else the first term in this language."""
        known = self.ds.concepts
        first: dict[str, str] = {}
        for r in self.ds.codebook.rows("ai/terms.csv") if known else ():
            if r["lang"] == self.lang:
                first.setdefault(r["concept"], r["term"])
        named = {c: self.code("term", c) for c in known}
        return {c: n if n != c else first.get(c, c.replace("_", " ")) for c, n in named.items()}

    def concept(self, code: str) -> str:
        """The name of a concept of the AI terms."""
        return self.concepts.get(code, code.replace("_", " "))

    def listed(self, names: Sequence[str]) -> str:
        """Names in a row; a Chinese word stands apart from a Latin one before or after it."""
        if len(names) < 2:
            return "".join(names)
        last = str(self.forms["last"])
        before, after = (" " if x[:1].isascii() and last.strip() == last else "" for x in (names[-2][-1:], names[-1]))
        return str(self.forms["list"]).join(names[:-1]) + before + last + after + names[-1]

    def corrected(self, labels: int, readers: int, file: str | None, value: float, low: float, high: float) -> str:
        """A share corrected by labels, with whose labels they are."""
        source = self.text("labels_of_file").format(file=file)
        if file is None:
            source = self.text("labels_of_reader" if readers == 1 else "labels_of_readers").format(n=readers)
        fixed = f"{self.share(value)} ({self.interval(low, high, 'share')})"
        return self.agree(self.text("corrected_line").format(n=self.integer(labels), source=source, value=fixed))

    def integer(self, value: float | None, *, short: bool = False) -> str:
        """A whole number; in prose large ones by their million, 万 or 亿."""
        if value is None or not math.isfinite(value):
            return "–"
        form = next((f for f in self.forms["short"] if short and abs(value) >= f["from"]), None)
        if form is None:
            return f"{value:,.0f}"
        number = f"{value / form['by']:.{form['decimals']}f}"
        return str(form["text"]).format(number.removesuffix("." + "0" * form["decimals"]) if form["whole"] else number)

    def part(self, value: float | None) -> str:
        """A number counted in parts: one decimal of a small one that is not whole."""
        whole = value is None or not math.isfinite(value) or value >= 1000 or abs(value - round(value)) < 1e-6
        return self.integer(value) if whole else f"{value:.1f}"

    def share(self, value: float | None, digits: int | None = None) -> str:
        """A share as a percentage; more digits when it is small. What is not quite nothing or all is never shown as that."""
        if value is None or not math.isfinite(value):
            return "–"
        pct = value * 100
        none, whole = abs(pct) < 1e-9, abs(pct - 100) < 1e-9
        if digits is None:
            digits = 0 if none or whole else 2 if abs(pct) < 1 else 1
        text = f"{pct:.{digits}f}"
        if not (none or whole) and float(text) in (0, 100):
            least = 10**-digits
            if float(text) == 0:
                text = f"<{least:.{digits}f}" if pct > 0 else f">-{least:.{digits}f}"
            elif pct < 100:
                text = f">{100 - least:.{digits}f}"
        return str(self.forms["percent"]).format(text)

    def money(self, fen: float | None) -> str:
        """An amount given in fen, in whole yuan."""
        if fen is None or not math.isfinite(fen):
            return "–"
        return str(self.forms["money"]).format(f"{round(fen / 100, -1):,.0f}")

    def ratio(self, value: float | None) -> str:
        """A ratio with two decimals."""
        return "–" if value is None or not math.isfinite(value) else f"{value:.2f}"

    def quantity(self, value: float | None, unit: str) -> str:
        """A value in a measure's unit."""
        if unit == "share":
            return self.share(value)
        if unit in ("cny_month", "cny_year"):
            return self.money(None if value is None else value * 100)
        if unit == "index":
            return "–" if value is None or not math.isfinite(value) else f"{value:.3f}"
        if unit == "ratio":
            return self.ratio(value)
        return self.part(value)

    def interval(self, low: float | None, high: float | None, unit: str) -> str:
        """'low to high'; an en dash when there is none."""
        if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
            return "–"
        whole = unit not in ("share", "cny_month", "cny_year", "index", "ratio")
        a, b = (self.integer(x) if whole else self.quantity(x, unit) for x in (low, high))
        return a if a == b else f"{a}\u00a0– {b}"
