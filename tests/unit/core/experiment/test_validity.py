"""When nothing may be concluded, and why it is said to be so."""

from collections.abc import Mapping
from typing import Any

import pytest

from contender.api.v1alpha1.experiment_status import ArmCount, Epoch
from contender.core.experiment.course import Course
from contender.core.experiment.looks import Look, read_look
from contender.core.experiment.validity import UNDER_WAY_SECONDS, invalidity, is_mismatched
from tests.unit.core.experiment.cases import (
    ACCURACY,
    HALF,
    REVENUE,
    Json,
    arm,
    halves,
    in_pairs,
    labelled,
    look,
    seen,
    started,
    task,
)

REPAID: Json = {"name": "repaid", "feedback": "repaid", "loss": "ZeroOne"}
HOUR = 3600


def covered(ours: float, theirs: float = 1.0, n: int = 1000, **said: Any) -> Look:
    """Return a look at two arms whose rows have a truth in these shares."""
    shares = (("v2", ours), ("incumbent", theirs))
    means = [labelled(name, n, share, **said) for name, share in shares]
    return look(1, *means, *(arm(name, round(n * share), 0.1, **said) for name, share in shares))


def test_what_is_complete_is_valid() -> None:
    assert invalidity(task(), in_pairs(1, 1000, 10, 10)) == ""


def test_of_nothing_nothing_is_lacking() -> None:
    assert invalidity(task(), look(1)) == ""


# Pairs.


@pytest.mark.parametrize(("missing", "why"), [(20, ""), (21, "of 1000 pairs 2.1% miss an answer")])
def test_pairs_may_lack_a_half_up_to_a_share(missing: int, why: str) -> None:
    seen = look(1, pairs=[halves(1000 - missing, overflow=missing)])
    assert invalidity(task(), seen) == (why and f"{why}; 2.0% are allowed")


def test_the_share_is_of_all_epochs_and_can_be_set() -> None:
    pairs = [halves(80, lost=20), halves(900, epoch="e2"), halves(50, name="v3", lost=50)]
    assert invalidity(task(), look(1, pairs=pairs)) == ""
    assert "2.0% miss an answer; 1.0% are" in invalidity(
        task(maxMissingPairs=0.01), look(1, pairs=pairs)
    )


def test_a_failure_is_no_missing_half() -> None:
    seen = look(1, pairs=[halves(1000, failedChallenger=900)])
    assert invalidity(task(), seen) == ""


@pytest.mark.parametrize("objective", [REVENUE, REPAID])
def test_copies_that_were_not_sent_are_not_missed_by_what_judges_callers_only(
    objective: Json,
) -> None:
    seen = look(1, pairs=[halves(100, overflow=900)])
    assert invalidity(task(objective), seen) == ""
    assert invalidity(task(), seen)


# Truths.


@pytest.mark.parametrize(("ours", "theirs"), [(0.79, 0.79), (0.79, 1.0), (1.0, 0.79)])
def test_too_few_truths(ours: float, theirs: float) -> None:
    assert invalidity(task(), covered(ours, theirs, n=100)) == (
        f"{theirs:.1%} of the incumbent's rows and {ours:.1%} of the candidate's have a truth"
        " churned; 80.0% are needed"
    )


def test_how_many_truths_are_needed_can_be_set() -> None:
    assert invalidity(task(minFeedbackCoverage=0.5), covered(0.6, 0.6)) == ""
    assert invalidity(task(minFeedbackCoverage=0.7), covered(0.6, 0.6))
    assert invalidity(task(), covered(0.8, 0.8)) == ""


def test_truths_that_come_more_often_for_one_arm() -> None:
    assert invalidity(task(), covered(0.85, 0.95, n=2000)) == (
        "truths churned do not come alike: 95.0% of the incumbent's rows and 85.0% of the"
        " candidate's have one"
    )


def test_of_a_reward_that_counts_as_zero_none_is_missing() -> None:
    zero: Json = {"missing": "Zero", "delay": "1h"}
    seen = covered(0.1, 0.2, feedback="paid")
    assert invalidity(task(REVENUE, zero), seen) == ""
    assert "10.0% of the candidate's have a truth paid" in invalidity(task(REVENUE), seen)


def test_rows_that_an_arm_failed_to_answer_and_that_have_no_greatest_loss() -> None:
    """It crashes on the hard ones, and what is left looks good."""
    squared = {**ACCURACY, "loss": "Squared"}
    seen = look(
        1,
        *(labelled(name, 1000) for name in ("incumbent", "v2")),
        arm("incumbent", 1000, 1.0, variance=1.0, loss="Squared"),
        arm("v2", 950, 0.8, variance=1.0, loss="Squared"),
        pairs=[halves(1000, failedChallenger=50)],
    )
    assert invalidity(task(squared), seen) == (
        "5.0% of the rows of v2 with a truth have no Squared loss, because it answered nothing that"
        " can be compared; 2.0% are allowed"
    )
    assert invalidity(task(squared, maxMissingPairs=0.05), seen) == ""


# Whether requests were drawn as the weights say.


def epoch(counts: Mapping[str, int], shares: Mapping[str, int], hour: int = 9) -> Epoch:
    return Epoch(
        step="half",
        since=f"2026-01-05T{hour:02}:00:00Z",
        traffic="hash",
        shares=dict(shares),
        counts=[ArmCount(arm=name, requests=count) for name, count in counts.items()],
    )


