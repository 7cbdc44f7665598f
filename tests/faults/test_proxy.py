"""The proxy itself: without a rule nothing changes."""

from tests.faults.proxy import Proxy
from tests.scenarios.world import World, model


def test_through_the_proxy_a_model_is_served_as_without_it(world: World, proxy: Proxy) -> None:
    world.serve("churn", model())
    assert any(one.is_watch and one.kind == "deployments" for one in proxy.asked)
    proxy.cut_watches()
    world.serve("churn", model("2"))
    world.assert_rest("churn")
