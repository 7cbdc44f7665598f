"""What reaches a recorder: streams of routers, and requests over HTTP."""

import json
from collections.abc import Iterator, Sequence
from queue import SimpleQueue
from typing import Any

import grpc
import requests

from contender.core.audiences import Purpose
from contender.recorder.als_pb2 import Entry
from dev.cluster.apiserver import ADDRESS
from tests.contract.server import until
from tests.recorder.service.cluster import Cluster, Endpoint
from tests.recorder.service.process import Process
from tests.recorder.told import message
from tests.router.sink import METHOD, SERVICE

Json = dict[str, Any]
LINES = "application/x-ndjson"
PATIENCE = 60.0


class Stream:
    """A stream as a router opens it.

    Args:
        port: of the recorder.
        token: of the router; empty: it sends none.
    """

    def __init__(self, port: int, token: str) -> None:
        self._messages: SimpleQueue[bytes | None] = SimpleQueue()
        self._channel = grpc.insecure_channel(
            f"{ADDRESS}:{port}",
            options=[
                ("grpc.use_local_subchannel_pool", 1),  # a connection of its own
                ("grpc.max_send_message_length", -1),
            ],
        )
        method: grpc.StreamUnaryMultiCallable[bytes, bytes] = self._channel.stream_unary(
            f"/{SERVICE}/{METHOD}"
        )
        self._call = method.future(
            iter(self._messages.get, None),
            metadata=(("authorization", f"Bearer {token}"),) if token else (),
        )

    def send(self, *messages: bytes) -> None:
        """Send messages; what cannot be sent is lost, as that of routers is."""
        for one in messages:
            self._messages.put(one)

    def tell(self, *entries: Entry) -> None:
        """Send one message with these entries."""
        self.send(message(*entries))

    def ended(self) -> grpc.StatusCode:
        """Wait until the recorder has ended it; return the status."""
        self._call.exception(timeout=PATIENCE)  # waits
        code: grpc.StatusCode = self._call.code()
        self.leave()
        return code

    def end(self) -> grpc.StatusCode:
        """End it, and wait until the recorder has taken everything; return the status."""
        self._messages.put(None)
        return self.ended()

    def leave(self) -> None:
        """Break it off."""
        self._messages.put(None)
        self._channel.close()

    @property
    def is_open(self) -> bool:
        return not self._call.done()

    @property
    def why(self) -> str:
        """What the recorder says to the end."""
        return str(self._call.details())


