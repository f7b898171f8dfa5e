"""The demo tells the whole story, survives what a service may do to it, and says which step did not happen."""

import io
import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn
from marketplace.tests.stand_in import StandIn
from rich.console import Console
from starlette.types import Receive, Scope, Send

from marketplace.demo import run_demo
from marketplace.demo.platform import Patience

PATIENT = Patience(gateway=10, effect=10, outage=10)
IMPATIENT = Patience(gateway=0.3, effect=0.5, outage=0.5)


class Played:
    def __init__(self, gateway: str, *, patience: Patience = PATIENT, encoding: str = "utf-8") -> None:
        screen = io.BytesIO()
        file = io.TextIOWrapper(screen, encoding=encoding, write_through=True)
        # An empty environment: FORCE_COLOR or COLUMNS of whoever runs the tests must not change what is shown.
        self.exit_code = run_demo(gateway, console=Console(file=file, width=80, _environ={}), patience=patience)
        self.shown = screen.getvalue().decode(encoding)
        self.prose = " ".join(self.shown.replace("│", " ").split())


class Door:
    """One server for all tests; each puts its own stand-in behind it."""

    behind: StandIn

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.behind(scope, receive, send)


@pytest.fixture(scope="module")
def door() -> Iterator[tuple[Door, str]]:
    door = Door()
    listening = socket.create_server(("127.0.0.1", 0))  # listens before the server runs: nobody has to wait for it
    server = uvicorn.Server(uvicorn.Config(door, lifespan="off", ws="none", log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    yield door, f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=5)


@pytest.fixture
def gateway(door: tuple[Door, str]) -> str:
    return door[1]


@pytest.fixture
def platform(door: tuple[Door, str]) -> StandIn:
    door[0].behind = StandIn()
    return door[0].behind


def test_the_whole_story_happens(platform: StandIn, gateway: str) -> None:
    played = Played(gateway)

    assert played.exit_code == 0, played.shown
    assert "is told “Somebody else has ordered this ticket”" in played.prose
    assert "is told “The card was declined”" in played.prose
    assert "order.completed payment.created 2" in played.prose
    assert "All 17 steps happened" in played.prose


def test_it_can_be_played_twice_on_one_platform(platform: StandIn, gateway: str) -> None:
    assert [Played(gateway).exit_code, Played(gateway).exit_code] == [0, 0]


@pytest.mark.parametrize(
    ("broken", "expected", "seen"),
    [
        ("hold", "the ticket to be held for the order", "its orderId is null"),
        ("409", "POST /api/orders to answer 409", "POST /api/orders answered 201"),
        ("402", "POST /api/payments to answer 402", "POST /api/payments answered 201"),
        ("completion", "the order to be completed", "it is created"),
        ("expiry", "the order to be cancelled", "it is created"),
        ("release", "the ticket to be on sale again", "it is still held, by order"),
        ("timeline", "a timeline with order.created", "no event at all"),
    ],
)
def test_a_step_that_does_not_happen_is_named(
    platform: StandIn, gateway: str, broken: str, expected: str, seen: str
) -> None:
    platform.broken = broken

    played = Played(gateway, patience=IMPATIENT)

    assert played.exit_code == 1
    assert "did not happen" in played.prose
    assert f"expected {expected}" in played.prose
    assert f"seen {seen}" in played.prose


@pytest.mark.parametrize(
    "request_line", ["POST /api/users/signup", "POST /api/tickets", "POST /api/orders", "POST /api/payments"]
)
def test_an_answer_that_got_lost_does_not_break_the_story(platform: StandIn, gateway: str, request_line: str) -> None:
    platform.forgetful = {request_line}

    played = Played(gateway)

    assert played.exit_code == 0, played.shown
    assert "is not answering" in played.prose


def test_a_service_that_is_away_for_a_while_is_waited_for(platform: StandIn, gateway: str) -> None:
    platform.away = {"POST /api/orders": 3}

    played = Played(gateway)

    assert played.exit_code == 0, played.shown
    assert "orders is not answering; waiting for it… · orders answers again" in played.prose


def test_a_service_that_stays_away_ends_the_demo(platform: StandIn, gateway: str) -> None:
    platform.away = {"POST /api/payments": 1_000}

    played = Played(gateway, patience=IMPATIENT)

    assert played.exit_code == 1
    assert "expected an answer to POST /api/payments within 0.5 s seen payments is not answering (503)" in played.prose


def test_without_a_platform_it_says_how_to_start_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]

    played = Played(f"http://127.0.0.1:{free}", patience=IMPATIENT)

    assert played.exit_code == 1
    assert played.prose == (
        "· the gateway is not answering; waiting for it… "
        f"no platform at http://127.0.0.1:{free}: start it with `make run`, or on Kubernetes with `make deploy`"
    )


def test_an_address_without_a_scheme_is_refused() -> None:
    assert "looks like http://127.0.0.1:8080" in Played("127.0.0.1:8080").prose


def test_a_log_file_gets_neither_colours_nor_more_columns_than_it_has(platform: StandIn, gateway: str) -> None:
    played = Played(gateway)

    assert "\x1b" not in played.shown
    assert max(len(line) for line in played.shown.splitlines()) <= 80


def test_a_terminal_without_unicode_gets_ascii(platform: StandIn, gateway: str) -> None:
    assert Played(gateway, encoding="ascii").exit_code == 0
