"""One ad on the screen: its story line by line, and its title and text with the words that decided in reverse video."""

from __future__ import annotations

from typing import Any

from rich.text import Text

from gangwei.explore.ads import told_day
from gangwei.explore.words import Speaker, Words
from gangwei.frame.dataset import Dataset
from gangwei.terminal import words_of
from gangwei.text_width import CJK

WIDTH = 18


class Story:
    """What `gangwei explain` says of an ad (`lineage.explain`) in one language."""

    def __init__(self, found: dict[str, Any], ds: Dataset, lang: str) -> None:
        self.found, self.ad, self.out = found, found["ad"], Text()
        words = Words(ds)
        self.say: Speaker = words.speaker(lang)
        self.w = words.page[lang] | words_of(lang)
        self.labels = self.say.labels

    def text(self) -> Text:
        """The whole story."""
        self.out.append_text(self._marked(self.ad["title"] or self.w["untitled"], "title")).append("\n\n")
        self._line(self.w["ad"], self.ad["ad_id"])
        self._line(self.w["source"], self.ad["source_id"], self.ad["source_key"], self.ad["url"])
        self._days()
        self._original()
        self._employer()
        self._place()
        self._pay()
        self._asked()
        self._opening()
        self._tier()
        if self.found["text"]:
            self.out.append("\n").append_text(self._marked(self.found["text"].get("text") or "", "text"))
        return self.out

    def _line(self, label: str, *parts: Any) -> None:
        """A line of facts; those that are unknown are left out."""
        wide = sum(1 + (c >= CJK) for c in label)
        told = " · ".join(str(p) for p in parts if p not in (None, "", []))
        self.out.append(label + " " * max(WIDTH - wide, 1) + " ", "dim").append(f"{told or '–'}\n")

    def _marked(self, text: str, field: str) -> Text:
        shown = Text(text)
        for d in self.found["decisions"]:
            if d["field"] == field and d["start"] is not None:
                shown.stylize("bold reverse", d["start"], d["end"])
        return shown

    def _code(self, dim: str, value: Any) -> str | None:
        return None if value is None else self.labels.code(dim, str(value))

    def _original(self) -> None:
        raw, w = self.found["original"], self.w
        if not raw:
            self._line(w["original"], w["original_gone"])
            return
        said = [(w["employer"], raw["company"]), (w["field_city"], raw["city"]), (w["field_pay"], raw["pay"])]
        said.append((w["field_tags"], raw["tags"]))
        facts = [f"{name}{w['colon']}{' '.join(value.split())}" for name, value in said if value]
        self._line(w["original"], raw["file"], w["row"].format(n=raw["row"]), *facts)

    def _employer(self) -> None:
        e, w = self.found["employer"], self.w
        if not e:
            self._line(w["employer"])
        else:
            kind = self._code("employer_kind", e["kind"])
            defence = self.labels.dimension("defence") + w["colon"] + self.labels.code("defence", e["defence"])
            self._line(w["employer"], e["name"], e["employer_id"], kind, defence)
        if self.found["employer_name"]:
            self._line("", w["by_rule"].format(rule=self.found["employer_name"]["rule_id"]))
        for a in self.found["affiliations"]:
            tier, listed = self._code("defence_tier", a["tier"]), self._code("list", a["list_id"])
            days = f"{a['valid_from'] or ''} – {a['valid_to'] or ''}"
            dated = w["valid"] + w["colon"] + days.strip() if a["valid_from"] or a["valid_to"] else None
            self._line("", tier, listed, a["edition"], dated, w["by_rule"].format(rule=a["rule_id"]))
        if e and e["defence"] in ("unknown", "none") and any(a["tier"] == "T3" for a in self.found["affiliations"]):
            self._line("", w["listed_only"])

    def _place(self) -> None:
        named = [
            f"{self.labels.place(c)} ({c})" for c in (self.ad["adcode"], self.ad["county_adcode"]) if c is not None
        ]
        if not named:
            named = [self.labels.place(p["adcode"]) for p in self.found["places"]]
        self._line(self.w["place"], self._code("place_status", self.ad["place_status"]), *named)

    def _pay(self) -> None:
        ad = self.ad
        if ad["pay_status"] != "ok":
            self._line(self.w["pay"], self._code("pay_status", ad["pay_status"]))
            return
        ends = dict.fromkeys(self.labels.money(ad[k]) for k in ("pay_min_fen", "pay_max_fen") if ad[k] is not None)
        self._line(self.w["pay"], " – ".join(ends) + " / " + self.labels.code("pay_unit", ad["pay_unit"]))

    def _days(self) -> None:
        ad, w = self.ad, self.w
        days = [(w["posted"], told_day(ad)), (w["captured"], str(ad["captured_date"] or ""))]
        self._line(w["board"], self._code("board", ad["board"]), *(f"{n}{w['colon']}{d}" for n, d in days if d))

    def _asked(self) -> None:
        """What the ad asks for and what kind of job it is; of the rarer facts those that are known."""
        ad, w = self.ad, self.w
        months = ad["experience_min_months"]
        years = None if months is None else self._code("experience", "none")
        if months:
            years = w["year_from" if months == 12 else "years_from"].format(n=f"{months / 12:g}")
        self._line(w["education"], self._code("education", ad["education"]))
        self._line(w["experience"], years)
        for dim, column in (
            ("seniority", "seniority"), ("employment_type", "employment_type"), ("occupation", "occupation_code"), ("industry", "industry_code"),
        ):  # fmt: skip
            if ad[column] is not None:
                self._line(
                    self.labels.dimension(dim), self._code(dim, ad[column]), ad[column] if column != dim else None
                )
        if ad["headcount"] is not None:
            self._line(w["field_headcount"], ad["headcount"])

    def _opening(self) -> None:
        ad, w, n = self.ad, self.w, self.found["ads_of_opening"]
        alone = ad["match_relation"] in ("unique", "representative")
        why = None if alone else self.say.reason(ad["match_reason"])
        score = None if alone or ad["match_score"] is None else f"{ad['match_score']:.2f}"
        counted = w["ad_of_opening"] if n == 1 else w["ads_of_opening"].format(n=n)
        self._line(w["step_match"], ad["opening_id"], counted, self.say.decision(ad["match_relation"]), why, score)
        for d in self.found["same_opening"]:
            board = self._code("board", d["board"])
            day = d["captured_date"] or told_day(d)
            self._line("", d["ad_id"], board, day, d["title"], self.say.decision(d["match_relation"]))

    def _tier(self) -> None:
        ad, w = self.ad, self.w
        fields = [self.labels.code("subfield", s) for s in ad["ai_subfields"] or []]
        score = None if ad["ai_score"] is None else f"{w['score']} {ad['ai_score']:.4f}"
        named = self.labels.dimension("mention") if ad["ai_mention"] else None
        self._line(
            w["tier"], self._code("tier", ad["ai_tier"]), score, self._code("role", ad["ai_role"]), *fields, named
        )
        spelt = {r["id"]: r["term"] for r in self.labels.ds.codebook.rows("ai/terms.csv")}
        texts = {"title": ad["title"] or "", "text": (self.found["text"] or {}).get("text") or ""}
        for d in self.found["decisions"]:
            if d["stage"] == "s6_classify":
                at = None if d["start"] is None else f"[{d['start']}–{d['end']}]"
                words = (
                    texts.get(d["field"] or "", "")[d["start"] : d["end"]] if at else self.say.decision(d["decision"])
                )
                if d["field"] == "tags":
                    words = spelt.get(d["rule_id"] or "", words)
                added = None if d["score"] is None else f"{d['score']:+.2f}".replace("-", "−")
                self._line("", f"{words} {at or ''}".strip(), d["rule_id"], self.say.reason(d["reason_id"]), added)
