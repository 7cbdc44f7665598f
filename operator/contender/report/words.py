"""Words that the page uses and that not everybody knows, each in a sentence or two."""

from collections.abc import Iterator

from contender.api.v1alpha1 import ExperimentSpec
from contender.report.material import Subject

_LOSSES = {
    "ZeroOne": "1 for a wrong answer and 0 for a right one: its mean is the share of wrong answers,"
    " in percent. Less is better. A difference is told in points: from 6 % to 5 % is 1 point.",
    "Brier": "The squared distance of a told probability from what was true, 0 or 1. Less is"
    " better.",
    "LogLoss": "Minus the logarithm of the probability that was told for what was true. Less is"
    " better.",
    "Squared": "The squared distance of a number from the true one. Less is better.",
    "Absolute": "The distance of a number from the true one. Less is better.",
}
_OBJECTIVE = (
    (
        "reached, missed",
        "The whole interval of the difference lies on the good side of the goal, or on the other.",
    ),
    (
        "interval",
        "Where the true difference lies. It holds for all looks at once, so that one may look, and"
        " stop, at any time; an interval for a single look would be narrower.",
    ),
    (
        "evidence, ln E",
        "How much better the data fit another difference than just the goal, as a natural"
        " logarithm: 3 is 20 to 1, 4.6 is 100 to 1. From the number that is needed on, it is"
        " decided: the goal is reached, or missed.",
    ),
    (
        "look",
        "How it stood when a certain number of rows had come. Each look is weighed once, in order.",
    ),
)


def words(subject: Subject) -> Iterator[tuple[str, str]]:
    """Iterate over the words of a page and what they mean."""
    spec = subject.spec
    yield from _of_arms(spec)
    if spec.objectives:
        yield from _of_objectives(spec)
    if spec.guardrails:
        yield (
            "guardrail",
            "What a candidate must not do. Its evidence is against the candidate: below 0 the"
            " counts speak for it, and from the number that is needed on it is rejected.",
        )
    if subject.status.arms:
        yield (
            "p50, p95, p99",
            "Times that 50, 95 and 99 percent of a model's answers keep, as the routers saw them.",
        )
        yield "missing", "Copies that were not sent because too many were under way."


def _of_arms(spec: ExperimentSpec) -> Iterator[tuple[str, str]]:
    yield "incumbent", "The model that served when it began; all others are candidates."
    if any(one.shadow for one in spec.steps):
        yield (
            "shadow, copies",
            "A candidate gets copies of requests. The caller gets the answer of another arm.",
        )
    if any(one.split for one in spec.steps):
        yield "split", "Each arm answers its share of the callers."


def _of_objectives(spec: ExperimentSpec) -> Iterator[tuple[str, str]]:
    objectives = spec.objectives or []
    for loss in dict.fromkeys(one.loss for one in objectives):
        if loss is None:
            yield "reward", "A number that an answer has earned. More is better."
        else:
            yield f"{loss} loss", _LOSSES[loss]
    yield (
        "truth",
        "What turned out to be right, or what was earned. Rows count once their truth cannot be"
        " late any more.",
    )
    yield from _OBJECTIVE
    if spec.analysis and spec.analysis.horizon:
        yield "horizon", "Where it is meant to end: one look there decides by a narrower interval."
    yield (
        "alpha",
        "How often at most a candidate that does not reach its goal is taken for one that does.",
    )
