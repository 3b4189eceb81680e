"""A small labelling page: a stratified probability sample of one's own openings, read by one or two people.

The sample has known inclusion probabilities (equal within a stratum), so `gangwei evaluate` can weigh it up to the dataset.
Labels are lines of `DIR/labels/<reader>.jsonl`; a reader goes on where they stopped, and may go back: a later line replaces
an earlier one. Works without script: one form, keys through `accesskey` (letters, since browsers on Linux keep Alt with a
number for their tabs).
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import jinja2
import polars as pl
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from gangwei.codebook import PACKAGED
from gangwei.explore.ads import visible
from gangwei.explore.guard import check_host, guard
from gangwei.frame.check import DatasetError
from gangwei.frame.columns import LABEL_CLASS_SQL, LABEL_CLASSES
from gangwei.frame.dataset import Dataset
from gangwei.label_lines import append_line, own_lines
from gangwei.labels import LANGS
from gangwei.schema import AI_TIERS
from gangwei.store import read_json, write_text
from gangwei.tongue import CHINESE, ENGLISH, bdi
from gangwei.vocabulary import UnknownParameter

READER = re.compile(r"[\w-]{1,40}")
KEYS = dict(zip(AI_TIERS, "baun"))
SHOWN = 6000
PARAMETERS = ("reader", "lang", "ad")


@dataclass(frozen=True)
class Item:
    """One sampled ad with its stratum's population and sample size."""

    ad_id: str
    record_id: str
    stratum: str
    stratum_population: int
    stratum_sample: int


def draw(ds: Dataset, size: int, seed: int) -> list[Item]:
    """A sample of `size` openings (their representative ads) in an order fixed by `seed`.

    Strata: the three tiers, a bare mention, a score near the cut, and the rest. The rest gives `rest_of_labels` of the sample
    (`measures/settings.toml`), the others equal parts of what is left; what one cannot give the others give.

    Raises:
        DatasetError: it holds no openings.
    """
    ads = ds.cursor().execute(
        f"SELECT a.ad_id, coalesce(a.source_key, a.ad_id) AS record_id, {LABEL_CLASS_SQL} AS stratum "
        "FROM openings o JOIN ads a ON a.ad_id = o.ad_id ORDER BY a.ad_id"
    ).pl()  # fmt: skip
    if ads.is_empty():
        raise DatasetError(f"{ds.directory}: holds no openings to label")
    ads = ads.sample(fraction=1.0, shuffle=True, seed=seed)
    parts = {name: ads.filter(pl.col("stratum") == name) for name in LABEL_CLASSES}
    rest = float(ds.codebook.toml("measures/settings.toml").get("rest_of_labels", 1 / len(parts)))
    weights = [rest if name == LABEL_CLASSES[-1] else (1 - rest) / (len(parts) - 1) for name in parts]
    out: list[Item] = []
    for (name, part), n in zip(parts.items(), shares([p.height for p in parts.values()], size, weights)):
        taken = part.head(n)
        out += [Item(a, r, name, part.height, taken.height) for a, r in taken.select("ad_id", "record_id").rows()]
    return [out[i] for i in pl.Series(range(len(out)), dtype=pl.Int64).shuffle(seed).to_list()]


def shares(held: Sequence[int], size: int, weights: Sequence[float]) -> list[int]:
    """How many of `size` each stratum gives: as near to its weight as what it holds allows, at least one where it holds any."""
    out = [min(1, n) for n in held]
    while sum(out) < min(size, sum(held)):
        out[min((i for i, n in enumerate(out) if n < held[i]), key=lambda i: (out[i] / weights[i], i))] += 1
    return out


def sample(ds: Dataset, size: int, seed: int) -> list[Item]:
    """The sample of this dataset: drawn once and kept in `DIR/labels/sample.json`."""
    path = ds.directory / "labels" / "sample.json"
    if not path.exists():
        items = [vars(i) for i in draw(ds, size, seed)]
        write_text(path, json.dumps(items, ensure_ascii=False, indent=1) + "\n")
    return [Item(**i) for i in read_json(path)]


def labels(directory: Path, reader: str) -> dict[str, dict[str, Any]]:
    """What a reader has said, by ad_id; a later line replaces an earlier one."""
    return {r["ad_id"]: r for r in own_lines(directory / "labels" / f"{reader}.jsonl")}


def agreement(one: dict[str, dict[str, Any]], two: dict[str, dict[str, Any]]) -> tuple[int, float, float]:
    """(ads that both read, share on which they agree, Cohen's kappa); NaN when nothing is shared or all are one class."""
    both = sorted(set(one) & set(two))
    if not both:
        return 0, float("nan"), float("nan")
    pairs = [(one[a]["ai_tier"], two[a]["ai_tier"]) for a in both]
    same = sum(a == b for a, b in pairs) / len(pairs)
    chance = sum(
        sum(a == t for a, _ in pairs) * sum(b == t for _, b in pairs) for t in AI_TIERS
    ) / len(pairs) ** 2  # fmt: skip
    return len(pairs), same, (same - chance) / (1 - chance) if chance < 1 else float("nan")


