"""Who may say what to NATS: every user is held to exactly what is written down here, by the real server.

This is said twice on purpose: users.conf is generated from the code, and this is what it has to come to.
"""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from marketplace.tests.integration.cluster_nats import USERS, ClusterNats
from structlog.testing import capture_logs

from common.events.catalog import EXAMPLES
from common.messaging.broker import Broker
from common.messaging.streams import STREAMS
from devkit.servers import ServerFailed
from marketplace.registry import CONSUMERS_OF, SERVICE_NAMES

NOBODY: frozenset[str] = frozenset()
CONSUMERS = [(consumer.stream.name, consumer.name) for of_one in CONSUMERS_OF.values() for consumer in of_one]
READ_BY_OPERATORS = {"DOMAIN_EVENTS", "GENERAL_EVENTS", "DEAD_LETTERS"}
WITH_CONSUMERS = {"DOMAIN_EVENTS", "GENERAL_EVENTS", "TIMERS"}
TIMELINES = {"DOMAIN_EVENTS", "GENERAL_EVENTS"}

Rules = dict[str, frozenset[str]]
"""Who may do it, by operation."""


def only(*users: str, when: bool = True) -> frozenset[str]:
    return frozenset(users) if when else NOBODY


def owner_of(consumer: str) -> str:
    return consumer.split("-", maxsplit=1)[0]


def facts() -> Rules:
    """An event is its publisher's; an alarm is the broker's alone, which expiration can ask for."""
    return {
        **{f"PUB {event.subject}": only(event.publisher, when=event.fact != "alarm") for event in EXAMPLES},
        **{f"PUB {event.subject}.more": NOBODY for event in EXAMPLES},
        "PUB expiration.schedule.65f0c0ffee00000000000020": only("expiration"),
        "PUB expiration.schedule": NOBODY,
        "PUB expiration.schedule.65f0c0ffee00000000000020.more": NOBODY,
        "PUB order.invented.1": NOBODY,
        "PUB anything": NOBODY,
    }


def dead_letters() -> Rules:
    return {
        **{f"PUB dead-letter.{consumer}": only(owner_of(consumer)) for _, consumer in CONSUMERS},
        "PUB dead-letter.somebody": NOBODY,
        "PUB $JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.DOMAIN_EVENTS.orders-replicate-ticket": NOBODY,
    }


def work_as_a_consumer() -> Rules:
    rules = {}
    for stream, consumer in CONSUMERS:
        owner = only(owner_of(consumer))
        rules |= {
            f"PUB $JS.ACK.{stream}.{consumer}.1.7.7.1764000000000000000.0": owner,
            f"SUB deliver.{consumer} {consumer}": owner,
            f"SUB deliver.{consumer} another": NOBODY,  # would get every event, and leave its own to nobody
            f"SUB deliver.{consumer}": NOBODY,
            f"PUB deliver.{consumer}": NOBODY,
            f"SUB replay.{consumer} {consumer}": owner,
            f"SUB replay.{consumer} another": NOBODY,
            f"SUB replay.{consumer}": NOBODY,
            f"PUB replay.{consumer}": only("operator"),
            f"PUB replay.{consumer}.more": NOBODY,
        }
    return rules


