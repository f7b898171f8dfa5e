"""The stream was lost, or is older than the databases. The owners publish their present state again."""

import json
from collections.abc import AsyncIterator

import pytest
from marketplace.tests.integration.backups import Trade, a_trade, present_states
from marketplace.tests.integration.operated import (
    Marketplace,
    a_marketplace,
    an_operator,
    registered_read_models,
    running,
)
from typer.testing import CliRunner

from common.domain.ids import new_id
from common.events.envelope import REPUBLISHED
from common.events.tickets import TicketCreated, TicketUpdated
from common.messaging.streams import DOMAIN_EVENTS
from devkit.testing.events import EventStreams
from devkit.testing.running import Surroundings
from devkit.testing.samples import listed_ticket
from marketplace.cli import app as commands
from marketplace.operations.audit import audit
from marketplace.operations.rebuild import rebuild
from marketplace.operations.repair import repair
from marketplace.operations.republish import republish
from marketplace.operations.stored_data import AGGREGATES, owned
from tickets.ticket import Ticket

EVENTS_EQUAL = "equal their events"


@pytest.fixture
async def marketplace(surroundings: Surroundings) -> AsyncIterator[Marketplace]:
    async with a_marketplace(surroundings) as marketplace:
        yield marketplace


@pytest.fixture
async def trade(marketplace: Marketplace) -> Trade:
    return await a_trade(marketplace)


async def events_in_the_stream(streams: EventStreams) -> int:
    return (await streams.broker.jetstream.stream_info(DOMAIN_EVENTS.name)).state.messages


@pytest.mark.slow
async def test_after_the_loss_of_all_events_a_repair_publishes_the_present_state(
    marketplace: Marketplace, streams: EventStreams, trade: Trade
) -> None:
    await streams.broker.jetstream.purge_stream(DOMAIN_EVENTS.name)
    states = await present_states(marketplace.operator)
    report = await audit(marketplace.operator)
    assert report.differences
    repaired = await repair(marketplace.operator, report)
    assert {"tickets", "orders", "payments"} <= repaired.republished.keys()
    assert [each.not_published for each in repaired.republished.values()] == [0] * len(repaired.republished)
    await marketplace.settled()
    assert await present_states(marketplace.operator) == states


@pytest.mark.slow
async def test_republished_events_rebuild_a_read_model(
    marketplace: Marketplace, streams: EventStreams, trade: Trade
) -> None:
    """The loss of the events could not be repaired before, although their owner had everything."""
    await streams.broker.jetstream.purge_stream(DOMAIN_EVENTS.name)
    await marketplace.collection("orders", "ticket_replicas").delete_many({})
    await repair(marketplace.operator, await audit(marketplace.operator))
    await marketplace.settled()
    replica = await marketplace.collection("orders", "ticket_replicas").find_one({"_id": trade.cheaper})
    assert replica is not None
    assert replica["price"] == 1500


async def test_republishing_what_everybody_knows_changes_nothing(
    marketplace: Marketplace, streams: EventStreams, trade: Trade
) -> None:
    """Also twice, and also the events of orders that are over."""
    before, stored = await present_states(marketplace.operator), await events_in_the_stream(streams)
    published = 0
    for _ in range(2):
        for owner in AGGREGATES:
            done = await republish(marketplace.operator, owner)
            assert (done.not_published, done.unreadable, done.unknown) == (0, {}, [])
            published += len(done.staged)
    await marketplace.settled()
    assert await present_states(marketplace.operator) == before
    assert await streams.dead_letters() == []
    assert await events_in_the_stream(streams) == stored + published, "they are stored, but lead to no further event"


async def test_copies_of_an_event_that_lacks_a_new_field_can_be_completed(
    marketplace: Marketplace, streams: EventStreams
) -> None:
    """In a rollout, an instance of the old version has held or changed the ticket, so its event lacks the field."""
    event = listed_ticket(starts_at="2127-05-01T20:00:00+02:00")
    older = event.model_dump_json(by_alias=True, exclude={"starts_at"}).encode()
    await marketplace.collection("tickets", "tickets").insert_one(Ticket.from_event(event).to_document())
    await streams.publish_bytes(event.subject, older)
    await streams.eventually_quiet("orders-replicate-ticket", "storefront-show-ticket-on-ticket-event")
    differences = (await audit(marketplace.operator, settle_seconds=0)).differences
    assert {each.subject for each in differences} == {event.id}
    copies = [registered_read_models("orders", "ticket_replicas"), registered_read_models("storefront", "tickets")]
    assert {each.rule for each in differences} == {each.rule for each in copies}
    assert all(f'starts_at is null, not "{event.starts_at}"' in each.detail for each in differences)
    await republish(marketplace.operator, owned("tickets"), [event.id])
    for each in copies:
        await rebuild(marketplace.operator, each)
    await marketplace.settled()


async def test_only_the_given_aggregates_are_republished(
    marketplace: Marketplace, streams: EventStreams, trade: Trade
) -> None:
    unknown = new_id()
    progress: list[tuple[int, int]] = []
    done = await republish(
        marketplace.operator,
        owned("tickets"),
        [trade.cheaper, unknown],
        lambda published, total: progress.append((published, total)),
    )
    assert (done.staged, done.unknown) == ([trade.cheaper], [unknown])
    assert progress[-1] == (1, 1)
    again = [each for each in await streams.envelopes(TicketUpdated) if REPUBLISHED in each.headers]
    assert [each.subject.rpartition(".")[2] for each in again] == [trade.cheaper]
    assert again[0].headers["ce-causationid"] == "marketplace republish"


async def test_a_service_that_is_stopped_publishes_when_it_runs(
    surroundings: Surroundings, streams: EventStreams, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second command does not stage the event again."""
    monkeypatch.setattr("marketplace.operations.republish._PATIENCE_SECONDS", 0.0)
    ticket = Ticket.from_event(listed_ticket())
    async with an_operator(surroundings) as operator:
        await operator.databases["tickets"]["tickets"].insert_one(ticket.to_document())
        for _ in range(2):
            done = await republish(operator, owned("tickets"))
            assert (done.staged, done.not_published) == ([ticket.id], 1)
    async with running(surroundings, "tickets") as services:
        await streams.eventually_relayed(services["tickets"].collection("tickets"))
    assert [each.id for each in await streams.published(TicketCreated)] == [ticket.id]


async def test_a_document_that_cannot_be_read_is_reported(surroundings: Surroundings) -> None:
    async with an_operator(surroundings) as operator:
        await operator.databases["tickets"]["tickets"].insert_one({"_id": new_id(), "version": 1, "price": "cheap"})
        done = await republish(operator, owned("tickets"))
    assert (len(done.unreadable), done.staged) == (1, [])


def test_the_command_names_the_services_it_knows() -> None:
    refused = CliRunner().invoke(commands, ["republish", "shop"])
    assert refused.exit_code == 2
    assert "expiration" in refused.output


def test_the_command_prints_json(environment: dict[str, str]) -> None:
    done = CliRunner().invoke(commands, ["republish", "tickets", "--json"], env=environment)
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["staged"] == []
