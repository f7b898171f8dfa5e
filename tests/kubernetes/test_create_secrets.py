"""`make secrets`: what it asks a cluster, sends to it and prints. The rules themselves: test_missing_credentials.py."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from kubernetes.fake_programs import FakePrograms
from kubernetes.rendering import RENDERED, render_text

from tools.credentials import missing_credentials

ALL = missing_credentials({}, {})


@pytest.fixture
def cluster(tmp_path: Path) -> FakePrograms:
    cluster = FakePrograms(tmp_path)
    cluster.answer("kubectl kustomize", render_text(RENDERED["kind"]))
    return cluster


def put(cluster: FakePrograms, contents: Mapping[str, Mapping[str, str]]) -> None:
    """Let the cluster have these, and no others."""
    items = [
        {"kind": "ConfigMap", "metadata": {"name": name}, "data": values}
        if name == "token-public-key"
        else {
            "kind": "Secret",
            "metadata": {"name": name},
            "data": {key: encoded(value) for key, value in values.items()},
        }
        for name, values in contents.items()
    ]
    items.append({"kind": "ConfigMap", "metadata": {"name": "nats-configuration"}, "data": {}})
    cluster.answer("kubectl get secrets,configmaps", json.dumps({"items": items}))


def encoded(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


def created(cluster: FakePrograms) -> dict[str, dict[str, str]]:
    """Return what kubectl was given to create; an empty dictionary if nothing."""
    given = [call.given for call in cluster.calls() if call.text == "kubectl create --filename -"]
    items = json.loads(given[0])["items"] if given else []
    return {each["metadata"]["name"]: each["data" if each["kind"] == "ConfigMap" else "stringData"] for each in items}


def test_an_empty_cluster_gets_the_namespace_and_every_secret(cluster: FakePrograms) -> None:
    done = cluster.make("secrets")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Secrets created: {', '.join(ALL)}.\nSecrets kept: none.\n" in done.stdout
    calls = cluster.calls()
    assert [call.text for call in calls if call.text.startswith(("kubectl apply", "kubectl create"))] == [
        "kubectl apply --filename infra/k8s/base/namespace.yaml",
        "kubectl create --filename -",
    ]
    assert [item["kind"] for item in json.loads(calls[-1].given)["items"]].count("ConfigMap") == 1


def test_a_second_run_creates_nothing(cluster: FakePrograms) -> None:
    put(cluster, ALL)
    done = cluster.make("secrets")
    assert f"Secrets created: none.\nSecrets kept: {', '.join(sorted(ALL))}.\n" in done.stdout
    assert created(cluster) == {}


def test_what_is_lost_is_created_to_fit_what_is_there(cluster: FakePrograms) -> None:
    put(cluster, {name: contents for name, contents in ALL.items() if name != "orders-nats"})
    cluster.make("secrets")
    assert created(cluster) == {"orders-nats": ALL["orders-nats"]}


def test_the_password_of_a_new_nats_user_is_added_to_those_of_the_servers(cluster: FakePrograms) -> None:
    """As in an upgrade to a version with one more service."""
    known = {name: value for name, value in ALL["nats-users"].items() if name != "NATS_PASSWORD_STOREFRONT"}
    put(cluster, {name: each for name, each in ALL.items() if name != "storefront-nats"} | {"nats-users": known})
    done = cluster.make("secrets")
    assert "Secrets created: storefront-nats.\nSecrets completed: nats-users.\n" in done.stdout
    calls = {call.text: call.given for call in cluster.calls()}
    (new,) = json.loads(calls["kubectl create --filename -"])["items"]
    added = json.loads(calls["kubectl patch secret nats-users --patch-file /dev/stdin"])["stringData"]
    assert added == {"NATS_PASSWORD_STOREFRONT": urlsplit(new["stringData"]["url"]).password}
    assert added["NATS_PASSWORD_STOREFRONT"] not in done.stdout + done.stderr + "".join(calls)


def test_no_secret_is_in_an_argument_or_printed(cluster: FakePrograms) -> None:
    done = cluster.make("secrets", STRIPE_KEY="sk_test_never_shown", STRIPE_PUBLISHABLE_KEY="pk_test_1")
    calls = cluster.calls()
    items = json.loads(calls[-1].given)["items"]
    values = [value for each in items for value in each.get("stringData", {}).values()]
    values += [urlsplit(value).password or value for value in values]
    assert "sk_test_never_shown" in values
    assert {"STRIPE_PUBLISHABLE_KEY": "pk_test_1"} in [each.get("data") for each in items]
    printed = done.stderr + " ".join(call.text for call in calls) + done.stdout
    assert [value for value in values if value in printed] == []


def test_a_conflict_creates_nothing_and_is_one_line(cluster: FakePrograms) -> None:
    put(cluster, {"token-public-key": ALL["token-public-key"]})
    done = cluster.make("secrets")
    assert done.stderr.startswith("The ConfigMap token-public-key exists, but the Secret token-private-key does not.")
    assert created(cluster) == {}


def test_a_stripe_key_that_is_none_is_refused_and_not_printed(cluster: FakePrograms) -> None:
    done = cluster.make("secrets", STRIPE_KEY="pk_public_by_mistake")
    assert done.stderr.startswith("STRIPE_KEY")
    assert "pk_public" not in done.stderr
    assert created(cluster) == {}
