"""Feedback as JSON Lines."""

from collections.abc import Iterator

import orjson

from contender.cli.items import LONGEST_ITEM, TOO_LONG, Item, Lines


def from_json_lines(file: str, lines: Lines, name: str = "") -> Iterator[Item]:
    """Iterate over the items of a file.

    Args:
        file: what it is called.
        lines: of it.
        name: of the feedback, for items that name none.
    """
    for line in lines:
        if not line.whole:
            yield Item(file, line.number, line.raw[:200], TOO_LONG)
        elif text := line.raw.removeprefix(b"\xef\xbb\xbf").strip():
            yield _item(file, line.number, text, name)


def _item(file: str, number: int, text: bytes, name: str) -> Item:
    try:
        found = orjson.loads(text)
    except ValueError as error:
        return Item(file, number, text, f"the line is no JSON: {error}")
    if not isinstance(found, dict):
        return Item(file, number, text, "the line is no JSON object")
    if name and "name" not in found:
        text = orjson.dumps({**found, "name": name})
    if len(text) > LONGEST_ITEM:
        return Item(file, number, text[:200], TOO_LONG)
    return Item(file, number, text)
