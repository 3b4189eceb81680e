"""The explorer: pages over one published dataset whose URL is the whole state.

Every parameter belongs to a closed vocabulary (an unknown one answers 400 and lists the allowed), every query is bound,
pages work without script, and nothing is fetched from elsewhere. The suffix of a path is its format.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import duckdb
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from gangwei import measures
from gangwei.allocator import keep_freed_memory
from gangwei.explore import figures, papers, profiles, search
from gangwei.explore import warm as explore_warm
from gangwei.explore.ads import Reader
from gangwei.explore.guard import SECONDS, Gate, TooBusy, TooSlow, Watched, check_host, guard
from gangwei.explore.index import TextIndex, build
from gangwei.explore.query import Grammar
from gangwei.explore.site import FORMATS, Missing, Site
from gangwei.explore.words import Words
from gangwei.frame.check import DatasetError
from gangwei.frame.dataset import Dataset
from gangwei.labels import LANGS
from gangwei.vocabulary import UnknownParameter


def create(
    directory: Path, host: str = "127.0.0.1", token: str | None = None, seconds: float = SECONDS,
    compare: Path | None = None, warm: bool = False, labels: Path | None = None, as_of: str | None = None,
    lists: str | None = None,
) -> FastAPI:  # fmt: skip
    """The application over the dataset in `directory`, with a second one to compare; `warm` prepares it in the background.

    `labels`, `as_of` and `lists` are those of `gangwei measure`; an address that names a date or lists of its own wins.

    Raises:
        DatasetError: nothing readable there, or a host beyond this machine without a token.
        UnknownParameter: a date that is none, a list that is not in the dataset.
    """
    check_host(host, token)
    keep_freed_memory()
    ds = Watched.open(directory, labels=labels)
    other = Watched.open(compare, ds.codebook) if compare else None
    if other is not None:
        other.running = ds.running
    app = FastAPI(title="gangwei explorer", docs_url=None, redoc_url=None, openapi_url=None, lifespan=_ending)
    guard(app, host, token)
    known = measures.load(ds.codebook)
    files = [n for n, _ in ds.codebook.files() if n.endswith((".csv", ".toml", ".md"))]
    grammar = Grammar(ds, known, files, {"as_of": as_of or "", "lists": lists or ""})
    site = Site(app, ds, Gate(ds, seconds), known, grammar, Words(ds))
    finder, reader = search.Search(ds, TextIndex.open(ds)), Reader(ds)
    figures.add(site, other)
    profiles.add(site, reader)
    search.add(site, finder)
    papers.add(site)
    refusals(site)
    app.state.parts = (site, finder, reader)
    app.state.stop = explore_warm.start(site, finder, reader) if warm else None
    return app


@asynccontextmanager
async def _ending(app: FastAPI) -> AsyncIterator[None]:
    """Stop what runs in the background when the server ends."""
    yield
    if app.state.stop is not None:
        app.state.stop()


def without(request: Request, e: UnknownParameter) -> str:
    """The address that was asked for without what is unknown in it (a link through a messenger comes with parameters of its
    own); '' where nothing of it can be left out."""
    kind, _, key = e.what.partition(" of ")
    name = {"dimension": "by", "second dimension": "across"}.get(kind, key or e.given)
    asked = request.query_params.multi_items()
    held = [
        (k, v) for k, v in asked if k != name and not (k == "where" and (v == e.given or v.partition("=")[0] == name))
    ]
    return "" if len(held) == len(asked) else quote(request.url.path) + ("?" + urlencode(held) if held else "")


def refusals(site: Site) -> None:
    """Plain answers for what cannot be answered, in the format that was asked for."""
    app = site.app

    def say(request: Request, status: int, message: str, allowed: Sequence[str] = (), instead: str = "") -> Response:
        path = request.url.path
        as_data = path.rpartition(".")[2] in FORMATS and "." in path.rsplit("/", 1)[-1]
        if as_data or "application/json" in request.headers.get("accept", ""):
            body = {"error": message} | ({"allowed": list(allowed)} if status == 400 else {})
            return JSONResponse(body, status)
        lang = request.query_params.get("lang", LANGS[0])
        lang = lang if lang in LANGS else LANGS[0]
        shown = [a for a in allowed if a]
        values = {
            "message": message.partition("; allowed:")[0],
            "allowed": shown,
            "status": status,
            "instead": instead,
        }
        return Response(site.html("refused.j2", path, lang, [], values), status, media_type=FORMATS["html"])

    def lang_of(request: Request) -> str:
        return "zh" if request.query_params.get("lang") == "zh" else "en"

    def words(request: Request) -> dict[str, str]:
        return site.words.page[lang_of(request)]

    @app.exception_handler(UnknownParameter)
    async def unknown(request: Request, e: UnknownParameter) -> Response:
        return say(request, 400, site.words.speaker(lang_of(request)).unknown(e), e.allowed, without(request, e))

    @app.exception_handler(DatasetError)
    async def unreadable(request: Request, e: DatasetError) -> Response:
        return say(request, 500, str(e))

    @app.exception_handler(duckdb.Error)
    async def broken(request: Request, e: duckdb.Error) -> Response:
        return say(request, 500, words(request)["damaged"].format(what=str(e).splitlines()[0][:200]))

    @app.exception_handler(Exception)
    async def broke(request: Request, e: Exception) -> Response:
        return say(request, 500, words(request)["broke"].format(what=type(e).__name__))

    @app.exception_handler(OSError)
    async def gone(request: Request, e: OSError) -> Response:
        return say(request, 500, words(request)["damaged"].format(what=type(e).__name__))

    @app.exception_handler(Missing)
    async def missing(request: Request, e: Missing) -> Response:
        said = words(request)["nothing_named"].format(given=str(e.args[-1])[:40])
        return say(request, 404, said if lang_of(request) == "zh" else str(e.args[0]))

    @app.exception_handler(404)
    async def nowhere(request: Request, e: Exception) -> Response:
        return say(request, 404, words(request)["no_page"])

    @app.exception_handler(TooBusy)
    async def busy(request: Request, e: TooBusy) -> Response:
        return say(request, 503, words(request)["busy"])

    @app.exception_handler(TooSlow)
    async def slow(request: Request, e: TooSlow) -> Response:
        return say(request, 503, words(request)["too_slow"])


def index(directory: Path) -> dict[str, Any]:
    """Index the texts of all openings of a dataset; an index of the same build is kept.

    Raises:
        DatasetError: nothing readable there.
    """
    ds = Dataset.open(directory)
    found = TextIndex.open(ds)
    return found.facts if found is not None else build(ds)
