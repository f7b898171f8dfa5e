"""NATS allows every user exactly what the rules say, as the real server enforces it."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from marketplace.tests.integration.cluster_nats import USERS, ClusterNats
from marketplace.tests.integration.nats_rules import ALL_RULES, CONSUMERS, Rules, owner_of
from structlog.testing import capture_logs

from common.messaging.broker import Broker
from common.messaging.streams import STREAMS
from devkit.servers import ServerFailed
from marketplace.registry import SERVICE_NAMES


@pytest.fixture(scope="module")
async def nats(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ClusterNats]:
    """Without streams, so that allowed requests have no effect."""
    async with ClusterNats(tmp_path_factory.mktemp("cluster-nats")) as server:
        yield server


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("rules", ALL_RULES, ids=lambda rules: rules.__name__)
async def test_every_user_has_exactly_these_permissions(nats: ClusterNats, rules: object, user: str) -> None:
    assert callable(rules)
    who_may: Rules = rules()
    refused = await nats.refused(user, who_may)
    allowed_but_should_not_be = {each for each, users in who_may.items() if user not in users} - refused
    refused_but_should_not_be = {each for each, users in who_may.items() if user in users} & refused
    assert (allowed_but_should_not_be, refused_but_should_not_be) == (set(), set())


def test_every_event_stream_and_consumer_has_its_rules() -> None:
    """The rules for new events, streams and consumers follow from the code."""
    subjects = [re.sub("^(PUB|SUB) ", "", operation) for rules in ALL_RULES for operation in rules()]
    for name in [*(consumer for _, consumer in CONSUMERS), *(stream.name for stream in STREAMS)]:
        assert any(name in subject for subject in subjects)
    assert {owner_of(consumer) for _, consumer in CONSUMERS} <= set(SERVICE_NAMES)


@pytest.mark.parametrize(
    ("user", "password"), [("", ""), ("orders", ""), ("orders", "guessed"), ("operator", ""), ("somebody", "guessed")]
)
async def test_a_client_without_valid_credentials_is_refused(nats: ClusterNats, user: str, password: str) -> None:
    assert await nats.errors(user, password) == ["-ERR 'Authorization Violation'"]


async def test_a_service_may_answer_an_operator_who_asks_and_only_once(nats: ClusterNats) -> None:
    consumer = "tickets-hold-ticket-on-order-created"
    service, operator = Broker(nats.url_of("tickets"), "tickets"), Broker(nats.url_of("operator"), "operator")
    await service.connect()
    await operator.connect()
    replays = await service.client.subscribe(f"replay.{consumer}", queue=consumer)
    answers = await operator.client.subscribe("_INBOX_operator.answers")
    await service.ping()
    await operator.client.publish(f"replay.{consumer}", b"try again", reply="_INBOX_operator.answers")
    request = await replays.next_msg(timeout=5)
    await request.respond(b"+OK")
    assert (await answers.next_msg(timeout=5)).data == b"+OK"
    refused_before = len(nats.refusals())
    await request.respond(b"once more")
    await service.ping()
    assert len(nats.refusals()) == refused_before + 1
    await service.close()
    await operator.close()


async def test_a_service_logs_a_refused_permission(nats: ClusterNats) -> None:
    broker = Broker(nats.url_of("tickets"), "tickets")
    with capture_logs() as logged:
        await broker.connect()
        await broker.client.publish("order.created.1", b"a forged order")
        await broker.ping()
        await broker.close()
    (refusal,) = [line for line in logged if line["event"] == "NATS refused a permission"]
    assert refusal["log_level"] == "error"
    assert 'publish to "order.created.1"' in refusal["reason"]


async def test_the_clusters_nats_has_the_same_limits_as_that_of_make_run(nats: ClusterNats) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{nats.monitor_port}") as client:
        varz = (await client.get("/varz")).json()
        assert (await client.get("/healthz")).json() == {"status": "ok"}
    assert varz["jetstream"]["config"]["sync_always"]
    assert (varz["server_name"], varz["max_payload"]) == ("nats-0", 1024 * 1024)
    assert (varz["ping_interval"], varz["ping_max"]) == (5_000_000_000, 2)


async def test_a_server_without_its_passwords_does_not_start(tmp_path_factory: pytest.TempPathFactory) -> None:
    class Forgetful(ClusterNats):
        def environment(self) -> dict[str, str]:
            return {name: value for name, value in super().environment().items() if name != "NATS_PASSWORD_ORDERS"}

    with pytest.raises(ServerFailed, match="NATS_PASSWORD_ORDERS"):
        await Forgetful(tmp_path_factory.mktemp("forgetful")).start()
