"""Reads what pytest wrote, and prints the table at the end."""

import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dev.test.steps import Outcome


@dataclass
class Tests:
    """Counts of one folder of tests."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    """Why tests were skipped."""

    def add(self, other: "Tests") -> None:
        """Count those of another one too."""
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.reasons += other.reasons


def read(path: Path) -> dict[str, Tests]:
    """Return the counts by folder below ``tests``; empty if pytest wrote nothing."""
    folders: dict[str, Tests] = {}
    if not path.exists():
        return folders
    for case in ET.parse(path).iter("testcase"):
        name = case.get("classname", "").split(".")
        folder = "/".join(name[:2]) if name[0] == "tests" else "tests"
        _count(folders.setdefault(folder, Tests()), case)
    return folders


def _count(tests: Tests, case: ET.Element) -> None:
    if case.find("failure") is not None or case.find("error") is not None:
        tests.failed += 1
    elif (skipped := case.find("skipped")) is not None:
        tests.skipped += 1
        tests.reasons[skipped.get("message", "")] += 1
    else:
        tests.passed += 1


def report(outcomes: Iterable[Outcome], unrun: dict[str, int]) -> bool:
    """Print the table and the totals; return whether all is well.

    Args:
        outcomes: what became of the steps.
        unrun: by step, how many tests it would have run.
    """
    well, total = True, Tests()
    print(f"\n{'step':<28} {'result':<8} {'seconds':>7} {'passed':>7} {'failed':>7} {'skipped':>7}")
    for outcome in outcomes:
        for tests, line in _lines(outcome, unrun.get(outcome.step.name, 0)):
            total.add(tests)
            print(line)
        # What was left out because a step before it failed is that step's fault.
        well = well and outcome.result != "FAILED"
    if total.reasons:
        print("\nskipped:")
        for reason, count in total.reasons.most_common():
            print(f"{count:>6}  {reason}")
    print(f"\n{total.passed} passed, {total.failed} failed, {total.skipped} skipped", flush=True)
    return well and total.failed == 0


def _lines(outcome: Outcome, unrun: int) -> Iterator[tuple[Tests, str]]:
    step = outcome.step
    head = f"{step.name:<28} {outcome.result:<8} {outcome.seconds:>7.0f}"
    why = f"  {outcome.why}" if outcome.why else ""
    if step.results is None:
        yield Tests(), head + why
        return
    folders = read(step.results)
    if outcome.result == "skipped":
        folders = {"": Tests(skipped=unrun, reasons=Counter({outcome.why: unrun}))}
    elif outcome.result == "FAILED" and not any(one.failed for one in folders.values()):
        # pytest itself ended badly: whatever it did not get to has not passed.
        folders.setdefault("(pytest itself)", Tests()).failed += 1
    whole = Tests()
    for tests in folders.values():
        whole.add(tests)
    yield whole, head + _figures(whole) + why
    if len(folders) > 1:
        for name, tests in sorted(folders.items()):
            yield Tests(), f"  {name:<43}{_figures(tests)}"


def _figures(tests: Tests) -> str:
    return f" {tests.passed:>7} {tests.failed:>7} {tests.skipped:>7}"
