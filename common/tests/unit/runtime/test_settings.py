"""A wrong or missing variable ends the start with status 2 and one line that names it and shows no secret."""

import asyncio
import os
import re
import sys
from collections.abc import Callable, Mapping

import pytest
from common.tests.services import SERVICES, ServiceUnderTest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from common.runtime.settings import load_settings
from devkit.testing.keys import KeyPair
from devkit.testing.process import environment_of

PEM, PKCS8, SPKI = Encoding.PEM, PrivateFormat.PKCS8, PublicFormat.SubjectPublicKeyInfo
SECRET = "hunter2"
KEYS = KeyPair.generate()
EC_KEY = generate_ec_key(SECP256R1())
BAD_PUBLIC_KEYS = {
    "a word": SECRET,
    "a private key": KeyPair.generate().private,
    "a key of another kind": EC_KEY.public_key().public_bytes(PEM, SPKI).decode(),
    "a key with a character missing": KEYS.public.replace("MCow", "MCo"),
    "its first line alone": KEYS.public.splitlines()[0],
    "all in one line": KEYS.public.replace("\n", "\\n"),
}
BAD_PRIVATE_KEYS = {
    "a word": SECRET,
    "a public key": KEYS.public,
    "a key of another kind": EC_KEY.private_bytes(PEM, PKCS8, NoEncryption()).decode(),
    "a key with a passphrase": Ed25519PrivateKey.generate()
    .private_bytes(PEM, PKCS8, BestAvailableEncryption(b"passphrase"))
    .decode(),
    "a key of another pair": KeyPair.generate().private,
    "its first line alone": KEYS.private.splitlines()[0],
}
BAD: dict[str, list[str]] = {
    "PORT": ["0", "65536", "-1", "http", "80.5"],
    "MONGO_URL": [
        *("localhost", "mongodb://", "http://localhost", "mongodb://localhost:99999", "mongodb://localhost:port"),
        *(f"mongodb://user:{SECRET}/2@localhost", f"mongodb://user:{SECRET}:2@localhost"),
        "mongodb://localhost/?tls=true&tlsCAFile=/not/there",
    ],
    "MONGO_DATABASE": ["Tickets", "a.b", "a$b", "a b", "a" * 39],
    "MONGO_DRIVER": ["mongo", "MOTOR"],
    "NATS_URL": [
        "localhost",
        "nats://",
        "http://localhost",
        "nats://localhost:99999",
        f"nats://user:{SECRET}/2@localhost",
        f"nats://user:{SECRET}@a,user:{SECRET}@b",
        f"nats://user:{SECRET}@a,nats://b",
    ],
    "LOG_LEVEL": ["loud", "INFO"],
    "LOG_FORMAT": ["xml"],
    "TOKEN_PUBLIC_KEY": [*BAD_PUBLIC_KEYS.values()],
    "TOKEN_PRIVATE_KEY": [*BAD_PRIVATE_KEYS.values()],
    "ORDER_WINDOW_SECONDS": ["0", "-5", "86401", "soon"],
    "HOLD_EXTENSIONS": ["-1", "21", "often"],
    "STRIPE_API_BASE": ["localhost:8420"],
}


def complete_environment(service: ServiceUnderTest) -> dict[str, str]:
    environment = environment_of(
        service.spec, mongo_url=f"mongodb://user:{SECRET}@db.example", nats_url=f"nats://user:{SECRET}@nats", keys=KEYS
    )
    return {"PORT": "8081", **environment}


def known_variables(service: ServiceUnderTest) -> set[str]:
    return {name.upper() for name in service.spec.settings.model_fields}


Start = Callable[[ServiceUnderTest, Mapping[str, str]], list[str]]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Start:
    """Load the settings from an environment, and return the lines that were written when this ended the process."""

    def load(service: ServiceUnderTest, environment: Mapping[str, str]) -> list[str]:
        for name in known_variables(service):
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as stopped:
            load_settings(service.spec.settings)
        assert stopped.value.code == 2
        written = capsys.readouterr()
        assert written.out == ""
        assert SECRET not in written.err
        assert "PRIVATE KEY" not in written.err
        return written.err.splitlines()

    return load


def test_an_invalid_variable_ends_the_start_with_a_line_that_names_it(service: ServiceUnderTest, start: Start) -> None:
    for name in known_variables(service) & BAD.keys():
        for value in BAD[name]:
            (line,) = start(service, complete_environment(service) | {name: value})
            assert line.startswith(f"{name}: "), f"{value}: {line}"
            assert len(line) < 150, "one line, to be read by a person"
            assert re.match(r"[A-Z_]+: must ", line), "in our words, not in pydantic's"


def test_each_missing_variable_has_a_line_of_its_own(service: ServiceUnderTest, start: Start) -> None:
    expected = {f"{name}: is required" for name in complete_environment(service) if name != "MONGO_DRIVER"}
    assert set(start(service, {})) == expected
    empty = dict.fromkeys(complete_environment(service), "")
    assert set(start(service, empty)) == expected, "an empty variable is a missing one"


def test_with_the_required_variables_the_others_have_their_defaults(
    service: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in known_variables(service):
        monkeypatch.delenv(name, raising=False)
    for name, value in complete_environment(service).items():
        monkeypatch.setenv(name, value)
    settings = load_settings(service.spec.settings)
    assert settings.port == 8081
    assert (settings.host, settings.mongo_driver) == ("127.0.0.1", "motor")
    assert settings.mongo_database == service.spec.name
    assert (settings.log_level, settings.log_format) == ("info", "json")
    for name in ("token_private_key", "stripe_key"):
        assert not isinstance(getattr(settings, name, None), str), f"{name} would show in a repr"


@pytest.mark.parametrize(
    "url",
    [
        "mongodb://localhost",
        f"mongodb://user:{SECRET}@a.example:27017,b.example:27017/?replicaSet=rs0&w=majority",
        "mongodb://user:a%2Fb%40c@localhost",
        "mongodb+srv://cluster.example.com",
    ],
)
def test_the_usual_addresses_of_mongodb_are_accepted(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    service = SERVICES[0]
    for name, value in (complete_environment(service) | {"MONGO_URL": url}).items():
        monkeypatch.setenv(name, value)
    assert load_settings(service.spec.settings).mongo_url == url


@pytest.mark.slow
async def test_a_process_with_invalid_settings_exits_with_status_2() -> None:
    async with asyncio.timeout(50):
        await asyncio.gather(*map(ends_with_status_2, SERVICES))


async def ends_with_status_2(service: ServiceUnderTest) -> None:
    known = known_variables(service)
    inherited = {name: value for name, value in os.environ.items() if name not in known}
    bad = complete_environment(service) | {"PORT": "http", "NATS_URL": f"http://user:{SECRET}@nats"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", service.spec.name),
        env=inherited | bad,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 2, f"{service}: {err!r}"
    assert out == b"", service
    assert [line.partition(":")[0] for line in err.decode().splitlines()] == ["PORT", "NATS_URL"], service
    assert SECRET not in err.decode(), service
