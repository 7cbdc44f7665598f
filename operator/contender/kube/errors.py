"""One error for every failed request, and what it means for a retry."""

import json

LONGEST_WAIT = 300.0
"""Seconds: no answer keeps us away for longer."""


class ApiError(Exception):
    """A request that failed.

    Attributes:
        status: the HTTP status, 0 when no answer came.
        reason: the API server's word for it, such as Conflict or AlreadyExists.
        message: the API server's sentence.
        retry_after: seconds that the server asks to wait, 0 when it does not.
    """

    def __init__(
        self,
        method: str,
        path: str,
        status: int,
        reason: str,
        message: str,
        retry_after: float = 0.0,
    ) -> None:
        super().__init__(f"{method} {path}: {status or 'no answer'} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after = retry_after

    @property
    def is_conflict(self) -> bool:
        """The object has changed since it was read: read again and decide anew."""
        return self.status == 409 and self.reason == "Conflict"

    @property
    def already_exists(self) -> bool:
        """The name is taken."""
        return self.status == 409 and self.reason == "AlreadyExists"

    @property
    def not_found(self) -> bool:
        """The object is not there."""
        return self.status == 404

    @property
    def is_gone(self) -> bool:
        """The resourceVersion is too old to watch from: list again."""
        return self.status == 410

    @property
    def passes(self) -> bool:
        """Whether waiting alone may heal it: no answer, overload or a fault of the server."""
        return self.status in (0, 408, 429) or self.status >= 500

    @property
    def is_refusal(self) -> bool:
        """Whether the same request would be answered the same way, until somebody mends it."""
        raced = self.is_conflict or self.already_exists or self.not_found
        return 400 <= self.status < 500 and not raced and not self.passes


class NotLeading(ApiError):
    """A write that was not sent: another process may have taken over."""

    def __init__(self, method: str, path: str) -> None:
        super().__init__(method, path, 0, "NotLeading", "the lease is not held any more")


def api_error(method: str, path: str, status: int, body: bytes, retry_after: str = "") -> ApiError:
    """Return the error that an answer stands for."""
    try:
        said = json.loads(body)
    except ValueError:
        said = {}
    if not isinstance(said, dict):
        said = {}
    seconds = retry_after.isascii() and retry_after.isdigit()
    wait = min(float(retry_after), LONGEST_WAIT) if seconds else 0.0
    text = body[:256].decode(errors="replace")
    return ApiError(method, path, status, said.get("reason", ""), said.get("message", text), wait)
