"""The explorer: pages over one published dataset whose URL is the whole state.

Every parameter belongs to a closed vocabulary (an unknown one answers 400 and lists the allowed), every query is bound,
pages work without script, and nothing is fetched from elsewhere. The suffix of a path is its format.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import jinja2
import orjson
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from gangwei import explore_ads, explore_charts, measures, vocabulary
from gangwei.explore_guard import SECONDS, Gate, TooBusy, TooSlow, Watched, check_host, guard
from gangwei.frame import Dataset
from gangwei.labels import LANGS, Labels
from gangwei.release import neutral
from gangwei.vocabulary import UnknownParameter

PAGE_ROWS = 50
MAX_PAGE = 2_000
SHOWN_GROUPS = 60
COMMON = ("lang",)
QUESTION = ("by", "where", "as_of", "lists", *COMMON)
FORMATS = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "svg": "image/svg+xml",
}
STATIC = Path(__file__).parent / "static"
OVERVIEW = ("openings", "ai-openings", "ai-share", "defence-share", "surveillance-share", "city-top-share")


def _pairs(request: Request, allowed: tuple[str, ...]) -> dict[str, str]:
    """The query string as a dictionary; only `where` may repeat.

    Raises:
        UnknownParameter: a name outside `allowed`, or one given twice.
    """
    out: dict[str, str] = {}
    for key, value in request.query_params.multi_items():
        if key not in allowed:
            raise UnknownParameter("parameter", key, allowed)
        if key == "where":
            continue
        if key in out:
            raise UnknownParameter("parameter given twice", key, allowed)
        out[key] = value
    if out.get("lang", LANGS[0]) not in LANGS:
        raise UnknownParameter("value of lang", out["lang"], LANGS)
    return out


def _where(request: Request) -> dict[str, str]:
    """The filters: `where=key=value`, repeated, or `where=a=x;b=y`.

    Raises:
        UnknownParameter: not of that form, or a filter given twice.
    """
    out: dict[str, str] = {}
    for item in request.query_params.getlist("where"):
        for pair in filter(None, item.split(";")):
            key, sep, value = pair.partition("=")
            if not sep or key not in vocabulary.WHERE:
                raise UnknownParameter("filter", pair, (f"{k}=…" for k in vocabulary.WHERE))
            if key in out:
                raise UnknownParameter("filter given twice", key, vocabulary.WHERE)
            out[key] = value
    return out


def _number(text: str | None, what: str, low: int, high: int) -> int:
    if text is None:
        return low
    if not (text.isascii() and text.isdigit() and low <= int(text[:9]) <= high):
        raise UnknownParameter(f"value of {what}", text, (f"{low}..{high}",))
    return int(text)


def pairs_of(where: Mapping[str, str], without: str | None = None) -> list[str]:
    """Filters as values of `where`, in order, one left out on request."""
    return [f"{k}={v}" for k, v in sorted(where.items()) if k != without]


def wheres(result: measures.Result, without: str | None = None) -> list[str]:
    """The filters of a figure as values of `where`."""
    return pairs_of(result.where, without)


class Pages:
    """Renders templates in the reader's language."""

    def __init__(self, ds: Dataset) -> None:
        self.ds = ds
        self.words: dict[str, list[str]] = ds.codebook.toml("labels/explore.toml")
        loader = jinja2.PackageLoader("gangwei", "templates/explore")
        self.env = jinja2.Environment(
            loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
        )
        self.labels = {lang: Labels(ds, lang) for lang in LANGS}
        self.reasons = {r["id"]: (r["en"], r["zh"]) for r in ds.codebook.rows("reasons.csv")}

    def render(self, request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """One page."""
        lang = request.query_params.get("lang", "en")
        lang = lang if lang in LANGS else "en"
        side = LANGS.index(lang)
        other = LANGS[1 - side]
        query = [(k, v) for k, v in request.query_params.multi_items() if k != "lang"]

        def link(path: str, **change: Any) -> str:
            pairs = [
                (k, v)
                for k, vs in change.items()
                for v in (vs if isinstance(vs, list) else [vs])
                if v not in (None, "")
            ]
            if lang != "en" and not any(k == "lang" for k, _ in pairs):
                pairs.append(("lang", lang))
            return quote(path) + ("?" + urlencode(pairs) if pairs else "")

        def reason(code: str | None) -> str:
            """A reason code in words, with the code's context and section as they are."""
            base, _, where = (code or "").partition("@")
            stem, _, context = base.partition("/")
            found = self.reasons.get(stem)
            return "–" if not code else " · ".join(x for x in (found[side] if found else stem, context, where) if x)

        switch = quote(request.url.path) + "?" + urlencode([*query, ("lang", other)])
        html = self.env.get_template(template).render(
            w={k: v[side] for k, v in self.words.items()}, lang=lang, other=other, switch=switch, link=link,
            labels=self.labels[lang], ds=self.ds, path=request.url.path, wheres=wheres, pairs=pairs_of, reason=reason, **values,
        )  # fmt: skip
        return HTMLResponse(html, status)


def _export(result: measures.Result, suffix: str, svg: Callable[[], str]) -> Response:
    if suffix == "json":
        body = orjson.dumps(result.record(), option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY, default=str)
    elif suffix == "csv":
        body = b"\xef\xbb\xbf" + neutral(result.rows).write_csv().encode()
    elif suffix == "parquet":
        buffer = io.BytesIO()
        result.rows.write_parquet(buffer, compression="zstd")
        body = buffer.getvalue()
    else:
        body = svg().encode()
    name = f"{result.measure.id}.{suffix}"
    return Response(body, media_type=FORMATS[suffix], headers={"Content-Disposition": f'inline; filename="{name}"'})


def create(directory: Path, host: str = "127.0.0.1", token: str | None = None, seconds: float = SECONDS) -> FastAPI:
    """The application over the dataset in `directory`.

    Raises:
        DatasetError: nothing readable there, or a host beyond this machine without a token.
    """
    check_host(host, token)
    ds = Watched.open(directory)
    pages, gate, finder = Pages(ds), Gate(ds, seconds), explore_ads.Finder(ds)
    known = measures.load(ds.codebook)
    app = FastAPI(
        title="gangwei explorer", docs_url=None, redoc_url=None, version=str(ds.manifest.get("gangwei_version", ""))
    )
    guard(app, host, token)

    @lru_cache(maxsize=1024)
    def ask(
        measure_id: str,
        by: str | None,
        where: tuple[tuple[str, str], ...],
        as_of: str | None,
        lists: str | None,
        lang: str,
    ) -> measures.Result:
        with gate.enter():
            return measures.measure(ds, measure_id, by, dict(where), as_of=as_of, lists=lists, lang=lang)

    def question(
        measure_id: str, request: Request, extra: tuple[str, ...] = ()
    ) -> tuple[measures.Result, dict[str, str]]:
        given = _pairs(request, (*QUESTION, *extra))
        where = tuple(sorted(_where(request).items()))
        return ask(
            measure_id, given.get("by") or None, where, given.get("as_of"), given.get("lists"), given.get("lang", "en")
        ), given

    def wants_json(request: Request) -> bool:
        return request.url.path.rsplit(".", 1)[-1] in FORMATS or "application/json" in request.headers.get("accept", "")

    @app.exception_handler(UnknownParameter)
    async def unknown(request: Request, e: UnknownParameter) -> Response:
        if wants_json(request):
            return JSONResponse({"error": str(e), "allowed": list(e.allowed)}, 400)
        return pages.render(request, "refused.j2", 400, message=str(e), allowed=e.allowed)

    @app.exception_handler(explore_ads.Missing)
    async def missing(request: Request, e: explore_ads.Missing) -> Response:
        if wants_json(request):
            return JSONResponse({"error": str(e.args[0])}, 404)
        return pages.render(request, "refused.j2", 404, message=str(e.args[0]), allowed=())

    @app.exception_handler(TooBusy)
    async def busy(request: Request, e: TooBusy) -> Response:
        return pages.render(request, "refused.j2", 503, message=pages.words["busy"][0], allowed=())

    @app.exception_handler(TooSlow)
    async def slow(request: Request, e: TooSlow) -> Response:
        return pages.render(request, "refused.j2", 503, message=pages.words["too_slow"][0], allowed=())

    @app.exception_handler(404)
    async def nowhere(request: Request, e: Exception) -> Response:
        if wants_json(request):
            return JSONResponse({"error": "no such page"}, 404)
        return pages.render(request, "refused.j2", 404, message="no such page", allowed=())

    @app.get("/", response_class=HTMLResponse)
    def overview(request: Request) -> Response:
        given = _pairs(request, COMMON)
        lang = given.get("lang", "en")
        figures = [ask(m, None, (), None, None, lang) for m in OVERVIEW if m in known]
        provinces = ask("ai-share", "province", (), None, None, lang)
        cities = ask("ai-openings", "city", (), None, None, lang)
        chart = explore_charts.map_of(
            provinces, pages.labels[lang], lambda i: f"/regions/{i}" + (f"?lang={lang}" if lang != "en" else "")
        )
        return pages.render(request, "overview.j2", figures=figures, provinces=provinces, cities=cities, chart=chart)

    @app.get("/measures", response_class=HTMLResponse)
    def listing(request: Request) -> Response:
        _pairs(request, COMMON)
        return pages.render(request, "measures.j2", known=known)

    @app.get("/m/{measure_id}/ads", response_class=HTMLResponse)
    def behind(measure_id: str, request: Request) -> Response:
        given = _pairs(request, (*QUESTION, "group", "page"))
        page = _number(given.get("page"), "page", 1, MAX_PAGE)
        where = _where(request)
        with gate.enter():
            total, rows = measures.ads_behind(
                ds, measure_id, given.get("by") or None, given.get("group"), where, limit=PAGE_ROWS,
                offset=(page - 1) * PAGE_ROWS, as_of=given.get("as_of"), lists=given.get("lists"),
            )  # fmt: skip
        return pages.render(
            request, "ads.j2", measure=known[measure_id], total=total, rows=rows.to_dicts(), page=page,
            pages=max(1, -(-total // PAGE_ROWS)), given=given, where=where,
        )  # fmt: skip

    @app.get("/m/{name}")
    def figure(name: str, request: Request) -> Response:
        stem, _, suffix = name.rpartition(".")
        measure_id = stem if stem and suffix in FORMATS else name
        if measure_id not in known:
            raise explore_ads.Missing(f"no measure {measure_id[:60]!r}; /measures lists them")
        result, given = question(measure_id, request)
        lang = given.get("lang", "en")

        def href(group: str) -> str:
            pairs = [("where", f"{k}={v}") for k, v in sorted(result.where.items())]
            if result.by in vocabulary.WHERE and result.by not in result.where:
                pairs.append(("where", f"{result.by}={group}"))
            return f"/m/{measure_id}?" + urlencode(pairs + ([("lang", lang)] if lang != "en" else []))

        def svg() -> str:
            if result.by == "province":
                return explore_charts.map_of(result, pages.labels[lang], href)
            return explore_charts.dots(result, pages.labels[lang], href) if result.by else ""

        if suffix in FORMATS and stem:
            return _export(result, suffix, svg)
        rows = result.rows.head(500).to_dicts()
        return pages.render(request, "measure.j2", r=result, rows=rows, chart=svg(), known=known, given=given, href=href,
                            by_options=vocabulary.BY, where_options=vocabulary.WHERE, choices=lambda k: vocabulary.allowed(ds, k)[:400])  # fmt: skip

    @app.get("/compare", response_class=HTMLResponse)
    def compare(request: Request) -> Response:
        given = _pairs(request, ("measure", "by", "left", "right", *COMMON))
        measure_id = given.get("measure", "ai-share")
        sides = [given.get("left", "strict"), given.get("right", "related")]
        lang = given.get("lang", "en")
        found = [ask(measure_id, given.get("by") or None, (("definition", s),), None, None, lang) for s in sides]
        return pages.render(
            request, "compare.j2", found=found, sides=sides, known=known, given=given, by_options=vocabulary.BY
        )

    @app.get("/search", response_class=HTMLResponse)
    def search(request: Request) -> Response:
        given = _pairs(request, ("q", "in", "page", *COMMON))
        page = _number(given.get("page"), "page", 1, MAX_PAGE)
        kind = given.get("in", "title")
        if kind not in explore_ads.KINDS:
            raise UnknownParameter("value of in", kind, explore_ads.KINDS)
        words = given.get("q", "").strip()[:80]
        with gate.enter():
            total, rows = finder.search(words, kind, PAGE_ROWS, (page - 1) * PAGE_ROWS) if words else (0, [])
        return pages.render(request, "search.j2", q=words, kind=kind, kinds=explore_ads.KINDS, total=total, rows=rows, page=page,
                            pages=max(1, -(-total // PAGE_ROWS)))  # fmt: skip

    @app.get("/ads/{ad_id}")
    def one_ad(ad_id: str, request: Request) -> Response:
        _pairs(request, COMMON)
        as_json = ad_id.endswith(".json")
        with gate.enter():
            found = finder.ad(ad_id.removesuffix(".json"))
        if as_json:
            return Response(orjson.dumps(found, default=str, option=orjson.OPT_INDENT_2), media_type=FORMATS["json"])
        return pages.render(request, "ad.j2", a=found)

    @app.get("/regions/{adcode}", response_class=HTMLResponse)
    def region(adcode: str, request: Request) -> Response:
        given = _pairs(request, COMMON)
        if not adcode.isdigit() or int(adcode) not in ds.places:
            raise explore_ads.Missing(f"no region {adcode[:20]!r}")
        level = 2 if int(adcode) in vocabulary.MUNICIPAL else ds.places[int(adcode)].level
        dim = {1: "province", 2: "city", 3: "county"}[level]
        return profile(request, given, dim, adcode, pages.labels[given.get("lang", "en")].place(adcode))

    @app.get("/employers/{employer_id}", response_class=HTMLResponse)
    def employer(employer_id: str, request: Request) -> Response:
        given = _pairs(request, COMMON)
        found = finder.employer(employer_id)
        return profile(request, given, "employer", employer_id, found["name"], employer=found)

    @app.get("/occupations/{code}", response_class=HTMLResponse)
    def occupation(code: str, request: Request) -> Response:
        given = _pairs(request, COMMON)
        if code not in ds.open_values["occupation"]:
            raise explore_ads.Missing(f"no occupation {code[:20]!r} in this dataset")
        return profile(
            request, given, "occupation", code, pages.labels[given.get("lang", "en")].code("occupation", code)
        )

    def profile(
        request: Request, given: Mapping[str, str], dim: str, value: str, name: str, employer: Any = None
    ) -> Response:
        lang, where = given.get("lang", "en"), ((dim, value),)
        figures = [ask(m, None, where, None, None, lang) for m in ("openings", "ai-openings", "ai-share")]
        mixes = [
            ask("ai-mix", by, where, None, None, lang)
            for by in ("tier", "role", "subfield", "education", "board")
            if by != dim
        ]
        total, rows = measures.ads_behind(ds, "ai-openings", None, None, dict(where), limit=20)
        return pages.render(request, "profile.j2", dim=dim, value=value, name=name, figures=figures, mixes=mixes, total=total,
                            rows=rows.to_dicts(), employer=employer)  # fmt: skip

    @app.get("/definitions", response_class=HTMLResponse)
    def definitions(request: Request) -> Response:
        given = _pairs(request, ("file", "page", *COMMON))
        names = [n for n, _ in ds.codebook.files() if n.endswith((".csv", ".toml", ".md"))]
        shown: list[dict[str, str]] = []
        text = ""
        page = _number(given.get("page"), "page", 1, MAX_PAGE)
        if name := given.get("file"):
            if name not in names:
                raise UnknownParameter("value of file", name, names)
            if name.endswith(".csv"):
                shown = ds.codebook.rows(name)
            else:
                text = ds.codebook.path(name).read_text("utf-8")
        start = (page - 1) * 200
        return pages.render(request, "definitions.j2", names=names, file=given.get("file"), rows=shown[start : start + 200], text=text,
                            total=len(shown), page=page, pages=max(1, -(-len(shown) // 200)))  # fmt: skip

    @app.get("/method", response_class=HTMLResponse)
    def method(request: Request) -> Response:
        _pairs(request, COMMON)
        return pages.render(request, "method.j2", known=known)

    @app.get("/quality", response_class=HTMLResponse)
    def quality(request: Request) -> Response:
        _pairs(request, COMMON)
        return pages.render(request, "quality.j2", manifest=ds.manifest)

    @app.get("/static/{name}")
    def static(name: str) -> Response:
        if name not in ("explore.css",):
            raise explore_ads.Missing("no such file")
        return Response((STATIC / name).read_bytes(), media_type="text/css", headers={"Cache-Control": "max-age=3600"})

    return app


def serve(directory: Path, port: int, host: str = "127.0.0.1", token: str | None = None) -> None:
    """Serve until stopped."""
    import uvicorn

    uvicorn.run(create(directory, host, token), host=host, port=port, log_level="warning", server_header=False)
