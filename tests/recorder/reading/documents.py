"""JSON documents, paths into them, and where their leaves are."""

from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

from hypothesis import strategies as st

from contender.api.v1alpha1.capture import Capture, Rows
from contender.recorder.reading.reader import BodyReader


def path_of(tokens: list[str]) -> str:
    return "".join("/" + one.replace("~", "~0").replace("/", "~1") for one in tokens)


NAMES = st.sampled_from(["a", "b", "0", "1", "01", "-", "", "*", "~", "/", "~1"])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
)
DOCUMENTS: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=4)),
    max_leaves=20,
)
TOKENS = st.one_of(NAMES, st.just("*"))
PATHS = st.lists(st.lists(TOKENS, min_size=1, max_size=4).map(path_of), max_size=4)

Place = tuple[str, ...]


def tokens_in(path: str) -> Place:
    return tuple(one.replace("~1", "/").replace("~0", "~") for one in path.split("/")[1:])


def places(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Iterate over all values in a document, and where they are."""
    yield place, value
    if isinstance(value, dict):
        for name, member in value.items():
            yield from places(member, (*place, name))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from places(member, (*place, str(index)))


def leaves(value: Any) -> dict[Place, Any]:
    """Return what is neither an object nor an array with members, by where it is."""
    return {
        place: found
        for place, found in places(value)
        if not (isinstance(found, dict | list) and found)
    }


def is_at(place: Place, path: str) -> bool:
    """Return whether a path leads to this place."""
    tokens = tokens_in(path)
    return len(place) == len(tokens) and all(
        token in {"*", name} for name, token in zip(place, tokens, strict=True)
    )


def is_under(place: Place, paths: list[str]) -> bool:
    """Return whether a path leads to this place or to what it is in."""
    return any(is_at(place[:length], path) for path in paths for length in range(len(place) + 1))


def pseudonym(text: str) -> bytes:
    return blake2b(text.encode(), key=b"secret", digest_size=16).digest()


def hidden(text: str) -> str:
    """Return what is stored in place of a name."""
    return f"hmac:{pseudonym(text).hex()}"


def reader(rows: dict[str, Any] | None = None, **capture: Any) -> BodyReader:
    """Return a reader for fields as they are in a spec."""
    return BodyReader(
        Capture.model_validate(capture),
        None if rows is None else Rows.model_validate(rows),
        pseudonym,
    )
