"""Which connections are open, and since when each has been silent: what a graceful stop needs."""

import contextlib
import socket
import threading
import time


class Connections:
    def __init__(self) -> None:
        self._changed = threading.Condition()
        # The moment since which a connection has been silent; None while it is answering.
        self._silent_since: dict[socket.socket, float | None] = {}

    def opened(self, connection: socket.socket) -> None:
        with self._changed:
            self._silent_since[connection] = time.monotonic()

    def busy(self, connection: socket.socket) -> None:
        with self._changed:
            self._silent_since[connection] = None

    def idle(self, connection: socket.socket) -> None:
        self.opened(connection)

    def closed(self, connection: socket.socket) -> None:
        with self._changed:
            self._silent_since.pop(connection, None)
            self._changed.notify_all()

    def count(self) -> int:
        with self._changed:
            return len(self._silent_since)

    def close_as_they_fall_silent(self, seconds: float, deadline: float) -> int:
        """Close each connection silent for so long; return how many are left at the deadline."""
        with self._changed:
            while self._silent_since and (now := time.monotonic()) < deadline:
                for connection, since in self._silent_since.items():
                    if since is not None and since <= now - seconds:
                        _end_reading(connection)
                self._changed.wait(min(0.1, deadline - now))
            return len(self._silent_since)


def _end_reading(connection: socket.socket) -> None:
    # Its thread reads what has already arrived, answers that, then sees the end and closes.
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RD)
