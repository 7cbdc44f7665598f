"""Real traffic on the local cluster: is a request lost, and how fast is a challenger's taken away?

Needs the local cluster (`make cluster`), which it starts and fills when it is not there.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench.api import Json
from dev.demo import install, prepare
from dev.paths import KUBECONFIG
from tests.e2e import challengers
from tests.e2e.experiments import ERRORS, Experiment, candidate, split
from tests.e2e.kube import Kube
from tests.e2e.load import Load
from tests.e2e.models import spec
from tests.e2e.place import Place

RATE = 120
WEIGHTS = (10, 40, 25, 60)
STARTS = 5
LEAST_REQUESTS = 30_000
SCORED_REQUESTS = 4000


async def traffic(*, quick: bool = False) -> Json:
    """Measure; return the figures."""
    return await asyncio.to_thread(_measure, quick=quick)


def _measure(*, quick: bool) -> Json:
    prepare.prepare()
    kubectl = install.Kubectl()
    install.install(kubectl, local=True)
    kube = Kube(KUBECONFIG)
    place = Place(kube, kubectl, {})
    try:
        place.apply("model", {**spec("1"), "router": {"mode": "Always"}})
        place.until_serving("model", "1")
        return {
            "rate": RATE,
            "changes": _changes(place, 1 if quick else STARTS, 0 if quick else LEAST_REQUESTS),
            "scored": _scored(place, 500 if quick else SCORED_REQUESTS),
            "share": _share(place, 500 if quick else SCORED_REQUESTS),
            "abort": _abort(place),
            "guardrail": _guardrail(place),
        }
    finally:
        place.leave()
        kube.close()


@contextmanager
def _callers(place: Place) -> Iterator[Load]:
    callers = Load(place.address("model"), RATE)
    try:
        callers.until_answered()
        yield callers
    finally:
        callers.kill()


def _changes(place: Place, starts: int, least: int) -> Json:
    """Start and abort experiments, each with four weights one after another."""
    with _callers(place) as callers:
        since = time.monotonic()
        for number in range(starts):
            steps = [split(f"w{weight}", {"v2": weight}) for weight in WEIGHTS]
            experiment = Experiment(
                place, f"changes-{number}", candidates=[candidate("v2", "2")], steps=steps
            )
            experiment.until_phase("Paused")
            experiment.order(abort="1")
            experiment.until_phase("Aborted")
            experiment.delete()
        while (time.monotonic() - since) * RATE < least * 1.05:
            time.sleep(1)
        seen = callers.finish()
    failed = {why: len(when) for why, when in seen["failures"].items()}
    return {
        "starts": starts,
        "weights": starts * len(WEIGHTS),
        "asked": seen["asked"],
        "failed": sum(failed.values()),
        "failures": failed,
    }


def _scored(place: Place, least: int) -> Json:
    """Let every request be scored by both, and count those that were."""
    with _callers(place):
        experiment = Experiment(
            place,
            "scored",
            candidates=[candidate("v2", "2")],
            steps=[split("all", {"v2": 50}, until={"atLeast": "1h"}, shadowOthers=True)],
        )
        experiment.until_step("all")
        experiment.until_counted("incumbent", least)
    # Without callers everything that was asked has been answered, and copied, and counted.
    counts = _settled(experiment)
    experiment.delete()
    asked = max(counts.values())
    return {"asked": asked, "missing": asked - min(counts.values())}


def _settled(experiment: Experiment) -> dict[str, int]:
    """Return what was counted of each arm once nothing is counted any more."""
    before: dict[str, int] = {}
    for _ in range(10):
        time.sleep(12)
        counts = {one["name"]: one["requests"] for one in experiment.status["arms"]}
        if counts == before:
            break
        before = counts
    return before


def _share(place: Place, least: int) -> Json:
    """Compare the share of callers that a challenger answers with its weight."""
    weight = 0.3
    experiment = Experiment(
        place,
        "share",
        candidates=[candidate("v2", "2")],
        steps=[split("part", {"v2": 30}, until={"atLeast": "1h"})],
    )
    experiment.until_step("part")
    with _callers(place) as callers:
        time.sleep(least / RATE)
        seen = callers.finish()
    experiment.delete()
    answered, asked = seen["versions"].get("2", 0), seen["asked"]
    deviation = (answered / asked - weight) / (weight * (1 - weight) / asked) ** 0.5
    return {"asked": asked, "share": answered / asked, "weight": weight, "z": abs(deviation)}


def _abort(place: Place) -> Json:
    """Time from the annotation to the last answer of the challenger."""
    _until_no_candidates(place)
    with _callers(place) as callers:
        experiment = Experiment(
            place,
            "abort",
            candidates=[candidate("v2", "2")],
            steps=[split("half", {"v2": 50}, until={"atLeast": "1h"})],
        )
        experiment.until_step("half")
        callers.until_answered_by("2")
        ordered = time.monotonic()
        experiment.order(abort="1")
        experiment.until_phase("Aborted")
        time.sleep(10)
        seen = callers.finish()
    experiment.delete()
    return {"seconds": seen["last"]["2"] - ordered, "failed": len(seen["failures"])}


def _guardrail(place: Place) -> Json:
    """Time from a challenger's first wrong answer to its last one to a caller."""
    _until_no_candidates(place)
    bad_from = time.time() + 45
    model = challengers.turning_bad("9", bad_from)
    with _callers(place) as callers:
        experiment = Experiment(
            place,
            "guardrail",
            candidates=[{"name": "bad", "model": model}],
            steps=[split("half", {"bad": 50}, until={"atLeast": "1h"})],
            guardrails=[ERRORS],
        )
        experiment.until_step("half")
        assert time.time() < bad_from, "the step began too late: nothing was measured"
        begins = time.monotonic() + bad_from - time.time()
        experiment.until_phase("Rejected")
        time.sleep(10)
        seen = callers.finish()
    wrong = [moment for when in seen["failures"].values() for moment in when]
    experiment.delete()
    return {"seconds": seen["lastFailure"] - begins, "wrong": len(wrong)}


def _until_no_candidates(place: Place) -> None:
    """Wait until the pods of earlier candidates are gone."""

    def bare() -> bool:
        names = {one["metadata"]["name"] for one in place.all("Deployment")}
        return names <= {place.status("model")["serving"]["revision"], "model-router"}

    place.until(bare, "no pods of candidates")
