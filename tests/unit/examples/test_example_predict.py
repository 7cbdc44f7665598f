"""examples/predict.py shows what an endpoint answers."""

import subprocess
import sys
from pathlib import Path
from typing import Any


def predict(examples: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # -I -S: without any installed package, as on a user's machine.
    command = [sys.executable, "-I", "-S", str(examples / "predict.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_prints_a_table_and_the_accuracy(server: Any, examples: Path) -> None:
    result = predict(examples, f"http://127.0.0.1:{server.port}", "--rows", "143")
    lines = result.stdout.splitlines()
    assert result.returncode == 0, result.stderr
    assert lines[0].split() == ["row", "true", "predicted", "p", "version"]
    assert sum("<- wrong" in line for line in lines) == 9
    assert lines[-1] == "accuracy 0.937: 134 of 143 rows (1 = benign, 0 = malignant)"


def test_takes_an_address_with_the_path_too(server: Any, examples: Path) -> None:
    result = predict(examples, f"http://127.0.0.1:{server.port}/predict", "--rows", "3")
    assert len(result.stdout.splitlines()) == 6


def test_says_when_nobody_answers(examples: Path) -> None:
    result = predict(examples, "http://127.0.0.1:1")
    assert result.returncode == 1
    assert result.stderr.startswith("http://127.0.0.1:1: no answer: ")


def test_says_what_the_endpoint_said(server: Any, examples: Path) -> None:
    result = predict(examples, f"http://127.0.0.1:{server.port}/other")
    assert result.returncode == 1
    assert "404 Not Found" in result.stderr


def test_refuses_what_is_no_address(examples: Path) -> None:
    result = predict(examples, "breast-cancer")
    assert result.returncode == 2
    assert "is not like http://127.0.0.1:8080" in result.stderr
