"""A PostgreSQL server for tests and development: no root, ready in seconds.

In a test::

    with Postgres() as server:
        psycopg.connect(server.dsn)

It listens on a free loopback port only; its data is temporary.
"""

import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from dev import processes, system
from dev.cluster.apiserver import ADDRESS, free_port
from dev.commands import run
from dev.console import Failure
from dev.processes import Service

PROGRAM = "/usr/lib/postgresql/*/bin/postgres"
USER = "postgres"
_PREFIX = "contender-postgres-"


class Postgres:
    """A context manager around one PostgreSQL server, which dies with this process.

    ``settings`` are those of postgresql.conf.
    """

    def __init__(self, settings: Mapping[str, str] | None = None):
        self._settings = dict(settings or {})
        self._password = secrets.token_hex(8)
        self.port = free_port()
        self.dsn = f"postgresql://{USER}:{self._password}@{ADDRESS}:{self.port}/postgres"
        self._folder = _temporary_folder()
        self._data = self._folder / "data"
        self._service: Service | None = None

    def __enter__(self) -> "Postgres":
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it, on the data that it has, and return when it takes connections."""
        system.ensure("postgres")
        program = system.program(PROGRAM)
        if program is None:
            raise Failure("there is no program postgres")
        if not self._data.exists():
            self._make(Path(program))
        settings = {
            "listen_addresses": ADDRESS,
            "port": str(self.port),
            "unix_socket_directories": "",
            **self._settings,
        }
        flags = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [*_tie(), program, "-D", str(self._data), *flags]
        self._service = Service(self._folder, "postgres", command)
        self._service.start()
        self._service.wait(self._ready, seconds=60)

    def kill(self) -> None:
        """Kill all of its processes, as a machine that fails would; what it stored stays."""
        server = _server(self._data)
        if server is None:
            return
        with suppress(ProcessLookupError):
            # A stopped one makes no more processes.
            os.kill(server, signal.SIGSTOP)
        everyone = [server, *_children(server)]
        for pid in everyone:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        processes.end(everyone)

    def stop(self) -> None:
        """End it, at once; its data goes with it."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _make(self, program: Path) -> None:
        self._data.mkdir(mode=0o700)
        secret = self._folder / "password"
        secret.write_text(self._password)
        if os.geteuid() == 0:
            user, group = _unprivileged()
            os.chown(self._data, user, group)
            os.chown(secret, user, group)
        initdb = [program.with_name("initdb"), "-D", self._data, "-U", USER, "--pwfile", secret]
        run(*_tie(), *initdb, "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync")
        secret.unlink()

    def _ready(self) -> bool:
        # The file says so once it has recovered from what went before.
        lines = _record(self._data)
        if len(lines) < 8 or lines[7].strip() != "ready":
            return False
        with suppress(OSError), socket.create_connection((ADDRESS, self.port), timeout=5):
            return True
        return False


def _record(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _server(data: Path) -> int | None:
    """The id of the first process of the server, if it runs."""
    lines = _record(data)
    pid = int(lines[0]) if lines else 0
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return pid if os.fsencode(data) in command else None


def _children(parent: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(stat.parent.name))
    return found


def _tie() -> list[str]:
    """The words before a command that is to die with this process, and must not be root's."""
    tie = ["setpriv", "--pdeathsig=KILL"]
    if os.geteuid() != 0:
        return tie
    user, group = _unprivileged()
    return [*tie, f"--reuid={user}", f"--regid={group}", "--clear-groups"]


def _unprivileged() -> tuple[int, int]:
    """A user and group that the server may run as."""
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = names.get(USER) or names["nobody"]
    return entry.pw_uid, entry.pw_gid


def _temporary_folder() -> Path:
    """A new folder. Those whose process was killed before it could clean up are removed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        owner = folder / "owner"
        if owner.exists() and not processes.alive(*json.loads(owner.read_text())):
            shutil.rmtree(folder, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    (folder / "owner").write_text(json.dumps([os.getpid(), processes.start_time(os.getpid())]))
    folder.chmod(0o755)  # the server's user must pass
    return folder
