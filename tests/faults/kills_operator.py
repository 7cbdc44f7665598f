"""Operator processes that start at once: forked from a server that has imported everything.

Each is a process of its own that runs the command line of the operator, and can be killed.
"""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from select import select
from unittest.mock import patch

import requests
from kubernetes.aio.config import kube_config

from contender.cli.main import main
from contender.core import revisions
from dev.cluster.apiserver import free_port
from dev.paths import CHECKOUT
from tests.contract.server import until

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["contender.cli.main", "contender.controller.operator"])

ANSWER_SECONDS = 30.0
LONGEST_END = 30.0
LONGEST_UNREST = 60.0
CALM_SECONDS = 1.5
"""An operator that has more to do looks again within a second."""
ACTIVITY = ("controller_runtime_reconcile_total", "contender_writes_total", "workqueue_depth")


class Operator:
    """One operator process, of one namespace or of all.

    A replaced revision goes at once and not after half a minute: the tests need not wait, and an
    operator that takes pods away too early has nothing to hide behind.
    """

    def __init__(self, kubeconfig: Path, log: Path, namespace: str = "", port: int = 0) -> None:
        self._port = port
        scope = ["--namespace", namespace] if namespace else []
        address = ["--host", "127.0.0.1", "--port", str(self._port)]
        self._process = _FORKS.Process(
            target=_run, args=(["operator", *scope, *address], kubeconfig, log), daemon=True
        )

    def start(self) -> None:
        # The server is started with the first, and imports the operator of this checkout.
        with patch.dict(os.environ, PYTHONPATH=str(CHECKOUT / "operator")):
            self._process.start()

    def until_ready(self) -> None:
        until(self._is_ready, "the operator has seen everything")

    def send(self, number: signal.Signals) -> None:
        """Send a signal; after SIGKILL it has ended when this returns."""
        process = until(lambda: self._process.pid, "the operator has started")
        handle = os.pidfd_open(process)
        try:
            signal.pidfd_send_signal(handle, number)
            if number == signal.SIGKILL:
                assert select([handle], [], [], LONGEST_END)[0], "it outlives SIGKILL"
        finally:
            os.close(handle)

    @property
    def exit_code(self) -> int | None:
        """How it has ended; negative is a signal, None as long as it runs."""
        return self._process.exitcode

    def end(self) -> int | None:
        """Stop it as Kubernetes does; return its exit code."""
        if self._process.is_alive():
            self._process.terminate()
        self._process.join(LONGEST_END)
        if self._process.is_alive():
            self._process.kill()
        return self._process.exitcode

    def until_rest(self) -> None:
        """Wait until it has answered to all that has happened, and looked at what it wrote."""
        calm_since, before = time.monotonic(), ""
        deadline = time.monotonic() + LONGEST_UNREST
        while time.monotonic() < calm_since + CALM_SECONDS:
            assert time.monotonic() < deadline, "the operator never comes to rest"
            if (now := self._activity()) != before:
                calm_since, before = time.monotonic(), now
            time.sleep(0.05)

    def _activity(self) -> str:
        """Return what changes with each pass and each write."""
        text = requests.get(f"http://127.0.0.1:{self._port}/metrics", timeout=ANSWER_SECONDS).text
        return "\n".join(line for line in text.splitlines() if line.startswith(ACTIVITY))

    def _is_ready(self) -> bool:
        assert self._process.is_alive(), "the operator has ended"
        try:
            return requests.get(f"http://127.0.0.1:{self._port}/readyz", timeout=ANSWER_SECONDS).ok
        except requests.ConnectionError:
            return False


@contextmanager
def running(kubeconfig: Path, log: Path) -> Iterator[Operator]:
    """An operator of all namespaces, from when it has seen everything until it is stopped."""
    operator = Operator(kubeconfig, log, port=free_port())
    operator.start()
    try:
        operator.until_ready()
        yield operator
    finally:
        code = operator.end()
    assert code == 0, f"the operator ended with {code}"


def _run(arguments: list[str], kubeconfig: Path, log: Path) -> None:
    with log.open("ab") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    # The variable KUBECONFIG was read when the module was imported, before the fork.
    kube_config.KUBE_CONFIG_DEFAULT_LOCATION = str(kubeconfig)
    revisions.SCALE_DOWN_DELAY = timedelta(0)
    sys.exit(main(arguments))
