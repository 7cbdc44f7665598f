"""gather: reads the caches into one frozen Snapshot."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from contender.api.v1alpha1 import ModelDeploymentSpec
from contender.controller.caches import Caches
from contender.controller.looks import LookReader
from contender.controller.recorder import RecorderReader
from contender.controller.routers import RouterReader
from contender.core import names
from contender.core.capturing import CaptureReport
from contender.core.children.controller_revision import RESOURCE as RECORDS
from contender.core.children.experiment import RESOURCE as EXPERIMENTS
from contender.core.experiment.course import STARTED, run_of
from contender.core.experiment.looks import Look
from contender.core.manifest import Manifest, annotation, name_of, owned_by
from contender.core.records import read_record
from contender.core.retraining import account, lacks_pods
from contender.core.snapshot import Installation, Reading, Report, Snapshot
from contender.core.trouble import REPORTED, needs_report
from contender.kube.client import Client, collection
from contender.kube.copies import Key
from contender.kube.errors import ApiError
from contender.router import figures

MOST_ASKED = 3
"""Of how many pods Events are read in one pass: all pods of a revision mostly tell the same."""
ACCOUNT_MEMORY = timedelta(seconds=30)
"""How long the answer about a service account is believed."""


class Gatherer:
    """Reads what one pass needs to know."""

    def __init__(
        self,
        client: Client,
        caches: Caches,
        routers: RouterReader,
        recorder: RecorderReader,
        looks: LookReader,
        installation: Installation,
    ) -> None:
        self._client = client
        self._caches = caches
        self._routers = routers
        self._recorder = recorder
        self._looks = looks
        self._installation = installation
        self._accounts: dict[Key, tuple[datetime, bool]] = {}

    async def gather(self, key: Key) -> Snapshot | None:
        """Return the snapshot of a ModelDeployment; None when it is gone or on its way out.

        Raises:
            ValidationError: the spec is not what this version of the operator understands.
            UnreadableRecord: somebody else wrote one of our records.
            ApiError: a service account could not be read.
        """
        owner = self._caches.owner(key)
        if owner is None or owner["metadata"].get("deletionTimestamp"):
            return None
        seen = self.again(
            Snapshot(
                owner=owner,
                spec=ModelDeploymentSpec.model_validate(owner.get("spec")),
                now=datetime.now(UTC),
                installation=self._installation,
            )
        )
        captures = bool(seen.spec.capture and self._installation.recorder)
        readings = await self._routers.read(seen, count=captures or _has_traffic(seen))
        return replace(
            seen,
            routers=readings,
            capture=self._capture(key, readings) if captures else None,
            looks=self._seen(key, seen.experiments),
            allowed_accounts={
                name: await self._allows((key[0], name), seen.now)
                for name in sorted(_accounts(seen.spec, seen.children))
            },
            reports=await self._reports(seen.pods, [*seen.runs, *seen.children]),
        )

    def again(self, snapshot: Snapshot) -> Snapshot:
        """Return the snapshot with what the caches know now, our own writes included."""
        related = self._caches.related((snapshot.namespace, snapshot.name))
        children = tuple(
            one for one in related if one["kind"] != "Pod" and owned_by(one, snapshot.uid)
        )
        return replace(
            snapshot,
            children=children,
            pods=tuple(one for one in related if one["kind"] == "Pod"),
            refused=self._caches.refusals(snapshot.namespace),
            experiments=tuple(one for one in related if one["kind"] == EXPERIMENTS.kind),
            runs=_scheduled_runs(related, children),
            insisted={
                uid: self._caches.insisted[uid]
                for uid in (child["metadata"]["uid"] for child in children)
                if uid in self._caches.insisted
            },
        )

    def _capture(self, key: Key, readings: Mapping[str, Reading]) -> CaptureReport | None:
        """Return what is said of the capture."""
        logged = [figures.logged(reading.scrape) for reading in readings.values()]
        sent, undelivered = (sum(one) for one in zip(*logged, strict=True)) if logged else (0, 0)
        self._recorder.note_routers(key, sent, undelivered)
        return self._recorder.report(key)

    def _seen(self, key: Key, experiments: tuple[Manifest, ...]) -> dict[str, tuple[Look, ...]]:
        """Return what the recorder has noted of the Experiments that compare by it; have it keep
        the verdicts of those that have ended."""
        found: dict[str, tuple[Look, ...]] = {}
        for one in experiments:
            status = one.get("status") or {}
            if not one["spec"].get("objectives"):
                continue
            run = run_of(one["metadata"]["uid"], status.get("attempts", 0))
            if status.get("phase") in STARTED:
                found[run] = self._looks.of(key, run, status.get("look", 0))
            elif verdict := status.get("verdict"):
                told = {name: status.get(name) for name in ("plan", "comparisons", "look")}
                self._looks.keep(run, {"experiment": name_of(one), "verdict": verdict, **told})
        return found

    async def _reports(
        self, pods: tuple[Manifest, ...], others: list[Manifest]
    ) -> dict[str, Report]:
        """Return by uid what only Events say of pods that are not ready and Jobs without pods."""
        asked = sorted(filter(needs_report, pods), key=name_of)[:MOST_ASKED]
        asked += [job for job in others if job["kind"] == "Job" and lacks_pods(job)]
        found = {one["metadata"]["uid"]: await self._report(one) for one in asked}
        return {uid: report for uid, report in found.items() if report}

    async def _report(self, about: Manifest) -> Report | None:
        path = collection("v1", "events", about["metadata"]["namespace"])
        selector = f"involvedObject.uid={about['metadata']['uid']},type=Warning"
        page = await self._client.get(path, fieldSelector=selector)
        told = [event for event in page["items"] if event.get("reason") in REPORTED]
        if not told:
            return None
        newest = max(told, key=lambda event: event.get("lastTimestamp") or "")
        return Report(newest["reason"], newest.get("message", ""))

    async def _allows(self, account: Key, now: datetime) -> bool:
        """Return whether a service account may be used by ModelDeployments."""
        since, allowed = self._accounts.get(account, (datetime.min.replace(tzinfo=UTC), False))
        if now - since < ACCOUNT_MEMORY and allowed:
            return allowed
        path = f"{collection('v1', 'serviceaccounts', account[0])}/{account[1]}"
        try:
            found = await self._client.get(path)
            allowed = annotation(found, names.ANNOTATION_ALLOW) == "true"
        except ApiError as error:
            if not error.not_found:
                raise
            allowed = False
        self._accounts[account] = (now, allowed)
        return allowed


def _has_traffic(snapshot: Snapshot) -> bool:
    """Return whether an Experiment needs to know what routers counted."""
    phases = {(one.get("status") or {}).get("phase") for one in snapshot.experiments}
    return not phases.isdisjoint(map(str, STARTED))


def _accounts(spec: ModelDeploymentSpec, children: tuple[Manifest, ...]) -> set[str]:
    """Return the service accounts that spec names, or that a rollback would bring back."""
    records = (one for one in children if one["kind"] == RECORDS.kind)
    named = {read_record(record).account for record in records}
    named |= {account(spec), (spec.pod and spec.pod.service_account_name) or ""}
    return named - {""}


def _scheduled_runs(
    related: list[Manifest], children: tuple[Manifest, ...]
) -> tuple[Manifest, ...]:
    """Return the Jobs that our CronJob made."""
    makers = [child["metadata"]["uid"] for child in children if child["kind"] == "CronJob"]
    return tuple(
        one
        for one in related
        if one["kind"] == "Job" and any(owned_by(one, maker) for maker in makers)
    )
