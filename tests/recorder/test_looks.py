"""Looks: taken when the data say so, as the sums stood then, and kept."""

import itertools
from array import array
from collections.abc import Iterator
from pathlib import Path
from statistics import mean, variance
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contender.recorder import looks as recorder_looks
from contender.recorder import writer
from contender.recorder.http import looks as http_looks
from contender.recorder.joining.looks import is_due, seen
from contender.recorder.joining.sums import ARM, BUCKETS, PAIR, PAIR_COUNTS, add, empty
from contender.recorder.model import Batch, StatisticKey
from contender.recorder.store.base import StoreError
from contender.recorder.store.sqlite import SqliteStore
from contender.stats.estimates import mean_by_bucket
from tests.recorder.books import Books, plan
from tests.recorder.told import NOW, Call, stamp

NAMES = ("epoch", "arm", "kind", "feedback", "loss", "segment")
YES, NO = [{"label": 1, "p": 0.75}], [{"label": 0, "p": 0.25}]


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    found = Books(tmp_path)
    yield found
    found.store.close()


def record(books: Books, number: int, *, truth: bool = True, **told: Any) -> list[Call]:
    """Record pairs, in one batch, and then their truths."""
    calls = [Call(trial=stamp(**told)) for _ in range(number)]
    books.take(
        *(one.answered(YES) for one in calls),
        *(one.copied(NO if index % 3 else YES) for index, one in enumerate(calls)),
    )
    if truth:
        items = [("churned", 1), ("gain", 2.5)]
        books.send(
            *({"id": one.id, "name": name, "value": it} for one in calls for name, it in items)
        )
    return calls


def expected(books: Books, judge: str) -> dict[str, Any]:
    """Return what a look must say now, calculated in another way."""
    means, pairs = [], []
    for key, data, _ in sorted(books.store.statistics()):
        numbers = array("d", data)
        if key.kind == "pairs":
            named = zip(PAIR_COUNTS, numbers, strict=True)
            counts = {name: number for name, number in named if number}
            pairs.append({"epoch": key.epoch, "arm": key.arm, "counts": counts})
        elif key.judge == judge and numbers[0]:
            means.append(_expected(key, numbers))
    return {"judge": judge, "means": means, "pairs": pairs}


def _expected(key: StatisticKey, numbers: "array[float]") -> dict[str, Any]:
    named = dict(zip(ARM if key.kind == "arm" else PAIR, numbers, strict=False))
    n, sums = numbers[-2 * BUCKETS : -BUCKETS], numbers[-BUCKETS:]
    count = named["n"]
    total, squares = (
        (named["sum"], named["squares"])
        if key.kind == "arm"
        else (named["difference"], named["differenceSquares"])
    )
    by_bucket = mean_by_bucket(n.tolist(), sums.tolist())
    spread = max(squares - total * total / count, 0) / (count - 1) if count > 1 else 0
    found = {
        **{name: getattr(key, name) for name in NAMES},
        "n": count,
        "mean": pytest.approx(total / count),
        "rowVariance": pytest.approx(spread / count, abs=1e-12),
        "bucketVariance": pytest.approx(by_bucket.variance) if by_bucket else None,
    }
    if key.loss != "Labelled":
        found["buckets"] = {"n": n.tolist(), "sum": sums.tolist()}
    if key.kind == "arm":
        return found
    return found | {
        "incumbent": pytest.approx(named["incumbent"] / count),
        "challenger": pytest.approx(named["challenger"] / count),
        "worse": named["worse"],
        "better": named["better"],
    }


def total(books: Books, judge: str) -> float:
    """Return how much is known of the experiment."""
    return sum(
        array("d", data)[0]
        for key, data, _ in books.store.statistics()
        if key.kind == "pairs" or (key.kind == "arm" and key.judge == judge)
    )


DIGEST = plan().judge.digest
DUE = {(9, 0): False, (10, 0): True, (19, 10): False, (20, 10): True, (340, 330): True}
DUE |= {(1029, 1000): False, (1030, 1000): True, (10**6, 10**6): False}


@pytest.mark.parametrize("case", DUE)
def test_a_look_is_due_when_enough_more_is_known(case: tuple[int, int]) -> None:
    assert is_due(*case) == DUE[case]


