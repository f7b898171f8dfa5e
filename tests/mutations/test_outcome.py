"""What counts as a kill, tried with a small repository of its own and a real pytest."""

import subprocess
from pathlib import Path

import pytest

from mutations.mutation import Mutation
from mutations.outcome import Outcome, Verdict, run_tests, try_mutation
from mutations.scratch import ScratchCopy

CODE = """\
def change(paid: int, price: int) -> int:
    if paid < price:
        raise ValueError(paid)
    return paid - price
"""
TESTS = """\
import pytest
from shop.till import change

@pytest.fixture
def till():
    assert change(5, 3) == 2, "the fixture does not get its change"
    return change

def test_change_is_given():
    assert change(5, 3) == 2

def test_too_little_is_refused():
    with pytest.raises(ValueError):
        change(1, 3)

@pytest.mark.parametrize("paid", [3, 4])
def test_no_more_is_given_than_was_paid(paid):
    assert 0 <= change(paid, 3) <= 1

@pytest.mark.timeout(0.5)
def test_change_comes_in_time():
    assert change(5, 3) == 2

def test_with_a_fixture(till):
    pass
"""


TEST_FILE = "tests/test_till.py"


@pytest.fixture
def copy(tmp_path: Path) -> ScratchCopy:
    repository = tmp_path / "repository"
    files = {
        "shop/src/shop/__init__.py": "",
        "shop/src/shop/till.py": CODE,
        TEST_FILE: TESTS,
        "pyproject.toml": "[tool.pytest.ini_options]\naddopts = ['-p', 'no:xdist', '-p', 'no:hypothesispytest']\n",
    }
    for path, text in files.items():
        (repository / path).parent.mkdir(parents=True, exist_ok=True)
        (repository / path).write_text(text)
    subprocess.run(["git", "init", "--quiet"], cwd=repository, check=True)  # noqa: S607 - git of the PATH
    return ScratchCopy(tmp_path / "copy", repository)


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
        ("return 0", "test_with_a_fixture", "the fixture does not get its change"),
        ("while True: pass", "test_change_comes_in_time", "time limit"),
        ("return 0", "test_that_does_not_exist", ""),
    ],
    ids=["a name that does not exist", "a fixture fails", "time limit", "no such test"],
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
