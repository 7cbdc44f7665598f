"""Experiments that have started, and looks at them as the recorder tells them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any

from contender.api.v1alpha1.capture import Feedback
from contender.api.v1alpha1.experiment import ExperimentSpec
from contender.api.v1alpha1.experiment_status import ArmStatus, Comparison, ExperimentStatus
from contender.api.v1alpha1.objectives import Analysis, Objective
from contender.core.experiment.advance import advance
from contender.core.experiment.course import Course, Scene
from contender.core.experiment.looks import Look, read_look
from contender.core.experiment.orders import read_orders
from contender.core.experiment.weighing import Task
from contender.core.manifest import parse_time
from contender.core.names import router_name
from contender.core.records import stored_records
from tests.golden.world import World

Json = dict[str, Any]

TARGET: Json = {
    "model": {"version": "1", "image": "registry/churn:1"},
    "capture": {},
    "rows": {"preset": "V1", "task": "Binary", "positiveClass": "1"},
    "feedback": [
        {"name": "churned", "kind": "Label"},
        {"name": "left", "kind": "Label"},
        {"name": "paid", "kind": "Reward"},
        {"name": "repaid", "kind": "Label", "dependsOnAnswer": True},
    ],
}
ACCURACY: Json = {"name": "accuracy", "feedback": "churned", "loss": "ZeroOne"}
AS_GOOD: Json = {**ACCURACY, "goal": "NonInferior", "margin": 0.05}
REVENUE: Json = {"name": "revenue", "feedback": "paid"}
SHADOW: Json = {"name": "look", "shadow": {}, "until": {"verdict": True, "atMost": "24h"}}
HALF: Json = {
    "name": "half",
    "split": {"weights": {"v2": 50}},
    "until": {"verdict": True, "atMost": "24h"},
}
RECORDER: Json = {"recorder": "contender-recorder.contender-system.svc"}
LATE = ("objectives", "analysis", "promotion")
"""Of a spec: what does not matter before the first look."""
UID = "uid-of-trial"
"""Of the Experiment, and so of what the recorder says of it."""


def candidate(name: str) -> Json:
    version = name.removeprefix("v")
    return {"name": name, "model": {"version": version, "image": f"registry/churn:{version}"}}


def spec(**said: Any) -> Json:
    """Return the spec of an Experiment that is decided by its objectives."""
    names = said.pop("names", ("v2",))
    defaults: Json = {
        "candidates": [candidate(one) for one in names],
        "steps": [SHADOW],
        "objectives": [ACCURACY],
        "promotion": "Automatic",
    }
    return {**defaults, **said}


def open_world(target: Json | None = None, **said: Any) -> World:
    """Return a world in which an Experiment has the traffic."""
    world = World()
    world.install(RECORDER)
    world.apply({**TARGET, **(target or {})})
    wanted = spec(**said)
    world.experiment("trial", {key: one for key, one in wanted.items() if one is not None})
    for _ in range(2):
        world.settle()
        make_ready(world)
    world.settle()
    world.wait(1)
    world.routers_ready(2)
    world.settle()
    assert status_of(world)["step"]["startedAt"]
    return world


def make_ready(world: World) -> None:
    """Let all models have the pods that they want."""
    for kind, name in list(world.objects):
        if kind == "Deployment" and name != router_name(world.name):
            world.pods_ready(name, world.get(kind, name)["spec"]["replicas"])


def status_of(world: World) -> Json:
    found: Json = world.get("Experiment", "trial")["status"]
    return found


@cache
def _opened(said: str) -> World:
    target, experiment = json.loads(said)
    return open_world(target, **experiment)


def started(target: Json | None = None, **said: Any) -> tuple[Course, Scene]:
    """Return an Experiment that has the traffic, and what it sees."""
    early = {key: value for key, value in said.items() if key not in LATE} | {"objectives": None}
    world = _opened(json.dumps([target, early]))
    owner, snapshot = world.get("Experiment", "trial"), world.snapshot()
    wanted = {"target": world.name, **spec(**said)}
    status = ExperimentStatus.model_validate(owner["status"])
    course = Course(
        owner,
        ExperimentSpec.model_validate(
            {key: value for key, value in wanted.items() if value is not None}
        ),
        status,
        read_orders(owner, status),
    )
    records = stored_records(snapshot)
    serving = next(one for one in records if one.name == world.revisions[0])
    return course, Scene(snapshot, records, serving, arrived=True, ahead="", reports=None)


def told(course: Course, scene: Scene, looks: Iterable[Look], after: float = 0.0) -> Course:
    """Return the course once the operator has met these looks, so many seconds after the start."""
    began = course.status.began_at
    assert began is not None
    snapshot = replace(
        scene.snapshot,
        looks={course.run: tuple(looks)},
        now=parse_time(began) + timedelta(seconds=after),
    )
    return advance(course, replace(scene, snapshot=snapshot))


def restarted(course: Course) -> Course:
    """Return the course as an operator finds it that knows nothing but what was written."""
    shown = course.status.model_dump(by_alias=True, exclude_none=True, mode="json")
    status = ExperimentStatus.model_validate(json.loads(json.dumps(shown)))
    return replace(course, status=status)


def comparison(course: Course, name: str = "v2", objective: str = "accuracy") -> Comparison:
    """Return what is known of a candidate's objective."""
    return next(
        one
        for one in course.status.comparisons or []
        if (one.candidate, one.objective) == (name, objective)
    )


