"""A Lease: which of several processes may write.

A Lease is no fence: a process that was stopped for a while believes that it still leads. So `held`
is asked before every single write; it is a comparison with a deadline on the monotonic clock, which
goes on while a process is stopped. What was in flight at that moment is refused by the API server,
because every write carries the resourceVersion or uid of what it was decided on.
"""

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from contender.kube.client import Client, Json, collection
from contender.kube.errors import ApiError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LeaseTiming:
    """How long a Lease lasts. Keep `duration` above `renew` + request time + 2 x `retry`."""

    duration: float = 15.0
    """Seconds after the last renewal at which others may take over."""
    renew: float = 8.0
    """Seconds after the last renewal at which the holder itself stops writing."""
    retry: float = 2.0
    """Seconds between two attempts to acquire or renew."""


class Lease:
    """Acquires a Lease and keeps it, for ever.

    Args:
        client: how to reach the API server.
        namespace: of the Lease object.
        name: of the Lease object.
        identity: of this process; two processes must never share one.
        timing: how long it lasts.
    """

    def __init__(
        self,
        client: Client,
        namespace: str,
        name: str,
        identity: str,
        timing: LeaseTiming | None = None,
    ) -> None:
        self._client = client
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._timing = timing or LeaseTiming()
        self._path = collection("coordination.k8s.io/v1", "leases", namespace)
        self._deadline = 0.0
        self._acquired = asyncio.Event()
        self._seen: tuple[Any, float] = (None, 0.0)
        """The other holder's last sign of life, and when we saw it on our own clock."""

    def held(self) -> bool:
        """Return whether this process may write now."""
        return monotonic() < self._deadline

    async def wait(self) -> None:
        """Wait until this process may write."""
        while not self.held():
            self._acquired.clear()
            await self._acquired.wait()

    async def run(self) -> None:
        """Acquire and renew for ever. No error ends it; without renewal `held` turns false."""
        while True:
            began = monotonic()
            led = self.held()
            try:
                async with asyncio.timeout(self._timing.renew / 2):
                    mine = await self._attempt()
            except (ApiError, TimeoutError) as error:
                log.warning("lease %s/%s: %s", self._namespace, self._name, error)
                mine = False
            if mine:
                self._deadline = began + self._timing.renew
                self._acquired.set()
            if mine and not led:
                log.info("this process leads (lease %s/%s)", self._namespace, self._name)
            await asyncio.sleep(self._timing.retry)

    async def release(self) -> None:
        """Give the Lease back, so that the next process leads at once."""
        if not self.held():
            return
        self._deadline = 0.0
        try:
            lease = await self._client.get(f"{self._path}/{self._name}")
            if lease["spec"].get("holderIdentity") == self._identity:
                lease["spec"]["holderIdentity"] = ""
                await self._client.replace(f"{self._path}/{self._name}", lease)
        except ApiError as error:
            log.warning("lease not released: %s", error)

    async def _attempt(self) -> bool:
        """Take the Lease if it is free, expired or ours; return whether it is ours now."""
        try:
            lease = await self._client.get(f"{self._path}/{self._name}")
        except ApiError as error:
            if not error.not_found:
                raise
            return await self._create()
        spec = lease.get("spec") or {}
        holder = spec.get("holderIdentity") or ""
        if holder not in ("", self._identity) and not self._expired(spec):
            return False
        lease["spec"] = self._spec(spec, taken_over=holder != self._identity)
        return await self._sent(self._client.replace(f"{self._path}/{self._name}", lease))

    def _expired(self, spec: Json) -> bool:
        """Return whether the holder was silent for too long, by our own clock: clocks differ."""
        sign = (spec.get("holderIdentity"), spec.get("renewTime"))
        if self._seen[0] != sign:
            if self._seen[0] is None or self._seen[0][0] != sign[0]:
                log.info("standing by: %s leads", sign[0])
            self._seen = (sign, monotonic())
        duration = spec.get("leaseDurationSeconds") or self._timing.duration
        return monotonic() - self._seen[1] > float(duration)

    async def _create(self) -> bool:
        manifest = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._name, "namespace": self._namespace},
            "spec": self._spec({}, taken_over=True),
        }
        return await self._sent(self._client.create(self._path, manifest))

    async def _sent(self, write: Any) -> bool:
        try:
            await write
        except ApiError as error:
            if error.status == 409:
                return False  # another process was faster
            raise
        return True

    def _spec(self, before: Json, *, taken_over: bool) -> Json:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = {
            **before,
            "holderIdentity": self._identity,
            "leaseDurationSeconds": round(self._timing.duration),
            "renewTime": now,
        }
        if taken_over:
            spec["acquireTime"] = now
            spec["leaseTransitions"] = before.get("leaseTransitions", -1) + 1
        return spec
