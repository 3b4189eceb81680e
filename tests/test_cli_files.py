"""cli.py: files, folders and disks as people have them, and one line for what cannot be used."""

from __future__ import annotations

import gzip
import io
import json
import os
import resource
import subprocess
import sys
import zipfile
from pathlib import Path

import polars as pl
import pytest

from build_fixture import ADS, HEADER, table, write_csv
from cli_fixture import one_error, run


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert "nosuch.csv" in one_error(run("build", tmp_path / "nosuch.csv", "--out", tmp_path / "o"))


def test_a_folder_without_ads(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    one_error(run("build", tmp_path / "in", "--out", tmp_path / "o"))


def test_a_captcha_page_is_not_ads(tmp_path: Path) -> None:
    page = tmp_path / "jobs.html"
    page.write_text("<html><head><title>安全验证</title></head><body>请完成滑动验证码</body></html>")
    one_error(run("build", page, "--out", tmp_path / "o"))


def test_other_ads_beside_the_text_of_one_are_not_read_for_it(tmp_path: Path) -> None:
    others = "".join(
        f'<li class="job"><a class="name">{t}</a><b class="pay">8-12K</b><i class="firm">青禾有限公司</i></li>'
        for t in ("会计", "出纳", "审计员")
    )
    page = tmp_path / "job.html"
    page.write_text(f"<html><body><h1>财务经理</h1><h3>职位描述</h3><p>负责核算。</p><ul>{others}</ul></body></html>")
    assert "saved web page" in one_error(run("build", page, "--out", tmp_path / "o"))
    page.write_text(f"<html><body><h1>财务</h1><ul>{others}</ul></body></html>")
    assert run("build", page, "--out", tmp_path / "o").exit_code == 0


def test_a_broken_zip_does_not_stop_the_others(tmp_path: Path) -> None:
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04junk")
    write_csv(tmp_path / "ads.csv", ADS)
    result = run("build", tmp_path, "--out", tmp_path / "o")
    assert result.exit_code == 0 and "broken.zip" in result.output
    assert "broken.zip" in str(table(tmp_path / "o", "issues")["file"].to_list())


def test_strict_turns_warnings_into_exit_3(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("")
    write_csv(tmp_path / "ads.csv", ADS)
    assert run("build", tmp_path, "--out", tmp_path / "o", "--strict").exit_code == 3


def test_a_broken_archive_alone_is_named(tmp_path: Path) -> None:
    (tmp_path / "三月.gz").write_bytes(b"\x1f\x8bxx")
    assert "三月.gz" in one_error(run("build", tmp_path / "三月.gz", "--out", tmp_path / "o"))


def test_issues_are_told_in_words_and_the_path_in_one_piece(tmp_path: Path) -> None:
    late = tmp_path / ("很长的目录 " * 8 + "with blanks") / "work"
    late.parent.mkdir()
    (tmp_path / "ads.csv").write_text("id,title,company,salary\n1,会计,甲公司,0-0\n1,司机,甲公司,5000\n", "utf-8")
    said = run("build", tmp_path / "ads.csv", "--out", late).output
    assert "pay_zero: The pay is zero" in said.replace("\n", " ")
    assert "issue :" not in said and "issue 2 ads share an id" in said
    assert f"{late / 'published'}\n" in said


def test_a_zip_bomb_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("ads.csv", HEADER + "\n" + "0" * 300_000_000)
    one_error(run("build", tmp_path / "bomb.zip", "--out", tmp_path / "o"))


def test_hostile_bytes(tmp_path: Path) -> None:
    good = write_csv(tmp_path / "ads.csv", ADS)
    data = good.read_bytes()
    (tmp_path / "nul.csv").write_bytes(data.replace("收银员".encode(), b"\x00\x00" + "收银员".encode()))
    (tmp_path / "long.csv").write_bytes(data + b'z9,"' + b"x" * 100_000_000 + b'",,,,,,,,\n')
    with gzip.open(tmp_path / "ads2.csv.gz", "wb") as f:
        f.write(data)
    result = run("build", tmp_path, "--out", tmp_path / "o")
    assert result.exit_code == 0
    manifest = json.loads((tmp_path / "o" / "published" / "manifest.json").read_text())
    for i in manifest["inputs"]:
        assert i["kept"] + sum(i["rejected"].values()) == i["read"], i
        assert i["kept"] >= 5, i


def test_a_parquet_of_other_types(tmp_path: Path) -> None:
    pl.DataFrame({"x": [1.5, 2.5], "when": [None, None]}).write_parquet(tmp_path / "other.parquet")
    one_error(run("build", tmp_path / "other.parquet", "--out", tmp_path / "o"))


def test_a_sheet_of_a_million_empty_rows(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(HEADER.split(","))
    sheet.append(list(ADS[0]))
    book.save(tmp_path / "a.xlsx")
    buffer = io.BytesIO((tmp_path / "a.xlsx").read_bytes())
    with zipfile.ZipFile(buffer) as z, zipfile.ZipFile(tmp_path / "b.xlsx", "w", zipfile.ZIP_DEFLATED) as w:
        for i in z.infolist():
            data = z.read(i)
            if i.filename.endswith("sheet1.xml"):
                rows = b"".join(
                    b'<row r="%d"><c r="A%d" t="inlineStr"><is><t></t></is></c></row>' % (n, n)
                    for n in range(3, 1_000_003)
                )
                data = data.replace(b"</sheetData>", rows + b"</sheetData>")
            w.writestr(i, data)
    result = run("build", tmp_path / "b.xlsx", "--out", tmp_path / "o")
    assert result.exit_code == 0, result.output
    assert table(tmp_path / "o", "ads").height == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user to drop to")
def test_no_permission(tmp_path: Path) -> None:
    write_csv(tmp_path / "ads.csv", ADS)
    (tmp_path / "closed").mkdir(mode=0o555)
    for p in (tmp_path, *tmp_path.parents):
        if p != Path("/tmp"):
            p.chmod(p.stat().st_mode | 0o055)
        else:
            break
    code = (
        "import os, sys; os.setgroups([]); os.setgid(65534); os.setuid(65534); os.environ['HOME'] = '/tmp';"
        f"sys.argv = ['gangwei', 'build', {str(tmp_path / 'ads.csv')!r}, '--out', {str(tmp_path / 'closed' / 'o')!r}];"
        "from gangwei.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd="/tmp")
    if "ModuleNotFoundError" in done.stderr or "Permission denied: '/root" in done.stderr:
        pytest.skip("the environment is not readable by another user")
    assert done.returncode == 1 and "no permission" in done.stderr and "Traceback" not in done.stderr, done.stderr


def test_brackets_of_names_are_shown(tmp_path: Path) -> None:
    """Not taken for marks of colour."""
    assert "none[final].csv" in one_error(run("build", tmp_path / "none[final].csv", "--out", tmp_path / "o"))
    ads = write_csv(tmp_path / "ads[red].csv", [("a1", "算法[java]工程师", *ADS[0][2:])])
    assert "ads[red].csv" in run("build", ads, "--out", tmp_path / "o[dim]").output
    assert "算法[java]工程师" in run("explain", tmp_path / "o[dim]", "a1").output


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for command in (("synth", "--ads", 100), ("demo",)):
        assert "file" in one_error(run(*command, "--out", tmp_path / "file" / "x"))


def test_out_is_a_file(tmp_path: Path) -> None:
    write_csv(tmp_path / "ads.csv", ADS)
    (tmp_path / "o").write_text("")
    assert "choose another --out" in one_error(run("build", tmp_path / "ads.csv", "--out", tmp_path / "o"))


def test_a_full_disk(tmp_path: Path) -> None:
    write_csv(tmp_path / "ads.csv", [(f"k{n}", *ADS[n % 5][1:]) for n in range(3000)])

    def small() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    command = [sys.executable, "-m", "gangwei", "build", str(tmp_path / "ads.csv"), "--out", str(tmp_path / "o")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=small)
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    assert not (tmp_path / "o" / "published").exists()
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_a_terminal_that_cannot_hold_chinese(tmp_path: Path) -> None:
    built = tmp_path / "o"
    run("build", write_csv(tmp_path / "ads.csv", ADS), "--out", built)

    def output(encoding: str, *args: object, read_as: str | None = None) -> str:
        command = [sys.executable, "-m", "gangwei", *map(str, args)]
        environment = {**os.environ, "PYTHONIOENCODING": encoding}
        done = subprocess.run(command, capture_output=True, check=False, env=environment)
        assert done.returncode == 0, done.stderr.decode(encoding)
        return done.stdout.decode(read_as or encoding)

    assert "?" in output("ascii", "explain", built, "a1", "--lang", "zh")
    assert "工程师" in output("gbk", "explain", built, "a1", "--lang", "zh")
    as_json = json.loads(output("cp1252", "explain", built, "a1", "--json"))
    assert as_json == json.loads(run("explain", built, "a1", "--json").output)
    table = ("measure", built, "openings", "--by", "city", "--csv")
    assert output("cp1252", *table, read_as="utf-8") == run(*table).output
