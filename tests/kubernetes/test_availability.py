"""A rollout, a node that is drained and a machine that fails leave enough pods at work."""

import re
from datetime import timedelta

import pytest
from kubernetes.rendering import MANIFESTS, RENDERED, Object, Objects, container_of, labels_of, render

from marketplace.registry import SERVICE_NAMES


@pytest.fixture(scope="module")
def production() -> Objects:
    return render(RENDERED["production"])


@pytest.mark.parametrize("name", SERVICE_NAMES)
def test_a_rollout_starts_a_new_pod_before_it_stops_an_old_one(overlay: Objects, name: str) -> None:
    strategy = overlay.one("Deployment", name)["spec"]["strategy"]
    assert strategy.get("type", "RollingUpdate") == "RollingUpdate"
    assert strategy["rollingUpdate"]["maxUnavailable"] == 0
    assert strategy["rollingUpdate"]["maxSurge"] >= 1


@pytest.mark.parametrize("name", SERVICE_NAMES)
def test_production_runs_at_least_two_pods_of_each_service(production: Objects, name: str) -> None:
    (scaler,) = [
        each["spec"]
        for each in production.of("HorizontalPodAutoscaler")
        if (each["spec"]["scaleTargetRef"]["kind"], each["spec"]["scaleTargetRef"]["name"]) == ("Deployment", name)
    ]
    assert 2 <= scaler["minReplicas"] < scaler["maxReplicas"]
    assert "replicas" not in production.one("Deployment", name)["spec"], "each deployment would undo the scaling"


def test_production_loses_at_most_one_pod_of_a_workload_when_a_node_is_drained(production: Objects) -> None:
    budgets = [each["spec"] for each in production.of("PodDisruptionBudget")]
    for name in (*(f"Deployment {service}" for service in SERVICE_NAMES), "StatefulSet nats"):
        pod = dict(production.pods())[name]
        selecting = [each for each in budgets if each["selector"]["matchLabels"].items() <= labels_of(pod).items()]
        assert [each.get("maxUnavailable") for each in selecting] == [1], name


@pytest.mark.parametrize("name", SERVICE_NAMES)
def test_production_spreads_the_pods_of_each_service_over_nodes_and_zones(production: Objects, name: str) -> None:
    """If pods of other services were counted as well, all pods of this one could be on one node, and fail with it."""
    pod = production.one("Deployment", name)["spec"]["template"]
    counted = {
        each["topologyKey"]: _counted_by(each, pod, production) for each in pod["spec"]["topologySpreadConstraints"]
    }
    own = [f"Deployment {name}"]
    assert counted == {"kubernetes.io/hostname": own, "topology.kubernetes.io/zone": own}


def test_production_spreads_the_nats_servers_over_nodes(production: Objects) -> None:
    """Two that fail together would leave no majority, and no event could be stored."""
    pod = _nats(production)["template"]
    spread = {
        each["topologyKey"]: (each["maxSkew"], each["whenUnsatisfiable"])
        for each in pod["spec"]["topologySpreadConstraints"]
        if each["labelSelector"]["matchLabels"].items() <= labels_of(pod).items()
    }
    assert spread["kubernetes.io/hostname"] == (1, "DoNotSchedule")


def test_production_starts_all_nats_servers_at_once(production: Objects) -> None:
    """None becomes ready before it has found the others."""
    assert _nats(production)["podManagementPolicy"] == "Parallel"
    assert production.one("Service", "nats-nodes")["spec"]["publishNotReadyAddresses"] is True


def test_a_nats_server_hands_its_clients_over_before_it_stops(production: Objects) -> None:
    pod = _nats(production)["template"]
    assert container_of(pod)["lifecycle"]["preStop"]["exec"]["command"] == ["nats-server", "--signal", "ldm=1"]
    configuration = (MANIFESTS / "base" / "nats" / "nats.conf").read_text()
    (duration,) = re.findall(r'^lame_duck_duration: "(\d+)s"$', configuration, flags=re.MULTILINE)
    grace = timedelta(seconds=pod["spec"]["terminationGracePeriodSeconds"])
    assert grace >= timedelta(seconds=int(duration) + 15), "it is killed while clients are still connected"


@pytest.mark.parametrize("name", SERVICE_NAMES)
def test_a_mongodb_has_five_minutes_to_make_its_users(name: str) -> None:
    """Its image makes them at the first start only: killed meanwhile, it comes back without any."""
    pod = render(RENDERED["kind"]).one("StatefulSet", f"{name}-mongodb")["spec"]["template"]
    probe = container_of(pod)["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 300


def _nats(objects: Objects) -> Object:
    spec: Object = objects.one("StatefulSet", "nats")["spec"]
    return spec


def _counted_by(constraint: Object, pod: Object, objects: Objects) -> list[str]:
    """The workloads whose pods are spread together with this one, as the scheduler counts them."""
    own = labels_of(pod)
    selected = constraint["labelSelector"]["matchLabels"] | {
        key: own[key] for key in constraint.get("matchLabelKeys", ())
    }
    return [name for name, each in objects.pods() if selected.items() <= labels_of(each).items()]
