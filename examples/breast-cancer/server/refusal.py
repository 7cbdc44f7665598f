"""A refusal that says what is wrong, where, and how to mend it."""

from dataclasses import dataclass, field


@dataclass
class RefusalError(Exception):
    status: int
    error: str
    hint: str
    headers: dict[str, str] = field(default_factory=dict[str, str])
    closes: bool = False
    """True where the rest of the request was not read: the connection cannot be used again."""
