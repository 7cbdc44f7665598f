"""Rows of requests and predictions of answers, as spec describes them."""

from typing import Any

from contender.api.v1alpha1.capture import Rows
from contender.recorder.model import Unread
from contender.recorder.reading.layout import layouts
from contender.recorder.reading.outputs import Output, OutputReader


class RowsReader:
    """Reads parsed bodies. What it returns is shared with them."""

    def __init__(self, rows: Rows) -> None:
        self._requests, self._responses = layouts(rows)
        self._outputs = OutputReader(rows)

    def request(self, document: Any) -> list[Any] | Unread:
        """Return the rows of a request, or why it has none."""
        return self._requests.read(document)

    def left(self, document: Any) -> list[Any]:
        """Return what is left of the rows of a request from which something was taken out."""
        rows = self._requests.read(document, partial=True)
        return [] if isinstance(rows, Unread) else rows

    def predictions(self, document: Any) -> list[Any] | Unread:
        """Return the predictions of an answer, or why it has none."""
        return self._responses.read(document)

    def outputs(self, predictions: list[Any]) -> list[Output] | Unread:
        """Return output and score of predictions, or why there are none."""
        return self._outputs.read(predictions)

    def response(self, document: Any) -> list[Output] | Unread:
        """Return output and score of each prediction of an answer, or why there are none."""
        predictions = self.predictions(document)
        return predictions if isinstance(predictions, Unread) else self.outputs(predictions)
