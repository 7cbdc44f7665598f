"""Routing: whether callers go through routers, and what these are told next."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache

from contender.api.v1alpha1.router import Router
from contender.core import names, routers
from contender.core.manifest import Manifest, annotation
from contender.core.records import Record
from contender.core.snapshot import Snapshot
from contender.core.trouble import Trouble, find_trouble
from contender.router.publish import following, have
from contender.router.render import CLUSTERS, ROUTES, render
from contender.router.traffic import INCUMBENT, Arm, Capture, Traffic, Trial

LINGER = timedelta(seconds=30)
"""How long routers outlive the last new connection to them."""
FIRST_PATIENCE = timedelta(seconds=60)
"""How long callers of a new endpoint wait for its routers before they are led past them."""
ASK_AGAIN = timedelta(seconds=0.5)
"""How soon routers are asked again whether they have what they were given."""
NUDGE_SECONDS = 5
"""After this the kubelet is told again to look at the ConfigMap: it may have looked too early."""


@dataclass(frozen=True)
class Nudge:
    """A router pod that gets an annotation, so that the kubelet looks at its ConfigMap now."""

    pod: Manifest
    value: str


@dataclass(frozen=True)
class Routing:
    """The routers of one endpoint."""

    settings: Router
    has_pods: bool
    """Whether there should be routers by now. A new endpoint's wait for the first pod of the model:
    who asks DNS for it before is told for long that there is none."""
    carries: bool
    """Whether the endpoint should lead to the routers."""
    files: Mapping[str, str]
    """What they are given now."""
    traffic: str
    """Hash of the plan if this is all of it, else empty."""
    leads_to: str
    """Revision that these files ask for callers who take part in no experiment."""
    named: tuple[str, ...]
    """All revisions that these files ask for anything."""
    carries_since: datetime | None
    """Since when callers go through them."""
    left_at: datetime | None
    """Since when callers do not go through them any more."""
    nudges: tuple[Nudge, ...]
    again_at: datetime | None
    message: str
    """What is waited for; empty when nothing is."""
    trouble: str
    """What keeps routers from being ready until somebody mends it; empty when nothing does."""


@dataclass(frozen=True)
class _Hashed:
    """A plan that is known by its hash."""

    hash: str
    traffic: Traffic = field(compare=False)


@lru_cache(maxsize=512)
def _render(plan: _Hashed) -> Mapping[str, str]:
    """Return the files of a plan; most passes want the same as the one before."""
    return render(plan.traffic)


def arm_of(record: Record, name: str = INCUMBENT) -> Arm:
    """Return a revision as an arm of the traffic."""
    h2c = record.input["model"].get("protocol") == "H2C"
    return Arm(name, record.name, record.version, record.port, h2c)


def plain_traffic(snapshot: Snapshot, serving: Record) -> Traffic:
    """Return the plan in which the serving revision answers everything."""
    return Traffic(
        snapshot.name,
        snapshot.namespace,
        arm_of(serving),
        capture=_capture(snapshot),
        token=snapshot.uid,
    )


def _capture(snapshot: Snapshot) -> Capture | None:
    """Return what routers should capture."""
    said, recorder = snapshot.spec.capture, snapshot.installation.recorder
    if said is None or not recorder:
        return None
    return Capture(recorder, said.percent, said.max_body_bytes)


def make_routing(
    snapshot: Snapshot,
    serving: Record | None,
    wanted: Record,
    trial: Trial | None,
    *,
    needed: bool,
) -> Routing | None:
    """Return what is to become of the routers; None when there are to be none.

    Args:
        snapshot: what exists.
        serving: the revision that serves, if one does.
        wanted: the revision that spec wants.
        trial: what an experiment wants of them.
        needed: whether an experiment needs them.
    """
    settings = snapshot.spec.router or Router()
    asked = needed or settings.mode == "Always" or _capture(snapshot) is not None
    carried = routers.carry_callers(snapshot)
    left = None if asked or carried else routers.left_at(snapshot) or snapshot.now
    if not (asked or routers.config(snapshot)):
        return None
    if left and snapshot.now >= left + LINGER:
        return None
    incumbent = serving or wanted
    traffic = plain_traffic(snapshot, incumbent)
    if asked and carried and trial:
        # Before callers go through all routers, no share of theirs would be what it should.
        traffic = replace(traffic, trial=trial)
    hashed = names.digest(traffic)
    files = _render(_Hashed(hashed, traffic))
    given = routers.files(snapshot)
    arms = frozenset(arm.revision for arm in traffic.arms)
    published = following(given, files, routers.versions_to_ask(snapshot, arms))
    nudges = tuple(_nudges(snapshot, published))
    settled = have(routers.versions(snapshot), published) and published == files
    if snapshot.pods_ready(incumbent.name):
        settled = settled and routers.find_pods(snapshot, incumbent.name)
    carries = asked and _may_carry(snapshot, settings, serving, carried=carried)
    trouble = _trouble(snapshot) if asked else None
    return Routing(
        settings=settings,
        has_pods=serving is not None or snapshot.pods_ready(wanted.name) > 0,
        carries=carries,
        carries_since=(routers.carries_since(snapshot) or snapshot.now) if carries else None,
        files=published,
        traffic=hashed if published == files else "",
        leads_to=incumbent.name
        if published[ROUTES] == files[ROUTES]
        else routers.leads_to(snapshot),
        named=_named(snapshot, traffic, whole=published[CLUSTERS] == files[CLUSTERS]),
        left_at=left,
        nudges=nudges,
        again_at=_again_at(snapshot, serving, left, settled=settled),
        message=_message(snapshot, settings, trouble, settled=settled) if asked else "",
        trouble=str(trouble) if trouble and trouble.hard else "",
    )


def _may_carry(
    snapshot: Snapshot, settings: Router, serving: Record | None, *, carried: bool
) -> bool:
    """Return whether callers may be led to the routers: once all are ready and know the way. They
    stay there as long as one is ready.

    What serves nobody yet may be led there from the beginning, so that no connection of a caller
    is older than the routers.
    """
    if serving is None or serving.served_at is None:
        return True
    ready = sum(map(routers.is_ready, snapshot.router_pods()))
    if carried:
        return ready > 0 or snapshot.now < serving.served_at + FIRST_PATIENCE
    knows = routers.leads_to(snapshot) == serving.name and routers.follow_routes(snapshot)
    return ready >= settings.replicas and knows and routers.find_pods(snapshot, serving.name)


def _named(snapshot: Snapshot, traffic: Traffic, *, whole: bool) -> tuple[str, ...]:
    asked = {arm.revision for arm in traffic.arms}
    return tuple(sorted(asked if whole else asked | routers.named(snapshot)))


def _nudges(snapshot: Snapshot, files: Mapping[str, str]) -> Iterator[Nudge]:
    """Iterate over the pods that do not have these files yet and were not told so lately."""
    config = names.digest(files)
    since = int(snapshot.now.timestamp()) // NUDGE_SECONDS
    for pod in snapshot.router_pods():
        reading = snapshot.routers.get(routers.process_of(pod))
        told, _, when = annotation(pod, names.ANNOTATION_CONFIG).partition("@")
        if reading and have([reading.versions], files):
            continue
        if told != config or (reading and when != str(since)):
            yield Nudge(pod, f"{config}@{since}")


def _again_at(
    snapshot: Snapshot, serving: Record | None, left: datetime | None, *, settled: bool
) -> datetime | None:
    moments = [left + LINGER] if left else []
    if serving and serving.served_at and routers.carry_callers(snapshot):
        patience = serving.served_at + FIRST_PATIENCE
        moments += [patience] if patience > snapshot.now else []
    if snapshot.routers and not settled:
        moments.append(snapshot.now + ASK_AGAIN)
    return min(moments, default=None)


def _trouble(snapshot: Snapshot) -> Trouble | None:
    """Return what keeps routers from being ready; nothing while at least one is."""
    pods = snapshot.router_pods()
    if any(map(routers.is_ready, pods)):
        return None
    deployment = snapshot.child("Deployment", names.router_name(snapshot.name))
    return find_trouble(deployment, pods, snapshot.reports)


def _message(
    snapshot: Snapshot, settings: Router, trouble: Trouble | None, *, settled: bool
) -> str:
    ready = sum(map(routers.is_ready, snapshot.router_pods()))
    if ready < settings.replicas:
        why = f": {trouble}" if trouble and trouble.hard else ""
        return f"{ready} of {settings.replicas} routers are ready{why}"
    if silent := sum(not reading.versions for reading in snapshot.routers.values()):
        return f"{silent} of {ready} routers do not answer the operator on port 9902"
    return "" if settled else "routers take over their new configuration"
