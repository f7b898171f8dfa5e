"""The operators' commands as they are typed: processes, with a terminal or without one."""

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import AsyncIterator

import pytest
import typer
from typer.testing import CliRunner

from common.ids import new_id
from common.messaging import dead_letter
from common.mongo import Mongo
from common.servers.mongod import Mongod
from common.servers.nats_server import NatsServer
from common.servers.ports import free_port
from common.testing.events import EventStreams
from common.testing.samples import order_events
from marketplace import cli
from marketplace.provisioning import CONSUMERS_OF

COMMAND = [sys.executable, "-P", "-m", "marketplace"]
SOURCE = "tickets-hold-ticket-on-order-created"


@pytest.fixture
def environment(mongod: Mongod, nats_server: NatsServer, streams: EventStreams) -> dict[str, str]:
    return {**os.environ, "MONGO_URL": mongod.url, "NATS_URL": nats_server.url}


@pytest.fixture(scope="module")
def commands() -> typer.Typer:
    """In this process, for what needs no server."""
    cli._add_operations()  # noqa: SLF001 - what main() does, too
    return cli.app


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], env=environment, capture_output=True, text=True, check=False)  # noqa: S603


def first_byte_of(environment: dict[str, str], *arguments: str) -> tuple[bytes, bytes]:
    """What `marketplace … | head -c 1` shows, and what it complains about."""
    with subprocess.Popen([*COMMAND, *arguments], env=environment, stdout=-1, stderr=-1) as process:  # noqa: S603
        assert process.stdout is not None
        assert process.stderr is not None
        seen = os.read(process.stdout.fileno(), 1)
        process.stdout.close()
        return seen, process.stderr.read()


def run_in_terminal(environment: dict[str, str], columns: int, *arguments: str) -> str:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    there = {**environment, "TERM": "xterm-256color"}
    with subprocess.Popen([*COMMAND, *arguments], env=there, stdout=theirs, stderr=theirs) as process:  # noqa: S603
        os.close(theirs)
        seen = b""
        while True:
            try:
                chunk = os.read(ours, 4096)
            except OSError:  # that is how Linux tells the end of a terminal
                chunk = b""
            if not chunk:
                break
            seen += chunk
        assert process.wait(timeout=20) == 0
    os.close(ours)
    return seen.decode().replace("\r\n", "\n")


@pytest.fixture
async def ghost(mongod: Mongod) -> AsyncIterator[str]:
    """A replica of an order that nobody knows."""
    mongo = Mongo(mongod.url, "payments", "pymongo")
    key = new_id()
    await mongo.database["order_replicas"].insert_one({"_id": key, "version": 1})
    yield key
    await mongo.database["order_replicas"].delete_one({"_id": key})  # type: ignore[attr-defined]
    await mongo.close()


def test_an_empty_platform_is_no_failure(environment: dict[str, str]) -> None:
    audited = run(environment, "audit")
    assert (audited.returncode, audited.stdout, audited.stderr) == (0, "Everything agrees. There is no data yet.\n", "")
    listed = run(environment, "dead-letters", "list")
    assert (listed.returncode, listed.stdout) == (0, "No dead letters.\n")


def test_an_audit_prints_its_differences_and_fails_and_its_repair_mends_them(
    environment: dict[str, str], ghost: str
) -> None:
    audited = run(environment, "audit", "--json")
    assert (audited.returncode, audited.stderr) == (1, "")
    assert json.loads(audited.stdout)["differences"] == [
        {
            "rule": "payments order_replicas equal what orders has",
            "id": ghost,
            "detail": "its owner knows nothing of it",
        }
    ]
    repaired = run(environment, "audit", "--repair")
    assert (repaired.returncode, repaired.stderr) == (0, "")
    assert repaired.stdout.splitlines() == [
        "Rebuilt payments order_replicas: 0 mended, 1 removed.",
        "Everything agrees. There is no data yet.",
    ]


def test_a_rebuild_says_what_it_did(environment: dict[str, str], ghost: str) -> None:
    rebuilt = run(environment, "rebuild", "payments", "order_replicas")
    assert (rebuilt.returncode, rebuilt.stderr) == (0, "")
    assert rebuilt.stdout == "0 events of 0 aggregates read; 0 replicas mended, 1 removed.\n"
    again = json.loads(run(environment, "rebuild", "payments", "order_replicas", "--json").stdout)
    assert again == {"events": 0, "aggregates": 0, "changed": [], "removed": [], "unheard": []}


def test_lag_names_what_is_missing_and_fails(environment: dict[str, str]) -> None:
    found = run(environment, "lag", "--json")
    assert (found.returncode, found.stderr) == (1, "")
    names = [consumer.name for consumers in CONSUMERS_OF.values() for consumer in consumers]
    assert [each["consumer"] for each in json.loads(found.stdout) if not each["provisioned"]] == names
    shown = run(environment, "lag").stdout
    assert [
        line for line in shown.splitlines() if line.strip().startswith(SOURCE) and "missing: not provisioned" in line
    ]


