"""A cluster on this machine, with a door: the ingress controller."""

from tools.cluster import Cluster
from tools.program import Stopped, say
from tools.settings import CLUSTER, K8S, Settings

_START = "180s"


def create_cluster(settings: Settings) -> None:
    """Or bring the one that exists up to date."""
    if settings.context != f"kind-{CLUSTER}":
        raise Stopped("make cluster makes the kind cluster of the overlay kind alone: leave OVERLAY and CONTEXT out.")
    settings.kubectl.require()
    if CLUSTER in settings.kind.read("get", "clusters").split():
        say(f"The kind cluster {CLUSTER} is there already.")
    else:
        configuration = str(K8S / "kind-cluster.yaml")
        settings.kind.run("create", "cluster", "--name", CLUSTER, "--config", configuration, "--wait", _START)
    Cluster(settings).make_namespace()  # the controller gets access to it
    settings.kubectl.run("apply", "-k", str(K8S / "ingress-controller"))
    settings.kubectl.run(
        "rollout", "status", "deployment/traefik", "--namespace", "ingress-controller", "--timeout", _START
    )
