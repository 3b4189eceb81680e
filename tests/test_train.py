"""Training on invented ads: reproducible bytes, usable model, clear refusals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gangwei import train, train_ads, train_lanes
from gangwei.codebook import Codebook
from gangwei.frame.check import DatasetError
from gangwei.kernels.ai import fields, ngrams
from gangwei.kernels.ai.lists import compile_lexicons
from gangwei.stage_tables import RAW, SECTIONS
from gangwei.stages import s2_clean, s6_classify
from gangwei.store import StoreError

pytest.importorskip("sklearn")

ADS = {
    "builder": (
        "{}算法工程师",
        "岗位职责：负责{}模型的训练与优化，研发深度学习算法。任职要求：精通机器学习与PyTorch。",
    ),
    "adjacent": ("AI产品经理{}", "岗位职责：负责{}方向大模型产品的规划与落地。任职要求：熟悉AI产品，有需求分析经验。"),
    "user": ("{}运营", "岗位职责：负责{}店铺运营。任职要求：熟练使用ChatGPT等AI工具者优先。"),
    "none": ("{}会计", "岗位职责：负责{}公司账务处理与报税。任职要求：会计证，两年以上经验。"),
}
WORDS = [
    "推荐",
    "搜索",
    "广告",
    "语音",
    "图像",
    "视频",
    "文本",
    "医疗",
    "金融",
    "教育",
    "电商",
    "物流",
    "游戏",
    "汽车",
    "农业",
    "旅游",
]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(dataset directory with a clean stage, labels file)."""
    root = tmp_path_factory.mktemp("ds")
    rows = [
        {"source_key": f"{tier}{i}", "title": title.format(w), "description": text.format(w * 2), "ai_tier": tier}
        for tier, (title, text) in ADS.items()
        for i, w in enumerate(WORDS)
    ]
    frame = pl.DataFrame(rows)
    clean = s2_clean.run(RAW.conform(frame.drop("ai_tier")), s2_clean.compile_rules(Codebook()))
    (root / "stages" / "clean").mkdir(parents=True)
    clean.write_parquet(root / "stages" / "clean" / "a.parquet")
    labels = root / "labels.jsonl"
    with labels.open("w", encoding="utf-8") as f:
        for r in rows:
            f.write(
                json.dumps(
                    {
                        "record_id": r["source_key"],
                        "ai_tier": r["ai_tier"],
                        "mention": r["ai_tier"] != "none",
                        "role": "technical",
                        "subfields": ["ml"],
                        "stratum": "s",
                    }
                )
                + "\n"
            )
    return root, labels


@pytest.mark.slow
def test_run_writes_a_model_that_works(dataset: tuple[Path, Path], tmp_path: Path) -> None:
    root, labels = dataset
    text = train.run(root, [labels], tmp_path, Codebook(), {"s": 6400.0}, seeds=1)
    assert "sha256" in text
    assert "builder_or_adjacent" in text
    first = (tmp_path / "ai" / "model.npz").read_bytes()
    train.run(root, [labels], tmp_path, Codebook(), {"s": 6400.0}, seeds=1)
    assert (tmp_path / "ai" / "model.npz").read_bytes() == first
    rules = s6_classify.compile_rules(Codebook(tmp_path))
    clean = pl.read_parquet(root / "stages" / "clean" / "a.parquet")
    said = s6_classify.run(clean, rules)["ai_tier"]
    truth = clean["source_key"].str.strip_chars("0123456789")
    assert (said == truth).mean() > 0.95


def test_labels_name_the_ad_itself(tmp_path: Path) -> None:
    """Two files may number their ads alike: the labels of `gangwei label` are joined by the ad, not by its number."""
    published = tmp_path / "published"
    published.mkdir()
    ads = pl.DataFrame(
        {"ad_id": ["a0", "a1", "a2"], "source_key": ["1", "1", None], "title": ["会计", "算法工程师", "司机"]}
    )
    ads.write_parquet(published / "ads.parquet")
    texts = ads.select("ad_id", text="title").with_columns(sections=pl.Series([[]] * 3, dtype=SECTIONS))
    texts.write_parquet(published / "texts.parquet")
    tiers = {"a0": "none", "a1": "builder", "a2": "none"}
    lines = [{"reader": "ana", "ad_id": a, "record_id": "1", "ai_tier": t} for a, t in tiers.items()]
    labels = tmp_path / "ana.jsonl"
    labels.write_text("".join(json.dumps(x) + "\n" for x in lines), "utf-8")
    rows = train_ads.gather(tmp_path, [labels], Codebook())[0].drop_nulls("ad_id")
    assert dict(rows.select("title", "ai_tier").rows()) == {"会计": "none", "算法工程师": "builder", "司机": "none"}


def test_copies_share_a_group() -> None:
    ads = pl.DataFrame(
        {"title": ["甲", "乙", "丙"], "text": ["负责算法研发" * 20, "负责算法研发" * 20 + "12", "负责打扫卫生" * 20]}
    )
    group = train_ads.copies(ads)
    assert group[0] == group[1] != group[2]


