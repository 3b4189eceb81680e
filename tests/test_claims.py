"""Claims: conditions, ways to say, and that nothing false is ever said."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

from gangwei import charts, claims, schema
from gangwei.brief import sensitivity
from gangwei.claims import Answers, holds
from gangwei.codebook import Codebook, DefinitionError
from gangwei.labels import LANGS, Labels, agree
from gangwei.measures import load, open_dataset
from published_fixture import Spec, write

NUMBERS = {"value": 0.6, "row1.value": 0.4, "row2.value": 0.3, "n": 3.0}


@pytest.mark.parametrize(
    ("condition", "truth"),
    [
        ("value >= 0.5", True), ("value < 0.5", False), ("row1.value > row2.value", True), ("n == 3", True), ("n != 3", False),
        ("missing > 0", False), ("value > missing", False), ("value <= 0.6", True),
    ],
)  # fmt: skip
def test_conditions(condition: str, truth: bool) -> None:
    assert holds(condition, NUMBERS) is truth


@pytest.mark.parametrize(
    "bad", ["value", "value => 1", "__import__('os')", "value > 1 or 1 > 0", "1 > value", "n > 1.2.3"]
)
def test_conditions_are_not_code(bad: str) -> None:
    with pytest.raises(DefinitionError):
        holds(bad, NUMBERS)


def test_what_no_measure_answers_is_a_problem_of_the_definitions(tmp_path: Path) -> None:
    (tmp_path / "claims.toml").write_text(
        '[[claim]]\nid = "x"\nsection = "summary"\nmeasure = "ai-share"\nby = "provinz"\nwhere = { towne = "1" }\n'
    )
    assert claims.problems(Codebook(tmp_path)) == [
        "claims.toml x: 'provinz' is no dimension of ai-share", "claims.toml x: 'towne' is no filter",
    ]  # fmt: skip


def test_ledger_is_whole(tmp_path: Path) -> None:
    write(tmp_path, Spec(ads=200))
    ds = open_dataset(tmp_path)
    ledger, known = claims.load(ds.codebook), load(ds.codebook)
    assert sorted(c.headline for c in ledger if c.headline) == list(range(1, 9))
    assert len({c.id for c in ledger}) == len(ledger)
    published = {r["id"] for r in ds.codebook.rows("published.csv")}
    for c in ledger:
        for q in (c.question, *c.extra.values()):
            assert q.measure in known, c.id
        if c.headline:
            assert c.id in published
            for lang in LANGS:
                assert c.id in Labels(ds, lang).table["headline"]
        for s in c.say:
            slots = [set(re.findall(r"\{([\w.]+)\}", s[lang])) for lang in LANGS]
            assert slots[0] == slots[1], f"{c.id}: the languages show different facts"


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> dict[str, claims.Claim]:
    made = tmp_path_factory.mktemp("ledger")
    write(made, Spec(ads=20))
    return {c.id: c for c in claims.load(open_dataset(made).codebook)}


SAID = [
    ("cluster_share", {"value": 1, "n": 1}, "all of these in"),
    ("cluster_share", {"value": 0.6, "n": 2}, "the largest part of all in"),
    ("cluster_share", {"value": 0.4, "n": 1}, "the larger part is elsewhere"),
    ("leading_cities", {"n": 2, "row1.value": 0.5, "row2.value": 0.5}, "of located AI openings each"),
    ("leading_cities", {"n": 2, "row1.value": 0.6, "row2.value": 0.4}, "leads"),
    ("names_reach", {"is_unknown.count": 9, "hidden.numerator": 9}, "without a known owner. Sub"),
    ("names_reach", {"is_unknown.count": 9, "hidden.numerator": 4}, "the others name no employer"),
    ("names_reach", {"is_unknown.count": 9, "hidden.numerator": 0}, "since they name no employer"),
    ("staff", {"is_over_10000.value": 0.4, "is_unknown.value": 0.1}, "no ad states the size"),
    ("staff", {"is_over_10000.value": 0.4}, "staff or more."),
    ("employer_top", {"n": 12, "row1.count": 4, "row2.count": 3}, "has the most"),
    ("employer_top", {"n": 12, "row1.count": 4, "row2.count": 4}, "offer {value}."),
    ("premium", {"value": 1.1, "low": 0.9, "high": 1.3}, "no clear difference"),
    ("premium", {"value": 2.5}, None),
    ("hhi", {"value": 1}, None),
    ("city_leader_sure", {"n": 3, "row1.value": 0.6, "row1.low": 0.4, "row2.value": 0.3}, "leaves no doubt"),
    ("city_leader_sure", {"n": 3, "row1.value": 0.6, "row1.low": 0.2, "row2.value": 0.3}, "not certain"),
    (
        "city_leader_sure",
        {"n": 3, "row1.value": 0.6, "row1.low": 0.6, "row2.value": 0.3},
        None,
    ),  # one employer draws nothing
]


@pytest.mark.parametrize(("claim_id", "numbers", "want"), SAID)
def test_the_sentence_is_true_of_the_figures(
    ledger: dict[str, claims.Claim], claim_id: str, numbers: dict[str, float], want: str | None
) -> None:
    claim = ledger[claim_id]
    at = claims.choose(claim, numbers)
    assert (at is None) if want is None else (at is not None and want in claim.say[at]["en"])


def test_labels_of_both_languages_match(tmp_path: Path) -> None:
    write(tmp_path, Spec(ads=50))
    ds = open_dataset(tmp_path)
    en, zh = Labels(ds, "en").table, Labels(ds, "zh").table
    for section in ("text", "dimensions", "caveats", "notes", "headline", "names"):
        assert set(en[section]) == set(zh[section]), section
    assert set(en["values"]) == set(zh["values"])
    for dim, values in en["values"].items():
        assert set(values) == set(zh["values"][dim]), dim
    known = {c for m in load(ds.codebook).values() for c in m.caveats}
    assert known <= set(en["caveats"])


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize(
    "spec", [Spec(ads=1500), Spec(ads=300, ai=0.0), Spec(ads=300, cities=("310000",)), Spec(ads=300, dates=False)]
)
def test_only_what_holds_is_said(tmp_path: Path, lang: str, spec: Spec) -> None:
    write(tmp_path, spec)
    ds = open_dataset(tmp_path)
    answers, labels = Answers(ds, lang), Labels(ds, lang)
    for c in claims.load(ds.codebook):
        said = claims.say(c, answers, labels)
        if said is None:
            continue
        assert all(holds(x, said.facts) for x in c.say[said.variant].get("if", ()))
        assert not re.search(r"{[a-z_]|–|\bnan\b|\bNone,", said.text)
        if not spec.ai:
            assert c.id in ("ai_openings", "repeats", "emerging_cities"), said.text


def test_claim_is_rewritten_by_the_data(tmp_path: Path) -> None:
    write(tmp_path / "usual", Spec(ads=400))
    write(tmp_path / "away", Spec(ads=400, cities=("510100", "420100", "430100")))
    write(tmp_path / "one", Spec(ads=400, cities=("310000",)))
    spoken = []
    for d in ("usual", "one", "away"):
        ds = open_dataset(tmp_path / d)
        c = next(c for c in claims.load(ds.codebook) if c.id == "cluster_share")
        said = claims.say(c, Answers(ds, "en"), Labels(ds, "en"))
        spoken.append(said.variant if said else None)
    assert spoken == [0, 1, 2]


def test_what_names_cannot_tell_is_said_as_it_is(tmp_path: Path) -> None:
    """An employer that a government lists is no unnamed one."""
    write(tmp_path, Spec(ads=1500))
    ds = open_dataset(tmp_path)
    labels, answers = Labels(ds, "zh"), Answers(ds, "zh")
    said = {c.id: s for c in claims.load(ds.codebook) if (s := claims.say(c, answers, labels))}
    emerging = said["emerging_cities"].text
    without = "emerging_without_growth" in said["emerging_cities"].result.notes
    assert ("日期不足以判断增长" in emerging) is without
    assert "万 个" not in " ".join(s.text for s in said.values())
    if "names_reach" in said:
        listed = said["names_reach"].facts.get("hidden.numerator", 0) > 0
        assert ("列于政府名单" in said["names_reach"].text) is listed


def test_a_variant_is_compared_by_the_group_that_the_sentence_names(tmp_path: Path) -> None:
    """Where a variant puts another skill first, the skill of the sentence is followed, not the first place."""
    write(tmp_path)
    ads = pl.read_parquet(tmp_path / "published/ads.parquet").sort("ad_id")
    largest = pl.col("board") == ads["board"].value_counts(sort=True)["board"][0]
    tables = [
        ads.filter(part).select("ad_id", skill_id=pl.lit(skill))
        for skill, part in (("python", largest | (pl.int_range(pl.len()) % 10 < 7)), ("sql", ~largest))
    ]
    asked = schema.SKILLS.conform(pl.concat(tables))
    asked.write_parquet(tmp_path / "published/skills.parquet")
    ds = open_dataset(tmp_path)
    answers, labels = Answers(ds, "en"), Labels(ds, "en")
    claim = next(c for c in claims.load(ds.codebook) if c.id == "skills")
    base = answers.ask(claim.question)
    first = claims.named(base)[0]["id"]
    others = 0
    for v in sensitivity.tornado(answers, labels, claim, {"survive_margin": 0.1}).variants:
        rows = {r["id"]: r["value"] for r in answers.ask(claim.question, v.where).rows.to_dicts()}
        others += max(rows, key=lambda i: rows[i] or 0.0) != first
        assert v.value == rows.get(first), v.label
    assert others > 0


def test_every_kind_of_variant_has_a_colour(tmp_path: Path) -> None:
    write(tmp_path)
    ds = open_dataset(tmp_path)
    answers, labels = Answers(ds, "en"), Labels(ds, "en")
    asked = [c for c in claims.load(ds.codebook) if c.headline]
    kinds = {v.kind for c in asked for v in sensitivity.tornado(answers, labels, c, {"survive_margin": 0.1}).variants}
    assert "joint" in kinds
    assert kinds <= set(charts.KINDS)


def test_a_range_holds_what_the_sentence_states() -> None:
    claim = next(c for c in claims.load(Codebook()) if c.id == "cluster_share")
    above = tuple(sensitivity.Variant("grain", "", {}, v, (), False) for v in (0.9, None, 0.95))
    x = sensitivity.Tornado(claim, "share", 0.8, (), above, False)
    assert (x.low, x.high) == (0.8, 0.95)


@pytest.mark.parametrize(
    ("said", "right"),
    [
        ("1 of 1 openings are AI openings: 1 build AI, and 1 count once users of AI tools are added.",
         "1 of 1 opening is an AI opening: 1 builds AI, and 1 counts once users of AI tools are added."),
        ("1 of 21 openings are AI openings (4.8 %): 0 build AI", "1 of 21 openings is an AI opening (4.8 %): 0 build AI"),
        ("A reproducible brief from 1 openings in 1 job ads", "A reproducible brief from 1 opening in 1 job ad"),
        ("1 rows read · 1 ads · 11 openings · 2,001 boards", "1 row read · 1 ad · 11 openings · 2,001 boards"),
        ("1 AI openings name no place that can be mapped (or unknown) and are left out.",
         "1 AI opening names no place that can be mapped (or unknown) and is left out."),
        ("1 of 5 name no month and are not in the chart", "1 of 5 names no month and is not in the chart"),
        ("By name alone (T1), 1 AI openings are at defence groups", "By name alone (T1), 1 AI opening is at defence groups"),
        ("of 1 AI openings at listed companies 1 are surveillance work (100 %)",
         "of 1 AI opening at listed companies 1 is surveillance work (100 %)"),
        ("Whoever the employer, 1 AI openings (2.0 %) are surveillance work by their content.",
         "Whoever the employer, 1 AI opening (2.0 %) is surveillance work by its content."),
        ("For 1 AI openings (2 %) affiliation can be neither shown nor ruled out, since they name no employer.",
         "For 1 AI opening (2 %) affiliation can be neither shown nor ruled out, since it names no employer."),
        ("1 labels of ads in this dataset; 1 more name no ad of it and are left out",
         "1 label of ads in this dataset; 1 more names no ad of it and is left out"),
        ("0.1 openings; 1–2 openings; 3.1 cities; 21 ads", "0.1 openings; 1–2 openings; 3.1 cities; 21 ads"),
    ],
)  # fmt: skip
def test_english_agrees_with_one(said: str, right: str) -> None:
    assert agree(said, Codebook().toml("labels/forms.toml")["en"]) == right
    assert agree("1 个职位", Codebook().toml("labels/forms.toml")["zh"]) == "1 个职位"
