"""Runs the benches, prints a table, and writes JSON and docs/benchmarks.md when asked to.

They run one after another: leave the machine alone meanwhile.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from bench.api import Json
from bench.capture import capture
from bench.creation import creation
from bench.growth import growth
from bench.life import life
from bench.machine import describe
from bench.recorder import recorder
from bench.report import TARGETS, page, table
from bench.router import router
from bench.starvation import starvation
from bench.traffic import traffic
from dev.paths import CHECKOUT

BENCHES: dict[str, Callable[[bool], Coroutine[Any, Any, Json]]] = {
    "creation": lambda quick: creation(100) if quick else creation(1000),
    "small": lambda quick: life(20, 5) if quick else life(100, 10),
    "life": lambda quick: life(100, 10) if quick else life(1000),
    "growth": lambda quick: growth((20, 60)) if quick else growth(),
    "starvation": lambda quick: starvation(60, 20) if quick else starvation(),
    "router": lambda quick: router(200) if quick else router(),
    "capture": lambda quick: capture(50) if quick else capture(),
    "recorder": lambda quick: recorder(quick=quick),
    "traffic": lambda quick: traffic(quick=quick),
}
RESULTS = CHECKOUT / "bench" / "results.json"
PAGE = CHECKOUT / "docs" / "benchmarks.md"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("only", nargs="*", metavar="BENCH", help=f"of {', '.join(BENCHES)}")
    parser.add_argument("--quick", action="store_true", help="small numbers, to try it out")
    parser.add_argument("--json", type=Path, help="where the figures go (default: print them)")
    parser.add_argument("--docs", action="store_true", help=f"keep them, and write {PAGE.name}")
    arguments = parser.parse_args()
    if unknown := set(arguments.only) - set(BENCHES):
        parser.error(f"unknown: {', '.join(unknown)}")
    found = _earlier(arguments.only) if arguments.docs else {}
    found |= {"machine": describe(), "quick": arguments.quick}
    for name in arguments.only or BENCHES:
        start = time.monotonic()
        print(f"{name} ...", file=sys.stderr, flush=True)
        found[name] = asyncio.run(BENCHES[name](arguments.quick))
        print(f"{name}: {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n")
    if arguments.docs:
        RESULTS.write_text(json.dumps(found, indent=2) + "\n")
        PAGE.write_text(page(found))
    print(table(found))
    missed = [target.what for target in TARGETS if target.is_missed(found)]
    if missed and not arguments.quick:
        sys.exit(f"missed: {'; '.join(missed)}")


def _earlier(only: list[str]) -> Json:
    """Figures of benches that are not run now."""
    return json.loads(RESULTS.read_text()) if only and RESULTS.exists() else {}


if __name__ == "__main__":
    main()
