"""What the demo shows: version 1 serves, version 2 earns its traffic, and serves in its place."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from dev.cluster.node import Node
from dev.commands import ask
from dev.console import Failure, say
from dev.demo import model
from dev.demo.install import Kubectl
from dev.demo.live import headline
from dev.demo.load import calling
from dev.demo.names import (
    CHALLENGER,
    EXAMPLES,
    INCUMBENT,
    NAME,
    NAMESPACE,
    OBJECT,
    PATIENCE,
)
from dev.demo.trial import Trial
from dev.paths import CHECKOUT

ROUTING_PATIENCE = 30
ROWS = 20


class Show:
    """Plays the demo on a cluster that has the operator."""

    def __init__(self, kubectl: Kubectl, *, local: bool) -> None:
        self._kubectl = kubectl
        self._local = local

    def play(self) -> None:
        """Version 1, then the Experiment that brings version 2."""
        self._start_over()
        self._deploy()
        self._tell(INCUMBENT)
        with calling(self._kubectl) as callers:
            Trial(self._kubectl, callers).play()
            self._tell(CHALLENGER)
            say("stopping the callers")
            seen = callers.finish()
        print(f"\nwhat callers have seen: {seen}")
        if seen.failed:
            raise Failure(f"no request was to fail: {json.dumps(seen.failures, indent=2)}")

    def _tell(self, version: str) -> None:
        """Show that this version serves."""
        self._table()
        self._predict(version)

    def _start_over(self) -> None:
        """Delete what an earlier run has left: with its pods the switches would take no time."""
        if self._kubectl.ask("get", "namespace", NAMESPACE).returncode == 0:
            say(f"deleting the namespace {NAMESPACE} of an earlier run")
            self._kubectl("delete", "namespace", "--wait", f"--timeout={PATIENCE}s", NAMESPACE)

    def _deploy(self) -> None:
        """Apply the models, and print each new state until they are ready."""
        folder = EXAMPLES / "demo"
        headline(f"kubectl apply -k {folder.relative_to(CHECKOUT)}")
        self._kubectl("apply", "-k", folder)
        deadline, told = time.monotonic() + PATIENCE, ""
        while True:
            items = json.loads(self._in_namespace("get", "mdep", "-o", "json"))["items"]
            shown = next(item for item in items if item["metadata"]["name"] == NAME)
            if (state := model.state(shown)) != told:
                say(state)
                told = state
            if model.serves(shown, INCUMBENT) and all(map(model.is_ready, items)):
                return
            if time.monotonic() > deadline:
                describe = self._kubectl.ask("-n", NAMESPACE, "describe", OBJECT).stdout
                raise Failure(f"not ready after {PATIENCE} s\n{describe[-3000:]}")
            time.sleep(0.3)

    def _table(self) -> None:
        headline(f"kubectl -n {NAMESPACE} get mdep")
        print(self._in_namespace("get", "mdep"))

    def _predict(self, version: str) -> None:
        """Ask the endpoint from where its address can be reached.

        A node hears of a switch up to a second after it: until then the version before answers,
        and before the first one nobody does.
        """
        headline(f"examples/predict.py http://{NAME}.{NAMESPACE}.svc --rows {ROWS}")
        deadline = time.monotonic() + ROUTING_PATIENCE
        while True:
            answer = self._ask()
            if answer.returncode == 0 and _versions(answer.stdout) == {version}:
                print(answer.stdout.rstrip())
                return
            if time.monotonic() > deadline:
                raise Failure(f"version {version} does not answer\n{answer.stdout}{answer.stderr}")
            time.sleep(0.3)

    def _ask(self) -> subprocess.CompletedProcess[str]:
        with self._reachable() as (url, prefix):
            script = CHECKOUT / "examples" / "predict.py"
            options = ["--host", f"{NAME}.{NAMESPACE}.svc", "--rows", ROWS]
            return ask(*prefix, sys.executable, script, url, *options)

    @contextmanager
    def _reachable(self) -> Iterator[tuple[str, list[str]]]:
        """Yield the endpoint's URL, and the prefix of commands that can reach it."""
        if self._local:
            address = self._in_namespace("get", "service", NAME, "-o", "jsonpath={.spec.clusterIP}")
            yield f"http://{address}", Node().command_inside([])
            return
        forward = ("port-forward", f"service/{NAME}", ":80")
        command = self._kubectl.command("-n", NAMESPACE, *forward)
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            port = re.search(r"127\.0\.0\.1:(\d+)", process.stdout.readline())
            if not port:
                raise Failure("kubectl port-forward does not reach the endpoint")
            yield f"http://127.0.0.1:{port[1]}", []
        finally:
            process.terminate()
            process.communicate()

    def _in_namespace(self, *arguments: str) -> str:
        return self._kubectl("-n", NAMESPACE, *arguments)


def _versions(table: str) -> set[str]:
    """The versions that answered, from what examples/predict.py prints."""
    rows = table.partition("\n\n")[0].splitlines()[1:]
    return {row.split()[4] for row in rows}
