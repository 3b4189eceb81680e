"""Synthetic ads: the promised shares, truth that agrees with the text, determinism, bounded memory."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import polars as pl
import pytest
from python_calamine import CalamineWorkbook

from gangwei import schema, stage_tables
from gangwei.codebook import Codebook
from gangwei.kernels.job import facts
from gangwei.synth import make as synth
from gangwei.synth.shapes import HEADERS

ADS = 24_000


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[pl.DataFrame, pl.DataFrame]:
    out = tmp_path_factory.mktemp("synth")
    report = synth.write(out, ADS, seed=5)
    assert (report.ads, report.files) == (ADS, 1)
    ads, truth = pl.read_parquet(out / "ads" / "*.parquet"), pl.read_parquet(out / "truth" / "*.parquet")
    assert ads["description"].str.len_bytes().sum() == report.text_bytes
    return ads, truth


def test_columns_and_keys(run: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    ads, truth = run
    assert tuple(ads.columns) == (
        *("id", "board", "url", "title", "company", "city", "district", "address", "salary", "education", "experience"),
        *("description", "posted", "captured", "tags"),
    )
    assert len(ads) == len(truth) == ADS
    assert ads["id"].to_list() == truth["id"].to_list()
    assert ads["id"].n_unique() == ADS
    assert set(ads.dtypes) == {pl.String()}


def test_promised_shares(run: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    ads, truth = run
    text = ads["description"]
    mean = text.str.len_bytes().mean()
    assert isinstance(mean, float)
    assert 1020 <= mean <= 1120
    assert text.n_unique() / ADS >= 0.65
    assert truth.select((pl.col("has_html") | pl.col("has_furniture")).mean()).item() >= 0.20
    assert 0.10 <= ads.select((pl.col("company").fill_null("").str.strip_chars() == "").mean()).item() <= 0.14
    assert 0.12 <= truth.select(pl.col("has_contact").mean()).item() <= 0.19
    assert 0.02 <= truth.select(pl.col("ai_tier").is_in(["builder", "adjacent"]).mean()).item() <= 0.045
    assert 0.006 <= truth.select((pl.col("language") == "en").mean()).item() <= 0.016
    kinds = set(truth["kind"])
    assert kinds == {
        *(
            "base",
            "recapture",
            "light_edit",
            "other_board",
            "contact_changed",
            "salary_tweak",
            "repost",
            "sibling_role",
        ),
        *("sibling_level", "campaign", "agency_copy", "anonymous_copy", "stock"),
    }
    assert set(truth["place_status"]) == set(schema.PLACE_STATUS)
    assert set(truth["pay_status"]) >= {"ok", "negotiable", "none"}
    assert set(truth["ai_tier"]) == set(schema.AI_TIERS)
    assert truth["surveillance_company"].any()
    assert {"group", "institute", "university", "subsidiary"} <= set(truth["defence"])


def test_truth_is_visible_in_the_text(run: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    ads, truth = run
    both = ads.select("title", "description", "company").hstack(truth)
    html = pl.col("description").str.contains(r"<br>|<p>|<li>")
    assert both.filter(html != pl.col("has_html")).is_empty()
    zh = pl.col("language") == "zh"
    assert both.filter(zh & (pl.col("ai_trap") == "illustrator") & ~pl.col("description").str.contains("AI")).is_empty()
    assert both.filter(
        zh & pl.col("defence_signal") & ~pl.col("description").str.contains("军|国防|保密|武器")
    ).is_empty()
    assert both.filter(pl.col("is_agency") & ~pl.col("company").str.contains("人力|人才|劳务|企业管理|勞務")).is_empty()
    unmentioned = both.filter(~pl.col("ai_mention") & zh)
    assert not unmentioned["description"].str.contains("人工智能|大模型|机器学习|深度学习|算法工程师").any()


def test_repeats_are_what_they_say(run: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    ads, truth = run
    both = ads.select("description", "city", "salary").hstack(truth)
    base = both.filter(pl.col("kind") == "base").select(
        "opening_id",
        text="description",
        base_posted="posted_date",
        base_pay="pay_min_fen",
    )
    joined = both.join(base, on="opening_id")
    same = joined.filter(pl.col("kind").is_in(["recapture", "repost"]))
    assert len(same) > 1000
    assert (same["description"] == same["text"]).all()
    changed = pl.col("kind").is_in(["light_edit", "contact_changed", "agency_copy"])
    edited = joined.filter(changed & (pl.col("language") != "en"))
    assert (edited["description"] != edited["text"]).all()
    gap = joined.filter(pl.col("kind") == "repost").select(
        (pl.col("posted_date") - pl.col("base_posted")).dt.total_days()
    )
    assert gap.min().item() > 60
    campaign = (
        both.filter(pl.col("kind") == "campaign")
        .group_by("campaign_id")
        .agg(pl.col("description").n_unique(), pl.col("city").n_unique().alias("cities"), pl.len())
    )
    assert (campaign["description"] == 1).all()
    assert (campaign["cities"] == campaign["len"]).all()


def test_facts_parser_agrees_with_the_truth(run: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    ads, truth = run
    raw = stage_tables.RAW.conform(ads.select("board", "title", "company", "education", "experience", pay="salary"))
    out = facts.parse(raw, raw["title"], facts.compile_rules(Codebook()))
    for c in (
        "pay_status",
        "pay_min_fen",
        "pay_max_fen",
        "pay_unit",
        "pay_months",
        "education",
        "experience_min_months",
    ):
        assert out[c].ne_missing(truth[c]).sum() == 0, c


@pytest.mark.parametrize("chunk", [1000, 4096])
def test_chunks_do_not_matter(chunk: int) -> None:
    def content(size: int, threads: int) -> pl.DataFrame:
        parts = [
            pl.concat([pl.DataFrame(a), pl.DataFrame(t).select(pl.all().name.prefix("t_"))], how="horizontal")
            for a, t in synth.stream(5000, 9, size, threads=threads)
        ]
        return pl.concat(parts)

    assert content(chunk, 2).equals(content(5000, 1))


def test_same_seed_same_bytes_other_seed_other_ads(tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        synth.write(tmp_path / name, 700, seed)
    names = ("ads/ads-00000.parquet", "truth/truth-00000.parquet")
    for n in names:
        assert (tmp_path / "a" / n).read_bytes() == (tmp_path / "b" / n).read_bytes()
        assert (tmp_path / "a" / n).read_bytes() != (tmp_path / "c" / n).read_bytes()


def test_board_shapes_hold_the_same_ads(tmp_path: Path) -> None:
    synth.write(tmp_path, 600, seed=2, shape="boards")
    folder = tmp_path / "ads"
    assert sorted(p.name for p in folder.iterdir()) == [
        *("51job_gb18030.csv.zip", "boss_xlsx.zip", "lagou.jsonl", "liepin_dump.sql.zip", "zhaopin_columns.json.zip"),
    ]
    lines = (folder / "lagou.jsonl").read_text("utf-8").splitlines()
    assert set(json.loads(lines[0])) == set(HEADERS["lagou"])
    with zipfile.ZipFile(folder / "zhaopin_columns.json.zip") as z:
        columns = json.loads(z.read("zhaopin.json"))
    with zipfile.ZipFile(folder / "liepin_dump.sql.zip") as z:
        inserts = z.read("liepin.sql").decode().count("INSERT INTO")
    with zipfile.ZipFile(folder / "51job_gb18030.csv.zip") as z:
        csv_ids = z.read("51job.csv").decode("gb18030").count("\r\n\tS")
    with zipfile.ZipFile(folder / "boss_xlsx.zip") as z:
        sheet = CalamineWorkbook.from_filelike(io.BytesIO(z.read("boss.xlsx"))).get_sheet_by_index(0).to_python()
    assert tuple(sheet[0]) == HEADERS["boss"]
    assert len(lines) + len(columns["id"]) + inserts + csv_ids + len(sheet) - 1 == 600


@pytest.mark.parametrize(("ads", "shape"), [(0, "parquet"), (10, "csv")])
def test_bad_arguments(ads: int, shape: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"at least 1|unknown shape"):
        synth.write(tmp_path, ads, 1, shape)


@pytest.mark.slow
def test_memory_of_a_million_is_bounded(tmp_path: Path) -> None:
    """A million ads are made within 1.5 GB (their speed is a figure of bench/synth.py)."""
    code = (
        "import sys; from pathlib import Path; from gangwei.synth import make as synth; synth.write(Path(sys.argv[1]), 1_000_000, 1);"
        "print([x.split()[1] for x in open('/proc/self/status') if x.startswith('VmHWM')][0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "run")], check=True, capture_output=True, text=True
    )
    assert int(done.stdout.split()[-1]) / 1024 < 1500


def test_fewer_ads_leave_no_file_of_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synth, "FILE", 100)
    for ads, files in ((300, 3), (100, 1)):
        synth.write(tmp_path, ads, seed=1, chunk=100)
        assert len(list((tmp_path / "ads").iterdir())) == len(list((tmp_path / "truth").iterdir())) == files


def test_one_shape_leaves_no_file_of_the_other(tmp_path: Path) -> None:
    for shape, files in (("boards", 5), ("parquet", 1), ("boards", 5)):
        synth.write(tmp_path, 100, seed=1, shape=shape)
        assert len(list((tmp_path / "ads").iterdir())) == files
