"""Drawings of arms: for how much each of them worked, and how long its model took."""

from collections.abc import Iterator, Mapping, Sequence
from math import log10

from contender.api.v1alpha1 import ExperimentSpec
from contender.api.v1alpha1.experiment_status import ArmStatus, Epoch
from contender.report import figures
from contender.report.axes import Axis, apart, decades
from contender.report.canvas import CHARACTER, WIDTH, svg, text, upright
from contender.report.markup import Markup, element
from contender.report.shares import Share, shares

MOST_BARS = 48
"""Bars of traffic that are drawn; all stretches are in the table."""
_TOP, _BOTTOM = 16, 44
_BAR, _GAP = 12, 4
_NAMES, _START, _END = 232, 240, 520
"""Where names of arms end, and bars begin and end."""
_ROW = 34
_LONGEST_STEP, _LONGEST_ARM = 20, 12
"""Characters of a name that are shown."""


def traffic(spec: ExperimentSpec, epochs: Sequence[Epoch], arms: Sequence[str]) -> Markup:
    """Return for how much each arm worked in each stretch, answers and copies apart."""
    most = max(1, MOST_BARS // max(1, len(arms)))
    shown = epochs[-most:]
    across = Axis(0.0, 100.0, _START, _END)
    parts: list[Markup] = []
    top = float(_TOP)
    for one in shown:
        parts += _epoch(spec, one, arms, across, top)
        top += max(2, len(one.shares)) * (_BAR + _GAP) + 2 * _GAP
    marks = _marks(across, {f"{one}": float(one) for one in (0, 25, 50, 75, 100)}, top - _GAP)
    what = (
        f"The last {len(shown)} of {len(epochs)}" if len(epochs) > len(shown) else f"{len(shown)}"
    )
    name = text(
        (_START + _END) / 2, top + 34, "percent of the requests that take part", "", "middle"
    )
    said = figures.plural(len(shown), "stretch", "stretches").partition(" ")[2]
    return svg(top + 40, "Traffic by step and arm", f"{what} {said}", *marks, *parts, name)


def _epoch(
    spec: ExperimentSpec, epoch: Epoch, arms: Sequence[str], across: Axis, top: float
) -> Iterator[Markup]:
    yield text(0, top + 10, _cut(epoch.step, _LONGEST_STEP), "strong")
    yield text(0, top + 26, figures.told_moment(epoch.since), "muted")
    parts = shares(spec, epoch)
    counts = {one.arm: one.requests for one in epoch.counts}
    for number, name in enumerate(arms):
        if name in parts:
            said = f"{name}: {parts[name]}; {counts.get(name, 0):,} requests and copies"
            yield text(_NAMES, top + 10, _cut(name, _LONGEST_ARM), "small", "end")
            yield from _bar(parts[name], number, across, top, said)
            yield text(_END + 8, top + 10, str(parts[name]), "small")
            top += _BAR + _GAP


def _bar(share: Share, number: int, across: Axis, top: float, said: str) -> Iterator[Markup]:
    """Iterate over what an arm answered, and of what it got copies."""
    start = across.place(0.0)
    for part, kind in ((share.answers, "bar"), (share.copies, "bar copies")):
        wide = across.place(float(part)) - across.place(0.0)
        if part:
            yield element(
                "rect",
                element("title", said),
                class_=f"{kind} arm{number}",
                x=start,
                y=top,
                width=wide,
                height=_BAR,
            )
        start += wide


def latency(arms: Sequence[ArmStatus]) -> Markup | None:
    """Return times of the arms' models; None: none is known."""
    times = {
        one.name: {
            name: found
            for name, written in (("p50", one.p50), ("p95", one.p95), ("p99", one.p99))
            if (found := figures.milliseconds(written)) is not None
        }
        for one in arms
    }
    known = [found for one in times.values() for found in one.values()]
    if not known:
        return None
    across, values = decades(known, 170, WIDTH - 60)
    bottom = _TOP + len(arms) * _ROW
    parts = [
        part
        for number, one in enumerate(arms)
        for part in _times(one.name, times[one.name], number, across)
    ]
    return svg(
        bottom + _BOTTOM,
        "Latency by arm",
        "Times that 50, 95 and 99 percent of the answers keep",
        *_marks(across, {f"{one:g}": log10(one) for one in values}, bottom),
        *parts,
        text((170 + WIDTH - 60) / 2, bottom + 38, "milliseconds, logarithmic", "", "middle"),
    )


def _times(name: str, times: Mapping[str, float], number: int, across: Axis) -> Iterator[Markup]:
    middle = _TOP + number * _ROW + _ROW / 2
    yield text(0, middle + 4, _cut(name, 18), "strong")
    if not times:
        yield text(across.start, middle + 4, "no times are known", "muted")
        return
    places = {key: across.place(log10(one)) for key, one in times.items()}
    first, last = min(places.values()), max(places.values())
    yield element("line", class_=f"line arm{number}", x1=first, y1=middle, x2=last, y2=middle)
    labels = [f"{key} {times[key]:g}" for key in places]
    widths = [CHARACTER * (len(one) + 1) for one in labels]
    wanted = [place - wide / 2 for place, wide in zip(places.values(), widths, strict=True)]
    for key, label, start in zip(places, labels, apart(wanted, widths, WIDTH), strict=True):
        said = element("title", f"{name} {key}: {times[key]:g} ms")
        yield element("circle", said, class_=f"dot arm{number}", cx=places[key], cy=middle, r=4.5)
        yield text(start, middle - 8, label, "small")


def _marks(across: Axis, values: Mapping[str, float], bottom: float) -> Iterator[Markup]:
    """Iterate over upright lines with their numbers below."""
    for words, value in values.items():
        at = across.place(value)
        yield upright(at, _TOP - 8, bottom, "grid")
        yield text(at, bottom + 16, words, "muted", "middle")


def _cut(words: str, most: int) -> str:
    return words if len(words) <= most else f"{words[: most - 2]}.."
