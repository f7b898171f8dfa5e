"""Bringing the platform to a cluster, a new image of one service, and taking it away again."""

import re

from tools.cluster import Cluster
from tools.images import build, check_delivery, deliver, image_of
from tools.manifests import documents, join, kind_of, of_kind
from tools.program import say
from tools.secrets_of_cluster import make_secrets
from tools.settings import IMAGES, NAMESPACE, Settings

_KEPT = ("Namespace", "PersistentVolumeClaim", "Secret")
"""By `make undeploy`; with the namespace, everything in it would go."""


def deploy(settings: Settings) -> None:
    """Again: what has changed is applied, and every service gets the image that is `latest` now."""
    check_delivery(settings)
    cluster = Cluster(settings)
    manifests = _with_registry(cluster.render(settings.overlay), settings.registry)
    make_secrets(settings)
    deliver(settings, IMAGES)
    before = set(cluster.names("deployments"))
    # A Job cannot be changed, nor run twice: the one of the last time goes.
    cluster.run("delete", "--ignore-not-found", "--filename", "-", given=join(of_kind(manifests, "Job")))
    cluster.run("apply", "--filename", "-", given=manifests)
    for name in (*cluster.names("statefulsets"), *cluster.names("jobs")):
        cluster.wait_until_ready(name)
    deployments = cluster.names("deployments")
    for name in deployments:
        if name in before:  # the others have just been started with the new image
            cluster.run("rollout", "restart", name)
    for name in deployments:
        cluster.wait_until_ready(name)
    _say_where(settings, cluster)


def restart(settings: Settings) -> None:
    """Build one service anew and let its pods be replaced, one after the other."""
    service = settings.chosen_service()
    check_delivery(settings)
    cluster = Cluster(settings)
    build(settings, [service])
    deliver(settings, [service])
    cluster.run("rollout", "restart", f"deployment.apps/{service}")
    cluster.wait_until_ready(f"deployment.apps/{service}")


def undeploy(settings: Settings) -> None:
    """Take away what runs, and keep what cannot be made again."""
    cluster = Cluster(settings)
    manifests = [each for each in documents(cluster.render(settings.overlay)) if kind_of(each) not in _KEPT]
    cluster.run("delete", "--ignore-not-found", "--filename", "-", given=join(manifests))
    say(
        f"Nothing runs any more. Kept, in the namespace {NAMESPACE}: the volumes, with all databases and streams, and\n"
        f"the secrets that open them; `make deploy` goes on with both.\n"
        f"To delete them as well, for good: kubectl delete namespace {NAMESPACE}"
    )


def _with_registry(manifests: str, registry: str | None) -> str:
    """Our images with the registry's name in front of them, whatever the overlay says."""
    if not registry:
        return manifests
    return re.sub(
        r"\bimage: (?:\S+/)?ticket-marketplace/([a-z]+):latest$",
        lambda image: f"image: {image_of(image[1], registry)}",
        manifests,
        flags=re.MULTILINE,
    )


def _say_where(settings: Settings, cluster: Cluster) -> None:
    if settings.overlay == "kind":
        say("Marketplace ready at http://localhost:8080  (make demo GATEWAY=http://localhost:8080)")
        return
    say("Marketplace ready. Its door:")
    cluster.run("get", "ingress", "--output", "wide")
