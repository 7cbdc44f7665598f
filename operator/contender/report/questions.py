"""Questions: what an Experiment is to find out, from its spec, its target and what was counted."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from contender.api.v1alpha1 import ExperimentSpec, ModelDeploymentSpec
from contender.api.v1alpha1.base import seconds
from contender.api.v1alpha1.capture import Feedback
from contender.api.v1alpha1.objectives import Analysis, Objective
from contender.api.v1alpha1.steps import Step
from contender.core.experiment.looks import VALUE
from contender.core.experiment.steps import wish_at
from contender.report import figures
from contender.report.hours import NOTHING_SEEN, Seen
from contender.report.sizes import Impossible, Question
from contender.stats.planning import design_effect

POWER = 0.8
_LIKELY_ICC = 0.2
"""For an example of what it costs that rows of a request are alike."""
_PERCENT = 100.0


@dataclass(frozen=True)
class Said:
    """What was said by hand; it goes before all that is known otherwise. None: nothing."""

    loss: str | None = None
    goal: str | None = None
    margin: float | None = None
    share: float | None = None
    variance: float | None = None
    discordant: float | None = None
    split: float | None = None
    """Percent of the requests that each candidate answers."""
    alpha: float | None = None
    power: float | None = None
    candidates: int | None = None
    rows_per_request: float | None = None
    icc: float | None = None
    rate: float | None = None
    labelled: float | None = None
    delay: float | None = None
    """Seconds."""


@dataclass(frozen=True)
class Asked:
    """A question, and what is taken for granted."""

    question: Question
    assumptions: tuple[str, ...]


@dataclass(frozen=True)
class _Way:
    """How rows are compared."""

    split: float | None = None
    """The candidate's share of the rows of both arms; None: pairs."""
    part: float = 1.0
    """Share of the requests that is compared."""
    captured: float = 1.0
    """Share of the requests that is captured."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Known:
    """What is known without options."""

    way: _Way = _Way()
    objective: Objective | None = None
    feedback: Feedback | None = None
    analysis: Analysis = field(default_factory=Analysis)
    candidates: int = 1
    seen: Seen = NOTHING_SEEN


def plain(said: Said) -> Asked:
    """Return the question of options alone.

    Raises:
        Impossible: something is lacking or out of bounds.
    """
    return _asked(_Known(), said)


def of_experiment(
    spec: ExperimentSpec,
    target: ModelDeploymentSpec | None,
    found: Mapping[str, Seen],
    said: Said,
) -> list[Asked]:
    """Return what each objective of an Experiment asks.

    Args:
        spec: of the Experiment.
        target: of its ModelDeployment; None: it is not known.
        found: by objective, what the endpoint did.
        said: what goes before all of that.

    Raises:
        Impossible: something is lacking or out of bounds.
    """
    if not spec.objectives:
        raise Impossible("it has no objectives, so that no number of rows decides it")
    declared = {one.name: one for one in (target.feedback or [] if target else [])}
    asked = []
    for one in spec.objectives:
        feedback = declared.get(one.feedback)
        if target and feedback is None:
            known = ", ".join(declared) or "none"
            raise Impossible(
                f"objective {one.name}: the target's spec.feedback declares no {one.feedback};"
                f" declared: {known}"
            )
        seen = found.get(one.name, NOTHING_SEEN)
        known_of = _Known(
            way=_way(spec, one, feedback, target),
            objective=one,
            feedback=feedback,
            analysis=spec.analysis or Analysis(),
            candidates=len(spec.candidates),
            seen=seen,
        )
        try:
            asked.append(_asked(known_of, said))
        except Impossible as error:
            raise Impossible(f"objective {one.name}: {error}") from error
    return asked


def _way(
    spec: ExperimentSpec,
    objective: Objective,
    feedback: Feedback | None,
    target: ModelDeploymentSpec | None,
) -> _Way:
    """Return how the step compares that waits for a verdict, or else the last one that can."""
    served = objective.loss is None or (feedback is not None and feedback.depends_on_answer)
    fitting = [
        (number, one)
        for number, one in enumerate(spec.steps)
        if one.split or (one.shadow and not served)
    ]
    if not fitting:
        raise Impossible(
            f"objective {objective.name}: {objective.feedback} judges only the arm that was served,"
            " and no step is a split: add one"
        )
    waiting = [one for one in fitting if one[1].until and one[1].until.verdict]
    number, step = waiting[0] if waiting else fitting[-1]
    found = _of_step(spec, number, step, served=served)
    captured = target.capture.percent / _PERCENT if target and target.capture else 1.0
    notes = [f"rows as in step {step.name} ({number + 1} of {len(spec.steps)})"]
    if captured < 1:
        notes.append(f"{captured:.0%} of the requests are captured (spec.capture.percent)")
    if spec.match:
        notes.append("all requests match; say by --rate how many do")
    return _Way(found.split, found.part * captured, captured, tuple(notes))


def _of_step(spec: ExperimentSpec, number: int, step: Step, *, served: bool) -> _Way:
    names = [one.name for one in spec.candidates]
    wish = wish_at(spec.steps[: number + 1], number, names)
    assert wish is not None
    if step.shadow:
        percent = min(wish.shadows.values(), default=0)
        if not percent:
            raise Impossible(f"step {step.name} copies nothing for one of the candidates")
        return _Way(None, percent / _PERCENT)
    if wish.shadow_others and not served:
        return _Way(None, 1.0)
    weights = [wish.weights.get(one, 0) for one in names]
    return _split(min(weights), _PERCENT - sum(weights), f"step {step.name}")


def _split(ours: float, theirs: float, where: str) -> _Way:
    """Return how a split compares, in percent of the requests."""
    if not (ours > 0 and theirs > 0):
        raise Impossible(
            f"{where}: candidate {ours:g} %, incumbent {theirs:g} %: both need a share to be"
            " compared"
        )
    return _Way(ours / (ours + theirs), (ours + theirs) / _PERCENT)


def _asked(known: _Known, said: Said) -> Asked:
    """Return the question: what was said, or else what is known, or else what is assumed."""
    objective, seen = known.objective, known.seen
    loss = said.loss or (objective.loss or VALUE if objective else "ZeroOne")
    candidates = said.candidates or known.candidates
    way = known.way
    if said.split is not None:
        way = _split(said.split, _PERCENT - candidates * said.split, "--split")
    notes = [*way.notes]
    share, variance = _spread(known, said, loss, way, notes)
    question = Question(
        name=objective.name if objective else "",
        loss=loss,
        goal=said.goal or (objective.goal if objective else "Superior"),
        margin=_first(said.margin, objective.margin if objective else None, 0.0),
        share=share,
        variance=variance,
        discordant=said.discordant,
        split=way.split,
        alpha=_first(said.alpha, known.analysis.alpha),
        candidates=candidates,
        power=_first(said.power, POWER),
        rows_per_request=_first(said.rows_per_request, seen.rows_per_request, 1.0),
        icc=0.0 if objective and objective.unit == "Row" else _first(said.icc, 0.0),
        by_entity=objective is None or objective.unit == "Entity",
        labelled=_first(said.labelled, seen.labelled, 1.0),
        delay=_first(said.delay, seconds(known.feedback.delay) if known.feedback else None, 0.0),
        rate=said.rate if said.rate is not None else _rate(known),
        part=way.part,
    )
    return Asked(question, (*notes, *_notes(question, known, said)))


def _rate(known: _Known) -> float | None:
    """Return how many requests a second come, if so many were captured; None: nobody knows."""
    return None if known.seen.rate is None else known.seen.rate / known.way.captured


def _first(*known: float | None) -> float:
    return next(one for one in known if one is not None)


def _spread(
    known: _Known, said: Said, loss: str, way: _Way, notes: list[str]
) -> tuple[float | None, float | None]:
    """Return the share or the variance of a row; note where they are from."""
    if said.share is not None or said.variance is not None:
        return said.share, said.variance
    seen = known.seen
    if seen.mean is None or seen.variance is None:
        return None, None
    told = f"{seen.n:,} rows with a truth of the last {figures.span(3600 * seen.hours)}"
    # What is always 0 or 1 has this variance, and nothing else has.
    binary = abs(seen.variance * (seen.n - 1) / seen.n - seen.mean * (1 - seen.mean)) < 1e-9
    if binary and 0 < seen.mean < 1:
        notes.append(f"the incumbent's mean is {figures.mean(loss, seen.mean)}: {told}")
        return seen.mean, None
    if way.split is not None:
        notes.append(f"the variance of a row is {figures.number(seen.variance)}: {told}")
        return None, seen.variance
    notes.append(
        f"the variance of the difference is twice that of a row ({figures.number(seen.variance)}),"
        f" as if answers had nothing in common: {told}; it is mostly much less (--variance)"
    )
    return None, 2 * seen.variance


def _notes(question: Question, known: _Known, said: Said) -> Iterator[str]:
    """Iterate over what nobody has said or seen."""
    seen = known.seen
    if question.assumed is not None:
        yield (
            f"both arms err independently of each other, and so disagree on about"
            f" {question.assumed:.1%} of the rows; it is mostly much less, and so are the rows"
            " (--discordant)"
        )
    if said.rate is None and seen.rate is not None:
        over = figures.span(3600 * seen.hours)
        least = "at least " if seen.hours < 1 else ""
        yield f"{least}{question.rate:.3g} requests/s come: so many were captured in {over}"
    if said.labelled is None and seen.labelled is None:
        yield "every row gets its truth (--labelled)"
    if said.delay is None and known.feedback is None:
        yield "truths come at once (--delay)"
    if said.rows_per_request is None and seen.rows_per_request is None:
        yield "one row a request (--rows-per-request)"
    if question.rows_per_request > 1 and not question.icc:
        unit = known.objective.unit if known.objective else "Entity"
        times = design_effect(question.rows_per_request, _LIKELY_ICC)
        if unit == "Entity":
            yield (
                f"rows of a request have nothing in common (--icc): with {_LIKELY_ICC} it takes"
                f" {times:.1f} times the rows"
            )
