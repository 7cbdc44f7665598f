"""Paths into JSON, in which `*` stands for every member: to take out what they lead to, or all
else."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from contender.recorder.reading.pointer import MISSING, NO_INDEX, index_of, tokens_of


@dataclass(slots=True)
class _Node:
    """Where some paths go on alike."""

    ends: bool = False
    """Whether a path ends here."""
    every: "_Node | None" = None
    """Where paths go on with `*`."""
    named: dict[str, "_Node"] = field(default_factory=lambda: {})
    at: dict[int, "_Node"] = field(default_factory=lambda: {})
    """Those of `named` that are indices too."""


class Paths:
    """Some paths, followed together."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._root = _Node()
        for text in texts:
            _add(self._root, tokens_of(text))

    def drop(self, document: Any) -> None:
        """Take out what the paths lead to, in place: members of objects go, members of arrays
        become null, so that the others keep their places."""
        _drop(document, self._root)

    def keep(self, document: Any) -> Any:
        """Return only what the paths lead to, or MISSING. Arrays of which something is left keep
        their length: the rest of them is null. What is kept is shared with the document."""
        return _keep(document, [self._root])


def _add(node: _Node, steps: tuple[str, ...]) -> None:
    for step in steps:
        if step == "*":
            node.every = node.every or _Node()
            node = node.every
        else:
            below = node.named.setdefault(step, _Node())
            if (index := index_of(step)) != NO_INDEX:
                node.at[index] = below
            node = below
    node.ends = True


def _drop(value: Any, node: _Node) -> None:
    if isinstance(value, dict):
        _drop_members(value, node)
    elif isinstance(value, list):
        _blank_members(value, node)


def _drop_members(value: dict[str, Any], node: _Node) -> None:
    if node.every and node.every.ends:
        value.clear()
    for name, below in node.named.items():
        if name in value:
            if below.ends:
                del value[name]
            else:
                _drop(value[name], below)
    if node.every:
        for member in value.values():
            _drop(member, node.every)


def _blank_members(value: list[Any], node: _Node) -> None:
    if node.every and node.every.ends:
        value[:] = [None] * len(value)
    for index, below in node.at.items():
        if index < len(value):
            if below.ends:
                value[index] = None
            else:
                _drop(value[index], below)
    if node.every:
        for member in value:
            _drop(member, node.every)


def _keep(value: Any, nodes: list[_Node]) -> Any:
    for node in nodes:
        if node.ends:
            return value
    if isinstance(value, dict):
        kept = {
            name: member
            for name, below in _below_object(value, nodes)
            if (member := _keep(value[name], below)) is not MISSING
        }
        return kept or MISSING
    if isinstance(value, list):
        left: list[Any] = [None] * len(value)
        anything = False
        for index, below in _below_array(value, nodes):
            member = _keep(value[index], below)
            if member is not MISSING:
                left[index] = member
                anything = True
        return left if anything else MISSING
    return MISSING


def _below_object(value: dict[str, Any], nodes: list[_Node]) -> Iterator[tuple[str, list[_Node]]]:
    """Iterate over the members to which a path leads, and the nodes that hold for each."""
    every = [node.every for node in nodes if node.every]
    names: Iterable[str] = value
    if not every:
        names = dict.fromkeys(name for node in nodes for name in node.named)
    for name in names:
        if name in value:
            yield name, every + [node.named[name] for node in nodes if name in node.named]


def _below_array(value: list[Any], nodes: list[_Node]) -> Iterator[tuple[int, list[_Node]]]:
    """Iterate over the members to which a path leads, and the nodes that hold for each."""
    every = [node.every for node in nodes if node.every]
    named = {index for node in nodes for index in node.at}
    for index in range(len(value)) if every else named:
        if index < len(value):
            yield index, every + [node.at[index] for node in nodes if index in node.at]
