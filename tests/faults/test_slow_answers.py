"""Answers that come late or never: who waits for them holds up nobody else."""

from tests.faults.lives import FIRST, apart, assert_rest, of, owner, serve, standing, trouble
from tests.faults.proxy import Asked, Delay, Fault, Hang, Proxy
from tests.scenarios.world import World

BEYOND = 11.0
"""Seconds: a request is given up after ten."""
HANGING = {"never": "deployments", "never-told": "modeldeployments/status"}
SLOW = {
    "too-late": ("deployments", Delay(BEYOND)),
    "told-too-late": ("modeldeployments/status", Delay(BEYOND)),
    "slow": ("deployments", Delay(1)),
}


def test_those_that_hang_hold_up_nobody(world: World, proxy: Proxy) -> None:
    """A request that was given up may still be carried out: nothing is made twice then."""
    names = [*HANGING, *SLOW]
    others = [f"other-{number}" for number in range(9)]
    coming = {name: [fault] for name, (_, fault) in SLOW.items()}

    def late(asked: Asked) -> Fault | None:
        faults = coming.get(owner(asked))
        return faults.pop() if faults and asked.kind == SLOW[owner(asked)][0] else None

    def never(asked: Asked) -> Fault | None:
        return Hang() if HANGING.get(owner(asked)) == asked.kind else None

    with proxy.faulty(late):
        with proxy.faulty(never):
            for name in names:
                world.apply(name, FIRST)
            world.until(lambda: not any(coming.values()), "the slow ones wait")
            world.until(lambda: proxy.heard(of("never", "deployments")), "another one hangs")
            serve(world, others, FIRST)
        serve(world, names, FIRST)
    stands = standing(world)
    for name in names:
        assert apart(stands[name], stands["other-0"], name) == []
    assert {trouble(asked) for asked in proxy.asked} == {""}
    assert_rest(world, proxy, "too-late")
