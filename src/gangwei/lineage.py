"""The whole story of one ad: what came in, what was decided at each stage, and the very words that decided."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from gangwei.codebook import carried_by
from gangwei.frame.check import of_this_schema
from gangwei.kernels.clean import contacts
from gangwei.store import StoreError, open_parquet, read_json

DUPLICATES_SHOWN = 20
SAME = (
    "ad_id",
    "board",
    "title",
    "captured_date",
    "posted_date",
    "date_precision",
    "match_relation",
    "match_reason",
    "match_score",
)
"""What is shown of another ad of the same opening."""
KEYS = ("source_id", "source_key")


def _rows(path: Path, **equal: Any) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    found = pl.scan_parquet(path, glob=False)
    for column, value in equal.items():
        found = found.filter(pl.col(column) == value)
    return found.collect().to_dicts()


def original(directory: Path, number: int, rules: contacts.ContactRules) -> dict[str, Any] | None:
    """The raw row of the ad at position `number`, or None when the intermediate files were removed or are of another build."""
    files = read_json(directory / "build.json")["files"]
    shown = contacts.strip_raw(pl.Series([f["file"] for f in files], dtype=pl.String), rules)
    made = {(name, f["sha256"]): f for name, f in zip(shown, files)}
    for given in read_json(directory / "published" / "manifest.json")["inputs"]:
        f = made.get((given["file"], given["sha256"]))
        if f is None or f["kept"] != given["kept"]:
            return None
        for n, rows in enumerate(f["parts"]):
            if number < rows:
                raw = directory / "stages" / "raw" / f"{f['key']}-{n:05}.parquet"
                if not raw.exists():
                    return None
                open_parquet(raw)
                return _shown(pl.scan_parquet(raw, glob=False).slice(number, 1).collect(), rules)
            number -= rows
    return None


def _shown(row: pl.DataFrame, rules: contacts.ContactRules) -> dict[str, Any]:
    """A raw row as it may be shown: contacts removed from every text but its keys."""
    texts = [c for c, kind in row.schema.items() if kind == pl.String and c not in KEYS]
    return row.with_columns(contacts.strip_raw(row[c], rules) for c in texts).to_dicts()[0]


def explain(directory: Path, ad_id: str) -> dict[str, Any]:
    """Lineage of one ad as plain data.

    Raises:
        StoreError: no dataset here, or no such ad.
        SchemaMismatch: a dataset of another schema version.
    """
    published = directory / "published"
    if not (published / "manifest.json").exists():
        raise StoreError(f"{directory}: no published dataset here; run `gangwei build` first")
    of_this_schema(directory)
    open_parquet(published / "ads.parquet")
    ads = pl.scan_parquet(published / "ads.parquet", glob=False).with_row_index("number")
    found = ads.filter(pl.col("ad_id") == ad_id).collect()
    if found.is_empty():
        found = ads.filter(pl.col("source_key") == ad_id).collect()
        if found.height != 1:
            raise StoreError(
                f"{ad_id}: no such ad in {directory} (an ad_id has 16 digits; a source_key must be unique)"
            )
    ad = found.to_dicts()[0]
    number, ad_id = ad.pop("number"), ad["ad_id"]
    same = _rows(published / "ads.parquet", opening_id=ad["opening_id"])
    raw = original(directory, number, contacts.compile_contacts(carried_by(published)))
    names = _rows(published / "employer_names.parquet", name_raw=raw["company"]) if raw and raw["company"] else []
    return {
        "ad": ad,
        "text": next(iter(_rows(published / "texts.parquet", ad_id=ad_id)), {}),
        "original": raw,
        "places": _rows(published / "ad_places.parquet", ad_id=ad_id),
        "employer": next(iter(_rows(published / "employers.parquet", employer_id=ad["employer_id"])), None),
        "employer_name": next(iter(names), None),
        "affiliations": _rows(published / "affiliations.parquet", employer_id=ad["employer_id"]),
        "opening": next(iter(_rows(published / "openings.parquet", opening_id=ad["opening_id"])), None),
        "same_opening": [{k: a[k] for k in SAME} for a in same[:DUPLICATES_SHOWN] if a["ad_id"] != ad_id],
        "ads_of_opening": len(same),
        "decisions": _rows(published / "decisions.parquet", ad_id=ad_id),
    }
