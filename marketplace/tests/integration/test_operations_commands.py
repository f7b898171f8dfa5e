"""The operators' commands: their output and their exit status."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator

import pytest
import typer
from marketplace.tests.integration.damageable import damageable
from marketplace.tests.integration.typed import run
from typer.testing import CliRunner

from common.domain.ids import new_id
from common.messaging import dead_letters as dead_letter
from common.messaging.provisioning import provision_consumers
from common.storage.mongo import Mongo
from devkit.servers.mongod import Mongod
from devkit.servers.ports import free_port
from devkit.testing.events import EventStreams
from devkit.testing.eventually import eventually
from devkit.testing.samples import captured_payment, order_events
from marketplace import cli
from marketplace.registry import CONSUMERS_OF

SOURCE = "tickets-hold-ticket-on-order-created"


@pytest.fixture(scope="module")
def commands() -> typer.Typer:
    """The commands in this process, for tests that need no server."""
    return cli.app


@pytest.fixture
async def ghost(mongod: Mongod) -> AsyncIterator[str]:
    """A read model of an order that does not exist."""
    mongo = Mongo(mongod.url, "payments", "pymongo")
    key = new_id()
    await mongo.database["order_replicas"].insert_one({"_id": key, "version": 1})
    yield key
    await damageable(mongo.database["order_replicas"]).delete_one({"_id": key})
    await mongo.close()


def test_an_empty_platform_is_no_failure(environment: dict[str, str]) -> None:
    audited = run(environment, "audit")
    assert (audited.returncode, audited.stdout, audited.stderr) == (0, "No differences. There is no data yet.\n", "")
    listed = run(environment, "dead-letters", "list")
    assert (listed.returncode, listed.stdout) == (0, "No dead letters.\n")


@pytest.mark.slow
def test_an_audit_prints_its_differences_and_fails_and_repair_repairs_them(
    environment: dict[str, str], ghost: str
) -> None:
    audited = run(environment, "audit", "--json")
    assert (audited.returncode, audited.stderr) == (1, "")
    assert json.loads(audited.stdout)["differences"] == [
        {
            "rule": "payments order_replicas equal what orders has",
            "id": ghost,
            "detail": "its owner does not have it",
        }
    ]
    repaired = run(environment, "audit", "--repair")
    assert (repaired.returncode, repaired.stderr) == (0, "")
    assert repaired.stdout.splitlines() == [
        f"rule{' ' * 44}id{' ' * 25}difference",
        f"payments order_replicas equal what orders has   {ghost}   its owner does not have it",
        "1 difference found.",
        "Rebuilt payments order_replicas: 0 documents repaired, 1 removed, 0 events replayed.",
        "No differences. There is no data yet.",
    ]


def test_a_rebuild_says_what_it_did(environment: dict[str, str], ghost: str) -> None:
    rebuilt = run(environment, "rebuild", "payments", "order_replicas")
    assert (rebuilt.returncode, rebuilt.stderr) == (0, "")
    assert rebuilt.stdout == "0 events of 0 aggregates read; 0 documents repaired, 1 removed, 0 events replayed.\n"
    again = json.loads(run(environment, "rebuild", "payments", "order_replicas", "--json").stdout)
    lists: dict[str, list[str]] = {"changed": [], "withoutOwner": [], "removed": [], "replayed": []}
    assert again == {"events": 0, "aggregates": 0, **lists, "notReplayed": {}}


def test_lag_names_missing_consumers_and_fails(environment: dict[str, str]) -> None:
    found = run(environment, "lag", "--json")
    assert (found.returncode, found.stderr) == (1, "")
    names = [consumer.name for consumers in CONSUMERS_OF.values() for consumer in consumers]
    consumers = json.loads(found.stdout)["consumers"]
    assert [each["consumer"] for each in consumers if not each["provisioned"]] == names
    assert {each["pending"] for each in consumers} == {None}
    shown = run(environment, "lag").stdout
    assert [
        line for line in shown.splitlines() if line.strip().startswith(SOURCE) and "missing: not provisioned" in line
    ]


async def test_lag_fails_if_a_consumer_has_no_subscriber_and_names_the_log(
    environment: dict[str, str], streams: EventStreams
) -> None:
    for consumers in CONSUMERS_OF.values():
        await provision_consumers(streams.broker.jetstream, consumers)
    listeners = {
        consumer.name: await streams.broker.client.subscribe(f"deliver.{consumer.name}", queue=consumer.name)
        for consumers in CONSUMERS_OF.values()
        for consumer in consumers
    }

    async def lag() -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(run, environment, "lag")

    healthy = await eventually(lag, until=lambda seen: seen.returncode == 0, what="a listener for each consumer")
    assert "no subscriber" not in healthy.stdout
    assert [line for line in healthy.stdout.split("\n")[:-1] if not line or line != line.rstrip()] == []
    await listeners[SOURCE].unsubscribe()
    failed = await eventually(lag, until=lambda seen: seen.returncode == 1, what="a consumer without a listener")
    assert failed.stdout.count("no subscriber") == 1
    assert failed.stdout.splitlines()[-1].startswith("tickets receives no events")
    assert "logs/tickets.log" in failed.stdout
    for name in listeners.keys() - {SOURCE}:
        await listeners[name].unsubscribe()


async def test_a_timeline_has_an_exit_status_for_each_end(environment: dict[str, str], streams: EventStreams) -> None:
    event, _, _ = order_events(new_id())
    await streams.publish(event)
    shown = run(environment, "timeline", event.id)
    assert (shown.returncode, "order.created" in shown.stdout) == (0, True)
    (event_shown,) = json.loads(run(environment, "timeline", event.id, "--json").stdout)
    assert event_shown["data"]["ticket"]["price"] == 1999
    assert event_shown["aggregateId"] == event.id
    assert run(environment, "timeline", event.id.upper()).stdout == shown.stdout
    unknown = run(environment, "timeline", new_id(), "--json")
    assert (unknown.returncode, unknown.stdout) == (1, "[]\n")


async def test_a_timeline_of_several_aggregates_says_whose_each_event_is(
    environment: dict[str, str], streams: EventStreams, mongod: Mongod
) -> None:
    created, _, _ = order_events(new_id())
    paid = captured_payment(created.id)
    await streams.publish(created, paid)
    mongo = Mongo(mongod.url, "payments", "pymongo")
    await mongo.database["payments"].insert_one({"_id": paid.id, "order_id": created.id})
    shown = run(environment, "timeline", created.id)
    await damageable(mongo.database["payments"]).delete_one({"_id": paid.id})
    await mongo.close()
    heading, *lines = shown.stdout.splitlines()
    assert heading.split()[:4] == ["at", "event", "of", "version"]
    assert [line.split()[2:4] for line in lines] == [["order.created", created.id], ["payment.created", paid.id]]


def test_the_error_for_an_empty_timeline_says_what_has_no_event(environment: dict[str, str]) -> None:
    nothing = run(environment, "timeline", new_id())
    assert (nothing.returncode, nothing.stdout) == (1, "")
    assert "A declined payment has no event" in nothing.stderr
    assert "`marketplace dead-letters list`" in nothing.stderr


@pytest.mark.parametrize("command", ["show", "replay", "drop"])
@pytest.mark.parametrize("none", ["one", "0", "-1", "1.5"])
def test_an_id_of_a_dead_letter_must_be_a_number(commands: typer.Typer, command: str, none: str) -> None:
    refused = CliRunner().invoke(commands, ["dead-letters", command, "--", none])
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "an id is a number; `marketplace dead-letters list` shows all ids" in " ".join(
        refused.stderr.replace("│", "").split()
    )


@pytest.mark.parametrize("none", ["*", ">", "a b", "65F0C0FFEE0000000000001", "65f0c0ffee00000000000010\n", ""])
def test_an_invalid_id_has_no_timeline(commands: typer.Typer, none: str) -> None:
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
    assert "ValueError: [bold]no[/wrong] \\x1b[2J" in listed.stdout.splitlines()[1]
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
    assert unknown.stderr == "There is no dead letter 7. `marketplace dead-letters list` shows all of them.\n"
    dropped = run(environment, "dead-letters", "drop", "1", "1")
    assert (dropped.returncode, dropped.stdout) == (0, "Dropped: 1\n")
    assert run(environment, "dead-letters", "show", "1").returncode == 1


def test_an_unknown_read_model_is_status_2(commands: typer.Typer) -> None:
    refused = CliRunner().invoke(commands, ["rebuild", "tickets", "tickets"])
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "order_replicas" in refused.stderr


@pytest.mark.slow
@pytest.mark.parametrize("variable", ["MONGO_URL", "NATS_URL"])
def test_a_server_that_is_down_is_one_line_and_status_1(environment: dict[str, str], variable: str) -> None:
    scheme = variable.partition("_")[0].lower().replace("mongo", "mongodb")
    place = f"127.0.0.1:{free_port()}"
    failed = run({**environment, variable: f"{scheme}://{place}"}, "audit", "--json")
    assert (failed.returncode, failed.stdout) == (1, "")
    (line,) = failed.stderr.splitlines()
    assert f"does not answer at {place}" in line
    assert variable in line


@pytest.mark.parametrize(
    "words", ["lag --json", "dead-letters list --json", "dead-letters replay 7", "dead-letters drop 7"]
)
def test_commands_that_need_only_nats_work_while_mongodb_is_down(environment: dict[str, str], words: str) -> None:
    no_mongodb = {**environment, "MONGO_URL": f"mongodb://127.0.0.1:{free_port()}"}
    down, expected = run(no_mongodb, *words.split()), run(environment, *words.split())
    assert (down.returncode, down.stderr) == (expected.returncode, expected.stderr)
    assert "MongoDB" not in down.stderr


async def test_streams_that_are_not_provisioned_are_one_line_and_status_1(
    environment: dict[str, str], streams: EventStreams
) -> None:
    await streams.broker.jetstream.delete_stream("DEAD_LETTERS")
    failed = run(environment, "dead-letters", "list")
    assert (failed.returncode, failed.stdout, len(failed.stderr.splitlines())) == (1, "", 1)
    assert "marketplace provision" in failed.stderr


@pytest.mark.parametrize(
    "words",
    ["audit", "rebuild", "lag", "timeline", *(f"dead-letters {each}" for each in ("list", "show", "replay", "drop"))],
)
def test_each_command_says_what_its_exit_status_means(commands: typer.Typer, words: str) -> None:
    helped = CliRunner().invoke(commands, [*words.split(), "--help"])
    assert (helped.exit_code, "Exit status: 0" in helped.stdout) == (0, True)
