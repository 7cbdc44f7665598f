"""The recorder as a user meets it: requests that are captured, feedback, and the joined table."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from dev.cluster.node import Node
from tests.e2e.kube import Json
from tests.e2e.place import Place

SYSTEM = "contender-system"
ROWS = {
    "preset": "V1",
    "output": "/label",
    "score": "/p",
    "task": "Binary",
    "positiveClass": "1",
}
CAPTURED: Json = {
    "capture": {},
    "rows": ROWS,
    "feedback": [{"name": "diagnosis", "kind": "Label"}],
    "router": {"mode": "Always"},
}
"""What the specs of these tests have in addition."""
PREDICTION = "x-contender-prediction-id"


def inside(requests: Sequence[Json]) -> list[Json]:
    """Send requests from inside the node's network; return the answers in the same order."""
    script = Path(__file__).parent / "requests_inside.py"
    command = Node().command_inside([sys.executable, str(script)])
    done = subprocess.run(
        command, input=json.dumps(requests), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: list[Json] = json.loads(done.stdout)
    return found


def predict(
    place: Place,
    name: str,
    batches: Iterable[list[list[float]]],
    headers: Callable[[int], dict[str, str]] = lambda _: {},
) -> list[Json]:
    """Have a model predict batches of rows, a request for each, whose headers go by its number."""
    url = f"http://{place.address(name)}/predict"
    asked = [
        {
            "url": url,
            "headers": {"Content-Type": "application/json", **headers(number)},
            "body": json.dumps({"instances": rows}),
        }
        for number, rows in enumerate(batches)
    ]
    answers = inside(asked)
    assert {one["status"] for one in answers} == {200}, answers[0]
    return answers


def tell(place: Place, name: str, items: list[Json], lines: bool = False) -> Json:
    """Send feedback to an endpoint; return what became of it."""
    kind = "application/x-ndjson" if lines else "application/json"
    body = "\n".join(map(json.dumps, items)) if lines else json.dumps(items)
    (answer,) = inside(
        [
            {
                "url": f"http://{place.address(name)}/-/feedback",
                "headers": {"Content-Type": kind},
                "body": body,
            }
        ]
    )
    if not answer["headers"].get("content-type", "").startswith("application/json"):
        return {"status": answer["status"], "body": answer["body"]}  # the router's own
    return {"status": answer["status"], **json.loads(answer["body"])}


def recorder_url(place: Place) -> str:
    """Return where the recorder answers HTTP."""
    service = place.kube.get("Service", "contender-recorder", SYSTEM)
    assert service
    return f"http://{service['spec']['clusterIP']}:8080"


def token(place: Place, audience: str, account: str = "default", namespace: str = "") -> str:
    """Return a token of a service account, for this audience."""
    where = namespace or place.namespace
    return place.kubectl(
        "create", "token", account, "--namespace", where, "--audience", audience
    ).strip()


def ask_recorder(
    place: Place, path: str, bearer: str, method: str = "GET", body: str | None = None
) -> Json:
    """Ask the recorder something."""
    (answer,) = inside(
        [
            {
                "method": method,
                "url": recorder_url(place) + path,
                "headers": {"Authorization": f"Bearer {bearer}"},
                "body": body,
            }
        ]
    )
    return answer


def table(place: Place, name: str, query: str = "") -> list[Json]:
    """Return the joined table of a ModelDeployment."""
    bearer = token(place, f"rows.contender.dev/{name}")
    path = f"/v1/namespaces/{place.namespace}/modeldeployments/{name}/rows{query}"
    answer = ask_recorder(place, path, bearer)
    assert answer["status"] == 200, answer
    return [json.loads(line) for line in answer["body"].splitlines()]


def sums(place: Place, experiment: str) -> list[Json]:
    """Return the statistics of an Experiment, by its uid."""
    bearer = token(place, "statistics.contender.dev", "contender-operator", SYSTEM)
    body = json.dumps({"experiments": [experiment]})
    answer = ask_recorder(place, "/v1/statistics", bearer, "POST", body)
    assert answer["status"] == 200, answer
    found: list[Json] = json.loads(answer["body"])["sums"]
    return found


def looks(place: Place, experiment: str) -> list[Json]:
    """Return the looks at an Experiment, by its uid."""
    bearer = token(place, "statistics.contender.dev", "contender-operator", SYSTEM)
    body = json.dumps({"experiments": {experiment: 0}})
    answer = ask_recorder(place, "/v1/looks", bearer, "POST", body)
    assert answer["status"] == 200, answer
    found: list[Json] = json.loads(answer["body"])["looks"]
    return found


def pairs(place: Place, experiment: str) -> dict[str, float]:
    """Return what is counted of the pairs of an Experiment with one candidate, epochs together."""
    found: dict[str, Any] = {}
    for one in sums(place, experiment):
        if one["kind"] == "pairs":
            for key, number in one["numbers"].items():
                found[key] = found.get(key, 0) + number
    return found


def scale_recorder(place: Place, replicas: int) -> None:
    """Have so many recorders, and wait for it."""
    place.kubectl("-n", SYSTEM, "scale", "deployment/contender-recorder", f"--replicas={replicas}")
    place.kubectl(
        *("-n", SYSTEM, "rollout", "status", "deployment/contender-recorder", "--timeout=120s")
    )


def kill_recorder(place: Place) -> None:
    """Kill the recorder at once, as a node that dies does, and wait for another one."""
    _kill(place, "contender-recorder")


def kill_operator(place: Place) -> None:
    """Kill the operator likewise."""
    _kill(place, "contender-operator")


def _kill(place: Place, name: str) -> None:
    place.kubectl(
        *("-n", SYSTEM, "delete", "pod", "-l", f"app.kubernetes.io/name={name}"),
        *("--grace-period=0", "--force"),
    )
    place.kubectl("-n", SYSTEM, "rollout", "status", f"deployment/{name}", "--timeout=120s")
