"""The challenger: an Experiment from its first step to the promotion of its winner."""

import json
import time
from collections.abc import Callable

from dev.console import Failure
from dev.demo import model
from dev.demo.install import Kubectl
from dev.demo.live import Live, headline
from dev.demo.load import Callers
from dev.demo.names import (
    CANDIDATE,
    CHALLENGER,
    EXPERIMENT,
    EXPERIMENT_FILE,
    NAMESPACE,
    OBJECT,
    PATIENCE,
    Json,
)
from dev.paths import CHECKOUT

_ENDED = ("Rejected", "Inconclusive", "Aborted", "Superseded", "Failed")
"""Phases in which the challenger does not come to serve."""


class Trial:
    """Lets version 2 earn the traffic, and shows how."""

    def __init__(self, kubectl: Kubectl, callers: Callers) -> None:
        self._kubectl, self._callers = kubectl, callers
        self._live = Live()

    def play(self) -> None:
        """All steps, the promotion, and what Git does in the end."""
        self._try_out()
        self._promote()
        self._patch()

    def _try_out(self) -> None:
        headline(f"kubectl apply -f {EXPERIMENT_FILE.relative_to(CHECKOUT)}")
        self._kubectl("apply", "-f", EXPERIMENT_FILE)
        self._watch("the steps", lambda phase, _: phase == "Paused")

    def _promote(self) -> None:
        """Decide, as the person who waits for the end of all steps."""
        command = ("annotate", EXPERIMENT, f"contender.dev/promote={CANDIDATE}/{time.time():.0f}")
        headline(f"kubectl -n {NAMESPACE} {' '.join(command)}")
        self._kubectl("-n", NAMESPACE, *command)
        self._watch("the promotion", lambda phase, _: phase == "AwaitingSpec")

    def _patch(self) -> None:
        """Change the model in the spec; where Git has the last word, this is a commit."""
        path = "jsonpath={.status.promotion.patch}"
        change = ("patch", OBJECT, "--type=merge", "-p")
        asked = f"kubectl -n {NAMESPACE} get {EXPERIMENT} -o '{path}'"
        headline(f'kubectl -n {NAMESPACE} {" ".join(change)} "$({asked})"')
        patch = self._kubectl("-n", NAMESPACE, "get", EXPERIMENT, "-o", path)
        self._kubectl("-n", NAMESPACE, *change, patch)
        self._watch(
            f"the switch to version {CHALLENGER}",
            lambda phase, deployment: (
                phase == "Promoted"
                and model.serves(deployment, CHALLENGER)
                and model.is_ready(deployment)
            ),
        )

    def _watch(self, what: str, holds: Callable[[str, Json], bool]) -> None:
        """Show how things stand until this holds of the Experiment's phase and of the model."""
        deadline = time.monotonic() + PATIENCE
        while True:
            names = ("get", OBJECT, EXPERIMENT, "-o", "json")
            deployment, experiment = json.loads(self._kubectl("-n", NAMESPACE, *names))["items"]
            self._live.show(experiment, deployment, self._callers.seen())
            phase = (experiment.get("status") or {}).get("phase", "")
            if holds(phase, deployment):
                self._live.leave()
                return
            if phase in _ENDED:
                raise self._failure(f"the Experiment is {phase}")
            if time.monotonic() > deadline:
                raise self._failure(f"{what} took longer than {PATIENCE} s")
            time.sleep(1)

    def _failure(self, message: str) -> Failure:
        describe = self._kubectl.ask("-n", NAMESPACE, "describe", EXPERIMENT).stdout
        return Failure(f"{message}\n{describe[-4000:]}")
