"""Answers: rows to which arms gave different ones, as a table."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from contender.api.v1alpha1 import ModelDeploymentSpec
from contender.report.material import Json
from contender.report.told import Table

LONGEST_CELL = 160
"""Characters of a row that are shown."""
RIGHT, WRONG = " \N{CHECK MARK}", " \N{BALLOT X}"
"""What stands behind an answer of which the truth is known."""


def table(rows: Sequence[Json], arms: Sequence[str], target: ModelDeploymentSpec) -> Table:
    """Return rows with the answers of all arms and the truth.

    Args:
        rows: as the recorder tells them.
        arms: names of the arms, in their order.
        target: says which truths can be compared with answers.
    """
    known = {name for one in rows for name in _answers(one)}
    shown = [*(one for one in arms if one in known), *sorted(known.difference(arms))]
    truths = sorted({name for one in rows for name in one.get("feedback") or {}})
    judge = _Judge.of(target)
    head = ("time, UTC", *shown, *truths, "row", "prediction id")
    return Table(head, tuple(_cells(one, shown, truths, judge) for one in rows))


@dataclass(frozen=True)
class _Judge:
    """Says which answers are right."""

    labels: frozenset[str] = frozenset()
    """Truths that an answer is either equal to, or wrong."""
    positive: str | None = None
    """The only class that counts; None: all do."""

    @classmethod
    def of(cls, target: ModelDeploymentSpec) -> Self:
        if target.rows is None or target.rows.task == "Regression":
            return cls()
        labels = (one.name for one in target.feedback or [] if one.kind == "Label")
        return cls(frozenset(labels), target.rows.positive_class)

    def mark(self, answer: object, truths: Mapping[str, object]) -> str:
        """Return what stands behind an answer; nothing when its truth is not known."""
        known = [truth for name, truth in truths.items() if name in self.labels]
        if answer is None or len(known) != 1 or known[0] is None:
            return ""
        return RIGHT if self._class(answer) == self._class(known[0]) else WRONG

    def _class(self, value: object) -> object:
        found = _as_label(value)
        return found if self.positive is None else found == _as_label(self.positive)


def _cells(row: Json, arms: Sequence[str], truths: Sequence[str], judge: _Judge) -> tuple[str, ...]:
    answers = _answers(row)
    values = {name: one.get("value") for name, one in (row.get("feedback") or {}).items()}
    return (
        str(row.get("time", ""))[:19].replace("T", " "),
        *(_short(answers.get(one)) + judge.mark(answers.get(one), values) for one in arms),
        *(_short(values.get(one)) for one in truths),
        _short(row.get("row")),
        str(row.get("id", "")),
    )


def _answers(row: Mapping[str, object]) -> dict[str, object]:
    """Return what each arm answered."""
    served = {str(row.get("arm", "")): row.get("output")}
    copies = row.get("copies") or {}
    assert isinstance(copies, dict)
    return served | {str(name): one.get("output") for name, one in copies.items()}


def _as_label(value: object) -> str:
    """Return a label as text, as answers are judged by: 1, 1.0 and "1" are the same."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, str) else json.dumps(value)


def _short(value: object) -> str:
    """Return a value in one cell; nothing for null."""
    if value is None:
        return ""
    written = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return written if len(written) <= LONGEST_CELL else f"{written[:LONGEST_CELL]}..."
