"""Verdicts of experiments: the first one is kept."""

from contender.recorder.store.connection import Connection


def find(connection: Connection, experiment: str) -> bytes | None:
    """Return the verdict of an experiment, if there is one."""
    found = connection.rows("SELECT data FROM verdicts WHERE experiment = ?", [experiment])
    return found[0][0] if found else None


def keep(
    connection: Connection, experiment: str, endpoint: int | None, at: int, data: bytes
) -> bytes:
    """Keep a verdict, unless there is one; return the one that is kept. Within a transaction."""
    if (there := find(connection, experiment)) is not None:
        return there
    connection.run(
        "INSERT INTO verdicts (experiment, endpoint, at, data) VALUES (?, ?, ?, ?)",
        [experiment, endpoint, at, data],
    )
    return data
