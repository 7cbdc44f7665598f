"""Command line of ``make test`` and ``make test-fast``.

Needs nothing but Python: whatever else is missing is installed on the way.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from dev import golang
from dev.console import run_main
from dev.paths import CHECKOUT, KUBECONFIG
from dev.test.machine import lacks
from dev.test.results import report
from dev.test.steps import Run, Step

BIN = CHECKOUT / ".venv" / "bin"
E2E_SIDE_BY_SIDE = 4
"""The tests on the cluster mostly wait."""


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python3 -m dev.test", description=__doc__)
    parser.add_argument("--fast", action="store_true", help="only what needs no API server")
    arguments = parser.parse_args()
    logs = Path(tempfile.mkdtemp(prefix="contender-test-"))
    steps = _quick_steps(logs)
    if not arguments.fast:
        steps = [*steps, *_server_steps(logs), *_cluster_steps(logs)]
    outcomes = Run(steps, logs, _environment(arguments.fast)).play()
    unrun = {
        one.step.name: _count(one.step)
        for one in outcomes
        if one.step.results and one.result == "skipped"
    }
    if not report(outcomes, unrun):
        sys.exit(1)
    shutil.rmtree(logs)


def _environment(fast: bool) -> dict[str, str]:
    """Our kubeconfig, and a Go toolchain for the tests of the Go example."""
    environment = {**os.environ, "KUBECONFIG": str(KUBECONFIG), "PYTHONUNBUFFERED": "1"}
    if not fast:
        environment["PATH"] += f":{golang.find().parent}"
    return environment


def _quick_steps(logs: Path) -> list[Step]:
    return [
        Step("environment", [["make", "venv"]]),
        Step("format", [[BIN / "ruff", "format", "--check", "."]], after=["environment"]),
        Step("lint", [[BIN / "ruff", "check", "."]], after=["environment"]),
        Step("layers", [[BIN / "lint-imports", "--no-logo"]], after=["environment"]),
        Step("generated files", [_generate_check()], after=["environment"]),
        Step("types", [[BIN / "mypy"]], after=["environment"]),
        Step(
            "PostgreSQL",
            [_tool("dev.system", "postgres")],
            quiet=["environment"],  # one apt-get at a time
            lacking=lacks("postgres"),
        ),
        _tests(
            "tests without a server",
            "not cluster and not apiserver",
            logs,
            ["environment"],
            quiet=["PostgreSQL"],
            options=["-n", os.cpu_count() or 1],
        ),
    ]


def _server_steps(logs: Path) -> list[Step]:
    lacking = lacks("apiserver")
    go = [golang.find(), "-C", CHECKOUT / "examples" / "breast-cancer-go"]
    return [
        Step("Go example", [[*go, "vet", "./..."], [*go, "test", "./..."]]),
        Step(
            "system packages",
            [_tool("dev.system")],
            quiet=["PostgreSQL"],  # one apt-get at a time
            lacking=lacks("apiserver", "images"),
        ),
        Step("Kubernetes", [_tool("dev.cluster", "build")], lacking=lacking),
        _tests(
            "tests on an API server",
            "apiserver",
            logs,
            ["environment", "Kubernetes"],
            quiet=["system packages"],
            lacking=lacking,
            options=["-n", os.cpu_count() or 1, "--dist=loadfile"],
        ),
    ]


def _cluster_steps(logs: Path) -> list[Step]:
    lacking = lacks("cluster", "apiserver", "images")
    code = "from dev.demo import install, prepare; {}"
    build = code.format("prepare.build_images()")
    install = code.format("prepare.start(); install.install(install.Kubectl(), local=True)")
    others = ["types", "tests without a server", "tests on an API server", "Go example"]
    return [
        Step("images", [_python(build)], after=["system packages"], lacking=lacking),
        Step(
            "cluster and operator",
            [_python(install)],
            after=["Kubernetes", "images"],
            lacking=lacking,
        ),
        _tests(
            "tests on the cluster",
            "cluster",
            logs,
            ["environment", "cluster and operator"],
            quiet=others,
            lacking=lacking,
            options=["-n", E2E_SIDE_BY_SIDE, "--dist=worksteal"],
        ),
    ]


def _tests(
    name: str,
    marks: str,
    logs: Path,
    after: list[str],
    *,
    quiet: list[str] | None = None,
    lacking: str = "",
    options: list[object] | None = None,
) -> Step:
    """A pytest run of all tests with these marks: every test is in exactly one run."""
    results = logs / f"{name.replace(' ', '-')}.xml"
    command = [*_pytest(marks), f"--junitxml={results}", *(options or [])]
    return Step(name, [command], after, quiet or (), lacking, results)


def _pytest(marks: str) -> list[object]:
    return [BIN / "python", "-m", "pytest", "tests", "-m", marks]


def _tool(module: str, *arguments: str) -> list[object]:
    return [sys.executable, "-m", module, *arguments]


def _generate_check() -> list[object]:
    return [BIN / "python", "-m", "contender.generate", "--check"]


def _python(code: str) -> list[object]:
    return [sys.executable, "-c", code]


def _count(step: Step) -> int:
    """How many tests a run would have had."""
    command = [str(word) for word in step.commands[0] if "--junitxml" not in str(word)]
    listing = subprocess.run(
        [*command, "--collect-only", "-q"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    return sum("::" in line for line in listing.stdout.splitlines())


if __name__ == "__main__":
    run_main(main)
