"""Challengers earn the traffic of a model under load; callers notice nothing."""

from scipy.stats import binomtest

from tests.e2e import challengers
from tests.e2e.experiments import (
    ERRORS,
    SHORT,
    Experiment,
    candidate,
    shadow,
    split,
    until_bare,
)
from tests.e2e.h2c import h2c_load
from tests.e2e.load import Load, load
from tests.e2e.models import GO_IMAGE, spec
from tests.e2e.place import Place, condition, is_true

RATE = 40
CERTAIN = 0.001


def serve(place: Place, **more: object) -> None:
    place.apply("model", {**spec("1"), **more})
    place.until_serving("model", "1")


def test_a_shadow_a_split_and_git_has_the_last_word(place: Place) -> None:
    serve(place)
    with load(place.address("model"), RATE) as callers:
        experiment = Experiment(
            place,
            "v2",
            candidates=[candidate("v2", "2")],
            steps=[
                shadow(until={"atLeast": "10s", "requests": 100, "atMost": "10m"}),
                split("canary", {"v2": 10}, shadowOthers=True),
                split("half", {"v2": 50}),
            ],
            guardrails=[ERRORS],
        )
        status = experiment.until_step("look")
        assert condition(status, "Bypassed")["reason"] == "OlderConnections"
        status = experiment.until_step("canary")
        assert callers.versions == {"1"}, "a shadow answered a caller"
        assert all(one["requests"] >= 100 for one in status["arms"])
        status = experiment.until_phase("Paused")
        assert [(one["weight"], one["errors"]) for one in status["arms"]] == [(50, 0), (50, 0)]
        assert place.status("model")["experiment"]["weight"] == 50
        experiment.order(promote="v2/1")
        status = experiment.until_phase("AwaitingSpec")
        place.kubectl("patch", "mdep", "model", "--type=merge", "-p", status["promotion"]["patch"])
        place.until_serving("model", "2")
        status = experiment.until_phase("Promoted")
        assert status["verdict"]["winner"] == "v2"
        until_bare(place)
    scored = [epoch for epoch in status["epochs"] if epoch["step"] == "canary"]
    asked = {one["arm"]: one["requests"] for epoch in scored for one in epoch["counts"]}
    assert asked["v2"] >= 0.99 * asked["incumbent"], "not every request was scored by both"


def test_the_split_is_what_was_asked_for(place: Place) -> None:
    serve(place, router={"mode": "Always"})
    experiment = Experiment(
        place,
        "v2",
        candidates=[candidate("v2", "2"), candidate("v3", "3")],
        steps=[split("split", {"v2": 20, "v3": 30}, until={"atLeast": "1h"})],
    )
    experiment.until_step("split")
    assert not is_true(experiment.status, "Bypassed"), "the routers were there before"
    callers = Load(place.address("model"), 100)
    callers.until_answered()
    experiment.until_counted("incumbent", 1000)
    seen = callers.finish()
    callers.kill()
    assert seen["failures"] == {}
    for version, share in (("1", 0.5), ("2", 0.2), ("3", 0.3)):
        answered = seen["versions"][version]
        assert binomtest(answered, seen["asked"], share).pvalue > CERTAIN, seen["versions"]


def test_bad_challengers_are_rejected_and_the_good_one_goes_on(place: Place) -> None:
    serve(place)
    with load(place.address("model"), RATE) as callers:
        experiment = Experiment(
            place,
            "many",
            candidates=[
                candidate("good", "2"),
                {"name": "errs", "model": challengers.erring("3", one_of=4)},
                {"name": "crashes", "model": challengers.crashing("4", after=30)},
                {"name": "absent", "model": {"version": "5", "image": "localhost/not-there:5"}},
            ],
            steps=[
                shadow("look", {"requests": 200, "atMost": "10m"}),
                split("half", {"good": 50, "errs": 10, "crashes": 10, "absent": 10}),
            ],
            guardrails=[ERRORS],
            promotion="Automatic",
        )
        status = experiment.until_phase("AwaitingSpec")
        assert "5" not in callers.versions
    states = {one["name"]: (one["state"], one["message"]) for one in status["arms"]}
    assert status["winner"] == "good"
    assert states["good"][0] == "Active"
    assert "answered with errors" in states["errs"][1]
    assert states["crashes"][0] == "Rejected"
    assert "Image" in states["absent"][1]


def test_slow_and_deaf_challengers_change_nothing_for_callers(place: Place) -> None:
    serve(place)
    with load(place.address("model"), RATE):
        experiment = Experiment(
            place,
            "slow",
            candidates=[
                {"name": "slow", "model": challengers.slow("2", seconds=1.1)},
                {"name": "deaf", "model": challengers.deaf("3")},
            ],
            steps=[shadow("look", {"atLeast": "10m"}, percents={"slow": 100, "deaf": 50})],
            guardrails=[
                {"name": "slow", "metric": "LatencyAbove", "threshold": "500ms", "maxRatio": 1.5}
            ],
        )
        status = experiment.until_phase("Rejected")
    arms = {one["name"]: one for one in status["arms"]}
    assert all("took longer than 500ms" in arms[name]["message"] for name in ("slow", "deaf"))
    assert arms["slow"]["missing"] <= 0.2 * arms["incumbent"]["requests"]


