"""Opens the store that a location names."""

from contender.recorder.store.base import Store, StoreError
from contender.recorder.store.sqlite import SqliteStore

_UNDERSTOOD = "a path, sqlite:///path, or postgresql://user@host/database"


def open_store(location: str) -> Store:
    """Open a store, or make it.

    Args:
        location: a path, or a URL that begins with sqlite, postgresql or postgres.

    Raises:
        StoreError: the location is not understood, or the store cannot be opened.
    """
    scheme, colon, rest = location.partition("://")
    if not colon:
        path = location
    elif scheme == "sqlite" and rest.startswith("/"):
        path = rest
    elif scheme in ("postgresql", "postgres"):
        # Whoever keeps a file needs no driver.
        from contender.recorder.store.postgres import PostgresStore  # noqa: PLC0415

        return PostgresStore.open(location)
    else:
        raise StoreError(f"a store of the kind {scheme} is unknown; name {_UNDERSTOOD}")
    if not path.strip("/"):
        raise StoreError(f"the location of the store names no file; name {_UNDERSTOOD}")
    return SqliteStore.open(path)
