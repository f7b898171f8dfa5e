"""The demo plays all steps, repeats requests while a service does not answer, and names the step that fails."""

import re
import signal
import socket
from collections.abc import Callable

import pytest
from marketplace.tests.played import Played
from marketplace.tests.stand_in import StandIn

from marketplace.demo import run_demo
from marketplace.seed import run_seed

SHORT = 0.5


def test_all_17_steps_succeed(platform: StandIn, gateway: str) -> None:
    played = Played(gateway)

    assert played.exit_code == 0, played.shown
    assert "7 ✓ Ben is told “Somebody else has ordered this ticket.” 409" in played.prose
    assert "8 ✓ Ada is told “The card was declined” 402" in played.prose
    assert "order.completed payment.created 2" in played.prose
    assert re.findall(r"^ ?(\d+) ✓", played.shown, re.MULTILINE) == [str(number) for number in range(1, 18)]
    assert "All 17 steps succeeded" in played.prose


def test_it_can_be_played_twice_on_one_platform(platform: StandIn, gateway: str) -> None:
    assert [Played(gateway).exit_code, Played(gateway).exit_code] == [0, 0]


@pytest.mark.parametrize(
    ("broken", "step", "found"),
    [
        ("hold", "6 failed (tickets receives order.created: holds the ticket)", '"orderId":null}'),
        ("409", "7 failed (Ben", "POST /api/orders answers 201, expected 409"),
        ("402", "8 failed (Ada", "POST /api/payments answers 201, expected 402"),
        ("open", "9 failed (orders", '"status":"cancelled"'),
        ("completion", "11 failed (orders", '"status":"created"'),
        ("expiry", "15 failed (expiration", '"status":"created"'),
        ("early", "15 failed (expiration", "s before its deadline"),
        ("release", "16 failed (tickets", '"orderId":"'),
        ("timeline", "17 failed (orders", '{"events":[]}'),
    ],
)
def test_a_step_that_fails_is_named(platform: StandIn, gateway: str, broken: str, step: str, found: str) -> None:
    platform.broken = broken

    played = Played(gateway, timeout=SHORT)

    assert played.exit_code == 1
    last = played.shown.splitlines()[-1]
    assert last.startswith(f"Step {step}")
    assert found in last
    assert "; see the logs of the services around " in last


@pytest.mark.parametrize(
    "request_line", ["POST /api/users/signup", "POST /api/tickets", "POST /api/orders", "POST /api/payments"]
)
def test_a_lost_answer_does_not_break_the_story(platform: StandIn, gateway: str, request_line: str) -> None:
    platform.forgetful = {request_line}

    played = Played(gateway)

    assert played.exit_code == 0, played.shown
    assert f"{request_line} answers 502. Repeating the request." in played.prose


def test_requests_are_repeated_while_a_service_is_away(platform: StandIn, gateway: str) -> None:
    platform.away = {"POST /api/orders": 3}

    played = Played(gateway)

    assert played.exit_code == 0, played.shown
    assert played.prose.count("POST /api/orders answers 503. Repeating the request.") == 1


def test_a_service_that_stays_away_ends_the_demo(platform: StandIn, gateway: str) -> None:
    platform.away = {"POST /api/payments": 1_000}

    played = Played(gateway, timeout=SHORT)

    assert played.exit_code == 1
    assert (
        "Step 8 failed (Ada pays with a bad card, and is declined): after 0.5 s, POST /api/payments answers 503"
        in played.prose
    )


def test_without_a_platform_it_says_how_to_start_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]

    played = Played(f"http://127.0.0.1:{free}", timeout=SHORT)

    assert played.exit_code == 1
    assert played.shown.splitlines()[-1].startswith(
        f"The marketplace does not answer at http://127.0.0.1:{free}. "
        "Start it with `make run` (Kubernetes: `make deploy`), or say where it is: set GATEWAY_PORT, or GATEWAY. "
        "Reason: "
    )
    assert played.prose.endswith("gets no answer: Connection refused")
    assert "Errno" not in played.prose


@pytest.mark.parametrize("command", [run_demo, run_seed])
def test_the_port_of_a_single_service_is_told_from_the_gateway(
    platform: StandIn, gateway: str, command: Callable[..., int]
) -> None:
    platform.app.routes[:] = [route for route in platform.app.routes if "/api/users" in getattr(route, "path", "")]

    played = Played(gateway, timeout=SHORT, command=command)

    assert played.exit_code == 1
    assert f"The marketplace does not answer at {gateway}. Start it with `make run`" in played.prose
    assert "set GATEWAY_PORT, or GATEWAY. Reason: " in played.prose
    assert platform.users == {}, "nobody has signed up in vain"


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("127.0.0.1:8080", "Request URL is missing an 'http://' or 'https://' protocol"),
        ("http://127.0.0.1:x", "Invalid port: 'x'"),
    ],
)
def test_an_address_that_is_not_a_url_is_refused_at_once(address: str, reason: str) -> None:
    played = Played(address)

    assert played.exit_code == 1
    assert f"at {address}." in played.prose
    assert f"set GATEWAY_PORT, or GATEWAY. Reason: {reason}" in played.prose
    assert "Repeating" not in played.prose


def test_another_server_at_the_gateway_is_told_from_the_marketplace(platform: StandIn, gateway: str) -> None:
    platform.not_json = "GET /api/users/currentuser"

    played = Played(gateway)

    assert played.exit_code == 1
    assert "set GATEWAY_PORT, or GATEWAY. Reason: GET /api/users/currentuser answers 200" in played.prose
    assert "with a body that is not valid: Invalid JSON" in played.prose
    assert "Repeating" not in played.prose


def test_an_answer_that_is_not_json_fails_the_step(platform: StandIn, gateway: str) -> None:
    platform.not_json = "POST /api/tickets"

    played = Played(gateway)

    assert played.exit_code == 1
    assert "POST /api/tickets answers 201 with a body that is not valid: Invalid JSON" in played.shown.splitlines()[-1]


def test_ctrl_c_ends_the_demo_with_one_line_and_status_130(platform: StandIn, gateway: str) -> None:
    platform.interrupted = "POST /api/orders"
    # A shell starts a job in the background with SIGINT ignored. So this test does not rely on the present handler.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        played = Played(gateway)
    finally:
        signal.signal(signal.SIGINT, before)

    assert played.exit_code == 130
    assert played.shown.splitlines()[-1] == "Stopped by Ctrl-C."


def test_a_log_file_gets_no_colours_and_lines_of_80_columns(platform: StandIn, gateway: str) -> None:
    played = Played(gateway)

    assert "\x1b" not in played.shown
    assert max(len(line) for line in played.shown.splitlines()) <= 80


def test_escape_sequences_of_a_server_are_not_printed(platform: StandIn, gateway: str) -> None:
    platform.refusal = "Somebody else\x1b[31m has it"

    played = Played(gateway)

    assert "is told “Somebody else[31m has it”" in played.prose


def test_a_terminal_without_unicode_gets_question_marks(platform: StandIn, gateway: str) -> None:
    played = Played(gateway, encoding="ascii")

    assert played.exit_code == 0
    assert "lists ?Swan Lake, row F? at 19.99" in played.prose
