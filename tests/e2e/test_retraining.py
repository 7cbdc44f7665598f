"""Retraining: by command, by schedule, and what a bad run says."""

from tests.e2e.kube import Json
from tests.e2e.models import RETRAIN_IMAGE, python_job, reporting, result, spec
from tests.e2e.place import Place, condition


def test_a_command_runs_one_job_whose_result_is_told(place: Place) -> None:
    job = {"image": RETRAIN_IMAGE, "env": [{"name": "SEED", "value": "1"}]}
    place.apply("model", _retrained(job, schedule="30 4 * * 1-5", timeZone="Asia/Tokyo"))
    cron = place.until(lambda: place.get("CronJob", "model-retrain"), "the CronJob")
    assert cron["spec"]["schedule"] == "30 4 * * 1-5"
    assert cron["spec"]["timeZone"] == "Asia/Tokyo"
    assert cron["spec"]["concurrencyPolicy"] == "Forbid"
    status = place.until_serving("model", "1")
    assert status["retraining"]["nextRun"].endswith(":30:00Z")
    assert condition(status, "Retrained")["reason"] == "NeverRan"

    status = _run(place, "first", "True")
    assert condition(status, "Retrained")["reason"] == "Trained"
    assert status["retraining"]["lastRun"]["outcome"] == "Succeeded"
    trained = status["retraining"]["lastResult"]
    assert trained["version"].startswith("1-")
    assert trained["storageUri"].startswith("data:application/json;base64,")
    assert trained["metrics"]["accuracy"] > 0.85

    # The same token again, also beside a change of spec, starts nothing.
    place.annotate("model", retrain="first")
    place.apply("model", _retrained(python_job(reporting(result("7", auc=0.5)))))
    place.until_status("model", lambda _: True, "the change is seen")
    place.until(lambda: place.get("CronJob", "model-retrain") is None, "no schedule any more")
    assert len(place.all("Job")) == 1

    status = _run(place, "second", "True")
    assert status["retraining"]["lastResult"]["version"] == "7"
    assert status["retraining"]["lastResult"]["metrics"] == {"auc": 0.5}
    assert len(place.all("Job")) == 2


def test_bad_runs_say_why_and_the_last_result_stays(place: Place) -> None:
    place.apply("model", _retrained(python_job(reporting(result("7")))))
    _run(place, "good", "True")
    programs = {
        "nothing": ("pass", "reported no result"),
        "no-json": (reporting("all well"), "is not JSON"),
        "incomplete": (reporting('{"version": "8"}'), "invalid result"),
        "failing": ("raise SystemExit('no rows since Sunday')", "no rows since Sunday"),
    }
    for token, (program, says) in programs.items():
        place.apply("model", _retrained(python_job(program)))
        place.until_status("model", lambda _: True, "the change is seen")
        status = _run(place, token, "False")
        retrained = condition(status, "Retrained")
        assert retrained["reason"] == "RunFailed"
        assert says in retrained["message"]
        assert says in status["retraining"]["lastRun"]["message"]
        assert status["retraining"]["lastResult"]["version"] == "7"
        assert status["serving"]["version"] == "1"


def test_the_schedule_starts_runs_that_never_overlap(place: Place) -> None:
    # Each run outlasts the next minute.
    place.apply("model", _retrained(python_job(reporting(result("7"), 75)), schedule="* * * * *"))
    place.until(lambda: place.all("Job"), "the first run by schedule")
    place.annotate("model", retrain="beside")
    status = place.until_status("model", lambda one: one.get("handled"), "the command is seen")
    assert status["handled"][0]["result"] == "Waiting"
    seen: set[str] = set()

    def two_runs_are_over() -> bool:
        jobs = place.all("Job")
        active = [job for job in jobs if not _is_over(job)]
        assert len(active) <= 1, "two runs at once"
        seen.update(job["metadata"]["name"] for job in jobs if _is_over(job))
        return len(seen) >= 1 and len(jobs) >= 2

    place.until(two_runs_are_over, "a run after the first one", seconds=300)
    status = place.until_status(
        "model",
        lambda one: (one["retraining"].get("lastResult") or {}).get("version") == "7",
        "the result of a run by schedule",
    )
    # The command goes before the next run by schedule, which waits for it.
    place.until_status("model", lambda one: one["handled"][0]["result"] == "Done", "the command")


def _retrained(job: Json, **settings: str) -> Json:
    return {**spec("1"), "retraining": {"job": job, **settings}}


def _run(place: Place, token: str, retrained: str) -> Json:
    """Command a run and wait for its end."""
    place.annotate("model", retrain=token)

    def started(status: Json) -> bool:
        told = {(one["token"], one["result"]) for one in status.get("handled") or []}
        return (token, "Done") in told

    place.until_status("model", started, f"run {token} has started")
    jobs = place.all("Job")
    assert sum(_token(job) == token for job in jobs) == 1
    name = next(job["metadata"]["name"] for job in jobs if _token(job) == token)
    place.until_status(
        "model",
        lambda one: (
            one["retraining"]["lastRun"]["job"] == name
            and one["retraining"]["lastRun"]["outcome"] != "Running"
        ),
        f"run {token} is over",
    )
    return place.until_status(
        "model",
        lambda one: condition(one, "Retrained")["status"] == retrained,
        f"Retrained is {retrained} after run {token}",
    )


def _token(job: Json) -> str:
    annotations = job["metadata"].get("annotations") or {}
    return str(annotations.get("contender.dev/retrain", ""))


def _is_over(job: Json) -> bool:
    conditions = (job.get("status") or {}).get("conditions") or []
    return any(one["type"] in ("Complete", "Failed") for one in conditions)
