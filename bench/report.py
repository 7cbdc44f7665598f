"""What the figures mean: targets, a table for the terminal, and the page for the docs."""

from collections.abc import Callable
from dataclasses import dataclass

from bench.api import Json


@dataclass(frozen=True)
class Target:
    """A figure that must not be above a limit, or not below it."""

    what: str
    limit: float
    unit: str
    read: Callable[[Json], float]
    """Finds the figure; KeyError when its bench was not run."""
    at_least: bool = False

    def value(self, found: Json) -> float | None:
        try:
            return self.read(found)
        except KeyError:
            return None

    def is_missed(self, found: Json) -> bool:
        value = self.value(found)
        if value is None:
            return False
        return value < self.limit if self.at_least else value > self.limit


def _unaccounted(found: Json) -> float:
    """Return how many answers of an overload were neither stored nor counted as dropped, or both.

    What is counted otherwise (as a duplicate, broken) is not accounted for: none is.
    """
    over = found["recorder"]["overload"]
    return float(abs(over["sent"] - over["stored"] - over["dropped"]))


def _slope(found: Json) -> float:
    """Return the KB of memory that one more ModelDeployment takes, between 1,000 and the most."""
    points = [one for one in found["growth"]["points"] if one["count"] >= 1000]
    (first, *_, last) = points if len(points) > 1 else found["growth"]["points"]
    return (last["rssMb"] - first["rssMb"]) / (last["count"] - first["count"]) * 1000


def _spare_edit_writes(found: Json) -> float:
    """Return the writes beyond one child and one status for each edit."""
    made = found["life"]["edits"]["writes"]
    return float(sum(made.values()) - 2 * found["life"]["count"])


def _growth_of_cost(found: Json) -> float:
    """Return how much more CPU one creation costs in the largest fleet than in the one of 1,000."""
    points = found["growth"]["points"]
    cost = {one["count"]: one["cpuSecondsToCreate"] / one["count"] for one in points}
    return float(cost[max(cost)] / cost[1000 if 1000 in cost else min(cost)])


TARGETS = (
    Target(
        "1,000 created: time beside a bare client's with the same writes",
        1.3,
        "x",
        lambda found: found["creation"]["ratio"],
    ),
    Target("1,000 edited: writes beyond one child and one status each", 0, "", _spare_edit_writes),
    Target("at rest for 11 minutes: writes", 0, "", lambda found: found["life"]["rest"]["writes"]),
    Target(
        "at rest: CPU of one core",
        1.0,
        "%",
        lambda found: found["life"]["rest"]["cpuPercentOfOneCore"],
    ),
    Target(
        "restart at 1,000: writes that nobody asked for",
        0,
        "",
        lambda found: sum(found["life"]["restart"]["otherWrites"].values()),
    ),
    Target(
        "restart at 1,000: from process start to the first change reconciled",
        5.0,
        "s",
        lambda found: found["life"]["restart"]["firstChangeSeconds"],
    ),
    Target("memory at 1,000", 120.0, "MB", lambda found: found["life"]["rssMb"]),
    Target("memory for each further one", 60.0, "KB", _slope),
    Target("CPU to create one, at 3,000 beside at 1,000", 1.25, "x", _growth_of_cost),
    Target(
        "900 flapping in another namespace: time of a creation beside alone",
        2.0,
        "x",
        lambda found: found["starvation"]["ratio"],
    ),
    Target(
        "a request through the router, beside one through a plain Envoy: p50",
        1.15,
        "x",
        lambda found: found["router"]["passes"]["ratio"],
    ),
    Target(
        "20 weight changes, 5 experiments started and ended under load: requests failed",
        0,
        "",
        lambda found: found["traffic"]["changes"]["failed"],
    ),
    Target(
        "abort: from the annotation to the challenger's last answer",
        5.0,
        "s",
        lambda found: found["traffic"]["abort"]["seconds"],
    ),
    Target(
        "guardrail: from the first wrong answer to the last one",
        15.0,
        "s",
        lambda found: found["traffic"]["guardrail"]["seconds"],
    ),
    Target(
        "split: standard deviations between share and weight (99.9 % of all are below)",
        3.29,
        "",
        lambda found: found["traffic"]["share"]["z"],
    ),
    Target(
        "shadowOthers: requests not scored by both arms",
        0.1,
        "%",
        lambda found: (
            100 * found["traffic"]["scored"]["missing"] / found["traffic"]["scored"]["asked"]
        ),
    ),
    Target(
        "capture of both answers: added to the p50 of a request, with a recorder that only reads",
        0.3,
        "ms",
        lambda found: found["capture"]["discarding"]["pairs"]["addedMs"],
    ),
    Target(
        "the same with the real recorder on the same machine",
        0.3,
        "ms",
        lambda found: found["capture"]["recording"]["pairs"]["addedMs"],
    ),
    Target(
        "recorder: answers of 1 KiB stored a second on one core (SQLite)",
        10_000,
        "/s",
        lambda found: found["recorder"]["sqlite"]["alone"]["perSecond"],
        at_least=True,
    ),
    Target(
        "recorder: the same, each with the answer to its copy",
        10_000,
        "/s",
        lambda found: found["recorder"]["sqlite"]["pairs"]["perSecond"],
        at_least=True,
    ),
    Target(
        "recorder: most memory while three times as much is sent as it can store",
        300.0,
        "MB",
        lambda found: found["recorder"]["overload"]["peakMb"],
    ),
    Target(
        "recorder: answers sent meanwhile that were neither stored nor counted as dropped",
        0,
        "",
        _unaccounted,
    ),
    Target(
        "recorder: statistics of an experiment of 10 million pairs, p50",
        100.0,
        "ms",
        lambda found: found["recorder"]["statistics"]["p50Ms"],
    ),
)


