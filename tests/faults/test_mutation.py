"""Every field of spec, changed alone while it serves, ends as a fresh apply of the result does."""

import asyncio
from collections.abc import Iterator

import pytest

from contender.core import names
from tests.contract.server import Server
from tests.faults.mutation import every_field, matters
from tests.faults.mutation_lives import ACCOUNTS, NOT_COMPARED, Life, Lives, live
from tests.faults.mutation_look import differences, meaning
from tests.scenarios.world import World


@pytest.fixture(scope="module")
def lives(apiserver: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lives]:
    """Every field was changed, each in a ModelDeployment of its own, and changed back."""
    world = World(apiserver, tmp_path_factory.mktemp("mutation") / "operator.log")
    for name in ACCOUNTS:
        allowed = {"annotations": {names.ANNOTATION_ALLOW: "true"}}
        world.create("ServiceAccount", name, metadata=allowed)
    try:
        world.start_operator()
        yield asyncio.run(live(world))
    finally:
        world.leave()


def test_every_field_is_changed(lives: Lives) -> None:
    without = [path for path, change in lives.changes.items() if change is None]
    assert not without
    changed = {path for path in lives.changes if path not in NOT_COMPARED}
    assert len(changed) == len(every_field()) - len(NOT_COMPARED)


LATER = (
    *("spec.rollout", "spec.promotion", "spec.router"),
    *("spec.capture", "spec.rows", "spec.feedback"),
)
"""Matters at the next change, while an Experiment has the traffic, or to the recorder."""


def test_every_field_matters(lives: Lives) -> None:
    """What a user may say changes something."""
    idle = {path for path, change in lives.changes.items() if change and not matters(change)}
    assert {path for path in idle if not path.startswith(LATER)} <= {*NOT_COMPARED}


def test_all_serve_after_the_first_apply(lives: Lives) -> None:
    told = {name: one.status for name, one in lives.fresh.items() if not one.is_ready}
    assert {_about(lives, lives.lives[name]): status for name, status in told.items()} == {}


def test_a_change_ends_as_a_fresh_apply_of_the_result(lives: Lives) -> None:
    """All children and what status says are the same; only the revision that was replaced is there
    besides, in whole or as its record."""
    wrong: dict[str, list[str]] = {}
    for life, peer in lives.changed_and_peers():
        before = lives.fresh[life.name].revision
        after = meaning(lives.changed[life.name], life.name, before)
        if told := [*differences(after, meaning(lives.fresh[peer.name], peer.name))]:
            wrong[_about(lives, life)] = told
    assert wrong == {}


def test_the_way_back_ends_with_the_first_revision(lives: Lives) -> None:
    wrong: dict[str, list[str]] = {}
    for life, _ in lives.changed_and_peers():
        fresh, changed, back = (
            station[life.name] for station in (lives.fresh, lives.changed, lives.back)
        )
        after = meaning(back, life.name, changed.revision)
        told = [*differences(after, meaning(fresh, life.name))]
        if back.revision != fresh.revision:
            told.append(f"{back.revision} serves, not {fresh.revision}")
        if told:
            wrong[_about(lives, life)] = told
    assert wrong == {}


def test_each_spec_has_one_revision(lives: Lives) -> None:
    """No revision is stored beside that of the first spec and that of the second."""
    for life, _ in lives.changed_and_peers():
        both = {lives.fresh[life.name].revision, lives.changed[life.name].revision}
        for station in (lives.changed, lives.back):
            assert station[life.name].revisions == both, _about(lives, life)


def _about(lives: Lives, life: Life) -> str:
    """Return the field that was changed in a life, and around which base."""
    found = (change for change in lives.changes.values() if change and lives.has(change, life))
    return next((f"{one.field.where} ({one.base})" for one in found), f"{life.first}")