def test_refusals(dataset: tuple[Path, Path], tmp_path: Path) -> None:
    root, labels = dataset
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"record_id": "1", "ai_tier": "wizard"}\n', "utf-8")
    with pytest.raises(StoreError, match="wizard"):
        train_ads.read_labels(bad)
    bad.write_text('{"ai_tier": "none"}\n', "utf-8")
    with pytest.raises(train_ads.TrainError, match="record_id"):
        train_ads.read_labels(bad)
    with pytest.raises(DatasetError, match="not a dataset"):
        train.run(tmp_path, [labels], tmp_path, Codebook())
    with pytest.raises(train_ads.TrainError, match="file of labels"):
        train.run(root, [], tmp_path, Codebook())


def test_f1_and_cut() -> None:
    truth = np.array([True, True, False, False])
    assert train_lanes.f1(truth, np.array([True, False, True, False])) == pytest.approx(0.5)
    assert train_lanes.f1(truth, truth, np.array([1.0, 2.0, 3.0, 4.0])) == 1.0
    score = np.array([1.5, 1.0, -1.0, -1.5])
    assert -1.0 < train_lanes.best_cut(truth, score, np.ones(4)) < 1.0


def test_pack_and_load_keep_the_weights() -> None:
    book = Codebook()
    _, _, _, concepts, kinds = compile_lexicons(book)
    names = s6_classify.feature_names(book, concepts, kinds)
    rng = np.random.default_rng(1)
    dense = np.zeros((2, train_lanes.WIDTH, len(s6_classify.LANES)), np.float32)
    some = np.sort(rng.choice(ngrams.AT_TEXT, 300, replace=False))
    dense[:, some] = rng.normal(size=(2, 300, len(s6_classify.LANES)))
    dense[0, ngrams.AT_TEXT + 5, :3] = 1.0
    dense[0, ngrams.AT_NEAR + 7] = 1.0
    dense[1, ngrams.WIDTH + fields.AT_WORDS, s6_classify.AT_SUBFIELDS :] = 2.0
    bias, cuts = np.ones((2, len(s6_classify.LANES)), np.float32), np.zeros((2, 3), np.float32)
    data = train.pack(dense, bias, cuts, np.ones((2, 2)), names)
    assert data == train.pack(dense, bias, cuts, np.ones((2, 2)), names)
    model = s6_classify.load_model(data, names)
    assert np.allclose(model.weights, dense[:, : ngrams.AT_TEXT], atol=6e-3)
    assert model.grams[5].tolist() == [1.0, 1.0, 1.0]
    assert model.phrases[7].sum() == len(s6_classify.PHRASE_LANES)
    assert model.fields[1, fields.AT_WORDS].tolist() == [2.0] * fields.N_FIELDS
    assert model.fields.sum() == 2.0 * fields.N_FIELDS


def test_shipped_lists_are_readable() -> None:
    book = Codebook()
    extra, made = train_ads.shipped_labels(book), train_ads.synthetic(book)
    assert extra.height >= 300
    assert set(extra["ai_tier"]) == set(made["ai_tier"]) | {"builder"}
    assert made["sections"].list.len().min() > 0
    y = train_lanes.targets(made)
    assert y.shape == (made.height, len(s6_classify.LANES))
    assert ((y >= -1) & (y <= 1)).all()


def test_rare_ngrams_of_a_text_are_spread_wider_than_common_ones() -> None:
    from scipy.sparse import lil_matrix

    x = lil_matrix((8, train_lanes.WIDTH))
    x[:, 0] = 1.0
    x[:, ngrams.AT_TITLE] = 1.0
    x[:, ngrams.AT_TEXT] = 1.0
    x[0, ngrams.AT_TEXT + 1] = 1.0
    scale = train_lanes.spread(x.tocsr())
    assert scale[0] == scale[ngrams.AT_TITLE] == scale[-1] == 1.0
    assert scale[ngrams.AT_TEXT] < 1.0 < scale[ngrams.AT_TEXT + 1]
    part = x.tocsr()[:, ngrams.AT_TEXT : ngrams.AT_NEAR]
    scaled = part.multiply(scale[ngrams.AT_TEXT : ngrams.AT_NEAR])
    assert np.isclose(scaled.power(2).sum(), part.power(2).sum())
    assert np.all(scale[ngrams.AT_NEAR : ngrams.WIDTH] == 1.0)  # no phrase at all


def test_a_snippet_is_a_text_while_titles_are_learned() -> None:
    book = Codebook()
    rules, packaged = train.rules_of_fitting(book), s6_classify.compile_rules(book)
    blank = s6_classify.blank_model()
    dense = blank.weights.copy()
    dense[0, :, : len(s6_classify.TIER_LANES)] = 1.0
    model = s6_classify.Model(
        dense, blank.grams, blank.phrases, blank.fields, blank.bias, blank.cuts, blank.calibration, "text"
    )
    title, text, tags = (pl.Series([v]) for v in ("机器学习工程师", "五险一金,周末双休", ""))
    sections = pl.Series([None], dtype=SECTIONS)
    while_fitting = s6_classify.read(title, text, tags, sections, rules, model)
    later = s6_classify.read(title, text, tags, sections, packaged, model)
    assert while_fitting.scores[0, 0] > 0 == later.scores[0, 0]
