"""Drawings: charts as SVG. Colours are those of the page that they stand in."""

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite

from contender.api.v1alpha1.experiment_status import ArmStatus, Epoch
from contender.report import figures
from contender.report.axes import Axis, axis, ticks, time_ticks, window
from contender.report.markup import Markup, element, joined
from contender.report.replay import Curve, Point

WIDTH = 720
_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 96, 16, 44
_HEIGHT = 280
_BAR, _ROOM = 22, 12
_CHARACTER = 6.6
"""Width of a character, about."""
MOST_BARS = 24
"""Epochs that are drawn; all of them are in the table."""


def evidence(curve: Curve, arm: int) -> Markup:
    """Return the evidence over time, against its bound.

    Args:
        curve: what is drawn.
        arm: number of the candidate, for its colour.
    """
    across = _time(curve.points)
    found = [one.evidence for one in curve.points]
    up = _spread(axis([0.0, curve.needed, *found], _HEIGHT - _BOTTOM, _TOP))
    line = [(across.place(one.at), up.place(one.evidence)) for one in curve.points]
    bound = up.place(curve.needed)
    last = curve.points[-1]
    return _chart(
        f"Evidence for {curve.objective} of {curve.candidate} over time",
        f"ln E is {last.evidence:.2f} at the last of {len(line)} looks;"
        f" {curve.needed:.2f} is needed",
        _grid(across, up, "evidence, ln E", 1.0),
        element("line", class_="bound", x1=_LEFT, y1=bound, x2=WIDTH - _RIGHT, y2=bound),
        _beside(bound, f"needed {curve.needed:.2f}", "muted"),
        element("polyline", class_=f"line arm{arm}", points=_points(line)),
        *_horizon(curve.points, line),
        _end(line[-1], arm),
        _beside(_apart(line[-1][1], bound), f"{last.evidence:.2f}", "strong"),
    )


def intervals(curve: Curve, arm: int) -> Markup | None:
    """Return the difference and its interval over time, with the goal; None: nobody knows it.

    Args:
        curve: what is drawn.
        arm: number of the candidate, for its colour.
    """
    known = [one for one in curve.points if isfinite(one.low) and isfinite(one.high)]
    seen = window([(one.low, one.high) for one in known], (0.0, curve.goal))
    if seen is None:
        return None
    across = _time(curve.points)
    up = Axis(*seen, _HEIGHT - _BOTTOM, _TOP)
    line = [(across.place(one.at), up.place(one.difference)) for one in known]
    upper = [(across.place(one.at), up.place(one.high)) for one in known]
    lower = [(across.place(one.at), up.place(one.low)) for one in reversed(known)]
    goal, last = up.place(curve.goal), known[-1]
    unit, factor = _unit(curve)
    shown = [figures.amount(curve.loss, one) for one in (last.difference, last.low, last.high)]
    zero = element(
        "line", class_="zero", x1=_LEFT, y1=up.place(0), x2=WIDTH - _RIGHT, y2=up.place(0)
    )
    return _chart(
        f"Difference for {curve.objective}: {curve.candidate} minus the incumbent",
        f"{shown[0]} at the last look, interval {shown[1]} to {shown[2]}; the goal is"
        f" {figures.exact(curve.loss, curve.goal)}",
        _grid(across, up, f"difference{unit}", factor),
        zero,
        element("polygon", class_=f"band arm{arm}", points=_points([*upper, *lower])),
        element("polyline", class_=f"line arm{arm}", points=_points(line)),
        element("line", class_="bound", x1=_LEFT, y1=goal, x2=WIDTH - _RIGHT, y2=goal),
        _beside(goal, "goal", "muted"),
        *_horizon(known, line),
        _end(line[-1], arm),
        _beside(_apart(line[-1][1], goal), figures.number(factor * last.difference), "strong"),
    )


