"""Logs: one line per record, JSON in a pod and text for people."""

import logging

from pythonjsonlogger.json import JsonFormatter

_QUIET = ("kopf", "asyncio", "aiohttp")
"""Libraries whose ordinary messages are of no use to our users."""


def set_up_logs(style: str, level: str) -> None:
    """Send logs to standard error.

    Args:
        style: `json` or `text`.
        level: `debug`, `info`, `warning` or `error`.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(
        JsonFormatter(
            "{levelname}{name}{message}",
            style="{",
            timestamp="time",
            rename_fields={"levelname": "level", "name": "logger"},
        )
        if style == "json"
        else logging.Formatter("%(asctime)s %(levelname)-7s %(message)s")
    )
    handler.addFilter(_briefly)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))


def _briefly(record: logging.LogRecord) -> bool:
    """Leave out tracebacks of errors of Kopf's own: where in Kopf a watch broke helps nobody."""
    error = record.exc_info[1] if record.exc_info else None
    if record.name.startswith("kopf") and type(error).__module__.startswith("kopf."):
        record.exc_info = None
    return True
