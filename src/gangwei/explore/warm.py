"""What the explorer makes ready while its first readers look around: tables of search and the unfiltered pages.

Runs once in the background, one step at a time; a step that fails leaves the explorer as it was.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import duckdb

from gangwei.explore import rows
from gangwei.explore.ads import Reader
from gangwei.explore.guard import Running, TooSlow
from gangwei.explore.profiles import CARDS
from gangwei.explore.rows import behind
from gangwei.explore.search import NEEDS, Search
from gangwei.explore.site import Site
from gangwei.frame.codes import FLAGS_BY_ROW
from gangwei.frame.columns import CODES, FLAGS, OPEN_CODES
from gangwei.frame.dataset import FACT
from gangwei.labels import LANGS

log = logging.getLogger("gangwei.explore")
COLUMNS = (
    *CODES,
    *OPEN_CODES,
    *FLAGS,
    *FLAGS_BY_ROW,
    "missing_mask",
    "subfield_mask",
    "sector_mask",
    "board_mask",
    "adcode",
    "province",
    "month_no",
    "year_no",
    "w",
    "is_first",
)
STOPPING = 20.0  # seconds
FIRST = ("openings", "ai-openings", "ai-share", "defence-share", "surveillance-share", "city-top-share")


def start(site: Site, finder: Search, reader: Reader) -> Callable[[], None]:
    """Begin in a thread that does not keep the program alive.

    Returns:
        What stops it and waits for its end: a program must not end while a thread is inside a native library.
    """
    running = Running()

    def work() -> None:
        site.ds.running[threading.get_ident()] = running
        with suppress(TooSlow):
            run(site, finder, reader)

    thread = threading.Thread(target=work, name="warm", daemon=True)
    thread.start()

    def stop() -> None:
        running.stop()
        thread.join(STOPPING)

    return stop


def steps(site: Site, finder: Search, reader: Reader) -> list[tuple[str, Callable[[], object]]]:
    """Named steps, the most wanted first."""

    def figure(measure_id: str, by: str | None, lang: str) -> Callable[[], object]:
        return lambda: site.ask(measure_id, by, (), None, None, lang)

    out: list[tuple[str, Callable[[], object]]] = [
        (f"figure {m}", figure(m, None, "en")) for m in FIRST if m in site.known
    ]
    out += [
        (f"figure {m} by {b}", figure(m, b, lang))
        for lang in LANGS
        for m, b in (("ai-share", "province"), ("ai-openings", "city"))
    ]
    out += [(f"search {k}", lambda k=k: finder.prepare(k)) for k in NEEDS]  # type: ignore[misc]
    out += [(f"first search {k}", lambda k=k: finder.search("ai", k, 1, 0)) for k in NEEDS]  # type: ignore[misc]
    out += [
        ("employers", lambda: site.ds.employers),
        ("ads by number", reader.prepare),
        ("lists of ads", lambda: rows.prepare(site.ds)),
    ]
    out += [(f"column {c}", lambda c=c: _column(site, c)) for c in COLUMNS]  # type: ignore[misc]
    out += [
        (f"figure location-quotient by {b}", figure("location-quotient", b, lang))
        for lang in LANGS
        for b in ("province", "city")
        if "location-quotient" in site.known
    ]
    out.append(("first employer", lambda: _employer(site)))
    out += [(f"figure {m.id}", figure(m.id, m.default_by, lang)) for lang in LANGS for m in site.known.values()]
    return out


def _employer(site: Site) -> None:
    """What the page of any employer waits for."""
    for (one,) in site.ds.rows("SELECT employer_id FROM employers LIMIT 1"):
        for m in (m for m in CARDS if m in site.known):
            site.ask(m, None, (("employer", one),), None, None, LANGS[0])
        behind(site.ds, "ai-openings", None, None, {"employer": one}, limit=1)


def _column(site: Site, name: str) -> None:
    if name in FLAGS_BY_ROW:
        site.ds.need_texts()
        site.ds.skills()
    for table in (FACT, site.ds.fact("opening", ai=True), site.ds.fact("ad")):
        codes = site.ds.codes(table)
        if codes.rows >= site.ds.codes_from:
            codes.column(name)


def run(site: Site, finder: Search, reader: Reader) -> dict[str, float]:
    """Run all steps; returns the seconds of each."""
    took: dict[str, float] = {}
    for name, step in steps(site, finder, reader):
        begun = time.monotonic()
        try:
            step()
        except (duckdb.Error, ValueError, MemoryError) as e:
            if isinstance(e, duckdb.InterruptException):
                return took
            log.warning("not prepared: %s (%s)", name, str(e).splitlines()[0] if str(e) else type(e).__name__)
        took[name] = time.monotonic() - begun
    return took