def traffic(epochs: Sequence[Epoch], arms: Sequence[str]) -> Markup:
    """Return which arm answered, or got copies of, how much in each epoch."""
    shown = epochs[-MOST_BARS:]
    most = max((sum(one.shares.values()) for one in shown), default=0) or 100
    across = Axis(0.0, float(most), 190, WIDTH - 16)
    first = _TOP + _BAR
    bottom = first + len(shown) * (_BAR + _ROOM)
    height = bottom + _BOTTOM
    left_out = len(epochs) - len(shown)
    bars = [
        part
        for number, one in enumerate(shown)
        for part in _epoch(one, arms, across, first + number * (_BAR + _ROOM))
    ]
    return _svg(
        height,
        "Traffic by epoch",
        f"The last {len(shown)} of {len(epochs)} epochs" if left_out else f"{len(shown)} epochs",
        *_legend(arms, 190),
        *_marks(across, ticks(0, most, 6), first - 4, bottom),
        *bars,
        _text(
            (190 + WIDTH) / 2, height - 6, "percent of the requests that take part", "", "middle"
        ),
    )


def _legend(arms: Sequence[str], start: float) -> Iterator[Markup]:
    """Iterate over the colours of arms and their names."""
    for number, name in enumerate(arms):
        yield element("rect", class_=f"bar arm{number}", x=start, y=6, width=10, height=10)
        yield _text(start + 14, 15, name, "small")
        start += 14 + _CHARACTER * (len(name) + 2)


def _marks(across: Axis, values: Sequence[float], top: float, bottom: float) -> Iterator[Markup]:
    """Iterate over upright lines with their numbers below."""
    for value in values:
        at = across.place(value)
        yield element("line", class_="grid", x1=at, y1=top, x2=at, y2=bottom)
        yield _text(at, bottom + 16, f"{value:g}", "muted", "middle")


def _epoch(epoch: Epoch, arms: Sequence[str], across: Axis, top: float) -> Iterator[Markup]:
    yield _text(0, top + 10, epoch.step[:26], "strong")
    yield _text(0, top + _BAR, figures.told_moment(epoch.since), "muted")
    start = 0
    counts = {one.arm: one.requests for one in epoch.counts}
    for number, name in enumerate(arms):
        share = epoch.shares.get(name, 0)
        if not share:
            continue
        first, last = across.place(start), across.place(start + share)
        start += share
        told = f"{name}: {share} %, {counts.get(name, 0):,} requests"
        yield element(
            "rect",
            element("title", told),
            class_=f"bar arm{number}",
            x=first,
            y=top,
            width=max(last - first - 1, 1),
            height=_BAR,
        )
        label = f"{name} {share} %"
        if last - first > _CHARACTER * len(label) + 8:
            yield _text(first + 6, top + 15, label, "onbar")


def latency(arms: Sequence[ArmStatus]) -> Markup | None:
    """Return times of the arms' models; None: none is known."""
    times = {
        one.name: {
            name: found
            for name, text in (("p50", one.p50), ("p95", one.p95), ("p99", one.p99))
            if (found := figures.milliseconds(text)) is not None
        }
        for one in arms
    }
    known = [found for one in times.values() for found in one.values()]
    if not known:
        return None
    top = max(known) * 1.08
    across = Axis(0.0, top, 130, WIDTH - 60)
    bottom = _TOP + len(arms) * (_BAR + _ROOM)
    height = bottom + _BOTTOM
    parts = [
        part
        for number, one in enumerate(arms)
        for part in _times(one.name, times[one.name], number, across)
    ]
    return _svg(
        height,
        "Latency by arm",
        "Median, 95 and 99 percent of the answers",
        *_marks(across, ticks(0.0, top, 7), _TOP - 4, bottom),
        *parts,
        _text((130 + WIDTH) / 2, height - 6, "milliseconds", "", "middle"),
    )


