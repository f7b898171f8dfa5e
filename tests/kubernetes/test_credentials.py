"""Each pod gets the credentials that it works with, by reference to their Secrets, and no others."""

import re
from collections.abc import Iterator

import pytest
from kubernetes.rendering import RENDERED, Object, Objects, container_of, environment_of, render

from marketplace.registry import SERVICE_NAMES
from tools.credentials import CONFIG_MAPS, missing_credentials

_STRIPE = {"STRIPE_KEY": "sk_test_1", "STRIPE_PUBLISHABLE_KEY": "pk_test_1"}
_CREDENTIALS = missing_credentials({}, _STRIPE).keys() - CONFIG_MAPS
_ALSO = {"auth": {"token-private-key"}, "payments": {"stripe"}}
_OTHERS = {"StatefulSet nats": {"nats-users"}, "Job provisioning": {"provisioning-nats"}}


def test_no_pod_is_given_a_credential_by_value(overlay: Objects) -> None:
    for name, pod in overlay.pods():
        for variable in _variables(pod):
            if value := variable.get("value"):
                secret = re.search(r"KEY|PASSWORD|SECRET|TOKEN|MONGO_URL|NATS_URL", variable["name"])
                assert not secret, f"{name} has {variable['name']} by value"
                assert not re.search(r"://[^/@]*:(?!\$\()[^/@]+@", value), f"{name}: {variable['name']} has a password"


def test_a_pod_is_given_its_own_credentials_and_no_others(overlay: Objects) -> None:
    own = {f"Deployment {name}": {f"{name}-mongodb", f"{name}-nats"} | _ALSO.get(name, set()) for name in SERVICE_NAMES}
    own |= {f"StatefulSet {name}-mongodb": {f"{name}-mongodb"} for name in SERVICE_NAMES} | _OTHERS
    for name, pod in overlay.pods():
        assert set(_secrets_of(pod)) == own[name], name


def test_every_credential_has_a_pod_that_takes_it() -> None:
    """Otherwise one that is new in the code would be in no rule here."""
    known = {f"{name}-{what}" for name in SERVICE_NAMES for what in ("mongodb", "nats")}
    assert known.union(*_ALSO.values(), *_OTHERS.values()) == _CREDENTIALS


@pytest.mark.parametrize("name", SERVICE_NAMES)
def test_a_mongodb_in_the_cluster_asks_for_a_password(name: str) -> None:
    """The image switches authentication on if its environment names a root user and a password."""
    pod = render(RENDERED["kind"]).one("StatefulSet", f"{name}-mongodb")["spec"]["template"]
    variables = environment_of(pod)
    assert variables.get("MONGO_INITDB_ROOT_USERNAME", {}).get("value"), "anybody could write to it"
    password = variables["MONGO_INITDB_ROOT_PASSWORD"]["valueFrom"]["secretKeyRef"]
    assert password == {"name": f"{name}-mongodb", "key": "root-password"}
    assert "--noauth" not in container_of(pod)["args"]


def test_a_services_database_user_may_read_and_write_its_own_database_alone(overlay: Objects) -> None:
    (script,) = [
        each["data"]["mongodb-users.js"]
        for each in overlay.of("ConfigMap")
        if each["metadata"]["name"].startswith("mongodb-users")
    ]
    assert re.findall(r"role: *([^,}]+), *db: *([^,}]+?) *}", script) == [('"readWrite"', "SERVICE")]
    assert script.count("role:") == script.count("createUser") == 1


def _variables(pod: Object) -> Iterator[Object]:
    for container in pod["spec"]["containers"]:
        yield from container.get("env", ())


def _secrets_of(pod: Object) -> Iterator[str]:
    """Whichever way a pod takes them."""
    for variable in _variables(pod):
        if reference := variable.get("valueFrom", {}).get("secretKeyRef"):
            yield reference["name"]
    for container in pod["spec"]["containers"]:
        yield from (each["secretRef"]["name"] for each in container.get("envFrom", ()) if "secretRef" in each)
    for volume in pod["spec"].get("volumes", ()):
        if "secret" in volume:
            yield volume["secret"]["secretName"]
        for source in volume.get("projected", {}).get("sources", ()):
            if "secret" in source:
                yield source["secret"]["name"]
