"""What all pages of the explorer share: one dataset, one way to ask it, one way from a view to HTML, JSON, CSV, Parquet, SVG, Vega-Lite.

A page is a function from a checked request (`Asked`) to a `View`. The suffix of the path is the format. Finished answers
are kept by their address: the data never change while the explorer runs.
"""

from __future__ import annotations

import io
import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlencode

import jinja2
import orjson
import polars as pl
from fastapi import FastAPI, Request
from fastapi.responses import Response

from gangwei import measures
from gangwei.explore.guard import Gate, Watched
from gangwei.explore.query import COMMON, Asked, Grammar, pairs_of
from gangwei.explore.words import Words
from gangwei.labels import LANGS
from gangwei.spreadsheet import neutral
from gangwei.tongue import bdi, tongue, tongues

FORMATS = {
    "html": "text/html; charset=utf-8",
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "svg": "image/svg+xml",
    "vl": "application/vnd.vegalite.v5+json",
}
KEPT_BYTES = 96 << 20


class Missing(Exception):
    """Nothing of that name in this dataset: what to say in English, and the name."""


@dataclass(frozen=True)
class View:
    """What a page shows: a template with its values, and the same as data, rows or a chart where the path offers them."""

    template: str
    values: Mapping[str, Any]
    data: Callable[[], Any] | None = None
    rows: Callable[[], pl.DataFrame] | None = None
    svg: Callable[[], str] | None = None
    spec: Callable[[], Any] | None = None
    name: str = "gangwei"


@dataclass(frozen=True)
class Route:
    """One kind of page as OpenAPI describes it."""

    path: str
    suffixes: tuple[str, ...]
    query: tuple[str, ...]
    said: str
    parts: Mapping[str, Mapping[str, Any]]


