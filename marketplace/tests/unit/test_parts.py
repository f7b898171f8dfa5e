import dataclasses
from pathlib import Path

import pytest

from common.runtime.settings import ServiceSettings
from marketplace.keys import TokenKeys
from marketplace.parts import make_parts
from marketplace.registry import service
from marketplace.service_process import ServiceProcess, variables_for
from marketplace.settings import PlatformSettings
from storefront.settings import StorefrontSettings

KEYS = TokenKeys(private="the private key", public="the public key")


def services(settings: PlatformSettings, **instances: int) -> dict[str, ServiceProcess]:
    return {service.name: service for service in make_parts(settings, instances, KEYS).services}


def test_more_instances_take_ports_from_twenty_above_the_gateway(tmp_path: Path) -> None:
    parts = make_parts(PlatformSettings(gateway_port=8080, data_dir=tmp_path), {"auth": 2, "orders": 3}, KEYS)
    extra = {service.name: service.port for service in parts.services if service.port >= 8100}
    assert extra == {"auth-2": 8100, "orders-2": 8101, "orders-3": 8102}
    assert parts.gateway.ports_of["orders"] == [8083, 8101, 8102]


def test_all_instances_of_a_service_share_its_database(tmp_path: Path) -> None:
    made = services(PlatformSettings(data_dir=tmp_path), orders=2)
    assert (
        made["orders"].environment()["MONGO_DATABASE"] == made["orders-2"].environment()["MONGO_DATABASE"] == "orders"
    )


def test_a_service_does_not_get_the_secrets_of_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owners = {"STRIPE_KEY": "payments", "STRIPE_PUBLISHABLE_KEY": "storefront", "TOKEN_PRIVATE_KEY": "auth"}
    monkeypatch.setenv("STRIPE_KEY", "sk_live")
    monkeypatch.setenv("STRIPE_PUBLISHABLE_KEY", "pk_live")
    monkeypatch.setenv("TOKEN_PRIVATE_KEY", "of somebody else")
    made = services(PlatformSettings(data_dir=tmp_path))
    for key, owner in owners.items():
        assert [name for name, service in made.items() if key in service.environment()] == [owner]
    assert made["auth"].environment()["TOKEN_PRIVATE_KEY"] == "the private key"
    assert "TOKEN_PUBLIC_KEY" not in made["expiration"].environment()


def test_make_run_shows_the_live_page_unless_its_user_says_off(tmp_path: Path) -> None:
    said = {"unset": PlatformSettings(data_dir=tmp_path), "off": PlatformSettings(data_dir=tmp_path, live_page="off")}
    told = {name: services(settings)["storefront"].environment()["LIVE_PAGE"] for name, settings in said.items()}
    assert told == {"unset": "on", "off": "off"}
    assert StorefrontSettings.model_fields["live_page"].default is False, "it is off wherever nobody switches it on"


def test_a_setting_that_the_platform_does_not_know_reaches_only_its_service(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Polite(ServiceSettings):
        greeting: str = "hello"

    monkeypatch.setenv("GREETING", "good morning")
    both = (dataclasses.replace(service("tickets"), settings=Polite), service("orders"))
    told = [variables_for(each, {"MONGO_URL": "mongodb://far"}, both) for each in both]
    assert [each.get("GREETING") for each in told] == ["good morning", None]
    assert [each["MONGO_URL"] for each in told] == ["mongodb://far"] * 2


def test_servers_that_run_elsewhere_are_used_and_not_started(tmp_path: Path) -> None:
    elsewhere = PlatformSettings(data_dir=tmp_path, mongo_url="mongodb://far", nats_url="nats://away")
    parts = make_parts(elsewhere, {}, KEYS)
    assert parts.stores == []
    assert parts.services[0].environment()["MONGO_URL"] == "mongodb://far"
    assert parts.services[0].environment()["NATS_URL"] == "nats://away"