def test_a_look_says_how_the_sums_stand(books: Books) -> None:
    record(books, 40)
    (first, last) = books.looks()
    assert first["means"] == [
        one for one in first["means"] if (one["loss"], one["mean"]) == ("Labelled", 0)
    ]
    assert (last["number"], last["at"], last["experiment"]) == (2, int(NOW), "uid-1")
    assert (last["namespace"], last["endpoint"]) == ("shop", "churn")
    assert last["total"] == total(books, DIGEST)
    assert {name: last[name] for name in ("judge", "means", "pairs")} == expected(books, DIGEST)
    told = {(one["kind"], one["arm"], one["feedback"], one["loss"]) for one in last["means"]}
    losses = ("Brier", "LogLoss", "ZeroOne")
    assert told == {
        *(("arm", arm, "churned", one) for arm in ("incumbent", "v2") for one in losses),
        *(("pair", "v2", "churned", one) for one in losses),
        *(("arm", arm, "churned", "Labelled") for arm in ("incumbent", "v2")),
        ("arm", "incumbent", "gain", "Labelled"),
        ("arm", "incumbent", "gain", "Value"),
    }


rows = st.lists(st.tuples(st.integers(0, 127), st.floats(-9, 9), st.floats(-9, 9)), max_size=60)


@settings(deadline=None)
@given(rows)
def test_means_and_variances_are_those_of_the_rows(rows: list[tuple[int, float, float]]) -> None:
    arm = StatisticKey(1, "x", "one", "v2", "arm", "churned", "Squared", "", "j")
    pair = arm._replace(kind="pair")
    sums = {arm: empty("arm"), pair: empty("pair")}
    for bucket, theirs, ours in rows:
        add("arm", sums[arm], (bucket, ours), 1)
        add("pair", sums[pair], (bucket, theirs, ours), 1)
    found = {one["kind"]: one for one in seen(sums)["means"]}
    if not rows:
        assert found == {}
        return
    of = {"arm": [ours for _, _, ours in rows], "pair": [ours - it for _, it, ours in rows]}
    for kind, values in of.items():
        assert found[kind]["n"] == len(rows)
        assert found[kind]["mean"] == pytest.approx(mean(values), abs=1e-9)
        per_row = variance(values) / len(rows) if len(rows) > 1 else 0
        assert found[kind]["rowVariance"] == pytest.approx(per_row, abs=1e-9)
        spread = len({bucket for bucket, _, _ in rows}) > 1
        assert (found[kind]["bucketVariance"] is not None) == spread
    assert found["pair"]["incumbent"] == pytest.approx(mean(it for _, it, _ in rows), abs=1e-9)
    assert found["pair"]["challenger"] == pytest.approx(mean(of["arm"]), abs=1e-9)
    assert found["pair"]["worse"] == sum(ours > it for _, it, ours in rows)
    assert found["pair"]["better"] == sum(ours < it for _, it, ours in rows)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 30), max_size=8), st.randoms(use_true_random=False))
def test_each_look_is_what_the_sums_were_then(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], dice: Any
) -> None:
    books = Books(tmp_path_factory.mktemp("books"))
    last = 0.0
    for epoch, size in zip(itertools.cycle(["one", "two"]), sizes, strict=False):
        truths: list[dict[str, Any]] = []
        for _ in range(2):
            before = len(books.looks())
            if truths:
                books.send(*truths)
            else:
                calls = record(books, size, truth=False, epoch=epoch)
                truths = [{"id": one.id, "name": "churned", "value": 1} for one in calls]
            now = total(books, DIGEST)
            found = books.looks()
            due = now >= last + 10 and now >= 1.03 * last
            assert [one["number"] for one in found] == [*range(1, before + due + 1)]
            if due:
                last = now
                assert found[-1]["total"] == now
                told = {name: found[-1][name] for name in ("judge", "means", "pairs")}
                assert told == expected(books, DIGEST)
        if dice.random() < 0.3:
            books.start()
    books.store.close()


def test_numbers_go_on_after_a_restart(books: Books) -> None:
    record(books, 40)
    before = books.looks()
    books.start()
    record(books, 1)
    assert books.looks() == before
    record(books, 40)
    books.start()
    record(books, 40)
    after = books.looks()
    assert after[:2] == before
    assert [one["number"] for one in after] == [*range(1, len(after) + 1)]
    assert after[-1]["total"] == total(books, DIGEST)
    assert books.looks(after=2) == after[2:]


def test_experiments_and_endpoints_are_looked_at_apart(books: Books) -> None:
    other = books.declare(plan("other"))
    record(books, 12, truth=False, experiment="uid-2")
    record(books, 12, truth=False)
    calls = [Call(trial=stamp()) for _ in range(15)]
    books.take(*(one.answered(YES) for one in calls), endpoint=other)
    assert [one["total"] for one in books.looks("uid-2")] == [12 * (2 + 2 + 1)]
    # A router may claim whatever it likes: whose look it is, is told.
    told = {(one["endpoint"], one["number"]): one["total"] for one in books.looks()}
    assert told == {("churn", 1): 12 * (2 + 2 + 1), ("other", 1): 15 * (2 + 1 + 1)}


