"""Every field of every child, edited by hand, comes back; what others add goes, or stays theirs."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from bench.fleet import side_by_side
from tests.contract.server import Server
from tests.faults.mutation_crowd import Crowd
from tests.faults.mutation_everything import EVERYTHING
from tests.faults.mutation_foreign import DEFAULTS, GOES, STAYS, Foreign
from tests.faults.mutation_hands import JSON_PATCH, SLOTS, Edit, Edits, bare, edits_of, path_of
from tests.faults.mutation_lives import until_settled
from tests.faults.mutation_look import Look, differences, look
from tests.scenarios.world import World

_MODEL = "/spec/template/spec/containers/1"

PROTECTED = {
    "Deployment (revision): /spec/selector/matchLabels/contender.dev~1modeldeployment": "immutable",
    "Deployment (revision): /spec/selector/matchLabels/contender.dev~1revision": "immutable",
    **dict.fromkeys(
        (
            "Deployment (revision): /spec/template/metadata/labels/contender.dev~1modeldeployment",
            "Deployment (revision): /spec/template/metadata/labels/contender.dev~1revision",
        ),
        "must be those of the selector",
    ),
    "Deployment (revision): /spec/strategy/type": "another needs other fields",
    "Deployment (revision): /spec/template/spec/volumes/0/name": "is mounted by this name",
    f"Deployment (revision): {_MODEL}/volumeMounts/0/name": "as the volume",
    f"Deployment (revision): {_MODEL}/livenessProbe/successThreshold": "must be 1",
    f"Deployment (revision): {_MODEL}/startupProbe/successThreshold": "must be 1",
    "HorizontalPodAutoscaler (revision): /spec/metrics/0/type": "another needs other fields",
    "Service (revision): /spec/clusterIP": "immutable",
}
"""What we render and the API server lets nobody edit alone, and why."""


@dataclass
class Hands:
    """What was edited, and what came of it: each child of a ModelDeployment once while the operator
    runs, and once while it is down."""

    edits: Edits
    where: dict[Edit, str]
    """The ModelDeployment in which an edit was made."""
    before: dict[str, Look] = field(default_factory=dict)
    running: dict[str, Look] = field(default_factory=dict)
    restarted: dict[str, Look] = field(default_factory=dict)

    def left(self, edit: Edit, after: dict[str, Look]) -> list[str]:
        """Return how a child differs from what it was before its edit."""
        name = self.where[edit]
        key = edit.slot.kind, edit.slot.name(name, self.before[name].revision)
        then, now = (bare(one[name].children[key]) for one in (self.before, after))
        # The autoscaler may have answered to an edit of its own object.
        return [
            told
            for told in differences(now, then)
            if edit.path in told or not told.startswith("/spec/replicas")
        ]


@pytest.fixture(scope="module")
def hands(apiserver: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hands]:
    """All fields of all children were edited, and the operator has done what it does."""
    world = World(apiserver, tmp_path_factory.mktemp("hands") / "operator.log")
    try:
        world.start_operator()
        yield asyncio.run(_edit_all(world))
    finally:
        world.leave()


async def _edit_all(world: World) -> Hands:
    async with Crowd.connect(world.server.admin_kubeconfig) as crowd:
        await crowd.create(world.namespace, "e000", EVERYTHING)
        first = await until_settled(crowd, world, _not_ready)
        owner = world.the("ModelDeployment", "e000")
        edits = await edits_of(crowd, world.namespace, owner, [*first["e000"].children.values()])
        hands = Hands(edits, _spread(edits))
        await side_by_side(
            lambda name: crowd.create(world.namespace, name, EVERYTHING), {*hands.where.values()}
        )
        hands.before = await until_settled(crowd, world, _not_ready)
        added = [one.edit for one in GOES]
        await _strike(crowd, world, hands, [*edits.changes, *added, *(one.edit for one in STAYS)])
        hands.running = await _until_back(crowd, world, hands, [*edits.changes, *added])
        world.stop_operator()
        await _strike(crowd, world, hands, [*edits.removals, *added])
        await _strike(crowd, world, hands, [*DEFAULTS])
        world.start_operator()
        hands.restarted = await _until_back(crowd, world, hands, [*edits.removals, *added])
    return hands


async def _strike(crowd: Crowd, world: World, hands: Hands, edits: list[Edit]) -> None:
    async def edit(one: Edit) -> None:
        name = hands.where[one]
        path = path_of(world.namespace, one.slot, name, hands.before[name].revision)
        await crowd.ask("PATCH", path, one.patch, JSON_PATCH)

    await side_by_side(edit, edits)


async def _until_back(
    crowd: Crowd, world: World, hands: Hands, edits: list[Edit]
) -> dict[str, Look]:
    """Wait until all that must come back is back, and the operator rests."""
    await until_settled(crowd, world, lambda now: [one for one in edits if hands.left(one, now)])
    world.settle()
    return await look(crowd, world.namespace)


def _not_ready(now: dict[str, Look]) -> list[str]:
    return [name for name, one in now.items() if not one.is_ready]


def _spread(edits: Edits) -> dict[Edit, str]:
    """Give each edit a ModelDeployment whose child no other one edits at the same time."""
    where: dict[Edit, str] = {}
    for together in (
        [*edits.changes, *(one.edit for one in (*GOES, *STAYS))],
        [*(one.edit for one in (*GOES, *STAYS)), *edits.removals],
    ):
        free = {slot: [f"e{number:03d}" for number in range(1, 400)] for slot in SLOTS}
        for edit in together:
            if edit in where:
                free[edit.slot].remove(where[edit])
        for edit in together:
            if edit not in where:
                where[edit] = free[edit.slot].pop(0)
    for default in DEFAULTS:  # they follow an edit to another value
        where[default] = next(
            name
            for edit, name in where.items()
            if (edit.slot, edit.path) == (default.slot, default.path) and edit.op != "remove"
        )
    return where


def test_an_edited_field_comes_back(hands: Hands) -> None:
    left = {str(one): hands.left(one, hands.running) for one in hands.edits.changes}
    assert {edit: told for edit, told in left.items() if told} == {}


def test_a_field_taken_out_while_the_operator_is_down_comes_back(hands: Hands) -> None:
    left = {str(one): hands.left(one, hands.restarted) for one in hands.edits.removals}
    assert {edit: told for edit, told in left.items() if told} == {}


def test_every_field_but_few_is_edited(hands: Hands) -> None:
    edited = {(one.slot, one.path) for one in (*hands.edits.changes, *hands.edits.removals)}
    others = {(one.slot, one.path) for one in (*hands.edits.refused, *hands.edits.vain)}
    assert {f"{slot}: {path}" for slot, path in others - edited} == {*PROTECTED}


@pytest.mark.parametrize("one", GOES, ids=str)
def test_what_others_add_goes(hands: Hands, one: Foreign) -> None:
    assert hands.left(one.edit, hands.running) == []


@pytest.mark.parametrize("one", GOES, ids=str)
def test_what_others_add_while_the_operator_is_down_goes(hands: Hands, one: Foreign) -> None:
    assert hands.left(one.edit, hands.restarted) == []


@pytest.mark.parametrize("one", STAYS, ids=str)
def test_what_belongs_to_others_stays(hands: Hands, one: Foreign) -> None:
    assert hands.left(one.edit, hands.running) != []


def test_a_default_set_by_others_is_no_matter_of_dispute(hands: Hands) -> None:
    """It is as a fresh creation would be, whoever set it."""
    assert {one.message for one in hands.restarted.values()} == {"serving 1"}
