"""Each `golden/<situation>.in.yaml` is rendered; the files must be `<situation>.out.yaml`, and a
real Envoy must work with them.

`pytest tests/router --update-golden` writes the answers anew.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.envoy import Envoy
from contender.router.render import BOOTSTRAP, LISTENERS, SECRETS, render
from contender.router.traffic import (
    Capture,
    HeaderMatch,
    StickyCookie,
    StickyHeader,
    Traffic,
    Trial,
)
from tests.router.plans import INCUMBENT, RECORDER_HOST, V2, V3
from tests.router.sink import Sink

HERE = Path(__file__).parent / "golden"
SITUATIONS = sorted(path.name.removesuffix(".in.yaml") for path in HERE.glob("*.in.yaml"))
ALIKE = (BOOTSTRAP, LISTENERS, SECRETS)
"""The same in all situations: told once, in `alike.yaml`."""


def plan(situation: str) -> Traffic:
    """Read a situation."""
    told: dict[str, Any] = yaml.safe_load((HERE / f"{situation}.in.yaml").read_text())
    h2c = told.get("h2c", False)
    incumbent = replace(INCUMBENT, h2c=h2c)
    capture = Capture(RECORDER_HOST, **told["capture"]) if "capture" in told else None
    if "candidates" not in told:
        return Traffic("churn", "shop", incumbent, capture=capture)
    arms = {arm.name: replace(arm, h2c=h2c) for arm in (V2, V3)}
    sticky: StickyHeader | StickyCookie | None = None
    if how := told.get("stickiness"):
        sticky = (
            StickyHeader(how["header"])
            if "header" in how
            else StickyCookie(how["cookie"], how["ttl"])
        )
    trial = Trial(
        candidates=tuple(arms[name] for name in told["candidates"]),
        experiment="uid-of-the-experiment",
        weights=told.get("weights", {}),
        shadows=told.get("shadows", {}),
        shadow_others=told.get("shadowOthers", False),
        match=tuple(HeaderMatch(*one) for one in told.get("match", {}).items()),
        stickiness=sticky,
        salt="uid-of-the-experiment",
    )
    return Traffic("churn", "shop", incumbent, trial, capture=capture)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_situation(situation: str, update_golden: bool) -> None:
    files = render(plan(situation))
    _compare(
        HERE / f"{situation}.out.yaml",
        "".join(f"# {name}\n---\n{text}" for name, text in files.items() if name not in ALIKE),
        update_golden,
    )
    _compare(
        HERE / "alike.yaml",
        "".join(f"# {name}\n---\n{files[name]}" for name in ALIKE),
        update_golden,
    )


def _compare(expected: Path, told: str, update: bool) -> None:
    if update:
        expected.write_text(told)
    assert told == expected.read_text()


@pytest.mark.parametrize("situation", SITUATIONS)
async def test_a_real_envoy_works_with_it(situation: str, envoy: Envoy, sink: Sink) -> None:
    del sink  # it is there
    async with envoy.running(plan(situation)):
        assert "rejected" not in envoy.log()


def test_every_answer_has_its_situation() -> None:
    answers = {path.name.removesuffix(".out.yaml") for path in HERE.glob("*.out.yaml")}
    assert answers == set(SITUATIONS)
