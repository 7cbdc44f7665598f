import asyncio
from time import monotonic

import pytest

from contender.controller.queue import FIRST_BACKOFF, LONGEST_BACKOFF, WorkQueue


async def _drain(work: WorkQueue[str]) -> list[str]:
    """Take what is in line, without waiting for more."""
    taken = []
    while True:
        await asyncio.sleep(0)
        try:
            taken.append(await asyncio.wait_for(work.get(), 0.05))
        except TimeoutError:
            return taken


async def test_keys_come_in_the_order_in_which_they_were_added() -> None:
    work = WorkQueue[str]()
    for key in ("b", "a", "c"):
        work.add(key)
    assert await _drain(work) == ["b", "a", "c"]


async def test_a_key_that_is_in_line_is_not_added_again() -> None:
    work = WorkQueue[str]()
    for key in ("a", "b", "a", "a"):
        work.add(key)
    assert await _drain(work) == ["a", "b"]


async def test_a_key_with_a_worker_waits_until_it_is_given_back() -> None:
    work = WorkQueue[str]()
    work.add("a")
    assert await work.get() == "a"
    work.add("a")
    work.add("a")
    assert await _drain(work) == []
    work.done("a")
    assert await _drain(work) == ["a"]
    work.done("a")
    assert await _drain(work) == []


async def test_other_keys_do_not_wait_for_a_busy_one() -> None:
    work = WorkQueue[str]()
    work.add("a")
    await work.get()
    work.add("a")
    work.add("b")
    assert await _drain(work) == ["b"]


async def test_a_delayed_key_comes_once_at_the_earliest_of_its_times() -> None:
    work = WorkQueue[str]()
    work.add_after("a", 3600)
    work.add_after("a", 0)
    work.add_after("a", 1800)
    assert await _drain(work) == ["a"]


async def test_a_time_that_is_over_means_now() -> None:
    work = WorkQueue[str]()
    work.add_after("a", -5)
    assert await _drain(work) == ["a"]


async def test_failures_wait_twice_as_long_each_time_up_to_a_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("contender.controller.queue.random.uniform", lambda least, most: most)
    work = WorkQueue[str]()
    waits = [work.add_failed("a") for _ in range(14)]
    assert waits[:4] == [FIRST_BACKOFF * factor for factor in (1, 2, 4, 8)]
    assert waits[-1] == LONGEST_BACKOFF
    assert work.add_failed("b") == FIRST_BACKOFF


async def test_jitter_shortens_a_wait_by_at_most_a_half() -> None:
    work = WorkQueue[str]()
    waits = [work.add_failed(str(number)) for number in range(200)]
    assert all(FIRST_BACKOFF / 2 <= wait <= FIRST_BACKOFF for wait in waits)
    assert len(set(waits)) > 1


async def test_a_success_is_forgiven() -> None:
    work = WorkQueue[str]()
    for _ in range(10):
        work.add_failed("a")
    work.forget("a")
    assert work.add_failed("a") <= FIRST_BACKOFF


async def test_a_failure_waits_for_as_long_as_the_server_asks() -> None:
    assert WorkQueue[str]().add_failed("a", at_least=42) == 42


async def test_a_failed_key_does_not_hold_up_an_event_about_it() -> None:
    work = WorkQueue[str]()
    for _ in range(10):
        work.add_failed("a")
    work.add("a")
    assert await _drain(work) == ["a"]


async def test_no_event_shortens_the_wait_that_the_server_asks_for() -> None:
    work = WorkQueue[str]()
    work.add_failed("a", at_least=0.2)
    since = monotonic()
    work.add("a")
    work.add_after("a", 0.01)
    await asyncio.wait_for(work.get(), 5)
    assert monotonic() - since >= 0.2


async def test_idle_means_that_nothing_is_in_line_or_with_a_worker() -> None:
    work = WorkQueue[str]()
    work.add_after("later", 3600)
    await asyncio.wait_for(work.idle(), 1)
    work.add("a")
    idle = asyncio.ensure_future(work.idle())
    await work.get()
    work.add("a")
    work.done("a")
    await asyncio.sleep(0)
    assert not idle.done()
    await work.get()
    work.done("a")
    await asyncio.wait_for(idle, 1)


async def test_who_is_waited_for_goes_before_the_crowd() -> None:
    work = WorkQueue[str]()
    for number in range(20):
        work.add(f"m{number}")
    work.add("m7", urgent=True)
    taken = [await work.get(), await work.get()]
    assert "m7" in taken


async def test_while_somebody_waits_the_rest_is_begun_one_by_one() -> None:
    """One every 50 ms; as soon as nobody waits any more, all at once."""
    work = WorkQueue[str]()
    work.add("waited-for", urgent=True)
    assert await work.get() == "waited-for"
    for number in range(100):
        work.add(f"m{number}")
    workers = [asyncio.ensure_future(work.get()) for _ in range(100)]
    await asyncio.sleep(0)
    assert sum(worker.done() for worker in workers) == 1
    await asyncio.wait(workers[1:2])  # the rest never stands still
    assert not all(worker.done() for worker in workers)
    work.done("waited-for")
    await asyncio.sleep(0)
    assert all(worker.done() for worker in workers)


async def test_urgent_ones_do_not_hold_up_each_other() -> None:
    work = WorkQueue[str]()
    for number in range(5):
        work.add(f"m{number}", urgent=True)
    assert len(await _drain(work)) == 5


async def test_a_key_becomes_urgent_while_a_worker_has_it() -> None:
    work = WorkQueue[str]()
    work.add("a")
    await work.get()
    work.add("a", urgent=True)
    work.add("a")
    for number in range(5):
        work.add(f"m{number}")
        await work.get()
    work.add("late")
    work.done("a")
    assert "a" in [await work.get(), await work.get()]


async def test_a_worker_that_gave_up_takes_no_key_with_it() -> None:
    work = WorkQueue[str]()
    gone = asyncio.ensure_future(work.get())
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    work.add("a")
    assert await asyncio.wait_for(work.get(), 5) == "a"