def arm_of(course: Course, name: str = "v2") -> ArmStatus:
    """Return what became of a candidate."""
    return next(one for one in course.status.arms or [] if one.name == name)


def task(objective: Json | None = None, feedback: Json | None = None, **said: Any) -> Task:
    """Return an objective of v2 as it is weighed; more is of the analysis."""
    declared = {one["name"]: one for one in TARGET["feedback"]}
    wanted = Objective.model_validate(objective or ACCURACY)
    return Task(
        objective=wanted,
        feedback=Feedback.model_validate({**declared[wanted.feedback], **(feedback or {})}),
        candidate="v2",
        analysis=Analysis.model_validate(said),
        candidates=1,
    )


# What the recorder tells.


def arm(
    name: str,
    n: int,
    mean: float,
    *,
    variance: float | None = None,
    entities: float = 1.0,
    feedback: str = "churned",
    loss: str = "ZeroOne",
    epoch: str = "e1",
    buckets: Mapping[str, list[float]] | None = None,
) -> Json:
    """Return the mean of an arm.

    Args:
        name: of the arm.
        n: rows.
        mean: of their losses.
        variance: of a row; None: they are 0 or 1.
        entities: how many times the variance is if only entities are independent.
        feedback: which truth.
        loss: which loss.
        epoch: which epoch.
        buckets: rows and sums by bucket.
    """
    of_row = mean * (1 - mean) * n / max(n - 1, 1) if variance is None else variance
    told = {"epoch": epoch, "arm": name, "kind": "arm", "feedback": feedback, "loss": loss}
    numbers = {
        "n": n,
        "mean": mean,
        "rowVariance": of_row / n,
        "bucketVariance": entities * of_row / n,
    }
    return {**told, **numbers, **({"buckets": buckets} if buckets else {})}


def pair(
    n: int,
    worse: int,
    better: int,
    *,
    name: str = "v2",
    incumbent: float = 0.1,
    entities: float = 1.0,
    epoch: str = "e1",
    buckets: Mapping[str, list[float]] | None = None,
) -> Json:
    """Return the mean of pairs in which the candidate was worse, or better, in so many rows."""
    mean = (worse - better) / n
    variance = ((worse + better) / n - mean * mean) * n / max(n - 1, 1)
    found = arm(name, n, mean, variance=variance, entities=entities, epoch=epoch, buckets=buckets)
    both = {"incumbent": incumbent, "challenger": incumbent + mean}
    return {**found, "kind": "pair", **both, "worse": worse, "better": better}


def labelled(name: str, n: int, share: float = 1.0, **said: Any) -> Json:
    """Return of how many rows of an arm the truth is known."""
    return arm(name, n, share, loss="Labelled", **said)


def halves(complete: int, name: str = "v2", epoch: str = "e1", **counts: int) -> Json:
    """Return how many requests were answered by both."""
    return {"epoch": epoch, "arm": name, "counts": {"complete": complete, **counts}}


def seen(number: int, *means: Json, pairs: Iterable[Json] = (), at: float = 0.0) -> Json:
    """Return a look as the recorder tells it."""
    return {
        "experiment": UID,
        "number": number,
        "at": at,
        "total": 10 * number,
        "judge": "1b3e63c4",
        "means": list(means),
        "pairs": list(pairs),
    }


def look(number: int, *means: Json, pairs: Iterable[Json] = (), at: float = 0.0) -> Look:
    """Return a look."""
    return read_look(seen(number, *means, pairs=pairs, at=at))


def in_pairs(
    number: int, n: int, worse: int, better: int, *, name: str = "v2", at: float = 0.0
) -> Look:
    """Return a look at requests of one row, all of which both have answered, with all truths."""
    return look(
        number,
        pair(n, worse, better, name=name),
        arm("incumbent", n, 0.1),
        arm(name, n, 0.1 + (worse - better) / n),
        labelled("incumbent", n),
        labelled(name, n),
        pairs=[halves(n, name=name, rows=n)],
        at=at,
    )
