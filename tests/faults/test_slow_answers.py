"""Answers that come late or never: who waits for them holds up nobody else."""

from tests.faults.lives import FIRST, apart, assert_rest, of, owner, serve, standing, trouble
from tests.faults.proxy import Asked, Delay, Fault, Hang, Proxy
from tests.scenarios.world import World

BEYOND = 11.0
"""Seconds: a request is given up after ten."""
SLOW: dict[str, tuple[str, Fault]] = {
    "never": ("deployments", Hang()),
    "never-told": ("modeldeployments/status", Hang()),
    "too-late": ("deployments", Delay(BEYOND)),
    "told-too-late": ("modeldeployments/status", Delay(BEYOND)),
    "slow": ("deployments", Delay(1)),
}


def test_one_that_hangs_holds_up_nobody(world: World, proxy: Proxy) -> None:
    """A request that was given up may still be carried out: nothing is made twice then."""
    coming = {name: [fault] for name, (_, fault) in SLOW.items()}
    others = [f"other-{number}" for number in range(9)]

    def next_fault(asked: Asked) -> Fault | None:
        name = owner(asked)
        if name not in SLOW or asked.kind != SLOW[name][0] or not coming[name]:
            return None
        return coming[name].pop()

    with proxy.faulty(next_fault):
        for name in SLOW:
            world.apply(name, FIRST)
        world.until(lambda: not any(coming.values()), "all hang")
        serve(world, others, FIRST)
        [hanging] = proxy.heard(of("never", "deployments"))[:1]
        assert hanging.status is None
        serve(world, SLOW, FIRST)
    stands = standing(world)
    for name in SLOW:
        assert apart(stands[name], stands["other-0"], name) == []
    assert {trouble(asked) for asked in proxy.asked} == {""}
    assert_rest(world, proxy, "too-late")
