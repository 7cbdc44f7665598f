"""HTTP: routes, JSON errors, keep-alive, and a stop that loses no request."""

import contextlib
import json
import sys
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SHUT_WR
from typing import Any, cast

from server.body import announced_length, read_body
from server.connections import Connections
from server.log import log
from server.model import LinearModel
from server.payload import predict
from server.refusal import RefusalError
from server.settings import Settings

_IDLE_TIMEOUT = 3900.0
"""Seconds a connection may stay unused: longer than the hour that proxies keep theirs, so that it
is they who close first and no request meets a closing connection."""

_REQUEST_TIMEOUT = 30.0
"""Seconds that a client may pause in the middle of a request."""

_DISCARD_BYTES, _DISCARD_TIMEOUT = 8 * 1024 * 1024, 2.0
"""How much of a refused body is still taken in, so that its sender gets to read why."""

_METHODS = {"/predict": ("POST",), "/healthz": ("GET", "HEAD"), "/livez": ("GET", "HEAD")}


class ModelServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # drain waits, with a bound
    request_queue_size = 128

    def __init__(self, settings: Settings, model: LinearModel) -> None:
        self.settings = settings
        self.model = model
        self.connections = Connections()
        self.draining = threading.Event()
        self._none_waiting = False
        super().__init__((settings.host, settings.port), Handler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def server_bind(self) -> None:
        super(ThreadingHTTPServer, self).server_bind()  # no reverse look-up of the own name

    def drain(self) -> int:
        """Stop without losing a request, once `draining` is set; return the number of connections
        that were cut off.

        Callers may not know yet that this server is leaving. So for a while it accepts as before,
        and asks each caller by `Connection: close` to go elsewhere. A connection is closed only
        once it has been silent for that while: a request can hardly be on its way then.
        """
        quiet = self.settings.drain_quiet_seconds
        deadline = time.monotonic() + self.settings.drain_limit_seconds
        time.sleep(min(quiet, self.settings.drain_limit_seconds))
        self.shutdown()
        self._accept_those_waiting()
        self.server_close()
        return self.connections.close_as_they_fall_silent(quiet, deadline)

    def _accept_those_waiting(self) -> None:
        self.timeout = 0
        while not self._none_waiting:
            self.handle_request()

    def handle_timeout(self) -> None:
        self._none_waiting = True

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.opened(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        self.connections.closed(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exception()
        if not isinstance(error, ConnectionError):  # a caller that went away is no error of ours
            log("error", "connection failed", reason=repr(error))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.0"  # even the malformed gets a status line
    timeout = _IDLE_TIMEOUT
    wbufsize = -1  # headers and body leave in one packet
    disable_nagle_algorithm = True

    @property
    def _model_server(self) -> ModelServer:
        return cast("ModelServer", self.server)

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        finally:
            self.connection.settimeout(_IDLE_TIMEOUT)
            self._model_server.connections.idle(self.connection)

    def parse_request(self) -> bool:
        # The request's first line has just been read.
        self._model_server.connections.busy(self.connection)
        self.connection.settimeout(_REQUEST_TIMEOUT)
        return super().parse_request()

    def handle_expect_100(self) -> bool:
        try:
            announced_length(self.headers)
        except RefusalError as refusal:
            self._refuse(refusal)
            return False
        super().handle_expect_100()
        self.wfile.flush()
        return True

    def _handle(self) -> None:
        try:
            body = read_body(self.headers, self.rfile)
            self._answer(200, self._route(body))
        except RefusalError as refusal:
            self._refuse(refusal)
        except (ConnectionError, TimeoutError):
            raise
        except Exception as error:  # the caller gets an answer, the log the reason
            log("error", "request failed", path=self.path, reason=repr(error))
            self._answer(500, {"error": "the server failed", "hint": "its log says why"})

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _handle  # noqa: N815

    def _route(self, body: bytes) -> Mapping[str, object]:
        path = self.path.partition("?")[0]
        allowed = _METHODS.get(path)
        if allowed is None:
            hint = "POST /predict, GET /healthz or GET /livez"
            raise RefusalError(404, f"there is no {path} here", hint)
        if self.command not in allowed:
            raise RefusalError(
                405,
                f"{self.command} does not work on {path}",
                f"use {allowed[0]}",
                {"Allow": ", ".join(allowed)},
            )
        model = self._model_server.model
        if path == "/predict":
            _burn(self._model_server.settings.burn_ms)
            return predict(model, body)
        # Also while draining: Kubernetes has taken a leaving pod out of the Service by then, and
        # falls back to leaving pods that are still ready when there is no other.
        return {"status": "ok", "version": model.version}

    def _refuse(self, refusal: RefusalError) -> None:
        self.close_connection = self.close_connection or refusal.closes
        document = {"error": refusal.error, "hint": refusal.hint}
        self._answer(refusal.status, document, refusal.headers)
        if refusal.closes:
            self._discard_rest()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the standard library itself refuses: a malformed request line, endless headers."""
        hint = explain or "send an HTTP/1.1 request"
        self._refuse(RefusalError(code, message or "malformed request", hint, closes=True))

    def _answer(
        self, status: int, document: Mapping[str, object], headers: Mapping[str, str] | None = None
    ) -> None:
        content = json.dumps(document).encode() + b"\n"
        if self._model_server.draining.is_set():
            self.close_connection = True
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        self.wfile.flush()

    def _discard_rest(self) -> None:
        # Closing with unread bytes would reset the connection before the answer is read.
        left = _DISCARD_BYTES
        with contextlib.suppress(OSError):
            self.connection.shutdown(SHUT_WR)
            self.connection.settimeout(_DISCARD_TIMEOUT)
            while left > 0 and (data := self.rfile.read1(65536)):
                left -= len(data)

    def version_string(self) -> str:
        return "breast-cancer"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        if self._model_server.settings.log_requests:
            log("info", "request", method=self.command, path=self.path, status=int(code))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """The standard library's own lines: dropped, an idle connection's time-out is no event."""


def _burn(milliseconds: float) -> None:
    """Use so much CPU time: BURN_MS makes a heavy model out of this light one."""
    until = time.thread_time() + milliseconds / 1000
    while time.thread_time() < until:
        pass
