"""The soak: random operations of users, clusters and vandals, and what must hold all the while.

One example of the machine is one history, in a namespace and with an operator process of its own.
"""

import time
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from tests.e2e.kube import Json
from tests.faults.soak_cluster import ALL, CRASHES
from tests.faults.soak_hands import Hands
from tests.faults.soak_play import Play
from tests.faults.soak_specs import COMMANDS, FOREIGN, NAMES, NUMBERS, PARTS, RUNS, specs
from tests.properties.histories import VERSIONS
from tests.scenarios.world import CHILD_KINDS

MOMENT_SECONDS = 0.1


def _is_up(soak: "Soak") -> bool:
    return soak.play.operator == "up"


def _may_end(soak: "Soak") -> bool:
    return _is_up(soak) and not soak.play.lasting


def _is_down(soak: "Soak") -> bool:
    return soak.play.operator == "down"


def _is_frozen(soak: "Soak") -> bool:
    return soak.play.operator == "frozen"


class Soak(RuleBasedStateMachine):
    """One random history."""

    play: Play
    """What is played on; a subclass for each round names it."""

    def __init__(self) -> None:
        super().__init__()
        self.play.begin()

    def teardown(self) -> None:
        self.play.end()

    @rule()
    def a_moment_passes(self) -> None:
        if self.play.has_begun:
            time.sleep(MOMENT_SECONDS)

    # Users

    @rule(name=NAMES, spec=specs())
    def somebody_applies(self, name: str, spec: Json) -> None:
        with self.play.step(f"apply {name}: {spec}") as stage:
            stage.apply(name, spec)
            self.play.specs.append(spec)

    @rule(name=NAMES, part=st.sampled_from(PARTS), spec=specs())
    def somebody_edits_a_part(self, name: str, part: str, spec: Json) -> None:
        with self.play.step(f"edit {name}: {part} = {spec.get(part)}") as stage:
            live = stage.get("ModelDeployment", name)
            old = live["spec"] if live else spec
            rest = {key: value for key, value in old.items() if key != part}
            stage.apply(name, {**rest, part: spec[part]} if part in spec else rest)

    @rule(name=NAMES, number=NUMBERS)
    def somebody_goes_back(self, name: str, number: int) -> None:
        with self.play.step(f"go back with {name} to spec {number}") as stage:
            if self.play.specs:
                stage.apply(name, self.play.specs[number % len(self.play.specs)])

    @rule(name=NAMES)
    def somebody_deletes(self, name: str) -> None:
        with self.play.step(f"delete {name}") as stage:
            stage.delete("ModelDeployment", name)

    @rule(name=NAMES, command=st.sampled_from(COMMANDS))
    def somebody_commands(self, name: str, command: dict[str, str | None]) -> None:
        with self.play.step(f"annotate {name}: {command}") as stage:
            stage.annotate(name, **command)

    @rule(name=NAMES, number=NUMBERS, nonce=st.sampled_from("ab"))
    def somebody_rolls_back(self, name: str, number: int, nonce: str) -> None:
        with self.play.step(f"roll {name} back to its revision {number}/{nonce}") as stage:
            stored = stage.children(name).get("ControllerRevision")
            if stored:
                stage.annotate(name, rollback=f"{stored[number % len(stored)]}/{nonce}")

    # The cluster

    @rule()
    def the_cluster_catches_up(self) -> None:
        with self.play.step("the cluster catches up") as stage:
            stage.cluster.catch_up()

    @rule(number=NUMBERS, mood=st.sampled_from([ALL, CRASHES, 0, 1, 2]))
    def the_pods_of_a_revision_fare(self, number: int, mood: int) -> None:
        with self.play.step(f"the pods of Deployment {number} fare: {mood}") as stage:
            there = Hands(stage).names("Deployment")
            if there:
                stage.cluster.fares(there[number % len(there)], mood)
                stage.cluster.catch_up()

    @rule(version=VERSIONS, broken=st.booleans())
    def a_version_breaks(self, version: str, broken: bool) -> None:
        with self.play.step(f"version {version} is broken: {broken}") as stage:
            stage.cluster.breaks(version, broken)

    @rule(number=NUMBERS)
    def the_autoscalers_scale(self, number: int) -> None:
        with self.play.step(f"the autoscalers scale: {number}") as stage:
            stage.cluster.scale(number)

    @rule(name=NAMES)
    def a_schedule_comes(self, name: str) -> None:
        with self.play.step(f"the schedule of {name} comes") as stage:
            stage.cluster.schedule_comes(name)

    @rule(run=st.sampled_from(RUNS))
    def a_run_ends(self, run: tuple[str, str]) -> None:
        with self.play.step(f"a run ends: {run}") as stage:
            stage.cluster.run_ends(*run)

    @rule(name=NAMES)
    def a_minute_passes(self, name: str) -> None:
        with self.play.step(f"a minute passes for {name}") as stage:
            stage.time_passes(name)

    # Hands that should not be there

    @rule(kind=st.sampled_from(CHILD_KINDS), number=NUMBERS)
    def a_hand_edits(self, kind: str, number: int) -> None:
        with self.play.step(f"a hand edits {kind} {number}") as stage:
            Hands(stage).edit(kind, number)

    @rule(kind=st.sampled_from(CHILD_KINDS), number=NUMBERS)
    def a_hand_deletes(self, kind: str, number: int) -> None:
        with self.play.step(f"a hand deletes {kind} {number}") as stage:
            Hands(stage).delete(kind, number)

    @rule(kind=st.sampled_from(CHILD_KINDS), number=NUMBERS)
    def a_hand_takes_the_label_off(self, kind: str, number: int) -> None:
        with self.play.step(f"a hand takes the label off {kind} {number}") as stage:
            Hands(stage).take_label(kind, number)

    @rule(name=NAMES, garbage=st.sampled_from([{}, {"phase": "Nonsense", "conditions": []}]))
    def a_hand_wipes_status(self, name: str, garbage: dict[str, Any]) -> None:
        with self.play.step(f"a hand writes status of {name}: {garbage}") as stage:
            Hands(stage).write_status(name, garbage)

    @rule(name=NAMES, kind=st.sampled_from(sorted(FOREIGN)), spec=specs())
    def a_foreign_object_is_in_the_way(self, name: str, kind: str, spec: Json) -> None:
        with self.play.step(f"a foreign {kind} is in the way of {name}: {spec}") as stage:
            self.play.foreign += Hands(stage).foreign(name, kind, spec)
            stage.apply(name, spec)

    @rule()
    def foreign_objects_go(self) -> None:
        with self.play.step("foreign objects go"):
            self.play.foreign_objects_go()

    # The operator, and its way to the API server

    @precondition(_may_end)
    @rule(orderly=st.booleans())
    def the_operator_ends(self, orderly: bool) -> None:
        self.play.operator_ends(orderly)

    @precondition(_is_down)
    @rule()
    def it_starts_again(self) -> None:
        self.play.operator_starts()

    @precondition(_is_up)
    @rule()
    def the_operator_is_frozen(self) -> None:
        self.play.operator_freezes()

    @precondition(_is_frozen)
    @rule()
    def it_thaws(self) -> None:
        self.play.operator_thaws()

    @precondition(lambda self: not self.play.faulty)
    @rule(seed=st.integers(0, 1000))
    def faults_begin(self, seed: int) -> None:
        self.play.faults_begin(seed)

    @precondition(lambda self: self.play.faulty)
    @rule()
    def faults_end(self) -> None:
        self.play.faults_end()

    @rule()
    def watches_are_cut(self) -> None:
        with self.play.step("watches are cut") as stage:
            stage.proxy.cut_watches()

    @precondition(lambda self: _is_up(self) and not self.play.faulty)
    @rule()
    def all_comes_to_rest(self) -> None:
        with self.play.step("all comes to rest") as stage:
            stage.come_to_rest()
