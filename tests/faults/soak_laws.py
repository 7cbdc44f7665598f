"""What must hold at every moment of the soak, told from what was stored."""

from collections import defaultdict
from collections.abc import Callable

from contender.core.manifest import condition
from tests.e2e.kube import Json
from tests.faults.soak_watch import Event, Hand
from tests.scenarios.world import GROUP, serves
from tests.scenarios.world import condition as told

BEHIND_SECONDS = 2.0
"""The operator may act on what was so a moment ago."""

Blind = Callable[[float], float]
"""Since when, at a moment, the operator may have seen nothing: stopped, or cut off."""


class Laws:
    """Judges one event after the other. Only the operator's own doings can break a law."""

    def __init__(self, hand: Hand, blind: Blind) -> None:
        self._hand = hand
        self._blind = blind
        self._objects: dict[tuple[str, str], Json] = {}
        self._led: dict[tuple[str, str], str] = {}
        """By owner's uid and name: the revision that callers were led to last."""
        self._ready: dict[str, list[tuple[float, int]]] = defaultdict(lambda: [(0.0, 0)])
        """By revision: how many pods were ready, and since when."""
        self._born: dict[str, float] = {}
        """By uid: since when a Job is there."""
        self._foreign: set[str] = set()

    def protect(self, foreign: Json) -> None:
        """Take an object for somebody else's."""
        self._foreign.add(foreign["metadata"]["uid"])

    def judge(self, event: Event) -> list[str]:
        """Return what was wrong about an event, and remember it."""
        before = self._objects.get((event.kind, event.name))
        laws = {
            "Deployment": self._deployment,
            "Job": self._job,
            "ModelDeployment": self._owner,
            "Service": self._service,
        }
        wrong = []
        if not self._hand.wrote(event):
            law = laws.get(event.kind)
            wrong = law(event, before) if law else []
            if event.object["metadata"]["uid"] in self._foreign:
                wrong.append("it is not the operator's")
        self._remember(event)
        return [f"{event}: {one}" for one in wrong]

    def _remember(self, event: Event) -> None:
        key = (event.kind, event.name)
        if event.type == "DELETED":
            self._objects.pop(key, None)
        else:
            self._objects[key] = event.object
        if event.kind == "Job":
            self._born.setdefault(event.object["metadata"]["uid"], event.at)
        if event.kind == "Deployment":
            gone = event.type == "DELETED"
            count = 0 if gone else (event.object.get("status") or {}).get("readyReplicas", 0)
            self._ready[event.name].append((event.at, count))
        if event.kind == "Service" and event.type != "DELETED" and _revision(event.object):
            self._led[_owner_of(event.object)] = _revision(event.object)

    def _service(self, event: Event, before: Json | None) -> list[str]:
        """Callers are never led from ready pods to none."""
        del before
        old = self._led.get(_owner_of(event.object), "")
        new = _revision(event.object)
        if event.type == "DELETED" or new in ("", old) or not old:
            return []
        if max(self._lately(new, event.at)) or not min(self._lately(old, event.at)):
            return []
        return [f"callers are led from {old}, which has ready pods, to {new}, which has none"]

    def _deployment(self, event: Event, before: Json | None) -> list[str]:
        """The pods that callers are led to are never taken away."""
        owner = _owner_of(event.object)
        selected = self._led.get(owner) == event.name and bool(owner[0])
        if event.type == "DELETED" and selected:
            return ["callers are led there"]
        scaled = (before or {}).get("spec", {}).get("replicas")
        if event.type == "MODIFIED" and scaled and event.object["spec"]["replicas"] == 0:
            return ["it is scaled to none"]
        return []

    def _job(self, event: Event, before: Json | None) -> list[str]:
        """No run starts while another is active."""
        del before
        owner = _owner_of(event.object)
        if event.type != "ADDED":
            return []
        makers = {owner, *self._makers(owner)}
        since = self._seen_since(event.at)
        return [
            f"{name} is active"
            for (kind, name), one in self._objects.items()
            if kind == "Job" and _owner_of(one) in makers and not _ended(one)
            # What the schedule started a moment ago need not have been seen yet.
            if _owner_of(one) == owner or self._born[one["metadata"]["uid"]] < since
        ]

    def _makers(self, owner: tuple[str, str]) -> list[tuple[str, str]]:
        """The CronJobs of an owner."""
        return [
            (one["metadata"]["uid"], name)
            for (kind, name), one in self._objects.items()
            if kind == "CronJob" and _owner_of(one) == owner
        ]

    def _owner(self, event: Event, before: Json | None) -> list[str]:
        """Of the user's object only status is written, and it is about the present spec."""
        if event.type != "MODIFIED" or before is None:
            return []
        now = event.object
        wrong = [
            f"{key} was changed"
            for key in ("labels", "annotations", "finalizers", "generation", "ownerReferences")
            if now["metadata"].get(key) != before["metadata"].get(key)
        ]
        if now["spec"] != before["spec"]:
            wrong.append("spec was changed")
        status = now.get("status") or {}
        if status.get("observedGeneration") != now["metadata"]["generation"]:
            wrong.append("status is about another generation")
        return [*wrong, *self._lies(event, status)]

    def _lies(self, event: Event, status: Json) -> list[str]:
        if told(status, "Ready") != "True":
            return []
        revision = serves(status)
        if not max(self._lately(revision, event.at)):
            return [f"it says Ready, but {revision} has no ready pod"]
        held = told(status, "Ready", "reason") == "RolledBack"
        wanted = event.object["spec"]["model"]["version"]
        if not held and status["serving"]["version"] != wanted:
            return [f"it says Ready with {status['serving']['version']}, but {wanted} is wanted"]
        return []

    def _lately(self, revision: str, at: float) -> list[int]:
        """How many pods were ready at all the moments that the operator may have seen last."""
        since = self._seen_since(at)
        past = self._ready[revision]
        first = max((index for index, (when, _) in enumerate(past) if when <= since), default=0)
        return [count for _, count in past[first:]]

    def _seen_since(self, at: float) -> float:
        return min(at - BEHIND_SECONDS, self._blind(at))


def _revision(service: Json) -> str:
    """The revision that an endpoint leads to; nothing if it is no endpoint of ours."""
    selector = (service.get("spec") or {}).get("selector") or {}
    if service["spec"].get("clusterIP") == "None":
        return ""
    return str(selector.get(f"{GROUP}/revision", ""))


def _owner_of(manifest: Json) -> tuple[str, str]:
    owners = manifest["metadata"].get("ownerReferences") or [{"uid": "", "name": ""}]
    return owners[0]["uid"], owners[0]["name"]


def _ended(job: Json) -> bool:
    return any(
        (condition(job, kind) or {}).get("status") == "True" for kind in ("Complete", "Failed")
    )
