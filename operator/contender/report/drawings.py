"""Drawings of what looks say: the evidence over time, and intervals."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from math import isfinite

from contender.api.v1alpha1.experiment_status import Epoch
from contender.report import figures, told
from contender.report.axes import Axis, axis, ticks, time_ticks, window
from contender.report.canvas import CHARACTER, WIDTH, level, svg, text, upright
from contender.report.markup import Markup, element, joined
from contender.report.replay import Curve, Point

_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 96, 24, 44
_HEIGHT = 288
_END = WIDTH - _RIGHT

Place = tuple[float, float]


def evidence(curve: Curve, arm: int, epochs: Sequence[Epoch] = ()) -> Markup | None:
    """Return the evidence over time, against its bound; None: there is none yet.

    Args:
        curve: what is drawn.
        arm: number of the candidate, for its colour.
        epochs: when the traffic changed.
    """
    points = [one for one in curve.points if told.is_enough(one)]
    if not points:
        return None
    across = _time(curve.points)
    found = [one.evidence for one in points]
    up = _spread(axis([0.0, curve.needed, *found], _HEIGHT - _BOTTOM, _TOP))
    line = [(across.place(one.at), up.place(one.evidence)) for one in points]
    bound = up.place(curve.needed)
    last = points[-1]
    return svg(
        _HEIGHT,
        f"Evidence for {_about(curve)} over time",
        f"ln E is {last.evidence:.2f} at the last of {len(line)} looks;"
        f" {curve.needed:.2f} is needed",
        _grid(across, up, "evidence, ln E", 1.0),
        *_steps(epochs, across),
        level(bound, _LEFT, _END, "bound"),
        _beside(bound, f"needed {curve.needed:.2f}", "muted"),
        *_lines(curve.points, across, up, arm),
        *_horizon(points, line),
        _dot(line[-1], arm),
        _beside(_apart(line[-1][1], bound), f"{last.evidence:.2f}", "strong"),
    )


def intervals(curve: Curve, arm: int, epochs: Sequence[Epoch] = ()) -> Markup | None:
    """Return the difference and its interval over time, with the goal; None: nobody knows it.

    Args:
        curve: what is drawn.
        arm: number of the candidate, for its colour.
        epochs: when the traffic changed.
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
    unit, factor = (" in points", 100.0) if curve.loss in figures.POINTS else ("", 1.0)
    better = "more" if curve.is_reward else "less"
    shown = [figures.amount(curve.loss, one) for one in (last.difference, last.low, last.high)]
    return svg(
        _HEIGHT,
        f"Difference for {_about(curve)}: {curve.candidate} minus the incumbent",
        f"{shown[0]} at the last look, interval {shown[1]} to {shown[2]}; the goal is"
        f" {figures.exact(curve.loss, curve.goal)}",
        _grid(across, up, f"difference{unit}, {better} is better", factor),
        *_steps(epochs, across),
        level(up.place(0.0), _LEFT, _END, "zero"),
        element("polygon", class_=f"band arm{arm}", points=_written([*upper, *lower])),
        element("polyline", class_=f"line arm{arm}", points=_written(line)),
        level(goal, _LEFT, _END, "bound"),
        _beside(goal, f"goal {factor * curve.goal:.6g}", "muted"),
        *_horizon(known, line),
        _dot(line[-1], arm),
        _beside(_apart(line[-1][1], goal), figures.number(factor * last.difference), "strong"),
    )


def _about(curve: Curve) -> str:
    where = f" in {curve.segment}" if curve.segment else ""
    return f"{curve.objective}{where} of {curve.candidate}"


def _time(points: Sequence[Point]) -> Axis:
    return axis([one.at for one in points], _LEFT, _END)


def _spread(found: Axis) -> Axis:
    """Return an axis with a little room at its upper end."""
    return Axis(found.low, found.high + (found.high - found.low) * 0.06, found.start, found.end)


def _lines(points: Sequence[Point], across: Axis, up: Axis, arm: int) -> Iterator[Markup]:
    """Iterate over the parts of a line that is broken where too little was seen."""
    for enough, part in groupby(points, told.is_enough):
        line = [(across.place(one.at), up.place(one.evidence)) for one in part]
        if enough and len(line) == 1:
            yield _dot(line[0], arm)
        elif enough:
            yield element("polyline", class_=f"line arm{arm}", points=_written(line))


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
        parts.append(level(at, _LEFT, _END, "grid"))
        parts.append(text(_LEFT - 8, at + 4, f"{factor * value:.6g}", "muted", "end"))
    moments, step = time_ticks(across.low, across.high, 6)
    for moment, words in zip(moments, figures.short_moments(moments, step), strict=True):
        at = across.place(moment)
        parts.append(upright(at, bottom, bottom + 5, "grid"))
        parts.append(text(at, bottom + 18, words, "muted", "middle"))
    middle = (_TOP + bottom) / 2
    turned = element(
        "text", name, x=14, y=middle, text_anchor="middle", transform=f"rotate(-90 14 {middle:g})"
    )
    time = text((_LEFT + _END) / 2, _HEIGHT - 6, "time of the look, UTC", "", "middle")
    return joined(*parts, turned, time)


def _steps(epochs: Sequence[Epoch], across: Axis) -> Iterator[Markup]:
    """Iterate over marks where a step began, with its name where there is room."""
    free = 0.0
    for name, of_step in groupby(epochs, lambda one: one.step):
        since = datetime.fromisoformat(next(of_step).since).timestamp()
        at = across.place(since)
        if since > across.high:
            return
        if since > across.low:
            yield upright(at, _TOP - 8, _HEIGHT - _BOTTOM, "step")
        wide = CHARACTER * (len(name) + 1)
        if at >= free and at + wide <= WIDTH:
            yield text(at + 4, _TOP - 10, name, "small")
            free = at + wide


def _horizon(points: Sequence[Point], line: Sequence[Place]) -> Iterator[Markup]:
    """Iterate over the mark of the look at the horizon."""
    for one, (x, y) in zip(points, line, strict=True):
        if one.spends:
            said = f"look {one.number}, at the horizon: {one.rows:,.0f} rows"
            yield element("circle", element("title", said), class_="horizon", cx=x, cy=y, r=6)
            yield text(x, y - 10, "horizon", "small", "end" if x > WIDTH / 2 else "start")


def _dot(place: Place, arm: int) -> Markup:
    return element("circle", class_=f"dot arm{arm}", cx=place[0], cy=place[1], r=4)


def _beside(at: float, words: str, kind: str) -> Markup:
    """Return words at the right of a chart."""
    return text(_END + 8, at + 4, words, kind)


def _apart(at: float, other: float) -> float:
    """Return a place for words that leaves room for those at another one."""
    if abs(at - other) >= 14:
        return at
    return other - 14 if at <= other and other - 14 > _TOP else other + 14


def _written(line: Sequence[Place]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in line)
