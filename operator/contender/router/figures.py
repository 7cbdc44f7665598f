"""Figures: what routers counted, by arm."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Self

from prometheus_client.parser import text_string_to_metric_families

from contender.router import names
from contender.router.traffic import Arm, Traffic

_COUNTED = "envoy_cluster_"
_CLUSTER = "envoy_cluster_name"
_CLASS = "envoy_response_code_class"
_LOGGED = (
    "envoy_access_logs_grpc_access_log_logs_written",
    "envoy_access_logs_grpc_access_log_logs_dropped",
)


@dataclass(frozen=True)
class Figures:
    """What an arm answered since its clusters were made. Of routers that ended nothing is known."""

    answered: int = 0
    """Requests, or copies, that got an answer, were given up, or somebody else had to answer."""
    errors: int = 0
    """Of them: 5xx, no answer, too late, or answered by somebody else because no pod was there."""
    missing: int = 0
    """Copies that were not sent, because too many were under way. They are not answered."""
    times: dict[float, int] = field(default_factory=lambda: {})
    """By upper bound in milliseconds: answers whose model took at most so long."""
    timed: int = 0
    """Answers with a known time."""
    late: int = 0
    """Requests whose answer did not come in time: slower than any bound."""

    def slower(self, milliseconds: float) -> int:
        """Return how many answers took longer.

        Raises:
            KeyError: it is no bound of the histogram, and there are answers.
        """
        known = self.timed - self.times[milliseconds] if self.timed else 0
        return known + self.late

    def __add__(self, other: Self) -> "Figures":
        """Return what both counted together."""
        bounds = {*self.times, *other.times}
        return Figures(
            answered=self.answered + other.answered,
            errors=self.errors + other.errors,
            missing=self.missing + other.missing,
            times={one: self.times.get(one, 0) + other.times.get(one, 0) for one in sorted(bounds)},
            timed=self.timed + other.timed,
            late=self.late + other.late,
        )


@dataclass(frozen=True)
class Counted:
    """What an arm did for callers, and with copies."""

    calls: Figures
    copies: Figures


def figures(scrapes: Iterable[str], traffic: Traffic) -> dict[str, Counted]:
    """Return the figures of all arms.

    Args:
        scrapes: what `/stats/prometheus` of each router says.
        traffic: the plan: which clusters belong to which arm.
    """
    found = {arm.name: Counted(Figures(), Figures()) for arm in traffic.arms}
    for scrape in scrapes:
        counters = _Counters(scrape)
        for arm in traffic.arms:
            before = found[arm.name]
            found[arm.name] = Counted(
                calls=before.calls + _calls(counters, arm, traffic),
                copies=before.copies + _copies(counters, arm),
            )
    return found


def logged(scrape: str) -> tuple[int, int]:
    """Return how many entries one router gave to its connection to the recorder, and how many it
    dropped because the recorder did not read fast enough. What was on the way when a connection
    broke counts as written."""
    found = dict.fromkeys(_LOGGED, 0)
    for line in scrape.splitlines():
        name, _, rest = line.partition("{")
        if name in found:
            found[name] += int(rest.rpartition(" ")[2])
    written, dropped = found.values()
    return written, dropped


class _Counters:
    """The counters of one router, by cluster."""

    def __init__(self, scrape: str) -> None:
        self._values: dict[tuple[str, str, str], int] = {}
        for family in text_string_to_metric_families(scrape):
            if not family.name.startswith(_COUNTED):
                continue
            for name, labels, value, *_ in family.samples:
                extra = labels.get(_CLASS) or labels.get("le") or ""
                # The parser ends all counters with _total, also those that Envoy does not.
                counter = name.removeprefix(_COUNTED).removesuffix("_total")
                key = (labels.get(_CLUSTER, ""), counter, extra)
                self._values[key] = int(value)

    def of(self, cluster: str, name: str, extra: str = "") -> int:
        return self._values.get((cluster, name, extra), 0)

    def answered(self, cluster: str) -> int:
        return sum(self.of(cluster, "upstream_rq_xx", str(code)) for code in range(1, 6))

    def times(self, cluster: str) -> dict[float, int]:
        return {
            float(bound): value
            for (one, name, bound), value in self._values.items()
            if (one, name) == (cluster, "upstream_rq_time_bucket") and bound != "+Inf"
        }

    def figures(self, cluster: str, *, missing: int = 0) -> Figures:
        return Figures(
            answered=self.answered(cluster) - missing,
            errors=self.of(cluster, "upstream_rq_xx", "5") - missing,
            missing=missing,
            times=self.times(cluster),
            timed=self.of(cluster, "upstream_rq_time_count"),
            late=self.of(cluster, "upstream_rq_timeout"),
        )


def _calls(counters: _Counters, arm: Arm, traffic: Traffic) -> Figures:
    copied = counters.figures(names.mirrored(arm.revision))
    told = counters.figures(names.arm(arm.revision)) + copied
    if arm != traffic.incumbent:
        # Answers are counted where the route leads; what its own pods took, at their cluster.
        others = max(0, told.answered - counters.of(names.live(arm.revision), "upstream_rq"))
        return replace(told, errors=min(told.answered, told.errors + others))
    if traffic.mirrors and not any(traffic.trial.weights.values() if traffic.trial else ()):
        # Beside copies only what could be copied: no challenger gets large uploads or upgrades.
        return copied
    return told


def _copies(counters: _Counters, arm: Arm) -> Figures:
    shadow = names.shadow(arm.revision)
    # What overflows is answered by the router itself, with a 503.
    missing = counters.of(shadow, "upstream_rq_pending_overflow")
    return counters.figures(shadow, missing=missing)
