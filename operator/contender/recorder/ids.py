"""Prediction ids: `<seconds since 1970>-<UUID>`, as routers make them.

Those of one time stand together, so that a store need not look all over for them.
"""

import re
import uuid

LENGTH = 20
"""Bytes of an id: the seconds, then the UUID."""
_FORM = re.compile(r"([0-9]{10})-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
_LARGEST = 2**32


def packed(text: str) -> bytes:
    """Return the bytes of an id.

    Raises:
        ValueError: it is none.
    """
    found = _FORM.fullmatch(text)
    if not found or int(found[1]) >= _LARGEST:
        raise ValueError(
            f"{text[:60]!r} is no prediction id: it is what the answer's header"
            " x-contender-prediction-id said"
        )
    return int(found[1]).to_bytes(4) + bytes.fromhex(found[2].replace("-", ""))


def written(packed_id: bytes) -> str:
    """Return an id as callers see it."""
    return f"{int.from_bytes(packed_id[:4]):010d}-{uuid.UUID(bytes=packed_id[4:])}"
