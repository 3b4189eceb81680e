"""The ads that a model is fitted on: labels joined with texts, the project's own readings and invented ads, unlabelled ads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from gangwei.codebook import Codebook
from gangwei.kernels.hashing import hash_strings
from gangwei.label_lines import read_label_lines
from gangwei.stage_tables import RAW
from gangwei.stages import s2_clean

OTHERS = 40_000


class TrainError(ValueError):
    """The labels or the dataset cannot be used; the message says what is missing."""


def read_labels(path: Path) -> pl.DataFrame:
    """Labels from JSON lines or CSV with the columns of the module's docstring.

    Raises:
        StoreError: no such file, or neither JSON lines nor CSV.
        TrainError: record_id or ai_tier is missing, or a tier is unknown.
    """
    frame = read_label_lines(path)
    if missing := {"record_id", "ai_tier"} - set(frame.columns):
        raise TrainError(f"{path.name}: no column {', '.join(sorted(missing))}")
    tier = pl.col("ai_tier").replace("mention", "none")
    frame = frame.with_columns(tier, pl.col("record_id").cast(pl.String))
    if bad := set(frame["ai_tier"].unique().to_list()) - {"builder", "adjacent", "user", "none"}:
        raise TrainError(f"{path.name}: unknown ai_tier {', '.join(sorted(map(str, bad)))}")
    if "subfields" in frame.columns and frame["subfields"].dtype == pl.String:
        frame = frame.with_columns(pl.col("subfields").str.split("|"))
    keep = [
        c
        for c in ("record_id", "ad_id", "ai_tier", "mention", "role", "subfields", "stratum", "weight", "confidence")
        if c in frame.columns
    ]
    return frame.select(keep)


def read_ads(dataset: Path, keys: pl.Series | None = None) -> pl.DataFrame:
    """record_id, title, text, tags, sections of the ads of a dataset whose source_key is in `keys` (default all), one row each.

    The clean stage is read where it is still there; else the published ads and texts (without tags).

    Raises:
        TrainError: the dataset has neither.
    """
    columns = ["source_key", "title", "text", "tags", "sections"]
    parts = sorted((dataset / "stages" / "clean").glob("*.parquet"))
    published = dataset / "published"
    wanted = pl.lit(True) if keys is None else pl.col("source_key").is_in(keys.implode())
    if parts:
        ads = pl.concat([pl.scan_parquet(p, glob=False).select(columns).filter(wanted).collect() for p in parts])
    elif (published / "texts.parquet").is_file():
        texts = pl.read_parquet(published / "texts.parquet", glob=False)
        ads = pl.read_parquet(published / "ads.parquet", columns=["ad_id", "source_key", "title"], glob=False).join(
            texts, on="ad_id"
        )
        ads = ads.with_columns(tags=pl.lit("", pl.String)).filter(wanted).select(columns)
    else:
        raise TrainError(f"{dataset}: no texts; build the dataset without --no-texts")
    return ads.unique("source_key", keep="first", maintain_order=True).rename({"source_key": "record_id"})


def by_id(dataset: Path, labels: pl.DataFrame) -> pl.DataFrame:
    """Labels whose `ad_id` names an ad of the dataset without a key of its own, with its title and text (tags are not published)."""
    ads, texts = (dataset / "published" / f"{t}.parquet" for t in ("ads", "texts"))
    if not labels["ad_id"].count() or not ads.is_file() or not texts.is_file():
        return labels.clear()
    found = pl.scan_parquet(ads, glob=False).select("ad_id", "source_key", "title")
    alike = pl.col("source_key").is_null() | (pl.len().over("source_key") > 1)
    wanted = labels["ad_id"].drop_nulls().implode()
    own = found.filter(alike).filter(pl.col("ad_id").is_in(wanted)).drop("source_key")
    own = own.join(pl.scan_parquet(texts, glob=False), on="ad_id", how="left").with_columns(tags=pl.lit("", pl.String))
    return labels.join(own.collect(), on="ad_id", maintain_order="left")


def copies(ads: pl.DataFrame) -> NDArray[np.int64]:
    """A group number by ad: the same first 60 letters, or the same title and last 40 letters, make one group."""
    letters = ads["text"].fill_null("").str.replace_all(r"[\W\d_]+", "")
    group = np.arange(ads.height)
    for part in (letters.str.slice(0, 60), pl.select(ads["title"].fill_null("") + letters.str.tail(40)).to_series()):
        _, first, back = np.unique(hash_strings(part), return_index=True, return_inverse=True)
        group = group[first[back.reshape(-1)]]
    return group.astype(np.int64)


def unlabelled(dataset: Path, rows: pl.DataFrame) -> pl.DataFrame:
    """At most `OTHERS` ads with a text that are no copies of labelled ones or of each other, the same for the same dataset."""
    ads = read_ads(dataset).filter(pl.col("text").str.len_chars() >= 50).sort("record_id")
    group = copies(pl.concat([rows.select("title", "text"), ads.select("title", "text")]))
    known, own = group[: rows.height], group[rows.height :]
    first = np.unique(own, return_index=True)[1]
    first = np.sort(first[~np.isin(own[first], known)])
    pick = np.random.default_rng(20170720).permutation(len(first))[:OTHERS]
    return ads[np.sort(first[pick])]


LABELS_EXTRA = "ai/labels_extra.csv"
SYNTHETIC = "ai/synthetic_ads.csv"


def synthetic(book: Codebook) -> pl.DataFrame:
    """The project's own invented ads, cleaned like real ones: what blurbs, design software and AI calls must not do."""
    frame = book.frame(SYNTHETIC)
    raw = RAW.conform(frame.select(source_key="id", title="title", description="text"))
    clean = s2_clean.run(raw, s2_clean.compile_rules(book)).select("title", "text", "tags", "sections")
    subfields = pl.when(pl.col("subfields") != "").then(pl.col("subfields")).str.split("|")
    labels = frame.select(
        pl.col("id").alias("record_id"),
        "ai_tier",
        mention=pl.col("mention") == "true",
        role="role",
        subfields=subfields,
    )
    return pl.concat([labels.with_columns(weight=pl.lit(0.0)), clean], how="horizontal")


