"""Asks an endpoint all the time, and prints once a second what it has seen so far.

    python3 caller.py http://breast-cancer/predict 20

That is 20 requests a second. Each line is JSON, the last one is complete: on SIGTERM all callers
wait for their answers. Half of the callers open a connection for each request, the others use one
for a few seconds, as clients with a pool do. Nothing is sent twice: a request that was lost counts.
"""

import http.client
import itertools
import json
import signal
import socket
import sys
import threading
import time
from collections import Counter
from urllib.parse import urlsplit

CALLERS = 10
KEPT_FOR = 10
"""Requests that go over a connection which is kept."""
PATIENCE = 10.0
BODY = json.dumps({"instances": [[1.0] * 30]})


class Seen:
    """What all callers have seen."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked = 0
        self._versions: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()

    def note_request(self) -> None:
        """Count a request."""
        with self._lock:
            self._asked += 1

    def note_answer(self, version: str) -> None:
        """Count an answer by the version that gave it."""
        with self._lock:
            self._versions[version] += 1

    def note_failure(self, reason: str) -> None:
        """Count a request without a good answer."""
        with self._lock:
            self._failures[reason] += 1

    def tell(self) -> None:
        """Print it."""
        with self._lock:
            told = {"asked": self._asked, "versions": self._versions, "failures": self._failures}
            print(json.dumps(told), flush=True)


class Caller:
    """One caller; it sends its next request when its turn comes and the last was answered."""

    def __init__(self, url: str, kept_for: int) -> None:
        parts = urlsplit(url)
        host = parts.hostname or ""
        # Looked up once: a name server that is slow is no request that failed.
        self._connection = http.client.HTTPConnection(
            socket.gethostbyname(host), parts.port or 80, timeout=PATIENCE
        )
        self._path, self._kept_for = parts.path, kept_for
        self._headers = {"Host": host, "Content-Type": "application/json"}

    def run(self, first: float, interval: float, seen: Seen, stop: threading.Event) -> None:
        """Ask until it is to stop."""
        turn = time.monotonic() + first
        for number in itertools.count(1):
            if stop.wait(max(0.0, turn - time.monotonic())):
                break
            # Whoever is late leaves out turns instead of making a burst of them.
            turn = max(turn + interval, time.monotonic())
            seen.note_request()
            try:
                seen.note_answer(self.ask())
            except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
                seen.note_failure(repr(error)[:200])
                self._connection.close()
            if number % self._kept_for == 0:
                self._connection.close()

    def ask(self) -> str:
        """Send one request; return the version that answered."""
        self._connection.request("POST", self._path, BODY, self._headers)
        response = self._connection.getresponse()
        content = response.read()
        if response.status != http.HTTPStatus.OK:
            raise ValueError(f"{response.status}: {content[:100]!r}")
        return str(json.loads(content)["version"])

    def knock(self) -> None:
        """Ask until there is an answer: a node hears of a new endpoint a moment later."""
        while True:
            try:
                self.ask()
            except (OSError, http.client.HTTPException, ValueError):
                self._connection.close()
                time.sleep(0.1)
            else:
                return


def main() -> None:
    """Command line."""
    url, rate = sys.argv[1], float(sys.argv[2])
    seen, stop = Seen(), threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    Caller(url, 1).knock()
    threads = [
        threading.Thread(
            target=Caller(url, 1 if index % 2 else KEPT_FOR).run,
            args=(index / rate, CALLERS / rate, seen, stop),
        )
        for index in range(CALLERS)
    ]
    for thread in threads:
        thread.start()
    while not stop.wait(1):
        seen.tell()
    for thread in threads:
        thread.join()
    seen.tell()


if __name__ == "__main__":
    main()
