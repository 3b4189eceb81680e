"""release.py: a package that checks out, and cells that no spreadsheet runs."""

from __future__ import annotations

import hashlib
from pathlib import Path

import polars as pl
import pytest

from gangwei import release
from gangwei.store import StoreError, read_json
from test_pipeline import ADS, build, write_csv


def test_formulas_are_neutralised_and_lists_joined() -> None:
    frame = pl.DataFrame(
        {
            "t": ["=HYPERLINK(1)", "-1+2", "@x", "+86", "ok", None],
            "l": [["a", "b"], [], None, ["=x"], [], []],
            "n": [1, -2, 3, 4, 5, 6],
        }
    )
    out = release.neutral(frame)
    assert out["t"].to_list() == ["'=HYPERLINK(1)", "'-1+2", "'@x", "'+86", "ok", None]
    assert out["l"].to_list() == ["a;b", "", None, "'=x", "", ""]
    assert out["n"].to_list() == [1, -2, 3, 4, 5, 6]


def test_a_release_checks_out_and_says_what_changed(tmp_path: Path) -> None:
    out = tmp_path / "out"
    build(out, write_csv(tmp_path / "in" / "one.csv", ADS[:3]))
    first = release.write(out, "2026.1")
    for line in (first / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((first / name).read_bytes()).hexdigest() == digest, name
    for r in read_json(first / "datapackage.json")["resources"]:
        assert (first / r["path"]).stat().st_size == r["bytes"]
    assert pl.read_csv(first / "data" / "ads.csv").height == 3
    assert {r["@id"] for r in read_json(first / "croissant.json")["recordSet"]} >= {"ads", "openings", "texts"}
    build(out, write_csv(tmp_path / "in" / "two.csv", ADS[3:]), add=True)
    second = release.write(out, "2026.2", texts=False)
    assert "| ads | 3 | 5 |" in (second / "CHANGES.md").read_text()
    assert "input added: two.csv" in (second / "CHANGES.md").read_text()
    assert not (second / "data" / "texts.parquet").exists()
    with pytest.raises(StoreError, match="never overwritten"):
        release.write(out, "2026.2")
    with pytest.raises(StoreError, match="not a version name"):
        release.write(out, "../x")
