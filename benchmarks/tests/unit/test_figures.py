import json

import pytest

from benchmarks.figures import Row, Target, percentile


@pytest.mark.parametrize(("percent", "expected"), [(0, 10), (1, 10), (20, 10), (21, 20), (50, 30), (99, 50), (100, 50)])
def test_a_percentile_is_a_value_that_was_measured(percent: float, expected: float) -> None:
    assert percentile([50, 20, 40, 10, 30], percent) == expected


def test_the_p99_of_a_hundred_values_leaves_out_the_slowest_one() -> None:
    assert percentile(list(range(1, 101)), 99) == 99


def test_a_row_compares_the_median_of_its_rounds_with_that_of_its_baseline() -> None:
    row = Row("orders", "orders/s", [100, 300, 900], [1_000, 400, 500])
    assert (row.median, row.baseline, row.ratio) == (300, 500, 0.6)


def test_a_row_without_baseline_or_target_has_no_ratio_and_is_neither_met_nor_missed() -> None:
    row = Row("memory", "MiB", [100])
    assert (row.baseline, row.ratio, row.times_first, row.met) == (None, None, None, None)


@pytest.mark.parametrize(("rounds", "met"), [([74], False), ([75], True), ([110], True)])
def test_a_target_of_the_ratio_is_met_from_its_bound_on(rounds: list[float], met: bool) -> None:
    assert Row("orders", "orders/s", rounds, [100], Target("at least 0.75", at_least=0.75)).met is met


@pytest.mark.parametrize(("median", "met"), [(20, True), (20.1, False)])
def test_a_target_of_the_median_does_not_depend_on_the_baseline(median: float, met: bool) -> None:
    assert Row("p99", "ms", [median], [1], Target("at most 20 ms", "median", at_most=20)).met is met


def test_a_target_of_the_ratio_says_nothing_where_no_baseline_was_measured() -> None:
    assert Row("orders", "orders/s", [100], (), Target("at least 0.75", at_least=0.75)).met is None


@pytest.mark.parametrize(
    ("first_measured", "met_times_first", "met"),
    [(0.5, True, True), (0.6, False, False), (None, None, True)],
)
def test_a_target_with_two_bounds_is_met_when_both_hold(
    first_measured: float | None, met_times_first: bool | None, met: bool
) -> None:
    target = Target("at least 0.75, and 1.5 times the first", at_least=0.75, times_first=1.5)
    row = Row("orders", "orders/s", [75], [100], target, first_measured=first_measured)
    assert (row.met_times_first, row.met) == (met_times_first, met)


def test_a_target_is_missed_if_only_its_second_bound_holds() -> None:
    target = Target("at least 0.75, and 1.5 times the first", at_least=0.75, times_first=1.5)
    row = Row("orders", "orders/s", [70], [100], target, first_measured=0.1)
    assert (row.met_times_first, row.met) == (True, False)


def test_the_results_have_the_measured_and_the_derived_values() -> None:
    row = Row("orders", "orders/s", [75], [100], Target("at least 0.75", at_least=0.75), first_measured=0.25)
    kept = json.loads(json.dumps(row.to_json()))
    assert kept["rounds"] == [75]
    assert kept["target"] == "at least 0.75"
    assert (kept["ratio"], kept["times_first"], kept["met"]) == (0.75, 3, True)
