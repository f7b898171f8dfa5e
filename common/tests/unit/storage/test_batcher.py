"""Calls that arrive while batches run form the next batch. A single call is sent immediately."""

import asyncio
from collections.abc import Sequence

import pytest

from common.storage.batcher import Batcher


class Refused(Exception):
    pass


class Database:
    """Answers n with 10·n while it may answer. Refuses negative numbers, and all calls while it is down."""

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
        while len(database.batches) < count:  # noqa: ASYNC110 - a batch starts in the next iteration of the event loop
            await asyncio.sleep(0)


@pytest.fixture
def database() -> Database:
    return Database()


async def test_consecutive_calls_are_sent_immediately_and_alone(database: Database) -> None:
    async with asyncio.timeout(5):
        assert [await database.calls.run(number) for number in range(5)] == [0, 10, 20, 30, 40]
    assert database.batches == [[0], [1], [2], [3], [4]]


async def test_a_call_made_when_a_result_arrives_is_sent(database: Database) -> None:
    async def regular() -> None:
        for number in range(50):
            assert await database.calls.run(number) == number * 10

    async with asyncio.timeout(5):
        await asyncio.gather(*(regular() for _ in range(4)))


async def test_calls_made_while_batches_run_form_the_next_batch(database: Database) -> None:
    first = await database.busy_with(1, 2)
    later = database.ask(3, 4, 5)
    await asyncio.sleep(0)
    assert database.batches == [[1], [2]]
    database.may_answer.set()
    assert await asyncio.gather(*first, *later) == [10, 20, 30, 40, 50]
    assert database.batches == [[1], [2], [3, 4, 5]]


async def test_each_call_gets_its_own_result_or_error(database: Database) -> None:
    asked = database.ask(1, -2, 3)
    assert await asyncio.gather(*asked, return_exceptions=True) == [10, asked[1].exception(), 30]
    assert isinstance(asked[1].exception(), Refused)


async def test_a_failure_of_a_batch_fails_the_waiting_calls_and_no_later_ones(
    database: Database,
) -> None:
    under_way = await database.busy_with(1, 2)
    waiting = database.ask(3, 4, 5)
    await asyncio.sleep(0)
    database.is_down = True
    database.may_answer.set()
    outcomes = await asyncio.gather(*under_way, *waiting, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ConnectionError] * 5
    assert database.batches == [[1], [2]], "the waiting calls were not sent"
    database.is_down = False
    assert await database.calls.run(4) == 40


async def test_a_cancelled_call_is_not_sent_and_does_not_cancel_others(database: Database) -> None:
    first = await database.busy_with(1, 2)
    impatient, patient = database.ask(3, 4)
    await asyncio.sleep(0)
    first[0].cancel()
    impatient.cancel()
    database.may_answer.set()
    assert [await first[1], await patient] == [20, 40]
    assert database.batches == [[1], [2], [4]]
    assert await database.calls.run(5) == 50


async def test_more_calls_than_one_batch_holds_are_all_answered(database: Database) -> None:
    first = await database.busy_with(1, 2)
    later = database.ask(*range(1_200))
    await asyncio.sleep(0)
    database.may_answer.set()
    assert await asyncio.gather(*later) == [number * 10 for number in range(1_200)]
    await asyncio.gather(*first)
    assert max(len(batch) for batch in database.batches) == 500
