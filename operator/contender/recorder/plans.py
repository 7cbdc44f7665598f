"""Plans: what the recorder knows of each endpoint, from the spec of its ModelDeployment."""

import hashlib
import hmac
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from contender.api.v1alpha1 import ModelDeploymentSpec
from contender.api.v1alpha1.base import seconds
from contender.api.v1alpha1.capture import Capture, Feedback, Retention
from contender.core.quantity import parse_quantity
from contender.recorder.joining.judge import Judge, judge_of
from contender.recorder.reading.reader import BodyReader

Json = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """How the answers of one endpoint are kept, read and judged."""

    uid: str
    namespace: str
    name: str
    capture: Capture
    feedback: Mapping[str, Feedback]
    """By name."""
    judge: Judge
    reader: BodyReader
    reads_rows: bool
    """Whether bodies are read as rows."""
    pseudonym: Callable[[str], bytes]
    """Returns the 16 bytes that stand for an entity or a key."""

    @property
    def retention(self) -> tuple[int, int]:
        """Seconds and bytes."""
        kept = self.capture.retention or Retention()
        return seconds(kept.age), int(parse_quantity(kept.size))


def plan_of(owner: Json, secret: bytes) -> Plan | None:
    """Return the plan of a ModelDeployment; None if it captures nothing.

    Args:
        owner: the object.
        secret: the key of all pseudonyms.

    Raises:
        pydantic.ValidationError: its spec is not understood.
    """
    spec = ModelDeploymentSpec.model_validate(owner["spec"])
    if spec.capture is None:
        return None
    metadata = owner["metadata"]
    pseudonym = make_pseudonym(secret, metadata["uid"])
    return Plan(
        uid=metadata["uid"],
        namespace=metadata["namespace"],
        name=metadata["name"],
        capture=spec.capture,
        feedback={one.name: one for one in spec.feedback or []},
        judge=judge_of(spec.rows, spec.feedback),
        reader=BodyReader(spec.capture, spec.rows, pseudonym),
        reads_rows=spec.rows is not None,
        pseudonym=pseudonym,
    )


def make_pseudonym(secret: bytes, uid: str) -> Callable[[str], bytes]:
    """Return what makes pseudonyms of one endpoint: the first 16 bytes of HMAC-SHA256. Those of
    different endpoints cannot be compared."""
    key = hmac.digest(secret, uid.encode(), hashlib.sha256)

    def pseudonym(text: str) -> bytes:
        return hmac.digest(key, text.encode(), "sha256")[:16]

    return pseudonym


class Plans:
    """All plans, by the number of the endpoint. May be asked from any thread."""

    def __init__(self) -> None:
        self._by_number: dict[int, Plan] = {}
        self._by_name: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()

    def put(self, number: int, plan: Plan) -> None:
        """Take over a plan."""
        with self._lock:
            self._by_number[number] = plan
            self._by_name[plan.namespace, plan.name] = number

    def remove(self, namespace: str, name: str) -> int | None:
        """Take out a plan; return the number of its endpoint."""
        with self._lock:
            number = self._by_name.pop((namespace, name), None)
            if number is not None:
                del self._by_number[number]
            return number

    def get(self, number: int) -> Plan | None:
        """Return a plan."""
        return self._by_number.get(number)

    def find(self, namespace: str, name: str) -> tuple[int, Plan] | None:
        """Return number and plan of an endpoint that captures."""
        number = self._by_name.get((namespace, name))
        plan = None if number is None else self._by_number.get(number)
        return None if number is None or plan is None else (number, plan)

    def number(self, namespace: str, name: str) -> int | None:
        """Return the number of an endpoint that captures."""
        return self._by_name.get((namespace, name))

    def __iter__(self) -> Iterator[tuple[int, Plan]]:
        with self._lock:
            return iter([*self._by_number.items()])
