"""Each of the services is deployed, reached, probed and told its settings."""

import re

import pytest
from kubernetes.applications import VALUES, create, serves
from kubernetes.rendering import RENDERED, Object, Objects, container_of, environment_of, ports_of, render

from common.http.server import DRAIN_SECONDS
from marketplace import registry
from marketplace.registry import SERVICE_NAMES

_OF_UVICORN = {"FORWARDED_ALLOW_IPS"}


@pytest.fixture(params=SERVICE_NAMES)
def service(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def pod(overlay: Objects, service: str) -> Object:
    template: Object = overlay.one("Deployment", service)["spec"]["template"]
    return template


def test_no_service_is_forgotten_and_none_is_deployed_that_does_not_exist(overlay: Objects) -> None:
    assert {each["metadata"]["name"] for each in overlay.of("Deployment")} == set(SERVICE_NAMES)


def test_its_variables_are_fields_of_its_settings_and_none_that_it_needs_is_missing(pod: Object, service: str) -> None:
    fields = registry.service(service).settings.model_fields
    given = environment_of(pod).keys() - _OF_UVICORN
    assert given <= {name.upper() for name in fields}, "a variable that nobody reads: is it misspelt?"
    assert {name.upper() for name, field in fields.items() if field.is_required()} <= given


@pytest.mark.parametrize(("where", "shown"), [("kind", "on"), ("production", None)])
def test_the_page_with_the_platform_is_shown_only_in_kind(where: str, shown: str | None) -> None:
    pod = render(RENDERED[where]).one("Deployment", "storefront")["spec"]["template"]
    assert environment_of(pod).get("LIVE_PAGE", {}).get("value") == shown


def test_it_listens_where_its_probes_and_its_service_look(overlay: Objects, pod: Object, service: str) -> None:
    container, settings = container_of(pod), environment_of(pod)
    assert settings["HOST"]["value"] == "0.0.0.0"  # noqa: S104 - inside its pod
    ports = ports_of([container])
    assert ports == {"http": int(settings["PORT"]["value"])}
    (port,) = overlay.one("Service", service)["spec"]["ports"]
    assert ports[port["targetPort"]] == port["port"]
    for probe in _probes(container).values():
        assert probe["httpGet"]["port"] in ports


def test_its_service_selects_its_pods_and_no_others(overlay: Objects, service: str) -> None:
    selector = overlay.one("Service", service)["spec"]["selector"].items()
    selected = [name for name, pod in overlay.pods() if selector <= pod["metadata"]["labels"].items()]
    assert selected == [f"Deployment {service}"]


async def test_it_has_every_probe_on_a_path_that_its_application_has(
    pod: Object, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {name: each.get("value") or VALUES[name] for name, each in environment_of(pod).items()}
    app = create(service, given, monkeypatch)
    probes = _probes(container_of(pod))
    assert probes.keys() == {"startupProbe", "livenessProbe", "readinessProbe"}
    for name, probe in probes.items():
        assert await serves(app, probe["httpGet"]["path"]), name
    assert probes["readinessProbe"]["httpGet"]["path"] == "/healthz/ready"
    assert probes["livenessProbe"]["httpGet"]["path"] == "/healthz/live", "a restart does not bring a MongoDB back"


def test_its_image_is_the_latest_of_its_own(pod: Object, service: str) -> None:
    assert re.fullmatch(rf"(.+/)?ticket-marketplace/{service}:latest", container_of(pod)["image"])


def test_it_has_its_own_database_and_its_own_user_of_the_broker(overlay: Objects, pod: Object, service: str) -> None:
    environment = environment_of(pod)
    assert environment["MONGO_URL"]["valueFrom"]["secretKeyRef"] == {"name": f"{service}-mongodb", "key": "url"}
    assert environment["NATS_URL"]["valueFrom"]["secretKeyRef"] == {"name": f"{service}-nats", "key": "url"}
    assert overlay.one("Service", f"{service}-mongodb")


def test_only_auth_can_sign_tokens(overlay: Objects) -> None:
    signing = [name for name, pod in overlay.pods() if "private-key" in str(pod)]
    assert signing == ["Deployment auth"]


def test_it_has_time_to_stop_before_it_is_killed(pod: Object) -> None:
    pause = container_of(pod)["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pause >= 3, "the nodes hear of it late that a pod takes no new connections"
    assert pod["spec"]["terminationGracePeriodSeconds"] >= pause + 10 + DRAIN_SECONDS


def _probes(container: Object) -> dict[str, Object]:
    return {name: probe for name, probe in container.items() if name.endswith("Probe")}
