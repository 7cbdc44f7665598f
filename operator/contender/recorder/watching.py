"""Watching: keeps the plans up to date with the ModelDeployments."""

import logging
from collections.abc import Callable
from time import time

from pydantic import ValidationError

from contender.api.v1alpha1 import API_VERSION
from contender.kube.client import Client
from contender.kube.copies import Json, Key, key_of
from contender.kube.informer import Informer, without_managed_fields
from contender.recorder.plans import Plans, plan_of
from contender.recorder.store.base import Store
from contender.recorder.writer import Writer

log = logging.getLogger(__name__)


def _without_status(manifest: Json) -> Json:
    manifest.pop("status", None)
    return without_managed_fields(manifest)


class Watcher:
    """Reads what the users want of each endpoint.

    Args:
        client: how to reach the API server.
        store: of the writer.
        writer: changes the store, in its thread.
        plans: is kept up to date.
        secret: the key of all pseudonyms.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        client: Client,
        store: Store,
        writer: Writer,
        plans: Plans,
        secret: bytes,
        clock: Callable[[], float] = time,
    ) -> None:
        self._store = store
        self._writer = writer
        self._plans = plans
        self._secret = secret
        self._clock = clock
        self._seen: dict[Key, tuple[str, int]] = {}
        """Uid and generation of each that is there."""
        self._looking = False
        self._informer = Informer(
            client,
            API_VERSION,
            "ModelDeployment",
            "modeldeployments",
            trim=_without_status,
            changed=self._changed,
        )

    async def run(self) -> None:
        """Watch for ever."""
        await self._informer.run()

    async def synced(self) -> None:
        """Wait until all ModelDeployments were read once, and note those that are gone."""
        await self._informer.synced()
        self._look_who_is_gone()

    def _look_who_is_gone(self) -> None:
        """Have it noted which ModelDeployments are gone: once, when many go at the same time."""
        if not self._looking:
            self._looking = True
            self._writer.errand(self._note_gone)

    def _changed(self, manifest: Json) -> None:
        key = key_of(manifest)
        live = self._informer.get(key)
        before = self._seen.get(key)
        if live is None:
            self._seen.pop(key, None)
        else:
            seen = (live["metadata"]["uid"], live["metadata"].get("generation", 0))
            if before == seen:
                return
            self._seen[key] = seen
        if before and (live is None or live["metadata"]["uid"] != before[0]):
            self._look_who_is_gone()
        self._writer.errand(lambda: self._take_over(key, live))

    def _take_over(self, key: Key, live: Json | None) -> None:
        """Take over one ModelDeployment; in the writer's thread."""
        known = self._plans.find(*key)
        if known and (live is None or live["metadata"]["uid"] != known[1].uid):
            self._plans.remove(*key)
        if live is None:
            return
        try:
            plan = plan_of(live, self._secret)
        except (ValidationError, ValueError) as error:
            # What cannot be understood cannot be redacted.
            log.error("%s/%s is not captured any more: %s", *key, error)
            plan = None
        if plan is None:
            self._plans.remove(*key)
            return
        self._plans.put(self._store.endpoint(plan.uid, *key, *plan.retention), plan)

    def _note_gone(self) -> None:
        """Note which are gone, also of those that captured at some time only; in the writer's
        thread."""
        self._looking = False  # who goes from now on is not seen below, perhaps
        live = {uid for uid, _ in dict(self._seen).values()}
        for endpoint in self._store.endpoints():
            if endpoint.gone_at is None and endpoint.uid not in live:
                self._store.gone(endpoint.number, int(self._clock()))
