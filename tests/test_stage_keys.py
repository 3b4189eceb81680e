"""stage_keys.py: a key tells of all code and of all definitions that its stage is made with."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from gangwei.codebook import Codebook
from gangwei.formats.pages import compile_pages
from gangwei.mapping.guess import load_knowledge
from gangwei.mapping.source import load_sources
from gangwei.stage_keys import CODE, DEFINITIONS, STAGES
from gangwei.steps import rules_of
from gangwei.store import PACKAGE

# Checks that refuse a dataset, and its version: neither changes a row.
APART = {"checks.py", "version.py"}


def imported(path: Path) -> set[Path]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("gangwei"):
            names |= {node.module, *(f"{node.module}.{a.name}" for a in node.names)}
    stems = (PACKAGE.joinpath(*n.split(".")[1:]) for n in names)
    return {f for s in stems for f in (s.with_suffix(".py"), s / "__init__.py") if f.is_file()} - {
        PACKAGE / "__init__.py"
    }


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_runs_again_when_any_module_that_it_uses_changes(stage: str) -> None:
    reached, todo = set(), [PACKAGE / "stages" / f"{stage}.py"]
    while todo:
        if (path := todo.pop()) not in reached:
            reached.add(path)
            todo += imported(path)
    hashed = {f for pattern in CODE[stage] for f in PACKAGE.glob(pattern)}
    assert {f.relative_to(PACKAGE).as_posix() for f in reached - hashed} <= APART


@pytest.mark.parametrize("stage", STAGES[:-1])
def test_a_stage_runs_again_when_any_definition_that_it_reads_changes(
    stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: set[str] = set()
    find = Codebook.path

    def noted(book: Codebook, name: str) -> Path:
        read.add(name)
        return find(book, name)

    monkeypatch.setattr(Codebook, "path", noted)
    if stage == "s1_read":
        for made_of in (load_sources, load_knowledge, compile_pages):
            made_of(Codebook())
    else:
        rules_of(stage, Path(__file__).parent / "cases")
    told = DEFINITIONS[stage]
    assert read and not {n for n in read if not any("/" not in n if p == "./" else n.startswith(p) for p in told)}
