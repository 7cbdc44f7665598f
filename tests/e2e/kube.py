"""A small client of the API server: one connection per test process, plain dictionaries."""

import base64
import tempfile
from pathlib import Path
from typing import Any

import requests
import yaml

Json = dict[str, Any]

KINDS = {
    "ConfigMap": ("v1", "configmaps"),
    "ControllerRevision": ("apps/v1", "controllerrevisions"),
    "CronJob": ("batch/v1", "cronjobs"),
    "Deployment": ("apps/v1", "deployments"),
    "Event": ("v1", "events"),
    "Experiment": ("contender.dev/v1alpha1", "experiments"),
    "HorizontalPodAutoscaler": ("autoscaling/v2", "horizontalpodautoscalers"),
    "Job": ("batch/v1", "jobs"),
    "ModelDeployment": ("contender.dev/v1alpha1", "modeldeployments"),
    "Namespace": ("v1", "namespaces"),
    "NetworkPolicy": ("networking.k8s.io/v1", "networkpolicies"),
    "Pod": ("v1", "pods"),
    "PodDisruptionBudget": ("policy/v1", "poddisruptionbudgets"),
    "ReplicaSet": ("apps/v1", "replicasets"),
    "ResourceQuota": ("v1", "resourcequotas"),
    "Service": ("v1", "services"),
    "ServiceAccount": ("v1", "serviceaccounts"),
}

MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}


class ApiRefusal(Exception):
    """The API server refused a request."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Kube:
    """Reads and writes objects as the user of a kubeconfig."""

    def __init__(self, kubeconfig: Path) -> None:
        settings = yaml.safe_load(kubeconfig.read_text())
        cluster, user = settings["clusters"][0]["cluster"], settings["users"][0]["user"]
        self._files = tempfile.TemporaryDirectory(prefix="contender-e2e-")
        self._url = cluster["server"]
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = self._file("certificate-authority", cluster)
        self._session.cert = (
            self._file("client-certificate", user),
            self._file("client-key", user),
        )

    def close(self) -> None:
        self._session.close()
        self._files.cleanup()

    def get(self, kind: str, name: str, namespace: str = "") -> Json | None:
        """Return an object, or None if there is no such one."""
        try:
            return self._ask("GET", _path(kind, namespace, name))
        except ApiRefusal as refusal:
            if refusal.code == 404:
                return None
            raise

    def all(self, kind: str, namespace: str = "", **query: str) -> list[Json]:
        return self._ask("GET", _path(kind, namespace), query=query)["items"]

    def create(self, body: Json) -> Json:
        namespace = body["metadata"].get("namespace", "")
        body = {"apiVersion": KINDS[body["kind"]][0], **body}
        return self._ask("POST", _path(body["kind"], namespace), body)

    def patch(self, kind: str, name: str, namespace: str, body: Json, part: str = "") -> Json:
        """Apply an RFC 7386 merge patch to an object, or to a part such as `status`."""
        path = _path(kind, namespace, name) + (f"/{part}" if part else "")
        return self._ask("PATCH", path, body, MERGE_PATCH)

    def replace(self, body: Json) -> Json:
        metadata = body["metadata"]
        path = _path(body["kind"], metadata.get("namespace", ""), metadata["name"])
        return self._ask("PUT", path, body)

    def delete(self, kind: str, name: str, namespace: str = "", seconds: int | None = None) -> None:
        """Ask for an object to be deleted; its children follow in the background."""
        options: Json = {"propagationPolicy": "Background"}
        if seconds is not None:
            options["gracePeriodSeconds"] = seconds
        self._ask("DELETE", _path(kind, namespace, name), options)

    def log(self, pod: str, namespace: str, lines: int) -> str:
        query = {"tailLines": str(lines)}
        path = f"{_path('Pod', namespace, pod)}/log"
        return self._session.get(self._url + path, params=query, timeout=10).text

    def _ask(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        headers: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
    ) -> Json:
        answer = self._session.request(
            method, self._url + path, json=body, headers=headers, params=query, timeout=30
        )
        if answer.status_code >= 400:
            try:
                message = answer.json().get("message", answer.text)
            except ValueError:
                message = answer.text
            raise ApiRefusal(answer.status_code, message)
        document: Json = answer.json()
        return document

    def _file(self, key: str, source: Json) -> str:
        """Return a file with what the kubeconfig holds inline, or names."""
        if not (data := source.get(f"{key}-data")):
            return str(source[key])
        path = Path(self._files.name) / key
        path.touch(mode=0o600)
        path.write_bytes(base64.b64decode(data))
        return str(path)


def _path(kind: str, namespace: str, name: str = "") -> str:
    api_version, plural = KINDS[kind]
    root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    inside = f"/namespaces/{namespace}" if namespace else ""
    return f"{root}{inside}/{plural}" + (f"/{name}" if name else "")
