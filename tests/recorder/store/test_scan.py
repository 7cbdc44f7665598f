"""Pages of predictions, against a list in memory."""

import itertools
import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contender.recorder.model import Answer, Batch, Feedback, Found, Selection
from contender.recorder.store.sql import SqlStore
from tests.recorder.store.made import answer, feedback, sixteen, stratum

_UIDS = itertools.count()

PREDICTIONS = st.lists(
    st.tuples(
        st.integers(0, 6),  # time
        st.sampled_from(["1", "2", "3", ""]),  # the version that served it; empty: none
        st.sets(st.sampled_from(["a", "b"])),  # who got a copy
        st.sets(st.integers(0, 2)),  # rows with feedback
    ),
    max_size=12,
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    PREDICTIONS,
    st.integers(0, 7),
    st.integers(0, 8),
    st.sets(st.sampled_from(["1", "2", "9"])),
    st.integers(1, 5),
)
def test_pages_have_what_was_written_in_order(
    store: SqlStore,
    predictions: list[tuple[int, str, set[str], set[int]]],
    since: int,
    until: int,
    versions: set[str],
    page: int,
) -> None:
    endpoint = store.endpoint(str(next(_UIDS)), "default", "churn", 1, 1)
    batch, wanted = Batch(), []
    for name, (time, version, copies, rows) in enumerate(predictions):
        found = Found(sixteen(name), _answers(store, endpoint, name, time, version, copies), [])
        found.feedback = _feedback(endpoint, name, rows)
        batch.answers += found.answers
        batch.feedback += found.feedback
        chosen = version in versions if versions else version
        if chosen and since <= time < until:
            wanted.append((time, found.prediction, found))
    store.write(batch)
    pages = [*store.scan(Selection(endpoint, since, until, tuple(versions)), page)]
    assert [one for found in pages for one in found] == [
        one[-1] for one in sorted(wanted, key=lambda one: one[:2])
    ]
    assert all(len(found) == page for found in pages[:-1])
    assert all(0 < len(found) <= page for found in pages)


def _answers(
    store: SqlStore, endpoint: int, name: int, time: int, version: str, copies: set[str]
) -> list[Answer]:
    found: list[Answer] = []
    for arm in sorted(copies):
        number = store.stratum(stratum(endpoint, arm, copy=True, version="9"))
        # A copy arrives a little later, or before what it is a copy of.
        found.append(answer(endpoint, name, number, time + len(found), arm, body=None))
    if version:
        number = store.stratum(stratum(endpoint, version=version))
        body = json.dumps({"name": name}).encode()
        found.append(answer(endpoint, name, number, time, body=body))
    return found


def _feedback(endpoint: int, name: int, rows: set[int]) -> list[Feedback]:
    return [feedback(endpoint, name, row=row) for row in sorted(rows)]


def test_what_is_written_or_deleted_meanwhile_does_no_harm(store: SqlStore, endpoint: int) -> None:
    number = store.stratum(stratum(endpoint))
    store.write(Batch(answers=[answer(endpoint, name, number, name) for name in range(10)]))
    seen = []
    for found in store.scan(Selection(endpoint), 3):
        seen += [one.answers[0].time for one in found]
        if len(seen) == 3:
            store.expire(endpoint, 5, 99)
            store.write(Batch(answers=[answer(endpoint, "late", number, 1)]))
            store.write(Batch(answers=[answer(endpoint, "new", number, 20)]))
    assert seen == [0, 1, 2, 5, 6, 7, 8, 9, 20]
