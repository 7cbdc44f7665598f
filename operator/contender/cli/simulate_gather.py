"""Gathers what is known of an Experiment that is still to start."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from contender.api.v1alpha1 import ExperimentSpec, ModelDeploymentSpec
from contender.cli.asking import session
from contender.cli.command import Failure, Misuse
from contender.cli.connection import RECORDER
from contender.cli.moments import written
from contender.cli.report_cluster import EXPERIMENTS, MODEL_DEPLOYMENTS, Cluster, Recorder
from contender.core.audiences import Purpose, audience
from contender.core.experiment.looks import VALUE
from contender.report.hours import Seen, seen
from contender.report.material import Json, Unreadable, experiment_of, target_of
from contender.router.names import RECORDER_HTTP_PORT

ACCOUNT = "default"
STDIN = "-"
WINDOW = timedelta(days=7)
"""So long back the recorder is asked."""
SILENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Found:
    """What is known."""

    spec: ExperimentSpec
    target: ModelDeploymentSpec | None
    seen: dict[str, Seen]
    """By objective, what the endpoint did."""
    lacking: tuple[str, ...]
    """What could not be read, and why."""


async def gather(arguments: argparse.Namespace) -> Found:
    """Return what is known of an Experiment, in a file or in the cluster.

    Raises:
        Failure: it cannot be read.
        Unreadable: it is not understood.
    """
    cluster = Cluster(arguments.context)
    target: ModelDeploymentSpec | None = None
    if arguments.file:
        manifest, others = _of_file(arguments.file)
        spec = experiment_of(manifest)
        if (mine := others.get(spec.target)) is not None:
            target = target_of(mine)
        if arguments.offline:
            return Found(spec, target, {}, ())
        namespace = arguments.namespace or (manifest.get("metadata") or {}).get("namespace")
    else:
        namespace = arguments.namespace or await cluster.namespace()
        spec = experiment_of(await cluster.read(EXPERIMENTS, arguments.name, namespace))
    return await _Gatherer(arguments, cluster, spec, namespace).gather(target)


class _Gatherer:
    def __init__(
        self,
        arguments: argparse.Namespace,
        cluster: Cluster,
        spec: ExperimentSpec,
        namespace: str | None,
    ) -> None:
        self._arguments = arguments
        self._cluster = cluster
        self._spec = spec
        self._namespace = namespace

    async def gather(self, target: ModelDeploymentSpec | None) -> Found:
        """Return what is known; without the recorder, or the cluster, it is less."""
        lacking: list[str] = []
        try:
            namespace = self._namespace or await self._cluster.namespace()
            if target is None:
                kind, name = MODEL_DEPLOYMENTS, self._spec.target
                target = target_of(await self._cluster.read(kind, name, namespace))
        except Failure as error:
            lacking.append(f"ModelDeployment {self._spec.target} is not known: {error}")
            return Found(self._spec, target, {}, tuple(lacking))
        found: dict[str, Seen] = {}
        if target.capture is not None:
            try:
                found = await self._seen(namespace)
            except (Failure, Unreadable) as error:
                lacking.append(f"what the recorder has counted is not known: {error}")
        return Found(self._spec, target, found, tuple(lacking))

    async def _seen(self, namespace: str) -> dict[str, Seen]:
        name, now = self._spec.target, datetime.now(UTC)
        purpose = audience(Purpose.ROWS, name)
        token = await self._cluster.token(ACCOUNT, namespace, purpose)
        system = self._arguments.system_namespace
        async with AsyncExitStack() as stack:
            way = self._cluster.forwarded(RECORDER, system, RECORDER_HTTP_PORT)
            base = await stack.enter_async_context(way)
            client = await stack.enter_async_context(session(SILENCE_SECONDS))
            recorder = Recorder(client, base, self._arguments.patience)
            path = f"/v1/namespaces/{namespace}/modeldeployments/{name}"
            told = await recorder.hours(path, written(now - WINDOW), lambda: token)
        return {
            one.name: seen(told, one.feedback, one.loss or VALUE, now)
            for one in self._spec.objectives or []
        }


def _of_file(file: str) -> tuple[Json, dict[str, Json]]:
    """Return the Experiment of a file, and by name its ModelDeployments."""
    experiments: list[Json] = []
    others: dict[str, Json] = {}
    for one in _documents(file):
        if one.get("kind") == "Experiment":
            experiments.append(one)
        elif one.get("kind") == "ModelDeployment":
            others[str((one.get("metadata") or {}).get("name"))] = one
    if len(experiments) != 1:
        raise Misuse(f"{file} holds {len(experiments)} Experiments: it is to hold one")
    return experiments[0], others


def _documents(file: str) -> Iterator[Json]:
    try:
        text = sys.stdin.read() if file == STDIN else Path(file).read_text(encoding="utf-8")
        found: list[Any] = [*yaml.safe_load_all(text)]
    except OSError as error:
        raise Failure(f"{file} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Failure(f"{file} is no YAML: {' '.join(str(error).split())}") from error
    for one in found:
        if isinstance(one, dict) and one.get("kind") == "List":
            yield from (each for each in one.get("items") or [] if isinstance(each, dict))
        elif isinstance(one, dict):
            yield one
