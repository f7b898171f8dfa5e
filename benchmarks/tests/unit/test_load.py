"""Tests the schedule of a load generator, with a fake clock that only the test advances."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from subprocess import PIPE, Popen

import pytest

from benchmarks.load import NO_ANSWER, ask_all

REQUESTS = [b"first", b"second", b"third", b"fourth"]


@dataclass
class Clock:
    seconds: float = 100.0

    def now(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += max(0.0, seconds)


@dataclass
class Answering:
    """A fake connection. `takes` has the seconds until each answer, one after the other.

    If a value in `takes` is None, the connection breaks at this request.
    """

    clock: Clock
    takes: list[float | None]
    asked_at: dict[bytes, float] = field(default_factory=dict)
    closed: int = 0

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        self.asked_at[request] = self.clock.seconds
        takes = self.takes.pop(0)
        if takes is None:
            raise ConnectionResetError
        self.clock.seconds += takes
        return 201, b""

    def close(self) -> None:
        self.closed += 1


async def asked(takes: Sequence[float | None], rate: float | None) -> tuple[Answering, list[tuple[float, float, int]]]:
    clock = Clock()
    connection = Answering(clock, list(takes))
    return connection, await ask_all(REQUESTS, [connection], rate, now=clock.now, sleep=clock.sleep)


async def test_requests_of_a_rate_are_sent_when_they_are_due() -> None:
    connection, answers = await asked([0.01] * 4, rate=10)
    assert list(connection.asked_at.values()) == pytest.approx([100.0, 100.1, 100.2, 100.3])
    assert [done - due for due, done, _ in answers] == pytest.approx([0.01] * 4)


async def test_a_slow_answer_does_not_delay_the_moment_at_which_the_next_request_was_due() -> None:
    """A request that cannot be sent yet, because the server is slow, also waits. This time must count.

    The error of not counting this time is known as coordinated omission.
    """
    connection, answers = await asked([0.5, 0.0, 0.0, 0.0], rate=10)
    assert [due for due, _, _ in answers] == pytest.approx([100.0, 100.1, 100.2, 100.3])
    assert [done - due for due, done, _ in answers] == pytest.approx([0.5, 0.4, 0.3, 0.2])
    assert connection.asked_at[b"second"] == pytest.approx(100.5)


async def test_without_a_rate_each_request_is_due_when_the_one_before_is_answered() -> None:
    _, answers = await asked([0.5, 0.2, 0.1, 0.1], rate=None)
    assert [due for due, _, _ in answers] == pytest.approx([100.0, 100.5, 100.7, 100.8])
    assert [done - due for due, done, _ in answers] == pytest.approx([0.5, 0.2, 0.1, 0.1])


async def test_a_broken_connection_is_no_answer_and_the_next_request_is_asked_anyway() -> None:
    connection, answers = await asked([0.1, None, 0.1, 0.1], rate=None)
    assert [status for _, _, status in answers] == [201, NO_ANSWER, 201, 201]
    assert connection.closed == 1


async def test_several_connections_share_the_requests_and_each_is_asked_once() -> None:
    clock = Clock()
    connections = [Answering(clock, [0.1] * 4) for _ in range(3)]
    answers = await ask_all(REQUESTS, connections, now=clock.now, sleep=clock.sleep)
    assert sorted(request for each in connections for request in each.asked_at) == sorted(REQUESTS)
    assert [status for _, _, status in answers] == [201] * 4


def test_a_long_outcome_is_complete_though_a_signal_interrupts_the_write() -> None:
    program = """
import os, signal
from benchmarks.load import say
signal.signal(signal.SIGALRM, lambda *_: os.write(2, b"!"))
signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
say("x" * 1_000_000)
"""
    # The option -u has the same effect as PYTHONUNBUFFERED. With this option, Python does not write the rest by itself
    # if only a part of a text could be written.
    with Popen([sys.executable, "-u", "-c", program], stdout=PIPE, stderr=PIPE) as process:  # noqa: S603 - our own
        assert process.stdout is not None
        assert process.stderr is not None
        process.stderr.read(3)  # after these three characters, the pipe is full and a signal has interrupted the write
        assert len(process.stdout.read()) == 1_000_001