class Caller:
    """Asks a recorder whatever it answers.

    Args:
        cluster: makes tokens.
        process: the recorder.
    """

    def __init__(self, cluster: Cluster, process: Process) -> None:
        self.cluster, self.process = cluster, process

    def declare(self, namespace: str = "", name: str = "churn", **spec: Any) -> Endpoint:
        """Make a ModelDeployment, and wait until the recorder knows it."""
        endpoint = self.cluster.declare(namespace, name, **spec)
        self.until_known(endpoint)
        return endpoint

    def until_known(self, endpoint: Endpoint, *, known: bool = True) -> None:
        """Wait until the recorder knows of a ModelDeployment that captures, or no more."""
        until(
            lambda: any(_is(one, endpoint) for one in self.endpoints()) == known,
            f"it is {known} that {endpoint} is known",
        )

    def stream(self, endpoint: Endpoint) -> Stream:
        """Open a stream as the router of an endpoint."""
        token = self.cluster.token_for(Purpose.STREAM, endpoint)
        return Stream(self.process.stream_port, token)

    def tell(self, endpoint: Endpoint, *entries: Entry) -> None:
        """Send entries in one stream, and wait until all that came is stored or counted."""
        before = self.settled(endpoint)
        stream = self.stream(endpoint)
        stream.tell(*entries)
        assert stream.end() == grpc.StatusCode.OK
        self.until_settled(endpoint, before + len(entries))

    def until_settled(self, endpoint: Endpoint, number: int) -> None:
        """Wait until the recorder has dealt with so many answers in all."""

        def settled() -> bool:
            # What is counted may still be on its way to the store; an erasure comes after it.
            there = self.settled(endpoint) >= number and self._round()
            return there and self.settled(endpoint) >= number

        until(settled, "what was sent is stored or counted")

    def _round(self) -> bool:
        """Have the recorder go round once; return whether its store did."""
        return self.erase("nobody").ok

    def settled(self, endpoint: Endpoint) -> int:
        """Return how many answers the recorder has dealt with."""
        counters = self.counters(endpoint)
        return sum(counters.get(one, 0) for one in ("stored", "duplicates", "broken", "dropped"))

    # HTTP

    def get(self, path: str, token: str, **query: str) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return requests.get(self.process.url(path), params=query, headers=headers, timeout=PATIENCE)

    def post(
        self, path: str, token: str, body: bytes | Iterator[bytes], kind: str = ""
    ) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= {"Content-Type": kind} if kind else {}
        return requests.post(
            self.process.url(path), data=body, headers=headers, timeout=4 * PATIENCE
        )

    def put(self, path: str, token: str, body: bytes) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return requests.put(self.process.url(path), data=body, headers=headers, timeout=PATIENCE)

    def endpoints(self) -> list[Json]:
        """Return what the recorder says of all endpoints."""
        answer = self.get("/v1/endpoints", self.cluster.token_for(Purpose.STATISTICS))
        answer.raise_for_status()
        return answer.json()["endpoints"]

    def counters(self, endpoint: Endpoint) -> dict[str, int]:
        """Return all counters of an endpoint."""
        found = [one["counters"] for one in self.endpoints() if _is(one, endpoint)]
        return found[0] if found else {}

    def ask_rows(self, endpoint: Endpoint, token: str = "", **query: str) -> requests.Response:
        """Ask for rows."""
        path = f"/v1/namespaces/{endpoint[0]}/modeldeployments/{endpoint[1]}/rows"
        return self.get(path, token or self.cluster.token_for(Purpose.ROWS, endpoint), **query)

    def rows(self, endpoint: Endpoint, **query: str) -> list[Json]:
        """Return the rows of an endpoint."""
        answer = self.ask_rows(endpoint, **query)
        assert answer.status_code == 200, answer.text
        return [json.loads(line) for line in answer.content.splitlines()]

    def send(self, endpoint: Endpoint, *items: Any) -> requests.Response:
        """Send feedback, one item a line."""
        return self.send_lines(endpoint, lines(items))

    def send_lines(self, endpoint: Endpoint, parts: bytes | Iterator[bytes]) -> requests.Response:
        """Send feedback as JSON Lines, at once or part by part."""
        token = self.cluster.token_for(Purpose.FEEDBACK, endpoint)
        return self.post("/v1/feedback", token, parts, LINES)

    def erase(self, entity: str) -> requests.Response:
        """Erase what is known of somebody."""
        body = json.dumps({"entity": entity}).encode()
        return self.post("/v1/erasures", self.cluster.token_for(Purpose.ERASE), body)

    def pairs(self, endpoint: Endpoint, arm: str = "v2") -> dict[str, int]:
        """Return what is counted of the pairs of a challenger, without zeros."""
        found = [
            one["numbers"]
            for one in self.sums(endpoint, "uid-1")
            if (one["kind"], one["arm"], one["epoch"]) == ("pairs", arm, "one")
        ]
        numbers = found[0] if found else {}
        return {name: int(number) for name, number in numbers.items() if number}

    def sums(self, endpoint: Endpoint, experiment: str) -> list[Json]:
        """Return the sums of an Experiment at an endpoint."""
        body = json.dumps({"experiments": [experiment]}).encode()
        answer = self.post("/v1/statistics", self.cluster.token_for(Purpose.STATISTICS), body)
        answer.raise_for_status()
        found: list[Json] = answer.json()["sums"]
        return [one for one in found if (one["namespace"], one["endpoint"]) == endpoint]

    def looks(self, endpoint: Endpoint, experiment: str = "uid-1") -> list[Json]:
        """Return the looks at an Experiment of an endpoint."""
        body = json.dumps({"experiments": {experiment: 0}}).encode()
        answer = self.post("/v1/looks", self.cluster.token_for(Purpose.STATISTICS), body)
        answer.raise_for_status()
        found: list[Json] = answer.json()["looks"]
        return [one for one in found if (one["namespace"], one["endpoint"]) == endpoint]

    def keep(self, experiment: str, verdict: Json | bytes) -> requests.Response:
        """Have a verdict kept."""
        body = verdict if isinstance(verdict, bytes) else json.dumps(verdict).encode()
        token = self.cluster.token_for(Purpose.STATISTICS)
        return self.put(f"/v1/verdicts/{experiment}", token, body)

    def verdict(self, experiment: str) -> requests.Response:
        """Ask for a verdict."""
        token = self.cluster.token_for(Purpose.STATISTICS)
        return self.get(f"/v1/verdicts/{experiment}", token)


def lines(items: Sequence[Any]) -> bytes:
    """Return items as JSON Lines."""
    return b"".join(json.dumps(one).encode() + b"\n" for one in items)


def _is(report: Json, endpoint: Endpoint) -> bool:
    return (report["namespace"], report["name"]) == endpoint
