"""`make secrets`, on a cluster that a fake kubectl keeps."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import jwt
import pytest
from fake_programs import FakePrograms

from marketplace.keys import TokenKeys
from marketplace.registry import SERVICE_NAMES

EVERY_NAME = {
    "token-private-key",
    "token-public-key",
    "nats-users",
    "provisioning-nats",
    *(f"{service}-nats" for service in SERVICE_NAMES),
    *(f"{service}-mongodb" for service in SERVICE_NAMES),
}


@pytest.fixture
def cluster(tmp_path: Path) -> FakePrograms:
    return FakePrograms(tmp_path)


def made(said: str) -> set[str]:
    found = re.search(r"^Secrets made: (.*)\.$", said, flags=re.MULTILINE)
    assert found
    return set(found[1].split(", "))


def test_an_empty_cluster_gets_a_namespace_and_every_secret(cluster: FakePrograms) -> None:
    done = cluster.make("secrets")
    assert (done.returncode, done.stderr) == (0, "")
    assert set(cluster.contents()) == EVERY_NAME == made(done.stdout)
    assert "Secrets kept: none." in done.stdout


def test_a_second_run_makes_nothing_and_changes_nothing(cluster: FakePrograms) -> None:
    cluster.make("secrets")
    before = cluster.contents()
    done = cluster.make("secrets")
    assert made(done.stdout) == {"none"}
    assert "auth-mongodb" in done.stdout
    assert cluster.contents() == before


def test_only_what_is_missing_is_made(cluster: FakePrograms) -> None:
    cluster.make("secrets")
    before = cluster.contents()
    cluster.delete("orders-mongodb")
    assert made(cluster.make("secrets").stdout) == {"orders-mongodb"}
    after = cluster.contents()
    assert after.pop("orders-mongodb") != before.pop("orders-mongodb")
    assert after == before


def test_no_secret_is_in_an_argument_or_shown(cluster: FakePrograms) -> None:
    done = cluster.make("secrets", STRIPE_KEY="sk_test_never_shown")
    values = [value for each in cluster.contents().values() for value in each.values()]
    values += [urlsplit(value).password or value for value in values]
    shown = done.stdout + done.stderr + " ".join(str(call) for call in cluster.calls())
    assert [value for value in values if value in shown] == []


def test_the_public_key_belongs_to_the_private_one(cluster: FakePrograms) -> None:
    cluster.make("secrets")
    contents = cluster.contents()
    token = jwt.encode({"sub": "ada"}, contents["token-private-key"]["TOKEN_PRIVATE_KEY"], algorithm="EdDSA")
    public = contents["token-public-key"]["TOKEN_PUBLIC_KEY"]
    assert jwt.decode(token, public, algorithms=["EdDSA"]) == {"sub": "ada"}
    assert cluster.state["objects"]["token-public-key"]["kind"] == "ConfigMap"


def test_of_a_private_key_alone_the_public_one_is_derived(cluster: FakePrograms) -> None:
    keys = TokenKeys.new()
    cluster.put("token-private-key", TOKEN_PRIVATE_KEY=keys.private)
    cluster.make("secrets")
    assert cluster.contents()["token-private-key"] == {"TOKEN_PRIVATE_KEY": keys.private}
    assert cluster.contents()["token-public-key"] == {"TOKEN_PUBLIC_KEY": keys.public}


def test_a_public_key_alone_is_left_to_a_person_and_nothing_is_made(cluster: FakePrograms) -> None:
    cluster.make("secrets")
    cluster.delete("token-private-key", "orders-mongodb")
    done = cluster.make("secrets")
    assert done.returncode == 1
    assert "Delete the ConfigMap token-public-key" in done.stderr
    assert "orders-mongodb" not in cluster.contents()


def test_nats_and_its_clients_know_the_same_passwords(cluster: FakePrograms) -> None:
    cluster.make("secrets")
    contents = cluster.contents()
    for user in (*SERVICE_NAMES, "provisioning"):
        url = urlsplit(contents[f"{user}-nats"]["url"])
        assert (url.username, url.hostname, url.port) == (user, "nats", 4222)
        assert url.password == contents["nats-users"][f"NATS_PASSWORD_{user.upper()}"]
    assert len(set(contents["nats-users"].values())) == 8  # with the operator and the route, whom no pod is


@pytest.mark.parametrize("lost", [("orders-nats",), ("nats-users",)], ids=["the client's", "the server's"])
def test_the_lost_side_of_a_nats_password_is_made_to_fit_the_other(
    cluster: FakePrograms, lost: tuple[str, ...]
) -> None:
    cluster.make("secrets")
    before = cluster.contents()
    cluster.delete(*lost)
    cluster.make("secrets")
    after = cluster.contents()
    for contents in (before, after):
        for user in ("OPERATOR", "ROUTE"):  # there is no other side
            contents["nats-users"].pop(f"NATS_PASSWORD_{user}")
    assert after == before


def test_a_password_is_read_by_nats_as_text_and_needs_no_quoting_in_a_url(cluster: FakePrograms) -> None:
    """A base64 one would now and then begin like a number, or a comment, and stop nats-server."""
    cluster.make("secrets")
    contents = cluster.contents()
    databases = [
        contents[f"{service}-mongodb"][key] for service in SERVICE_NAMES for key in ("password", "root-password")
    ]
    passwords = [*contents["nats-users"].values(), *databases]
    assert all(re.fullmatch(r"[a-z][0-9a-f]{64}", password) for password in passwords)
    assert len(set(passwords)) == len(passwords)


def test_a_services_database_url_has_its_own_user_and_waits_for_the_journal(cluster: FakePrograms) -> None:
    cluster.make("secrets")
    secret = cluster.contents()["orders-mongodb"]
    assert secret["url"] == (
        f"mongodb://orders:{secret['password']}@orders-mongodb:27017/orders?authSource=orders&w=majority&journal=true"
    )


def test_stripes_key_comes_from_the_environment_if_there_is_one(cluster: FakePrograms) -> None:
    cluster.make("secrets")
    assert "stripe" not in cluster.contents()
    assert made(cluster.make("secrets", STRIPE_KEY="sk_test_first").stdout) == {"stripe"}
    cluster.make("secrets", STRIPE_KEY="sk_test_second")
    assert cluster.contents()["stripe"] == {"STRIPE_KEY": "sk_test_first"}


def test_what_is_no_key_of_stripes_is_refused_and_not_shown(cluster: FakePrograms) -> None:
    done = cluster.make("secrets", STRIPE_KEY="pk_public_by_mistake")
    assert done.returncode == 1
    assert "STRIPE_KEY" in done.stderr
    assert "pk_public" not in done.stderr
    assert cluster.contents() == {}
