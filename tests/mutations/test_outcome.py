"""What counts as a kill, tried with a small repository of its own and a real pytest."""

from pathlib import Path

import pytest

from mutations.mutation import Mutation
from mutations.outcome import Outcome, Verdict, run_tests, try_mutation
from mutations.scratch import ScratchCopy
from mutations.small_repository import CODE, TEST_FILE, small_repository

pytestmark = pytest.mark.slow


@pytest.fixture
def copy(tmp_path: Path) -> ScratchCopy:
    return ScratchCopy(tmp_path / "copy", small_repository(tmp_path / "repository"))


async def outcome_of(copy: ScratchCopy, old: str, new: str, *tests: str) -> Outcome:
    names = tuple(f"{TEST_FILE}::{test}" for test in tests)
    mutation = Mutation(name="m", promise="", where="shop.till:change", old=old, new=new, tests=names)
    outcome = await try_mutation(copy, mutation, within_seconds=30)
    assert (copy.folder / mutation.path).read_text() == CODE, "the change was taken back"
    return outcome


async def test_a_mutation_is_killed_if_each_of_its_tests_fails(copy: ScratchCopy) -> None:
    tests = ("test_change_is_given", "test_no_more_is_given_than_was_paid")
    assert await outcome_of(copy, "paid - price", "paid", *tests) == Outcome(Verdict.KILLED)


async def test_a_mutation_survives_if_one_of_its_tests_passes(copy: ScratchCopy) -> None:
    outcome = await outcome_of(copy, "paid < price", "False", "test_too_little_is_refused", "test_change_is_given")
    assert outcome == Outcome(Verdict.SURVIVED, f"passed: {TEST_FILE}::test_change_is_given")


async def test_one_failing_case_is_enough_of_a_test_with_parameters(copy: ScratchCopy) -> None:
    outcome = await outcome_of(copy, "paid - price", "paid % 2", "test_no_more_is_given_than_was_paid")
    assert outcome == Outcome(Verdict.SURVIVED, f"passed: {TEST_FILE}::test_no_more_is_given_than_was_paid")
    outcome = await outcome_of(copy, "paid - price", "3 - paid", "test_no_more_is_given_than_was_paid")
    assert outcome == Outcome(Verdict.KILLED)


@pytest.mark.parametrize(
    ("new", "test", "reason"),
    [
        ("return payd - price", "test_change_is_given", "NameError: name 'payd' is not defined"),
        ("return 0", "test_a_page_shows_the_change", "ReferenceError: payd is not defined"),
        ("return 0", "test_with_a_fixture", "the fixture does not get its change"),
        ("while True: pass", "test_change_comes_in_time", "time limit"),
        ("return 0", "test_that_does_not_exist", ""),
    ],
    ids=["a name that does not exist", "the same in a page", "a fixture fails", "time limit", "no such test"],
)
async def test_a_failure_elsewhere_is_no_kill(copy: ScratchCopy, new: str, test: str, reason: str) -> None:
    outcome = await outcome_of(copy, "return paid - price", new, test)
    assert outcome.verdict is Verdict.OTHER_REASON
    assert reason in outcome.reason


async def test_a_mutation_that_cannot_be_applied_is_reported(copy: ScratchCopy) -> None:
    outcome = await outcome_of(copy, "no such text", "", "test_change_is_given")
    assert outcome.verdict is Verdict.NOT_APPLIED


async def test_tests_without_an_end_are_ended(copy: ScratchCopy) -> None:
    till = copy.folder / "shop/src/shop/till.py"
    till.write_text("while True: pass")
    run = await run_tests(copy, [f"{TEST_FILE}::test_change_is_given"], within_seconds=2)
    assert run.trouble == "no end within 2 s"