def counted(*epochs: Epoch, until: str = "2026-01-05T20:00:00Z", **said: Any) -> Course:
    course, _ = started(steps=[HALF], **said)
    return course.told(epochs=[*epochs], counted_at=until)


def halved(ours: int, theirs: int, hour: int = 9) -> Epoch:
    return epoch({"incumbent": theirs, "v2": ours}, {"incumbent": 50, "v2": 50}, hour)


def a_tenth(ours: int, theirs: int) -> Epoch:
    return epoch({"incumbent": theirs, "v2": ours}, {"incumbent": 90, "v2": 10}, hour=10)


@pytest.mark.parametrize(
    ("epochs", "mismatched"),
    [
        ([], False),
        ([halved(0, 0)], False),
        ([halved(500, 500)], False),
        ([halved(5000, 5200)], False),
        ([halved(4000, 6000)], True),
        ([halved(6000, 4000)], True),
        ([halved(0, 200)], True),
        # Each epoch by its own weights.
        ([halved(5000, 5000), a_tenth(1000, 9000)], False),
        ([halved(5000, 5000), a_tenth(1500, 8500)], True),
        # Three arms.
        (
            [
                epoch(
                    {"incumbent": 8000, "v2": 1010, "v3": 990},
                    {"incumbent": 80, "v2": 10, "v3": 10},
                )
            ],
            False,
        ),
        (
            [
                epoch(
                    {"incumbent": 8000, "v2": 1300, "v3": 700},
                    {"incumbent": 80, "v2": 10, "v3": 10},
                )
            ],
            True,
        ),
        # Nobody was drawn: copies.
        ([epoch({"incumbent": 1000, "v2": 300}, {"incumbent": 100, "v2": 100})], False),
        ([epoch({"incumbent": 1000, "v2": 900}, {"incumbent": 100, "v2": 10})], False),
        ([epoch({"incumbent": 1000, "v2": 0}, {"incumbent": 100, "v2": 0})], False),
    ],
)
def test_whether_requests_were_drawn_as_the_weights_say(
    epochs: list[Epoch], mismatched: bool
) -> None:
    assert is_mismatched(counted(*epochs), None) is mismatched


def test_where_callers_stay_with_an_arm_requests_are_not_drawn() -> None:
    course = counted(halved(4000, 6000), stickiness={"header": "x-user"})
    assert not is_mismatched(course, None)


def callers(**epochs: Json) -> Look:
    """Return a look at callers: by epoch and arm its share and how many there are."""
    told = [
        {"epoch": name, "arm": arm, "share": share, "callers": number}
        for name, arms in epochs.items()
        for arm, (share, number) in arms.items()
    ]
    return read_look({**seen(1), "drawn": told})


HALVES: Json = {"incumbent": (50, 5000), "v2": (50, 5050)}


@pytest.mark.parametrize(
    ("look", "mismatched"),
    [
        (callers(), False),
        (callers(one=HALVES), False),
        (callers(one={"incumbent": (50, 5000), "v2": (50, 4000)}), True),
        # An arm that nobody came to.
        (callers(one={"incumbent": (50, 200)}), True),
        (callers(one={"incumbent": (100, 200)}), False),
        # In the next epoch the same callers come back: it takes more to prove anything.
        (callers(one={"incumbent": (50, 430), "v2": (50, 280)}), True),
        (callers(one=HALVES, two={"incumbent": (50, 430), "v2": (50, 280)}), True),
        (callers(one={"incumbent": (50, 520), "v2": (50, 410)}), False),
        (callers(one=HALVES, two={"incumbent": (90, 9000), "v2": (10, 1010)}), False),
        (callers(one={"incumbent": (100, 5000), "v2": (50, 5000)}), False),
    ],
)
def test_whether_callers_were_drawn_as_the_weights_say(look: Look, mismatched: bool) -> None:
    course = counted(halved(4000, 6000), stickiness={"header": "x-user"})
    assert is_mismatched(course, look) is mismatched
    # Where requests are drawn, they count.
    assert not is_mismatched(counted(halved(5000, 5000)), look)


@pytest.mark.parametrize(("seconds", "mismatched"), [(30, False), (HOUR, True)])
def test_what_is_under_way_proves_nothing(seconds: int, mismatched: bool) -> None:
    """A candidate that takes four seconds has answered fewer of the requests that came by then."""
    rate = 40
    came = rate // 2 * seconds
    behind = halved(came - 4 * rate // 2, came)
    until = f"2026-01-05T{9 + seconds // HOUR:02}:{seconds % HOUR // 60:02}:{seconds % 60:02}Z"
    assert not is_mismatched(counted(behind, until=until), None)
    # As many are lost that none of them can be under way.
    lost = halved(came - round(0.3 * came), came)
    assert is_mismatched(counted(lost, until=until), None) is mismatched


def test_what_comes_late_from_the_step_before_proves_nothing() -> None:
    """A shadow ends while the candidate has copies to answer; they count in the split after it."""
    late, seconds, rate = 60, 60, 20
    came = rate * seconds
    begun = epoch(
        {"incumbent": came * 9 // 10, "v2": came // 10 + late}, {"incumbent": 90, "v2": 10}
    )
    assert late <= UNDER_WAY_SECONDS * rate
    assert not is_mismatched(counted(begun, until="2026-01-05T09:01:00Z"), None)
    assert is_mismatched(counted(begun), None)  # in so long a time there would be more
