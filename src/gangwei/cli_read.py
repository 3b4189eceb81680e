"""The commands that read a dataset: figures, brief, pages, packages, and the model with its tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gangwei.terminal import LOG, PATH, headlines, say, show_json, spoken
from gangwei.terminal_figures import SHOWN, refusal, show_crossed, show_csv, show_figure, show_openings


@click.command("measure")
@click.argument("directory", type=PATH)
@click.argument("measure_id", metavar="MEASURE")
@click.option("--by", "groupings", multiple=True, help="Dimension to group by.")
@click.option("--across", default=None, help="With --by: a second dimension, the groups within each of its values.")
@click.option("--where", "filters", multiple=True, help="Filter k=v; may be repeated.")
@click.option("--as-of", default=None, help="Date for affiliations, YYYY-MM-DD.")
@click.option("--lists", default=None, help="Government lists that make tier T3, joined by commas; default: all.")
@click.option(
    "--labels", type=PATH, default=None, help="Labels that correct AI shares; default: those in DIRECTORY/labels."
)
@click.option("--ads", is_flag=True, help="The openings behind the figure, in place of it; with --csv or --json all.")
@click.option("--group", default=None, help="With --ads and --by: of this group only, by its id.")
@click.option("--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True)
@click.option("--json", "as_json", is_flag=True)
@click.option("--csv", "as_csv", is_flag=True)
@spoken
def measure_command(
    directory: Path, measure_id: str, groupings: tuple[str, ...], across: str | None, filters: tuple[str, ...], as_of: str | None,
    lists: str | None, labels: Path | None, ads: bool, group: str | None, lang: str, as_json: bool, as_csv: bool,
) -> None:  # fmt: skip
    """One figure with its interval: `gangwei measure work ai-share --by province`.

    The openings that it counts: `gangwei measure work ai-share --by province --ads --group 340000 --csv`.
    """
    from gangwei import measures
    from gangwei.labels import Labels

    if as_json and as_csv:
        raise click.UsageError("--json and --csv: choose one")
    if len(groupings) > 1:
        raise click.UsageError("--by is given twice; group by one dimension and filter by the other with --where")
    by = groupings[0] if groupings else None
    if group is not None and not (ads and by):
        raise click.UsageError("--group names a group of --by whose openings --ads lists; give all three")
    if across is not None and (ads or not by):
        raise click.UsageError("--across is a second dimension beside --by, of figures; give --by too and not --ads")
    where: dict[str, str] = {}
    for f in filters:
        key, sep, value = f.partition("=")
        if not sep:
            raise click.UsageError(f"--where {f}: write k=v")
        if key in where:
            raise click.UsageError(f"--where {f}: {key} is given twice; join its values by commas")
        where[key] = value
    ds = measures.open_dataset(directory, labels=labels)
    try:
        if ads:
            limit = None if as_json or as_csv else SHOWN
            n, page = measures.ads_behind(ds, measure_id, by, group, where, limit=limit, as_of=as_of, lists=lists)
            show_openings(Labels(ds, lang), n, page, as_json, as_csv)
            return
        if across is not None and by is not None:
            rows = measures.crossed(ds, measure_id, by, across, where, as_of=as_of, lists=lists, lang=lang)
            show_crossed(Labels(ds, lang), measures.load(ds.codebook)[measure_id], by, across, rows, as_json, as_csv)
            return
        result = measures.measure(ds, measure_id, by, where, as_of=as_of, lists=lists, lang=lang)
    except measures.UnknownParameter as e:
        raise click.UsageError(refusal(e, Labels(ds, lang), group)) from None
    if as_json:
        show_json(result.record())
    elif as_csv:
        show_csv(result.rows)
    else:
        show_figure(Labels(ds, lang), result, directory, labels)


@click.command()
@click.argument("directory", type=PATH)
@click.option(
    "--out",
    "out",
    type=PATH,
    default=None,
    help="HTML file, or PDF with the HTML file beside it; default: DIRECTORY/brief.html.",
)
@click.option("--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True)
@click.option("--as-of", default=None, help="Date for affiliations, YYYY-MM-DD.")
@click.option("--lists", default=None, help="Government lists that make tier T3, joined by commas; default: all.")
@click.option(
    "--labels", type=PATH, default=None, help="Labels that correct AI shares; default: those in DIRECTORY/labels."
)
@click.option("--pdf", is_flag=True, help="Also print to PDF through Chromium.")
@spoken
def report(
    directory: Path, out: Path | None, lang: str, as_of: str | None, lists: str | None, labels: Path | None, pdf: bool
) -> None:
    """Write the brief."""
    from gangwei.brief import report as brief
    from gangwei.vocabulary import UnknownParameter

    target = out or directory / "brief.html"
    if target.suffix.lower() == ".pdf":
        target, pdf = target.with_suffix(".html"), True
    try:
        headlines(brief.write_from(directory, target, lang=lang, as_of=as_of, lists=lists, labels=labels), lang)
    except UnknownParameter as e:
        raise click.UsageError(str(e)) from None
    say(f"brief: {target}")
    if pdf:
        say(f"pdf: {brief.to_pdf(target)}")


@click.command()
@click.argument("directory", type=PATH)
@click.option("--port", type=click.IntRange(1, 65535), default=8765, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="Anything beyond this machine needs --token.")
@click.option("--token", default=None, help="Password that a reader's link must carry.")
@click.option("--compare", type=PATH, default=None, help="A second dataset to set beside this one.")
@click.option(
    "--index", is_flag=True, help="First index the texts of all openings for search (kept in DIRECTORY/text_index)."
)
@click.option("--as-of", default=None, help="Date for affiliations where an address gives none, YYYY-MM-DD.")
@click.option(
    "--lists", default=None, help="Government lists that make tier T3 where an address names none, joined by commas."
)
@click.option(
    "--labels", type=PATH, default=None, help="Labels that correct AI shares; default: those in DIRECTORY/labels."
)
@spoken
def explore(
    directory: Path, port: int, host: str, token: str | None, compare: Path | None, index: bool, as_of: str | None,
    lists: str | None, labels: Path | None,
) -> None:  # fmt: skip
    """Browse the dataset: figures, maps, and the ads behind every number."""
    import time

    from gangwei.explore import server as web
    from gangwei.explore.listening import listen, serve
    from gangwei.vocabulary import UnknownParameter

    socket = listen(host, port, token)
    if index:
        facts = web.index(directory)
        size = (facts["bytes_pairs"] + facts["bytes_texts"]) / 1e6
        LOG.print(f"indexed {facts['openings']:,} texts in {facts['seconds']} s: {size:,.0f} MB", highlight=False)
    begun = time.monotonic()
    try:
        app = web.create(directory, host, token, compare=compare, warm=True, labels=labels, as_of=as_of, lists=lists)
    except UnknownParameter as e:
        raise click.UsageError(str(e)) from None
    LOG.print(f"http://{host}:{port}/  (open in {time.monotonic() - begun:.1f} s; Ctrl-C stops)", highlight=False)
    serve(app, socket)


@click.command()
@click.argument("directory", type=PATH)
@click.argument("version")
@click.option("--no-texts", is_flag=True, help="Leave out the ad texts.")
@spoken
def release(directory: Path, version: str, no_texts: bool) -> None:
    """Write a citable data package to DIRECTORY/releases/VERSION: Parquet, CSV, descriptors, checksums and a diff to the last release."""
    from gangwei import release as package

    say(f"released: {package.write(directory, version, texts=not no_texts)}")


@click.command()
@click.argument("dataset", type=PATH)
@click.option(
    "--labels",
    "files",
    type=PATH,
    multiple=True,
    required=True,
    help="JSON lines or CSV: record_id and ai_tier; may be repeated.",
)
@click.option("--out", type=PATH, required=True, help="Definitions folder for the new weights: OUT/ai/model.npz.")
@click.option("--populations", type=PATH, default=None, help="JSON: stratum to number of ads in the frame.")
@click.option("--seeds", type=click.IntRange(1), default=2, show_default=True, help="Splits for cross-validation.")
@spoken
def train(dataset: Path, files: tuple[Path, ...], out: Path, populations: Path | None, seeds: int) -> None:
    """Refit the AI model on labels of a dataset's ads (needs the extra [train])."""
    from gangwei import train as fit
    from gangwei.codebook import carried_by
    from gangwei.store import read_json

    say(
        fit.run(
            dataset,
            list(files),
            out,
            carried_by(dataset / "published"),
            read_json(populations) if populations else None,
            seeds,
        ),
    )


