"""Coverage: of how many rows the truth has come, whom it judges, and what counts without one."""

from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contender.api.v1alpha1.capture import Feedback, Rows
from contender.recorder.joining.judge import Judge, judge_of
from contender.recorder.joining.sums import ARM, BUCKETS
from contender.recorder.store import schema
from contender.recorder.store.sqlite import SqliteStore
from tests.recorder.books import SPEC, Books, plan
from tests.recorder.told import NOW, Call, stamp

HOUR = 3600
YES, NO = [{"label": 1, "p": 0.75}], [{"label": 0, "p": 0.25}]
SPLIT = stamp(copies={"v2": ["incumbent"]}, shares={"incumbent": 50, "v2": 50, "v3": 0})
"""v2 serves, and the incumbent gets a copy."""


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    found = Books(tmp_path)
    yield found
    found.store.close()


def label(call: Call, value: Any = 1, name: str = "churned", **more: Any) -> dict[str, Any]:
    return {"id": call.id, "name": name, "value": value, **more}


def covered(books: Books, arm: str, name: str = "churned") -> tuple[float, float]:
    """Return how many rows count, and how many of them have a truth."""
    found = books.sums("arm", arm, name, "Labelled")
    return found["n"], found["sum"]


def value(books: Books, arm: str, name: str = "gain") -> tuple[float, float]:
    """Return how many rewards count, and their sum."""
    found = books.sums("arm", arm, name, "Value")
    return found["n"], found["sum"]


def test_each_row_of_both_arms_counts_and_flips_when_its_truth_comes(books: Books) -> None:
    call = Call(trial=stamp(), rows=[{"x": 1}, {"x": 2}])
    books.take(call.answered(YES * 2), call.copied(NO * 2))
    assert covered(books, "incumbent") == covered(books, "v2") == (2, 0)
    books.send(label(call) | {"id": f"{call.id}/1"})
    assert covered(books, "incumbent") == covered(books, "v2") == (2, 1)
    books.send(label(call) | {"id": f"{call.id}/1"})
    assert covered(books, "v2") == (2, 1)
    buckets = books.buckets("arm", "v2", "churned", "Labelled")
    assert (sum(n for n, _ in buckets), sum(total for _, total in buckets)) == (2, 1)


@pytest.mark.parametrize("early", [False, True])
def test_it_makes_no_difference_whether_the_truth_comes_first(books: Books, early: bool) -> None:
    call = Call(trial=stamp())
    if early:
        books.send(label(call))
    books.take(call.answered(YES), call.copied(NO))
    if not early:
        books.send(label(call))
    assert covered(books, "incumbent") == covered(books, "v2") == (1, 1)


COPIES: dict[str, tuple[dict[str, Any], tuple[int, int]]] = {
    "answers": ({"predictions": NO}, (1, 0)),
    "fails: it would be judged": ({"predictions": b"", "code": 500}, (1, 0)),
    "is not sent": ({"predictions": b"", "code": 503, "flags": ["upstream_overflow"]}, (0, 0)),
}


@pytest.mark.parametrize("case", COPIES)
def test_an_arm_whose_answer_is_missing_takes_no_part(books: Books, case: str) -> None:
    answer, expected = COPIES[case]
    call = Call(trial=stamp())
    books.take(call.answered(YES), call.copied(**answer))
    assert covered(books, "v2") == expected
    assert covered(books, "incumbent") == (1, 0)


def test_what_nobody_could_answer_or_read_does_not_count(books: Books) -> None:
    refused, unread = Call(trial=stamp()), Call(trial=stamp(), body=b"no JSON")
    books.take(refused.answered(b"", code=422), refused.copied(b"", code=400))
    books.take(unread.answered(YES), unread.copied(NO))
    assert covered(books, "incumbent") == covered(books, "v2") == (0, 0)


def test_without_an_experiment_nothing_counts(books: Books) -> None:
    call = Call()
    books.take(call.answered(YES))
    books.send(label(call))
    assert books.store.statistics() == []


def test_rows_count_once_they_are_old_enough(tmp_path: Path) -> None:
    late = [{"name": "churned", "kind": "Label", "delay": "24h"}]
    books = Books(tmp_path, feedback=late)
    calls = [Call(trial=stamp()) for _ in range(2)]
    for one in calls:
        books.take(one.answered(YES), one.copied(NO))
    books.send(label(calls[0]))
    assert covered(books, "v2") == (0, 0)
    books.later(24 * HOUR)
    assert covered(books, "v2") == (2, 1)
    books.send(label(calls[1]))
    assert covered(books, "v2") == (2, 2)
    books.store.close()


# Whom a truth judges


def served_only(tmp_path: Path, **feedback: Any) -> Books:
    """Return books with a label that is there only because of the answer."""
    paid = {"name": "paid", "kind": "Label", "dependsOnAnswer": True, **feedback}
    return Books(tmp_path, feedback=[paid, *SPEC["feedback"]])