def shipped_labels(book: Codebook) -> pl.DataFrame:
    """The project's own readings of public ads (record_id, ai_tier, mention, role, subfields; no text)."""
    frame = book.frame(LABELS_EXTRA)
    blank = {c: pl.when(pl.col(c) != "").then(pl.col(c)) for c in ("role", "subfields")}
    return frame.select(
        "record_id",
        "ai_tier",
        mention=pl.col("mention") == "true",
        role=blank["role"],
        subfields=blank["subfields"].str.split("|"),
    )


def gather(
    dataset: Path, label_files: list[Path], book: Codebook, populations: dict[str, float] | None = None
) -> tuple[pl.DataFrame, int]:
    """Labels of the files, then the shipped ones, joined with the texts of a dataset; (rows, labels without an ad).

    `populations` gives the size of each stratum named in the labels; ads of a stratum share it evenly. Labels without a
    weight (the shipped ones) are fitted on, yet do not count in cuts, calibration or figures.

    Raises:
        TrainError: no label file, or none of the labelled ads is in the dataset.
    """
    if not label_files:
        raise TrainError("training needs a file of labels")
    frames = [read_labels(p) for p in label_files]
    for i, f in enumerate(frames):
        if "weight" in f.columns:
            continue
        if populations and "stratum" in f.columns:
            size = f["stratum"].value_counts()
            per = pl.col("stratum").replace_strict(populations, default=0.0, return_dtype=pl.Float64)
            count = pl.col("stratum").replace_strict(size["stratum"], size["count"], return_dtype=pl.Float64)
            frames[i] = f.with_columns(weight=per / count)
        else:
            frames[i] = f.with_columns(weight=pl.lit(1.0))
    extra = shipped_labels(book).with_columns(weight=pl.lit(0.0))
    labels = pl.concat([pl.DataFrame(schema={"ad_id": pl.String}), *frames, extra], how="diagonal")
    labels = labels.unique(pl.coalesce("ad_id", "record_id"), keep="first", maintain_order=True)
    named = by_id(dataset, labels)
    labels = labels.join(named, on="ad_id", how="anti", maintain_order="left")
    ads = read_ads(dataset, labels["record_id"])
    rows = pl.concat([labels.join(ads, on="record_id", maintain_order="left"), named], how="diagonal")
    if rows.is_empty():
        raise TrainError(f"{dataset}: holds none of the {labels.height} labelled ads")
    missing = labels.height + named.height - rows.height
    return pl.concat([rows, synthetic(book)], how="diagonal"), missing
