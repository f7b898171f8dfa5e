"""What a database or the broker stores is on a volume that outlives its pod."""

from kubernetes.rendering import Objects, container_of

_DATA = {"nats": "/data", "mongodb": "/data/db"}
"""Where each program stores it, by the name of the container."""


def test_every_database_and_every_broker_stores_its_data_on_a_persistent_volume(overlay: Objects) -> None:
    found = overlay.of("StatefulSet")
    assert found
    for each in found:
        container = container_of(each["spec"]["template"])
        (mount,) = [mount for mount in container["volumeMounts"] if mount["mountPath"] == _DATA[container["name"]]]
        claims = {claim["metadata"]["name"] for claim in each["spec"].get("volumeClaimTemplates", ())}
        assert mount["name"] in claims, f"the data of {each['metadata']['name']} go with its pod"
        assert not mount.get("readOnly")


def test_nats_stores_its_streams_on_that_volume(overlay: Objects) -> None:
    (configuration,) = [
        each["data"]["nats.conf"]
        for each in overlay.of("ConfigMap")
        if each["metadata"]["name"].startswith("nats-configuration")
    ]
    (folder,) = [line.split()[1] for line in configuration.splitlines() if line.strip().startswith("store_dir:")]
    assert folder.startswith(f"{_DATA['nats']}/")
