"""Shared fixtures: where the shared real ads and gold labels lie, and the --slow switch."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from gangwei import measures
from published_fixture import write

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("GANGWEI_SHARED") or ROOT.parent / "shared")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run the slow tests too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    skip_slow = pytest.mark.skip(reason="slow: run with --slow")
    skip_shared = pytest.mark.skip(reason=f"no shared data at {SHARED} (set GANGWEI_SHARED)")
    for item in items:
        if "slow" in item.keywords and not config.getoption("--slow"):
            item.add_marker(skip_slow)
        if "shared" in item.keywords and not SHARED.is_dir():
            item.add_marker(skip_shared)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared real ads and gold labels."""
    if not SHARED.is_dir():
        pytest.skip(f"no shared data at {SHARED} (set GANGWEI_SHARED)")
    return SHARED


@pytest.fixture(scope="session")
def explored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built dataset of 3,000 synthetic ads for the explorer."""
    from build_fixture import build
    from gangwei.synth import make as synth

    root = tmp_path_factory.mktemp("explored")
    synth.write(root / "synth", 3000, seed=21)
    build(root / "out", root / "synth" / "ads")
    return root / "out"


@pytest.fixture(scope="session")
def hostile_explored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built dataset of ads made to hurt a page."""
    from build_fixture import build
    from explore_fixture import HOSTILE

    root = tmp_path_factory.mktemp("hostile")
    names = ["id", "title", "company", "city", "address", "description", "url"]
    with (root / "ads.csv").open("w", encoding="utf-8", newline="") as f:
        writer = csv.DictWriter(f, names)
        writer.writeheader()
        writer.writerows(HOSTILE)
    build(root / "out", root / "ads.csv")
    return root / "out"


@pytest.fixture(scope="session")
def known(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, float]]:
    """A published dataset and its figures, counted without the measures."""
    folder = tmp_path_factory.mktemp("known")
    return folder, write(folder)


@pytest.fixture(scope="session")
def ds(known: tuple[Path, dict[str, float]]) -> measures.Dataset:
    """`known`, opened."""
    return measures.open_dataset(known[0])
