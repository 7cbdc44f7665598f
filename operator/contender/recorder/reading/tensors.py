"""The tensors of the Open Inference Protocol as rows: row i is the i-th part of each."""

from collections.abc import Sequence
from itertools import chain
from math import prod
from typing import Any, NamedTuple, TypeGuard

from contender.recorder.model import Unread

MOST_DIMENSIONS = 32
"""A tensor with more than these is not read."""

_CONTAINERS = frozenset({list, dict})


class Tensor(NamedTuple):
    """A tensor that can be read."""

    name: str
    shape: list[int]
    values: list[Any]
    """Its elements, flat."""

    def parts(self) -> Sequence[Any]:
        """Return its part in each row: one element, or a flat list of them."""
        dimensions = len(self.shape)
        if dimensions == 1 or (dimensions == 2 and self.shape[1] == 1):
            return self.values
        width = prod(self.shape[1:])
        return [self.values[at : at + width] for at in range(0, len(self.values), width)]


def read_rows(tensors: Any, most: int, *, partial: bool = False) -> list[Any] | Unread:
    """Return a row for each index of the first dimension: parts by the name of their tensor.

    Args:
        tensors: what should be a list of tensors.
        most: how many rows are allowed.
        partial: whether tensors that cannot be read are left out, as when something was taken out
            of them.
    """
    if not isinstance(tensors, list):
        return Unread.NO_ROWS
    read = [tensor for one in tensors if (tensor := read_tensor(one))]
    names = [tensor.name for tensor in read]
    counts = {tensor.shape[0] for tensor in read}
    is_whole = partial or len(read) == len(tensors)
    if not is_whole or len(counts) != 1 or len(set(names)) != len(names):
        return Unread.NO_ROWS
    if counts.pop() > most:
        return Unread.TOO_MANY_ROWS
    parts = zip(*(tensor.parts() for tensor in read), strict=True)
    return [dict(zip(names, row, strict=True)) for row in parts]


def read_tensor(value: Any) -> Tensor | None:
    """Return a tensor, if it is one whose data, flat or nested, is as its shape says."""
    if not isinstance(value, dict):
        return None
    name, shape, data = value.get("name"), value.get("shape"), value.get("data")
    if not isinstance(name, str) or not _is_shape(shape) or not isinstance(data, list):
        return None
    values = _flat(data, shape)
    return None if values is None else Tensor(name, shape, values)


def write_rows(tensors: list[Any], rows: list[Any], name: str | None) -> None:
    """Put the parts of rows back into the tensor of this name, or into all. Data stay as nested as
    they were, so that a path still leads where it led. What is gone from some rows is null; a
    tensor whose part is gone from every row loses its data."""
    for tensor in tensors:
        if name not in {None, tensor["name"]}:
            continue
        parts: list[Any] = [None if row is None else row.get(tensor["name"]) for row in rows]
        if all(part is None for part in parts):
            tensor.pop("data", None)
        elif isinstance(parts[0], list):
            _fill(tensor["data"], tensor["shape"], list(chain.from_iterable(parts)))
        else:
            _fill(tensor["data"], tensor["shape"], parts)


def _fill(data: list[Any], shape: list[int], values: list[Any]) -> None:
    """Put elements into data in place."""
    if not isinstance(data[0], list):
        data[:] = values
        return
    innermost = data
    for _ in shape[2:]:
        innermost = list(chain.from_iterable(innermost))
    for number, part in enumerate(innermost):
        part[:] = values[number * shape[-1] : (number + 1) * shape[-1]]


def _is_shape(shape: Any) -> TypeGuard[list[int]]:
    """Return whether it is a shape with rows, which have something in them."""
    if not isinstance(shape, list) or not 0 < len(shape) <= MOST_DIMENSIONS:
        return False
    least = 0
    for size in shape:
        if type(size) is not int or size < least:
            return False
        least = 1
    return True


def _flat(data: list[Any], shape: list[int]) -> list[Any] | None:
    """Return the elements in their order, if they are as many and nested as the shape says."""
    level = data
    if data and isinstance(data[0], list):
        for size in shape[1:]:
            if not all(isinstance(part, list) and len(part) == size for part in level):
                return None
            level = list(chain.from_iterable(level))
    is_flat = _CONTAINERS.isdisjoint(map(type, level))
    return level if is_flat and len(level) == prod(shape) else None