def test_abort_and_deletion_return_all_traffic(place: Place) -> None:
    serve(place)
    with load(place.address("model"), RATE) as callers:
        steps = [split("half", {"v2": 50}, until={"atLeast": "1h"})]
        first = Experiment(place, "first", candidates=[candidate("v2", "2")], steps=steps)
        second = Experiment(place, "second", candidates=[candidate("v2", "2")], steps=steps)
        first.until_step("half")
        assert "first" in second.status["message"]
        callers.until_answered_by("2")
        first.order(promote="v2/1", abort="1")
        status = first.until_phase("Aborted")
        answers = {one["command"]: one["result"] for one in status["handled"]}
        assert answers == {"abort": "Done", "promote": "Refused"}
        second.until_step("half")
        second.delete()
        until_bare(place)
    assert place.status("model")["serving"]["version"] == "1"


def test_the_winner_serves_at_once_where_it_is_followed(place: Place) -> None:
    serve(place, promotion={"follow": "Winner"})
    with load(place.address("model"), RATE) as callers:
        experiment = Experiment(
            place,
            "v2",
            candidates=[candidate("v2", "2")],
            steps=[shadow(), {"name": "gate", "pause": {}}],
            promotion="Automatic",
        )
        experiment.until_phase("Paused")
        experiment.order(resume="gate/1")
        experiment.until_phase("Promoted")
        status = place.until_serving("model", "2")
        assert "winner of Experiment v2" in status["message"]
        callers.until_answered_by("2")
        place.apply("model", spec("3"))
        place.until_serving("model", "3")


def test_a_changed_model_goes_through_its_own_experiment(place: Place) -> None:
    steps = [shadow("look"), split("canary", {"candidate": 20})]
    rollout = {"experiment": {"steps": steps, "guardrails": [ERRORS]}}
    serve(place, rollout=rollout)
    with load(place.address("model"), RATE):
        place.apply("model", {**spec("2"), "rollout": rollout})
        place.until_serving("model", "2")
        bad = {**spec("3"), "rollout": rollout}
        bad["model"] = {**bad["model"], **challengers.erring("3", one_of=2)}
        place.apply("model", bad)
        status = place.until_status("model", lambda one: is_true(one, "Stalled"), "the rejection")
        assert condition(status, "Stalled")["reason"] == "ExperimentRejected"
        assert status["serving"]["version"] == "2"
        until_bare(place)


def test_routers_come_and_go_and_are_killed(place: Place) -> None:
    serve(place, router={"mode": "Always"})
    experiment = Experiment(
        place,
        "v2",
        candidates=[candidate("v2", "2")],
        steps=[split("half", {"v2": 50}, until={"atLeast": "1h"})],
    )
    experiment.until_step("half")
    with load(place.address("model"), RATE):
        place.kubectl("rollout", "restart", "deployment/model-router")
        place.kubectl("rollout", "status", "deployment/model-router", "--timeout=180s")
        experiment.until_counted("v2", 50)
    killed = place.all("Pod", role="router")[0]["metadata"]["name"]
    callers = Load(place.address("model"), RATE)
    callers.until_answered()
    place.kube.delete("Pod", killed, place.namespace, seconds=0)
    place.until(
        lambda: place.the("Deployment", "model-router")["status"].get("readyReplicas") == 2,
        "another router",
    )
    experiment.until_counted("v2", 200)
    seen = callers.finish()
    callers.kill()
    failed = sum(map(len, seen["failures"].values()))
    assert failed <= 10, seen["failures"]  # at most one request in flight of each caller


def test_status_says_what_cannot_be_done(place: Place) -> None:
    lost = Experiment(
        place,
        "lost",
        candidates=[candidate("v2", "2")],
        steps=[shadow(until=SHORT)],
    )
    assert "does not exist" in lost.until(lambda one: one.get("message"), "an answer")["message"]
    serve(place)
    lost.until_step("look")
    lost.delete()
    same = Experiment(
        place, "same", candidates=[{"name": "v1", "model": {"version": "1"}}], steps=[shadow()]
    )
    status = same.until_phase("Failed")
    assert "same model" in status["message"]
    assert is_true(status, "Stalled")


def test_a_candidate_that_is_refused_holds_up_nobody(place: Place) -> None:
    serve(place)
    mount = {"volumeMounts": [{"name": "weights", "mountPath": "/weights"}]}
    misfit = candidate("v2", "2")
    misfit["model"] |= mount
    lost = Experiment(place, "misfit", candidates=[misfit], steps=[shadow()])
    assert "does not declare" in lost.until_phase("Failed")["message"]
    # Seen by no rule: more is asked for than allowed.
    refused = candidate("v3", "3")
    refused["model"]["resources"] = {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}
    both = Experiment(place, "both", candidates=[candidate("v2", "2"), refused], steps=[shadow()])
    status = both.until_phase("Paused")
    states = {one["name"]: one["state"] for one in status["arms"]}
    assert states == {"incumbent": "Active", "v2": "Active", "v3": "Rejected"}
    assert is_true(place.status("model"), "Ready")


def test_callers_that_speak_h2c_lose_nothing(place: Place) -> None:
    place.apply("model", spec("1", image=GO_IMAGE, protocol="H2C"))
    place.until_serving("model", "1")
    env = [{"name": "MODEL_VERSION", "value": "2"}]
    with h2c_load(place.address("model")):
        experiment = Experiment(
            place,
            "v2",
            candidates=[{"name": "v2", "model": {"version": "2", "env": env}}],
            steps=[
                shadow(until={"requests": 50}),
                split("half", {"v2": 50}, {"requests": 50}, shadowOthers=True),
            ],
            promotion="Automatic",
        )
        status = experiment.until_phase("AwaitingSpec")
        experiment.order(abort="1")
        until_bare(place)
    assert [one["errors"] for one in status["arms"]] == [0, 0]
