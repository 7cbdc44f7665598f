"""Names, labels and annotations: every string that ties objects together stands here."""

import hashlib
from typing import Any

import orjson

from contender.api.v1alpha1 import GROUP

OPERATOR = "contender"
"""Field manager, event source and value of app.kubernetes.io/managed-by."""

LABEL_OWNER = f"{GROUP}/modeldeployment"
"""Name of the ModelDeployment; on every child, pod and Job. Informers select by its presence."""
LABEL_REVISION = f"{GROUP}/revision"
"""Name of the revision; on what belongs to one revision."""
LABEL_VERSION = f"{GROUP}/version"
"""Version of the model, for people and metrics."""
LABEL_ROLE = f"{GROUP}/role"
"""`serving`, `router` or `retraining`: what a pod is for."""

ANNOTATION_APPLIED = f"{GROUP}/applied"
"""On children: hash of the manifest that was applied last, to notice removed fields."""
ANNOTATION_SERVED_AT = f"{GROUP}/served-at"
"""On revision records: when the revision last began to serve. The newest one serves."""
ANNOTATION_HOLDS = f"{GROUP}/holds-against"
"""On revision records: the podHash of the spec that a rollback holds this revision against."""
ANNOTATION_WON = f"{GROUP}/won-against"
"""On revision records: the podHash and modelHash of the spec against which this revision, the
winner of an Experiment, serves until spec.model changes."""
ANNOTATION_EARNED = f"{GROUP}/earned"
"""On revision records: the Experiment that it has won, so that it may serve without another one."""
ANNOTATION_REJECTED = f"{GROUP}/rejected"
"""On revision records: why an Experiment of spec.rollout has rejected it; until spec changes."""
ANNOTATION_MESSAGE = f"{GROUP}/termination-message"
"""On retraining Jobs: what the container reported, kept after its pod is gone."""
ANNOTATION_ALLOW = f"{GROUP}/allow"
"""On service accounts: "true" lets ModelDeployments use them."""
ANNOTATION_LEADS_TO = f"{GROUP}/leads-to"
"""On the router's ConfigMap: the revision that answers callers who take part in no experiment."""
ANNOTATION_NAMED = f"{GROUP}/revisions"
"""On the router's ConfigMap: all revisions that the routers know, separated by commas."""
ANNOTATION_TRAFFIC = f"{GROUP}/traffic"
"""On the router's ConfigMap: hash of the traffic plan that it says, once it says all of it."""
ANNOTATION_CARRIES_SINCE = f"{GROUP}/carries-since"
"""On the router's ConfigMap: since when callers go through the routers. Connections to pods that
are older may go past them."""
ANNOTATION_LEFT_AT = f"{GROUP}/left-at"
"""On the router's ConfigMap: since when callers do not go through the routers any more."""
ANNOTATION_CONFIG = f"{GROUP}/router-config"
"""On router pods: hash of the ConfigMap that they should have; a change makes the kubelet look."""
ANNOTATION_BOOTSTRAP = f"{GROUP}/bootstrap"
"""On router pods: hash of the file that Envoy reads at its start only."""
ANNOTATION_PAUSED = f"{GROUP}/paused"
"""On a ModelDeployment: "true" pauses it, like spec.paused."""

COMMAND_ROLLBACK = f"{GROUP}/rollback"
COMMAND_RETRAIN = f"{GROUP}/retrain"
COMMAND_REFRESH = f"{GROUP}/refresh"
"""Command annotations on a ModelDeployment, and on revision records the token that was handled."""
COMMAND_ABORT = f"{GROUP}/abort"
COMMAND_PROMOTE = f"{GROUP}/promote"
COMMAND_RESUME = f"{GROUP}/resume"
COMMAND_RETRY = f"{GROUP}/retry"
"""Command annotations on an Experiment."""
OF_USERS = frozenset(
    {COMMAND_ABORT, COMMAND_PROMOTE, COMMAND_RESUME, COMMAND_RETRY, ANNOTATION_PAUSED}
)
"""Annotations that people set on a child of ours, an Experiment made for a rollout."""

MODEL_CONTAINER = "model"
TRANSFORMER_CONTAINER = "transformer"
RETRAINING_CONTAINER = "retraining"
FRONT_PORT = "http"
"""Name of the port callers reach: the Service finds its number in each pod, so that two revisions
may listen on different ones."""

_SAFE = "bcdfghjklmnpqrstvwxz2456789"
"""Kubernetes' own alphabet for generated names: no vowels, nothing that looks like a date."""
HASH_LENGTH = 8


def digest(value: Any) -> str:
    """Return a hash of any JSON value that does not depend on the order of keys.

    The prefix names the algorithm, so that a later one can be told apart.
    """
    text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    return "v1:" + hashlib.sha256(text).hexdigest()[:32]


def suffix(*parts: str) -> str:
    """Return 8 characters that stand for the parts in the name of a child."""
    number = int.from_bytes(hashlib.sha256("\0".join(parts).encode()).digest()[:8])
    letters: list[str] = []
    for _ in range(HASH_LENGTH):
        number, index = divmod(number, len(_SAFE))
        letters.append(_SAFE[index])
    return "".join(letters)


def revision_name(owner: str, pod_hash: str, refresh: str = "") -> str:
    """Return the name of a revision and of its Deployment, Service, HPA and PDB."""
    return f"{owner}-{suffix(pod_hash, refresh)}"


def retraining_name(owner: str, token: str | None = None) -> str:
    """Return the name of the retraining CronJob, or of the Job started by a token."""
    return f"{owner}-retrain" if token is None else f"{owner}-retrain-{suffix(token)}"


def router_name(owner: str) -> str:
    """Return the name of the router's Deployment, ConfigMap, HPA, PDB and NetworkPolicy."""
    return f"{owner}-router"


def router_labels(owner: str) -> dict[str, str]:
    """Return the labels of the router's objects and pods."""
    return {**owner_labels(owner), LABEL_ROLE: "router"}


def router_selector(owner: str) -> dict[str, str]:
    """Return the labels that select the router's pods, and nothing else."""
    return {LABEL_OWNER: owner, LABEL_ROLE: "router"}


def owner_labels(owner: str) -> dict[str, str]:
    """Return the labels of every child."""
    return {
        LABEL_OWNER: owner,
        "app.kubernetes.io/name": owner,
        "app.kubernetes.io/managed-by": OPERATOR,
    }


def revision_labels(owner: str, revision: str, version: str) -> dict[str, str]:
    """Return the labels of the children of one revision."""
    return {**owner_labels(owner), LABEL_REVISION: revision, LABEL_VERSION: version}


def pod_selector(owner: str, revision: str) -> dict[str, str]:
    """Return the labels that select the serving pods of one revision, and nothing else."""
    return {LABEL_OWNER: owner, LABEL_REVISION: revision}
