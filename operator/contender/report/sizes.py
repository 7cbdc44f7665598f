"""Sizes: how many rows an Experiment needs, before it starts, and how long that takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, inf, log10, sqrt

from contender.core.experiment.comparing import LEAST_OF_ARM, LEAST_UNITS
from contender.core.experiment.weighing import PLANNED_ROWS
from contender.stats.losses import worst_of
from contender.stats.planning import (
    Design,
    Traffic,
    careful_of_split,
    requests_needed,
    rows_needed,
    seconds_needed,
    unseen,
    variance_of_pairs,
    variance_of_share,
    variance_of_split,
)
from contender.stats.sequences import LEAST_ROWS

LEAST_HORIZON = 100
"""Least `analysis.horizon.rows`."""
LONGEST_HOURS = 8760
"""Longest `until.atMost`."""
SLACK = 1.25
"""How much more time than expected is suggested: traffic is not the same every day."""
PATIENCE_SECONDS = 14 * 86400.0
"""Without a wanted effect, one is suggested that is found within this."""
_RELATIVE = (0.05, 0.1, 0.2, 0.3, 0.5)
"""Effects that are shown when none is asked for, by the incumbent's mean or a row's deviation."""
_AROUND = (0.5, 0.75, 1.0, 1.5, 2.0)
"""Effects that are shown beside the one that is asked for."""


class Impossible(ValueError):
    """It cannot be worked out; the message says what is lacking, or wrong."""


@dataclass(frozen=True)
class Question:
    """What is to be found out about one objective of one candidate.

    Raises:
        Impossible: nobody can tell how many rows it needs.
    """

    name: str = ""
    """Of the objective; empty: it has none."""
    loss: str = "ZeroOne"
    """As the recorder names it: Value is a reward, of which more is better."""
    goal: str = "Superior"
    margin: float = 0.0
    share: float | None = None
    """Of the incumbent's rows, how many are errors or successes: of what is 0 or 1."""
    variance: float | None = None
    """Of a row; of pairs, that of the difference of both answers."""
    discordant: float | None = None
    """Of pairs, the share of rows in which one arm is right and the other wrong."""
    split: float | None = None
    """The candidate's share of the rows of both arms; None: pairs."""
    alpha: float = 0.05
    """Of all candidates together."""
    candidates: int = 1
    power: float = 0.8
    rows_per_request: float = 1.0
    icc: float = 0.0
    by_entity: bool = True
    """Whether rows of an entity or a request may depend on each other; else each stands for
    itself."""
    labelled: float = 1.0
    delay: float = 0.0
    """Seconds."""
    rate: float | None = None
    """Requests a second; None: nobody knows."""
    part: float = 1.0
    """Share of the requests that is compared."""

    def __post_init__(self) -> None:
        bounds = (
            ("--share", self.share, 0.0, 1.0),
            ("--variance", self.variance, 0.0, inf),
            ("--rate", self.rate, 0.0, inf),
            ("--alpha", self.alpha, 0.0, 1.0),
        )
        for what, known, low, high in bounds:
            if known is not None and not low < known < high:
                raise Impossible(f"{what} {known:g} is not between {low:g} and {high:g}")
        if self.share is None and self.variance is None:
            raise Impossible(
                "say how much rows vary: --share, how often the incumbent errs (or succeeds), or"
                " --variance of a row"
            )
        if self.loss not in ("ZeroOne", "Value") and self.variance is None:
            raise Impossible(f"of {self.loss} loss nobody knows the variance: say --variance")
        if self.loss == "Value" and self.split is None:
            raise Impossible(
                "a reward judges only the arm that was served: it needs a split, say --split"
            )
        if self.goal == "NonInferior" and not self.margin > 0:
            raise Impossible("NonInferior allows to be worse by less than --margin: say it")

    @property
    def is_share(self) -> bool:
        """Whether each row counts 0 or 1."""
        return self.share is not None and self.variance is None

    @property
    def goal_gain(self) -> float:
        """The gain that is to be passed."""
        return -self.margin if self.goal == "NonInferior" else self.margin

    @property
    def arms(self) -> tuple[float, ...]:
        """Of the rows that are compared, the share of each part: of both arms, or pairs."""
        return (1.0,) if self.split is None else (self.split, 1 - self.split)

    @property
    def rows_of_unit(self) -> float:
        """Rows that may depend on each other."""
        return self.rows_per_request if self.by_entity else 1.0

    @property
    def bound(self) -> float | None:
        """The greatest loss there is; None: there is none."""
        return worst_of(self.loss)

    @property
    def least(self) -> int:
        """Rows before which nothing is decided."""
        smallest = min(self.arms)
        units = ceil(LEAST_UNITS * self.rows_of_unit / smallest) if self.by_entity else 2
        if self.bound is not None:
            return units
        return max(units, LEAST_ROWS, ceil(LEAST_OF_ARM / smallest))

    @property
    def assumed(self) -> float | None:
        """The share of discordant rows when nobody says it, with errors that are independent."""
        if not self.is_share or self.split is not None or self.discordant is not None:
            return None
        assert self.share is not None
        return 2 * variance_of_share(self.share)

    def design(self, gain: float) -> Design:
        """Return the design for a gain.

        Raises:
            Impossible: there cannot be such a gain.
        """
        if gain <= self.goal_gain:
            raise Impossible("it is not beyond the margin")
        if self.split is None:
            variance, careful = self._in_pairs(gain), 1.0
        else:
            arms = self._of_arms(gain)
            variance = variance_of_split(*arms, self.split)
            careful = careful_of_split(*arms, self.split, gain)
        return Design(
            effect=gain,
            variance=variance,
            margin=self.goal_gain,
            alpha=self.alpha / self.candidates,
            power=self.power,
            cluster_rows=self.rows_per_request,
            icc=self.icc,
            careful=careful,
            bucketed=len(self.arms) if self.by_entity else 0,
            unseen=unseen(self.bound or 0.0, [one / self.rows_of_unit for one in self.arms]),
        )

    def _of_arms(self, gain: float) -> tuple[float, float]:
        """Return the variances of rows of the incumbent and of the candidate."""
        if self.is_share:
            assert self.share is not None
            return variance_of_share(self.share), variance_of_share(self._other(gain))
        assert self.variance is not None
        return self.variance, self.variance

    def _other(self, gain: float) -> float:
        """Return the candidate's share."""
        assert self.share is not None
        other = self.share + (gain if self.loss == "Value" else -gain)
        if not 0 <= other <= 1:
            raise Impossible("no share can become so")
        return other

    def _in_pairs(self, gain: float) -> float:
        """Return the variance of the difference in a row."""
        if not self.is_share:
            assert self.variance is not None
            return self.variance
        assert self.share is not None
        other, discordant = self._other(gain), self.discordant
        if discordant is None:
            discordant = self.share + other - 2 * self.share * other
        if abs(gain) > discordant:
            raise Impossible(f"arms that disagree on {discordant:.2%} of the rows differ by less")
        return variance_of_pairs(discordant, gain)

    @property
    def traffic(self) -> Traffic:
        """What comes; one request a second when nobody knows."""
        return Traffic(
            requests_per_second=(self.rate or 1.0) * self.part,
            rows_per_request=self.rows_per_request,
            labelled=self.labelled,
            delay=self.delay,
        )


