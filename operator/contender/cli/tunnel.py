"""The way to the recorder through kubectl: its credentials, a token, and a forwarded port."""

import asyncio
import os
import re
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress

from contender.cli.command import Failure

READY_SECONDS = 60.0
POD_SECONDS = 15.0
END_SECONDS = 5.0
LAST_WORDS = 2000
"""Characters of what kubectl complained of that are kept."""

_FORWARDING = re.compile(rb"Forwarding from (127\.0\.0\.1:\d+)")


class Kubectl:
    """Asks a cluster through kubectl: the program that KUBECTL names, else that on PATH.

    Args:
        context: of the kubeconfig; empty: the current one.

    Raises (every method): Failure when kubectl does not do what it should.
    """

    def __init__(self, context: str = "") -> None:
        self._program = os.environ.get("KUBECTL") or "kubectl"
        self._flags = (f"--context={context}",) if context else ()

    async def namespace(self) -> str:
        """Return the namespace that the kubeconfig chooses."""
        view = ("config", "view", "--minify", "--output=jsonpath={..namespace}")
        return await self._answer(*view) or "default"

    async def token(self, account: str, namespace: str, audience: str) -> str:
        """Return a token of a service account for one hour."""
        return await self._answer(
            "create",
            "token",
            account,
            f"--namespace={namespace}",
            f"--audience={audience}",
            "--duration=1h",
        )

    @asynccontextmanager
    async def forwarded(self, service: str, namespace: str, port: int) -> AsyncIterator[str]:
        """Forward a free local port to a Service; yield the URL that leads there."""
        process = await self._start(
            "port-forward",
            f"--namespace={namespace}",
            "--address=127.0.0.1",
            f"--pod-running-timeout={POD_SECONDS:.0f}s",
            f"service/{service}",
            f":{port}",
        )
        words = _Words(process)
        try:
            try:
                async with asyncio.timeout(READY_SECONDS):
                    address = await words.address
            except TimeoutError:
                address = ""
            if not address:
                what = f"kubectl cannot forward a port to Service {namespace}/{service}"
                raise Failure(f"{what}: {words.last or 'is a pod of it ready?'}")
            yield f"http://{address}"
        finally:
            await _end(process)
            await words.heard()

    async def _answer(self, *arguments: str) -> str:
        process = await self._start(*arguments)
        try:
            async with asyncio.timeout(READY_SECONDS):
                told, complaint = await process.communicate()
        except TimeoutError as error:
            raise Failure(
                f"{self._said(arguments)} takes more than {READY_SECONDS:.0f} s"
            ) from error
        finally:
            await _end(process)
        if process.returncode:
            raise Failure(f"{self._said(arguments)} failed: {_text(complaint)}")
        return told.decode().strip()

    async def _start(self, *arguments: str) -> Process:
        command = (self._program, *self._flags, *arguments)
        try:
            return await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE)
        except OSError as error:
            what = (
                f"{self._program} cannot be run ({error.strerror}): install kubectl, name it by the"
                " environment variable KUBECTL, or, where the command has them, pass --url and"
                " --token-file"
            )
            raise Failure(what) from error

    def _said(self, arguments: tuple[str, ...]) -> str:
        return " ".join(("kubectl", *self._flags, *arguments))


class _Words:
    """Listens to a process, so that it never waits for a listener."""

    def __init__(self, process: Process) -> None:
        assert process.stdout
        assert process.stderr
        self.last = ""
        self.address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Where it forwards from; empty: it has ended."""
        self._tasks = [
            asyncio.create_task(self._hear(process.stdout)),
            asyncio.create_task(self._hear_complaints(process.stderr)),
        ]

    async def heard(self) -> None:
        """Wait until all was heard."""
        await asyncio.gather(*self._tasks)

    async def _hear(self, stream: asyncio.StreamReader) -> None:
        async for line in stream:
            found = _FORWARDING.match(line)
            if found and not self.address.done():
                self.address.set_result(found[1].decode())
        await self._tasks[1]
        if not self.address.done():
            self.address.set_result("")

    async def _hear_complaints(self, stream: asyncio.StreamReader) -> None:
        async for line in stream:
            self.last = _text(f"{self.last} {line.decode(errors='replace')}".encode())


async def _end(process: Process) -> None:
    """End a child, by force if it must be; wait until it is gone."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.terminate()
        if not await _within(END_SECONDS, process.wait()):
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _within(seconds: float, what: Awaitable[object]) -> bool:
    try:
        await asyncio.wait_for(what, seconds)
    except TimeoutError:
        return False
    return True


def _text(raw: bytes) -> str:
    return " ".join(raw.decode(errors="replace").split())[-LAST_WORDS:]
