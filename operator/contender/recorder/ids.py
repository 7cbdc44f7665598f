"""Prediction ids: `<seconds since 1970>-<UUID>`, as routers make them.

Those of one time stand together, so that a store need not look all over for them.
"""

import uuid

LENGTH = 20
"""Bytes of an id: the seconds, then the UUID."""
_SECONDS, _WRITTEN = 10, 47
_LARGEST = 2**32


def packed(text: str) -> bytes:
    """Return the bytes of an id.

    Raises:
        ValueError: it is none.
    """
    seconds, rest = text[:_SECONDS], text[_SECONDS:].replace("-", "")
    if len(text) == _WRITTEN and len(rest) == 32 and text.isascii() and seconds.isdigit():
        try:
            number = int(seconds)
            if number < _LARGEST:
                return number.to_bytes(4) + bytes.fromhex(rest)
        except ValueError:
            pass
    raise ValueError(
        f"{text[:60]!r} is no prediction id: it is what the answer's header"
        " x-contender-prediction-id said"
    )


def written(packed_id: bytes) -> str:
    """Return an id as callers see it."""
    return f"{int.from_bytes(packed_id[:4]):010d}-{uuid.UUID(bytes=packed_id[4:])}"
