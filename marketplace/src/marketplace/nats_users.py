"""Generates users.conf, which defines the users of NATS and their permissions.

Each service is one user of NATS, and has only the permissions that it needs. The code determines these permissions:

| what a service may do                           | if this is in the code                                        |
|-------------------------------------------------|---------------------------------------------------------------|
| publish an event, for example `order.created.*`,| the `publisher` in the class of the event is this service     |
| and read the newest one                         |                                                               |
| set a timer                                     | the `publisher` in the class of the timer is this service     |
| receive and acknowledge the events of a         | the consumer is in the table CONSUMERS of this service        |
| consumer, and publish its dead letters          | (in its module `consumers`)                                   |
| read events directly from a stream              | the stream is in `reads_streams` of its ServiceSpec           |
| read the newest event of a type of an aggregate | the type is in `reads_newest` of its ServiceSpec              |
| read each new event of a stream                 | the stream is `follows` of its ServiceSpec                    |
| ask for the state of all consumers and of the   | `watches_platform` of its ServiceSpec is true                 |
| stream of dead letters                          |                                                               |

A dead letter is a message about an event that a consumer has failed to handle. A ServiceSpec is the description of one
service, in its module `spec`.

Two more users are not services: `provisioning` creates the streams and consumers, and `operator` runs the commands for
operators. The functions _provisioning() and _operator() list the permissions of these two users.

NATS checks only the subject of a request, and not the content of the request. Therefore the permissions do not prevent
two things. First, a user who may create a consumer can tell NATS to deliver the messages of this consumer to any
subject. Second, a user who may send a request can tell NATS to send the answer to any subject. In both cases, this can
be a subject to which the user itself may not publish.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from common.events.catalog import EVENT_TYPES, TIMER_TYPES
from common.messaging.broker import inbox_prefix
from common.messaging.consumer import Consumer
from common.messaging.dead_letters import dead_letter_subject
from common.messaging.replay import replay_subject
from common.messaging.retry import RetryPolicy
from common.messaging.streams import DEAD_LETTERS, DOMAIN_EVENTS, GENERAL_EVENTS, STREAMS, stream_of
from common.runtime.service_spec import ServiceSpec
from marketplace.registry import CONSUMERS_OF, SERVICES

_API = "$JS.API"
# How long NATS allows a service to publish its answer after the service has received a replay request. With a replay
# request, an operator's command asks a service to handle an event again. The command waits at most 15 s for the answer,
# so one minute is enough.
_ANSWERED_WITHIN = "1m"
_TIMELINES = (DOMAIN_EVENTS, GENERAL_EVENTS)
_ALL_CONSUMERS = tuple(consumer for consumers in CONSUMERS_OF.values() for consumer in consumers)

Subjects = dict[str, list[str]]
"""Maps a reason, such as "its dead letters", to the subjects that a user may use, or must not use, for this reason.

