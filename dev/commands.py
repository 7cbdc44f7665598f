"""Runs other programs, and turns their failure into a message that a person can use."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from dev.console import Failure, say

REMINDER_SECONDS = 30
"""How long a command may be silent for."""


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
    """Run a command whose failure is an answer too; say now and then that a long one goes on."""
    words = [str(word) for word in command]
    process = subprocess.Popen(
        words,
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL if text is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while True:
            try:
                output, errors = process.communicate(text, timeout=REMINDER_SECONDS)
                return subprocess.CompletedProcess(words, process.returncode, output, errors)
            except subprocess.TimeoutExpired:
                about = [word for word in words[1:] if not word.startswith("-")]
                say(f"... {' '.join([Path(words[0]).name, *about[-1:]])} goes on")
                text = None  # it has it
    except BaseException:
        process.kill()
        raise
