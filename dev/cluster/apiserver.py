"""A bare API server for contract tests and benches: no node, no root, ready in seconds.

In a test::

    with ApiServer(tokens={"alice": ["developers"]}) as server:
        server.kubeconfig              # the administrator's
        server.kubeconfig_of("alice")  # that of a user who is in the group developers

On the command line: ``python3 -m dev.cluster.apiserver up DIR`` and ``down DIR``.

No controller runs: nothing is garbage-collected, no pod is ever made, namespaces stay in deletion.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import socket
import ssl
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from dev import processes, system
from dev.cluster import binaries, control_plane
from dev.cluster.pki import Authority, write_kubeconfig
from dev.console import Failure, run_main, say
from dev.processes import Service

ADDRESS = "127.0.0.1"
EPHEMERAL_PORTS = 32_768
"""Where Linux begins with the ports of outgoing connections."""
_PREFIX = "contender-apiserver-"


class ApiServer:
    """A context manager around one etcd and one kube-apiserver on free loopback ports.

    Without a folder of yours a temporary one is used, and the processes die with this one,
    however it ends. ``flags`` go to kube-apiserver as they are; ``tokens`` maps the names of
    users to their groups.
    """

    def __init__(
        self,
        folder: Path | None = None,
        flags: Sequence[str] = (),
        tokens: Mapping[str, Sequence[str]] | None = None,
    ):
        self._temporary = folder is None
        self._folder = _temporary_folder() if folder is None else folder.resolve()
        self._flags = list(flags)
        self._tokens = dict(tokens or {})
        self._authority = Authority(self._folder / "pki")
        self.port, self.etcd_port = free_port(), free_port()
        self.url = f"https://{ADDRESS}:{self.port}"
        self.ca = self._authority.ca
        self.kubeconfig = self._folder / "pki" / "admin.kubeconfig"

    def __enter__(self) -> "ApiServer":
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start both processes and return when the server is ready for requests."""
        system.ensure("apiserver")
        program = binaries.ensure("kube-apiserver")["kube-apiserver"]
        control_plane.issue_certificates(self._authority, ADDRESS)
        self._authority.kubeconfig("admin", self.url)
        etcd = control_plane.etcd_command(self._folder / "etcd", self.etcd_port, free_port())
        self._start("etcd", etcd)
        command = control_plane.apiserver_command(
            program, self._authority, ADDRESS, self.port, self.etcd_port
        )
        self._server = self._start("kube-apiserver", [*command, *self._test_flags(), *self._flags])
        self._server.wait(self._ready, seconds=60)

    def kill(self) -> None:
        """Kill kube-apiserver; etcd goes on, with all that is stored."""
        self._server.stop(patience=0)

    def revive(self) -> None:
        """Start kube-apiserver again as it was, and return when it is ready."""
        self._server.start()
        self._server.wait(self._ready, seconds=60)

    def stop(self) -> None:
        """End both processes; a temporary folder goes with them."""
        stop(self._folder)
        if self._temporary:
            shutil.rmtree(self._folder, ignore_errors=True)

    def kubeconfig_of(self, user: str) -> Path:
        """The kubeconfig of one of the token users."""
        path = self._folder / "pki" / f"token-{user}.kubeconfig"
        write_kubeconfig(path, self.url, self.ca, user, {"token": _token(user)})
        return path

    def _start(self, name: str, command: list[str]) -> Service:
        # The kernel kills a temporary server when its starter dies, even by kill -9.
        tie = ["setpriv", "--pdeathsig=KILL"] if self._temporary else []
        service = Service(self._folder, name, [*tie, *command])
        service.start()
        return service

    def _test_flags(self) -> list[str]:
        flags = [
            # The loopback address is no valid endpoint of the kubernetes Service, so publish none.
            "--endpoint-reconciler-type=none",
            # No controller makes the default service accounts that this plugin wants pods to have.
            "--disable-admission-plugins=ServiceAccount",
        ]
        if self._tokens:
            lines = [
                f'{_token(user)},{user},{user},"{",".join(groups)}"\n'
                for user, groups in self._tokens.items()
            ]
            file = self._folder / "tokens.csv"
            file.write_text("".join(lines))
            flags.append(f"--token-auth-file={file}")
        return flags

    def _ready(self) -> bool:
        trust = ssl.create_default_context(cafile=self.ca)
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", context=trust, timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False


def stop(folder: Path) -> None:
    """End the processes that were started in a folder, at once: their data is disposable."""
    for name in ("kube-apiserver", "etcd"):
        Service(folder, name, []).stop(patience=0)


def _temporary_folder() -> Path:
    """A new folder. Those whose process was killed before it could clean up are removed."""
    parent = Path(tempfile.gettempdir())
    for folder in parent.glob(f"{_PREFIX}*"):
        owner = folder / "owner"
        if owner.exists() and not processes.alive(*json.loads(owner.read_text())):
            shutil.rmtree(folder, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    (folder / "owner").write_text(json.dumps([os.getpid(), processes.start_time(os.getpid())]))
    return folder


def _token(user: str) -> str:
    return f"token-of-{user}"


_GIVEN: set[int] = set()
"""Ports that this process was given before, be they in use yet or not."""


def free_port() -> int:
    """A port that is free, and that no outgoing connection ever takes: a server that was ended can
    be started on it again."""
    while True:
        port = random.randrange(20_000, EPHEMERAL_PORTS)
        if port in _GIVEN:
            continue
        _GIVEN.add(port)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((ADDRESS, port))
            return port


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python3 -m dev.cluster.apiserver")
    parser.add_argument("command", choices=["up", "down"])
    parser.add_argument("folder", type=Path, help="where its files and logs lie; down deletes it")
    parser.add_argument("--flag", action="append", default=[], help="for kube-apiserver")
    arguments = parser.parse_args()
    _discard(arguments.folder)
    if arguments.command == "up":
        server = ApiServer(arguments.folder, arguments.flag)
        server.start()
        say(f"the API server is ready at {server.url}")
        print(server.kubeconfig)


def _discard(folder: Path) -> None:
    """End what runs in the folder and delete it, but never a folder that is someone else's."""
    if not folder.exists():
        return
    if any(folder.iterdir()) and not (folder / "pki" / "apiserver.crt").exists():
        raise Failure(f"{folder} holds other files; name a new folder")
    stop(folder)
    shutil.rmtree(folder)


if __name__ == "__main__":
    run_main(main)
