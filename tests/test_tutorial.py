"""docs/tutorial/figures.ipynb runs on a small dataset, cell by cell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gangwei.synth import make as synth
from test_pipeline import build

NOTEBOOK = Path(__file__).resolve().parents[1] / "docs" / "tutorial" / "figures.ipynb"


def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synth.write(tmp_path / "synth", 3000, seed=11)
    build(tmp_path / "demo", tmp_path / "synth" / "ads")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for cell in json.loads(NOTEBOOK.read_text("utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    assert names["ads"].height > 0  # type: ignore[attr-defined]
