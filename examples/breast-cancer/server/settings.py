"""What the environment may say; each variable is described in the README of this example."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_BUILT_IN_MODEL = Path(__file__).parent.parent / "model.json"


class SettingsError(ValueError):
    """A variable has a value that the server cannot use."""


@dataclass(frozen=True)
class Settings:
    host: str
    port: int
    model_file: Path
    model_uri: str
    model_version: str
    burn_ms: float
    drain_quiet_seconds: float
    drain_limit_seconds: float
    log_requests: bool

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        def number(name: str, default: str, most: float) -> float:
            text = environment.get(name) or default
            try:
                value = float(text)
            except ValueError:
                value = math.nan
            if not 0 <= value <= most:
                raise SettingsError(f"{name} is {text!r}: give a number from 0 to {most:g}")
            return value

        port = number("PORT", "8080", 65535)
        if port != int(port):
            raise SettingsError(f"PORT is {port}: give a whole number")
        return cls(
            host=environment.get("HOST", ""),
            port=int(port),
            model_file=Path(environment.get("MODEL_FILE") or _BUILT_IN_MODEL),
            model_uri=environment.get("MODEL_URI", ""),
            model_version=environment.get("MODEL_VERSION", ""),
            burn_ms=number("BURN_MS", "0", 10_000),
            drain_quiet_seconds=number("DRAIN_QUIET_SECONDS", "3", 3600),
            drain_limit_seconds=number("DRAIN_LIMIT_SECONDS", "20", 3600),
            log_requests=environment.get("LOG_REQUESTS", "") in ("1", "true"),
        )
