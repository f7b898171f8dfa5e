from pathlib import Path
from typing import get_args

import pytest

from common.runtime.logging import LogFormat, LogLevel
from common.storage.mongo import MongoDriver
from marketplace.errors import BadSettings
from marketplace.ports import port_of, port_of_another_instance
from marketplace.registry import SERVICE_NAMES
from marketplace.settings import PlatformSettings


def refusal(monkeypatch: pytest.MonkeyPatch, **variables: str) -> str:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(BadSettings) as refused:
        PlatformSettings.from_environment()
    return str(refused.value)


def test_all_ports_follow_from_the_one_of_the_gateway() -> None:
    settings = PlatformSettings(gateway_port=8080)
    servers = {"gateway": 8080, "nats": 8086, "mongod": 8087, "nats monitor": 8088}
    assert {name: port_of(name, settings.gateway_port) for name in servers} == servers
    ports = [port_of(name, settings.gateway_port) for name in SERVICE_NAMES]
    assert ports == sorted({*range(8081, 8100)} - {*servers.values()})[: len(SERVICE_NAMES)]
    assert port_of_another_instance(0, settings.gateway_port) == 8100


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GATEWAY_PORT", "DATA_DIR", "MONGO_URL", "STRIPE_KEY", "LOG_LEVEL"):
        monkeypatch.setenv(name, "")
    settings = PlatformSettings.from_environment()
    assert settings.gateway_port == 8080
    assert settings.data_dir == Path.cwd() / ".data"
    assert settings.mongo_url is None
    assert settings.stripe_key is None


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("GATEWAY_PORT", "80", "a port from 1024 to 65000"),
        ("GATEWAY_PORT", "65001", "a port from 1024 to 65000"),
        ("GATEWAY_PORT", "http", "a port from 1024 to 65000"),
        ("GATEWAY_PORT", "8080.0", "a port from 1024 to 65000"),
        ("ORDER_WINDOW_SECONDS", "1.0", "a whole number from 1 to 86400"),
        ("ORDER_WINDOW_SECONDS", "0", "a whole number from 1 to 86400"),
        ("LIVE_PAGE", "yes", "on or off"),
        ("ORDER_WINDOW_SECONDS", "1.5", "a whole number from 1 to 86400"),
        ("HOLD_EXTENSIONS", "21", "a whole number from 0 to 20"),
        ("HOLD_EXTENSIONS", "-1", "a whole number from 0 to 20"),
        ("MONGO_DRIVER", "mysql", "motor or pymongo"),
        ("LOG_LEVEL", "loud", "debug, info, warning or error"),
        ("DATA_DIR", __file__, "a folder, or a path where one can be created"),
    ],
)
def test_an_error_names_the_variable_its_value_and_the_allowed_values(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, allowed: str
) -> None:
    assert refusal(monkeypatch, **{name: value}) == f"{name}: '{value}' is not allowed; it must be {allowed}."


@pytest.mark.parametrize("name", ["MONGO_URL", "NATS_URL"])
@pytest.mark.parametrize(
    "value",
    ["https://user:hunter2@host", "nats://user:hunter2@:1", "mongodb://user:hunter2@h:x", "nats://u:hunter2@a,b:1"],
)
def test_an_address_that_is_refused_is_not_repeated_with_its_password(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    line = refusal(monkeypatch, **{name: value})
    assert line.startswith(f"{name}: its value is not allowed")
    assert "hunter2" not in line


def test_every_bad_variable_gets_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = refusal(monkeypatch, GATEWAY_PORT="x", LOG_LEVEL="x").splitlines()
    assert [line.partition(":")[0] for line in lines] == ["GATEWAY_PORT", "LOG_LEVEL"]


@pytest.mark.parametrize("given", [{"STRIPE_KEY": "sk_test_1"}, {"STRIPE_PUBLISHABLE_KEY": "pk_test_1"}])
def test_one_key_of_stripe_without_the_other_is_refused(monkeypatch: pytest.MonkeyPatch, given: dict[str, str]) -> None:
    """Otherwise the shop would show test cards, and say that no money moves, while Stripe charges cards."""
    assert refusal(monkeypatch, **given).startswith("STRIPE_KEY and STRIPE_PUBLISHABLE_KEY belong together")


def test_the_choices_are_those_of_the_services() -> None:
    for field, choices in (("mongo_driver", MongoDriver), ("log_level", LogLevel), ("log_format", LogFormat)):
        assert get_args(PlatformSettings.model_fields[field].annotation) == get_args(choices)
