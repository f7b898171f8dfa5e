"""The permissions of every user of NATS, written by hand.

users.conf is generated from the code. These rules are a second, independent description of what it must allow.
"""

from marketplace.tests.integration.cluster_nats import USERS

from common.domain.event import Event
from common.events.catalog import EXAMPLES
from common.messaging.streams import STREAMS, stream_of
from marketplace.registry import CONSUMERS_OF, SERVICE_NAMES

NOBODY: frozenset[str] = frozenset()
CONSUMERS = [(consumer.stream.name, consumer.name) for of_one in CONSUMERS_OF.values() for consumer in of_one]
READ_BY_OPERATORS = {"DOMAIN_EVENTS", "GENERAL_EVENTS", "DEAD_LETTERS"}
WITH_CONSUMERS = {"DOMAIN_EVENTS", "GENERAL_EVENTS", "TIMERS"}
WATCHERS = ["storefront"]
"""Who may ask for the lag of every consumer and for the number of dead letters, but may change nothing."""
TIMELINES = {"DOMAIN_EVENTS", "GENERAL_EVENTS"}
FOLLOWERS = {"DOMAIN_EVENTS": ["storefront"]}
"""Who may read any message in a stream."""

Rules = dict[str, frozenset[str]]
"""Who may do it, by operation."""


def only(*users: str, when: bool = True) -> frozenset[str]:
    return frozenset(users) if when else NOBODY


def owner_of(consumer: str) -> str:
    return consumer.split("-", maxsplit=1)[0]


def facts() -> Rules:
    """Only its publisher may publish an event. Only NATS publishes a timer event; expiration may schedule it."""
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
    rules: Rules = {}
    for stream, consumer in CONSUMERS:
        owner = only(owner_of(consumer))
        rules |= {
            f"PUB $JS.ACK.{stream}.{consumer}.1.7.7.1764000000000000000.0": owner,
            f"SUB deliver.{consumer} {consumer}": owner,
            f"SUB deliver.{consumer} another": NOBODY,  # with another queue group it would get a copy of every event
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
        may_pull = only("operator", when=stream in READ_BY_OPERATORS)  # has no effect: NATS pushes its messages
        rules |= {
            f"{api}.INFO.{stream}.{consumer}": only(owner_of(consumer), "operator", *WATCHERS),
            f"{api}.DURABLE.CREATE.{stream}.{consumer}": only("provisioning"),
            f"{api}.MSG.NEXT.{stream}.{consumer}": may_pull,
        }
        rules |= {f"{api}.{verb}.{stream}.{consumer}": only("provisioning") for verb in ("PAUSE", "DELETE")}
        verbs = ("CREATE", "RESET", "UNPIN", "LEADER.STEPDOWN")
        rules |= {f"{api}.{verb}.{stream}.{consumer}": NOBODY for verb in verbs}
        rules[f"{api}.CREATE.{stream}.{consumer}.order.created.1"] = NOBODY
    for stream in (each.name for each in STREAMS):
        may_read = only("operator", when=stream in READ_BY_OPERATORS)
        rules |= {
            f"{api}.CREATE.{stream}": NOBODY,  # this subject does not name the consumer
            f"{api}.CREATE.{stream}.reader-1": may_read,
            f"{api}.CREATE.{stream}.reader-1.order.created.1": NOBODY,
            f"{api}.MSG.NEXT.{stream}.reader-1": may_read,
            f"{api}.INFO.{stream}.reader-1": may_read,
            f"{api}.DELETE.{stream}.reader-1": may_read,
            f"{api}.DURABLE.CREATE.{stream}.invented": NOBODY,
            f"{api}.LIST.{stream}": NOBODY,
            f"{api}.NAMES.{stream}": NOBODY,
        }
    return rules


def streams_administration() -> Rules:
    rules: Rules = {}
    api = "PUB $JS.API.STREAM"
    for stream in (each.name for each in STREAMS):
        rules |= {f"{api}.{verb}.{stream}": only("provisioning") for verb in ("INFO", "CREATE", "UPDATE")}
        if stream == "DEAD_LETTERS":
            rules[f"{api}.INFO.{stream}"] = only("provisioning", *WATCHERS)
        verbs = ("DELETE", "PURGE", "SNAPSHOT", "RESTORE", "LEADER.STEPDOWN", "PEER.REMOVE")
        rules |= {f"{api}.{verb}.{stream}": NOBODY for verb in verbs}
        readers = only("orders", "operator") if stream in TIMELINES else only("operator", when=stream == "TIMERS")
        followers = FOLLOWERS.get(stream, [])
        if stream == "DOMAIN_EVENTS":
            readers = only("orders", "payments", "tickets", "operator", *followers)  # the others publish such events
        rules |= {
            f"{api}.MSG.GET.{stream}": only("operator", when=stream in WITH_CONSUMERS),
            f"{api}.MSG.DELETE.{stream}": only("operator", when=stream == "DEAD_LETTERS"),
            f"PUB $JS.API.DIRECT.GET.{stream}": readers,
            f"PUB $JS.API.DIRECT.GET.{stream}.invented.event.65f0c0ffee00000000000001": only(*followers),
        }
        for event in EXAMPLES:
            own = only(event.publisher, "operator", when=_is_in(stream, event))
            newest = only("storefront", when=_is_in(stream, event) and event.type_name() == "expiration.completed")
            rules[f"PUB $JS.API.DIRECT.GET.{stream}.{event.subject}"] = own | newest | only(*followers)
    others = (f"{api}.LIST", f"{api}.NAMES", f"{api}.INFO.INVENTED", f"{api}.CREATE.INVENTED", "PUB $JS.API.INFO")
    return rules | dict.fromkeys(others, NOBODY)


def inboxes() -> Rules:
    rules: Rules = {"SUB _INBOX.>": NOBODY, "PUB _INBOX.AbCdEfGh": NOBODY}
    for user in USERS:
        rules |= {
            f"SUB _INBOX_{user}.AbCdEfGh.*": only(user),
            f"SUB _INBOX_{user}.>": only(user),
            f"PUB _INBOX_{user}.AbCdEfGh.1": NOBODY,  # except as an answer: see test_nats_permissions.py
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
        **{f"SUB {type(event).subjects()}": NOBODY for event in EXAMPLES},
        **{f"SUB {event.subject}": NOBODY for event in EXAMPLES},
        **{f"SUB {subject}": NOBODY for subject in (*wildcards, *system, *everything)},
        **{f"SUB {subject} {service}": NOBODY for subject in everything for service in SERVICE_NAMES},
    }


def _is_in(stream: str, event: object) -> bool:
    return isinstance(event, Event) and stream_of(type(event)).name == stream


ALL_RULES = (*SAID, inboxes, listening_in)
