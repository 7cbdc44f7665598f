"""Asks the recorder, as the operator."""

from pathlib import Path
from typing import Any

import aiohttp

from contender.router.names import RECORDER_HTTP_PORT, TOKEN_FOLDER

PATIENCE_SECONDS = 10.0
TOKEN = Path(TOKEN_FOLDER) / "token"


class Unanswered(Exception):
    """The recorder did not answer, or not as it should. Its text says why."""


class RecorderClient:
    """Reaches the recorder over HTTP.

    Args:
        address: DNS name of the recorder's Service; empty: there is none.
    """

    def __init__(self, address: str) -> None:
        self._base = f"http://{address}:{RECORDER_HTTP_PORT}" if address else ""
        self._session: aiohttp.ClientSession | None = None

    @property
    def exists(self) -> bool:
        """Whether there is a recorder."""
        return bool(self._base)

    async def ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Return what the recorder answers.

        Raises:
            Unanswered: it cannot be reached, or refuses.
        """
        try:
            headers = {"Authorization": f"Bearer {TOKEN.read_text()}"}
            async with self._open().request(
                method, self._base + path, headers=headers, json=body
            ) as answer:
                if answer.status != 200:
                    raise Unanswered(f"{answer.status}: {(await answer.text())[:300]}")
                return await answer.json()
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise Unanswered(str(error) or type(error).__name__) from error

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=PATIENCE_SECONDS)
            self._session = aiohttp.ClientSession(timeout=timeout, trust_env=False)
        return self._session

    async def close(self) -> None:
        """Give back its connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None
