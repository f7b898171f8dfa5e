"""`marketplace seed` lists each ticket of the seed data once, however often it runs and whatever gets lost."""

import socket
from datetime import date, timedelta
from typing import Any

import pytest
from marketplace.tests.played import Played
from marketplace.tests.stand_in import StandIn

from marketplace.seed import run_seed
from marketplace.seed.listings import Listing, listings

TODAY = date(2026, 11, 27)
TOTAL = 40


def identities(platform: StandIn) -> list[Any]:
    return sorted((each["userId"], each["title"], str(each["place"])) for each in platform.tickets.values())


def test_it_lists_all_tickets_and_says_where(platform: StandIn, gateway: str) -> None:
    seeded = Played(gateway, command=run_seed)

    assert seeded.exit_code == 0, seeded.shown
    assert f"40 tickets of 5 sellers are on sale, 40 of them new: {gateway}" in seeded.prose
    assert len(platform.tickets) == len(set(map(str, identities(platform)))) == TOTAL
    first = next(iter(platform.tickets.values()))
    expected = next(iter(listings(date.today())))  # noqa: DTZ011 - as the command
    assert {name: first[name] for name in expected.body()} == expected.body()
    assert first["userId"] == expected.email


def test_a_second_run_lists_only_what_is_missing(platform: StandIn, gateway: str) -> None:
    Played(gateway, command=run_seed)
    before = identities(platform)

    again = Played(gateway, command=run_seed)
    assert (again.exit_code, identities(platform)) == (0, before)
    assert "40 tickets of 5 sellers are on sale, 0 of them new" in again.prose

    for ticket_id in list(platform.tickets)[::10]:
        del platform.tickets[ticket_id]
    assert "on sale, 4 of them new" in Played(gateway, command=run_seed).prose
    assert identities(platform) == before


def test_the_ticket_of_another_seller_is_not_taken_for_its_own(platform: StandIn, gateway: str) -> None:
    Played(gateway, command=run_seed)
    ticket = next(iter(platform.tickets.values()))
    ticket["userId"] = "somebody@example.com"

    assert "on sale, 1 of them new" in Played(gateway, command=run_seed).prose


@pytest.mark.parametrize("request_line", ["POST /api/tickets", "POST /api/users/signup"])
def test_a_lost_answer_lists_no_ticket_twice(platform: StandIn, gateway: str, request_line: str) -> None:
    platform.forgetful = {request_line}

    seeded = Played(gateway, command=run_seed)

    assert seeded.exit_code == 0, seeded.shown
    assert f"{request_line} answers 502. Repeating the request." in seeded.prose
    assert len(platform.tickets) == len(set(map(str, identities(platform)))) == TOTAL


def test_a_service_that_stays_away_ends_it_with_one_line(platform: StandIn, gateway: str) -> None:
    platform.away = {"POST /api/tickets": 1_000}

    seeded = Played(gateway, command=run_seed, timeout=0.5)

    assert seeded.exit_code == 1
    assert seeded.shown.splitlines()[-1] == "after 0.5 s, POST /api/tickets answers 503"


def test_without_a_platform_it_says_how_to_start_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]

    seeded = Played(f"http://127.0.0.1:{free}", command=run_seed, timeout=0.5)

    assert seeded.exit_code == 1
    assert f"The marketplace does not answer at http://127.0.0.1:{free}. Start it with `make run`" in seeded.prose


def test_the_dates_follow_the_day_and_keep_their_weekdays() -> None:
    def weekdays(of: list[Listing]) -> list[int]:
        return [each.starts_at.weekday() for each in of]

    first = list(listings(TODAY))
    for days in range(8):
        day = TODAY + timedelta(days=days)
        found = list(listings(day))
        assert weekdays(found) == weekdays(first)
        assert all(timedelta(weeks=1) < each.starts_at.date() - day < timedelta(weeks=17) for each in found)
        assert [each.starts_at.utcoffset() is not None for each in found] == [True] * TOTAL