@dataclass(frozen=True)
class Need:
    """What a number of rows takes."""

    rows: int
    requests: int
    """Of the endpoint in all."""
    seconds: float | None
    """None: nobody knows how many requests come."""


@dataclass(frozen=True)
class Size:
    """What one effect takes."""

    gain: float
    """How much better the candidate is."""
    always: Need | None = None
    """Looked at all the time, without a horizon; None: it cannot be."""
    horizon: Need | None = None
    """With a horizon."""
    once: Need | None = None
    """Looked at once, at the end."""
    why: str = ""
    """Why it cannot be."""


@dataclass(frozen=True)
class Suggestion:
    """What may be written into a spec."""

    gain: float
    rows: int
    """For `analysis.horizon.rows`."""
    hours: int | None
    """For `until.atMost`; None: nobody knows how many requests come, or it takes too long."""


def sizes(question: Question, gains: Sequence[float]) -> list[Size]:
    """Return what effects take, in their order."""
    return [_size(question, one) for one in gains]


def _size(question: Question, gain: float) -> Size:
    try:
        design = question.design(gain)
        # Without a horizon evidence is tuned for a number that is the same for all Experiments.
        needed = rows_needed(design, PLANNED_ROWS)
    except ValueError as error:
        return Size(gain, why=str(error))
    always, horizon = (max(question.least, one) for one in (needed.sequential, needed.horizon))
    needs = [_need(question, one) for one in (always, horizon, needed.fixed)]
    return Size(gain, needs[0], needs[1], needs[2])


