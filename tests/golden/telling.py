"""Plays a situation step by step, and tells what the operator did, in words for people.

`{1}` stands for the 8 characters in the name of the first revision, `{2}` for the second's, and
`{<token>}` for those of a retraining Job started by that token: in and out. Every step takes a
second, and the operator is at rest before the next one.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from contender.api.v1alpha1.base import seconds
from contender.core import names
from contender.core.diff import Create, Update
from contender.core.manifest import Manifest, annotation, format_time
from tests.golden.world import Effect, Pass, World

HERE = Path(__file__).parent
_HASH = re.compile(r"v1:[0-9a-f]{32}")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"

STEPS: dict[str, Callable[[World, Any], None]] = {
    "apply": World.apply,
    "annotate": World.annotate,
    "edit": lambda world, one: world.edit(**one),
    "delete": lambda world, one: world.remove(one["kind"], one["name"]),
    "lose": lambda world, _: world.lose_status(),
    "account": lambda world, one: world.accounts.update(one),
    "time passes": lambda world, one: world.wait(seconds(one)),
    "pods ready": lambda world, one: world.pods_ready(**one),
    "pods stuck": lambda world, one: world.pods_stuck(**one),
    "deployment reports": lambda world, one: world.deployment_reports(**one),
    "autoscaler sets": lambda world, one: world.autoscaler_sets(**one),
    "event says": lambda world, one: world.event_says(**one),
    "schedule starts": World.schedule_starts,
    "routers ready": World.routers_ready,
    "routers count": World.routers_count,
    "routers stuck": lambda world, one: setattr(world.routers, "stuck", one),
    "experiment": lambda world, one: world.experiment(**one),
    "annotate experiment": lambda world, one: world.annotate_experiment(**one),
    "installed": World.install,
    "recorder says": World.recorder_says,
    "recorder looks": lambda world, one: world.recorder_looks(**one),
    "run ends": lambda world, one: world.run_ends(**one),
}
"""What may happen in a situation."""


class Story:
    """One situation as it is played and told."""

    def __init__(self) -> None:
        self.world = World()
        self._hashes: list[str] = []
        self._tokens: set[str] = set()

    def tell(self, situation: str) -> list[dict[str, Any]]:
        """Play a situation, after the one it says it follows; tell about its own steps."""
        script = yaml.safe_load((HERE / f"{situation}.in.yaml").read_text())
        if "after" in script:
            self.tell(script["after"])
        whole = script.get("show") == "manifests"
        told: list[dict[str, Any]] = []
        for step in script["steps"]:
            together = step if isinstance(step, list) else [step]
            self.world.wait(1)
            for event in together:
                self._play(event)
            passes = self.world.settle()
            told.append({"step": self._alias(step), **self._alias(_told(passes, whole=whole))})
        return told

    def _play(self, event: dict[str, Any]) -> None:
        ((what, how),) = event.items()
        STEPS[what](self.world, self._real(how))

    def _aliases(self) -> dict[str, str]:
        owner = self.world.name
        known = {
            name.removeprefix(f"{owner}-"): f"{{{number}}}"
            for number, name in enumerate(self.world.revisions, start=1)
        }
        self._tokens.update(self._tokens_present())
        return known | {names.suffix(token): f"{{{token}}}" for token in sorted(self._tokens)}

    def _tokens_present(self) -> Iterator[str]:
        jobs = [one for one in self.world.objects.values() if one["kind"] == "Job"]
        for one in (self.world.owner, *jobs):
            if token := annotation(one, names.COMMAND_RETRAIN):
                yield token

    def _real(self, value: Any) -> Any:
        text = json.dumps(value)
        for real, alias in self._aliases().items():
            text = text.replace(alias, real)
        return json.loads(text)

    def _alias(self, value: Any) -> Any:
        text = json.dumps(value)
        for found in _HASH.findall(text):
            if found not in self._hashes:
                self._hashes.append(found)
        for letter, found in zip(_LETTERS, self._hashes, strict=False):
            text = text.replace(found, f"hash {letter}")
        for real, alias in self._aliases().items():
            text = text.replace(real, alias)
        return json.loads(text)


class _Dumper(yaml.SafeDumper):
    """Writes small maps and lists of scalars on one line, everything else in blocks."""


def _represent(dumper: yaml.SafeDumper, value: Any) -> yaml.Node:
    inner = value.values() if isinstance(value, dict) else value
    small = len(json.dumps(value)) <= 80 and not any(isinstance(one, dict | list) for one in inner)
    if isinstance(value, dict):
        return dumper.represent_mapping("tag:yaml.org,2002:map", value.items(), flow_style=small)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=small)


_Dumper.add_representer(dict, _represent)
_Dumper.add_representer(list, _represent)


def dump(told: list[dict[str, Any]]) -> str:
    return yaml.dump_all(told, Dumper=_Dumper, sort_keys=False, width=1000, allow_unicode=True)


def _told(passes: list[Pass], *, whole: bool) -> dict[str, Any]:
    last = passes[-1]
    writes = [[_effect(effect, whole=whole) for effect in one.effects] for one in passes]
    told: dict[str, Any] = {"writes": [titled for one in writes for titled in one] or "none"}
    events = [
        f"{event.type} {event.reason}: {event.message}" for one in passes for event in one.events
    ]
    if events:
        told["events"] = events
    if last.again_at:
        told["again"] = format_time(last.again_at)
    if last.experiments:
        told["experiments"] = {name: _experiment(one) for name, one in last.experiments.items()}
    return {**told, "status": _status(last.status)}


def _effect(effect: Effect, *, whole: bool) -> Any:
    write = effect.write
    if isinstance(write, Create):
        shown = _whole(write.manifest) if whole else _brief(write.manifest)
        return {effect.title: shown} if shown else effect.title
    if isinstance(write, Update):
        assert effect.before is not None
        assert effect.after is not None
        changes = dict(_changes(effect.before, effect.after, ""))
        return {effect.title: changes or "only the note of what was applied"}
    return effect.title


def _whole(manifest: Manifest) -> dict[str, Any]:
    """Return a manifest without what all children have in common."""
    body = {
        key: value
        for key, value in manifest.items()
        if key not in ("apiVersion", "metadata", "kind")
    }
    notes = _notes(manifest)
    return {**({"annotations": notes} if notes else {}), **body}


def _brief(manifest: Manifest) -> dict[str, Any]:
    spec = manifest.get("spec", {})
    match manifest["kind"]:
        case "ControllerRevision":
            return {"number": manifest["revision"], **_notes(manifest)}
        case "Service":
            selector = spec["selector"]
            return {"selects": selector.get(names.LABEL_REVISION) or selector[names.LABEL_ROLE]}
        case "Deployment":
            return {"replicas": spec["replicas"]}
        case "HorizontalPodAutoscaler":
            return {"replicas": f"{spec['minReplicas']} to {spec['maxReplicas']}"}
        case "CronJob":
            return {key: spec[key] for key in ("schedule", "timeZone", "suspend")}
        case _:
            return _notes(manifest)


def _notes(manifest: Manifest) -> dict[str, str]:
    notes = dict(manifest["metadata"].get("annotations") or {})
    for untold in (names.ANNOTATION_APPLIED, names.ANNOTATION_TRAFFIC):
        notes.pop(untold, None)
    return notes


_UNTOLD = frozenset(
    {
        "metadata.resourceVersion",
        f"metadata.annotations.{names.ANNOTATION_APPLIED}",
        f"metadata.annotations.{names.ANNOTATION_TRAFFIC}",
    }
)


def _changes(before: Any, after: Any, path: str) -> Iterator[tuple[str, str]]:
    """Iterate over what a write has changed: path, and `before -> after`."""
    if path in _UNTOLD or before == after:
        return
    if path.startswith("data.") and path.endswith(".yaml"):
        yield path, "changed"
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in {**before, **after}:
            below = f"{path}.{key}" if path else key
            yield from _changes(before.get(key), after.get(key), below)
        return
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _changes(one, other, f"{path}[{index}]")
        return
    yield path, f"{_short(before)} -> {_short(after)}"


def _short(value: Any) -> str:
    if value is None:
        return "nothing"
    return value if isinstance(value, str) else json.dumps(value)


def _experiment(status: dict[str, Any]) -> dict[str, Any]:
    """Return what of an Experiment's status is not the same in every situation."""
    untold = ("observedGeneration", "plan", "counters", "countedAt")
    told = {key: value for key, value in status.items() if key not in untold}
    told["conditions"] = {one["type"]: _condition(one) for one in status["conditions"]}
    told["epochs"] = [
        {key: value for key, value in one.items() if key != "traffic"}
        for one in status.get("epochs") or []
    ]
    return told


def _status(status: dict[str, Any]) -> dict[str, Any]:
    told = {key: value for key, value in status.items() if key != "endpoint"}
    generation = status["observedGeneration"]
    assert all(one["observedGeneration"] == generation for one in status["conditions"])
    told["conditions"] = {one["type"]: _condition(one) for one in status["conditions"]}
    return told


def _condition(one: dict[str, Any]) -> str:
    said = f": {one['message']}" if one["message"] else ""
    return f"{one['status']}, {one['reason']}{said} (since {one['lastTransitionTime']})"
