"""Plays an Experiment: rows with truths come, the recorder looks, the operator weighs."""

import json
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from contender.api.v1alpha1 import ExperimentSpec, ExperimentStatus, ModelDeploymentSpec
from contender.api.v1alpha1.experiment_status import (
    ArmCount,
    ArmStatus,
    Epoch,
    ExperimentHandled,
    GuardrailStatus,
    Plan,
    PlannedArm,
    Verdict,
)
from contender.core import names
from contender.core.experiment import counting, words
from contender.core.experiment.course import Course, Scene
from contender.core.experiment.looks import read_look
from contender.core.experiment.orders import Orders
from contender.core.experiment.resolve import plan_hash
from contender.core.experiment.verdicts import (
    at_the_end,
    concluded,
    rejecting,
    weigh_looks,
)
from contender.core.manifest import format_time
from contender.core.snapshot import Snapshot
from contender.recorder.joining import looks
from contender.recorder.joining.sums import BUCKETS, PAIR_COUNTS, add, empty
from contender.recorder.model import StatisticKey

Json = dict[str, Any]

BEGAN = datetime(2026, 1, 31, 12, tzinfo=UTC)
UID = "0d6cfe56-3c2e-4d0f-9ad4-4f3a1f0d7a11"
JUDGE = "judge-1"

TARGET: Json = {
    "model": {"version": "1", "image": "ghcr.io/acme/churn:1"},
    "rows": {"preset": "V1", "output": "/label", "task": "Binary", "positiveClass": "1"},
    "capture": {},
    "feedback": [
        {"name": "churned", "kind": "Label", "delay": "168h"},
        {"name": "gain", "kind": "Reward"},
    ],
}
ACCURACY: Json = {"name": "accuracy", "feedback": "churned", "loss": "ZeroOne"}
ERRORS: Json = {"name": "errors", "metric": "ErrorRate", "maxRatio": 1.5}


def spec(*candidates: str, **more: Any) -> Json:
    """Return the spec of an Experiment of which all candidates get copies."""
    return {
        "target": "churn",
        "candidates": [
            {"name": one, "model": {"version": one[1:], "image": f"ghcr.io/acme/churn:{one[1:]}"}}
            for one in candidates
        ],
        "steps": [{"name": "look", "shadow": {}, "until": {"verdict": True, "atMost": "336h"}}],
        "objectives": [ACCURACY],
        "promotion": "Automatic",
        **more,
    }


