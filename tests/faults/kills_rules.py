"""What must be so after each single change, whoever was killed: rules over a history."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tests.faults.kills_history import OWNER, Change
from tests.faults.kills_situations import NAME
from tests.scenarios.world import CHILD_KINDS

Json = dict[str, Any]
There = dict[tuple[str, str], Json]
Rule = Callable[[There, Change], Iterator[str]]

REVISION = "contender.dev/revision"
SERVED_AT = "contender.dev/served-at"
RETRAIN = "contender.dev/retrain"


def broken(changes: Sequence[Change], *rules: Rule) -> list[str]:
    """Go through a history; return how it breaks the rules.

    A rule is asked at each change, with what was there before it.
    """
    there: There = {}
    found: list[str] = []
    for change in changes:
        found += [f"{change}: {why}" for rule in rules for why in rule(there, change)]
        key = (change.kind, change.name)
        there = {one: manifest for one, manifest in there.items() if one != key}
        if not change.is_deletion:
            there[key] = change.manifest
    return found


def callers_are_answered(there: There, change: Change) -> Iterator[str]:
    """Once callers are answered, they always are; an update takes over all that they need."""
    after = _after(there, change)
    owner = after.get((OWNER, NAME))
    if owner is None or owner["metadata"].get("deletionTimestamp") or _answering(there) == 0:
        return
    if _answering(after) == 0:
        yield "the endpoint leads to no available pod"
    elif _wanted(after) < min(_wanted(there), _least(after)):
        yield f"{_wanted(after)} pods are left of {_wanted(there)}, spec wants {_least(after)}"
    if _selected(there) != _selected(after) and _answering(after) < min(
        _wanted(there), _most(after)
    ):
        yield f"{_answering(after)} pods take over from {_wanted(there)}"


def children_are_owned_from_the_first_moment(there: There, change: Change) -> Iterator[str]:
    if not change.is_new or change.kind not in CHILD_KINDS:
        return
    owner = there.get((OWNER, NAME))
    if owner is None or owner["metadata"].get("deletionTimestamp"):
        yield "made although its ModelDeployment is gone"
    elif change.owner != owner["metadata"]["uid"]:
        yield "made without its owner"


def nothing_is_made_before_its_record(there: There, change: Change) -> Iterator[str]:
    if change.is_deletion or change.kind in (OWNER, "ControllerRevision"):
        return
    metadata, spec = change.manifest["metadata"], change.manifest.get("spec") or {}
    revision = metadata["labels"].get(REVISION)
    if change.kind == "Service" and change.name == NAME:
        revision = spec["selector"][REVISION]
        moved = not change.is_new and revision != _selected(there)
        record = there.get(("ControllerRevision", revision)) or {"metadata": {}}
        if moved and SERVED_AT not in (record["metadata"].get("annotations") or {}):
            yield f"{revision} is switched to before its record says so"
    if revision and ("ControllerRevision", revision) not in there:
        yield f"there is no record of {revision}"


def one_run_for_each_command(there: There, change: Change) -> Iterator[str]:
    if change.kind != "Job" or not change.is_new:
        return
    others = [name for kind, name in there if kind == "Job" and name != change.name]
    if others:
        yield f"a run beside {', '.join(others)}"
    cron_job = there.get(("CronJob", f"{NAME}-retrain"))
    if cron_job and not cron_job["spec"]["suspend"]:
        yield "the schedule may start a run beside it"


EACH = (
    callers_are_answered,
    children_are_owned_from_the_first_moment,
    nothing_is_made_before_its_record,
    one_run_for_each_command,
)


def made(changes: Sequence[Change]) -> list[str]:
    """Return all objects that were made, each as often as it was."""
    return sorted(f"{change.kind} {change.name}" for change in changes if change.is_new)


def _after(there: There, change: Change) -> There:
    after = {**there, (change.kind, change.name): change.manifest}
    if change.is_deletion:
        del after[change.kind, change.name]
    return after


def _selected(there: There) -> str:
    endpoint = there.get(("Service", NAME))
    return endpoint["spec"]["selector"][REVISION] if endpoint else ""


def _answering(there: There) -> int:
    """Return how many pods are behind the endpoint."""
    deployment = there.get(("Deployment", _selected(there))) or {}
    available: int = deployment.get("status", {}).get("availableReplicas", 0)
    return min(available, _wanted(there))


def _wanted(there: There) -> int:
    deployment = there.get(("Deployment", _selected(there))) or {}
    wanted: int = deployment.get("spec", {}).get("replicas", 0)
    return wanted


def _least(there: There) -> int:
    least: int = (there[OWNER, NAME]["spec"].get("scaling") or {}).get("minReplicas", 1)
    return least


def _most(there: There) -> int:
    scaling = there[OWNER, NAME]["spec"].get("scaling") or {}
    most: int = scaling.get("maxReplicas", scaling.get("minReplicas", 1))
    return most
