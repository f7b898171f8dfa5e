"""Which keys and passwords are created for what a cluster already has."""

import re
from urllib.parse import urlsplit

import jwt
import pytest

from marketplace.errors import PlatformError
from marketplace.keys import TokenKeys
from marketplace.registry import SERVICE_NAMES
from tools.credentials import Contents, missing_credentials

NAMES = {"token-private-key", "token-public-key", "nats-users", "provisioning-nats"} | {
    f"{service}-{server}" for service in SERVICE_NAMES for server in ("nats", "mongodb")
}


@pytest.fixture
def everything() -> dict[str, Contents]:
    return missing_credentials({}, {})


def test_an_empty_cluster_lacks_everything_and_a_full_one_nothing(everything: dict[str, Contents]) -> None:
    assert everything.keys() == NAMES
    assert missing_credentials(everything, {}) == {}


def test_the_public_key_belongs_to_the_private_one(everything: dict[str, Contents]) -> None:
    token = jwt.encode({"sub": "ada"}, everything["token-private-key"]["TOKEN_PRIVATE_KEY"], algorithm="EdDSA")
    public = everything["token-public-key"]["TOKEN_PUBLIC_KEY"]
    assert jwt.decode(token, public, algorithms=["EdDSA"]) == {"sub": "ada"}


def test_a_lost_public_key_is_derived_from_the_private_one() -> None:
    keys = TokenKeys.new()
    made = missing_credentials({"token-private-key": {"TOKEN_PRIVATE_KEY": keys.private}}, {})
    assert made["token-public-key"] == {"TOKEN_PUBLIC_KEY": keys.public}
    assert "token-private-key" not in made


@pytest.mark.parametrize(
    ("existing", "message"),
    [
        ({"token-public-key": {"TOKEN_PUBLIC_KEY": "of a lost key"}}, "Delete the ConfigMap token-public-key"),
        ({"token-private-key": {}}, "token-private-key has no Ed25519 key"),
        ({"token-private-key": {"TOKEN_PRIVATE_KEY": "no key"}}, "token-private-key has no Ed25519 key"),
    ],
    ids=["public key alone", "empty secret", "no private key"],
)
def test_what_does_not_fit_is_left_to_a_person(existing: dict[str, Contents], message: str) -> None:
    with pytest.raises(PlatformError, match=message):
        missing_credentials(existing, {})


def test_nats_and_its_clients_know_the_same_passwords(everything: dict[str, Contents]) -> None:
    for user in (*SERVICE_NAMES, "provisioning"):
        url = urlsplit(everything[f"{user}-nats"]["url"])
        assert (url.username, url.hostname, url.port) == (user, "nats", 4222)
        assert url.password == everything["nats-users"][f"NATS_PASSWORD_{user.upper()}"]


@pytest.mark.parametrize("lost", ["orders-nats", "nats-users"])
def test_a_lost_nats_secret_is_created_with_the_passwords_of_the_others(
    everything: dict[str, Contents], lost: str
) -> None:
    before = dict(everything.pop(lost))
    (after,) = (dict(contents) for contents in missing_credentials(everything, {}).values())
    for user in ("OPERATOR", "ROUTE"):  # no other secret has the passwords of these users
        before.pop(f"NATS_PASSWORD_{user}", None)
        after.pop(f"NATS_PASSWORD_{user}", None)
    assert after == before


@pytest.mark.parametrize("service", SERVICE_NAMES)
def test_a_new_service_gets_credentials_and_all_others_keep_theirs(
    everything: dict[str, Contents], service: str
) -> None:
    new = f"NATS_PASSWORD_{service.upper()}"
    before = {name: contents for name, contents in everything.items() if not name.startswith(f"{service}-")}
    before["nats-users"] = {name: value for name, value in everything["nats-users"].items() if name != new}
    made = missing_credentials(before, {})
    assert made.keys() == {"nats-users", f"{service}-nats", f"{service}-mongodb"}
    assert made["nats-users"] == {new: urlsplit(made[f"{service}-nats"]["url"]).password}


def test_a_password_that_the_nats_servers_lack_is_taken_from_its_client(everything: dict[str, Contents]) -> None:
    known = {name: value for name, value in everything["nats-users"].items() if name != "NATS_PASSWORD_ORDERS"}
    made = missing_credentials(everything | {"nats-users": known}, {})
    assert made == {"nats-users": {"NATS_PASSWORD_ORDERS": everything["nats-users"]["NATS_PASSWORD_ORDERS"]}}


def test_each_password_is_another_one_which_needs_no_quoting(everything: dict[str, Contents]) -> None:
    databases = [
        everything[f"{service}-mongodb"][key] for service in SERVICE_NAMES for key in ("password", "root-password")
    ]
    passwords = [*everything["nats-users"].values(), *databases]
    assert all(re.fullmatch(r"[a-z][0-9a-f]{64}", password) for password in passwords)
    assert len(set(passwords)) == len(passwords)


def test_a_database_url_has_the_services_own_user_and_waits_for_the_journal(everything: dict[str, Contents]) -> None:
    secret = everything["orders-mongodb"]
    assert secret["url"] == (
        f"mongodb://orders:{secret['password']}@orders-mongodb:27017/orders?authSource=orders&w=majority&journal=true"
    )


def test_no_password_is_made_for_an_external_database() -> None:
    assert "orders-mongodb" not in missing_credentials({}, {}, [each for each in SERVICE_NAMES if each != "orders"])


def test_the_keys_of_stripe_are_stored_once_and_apart(everything: dict[str, Contents]) -> None:
    made = missing_credentials(everything, {"STRIPE_KEY": "sk_test_1", "STRIPE_PUBLISHABLE_KEY": "pk_test_1"})
    assert made == {
        "stripe": {"STRIPE_KEY": "sk_test_1"},
        "stripe-publishable-key": {"STRIPE_PUBLISHABLE_KEY": "pk_test_1"},
    }
    others = {"STRIPE_KEY": "sk_test_2", "STRIPE_PUBLISHABLE_KEY": "pk_test_2"}
    assert missing_credentials(everything | made, others) == {}
