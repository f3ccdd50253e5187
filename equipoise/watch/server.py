"""A page on this machine that follows records and studies: server-sent events, read-only, for who has the token.

It listens on the loopback address alone, answers GET alone, and only under a path that begins with a random token.
Requests that name another host are refused, so no page of the web can ask through the reader's browser.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from equipoise.watch.snapshot import Cache, look
from hw_profiles.errors import InputError

__all__ = ["WatchServer"]

HOST = "127.0.0.1"
BEAT_S = 10.0  #: a sign of life where nothing changes
HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "connect-src 'self'",
}


class WatchServer:
    """Serves `look` at ``paths``.

    Args:
        paths: records, studies, folders of them.
        port: 0 takes a free one.
        every: seconds between two looks.

    Raises:
        InputError: the port is taken.

    Attributes:
        url: where the page is, token included.
    """

    def __init__(self, paths: Sequence[Path], *, port: int = 0, every: float = 1.0) -> None:
        self.paths, self.every, self.token = tuple(paths), every, secrets.token_urlsafe(16)
        self._cache, self._lock, self._over = Cache(), threading.Lock(), threading.Event()
        watch = self

        class Handler(_Handler):
            owner = watch

        try:
            self._server = ThreadingHTTPServer((HOST, port), Handler)
        except OSError as error:
            raise InputError(f"port {port} cannot be used: {error.strerror or error}; leave --port out") from None
        self._server.daemon_threads = True
        self.url = f"http://{HOST}:{self._server.server_address[1]}/{self.token}/"

    def snapshot(self) -> list[dict[str, Any]]:
        """Everything that is seen now, as JSON takes it."""
        with self._lock:
            return [seen.plain() for seen in look(self.paths, self._cache)]

    def serve(self) -> None:
        """Serve until `close`, or an interruption."""
        self._server.serve_forever(poll_interval=0.2)

    def close(self) -> None:
        """Stop; the port is free when this returns."""
        self._over.set()
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    owner: WatchServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        host = (self.headers.get("Host") or "").rpartition(":")[0]
        inside = f"/{self.owner.token}/"
        if host not in (HOST, "localhost") or not secrets.compare_digest(self.path[: len(inside)], inside):
            self._say(404, "text/plain", b"nothing here\n")
        elif self.path == inside:
            self._say(200, "text/html; charset=utf-8", (Path(__file__).parent / "page.html").read_bytes())
        elif self.path == inside + "now":
            self._say(200, "application/json", json.dumps(self.owner.snapshot()).encode())
        elif self.path == inside + "events":
            self._follow()
        else:
            self._say(404, "text/plain", b"nothing here\n")

    def _say(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **HEADERS}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _follow(self) -> None:
        """One event with everything, whenever something changed."""
        self.send_response(200)
        for name, value in {"Content-Type": "text/event-stream", "Connection": "close", **HEADERS}.items():
            self.send_header(name, value)
        self.end_headers()
        said, last = "", 0.0
        try:
            while not self.owner._over.is_set():
                text = json.dumps(self.owner.snapshot())
                now = time.monotonic()
                if text != said:
                    self.wfile.write(f"data: {text}\n\n".encode())
                    said, last = text, now
                elif now - last > BEAT_S:
                    self.wfile.write(b": still here\n\n")
                    last = now
                self.wfile.flush()
                self.owner._over.wait(self.owner.every)
        except OSError:  # the reader has gone
            return

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing: the terminal belongs to its user."""