@dataclass
class Trial:
    """One Experiment, from its start on."""

    spec: Json
    target: Json = field(default_factory=lambda: TARGET)
    attempts: int = 0
    seed: int = 1

    def __post_init__(self) -> None:
        self.parsed = ExperimentSpec.model_validate(self.spec)
        self._random = Random(self.seed)
        self._sums: dict[StatisticKey, array[float]] = {}
        self._total = 0
        self.now = BEGAN
        self.looks: list[Json] = []
        arms = [
            PlannedArm(
                name=name,
                revision=f"churn-{names.suffix(name)}",
                version=version,
                image=f"ghcr.io/acme/churn:{version}",
                model_hash=f"v1:{version * 32:.32}",
            )
            for name, version in [
                ("incumbent", "1"),
                *((one.name, one.model.version) for one in self.parsed.candidates),
            ]
        ]
        plan = Plan(
            hash=plan_hash(self.parsed, ModelDeploymentSpec.model_validate(self.target), arms),
            incumbent=arms[0],
            replicas=2,
            candidates=arms[1:],
        )
        status = ExperimentStatus(
            phase="Running",
            reason="Start",
            plan=plan,
            arms=[
                ArmStatus(
                    name=one.name,
                    role="Incumbent" if one.name == "incumbent" else "Challenger",
                    revision=one.revision,
                    version=one.version,
                )
                for one in arms
            ],
            began_at=format_time(BEGAN),
            attempts=self.attempts,
            epochs=[],
        )
        owner = {"metadata": {"name": "churn-v2", "namespace": "shop", "uid": UID}}
        self.course = Course(owner, self.parsed, status, Orders({}))

    @property
    def status(self) -> ExperimentStatus:
        return self.course.status

    @property
    def manifest(self) -> Json:
        """The Experiment as the API server has it."""
        told = self.status.model_dump(by_alias=True, exclude_none=True, mode="json")
        return {
            "apiVersion": "contender.dev/v1alpha1",
            "kind": "Experiment",
            "metadata": {"name": "churn-v2", "namespace": "shop", "uid": UID},
            "spec": self.spec,
            "status": json.loads(json.dumps(told)),
        }

    @property
    def target_manifest(self) -> Json:
        return {
            "apiVersion": "contender.dev/v1alpha1",
            "kind": "ModelDeployment",
            "metadata": {"name": "churn", "namespace": "shop"},
            "spec": self.target,
        }

    def epoch(self, step: str, **shares: int) -> "Trial":
        """Change the traffic."""
        counts = [ArmCount(arm=one) for one in shares]
        since = format_time(self.now)
        fresh = Epoch(step=step, since=since, traffic=since, shares=shares, counts=counts)
        return self.told(epochs=[*(self.status.epochs or []), fresh])

    def count(self, **counts: Sequence[int]) -> "Trial":
        """Have routers count requests and errors of arms in this epoch."""
        *before, last = self.status.epochs or []
        added = {arm: [*numbers, 0][:2] for arm, numbers in counts.items()}
        now = [
            one.model_copy(
                update={
                    "requests": one.requests + added.get(one.arm, [0, 0])[0],
                    "errors": one.errors + added.get(one.arm, [0, 0])[1],
                }
            )
            for one in last.counts
        ]
        epochs = [*before, last.model_copy(update={"counts": now})]
        self.told(epochs=epochs, counted_at=format_time(self.now))
        return self.told(
            arms=[self._counted(one) for one in self.status.arms or []],
            guardrails=self._guardrails(),
        )

    def pairs(self, rows: int, incumbent: float, labelled: float = 1.0, **errs: float) -> "Trial":
        """Have rows come that all arms answer, one a minute; some of them are answered wrongly."""
        for _ in range(rows):
            wrong = {"incumbent": self._random.random() < incumbent}
            for arm, share in errs.items():
                # Mostly both are right, or both are wrong.
                same = self._random.random() < 0.8
                chance = min(1.0, max(0.0, (share - 0.8 * incumbent) / 0.2))
                wrong[arm] = wrong["incumbent"] if same else self._random.random() < chance
            self._row(wrong, labelled)
        return self

    def rewards(self, rows: int, share: float, **means: float) -> "Trial":
        """Have rows come that one arm answers, and earn something; `share` is the candidate's."""
        (candidate,) = [one for one in means if one != "incumbent"]
        for _ in range(rows):
            arm = candidate if self._random.random() < share else "incumbent"
            value = float(self._random.random() < means[arm])
            bucket = self._random.randrange(BUCKETS)
            self._add("arm", arm, "gain", "Value", (bucket, value))
            self._add("arm", arm, "gain", "Labelled", (bucket, 1.0))
            self._look()
        return self

    def lose_pairs(self, count: int, candidate: str = "v2") -> "Trial":
        """Have answers to copies get lost."""
        amount = [float(one in ("requests", "eligible", "lost")) * count for one in PAIR_COUNTS]
        self._add("pairs", candidate, "", "", amount)
        return self

    def reject(self, candidate: str, why: str) -> "Trial":
        """Reject a candidate for what no look knows."""
        self.course = rejecting(self.course, candidate, why)
        return self

    def ends(self, phase: str, reason: str, message: str = "", winner: str = "") -> "Trial":
        """Have it end."""
        verdict = Verdict(
            outcome=phase,
            winner=winner if phase == "Promoted" else "",
            reason=reason,
            message=message or f"{winner} serves",
            decided_at=format_time(self.now),
        )
        arms = [
            one.model_copy(update={"state": "Won"}) if one.name == winner else one
            for one in self.status.arms or []
        ]
        told: Json = {} if phase == "AwaitingSpec" else {"verdict": verdict}
        told["comparisons"] = [words.settled(one) for one in self.status.comparisons or []] or None
        return self.told(phase=phase, reason=reason, winner=winner, arms=arms, **told)

    def time_is_over(self) -> "Trial":
        """Have the patience of a step end."""
        self.course, _ = concluded(self.course, at_the_end(self.course, self._scene()))
        phase, reason = (
            ("Inconclusive", "TimeIsOver")
            if self.course.left
            else (
                "Rejected",
                "AllRejected",
            )
        )
        return self.ends(phase, reason, "step look was not over after 336h")

    def promoted_by_hand(self, candidate: str) -> "Trial":
        """Have a person promote a candidate."""
        told = ExperimentHandled(command="promote", token=f"{candidate}/1", result="Done")
        self.told(handled=[told], by_command=True)
        return self.ends("Promoted", "WinServes", f"{candidate} serves", candidate)

    def told(self, **changes: Any) -> "Trial":
        """Change the status."""
        self.course = self.course.told(**changes)
        return self

    def _row(self, wrong: Mapping[str, bool], labelled: float) -> None:
        bucket = self._random.randrange(BUCKETS)
        known = self._random.random() < labelled
        left = {one.name for one in self.course.left}
        for arm, one in wrong.items():
            if arm != "incumbent" and arm not in left:
                continue
            self._add("arm", arm, "churned", "Labelled", (bucket, float(known)))
            if known:
                self._add("arm", arm, "churned", "ZeroOne", (bucket, float(one)))
            if arm != "incumbent":
                agrees = "agree" if one == wrong["incumbent"] else "disagree"
                counted = ("requests", "eligible", "complete", "rows", agrees)
                self._add("pairs", arm, "", "", [float(each in counted) for each in PAIR_COUNTS])
            if known and arm != "incumbent":
                both = (bucket, float(wrong["incumbent"]), float(one))
                self._add("pair", arm, "churned", "ZeroOne", both)
        self._look()

    def _add(self, kind: str, arm: str, feedback: str, loss: str, amount: Sequence[float]) -> None:
        epoch = f"epoch-{len(self.status.epochs or [])}"
        judge = "" if kind == "pairs" else JUDGE
        key = StatisticKey(1, self.course.run, epoch, arm, kind, feedback, loss, "", judge)
        add(kind, self._sums.setdefault(key, empty(kind)), amount, 1)

    def _look(self) -> None:
        """Take a look if one is due, and weigh it."""
        self.now += timedelta(minutes=1)
        total = looks.total(self._sums)
        ended = self.status.undecided or not self.course.left
        if ended or not looks.is_due(total, self._total):
            return
        self._total = total
        told = {
            "experiment": self.course.run,
            "number": len(self.looks) + 1,
            "namespace": "shop",
            "endpoint": "churn",
            "at": int(self.now.timestamp()),
            "total": total,
            "judge": JUDGE,
            **looks.seen(self._sums),
        }
        self.looks.append(json.loads(json.dumps(told)))
        for _ in range(3):
            self.course, outcomes = weigh_looks(self.course, self._scene())
            self.course, triggers = concluded(self.course, outcomes)
            if triggers:
                break

    def _scene(self) -> Scene:
        seen = (read_look(self.looks[-1]),) if self.looks else ()
        target = ModelDeploymentSpec.model_validate(self.target)
        snapshot = Snapshot({}, target, self.now, looks={self.course.run: seen})
        return Scene(snapshot, (), None, arrived=True, ahead="", reports=None)

    def _counted(self, arm: ArmStatus) -> ArmStatus:
        counted = counting.in_all(self.status, arm.name)
        shown = {"requests": counted.requests, "errors": counted.errors, "p50": "12ms"}
        return arm.model_copy(update={**shown, "p95": "40ms", "p99": "1.2s"})

    def _guardrails(self) -> list[GuardrailStatus]:
        return [
            words.told_guardrail(each.name, one)
            for each in self.parsed.candidates
            for one in self.course.findings(each.name)
        ]


def changed(trial: Trial, **spec_changes: Any) -> Json:
    """Return the manifest of an Experiment whose spec was changed later."""
    return {**trial.manifest, "spec": {**trial.spec, **spec_changes}}
