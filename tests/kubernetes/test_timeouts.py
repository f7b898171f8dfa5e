"""Timeouts of different components fit each other: each row names which has to be shorter than which, and why."""

import re
from collections.abc import Callable
from typing import NamedTuple

import pytest
from kubernetes.rendering import RENDERED, Object, Objects, container_of, render

from common.http.middleware import MAX_SECONDS
from common.http.server import DRAIN_SECONDS, IDLE_SECONDS
from common.messaging.broker import _PING_SECONDS as _BROKER_PING_SECONDS
from common.runtime.service_runtime import _FINISH_SECONDS
from common.storage.mongo import _ANSWER_MS, _CONNECTION_MS
from common.storage.mongo import _PING_SECONDS as _MONGO_PING_SECONDS
from marketplace.gateway import ROUTES, nginx_configuration
from marketplace.operations.dead_letters import _REPLAY_SECONDS
from marketplace.operations.replay_events import _ANSWER_SECONDS
from marketplace.registry import SERVICE_NAMES
from payments.main import _CHARGE_SECONDS
from storefront.live.limits import Limits

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
"""By the unit of a duration, as nginx, Traefik and NATS write it."""


def _duration(text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h)", text)
    assert found, f"{text!r} is no duration"
    return float(found[1]) * _SECONDS[found[2]]


_EVENTS = [f"location = {route.path} {{" for route in ROUTES if route.sends_events]


def _nginx(directive: str, *, of_events: bool = False) -> float:
    """In the configuration of the laptop's gateway: for all answers, or for each answer of server-sent events."""
    lines = nginx_configuration(8080, {"orders": [1]}).splitlines()
    text = "\n".join(line for line in lines if any(each in line for each in _EVENTS) == of_events)
    found = re.findall(rf"\b{directive} (\w+);", text)
    assert len(found) == (len(_EVENTS) if of_events else 1), f"nginx's {directive} is not set"
    return min(map(_duration, found))


def _of_traefik() -> dict[str, str]:
    """The arguments of the cluster's ingress controller."""
    controller = render(RENDERED["ingress-controller"]).one("Deployment", "traefik")
    return dict(each.lstrip("-").split("=", 1) for each in container_of(controller["spec"]["template"])["args"])


def _traefik(option: str) -> float:
    arguments = _of_traefik()
    assert option in arguments, f"Traefik's {option} is not set"
    return _duration(arguments[option])


def _traefik_wait() -> float:
    return _traefik("serverstransport.forwardingtimeouts.responseheadertimeout")


def _pods() -> list[Object]:
    """Of each service in each overlay."""
    overlays: list[Objects] = [render(RENDERED[name]) for name in ("kind", "production")]
    return [each.one("Deployment", service)["spec"]["template"] for each in overlays for service in SERVICE_NAMES]


def _stop_of_a_service() -> float:
    """The pause before SIGTERM, then open connections, deliveries that have begun, and unpublished events."""
    pause: float = max(container_of(pod)["lifecycle"]["preStop"]["sleep"]["seconds"] for pod in _pods())
    return pause + DRAIN_SECONDS + 2 * _FINISH_SECONDS


def _grace_of_a_service() -> float:
    return float(min(pod["spec"]["terminationGracePeriodSeconds"] for pod in _pods()))


def _readiness_probe() -> float:
    return float(min(container_of(pod)["readinessProbe"]["timeoutSeconds"] for pod in _pods()))


def _permission_to_answer() -> float:
    """The shortest that NATS gives a service in any overlay."""
    found = [
        expires
        for name in ("kind", "production")
        for each in render(RENDERED[name]).of("ConfigMap")
        for expires in re.findall(
            r'^\s*allow_responses: \{.*expires: "(\w+)"', each["data"].get("users.conf", ""), re.MULTILINE
        )
    ]
    assert found, "no service may answer an operator"
    return min(map(_duration, found))


class Rule(NamedTuple):
    shorter: Callable[[], float]
    longer: Callable[[], float]
    why: str


_RULES = {
    "request-shorter-than-nginx-wait": Rule(
        lambda: MAX_SECONDS,
        lambda: _nginx("proxy_read_timeout"),
        "the service says what is wrong, while the gateway can only say that the answer is missing",
    ),
    "request-shorter-than-traefik-wait": Rule(
        lambda: MAX_SECONDS,
        _traefik_wait,
        "the service says what is wrong, while the gateway can only say that the answer is missing",
    ),
    "pause-between-events-shorter-than-nginx-wait": Rule(
        lambda: 3 * Limits().keep_alive_seconds,
        lambda: _nginx("proxy_read_timeout", of_events=True),
        "the gateway ends the answer while the service, which may be busy, has only had no event to send",
    ),
    "mongodb-operation-shorter-than-request": Rule(
        lambda: (_CONNECTION_MS + _ANSWER_MS) / 1000,
        lambda: MAX_SECONDS,
        "the request is cancelled, and cannot say that the database does not answer",
    ),
    "charge-shorter-than-request": Rule(
        lambda: _CHARGE_SECONDS,
        lambda: MAX_SECONDS,
        "the request is cancelled while the payment service waits for the processor, and stores no outcome",
    ),
    "pings-shorter-than-readiness-probe": Rule(
        lambda: _MONGO_PING_SECONDS + _BROKER_PING_SECONDS,
        _readiness_probe,
        "the kubelet does not wait for the answer that says what is missing",
    ),
    "stop-shorter-than-grace-period": Rule(
        _stop_of_a_service, _grace_of_a_service, "it is killed while it still finishes requests and publishes events"
    ),
    "replay-shorter-than-permission-to-answer": Rule(
        lambda: _REPLAY_SECONDS,
        _permission_to_answer,
        "NATS refuses the answer of a service for which the operator still waits: a success looks like a failure",
    ),
    "rebuild-shorter-than-permission-to-answer": Rule(
        lambda: _ANSWER_SECONDS,
        _permission_to_answer,
        "NATS refuses the answer of a service for which the operator still waits: a success looks like a failure",
    ),
}


@pytest.mark.parametrize("name", _RULES)
def test_timeouts_fit_each_other(name: str) -> None:
    """The component that knows what has happened must reach its own timeout before the one that waits for it."""
    shorter, longer, why = _RULES[name]
    assert shorter() < longer(), f"otherwise {why}"


def test_the_ingress_controller_never_ends_an_answer_that_has_begun() -> None:
    """Server-sent events have no end. What Traefik limits by itself is the time to read the request, not the answer."""
    ending = [name for name in _of_traefik() if "writetimeout" in name.lower()]
    assert ending == [], "an open page would lose its connection each time"


@pytest.mark.parametrize(
    "idle_connections_are_kept",
    [
        lambda: _nginx("keepalive_timeout"),
        lambda: _traefik("serverstransport.forwardingtimeouts.idleconntimeout"),
    ],
    ids=["nginx", "traefik"],
)
def test_a_gateway_closes_idle_connections_before_a_stopping_service_does(
    idle_connections_are_kept: Callable[[], float],
) -> None:
    """If the service closed a connection first, a POST could be on its way there: a gateway never sends it again."""
    assert idle_connections_are_kept() <= IDLE_SECONDS < DRAIN_SECONDS