def _text(ds: Dataset, item: Item) -> dict[str, str]:
    """What a reader sees of an ad: title and text without contacts."""
    title, text, language = ds.rows(
        "SELECT a.title, t.text, a.language FROM ads a LEFT JOIN texts t ON t.ad_id = a.ad_id WHERE a.ad_id = $i",
        {"i": item.ad_id},
    )[0]
    return {"title": visible(title), "text": visible(text)[:SHOWN], "lang": ENGLISH if language == ENGLISH else CHINESE}


def asked(request: Request, ads: Container[str]) -> dict[str, str]:
    """The parameters of an address: the reader, the language and one of the ads of the sample.

    Raises:
        UnknownParameter: another name, one given twice, or a value that is none of these.
    """
    given: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in PARAMETERS:
            raise UnknownParameter("parameter", name, PARAMETERS)
        if name in given:
            raise UnknownParameter("parameter given twice", name, PARAMETERS)
        if name == "lang" and value not in LANGS:
            raise UnknownParameter("value of lang", value, LANGS)
        if name == "reader" and value and not READER.fullmatch(value):
            raise UnknownParameter("value of reader", value[:40], ("1 to 40 letters, digits, _ or -",))
        if name == "ad" and value not in ads:
            raise UnknownParameter("value of ad", value[:40], ("the ad_id of an ad of the sample",))
        given[name] = value
    return given


def create(
    directory: Path, size: int = 300, seed: int = 1, host: str = "127.0.0.1", token: str | None = None
) -> FastAPI:
    """The labelling application.

    Raises:
        DatasetError: nothing to label here, a sample of another build, or a host beyond this machine without a token.
        StoreError: the kept sample is broken.
    """
    check_host(host, token)
    ds = Dataset.open(directory)
    ds.need_build()
    items = sample(ds, size, seed)
    drawn = {"i": [i.ad_id for i in items]}
    if gone := len(items) - ds.rows("SELECT count(*) FROM ads WHERE ad_id IN (SELECT unnest($i))", drawn)[0][0]:
        raise DatasetError(
            f"{directory}: {gone} of the {len(items)} ads in labels/sample.json are not in this build; "
            "move the folder labels away to draw a new sample"
        )
    words = ds.codebook.toml("labels/label.toml")
    env = jinja2.Environment(
        loader=jinja2.PackageLoader("gangwei", "templates"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    env.globals["bdi"] = bdi
    app = FastAPI(title="gangwei label", docs_url=None, redoc_url=None)
    guard(app, host, token)

    def page(lang: str, **values: Any) -> HTMLResponse:
        side = 1 if lang == "zh" else 0
        html = env.get_template("label.j2").render(
            w={k: v[side] for k, v in words.items()}, lang=lang, keys=KEYS, **values
        )
        return HTMLResponse(html)

    @app.exception_handler(UnknownParameter)
    async def unknown(request: Request, e: UnknownParameter) -> Response:
        return PlainTextResponse(str(e), 400)

    places = {i.ad_id: n for n, i in enumerate(items)}

    @app.get("/", response_class=HTMLResponse)
    def read(request: Request) -> Response:
        given = asked(request, places)
        reader, lang = given.get("reader", ""), given.get("lang", LANGS[0])
        if not reader:
            return page(lang, reader="", mine=None)
        said = labels(directory, reader)
        at = places.get(given.get("ad", ""))
        if at is None:
            at = next((n for n, i in enumerate(items) if i.ad_id not in said), len(items))
        item = items[at] if at < len(items) else None
        names = sorted(p.stem for p in (directory / "labels").glob("*.jsonl") if p.stem != reader)
        shown = {
            "others": [(n, *agreement(said, labels(directory, n))) for n in names],
            "ad": _text(ds, item) if item else None,
            "before": items[at - 1].ad_id if at else None,
            "mine": said.get(item.ad_id) if item else None,
            "file": shlex.quote(str(directory / "labels" / f"{reader}.jsonl")),
            "folder": shlex.quote(str(directory)),
        }
        return page(lang, reader=reader, item=item, total=len(items), done=len(said), **shown)

    @app.post("/")
    async def write(request: Request) -> Response:
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return Response("labels are only taken from this page", 403)
        given = {k: v[0] for k, v in parse_qs((await request.body())[:10_000].decode("utf-8", "replace")).items()}
        reader, tier, lang = given.get("reader", ""), given.get("ai_tier", ""), given.get("lang", "en")
        item = next((i for i in items if i.ad_id == given.get("ad_id")), None)
        if not READER.fullmatch(reader) or tier not in AI_TIERS or item is None:
            return Response("reader, ad_id and ai_tier (builder, adjacent, user, none) are needed", 400)
        line = {**vars(item), "reader": reader, "ai_tier": tier, "confidence": "low" if given.get("unsure") else "high"}
        append_line(directory / "labels" / f"{reader}.jsonl", line)
        return RedirectResponse(f"/?reader={reader}&lang={'zh' if lang == 'zh' else 'en'}", 303)

    @app.get("/static/explore.css")
    def style() -> Response:
        return Response((PACKAGED.parent / "static" / "explore.css").read_bytes(), media_type="text/css")

    return app
