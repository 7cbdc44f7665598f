"""One pass over one ModelDeployment: gather -> plan -> diff -> apply -> status -> write."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

from pydantic import ValidationError

from contender.controller import metrics
from contender.controller.announce import Announcer
from contender.controller.apply import Applier, Hindrance, collection_of
from contender.controller.caches import OWNERS, Caches
from contender.controller.gather import Gatherer
from contender.controller.looks import LookReader
from contender.controller.recorder import RecorderReader
from contender.controller.routers import RouterReader
from contender.core import names
from contender.core.children import CHILDREN
from contender.core.children.config_map import CONFIG_MAP
from contender.core.children.deployment import DEPLOYMENT
from contender.core.children.experiment import RESOURCE as EXPERIMENTS
from contender.core.children.service import SERVICE
from contender.core.diff import Annotate, Delete, Update, Write, diff
from contender.core.errors import explain
from contender.core.events import transitions
from contender.core.experiment.events import experiment_transitions
from contender.core.experiment.idle import targetless_status
from contender.core.experiment.tell import worth_writing
from contender.core.manifest import Manifest, annotation, name_of
from contender.core.plan import Plan, Problem, make_plan
from contender.core.records import UnreadableRecord, selected_revision
from contender.core.snapshot import Installation, Snapshot
from contender.core.status import invalid_status, make_experiment_statuses, make_status
from contender.kube.client import Client
from contender.kube.copies import Key
from contender.kube.errors import ApiError

_REASON = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,255}$")

_WEBHOOK = "failed calling webhook"
"""How the API server says that a webhook did not answer as it should."""

MESSAGE_LIMIT = 512
"""The API server repeats what it refuses, be it long."""

MOST_ROUNDS = 8
"""How often one pass looks at what it wrote and writes more; then others have their turn."""
UNFINISHED_SECONDS = 1.0
"""When a pass that had more to write goes on."""

log = logging.getLogger(__name__)


class Reconciler:
    """Makes the world of one ModelDeployment as its spec says."""

    def __init__(
        self,
        client: Client,
        caches: Caches,
        announcer: Announcer,
        routers: RouterReader,
        recorder: RecorderReader,
        looks: LookReader,
        installation: Installation,
    ) -> None:
        self._client = client
        self._caches = caches
        self._announcer = announcer
        self._gatherer = Gatherer(client, caches, routers, recorder, looks, installation)
        self._applier = Applier(client, caches)

    async def reconcile(self, key: Key) -> float | None:
        """Do one pass.

        Returns:
            Seconds until time alone changes something; None when only events can.

        Raises:
            ApiError: something passing, or something said in status; try again later.
            Exception: a defect of the operator, said in status too.
        """
        try:
            return await self._pass(key)
        except ApiError:
            raise
        except Exception as error:
            message = (
                f"the operator failed ({type(error).__name__}: {error}): this is a defect of the"
                " operator; its log says where"
            )
            await self._tell(key, Problem("InternalError", message[:MESSAGE_LIMIT]))
            raise

    async def _pass(self, key: Key) -> float | None:
        with _timed("gather"):
            snapshot = await self._gather(key)
        if snapshot is None:
            await self._tell_targetless(key)
            return None
        outcome = await self._act(snapshot)
        with _timed("status"):
            status = make_status(outcome.snapshot, outcome.plan, outcome.problem)
        if outcome.failure is None or outcome.problem:
            # A passing failure is no news: what status says is still so.
            with _timed("write"):
                if outcome.failure:
                    await self._remember(outcome.snapshot, outcome.plan)
                await self._write_status(snapshot.owner, status)
        if outcome.failure:
            raise outcome.failure
        return outcome.again

    async def _tell_targetless(self, key: Key) -> None:
        """Tell Experiments that there is nothing to try them on."""
        if self._caches.owner(key) is None:
            now = datetime.now(UTC)
            for owner in self._caches.experiments(key):
                await self._write_experiment(owner, targetless_status(owner, now), now)

    async def _remember(self, snapshot: Snapshot, plan: Plan) -> bool:
        """Write what is decided about Experiments, before it is done: what was counted is the
        ground of a decision, and is no more to be seen once the traffic has changed.

        Returns:
            Whether there was anything to write.
        """
        written = False
        for owner, status in make_experiment_statuses(snapshot, plan):
            written |= await self._write_experiment(owner, status, snapshot.now)
        return written

    async def _write_experiment(
        self, owner: Manifest, status: dict[str, Any], now: datetime
    ) -> bool:
        """Write what is new of an Experiment; return whether anything was."""
        if not worth_writing(owner.get("status") or {}, status, now):
            return False
        await self._write_status(owner, status)
        return True

    async def _act(self, snapshot: Snapshot) -> "_Outcome":
        """Write until nothing is left to write: what was written may be the ground for more.

        Our own writes wake nobody, so that nobody else would look at them.
        """
        for _ in range(MOST_ROUNDS):
            with _timed("plan"):
                plan = make_plan(snapshot)
            failure = None
            try:
                with _timed("write"):
                    decided = await self._remember(snapshot, plan)
                if decided:
                    snapshot = self._gatherer.again(snapshot)
                    continue
                with _timed("diff"):
                    writes = diff(snapshot, plan, CHILDREN)
                with _timed("apply"):
                    if not await self._apply(snapshot, writes, plan.revisions.tried):
                        return _Outcome(snapshot, plan)
            except ApiError as error:
                failure = error
            snapshot = self._gatherer.again(snapshot)
            if failure:
                return _Outcome(snapshot, _as_written(snapshot), failure)
        return _Outcome(snapshot, _as_written(snapshot), unfinished=True)

    async def _gather(self, key: Key) -> Snapshot | None:
        try:
            return await self._gatherer.gather(key)
        except ValidationError as error:
            message = f"spec cannot be read by this version of the operator: {explain(error)}"
            await self._tell(key, Problem("InvalidSpec", message))
        except UnreadableRecord as error:
            await self._tell(key, Problem("InvalidRecord", str(error)))
        return None

    async def _tell(self, key: Key, problem: Problem) -> None:
        """Tell what keeps us from looking at anything else."""
        if owner := self._caches.owner(key):
            await self._write_status(owner, invalid_status(owner, problem, datetime.now(UTC)))

    async def _apply(
        self, snapshot: Snapshot, writes: tuple[Write, ...], tried: frozenset[str]
    ) -> int:
        """Carry out the writes; return how many there were.

        Raises:
            ApiError: a write failed, or was decided on an old state.
        """
        # An update is refused by the API server when its object has changed. For the rest we ask;
        # but a new owner is neither old nor a ghost: its first status is still to come.
        if not all(isinstance(write, Update | Annotate) for write in writes) and snapshot.status:
            live = await self._live(snapshot)
            if live is None:
                return 0
            if not _is_as_seen(live, snapshot):
                self._caches.learn_owner(live)
                raise ApiError("GET", _path(live), 409, "Conflict", "it has changed meanwhile")
        await self._check_endpoint(snapshot, writes)
        return await self._applier.apply(writes, tried)

    async def _check_endpoint(self, snapshot: Snapshot, writes: tuple[Write, ...]) -> None:
        """Check that the endpoint leaves no pods that could answer, whatever the caches say: it is
        not moved from pods that only lost their label, and none go to which it leads.

        Raises:
            ApiError: something is otherwise; or it could not be read.
        """
        if any(name_of(write.manifest) == snapshot.name for write in writes):
            left = selected_revision(snapshot)
            if left and snapshot.child(DEPLOYMENT.resource.kind, left) is None:
                await self._applier.find(DEPLOYMENT, left, snapshot.owner)
            return  # to move it is refused when it has changed
        going = {
            name_of(write.manifest)
            for write in writes
            if isinstance(write, Delete) and write.manifest["kind"] == DEPLOYMENT.resource.kind
        }
        if not going:
            return
        path = f"{collection_of(SERVICE.resource, snapshot.namespace)}/{snapshot.name}"
        endpoint = await self._client.get(path)
        selector = endpoint["spec"].get("selector") or {}
        asked = {selector.get(names.LABEL_REVISION)}
        if selector.get(names.LABEL_ROLE) == "router":
            asked = {names.router_name(snapshot.name), *await self._asked_by_routers(snapshot)}
        if asked & going:
            raise ApiError("GET", path, 409, "Conflict", "the endpoint leads elsewhere meanwhile")

    async def _asked_by_routers(self, snapshot: Snapshot) -> set[str]:
        """Return the revisions that routers may ask, as the API server has it now."""
        name = names.router_name(snapshot.name)
        path = f"{collection_of(CONFIG_MAP.resource, snapshot.namespace)}/{name}"
        found = await self._client.get(path)
        self._caches.learn(found)
        return set(annotation(found, names.ANNOTATION_NAMED).split(","))

    async def _live(self, snapshot: Snapshot) -> Manifest | None:
        """Return the owner if it really exists: children of a ghost would be orphans."""
        try:
            live = await self._client.get(_path(snapshot.owner))
        except ApiError as error:
            if error.not_found:
                return None
            raise
        metadata = live["metadata"]
        lives = metadata["uid"] == snapshot.uid and not metadata.get("deletionTimestamp")
        return live if lives else None

    async def _write_status(self, owner: Manifest, status: dict[str, Any]) -> None:
        """Write status once, if it has changed, and announce what has happened."""
        before = owner.get("status") or {}
        change = merge_patch(before, status)
        if not change:
            return
        body = {
            "metadata": {"resourceVersion": owner["metadata"]["resourceVersion"]},
            "status": change,
        }
        is_owner = owner["kind"] == OWNERS.kind
        try:
            with self._caches.writing(owner):
                stored = await self._client.merge_patch(f"{_path(owner)}/status", body)
                store = self._caches.store_owner if is_owner else self._caches.store
                store(stored)
        except ApiError as error:
            if error.not_found:
                return
            raise
        metrics.WRITES.labels(owner["kind"], "status", "success").inc()
        happened = transitions if is_owner else experiment_transitions
        for event in happened(before, status):
            log.info(
                "%s %s/%s: %s: %s",
                owner["kind"],
                owner["metadata"]["namespace"],
                name_of(owner),
                event.reason,
                event.message,
            )
            self._announcer.announce(owner, event)


@dataclass(frozen=True)
class _Outcome:
    """What came of the writes of one pass."""

    snapshot: Snapshot
    plan: Plan
    failure: ApiError | None = None
    unfinished: bool = False

    @property
    def problem(self) -> Problem | None:
        """What status should say about the failure."""
        return _problem(self.failure) if self.failure else None

    @property
    def again(self) -> float | None:
        """Seconds until the next pass; None when only events ask for one."""
        if self.unfinished:
            return UNFINISHED_SECONDS
        if self.plan.again_at is None:
            return None
        return (self.plan.again_at - self.snapshot.now).total_seconds()


def _as_written(snapshot: Snapshot) -> Plan:
    """Return the plan to tell about: what came of the writes, not what they were meant to do."""
    with _timed("plan"):
        return make_plan(snapshot, may_act=False)


def _is_as_seen(live: Manifest, snapshot: Snapshot) -> bool:
    return live["metadata"]["resourceVersion"] == snapshot.owner["metadata"]["resourceVersion"]


def _problem(error: ApiError) -> Problem | None:
    """Return what status should say about a failed write; nothing about what passes by itself."""
    if isinstance(error, Hindrance):
        return Problem(error.reason, error.message)
    if error.status == 500 and _WEBHOOK in error.message:
        # It may pass, but it is not the API server's fault, and mostly somebody must mend it.
        return Problem("WebhookFailed", error.message[:MESSAGE_LIMIT])
    if error.passes or error.is_conflict or error.not_found:
        return None
    # A webhook may put any text there; a condition takes one word.
    reason = error.reason if _REASON.match(error.reason) else "ApplyFailed"
    return Problem(reason, f"the API server refuses a child: {error.message[:MESSAGE_LIMIT]}")


def _path(owner: Manifest) -> str:
    namespace = owner["metadata"]["namespace"]
    resource = OWNERS if owner["kind"] == OWNERS.kind else EXPERIMENTS
    return f"{collection_of(resource, namespace)}/{name_of(owner)}"


def merge_patch(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Return the RFC 7386 merge patch that turns one object into the other."""
    patch: dict[str, Any] = {key: None for key in before if key not in after}
    for key, value in after.items():
        old = before.get(key)
        if isinstance(value, dict) and isinstance(old, dict):
            inner = merge_patch(old, value)
            if inner:
                patch[key] = inner
        elif old != value:
            patch[key] = value
    return patch


@contextmanager
def _timed(phase: str) -> Iterator[None]:
    start = perf_counter()
    try:
        yield
    finally:
        metrics.PHASE_SECONDS.labels(phase).inc(perf_counter() - start)
