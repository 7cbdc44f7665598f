"""Challengers that do what a challenger must not: each a few lines of Python in the example image.

They answer in the form of the example model, so that the same callers can ask them.
"""

from typing import Any

from tests.e2e.models import PYTHON

_SERVER = """
import http.server, json, os, socketserver, sys, threading, time

asked = 0

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(200, {{}})

    def do_POST(self):
        global asked
        asked += 1
        {before_body}
        self.rfile.read(int(self.headers.get("content-length") or 0))
        status = 200
        {behave}
        self.answer(status, {{"version": "{version}", "predictions": [0]}})

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *words):
        pass

class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128

Server(("", 8080), Handler).serve_forever()
"""


def _model(version: str, *, behave: str = "pass", before_body: str = "pass") -> dict[str, Any]:
    program = _SERVER.format(version=version, behave=behave, before_body=before_body)
    return {"version": version, "command": [PYTHON, "-c", program]}


def good(version: str) -> dict[str, Any]:
    """Return a model that answers."""
    return _model(version)


def erring(version: str, one_of: int) -> dict[str, Any]:
    """Return a model of which one in so many answers is a 500."""
    return _model(version, behave=f"status = 500 if asked % {one_of} == 0 else 200")


def turning_bad(version: str, moment: float) -> dict[str, Any]:
    """Return a model of which each answer is a 500 from a moment on, in seconds since 1970."""
    return _model(version, behave=f"status = 500 if time.time() >= {moment} else 200")


def slow(version: str, seconds: float) -> dict[str, Any]:
    """Return a model that takes its time."""
    return _model(version, behave=f"time.sleep({seconds})")


def crashing(version: str, after: int) -> dict[str, Any]:
    """Return a model whose process dies at each so many-th request."""
    return _model(version, behave=f"asked < {after} or os._exit(1)")


def deaf(version: str) -> dict[str, Any]:
    """Return a model that accepts requests and never reads their bodies."""
    return _model(version, before_body="time.sleep(3600)")
