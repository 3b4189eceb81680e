"""The Python of docs/ runs on a small dataset: the notebook cell by cell, and every block of the pages."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from build_fixture import build
from gangwei.synth import make as synth

DOCS = Path(__file__).resolve().parents[1] / "docs"
NOTEBOOK = DOCS / "tutorial" / "figures.ipynb"
PAGES = ("howto/use-the-tables.md", "reference/measures.md")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the datasets `demo` and `work`, which are one."""
    out = tmp_path_factory.mktemp("docs")
    synth.write(out / "synth", 3000, seed=11)
    build(out / "demo", out / "synth" / "ads")
    (out / "work").symlink_to(out / "demo", target_is_directory=True)
    return out


@pytest.mark.parametrize("page", PAGES)
def test_the_blocks_of_a_page_run(folder: Path, monkeypatch: pytest.MonkeyPatch, page: str) -> None:
    pytest.importorskip("pandas")
    monkeypatch.chdir(folder)
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text("utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        exec(block, {})


def test_the_notebook_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    names: dict[str, object] = {}
    for cell in json.loads(NOTEBOOK.read_text("utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    assert names["ads"].height > 0  # type: ignore[attr-defined]
