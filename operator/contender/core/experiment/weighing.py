"""Weighing: what one look says about an objective of a candidate."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import log

from contender.api.v1alpha1.capture import Feedback, Segment
from contender.api.v1alpha1.objectives import Analysis, Horizon, Objective
from contender.core.experiment.comparing import Difference, Question, compare
from contender.core.experiment.looks import LABELLED, VALUE, Look, Mean
from contender.core.segments import id_of
from contender.router.traffic import INCUMBENT
from contender.stats.estimates import Estimate
from contender.stats.fixed import Spending, hybrid, z_interval
from contender.stats.losses import worst_of
from contender.stats.sequences import interval, log_evidence, mixture

Key = tuple[str, str, str]
"""Names of an objective, a candidate and a segment; that of all rows is empty."""

PLANNED_ROWS = 5000
"""For how many rows evidence is tuned when no horizon says it. Fewer and more are weighed as
validly, only somewhat later."""
COVERAGE_ALPHA = 0.001
"""How often at most labels that come alike are taken for such that do not."""


@dataclass(frozen=True)
class Task:
    """One objective of one candidate, with all that decides how it is weighed."""

    objective: Objective
    feedback: Feedback
    candidate: str
    analysis: Analysis
    candidates: int
    """How many the experiment has: they share alpha."""
    segment: Segment | None = None
    """The part of the rows that this is about; None: all."""

    @property
    def key(self) -> Key:
        """What tells it from others."""
        return self.objective.name, self.candidate, self.segment.name if self.segment else ""

    @property
    def is_reward(self) -> bool:
        """Whether more is better."""
        return self.objective.loss is None

    @property
    def judges_copies(self) -> bool:
        """Whether a truth judges answers, too, that reached no caller."""
        return not (self.is_reward or self.feedback.depends_on_answer)

    @property
    def loss(self) -> str:
        """How the recorder names what is compared."""
        return self.objective.loss or VALUE

    @property
    def bound(self) -> float | None:
        """The greatest loss there is; None: there is none."""
        return worst_of(self.loss)

    @property
    def alpha(self) -> float:
        """This candidate's part of alpha; of a segment, its part of that: they can only stop a
        candidate, and together do so in vain as rarely as alpha says."""
        segments = len(self.analysis.segments or ()) if self.segment else 1
        return self.analysis.alpha / self.candidates / segments

    @property
    def horizon_rows(self) -> int | None:
        """Rows at which the last look is due."""
        return self.horizon.rows if self.horizon else None

    @property
    def horizon(self) -> Horizon | None:
        """Where the last look is due. Segments have none: nobody knows how many rows they get."""
        return None if self.segment else self.analysis.horizon

    @property
    def spending(self) -> Spending:
        """What looks may spend, and what is kept for the one at the horizon."""
        return hybrid(self.alpha) if self.horizon else Spending(self.alpha, 0.0)

    @property
    def rho2(self) -> float:
        """For how many rows intervals are narrowest, as `stats.sequences.interval` takes it."""
        return mixture(self.horizon_rows or PLANNED_ROWS, self.spending.sequential)

    @property
    def goal(self) -> float:
        """The gain that is to be passed: how much better the candidate has to be; below 0, how much
        worse it may be. In a segment nobody has to be better."""
        margin = self.objective.margin
        if self.objective.goal == "NonInferior":
            return -margin
        return 0.0 if self.segment else margin

    @property
    def question(self) -> Question:
        """What is compared."""
        return Question(
            candidate=self.candidate,
            feedback=self.objective.feedback,
            loss=self.loss,
            bound=self.bound,
            by_entity=self.objective.unit == "Entity",
            segment=id_of(self.segment) if self.segment else "",
        )

    def compare(self, look: Look) -> Difference | None:
        """Return how the candidate differs from the incumbent; None: nothing is known yet."""
        return compare(look, self.question)


@dataclass(frozen=True)
class Weighed:
    """What one look says."""

    rows: float
    incumbent: float
    challenger: float
    """Means of both arms."""
    gain: float
    """How much better the candidate does: less loss, or more reward."""
    low: float
    high: float
    """The interval of the gain that is valid over all looks; infinite: nobody can tell yet."""
    evidence: float
    """ln E against the gain being just what is to be passed; 0 before anything may be decided."""
    verdict: int
    """1: the whole interval passes the goal; -1: all of it fails to; 0: undecided."""


def weigh(task: Task, found: Difference, *, at_horizon: bool) -> Weighed:
    """Return what a look says about an objective.

    Decisions are those of the interval that people are shown, which errs to both sides together as
    often as alpha says. So a candidate that just misses its goal is taken for one that reaches it
    about half as often.

    Args:
        task: what is weighed.
        found: how the candidate differs from the incumbent.
        at_horizon: whether this is the one look at the horizon, which spends the rest of alpha.
    """
    sign = 1.0 if task.is_reward else -1.0
    gain = Estimate(sign * found.estimate.value, found.estimate.variance, found.estimate.n)
    spending = task.spending
    low, high = interval(gain, task.rho2, spending.sequential)
    verdict = _side(low, high, task.goal)
    if not verdict and at_horizon:
        verdict = _side(*z_interval(gain, spending.fixed), task.goal)
    return Weighed(
        rows=gain.n,
        incumbent=found.incumbent,
        challenger=found.challenger,
        gain=gain.value,
        low=low,
        high=high,
        evidence=log_evidence(gain, task.goal, task.rho2) if found.enough else 0.0,
        verdict=verdict if found.enough else 0,
    )


def _side(low: float, high: float, goal: float) -> int:
    """Return on which side of a goal an interval lies."""
    return (low > goal) - (high < goal)


def needed(task: Task) -> float:
    """Return ln E from which on an objective is decided before the horizon."""
    return log(1 / task.spending.sequential)


@dataclass(frozen=True)
class Coverage:
    """Of rows that are old enough, how many have a truth."""

    incumbent: float | None
    challenger: float | None
    """Shares; None: no row is old enough."""
    differs: bool
    """Whether truths come more often for one arm than for the other."""

    @property
    def least(self) -> float | None:
        """The smaller share."""
        known = [one for one in (self.incumbent, self.challenger) if one is not None]
        return min(known, default=None)


def coverage(task: Task, look: Look) -> Coverage:
    """Return how complete the truths of a feedback are."""
    arms = (INCUMBENT, task.candidate)
    theirs, ours = (look.of(arm, task.objective.feedback, LABELLED, paired=False) for arm in arms)
    question = replace(task.question, loss=LABELLED, bound=1.0, by_entity=True, segment="")
    found, odd = compare(look, question), False
    if found is not None and found.enough:
        rho2 = mixture(PLANNED_ROWS, COVERAGE_ALPHA)
        odd = _side(*interval(found.estimate, rho2, COVERAGE_ALPHA), 0.0) != 0
    return Coverage(_mean(theirs.values()), _mean(ours.values()), odd)


def _mean(means: Iterable[Mean]) -> float | None:
    known = [*means]
    n = sum(one.n for one in known)
    return sum(one.n * one.mean for one in known) / n if n else None


def unjudged(task: Task, look: Look, arm: str) -> float:
    """Return the share of an arm's rows with a truth of which there is no loss, because it failed
    and there is no greatest loss, or because what it answered is none."""
    feedback = task.objective.feedback
    labelled = look.of(arm, feedback, LABELLED, paired=False).values()
    truths = sum(one.n * one.mean for one in labelled)
    losses = sum(one.n for one in look.of(arm, feedback, task.loss, paired=False).values())
    return max(0.0, (truths - losses) / truths) if truths >= 1 else 0.0