def test_a_label_that_depends_on_the_answer_judges_the_arm_that_was_served(tmp_path: Path) -> None:
    books = served_only(tmp_path)
    call = Call(trial=SPLIT)
    books.take(call.answered(YES, arm="v2"), call.copied(NO, arm="incumbent"))
    books.send(label(call, 0, "paid"), label(call, 0))
    assert books.sums("arm", "v2", "paid", "ZeroOne")["sum"] == 1
    assert books.sums("arm", "incumbent", "paid", "ZeroOne")["n"] == 0
    assert books.sums("pair", "v2", "paid", "ZeroOne")["n"] == 0
    assert books.sums("pair", "v2", "churned", "ZeroOne")["n"] == 1
    assert covered(books, "v2", "paid") == (1, 1)
    assert covered(books, "incumbent", "paid") == (0, 0)
    books.store.close()


def test_a_label_that_depends_on_the_answer_cannot_judge_a_shadow(tmp_path: Path) -> None:
    books = served_only(tmp_path)
    call = Call(trial=stamp())
    books.take(call.answered(YES), call.copied(NO))
    books.send(label(call, 0, "paid"))
    judged = {key.arm for key, _, _ in books.store.statistics() if key.feedback == "paid"}
    assert judged == {"incumbent"}
    books.store.close()


# Rewards that do not come


def rewarded(tmp_path: Path, **more: Any) -> Books:
    gain = {"name": "gain", "kind": "Reward", "delay": "24h", "missing": "Zero", **more}
    return Books(tmp_path, feedback=[gain])


def test_a_reward_that_has_not_come_counts_as_nothing_or_as_zero(tmp_path: Path) -> None:
    for missing, expected in (("Exclude", (1, 5)), ("Zero", (2, 5))):
        (tmp_path / missing).mkdir()
        books = rewarded(tmp_path / missing, missing=missing)
        calls = [Call(trial=SPLIT) for _ in range(2)]
        for one in calls:
            books.take(one.answered(YES, arm="v2"), one.copied(NO, arm="incumbent"))
        books.send(label(calls[0], 5, "gain"))
        assert value(books, "v2") == (0, 0)
        books.later(24 * HOUR)
        assert value(books, "v2") == expected
        assert value(books, "incumbent") == covered(books, "incumbent", "gain") == (0, 0)
        assert covered(books, "v2", "gain") == (2, 1)
        books.store.close()


def test_a_reward_that_comes_too_late_takes_the_place_of_the_zero(tmp_path: Path) -> None:
    books = rewarded(tmp_path)
    call = Call(trial=SPLIT)
    books.take(call.answered(YES, arm="v2"))
    books.later(30 * HOUR)
    assert value(books, "v2") == (1, 0)
    books.send(label(call, 7, "gain"))
    assert value(books, "v2") == (1, 7)
    assert covered(books, "v2", "gain") == (1, 1)
    books.store.close()


SERVED: dict[str, dict[str, Any]] = {
    "answered": {"predictions": YES},
    "failed": {"predictions": b"", "code": 500},
    "left before the answer": {
        "predictions": b"",
        "code": 0,
        "flags": ["downstream_connection_termination"],
    },
}


@pytest.mark.parametrize("case", SERVED)
@pytest.mark.parametrize("comes", [False, True])
def test_a_row_counts_the_same_with_a_reward_and_without(
    tmp_path: Path, case: str, comes: bool
) -> None:
    """Else rows of a kind that earn nothing would be left out where those that earn count."""
    books = rewarded(tmp_path)
    call = Call(trial=SPLIT)
    books.take(call.answered(**SERVED[case], arm="v2"))
    if comes:
        books.send(label(call, 3, "gain"))
    books.later(25 * HOUR)
    assert value(books, "v2") == (1, 3 * comes)
    assert covered(books, "v2", "gain") == (1, comes)
    books.store.close()


# From when on


OTHER_ROWS = {"preset": "V1", "output": "/label", "task": "Multiclass"}


def test_rows_from_before_a_judge_do_not_count_for_its_coverage(books: Books) -> None:
    old = Call(trial=stamp())
    books.take(old.answered(YES), old.copied(NO))
    books.declare(plan(rows=OTHER_ROWS))
    new = Call(trial=stamp(), at=NOW + 1)
    books.take(new.answered(YES), new.copied(NO))
    books.send(label(old), label(new))
    found = {
        key.judge: array("d", data)[:2].tolist()
        for key, data, _ in books.store.statistics()
        if (key.arm, key.feedback, key.loss) == ("v2", "churned", "Labelled")
    }
    assert [*found.values()] == [[1, 0], [1, 1]]
    # Its losses count under the one that sees its truth first.
    assert books.sums("pair", "v2", "churned", "ZeroOne")["n"] == 2