def test_without_an_experiment_nobody_looks(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_looks.Looks, "_standing", None)
    calls = [Call() for _ in range(30)]
    books.take(*(one.answered(YES) for one in calls))
    books.send(*({"id": one.id, "name": "churned", "value": 1} for one in calls))
    assert books.looks("") == []


def test_only_sums_of_the_present_judge_are_seen_and_another_one_begins_anew(books: Books) -> None:
    record(books, 40)
    rows = {"preset": "V1", "output": "/label", "task": "Multiclass"}
    present = plan(rows=rows)
    books.declare(present)
    books.now += 1
    calls = record(books, 4, truth=False)
    assert len(books.looks()) == 3, "the last one was under another judge"
    books.send(*({"id": one.id, "name": "churned", "value": 1} for one in calls))
    last = books.looks()[-1]
    assert last["judge"] == present.judge.digest
    assert {one["n"] for one in last["means"]} <= {4}
    assert last["pairs"][0]["counts"]["requests"] == 44


def test_what_becomes_old_enough_is_seen(tmp_path: Path) -> None:
    feedback = [{"name": "churned", "kind": "Label", "delay": "1h"}]
    books = Books(tmp_path, feedback=feedback)
    record(books, 30, truth=False)
    assert [one["means"] for one in books.looks()] == [[]]
    books.later(3600)
    last = books.looks()[-1]
    assert {(one["loss"], one["n"]) for one in last["means"]} == {("Labelled", 30)}
    assert last["at"] == int(NOW) + 3600
    books.store.close()


@pytest.mark.parametrize("mood", ["before", "after"])
def test_a_look_is_kept_once_whenever_the_store_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mood: str
) -> None:
    monkeypatch.setattr(writer, "RETRY_SECONDS", 0.0)
    store = SqliteStore.open(tmp_path / "recorder.sqlite")
    books = Books(tmp_path, store=store)
    record(books, 12, truth=False)
    moods = [mood]
    write = store.write

    def fails(batch: Batch) -> None:
        if moods and mood == "before":
            raise StoreError(moods.pop())
        write(batch)
        if moods:
            raise StoreError(moods.pop())

    monkeypatch.setattr(store, "write", fails)
    calls = [Call(trial=stamp()) for _ in range(12)]

    def patiently() -> None:
        books.writer.stop()
        books.writer.run(patience=60)

    monkeypatch.setattr(books, "run", patiently)
    books.take(*(one.answered(YES) for one in calls))
    assert not moods
    found = books.looks()
    assert [one["number"] for one in found] == [1, 2]
    assert found[-1]["total"] == total(books, DIGEST)
    store.close()


def test_sums_beyond_all_numbers_harm_nothing(books: Books) -> None:
    calls = record(books, 12, truth=False)
    told = books.send(*({"id": one.id, "name": "gain", "value": 1e200} for one in calls))
    assert {one.status for one in told} == {200}
    assert books.counter("broken") == 0
    last = books.looks()[-1]
    assert "Value" not in {one["loss"] for one in last["means"]}
    assert "Labelled" in {one["loss"] for one in last["means"]}


def test_an_answer_has_as_many_looks_as_fit(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    for experiment in ("uid-1", "uid-2"):
        for _ in range(3):
            record(books, 12, truth=False, experiment=experiment)
    monkeypatch.setattr(http_looks, "MOST_LOOKS", 4)
    names = {books.endpoint: ("shop", "churn")}

    def ask(**after: int) -> tuple[list[tuple[str, int]], bool]:
        wanted = {name.replace("_", "-"): number for name, number in after.items()}
        page = http_looks.page(books.store.looks(wanted), names)
        return [(one["experiment"], one["number"]) for one in page["looks"]], page["more"]

    first = [("uid-1", 1), ("uid-1", 2), ("uid-1", 3), ("uid-2", 1)]
    assert ask(uid_1=0, uid_2=0, uid_3=0) == (first, True)
    assert ask(uid_1=3, uid_2=1) == ([("uid-2", 2), ("uid-2", 3)], False)
    assert ask(uid_1=0, uid_2=2) == ([*first[:3], ("uid-2", 3)], False)
    monkeypatch.setattr(http_looks, "LARGEST", 1)
    assert ask(uid_1=0, uid_2=2) == (first[:1], True)
    assert ask() == ([], False)