def plain(value: Any) -> Any:
    """A value as JSON holds it: no NaN."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


class Kept:
    """Finished answers by address, the least used dropped beyond `KEPT_BYTES`."""

    def __init__(self) -> None:
        self.lock, self.size = threading.Lock(), 0
        self.answers: OrderedDict[str, tuple[bytes, str, dict[str, str]]] = OrderedDict()

    def get(self, key: str) -> Response | None:
        """The answer for an address, if kept."""
        with self.lock:
            found = self.answers.get(key)
            if found is not None:
                self.answers.move_to_end(key)
        return Response(found[0], media_type=found[1], headers=found[2]) if found else None

    def put(self, key: str, body: bytes, media: str, headers: dict[str, str]) -> None:
        """Keep an answer."""
        with self.lock:
            if key not in self.answers and len(body) < KEPT_BYTES // 8:
                self.answers[key] = (body, media, headers)
                self.size += len(body)
                while self.size > KEPT_BYTES:
                    self.size -= len(self.answers.popitem(last=False)[1][0])


@dataclass
class Site:
    """The explorer over one dataset."""

    app: FastAPI
    ds: Watched
    gate: Gate
    known: dict[str, measures.Measure]
    grammar: Grammar
    words: Words
    routes: list[Route] = field(default_factory=list)
    kept: Kept = field(default_factory=Kept)

    def __post_init__(self) -> None:
        self.ask = lru_cache(maxsize=2048)(self._ask)
        self.env = jinja2.Environment(
            loader=jinja2.PackageLoader("gangwei", "templates/explore"), autoescape=True, trim_blocks=True,
            lstrip_blocks=True, undefined=jinja2.StrictUndefined,
        )  # fmt: skip
        self.env.filters.update(tongue=tongue, tongues=tongues)
        self.env.globals["bdi"] = bdi

    def _ask(
        self, measure_id: str, by: str | None, where: tuple[tuple[str, str], ...], as_of: str | None, lists: str | None,
        lang: str,
    ) -> measures.Result:  # fmt: skip
        return measures.measure(self.ds, measure_id, by, dict(where), as_of=as_of, lists=lists, lang=lang)

    def figure(
        self, measure_id: str, asked: Asked, by: str | None = None, where: Mapping[str, str] | None = None
    ) -> measures.Result:
        """A figure in the language of a request, on its as-of date and lists."""
        filters = tuple(sorted((asked.where if where is None else where).items()))
        given = asked.given
        return self.ask(measure_id, by, filters, given.get("as_of") or None, given.get("lists") or None, asked.lang)

    def measure(self, asked: Asked) -> measures.Measure:
        """The measure that the path of a request names.

        Raises:
            Missing: no such measure.
        """
        name = asked.parts["measure_id"]
        if name not in self.known:
            raise Missing(f"no measure {name[:60]!r}; /measures lists them", name)
        return self.known[name]

    def get(
        self, path: str, said: str, *, suffixes: tuple[str, ...] = ("html",), query: tuple[str, ...] = COMMON,
        parts: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Callable[[Callable[[Asked], View]], Callable[[Asked], View]]:  # fmt: skip
        """Register a page under `path`; its last part may carry a suffix of `suffixes`."""
        self.routes.append(Route(path, suffixes, query, said, parts or {}))

        def add(page: Callable[[Asked], View]) -> Callable[[Asked], View]:
            def endpoint(request: Request) -> Response:
                return self.answer(request, page, suffixes, query)

            stem = "/overview" if path == "/" else path
            paths = [path] if path.endswith("}") else [path, *(f"{stem}.{s}" for s in suffixes if s != "html")]
            for p in paths:
                self.app.add_api_route(
                    p, endpoint, methods=["GET", "HEAD"], include_in_schema=False, response_model=None
                )
            return page

        return add

    def answer(
        self, request: Request, page: Callable[[Asked], View], suffixes: tuple[str, ...], query: tuple[str, ...]
    ) -> Response:
        """Check the request, ask within the limits, and write the answer in the format of the suffix."""
        key = request.url.path + "?" + urlencode(sorted(request.query_params.multi_items()))
        if (kept := self.kept.get(key)) is not None:
            return kept
        _, dot, suffix = request.url.path.rpartition(".")
        suffix = suffix if dot and suffix in suffixes and suffix != "html" else "html"
        parts = {k: v.removesuffix(f".{suffix}") for k, v in request.path_params.items()}
        asked = self.grammar.read(request, query, parts, suffix)
        with self.gate.enter():
            view = page(asked)
            body = self._write(view, asked)
        headers = {} if suffix == "html" else {"Content-Disposition": f'inline; filename="{view.name}.{suffix}"'}
        self.kept.put(key, body, FORMATS[suffix], headers)
        return Response(body, media_type=FORMATS[suffix], headers=headers)

    def _write(self, view: View, asked: Asked) -> bytes:
        if asked.suffix == "json" and view.data is not None:
            return orjson.dumps(view.data(), option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY, default=str)
        if asked.suffix == "csv" and view.rows is not None:
            return b"\xef\xbb\xbf" + neutral(view.rows()).write_csv().encode()
        if asked.suffix == "parquet" and view.rows is not None:
            buffer = io.BytesIO()
            view.rows().write_parquet(buffer, compression="zstd")
            return buffer.getvalue()
        if asked.suffix == "vl" and view.spec is not None:
            return orjson.dumps(view.spec(), option=orjson.OPT_INDENT_2)
        if asked.suffix == "svg" and view.svg is not None:
            return view.svg().encode()
        return self.html(view.template, asked.path, asked.lang, asked.query, view.values).encode()

    def html(
        self, template: str, path: str, lang: str, query: Sequence[tuple[str, str]], values: Mapping[str, Any]
    ) -> str:
        """One page in one language."""
        other = LANGS[1 - LANGS.index(lang)]

        def link(to: str, **change: Any) -> str:
            """Address of a page with parameters; empty ones are left out, the language goes along."""
            pairs = [
                (k, v)
                for k, vs in change.items()
                for v in (vs if isinstance(vs, list) else [vs])
                if v not in (None, "")
            ]
            if lang != LANGS[0] and not any(k == "lang" for k, _ in pairs):
                pairs.append(("lang", lang))
            return quote(to) + ("?" + urlencode(pairs) if pairs else "")

        kept = [(k, v) for k, v in query if k != "lang"]
        as_of = dict(query).get("as_of", self.grammar.standing.get("as_of")) or self.ds.as_of
        switch = quote(path) + "?" + urlencode([*kept, ("lang", other)])
        return self.env.get_template(template).render(
            w=self.words.page[lang], lang=lang, other=other, switch=switch, link=link, labels=self.words.labels[lang],
            ds=self.ds, as_of=as_of, path=path, pairs=pairs_of, say=self.words.speaker(lang), **values,
        )  # fmt: skip
