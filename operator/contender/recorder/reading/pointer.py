"""JSON pointers (RFC 6901), compiled once and followed often."""

import re
import sys
from enum import Enum
from typing import Any, Final

_INDEX = re.compile(r"0|[1-9][0-9]*")
NO_INDEX = sys.maxsize
"""Index of a token that is none: no array is as long."""


class Missing(Enum):
    """The type of MISSING."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING
"""Nothing is there, which is not the same as null."""


def tokens_of(text: str) -> tuple[str, ...]:
    """Return the unescaped tokens of a pointer."""
    return tuple(one.replace("~1", "/").replace("~0", "~") for one in text.split("/")[1:])


def index_of(token: str) -> int:
    """Return which member of an array a token names, or NO_INDEX."""
    return int(token) if _INDEX.fullmatch(token) else NO_INDEX


class Pointer:
    """A JSON pointer. Indices have no leading zeros, and `-` finds nothing."""

    __slots__ = ("_steps", "tokens")

    def __init__(self, text: str) -> None:
        self.tokens = tokens_of(text)
        self._steps = tuple((token, index_of(token)) for token in self.tokens)

    def find(self, value: Any) -> Any:
        """Return what it names in a JSON value, or MISSING."""
        for name, index in self._steps:
            if isinstance(value, dict):
                value = value.get(name, MISSING)
            elif isinstance(value, list) and index < len(value):
                value = value[index]
            else:
                return MISSING
        return value

    def place(self, holder: Any, key: Any) -> tuple[Any, Any] | None:
        """Return the object or array, and the key or index in it, at which is what the pointer
        names in `holder[key]`; None: nothing is there."""
        for name, index in self._steps:
            holder = holder[key]
            if isinstance(holder, dict) and name in holder:
                key = name
            elif isinstance(holder, list) and index < len(holder):
                key = index
            else:
                return None
        return holder, key