def consumers_administration() -> Rules:
    rules: Rules = {}
    api = "PUB $JS.API.CONSUMER"
    for stream, consumer in CONSUMERS:
        may_pull = only("operator", when=stream in READ_BY_OPERATORS)  # of no use: it is pushed to
        rules |= {
            f"{api}.INFO.{stream}.{consumer}": only(owner_of(consumer), "operator"),
            f"{api}.DURABLE.CREATE.{stream}.{consumer}": only("provisioning"),
            f"{api}.MSG.NEXT.{stream}.{consumer}": may_pull,
        }
        verbs = ("CREATE", "DELETE", "PAUSE", "RESET", "UNPIN", "LEADER.STEPDOWN")
        rules |= {f"{api}.{verb}.{stream}.{consumer}": NOBODY for verb in verbs}
        rules[f"{api}.CREATE.{stream}.{consumer}.order.created.1"] = NOBODY
    for stream in STREAMS:
        may_read = only("operator", when=stream.name in READ_BY_OPERATORS)
        rules |= {
            f"{api}.CREATE.{stream.name}": NOBODY,  # its subject does not say which consumer is meant
            f"{api}.CREATE.{stream.name}.reader-1": may_read,
            f"{api}.CREATE.{stream.name}.reader-1.order.created.1": NOBODY,
            f"{api}.MSG.NEXT.{stream.name}.reader-1": may_read,
            f"{api}.INFO.{stream.name}.reader-1": may_read,
            f"{api}.DELETE.{stream.name}.reader-1": may_read,
            f"{api}.DURABLE.CREATE.{stream.name}.invented": NOBODY,
            f"{api}.LIST.{stream.name}": NOBODY,
            f"{api}.NAMES.{stream.name}": NOBODY,
        }
    return rules


def streams_administration() -> Rules:
    rules: Rules = {}
    api = "PUB $JS.API.STREAM"
    for stream in (each.name for each in STREAMS):
        rules |= {f"{api}.{verb}.{stream}": only("provisioning") for verb in ("INFO", "CREATE", "UPDATE")}
        verbs = ("DELETE", "PURGE", "SNAPSHOT", "RESTORE", "LEADER.STEPDOWN", "PEER.REMOVE")
        rules |= {f"{api}.{verb}.{stream}": NOBODY for verb in verbs}
        timeline = only("orders", "operator") if stream in TIMELINES else only("operator", when=stream == "TIMERS")
        rules |= {
            f"{api}.MSG.GET.{stream}": only("operator", when=stream in WITH_CONSUMERS),
            f"{api}.MSG.DELETE.{stream}": only("operator", when=stream == "DEAD_LETTERS"),
            f"PUB $JS.API.DIRECT.GET.{stream}": timeline,
            f"PUB $JS.API.DIRECT.GET.{stream}.user.registered.65f0c0ffee00000000000001": NOBODY,
        }
    others = (f"{api}.LIST", f"{api}.NAMES", f"{api}.INFO.INVENTED", f"{api}.CREATE.INVENTED", "PUB $JS.API.INFO")
    return rules | dict.fromkeys(others, NOBODY)


def inboxes() -> Rules:
    rules: Rules = {"SUB _INBOX.>": NOBODY, "PUB _INBOX.AbCdEfGh": NOBODY}
    for user in USERS:
        rules |= {
            f"SUB _INBOX_{user}.AbCdEfGh.*": only(user),
            f"SUB _INBOX_{user}.>": only(user),
            f"PUB _INBOX_{user}.AbCdEfGh.1": NOBODY,  # unless it is asked: see below
        }
    return rules


def the_server_itself() -> Rules:
    requests = ("SERVER.PING", "SERVER.PING.VARZ", "SERVER.PING.CONNZ", "ACCOUNT.PING", "ACCOUNT.$G.INFO", "USER.INFO")
    return {
        **{f"PUB $SYS.REQ.{request}": NOBODY for request in requests},
        "PUB $SYS.ACCOUNT.$G.CONNECT": NOBODY,
        "PUB $JS.API.SERVER.REMOVE": NOBODY,
        "PUB $JS.API.ACCOUNT.PURGE.$G": NOBODY,
        "PUB $JS.API.META.LEADER.STEPDOWN": NOBODY,
    }


SAID = (
    facts,
    dead_letters,
    work_as_a_consumer,
    consumers_administration,
    streams_administration,
    the_server_itself,
)


