"""A fair line: who is served when."""

from hypothesis import given
from hypothesis import strategies as st

from contender.controller.line import FairLine


def _served(line: FairLine[str]) -> list[str]:
    return [line.pop() for _ in range(len(line))]


def test_within_a_flow_the_first_comes_first() -> None:
    line = FairLine[str]()
    for item in ("b", "a", "c", "a"):
        line.put(item, "flow")
    assert _served(line) == ["b", "a", "c"]


def test_one_waits_for_one_of_a_crowd_only() -> None:
    line = FairLine[str]()
    for number in range(5):
        line.put(f"crowd-{number}", "crowd")
    line.put("single", "other")
    assert _served(line).index("single") == 1


def test_who_comes_while_a_crowd_is_served_is_next() -> None:
    line = FairLine[str]()
    for number in range(5):
        line.put(f"crowd-{number}", "crowd")
    assert [line.pop(), line.pop()] == ["crowd-0", "crowd-1"]
    line.put("late", "other")
    assert _served(line)[0] == "late"


def test_a_flow_saves_no_turns_while_it_is_away() -> None:
    line = FairLine[str]()
    for number in range(4):
        line.put(f"a-{number}", "a")
    for _ in range(2):
        line.pop()
    for number in range(3):
        line.put(f"b-{number}", "b")
    assert _served(line) == ["b-0", "a-2", "b-1", "a-3", "b-2"]


def test_who_is_taken_out_of_line_is_not_served_and_may_come_again() -> None:
    line = FairLine[str]()
    for item in ("a", "b", "c"):
        line.put(item, "flow")
    line.discard("a")
    line.discard("nobody")
    assert _served(line) == ["b", "c"]
    line.put("c", "flow")
    line.discard("c")
    line.put("a", "flow")
    line.put("c", "flow")
    assert _served(line) == ["a", "c"]


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 4), st.booleans())))
def test_each_item_is_served_once_and_flows_take_turns(
    puts: list[tuple[int, int, bool]],
) -> None:
    line = FairLine[str]()
    flows = {}
    for number, flow, leaves in puts:
        item = f"{flow}-{number}"
        flows[item] = flow
        line.put(item, flow)
        if leaves:
            line.discard(item)
            del flows[item]
    served = _served(line)
    assert sorted(served) == sorted(flows)


@given(st.lists(st.integers(0, 4)))
def test_nobody_is_passed_by_a_flow_more_often_than_its_own_was_served(puts: list[int]) -> None:
    line = FairLine[tuple[int, int]]()
    for number, flow in enumerate(puts):
        line.put((flow, number), flow)
    served = [line.pop()[0] for _ in range(len(line))]
    for place, flow in enumerate(served):
        before = served[:place]
        others = max((before.count(one) for one in before if one != flow), default=0)
        assert others <= before.count(flow) + 1
