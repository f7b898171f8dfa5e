"""Every path of the Ingress leads to the service that serves it, and the laptop's gateway has the same."""

import pytest
import yaml
from kubernetes.applications import VALUES, create, serves
from kubernetes.rendering import MANIFESTS, Objects

from marketplace.gateway import ROUTES, Route

_FILE = MANIFESTS / "components" / "gateway-api" / "gateway.yaml"


def _of_ingress(overlay: Objects) -> list[Route]:
    (rule,) = overlay.one("Ingress", "marketplace")["spec"]["rules"]
    return [
        Route(each["path"], each["backend"]["service"]["name"], exact=each["pathType"] == "Exact")
        for each in rule["http"]["paths"]
    ]


def test_the_ingress_and_the_laptops_gateway_have_the_same_routes(overlay: Objects) -> None:
    assert sorted(_of_ingress(overlay)) == sorted(ROUTES)


def test_the_gateway_api_has_the_same_routes() -> None:
    (route,) = (each for each in yaml.safe_load_all(_FILE.read_text()) if each["kind"] == "HTTPRoute")
    found = []
    for rule in route["spec"]["rules"]:
        ((match,), (backend,)) = rule["matches"], rule["backendRefs"]
        assert backend["port"] == 8000
        found.append(Route(match["path"]["value"], backend["name"], exact=match["path"]["type"] == "Exact"))
    assert sorted(found) == sorted(ROUTES)


def test_every_path_leads_to_a_port_of_a_service_that_is_there(overlay: Objects) -> None:
    (rule,) = overlay.one("Ingress", "marketplace")["spec"]["rules"]
    for each in rule["http"]["paths"]:
        backend = each["backend"]["service"]
        ports = overlay.one("Service", backend["name"])["spec"]["ports"]
        assert backend["port"]["name"] in {port["name"] for port in ports}, each["path"]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
async def test_every_route_leads_to_a_service_that_serves_its_path(
    route: Route, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create(route.service, {**VALUES, "PORT": "8000"}, monkeypatch)
    below = [path for path in (*app.openapi()["paths"], app.openapi_url or "") if path.startswith(f"{route.path}/")]
    candidates = [route.path, *([] if route.exact else below)]
    assert any([await serves(app, path) for path in candidates])
