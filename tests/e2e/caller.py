"""Asks an endpoint at a steady rate until its standard input ends, and prints what it sees.

    python3 caller.py http://10.96.1.2/predict 100

A line of JSON for each version when it answers for the first time, and one with all figures at the
end. Half of the requests go over kept-alive connections, the other half each over one of its own.
Runs inside the node's network with the standard library only. It begins with the first answer: a
new endpoint refuses connections until every node has heard of its first pod.

A kept-alive connection that the server announced to close (`Connection: close`) is opened anew, as
every HTTP client does; nothing is ever sent twice, so that a lost request counts.
"""

import asyncio
import contextlib
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import urlsplit

CALLERS = 5
"""Of each kind; a caller sends its next request when its turn comes and the last was answered."""

PATIENCE = 20.0
BODY = json.dumps({"instances": [[1.0] * 30]}).encode()


@dataclass
class Seen:
    since: float = field(default_factory=time.monotonic)
    asked: int = 0
    versions: Counter[str] = field(default_factory=Counter)
    last: dict[str, float] = field(default_factory=dict)
    """When each version answered last, by the machine's monotonic clock."""
    last_failure: float = 0.0
    """When a request failed last, by the same clock."""
    failures: dict[str, list[float]] = field(default_factory=dict)
    """When requests failed, in seconds, by their error."""

    def note(self, version: str) -> None:
        if version not in self.versions:
            print(json.dumps({"version": version}), flush=True)
        self.versions[version] += 1
        self.last[version] = time.monotonic()

    def note_failure(self, failure: str) -> None:
        self.last_failure = time.monotonic()
        at = round(self.last_failure - self.since, 2)
        self.failures.setdefault(failure, []).append(at)


class Caller:
    def __init__(self, host: str, port: int, path: str, *, keep: bool, seen: Seen) -> None:
        self._host, self._port, self._keep, self._seen = host, port, keep, seen
        close = "" if keep else "Connection: close\r\n"
        self._request = (
            f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(BODY)}\r\n{close}\r\n"
        ).encode() + BODY
        self._connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def run(self, first: float, interval: float, stop: asyncio.Event) -> None:
        clock = asyncio.get_running_loop().time
        turn = clock() + first
        while not stop.is_set():
            await asyncio.sleep(max(0.0, turn - clock()))
            # Whoever is late leaves out turns instead of making a burst of them.
            turn = max(turn + interval, clock())
            await self._ask_once()
        self._hang_up()

    async def knock(self) -> None:
        """Ask until there is an answer."""
        while True:
            with contextlib.suppress(OSError, EOFError, TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    status, _ = await self._exchange()
                if status == 200:
                    return
            self._hang_up()
            await asyncio.sleep(0.05)

    async def _ask_once(self) -> None:
        self._seen.asked += 1
        try:
            async with asyncio.timeout(PATIENCE):
                status, body = await self._exchange()
            if status == 200:
                self._seen.note(json.loads(body)["version"])
                return
            failure = f"status {status}: {body[:200]!r}"
        except (OSError, EOFError, TimeoutError, ValueError, KeyError) as error:
            failure = repr(error)
        self._seen.note_failure(f"{'kept' if self._keep else 'new'} connection: {failure}")
        self._hang_up()

    async def _exchange(self) -> tuple[int, bytes]:
        if self._connection is None:
            self._connection = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._connection
        writer.write(self._request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status, *lines = head.rstrip().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        body = await reader.readexactly(int(headers["content-length"]))
        if headers.get("connection", "").lower() == "close" or not self._keep:
            self._hang_up()
        return int(status.split()[1]), body

    def _hang_up(self) -> None:
        if self._connection:
            self._connection[1].close()
            self._connection = None


async def run(url: str, rate: float) -> None:
    parts = urlsplit(url)
    assert parts.hostname
    seen, stop = Seen(), asyncio.Event()
    callers = [
        Caller(parts.hostname, parts.port or 80, parts.path, keep=index % 2 == 0, seen=seen)
        for index in range(2 * CALLERS)
    ]
    await callers[1].knock()
    interval = len(callers) / rate
    tasks = [
        asyncio.create_task(caller.run(index / rate, interval, stop))
        for index, caller in enumerate(callers)
    ]
    await asyncio.to_thread(sys.stdin.read)
    stop.set()
    await asyncio.gather(*tasks)
    found = {"asked": seen.asked, "versions": seen.versions, "failures": seen.failures}
    print(json.dumps({**found, "last": seen.last, "lastFailure": seen.last_failure}))


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], float(sys.argv[2])))
