"""Blows: what becomes of the operator, and of the write that it was about to make."""

import asyncio
import signal
from dataclasses import dataclass

from tests.contract.server import MODELS
from tests.faults.faults import Asked, Exchange, Fault
from tests.faults.kills_operator import Operator
from tests.faults.kills_situations import NAME
from tests.scenarios.world import World

VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True)
class Blow:
    """What happens at a write."""

    name: str
    signal: signal.Signals
    carried_out: bool = True
    """Whether the write was carried out; nobody is there to hear of it."""
    deletes: str = ""
    """How the ModelDeployment is deleted at the same moment, if it is: in the background it is
    gone at once, in the foreground it waits for its children."""

    def __str__(self) -> str:
        return self.name


KILLED_BEFORE = Blow("killed before", signal.SIGKILL, carried_out=False)
KILLED_AFTER = Blow("killed after", signal.SIGKILL)
STOPPED = Blow("told to stop at", signal.SIGTERM)
DELETED = (
    Blow("deleted and killed after", signal.SIGKILL, deletes="Background"),
    Blow("deleted in the foreground and killed after", signal.SIGKILL, deletes="Foreground"),
)
DELETED_AND_STOPPED = Blow("deleted and told to stop at", signal.SIGTERM, deletes="Background")


class Strikes:
    """The rule of the proxy by which operators are struck, each in its own namespace."""

    def __init__(self) -> None:
        self.struck: dict[str, str] = {}
        """By namespace: the write at which an operator was struck last."""
        self._coming: dict[str, _Strike] = {}

    def prepare(self, world: World, number: int, blow: Blow, operator: Operator) -> None:
        """Strike an operator at its write of this number, counted from 0."""
        self._coming[world.namespace] = _Strike(blow, operator, world, number)

    def __call__(self, asked: Asked) -> Fault | None:
        coming = self._coming.get(asked.namespace)
        if coming is None or not asked.writes or asked.kind == "events":
            return None
        if coming.writes_before > 0:
            coming.writes_before -= 1
            return None
        del self._coming[asked.namespace]
        self.struck[asked.namespace] = f"{VERBS[asked.method]} {asked.kind} {asked.name}"
        return coming


@dataclass
class _Strike(Fault):
    blow: Blow
    operator: Operator
    world: World
    writes_before: int

    async def happen(self, exchange: Exchange) -> None:
        if self.blow.signal == signal.SIGTERM:
            await asyncio.to_thread(self._strike)
            await exchange.go_on()
            return
        if self.blow.carried_out:
            await exchange.forward()
        await asyncio.to_thread(self._strike)
        exchange.close()

    def _strike(self) -> None:
        if self.blow.deletes:
            path = f"{MODELS}/namespaces/{self.world.namespace}/modeldeployments/{NAME}"
            options = {"propagationPolicy": self.blow.deletes}
            self.world.server.kube.ask("DELETE", path, options)
        self.operator.send(self.blow.signal)
