"""Definition files as people save them."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from gangwei.cli import main
from gangwei.codebook import Codebook, DefinitionError
from gangwei.config import Settings
from gangwei.definitions_check import check


def test_files_with_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    for name in ("experience.toml", "education.csv"):
        (tmp_path / name).write_text(Codebook().text(name), "utf-8-sig")
    assert Codebook(tmp_path).toml("experience.toml") == Codebook().toml("experience.toml")
    assert Codebook(tmp_path).rows("education.csv") == Codebook().rows("education.csv")


@pytest.mark.parametrize("name", ["experience.toml", "education.csv"])
def test_files_in_another_encoding_are_named(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(Codebook().text(name).encode("gb18030"))
    with pytest.raises(DefinitionError, match="UTF-8"):
        (Codebook(tmp_path).toml if name.endswith("toml") else Codebook(tmp_path).rows)(name)
    assert any(p.startswith(f"{name}: is not UTF-8") for p in check(tmp_path))


def test_a_file_without_the_columns_of_the_packaged_one_is_refused(tmp_path: Path) -> None:
    """A header that is no header would leave a definition without rows, and a build without AI terms."""
    (tmp_path / "ai").mkdir()
    (tmp_path / "ai" / "terms.csv").write_text("garbage\n", "utf-8")
    assert any(p.startswith("ai/terms.csv: has no column id, concept") for p in check(tmp_path))
    with pytest.raises(DefinitionError, match=r"ai/terms\.csv: has no column id, concept"):
        _ = Settings(tmp_path, definitions=tmp_path).book
    (tmp_path / "ai" / "terms.csv").write_text(Codebook().text("ai/terms.csv"), "utf-8")
    assert Settings(tmp_path, definitions=tmp_path).book.without_columns() == []


def test_a_build_names_the_files_of_an_overlay_that_nothing_reads(tmp_path: Path) -> None:
    (tmp_path / "mine" / "ai").mkdir(parents=True)
    (tmp_path / "mine" / "ai" / "term.csv").write_text("id\n1\n", "utf-8")
    (tmp_path / "mine" / "lists").mkdir()
    (tmp_path / "mine" / "lists" / "mine.csv").write_text(Codebook().text("lists/us_ns_cmic.csv"), "utf-8")
    assert Codebook(tmp_path / "mine").unread() == ["ai/term.csv"]
    (tmp_path / "ads.csv").write_text("标题,公司,描述\n算法工程师,某公司,负责机器学习算法的研发\n", "utf-8")
    args = ["build", str(tmp_path / "ads.csv"), "--out", str(tmp_path / "out"), "--definitions", str(tmp_path / "mine")]
    said = CliRunner().invoke(main, args)
    assert said.exit_code == 0, said.output
    assert "nothing reads ai/term.csv" in said.output and "mine.csv" not in said.output


def test_what_a_file_lacks_is_said_with_its_name(tmp_path: Path) -> None:
    """A copy of an earlier packaged file has not the sections that came since."""
    kept = [line for line in Codebook().text("pay.toml").splitlines() if not line.startswith("yuan =")]
    (tmp_path / "pay.toml").write_text("\n".join(kept), "utf-8")
    assert [p for p in check(tmp_path) if "pay.toml [words] has no yuan" in p]
    assert Codebook(tmp_path).toml("pay.toml")["units"] == Codebook().toml("pay.toml")["units"]


@pytest.mark.parametrize("name", ["sources/columns.csv", "sources/cuts.csv"])
def test_a_row_that_is_asked_for_by_name_is_missed(name: str, tmp_path: Path) -> None:
    *kept, last = Codebook().text(name).splitlines()
    (tmp_path / "sources").mkdir()
    (tmp_path / name).write_text("\n".join(kept), "utf-8")
    assert any(name in p and last.split(",")[0] in p for p in check(tmp_path))


def test_a_cut_that_is_no_number_is_named(tmp_path: Path) -> None:
    (tmp_path / "sources").mkdir()
    text = Codebook().text("sources/cuts.csv").replace("clear,0.6,", "clear,60 %,")
    (tmp_path / "sources" / "cuts.csv").write_text(text, "utf-8")
    assert any("sources/cuts.csv: clear: '60 %' is no number" in p for p in check(tmp_path))
