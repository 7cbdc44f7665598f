"""What can go wrong with one request between the operator and the API server.

A rule looks at a request and names a fault, or none. The proxy (`tests.faults.proxy`) asks the
rules and carries the fault out.
"""

import asyncio
import itertools
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Json = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """One request as it came from the operator."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=lambda: {})
    body: bytes = b""

    @property
    def is_watch(self) -> bool:
        return self.query.get("watch") in ("true", "1")

    @property
    def is_list(self) -> bool:
        """Whether it reads a collection, without watching it."""
        return self.method == "GET" and bool(self.kind) and not (self.name or self.is_watch)

    @property
    def writes(self) -> bool:
        return self.method != "GET"

    @property
    def kind(self) -> str:
        """Plural of the kind, with the subresource: `modeldeployments/status`."""
        return self._parts[1]

    @property
    def namespace(self) -> str:
        return self._parts[0]

    @property
    def name(self) -> str:
        """Name of the object; of a creation the one in the body."""
        if self.method == "POST" and not self._parts[2]:
            return str(self.json["metadata"].get("name", ""))
        return self._parts[2]

    @property
    def json(self) -> Json:
        """The body."""
        found: Json = json.loads(self.body or b"{}")
        return found

    @property
    def _parts(self) -> tuple[str, str, str]:
        parts = self.path.strip("/").split("/")
        inside = parts[2 if parts[0] == "api" else 3 :]
        namespace = ""
        if inside[:1] == ["namespaces"] and len(inside) > 2:
            namespace, inside = inside[1], inside[2:]
        plural, name, part = [*inside, "", "", ""][:3]
        return namespace, f"{plural}/{part}" if part else plural, name

    def __str__(self) -> str:
        verb = "WATCH" if self.is_watch else self.method
        return f"{verb} {self.kind} {self.name}".strip()


@dataclass(frozen=True)
class Reply:
    """A whole answer."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})


class Exchange(Protocol):
    """One request on its way, for a fault to deal with."""

    asked: Asked

    async def forward(self) -> Reply:
        """Send it to the API server; return what that answers."""

    async def go_on(self) -> None:
        """Do as if there were no fault."""

    async def answer(self, reply: Reply, *, part: float = 1.0) -> None:
        """Answer the operator, with all or a part of the body that was promised."""

    async def stream(self, events: Sequence[Json]) -> None:
        """Begin a watch and send these events."""

    async def end(self) -> None:
        """End a watch in order."""

    async def cut_off(self) -> None:
        """Wait until the operator or a test closes the connection."""

    def close(self) -> None:
        """Close the connection."""


class Fault(ABC):
    """What happens to one request."""

    @abstractmethod
    async def happen(self, exchange: Exchange) -> None:
        """Deal with the request; what is not answered is closed."""


@dataclass(frozen=True)
class Delay(Fault):
    """It is forwarded late, also when the operator has given it up by then."""

    seconds: float

    async def happen(self, exchange: Exchange) -> None:
        await asyncio.sleep(self.seconds)
        await exchange.go_on()


@dataclass(frozen=True)
class Answer(Fault):
    """It is answered with an error as the API server words it, and not forwarded."""

    status: int
    reason: str = ""
    message: str = ""
    retry_after: object = None

    async def happen(self, exchange: Exchange) -> None:
        headers = {"Content-Type": "application/json"}
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        said = failure(self.status, self.reason, self.message)
        await exchange.answer(Reply(self.status, json.dumps(said).encode(), headers))


@dataclass(frozen=True)
class Page(Fault):
    """A load balancer answers, with a page for people."""

    status: int = 502
    body: str = "<html><body><h1>502 Bad Gateway</h1></body></html>"

    async def happen(self, exchange: Exchange) -> None:
        headers = {"Content-Type": "text/html"}
        await exchange.answer(Reply(self.status, self.body.encode(), headers))


@dataclass(frozen=True)
class DropBefore(Fault):
    """The connection is closed, and nothing was forwarded."""

    async def happen(self, exchange: Exchange) -> None:
        exchange.close()


@dataclass(frozen=True)
class DropAfter(Fault):
    """It is carried out, and the answer is lost."""

    async def happen(self, exchange: Exchange) -> None:
        await exchange.forward()
        exchange.close()


@dataclass(frozen=True)
class Half(Fault):
    """It is carried out, and the connection breaks in the middle of the answer."""

    async def happen(self, exchange: Exchange) -> None:
        await exchange.answer(await exchange.forward(), part=0.5)
        exchange.close()


@dataclass(frozen=True)
class Twice(Fault):
    """It comes to the API server twice; the second answer is passed on."""

    async def happen(self, exchange: Exchange) -> None:
        await exchange.forward()
        await exchange.answer(await exchange.forward())


@dataclass(frozen=True)
class Between(Fault):
    """Something else happens just before it is carried out, or before it is answered."""

    before: Callable[[], None] | None = None
    after: Callable[[], None] | None = None

    async def happen(self, exchange: Exchange) -> None:
        if self.before:
            await asyncio.to_thread(self.before)
        if exchange.asked.is_watch:
            await exchange.go_on()
            return
        reply = await exchange.forward()
        if self.after:
            await asyncio.to_thread(self.after)
        await exchange.answer(reply)


@dataclass(frozen=True)
class OldAnswer(Fault):
    """A read is answered with what was true earlier."""

    body: Json

    async def happen(self, exchange: Exchange) -> None:
        await exchange.answer(Reply(200, json.dumps(self.body).encode()))


@dataclass(frozen=True)
class Hang(Fault):
    """It is taken and never answered; nothing is forwarded."""

    async def happen(self, exchange: Exchange) -> None:
        await exchange.cut_off()


@dataclass(frozen=True)
class Told(Fault):
    """A watch tells just these events and then ends, or stays silent until it is cut."""

    events: tuple[Json, ...] = ()
    then_silent: bool = False

    async def happen(self, exchange: Exchange) -> None:
        await exchange.stream(self.events)
        if self.then_silent:
            await exchange.cut_off()
        else:
            await exchange.end()


def failure(status: int, reason: str = "", message: str = "") -> Json:
    """Return the Status object of a failure."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "reason": reason,
        "message": message or f"a fault of the test: {status} {reason}",
        "code": status,
    }


Rule = Callable[[Asked], Fault | None]
Select = Callable[[Asked], bool]


def everything(asked: Asked) -> bool:
    """Select all requests."""
    del asked
    return True


def on(select: Select, fault: Fault) -> Rule:
    """Return the rule by which a fault happens to all requests that are selected."""
    return lambda asked: fault if select(asked) else None


def first(count: int, select: Select, fault: Fault) -> Rule:
    """Return the rule by which a fault happens to the first so many that are selected."""
    number = itertools.count(1)
    return lambda asked: fault if select(asked) and next(number) <= count else None


def in_turn(select: Select, *faults: Fault) -> Rule:
    """Return the rule by which each of those that are selected meets the next fault, then none."""
    coming = iter(faults)
    return lambda asked: next(coming, None) if select(asked) else None


def writes_of(*kinds: str) -> Select:
    """Select the writes of objects of these kinds."""
    return lambda asked: asked.writes and asked.kind in kinds