def test_rows_that_came_under_another_judge_are_not_taken_out_of_the_first_one(
    books: Books,
) -> None:
    def record(second: int) -> Call:
        call = Call(trial=stamp(), at=NOW + second)
        books.take(call.answered(YES), call.copied(NO))
        return call

    record(0)
    books.declare(plan(rows=OTHER_ROWS))
    between = record(1)
    books.declare(plan())
    after = record(2)
    books.send(label(between), label(after))
    first = plan().judge.digest
    (found,) = (
        array("d", data)[:2].tolist()
        for key, data, _ in books.store.statistics()
        if (key.arm, key.feedback, key.loss, key.judge) == ("v2", "churned", "Labelled", first)
    )
    assert found == [2, 1]


def test_rows_of_a_store_of_an_older_version_are_not_taken_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "recorder.sqlite"
    SqliteStore.open(path).close()
    books = Books(tmp_path, store=SqliteStore.open(path))
    old = Call(trial=stamp())
    books.take(old.answered(YES), old.copied(NO))
    # As the older version left it.
    run = books.store._connection.run  # type: ignore[attr-defined]
    run("DELETE FROM statistics WHERE loss = 'Labelled'")
    run("DELETE FROM counters WHERE name LIKE '%/%'")
    run("DROP TABLE looks")
    run("DROP TABLE verdicts")
    run("ALTER TABLE answers DROP COLUMN segments")
    run("DROP TABLE callers")
    run("UPDATE contender_schema SET version = 1")
    books.store.close()
    again = Books(tmp_path, store=SqliteStore.open(path))
    assert again.store.counters()[again.endpoint, schema.NOT_BEFORE] == int(NOW * 1e6) + 1
    new = Call(trial=stamp(), at=NOW + 1)
    again.take(new.answered(YES), new.copied(NO))
    again.send(label(old), label(new))
    assert covered(again, "v2") == (1, 1)
    assert again.sums("pair", "v2", "churned", "ZeroOne")["n"] == 2
    again.store.close()


SPECS: list[dict[str, Any]] = [
    {},
    {"rows": OTHER_ROWS},
    {"feedback": [{**SPEC["feedback"][0], "delay": "1m"}]},
    {"feedback": [{"name": "gain", "kind": "Reward", "delay": "2m", "missing": "Zero"}]},
    {"feedback": [{**SPEC["feedback"][0], "dependsOnAnswer": True}, SPEC["feedback"][1]]},
]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["judge", "request", "truth", "later", "restart"]), st.integers(0, 99)
    ),
    min_size=5,
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_whoever_judges_nothing_is_taken_out_that_was_not_put_in(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    books = Books(tmp_path_factory.mktemp("books"))
    calls: list[Call] = []
    for what, number in steps:
        match what:
            case "judge":
                books.declare(plan(**SPECS[number % len(SPECS)]))
            case "request":
                calls.append(Call(trial=stamp() if number % 4 else SPLIT, at=books.now))
                served, copied = ("incumbent", "v2") if number % 4 else ("v2", "incumbent")
                books.take(calls[-1].answered(YES, arm=served), calls[-1].copied(NO, arm=copied))
            case "truth" if calls:
                names = {"churned": number % 2, "gain": number}
                told = [label(calls[number % len(calls)], one, name) for name, one in names.items()]
                books.send(*told)
            case "later":
                books.later(number)
            case "restart":
                books.start()
    books.later(300)
    for key, data, _ in books.store.statistics():
        numbers = array("d", data)
        if key.kind == "arm":
            n, total, squares = numbers[: len(ARM)]
            assert n >= 0, key
            assert squares >= -1e-9, key
            assert all(one >= 0 for one in numbers[len(ARM) : len(ARM) + BUCKETS]), key
            if key.loss == "Labelled":
                assert 0 <= total <= n <= len(calls), key
    books.store.close()


# What tells judges apart


def judged(feedback: dict[str, Any], **rows: Any) -> Judge:
    spec = {"preset": "V1", "output": "/label", "task": "Binary", "positiveClass": "1", **rows}
    return judge_of(Rows.model_validate(spec), [Feedback.model_validate(feedback)])


LABEL, REWARD = {"name": "a", "kind": "Label"}, {"name": "a", "kind": "Reward"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (LABEL, REWARD),
        (LABEL, {**LABEL, "delay": "1h"}),
        ({**LABEL, "delay": "60m"}, {**LABEL, "delay": "2h"}),
        (LABEL, {**LABEL, "dependsOnAnswer": True}),
        ({**REWARD, "delay": "1h"}, {**REWARD, "delay": "1h", "missing": "Zero"}),
        (LABEL, {**LABEL, "name": "b"}),
    ],
)
def test_who_counts_otherwise_is_another_judge(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert judged(one).digest != judged(other).digest
    assert judged(one).digest == judged(dict(one)).digest


def test_what_makes_no_difference_makes_no_other_judge() -> None:
    assert judged({**LABEL, "delay": "60m"}).digest == judged({**LABEL, "delay": "1h"}).digest
    assert judged({**REWARD, "dependsOnAnswer": True}).digest == judged(REWARD).digest


def test_sums_from_before_delays_counted_go_on() -> None:
    """A release has written sums of this judge."""
    assert plan().judge.digest == "c28bdaea"
