"""Metrics of every ModelDeployment and Experiment, read from the cache when they are scraped."""

from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from contender.controller.caches import Caches
from contender.core.manifest import Manifest, condition, name_of

_KEYS = ["namespace", "name"]
_CONDITIONS = ("Available", "Ready", "Stalled")
_OF_ARMS = (
    ("weight", "weight_percent", "Percent of the requests that an arm answers"),
    ("shadowPercent", "shadow_percent", "Percent of the requests of which an arm gets copies"),
    ("ready", "ready_replicas", "Ready pods of an arm"),
    ("requests", "requests", "Requests and copies that were counted in the experiment"),
    ("errors", "errors", "Of them: 5xx, no answer, or too late"),
    ("missing", "missing", "Copies that were not sent because too many were under way"),
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
            for kind in _CONDITIONS:
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
        for one in self._caches.all_experiments() if self._leads() else ():
            key = [one["metadata"]["namespace"], name_of(one)]
            status = one.get("status") or {}
            step = (status.get("step") or {}).get("name", "")
            target = one["spec"].get("target", "")
            info.add_metric([*key, target, status.get("phase", ""), step], 1)
            for shown in status.get("arms") or []:
                for field, family in families.items():
                    family.add_metric([*key, shown["name"], shown["version"]], shown.get(field, 0))
        yield from (info, *families.values())


def _judged(owner: Manifest, kind: str) -> tuple[str, str]:
    return kind, (condition(owner, kind) or {}).get("reason", "")


def _holds(owner: Manifest, kind: str) -> int:
    return int((condition(owner, kind) or {}).get("status") == "True")
