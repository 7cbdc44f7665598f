"""A proxy between the operator and the API server, for faults of the network and of answers.

Towards the operator it speaks plain HTTP on the loopback address, towards the API server TLS. The
token of the operator goes through untouched. It has a thread and an event loop of its own; rules
and tampers are called there and must be quick.
"""

import asyncio
import base64
import itertools
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import yaml
from aiohttp import web

from tests.contract.server import Server
from tests.faults.exchange import LARGEST_BODY, Heard, OneExchange, Upstream
from tests.faults.faults import (
    Answer,
    Asked,
    Between,
    Delay,
    DropAfter,
    DropBefore,
    Fault,
    Half,
    Hang,
    Json,
    OldAnswer,
    Page,
    Rule,
    Select,
    Told,
    Twice,
    everything,
    failure,
    first,
    in_turn,
    on,
    writes_of,
)

T = TypeVar("T")

Tamper = Callable[[Asked, Json], Sequence[Json]]


class Proxy:
    """Forwards everything, unless a rule says otherwise."""

    def __init__(self, server: Server) -> None:
        self._settings = yaml.safe_load(server.operator_kubeconfig.read_text())
        self._folder = tempfile.TemporaryDirectory(prefix="contender-proxy-")
        self.kubeconfig = Path(self._folder.name) / "operator.kubeconfig"
        self.url = ""
        self._rules: list[Rule] = []
        self._tampers: list[Tamper] = []
        self._heard: list[Heard] = []
        self._open: set[OneExchange] = set()
        self._failures: list[BaseException] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._over = asyncio.Event()

    def __enter__(self) -> "Proxy":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listen on a port of its own, and write the kubeconfig that leads there."""
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self._thread.start()
        assert started.wait(10)
        self._fail_if_failed()

    def stop(self) -> None:
        """Close everything. Fails if a rule or a callback of the test failed."""
        if self._loop and self._thread:
            self._loop.call_soon_threadsafe(self._over.set)
            self._thread.join(10)
            self._thread = None
        self._folder.cleanup()
        self._fail_if_failed()

    # Faults

    @contextmanager
    def faulty(self, rule: Rule) -> Iterator[None]:
        """Let a rule hold. Of several rules the newest is asked first."""
        with self._held(self._rules, rule):
            yield

    @contextmanager
    def tampering(self, tamper: Tamper) -> Iterator[None]:
        """Let a function say which events of a watch are passed on in place of each one that
        comes: none loses it, two duplicate it. What it keeps may be told later by `tell`."""
        with self._held(self._tampers, tamper):
            yield

    @contextmanager
    def _held(self, all_held: list[T], one: T) -> Iterator[None]:
        all_held.insert(0, one)
        try:
            yield
        finally:
            all_held.remove(one)
        self._fail_if_failed()

    def cut_watches(self, select: Select = everything) -> None:
        """Close the watches that are open now."""

        async def cut() -> None:
            for watch in self._watches(select):
                watch.close()

        self._await(cut())

    def tell(self, select: Select, *events: Json) -> None:
        """Tell events to the watches that are open now, untampered."""
        for watch in self._watches(select):
            self._await(watch.send(events))

    def _watches(self, select: Select) -> list[OneExchange]:
        return [one for one in list(self._open) if one.asked.is_watch and select(one.asked)]

    # What was asked

    @property
    def asked(self) -> list[Asked]:
        """All requests that came, in order."""
        return [one.asked for one in list(self._heard)]

    def heard(self, select: Select = everything, since: float = 0.0) -> list[Heard]:
        """Return the requests that came after a moment of `moment`, with their answers."""
        return [one for one in list(self._heard) if one.at >= since and select(one.asked)]

    def moment(self) -> float:
        """Return the present moment, for `heard`."""
        return time.monotonic()

    # Inside

    def _run(self, started: threading.Event) -> None:
        try:
            asyncio.run(self._serve(started))
        except BaseException as error:
            self._failures.append(error)
            started.set()

    async def _serve(self, started: threading.Event) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        cluster = self._settings["clusters"][0]["cluster"]
        async with _session(cluster) as session:
            self._upstream = Upstream(session, cluster["server"])
            app = web.Application(client_max_size=LARGEST_BODY)
            app.router.add_route("*", "/{path:.*}", self._handle)
            runner = web.AppRunner(
                app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1
            )
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            self._settings["clusters"][0]["cluster"] = {"server": self.url}
            self.kubeconfig.write_text(yaml.safe_dump(self._settings))
            started.set()
            await self._over.wait()
            for one in list(self._open):
                one.close()
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        asked = Asked(request.method, request.path, dict(request.query), await request.read())
        heard = Heard(asked, time.monotonic())
        self._heard.append(heard)
        exchange = OneExchange(heard, request, self._upstream, self._tampered)
        self._open.add(exchange)
        work = asyncio.create_task(self._deal(exchange))
        try:
            # What was sent is carried out, also when the operator no longer waits for it.
            await (work if asked.is_watch else asyncio.shield(work))
        finally:
            self._open.discard(exchange)
        return exchange.response or web.Response()

    async def _deal(self, exchange: OneExchange) -> None:
        try:
            rules = (rule(exchange.asked) for rule in list(self._rules))
            fault = next((one for one in rules if one), None)
            await (fault.happen(exchange) if fault else exchange.go_on())
        except (aiohttp.ClientError, ConnectionError):
            pass  # the API server or the operator has closed it
        except Exception as error:
            self._failures.append(error)
        if not exchange.complete:
            exchange.close()

    def _tampered(self, asked: Asked, event: Json) -> list[Json]:
        events = [event]
        for tamper in reversed(list(self._tampers)):
            events = [*itertools.chain(*(tamper(asked, one) for one in events))]
        return events

    def _await(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something in the proxy's own thread, and wait until it is done."""
        assert self._loop
        with suppress(ConnectionError):
            asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def _fail_if_failed(self) -> None:
        if self._failures:
            raise self._failures.pop(0)


def _session(cluster: dict[str, str]) -> aiohttp.ClientSession:
    if data := cluster.get("certificate-authority-data"):
        trust = ssl.create_default_context(cadata=base64.b64decode(data).decode())
    else:
        trust = ssl.create_default_context(cafile=cluster["certificate-authority"])
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=trust),
        timeout=aiohttp.ClientTimeout(total=None),
        read_bufsize=LARGEST_BODY,
        auto_decompress=False,
    )


__all__ = [
    "Answer",
    "Asked",
    "Between",
    "Delay",
    "DropAfter",
    "DropBefore",
    "Fault",
    "Half",
    "Hang",
    "Heard",
    "OldAnswer",
    "Page",
    "Proxy",
    "Rule",
    "Tamper",
    "Told",
    "Twice",
    "everything",
    "failure",
    "first",
    "in_turn",
    "on",
    "writes_of",
]
