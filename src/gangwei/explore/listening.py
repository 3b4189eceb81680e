"""The address that a local page answers on: taken before anything is made ready, so that a mistake costs no wait."""

from __future__ import annotations

import socket
from contextlib import suppress

import uvicorn
from fastapi import FastAPI

from gangwei.explore.guard import check_host
from gangwei.frame.check import DatasetError


def listen(host: str, port: int, token: str | None) -> socket.socket:
    """A socket that listens there.

    Raises:
        DatasetError: a host beyond this machine without a token; no such host; the port is taken or not allowed.
    """
    check_host(host, token)
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except (OSError, UnicodeError) as e:
        why = getattr(e, "strerror", None) or "no such host"
        raise DatasetError(f"cannot listen on {host} port {port} ({why}); choose another --port or --host") from None


def serve(app: FastAPI, on: socket.socket) -> None:
    """Serve until stopped."""
    with suppress(KeyboardInterrupt):  # Ctrl-C is how it is stopped
        uvicorn.Server(uvicorn.Config(app, log_level="warning", server_header=False)).run(sockets=[on])
