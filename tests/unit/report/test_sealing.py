"""Sealed verdicts: what was sealed is found sound, and what was changed is found."""

import copy
import hashlib
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contender.api.v1alpha1.capture import Rows
from contender.report.checking import Check, Result, check
from contender.report.material import Material, Unreadable, subject_of, target_of
from contender.report.sealing import Newer, digest_of, opened, seal, written
from tests.unit.report import situations
from tests.unit.report.situations import ENDED, Situation, material, played
from tests.unit.report.trial import changed

Json = dict[str, Any]
Path = tuple[str | int, ...]


@cache
def raw_of(situation: Situation) -> bytes:
    return written(seal(material(played(situation))))


def sealed(situation: Situation) -> Json:
    content: Json = json.loads(raw_of(situation))
    return content


def checked(content: Json) -> list[Check]:
    return check(*opened(json.dumps(content).encode()))


def differing(content: Json) -> list[str]:
    return [one.what for one in checked(content) if one.result is Result.DIFFERS]


def digested(content: Json) -> Json:
    """Return content whose digest fits."""
    return {**content, "digest": digest_of(content)}


def numbers(value: Any, path: Path = ()) -> Iterator[Path]:
    """Iterate over the places of all numbers."""
    if isinstance(value, bool):
        return
    if isinstance(value, (int, float)):
        yield path
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from numbers(one, (*path, key))
    elif isinstance(value, list):
        for place, one in enumerate(value):
            yield from numbers(one, (*path, place))


def with_changed(content: Json, path: Path, by: float) -> Json:
    found = copy.deepcopy(content)
    node: Any = found
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] += by
    return found


@pytest.mark.parametrize("situation", ENDED)
def test_what_was_sealed_is_sound(situation: Situation) -> None:
    raw = raw_of(situation)
    assert [one for one in check(*opened(raw)) if one.result is Result.DIFFERS] == []
    assert written(seal(material(played(situation)))) == raw


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(ENDED),
    st.randoms(use_true_random=False),
    st.one_of(st.integers(-3, 3).filter(bool), st.floats(0.001, 1.0)),
)
def test_a_number_that_was_changed_is_found(situation: Situation, random: Any, by: float) -> None:
    content = sealed(situation)
    path = random.choice([*numbers(content)])
    tampered = with_changed(content, path, by)
    with suppress(Unreadable):  # it is no sealed verdict any more: that is told, too
        assert differing(tampered)


STATUS = [
    ("comparisons", 0, "rows"),
    ("comparisons", 0, "evidence"),
    ("comparisons", 0, "needed"),
    ("guardrails", 0, "evidence"),
    ("guardrails", 0, "needed"),
    ("arms", 1, "requests"),
    ("arms", 0, "errors"),
    ("epochs", 0, "counts", 1, "errors"),
    ("look",),
]


@pytest.mark.parametrize("path", STATUS, ids=lambda path: ".".join(map(str, path)))
def test_a_number_that_follows_from_others_is_found_even_with_a_digest_that_fits(
    path: Path,
) -> None:
    content = sealed(situations.a_better_one_is_promoted)
    tampered = digested(with_changed(content, ("status", *path), 1))
    assert differing(tampered)
    assert checked(tampered)[0].result is Result.OK


@pytest.mark.parametrize("part", ["difference", "low", "high", "incumbent", "state", "message"])
def test_so_is_a_text_that_follows(part: str) -> None:
    content = sealed(situations.a_better_one_is_promoted)
    content["status"]["comparisons"][0][part] = "Missed" if part == "state" else "0.5"
    assert f"comparison accuracy of v2: {part}" in differing(digested(content))


def test_looks_that_say_something_else_lead_to_another_verdict() -> None:
    content = sealed(situations.a_better_one_is_promoted)
    for look in content["looks"]:
        for mean in look["means"]:
            if mean["kind"] == "pair":
                mean["mean"] = -mean["mean"]
    found = differing(digested(content))
    assert "first to reach all objectives:" in found
    assert "verdict: winner" in found


def test_another_goal_is_another_plan() -> None:
    content = sealed(situations.a_better_one_is_promoted)
    content["spec"]["objectives"][0]["margin"] = 0.001
    found = differing(digested(content))
    assert "plan: the hash" in found
    assert "comparison accuracy of v2: message" in found


def test_a_look_that_is_left_out_is_found() -> None:
    content = sealed(situations.a_better_one_is_promoted)
    del content["looks"][3]
    assert "looks: their numbers" in differing(digested(content))


def test_looks_of_another_experiment_are_found() -> None:
    content = sealed(situations.a_better_one_is_promoted)
    content["looks"][3]["experiment"] = "another"
    assert "looks: whose they are" in differing(digested(content))


def test_another_winner_is_found() -> None:
    content = sealed(situations.one_of_two_breaches_a_guardrail)
    content["status"]["winner"] = content["status"]["verdict"]["winner"] = "v3"
    assert differing(digested(content)) == ["verdict: winner"]


