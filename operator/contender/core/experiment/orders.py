"""Orders: the command annotations of an Experiment, and their answers.

An order is bound to what it means and carried out once: its answer stays in status. An abort wins
over all others.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from contender.api.v1alpha1 import GROUP
from contender.api.v1alpha1.experiment_status import ExperimentHandled, ExperimentStatus
from contender.core import names
from contender.core.manifest import Manifest, annotation

COMMANDS = (
    names.COMMAND_ABORT,
    names.COMMAND_PROMOTE,
    names.COMMAND_RESUME,
    names.COMMAND_RETRY,
)
"""The one that wins first."""


@dataclass(frozen=True)
class Orders:
    """The orders that are not answered yet."""

    open: Mapping[str, str]
    """Token by command."""
    answers: Mapping[str, ExperimentHandled] = field(default_factory=lambda: {})
    """New answers, by command."""

    def token(self, command: str) -> str:
        """Return the token of an unanswered command; empty when there is none."""
        return "" if command in self.answers else self.open.get(command, "")

    def answered(self, command: str, result: str, message: str = "") -> "Orders":
        """Return the orders with one more answer."""
        answer = ExperimentHandled.model_validate(
            {
                "command": _short(command),
                "token": self.open[command],
                "result": result,
                "message": message,
            }
        )
        return Orders(self.open, {**self.answers, command: answer})

    def all_refused(self, why: str) -> "Orders":
        """Return the orders with a refusal of all that have no answer."""
        orders = self
        for command in self.open:
            if orders.token(command):
                orders = orders.answered(command, "Refused", why)
        return orders


def read_orders(owner: Manifest, status: ExperimentStatus) -> Orders:
    """Return the orders that are there and were not answered for good."""
    known: dict[str, str] = {
        one.command: one.token for one in status.handled or [] if one.result != "Waiting"
    }
    found = {command: annotation(owner, command) for command in COMMANDS}
    return Orders(
        {
            command: token
            for command, token in found.items()
            if token and known.get(_short(command)) != token
        }
    )


def is_unanswered(owner: Manifest) -> bool:
    """Return whether somebody waits for status to answer a spec or a command."""
    status = owner.get("status") or {}
    if status.get("observedGeneration") != owner["metadata"].get("generation"):
        return True
    answered = {one["command"]: one["token"] for one in status.get("handled") or []}
    return any(
        (token := annotation(owner, command)) and answered.get(_short(command)) != token
        for command in COMMANDS
    )


def merged(
    before: list[ExperimentHandled] | None, orders: Orders, waiting: str
) -> list[ExperimentHandled]:
    """Return the answers for status: the last one of each command.

    Args:
        before: those in status.
        orders: what was there, with new answers.
        waiting: what the others wait for.
    """
    for command in orders.open:
        if orders.token(command):
            orders = orders.answered(command, "Waiting", waiting)
    found: dict[str, ExperimentHandled] = {
        one.command: one for one in before or [] if one.result != "Waiting"
    }
    found |= {answer.command: answer for answer in orders.answers.values()}
    return [found[key] for command in COMMANDS if (key := _short(command)) in found]


def _short(command: str) -> str:
    return command.removeprefix(f"{GROUP}/")
