"""Numbers, moments and axes, as people read them."""

from datetime import UTC, datetime
from math import inf, isfinite, log10, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contender.report import figures
from contender.report.axes import apart, axis, chosen, decades, ticks, time_ticks, window
from contender.report.markup import Markup, element, joined


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (0, "0"),
        (0.0212, "0.0212"),
        (8412.4, "8,412"),
        (1234567.0, "1,234,567"),
        (0.9999, "1.000"),
        (-2.5, "-2.50"),
        (1.5e-9, "1.50e-09"),
        (inf, "no end"),
        (-inf, "no end"),
        (nan, "-"),
    ],
)
def test_numbers_have_the_digits_that_matter(value: float, told: str) -> None:
    assert figures.number(value) == told


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (3600, "1 h"),
        (3660, "1 h 1 min"),
        (86400 * 13 + 3600 * 4 + 60, "13 d 4 h"),
        (86400 * 365 * 1200, "1,200 y"),
        (inf, "never"),
    ],
)
def test_times_have_their_two_largest_units(seconds: float, told: str) -> None:
    assert figures.span(seconds) == told


def test_moments_are_told_in_utc() -> None:
    assert figures.told_moment("2026-01-31T13:00:00+01:00") == "2026-01-31 12:00 UTC"
    assert figures.told_moment(None) == "-"
    at = datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp()
    assert figures.short_moments([at, at + 3600], 3600) == ["31 Jan 12:00", "13:00"]
    assert figures.short_moments([at, at + 20], 20) == ["31 Jan 12:00:00", "12:00:20"]
    night = [at + 11 * 3600, at + 13 * 3600]
    assert figures.short_moments(night, 7200) == ["31 Jan 23:00", "1 Feb 01:00"]
    assert figures.short_moments([at, at + 86400], 86400) == ["31 Jan", "1 Feb"]


def test_times_between_moments_are_told() -> None:
    assert figures.between("2026-01-31T12:00:00Z", "2026-01-31T12:00:54Z") == "54 s"
    assert figures.between("2026-01-31T12:00:00Z", "2026-01-31T11:00:00Z") == "0 s"


@pytest.mark.parametrize(
    ("text", "found"), [("12ms", 12.0), ("1.2s", 1200.0), (">60.0s", None), ("", None), ("x", None)]
)
def test_times_of_arms(text: str, found: float | None) -> None:
    assert figures.milliseconds(text) == found


def test_shares_are_told_in_points() -> None:
    assert figures.amount("ZeroOne", 0.0212) == "2.12 points"
    assert figures.amount("Squared", 0.0212) == "0.0212"
    assert figures.exact("ZeroOne", 0.01) == "1 point"
    assert figures.exact("Value", 0.015) == "0.015"


FINITE = st.floats(-1e9, 1e9, allow_nan=False)


@given(st.lists(st.one_of(FINITE, st.just(inf)), min_size=1))
def test_all_finite_numbers_have_a_place_on_an_axis(values: list[float]) -> None:
    found = axis(values, 10, 90)
    assert found.high > found.low
    for one in values:
        assert 10 <= found.place(one) <= 90
        assert not isfinite(one) or found.shows(one)


@given(FINITE, st.floats(1e-6, 1e9), st.integers(2, 12))
def test_marks_are_round_and_not_too_many(low: float, width: float, most: int) -> None:
    width += 1e-6 * abs(low)  # finer ones have no room among floats
    found = ticks(low, low + width, most)
    assert len(found) <= most + 1
    assert found == sorted(set(found))
    assert all(low - 1e-6 * width <= one <= low + 1.000001 * width for one in found)


@given(st.floats(1, 2e9), st.floats(1, 1e9), st.integers(2, 8))
def test_marks_of_time_are_not_too_many(low: float, width: float, most: int) -> None:
    found, clock = time_ticks(low, low + width, most)
    assert len(found) <= most + 1
    assert all(low <= one <= low + width for one in found)
    assert clock or all(one % 86400 == 0 for one in found)


def test_intervals_that_were_wide_at_first_do_not_hide_the_last_ones() -> None:
    found = window([(-inf, inf), (-100.0, 100.0), (-1.0, 1.0)], (0.0,))
    assert found == (-2.5, 2.5)
    assert window([(-1.0, 1.0)], (5.0,)) == (-1.0, 5.0)
    assert window([(-inf, inf)], (0.0,)) is None


@given(st.integers(0, 500), st.integers(2, 20))
def test_some_of_a_list_are_chosen_evenly(count: int, most: int) -> None:
    found = chosen(count, most)
    assert len(found) == min(count, most)
    assert not count or (found[0], found[-1]) == (0, count - 1)


@given(st.lists(st.floats(1e-3, 1e6), min_size=1))
def test_times_of_all_sizes_have_a_place_within_round_marks(values: list[float]) -> None:
    across, marks = decades(values, 100, 600)
    assert 2 <= len(marks) <= 12
    assert all(across.shows(log10(one)) for one in [*values, *marks])
    assert all(100 < across.place(log10(one)) < 600 for one in values)
    assert all(f"{one:.0e}"[0] in "125" for one in marks)


@given(st.lists(st.floats(0, 600), min_size=1, max_size=3), st.floats(5, 60))
def test_words_beside_each_other_do_not_lie_on_each_other(places: list[float], wide: float) -> None:
    found = apart(sorted(places), [wide] * len(places), 700)
    ends = [one + wide for one in found]
    assert all(end <= start + 1e-6 for end, start in zip(ends, found[1:], strict=False))
    assert ends[-1] <= 700 + 1e-6


def test_markup_is_escaped_once() -> None:
    inner = element("b", "a < b", class_="x", aria_label='"&"', title=None)
    assert inner == '<b class="x" aria-label="&quot;&amp;&quot;">a &lt; b</b>'
    assert joined(inner, " & ", Markup("<br/>")) == f"{inner} &amp; <br/>"
    assert element("rect", x=1.25, y=2.0, width=3) == '<rect x="1.2" y="2" width="3"/>'
