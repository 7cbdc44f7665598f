"""Metrics of every ModelDeployment and Experiment, read from the cache when they are scraped."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from contender.controller.caches import Caches
from contender.core.manifest import Manifest, condition, name_of

_KEYS = ["namespace", "name"]
_CONDITIONS = ("Available", "Ready", "Stalled")
_WHERE_ASKED_FOR = ("Capturing", "Retrained")
"""Conditions of what spec may leave out."""
_OF_ARMS = (
    ("weight", "weight_percent", "Percent of the requests that an arm answers"),
    ("shadowPercent", "shadow_percent", "Percent of the requests of which an arm gets copies"),
    ("ready", "ready_replicas", "Ready pods of an arm"),
    ("requests", "requests", "Requests and copies that were counted in the experiment"),
    ("errors", "errors", "Of them: 5xx, no answer, or too late"),
    ("missing", "missing", "Copies that were not sent because too many were under way"),
)
_OF_OBJECTIVES = (
    ("rows", "Rows with a truth that were compared"),
    ("difference", "The candidate's mean loss or reward minus the incumbent's"),
    ("low", "Lower end of the interval of the difference"),
    ("high", "Upper end of the interval of the difference"),
    ("evidence", "Natural logarithm of the greatest evidence about the objective"),
    ("needed", "Evidence from which on the objective is decided"),
)
_OF_GUARDRAILS = (
    ("evidence", "Natural logarithm of the evidence that the candidate does harm"),
    ("needed", "Evidence from which on the guardrail is breached"),
)


class Fleet(Collector):
    """Reports what status says: nothing is computed twice, nothing outlives its object.

    A standby reports nothing, so that every series is there once.
    """

    def __init__(self, caches: Caches, leads: Callable[[], bool]) -> None:
        self._caches = caches
        self._leads = leads

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Give one series per metric and ModelDeployment."""
        info = GaugeMetricFamily(
            "contender_modeldeployment_info",
            "What serves; always 1",
            labels=[*_KEYS, "version", "revision", "phase"],
        )
        state = GaugeMetricFamily(
            "contender_modeldeployment_condition",
            "1 when the condition is True, 0 otherwise",
            labels=[*_KEYS, "type", "reason"],
        )
        ready = GaugeMetricFamily(
            "contender_modeldeployment_ready_replicas", "Ready pods that serve", labels=_KEYS
        )
        for owner in self._caches.all_owners() if self._leads() else ():
            key = [owner["metadata"]["namespace"], name_of(owner)]
            status = owner.get("status") or {}
            serving = status.get("serving") or {}
            info.add_metric(
                [
                    *key,
                    serving.get("version", ""),
                    serving.get("revision", ""),
                    status.get("phase", ""),
                ],
                1,
            )
            ready.add_metric(key, serving.get("ready", 0))
            asked = [kind for kind in _WHERE_ASKED_FOR if condition(owner, kind)]
            for kind in (*_CONDITIONS, *asked):
                state.add_metric([*key, *_judged(owner, kind)], _holds(owner, kind))
        yield from (info, state, ready)
        yield from self._experiments()

    def _experiments(self) -> Iterator[GaugeMetricFamily]:
        """Give the series of Experiments: which phase, and what each arm does."""
        arm = [*_KEYS, "arm", "version"]
        info = GaugeMetricFamily(
            "contender_experiment_info",
            "An Experiment; always 1",
            labels=[*_KEYS, "target", "phase", "step"],
        )
        families = {
            key: GaugeMetricFamily(f"contender_experiment_arm_{name}", meaning, labels=arm)
            for key, name, meaning in _OF_ARMS
        }
        objectives = _families("objective", _OF_OBJECTIVES, "segment")
        guardrails = _families("guardrail", _OF_GUARDRAILS)
        for one in self._caches.all_experiments() if self._leads() else ():
            key = [one["metadata"]["namespace"], name_of(one)]
            status = one.get("status") or {}
            step = (status.get("step") or {}).get("name", "")
            target = one["spec"].get("target", "")
            info.add_metric([*key, target, status.get("phase", ""), step], 1)
            for shown in status.get("arms") or []:
                for field, family in families.items():
                    family.add_metric([*key, shown["name"], shown["version"]], shown.get(field, 0))
            for shown in status.get("comparisons") or []:
                about = [shown["objective"], shown["candidate"], shown.get("segment", "")]
                _add(objectives, [*key, *about], shown)
            for shown in status.get("guardrails") or []:
                _add(guardrails, [*key, shown["name"], shown["candidate"]], shown)
        yield from (info, *families.values(), *objectives.values(), *guardrails.values())


def _families(
    of: str, fields: tuple[tuple[str, str], ...], *labels: str
) -> dict[str, GaugeMetricFamily]:
    """Return a metric for each field of a comparison of candidates."""
    return {
        field: GaugeMetricFamily(
            f"contender_experiment_{of}_{field}", meaning, labels=[*_KEYS, of, "candidate", *labels]
        )
        for field, meaning in fields
    }


def _add(
    families: Mapping[str, GaugeMetricFamily], labels: list[str], shown: Mapping[str, Any]
) -> None:
    for field, family in families.items():
        if (value := shown.get(field, "")) != "":
            family.add_metric(labels, float(value))


def _judged(owner: Manifest, kind: str) -> tuple[str, str]:
    return kind, (condition(owner, kind) or {}).get("reason", "")


def _holds(owner: Manifest, kind: str) -> int:
    return int((condition(owner, kind) or {}).get("status") == "True")