@click.command()
@click.argument("dataset", type=PATH)
@click.option(
    "--labels",
    type=PATH,
    required=True,
    help="JSON lines or CSV: record_id (= source_key), ai_tier, and weight or stratum_population and stratum_sample.",
)
@click.option("--term-list", type=PATH, default=None, help="A published list of terms to compare with, one a line.")
@click.option("--json", "as_json", is_flag=True)
@click.option("--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True)
@spoken
def evaluate(dataset: Path, labels: Path, term_list: Path | None, as_json: bool, lang: str) -> None:
    """Test the AI tiers of a dataset against labels: precision, recall, F1 with intervals, weighted to the population."""
    from gangwei import evaluate as test
    from gangwei.terminal_evaluation import table

    found = test.evaluate(dataset, labels, term_list)
    click.echo(found.json() if as_json else table(found, lang))


@click.command()
@click.argument("dataset", type=PATH)
@click.option(
    "--size",
    type=click.IntRange(6),
    default=300,
    show_default=True,
    help="Ads to sample: half from those without a sign of AI, the rest in equal parts of the other classes.",
)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--port", type=click.IntRange(1, 65535), default=8766, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="Anything beyond this machine needs --token.")
@click.option("--token", default=None)
@spoken
def label(dataset: Path, size: int, seed: int, port: int, host: str, token: str | None) -> None:
    """Label a probability sample of your own openings: a local page that earns error bars for your data."""
    from gangwei.explore import label as page
    from gangwei.explore.listening import listen, serve

    socket = listen(host, port, token)
    if (dataset / "labels" / "sample.json").exists():
        LOG.print(
            "goes on with labels/sample.json, drawn before: --size and --seed change nothing; move the folder away to draw another",
            highlight=False,
        )
    app = page.create(dataset, size, seed, host, token)
    LOG.print(f"http://{host}:{port}/  (Ctrl-C stops)", highlight=False)
    serve(app, socket)


@click.command("second-opinion")
@click.argument("dataset", type=PATH)
@click.option("--endpoint", required=True, help="Base address of an OpenAI-compatible API, such as https://host/v1.")
@click.option("--model", required=True, help="The model's name there.")
@click.option("--band", default="0.35..0.65", show_default=True, help="Which ads: the range of ai_score.")
@click.option("--limit", type=click.IntRange(1), default=None, help="Ask about at most this many texts.")
@click.option("--key-env", default="OPENAI_API_KEY", show_default=True, help="Environment variable with the key.")
@click.option("--price-in", type=click.FloatRange(0), default=None, help="Price of a million tokens sent.")
@click.option("--price-out", type=click.FloatRange(0), default=None, help="Price of a million tokens received.")
@click.option("--timeout", type=click.FloatRange(0.1), default=60.0, show_default=True, help="Seconds for an answer.")
@click.option("--jobs", type=click.IntRange(1, 64), default=4, show_default=True, help="Requests at a time.")
@click.option("--dry-run", is_flag=True, help="Say how many ads, tokens and what cost, then stop.")
@click.option("--yes", is_flag=True, help="Do not ask before sending.")
@click.option("--json", "as_json", is_flag=True)
@spoken
def second_opinion(
    dataset: Path, band: str, key_env: str, dry_run: bool, yes: bool, as_json: bool, **options: Any
) -> None:
    """Ask a language model about the ads near the cut (needs the extra [llm]); the next build applies the answers."""
    import os
    from collections import Counter

    from gangwei import second_opinion as asking

    request = asking.Request(band=asking.band(band), **options)
    asking.address(request.endpoint)
    plan = asking.plan(dataset, request)
    facts = {
        "in_band": plan.in_band, "answered_before": plan.answered_before, "to_ask": plan.ads.height,
        "tokens_in": plan.tokens_in, "tokens_out": plan.tokens_out, "cost": plan.cost,
    }  # fmt: skip
    LOG.print(plan.text(), highlight=False) if as_json else say(plan.text())
    if (
        not dry_run
        and plan.ads.height
        and (yes or click.confirm(f"send {plan.ads.height:,} ads to {request.endpoint}?"))
    ):
        key = os.environ.get(key_env) or None
        said = Counter(str(line["status"]) for line in asking.run(dataset, request, plan, key))
        facts |= {s: said[s] for s in ("answered", "refused", "failed")}
        line = ", ".join(f"{s} {said[s]:,}" for s in ("answered", "refused", "failed"))
        LOG.print(f"{line}; run `gangwei build` as before to apply the answers", highlight=False)
    if as_json:
        show_json(facts)


COMMANDS = (measure_command, report, explore, release, train, evaluate, label, second_opinion)