async def test_a_timeline_has_an_exit_status_for_each_end(environment: dict[str, str], streams: EventStreams) -> None:
    event, _, _ = order_events(new_id())
    await streams.publish(event)
    shown = run(environment, "timeline", event.id)
    assert (shown.returncode, "order.created" in shown.stdout) == (0, True)
    (told,) = json.loads(run(environment, "timeline", event.id, "--json").stdout)
    assert told["data"]["ticket"]["price"] == 1999
    unknown = run(environment, "timeline", new_id(), "--json")
    assert (unknown.returncode, unknown.stdout) == (1, "[]\n")


@pytest.mark.parametrize("none", ["*", ">", "a b", "65F0C0FFEE00000000000010", ""])
def test_what_is_no_id_has_no_timeline(commands: typer.Typer, none: str) -> None:
    refused = CliRunner().invoke(commands, ["timeline", none])
    assert (refused.exit_code, refused.stdout) == (2, "")


async def test_dead_letters_are_listed_shown_replayed_and_dropped(
    environment: dict[str, str], streams: EventStreams
) -> None:
    reason = "ValueError: [bold]no[/wrong] \x1b[2J"
    headers = {dead_letter.CONSUMER: SOURCE, dead_letter.SUBJECT: "order.created.x", dead_letter.REASON: reason}
    await streams.publish_bytes(f"dead-letter.{SOURCE}", b'{"a": "[/]\x1b[2J"}', headers)

    listed = run(environment, "dead-letters", "list")
    assert (listed.returncode, listed.stderr) == (0, "")
    assert "ValueError: [bold]no[/wrong] \\x1b[2J" in listed.stdout.splitlines()[3]
    assert json.loads(run(environment, "dead-letters", "list", "--json").stdout)[0]["reason"] == reason

    shown = run(environment, "dead-letters", "show", "1").stdout
    assert '{"a": "[/]\\x1b[2J"}' in shown.splitlines()
    assert f"dead-letter-consumer: {SOURCE}" in shown.splitlines()

    replayed = run(environment, "dead-letters", "replay", "1", "1", "--json")
    assert (replayed.returncode, replayed.stderr) == (1, "")
    (outcome,) = json.loads(replayed.stdout)
    assert outcome["replayed"] is False
    assert "is its service running?" in outcome["reason"]

    unknown = run(environment, "dead-letters", "drop", "1", "7")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert unknown.stderr == "There is no dead letter 7. `dead-letters list` shows those that there are.\n"
    dropped = run(environment, "dead-letters", "drop", "1", "1")
    assert (dropped.returncode, dropped.stdout) == (0, "Dropped: 1\n")
    assert run(environment, "dead-letters", "show", "1").returncode == 1
    assert run(environment, "dead-letters", "show", "one").returncode == 2


def test_a_replica_that_does_not_exist_is_status_2(commands: typer.Typer) -> None:
    refused = CliRunner().invoke(commands, ["rebuild", "tickets", "tickets"])
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "order_replicas" in refused.stderr


@pytest.mark.parametrize("variable", ["MONGO_URL", "NATS_URL"])
def test_a_server_that_is_away_is_one_line_and_status_1(environment: dict[str, str], variable: str) -> None:
    scheme = variable.partition("_")[0].lower().replace("mongo", "mongodb")
    place = f"127.0.0.1:{free_port()}"
    failed = run({**environment, variable: f"{scheme}://{place}"}, "audit", "--json")
    assert (failed.returncode, failed.stdout) == (1, "")
    (line,) = failed.stderr.splitlines()
    assert f"does not answer at {place}" in line
    assert variable in line


async def test_streams_that_are_not_provisioned_are_one_line_and_status_1(
    environment: dict[str, str], streams: EventStreams
) -> None:
    await streams.broker.jetstream.delete_stream("DEAD_LETTERS")
    failed = run(environment, "dead-letters", "list")
    assert (failed.returncode, failed.stdout, len(failed.stderr.splitlines())) == (1, "", 1)
    assert "marketplace provision" in failed.stderr


@pytest.mark.parametrize("columns", [20, 60, 100, 300])
async def test_no_terminal_is_too_narrow_for_a_whole_reason(
    environment: dict[str, str], streams: EventStreams, columns: int
) -> None:
    reason = "ValueError: " + " ".join(f"word{number}" for number in range(30))
    headers = {dead_letter.CONSUMER: SOURCE, dead_letter.SUBJECT: "order.created.x", dead_letter.REASON: reason}
    await streams.publish_bytes(f"dead-letter.{SOURCE}", b"{}", headers)
    seen = run_in_terminal(environment, columns, "dead-letters", "list")
    assert "…" not in seen
    for word in reason.split():
        assert word in seen


async def test_a_reader_who_goes_away_sees_no_complaint(environment: dict[str, str], streams: EventStreams) -> None:
    for _ in range(5):
        await streams.publish_bytes(f"dead-letter.{SOURCE}", b"x" * 50_000)
    assert first_byte_of(environment, "dead-letters", "list", "--json") == (b"[", b"")


@pytest.mark.parametrize(
    "words",
    ["audit", "rebuild", "lag", "timeline", *(f"dead-letters {each}" for each in ("list", "show", "replay", "drop"))],
)
def test_each_command_says_what_its_exit_status_means(commands: typer.Typer, words: str) -> None:
    helped = CliRunner().invoke(commands, [*words.split(), "--help"])
    assert (helped.exit_code, "Exit status: 0" in helped.stdout) == (0, True)
