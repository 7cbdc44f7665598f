"""Asks an endpoint all the time, and prints once a second what it has seen so far.

    python3 caller.py http://breast-cancer/predict 20 held-out.csv

That is 20 requests a second, each with one row of the file, whose last column is the diagnosis. As
soon as a row is answered, its diagnosis is told to the endpoint. Each line is JSON, the last one is
complete: on SIGTERM all callers wait for their answers. Half of the callers open a connection for
each request, the others use one for a few seconds, as clients with a pool do. Nothing is sent
twice: a request that was lost counts.
"""

import csv
import http.client
import itertools
import json
import random
import signal
import socket
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

CALLERS = 10
KEPT_FOR = 10
"""Requests that go over a connection which is kept."""
PATIENCE = 10.0


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

    def __init__(self, url: str, kept_for: int, rows: list[list[float]]) -> None:
        parts = urlsplit(url)
        host = parts.hostname or ""
        # Looked up once: a name server that is slow is no request that failed.
        self._connection = http.client.HTTPConnection(
            socket.gethostbyname(host), parts.port or 80, timeout=PATIENCE
        )
        self._path, self._kept_for = parts.path, kept_for
        self._rows = itertools.cycle(random.sample(rows, len(rows)))
        self._headers = {"Host": host, "Content-Type": "application/json"}

    def run(self, first: float, interval: float, seen: Seen, stop: threading.Event) -> None:
        """Ask until it is to stop."""
        turn = time.monotonic() + first
        for number in itertools.count(1):
            if stop.wait(max(0.0, turn - time.monotonic())):
                break
            # Whoever is late leaves out turns instead of making a burst of them.
            turn = max(turn + interval, time.monotonic())
            *row, label = next(self._rows)
            seen.note_request()
            try:
                version, prediction = self.ask(row)
                seen.note_answer(version)
                if prediction:
                    self.tell(prediction, label)
            except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
                seen.note_failure(repr(error)[:200])
                self._connection.close()
            if number % self._kept_for == 0:
                self._connection.close()

    def ask(self, row: list[float]) -> tuple[str, str]:
        """Send one request; return the version that answered, and the id under which a router
        knows the answer; empty where none does."""
        status, content, prediction = self._send(self._path, {"instances": [row]})
        if status != http.HTTPStatus.OK:
            raise ValueError(f"{status}: {content[:100]!r}")
        return str(json.loads(content)["version"]), prediction

    def tell(self, prediction: str, label: float) -> None:
        """Tell the diagnosis. A recorder that is away is no failure of the model."""
        self._send("/-/feedback", {"id": prediction, "name": "diagnosis", "value": int(label)})

    def _send(self, path: str, body: object) -> tuple[int, bytes, str]:
        self._connection.request("POST", path, json.dumps(body), self._headers)
        response = self._connection.getresponse()
        prediction = response.headers.get("x-contender-prediction-id", "")
        return response.status, response.read(), prediction

    def knock(self) -> None:
        """Ask until there is an answer: a node hears of a new endpoint a moment later."""
        while True:
            try:
                self.ask(next(self._rows)[:-1])
            except (OSError, http.client.HTTPException, ValueError):
                self._connection.close()
                time.sleep(0.1)
            else:
                return


def main() -> None:
    """Command line."""
    url, rate = sys.argv[1], float(sys.argv[2])
    with Path(sys.argv[3]).open(newline="") as file:
        rows = [[float(one) for one in line] for line in [*csv.reader(file)][1:]]
    seen, stop = Seen(), threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    Caller(url, 1, rows).knock()
    threads = [
        threading.Thread(
            target=Caller(url, 1 if index % 2 else KEPT_FOR, rows).run,
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
