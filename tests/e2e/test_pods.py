"""Kinds of pods: under Pod Security `restricted`, as root, in Go, behind a transformer."""

import json
import subprocess
import sys

import pytest

from dev.cluster.node import Node
from tests.e2e.kube import Json
from tests.e2e.models import GO_IMAGE, IMAGE, NONROOT, PYTHON, spec
from tests.e2e.place import Place, condition

# Passes requests on, and marks the answers.
TRANSFORMER = """
import json, os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import Request, urlopen

class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {"Content-Type": "application/json"}
        model = os.environ["CONTENDER_MODEL_URL"]
        answer = json.load(urlopen(Request(model + self.path, body, headers)))
        answer["transformed"] = True
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

ThreadingHTTPServer(("", 8081), Handler).serve_forever()
"""

# A new endpoint refuses callers until every node has heard of its first pod.
ASK = """
import sys, time, urllib.request
body = b'{"instances": [[1' + b', 1' * 29 + b']]}'
for left in reversed(range(100)):
    try:
        print(urllib.request.urlopen(sys.argv[1], body, timeout=10).read().decode())
        break
    except OSError as error:
        time.sleep(0.2 if left else sys.exit(f"no answer: {error}"))
"""


@pytest.mark.restricted
def test_a_restricted_namespace_takes_a_pipeline_and_says_what_it_does_not_take(
    place: Place,
) -> None:
    transformer = {"image": f"{IMAGE}:1", "command": [PYTHON, "-c", TRANSFORMER]}
    nonroot = {"pod": {"securityContext": NONROOT}}
    place.apply("model", {**spec("1"), **nonroot, "transformer": transformer})
    place.until_serving("model", "1")
    answer = _ask(place, "model")
    assert answer["transformed"] is True
    assert answer["version"] == "1"

    # Forbidden there: to run as root.
    root = {"pod": {"securityContext": {"runAsUser": 0}}}
    place.apply("model", {**spec("2"), **root})
    status = place.until_status(
        "model", lambda one: condition(one, "Stalled")["status"] == "True", "Stalled"
    )
    assert condition(status, "Stalled")["reason"] == "FailedCreate"
    assert 'violates PodSecurity "restricted' in status["message"]
    assert _ask(place, "model")["version"] == "1"


def test_a_root_image_and_a_go_image_run_with_default_settings(place: Place) -> None:
    place.apply("root", {**spec("1"), "pod": {"securityContext": {"runAsUser": 0}}})
    place.apply("go", {"model": {"version": "1", "image": GO_IMAGE}})
    for name in ("root", "go"):
        place.until_serving(name, "1")
        assert _ask(place, name)["predictions"][0]["label"] in (0, 1)


def _ask(place: Place, name: str) -> Json:
    url = f"http://{place.address(name)}/predict"
    command = Node().command_inside([sys.executable, "-c", ASK, url])
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    document: Json = json.loads(answer.stdout)
    return document
