"""Metrics of every ModelDeployment, read from the cache when they are scraped."""

from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from contender.controller.caches import Caches
from contender.core.manifest import Manifest, condition, name_of

_KEYS = ["namespace", "name"]
_CONDITIONS = ("Available", "Ready", "Stalled")


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


def _judged(owner: Manifest, kind: str) -> tuple[str, str]:
    return kind, (condition(owner, kind) or {}).get("reason", "")


def _holds(owner: Manifest, kind: str) -> int:
    return int((condition(owner, kind) or {}).get("status") == "True")
