"""Which arm has which part of the hash space, and what moves when weights change."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from contender.router.slots import SLOTS, assign, runs

REST = "incumbent"


@st.composite
def weights(draw: st.DrawFn, most: int = 5) -> dict[str, int]:
    """Percents of candidates, together at most 100."""
    cuts = sorted(draw(st.lists(st.integers(0, SLOTS), min_size=1, max_size=most)))
    shares = [cut - before for before, cut in zip([0, *cuts], cuts, strict=False)]
    return {f"c{number}": share for number, share in enumerate(shares)}


@given(weights())
def test_everybody_has_the_slots_of_their_percent(shares: dict[str, int]) -> None:
    slots = assign(shares, [*shares], REST)
    assert len(slots) == SLOTS
    assert {name: slots.count(name) for name in shares} == shares


@given(weights(), st.data())
def test_of_two_candidates_one_that_grows_moves_only_what_it_gets(
    shares: dict[str, int], data: st.DataObject
) -> None:
    two = dict([*shares.items()][:2])
    order = [*two]
    name = data.draw(st.sampled_from(order))
    more = data.draw(st.integers(0, SLOTS - sum(two.values())))
    before, after = assign(two, order, REST), assign({**two, name: two[name] + more}, order, REST)
    moved = [(one, other) for one, other in zip(before, after, strict=True) if one != other]
    assert moved == [(REST, name)] * more


@given(weights())
def test_who_is_aborted_gives_its_slots_to_the_incumbent_only(shares: dict[str, int]) -> None:
    """With up to two candidates; further ones may be in each other's way when they are large."""
    two = dict([*shares.items()][:2])
    gone = next(iter(two))
    before, after = assign(two, [*two], REST), assign({**two, gone: 0}, [*two], REST)
    assert {(one, other) for one, other in zip(before, after, strict=True) if one != other} <= {
        (gone, REST)
    }


def test_several_small_candidates_do_not_move_each_other() -> None:
    order = ["a", "b", "c", "d", "e"]
    small = dict.fromkeys(order, 5)
    before = assign(small, order, REST)
    for name in order:
        after = assign({**small, name: 15}, order, REST)
        moved = [(one, other) for one, other in zip(before, after, strict=True) if one != other]
        assert moved == [(REST, name)] * 10


@given(weights())
def test_neighbours_are_told_as_one_and_nothing_is_lost(shares: dict[str, int]) -> None:
    slots = assign(shares, [*shares], REST)
    told = runs(slots)
    assert [name for name, count in told for _ in range(count)] == slots
    assert all(one[0] != other[0] for one, other in itertools.pairwise(told))