def test_it_says_what_was_expected_and_what_was_found() -> None:
    content = sealed(situations.a_better_one_is_promoted)
    was = content["status"]["comparisons"][0]["evidence"]
    content["status"]["comparisons"][0]["evidence"] = 99.0
    digest, found = (one for one in checked(content) if one.result is Result.DIFFERS)
    assert (digest.what, digest.found) == ("digest", content["digest"])
    assert (found.what, found.expected, found.found) == (
        "comparison accuracy of v2: evidence",
        str(was),
        "99.0",
    )


def test_anybody_can_compute_the_digest() -> None:
    content = sealed(situations.a_better_one_is_promoted)
    told = content.pop("digest")
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert told == f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def test_how_it_is_written_does_not_matter() -> None:
    content = sealed(situations.it_was_aborted_when_it_ran_again)
    turned = dict(reversed(content.items()))
    assert differing(json.loads(json.dumps(turned, indent=4))) == []


def _material(manifest: Json) -> Material:
    known = played(situations.a_better_one_is_promoted)
    target = target_of(known.target_manifest)
    return Material(subject_of(manifest), target, material(known).looks)


def test_promotion_may_be_changed_after_the_start() -> None:
    trial = played(situations.a_better_one_is_promoted)
    known = _material(changed(trial, promotion="Manual", paused=True))
    assert differing(json.loads(written(seal(known)))) == []


def _plan(known: Material) -> Check:
    content = json.loads(written(seal(known)))
    return next(one for one in checked(content) if one.what.startswith("plan"))


def test_other_pods_of_the_incumbent_change_the_plan_but_not_its_hash() -> None:
    manifest = copy.deepcopy(played(situations.a_better_one_is_promoted).manifest)
    manifest["status"]["plan"]["incumbent"]["revision"] = "churn-other"
    assert _plan(_material(manifest)).result is Result.OK


def test_a_target_that_reads_rows_otherwise_since_the_start_is_noted() -> None:
    known = _material(played(situations.a_better_one_is_promoted).manifest)
    rows = Rows(task="Binary", positive_class="yes")
    found = _plan(replace(known, target=known.target.model_copy(update={"rows": rows})))
    assert found.result is Result.NOTE
    assert "reads rows or truths otherwise" in found.what


def test_while_it_goes_on_there_is_nothing_to_seal() -> None:
    with pytest.raises(Unreadable, match="no verdict to seal: the Experiment is Running"):
        seal(material(played(situations.it_goes_on)))


def test_what_names_nobody_and_goes_on_by_itself_is_not_sealed() -> None:
    content = sealed(situations.a_better_one_is_promoted)
    assert {"counters", "conditions", "resumed"} & content["status"].keys() == set()
    assert content["target"]["feedback"] == [
        {
            "name": "churned",
            "kind": "Label",
            "delay": "168h",
            "missing": "Exclude",
            "dependsOnAnswer": False,
        }
    ]


def test_of_looks_only_what_objectives_need_is_sealed() -> None:
    known = material(played(situations.a_better_one_is_promoted))
    looks = [copy.deepcopy(one) for one in known.looks]
    for one in looks:
        one["means"] += [{**each, "loss": "Brier"} for each in one["means"]]
    content = json.loads(written(seal(replace(known, looks=tuple(looks)))))
    assert content["looks"] == json.loads(json.dumps(known.looks))
    assert differing(content) == []


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "no JSON"),
        (b"\xff", "no JSON"),
        (b"{", "no JSON"),
        (b"[1]", "a JSON object"),
        (b"{}", "no sealed verdict"),
        (b'{"kind": "SealedVerdict"}', "no sealed verdict"),
        (b'{"kind": "SealedVerdict", "format": "1"}', "no sealed verdict"),
        (b'{"kind": "SealedVerdict", "format": 1}', "no whole sealed verdict"),
        (b'{"kind": "SealedVerdict", "format": 1, "x": NaN}', "NaN is no number"),
        (b"[" * 100_000, "no JSON"),
        (b'{"kind": "SealedVerdict", "format": 1, "x": "\\ud800"}', "cannot be digested"),
    ],
)
def test_a_file_that_is_none_is_told(raw: bytes, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        opened(raw)


def test_a_newer_format_is_told() -> None:
    content = {**sealed(situations.it_was_aborted_when_it_ran_again), "format": 2}
    with pytest.raises(Newer, match=r"it is of format 2, sealed by contender 9\.9.*newer one"):
        opened(json.dumps({**content, "contender": "9.9"}).encode())


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(ENDED), st.randoms(use_true_random=False))
def test_whatever_is_missing_nothing_but_a_sentence_comes_of_it(
    situation: Situation, random: Any
) -> None:
    content = sealed(situation)
    node: Any = content
    while True:
        key = random.choice([*node]) if isinstance(node, dict) else random.randrange(len(node))
        if not node[key] or not isinstance(node[key], (dict, list)) or random.random() < 0.2:
            break
        node = node[key]
    del node[key]
    with suppress(Unreadable):
        assert checked(content)


def test_nothing_is_sealed_of_what_was_not_planned() -> None:
    known = material(played(situations.a_better_one_is_promoted))
    status = known.subject.status.model_copy(update={"plan": None, "phase": "Failed"})
    with pytest.raises(Unreadable, match="the Experiment is Failed"):
        seal(replace(known, subject=replace(known.subject, status=status)))
