"""Routers of plain data: which configuration each works with, and what they have counted."""

from collections.abc import Collection, Iterable, Iterator, Mapping

from contender.core import names
from contender.core.manifest import Manifest, name_of
from contender.core.routers import is_ready, process_of
from contender.core.snapshot import Reading
from contender.router.publish import version

BOUNDS = (100, 200, 500)


class Routers:
    """All routers of one endpoint; the first of them counts."""

    def __init__(self) -> None:
        self._versions: dict[str, frozenset[str]] = {}
        self._counted: dict[str, dict[str, int]] = {}
        self.stuck = False
        """Whether they take over nothing new."""

    def take_over(self, pod: Manifest, objects: Iterable[Manifest]) -> None:
        """Let a router work with the configuration that there is now."""
        config = next((one for one in objects if one["kind"] == "ConfigMap"), None)
        if config and not self.stuck:
            found = {version(text) for text in config["data"].values()} - {""}
            self._versions[process_of(pod)] = frozenset(found)

    def count(self, counted: Mapping[str, Mapping[str, int]]) -> None:
        """Count requests by cluster, such as `arm_churn-abc: {requests: 10, errors: 1}`."""
        for cluster, more in counted.items():
            before = self._counted.setdefault(cluster, {})
            for what, number in more.items():
                before[what] = before.get(what, 0) + number

    def readings(self, objects: Collection[Manifest]) -> dict[str, Reading]:
        """Return what the ready routers say."""
        pods = [
            one
            for one in objects
            if one["kind"] == "Pod"
            and one["metadata"]["labels"].get(names.LABEL_ROLE) == "router"
            and is_ready(one)
        ]
        return {
            process_of(pod): Reading(
                self._versions.get(process_of(pod), frozenset()),
                frozenset(self._sees(objects)),
                self._scrape() if number == 0 else "# nothing",
            )
            for number, pod in enumerate(sorted(pods, key=name_of))
        }

    def _sees(self, objects: Iterable[Manifest]) -> Iterator[str]:
        """Iterate over the revisions that have ready pods."""
        for one in objects:
            ready = (one.get("status") or {}).get("readyReplicas")
            if one["kind"] == "Deployment" and ready:
                yield name_of(one)

    def _scrape(self) -> str:
        lines = ["# TYPE envoy_cluster_upstream_rq_xx counter"]
        for cluster, counted in self._counted.items():
            errors = counted.get("errors", 0)
            good = counted.get("requests", 0) - errors
            label = f'envoy_cluster_name="{cluster}"'
            for code, value in (("2", good), ("5", errors)):
                lines.append(
                    f'envoy_cluster_upstream_rq_xx{{envoy_response_code_class="{code}",{label}}}'
                    f" {value}"
                )
            if cluster.startswith("arm_"):
                live = cluster.replace("arm_", "live_", 1)
                lines.append(
                    f'envoy_cluster_upstream_rq{{envoy_cluster_name="{live}"}} {good + errors}'
                )
        return "\n".join([*lines, ""])
