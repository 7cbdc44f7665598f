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


def test_the_urgent_go_before_the_many_flows_that_wait_for_their_first_turn() -> None:
    line = FairLine[str]()
    for number in range(5):
        line.put(f"m{number}", f"flow-{number}")
    line.put("m3", "flow-3", urgent=True)
    assert _served(line) == ["m3", "m0", "m1", "m2", "m4"]


def test_the_urgent_of_one_flow_take_turns_with_the_others() -> None:
    line = FairLine[str]()
    line.put("routine", "a")
    for number in range(3):
        line.put(f"urgent-{number}", "a", urgent=True)
    assert _served(line) == ["urgent-0", "routine", "urgent-1", "urgent-2"]


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 4), st.booleans())))
def test_each_item_is_served_once_and_no_flow_twice_in_a_round(
    puts: list[tuple[int, int, bool]],
) -> None:
    line = FairLine[str]()
    flows = {}
    for number, flow, urgent in puts:
        item = f"{flow}-{number}"
        flows[item] = flow
        line.put(item, flow, urgent=urgent)
    served = _served(line)
    assert sorted(served) == sorted(flows)
    # Two lines of its own has each flow: nobody is passed by the same flow more often than that.
    for place, item in enumerate(served):
        before = [flows[one] for one in served[:place]]
        others = max((before.count(flow) for flow in before if flow != flows[item]), default=0)
        own = before.count(flows[item])
        assert others <= 2 * (own + 1)
