"""The command line: Click for the grammar, Rich for progress. Everything it does is one call into the library."""

from __future__ import annotations

import os

os.environ.setdefault("POLARS_MAX_THREADS", "1")  # before the first import of polars: the runner owns the threads
os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:5000,muzzy_decay_ms:5000")  # and batches reuse memory

import datetime as dt
import math
import sys
from pathlib import Path
from typing import Any

import click

from gangwei.allocator import share_one_heap
from gangwei.cli_read import COMMANDS
from gangwei.terminal import LOG, PATH, headlines, say, show_any_text, show_json, spoken, words_of
from gangwei.version import __version__


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="gangwei")
def main() -> None:
    """Raw job ads in; unique openings, AI jobs with evidence, places, employers and an auditable brief out."""
    show_any_text()


@main.command()
@click.option("--out", type=PATH, default=Path("demo"), show_default=True, help="Folder for the demo.")
@click.option("--ads", type=click.IntRange(100), default=20_000, show_default=True, help="How many synthetic ads.")
@click.option("--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True)
@spoken
def demo(out: Path, ads: int, lang: str) -> None:
    """Make synthetic ads, build them and write the brief."""
    from gangwei.brief import report
    from gangwei.synth import make as synth

    w = words_of(lang)
    LOG.print(w["making"].format(n=f"{ads:,}", folder=out / "synth" / "ads"))
    synth.write(out / "synth", ads, seed=1)
    _build(inputs=(str(out / "synth" / "ads"),), out=out, lang=lang)
    brief = out / "brief.html"
    headline = report.write_from(out, brief, lang=lang)
    headlines(headline, lang)
    say("\n" + w["made"].format(brief=brief, tables=out / "published"))


@main.command()
@click.option("--ads", type=click.IntRange(1), required=True, help="How many ads.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--out", type=PATH, required=True)
@click.option(
    "--shape", type=click.Choice(["parquet", "boards"]), default="parquet", show_default=True,
    help="One table, or files as five boards export them.",
)  # fmt: skip
@spoken
def synth(ads: int, seed: int, out: Path, shape: str) -> None:
    """Write synthetic ads with known truth: OUT/ads and OUT/truth."""
    from gangwei.synth import make as maker

    made = maker.write(out, ads, seed=seed, shape=shape)
    say(
        f"{made.ads:,} ads in {out / 'ads'} ({made.files:,} files, {made.text_bytes / 1e6:,.0f} MB of text), their truth in {out / 'truth'}",
    )


@main.command()
@click.argument("inputs", nargs=-1, required=True)
@click.option("--out", type=PATH, required=True, help="Dataset directory.")
@click.option("--add", is_flag=True, help="Add the files to what the directory already holds.")
@click.option("--engine", type=click.Choice(["local", "spark"]), default="local", show_default=True)
@click.option("--master", default="local[*]", show_default=True, help="Spark master URL.")
@click.option("--threads", type=click.IntRange(1, 512), default=None, help="Threads; default: one for each core.")
@click.option(
    "--memory-limit",
    default="4GB",
    show_default=True,
    help="Memory for joins before they spill; matching keeps an eighth of it.",
)
@click.option("--definitions", type=PATH, default=None, help="Folder whose files replace the packaged definitions.")
@click.option("--from", "from_stage", default=None, help="Run this stage and all later ones again.")
@click.option(
    "--window",
    "window_days",
    type=click.IntRange(1, 36_500),
    default=60,
    show_default=True,
    help="Days of gap that start a new spell.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    default=None,
    help="Text that ads of one title, employer and city must share; default: same_title of openings/match.toml.",
)
@click.option("--as-of", default=None, help="Date for affiliations, YYYY-MM-DD; default: the latest ad's date.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, then stop.")
@click.option("--strict", is_flag=True, help="Exit 3 when the issues log is not empty.")
@click.option("--no-texts", is_flag=True, help="Leave the ad texts out of the published dataset.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True)
@spoken
def build(
    inputs: tuple[str, ...],
    out: Path,
    dry_run: bool,
    strict: bool,
    no_texts: bool,
    as_json: bool,
    lang: str,
    **options: Any,
) -> None:
    """Build a dataset from files, folders or patterns."""
    if dry_run:
        from gangwei.status import plan

        planned = plan(inputs, out, _checked(options))
        show_json(planned) if as_json else say(planned["text"])
        return
    result = _build(inputs=inputs, out=out, texts=not no_texts, lang=lang, **options)
    if as_json:
        show_json(result)
    if strict and result["issues"]:
        LOG.print(f"--strict: {len(result['issues'])} entries in the issues log")
        sys.exit(3)


def _checked(options: dict[str, Any]) -> dict[str, Any]:
    """The options that are given, with values that the build takes.

    Raises:
        click.UsageError: one is not understood.
    """
    from gangwei.config import parse_size
    from gangwei.stage_keys import STAGES

    given = {k: v for k, v in options.items() if v is not None}
    if "memory_limit" in given:
        try:
            given["memory_limit"] = parse_size(given["memory_limit"])
        except ValueError as e:
            raise click.UsageError(str(e)) from None
    if "as_of" in given:
        try:
            dt.date.fromisoformat(given["as_of"])
        except ValueError:
            raise click.UsageError(f"--as-of {given['as_of']}: write YYYY-MM-DD") from None
    if math.isnan(given.get("threshold", 0.0)):
        raise click.UsageError("--threshold nan: write a number from 0 to 1")
    stage = given.get("from_stage")
    if stage is not None:
        matches = [s for s in STAGES if stage in (s, s.split("_")[0], s.split("_")[1])]
        if not matches:
            raise click.UsageError(f"--from {stage}: one of {', '.join(STAGES)}")
        given["from_stage"] = matches[0]
    return given


def _build(inputs: tuple[str, ...], out: Path, lang: str = "en", **options: Any) -> dict[str, Any]:
    share_one_heap()
    from gangwei.config import Settings
    from gangwei.pipeline import Build
    from gangwei.progress import Screen
    from gangwei.status import earlier, forgotten, left_out, namesakes

    given = _checked(options)
    settings = Settings(out=out, inputs=inputs, **given)
    then = earlier(out)
    before = then.get("inputs", [])
    w = words_of(lang)
    with Screen(LOG) as screen:
        report = Build(settings, screen).run()
    screen.summary(report, {r["id"]: r[lang] for r in settings.book.rows("reasons.csv")}, w)
    for notice, found in (
        ("left_out", left_out(before, report.files)),
        ("namesakes", namesakes(before, report.files)),
        ("forgotten", forgotten(then, settings)),
    ):
        if found:
            named = ", ".join(found[:5]) + (", …" if len(found) > 5 else "")
            screen.notice(w[notice].format(out=out, named=named))
    return {"files": report.files, "counts": report.counts, "issues": report.issues, "published": str(report.published)}


@main.command()
@click.argument("directory", type=PATH)
@click.option(
    "--definitions",
    type=PATH,
    default=None,
    help="Folder whose files would replace the packaged ones; default: as built.",
)
@click.option("--json", "as_json", is_flag=True)
@spoken
def status(directory: Path, definitions: Path | None, as_json: bool) -> None:
    """What a dataset holds, and why a stage would run again on the same files (`build FILES --dry-run` reads the files)."""
    from gangwei.codebook import Codebook
    from gangwei.status import status as look

    found = look(directory, None if definitions is None else Codebook(definitions))
    if as_json:
        show_json(found)
    else:
        say(found["text"])


@main.command()
@click.argument("directory", type=PATH)
@click.argument("ad_id")
@click.option("--json", "as_json", is_flag=True)
@click.option("--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True)
@spoken
def explain(directory: Path, ad_id: str, as_json: bool, lang: str) -> None:
    """Everything that was decided about one ad, with the words that decided."""
    from gangwei.frame.dataset import Dataset
    from gangwei.lineage import explain as look
    from gangwei.terminal_ad import Story

    found = look(directory, ad_id)
    if as_json:
        show_json(found)
    else:
        say(Story(found, Dataset.open(directory), lang).text())


@main.group()
def sources() -> None:
    """Shapes of boards and files."""


@sources.command("sniff")
@click.argument("file", type=PATH)
@spoken
def sources_sniff(file: Path) -> None:
    """Propose a source definition for an unknown file; ten rows as it reads them go to standard error."""
    from gangwei import sniff

    proposal = sniff.propose(file)
    say(proposal.toml)
    LOG.print(proposal.preview(), highlight=False, soft_wrap=True)


@sources.command("check")
@click.argument("file", type=PATH)
@click.argument("definition", type=PATH)
@spoken
def sources_check(file: Path, definition: Path) -> None:
    """Test a source definition on a file; exits 3 when something is missed."""
    from gangwei import sniff

    found = sniff.check(file, definition)
    for issue in found:
        say(f"{issue.reason_id}: {issue.message}")
    say("no issue" if not found else f"{len(found)} issue{'s' * (len(found) > 1)}")
    sys.exit(3 if found else 0)


@sources.command("list")
@click.option("--definitions", type=PATH, default=None, help="Folder with further ones in `sources/`.")
@spoken
def sources_list(definitions: Path | None) -> None:
    """Known sources."""
    from gangwei import sniff
    from gangwei.codebook import Codebook

    for s in sniff.known(Codebook(definitions)):
        say(f"{s.id:36} {s.title}")


@main.group()
def definitions() -> None:
    """Terms, places, employers, lists and rules."""


@definitions.command("check")
@click.option("--definitions", "folder", type=PATH, default=None, help="Folder whose files replace packaged ones.")
@spoken
def definitions_check(folder: Path | None) -> None:
    """Check every definition file; exits 3 when one is wrong."""
    from gangwei import claims
    from gangwei.codebook import Codebook
    from gangwei.definitions_check import check

    problems = check(folder) + claims.problems(Codebook(folder))
    for p in problems:
        say(p)
    say("all definitions are sound" if not problems else f"{len(problems)} problems")
    sys.exit(3 if problems else 0)


@definitions.command("diff")
@click.argument("directory", type=PATH)
@click.argument("folder", type=PATH)
@click.option("--json", "as_json", is_flag=True)
@spoken
def definitions_diff(directory: Path, folder: Path, as_json: bool) -> None:
    """How many ads of DIRECTORY change label under the definitions in FOLDER."""
    from gangwei.definitions_check import diff

    found = diff(directory, folder)
    if as_json:
        show_json(found)
    else:
        for line in found["lines"]:
            say(line)


@main.command()
@click.argument("directory", type=PATH)
@click.option("--yes", is_flag=True, help="Do not ask.")
@spoken
def clean(directory: Path, yes: bool) -> None:
    """Remove the intermediate files; the published dataset stays."""
    import shutil

    from gangwei.store import MINE, StoreError, locked

    if not (directory / "stages").is_dir() or not any((directory / s).is_file() for s in MINE["stages"]):
        raise StoreError(f"{directory}: holds no intermediate files")
    size = sum(f.stat().st_size for f in (directory / "stages").rglob("*") if f.is_file())
    if yes or click.confirm(f"remove {size / 1e6:,.0f} MB of intermediate files in {directory / 'stages'}?"):
        with locked(directory):
            shutil.rmtree(directory / "stages")
        say(f"removed {size / 1e6:,.0f} MB")


for command in COMMANDS:
    main.add_command(command)
