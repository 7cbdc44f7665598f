"""Commands: which are unanswered, rollback, and the note that a retraining was started."""

from dataclasses import dataclass

from contender.api.v1alpha1 import GROUP
from contender.core import names
from contender.core.manifest import Manifest, annotation
from contender.core.records import Record, handled, model_input, pod_input, replaced
from contender.core.snapshot import Snapshot

COMMANDS = (names.COMMAND_ROLLBACK, names.COMMAND_RETRAIN, names.COMMAND_REFRESH)
"""In the order in which status answers them."""


@dataclass(frozen=True)
class Refusal:
    """A command that cannot be carried out, and how to mend it."""

    command: str
    message: str


def is_unanswered(owner: Manifest) -> bool:
    """Return whether somebody waits: for a spec or a command that status does not answer yet."""
    status = owner.get("status") or {}
    if status.get("observedGeneration") != owner["metadata"].get("generation"):
        return True
    answered = {f"{GROUP}/{one['command']}": one["token"] for one in status.get("handled") or []}
    return any(annotation(owner, one) != answered.get(one, "") for one in COMMANDS)


def obey_rollback(
    snapshot: Snapshot, records: tuple[Record, ...]
) -> tuple[tuple[Record, ...], tuple[Refusal, ...]]:
    """Carry out a new rollback, and release an old one that spec has moved on from."""
    words = pod_input(snapshot.spec)
    pod_hash, model_hash = names.digest(words), names.digest(model_input(words))
    records = tuple(_released(record, pod_hash, model_hash) for record in records)
    token = snapshot.command(names.COMMAND_ROLLBACK)
    if not token or handled(records, names.COMMAND_ROLLBACK, token):
        return records, ()
    target = _rollback_target(snapshot.name, token, records)
    if target is None:
        stored = ", ".join(record.name for record in records) or "none yet"
        message = (
            f"no stored revision for {token!r}: write <revision>/<nonce> with one of: {stored}"
        )
        return records, (Refusal(names.COMMAND_ROLLBACK, message),)
    released = tuple(record.marked(ANNOTATION_HOLDS="", ANNOTATION_WON="") for record in records)
    pinned = target.marked(ANNOTATION_HOLDS=pod_hash, COMMAND_ROLLBACK=token)
    return replaced(released, pinned), ()


def _released(record: Record, pod_hash: str, model_hash: str) -> Record:
    """Take off the marks of a record that spec has moved on from."""
    if record.marks.get(names.ANNOTATION_HOLDS) not in (None, pod_hash):
        record = record.marked(ANNOTATION_HOLDS="")
    if record.won_against not in (None, model_hash):
        record = record.marked(ANNOTATION_WON="")
    if names.ANNOTATION_REJECTED in record.marks and record.model_hash != model_hash:
        record = record.marked(ANNOTATION_REJECTED="")
    return record


def _rollback_target(owner: str, token: str, records: tuple[Record, ...]) -> Record | None:
    revision, slash, nonce = token.partition("/")
    if not slash or not nonce:
        return None
    accepted = {revision, f"{owner}-{revision}"}
    return next((record for record in records if record.name in accepted), None)


def note_retraining(snapshot: Snapshot, records: tuple[Record, ...]) -> tuple[Record, ...]:
    """Note on the newest record that the present command has its Job, so that a Job deleted by
    hand is not started again."""
    token = snapshot.command(names.COMMAND_RETRAIN)
    if not records or not token or handled(records, names.COMMAND_RETRAIN, token):
        return records
    started = any(
        annotation(job, names.COMMAND_RETRAIN) == token for job in snapshot.of_kind("Job")
    )
    return (records[0].marked(COMMAND_RETRAIN=token), *records[1:]) if started else records