def _need(question: Question, rows: int) -> Need:
    compared = requests_needed(rows, question.traffic)
    seconds = seconds_needed(rows, question.traffic) if question.rate else None
    return Need(rows, ceil(compared / question.part), seconds)


def gains(question: Question, wanted: Sequence[float]) -> list[float]:
    """Return which effects are shown.

    Args:
        question: what is to be found out.
        wanted: those that were asked for; one alone is shown with others around it.
    """
    if len(wanted) > 1:
        return sorted(wanted)
    if wanted and wanted[0] > question.goal_gain:
        beyond = wanted[0] - question.goal_gain
        return [_round(question.goal_gain + one * beyond) for one in _AROUND]
    if wanted:
        return [*wanted]
    if question.goal == "NonInferior":
        return [_round(one * question.margin) for one in (-0.5, 0.0, 0.5, 1.0, 2.0)]
    if question.is_share:
        assert question.share is not None
        unit = question.share
    else:
        assert question.variance is not None
        unit = sqrt(question.variance)
    return [_round(question.margin + one * unit) for one in _RELATIVE]


def _round(value: float) -> float:
    """Return a number with 12 digits, without what floats leave behind."""
    return float(f"{value:.12g}") + 0.0


def suggestion(found: Sequence[Size], wanted: Sequence[float]) -> Suggestion | None:
    """Return what may be written into a spec; None: nothing can be.

    It is for the effect that was asked for; else for the smallest one that is found in two weeks,
    the quickest one when none is, the middle one when nobody knows how many requests come.

    Args:
        found: what effects take.
        wanted: effects that were asked for.
    """
    possible = [one for one in found if one.horizon]
    if wanted:
        chosen = next((one for one in possible if one.gain == _round(min(wanted))), None)
    else:
        chosen = _feasible(possible)
    if chosen is None or chosen.horizon is None:
        return None
    rows = max(LEAST_HORIZON, _up(chosen.horizon.rows))
    seconds = chosen.horizon.seconds
    if seconds is None:
        return Suggestion(chosen.gain, rows, None)
    hours = ceil(SLACK * seconds * rows / chosen.horizon.rows / 3600)
    hours = hours if hours < 48 else 24 * ceil(hours / 24)
    return Suggestion(chosen.gain, rows, hours if hours <= LONGEST_HOURS else None)


def _feasible(possible: Sequence[Size]) -> Size | None:
    timed = [one for one in possible if one.horizon and one.horizon.seconds is not None]
    if not timed:
        return possible[len(possible) // 2] if possible else None

    def seconds(one: Size) -> float:
        assert one.horizon
        assert one.horizon.seconds is not None
        return one.horizon.seconds

    soon = [one for one in timed if seconds(one) <= PATIENCE_SECONDS]
    return min(soon, key=lambda one: one.gain) if soon else min(timed, key=seconds)


def _up(rows: int) -> int:
    """Return a round number that is not smaller: of two digits."""
    unit = 10 ** max(0, floor(log10(rows)) - 1)
    return ceil(rows / unit) * unit
