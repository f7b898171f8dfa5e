"""A background loop that fails again and again is started again after growing pauses."""

from itertools import pairwise

from structlog.testing import capture_logs

from common.runtime.background import keep_running
from devkit.testing.skipped_time import in_background, let_pass, run_without_waiting, seconds_passed


def test_the_pauses_grow_up_to_half_a_minute_and_each_failure_is_logged() -> None:
    started: list[float] = []

    async def fail() -> None:
        started.append(seconds_passed())
        raise RuntimeError("a defect")

    async def story() -> None:
        async with in_background(keep_running(fail)):
            await let_pass(125)

    with capture_logs() as logs:
        run_without_waiting(story())
    pauses = [round(later - earlier, 1) for earlier, later in pairwise(started)]
    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert [line["log_level"] for line in logs] == ["error"] * len(started)


def test_after_a_long_time_without_a_failure_the_pauses_begin_again() -> None:
    started: list[float] = []

    async def fail_after_a_minute() -> None:
        started.append(seconds_passed())
        await let_pass(60)
        raise RuntimeError("a defect")

    async def story() -> None:
        async with in_background(keep_running(fail_after_a_minute)):
            await let_pass(200)

    run_without_waiting(story())
    assert [round(later - earlier, 1) for earlier, later in pairwise(started)] == [60.5] * 3
