"""The API server, or what stands before it, answers badly: nothing is lost, nothing made twice."""

from itertools import pairwise

from tests.e2e.kube import Json
from tests.faults.lives import (
    FIRST,
    KINDS,
    LATER,
    apart,
    assert_rest,
    live,
    of,
    owner,
    serve,
    standing,
    trouble,
)
from tests.faults.proxy import (
    Answer,
    Asked,
    Between,
    DropAfter,
    DropBefore,
    Fault,
    Half,
    Page,
    Proxy,
    Twice,
    everything,
    first,
    on,
)
from tests.scenarios.world import World, condition, model

PASSING: dict[str, tuple[Fault, ...]] = {
    "refused": (Answer(409, "Conflict"), Answer(503), Page(502), Page(200)),
    "lost-request": (DropBefore(),) * 3,
    "lost-answer": (DropAfter(), DropAfter(), Half()),
    "twice": (Twice(),) * 3,
}


def test_what_passes_by_itself_leaves_no_trace(world: World, proxy: Proxy) -> None:
    """Each fault happens to each kind of write, of one ModelDeployment each."""
    coming = {
        f"{fault}-{kind.replace('/', '-')}": (kind, [*faults])
        for fault, faults in PASSING.items()
        for kind in KINDS
    }
    untouched = {name: len(faults) for name, (_, faults) in coming.items()}

    def next_fault(asked: Asked) -> Fault | None:
        kind, faults = coming.get(owner(asked), ("", []))
        return faults.pop(0) if faults and asked.kind == kind else None

    with proxy.faulty(next_fault):
        live(world, [*coming, "untouched"])
        world.settle()
    assert [name for name, (_, faults) in coming.items() if len(faults) == untouched[name]] == []
    stands = standing(world)
    for name in coming:
        assert apart(stands[name], stands["untouched"], name) == []
    assert {trouble(asked) for asked in proxy.asked} == {""}
    assert_rest(world, proxy, "untouched")


def test_what_somebody_changed_in_between_is_kept(world: World, proxy: Proxy) -> None:
    revision = world.serve("churn", model())
    world.settle()
    theirs: list[Json] = []

    def meddle() -> None:
        label = {"metadata": {"labels": {"theirs": "kept"}}}
        theirs.append(world.patch("PodDisruptionBudget", revision, label))

    since = proxy.moment()
    with proxy.faulty(first(1, of("churn", "poddisruptionbudgets"), Between(before=meddle))):
        world.patch("PodDisruptionBudget", revision, {"spec": {"maxUnavailable": 9}})
        world.until(
            lambda: world.the("PodDisruptionBudget", revision)["spec"]["maxUnavailable"] == 1,
            "it is put right",
        )
    world.settle()
    writes = proxy.heard(of("churn", "poddisruptionbudgets"), since)
    assert [one.status for one in writes] == [409, 200]
    versions = [one.asked.json["metadata"]["resourceVersion"] for one in writes]
    assert versions[0] != versions[1] == theirs[0]["metadata"]["resourceVersion"]
    assert world.the("PodDisruptionBudget", revision)["metadata"]["labels"]["theirs"] == "kept"
    assert_rest(world, proxy, "churn")


def test_a_spec_that_changes_under_a_status_is_answered(world: World, proxy: Proxy) -> None:
    world.serve("churn", model("1"))
    change = Between(before=lambda: void(world.apply("churn", model("3"))))
    since = proxy.moment()
    with proxy.faulty(first(1, of("churn", "modeldeployments/status"), change)):
        world.apply("churn", model("2"))
        revision = world.until_wanted("churn", "3")
    told = proxy.heard(of("churn", "modeldeployments/status"), since)
    assert told[0].status == 409
    world.ready(revision)
    world.until_status("churn", lambda status: status["phase"] == "Ready", "it is ready")
    assert_rest(world, proxy, "churn")


def void(_: object) -> None:
    """Take a result that nobody needs."""


NONSENSE = ("Wed, 21 Oct 2099 07:28:00 GMT", "soon", "-1", "1e3", "\u00b2", "9" * 400)


def test_who_is_told_to_wait_waits_so_long(world: World, proxy: Proxy) -> None:
    """Also when something happens meanwhile; and a time that cannot be read does no harm."""
    waits = {f"n{number}": text for number, text in enumerate(NONSENSE)} | {"told": "3"}
    coming = {
        name: [Answer(429, "TooManyRequests", retry_after=text)] for name, text in waits.items()
    }

    def next_fault(asked: Asked) -> Fault | None:
        faults = coming.get(owner(asked), []) if asked.kind == "deployments" else []
        return faults.pop() if faults else None

    with proxy.faulty(next_fault):
        for name in waits:
            world.apply(name, model())
        world.until(lambda: not any(coming.values()), "all are told to wait")
        for _ in range(3):
            world.nudge("told")
        serve(world, list(waits)[:-2], model())
        serve(world, ["told"], model())
    [refused, following, *_] = proxy.heard(of("told", "deployments"))
    assert following.at - refused.at >= 3
    meanwhile = proxy.heard(of("told"), refused.at)
    assert [str(one) for one in meanwhile if refused.at < one.at < refused.at + 3] == []
    assert_rest(world, proxy, "told")


REFUSALS = {
    "forbidden": Answer(403, "Forbidden", "no right to do so"),
    "invalid": Answer(422, "Invalid", "this is not valid"),
    "denied": Answer(400, "", 'admission webhook "x" denied the request: not today'),
    "quota": Answer(403, "Forbidden", "exceeded quota: q, requested: 1, used: 1, limited: 1"),
}


def test_what_is_refused_is_said_and_tried_again_later_and_later(
    world: World, proxy: Proxy
) -> None:
    def refusal(asked: Asked) -> Fault | None:
        return REFUSALS.get(owner(asked)) if asked.kind == "horizontalpodautoscalers" else None

    with proxy.faulty(refusal):
        for name in REFUSALS:
            world.apply(name, FIRST)
        serve(world, ["other"], FIRST)
        for name, answer in REFUSALS.items():
            status = world.until_status(
                name, lambda status: condition(status, "Stalled") == "True", "it stalls"
            )
            assert answer.message in status["message"]
            assert condition(status, "Stalled", "reason") == (answer.reason or "ApplyFailed")
        tries = of("quota", "horizontalpodautoscalers")
        heard = world.until(lambda: (found := proxy.heard(tries))[5:] and found, "five more tries")
    for number, (one, another) in enumerate(pairwise(heard)):
        assert another.at - one.at >= 0.1 * 2**number, "the back-off, less its jitter"
    serve(world, REFUSALS, FIRST)
    stands = standing(world)
    for name in REFUSALS:
        assert apart(stands[name], stands["other"], name) == []
    assert_rest(world, proxy, "quota")


def test_a_token_that_is_refused_for_a_while_ends_nothing(world: World, proxy: Proxy) -> None:
    serve(world, ["churn"], FIRST)
    with proxy.faulty(on(everything, Answer(401, "Unauthorized"))):
        since = proxy.moment()
        proxy.cut_watches()
        world.apply("churn", LATER)
        world.apply("new", LATER)
        world.until(lambda: len(proxy.heard(everything, since)) > 20, "it goes on asking")
        assert world.says_yes("healthz")
    serve(world, ["churn", "new"], LATER)
    assert_rest(world, proxy, "churn")
