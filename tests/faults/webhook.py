"""Admission webhooks: a real HTTPS server that changes or refuses what is written.

In a test::

    with Webhook(server, namespace, tmp_path, policy) as hook:
        ...

The policy gets each request for an object of the namespace and returns the object as it shall be
stored, or raises `Denied` or `Broken`.
"""

import base64
import copy
import json
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

from dev.cluster.pki import Authority
from tests.contract.server import Server, until
from tests.e2e.kube import Json

CONFIGURATIONS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
KINDS = (
    "configmaps",  # for the probe below
    "controllerrevisions",
    "cronjobs",
    "deployments",
    "horizontalpodautoscalers",
    "jobs",
    "poddisruptionbudgets",
    "services",
)

Policy = Callable[[str, Json], Json]
"""From the operation (CREATE or UPDATE) and the object to the object that is stored."""


class Denied(Exception):
    """The webhook refuses the object, with a message for people."""


class Broken(Exception):
    """The webhook answers 500 instead of deciding."""


class Webhook:
    """A webhook for all kinds of children in one namespace, with failurePolicy Fail."""

    def __init__(self, server: Server, namespace: str, folder: Path, policy: Policy) -> None:
        self.policy = policy
        self.calls = 0
        self._server, self._namespace = server, namespace
        self._authority = Authority(folder / "webhook")
        self._authority.issue("webhook", "/CN=webhook", addresses=["127.0.0.1"])
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trust.load_cert_chain(
            self._authority.certificate("webhook"), self._authority.key("webhook")
        )
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.socket = trust.wrap_socket(self._http.socket, server_side=True)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        self._server.kube.ask("POST", CONFIGURATIONS, self._configuration())
        until(self._is_asked, "the API server asks the webhook")
        return self

    def __exit__(self, *_: object) -> None:
        self._server.kube.ask("DELETE", f"{CONFIGURATIONS}/{self._namespace}")
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def answer(self, review: Json) -> Json:
        """Return the answer to an AdmissionReview."""
        request = review["request"]
        self.calls += 1
        verdict: Json = {"uid": request["uid"], "allowed": True}
        if request["kind"]["kind"] != "ConfigMap":
            try:
                patch = _patch(request["object"], self._decide(request))
                verdict |= {"patchType": "JSONPatch", "patch": patch}
            except Denied as refusal:
                verdict |= {"allowed": False, "status": {"message": str(refusal)}}
        return {**review, "request": None, "response": verdict}

    def _decide(self, request: Json) -> Json:
        return self.policy(request["operation"], copy.deepcopy(request["object"]))

    def _is_asked(self) -> bool:
        """Return whether the API server knows of the webhook: it learns of it by a watch."""
        calls = self.calls
        collection = f"/api/v1/namespaces/{self._namespace}/configmaps"
        self._server.kube.would_create(collection, {"metadata": {"name": "probe"}})
        return self.calls > calls

    def _configuration(self) -> Json:
        ca = base64.b64encode(self._authority.ca.read_bytes()).decode()
        port = self._http.server_address[1]
        names = {"kubernetes.io/metadata.name": self._namespace}
        rule = {"apiGroups": ["*"], "apiVersions": ["*"], "resources": list(KINDS)}
        hook = {
            "name": "fault.example.com",
            "clientConfig": {"url": f"https://127.0.0.1:{port}/", "caBundle": ca},
            "rules": [{**rule, "operations": ["CREATE", "UPDATE"]}],
            "namespaceSelector": {"matchLabels": names},
            "sideEffects": "None",
            "failurePolicy": "Fail",
            "timeoutSeconds": 1,
            "admissionReviewVersions": ["v1"],
        }
        return {"metadata": {"name": self._namespace}, "webhooks": [hook]}


def _patch(before: Json, after: Json) -> str:
    """Return the JSON patch between two objects, part by part."""
    changes = [
        {"op": "add", "path": f"/{part}", "value": after[part]}
        for part in after
        if after[part] != before.get(part)
    ]
    return base64.b64encode(json.dumps(changes).encode()).decode()


def _handler(hook: Webhook) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            try:
                code, body = 200, json.dumps(hook.answer(review)).encode()
            except Broken as fault:
                code, body = 500, str(fault).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            """Say nothing."""

    return Handler
