"""What reports need from a cluster: objects through kubectl, and answers of the recorder."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson

from contender.cli.asking import Token, ask, described, passing, patiently, refuse
from contender.cli.command import Failure
from contender.cli.tunnel import Kubectl

Json = dict[str, Any]

EXPERIMENTS = "experiments.contender.dev"
MODEL_DEPLOYMENTS = "modeldeployments.contender.dev"
ROWS_TYPE = "application/x-ndjson"
CHUNK = 2**18
MOST_ROWS = 200_000
"""Rows that are looked through at most."""


class Cluster(Kubectl):
    """A cluster that can be read.

    Raises (every method): Failure when kubectl does not do what it should.
    """

    async def read(self, kind: str, name: str, namespace: str) -> Json:
        """Return an object."""
        text = await self._answer("get", kind, name, f"--namespace={namespace}", "--output=json")
        try:
            found = orjson.loads(text)
        except ValueError as error:
            raise Failure(f"kubectl get {kind} {name} answers no JSON: {error}") from error
        if not isinstance(found, dict):
            raise Failure(f"kubectl get {kind} {name} answers no object")
        return found


class Recorder:
    """The recorder.

    Args:
        client: asks it.
        base: URL without a path.
        patience: seconds to try again.

    Raises (every method): Failure when it does not answer as it should.
    """

    def __init__(self, client: aiohttp.ClientSession, base: str, patience: float) -> None:
        self._client = client
        self._base = base
        self._patience = patience

    async def looks(self, run: str, token: Token) -> list[Json]:
        """Return all looks at an Experiment."""
        found: list[Json] = []
        more = True
        while more:
            after = int(found[-1]["number"]) if found else 0
            page = await self._json("POST", "/v1/looks", token, json={"experiments": {run: after}})
            try:
                news = [one for one in page["looks"] if int(one["number"]) > after]
                more = bool(page["more"]) and bool(news)
            except (KeyError, TypeError, ValueError) as error:
                what = f"{self._base}/v1/looks answers otherwise than a recorder: {error!r}"
                raise Failure(what) from error
            found += news
        return found

    async def hours(self, path: str, since: str, token: Token) -> Json:
        """Return the counts of hours."""
        return await self._json("GET", f"{path}/hours", token, params={"since": since})

    async def _json(self, method: str, path: str, token: Token, **more: Any) -> Json:
        url = self._base + path

        async def attempt() -> Json:
            async with await ask(self._client, method, url, token, **more) as answer:
                await refuse(answer)
                with passing(url):
                    raw = await answer.read()
            try:
                found = orjson.loads(raw)
            except ValueError:
                found = None
            if not isinstance(found, dict):
                raise Failure(f"{url} answers otherwise than a recorder: that is no JSON object")
            return found

        return await patiently(attempt, self._patience, lambda _: None)

    async def disagreements(
        self, path: str, query: dict[str, str], run: str, most: int, token: Token
    ) -> list[Json]:
        """Return the first rows of an Experiment to which arms gave different answers.

        Args:
            path: of the ModelDeployment.
            query: which rows.
            run: of the Experiment.
            most: so many at most.
            token: for rows.
        """
        found: list[Json] = []
        number = 0
        async for row in self._rows(f"{self._base}{path}/rows", query, token):
            number += 1
            if row.get("experiment") == run and differ(row):
                found.append(row)
            if len(found) >= most or number >= MOST_ROWS:
                break
        return found

    async def _rows(self, url: str, query: dict[str, str], token: Token) -> AsyncIterator[Json]:
        async def attempt() -> aiohttp.ClientResponse:
            answer = await ask(self._client, "GET", url, token, params=query)
            try:
                await refuse(answer)
            except BaseException:
                answer.release()
                raise
            return answer

        async with await patiently(attempt, self._patience, lambda _: None) as answer:
            if answer.content_type != ROWS_TYPE:
                raise Failure(f"{url} answers {answer.content_type}, not rows")
            rest = b""
            while chunk := await _chunk(answer, url):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    yield _row(line, url)


def differ(row: Json) -> bool:
    """Return whether two arms gave different answers to a row."""
    copies = row.get("copies") or {}
    answers = [row, *copies.values()]
    outputs = [one.get("output") for one in answers if one.get("outcome") == "ANSWERED"]
    return any(one != outputs[0] for one in outputs[1:])


async def _chunk(answer: aiohttp.ClientResponse, url: str) -> bytes:
    try:
        return await answer.content.read(CHUNK)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Failure(f"{url} broke off: {described(error)}") from error


def _row(line: bytes, url: str) -> Json:
    try:
        found = orjson.loads(line)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Failure(f"{url} answers otherwise than a recorder: a line is no row")
    return found
