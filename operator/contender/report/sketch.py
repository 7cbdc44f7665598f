"""Sketches: charts of plain characters, for a terminal."""

from math import isfinite

from contender.report import figures, told
from contender.report.axes import Axis, axis, chosen, ticks, time_ticks, window
from contender.report.replay import Curve

WIDTH, HEIGHT = 58, 9
"""Characters of the drawing itself."""
MOST_INTERVALS = 12
_INDENT = 9


def evidence(curve: Curve) -> list[str]:
    """Return a chart of the evidence over time, against its bound; nothing: there is none yet."""
    across = axis([one.at for one in curve.points], 0, WIDTH - 1)
    points = [one for one in curve.points if told.is_enough(one)]
    found = [one.evidence for one in points]
    if not found:
        return []
    up = axis([0.0, curve.needed, *found], HEIGHT - 1, 0)
    grid = [[" "] * WIDTH for _ in range(HEIGHT)]
    bound = round(up.place(curve.needed))
    grid[bound] = ["- "[place % 2] for place in range(WIDTH)]
    for one in points:
        mark = "H" if one.spends else "*"
        column, line = round(across.place(one.at)), round(up.place(one.evidence))
        grid[line][column] = mark if grid[line][column] != "H" else "H"
    lines = {round(up.place(one)): f"{one:g}" for one in ticks(up.low, up.high, 5)}
    drawn = [
        f"{lines.get(line, ''):>{_INDENT - 2}} |{''.join(row).rstrip()}"
        for line, row in enumerate(grid)
    ]
    drawn[bound] = f"{drawn[bound]:<{_INDENT + WIDTH}} needed {curve.needed:.2f}"
    return [*drawn, *_below(across)]


def _below(across: Axis) -> list[str]:
    """Return the axis of time, with its marks."""
    moments, step = time_ticks(across.low, across.high, 5)
    line, words = ["-"] * WIDTH, [" "] * (WIDTH + 12)
    for at, word in zip(moments, figures.short_moments(moments, step), strict=True):
        place = round(across.place(at))
        start = max(0, place - len(word) // 2)
        free = words[max(0, start - 1) : start + len(word) + 1]
        line[place] = "+"
        if not "".join(free).strip():
            words[start : start + len(word)] = word
    pad = " " * (_INDENT - 1)
    return [f"{pad}+{''.join(line)}", f"{pad} {''.join(words).rstrip()}"]


def intervals(curve: Curve) -> list[str]:
    """Return the interval at some looks, one line each, with the goal and 0; of looks at the same
    rows, the last one. Nothing: none has ends."""
    known = {round(one.rows): one for one in curve.points if isfinite(one.low + one.high)}
    by_rows = [*known.values()]
    shown = [by_rows[one] for one in chosen(len(by_rows), MOST_INTERVALS)]
    seen = window([(one.low, one.high) for one in shown], (0.0, curve.goal))
    if seen is None:
        return []
    across = axis(seen, 0, WIDTH - 1)
    goal, zero = round(across.place(curve.goal)), round(across.place(0.0))
    lines = []
    for one in shown:
        row = [" "] * WIDTH
        row[zero], row[goal] = ":", "|"
        _bar(row, across, one.low, one.high)
        row[round(across.place(one.difference))] = "o"
        lines.append(f"{round(one.rows):>{_INDENT - 2},} |{''.join(row).rstrip()}")
    return [*lines, *_scale(across, curve)]


def _bar(row: list[str], across: Axis, low: float, high: float) -> None:
    first, last = round(across.place(low)), round(across.place(high))
    for place in range(first, last + 1):
        if row[place] == " ":
            row[place] = "-"
    row[first] = "[" if across.shows(low) else "<"
    row[last] = "]" if across.shows(high) else ">"


def _scale(across: Axis, curve: Curve) -> list[str]:
    factor = 100 if curve.loss in figures.POINTS else 1
    line, words = ["-"] * WIDTH, [" "] * (WIDTH + 12)
    for value in ticks(across.low, across.high, 5):
        place, word = round(across.place(value)), f"{factor * value:.6g}"
        start = max(0, place - len(word) // 2)
        line[place] = "+"
        words[start : start + len(word)] = word
    pad = " " * (_INDENT - 1)
    return [f"{pad}+{''.join(line)}", f"{pad} {''.join(words).rstrip()}"]


def table(found: told.Table) -> list[str]:
    """Return a table with columns as wide as they must be."""
    wide = widths(found)
    return [
        "  ".join(
            f"{cell:>{width}}" if name in found.right else f"{cell:<{width}}"
            for cell, width, name in zip(row, wide, found.head, strict=True)
        ).rstrip()
        for row in (found.head, *found.rows)
    ]


def widths(found: told.Table) -> list[int]:
    """Return how wide the columns of a table must be."""
    return [max(len(row[at]) for row in (found.head, *found.rows)) for at in range(len(found.head))]
