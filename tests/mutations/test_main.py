"""The exit status of the runner, tried on a small repository with a real pytest."""

from pathlib import Path

import pytest

from mutations.__main__ import run
from mutations.mutation import Mutation
from mutations.small_repository import TEST_FILE, small_repository

pytestmark = pytest.mark.slow


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return small_repository(tmp_path / "repository")


def mutation(name: str, new: str, test: str = "test_change_is_given", old: str = "paid - price") -> Mutation:
    return Mutation(name=name, promise="", where="shop.till:change", old=old, new=new, tests=(f"{TEST_FILE}::{test}",))


KILLED = mutation("killed", "paid")
SURVIVES = mutation("survives", "paid - price + 0")
CANNOT_BE_APPLIED = mutation("cannot-be-applied", "", old="no such text")
FAILS_ELSEWHERE = mutation("fails-elsewhere", "0", "test_with_a_fixture")


async def test_the_status_is_0_if_all_mutations_are_killed(repository: Path) -> None:
    assert await run([KILLED], repository) == 0


@pytest.mark.parametrize("other", [SURVIVES, CANNOT_BE_APPLIED, FAILS_ELSEWHERE], ids=lambda each: each.name)
async def test_the_status_is_1_if_one_mutation_is_not_killed(
    repository: Path, other: Mutation, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run([KILLED, other], repository) == 1
    assert other.name in capsys.readouterr().out


async def test_no_mutation_is_tried_if_a_test_fails_without_any(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / TEST_FILE).write_text("def test_change_is_given(): assert False")
    assert await run([KILLED], repository) == 1
    assert "No mutation was tried" in capsys.readouterr().out