def listening_in() -> Rules:
    wildcards = ("_INBOX_*.>", "deliver.*", "replay.*", "dead-letter.>", "expiration.schedule.*", "expiration.alarm.*")
    system = ("$SYS.>", "$JS.>", "$JS.API.>", "$JS.ACK.>", "$JS.EVENT.>", "$JS.EVENT.ADVISORY.>", "$SYS.REQ.USER.INFO")
    everything = ("*", "*.*", "*.*.*", "*.>", ">")
    said = (each for rules in SAID for each in rules() if each.startswith("PUB "))
    return {
        **{f"SUB {operation.removeprefix('PUB ')}": NOBODY for operation in said},
        **{f"SUB {event.subjects()}": NOBODY for event in map(type, EXAMPLES)},
        **{f"SUB {event.subject}": NOBODY for event in EXAMPLES},
        **{f"SUB {subject}": NOBODY for subject in (*wildcards, *system, *everything)},
        **{f"SUB {subject} {service}": NOBODY for subject in everything for service in SERVICE_NAMES},
    }


ALL_RULES = (*SAID, inboxes, listening_in)


@pytest.fixture(scope="module")
async def nats(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ClusterNats]:
    """Without a stream, so that nothing comes of what is allowed."""
    async with ClusterNats(tmp_path_factory.mktemp("cluster-nats")) as server:
        yield server


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("rules", ALL_RULES, ids=lambda rules: rules.__name__)
async def test_every_user_may_do_exactly_this(nats: ClusterNats, rules: object, user: str) -> None:
    assert callable(rules)
    who_may: Rules = rules()
    refused = await nats.refused(user, who_may)
    allowed_but_should_not_be = {each for each, users in who_may.items() if user not in users} - refused
    refused_but_should_not_be = {each for each, users in who_may.items() if user in users} & refused
    assert (allowed_but_should_not_be, refused_but_should_not_be) == (set(), set())


def test_every_event_stream_and_consumer_has_its_rules() -> None:
    """What is new in the code is new here, too, without a line being written."""
    subjects = [re.sub("^(PUB|SUB) ", "", operation) for rules in ALL_RULES for operation in rules()]
    for name in [*(consumer for _, consumer in CONSUMERS), *(stream.name for stream in STREAMS)]:
        assert any(name in subject for subject in subjects)
    assert {owner_of(consumer) for _, consumer in CONSUMERS} <= set(SERVICE_NAMES)


@pytest.mark.parametrize(
    ("user", "password"), [("", ""), ("orders", ""), ("orders", "guessed"), ("operator", ""), ("somebody", "guessed")]
)
async def test_a_stranger_is_not_let_in(nats: ClusterNats, user: str, password: str) -> None:
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


async def test_a_service_that_is_refused_something_says_so_in_its_log(nats: ClusterNats) -> None:
    broker = Broker(nats.url_of("tickets"), "tickets")
    with capture_logs() as logged:
        await broker.connect()
        await broker.client.publish("order.created.1", b"a forged order")
        await broker.ping()
        await broker.close()
    (refusal,) = [line for line in logged if line["event"] == "NATS refused a permission"]
    assert refusal["log_level"] == "error"
    assert 'publish to "order.created.1"' in refusal["reason"]


async def test_it_is_as_durable_as_the_server_of_the_laptop(nats: ClusterNats) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{nats.monitor_port}") as client:
        told = (await client.get("/varz")).json()
        assert (await client.get("/healthz")).json() == {"status": "ok"}
    assert told["jetstream"]["config"]["sync_always"]
    assert (told["server_name"], told["max_payload"]) == ("nats-0", 1024 * 1024)
    assert (told["ping_interval"], told["ping_max"]) == (5_000_000_000, 2)


async def test_a_server_without_its_passwords_does_not_start(tmp_path_factory: pytest.TempPathFactory) -> None:
    class Forgetful(ClusterNats):
        def environment(self) -> dict[str, str]:
            return {name: value for name, value in super().environment().items() if name != "NATS_PASSWORD_ORDERS"}

    with pytest.raises(ServerFailed, match="NATS_PASSWORD_ORDERS"):
        await Forgetful(tmp_path_factory.mktemp("forgetful")).start()
