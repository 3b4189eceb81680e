"""What stands between a reader and the dataset: headers, the Host check, the token, and limits on time and number."""

from __future__ import annotations

import hmac
import ipaddress
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlencode

import duckdb
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from gangwei.frame.check import DatasetError
from gangwei.frame.dataset import Dataset

AT_ONCE = 4
SECONDS = 20.0
WAIT = 60.0
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class TooBusy(RuntimeError):
    """More questions at once than the explorer answers."""


class TooSlow(RuntimeError):
    """A question that was stopped at the time limit."""


@dataclass
class Running:
    """One question: the cursors it opened, and whether its time is over."""

    cursors: list[duckdb.DuckDBPyConnection] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def stop(self) -> None:
        """Interrupt what runs and let nothing further begin."""
        self.over.set()
        for cur in list(self.cursors):
            with suppress(duckdb.ConnectionException):  # closed: it has answered
                cur.interrupt()


@dataclass
class Watched(Dataset):
    """A dataset that knows the cursors of each running question (by thread), so that they can be stopped; a second dataset
    that the same questions read shares them."""

    running: dict[int, Running] = field(default_factory=dict)

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection for one thread, remembered while its question runs.

        Raises:
            TooSlow: the time of the question is over.
        """
        cur = super().cursor()
        if (running := self.running.get(threading.get_ident())) is not None:
            running.cursors.append(cur)
            if (
                running.over.is_set()
            ):  # asked last: a cursor that is not stopped is in the list when `stop` goes over it
                raise TooSlow
        return cur


class Gate:
    """At most `AT_ONCE` questions run; one that needs more than `seconds` is stopped."""

    def __init__(self, ds: Watched, seconds: float = SECONDS) -> None:
        self.ds, self.seconds, self.slots = ds, seconds, threading.BoundedSemaphore(AT_ONCE)

    @contextmanager
    def enter(self) -> Iterator[None]:
        """Wait for a slot, run, and stop at the limit.

        Raises:
            TooBusy: no slot within `WAIT` seconds. TooSlow: stopped.
        """
        if not self.slots.acquire(timeout=WAIT):
            raise TooBusy
        me, running = threading.get_ident(), Running()
        self.ds.running[me] = running
        timer = threading.Timer(self.seconds, running.stop)
        timer.daemon = True
        timer.start()
        try:
            yield
        except duckdb.Error:
            if running.over.is_set():
                raise TooSlow from None
            raise
        finally:
            timer.cancel()
            self.ds.running.pop(me, None)
            self.slots.release()


def is_loopback(host: str) -> bool:
    """True where only this machine can reach `host`."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_host(host: str, token: str | None) -> None:
    """Refuse a host beyond this machine without a token.

    Raises:
        DatasetError: no token.
    """
    if not is_loopback(host) and not token:
        raise DatasetError(f"--host {host} is reachable from other machines: give it a --token")


def host_name(header: str) -> str:
    """The name in a Host header, without its port."""
    return header[: header.find("]") + 1] if header.startswith("[") else header.split(":", 1)[0]


def guard(app: FastAPI, host: str, token: str | None) -> None:
    """Add the Host check (against DNS rebinding), the token and the security headers to `app`."""
    names = {host, "localhost", "127.0.0.1", "[::1]", "testserver"}

    @app.middleware("http")
    async def check(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        if token is None and host_name(request.headers.get("host") or "") not in names:
            return JSONResponse({"error": "this page answers only on this machine"}, 421, headers=HEADERS)
        shown = request.query_params.get("token")
        if token is not None:
            bearer = (request.headers.get("authorization") or "").removeprefix("Bearer ")
            sent = shown or request.cookies.get("gangwei") or bearer
            if not hmac.compare_digest(sent.encode(), token.encode()):
                message = "a token is needed: open /?token=… once, or send Authorization: Bearer …"
                return JSONResponse({"error": message}, 401, headers=HEADERS)
            if shown:
                rest = [(k, v) for k, v in request.query_params.multi_items() if k != "token"]
                request.scope["query_string"] = urlencode(rest).encode()
                request = Request(request.scope, request.receive)
        response = await call_next(request)
        for key, value in HEADERS.items():
            response.headers.setdefault(key, value)
        if token is not None and shown:
            response.set_cookie("gangwei", token, httponly=True, samesite="strict")
        return response
