"""Runs other programs, and turns their failure into a message that a person can use."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from dev.console import Failure


def run(
    *command: object,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    text: str | None = None,
) -> str:
    """Run a command to success and return what it prints."""
    result = ask(*command, env=env, cwd=cwd, text=text)
    if result.returncode != 0:
        words = " ".join(map(str, command))[:200]
        raise Failure(f"{words} failed:\n{(result.stdout + result.stderr).strip()[-3000:]}")
    return result.stdout.strip()


def ask(
    *command: object,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    text: str | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command whose failure is an answer too."""
    words = [str(word) for word in command]
    return subprocess.run(
        words, env=env, cwd=cwd, input=text, capture_output=True, text=True, check=False
    )
