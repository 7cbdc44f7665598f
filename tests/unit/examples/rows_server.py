"""Stands in for the recorder: answers with the bytes that a test wants, then closes."""

import json
import socketserver
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

HEAD = b"HTTP/1.1 %s\r\nContent-Type: %s\r\n"
ROWS = HEAD % (b"200 OK", b"application/x-ndjson")
HANG_UP = b""


class RowsServer(socketserver.ThreadingTCPServer):
    """Answers each request by the next of `answers`."""

    daemon_threads = True

    def __init__(self, answers: Iterable[bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = list(answers)
        self.seen: list[bytes] = []
        """Heads of the requests."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/rows"


class Handler(socketserver.StreamRequestHandler):
    server: RowsServer

    def handle(self) -> None:
        self.server.seen.append(b"".join(iter(self.rfile.readline, b"\r\n")))
        self.wfile.write(self.server.answers.pop(0))


@contextmanager
def answering(*answers: bytes) -> Iterator[RowsServer]:
    with RowsServer(answers) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def as_lines(rows: Iterable[Any]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def chunked(*portions: bytes) -> bytes:
    """Rows as the recorder sends them, each portion as a chunk."""
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in portions if each)
    return ROWS + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"


def refusal(status: bytes, reason: str, message: str = "no", more: bytes = b"") -> bytes:
    """An error as the recorder tells it."""
    body = json.dumps({"reason": reason, "message": message}).encode()
    head = HEAD % (status, b"application/json") + more
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body