def _times(name: str, times: Mapping[str, float], number: int, across: Axis) -> Iterator[Markup]:
    middle = _TOP + number * (_BAR + _ROOM) + _BAR / 2
    yield _text(0, middle + 4, name[:18], "strong")
    if not times:
        yield _text(130, middle + 4, "no times are known", "muted")
        return
    places = {key: across.place(one) for key, one in times.items()}
    yield element(
        "line",
        class_=f"line arm{number}",
        x1=min(places.values()),
        y1=middle,
        x2=max(places.values()),
        y2=middle,
    )
    end = -1.0
    for key, place in places.items():
        told = f"{name} {key}: {times[key]:g} ms"
        yield element(
            "circle", element("title", told), class_=f"dot arm{number}", cx=place, cy=middle, r=4.5
        )
        label = f"{key} {times[key]:g}"
        start = max(place - _CHARACTER * len(label) / 2, end + _CHARACTER)
        end = start + _CHARACTER * len(label)
        yield _text(start, middle - 8, label, "small")


def _unit(curve: Curve) -> tuple[str, float]:
    return (", points", 100.0) if curve.loss in figures.POINTS else ("", 1.0)


def _time(points: Sequence[Point]) -> Axis:
    return axis([one.at for one in points], _LEFT, WIDTH - _RIGHT)


def _spread(found: Axis) -> Axis:
    """Return an axis with a little room at its upper end."""
    return Axis(found.low, found.high + (found.high - found.low) * 0.06, found.start, found.end)


def _grid(across: Axis, up: Axis, name: str, factor: float) -> Markup:
    """Return lines and numbers of both axes.

    Args:
        across: of time.
        up: of what is shown.
        name: what that is.
        factor: by which its numbers are told.
    """
    bottom = _HEIGHT - _BOTTOM
    parts: list[Markup] = []
    for value in ticks(up.low, up.high, 6):
        at = up.place(value)
        parts.append(element("line", class_="grid", x1=_LEFT, y1=at, x2=WIDTH - _RIGHT, y2=at))
        parts.append(_text(_LEFT - 8, at + 4, f"{factor * value:.6g}", "muted", "end"))
    moments, clock = time_ticks(across.low, across.high, 6)
    for moment in moments:
        at = across.place(moment)
        parts.append(element("line", class_="grid", x1=at, y1=bottom, x2=at, y2=bottom + 5))
        parts.append(_text(at, bottom + 18, figures.day(moment, clock=clock), "muted", "middle"))
    middle = (_TOP + bottom) / 2
    turned = element(
        "text", name, x=14, y=middle, text_anchor="middle", transform=f"rotate(-90 14 {middle:g})"
    )
    time = _text((_LEFT + WIDTH - _RIGHT) / 2, _HEIGHT - 6, "time of the look, UTC", "", "middle")
    return joined(*parts, turned, time)


def _horizon(points: Sequence[Point], line: Sequence[tuple[float, float]]) -> Iterator[Markup]:
    """Iterate over the mark of the look at the horizon."""
    for one, (x, y) in zip(points, line, strict=True):
        if one.spends:
            told = f"look {one.number}, at the horizon: {one.rows:,.0f} rows"
            yield element("circle", element("title", told), class_="horizon", cx=x, cy=y, r=6)
            yield _text(x, y - 10, "horizon", "small", "end" if x > WIDTH / 2 else "start")


def _end(place: tuple[float, float], arm: int) -> Markup:
    return element("circle", class_=f"dot arm{arm}", cx=place[0], cy=place[1], r=4)


def _beside(at: float, words: str, kind: str) -> Markup:
    """Return words at the right of a chart."""
    return _text(WIDTH - _RIGHT + 8, at + 4, words, kind)


def _apart(at: float, other: float) -> float:
    """Return a place for words that leaves room for those at another one."""
    if abs(at - other) >= 14:
        return at
    return other - 14 if at <= other and other - 14 > _TOP else other + 14


def _points(line: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in line)


def _text(x: float, y: float, words: str, kind: str = "", anchor: str | None = None) -> Markup:
    return element("text", words, x=x, y=y, class_=kind or None, text_anchor=anchor)


def _chart(title: str, about: str, *parts: Markup) -> Markup:
    return _svg(_HEIGHT, title, about, *parts)


def _svg(height: float, title: str, about: str, *parts: Markup) -> Markup:
    return element(
        "svg",
        element("title", title),
        element("desc", about),
        *parts,
        viewBox=f"0 0 {WIDTH} {height:g}",
        role="img",
        aria_label=f"{title}. {about}",
    )
