"""The command line: Click for the grammar, Rich for progress. Everything it does is one call into the library."""

from __future__ import annotations

import os

os.environ.setdefault("POLARS_MAX_THREADS", "1")  # before the first import of polars: the runner owns the threads

import datetime as dt
import json
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from gangwei import __version__

OUT = Console()
LOG = Console(stderr=True)
PATH = click.Path(path_type=Path)


def spoken(command: Callable[..., Any]) -> Callable[..., Any]:
    """Turn the errors a user can mend into one line and an exit code; a traceback only with GANGWEI_DEBUG=1."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        from gangwei.errors import MENDABLE

        try:
            return command(*args, **kwargs)
        except MENDABLE as e:
            if os.environ.get("GANGWEI_DEBUG"):
                raise
            LOG.print(f"[red]error:[/] {click.unstyle(str(e))}", markup=True, highlight=False, soft_wrap=True)
            sys.exit(1)
        except KeyboardInterrupt:
            LOG.print("stopped; the same command goes on where it was")
            sys.exit(130)

    return run


def show_json(value: Any) -> None:
    """Print JSON to standard output."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=1, default=str))


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="gangwei")
def main() -> None:
    """Raw job ads in; unique openings, AI jobs with evidence, places, employers and an auditable brief out."""


@main.command()
@click.option("--out", type=PATH, default=Path("demo"), show_default=True, help="Folder for the demo.")
@click.option("--ads", type=click.IntRange(100), default=20_000, show_default=True, help="How many synthetic ads.")
@click.option("--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True)
@spoken
def demo(out: Path, ads: int, lang: str) -> None:
    """Make synthetic ads, build them and write the brief."""
    from gangwei import report, synth

    LOG.print(f"making {ads:,} synthetic ads in {out / 'ads'}")
    synth.write(out / "synth", ads, seed=1)
    _build(inputs=(str(out / "synth" / "ads"),), out=out)
    brief = out / "brief.html"
    headline = report.write_from(out, brief, lang=lang)
    _headlines(headline)
    OUT.print(f"\nbrief: {brief}\ntables: {out / 'published'}", highlight=False)


def _headlines(rows: list[dict[str, Any]]) -> None:
    from rich.table import Table

    table = Table(title="Headline figures", show_lines=False)
    for name in ("figure", "value", "95 % interval", "published"):
        table.add_column(name, overflow="fold")
    for r in rows:
        table.add_row(str(r["label"]), str(r["value"]), str(r.get("interval") or ""), str(r.get("published") or ""))
    OUT.print(table)


@main.command()
@click.option("--ads", type=click.IntRange(1), required=True, help="How many ads.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--out", type=PATH, required=True)
@click.option("--shape", type=click.Choice(["parquet", "boards"]), default="parquet", show_default=True)
@spoken
def synth(ads: int, seed: int, out: Path, shape: str) -> None:
    """Write synthetic ads with known truth: OUT/ads and OUT/truth."""
    from gangwei import synth as maker

    OUT.print(str(maker.write(out, ads, seed=seed, shape=shape)))


@main.command()
@click.argument("inputs", nargs=-1, required=True)
@click.option("--out", type=PATH, required=True, help="Dataset directory.")
@click.option("--add", is_flag=True, help="Add the files to what the directory already holds.")
@click.option("--engine", type=click.Choice(["local", "spark"]), default="local", show_default=True)
@click.option("--master", default="local[*]", show_default=True, help="Spark master URL.")
@click.option("--threads", type=click.IntRange(1), default=None, help="Threads; default: one for each core.")
@click.option("--memory-limit", default="4GB", show_default=True, help="Memory for joins before they spill.")
@click.option("--definitions", type=PATH, default=None, help="Folder whose files replace the packaged definitions.")
@click.option("--from", "from_stage", default=None, help="Run this stage and all later ones again.")
@click.option("--window", "window_days", type=click.IntRange(1), default=60, show_default=True, help="Days of gap that start a new spell.")
@click.option("--threshold", type=click.FloatRange(0, 1), default=None, help="Text containment that makes one opening.")
@click.option("--as-of", default=None, help="Date for affiliations, YYYY-MM-DD; default: the latest ad's date.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, then stop.")
@click.option("--strict", is_flag=True, help="Exit 3 when the issues log is not empty.")
@click.option("--no-texts", is_flag=True, help="Leave the ad texts out of the published dataset.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@spoken
def build(inputs: tuple[str, ...], out: Path, dry_run: bool, strict: bool, no_texts: bool, as_json: bool, **options: Any) -> None:
    """Build a dataset from files, folders or patterns."""
    if dry_run:
        from gangwei.status import plan

        show_json(plan(inputs, out, options)) if as_json else OUT.print(plan(inputs, out, options)["text"])
        return
    result = _build(inputs=inputs, out=out, texts=not no_texts, **options)
    if as_json:
        show_json(result)
    if strict and result["issues"]:
        LOG.print(f"--strict: {len(result['issues'])} entries in the issues log")
        sys.exit(3)


def _build(inputs: tuple[str, ...], out: Path, **options: Any) -> dict[str, Any]:
    from gangwei.config import Settings, parse_size
    from gangwei.pipeline import STAGES, Build
    from gangwei.progress import Screen

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
    stage = given.get("from_stage")
    if stage is not None:
        matches = [s for s in STAGES if stage in (s, s.split("_")[0], s.split("_")[1])]
        if not matches:
            raise click.UsageError(f"--from {stage}: one of {', '.join(STAGES)}")
        given["from_stage"] = matches[0]
    with Screen(LOG) as screen:
        report = Build(Settings(out=out, inputs=inputs, **given), screen).run()
    screen.summary(report)
    return {"files": report.files, "counts": report.counts, "issues": report.issues, "published": str(report.published)}


@main.command()
@click.argument("directory", type=PATH)
@click.option("--json", "as_json", is_flag=True)
@spoken
def status(directory: Path, as_json: bool) -> None:
    """What a dataset holds, and why a stage would run again."""
    from gangwei.status import status as look

    found = look(directory)
    if as_json:
        show_json(found)
    else:
        OUT.print(found["text"], highlight=False)


@main.command()
@click.argument("directory", type=PATH)
@click.argument("ad_id")
@click.option("--json", "as_json", is_flag=True)
@spoken
def explain(directory: Path, ad_id: str, as_json: bool) -> None:
    """Everything that was decided about one ad, with the words that decided."""
    from gangwei.lineage import explain as look
    from gangwei.lineage import render

    found = look(directory, ad_id)
    if as_json:
        show_json(found)
    else:
        OUT.print(render(found), highlight=False)


@main.group()
def sources() -> None:
    """Shapes of boards and files."""


@sources.command("sniff")
@click.argument("file", type=PATH)
@spoken
def sources_sniff(file: Path) -> None:
    """Propose a source definition for an unknown file."""
    from gangwei import sniff

    proposal = sniff.propose(file)
    OUT.print(proposal.toml, markup=False, highlight=False, soft_wrap=True)
    OUT.print(proposal.preview(), markup=False, highlight=False, soft_wrap=True)


@sources.command("check")
@click.argument("file", type=PATH)
@click.argument("definition", type=PATH)
@spoken
def sources_check(file: Path, definition: Path) -> None:
    """Test a source definition on a file; exits 3 when something is missed."""
    from gangwei import sniff

    found = sniff.check(file, definition)
    for issue in found:
        OUT.print(f"{issue.reason_id}: {issue.message}", markup=False)
    OUT.print("no issue" if not found else f"{len(found)} issues")
    sys.exit(3 if found else 0)


@sources.command("list")
@click.option("--definitions", type=PATH, default=None)
@spoken
def sources_list(definitions: Path | None) -> None:
    """Known sources."""
    from gangwei import sniff
    from gangwei.codebook import Codebook

    for s in sniff.known(Codebook(definitions)):
        OUT.print(f"{s.id:36} {s.title}", markup=False, highlight=False)


@main.group()
def definitions() -> None:
    """Terms, places, employers, lists and rules."""


@definitions.command("check")
@click.option("--definitions", "folder", type=PATH, default=None)
@spoken
def definitions_check(folder: Path | None) -> None:
    """Check every definition file; exits 3 when one is wrong."""
    from gangwei.definitions_check import check

    problems = check(folder)
    for p in problems:
        OUT.print(p, markup=False, highlight=False)
    OUT.print("all definitions are sound" if not problems else f"{len(problems)} problems")
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
            OUT.print(line, markup=False, highlight=False)


@main.command()
@click.argument("directory", type=PATH)
@click.option("--out", "out", type=PATH, default=None, help="HTML file; default: DIRECTORY/brief.html.")
@click.option("--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True)
@click.option("--as-of", default=None, help="Date for affiliations, YYYY-MM-DD.")
@click.option("--lists", default=None, help="Lists that apply, joined by commas.")
@click.option("--pdf", is_flag=True, help="Also print to PDF through Chromium.")
@spoken
def report(directory: Path, out: Path | None, lang: str, as_of: str | None, lists: str | None, pdf: bool) -> None:
    """Write the brief."""
    from gangwei import report as brief

    target = out or directory / "brief.html"
    _headlines(brief.write_from(directory, target, lang=lang, as_of=as_of, lists=lists))
    OUT.print(f"brief: {target}", highlight=False)
    if pdf:
        OUT.print(f"pdf: {brief.to_pdf(target)}", highlight=False)


@main.command()
@click.argument("directory", type=PATH)
@click.option("--yes", is_flag=True, help="Do not ask.")
@spoken
def clean(directory: Path, yes: bool) -> None:
    """Remove the intermediate files; the published dataset stays."""
    import shutil

    from gangwei.store import StoreError

    if not (directory / "stages").is_dir():
        raise StoreError(f"{directory}: holds no intermediate files")
    size = sum(f.stat().st_size for f in (directory / "stages").rglob("*") if f.is_file())
    if yes or click.confirm(f"remove {size / 1e6:,.0f} MB of intermediate files in {directory / 'stages'}?"):
        shutil.rmtree(directory / "stages")
        OUT.print(f"removed {size / 1e6:,.0f} MB")


@main.command()
@click.argument("directory", type=PATH)
@click.argument("version")
@click.option("--no-texts", is_flag=True, help="Leave out the ad texts.")
@spoken
def release(directory: Path, version: str, no_texts: bool) -> None:
    """Write a citable data package: Parquet, CSV, descriptors, checksums and a diff to the last release."""
    from gangwei import release as package

    OUT.print(f"released: {package.write(directory, version, texts=not no_texts)}", highlight=False)


@main.command()
@click.argument("directory", type=PATH)
@click.option("--port", type=click.IntRange(1, 65535), default=8765, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="Anything beyond this machine needs --token.")
@click.option("--token", default=None, help="Password that a reader's link must carry.")
@spoken
def explore(directory: Path, port: int, host: str, token: str | None) -> None:
    """Browse the dataset: figures, maps, and the ads behind every number."""
    from gangwei import explore as web

    LOG.print(f"http://{host}:{port}/  (Ctrl-C stops)", highlight=False)
    web.serve(directory, port, host, token)


@main.command("measure")
@click.argument("directory", type=PATH)
@click.argument("measure_id", metavar="MEASURE")
@click.option("--by", default=None, help="Dimension to group by.")
@click.option("--where", "filters", multiple=True, help="Filter k=v; may be repeated.")
@click.option("--as-of", default=None, help="Date for affiliations, YYYY-MM-DD.")
@click.option("--lists", default=None, help="Lists that apply, joined by commas.")
@click.option("--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True)
@click.option("--json", "as_json", is_flag=True)
@click.option("--csv", "as_csv", is_flag=True)
@spoken
def measure_command(
    directory: Path, measure_id: str, by: str | None, filters: tuple[str, ...], as_of: str | None, lists: str | None,
    lang: str, as_json: bool, as_csv: bool,
) -> None:  # fmt: skip
    """One figure with its interval: `gangwei measure work ai-share --by province`."""
    from gangwei import measures
    from gangwei.labels import Labels
    from gangwei.release import neutral

    where: dict[str, str] = {}
    for f in filters:
        key, sep, value = f.partition("=")
        if not sep:
            raise click.UsageError(f"--where {f}: write k=v")
        where[key] = value
    ds = measures.open_dataset(directory)
    try:
        result = measures.measure(ds, measure_id, by, where, as_of=as_of, lists=lists, lang=lang)
    except measures.UnknownParameter as e:
        raise click.UsageError(str(e)) from None
    if as_json:
        show_json(result.record())
    elif as_csv:
        click.echo(neutral(result.rows).write_csv(), nl=False)
    else:
        from rich.table import Table

        words = Labels(ds, lang)
        title = result.measure.zh if lang == "zh" else result.measure.en
        OUT.print(f"{title}: {words.quantity(result.value, result.measure.unit)} ({words.interval(result.low, result.high, result.measure.unit)})", highlight=False)
        if result.by:
            table = Table()
            for name in (words.dimension(result.by), "value", "95 %", "counted", "of"):
                table.add_column(name, overflow="fold")
            for r in result.rows.head(60).to_dicts():
                shown = ("–", "–") if r.get("suppressed") else (words.quantity(r["value"], result.measure.unit), words.interval(r["low"], r["high"], result.measure.unit))
                table.add_row(str(r["label"]), *shown, words.integer(r.get("numerator")), words.integer(r.get("denominator")))
            OUT.print(table)
        OUT.print(result.command, highlight=False)
