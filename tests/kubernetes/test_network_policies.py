"""Each flow that the platform has is allowed from end to end, and none besides."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from kubernetes.rendering import Labels, Object, Objects, labels_of

from marketplace.registry import SERVICE_NAMES

_STRIPE = "198.202.176.1"
_MANAGED_MONGODB = "10.20.30.40"


@dataclass(frozen=True)
class Place:
    """A pod, by its labels and its namespace; or an address outside the cluster."""

    labels: Labels
    namespace: str = "ticket-marketplace"
    address: str | None = None


_DNS = Place({"k8s-app": "kube-dns"}, "kube-system")
_STRANGER = Place({"app": "stranger"}, "default")


def _outside(address: str) -> Place:
    return Place({}, "", address)


@dataclass(frozen=True)
class Network:
    policies: list[Object]

    def allows(self, source: Place, target: Place, port: int, protocol: str = "TCP") -> bool:
        """As Kubernetes decides: a pod that any policy of a direction selects may do what one of them allows."""
        return self._lets(source, "Egress", target, port, protocol) and self._lets(
            target, "Ingress", source, port, protocol
        )

    def _lets(self, pod: Place, direction: str, peer: Place, port: int, protocol: str) -> bool:
        if pod.namespace != "ticket-marketplace":
            return True  # not ours to decide
        selecting = [
            each["spec"]
            for each in self.policies
            if direction in each["spec"]["policyTypes"] and _selects(each["spec"]["podSelector"], pod.labels)
        ]
        side = "to" if direction == "Egress" else "from"
        rules = [rule for policy in selecting for rule in policy.get(direction.lower(), ())]
        return not selecting or any(
            any(_is_peer(each, peer) for each in rule[side]) and _has_port(rule, port, protocol) for rule in rules
        )


def _selects(selector: dict[str, Any], labels: Labels) -> bool:
    assert selector.keys() <= {"matchLabels", "matchExpressions"}
    for expression in selector.get("matchExpressions", ()):
        assert expression["operator"] == "In"
        if labels.get(expression["key"]) not in expression["values"]:
            return False
    wanted: dict[str, str] = selector.get("matchLabels", {})
    return wanted.items() <= labels.items()


def _is_peer(peer: dict[str, Any], place: Place) -> bool:
    if block := peer.get("ipBlock"):
        if place.address is None:
            return False
        address = ip_address(place.address)
        return address in ip_network(block["cidr"]) and not any(
            address in ip_network(each) for each in block.get("except", ())
        )
    if place.address is not None:
        return False
    namespaces = peer.get("namespaceSelector", {"matchLabels": {"kubernetes.io/metadata.name": "ticket-marketplace"}})
    return _selects(namespaces, {"kubernetes.io/metadata.name": place.namespace}) and _selects(
        peer.get("podSelector", {}), place.labels
    )


def _has_port(rule: dict[str, Any], port: int, protocol: str) -> bool:
    return any(each["port"] == port and each.get("protocol", "TCP") == protocol for each in rule["ports"])


@pytest.fixture
def network(overlay: Objects) -> Network:
    return Network(overlay.of("NetworkPolicy"))


@pytest.fixture
def pods(overlay: Objects) -> dict[str, Place]:
    """By the name of the workload."""
    return {name.partition(" ")[2]: Place(labels_of(pod)) for name, pod in overlay.pods()}


@pytest.fixture
def controller(pods: dict[str, Place]) -> Place:
    """Ours on kind; in production the cluster's own, in the namespace that the overlay names."""
    namespace = "ingress-controller" if "orders-mongodb" in pods else "traefik"
    return Place({"app.kubernetes.io/name": "traefik"}, namespace)


def _flows(pods: dict[str, Place], controller: Place) -> Iterator[tuple[str, Place, Place, int]]:
    for service in SERVICE_NAMES:
        yield f"a request to {service}", controller, pods[service], 8000
        yield f"{service} to NATS", pods[service], pods["nats"], 4222
        database = pods.get(f"{service}-mongodb", _outside(_MANAGED_MONGODB))
        yield f"{service} to its MongoDB", pods[service], database, 27017
    yield "the provisioning to NATS", pods["provisioning"], pods["nats"], 4222
    yield "payments to Stripe", pods["payments"], _outside(_STRIPE), 443


def test_every_flow_of_the_platform_is_allowed(network: Network, pods: dict[str, Place], controller: Place) -> None:
    refused = [
        what for what, source, target, port in _flows(pods, controller) if not network.allows(source, target, port)
    ]
    assert not refused


def test_every_pod_can_ask_for_names(network: Network, pods: dict[str, Place]) -> None:
    for name, pod in pods.items():
        assert network.allows(pod, _DNS, 53, "UDP"), name
        assert network.allows(pod, _DNS, 53, "TCP"), name


def test_nothing_else_is_allowed(network: Network, pods: dict[str, Place], controller: Place) -> None:
    places = {**pods, "the controller": controller, "a stranger": _STRANGER, "the internet": _outside(_STRIPE)}
    wanted = {(source, target, port) for _, source, target, port in _hashable(_flows(pods, controller))}
    if "orders-mongodb" not in pods:
        wanted |= {(_key(pods["nats"]), _key(pods["nats"]), 6222)}
    for source_name, source in places.items():
        for target_name, target in places.items():
            if "ticket-marketplace" not in {source.namespace, target.namespace}:
                continue
            for port in (80, 443, 4222, 6222, 8000, 8222, 27017):
                if (_key(source), _key(target), port) not in wanted:
                    assert not network.allows(source, target, port), f"{source_name} to {target_name}, {port}"


@pytest.mark.parametrize("address", ["10.96.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254"])
def test_no_pod_reaches_a_private_address(network: Network, pods: dict[str, Place], address: str) -> None:
    """Among them are the API server, other machines of the data centre, and a cloud's metadata with its credentials.

    Production's databases, which are in a private network, are reached at their own port alone.
    """
    for name, pod in pods.items():
        reached = [
            port for port in (22, 80, 443, 6443, 8000, 8443, 10250) if network.allows(pod, _outside(address), port)
        ]
        assert reached == [], f"{name} reaches {address}"


def test_the_servers_of_a_cluster_reach_each_other(overlay: Objects, network: Network, pods: dict[str, Place]) -> None:
    several = overlay.one("StatefulSet", "nats")["spec"]["replicas"] > 1
    assert network.allows(pods["nats"], pods["nats"], 6222) == several


def _key(place: Place) -> tuple[Any, ...]:
    return (tuple(sorted(place.labels.items())), place.namespace, place.address)


def _hashable(flows: Iterator[tuple[str, Place, Place, int]]) -> Iterator[tuple[str, Any, Any, int]]:
    for what, source, target, port in flows:
        yield what, _key(source), _key(target), port
