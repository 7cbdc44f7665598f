"""Gathers all that a report is made of. What cannot be read is told, and left out."""

import argparse
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime, timedelta

from contender.api.v1alpha1 import ModelDeploymentSpec
from contender.cli.asking import session
from contender.cli.command import Failure
from contender.cli.connection import RECORDER
from contender.cli.moments import written
from contender.cli.report_cluster import EXPERIMENTS, MODEL_DEPLOYMENTS, Cluster, Recorder
from contender.core.audiences import Purpose, audience
from contender.report.material import Material, Subject, reading, subject_of, target_of
from contender.router.names import RECORDER_HTTP_PORT

ACCOUNT = "default"
"""Service account whose tokens open rows: any of the namespace does."""
SILENCE_SECONDS = 120.0


async def gather(arguments: argparse.Namespace) -> Material:
    """Return what is known of an Experiment.

    Raises:
        Failure: not even the Experiment can be read.
        Unreadable: it is not understood.
    """
    cluster = Cluster(arguments.context)
    namespace = arguments.namespace or await cluster.namespace()
    subject = subject_of(await cluster.read(EXPERIMENTS, arguments.name, namespace))
    return await _Gatherer(arguments, cluster, subject).gather()


class _Gatherer:
    def __init__(self, arguments: argparse.Namespace, cluster: Cluster, subject: Subject) -> None:
        self._arguments = arguments
        self._cluster = cluster
        self._subject = subject
        self._system: str = arguments.system_namespace
        self._lacking: list[str] = []

    async def gather(self) -> Material:
        target = await self._target()
        material = Material(self._subject, target or reading())
        status = self._subject.status
        looks = bool(target and self._subject.spec.objectives and status.look)
        rows = bool(target and target.capture and status.began_at and self._wants_rows)
        if looks or rows:
            async with AsyncExitStack() as stack:
                if recorder := await self._recorder(stack):
                    material = await self._looks(recorder, material) if looks else material
                    material = await self._rows(recorder, material) if rows else material
        return replace(material, lacking=tuple(self._lacking))

    @property
    def _wants_rows(self) -> bool:
        return bool(self._arguments.html and self._arguments.rows)

    async def _target(self) -> ModelDeploymentSpec | None:
        subject = self._subject
        try:
            found = await self._cluster.read(
                MODEL_DEPLOYMENTS, subject.spec.target, subject.namespace
            )
        except Failure as error:
            what = "; only it knows how truths are read, and so how looks are weighed"
            self._lacking.append(
                f"ModelDeployment {subject.spec.target}: {error}"
                f"{what if subject.spec.objectives else ''}"
            )
            return None
        return target_of(found)

    async def _recorder(self, stack: AsyncExitStack) -> Recorder | None:
        """Return the way to the recorder; None: there is none."""
        way = self._cluster.forwarded(RECORDER, self._system, RECORDER_HTTP_PORT)
        try:
            base = await stack.enter_async_context(way)
        except Failure as error:
            self._lacking.append(f"the recorder: {error}; {self._how_to_reach(error)}")
            return None
        client = await stack.enter_async_context(session(SILENCE_SECONDS))
        return Recorder(client, base, self._arguments.patience)

    def _how_to_reach(self, error: Failure) -> str:
        if "forbidden" not in str(error).lower():
            return f"is the recorder running? kubectl -n {self._system} get pods"
        return (
            f"needed is the right to forward ports in {self._system} (create pods/portforward, get"
            " services and pods)"
        )

    async def _token(self, account: str, namespace: str, audience_of: str, what: str) -> str:
        """Return a token; empty when there is none."""
        try:
            return await self._cluster.token(account, namespace, audience_of)
        except Failure as error:
            self._lacking.append(
                f"{what}: {error}; needed is the right to create tokens of service account"
                f" {namespace}/{account} (create serviceaccounts/token)"
            )
            return ""

    async def _looks(self, recorder: Recorder, material: Material) -> Material:
        what, last = "evidence over time", self._subject.status.look
        purpose = audience(Purpose.STATISTICS)
        token = await self._token(RECORDER, self._system, purpose, what)
        if not token:
            return material
        try:
            found = await recorder.looks(self._subject.run, lambda: token)
        except Failure as error:
            self._lacking.append(f"{what}: {error}")
            return material
        weighed = tuple(one for one in found if int(one["number"]) <= last)
        if [int(one["number"]) for one in weighed] != [*range(1, last + 1)]:
            told = f"the recorder has only {len(weighed)} of the {last} looks that were weighed"
            self._lacking.append(f"{what}: {told}")
            return material
        return replace(material, looks=weighed)

    async def _rows(self, recorder: Recorder, material: Material) -> Material:
        what, subject = "rows with different answers", self._subject
        name = subject.spec.target
        purpose = audience(Purpose.ROWS, name)
        token = await self._token(ACCOUNT, subject.namespace, purpose, what)
        if not token:
            return material
        path = f"/v1/namespaces/{subject.namespace}/modeldeployments/{name}"
        most = self._arguments.rows
        try:
            found = await recorder.disagreements(
                path, _between(subject), subject.run, most, lambda: token
            )
        except Failure as error:
            self._lacking.append(f"{what}: {error}")
            return material
        return replace(material, rows=tuple(found))


def _between(subject: Subject) -> dict[str, str]:
    """Return the time of an Experiment, as rows are asked for."""
    status = subject.status
    assert status.began_at
    query = {"since": written(datetime.fromisoformat(status.began_at))}
    if status.verdict:
        until = datetime.fromisoformat(status.verdict.decided_at) + timedelta(seconds=1)
        query["until"] = written(until)
    return query
