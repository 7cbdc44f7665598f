"""What holds for any value: hashes, merge patches, quantities."""

import json
import random
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from contender.api.v1alpha1 import ModelDeploymentSpec
from contender.controller.reconcile import merge_patch
from contender.core import names
from contender.core.quantity import parse_quantity, same_quantity
from contender.core.records import pod_input
from tests.golden.world import merged
from tests.properties.histories import specs

SCALARS = st.one_of(st.booleans(), st.integers(-5, 5), st.text("ab", max_size=3))
OBJECTS: st.SearchStrategy[dict[str, Any]] = st.recursive(
    st.dictionaries(st.sampled_from("abcd"), SCALARS, max_size=4),
    lambda inner: st.dictionaries(
        st.sampled_from("abcd"),
        st.one_of(SCALARS, inner, st.lists(inner, max_size=2)),
        max_size=4,
    ),
    max_leaves=12,
)
DEFAULTS: dict[str, Any] = {"port": 8080, "protocol": "HTTP1"}


def _shuffled(value: Any, order: random.Random) -> Any:
    if isinstance(value, dict):
        keys = list(value)
        order.shuffle(keys)
        return {key: _shuffled(value[key], order) for key in keys}
    return [_shuffled(one, order) for one in value] if isinstance(value, list) else value


@given(OBJECTS, st.randoms(use_true_random=False))
def test_a_digest_does_not_depend_on_the_order_of_keys(
    value: dict[str, Any], order: random.Random
) -> None:
    assert names.digest(_shuffled(value, order)) == names.digest(value)


@given(OBJECTS, OBJECTS)
def test_different_values_have_different_digests(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (names.digest(one) == names.digest(other)) == same


@given(specs(), st.randoms(use_true_random=False))
def test_what_a_pod_is_does_not_depend_on_key_order_or_on_defaults_said_aloud(
    spec: dict[str, Any], order: random.Random
) -> None:
    said = {**spec, "model": {**DEFAULTS, **spec["model"]}}
    words = pod_input(ModelDeploymentSpec.model_validate(spec))
    assert pod_input(ModelDeploymentSpec.model_validate(_shuffled(said, order))) == words
    assert ModelDeploymentSpec.model_validate(words).canonical() == words


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_turns_the_one_into_the_other(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    assert merged(before, merge_patch(before, after)) == after


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_is_empty_only_when_nothing_has_changed(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    assert (merge_patch(before, after) == {}) == (before == after)


@given(st.integers(-(10**12), 10**12))
def test_a_quantity_in_thousandths_is_the_same_as_in_units(units: int) -> None:
    assert same_quantity(f"{units * 1000}m", units)
    assert not same_quantity(f"{units * 1000 + 1}m", units)


@given(st.integers(0, 10**6), st.sampled_from(["Ki", "Mi", "Gi"]))
def test_a_binary_unit_is_1024_of_the_one_below(amount: int, unit: str) -> None:
    below = {"Ki": "", "Mi": "Ki", "Gi": "Mi"}[unit]
    assert parse_quantity(f"{amount}{unit}") == Decimal(1024) * parse_quantity(f"{amount}{below}")
