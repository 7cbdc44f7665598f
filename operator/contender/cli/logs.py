"""Logs: one line per record, JSON in a pod and text for people."""

import logging

import aiohttp
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
    """Leave out tracebacks of a watch of Kopf's that broke: where in Kopf it broke helps nobody."""
    error = record.exc_info[1] if record.exc_info else None
    broke = type(error).__module__.startswith("kopf.") or isinstance(error, aiohttp.ClientError)
    if broke and record.name.startswith(("kopf", "asyncio")):
        record.exc_info = None
    return True
