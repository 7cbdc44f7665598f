"""Metrics of the recorder, for Prometheus."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from contender.recorder.intake import Intake
from contender.recorder.plans import Plans
from contender.recorder.receipts import Receipts
from contender.recorder.writer import Writer

_ANSWERS = ("received", "stored", "dropped", "duplicates", "lost", "broken", "unwanted", "expired")
_FEEDBACK = {
    "feedback": "stored",
    "feedbackUnknown": "unknown",
    "feedbackRefused": "refused",
    "feedbackUnmatched": "unmatched",
}
_UNREAD = ("requestUnread", "answerUnread")


class RecorderMetrics(Collector):
    """What is counted by endpoint, and how the recorder does."""

    def __init__(self, plans: Plans, writer: Writer, intake: Intake, receipts: Receipts) -> None:
        self._plans = plans
        self._writer = writer
        self._intake = intake
        self._receipts = receipts

    def describe(self) -> list[Metric]:
        """Say nothing beforehand: names are known when they are collected."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Iterate over all metrics."""
        yield from self._by_endpoint()
        waiting = GaugeMetricFamily(
            "contender_recorder_waiting_bytes", "Received and not yet stored."
        )
        waiting.add_metric([], self._intake.waiting_bytes)
        yield waiting
        trouble = GaugeMetricFamily(
            "contender_recorder_store_failing", "1 while the store takes nothing."
        )
        trouble.add_metric([], float(bool(self._writer.trouble)))
        yield trouble
        refused = CounterMetricFamily(
            "contender_recorder_streams_refused", "Streams that were refused.", labels=["reason"]
        )
        for reason, number in sorted(self._receipts.refused.items()):
            refused.add_metric([reason], number)
        yield refused

    def _by_endpoint(self) -> Iterator[Metric]:
        labels = ["namespace", "name"]
        answers = CounterMetricFamily(
            "contender_recorder_answers",
            "Answers of models, by what became of them.",
            labels=[*labels, "result"],
        )
        feedback = CounterMetricFamily(
            "contender_recorder_feedback",
            "Feedback, by what became of it.",
            labels=[*labels, "result"],
        )
        unread = CounterMetricFamily(
            "contender_recorder_unread",
            "Bodies without rows, by whose and why.",
            labels=[*labels, "body", "reason"],
        )
        names = {number: [plan.namespace, plan.name] for number, plan in self._plans}
        for (number, counter), value in sorted(self._writer.ledger.counters().items()):
            if (name := names.get(number)) is None:
                continue
            if counter in _ANSWERS:
                answers.add_metric([*name, counter], value)
            elif counter in _FEEDBACK:
                feedback.add_metric([*name, _FEEDBACK[counter]], value)
            elif prefix := next((one for one in _UNREAD if counter.startswith(one)), ""):
                body = "request" if prefix == _UNREAD[0] else "answer"
                unread.add_metric([*name, body, counter.removeprefix(prefix)], value)
        yield from (answers, feedback, unread)
