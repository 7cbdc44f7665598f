"""Remaining: how much longer it takes until an objective is decided, if all goes on as so far.

Pure: it follows from a look and from when the Experiment began, and not from a clock. So it changes
with a new look only.
"""

from math import sqrt

from contender.api.v1alpha1.base import seconds
from contender.core.experiment.comparing import Difference
from contender.core.experiment.weighing import Task
from contender.stats.estimates import Estimate
from contender.stats.planning import rows_until

UNSURE = 1.0
"""So many standard errors from its goal, or fewer, an estimate may as well come to lie on the other
side: nobody can tell when it passes."""


def seconds_left(task: Task, found: Difference, elapsed: float) -> float | None:
    """Return after how many seconds more an objective is decided: when its interval has passed the
    goal, or at the horizon if that comes sooner.

    Args:
        task: what is weighed, and is not decided yet.
        found: how the candidate differs from the incumbent.
        elapsed: seconds from the start of the Experiment to the look.

    Returns:
        None if nobody can tell.
    """
    if not found.enough:
        return None
    rows = found.estimate.n
    goals = (_rows_of_evidence(task, found.estimate), task.horizon_rows)
    pace = _pace(task, rows, elapsed)
    times = [(goal - rows) / pace for goal in goals if goal is not None and pace]
    if task.horizon and task.horizon.duration:
        times.append(seconds(task.horizon.duration) - elapsed)
    return max(0.0, min(times)) if times else None


def _pace(task: Task, rows: float, elapsed: float) -> float:
    """Return how many rows a second came to count so far; 0: nobody can tell. The first one counts
    when its truth may no longer be late."""
    counting = elapsed - seconds(task.feedback.delay)
    return rows / counting if counting > 0 else 0.0


def _rows_of_evidence(task: Task, estimate: Estimate) -> float | None:
    """Return after how many rows the interval has passed the goal, if the difference stays as it is
    and rows go on to vary as much; None: nobody can tell."""
    goal = task.goal if task.is_reward else -task.goal
    error = sqrt(estimate.variance)
    if not error or abs(estimate.value - goal) <= UNSURE * error:
        return None
    return rows_until(estimate, goal, task.rho2, task.spending.sequential)
