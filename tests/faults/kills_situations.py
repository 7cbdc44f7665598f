"""What users and controllers do while the operator is killed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.scenarios.world import World

NAME = "churn"

Act = Callable[[World], None]


@dataclass(frozen=True)
class Situation:
    """What happens, and what has happened before; after each act the operator comes to rest."""

    name: str
    acts: tuple[Act, ...]
    """The operator is killed at each write that answers to one of these."""
    given: tuple[Act, ...] = ()

    @property
    def story(self) -> tuple[Act, ...]:
        return (*self.given, *self.acts)

    def __str__(self) -> str:
        return self.name


# Users


def created(spec: dict[str, Any]) -> Act:
    def act(world: World) -> None:
        world.create("ModelDeployment", NAME, spec=spec)

    return act


def changed(**spec: Any) -> Act:
    """Fields of spec are changed; None removes one."""

    def act(world: World) -> None:
        world.patch("ModelDeployment", NAME, {"spec": spec})

    return act


def annotated(**annotations: str | None) -> Act:
    def act(world: World) -> None:
        world.annotate(NAME, **annotations)

    return act


def rolled_back(world: World) -> None:
    """Ask for the first revision."""
    records = world.kube.all("ControllerRevision", world.namespace)
    first = next(one["metadata"]["name"] for one in records if one["revision"] == 1)
    world.annotate(NAME, rollback=f"{first}/1")


# Controllers


def pods_are_ready(world: World) -> None:
    """Be the Deployment controller."""
    for deployment in world.kube.all("Deployment", world.namespace):
        world.ready(deployment["metadata"]["name"])


def load_grows(world: World) -> None:
    """Be the autoscaler: one pod more."""
    for deployment in world.kube.all("Deployment", world.namespace):
        more = {"spec": {"replicas": deployment["spec"]["replicas"] + 1}}
        world.patch("Deployment", deployment["metadata"]["name"], more)
    pods_are_ready(world)


REPORT = '{"version": "2", "image": "churn:2", "metrics": {"auc": 0.9}}'


def training_succeeds(world: World) -> None:
    """Be the Job controller and the kubelet: the run has succeeded and reported."""
    for job in world.kube.all("Job", world.namespace):
        world.run_succeeds(job["metadata"]["name"], REPORT)


def garbage_is_collected(world: World) -> None:
    """Be the garbage collector of a ModelDeployment that was deleted: its children go, and then
    it goes itself if it waits for that."""
    for kind, names in world.children(NAME).items():
        for name in names:
            world.delete(kind, name)
    if waiting := world.get("ModelDeployment", NAME):
        assert waiting["metadata"]["deletionTimestamp"]
        world.patch("ModelDeployment", NAME, {"metadata": {"finalizers": None}})


# Situations

CPU = {"type": "CPU", "target": 70}
AUTOMATIC = {"minReplicas": 2, "maxReplicas": 4, "metrics": [CPU]}
FIXED = {"minReplicas": 2}
RETRAINING = {"job": {"image": "train:1"}, "schedule": "0 0 1 1 *"}


def _model(version: str) -> dict[str, Any]:
    resources = {"requests": {"cpu": "100m"}}
    return {"version": version, "image": f"churn:{version}", "resources": resources}


PLAIN = {"model": _model("1"), "scaling": FIXED}
FULL = {"model": _model("1"), "scaling": AUTOMATIC, "retraining": RETRAINING}

SERVED = (created(FULL), pods_are_ready)
SERVED_PLAINLY = (created(PLAIN), pods_are_ready)
UPDATED = (changed(model=_model("2")), pods_are_ready)

UPDATE = Situation("an update of the model under load", UPDATED, given=(*SERVED, load_grows))

CREATION = Situation("a creation with everything", SERVED)

SITUATIONS = (
    CREATION,
    Situation("a creation with a fixed number of pods", SERVED_PLAINLY),
    UPDATE,
    Situation(
        "an update of the pods alone",
        (changed(pod={"terminationGracePeriodSeconds": 45}), pods_are_ready),
        given=SERVED_PLAINLY,
    ),
    Situation(
        "a change of the scaling",
        (changed(scaling={"minReplicas": 3, "maxReplicas": 6}),),
        given=SERVED,
    ),
    Situation(
        "the end of autoscaling and retraining",
        (changed(scaling={"maxReplicas": None, "metrics": None}, retraining=None),),
        given=SERVED,
    ),
    Situation(
        "the beginning of autoscaling and retraining",
        (changed(scaling=AUTOMATIC, retraining=RETRAINING),),
        given=SERVED_PLAINLY,
    ),
    Situation("a rollback", (rolled_back, pods_are_ready), given=(*SERVED, *UPDATED)),
    Situation(
        "an update that ends a rollback",
        (changed(model=_model("3")), pods_are_ready),
        given=(*SERVED_PLAINLY, changed(model=_model("2")), rolled_back),
    ),
    Situation("a retraining", (annotated(retrain="one"), training_succeeds), given=SERVED),
    Situation("a refresh", (annotated(refresh="one"), pods_are_ready), given=SERVED_PLAINLY),
    Situation(
        "a pause, an update during it, and its end",
        (changed(paused=True), changed(model=_model("2")), changed(paused=None)),
        given=SERVED_PLAINLY,
    ),
)
