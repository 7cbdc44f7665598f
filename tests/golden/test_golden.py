"""Each `<situation>.in.yaml` is played; what the operator does must be `<situation>.out.yaml`.

`pytest tests/golden --update-golden` writes the answers anew.
"""

import pytest

from tests.golden.telling import HERE, Story, dump

SITUATIONS = sorted(path.name.removesuffix(".in.yaml") for path in HERE.glob("*.in.yaml"))


@pytest.mark.parametrize("situation", SITUATIONS)
def test_situation(situation: str, update_golden: bool) -> None:
    told = dump(Story().tell(situation))
    expected = HERE / f"{situation}.out.yaml"
    if update_golden:
        expected.write_text(told)
    assert told == expected.read_text()


def test_every_answer_has_its_situation() -> None:
    answers = {path.name.removesuffix(".out.yaml") for path in HERE.glob("*.out.yaml")}
    assert answers <= set(SITUATIONS)
