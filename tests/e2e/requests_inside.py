"""Sends the requests of its standard input from inside the node's network, and prints the answers.

A JSON array of {method, url, headers, body} comes in, one of {status, headers, body} goes out, in
the same order. Bodies are text. Runs with the standard library only.
"""

import errno
import http.client
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

SIDE_BY_SIDE = 8
PATIENCE = 60.0
NO_WAY_IN = {errno.ECONNREFUSED, errno.EHOSTUNREACH}


def send(asked: dict[str, Any]) -> dict[str, Any]:
    """Send one request over a connection of its own."""
    url = urlsplit(asked["url"])
    assert url.hostname
    connection = http.client.HTTPConnection(url.hostname, url.port or 80, timeout=PATIENCE)
    try:
        _connect(connection)
        path = url.path + (f"?{url.query}" if url.query else "")
        body = asked.get("body")
        connection.request(
            asked.get("method", "POST"),
            path or "/",
            body=body.encode() if body is not None else None,
            headers=asked.get("headers") or {},
        )
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return {"status": answer.status, "headers": headers, "body": text}
    finally:
        connection.close()


def _connect(connection: http.client.HTTPConnection) -> None:
    """Connect; a Service has no way in until the node has heard of its first pod.

    kube-proxy lifts the refusal and writes the way in one after the other: who comes between is
    sent to an address that nobody has.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            connection.connect()
        except OSError as error:
            if error.errno not in NO_WAY_IN or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


if __name__ == "__main__":
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        print(json.dumps([*pool.map(send, json.load(sys.stdin))]))