def table(found: Json) -> str:
    """Return the targets and what was measured, as lines of Markdown."""
    lines = ["| Figure | Measured | Target |", "|---|---:|---:|"]
    for target in TARGETS:
        value = target.value(found)
        if value is not None:
            mark = " **missed**" if target.is_missed(found) else ""
            measured = f"{_number(value)} {target.unit}".strip() + mark
            sign = ">=" if target.at_least else "<="
            wanted = f"{sign} {_number(target.limit)} {target.unit}" if target.limit else "0"
            lines.append(f"| {target.what} | {measured} | {wanted.strip()} |")
    return "\n".join(lines)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) or value >= 100 else f"{value:.2f}"


def page(found: Json) -> str:
    """Return docs/benchmarks.md."""
    machine = found["machine"]
    parts = [
        _INTRODUCTION.format(**machine),
        table(found),
        *(_SECTIONS[name](found[name]) for name in _SECTIONS if name in found),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


_INTRODUCTION = """
<!-- Written by `make bench`. -->
# Benchmarks

What the operator, the routers and the recorder cost, measured by `make bench` (about 40 minutes;
leave the machine alone meanwhile). It prints this table and ends with an error when a figure misses
its target; `make bench ONLY="creation recorder"` runs some, `QUICK=1` tries them with small
numbers. All raw figures are in `bench/results.json`.

All runs on one machine: {cores} cores ({processor}), {memoryGB} GB, Linux {kernel}, Python
{python}. Seconds say little on another machine; ratios are taken within one run.

Each bench of the operator starts etcd and kube-apiserver of its own, and the operator as a process
beside them. Writes are those that the API server counted. No controllers and no nodes run, so that
nobody else uses the machine.

A ModelDeployment of these benches has an endpoint, two replicas, an autoscaler and a disruption
budget: a ControllerRevision, two Services, a Deployment, a HorizontalPodAutoscaler, a
PodDisruptionBudget, its status and an Event.
"""


def _creation(found: Json) -> str:
    bare = ", ".join(f"{took:.1f} s" for took in found["bareSeconds"])
    ours = ", ".join(f"{run['seconds']:.1f} s" for run in found["operator"])
    cpu = ", ".join(f"{run['cpuSeconds']:.1f} s" for run in found["operator"])
    ratios = ", ".join(f"{one:.2f}" for one in found["ratios"])
    made = found["operator"][0]["writes"]
    return f"""
## {found["count"]:,} created at once

Timed is from the first request to the last status. The baseline is a bare asynchronous client
(aiohttp) that was given the very same bodies beforehand, and only sends them, for
{found["bareAtOnce"]} ModelDeployments side by side, which was its best. The two take turns, and
each run of the operator is compared with the bare runs before and after it:

- bare client: {bare} (at best {found["bareWritesPerSecond"]:.0f} writes a second)
- operator: {ours}; its CPU: {cpu}
- ratios: {ratios}; median **{found["ratio"]:.2f} x**

Writes of the operator until the last status (most Events follow behind):
{", ".join(f"{count} x {what}" for what, count in made.items())}.
"""


def _life(found: Json) -> str:
    edits, rest, restart = found["edits"], found["rest"], found["restart"]
    made = ", ".join(f"{count} x {what}" for what, count in edits["writes"].items())
    phases = found["latency"]["phasesMs"]
    return f"""
## A fleet of {found["count"]:,}

- **Edits**: all {found["count"]:,} edited at once (`scaling.maxReplicas`):
  {edits["seconds"]:.1f} s; writes: {made}.
- **One edit** after another, from the API server's answer to the status that tells of it: p50
  {found["latency"]["p50Ms"]:.0f} ms, p99 {found["latency"]["p99Ms"]:.0f} ms.
- **At rest** for {rest["seconds"]:.0f} s: {rest["writes"]} writes,
  {rest["cpuPercentOfOneCore"]:.2f} % of one core. The operator lists
  all ModelDeployments anew every 10 minutes.
- **Restart**: the first change, made while it was starting, was told in status
  {restart["firstChangeSeconds"]:.1f} s after the process started; all were looked at after
  {restart["allSeenSeconds"]:.1f} s; other writes: {sum(restart["otherWrites"].values())}.
- **Memory**: {found["rssEmptyMb"]:.0f} MB without any, {found["rssMb"]:.0f} MB with
  {found["count"]:,}, {found["rssAfterRestartMb"]:.0f} MB after a restart.

Time of one pass by phase (an edit of one child; apply and write are the API server's answers):

| {" | ".join(phases)} |
|{"---:|" * len(phases)}
| {" | ".join(f"{took:.2f} ms" for took in phases.values())} |
"""


def _growth(found: Json) -> str:
    points = found["points"]
    rows = "\n".join(
        f"| {one['count']:,} | {one['cpuSecondsToCreate']:.1f} s |"
        f" {one['cpuSecondsToCreate'] / one['count'] * 1000:.1f} ms | {one['rssMb']:.0f} MB |"
        f" {one['cpuMsPerEdit']:.1f} ms | {one['p50Ms']:.0f} ms | {one['p99Ms']:.0f} ms |"
        for one in points
    )
    return f"""
## Growth

| Fleet | CPU to create all | each | Memory | CPU of one edit | p50 of one edit | p99 |
|---:|---:|---:|---:|---:|---:|---:|
{rows}

{_chart("CPU seconds to create all", "seconds", points, "cpuSecondsToCreate")}

{_chart("Memory", "MB", points, "rssMb")}
"""


def _chart(title: str, unit: str, points: list[Json], key: str) -> str:
    """Return a plot as GitHub and many others draw it."""
    counts = ", ".join(str(one["count"]) for one in points)
    values = ", ".join(f"{one[key]:.1f}" for one in points)
    most = max(one[key] for one in points)
    return f"""```mermaid
xychart-beta
  title "{title}"
  x-axis "ModelDeployments" [{counts}]
  y-axis "{unit}" 0 --> {most * 1.1:.0f}
  line [{values}]
```"""


def _starvation(found: Json) -> str:
    rows = "\n".join(_starved(one) for one in (found, found["hurry"]))
    return f"""
## A noisy neighbour

In one namespace {found["flapping"]} ModelDeployments flap: their pods become ready and unready.
In another one ModelDeployments are created one after another; timed is from the request to the
status. A bare client does the same writes beside it, where the operator does not look: what it
waits longer is the part of the API server and the machine. Quiet and noisy take turns; each figure
is the median of the medians (p50).

| flaps a second | passes | operator alone | beside | ratio | bare alone | beside | ratio |
|---:|---:|---:|---:|---:|---:|---:|---:|
{rows}

The first row is what readiness probes with the defaults of Kubernetes make at most; in the second
one the API server of this machine is full. In the operator the namespaces take turns, and while
somebody waits for a status, what nobody waits for is begun one by one.
"""


def _starved(found: Json) -> str:
    times = " | ".join(
        f"{found[f'{who}AloneP50Ms']:.0f} ms | {found[f'{who}BesideP50Ms']:.0f} ms"
        f" | {found[ratio]:.2f} x"
        for who, ratio in (("operator", "ratio"), ("bare", "bareRatio"))
    )
    return f"| {found['flapsPerSecond']:.0f} | {found['passesPerSecond']:.0f}/s | {times} |"


def _router(found: Json) -> str:
    rows = "\n".join(
        f"| {what} | {one['routerP50Ms']:.2f} ms | {one['plainP50Ms']:.2f} ms"
        f" | {one['ratio']:.2f} x |"
        for what, one in (
            ("without an experiment", found["passes"]),
            ("half of the requests go to a challenger", found["splits"]),
            ("a challenger gets a copy of every request", found["shadows"]),
        )
    )
    return f"""
## A request through the router

One caller, one connection, {found["requests"]} requests of 512 bytes one after another, a model
that answers at once; the router and a plain Envoy that only passes on take turns {found["rounds"]}
times. Each has one worker, which makes the copies too.

| router | p50 | plain Envoy | ratio |
|---|---:|---:|---:|
{rows}
"""


def _capture(found: Json) -> str:
    rows = "\n".join(
        f"| {what} | {recorder} | {one['withoutP50Ms']:.2f} ms | {one['capturedP50Ms']:.2f} ms"
        f" | {one['addedMs']:.2f} ms |"
        for case, what in (("alone", "without an experiment"), ("pairs", "every request is copied"))
        for recorder, one in (
            ("only reads", found["discarding"][case]),
            ("stores (SQLite)", found["recording"][case]),
        )
    )
    return f"""
## A request that is captured

One caller, one connection, {found["rate"]} requests of {found["bytes"]} bytes a second; a router
that captures everything, and one with the same plan that captures nothing, take turns
{found["rounds"]} times with {found["requests"]} requests each. All that was captured was sent.
Caller, routers, model and recorder share the machine; added is the median of the differences.

| plan | recorder | p50 without | p50 with capture | added |
|---|---|---:|---:|---:|
{rows}
"""


def _recorder(found: Json) -> str:
    rows = "\n".join(
        f"| {store} | {what} | {one['perSecond']:,.0f} | {one['cpuMicrosPerRecord']:.0f} µs"
        f" | {one['busy']:.0%}"
        f" | {one['bytesPerRecord']:,.0f} | {one['bodyBytesPerRecord']:,.0f}"
        f" | {one['peakMb']:.0f} MB |"
        for name, store in (("sqlite", "SQLite"), ("postgres", "PostgreSQL"))
        for kind, what in (("alone", "no experiment"), ("pairs", "pairs"))
        for one in (found[name][kind],)
    )
    over, sums = found["overload"], found["statistics"]
    return f"""
## The recorder

The process as users get it, kept to one core; only the API server's answers are made up. A router
on another core sends what Envoy would send, in messages of 64 KiB, no faster than it is stored:
{found["count"]:,} answers each, a request of 900 bytes with 30 numbers and an answer of 100 bytes.
Of pairs every second record is the answer to a copy, without a request. PostgreSQL runs beside the
router; its log is not counted in the bytes on disk. `core` is how much of it was used: below 100 %
the recorder waited for the disk, for the server, or for others on this machine.

| store | records | stored a second | CPU of each | core | bytes on disk | bodies | memory |
|---|---|---:|---:|---:|---:|---:|---:|
{rows}

- **Too much**: {over["sentPerSecond"]:,.0f} a second for {over["seconds"]:.0f} s (wanted:
  {over["wantedPerSecond"]:,.0f}; what a recorder does not read, a router keeps and then drops
  itself). {over["storedPerSecond"]:,.0f} a second were stored meanwhile; of {over["sent"]:,} in
  all {over["stored"]:,} were stored and {over["dropped"]:,} counted as dropped. Memory:
  {over["peakMb"]:.0f} MB at most; /metrics answered within {over["slowestMetricsMs"]:.0f} ms.
- **Statistics** of {sums["pairs"]:,} pairs with their truths, in {sums["steps"]} steps
  ({sums["answerBytes"] / 1000:.0f} KB): p50 {sums["p50Ms"]:.1f} ms, at most
  {sums["maxMs"]:.0f} ms.
"""


def _traffic(found: Json) -> str:
    changes, scored, share = found["changes"], found["scored"], found["share"]
    return f"""
## Real traffic

On the local one-node cluster (kubelet, Envoy, the example model), two routers, {found["rate"]}
requests a second, half of them over connections that are kept.

- **{changes["weights"]} changes of weights, {changes["starts"]} experiments started and aborted**:
  {changes["failed"]} of {changes["asked"]:,} requests failed.
- **A split of {share["weight"]:.0%}**: {share["share"]:.2%} of {share["asked"]:,} callers were
  answered by the challenger, {share["z"]:.2f} standard deviations from its weight.
- **Every request scored by both**: {scored["asked"]:,} requests, {scored["missing"]} of them by one
  arm only.
- **Abort** of a split of 50 %: the challenger answered last {found["abort"]["seconds"]:.1f} s after
  the annotation.
- **Guardrail**: of a challenger with 50 % that suddenly answers each request with a 500, the last
  one reached a caller {found["guardrail"]["seconds"]:.1f} s after the first
  ({found["guardrail"]["wrong"]} wrong answers in all).
"""


_SECTIONS: dict[str, Callable[[Json], str]] = {
    "creation": _creation,
    "life": _life,
    "small": _life,
    "growth": _growth,
    "starvation": _starvation,
    "router": _router,
    "capture": _capture,
    "recorder": _recorder,
    "traffic": _traffic,
}
