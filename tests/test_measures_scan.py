"""Figures and lists from kept codes are those of the database, whatever is asked."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from gangwei import measures, vocabulary
from gangwei.codebook import Codebook
from gangwei.explore import rows as explore_rows
from gangwei.explore.search import Search
from gangwei.frame.check import DatasetError
from gangwei.frame.dataset import Dataset
from gangwei.measures import grouping, sums
from gangwei.measures import scan as measures_scan
from gangwei.measures.scan import scan
from gangwei.vocabulary import Query
from published_fixture import Spec, write

KNOWN = measures.load(Codebook())


@pytest.fixture(scope="module")
def ds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dataset]:
    d = tmp_path_factory.mktemp("made")
    write(d, Spec(ads=1200))
    yield Dataset.open(d)


def _both(ds: Dataset, ask: Any) -> tuple[Any, Any]:
    out = []
    for rows in (0, 1 << 60):
        ds.codes_from = rows
        try:
            out.append(ask())
        except DatasetError as e:
            out.append(str(e))
    return out[0], out[1]


@pytest.mark.parametrize("measure_id", list(KNOWN))
def test_codes_and_database_agree(ds: Dataset, measure_id: str) -> None:
    rng = random.Random(measure_id)
    keys = rng.sample([k for k in vocabulary.WHERE if vocabulary.allowed(ds, k)], 2)
    asked: list[dict[str, str]] = [{}, *({k: rng.choice(vocabulary.allowed(ds, k))} for k in keys)]
    for where in asked:
        by = None if KNOWN[measure_id].default_by else rng.choice([None, *vocabulary.BY])

        def figure(where: dict[str, str] = where, by: str | None = by) -> Any:
            return {k: v for k, v in measures.measure(ds, measure_id, by, where).record().items() if k != "sql"}

        def listed(where: dict[str, str] = where, by: str | None = by) -> Any:
            total, rows = explore_rows.behind(ds, measure_id, by, None, where, limit=20)
            return total, rows.to_dicts()

        for ask in (figure, listed):
            codes, database = _both(ds, ask)
            assert codes == database, (ask.__name__, by, where)


@pytest.mark.parametrize("where", [{"agency": "no"}, {"province": "110000"}, {"cluster": "prd"}, {"defence_tier": "T1-T2"}, {"month": "unknown"}, {"skill": "python"}, {"term": "cv"}])  # fmt: skip
def test_common_filters_need_no_look_at_rows(ds: Dataset, where: dict[str, str]) -> None:
    ds.codes_from = 0
    q = Query(ds, scope=ds.scopes[0])
    vocabulary.apply(q, where)
    assert scan(q, {"emp_no": "f.emp_no"}) is not None


@pytest.mark.parametrize(
    "where", [{"skill": "python,java"}, {"city": "440300"}, {"defence_tier": "T1-T4"}, {"cluster": "prd"}]
)
def test_rows_kept_for_the_next_figure_are_those_found_anew(ds: Dataset, where: dict[str, str]) -> None:
    ds.codes_from = 0
    asked = [("ai-openings", None, None), ("ai-mix", "role", None), ("ai-openings", "city", "2010-01-01")]
    kept = [measures.measure(ds, m, by, where, as_of=day).record() for m, by, day in asked]
    anew = []
    for m, by, day in asked:
        _forget(ds)
        anew.append(measures.measure(ds, m, by, where, as_of=day).record())
    assert kept == anew


def _forget(ds: Dataset) -> None:
    for codes in ds.codes_kept.values():
        codes.judged.clear()


def test_employers_are_found_by_number_and_by_id(ds: Dataset) -> None:
    known = ds.employers
    ids = [r[0] for r in ds.rows("SELECT employer_id FROM employer_no ORDER BY emp_no")]
    assert known.ids_of(range(len(ids))) == ids
    assert known.numbers_of([ids[-1], "nobody", ids[0], "~"]) == [len(ids) - 1, -1, 0, -1]
    assert known.ids_of([-1, len(ids)]) == known.names_of([-5, len(ids)]) == [None, None]
    for id_ in ids[:: max(1, len(ids) // 20)]:
        found = known.one(id_, 3)
        assert found is not None
        row, names, lists = found
        assert row["employer_id"] == id_
        raw = [
            n
            for (n,) in ds.rows(
                "SELECT name_raw FROM employer_names WHERE employer_id = $i ORDER BY 1 LIMIT 3", {"i": id_}
            )
        ]
        assert [n["name_raw"] for n in names] == raw
        assert len(lists) == ds.rows("SELECT count(*) FROM affiliations WHERE employer_id = $i", {"i": id_})[0][0]


def test_a_join_of_many_rows_is_left_to_the_database(ds: Dataset) -> None:
    ds.codes_from = 0
    q = Query(ds)
    grouping.group(q, "board")
    assert scan(q, {"emp_no": "f.emp_no"}) is None


def test_titles_are_found_in_order(ds: Dataset) -> None:
    found = Search(ds).search("工程师", "title", 10_000, 0)
    plain = ds.rows("SELECT count(DISTINCT opening_id) FROM ads WHERE contains(lower(title), '工程师')")
    assert found.total == len(found.rows) == plain[0][0] > 0


@pytest.mark.parametrize(("measure_id", "by"), [("ai-share", "city"), ("openings-mix", None), ("ai-skills", None), ("pay-median-all", "education")])  # fmt: skip
def test_two_halves_are_the_whole(
    ds: Dataset, monkeypatch: pytest.MonkeyPatch, measure_id: str, by: str | None
) -> None:
    ds.codes_from = 0
    whole = measures.measure(ds, measure_id, by, {"agency": "no"}).record()
    for module in (measures_scan, sums):
        monkeypatch.setattr(module, "HALVED", 100)
    monkeypatch.setattr(measures_scan, "MOST_KEPT", -1)
    _forget(ds)
    halves = measures.measure(ds, measure_id, by, {"agency": "no"}).record()
    assert halves["rows"] == whole["rows"] or all(
        a[k] == pytest.approx(b[k], rel=1e-12) for a, b in zip(halves["rows"], whole["rows"]) for k in ("value", "low", "high") if a[k] is not None
    )  # fmt: skip
    assert [r["id"] for r in halves["rows"]] == [r["id"] for r in whole["rows"]]


@pytest.mark.parametrize("measure_id", list(KNOWN))
def test_an_unknown_value_is_refused_by_every_measure(ds: Dataset, measure_id: str) -> None:
    with pytest.raises(vocabulary.UnknownParameter, match="allowed"):
        measures.measure(ds, measure_id, None, {"board": "nosuch"})


@pytest.mark.parametrize("kept_codes", [False, True])
def test_an_opening_in_two_cities_of_a_province_is_one_of_its_openings(tmp_path: Path, kept_codes: bool) -> None:
    write(tmp_path, Spec(ads=900))
    path = tmp_path / "published/ad_places.parquet"
    places = pl.read_parquet(path)
    second = (pl.col("weight") < 1) & (pl.col("adcode") == "310000")  # the fixture's are in 上海 and 深圳
    places.with_columns(adcode=pl.when(second).then(pl.lit("441900")).otherwise("adcode")).write_parquet(path)
    assert places.select(second.sum()).item() > 3
    ds = measures.open_dataset(tmp_path)
    ds.codes_from = 0 if kept_codes else 1 << 60
    of_places = ("openings", "ai-share", "province-rank", "pay-median", "spells-per-opening")
    asked = [(x, by, g) for by, g in (("province", "440000"), ("cluster", "prd")) for x in of_places]
    asked += [(x, "education", "bachelor") for x in ("openings", "ai-share", "pay-median")]
    for measure, by, group in asked:
        where = {"province": "440000"} if by == "education" else {}
        shown = measures.measure(ds, measure, by, where).rows.filter(pl.col("id") == group)["openings"][0]
        assert shown == measures.ads_behind(ds, measure, by, group, where, limit=1)[0], (measure, by)