The reason becomes a comment in users.conf.
"""


@dataclass(frozen=True)
class User:
    """A user of NATS, with the subjects that it may publish and subscribe to."""

    name: str
    publish: Subjects
    subscribe: Subjects
    never_publish: Subjects = field(default_factory=dict)
    """The user must not publish to these subjects, although a wildcard in `publish` matches them."""
    answers: bool = False
    """True if the user may send one answer to each request that it receives, to any subject that the request names."""

    @property
    def password(self) -> str:
        """The name of the environment variable that contains the password of this user."""
        return f"NATS_PASSWORD_{self.name.upper()}"


def users() -> list[User]:
    """Return all users of NATS: one per service, one that creates streams and consumers, and one for operators."""
    return [*map(_service, SERVICES), _provisioning(), _operator()]


def generate() -> str:
    """Return the text of users.conf, which defines the users of NATS."""
    return "\n".join([_INTRODUCTION, "authorization: {", "  users: [", *_rendered(users()), "  ]", "}", ""])


def _service(spec: ServiceSpec) -> User:
    name, consumers = spec.name, spec.consumers
    events = [event for event in EVENT_TYPES if event.publisher == name]
    configs = [consumer.config(RetryPolicy()) for consumer in consumers]
    return User(
        name,
        publish={
            "its events": [event.subjects() for event in events],
            "its timers": [timer.schedules() for timer in TIMER_TYPES if timer.publisher == name],
            "acknowledgements": [f"$JS.ACK.{each.stream.name}.{each.name}.>" for each in consumers],
            "its dead letters": [dead_letter_subject(each.name) for each in consumers],
            "the configuration of its consumers, to compare it with its own": [
                _consumer_info(each) for each in consumers
            ],
            "its newest events, to compare them with its database and its outboxes": [
                f"{_API}.DIRECT.GET.{stream_of(event).name}.{event.subjects()}" for event in events
            ],
            "events with the ids of its staged events; older events, if the newest message is no event": _direct_get(
                {stream_of(event) for event in events} & {DOMAIN_EVENTS}
            ),
            "timelines, read from the streams": _direct_get(spec.reads_streams),
            "newest events of other services": [
                f"{_API}.DIRECT.GET.{stream_of(event).name}.{event.subjects()}" for event in spec.reads_newest
            ],
            "the newest message of the stream that it follows, and those after it": (
                [*_direct_get([spec.follows]), f"{_API}.DIRECT.GET.{spec.follows.name}.>"] if spec.follows else []
            ),
            "the numbers of the platform, for those who operate it": _watched(spec) if spec.watches_platform else [],
        },
        subscribe={
            "the events of its consumers, shared with its other instances": [
                f"{config.deliver_subject} {config.deliver_group}" for config in configs
            ],
            "the replays of an operator, shared with its other instances": [
                f"{replay_subject(each.name)} {each.name}" for each in consumers
            ],
            "answers to its requests": _inbox(name),
        },
        answers=bool(consumers),
    )


def _watched(spec: ServiceSpec) -> list[str]:
    others = [consumer for consumer in _ALL_CONSUMERS if consumer not in spec.consumers]
    return [*map(_consumer_info, others), f"{_API}.STREAM.INFO.{DEAD_LETTERS.name}"]


def _provisioning() -> User:
    return User(
        "provisioning",
        publish={
            "streams: create and update": [
                f"{_API}.STREAM.{action}.{stream.name}" for stream in STREAMS for action in ("INFO", "CREATE", "UPDATE")
            ],
            "consumers: create and update, resume, and delete those that NATS cannot update": [
                f"{_API}.CONSUMER.{action}.{each.stream.name}.{each.name}"
                for each in _ALL_CONSUMERS
                for action in ("DURABLE.CREATE", "PAUSE", "DELETE")
            ],
        },
        subscribe={"answers to its requests": _inbox("provisioning")},
    )


def _operator() -> User:
    read = (*_TIMELINES, DEAD_LETTERS)
    with_consumers = [stream for stream in STREAMS if any(each.stream == stream for each in _ALL_CONSUMERS)]
    return User(
        "operator",
        publish={
            "streams, read from their beginning by a temporary consumer": [
                f"{_API}.CONSUMER.{action}"
                for stream in read
                for action in (
                    f"CREATE.{stream.name}.*",
                    f"MSG.NEXT.{stream.name}.*",
                    f"INFO.{stream.name}.*",
                    f"DELETE.{stream.name}.*",
                )
            ],
            "the state of each consumer": [_consumer_info(each) for each in _ALL_CONSUMERS if each.stream not in read],
            "the oldest event that is not acknowledged; timelines": _direct_get(with_consumers),
            "the newest event of each type": [
                f"{_API}.DIRECT.GET.{stream_of(event).name}.{event.subjects()}" for event in EVENT_TYPES
            ],
            "the event that a dead letter is about": [f"{_API}.STREAM.MSG.GET.{each.name}" for each in with_consumers],
            "dead letters: drop": [f"{_API}.STREAM.MSG.DELETE.{DEAD_LETTERS.name}"],
            "replays": [replay_subject("*")],
        },
        never_publish={
            "the services' own consumers": [
                f"{_API}.CONSUMER.{action}.{each.stream.name}.{each.name}"
                for action in ("CREATE", "DELETE")
                for each in _ALL_CONSUMERS
                if each.stream in read
            ]
        },
        subscribe={"answers to its requests": _inbox("operator")},
    )


def _consumer_info(consumer: Consumer[Any]) -> str:
    return f"{_API}.CONSUMER.INFO.{consumer.stream.name}.{consumer.name}"


def _direct_get(streams: Iterable[Any]) -> list[str]:
    return [f"{_API}.DIRECT.GET.{stream.name}" for stream in streams]


def _inbox(name: str) -> list[str]:
    return [f"{inbox_prefix(name)}.>"]


_INTRODUCTION = """\
# Generated by `make docs` from the event classes and every service's consumers.py. Do not edit.
#
# Each user may publish and subscribe to only the subjects that it needs. NATS refuses all other subjects. The client
# then logs "NATS refused a permission". With "deliver.x x", a user may subscribe to the subject deliver.x only as a
# member of the queue group x.
#
# The passwords are environment variables of the server. Each password must begin with a letter, because NATS parses
# the value of the variable like this file. NATS would not accept a number, or a value that begins with a minus sign,
# as a password.
"""


def _rendered(some: Iterable[User]) -> Iterator[str]:
    for user in some:
        yield "    {"
        yield f"      user: {user.name}"
        yield f"      password: ${user.password}"
        yield "      permissions: {"
        yield from _list_of("publish", {"allow": user.publish, "deny": user.never_publish})
        yield from _list_of("subscribe", {"allow": user.subscribe})
        if user.answers:
            yield f'        allow_responses: {{max: 1, expires: "{_ANSWERED_WITHIN}"}}  # answers to replays'
        yield "      }"
        yield "    }"


def _list_of(what: str, rules: dict[str, Subjects]) -> Iterator[str]:
    yield f"        {what}: {{"
    for rule, by_reason in rules.items():
        if not any(by_reason.values()):
            continue
        yield f"          {rule}: ["
        for reason, subjects in by_reason.items():
            if subjects:
                yield f"            # {reason}"
                yield from (f'            "{subject}"' for subject in sorted(subjects))
        yield "          ]"
    yield "        }"
