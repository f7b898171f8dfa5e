"""Calls that arrive while a batch is on its way form the next batch. A call alone is sent at once."""

import asyncio
from collections.abc import Sequence

import pytest

from common.storage.batcher import Batcher


class Refused(Exception):
    pass


class Database:
    """Answers n with 10·n, as soon as it may; refuses each negative number, and everybody while it is down."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.is_down = False
        self.calls: Batcher[int, int] = Batcher(self.run_batch)

    async def run_batch(self, numbers: Sequence[int]) -> list[int | BaseException]:
        self.batches.append(list(numbers))
        await self.may_answer.wait()
        if self.is_down:
            raise ConnectionError("down")
        return [Refused(number) if number < 0 else number * 10 for number in numbers]

    def ask(self, *numbers: int) -> list[asyncio.Task[int]]:
        return [asyncio.create_task(self.calls.run(number)) for number in numbers]

    async def busy_with(self, *numbers: int) -> list[asyncio.Task[int]]:
        """Keep every worker busy until the database may answer."""
        self.may_answer.clear()
        asked = []
        for number in numbers:
            asked += self.ask(number)
            await until_batches(self, len(asked))
        return asked


async def until_batches(database: Database, count: int) -> None:
    async with asyncio.timeout(5):
        while len(database.batches) < count:  # noqa: ASYNC110 - a group goes in the next turn of the loop
            await asyncio.sleep(0)


@pytest.fixture
def database() -> Database:
    return Database()


async def test_calls_one_after_the_other_each_go_at_once_and_alone(database: Database) -> None:
    async with asyncio.timeout(5):
        assert [await database.calls.run(number) for number in range(5)] == [0, 10, 20, 30, 40]
    assert database.batches == [[0], [1], [2], [3], [4]]


async def test_those_who_ask_again_at_the_moment_of_their_answer_are_not_forgotten(database: Database) -> None:
    async def regular() -> None:
        for number in range(50):
            assert await database.calls.run(number) == number * 10

    async with asyncio.timeout(5):
        await asyncio.gather(*(regular() for _ in range(4)))


async def test_who_comes_while_others_are_on_their_way_goes_with_the_next_group(database: Database) -> None:
    first = await database.busy_with(1, 2)
    later = database.ask(3, 4, 5)
    await asyncio.sleep(0)
    assert database.batches == [[1], [2]]
    database.may_answer.set()
    assert await asyncio.gather(*first, *later) == [10, 20, 30, 40, 50]
    assert database.batches == [[1], [2], [3, 4, 5]]


async def test_each_gets_its_own_answer_or_its_own_error(database: Database) -> None:
    asked = database.ask(1, -2, 3)
    assert await asyncio.gather(*asked, return_exceptions=True) == [10, asked[1].exception(), 30]
    assert isinstance(asked[1].exception(), Refused)


async def test_what_blocks_the_way_is_told_to_all_on_it_and_to_those_who_wait_and_not_to_the_next(
    database: Database,
) -> None:
    under_way = await database.busy_with(1, 2)
    waiting = database.ask(3, 4, 5)
    await asyncio.sleep(0)
    database.is_down = True
    database.may_answer.set()
    outcomes = await asyncio.gather(*under_way, *waiting, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ConnectionError] * 5
    assert database.batches == [[1], [2]], "nobody tried in vain, one after the other"
    database.is_down = False
    assert await database.calls.run(4) == 40


async def test_who_has_stopped_waiting_is_not_asked_for_and_takes_nobody_along(database: Database) -> None:
    first = await database.busy_with(1, 2)
    impatient, patient = database.ask(3, 4)
    await asyncio.sleep(0)
    first[0].cancel()
    impatient.cancel()
    database.may_answer.set()
    assert await asyncio.gather(first[1], patient) == [20, 40]
    assert database.batches == [[1], [2], [4]]
    assert await database.calls.run(5) == 50


async def test_many_more_than_fit_into_a_group_are_all_answered(database: Database) -> None:
    first = await database.busy_with(1, 2)
    later = database.ask(*range(1_200))
    await asyncio.sleep(0)
    database.may_answer.set()
    assert await asyncio.gather(*later) == [number * 10 for number in range(1_200)]
    await asyncio.gather(*first)
    assert max(len(batch) for batch in database.batches) == 500
